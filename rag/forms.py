"""Articles -> a timeline or who said what; and the words a summary is rendered in.

In: articles, newest first. Out: statements with what their form adds: date, or speaker and words. Every statement is a
sentence of an article, or speaker and words as they stand there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rag import compose, notes
from rag.accounts import Account
from rag.answer import one_line
from rag.notes import Notes
from rag.speech import Said, who_said_what
from rag.summarise import Length, Told, Units, citation, proven_by, sentences_of, weightiest
from rag.timeline import When, dated
from rag.types import (
    Article,
    Citation,
    Dated,
    Dispute,
    Encoder,
    Form,
    Progress,
    Speech,
    Statement,
    Summary,
    Verdict,
)

_CONTEXT = 2  # sentences before a dated one that may come with it, where only they tell who or what is meant
_FRAGMENT = 4  # a quotation of so few words is part of the article's own sentence
_MAX_AROUND = 300  # characters of that sentence
_KEPT = 5_000  # dates or speeches that are held at a time; of more, those of the newest articles
_SOURCE = re.compile(
    r"\b(?:laut|gemäß|nach|according\s+to|Angaben?|Einschätzung|Auffassung|Meinung|Ansicht|Aussagen?|Auskunft|Informationen|"
    r"Berichten?|Darstellung|Worten)\s+(?:von\s+|the\s+)?$",
    re.IGNORECASE,
)
_ZUFOLGE = re.compile(r"\s+zufolge\b")
_CLAUSE = re.compile(
    r"(?:dass|daß|ob|wie|was|wer|wo|wann|warum|weshalb|that|whether|how|why|what|when|where|who)\b"
)
_UNREAD = {
    "de": "Nicht mehr gelesen: {} von {} Artikeln.",
    "en": "Not read any more: {} of {} articles.",
    "fr": "Articles non lus : {} sur {}.",
    "es": "Artículos sin leer: {} de {}.",
    "it": "Articoli non letti: {} su {}.",
    "tr": "Okunmayan makale: {} / {}.",
    "ru": "Не прочитано статей: {} из {}.",
}
_COVERED = {
    "de": "gibt {} % der Vorlage wieder",
    "en": "covers {} % of the source",
    "fr": "reprend {} % du texte d'origine",
    "es": "recoge el {} % del original",
    "it": "riporta il {} % del testo di partenza",
    "tr": "kaynağın % {} kadarını aktarıyor",
    "ru": "передаёт {} % исходного текста",
}
_NO_ARTICLE = {
    "de": "Kein Artikel passt zu dieser Auswahl.",
    "en": "No article matches this choice.",
    "fr": "Aucun article ne correspond à ce choix.",
    "es": "Ningún artículo corresponde a esta selección.",
    "it": "Nessun articolo corrisponde a questa scelta.",
    "tr": "Bu seçime uyan makale yok.",
    "ru": "Ни одна статья не подходит к этому выбору.",
}
_UNTOLD = {
    "de": "Nicht mehr ausgegeben: {} Sätze.",
    "en": "Not told any more: {} sentences.",
    "fr": "Phrases omises : {}.",
    "es": "Frases omitidas: {}.",
    "it": "Frasi omesse: {}.",
    "tr": "Verilmeyen cümle: {}.",
    "ru": "Опущено предложений: {}.",
}
_LONGER = {
    "de": "Länger als verlangt: {} statt höchstens {} Wörter; kürzer ist kein Satz, der allein stehen kann.",
    "en": "Longer than asked: {} words, not {} at most; no sentence that can stand alone is shorter.",
    "fr": "Plus long que demandé : {} mots au lieu de {} ; aucune phrase autonome n'est plus courte.",
    "es": "Más largo de lo pedido: {} palabras en vez de {}; ninguna frase autónoma es más corta.",
    "it": "Più lungo del richiesto: {} parole invece di {}; nessuna frase autonoma è più breve.",
    "tr": "İstenenden uzun: en çok {1} yerine {0} sözcük; tek başına durabilen daha kısa bir cümle yok.",
    "ru": "Длиннее, чем просили: {} слов вместо {}; более короткого самостоятельного предложения нет.",
}
_TRANSLATED = {
    "de": "Länger als verlangt: {} statt höchstens {} Wörter, weil die Sätze in dieser Sprache länger sind.",
    "en": "Longer than asked: {} words, not {} at most, as the sentences are longer in this language.",
    "fr": "Plus long que demandé : {} mots au lieu de {}, car les phrases sont plus longues dans cette langue.",
    "es": "Más largo de lo pedido: {} palabras en vez de {}, pues las frases son más largas en este idioma.",
    "it": "Più lungo del richiesto: {} parole invece di {}, perché le frasi sono più lunghe in questa lingua.",
    "tr": "İstenenden uzun: en çok {1} yerine {0} sözcük, çünkü cümleler bu dilde daha uzun.",
    "ru": "Длиннее, чем просили: {} слов вместо {}, так как на этом языке предложения длиннее.",
}
_DIFFER = {
    "de": "Darin unterscheiden sich die Artikel:",
    "en": "The articles differ:",
    "fr": "Les articles divergent :",
    "es": "Los artículos difieren:",
    "it": "Gli articoli discordano:",
    "tr": "Makaleler ayrılıyor:",
    "ru": "Статьи расходятся:",
}
_UNSETTLED = {
    "de": "Offen oder umstritten:",
    "en": "Open or disputed:",
    "fr": "En suspens ou contesté :",
    "es": "Pendiente o discutido:",
    "it": "In sospeso o controverso:",
    "tr": "Açık ya da tartışmalı:",
    "ru": "Не решено или спорно:",
}


def unread(count: int, total: int, language: str) -> str:
    """What a reader is told about articles that time did not suffice for."""
    return _UNREAD.get(language, _UNREAD["en"]).format(count, total)


def covered(share: float, language: str) -> str:
    """What a reader is told about the share (0..1) of its source that a summary holds."""
    return _COVERED.get(language, _COVERED["en"]).format(round(100 * share))


def no_article(language: str) -> str:
    """What a reader is told where no article passes what was asked for."""
    return _NO_ARTICLE.get(language, _NO_ARTICLE["en"])


def untold(count: int, language: str) -> str:
    """What a reader is told about sentences that time did not suffice for."""
    return _UNTOLD.get(language, _UNTOLD["en"]).format(count)


def longer(told: Sequence[Statement], chosen: Sequence[Statement], words: int, language: str) -> str:
    """What a reader is told about statements that have more words than asked for; empty if they have not.

    `chosen` are the same statements in their articles' language: they keep the length where any sentence does.
    """
    count, own = (sum(len(one.text.split()) for one in some) for some in (told, chosen))
    if not words or count <= words:
        return ""
    reasons = _LONGER if own > words else _TRANSLATED
    return reasons.get(language, reasons["en"]).format(count, words)


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of a timeline or of who said what."""

    statement: Statement
    when: When | None = None
    said: Said | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """What was chosen, in the order of its form; `covered` and `unread` as in `rag.summarise.Selection`."""

    entries: tuple[Entry, ...]
    covered: float
    unread: int


@dataclass(frozen=True, slots=True)
class _Found:
    told: Told
    when: When | None = None
    said: Said | None = None
    words: str = ""
    named: Citation | None = None  # where the speaker is named, if that is another sentence


def entries(
    articles: Iterable[Article],
    form: Form,
    encoder: Encoder,
    length: Length,
    *,
    focus: str = "",
    total: int = 0,
    kept: Notes | None = None,
    progress: Progress | None = None,
    until: float | None = None,
) -> Entries:
    """The weightiest dated sentences in the order of their dates, or the weightiest speeches, newest article first.

    Args:
        articles: with text and sentences, newest first.
        form: TIMELINE or WHO_SAID_WHAT.
        encoder: for the focus.
        length: how much to choose.
        focus: what the statements should be near to.
        total: how many articles there are, if known.
        kept: where what was read of articles is kept for the next summary.
        progress: told of every article that is read.
        until: moment (`time.monotonic`) at which no further article is read.
    """
    found: list[_Found] = []
    units, left = Units(), 0
    for n, article in enumerate(articles):
        if until is not None and n and time.monotonic() > until:
            left += 1
            continue
        if progress is not None:
            progress(n, total, "Reading articles")
        counts, picked = _read(article, form, kept, n)
        units.counts.update(counts)
        found += picked[: _KEPT - len(found)]
    once = _once(found)
    chosen = [once[n] for n in weightiest([one.told for one in once], units, length, encoder, focus)]
    chosen.sort(key=_by_date if form is Form.TIMELINE else _by_place)
    told = [one.told for one in found]
    return Entries(
        tuple(_entry(one, told) for one in chosen), units.covered(one.told.account for one in chosen), left
    )


def _read(
    article: Article, form: Form, kept: Notes | None, newest: int
) -> tuple[Mapping[str, int], list[_Found]]:
    """The content units of an article, and its dates or speeches; from what is kept of it, if that is true still."""
    kind = notes.DATES if form is Form.TIMELINE else notes.SPEECHES
    known = notes.kept(article, kind, kept)
    if known is not None:
        head = known[0]
        return head["units"], [_recalled(article, newest, one) for one in head["found"]]
    told = sentences_of(article, newest)
    units = Units()
    units.add(told)
    found = (_dates_of if form is Form.TIMELINE else _speeches_of)(article, told)
    notes.keep(article, kind, kept, {"units": units.counts, "found": [_noted(one) for one in found]})
    return units.counts, found


def _noted(one: _Found) -> dict[str, Any]:
    """What a note holds of one: places in the text only, so that its words are always the article's own."""
    cited, when, said, named = one.told.citation, one.when, one.said, one.named
    return {
        "place": one.told.place,
        "cited": (cited.start, cited.end),
        "when": when and (when.sentence, when.start, when.end, when.date, when.resolved),
        "said": said and (said.speaker_start, said.speaker_end, said.start, said.end, said.direct),
        "named": named and (named.start, named.end),
    }


def _recalled(article: Article, newest: int, noted: Mapping[str, Any]) -> _Found:
    place, cited = noted["place"], citation(article, *noted["cited"])
    if noted["when"]:
        sentence, start, end, date, resolved = noted["when"]
        when = When(sentence, start, end, one_line(article.text[start:end]), date, resolved)
        return _Found(_told(article, place, cited, one_line(cited.quote), newest), when=when)
    first, last, start, end, direct = noted["said"]
    said = Said(article.text[first:last], first, last, start, end, direct)
    named = citation(article, *noted["named"]) if noted["named"] else None
    return _as_found(article, newest, place, cited, said, named)


def _once(found: Sequence[_Found]) -> list[_Found]:
    """Each telling once: one that an earlier one proves, on the same date or by the same speaker, is left out."""
    kept: list[_Found] = []
    by_key: dict[object, list[_Found]] = {}
    for one in found:
        same = by_key.setdefault(one.when.date if one.when else one.said and one.said.speaker, [])
        if not any(other.told.account.proves(one.told.account) for other in same):
            same.append(one)
            kept.append(one)
    return kept


def _dates_of(article: Article, told: Sequence[Told]) -> list[_Found]:
    by_start = {one.citation.start: one for one in told}
    starts = {sentence.n: sentence.start for sentence in article.sentences}
    found = [
        _Found(_with_context(article, told, by_start[starts[when.sentence]]), when=when)
        for when in dated(article)
    ]
    return [one for one in found if one.told.is_telling]


def _with_context(article: Article, told: Sequence[Told], one: Told) -> Told:
    """A sentence with those before it that tell who or what it means; alone where it stands so or they are far."""
    first = one.place
    while first and not told[first].stands_alone and one.place - first < _CONTEXT:
        first -= 1
    start, end = told[first].citation.start, one.citation.end
    if any(sentence.heading and start < sentence.start < end for sentence in article.sentences):
        return one
    cited = citation(article, start, end)
    whole = _told(article, one.place, cited, one_line(cited.quote), one.newest)
    return whole if whole.is_telling else one


def _told(article: Article, place: int, cited: Citation, text: str, newest: int) -> Told:
    return Told(cited, article.language, place, text, Account(text, article.language), newest)


def _speeches_of(article: Article, told: Sequence[Told]) -> list[_Found]:
    return [_speech(article, told, said) for said in who_said_what(article)]


def _speech(article: Article, told: Sequence[Told], said: Said) -> _Found:
    """Speaker and words as they stand, citing the sentences that hold them."""
    place, cited = _around(article, told, said.start, said.end)
    named = _around(article, told, said.speaker_start, said.speaker_end)[1]
    inside = cited.start <= named.start and named.end <= cited.end
    return _as_found(article, told[0].newest, place, cited, said, None if inside else named)


def _as_found(
    article: Article, newest: int, place: int, cited: Citation, said: Said, named: Citation | None
) -> _Found:
    words = one_line(article.text[said.start : said.end])
    text = _spoken(article, said, words, cited, named is None)
    return _Found(_told(article, place, cited, text, newest), said=said, words=words, named=named)


def _spoken(article: Article, said: Said, words: str, cited: Citation, inside: bool) -> str:
    """Speaker and words; where those do not read by themselves the clause or the sentence that they stand in."""
    speaker = one_line(said.speaker)
    speaker = speaker[:1].upper() + speaker[1:]
    around = one_line(cited.quote)
    if len(around) > _MAX_AROUND or not _needs_sentence(article, said, words, inside):
        return f"{speaker}: " + (compose.marked(words, article.language) if said.direct else words)
    if said.direct and inside and said.speaker_end <= said.start:
        around = one_line(article.text[said.speaker_start : said.end + 1])
        return around[:1].upper() + around[1:]
    return around if inside else f"{speaker}: {around}"


def _needs_sentence(article: Article, said: Said, words: str, inside: bool) -> bool:
    """Whether speaker and words cannot stand alone.

    A few quoted words say nothing without what they are said of; words that open with a verb ("Wie der Rat
    mitteilte, ist …") or in the middle of a clause are no sentence; "laut dem Rat" has the speaker in another case.
    """
    if said.direct:
        return len(words.split()) <= _FRAGMENT
    if inside and _SOURCE.search(article.text, max(0, said.speaker_start - 60), said.speaker_start):
        return True
    if inside and (
        said.start <= said.speaker_start < said.end or _ZUFOLGE.match(article.text, said.speaker_end)
    ):
        return True
    return words[:1].islower() and _CLAUSE.match(words) is None


def _around(article: Article, told: Sequence[Told], start: int, end: int) -> tuple[int, Citation]:
    """The place of the first sentence that a span touches, and all those sentences as one citation."""
    touched = [one for one in told if one.citation.start < end and start < one.citation.end]
    first, last = touched[0], touched[-1]
    return first.place, citation(article, first.citation.start, last.citation.end)


def _by_date(one: _Found) -> tuple[bool, str, int, int]:
    told = one.when.date if one.when else ""
    return not told, told, -one.told.newest, one.told.place


def _by_place(one: _Found) -> tuple[int, int, int]:
    return one.told.newest, one.told.citation.start, one.said.start if one.said else 0


def _entry(one: _Found, told: Sequence[Told]) -> Entry:
    if one.said is None:
        return Entry(proven_by(one.told, told), when=one.when)
    cited = (one.told.citation,) if one.named is None else (one.named, one.told.citation)
    statement = Statement(text=one.told.text, citations=cited, verdict=Verdict.SUPPORTED, support=1.0)
    return Entry(statement, said=one.said, words=one.words)


# --- rendering -----------------------------------------------------------------------------------


def as_dated(entry: Entry, statement: Statement) -> Dated:
    """An entry of a timeline as its noun, with the statement as numbered."""
    if entry.when is None:
        raise ValueError("An entry of a timeline has a date.")
    return Dated(
        statement=statement, date=entry.when.date, words=entry.when.words, resolved=entry.when.resolved
    )


def as_speech(entry: Entry, statement: Statement) -> Speech:
    """An entry of who said what as its noun, with the statement as numbered."""
    if entry.said is None:
        raise ValueError("An entry of who said what has a speaker.")
    said = entry.said
    return Speech(statement=statement, speaker=one_line(said.speaker), words=entry.words, direct=said.direct)


def render(summary: Summary) -> str:
    """The text of a summary: sentences in a row, or lines; then what differs, what is open, what is missing.

    Of several articles each has a paragraph that opens with its day and source, or each line the day of its article.
    """
    if not summary.statements:
        return summary.missing
    told = _paragraphs(summary.statements, summary.language) if summary.form is Form.TEXT else _lines(summary)
    apart = [_differing(summary.disputes, summary.language), _unsettled(summary.unsettled, summary.language)]
    return "\n\n".join(filter(None, [told, *apart, summary.missing]))


def _paragraphs(statements: Sequence[Statement], language: str) -> str:
    told = [(next(own), list(own)) for _, own in groupby(statements, lambda one: one.citations[0].article_id)]
    heads = [_article(first.citations[0], language) if len(told) > 1 else "" for first, _ in told]
    return "\n\n".join(
        head + " ".join(map(_line, [first, *rest])) for head, (first, rest) in zip(heads, told, strict=True)
    )


def _article(cited: Citation, language: str) -> str:
    """The day and source of an article, or else its title, before what it tells."""
    day = cited.published.date().isoformat() if cited.published else ""
    head = ", ".join(filter(None, [day, cited.source])) or (
        cited.title and compose.marked(cited.title, language)
    )
    return f"{head}: " if head else ""


def _lines(summary: Summary) -> str:
    several = len({one.citations[0].article_id for one in summary.statements}) > 1
    lines = [_told_when(one) if several else _line(one) for one in summary.statements]
    if summary.form is Form.TIMELINE:
        lines = [f"{_date(one, summary.language)}: {_line(one.statement)}" for one in summary.timeline]
    return "\n".join(f"- {line}" for line in lines)


def _date(one: Dated, language: str) -> str:
    """The date; with the article's words where it was counted from the article's date or could not be."""
    if not one.date:
        return compose.marked(one.words, language)
    return f"{one.date} ({compose.marked(one.words, language)})" if one.resolved else one.date


def _line(statement: Statement) -> str:
    return statement.text + "".join(f" [{cited.number}]" for cited in statement.citations)


def _differing(disputes: Sequence[Dispute], language: str) -> str:
    if not disputes:
        return ""
    lines = [_DIFFER.get(language, _DIFFER["en"])]
    for one in disputes:
        lines += [f"{'-' if n == 0 else ' '} {_told_when(told)}" for n, told in enumerate(one.statements)]
    return "\n".join(lines)


def _unsettled(statements: Sequence[Statement], language: str) -> str:
    if not statements:
        return ""
    return "\n".join(
        [_UNSETTLED.get(language, _UNSETTLED["en"]), *(f"- {_told_when(one)}" for one in statements)]
    )


def _told_when(statement: Statement) -> str:
    """The line with the day its article is from, so that a reader sees which is newer."""
    published = statement.citations[0].published
    return f"{published.date().isoformat()}: {_line(statement)}" if published else _line(statement)
