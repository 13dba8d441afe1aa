"""Gold facts that guard the answers: read, ask, score without a model as judge, report, gate.

A product of its own on the public door: it knows the nouns and whatever answers like `NewsQA`.

    report = run("eval/facts.yaml", qa, floor="eval/floor.yaml", junit="eval.xml")
    print(render(report))
    sys.exit(0 if report.passed else 1)
"""

from __future__ import annotations

from rag.evaluation.author import lint, write_fact
from rag.evaluation.checks import Fault, Judgement, judge
from rag.evaluation.compare import Comparison, Difference, compare, difference, mcnemar
from rag.evaluation.facts import RATES, Content, Fact, FactFile, Floor
from rag.evaluation.judging import Agreement, Judge, agreement, read_agreement, read_labels
from rag.evaluation.metrics import FactResult, Measure
from rag.evaluation.page import render_page, write_report
from rag.evaluation.reading import read_facts, read_floor, schema
from rag.evaluation.report import (
    check_places,
    render,
    render_agreement,
    render_difference,
    render_markdown,
    render_robustness,
    robustness_markdown,
    write_junit,
    write_text,
)
from rag.evaluation.robustness import Robustness, robustness
from rag.evaluation.runner import EvalReport, Target, read_history, read_report, run, side_by_side
from rag.evaluation.suites import SUITES, make_suites
from rag.evaluation.targets import check_articles, open_target

__all__ = [
    "Agreement",
    "Comparison",
    "Content",
    "Difference",
    "EvalReport",
    "Fact",
    "FactFile",
    "FactResult",
    "Fault",
    "Floor",
    "Judge",
    "Judgement",
    "Measure",
    "RATES",
    "Robustness",
    "SUITES",
    "Target",
    "agreement",
    "check_articles",
    "check_places",
    "compare",
    "difference",
    "judge",
    "lint",
    "make_suites",
    "mcnemar",
    "open_target",
    "read_agreement",
    "read_facts",
    "read_floor",
    "read_history",
    "read_labels",
    "read_report",
    "render",
    "render_agreement",
    "render_difference",
    "render_markdown",
    "render_page",
    "render_robustness",
    "robustness",
    "robustness_markdown",
    "run",
    "schema",
    "side_by_side",
    "write_fact",
    "write_junit",
    "write_report",
    "write_text",
]
