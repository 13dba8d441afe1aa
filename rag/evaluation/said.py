"""Who said what, against labelled quotes: found, with the right speaker, direct or indirect.

In: what a summary of the form `who_said_what` holds and one labelled quote per text (`statement` the words,
`speaker_gold` the phrase that names the speaker, `type` "Direct" or "Indirect"). Out: `SaidMeasures`. What else is
found is not judged, since one quote per text is labelled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.evaluation.metrics import wilson
from rag.types import Noun, Speech

Stems = Callable[[str, str], tuple[str, ...]]  # (text, language) -> stems of its content words

_HELD = 0.5  # share of the labelled words that what was found must hold
_SHARED = 0.25  # shared stems from which two phrases name one speaker, by all stems of both


class Share(Noun):
    """`value` of `n` cases with the bounds of its 95 % interval."""

    value: float
    n: int
    low: float
    high: float


def share(right: int, n: int) -> Share:
    """`right` of `n`; 0 of none."""
    low, high = wilson(right / n, n) if n else (0.0, 1.0)
    return Share(value=right / n if n else 0.0, n=n, low=low, high=high)


class SaidMeasures(Noun):
    """Attributes in one line each.

    `found`: labelled quotes that something found overlaps: it holds at least half of the quote's words. `recall`: those
    found with the right speaker, of all. `precision`: the same, of those found. `direct`: of those right, the share
    whose kind is right. `tight`: of those right, the share at least half of whose words are words of the label.
    """

    found: Share
    recall: Share
    precision: Share
    direct: Share
    tight: Share


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled quote."""

    statement: str
    speaker: str
    direct: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The best match of one label: None where nothing overlaps it."""

    label: Label
    said: Speech | None
    right: bool
    tight: bool


def judge_said(label: Label, said: Sequence[Speech], language: str, stems: Stems) -> Judged:
    """Which of the things said is the labelled one, and whether its speaker is right.

    A speaker is right if all content words of the shorter phrase stand in the longer one, or half of all in both:
    "the police" for "according to the police in Mombasa".
    """
    scored = [(held, tight, one) for one in said for held, tight in [_overlap(one.words, label.statement)]]
    best = max((one for one in scored if one[0] >= _HELD), key=lambda one: one[0] + one[1], default=None)
    if best is None:
        return Judged(label, None, False, False)
    one, other = (frozenset(stems(speaker, language)) for speaker in (best[2].speaker, label.speaker))
    right = _same_speaker(one, other)
    return Judged(label, best[2], right, best[1] >= _HELD)


def _overlap(found: str, labelled: str) -> tuple[float, float]:
    """(share of the labelled words that were found, share of the found words that are labelled)."""
    one, other = (re.findall(r"\w+", text.casefold()) for text in (found, labelled))
    if not one or not other:
        return 0.0, 0.0
    return sum(word in set(one) for word in other) / len(other), sum(
        word in set(other) for word in one
    ) / len(one)


def _same_speaker(one: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(one & other)
    return shared > 0 and (shared == min(len(one), len(other)) or shared >= _SHARED * (len(one) + len(other)))


def said_measures(judged: Sequence[Judged]) -> SaidMeasures:
    """The shares of all judged labels."""
    found = [one for one in judged if one.said is not None]
    right = [one for one in found if one.right]
    kind = sum(one.said is not None and one.said.direct == one.label.direct for one in right)
    return SaidMeasures(
        found=share(len(found), len(judged)),
        recall=share(len(right), len(judged)),
        precision=share(len(right), len(found)),
        direct=share(kind, len(right)),
        tight=share(sum(one.tight for one in right), len(right)),
    )
