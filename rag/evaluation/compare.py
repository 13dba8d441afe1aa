"""Two runs of the same facts, item by item: what was lost, what was gained, and whether that is more than chance.

In: results before and after; out: a `Comparison`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from rag.errors import InputError
from rag.evaluation.metrics import FactResult, wilson
from rag.types import Noun

ALPHA = 0.05  # chance of so many losses without a cause, below which they count as real


class Row(Noun):
    """One yes-or-no outcome of the facts that both runs asked.

    `before` and `after` are shares 0..1 of `n`. `p` is the chance of a difference at least as large if both were alike.
    `allowed` is how far the share may fall.
    """

    name: str
    n: int
    before: float
    after: float
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    p: float = 1.0
    allowed: float | None = None

    @property
    def drop(self) -> float:
        """How far the share fell; negative if it rose."""
        return self.before - self.after


class Comparison(Noun):
    """Two runs side by side. `certain` means that nothing is left to chance, as in a replay: every loss is real."""

    before: str
    after: str
    certain: bool = False
    rows: tuple[Row, ...] = ()

    def meaning(self, row: Row) -> str:
        """What a difference means: same, better, worse, or may be noise."""
        if not row.lost and not row.gained:
            return "same"
        if row.p > ALPHA and not self.certain:
            return "may be noise"
        return "worse" if row.drop > 0 else "better" if row.drop < 0 else "other facts"

    @property
    def losses(self) -> tuple[Row, ...]:
        """Outcomes that fell further than allowed, by more than chance."""
        return tuple(
            row
            for row in self.rows
            if row.allowed is not None and row.drop > row.allowed + 1e-9 and (self.certain or row.p <= ALPHA)
        )


class Difference(Noun):
    """How far two runs of the same facts differ: ids of the facts, and of those whose verdict or answer is another.

    A verdict is passed, failed or flaky. An answer is another if its status, words or citations are. `changed` are
    facts that were themselves changed in between; they are in neither.
    """

    facts: tuple[str, ...]
    verdicts: tuple[str, ...]
    answers: tuple[str, ...]
    changed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Share of verdicts that differ, 0..1."""
        return len(self.verdicts) / len(self.facts)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share may lie with 95 % confidence."""
        return wilson(self.share, len(self.facts))


def difference(before: Sequence[FactResult], after: Sequence[FactResult]) -> Difference:
    """What two runs say differently of the facts that both asked.

    Raises:
        InputError: they have no fact in common.
    """
    known = {result.id: result for result in before}
    pairs = [(known[result.id], result) for result in after if result.id in known]
    same = [(old, new) for old, new in pairs if old.digest == new.digest]
    if not same:
        raise InputError("The two runs have no fact in common.", hint="Compare two runs of one fact file.")
    return Difference(
        facts=tuple(new.id for _, new in same),
        verdicts=tuple(new.id for old, new in same if old.state != new.state),
        answers=tuple(new.id for old, new in same if _told(old) != _told(new)),
        changed=tuple(new.id for old, new in pairs if old.digest != new.digest),
    )


def _told(result: FactResult) -> tuple[object, ...]:
    places = [(one.article_id, one.start, one.end) for one in result.citations]
    return result.status, result.text, places


_Case = Callable[[FactResult], bool]
_OUTCOMES: dict[str, tuple[_Case, _Case]] = {
    "facts": (lambda r: True, lambda r: r.passed),
    "said": (lambda r: r.answerable, lambda r: r.said),
    "content": (lambda r: r.answerable, lambda r: r.content_right),
    "lists": (lambda r: r.complete, lambda r: r.content_right and not r.judgement.has("forbidden")),
    "unanswerable": (lambda r: not r.answerable, lambda r: r.silent),
    "cross_lingual": (lambda r: r.cross_lingual, lambda r: r.content_right),
    "status": (lambda r: True, lambda r: not r.judgement.has("status", "error")),
    "supported": (lambda r: r.answerable, lambda r: not r.judgement.has("unsupported", "forbidden")),
    "language": (lambda r: True, lambda r: not r.judgement.has("language", "error")),
}


def mcnemar(lost: int, gained: int) -> float:
    """Two-sided exact p of `lost` against `gained` changes: McNemar (1947), binomial with one half."""
    n, few = lost + gained, min(lost, gained)
    tail = sum(math.comb(n, k) for k in range(few + 1)) / 2**n
    return float(min(1.0, 2 * tail))


def compare(
    before: Sequence[FactResult],
    after: Sequence[FactResult],
    *,
    names: tuple[str, str],
    allowed: Mapping[str, float] | None = None,
    certain: bool = False,
) -> Comparison:
    """Every outcome of the facts that stand in both runs.

    Args:
        before: results of the first run, or of the first target.
        after: results of the second.
        names: what to call the two.
        allowed: how far each share may fall; 0 for those not named. None: a difference is told, never a failure.
        certain: nothing is left to chance, so every loss is real.
    """
    known = {result.id: result for result in before}
    pairs = [(known[result.id], result) for result in after if result.id in known]
    rows = [_row(name, pairs, case, right, allowed) for name, (case, right) in _OUTCOMES.items()]
    return Comparison(
        before=names[0], after=names[1], certain=certain, rows=tuple(row for row in rows if row.n)
    )


def _row(
    name: str,
    pairs: Sequence[tuple[FactResult, FactResult]],
    case: _Case,
    right: _Case,
    allowed: Mapping[str, float] | None,
) -> Row:
    cases = [(old, new) for old, new in pairs if case(new)]
    lost = tuple(new.id for old, new in cases if right(old) and not right(new))
    gained = tuple(new.id for old, new in cases if right(new) and not right(old))
    n = len(cases)
    return Row(
        name=name,
        n=n,
        before=sum(right(old) for old, _ in cases) / n if n else 0.0,
        after=sum(right(new) for _, new in cases) / n if n else 0.0,
        lost=lost,
        gained=gained,
        p=mcnemar(len(lost), len(gained)),
        allowed=None if allowed is None else allowed.get(name, 0.0),
    )
