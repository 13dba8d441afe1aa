"""A draft -> its statements, each with a verdict and the sentences of the archive that carry or contradict it.

In: the text somebody is about to print, and a search. Out: `Checked`, in the order of the text. Every statement is laid
beside the sentences found for it (rag.claims); what none of them carries is not found, and never called supported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.claims import Care, Judgement, Meaning, judge
from rag.compose import citation
from rag.reading import in_list, read_sentence
from rag.sentences import detect_language, split_sentences
from rag.types import Checked, Citation, Difference, Filters, Hit, Progress, Verdict

_FOUND = 12  # sentences that are looked at for one statement
_PERSONAL = frozenset("er sie he she".split())


class Search(Protocol):
    """What finds evidence: `rag.retrieve.Retriever`."""

    def sentences(self, question: str, k: int, filters: Filters | None = None) -> list[Hit]:
        """The `k` sentences nearest to a text, nearest first."""

    def neighbours(self, hit: Hit, before: int = 1, after: int = 1) -> list[Hit]:
        """The sentences around a hit, in the order of the text."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What a draft is held against.

    Attributes:
        search: finds sentences.
        article_text: the text of an article by its id, where titles and first names are looked up.
        filters: which articles may be found; None for all.
        meaning: compares token by token; without it words alone decide.
    """

    search: Search
    article_text: Callable[[str], str]
    filters: Filters | None = None
    meaning: Meaning | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A judgement and the sentences it is about."""

    judgement: Judgement
    hits: tuple[Hit, ...]


def statements(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of every statement of a draft; headings and questions state nothing."""
    for sentence in split_sentences(text, detect_language(text)):
        words = text[sentence.start : sentence.end]
        if not sentence.heading and not words.rstrip('"“”»« ').endswith("?"):
            yield sentence.start, sentence.end


def check_draft(
    text: str, archive: Archive, progress: Progress | None = None
) -> tuple[tuple[Checked, ...], tuple[Citation, ...]]:
    """Every statement of `text` with its verdict, and all their citations, numbered from 1."""
    language = detect_language(text)
    spans = list(statements(text))
    checked = []
    for done, (start, end) in enumerate(spans):
        if progress:
            progress(done, len(spans), "Checking")
        before = text[slice(*spans[done - 1])] if done else ""
        claim = _standing_alone(text[start:end], before, language)
        found = _check(claim, language, archive)
        checked.append(_checked(text, start, end, found))
    if progress:
        progress(len(spans), len(spans), "Checking")
    return _numbered(checked)


def _standing_alone(claim: str, before: str, language: str) -> str:
    """The claim with the first name of the sentence before in place of an opening "he" or "she"."""
    first, _, rest = claim.partition(" ")
    if first.casefold() not in _PERSONAL or not before:
        return claim
    reading = read_sentence(before, language)
    name = next(iter(reading.names), None)
    if name is None:
        return claim
    start, end = reading.tokens[name.tokens[0]].start, reading.tokens[name.head].end
    return f"{before[start:end]} {rest}"


def _check(claim: str, language: str, archive: Archive) -> list[_Found]:
    """What was found for each part of a claim: one part, or one for each name of a list that no sentence has whole."""
    hits = archive.search.sentences(claim, _FOUND, archive.filters)
    same = [hit for hit in hits if not language or not hit.language or hit.language == language]
    units = list(_units(same, archive.search))
    whole = _best(claim, units, archive)
    if whole is None:
        return []
    if whole.judgement.verdict is Verdict.SUPPORTED:
        return [whole]
    parts = [_best(part, units, archive) for part in conjuncts(claim, language)]
    found = [part for part in parts if part and part.judgement.verdict is Verdict.SUPPORTED]
    return found if found and len(found) == len(parts) else [whole]


def _units(hits: Sequence[Hit], search: Search) -> Iterator[tuple[Hit, ...]]:
    """Every sentence alone, and with the one before, where its pronouns lead."""
    for hit in hits:
        yield (hit,)
        before = search.neighbours(hit, 1, 0)
        if before:
            yield (*before, hit)


def _best(claim: str, units: Sequence[tuple[Hit, ...]], archive: Archive) -> _Found | None:
    """What the sentences that stand closest to the claim say of it, if they tell something; else the closest of all."""
    judged = []
    for unit in units:
        known = archive.article_text(unit[0].article_id)
        texts = [hit.text for hit in unit]
        judgement = judge(
            claim, texts, unit[0].language, known=known, meaning=archive.meaning, care=Care.STRICT
        )
        judged.append(_Found(judgement, unit))
    telling = [one for one in judged if one.judgement.verdict is not Verdict.NOT_SUPPORTED]
    return max(
        telling or judged, key=lambda one: (one.judgement.signals.closeness, -len(one.hits)), default=None
    )


def conjuncts(claim: str, language: str) -> list[str]:
    """The claim once for each name of its first list: "A and B came" is "A came", "B came"; none without a list."""
    reading = read_sentence(claim, language)
    run: list[int] = []
    for number, (one, other) in enumerate(zip(reading.names, reading.names[1:], strict=False)):
        between = reading.tokens[one.head + 1 : other.tokens[0]]
        if one.clause == other.clause and in_list(between):
            run = [*(run or [number]), number + 1]
        elif run:
            break
    spans = [
        (reading.tokens[reading.names[n].tokens[0]].start, reading.tokens[reading.names[n].head].end)
        for n in run
    ]
    return [claim[: spans[0][0]] + claim[start:end] + claim[spans[-1][1] :] for start, end in spans]


def _checked(text: str, start: int, end: int, found: Sequence[_Found]) -> Checked:
    verdicts = {one.judgement.verdict for one in found}
    verdict = verdicts.pop() if found else Verdict.NOT_SUPPORTED
    shown = found if verdict is not Verdict.NOT_SUPPORTED else ()
    cited = {(hit.article_id, hit.start): hit for one in shown for hit in one.hits}
    return Checked(
        text=text[start:end],
        start=start,
        end=end,
        verdict=Verdict.NOT_FOUND if verdict is Verdict.NOT_SUPPORTED else verdict,
        support=min((one.judgement.support for one in found), default=0.0),
        citations=tuple(citation(hit) for hit in cited.values()),
        differences=tuple(
            Difference.model_validate({"kind": doubt.kind, "claimed": doubt.claimed, "found": doubt.found})
            for one in found
            for doubt in one.judgement.doubts
        ),
    )


def _numbered(checked: Sequence[Checked]) -> tuple[tuple[Checked, ...], tuple[Citation, ...]]:
    numbers: dict[Citation, Citation] = {}
    for cited in (cited for one in checked for cited in one.citations):
        numbers.setdefault(cited, cited.model_copy(update={"number": len(numbers) + 1}))
    marked = (
        one.model_copy(update={"citations": tuple(numbers[cited] for cited in one.citations)})
        for one in checked
    )
    return tuple(marked), tuple(numbers.values())
