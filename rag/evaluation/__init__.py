"""Gold facts that guard the answers: read, ask, score without a model as judge, report, gate.

A product of its own on the public door: it knows the nouns and whatever answers like `NewsQA`.

    report = run("eval/facts.yaml", qa, floor="eval/floor.yaml", junit="eval.xml")
    print(render(report))
    sys.exit(0 if report.passed else 1)
"""

from __future__ import annotations

from rag.evaluation.checks import Fault, Judgement, judge
from rag.evaluation.facts import Content, Fact, FactFile, Floor, read_facts, read_floor
from rag.evaluation.metrics import FactResult, Measure
from rag.evaluation.report import render, write_junit
from rag.evaluation.runner import EvalReport, Target, run

__all__ = [
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
    "judge",
    "read_facts",
    "read_floor",
    "render",
    "run",
    "write_junit",
]
