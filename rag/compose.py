"""Judged items -> statements in the reader's words, and their rendering with numbered citations.

A statement repeats the article's own words: a list item or a short answer stands as it was found, everything else as
the whole sentence. Nothing is put into words that the cited sentence does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rag.answer import Item, one_line
from rag.names import same_name
from rag.question import Kind, Question
from rag.recency import ages, earlier
from rag.types import Citation, Disagreement, Hit, Statement, Verdict
from rag.words import words

_SHORT = frozenset({Kind.PERSON, Kind.NAME, Kind.TIME, Kind.PLACE, Kind.NUMBER})

_NOT_FOUND = {
    "de": "Das steht nicht in diesen Artikeln.",
    "en": "Not in these articles.",
    "fr": "Ces articles ne le disent pas.",
    "es": "Estos artículos no lo dicen.",
    "it": "Questi articoli non lo dicono.",
    "tr": "Bu makalelerde bu yok.",
    "ru": "В этих статьях этого нет.",
}
_MISSING = {
    "de": "Dazu steht nichts in diesen Artikeln: {}",
    "en": "These articles say nothing about: {}",
    "fr": "Ces articles ne disent rien sur : {}",
    "es": "Estos artículos no dicen nada sobre: {}",
    "it": "Questi articoli non dicono nulla su: {}",
    "tr": "Bu makalelerde şunun hakkında bir şey yok: {}",
    "ru": "В этих статьях ничего нет о: {}",
}
_SAYS = {
    "de": "Im Artikel steht: {}",
    "en": "The article says: {}",
    "fr": "L'article dit : {}",
    "es": "El artículo dice: {}",
    "it": "L'articolo dice: {}",
    "tr": "Makalede şöyle yazıyor: {}",
    "ru": "В статье сказано: {}",
}


_DIFFER = {
    "de": "Die Quellen sagen Verschiedenes",
    "en": "The sources differ",
    "fr": "Les sources divergent",
    "es": "Las fuentes difieren",
    "it": "Le fonti divergono",
    "tr": "Kaynaklar farklı söylüyor",
    "ru": "Источники расходятся",
}
_EARLIER = {
    "de": "früher",
    "en": "earlier",
    "fr": "avant",
    "es": "antes",
    "it": "prima",
    "tr": "daha önce",
    "ru": "ранее",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """An item with the verifier's support for it, 0..1."""

    item: Item
    support: float


def not_found(language: str) -> str:
    """What a reader is told when the articles do not answer."""
    return _NOT_FOUND.get(language, _NOT_FOUND["en"])


def missing(part: str, language: str) -> str:
    """What a reader is told about a part of the question that the articles do not answer."""
    return _MISSING.get(language, _MISSING["en"]).format(part)


def quoted(text: str, language: str) -> str:
    """The article's own words with a lead-in in the reader's language."""
    return _lead_in(language).format(marked(text, language))


def _lead_in(language: str) -> str:
    return _SAYS.get(language, _SAYS["en"])


def marked(text: str, language: str) -> str:
    """The text in the quotation marks of a language."""
    return f"„{text}“" if language == "de" else f"“{text}”"


def says(group: Sequence[Judged], one: Judged, kind: Kind) -> bool:
    """Whether a statement made of `group` says the item already: the same name spelled otherwise, the same sentence.

    Where the question asks for single words, the items of one sentence are statements of their own.
    """
    first, other = group[0].item, one.item
    if is_short(kind) and not (_is_whole(first) or _is_whole(other)):
        return same_name(words(first.text, first.hit.language), words(other.text, other.hit.language))
    return any(_same_place(member.item.hit, other.hit) for member in group)


def _is_whole(item: Item) -> bool:
    return item.text == item.hit.text


def _same_place(one: Hit, other: Hit) -> bool:
    return (one.article_id, one.start) == (other.article_id, other.start)


def is_short(kind: Kind) -> bool:
    """Whether a few words answer this kind of question."""
    return kind in _SHORT


def words_of(group: Sequence[Judged], kind: Kind) -> str:
    """The article's words that a group of items states: the fullest spelling, or the sentence."""
    if is_short(kind):
        return one_line(max((one.item.text for one in group), key=len))
    return one_line(group[0].item.hit.text)


def statement(group: Sequence[Judged], text: str) -> Statement:
    """The statement `text` with a citation for every sentence of the group."""
    cited: dict[tuple[str, int], Hit] = {}
    for one in group:
        cited.setdefault((one.item.hit.article_id, one.item.hit.start), one.item.hit)
    return Statement(
        text=text,
        citations=tuple(citation(hit) for hit in cited.values()),
        verdict=Verdict.SUPPORTED,
        support=max(one.support for one in group),
    )


def citation(hit: Hit) -> Citation:
    """The whole sentence or passage as a quote."""
    return Citation(
        article_id=hit.article_id,
        revision=hit.revision,
        start=hit.start,
        end=hit.end,
        quote=hit.text,
        title=hit.title,
        source=hit.source,
        url=hit.url,
        published=hit.published,
    )


def numbered(statements: Sequence[Statement]) -> tuple[tuple[Statement, ...], tuple[Citation, ...]]:
    """The statements with numbered citations, and all citations in the order of their numbers from 1."""
    numbers: dict[tuple[str, str, int, int], Citation] = {}
    marked = []
    for one in statements:
        own = []
        for cited in one.citations:
            key = _place(cited)
            if key not in numbers:
                numbers[key] = cited.model_copy(update={"number": len(numbers) + 1})
            own.append(numbers[key])
        marked.append(one.model_copy(update={"citations": tuple(own)}))
    return tuple(marked), tuple(numbers.values())


def _place(cited: Citation) -> tuple[str, str, int, int]:
    return cited.article_id, cited.revision, cited.start, cited.end


def with_numbers(
    found: Sequence[Disagreement], citations: Sequence[Citation]
) -> tuple[tuple[Disagreement, ...], tuple[Citation, ...]]:
    """The disagreements with numbered citations, and all citations: those of the statements first."""
    numbers = {_place(one): one for one in citations}
    told = []
    for one in found:
        sides = []
        for side in one.sides:
            for cited in side.citations:
                key = _place(cited)
                numbers.setdefault(key, cited.model_copy(update={"number": len(numbers) + 1}))
            own = tuple(numbers[_place(cited)] for cited in side.citations)
            sides.append(side.model_copy(update={"citations": own}))
        told.append(one.model_copy(update={"sides": tuple(sides)}))
    return tuple(told), tuple(numbers.values())


def contrast(found: Disagreement, language: str, question: Question) -> str:
    """A line that sets the sides of a disagreement beside each other, each with date and marks.

    They stand newest first; what held before the first one, as far as the question asks for that, is named as earlier.
    """
    first, *_ = times = ages(question, found.sides)
    sides = []
    for side, time in zip(found.sides, times, strict=True):
        is_older = first is not None and time is not None and time.date() < first.date()
        earlier = f"{_EARLIER.get(language, _EARLIER['en'])} " if is_older else ""
        day = f" ({side.newest:%Y-%m-%d})" if side.newest else ""
        marks = "".join(f" [{cited.number}]" for cited in side.citations)
        sides.append(f"{earlier}{marked(side.value, language)}{day}{marks}")
    return f"{_DIFFER.get(language, _DIFFER['en'])}: {' – '.join(sides)}"


def render(statements: Sequence[Statement], language: str = "", question: Question | None = None) -> str:
    """Numbered statements as text: one as a sentence, several as a list, each with its marks.

    What sources differ on is told as the words of an article, never as a fact. Where `question` asks for what holds
    now, what was reported much earlier than the rest is named as earlier, with its day.
    """
    days = earlier(question, statements) if question else [None] * len(statements)
    lines = [
        _dated(_said(one, language), day, language) + "".join(f" [{cited.number}]" for cited in one.citations)
        for one, day in zip(statements, days, strict=True)
    ]
    return lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines)


def _dated(text: str, day: date | None, language: str) -> str:
    return f"{_EARLIER.get(language, _EARLIER['en'])} ({day}): {text}" if day else text


def _said(statement: Statement, language: str) -> str:
    is_quoted = statement.text.startswith(_lead_in(language).partition("{")[0])
    if statement.verdict is not Verdict.DISPUTED or is_quoted:
        return statement.text
    return quoted(statement.text, language)
