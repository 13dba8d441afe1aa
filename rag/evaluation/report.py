"""A finished run for people and for machines: plain text for a terminal or a log, JUnit XML.

In: an `EvalReport`; out: text or a file. JSON is `report.model_dump_json()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from rag.errors import InputError
from rag.evaluation.metrics import FactResult, Measure

if TYPE_CHECKING:
    from rag.evaluation.runner import EvalReport

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LABELS = {
    "facts": "facts without any fault",
    "content": "required content said and proven",
    "lists": "lists complete, nothing extra",
    "unanswerable": "unanswerable: not_found, nothing cited",
    "cross_lingual": "content, asked in another language",
    "status": "right status",
    "spans": "citations whose span is their quote",
    "supported": "statements without a stranger",
    "language": "answered in the question's language",
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
    parts = [
        _table(("measure", "value", "n", "bound", ""), [_measure_row(one) for one in report.measures]),
        _table(("kind", "right", "of"), _groups(report.results, lambda result: result.kind)),
        _table(("language", "right", "of"), _groups(report.results, lambda result: result.language)),
    ]
    if details:
        parts += [_failure(result) for result in report.failures]
    parts.append(_verdict(report))
    return "\n\n".join(parts)


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
            _fail(case, result.judgement.faults[0].kind, message, _failure(result))
    bounds = [one for one in report.measures if one.bound is not None]
    floor = _suite(root, "floor", len(bounds), sum(not one.passed for one in bounds), 0)
    for one in bounds:
        case = ElementTree.SubElement(floor, "testcase", classname="floor", name=one.name, time="0")
        if not one.passed:
            _fail(case, "floor", " ".join(cell for cell in _measure_row(one) if cell), _LABELS[one.name])
    ElementTree.indent(root)
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error}.", hint="Name a file in a folder that exists."
        ) from error


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


def _measure_row(one: Measure) -> tuple[str, ...]:
    def shown(value: float | None) -> str:
        if value is None:
            return "-"
        return {"rate": f"{value:.1%}", "seconds": f"{value:.2f} s", "tokens": f"{value:.0f}"}[one.unit]

    if one.bound is None:
        return (_LABELS[one.name], shown(one.value), str(one.n), "", "")
    sign = "≥" if one.unit == "rate" else "≤"
    state = "ok" if one.passed else "BELOW" if one.unit == "rate" else "ABOVE"
    return (_LABELS[one.name], shown(one.value), str(one.n), f"{sign} {shown(one.bound)}", state)


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


def _failure(result: FactResult) -> str:
    status = result.status or "no answer"
    lines = [f"FAILED {result.id} ({result.kind}, {result.language})", f"  asked:  {result.question}"]
    lines.append(f"  status: {status}")
    if result.text:
        lines.append("  answer: " + result.text.replace("\n", "\n          "))
    lines += [f"  {fault.kind}: {fault.detail}" for fault in result.judgement.faults]
    lines += [f"  [{c.number}] {c.article_id}[{c.start}:{c.end}] {c.quote!r}" for c in result.citations]
    return "\n".join(lines)


def _verdict(report: EvalReport) -> str:
    right = len(report.results) - len(report.failures)
    text = f"{right} of {len(report.results)} facts without any fault in {report.seconds:.1f} s."
    low = [one.name for one in report.measures if not one.passed]
    if low:
        return f"{text} Bounds not kept ({report.section}): {', '.join(low)}."
    return f"{text} All bounds kept ({report.section})." if report.section else text
