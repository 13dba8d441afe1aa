"""Earlier runs as drawings inside a page: a measure as a line, a fact as a row of squares.

In: reports, oldest first; out: HTML with SVG in it, which needs nothing beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from rag.evaluation.metrics import Measure
from rag.evaluation.report import LABELS, shown_value

if TYPE_CHECKING:
    from rag.evaluation.runner import EvalReport

_RUNS = 20  # shown of a single fact
_PLOTTED = ("facts", "content", "unanswerable", "seconds_median")  # where nothing is bounded
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 292, 12, 92  # of the area of a plot, in its units


def _values(name: str, past: Sequence[EvalReport]) -> list[tuple[EvalReport, Measure, float]]:
    """What a measure was in every run that has it."""
    return [
        (report, one, one.value)
        for report in past
        for one in report.measures
        if one.name == name and one.value is not None
    ]


def spark(one: Measure, past: Sequence[EvalReport]) -> str:
    """A measure over the runs, as small as a word; nothing for a single run."""
    values = _values(one.name, past)
    if len(values) < 2:
        return ""
    top = _top(one, [value for _, _, value in values])
    step = 110 / (len(values) - 1)
    points = [(5 + n * step, 25 - 20 * value / top) for n, (_, _, value) in enumerate(values)]
    told = "; ".join(f"{_when(report)}: {shown_value(m, value)}" for report, m, value in values)
    last = f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.5"/>'
    line = f'<polyline points="{_path(points)}"/>'
    return f'<svg class=spark viewBox="0 0 120 30" role="img"><title>{escape(told)}</title>{line}{last}</svg>'


def plots(report: EvalReport, past: Sequence[EvalReport]) -> str:
    """What is bounded, else the measures that say most, each over the runs with its bound; nothing for a single run."""
    bounded = [one for one in report.measures if one.bound is not None]
    wanted = bounded or [one for one in report.measures if one.name in _PLOTTED]
    drawn = "".join(_plot(one, past) for one in wanted)
    return f"<section><h2>Over {len(past)} runs</h2><div class=plots>{drawn}</div></section>" if drawn else ""


def _plot(one: Measure, past: Sequence[EvalReport]) -> str:
    values = _values(one.name, past)
    if len(values) < 2:
        return ""
    top = _top(one, [value for _, _, value in values] + [one.bound or 0.0])
    step = (_RIGHT - _LEFT) / (len(values) - 1)
    points = [(_LEFT + n * step, _height(value, top)) for n, (_, _, value) in enumerate(values)]
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{_when(run)}: {shown_value(m, value)}</title></circle>'
        for (x, y), (run, m, value) in zip(points, values, strict=True)
    )
    line = f'<polyline points="{_path(points)}"/>{dots}'
    frame = _frame(one, top, values[0][0], values[-1][0])
    caption = f"{escape(LABELS[one.name])}: <b>{shown_value(one, one.value)}</b>"
    state = "" if one.passed else " class=low"
    drawn = f'<svg viewBox="0 0 300 112" role="img">{frame}{line}</svg>'
    return f"<figure{state}><figcaption>{caption}</figcaption>{drawn}</figure>"


def _frame(one: Measure, top: float, first: EvalReport, last: EvalReport) -> str:
    """Both axes with what their ends mean, and the bound."""
    parts = [
        f'<path class=axis d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>',
        f"<text x={_LEFT - 4} y={_TOP + 4} text-anchor=end>{shown_value(one, top)}</text>",
        f"<text x={_LEFT - 4} y={_BOTTOM + 4} text-anchor=end>0</text>",
        f"<text x={_LEFT} y={_BOTTOM + 16}>{first.started:%Y-%m-%d}</text>",
        f"<text x={_RIGHT} y={_BOTTOM + 16} text-anchor=end>{last.started:%Y-%m-%d}</text>",
    ]
    if one.bound is not None:
        told = f"<title>bound {shown_value(one, one.bound)}</title>"
        place = f"M{_LEFT} {_height(one.bound, top):.1f}H{_RIGHT}"
        parts.append(f'<path class=bound d="{place}">{told}</path>')
    return "".join(parts)


def _height(value: float, top: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / top


def _top(one: Measure, values: Sequence[float]) -> float:
    return 1.0 if one.unit == "rate" else max(values) or 1.0


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _when(report: EvalReport) -> str:
    return f"{report.started:%Y-%m-%d %H:%M}"


class Past:
    """What became of every fact in the runs, oldest first.

    Args:
        past: the reports, the one that is shown among them.
    """

    def __init__(self, past: Sequence[EvalReport]) -> None:
        self._runs: dict[str, list[tuple[str, str]]] = {}
        for report in past[-_RUNS:]:
            for result in report.results:
                self._runs.setdefault(result.id, []).append((_when(report), result.state))

    def strip(self, fact_id: str) -> str:
        """A square per run, the newest last, and when the fact was last right; nothing for a single run."""
        runs = self._runs.get(fact_id, [])
        if len(runs) < 2:
            return ""
        squares = "".join(f'<i class={state} title="{when} {state}"></i>' for when, state in runs)
        return f"<span class=strip>{squares}</span> {self._told(runs)}"

    def was_right(self, fact_id: str) -> bool:
        """True if the fact was right in the run before the last one."""
        states = [state for _, state in self._runs.get(fact_id, [])]
        return states[-2:-1] == ["passed"]

    def _told(self, runs: Sequence[tuple[str, str]]) -> str:
        states = [state for _, state in runs]
        if states[-1] == "passed":
            since = len(states) - next(
                (n for n, s in enumerate(reversed(states)) if s != "passed"), len(states)
            )
            return f"right since {runs[since][0]}" if since else f"right in all {len(runs)} runs"
        right = [when for when, state in runs if state == "passed"]
        return f"last right {right[-1]}" if right else f"right in none of {len(runs)} runs"
