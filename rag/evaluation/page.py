"""A finished run as one HTML page that needs nothing beside it: no other file, no other host.

In: an `EvalReport`; out: the page. What broke stands on top; every fact has a section with question, answer, marked
citations, proving sentences and what is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from rag.evaluation.checks import Fault
from rag.evaluation.compare import Comparison
from rag.evaluation.drawing import Past, plots, spark
from rag.evaluation.judging import AGREEMENT_HEAD, agreement_rows, what_it_means
from rag.evaluation.metrics import FactResult, Measure
from rag.evaluation.report import (
    beside_head,
    beside_rows,
    comparison_row,
    how_tested,
    measure_row,
    render_markdown,
    write_junit,
    write_text,
)
from rag.types import Citation, Status

if TYPE_CHECKING:
    from rag.evaluation.runner import EvalReport

_FRAME = Path(__file__).with_name("page.html")
_SHOWN = 12  # failures that stand on top; the others follow after the measures
_MOST_TOLD = 110  # characters of a reason on top
# What a fault is, in words that need no manual.
_KINDS = {
    "status": "wrong status",
    "cited": "shows something where nothing is right",
    "missing": "does not say it",
    "unproven": "says it without proof",
    "order": "wrong order",
    "forbidden": "says what is wrong",
    "span": "quotes what does not stand there",
    "unsupported": "names a stranger",
    "language": "wrong language",
    "error": "the target failed",
}
_MOST_CHARS = 4000  # of an answer or a quote: whole articles must not swell the page


def render_page(report: EvalReport, history: Sequence[EvalReport] = ()) -> str:
    """The page; `history` are earlier reports of the same facts, drawn as a line per measure."""
    failed = [result for result in report.results if result.state == "failed"]
    flaky = [result for result in report.results if result.flaky]
    others = {result.id: result for result in report.beside}
    # A run that stands in its own history stands there once.
    earlier = [one for one in history if one.started != report.started]
    past = sorted((*earlier, report), key=lambda one: one.started)
    runs = Past(past)
    parts = {
        "verdict": _verdict(report, failed, flaky),
        "state": "good" if report.passed and not failed else "mixed" if report.passed else "bad",
        "facts_path": escape(report.facts_path),
        "when": f"{report.started:%Y-%m-%d %H:%M} UTC",
        "how": escape(_how(report)),
        "runs": f"last {len(past)} runs" if len(past) > 1 else "",
        "broken": _broken(report, [*failed, *flaky], runs),
        "measures": "".join(_measure(one, past) for one in report.measures if one.n or one.bound is not None),
        "plots": plots(report, past),
        "comparisons": _beside(report) + _agreement(report) + "".join(map(_comparison, report.comparisons)),
        "kinds": _options(result.kind for result in report.results),
        "languages": _options(result.language for result in report.results),
        "tags": _options(tag for result in report.results for tag in result.tags),
        "facts": "".join(
            _fact(one, others.get(one.id), runs)
            for one in sorted(report.results, key=lambda result: result.state == "passed")
        ),
    }
    return Template(_FRAME.read_text(encoding="utf-8")).substitute(parts)


def _verdict(report: EvalReport, failed: Sequence[FactResult], flaky: Sequence[FactResult]) -> str:
    total = len(report.results)
    bad = [f"{len(failed)} of {total} facts failed"] if failed else []
    bad += [f"{len(flaky)} flaky"] if flaky else []
    facts = ", ".join(bad) or f"All {total} facts hold"
    if report.broken_bounds:
        bounds = len(report.broken_bounds)
        return f"{facts}; {bounds} bound{'s' if bounds > 1 else ''} not kept"
    return f"{facts}; all bounds kept" if report.section else facts


def _how(report: EvalReport) -> str:
    how = f"target {report.target}, {report.seconds:.1f} s"
    if report.runs > 1:
        how += f", every question asked {report.runs} times"
    if report.cost is not None:
        how += f", tokens for {report.cost:.4f}"
    if report.fingerprints:
        how += f", fingerprint {', '.join(report.fingerprints)}"
    return how


def _broken(report: EvalReport, results: Sequence[FactResult], runs: Past) -> str:
    """What broke: bounds, kinds of faults with their counts, then the facts, those just lost first."""
    lost = {fact for comparison in report.comparisons for row in comparison.rows for fact in row.lost}
    lost |= {one.id for one in results if runs.was_right(one.id)}
    first = sorted(results, key=lambda one: one.id not in lost)
    bounds = "".join(f"<li>{escape(_bound(name, report))}</li>" for name in report.broken_bounds)
    counts = Counter(kind for one in results for kind in {fault.kind for fault in one.judgement.faults})
    chips = "".join(
        f'<button value={kind} title="{kind}">{n} × {_KINDS[kind]}</button>'
        for kind, n in counts.most_common()
    )
    lines = "".join(
        f"<li>{'<b class=failed>lost</b> ' if one.id in lost else ''}{_link(one.id, one.question)} "
        f"<span>{escape(_why(one))}</span></li>"
        for one in first[:_SHOWN]
    )
    more = f"<p class=small>… and {len(first) - _SHOWN} more below.</p>" if len(first) > _SHOWN else ""
    return "".join(
        (
            f"<h2>Bounds not kept</h2><ul class=bounds>{bounds}</ul>" if bounds else "",
            f"<h2>What went wrong</h2><p class=chips>{chips}</p><ul class=broken>{lines}</ul>{more}"
            if lines
            else "",
        )
    )


def _bound(name: str, report: EvalReport) -> str:
    """A bound in words, with what was reached where it is one over all facts."""
    for one in report.measures:
        if one.name == name:
            label, value, _, _, bound, _ = measure_row(one)
            return f"{label}: {value}, right is {bound}"
    return name


def _faults_of(result: FactResult) -> str:
    return ", ".join(dict.fromkeys(fault.kind for fault in result.judgement.faults))


def _why(result: FactResult) -> str:
    """What is wrong, in one line."""
    faults = {fault.kind: _plainly(fault) for fault in reversed(result.judgement.faults)}
    silent = result.answerable and result.status is Status.NOT_FOUND
    if silent and "missing" in faults:
        told = f"silent, {faults['missing'].replace('does not say', 'should say')}"
    elif not result.answerable and "cited" in faults:
        told = f"should be silent, {faults['cited'].split(' where ')[0]}"
    else:
        told = next((_plainly(fault) for fault in result.judgement.faults if fault.kind != "status"), "")
        told = told or next(iter(faults.values()), "")
    return told if len(told) <= _MOST_TOLD else f"{told[:_MOST_TOLD]} …"


def _plainly(fault: Fault) -> str:
    """What a fault says; of a content's forms only the first, without its wild cards."""
    if fault.kind != "missing":
        return fault.detail
    return fault.detail.split(" / ")[0].replace("*", "").replace("^", "")


def _measure(one: Measure, past: Sequence[EvalReport]) -> str:
    label, value, interval, n, bound, state = measure_row(one)
    bar = (
        f'<meter min=0 max=1 value="{one.value:.3f}"></meter>'
        if one.unit == "rate" and one.value is not None
        else ""
    )
    cells = (label, value, interval, n, bound)
    row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    kind = "low" if state and not one.passed else ""
    return f"<tr class='{kind}'>{row}<td>{bar}</td><td>{spark(one, past)}</td><td>{escape(state)}</td></tr>"


def _comparison(comparison: Comparison) -> str:
    names = (f"{comparison.before} → {comparison.after}", "before", "after", "lost", "gained", "p", "")
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr class='{'low' if comparison.meaning(row) == 'worse' else ''}'>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in comparison_row(comparison, row))
        + "</tr>"
        for row in comparison.rows
    )
    changed = "".join(
        f"<p>{name}: {', '.join(map(_link, ids))}</p>"
        for row in comparison.rows[:1]
        for name, ids in (("Lost", row.lost), ("Gained", row.gained))
        if ids
    )
    test = escape(how_tested(comparison))
    return f"<section><h2>Compared</h2><table><tr>{head}</tr>{rows}</table>{changed}<p class=small>{test}</p></section>"


def _link(fact_id: str, text: str = "") -> str:
    return f'<a href="#{escape(fact_id)}">{escape(text or fact_id)}</a>'


def _beside(report: EvalReport) -> str:
    if not report.beside_measures:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in beside_head(report))
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in beside_rows(report)
    )
    return f"<section><h2>Side by side</h2><table><tr>{head}</tr>{rows}</table></section>"


def _agreement(report: EvalReport) -> str:
    if not report.agreement:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in AGREEMENT_HEAD)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in agreement_rows(report.agreement)
    )
    told = escape(what_it_means(report.agreement))
    return f"<section><h2>A model as judge</h2><table><tr>{head}</tr>{rows}</table><p class=small>{told}</p></section>"


def _options(values: Iterable[str]) -> str:
    return "".join(f"<option>{escape(value)}</option>" for value in sorted(set(values)))


def _fact(result: FactResult, other: FactResult | None, runs: Past) -> str:
    words = " ".join((result.id, result.question, result.text, _faults_of(result))).casefold()
    data = {
        "state": result.state,
        "kind": result.kind,
        "language": result.language,
        "tags": " ".join(result.tags),
        "words": words[:600],
    }
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    times = f" right in {sum(result.outcomes)} of {len(result.outcomes)} runs" if result.flaky else ""
    summary = (
        f"<summary><b class={result.state}>{result.state}</b> {escape(result.question)} "
        f"<span>{escape(result.id)}, {result.language}{times} · {escape(_faults_of(result) or 'nothing wrong')}</span>"
        "</summary>"
    )
    body = "".join(
        (
            _list(
                "What is wrong",
                [f"<b>{one.kind}</b> {escape(one.detail)}" for one in result.judgement.faults],
            ),
            _part("Answer", _answer(result)),
            _list("The judge doubts", [escape(_short(text)) for text in result.doubted]),
            _part(f"The other target ({other.state})", _answer(other) + _wrong(other)) if other else "",
            _list("Must be said", [escape(name) for name in result.required]),
            _list("Cited", [_cited(one, result, n) for n, one in enumerate(result.citations)]),
            _list("Proving sentences", [escape(sentence) for sentence in result.proof]),
            _part("Over the runs", strip) if (strip := runs.strip(result.id)) else "",
            _part("Cost", escape(_cost(result))),
        )
    )
    return f'<details id="{escape(result.id)}" {attributes}>{summary}<dl>{body}</dl></details>'


def _wrong(result: FactResult) -> str:
    faults = (f"<li><b>{one.kind}</b> {escape(one.detail)}</li>" for one in result.judgement.faults)
    return f"<ul>{''.join(faults)}</ul>"


def _part(name: str, content: str) -> str:
    return f"<dt>{name}</dt><dd>{content}</dd>"


def _list(name: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    return _part(name, f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")


def _answer(result: FactResult) -> str:
    status = result.status or "no answer"
    right = "" if result.status == result.expected else f", right is {result.expected}"
    text = re.sub(r"\[(\d+)\]", r"<sup>[\1]</sup>", escape(_short(result.text)))
    return f"<p class=answer>{text}</p><p class=small>{status}{right}</p>"


def _cited(citation: Citation, result: FactResult, n: int) -> str:
    before, after = result.around[n] if n < len(result.around) else ("", "")
    place = f"{citation.title or citation.article_id} [{citation.start}:{citation.end}]"
    proving = any(_overlap(citation.quote, sentence) for sentence in result.proof)
    mark = f"<mark class={'proof' if proving else 'stray'}>{escape(_short(citation.quote))}</mark>"
    shown = f"<q>…{escape(before)}{mark}{escape(after)}…</q>"
    return f"[{citation.number}] {shown} <span class=small>{escape(place)}</span>"


def _overlap(quote: str, sentence: str) -> bool:
    plain = " ".join(quote.split())
    return bool(plain) and (plain in sentence or sentence in plain)


def _cost(result: FactResult) -> str:
    usage = result.usage
    told = f"{result.seconds:.2f} s, {usage.prompt_tokens} prompt and {usage.output_tokens} output tokens"
    if result.retrieval:
        told += "; search: " + ", ".join(f"{name} {value:.2f}" for name, value in result.retrieval.items())
    return told


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]} … ({len(text):,} characters)"


def write_report(
    report: EvalReport,
    *,
    json: Path | None = None,
    html: Path | None = None,
    markdown: Path | None = None,
    junit: Path | None = None,
    history: Sequence[EvalReport] = (),
) -> None:
    """Write a report in every form that has a path; `history` are earlier reports for the page.

    Raises:
        InputError: a file cannot be written.
    """
    if json:
        write_text(json, f"{report.model_dump_json(indent=1)}\n")
    if html:
        write_text(html, render_page(report, history))
    if markdown:
        write_text(markdown, render_markdown(report))
    if junit:
        write_junit(report, junit)
