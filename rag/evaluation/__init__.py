"""Gold facts that guard the answers: read, ask, score without a model as judge, report, gate.

A product of its own on the public door: it knows the nouns and whatever answers like `NewsQA`.

    report = run("eval/facts.yaml", qa, floor="eval/floor.yaml", junit="eval.xml")
    print(render(report))
    sys.exit(0 if report.passed else 1)
"""

from __future__ import annotations

from rag.evaluation.author import lint, write_fact
from rag.evaluation.checks import Fault, Judgement, judge
from rag.evaluation.compare import Comparison, compare, mcnemar
from rag.evaluation.facts import Content, Fact, FactFile, Floor
from rag.evaluation.judging import Agreement, Judge, agreement, read_agreement, read_labels
from rag.evaluation.metrics import FactResult, Measure
from rag.evaluation.page import render_page, write_report
from rag.evaluation.reading import read_facts, read_floor, schema
from rag.evaluation.report import (
    render,
    render_agreement,
    render_markdown,
    render_robustness,
    write_junit,
    write_text,
)
from rag.evaluation.robustness import Robustness, robustness
from rag.evaluation.runner import EvalReport, Target, read_report, run, side_by_side
from rag.evaluation.suites import SUITES, make_suites
from rag.evaluation.targets import open_target

__all__ = [
    "Agreement",
    "Comparison",
    "Content",
    "EvalReport",
    "Fact",
    "FactFile",
    "FactResult",
    "Fault",
    "Floor",
    "Judge",
    "Judgement",
    "Measure",
    "Robustness",
    "SUITES",
    "Target",
    "agreement",
    "compare",
    "judge",
    "lint",
    "make_suites",
    "mcnemar",
    "open_target",
    "read_agreement",
    "read_facts",
    "read_floor",
    "read_labels",
    "read_report",
    "render",
    "render_agreement",
    "render_markdown",
    "render_page",
    "render_robustness",
    "robustness",
    "run",
    "schema",
    "side_by_side",
    "write_fact",
    "write_junit",
    "write_report",
    "write_text",
]
