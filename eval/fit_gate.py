"""Fits the evidence gate (rag/gate.json) on questions whose proving sentence is known.

    python eval/fit_gate.py collect FOLDER ROWS.jsonl [--n 60]    asks, and writes one row per sentence judged
    python eval/fit_gate.py fit ROWS.jsonl                        cross-validates, reports, writes rag/gate.json

FOLDER holds pairs NAME.jsonl (question, answers, gold_doc) and NAME_corpus.jsonl (doc_id, title, text). Each question
is asked twice: as it is, and with every sentence that holds an accepted answer hidden, so that its topic is still
there and its answer is not. A quarter of the questions is asked in English, as the language model translates them.
Only sets whose licence allows it may be used. Rows hold numbers only, no text.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from rag import Article, NewsQA
from rag.newsqa import Asking
from rag.prompts import load_prompt
from rag.types import Filters, Hit
from rag.verify import confirm

_GATES = Path(__file__).parent.parent / "rag" / "gate.json"
_MODEL = ("chosen", "none", "lead", "coverage", "around", "strangers", "fits", "similarity", "foreign")
_EXTRACTIVE = ("lead", "coverage", "around", "strangers", "fits", "similarity", "foreign")
_PRECISION = 0.9  # of what is shown, this share must hold the answer


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    collecting = steps.add_parser("collect")
    collecting.add_argument("folder", type=Path)
    collecting.add_argument("rows", type=Path)
    collecting.add_argument("--n", type=int, default=60, help="questions per set")
    fitting = steps.add_parser("fit")
    fitting.add_argument("rows", type=Path)
    options = parser.parse_args()
    if options.step == "collect":
        _collect(options.folder, options.rows, options.n)
    else:
        _fit(options.rows)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _collect(folder: Path, rows: Path, n: int) -> None:
    chooser = random.Random(11)
    corpora = sorted(folder.glob("*_corpus.jsonl"))
    asked: list[dict[str, Any]] = []
    articles = []
    for corpus in corpora:
        documents = _read(corpus)
        articles += [
            Article(text=document["text"], title=document.get("title", ""), url=_address(document["doc_id"]))
            for document in documents
        ]
        questions = _read(corpus.with_name(corpus.name.replace("_corpus", "")))
        usable = [question for question in questions if question.get("answerable", True)]
        asked += chooser.sample(usable, min(n, len(usable)))
    chooser.shuffle(asked)
    with (
        tempfile.TemporaryDirectory() as place,
        NewsQA.open(place) as qa,
        rows.open("a", encoding="utf-8") as out,
    ):
        qa.add(
            articles, progress=lambda done, total, what: print(what, done, total, file=sys.stderr, end="\r")
        )
        for number, question in enumerate(asked):
            for row in _rows(qa, question, number):
                out.write(json.dumps(row) + "\n")
            out.flush()
            print(f"{number + 1}/{len(asked)}", file=sys.stderr)


def _rows(qa: NewsQA, question: dict[str, Any], number: int) -> list[dict[str, Any]]:
    llm = qa._llm()
    assert llm is not None
    text = question["question"]
    if number % 4 == 0:
        turns = load_prompt("translate").fill({"language": "English", "text": text})
        text = llm.complete(turns, max_tokens=80).text.strip()
    rows = []
    for hidden in (False, True):
        asking = Asking(qa, text, (), Filters())
        pool = [hit for hit in asking.pool() if not (hidden and _holds(hit, question["answers"]))]
        context = [hit for hit in asking.context(pool) if not (hidden and _holds(hit, question["answers"]))]
        if not context:
            continue
        judged = sorted(asking.signals(asking.question, pool, context, llm), key=lambda one: -one[1].chosen)
        for rank, (hit, seen) in enumerate(judged[:3]):
            yes, _ = confirm(llm, asking.question.text, hit.text) if rank < 1 else (None, None)
            rows.append(
                asdict(seen)
                | {"yes": yes, "rank": rank, "hidden": hidden, "question": number}
                | {
                    "label": int(
                        _holds(hit, question["answers"]) and hit.url == _address(question["gold_doc"])
                    )
                }
            )
    return rows


def _address(document: str) -> str:
    return f"https://set.invalid/{quote(document, safe='')}"


def _holds(hit: Hit, answers: list[str]) -> bool:
    text = " ".join(hit.text.casefold().split())
    return any(" ".join(answer.casefold().split()) in text for answer in answers)


def _fit(path: Path) -> None:
    rows = _read(path)
    with_yes = [row for row in rows if row["yes"] is not None]
    gates = {
        "first": _gate("first", rows, _MODEL) | {"doubt": 0.2},
        "second": _gate("second", with_yes, (*_MODEL, "yes")),
        "extractive": _gate("extractive", rows, _EXTRACTIVE),
    }
    _GATES.write_text(json.dumps(gates, indent=2) + "\n", encoding="utf-8")


def _gate(name: str, rows: list[dict[str, Any]], features: tuple[str, ...]) -> dict[str, Any]:
    values = np.array([[row[feature] for feature in features] for row in rows], dtype=float)
    labels = np.array([row["label"] for row in rows])
    groups = np.array([row["question"] for row in rows])
    model = LogisticRegression(C=10.0, max_iter=5000)
    support = cross_val_predict(
        model, values, labels, groups=groups, cv=GroupKFold(10), method="predict_proba"
    )[:, 1]
    shows = _threshold(support, labels)
    print(f"\n{name}: {len(rows)} rows, {labels.mean():.0%} right, AUC {roc_auc_score(labels, support):.3f}")
    for feature, column in zip(features, values.T, strict=True):
        print(f"  {feature:12} alone {roc_auc_score(labels, column):.3f}")
    print("  shows  shown right | questions answered right, wrong | hidden: shown")
    for limit in sorted({shows, 0.3, 0.4, 0.5, 0.6, 0.7}):
        _report(limit, rows, support, labels)
    model.fit(values, labels)
    weights = {
        feature: round(float(weight), 3) for feature, weight in zip(features, model.coef_[0], strict=True)
    }
    return {"bias": round(float(model.intercept_[0]), 3), "shows": round(shows, 2), "weights": weights}


def _threshold(support: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
    """The lowest support above which the wanted share is right."""
    for limit in np.arange(0.3, 0.9, 0.01):
        shown = support >= limit
        if shown.any() and labels[shown].mean() >= _PRECISION:
            return float(limit)
    return 0.9


def _report(
    limit: float, rows: list[dict[str, Any]], support: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]
) -> None:
    shown = support >= limit
    asked = {row["question"] for row in rows if not row["hidden"]}
    best: dict[tuple[int, bool], tuple[float, int]] = {}
    for row, value, label in zip(rows, support, labels, strict=True):
        key = (row["question"], row["hidden"])
        best[key] = max(best.get(key, (0.0, 0)), (float(value), int(label)))
    right = sum(label for (_, hidden), (value, label) in best.items() if value >= limit and not hidden)
    wrong = sum(1 - label for (_, hidden), (value, label) in best.items() if value >= limit and not hidden)
    silent = [value < limit for (_, hidden), (value, _) in best.items() if hidden]
    share = labels[shown].mean() if shown.any() else 1.0
    print(
        f"  {limit:.2f}   {share:.2f} of {int(shown.sum())} | {right / len(asked):.2f}, {wrong / len(asked):.2f}"
        f" | silent {np.mean(silent):.2f}"
    )


if __name__ == "__main__":
    main()
