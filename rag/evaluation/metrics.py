"""Judgements of single answers into measures of a run, each held against its bound.

In: `FactResult`s and a `Floor`; out: `Measure`s. A rate is a share 0..1 of `n` cases; seconds and tokens
are medians and 95th percentiles over questions. Higher rates are better, lower costs are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median
from typing import Literal

from pydantic import Field

from rag.evaluation.checks import Judgement
from rag.evaluation.facts import COSTS, RATES, Floor, Kind
from rag.types import Citation, Noun, Status, Usage


class FactResult(Noun):
    """One fact, asked and judged.

    `seconds` is the time to the whole answer, `first_statement` to the first verified statement (None if none
    came). `status` is None if the target failed; then `judgement` holds the error. `required` names what has to
    be said, `proof` are the sentences that prove it, `around` the text before and after each citation.
    `retrieval` are the measures of the search for this question, where the target searches. `outcomes` says of
    every run whether it was faultless; what is shown is the first that was not. `digest` changes with fact and
    articles. `disputed` is true if the answer shows sources that disagree; `covered` is the share of its source
    that a summary says it holds. A model as judge, if there was one, was asked about `judged` statements and
    found those in `doubted` not proven; `judge` is its name, `judge_counts` whether its word counts.
    """

    id: str
    kind: Kind
    language: str
    question: str
    tags: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    expected: Status
    complete: bool = False
    cross_lingual: bool = False
    status: Status | None = None
    text: str = ""
    citations: tuple[Citation, ...] = ()
    around: tuple[tuple[str, str], ...] = ()
    judgement: Judgement
    retrieval: dict[str, float] | None = None
    seconds: float = Field(default=0.0, ge=0)
    first_statement: float | None = None
    usage: Usage = Usage()
    fingerprint: str = ""
    digest: str = ""
    disputed: bool = False
    covered: float | None = None
    judge: str = ""
    judge_counts: bool = False
    judged: int = Field(default=0, ge=0)
    doubted: tuple[str, ...] = ()
    outcomes: tuple[bool, ...] = ()

    @property
    def answerable(self) -> bool:
        """True if the articles answer the question."""
        return self.expected is not Status.NOT_FOUND

    @property
    def passed(self) -> bool:
        """True if nothing at all is wrong, in no run."""
        return not self.judgement.faults

    @property
    def flaky(self) -> bool:
        """True if some runs were faultless and others not."""
        return len(set(self.outcomes)) > 1

    @property
    def state(self) -> Literal["passed", "failed", "flaky"]:
        """What became of it over all runs."""
        return "flaky" if self.flaky else "passed" if self.passed else "failed"

    @property
    def content_right(self) -> bool:
        """True if everything required is said and proven."""
        return not self.judgement.has("missing", "unproven", "order", "error")

    @property
    def said(self) -> bool:
        """True if everything required is said, cited or not."""
        return not self.judgement.has("missing", "error")

    @property
    def silent(self) -> bool:
        """True if it ended `not_found` and showed nothing."""
        return not self.judgement.has("status", "cited", "error")


class Measure(Noun):
    """One figure of a run. `value` is None if there was no case; `bound` is None if none was set.

    `n` counts the cases of all `runs`: the same cases, asked again and again.
    """

    name: str
    unit: Literal["rate", "seconds", "tokens"]
    value: float | None
    n: int
    bound: float | None = None
    runs: int = Field(default=1, ge=1)

    @property
    def passed(self) -> bool:
        """True if the bound is kept; a bound without a single case is not."""
        if self.bound is None:
            return True
        if self.value is None:
            return False
        return self.value >= self.bound if self.unit == "rate" else self.value <= self.bound

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where a rate may lie with 95 % confidence, None for costs.

        A case that is asked again is no further case: asking three times makes nothing narrower.
        """
        if self.unit != "rate" or self.value is None:
            return None
        return wilson(self.value, max(1, self.n // self.runs))


def wilson(share: float, n: int) -> tuple[float, float]:
    """Bounds of the 95 % interval of a share of `n` cases: Wilson, "Probable inference" (1927)."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def measure(
    results: Sequence[FactResult], floor: Floor | None = None, *, runs: int = 1
) -> tuple[Measure, ...]:
    """All measures of a run, rates first; `runs` is how often each fact stands among the results."""
    floor = floor or Floor()
    rates = [_rate(name, *_RATES[name](results), floor.at_least.get(name)) for name in RATES]
    costs = [_cost(name, results, floor.at_most.get(name)) for name in COSTS]
    return tuple(one.model_copy(update={"runs": runs}) for one in (*rates, *costs))


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile: the smallest value that at least `share` (0..1) of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


Counts = tuple[float, int]  # right cases, all cases


def _count(
    results: Sequence[FactResult], case: Callable[[FactResult], bool], right: Callable[[FactResult], bool]
) -> Counts:
    cases = [result for result in results if case(result)]
    return sum(right(result) for result in cases), len(cases)


def _sum(results: Sequence[FactResult], right: str, total: str) -> Counts:
    return (
        sum(getattr(result.judgement, right) for result in results),
        sum(getattr(result.judgement, total) for result in results),
    )


def _searched(results: Sequence[FactResult], name: str) -> Counts:
    values = [result.retrieval[name] for result in results if result.retrieval]
    return sum(values), len(values)


def _covered(shares: Sequence[float]) -> Counts:
    return sum(shares), len(shares)


def _judged(results: Sequence[FactResult]) -> Counts:
    judged = sum(result.judged for result in results)
    return judged - sum(len(result.doubted) for result in results), judged


_RATES: dict[str, Callable[[Sequence[FactResult]], Counts]] = {
    "facts": lambda all_: _count(all_, lambda r: True, lambda r: r.passed),
    "content": lambda all_: _count(all_, lambda r: r.answerable, lambda r: r.content_right),
    "lists": lambda all_: _count(
        all_, lambda r: r.complete, lambda r: r.content_right and not r.judgement.has("forbidden")
    ),
    "unanswerable": lambda all_: _count(all_, lambda r: not r.answerable, lambda r: r.silent),
    "said": lambda all_: _count(all_, lambda r: r.answerable, lambda r: r.said),
    "judged": lambda all_: _judged([one for one in all_ if one.judge_counts]),
    "covered": lambda all_: _covered([one.covered for one in all_ if one.covered is not None]),
    "citation_precision": lambda all_: _sum([r for r in all_ if r.answerable], "proving", "spans"),
    "citation_recall": lambda all_: _sum(all_, "proven", "required"),
    "hit_at_10": lambda all_: _searched(all_, "hit"),
    "mrr_at_10": lambda all_: _searched(all_, "mrr"),
    "ndcg_at_10": lambda all_: _searched(all_, "ndcg"),
    "recall_at_10": lambda all_: _searched(all_, "recall"),
    "cross_lingual": lambda all_: _count(all_, lambda r: r.cross_lingual, lambda r: r.content_right),
    "status": lambda all_: _count(all_, lambda r: True, lambda r: not r.judgement.has("status", "error")),
    "spans": lambda all_: _sum(all_, "right_spans", "spans"),
    "supported": lambda all_: _sum(all_, "supported", "statements"),
    "language": lambda all_: _count(
        all_, lambda r: r.status is not None, lambda r: not r.judgement.has("language")
    ),
}


def _rate(name: str, right: float, cases: int, bound: float | None) -> Measure:
    return Measure(name=name, unit="rate", value=right / cases if cases else None, n=cases, bound=bound)


def _cost(name: str, results: Sequence[FactResult], bound: float | None) -> Measure:
    what, _, how = name.rpartition("_")
    answered = [result for result in results if result.status is not None]
    values: list[float] = {
        "seconds": [result.seconds for result in answered],
        "first_statement": [r.first_statement for r in answered if r.first_statement is not None],
        "prompt_tokens": [float(result.usage.prompt_tokens) for result in answered],
        "output_tokens": [float(result.usage.output_tokens) for result in answered],
    }[what]
    value = None
    if values:
        value = median(values) if how == "median" else percentile(values, 0.95)
    unit: Literal["seconds", "tokens"] = "tokens" if "tokens" in what else "seconds"
    return Measure(name=name, unit=unit, value=value, n=len(values), bound=bound)
