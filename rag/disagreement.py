"""Sentences that answer one question -> where their sources differ on a number, a date, a name or a claim.

What is compared is the answer itself. Where words were copied out of the sentences, it is those words; several values
inside one article are a list, and lists of names do not disagree. Where whole sentences answer, or all that was copied
agrees, two things are looked for among the nearest sentences of every article: versions of one sentence in which what
was asked is exchanged (rag.versions), and words that are likely to answer (rag.spot), by which articles take sides
(rag.rivals); what was copied must be one of the sides. Where that finds none, copied numbers and days are compared as
they are. Without an encoder for that, it is the quantity or name that stands nearest to the question's words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rag.align import Aligned
from rag.claims import denies
from rag.compose import Judged, citation
from rag.question import Kind, Question
from rag.reading import ABOUT, Quantity, Reading, Token, read_sentence, spelling
from rag.recency import ages, asks_newest, is_settled
from rag.rivals import opposed, tells_time
from rag.spot import fits, knows, spots
from rag.types import Disagreement, Encoder, Hit, Side, Statement, Verdict
from rag.versions import exchanges
from rag.words import stems_of, words

_ROUGHLY = 0.05  # relative difference of numbers of which one is rounded
_ABOUT_WORDS = 6
_QUOTED = re.compile(r"[\"“”„«»]")  # an exchange that holds one crosses from speech to report

_DisagreementKind = Literal["number", "date", "name", "claim"]
Key = tuple[tuple[str, float | str], ...]  # slots and what stands in them


@dataclass(frozen=True, slots=True)
class _Value:
    """What one sentence answers: `key` to compare, `text` to show."""

    key: Key
    text: str
    hit: Hit
    rough: bool = False


@dataclass(frozen=True, slots=True)
class Nearby:
    """The sentences nearest to a question, whether or not they are shown, and what is known of them.

    Attributes:
        hits: the sentences.
        articles: the stems of their articles, by id.
        read: a text and its language made ready to be matched, by this encoder.
        encoder: what they were found with.
    """

    hits: Sequence[Hit]
    articles: Mapping[str, frozenset[str]]
    read: Callable[[str, str], Aligned]
    encoder: Encoder


def disagreements(
    question: Question, judged: Sequence[Judged], nearby: Nearby | None = None
) -> tuple[Disagreement, ...]:
    """Where articles differ on the answer to `question`; at most one disagreement, none about what is not answered.

    Args:
        question: as read.
        judged: the sentences, or the words in them, that the gate let through.
        nearby: what else stands near; without it only the judged sentences are compared.
    """
    if not judged or len({hit.article_id for hit in _all_hits(judged, nearby)}) < 2:
        return ()
    asked = stems_of(question.text, question.language)
    # Whole sentences are told apart by their nearest ones, where there is an encoder to do it.
    own = [one for one in judged if nearby is None or not _is_whole(one)]
    kind = _KINDS.get(question.kind)
    values = [value for one in own for value in _values(one, question.kind, asked)] if kind else []
    sides = _sides(values)
    copied = kind is not None and len(sides) > 1 and not (kind == "name" and _is_list(values))
    compared = nearby is not None and knows(nearby.encoder)
    if nearby is not None:
        shown = {one.item.hit.article_id for one in judged}
        found = _versions(question, nearby, asked)
        likely = not _is_one_of(values, found)
        if likely:
            found = _spotted(question, nearby, shown)
        if _is_one_of(values, found):
            differing = _in_time(question, _disagreement(_kind_of(question, found), found, asked))
            return _backed(question, differing, judged, sure=not likely)
    # Of names that were copied, some are names of something else; whoever compares articles finds those that are not.
    if kind and copied and (kind != "name" or not compared):
        return (_in_time(question, _disagreement(kind, sides, asked)),)
    # What denies a claim does not say another day, name or number.
    denied = None if kind else next(_denials([one.item.hit for one in judged]), None)
    return (_disagreement("claim", denied, asked),) if denied else ()


def disputed(
    statements: Sequence[Statement], differing: Sequence[Disagreement], question: Question
) -> tuple[Statement, ...]:
    """The statements; the verdict of those that tell one side of a disagreement says that they do.

    What tells the newest side of what holds now is not disputed by older ones.
    """
    sides = [side for one in differing for side in one.sides[is_settled(question, one.sides) :]]
    current = [one.sides[0] for one in differing if is_settled(question, one.sides)]
    return tuple(
        one.model_copy(update={"verdict": Verdict.DISPUTED})
        if any(_tells(one, side) for side in sides) and not any(_tells(one, side) for side in current)
        else one
        for one in statements
    )


def _tells(statement: Statement, side: Side) -> bool:
    """Whether a statement cites a sentence of a side, or has its words."""
    cited = {(one.article_id, one.revision, one.start) for one in side.citations}
    if any((one.article_id, one.revision, one.start) in cited for one in statement.citations):
        return True
    return re.search(rf"(?<!\w){re.escape(side.value)}(?!\w)", statement.text, re.IGNORECASE) is not None


def _all_hits(judged: Sequence[Judged], nearby: Nearby | None) -> Iterator[Hit]:
    yield from (one.item.hit for one in judged)
    if nearby is not None:
        yield from nearby.hits


def _is_whole(one: Judged) -> bool:
    return len(one.item.text) >= len(one.item.hit.text)


_KINDS: dict[Kind, _DisagreementKind] = {
    Kind.NUMBER: "number",
    Kind.TIME: "date",
    Kind.PERSON: "name",
    Kind.PLACE: "name",
}


# --- values ----------------------------------------------------------------------------------


def _values(one: Judged, kind: Kind, asked: frozenset[str]) -> Iterator[_Value]:
    item, hit = one.item, one.item.hit
    reading = read_sentence(hit.text, hit.language)
    place = (0, len(hit.text)) if _is_whole(one) else (item.start - hit.start, item.end - hit.start)
    if kind is Kind.NUMBER:
        yield from _numbers(reading, place, hit, asked)
    elif kind is Kind.TIME:
        yield from _dates(reading, place, hit, asked)
    else:
        yield from _names(reading, place, hit, asked)


def _inside(reading: Reading, at: int, place: tuple[int, int]) -> bool:
    return place[0] <= reading.tokens[at].start and reading.tokens[at].end <= place[1]


def _nearest_clause(reading: Reading, clauses: Iterable[int], asked: frozenset[str]) -> int:
    """The clause that holds most of what was asked, among those with a value."""

    def held(clause: int) -> int:
        return sum(_is_asked(token, asked) for token in reading.in_clause(clause))

    return max(clauses, key=held)


def _is_asked(token: Token, asked: frozenset[str]) -> bool:
    if token.word is None:
        return False
    return token.word.stem in asked or any(part in asked for part in token.word.parts)


def _numbers(reading: Reading, place: tuple[int, int], hit: Hit, asked: frozenset[str]) -> Iterator[_Value]:
    counts = [q for q in reading.quantities if q.kind == "count" and _inside(reading, q.at, place)]
    counts = [q for q in counts if not _is_asked(reading.tokens[q.at], asked)]
    if not counts:
        return
    clause = _nearest_clause(reading, {q.clause for q in counts}, asked)
    own = [q for q in counts if q.clause == clause]
    best = min(own, key=lambda q: _distance(reading, q, asked))
    before = {token.lower for token in reading.tokens[max(0, best.at - 2) : best.at]}
    key: Key = (("unit", best.unit), ("value", best.value))
    yield _Value(key, _counted(reading, best), hit, rough=bool(before & set(ABOUT)) or bool(best.bound))


def _distance(reading: Reading, quantity: Quantity, asked: frozenset[str]) -> int:
    """Tokens between a number and the nearest word that was asked about."""
    places = [at for at, token in enumerate(reading.tokens) if _is_asked(token, asked)]
    return min((abs(at - quantity.at) for at in places), default=0)


def _counted(reading: Reading, quantity: Quantity) -> str:
    """The number as it stands there, with the word behind it."""
    first, last = quantity.at, min(max(quantity.at + 2, quantity.last + 1), len(reading.tokens) - 1)
    while last > first and not (
        reading.tokens[last].text.isalpha() or reading.tokens[last].text in {"%", "€"}
    ):
        last -= 1
    return reading.text[reading.tokens[first].start : reading.tokens[last].end]


def _dates(reading: Reading, place: tuple[int, int], hit: Hit, asked: frozenset[str]) -> Iterator[_Value]:
    times = [q for q in reading.quantities if _inside(reading, q.at, place) and _slot(reading, q)]
    times = [q for q in times if not _is_asked(reading.tokens[q.at], asked)]
    if not times:
        return
    clause = _nearest_clause(reading, {q.clause for q in times}, asked)
    own = [q for q in times if q.clause == clause]
    key: Key = tuple(sorted({_slot(reading, q): q.unit or q.value for q in own}.items()))
    start, end = reading.tokens[own[0].at].start, reading.tokens[own[-1].at].end
    yield _Value(key, reading.text[start:end], hit)


def _slot(reading: Reading, quantity: Quantity) -> str:
    """Which part of a date a quantity is; empty if none."""
    if quantity.kind == "moment":
        return quantity.unit.rstrip("0123456789")
    if quantity.kind in {"year", "time"}:
        return quantity.kind
    near = reading.tokens[quantity.last + 1 : quantity.last + 3]
    before = reading.tokens[quantity.at - 1 : quantity.at] if quantity.at else ()
    months = {q.at for q in reading.quantities if q.unit.startswith("month")}
    is_day = 1 <= quantity.value <= 31 and any(
        reading.tokens.index(token) in months for token in (*near, *before)
    )
    return "day" if is_day and quantity.kind in {"count", "ordinal"} else ""


def _names(reading: Reading, place: tuple[int, int], hit: Hit, asked: frozenset[str]) -> Iterator[_Value]:
    names = [name for name in reading.names if _inside(reading, name.head, place)]
    names = [name for name in names if not any(_is_asked(reading.tokens[at], asked) for at in name.tokens)]
    whole = place == (0, len(hit.text))
    if whole and names:
        clause = _nearest_clause(reading, {name.clause for name in names}, asked)
        names = [name for name in names if name.clause == clause and not name.preposition][:1]
    for name in names:
        word = reading.tokens[name.head].word
        if word is not None:
            text = reading.text[reading.tokens[name.tokens[0]].start : reading.tokens[name.head].end]
            yield _Value((("name", spelling(word.stem)),), text, hit)


# --- the nearest sentences -------------------------------------------------------------------


def _versions(question: Question, nearby: Nearby, asked: frozenset[str]) -> list[list[_Value]]:
    """The sides of the first exchange in versions of one sentence that could answer; empty if there is none."""
    for at, one in enumerate(nearby.hits):
        for other in nearby.hits[at + 1 :]:
            if one.article_id == other.article_id:
                continue
            for spans in exchanges(one, other):
                sides = [_exchanged(hit, *span) for hit, span in zip((one, other), spans, strict=True)]
                if all(_could_answer(value, question, asked) for value in sides):
                    return [[value] for value in sides]
    return []


def _exchanged(hit: Hit, start: int, end: int) -> _Value:
    text = hit.text[start:end]
    return _Value((("words", text),), text, hit)


def _could_answer(value: _Value, question: Question, asked: frozenset[str]) -> bool:
    if _QUOTED.search(value.text) or (question.kind is Kind.TIME and not tells_time(value.text)):
        return False
    own = words(value.text, value.hit.language)
    new = all(word.stem not in asked for word in own)
    return new and any(fits(value.text[word.start : word.end], question.kind) for word in own)


def _spotted(question: Question, nearby: Nearby, shown: Collection[str]) -> list[list[_Value]]:
    """The sides that articles take by their likeliest words; empty if they agree."""
    likely = spots(question, nearby.hits, nearby.articles, nearby.read, nearby.encoder)
    found = opposed(question, likely, nearby.hits, nearby.articles, shown)
    # The surest words of a side are shown: the last of its values.
    return [
        [_Value((("words", spot.text),), spot.text, spot.hit) for spot in reversed(side)] for side in found
    ]


def _is_one_of(values: Sequence[_Value], sides: Sequence[Sequence[_Value]]) -> bool:
    """Whether there are sides of which what was copied, if anything, is one; else they differ on something else."""
    if not values or not sides:
        return bool(sides)
    copied = {stem for one in values for stem in _stems(one)}
    return any(copied & _stems(value) for side in sides for value in side)


def _stems(value: _Value) -> frozenset[str]:
    return stems_of(value.text, value.hit.language)


def _kind_of(question: Question, sides: Sequence[Sequence[_Value]]) -> _DisagreementKind:
    """What the sides differ in, by what was asked, else by what they say."""
    if question.kind in _KINDS:
        return _KINDS[question.kind]
    said = [side[0].text for side in sides]
    if all(any(character.isdigit() for character in text) for text in said):
        return "number"
    return "name" if all(text[0].isupper() for text in said) else "claim"


# --- sides -----------------------------------------------------------------------------------


def _sides(values: Sequence[_Value]) -> list[list[_Value]]:
    """Values of articles that agree, together."""
    sides: list[list[_Value]] = []
    for value in values:
        own = [
            side
            for side in sides
            if any(_agree(value, other) or value.hit.article_id == other.hit.article_id for other in side)
        ]
        joined = [value, *(other for side in own for other in side)]
        sides = [side for side in sides if side not in own] + [joined]
    return sides


def _agree(one: _Value, other: _Value) -> bool:
    """Whether nothing in both keys differs; numbers with different units cannot be compared, so they do not differ."""
    first, second = dict(one.key), dict(other.key)
    if "value" in first:
        if first["unit"] != second["unit"]:
            return bool(first["unit"] and second["unit"]) or first["value"] == second["value"]
        close = _ROUGHLY if one.rough or other.rough else 1e-9
        return math.isclose(float(first["value"]), float(second["value"]), rel_tol=close)
    return all(first[slot] == second[slot] for slot in first.keys() & second.keys())


def _is_list(values: Sequence[_Value]) -> bool:
    """Whether one article names several: then the others may have named the rest."""
    keys: dict[str, set[Key]] = {}
    for value in values:
        keys.setdefault(value.hit.article_id, set()).add(value.key)
    return any(len(own) > 1 for own in keys.values())


def _denials(hits: Sequence[Hit]) -> Iterator[list[list[_Value]]]:
    """Two sentences of different articles in nearly the same words of which one is negated."""
    readings = [read_sentence(hit.text, hit.language) for hit in hits]
    for at, (hit, reading) in enumerate(zip(hits, readings, strict=True)):
        for other_hit, other in zip(hits[at + 1 :], readings[at + 1 :], strict=True):
            if hit.article_id == other_hit.article_id or hit.language != other_hit.language:
                continue
            if denies(reading, other):
                yield [[_Value((), one.text, one)] for one in (hit, other_hit)]


def _disagreement(
    kind: _DisagreementKind, sides: Sequence[Sequence[_Value]], asked: frozenset[str]
) -> Disagreement:
    shown = sorted((_side(side) for side in sides), key=lambda side: _age(side.newest))
    return Disagreement(kind=kind, about=_about(sides[0][0].hit, asked), sides=tuple(shown))


def _age(newest: datetime | None) -> tuple[bool, float]:
    """Newest first, undated last."""
    return (newest is None, -newest.timestamp() if newest else 0.0)


def _in_time(question: Question, found: Disagreement) -> Disagreement:
    """The disagreement; where what holds now is asked for, years in the text tell which of undated sides is newer."""
    if not asks_newest(question):
        return found
    timed = zip(ages(question, found.sides), found.sides, strict=True)
    sides = tuple(side for _, side in sorted(timed, key=lambda one: _age(one[0])))
    return found.model_copy(update={"sides": sides})


def _backed(
    question: Question, found: Disagreement, judged: Sequence[Judged], *, sure: bool
) -> tuple[Disagreement, ...]:
    """A disagreement on what holds now if the answer tells one of its dated sides; any other one as it is.

    Unless sides are sure, none counts as newer than what the answer tells: the gate did not let it through.
    """
    if not asks_newest(question):
        return (found,)
    timed = list(zip(ages(question, found.sides), found.sides, strict=True))
    own = {side.value for side in found.sides if _is_told(side, judged)}
    if not own and any(age for age, _ in timed):
        return ()
    latest = max((age for age, side in timed if age and side.value in own), default=None)
    if latest is None:
        timed.sort(key=lambda one: one[1].value not in own)
    elif not sure:
        timed = [one for one in timed if one[0] is None or one[0] <= latest or one[1].value in own]
    sides = tuple(side for _, side in timed)
    return (found.model_copy(update={"sides": sides}),) if len(sides) > 1 else ()


def _is_told(side: Side, judged: Sequence[Judged]) -> bool:
    """Whether a side is what the answer tells: its words stand in what was let through."""
    words_of_side = re.compile(rf"(?<!\w){re.escape(side.value)}(?!\w)", re.IGNORECASE)
    return any(words_of_side.search(one.item.text) for one in judged)


def _side(values: Sequence[_Value]) -> Side:
    cited = {(value.hit.article_id, value.hit.start): value.hit for value in values}
    dates = [hit.published for hit in cited.values() if hit.published]
    return Side(
        value=" ".join(values[-1].text.split()),
        citations=tuple(citation(hit) for hit in cited.values()),
        newest=max(dates, default=None),
    )


def _about(hit: Hit, asked: frozenset[str]) -> str:
    """The words of the question as one of the sentences has them."""
    reading = read_sentence(hit.text, hit.language)
    shared = [token.text for token in reading.tokens if _is_asked(token, asked)]
    return " ".join(shared[:_ABOUT_WORDS])
