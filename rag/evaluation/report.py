"""A finished run for people and for machines: text for a terminal or a log, Markdown, JUnit XML, files.

In: an `EvalReport`; out: text or a file. JSON is `report.model_dump_json()`; the page is in page.py.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from rag.errors import InputError
from rag.evaluation.compare import Comparison, Difference, Row
from rag.evaluation.judging import AGREEMENT_HEAD, Agreement, agreement_rows, what_it_means
from rag.evaluation.metrics import FactResult, Measure

if TYPE_CHECKING:
    from rag.evaluation.robustness import Robustness
    from rag.evaluation.runner import EvalReport

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LABELS = {
    "facts": "facts without any fault",
    "content": "required content said and proven",
    "lists": "lists complete, nothing extra",
    "unanswerable": "unanswerable: not_found, nothing cited",
    "cross_lingual": "content, asked in another language",
    "status": "right status",
    "spans": "citations whose span is their quote",
    "supported": "statements without a stranger",
    "language": "answered in the question's language",
    "judged": "statements that the judge finds proven",
    "covered": "share of its source that a summary holds",
    "said": "required content said, cited or not",
    "citation_precision": "citations in a proving sentence",
    "citation_recall": "required contents with their proof cited",
    "hit_at_10": "search: something proving among 10 passages",
    "mrr_at_10": "search: reciprocal rank of the first, of 10",
    "ndcg_at_10": "search: nDCG of 10",
    "recall_at_10": "search: proving sentences among 10 passages",
    "seconds_median": "seconds to the answer, median",
    "seconds_p95": "seconds to the answer, 95th percentile",
    "first_statement_median": "seconds to the first statement, median",
    "first_statement_p95": "seconds to the first statement, 95th percentile",
    "prompt_tokens_median": "prompt tokens, median",
    "prompt_tokens_p95": "prompt tokens, 95th percentile",
    "output_tokens_median": "output tokens, median",
    "output_tokens_p95": "output tokens, 95th percentile",
}


def render(report: EvalReport, *, details: bool = True) -> str:
    """The report as plain text: measures, share of faultless facts per kind and language, failures.

    Args:
        report: a finished run.
        details: also print question, answer, faults and citations of every fact with a fault.
    """
    shown = [one for one in report.measures if one.n or one.bound is not None]
    parts = [
        _table(("measure", "value", "95 %", "n", "bound", ""), [measure_row(one) for one in shown]),
        _table(("kind", "right", "of"), _groups(report.results, lambda result: result.kind)),
        _table(("language", "right", "of"), _groups(report.results, lambda result: result.language)),
    ]
    for tag, ones in report.tagged.items():
        bound = [measure_row(one) for one in ones if one.bound is not None]
        parts.append(_table((f"tag {tag}", "value", "95 %", "n", "bound", ""), bound))
    if report.beside_measures:
        parts.append(_table(beside_head(report), beside_rows(report)))
    if report.agreement:
        parts.append(render_agreement(report.agreement))
    parts += [_comparison(one) for one in report.comparisons]
    if details:
        parts += [explain(result) for result in report.failures]
    parts.append(_verdict(report))
    return "\n\n".join(parts)


def render_agreement(agreement: Agreement) -> str:
    """How far a judge agrees with people, and whether its verdicts count."""
    return f"{_table(AGREEMENT_HEAD, agreement_rows(agreement))}\n{what_it_means(agreement)}"


def beside_head(report: EvalReport) -> tuple[str, ...]:
    """Names of the columns that show two targets."""
    return ("side by side", report.comparisons[-1].before, report.target)


def beside_rows(report: EvalReport) -> list[tuple[str, ...]]:
    """Every measure of both targets."""
    other = {one.name: one for one in report.beside_measures}
    return [
        (LABELS[one.name], shown_value(other[one.name], other[one.name].value), shown_value(one, one.value))
        for one in report.measures
        if one.n or other[one.name].n
    ]


def _comparison(comparison: Comparison) -> str:
    rows = [comparison_row(comparison, row) for row in comparison.rows]
    head = (f"{comparison.before} -> {comparison.after}", "before", "after", "lost", "gained", "p", "")
    lines = [_table(head, rows)]
    for row in comparison.rows[:1]:
        lines += [f"lost: {', '.join(row.lost)}"] if row.lost else []
        lines += [f"gained: {', '.join(row.gained)}"] if row.gained else []
    return "\n".join((*lines, how_tested(comparison)))


def render_difference(found: Difference, comparison: Comparison) -> str:
    """How many verdicts of two runs differ, of which facts, and every outcome of both."""
    low, high = found.interval
    n = len(found.facts)
    lines = [
        f"verdicts that differ: {len(found.verdicts)} of {n} ({found.share:.1%}, 95 %: {low:.1%}–{high:.1%})",
        f"answers in other words or with other citations: {len(found.answers)} of {n}",
    ]
    lines += [f"another verdict: {', '.join(found.verdicts)}"] if found.verdicts else []
    lines += [f"left out, changed in between: {', '.join(found.changed)}"] if found.changed else []
    return "\n".join([_comparison(comparison), "", *lines])


def how_tested(comparison: Comparison) -> str:
    """How losses are told from noise, in one sentence."""
    if comparison.certain:
        return "The same question always gets the same answer here, so every difference is real."
    return "p: exact McNemar test on the facts that differ; above .05 a difference may be noise."


def comparison_row(comparison: Comparison, row: Row) -> tuple[str, ...]:
    """The cells of one outcome: name, before, after, lost, gained, p, what it means."""
    shares = (f"{row.before:.1%}", f"{row.after:.1%}")
    return (
        LABELS[row.name],
        *shares,
        str(len(row.lost)),
        str(len(row.gained)),
        f"{row.p:.3f}",
        comparison.meaning(row),
    )


def render_markdown(report: EvalReport, *, most: int = 20) -> str:
    """The report as Markdown for a pull request: the verdict, what is bounded, what was lost, what failed.

    Args:
        report: a finished run.
        most: how many failures are told in full.
    """
    sign = "✅" if report.passed else "❌"
    bounded = [one for one in report.measures if one.bound is not None] or [
        one for one in report.measures if one.unit == "rate" and one.n
    ]
    head = ("measure", "value", "95 %", "n", "bound", "")
    parts = [f"## {sign} {_verdict(report)}", _pipes(head, [measure_row(one) for one in bounded])]
    if report.beside_measures:
        parts.append(_pipes(beside_head(report), beside_rows(report)))
    if report.agreement:
        parts += [_pipes(AGREEMENT_HEAD, agreement_rows(report.agreement)), what_it_means(report.agreement)]
    for comparison in report.comparisons:
        sides = (f"{comparison.before} → {comparison.after}", "before", "after", "lost", "gained", "p", "")
        parts += [_pipes(sides, [comparison_row(comparison, row) for row in comparison.rows])]
        parts.append(how_tested(comparison))
        parts += [
            f"{name}: {', '.join(f'`{one}`' for one in ids)}"
            for row in comparison.rows[:1]
            for name, ids in (("Lost", row.lost), ("Gained", row.gained))
            if ids
        ]
    if report.failures:
        parts.append("### What failed")
        parts += [_folded(result) for result in report.failures[:most]]
    if len(report.failures) > most:
        parts.append(f"… and {len(report.failures) - most} more.")
    return "\n\n".join(parts) + "\n"


def _pipes(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    align = ["---", *(["---:"] * (len(head) - 1))]
    lines = [head, align, *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _folded(result: FactResult) -> str:
    kinds = ", ".join(dict.fromkeys(fault.kind for fault in result.judgement.faults))
    fence = "~" * 8
    title = f"<summary><code>{result.id}</code> {html.escape(result.question)} ({result.state}: {kinds})</summary>"
    return f"<details>{title}\n\n{fence}\n{explain(result)}\n{fence}\n\n</details>"


def write_text(path: str | Path, text: str) -> None:
    """Write a report to a file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder that exists."
        ) from error


def check_places(paths: Iterable[Path | None]) -> None:
    """See that files can be written before anything is asked for their sake.

    Raises:
        InputError: one cannot.
    """
    for path in filter(None, paths):
        folder = path.parent
        if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
            raise InputError(
                f"{path} cannot be written.", hint="Name a file in a folder that exists and may be written."
            )


def render_robustness(report: Robustness) -> str:
    """What every suite cost, and which facts."""
    head = ("suite", "n", "right before", "after", "lost", "gained", "p", "allowed", "")
    rows = []
    for one in report.outcomes:
        row = one.row
        before = "-" if one.kind != "same" else f"{row.before:.1%}"
        allowed = "" if one.allowed is None else f"{one.allowed:.0%}"
        state = "FAILED" if not one.passed else "ok" if one.allowed is not None else ""
        shares = (before, f"{row.after:.1%}", str(len(row.lost)), str(len(row.gained)))
        p = "-" if one.kind != "same" else f"{row.p:.3f}"
        rows.append((one.suite, str(row.n), *shares, p, allowed, state))
    lines = [f"{one.suite} lost: {', '.join(one.row.lost)}" for one in report.outcomes if one.row.lost]
    lines += [
        f"{one.suite} repeated what was planted: {', '.join(one.planted)}"
        for one in report.outcomes
        if one.planted
    ]
    return "\n\n".join(filter(None, [_table(head, rows), "\n".join(lines)]))


def robustness_markdown(report: Robustness) -> str:
    """The same as Markdown, a row per suite; of `silent` and `disputed` ones the share that did what is right."""
    words = {"silent": "silent: ", "disputed": "shown: "}
    rows = []
    for one in report.outcomes:
        row, word = one.row, words.get(one.kind, "")
        before = "" if word else f"{row.before:.1%}"
        gained = "" if word else str(len(row.gained))
        shares = (before, f"{word}{row.after:.1%}", str(len(row.lost)), gained)
        rows.append((f"`{one.suite}`", str(row.n), *shares, str(len(one.planted)) if one.planted else ""))
    head = (
        "suite",
        "facts",
        "right without the change",
        "with it",
        "lost",
        "gained",
        "repeat what was planted",
    )
    return f"{_pipes(head, rows)}\n"


def write_junit(report: EvalReport, path: str | Path) -> None:
    """Write JUnit XML: a suite with a case per fact, and one with a case per bound.

    Raises:
        InputError: the file cannot be written.
    """
    root = ElementTree.Element("testsuites", name="rag eval", time=f"{report.seconds:.3f}")
    facts = _suite(root, "facts", len(report.results), len(report.failures), report.seconds)
    for result in report.results:
        case = ElementTree.SubElement(
            facts, "testcase", classname=f"facts.{result.kind}", name=result.id, time=f"{result.seconds:.3f}"
        )
        if not result.passed:
            message = "; ".join(fault.detail for fault in result.judgement.faults)
            kind = "flaky" if result.flaky else result.judgement.faults[0].kind
            _fail(case, kind, message, explain(result))
    bounds = [one for one in report.measures if one.bound is not None]
    floor = _suite(root, "floor", len(bounds), sum(not one.passed for one in bounds), 0)
    for one in bounds:
        case = ElementTree.SubElement(floor, "testcase", classname="floor", name=one.name, time="0")
        if not one.passed:
            _fail(case, "floor", " ".join(cell for cell in measure_row(one) if cell), LABELS[one.name])
    ElementTree.indent(root)
    write_text(path, ElementTree.tostring(root, encoding="unicode", xml_declaration=True))


def _suite(
    root: ElementTree.Element, name: str, tests: int, failures: int, seconds: float
) -> ElementTree.Element:
    return ElementTree.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(tests),
        failures=str(failures),
        errors="0",
        time=f"{seconds:.3f}",
    )


def _fail(case: ElementTree.Element, kind: str, message: str, body: str) -> None:
    failure = ElementTree.SubElement(case, "failure", type=kind, message=_NOT_XML.sub("?", message))
    failure.text = _NOT_XML.sub("?", body)


def shown_value(one: Measure, value: float | None) -> str:
    """A value in the unit of its measure."""
    if value is None:
        return "-"
    return {"rate": f"{value:.1%}", "seconds": f"{value:.2f} s", "tokens": f"{value:.0f}"}[one.unit]


def measure_row(one: Measure) -> tuple[str, ...]:
    """The cells of one measure: name, value, interval, cases, bound, whether it is kept."""
    span = "–".join(f"{end:.0%}" for end in one.interval or ())
    cells = (LABELS[one.name], shown_value(one, one.value), span, str(one.n))
    if one.bound is None:
        return (*cells, "", "")
    sign = "≥" if one.unit == "rate" else "≤"
    state = "ok" if one.passed else "BELOW" if one.unit == "rate" else "ABOVE"
    return (*cells, f"{sign} {shown_value(one, one.bound)}", state)


def _groups(results: Sequence[FactResult], key: Callable[[FactResult], str]) -> list[tuple[str, ...]]:
    names = dict.fromkeys(key(result) for result in results)
    rows: list[tuple[str, ...]] = []
    for name in names:
        group = [result for result in results if key(result) == name]
        rows.append((name, str(sum(result.passed for result in group)), str(len(group))))
    return rows


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Columns padded to their widest cell: the first to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]

    def padded(line: tuple[str, ...]) -> str:
        cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        return "  ".join(cells).rstrip()

    rule = "  ".join("-" * width for width in widths).rstrip()
    return "\n".join([padded(head), rule, *(padded(line) for line in lines[1:])])


def explain(result: FactResult) -> str:
    """Question, answer, everything that is wrong, and what was cited."""
    status = result.status or "no answer"
    right = f", right in {sum(result.outcomes)} of {len(result.outcomes)} runs" if result.flaky else ""
    head = f"{'FLAKY' if result.flaky else 'FAILED'} {result.id} ({result.kind}, {result.language}{right})"
    lines = [head, f"  asked:  {result.question}"]
    lines.append(f"  status: {status}")
    if result.text:
        lines.append("  answer: " + result.text.replace("\n", "\n          "))
    lines += [f"  {fault.kind}: {fault.detail}" for fault in result.judgement.faults]
    lines += [f"  the judge doubts: {text}" for text in result.doubted]
    lines += [f"  [{c.number}] {c.article_id}[{c.start}:{c.end}] {c.quote!r}" for c in result.citations]
    return "\n".join(lines)


def _verdict(report: EvalReport) -> str:
    right = len(report.results) - len(report.failures)
    flaky = sum(result.flaky for result in report.results)
    often = f", asked {report.runs} times each, {flaky} flaky," if report.runs > 1 else ""
    whole = f" ({report.whole_seconds:.1f} s from the start on)" if report.whole_seconds else ""
    text = (
        f"{right} of {len(report.results)} facts without any fault{often} in {report.seconds:.1f} s{whole}."
    )
    if report.reused:
        text += f" {report.reused} answers taken over, nothing has changed for them."
    if report.cost is not None:
        text += f" The tokens cost {report.cost:.4f}."
    if low := report.broken_bounds:
        return f"{text} Bounds not kept ({report.section or 'no floor'}): {', '.join(low)}."
    return f"{text} All bounds kept ({report.section})." if report.section else text
