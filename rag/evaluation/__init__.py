"""Gold facts that guard the answers: read, ask, score without a model as judge, report, gate.

A product of its own on the public door: it knows the nouns and whatever answers like `NewsQA`.

    report = run("eval/facts.yaml", qa, floor="eval/floor.yaml", junit="eval.xml")
    print(render(report))
    sys.exit(0 if report.passed else 1)
"""

from __future__ import annotations

from rag.evaluation.checks import Fault, Judgement, judge
from rag.evaluation.compare import Comparison, compare, mcnemar
from rag.evaluation.facts import Content, Fact, FactFile, Floor, read_facts, read_floor, schema
from rag.evaluation.metrics import FactResult, Measure
from rag.evaluation.page import render_page, write_report
from rag.evaluation.report import render, render_markdown, write_junit, write_text
from rag.evaluation.runner import EvalReport, Target, read_report, run

__all__ = [
    "Comparison",
    "Content",
    "EvalReport",
    "Fact",
    "FactFile",
    "FactResult",
    "Fault",
    "Floor",
    "Judgement",
    "Measure",
    "Target",
    "compare",
    "judge",
    "mcnemar",
    "read_facts",
    "read_floor",
    "read_report",
    "render",
    "render_markdown",
    "render_page",
    "run",
    "schema",
    "write_junit",
    "write_report",
    "write_text",
]
