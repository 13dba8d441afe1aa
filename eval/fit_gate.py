"""Fits the evidence gate (rag/gate.json) on questions whose proving sentence is known.

    python eval/fit_gate.py collect FOLDER ROWS.jsonl [--n 60] [--extractive]
                                                    asks, and adds one row per sentence judged
    python eval/fit_gate.py fit ROWS.jsonl          cross-validates, reports, writes rag/gate.json

FOLDER holds pairs NAME.jsonl (question, answers, gold_doc, answerable) and NAME_corpus.jsonl (doc_id, title, text).
Each answerable question is asked as it is ("plain"); with every sentence that holds an accepted answer hidden, so that
its topic is still there and its answer is not ("hidden"); and about something else, one of its names or nouns exchanged
("exchanged"). Every second one is also asked in English, plain and hidden, as the language model translates it.
Questions whose article is not there ("absent") come on top, half as many. With --extractive all are asked without a
language model, which is quick. Only sets whose licence allows it may be used. Rows hold numbers only, no text.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from rag import Article, NewsQA
from rag.asking import Asking
from rag.llm import open_llm
from rag.prompts import load_prompt
from rag.sentences import detect_language
from rag.settings import read_settings
from rag.types import ChatModel, Filters, Hit
from rag.verify import GATES, confirm, load_gate
from rag.words import words

_EXTRACTIVE = (
    "lead",
    "coverage",
    "nearness",
    "weakest",
    "named",
    "around",
    "strangers",
    "fits",
    "similarity",
)
# Across languages words cannot be compared, only how near they are.
_FOREIGN_EXTRACTIVE = ("lead", "nearness", "weakest", "named", "fits", "similarity")
# Share of the questions without an answer that is met with silence: the mean of those whose answer was hidden, so that
# its article is there without its sentence, and of those whose article is not there. Those with a word exchanged do
# not count here: often the answer is still there.
_SILENCE = 0.9
_SILENCE_ALONE = 0.92  # where no model looks as well
_LOST = 0.01  # share of the right answers that may be lost by not asking a model where all seems hopeless
_CONFIRMED = 2  # sentences per question that the model is asked about
_RIDGE = 0.1
_NOTHING = 1e-3  # weights below this are left out
# Which way each signal speaks: knowing it keeps a small sample from teaching nonsense.
_SIGNS = {
    "lead": -1, "coverage": 1, "nearness": 1, "weakest": 1, "named": 1, "around": 1, "strangers": -1,
    "fits": 1, "similarity": 1, "yes": 1,
}  # fmt: skip

Values = npt.NDArray[np.float64]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    collecting = steps.add_parser("collect")
    collecting.add_argument("folder", type=Path)
    collecting.add_argument("rows", type=Path)
    collecting.add_argument("--n", type=int, default=60, help="questions per set")
    collecting.add_argument("--extractive", action="store_true", help="ask without a language model")
    fitting = steps.add_parser("fit")
    fitting.add_argument("rows", type=Path)
    options = parser.parse_args()
    if options.step == "collect":
        _collect(options.folder, options.rows, options.n, options.extractive)
    else:
        _fit(options.rows)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _collect(folder: Path, rows: Path, n: int, extractive: bool) -> None:
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
        for answerable, share in ((True, n), (False, n // 2)):
            usable = [question for question in questions if question.get("answerable", True) is answerable]
            asked += chooser.sample(usable, min(share, len(usable)))
    chooser.shuffle(asked)
    llm = open_llm(read_settings())
    assert llm is not None
    asking_with = None if extractive else llm
    with (
        tempfile.TemporaryDirectory() as place,
        NewsQA.open(place, llm=asking_with) as qa,
        rows.open("a", encoding="utf-8") as out,
    ):
        qa.add(
            articles, progress=lambda done, total, what: print(what, done, total, file=sys.stderr, end="\r")
        )
        for number, question in enumerate(asked):
            other = asked[(number + 1) % len(asked)]["question"]
            for text, way in _wordings(llm, question, other, english=number % 2 == 0, chooser=chooser):
                for row in _rows(qa, asking_with, text, question, way):
                    out.write(json.dumps(row | {"way": way, "question": number}) + "\n")
            out.flush()
            print(f"{number + 1}/{len(asked)}", file=sys.stderr)


def _wordings(
    llm: ChatModel, question: dict[str, Any], other: str, *, english: bool, chooser: random.Random
) -> Iterator[tuple[str, str]]:
    """(question, way) of all ways in which one question is asked."""
    text = question["question"]
    if not question.get("answerable", True):
        yield text, "absent"
        return
    yield from ((text, "plain"), (text, "hidden"))
    if exchanged := _swapped(text, other, chooser):
        yield exchanged, "exchanged"
    if english:
        translated = _in_english(llm, text)
        yield from ((translated, "plain"), (translated, "hidden"))


def _swapped(text: str, other: str, chooser: random.Random) -> str:
    """The question about something else: one of its names or nouns taken from another question; "" without any."""
    own = [word for word in words(text, detect_language(text)) if word.name]
    theirs = [word for word in words(other, detect_language(other)) if word.name]
    if not own or not theirs:
        return ""
    out, new = chooser.choice(own), chooser.choice(theirs)
    return text[: out.start] + other[new.start : new.end] + text[out.end :]


def _in_english(llm: ChatModel, text: str) -> str:
    turns = load_prompt("translate").fill({"language": "English", "text": text})
    return llm.complete(turns, max_tokens=80).text.strip()


def _rows(
    qa: NewsQA, llm: ChatModel | None, text: str, question: dict[str, Any], way: str
) -> Iterator[dict[str, Any]]:
    asking = Asking(qa.engine, text, (), Filters())
    hidden = way == "hidden"
    pool = [hit for hit in asking.pool() if not (hidden and _holds(hit, question["answers"]))]
    context = [hit for hit in asking.context(pool) if not (hidden and _holds(hit, question["answers"]))]
    if not context:
        return
    seen = asking.signals(asking.question, pool, context)
    foreign = asking.question.language != context[0].language
    now = load_gate(
        "extractive", foreign=foreign
    )  # the one in force says which sentences are worth a question
    judged = sorted(seen, key=lambda one: -now.support(one[1]))
    for rank, (hit, one) in enumerate(judged[:3]):
        yes = confirm(llm, asking.question.text, hit.text)[0] if llm and rank < _CONFIRMED else None
        proves = hit.url == _address(question["gold_doc"]) and _holds(hit, question["answers"])
        label = way == "plain" and proves
        yield asdict(one) | {
            "yes": yes,
            "label": int(label),
            "foreign": foreign,
        }


def _address(document: str) -> str:
    return f"https://set.invalid/{quote(document, safe='')}"


def _holds(hit: Hit, answers: list[str]) -> bool:
    text = " ".join(hit.text.casefold().split())
    return any(" ".join(answer.casefold().split()) in text for answer in answers)


def _fit(path: Path) -> None:
    rows = _read(path)
    confirmed = [row for row in rows if row["yes"] is not None]
    gates = {
        "extractive": _gate("extractive", _same_language(rows), _EXTRACTIVE, alone=True),
        "confirmed": _gate("confirmed", _same_language(confirmed), (*_EXTRACTIVE, "yes")),
        "extractive_foreign": _gate("extractive_foreign", rows, _FOREIGN_EXTRACTIVE, alone=True),
        "confirmed_foreign": _gate("confirmed_foreign", confirmed, (*_FOREIGN_EXTRACTIVE, "yes")),
    }
    others = json.loads(GATES.read_text(encoding="utf-8"))  # eval/fit_judge.py has its own
    GATES.write_text(json.dumps(others | gates, indent=2) + "\n", encoding="utf-8")


def _same_language(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row["foreign"]]


def _gate(
    name: str, rows: list[dict[str, Any]], features: tuple[str, ...], *, alone: bool = False
) -> dict[str, Any]:
    values = np.array([[row[feature] * _SIGNS[feature] for feature in features] for row in rows], dtype=float)
    labels = np.array([row["label"] for row in rows], dtype=float)
    groups = np.array([row["question"] for row in rows])
    support = np.zeros(len(rows))
    for learn, judge in GroupKFold(10).split(values, labels, groups):
        support[judge] = _logistic(values[judge], _fitted(values[learn], labels[learn]))
    shows = _threshold(support, rows, _SILENCE_ALONE if alone else _SILENCE)
    print(f"\n{name}: {len(rows)} rows, {labels.mean():.0%} right, AUC {roc_auc_score(labels, support):.3f}")
    for feature, column in zip(features, values.T, strict=True):
        print(f"  {feature:12} alone {roc_auc_score(labels, column):.3f}")
    print(
        "  shows  of what is shown right | questions answered right, wrong | silent where there is no answer"
    )
    for limit in sorted({shows, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6}):
        _report(limit, rows, support, labels)
    coefficients = _fitted(values, labels)
    weights = {
        feature: round(float(weight) * _SIGNS[feature], 3)
        for feature, weight in zip(features, coefficients[1:], strict=True)
        if weight > _NOTHING
    }
    gate = {"bias": round(float(coefficients[0]), 3), "shows": round(shows, 2), "weights": weights}
    return gate | ({"hopeless": _hopeless(support, rows)} if alone else {})


def _hopeless(support: Values, rows: list[dict[str, Any]]) -> float:
    """The support that hardly any right answer stays below, and what would not be asked a model below it."""
    loudest = _loudest(support, rows)
    right = [value for (_, _, way), (value, label) in loudest.items() if way == "plain" and label]
    limit = round(float(np.quantile(right, _LOST)), 3)
    for way in ("hidden", "absent", "exchanged"):
        values = [value < limit for (_, _, other), (value, _) in loudest.items() if other == way]
        if values:
            print(f"  below {limit}: {np.mean(values):.2f} of {len(values)} {way}")
    return limit


def _fitted(values: Values, labels: Values) -> Values:
    """Bias and weights of a logistic regression; weights are not negative, since the signs are known beforehand."""

    def loss(coefficients: Values) -> float:
        total = coefficients[0] + values @ coefficients[1:]
        errors = np.logaddexp(0.0, total) - labels * total
        return float(errors.sum() + _RIDGE * (coefficients[1:] ** 2).sum())

    bounds = [(None, None), *[(0.0, None)] * values.shape[1]]
    return np.asarray(minimize(loss, np.zeros(values.shape[1] + 1), bounds=bounds, method="L-BFGS-B").x)


def _logistic(values: Values, coefficients: Values) -> Values:
    return np.asarray(1.0 / (1.0 + np.exp(-(coefficients[0] + values @ coefficients[1:]))))


def _threshold(support: Values, rows: list[dict[str, Any]], silence: float) -> float:
    """The lowest limit at which the wanted share of questions without an answer is met with silence.

    Hidden and absent answers count the same, however many there are of each.
    """
    loudest = _loudest(support, rows)
    ways = [
        np.array([value for (_, _, other), (value, _) in loudest.items() if other == way])
        for way in ("hidden", "absent")
    ]
    limits = np.unique(np.concatenate(ways))
    shares = np.mean([(values[:, None] < limits).mean(axis=0) for values in ways if values.size], axis=0)
    return float(limits[min(int(np.searchsorted(shares, silence)), len(limits) - 1)])


def _loudest(support: Values, rows: list[dict[str, Any]]) -> dict[tuple[int, bool, str], tuple[float, int]]:
    """The greatest support and its label, by question, language and way of asking."""
    loudest: dict[tuple[int, bool, str], tuple[float, int]] = {}
    for row, value in zip(rows, support, strict=True):
        key = (row["question"], row["foreign"], row["way"])
        loudest[key] = max(loudest.get(key, (0.0, 0)), (float(value), row["label"]))
    return loudest


def _report(limit: float, rows: list[dict[str, Any]], support: Values, labels: Values) -> None:
    shown = support >= limit
    loudest = _loudest(support, rows)
    plain = [one for (_, _, way), one in loudest.items() if way == "plain"]
    right = np.mean([value >= limit and bool(label) for value, label in plain])
    wrong = np.mean([value >= limit and not label for value, label in plain])
    silent = {
        way: np.mean([value < limit for (_, _, other), (value, _) in loudest.items() if other == way])
        for way in ("hidden", "absent", "exchanged")
        if any(other == way for _, _, other in loudest)
    }
    share = labels[shown].mean() if shown.any() else 1.0
    told = ", ".join(f"{way} {value:.2f}" for way, value in silent.items())
    print(f"  {limit:.2f}   {share:.2f} of {int(shown.sum())} | {right:.2f}, {wrong:.2f} | {told}")


if __name__ == "__main__":
    main()
