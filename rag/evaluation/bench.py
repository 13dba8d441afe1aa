"""Sets of questions that others wrote, asked of an index of all their documents: search measures, answers, silence.

In: sets (rag.evaluation.sets), a target, ways to search. Out: `BenchReport`, whose JSON is `report.model_dump_json()`;
Markdown and the plot of risk against coverage are written here. Hides ir_measures and matplotlib. Intervals are
bootstrapped with a fixed seed, so the same run prints the same numbers.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from rag.errors import InputError
from rag.evaluation.sets import AskedQuestion, Document, QuestionSet, plain
from rag.types import Answer, Article, Hit, Message, Noun, Progress, Status, Usage

_SCHEME = "bench:"
DEPTH = 10  # hits that are looked at
_DRAWS = 1000  # bootstrap samples
_HIT = "Success@4"
_MEASURES = {_HIT: "hit@4", "nDCG@10": "nDCG@10"}


class Search(Protocol):
    """One way to search; the first is the product's own, the others are what it is held against."""

    def passages(self, question: str, k: int) -> list[Hit]:
        """The `k` nearest passages, nearest first."""

    def sentences(self, question: str, k: int) -> list[Hit]:
        """The `k` nearest sentences, nearest first."""


class Asked(Protocol):
    """What answers: `NewsQA`, `Client`."""

    def ask(self, question: str, *, history: Sequence[Message] = (), **filters: Any) -> Answer:
        """A cited answer, or none."""


class Score(Noun):
    """One measure of one way on one set: its mean over `n` questions with the bounds of a 95 % interval."""

    set: str
    way: str
    measure: str
    n: int
    value: float
    low: float
    high: float


class Cost(Noun):
    """What a question costs on average: seconds, tokens of the prompt that were not in its cache, and of the reply."""

    set: str
    way: str
    seconds: float
    prompt_tokens: float = 0.0
    output_tokens: float = 0.0


class Outcome(Noun):
    """One answer: how sure it was (0 where nothing was shown), whether it is right, whether there was an answer."""

    set: str
    question: str
    support: float
    status: Status
    right: bool
    answerable: bool


class BenchReport(Noun):
    """A finished run; `fingerprint` is that of the answers, empty where nothing was asked."""

    documents: int
    seed: int
    scores: tuple[Score, ...]
    costs: tuple[Cost, ...]
    outcomes: tuple[Outcome, ...] = ()
    fingerprint: str = ""


def articles_of(documents: Mapping[str, Document]) -> list[Article]:
    """The documents as articles; the id of each stands in its URL."""
    return [
        Article(text=one.text, title=one.title, language=one.lang, url=_url(doc_id))
        for doc_id, one in documents.items()
    ]


def read_ids(articles: Sequence[Article]) -> dict[str, str]:
    """Article ids by document id, of articles made by `articles_of`."""
    return {
        article.url.removeprefix(_SCHEME): article.id
        for article in articles
        if article.url.startswith(_SCHEME)
    }


def _url(doc_id: str) -> str:
    return f"{_SCHEME}{doc_id}"


def sample(questions: Sequence[AskedQuestion], n: int, seed: int) -> list[AskedQuestion]:
    """`n` of the questions, the same for the same seed; all if `n` is 0 or larger than their number."""
    if not n or n >= len(questions):
        return list(questions)
    return random.Random(seed).sample(list(questions), n)


def bench(
    sets: Sequence[QuestionSet],
    documents: Mapping[str, Document],
    searches: Mapping[str, Search],
    target: Asked | None = None,
    *,
    n: int = 0,
    seed: int = 0,
    ids: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> BenchReport:
    """Searches in every way and, with a target, asks.

    Args:
        sets: what to ask.
        documents: all documents that are indexed.
        searches: ways to search by name.
        target: what answers; None measures search alone.
        n: questions per set; 0 for all.
        seed: of the sample and of the intervals.
        ids: article ids by document id, for questions that may be answered from some documents only.
        progress: told of every set and way.
    """
    scores: list[Score] = []
    costs: list[Cost] = []
    outcomes: list[Outcome] = []
    fingerprint = ""
    for one in sets:
        asked = sample(one.questions, n, seed)
        sought = [question for question in asked if question.answerable and question.gold_doc in documents]
        for way, search in searches.items() if sought else ():
            if progress:
                progress(0, 0, f"{one.name}: {way}")
            found, cost = _searched(one.name, way, search, sought, seed)
            scores += found
            costs.append(cost)
        if target is not None:
            answers, cost, fingerprint = _asked(one, asked, target, ids or {}, progress)
            outcomes += answers
            costs.append(cost)
            scores += _answer_scores(one.name, answers, seed)
    return BenchReport(
        documents=len(documents),
        seed=seed,
        scores=tuple(scores),
        costs=tuple(costs),
        outcomes=tuple(outcomes),
        fingerprint=fingerprint,
    )


# --- search ----------------------------------------------------------------------------------


def _searched(
    name: str, way: str, search: Search, questions: Sequence[AskedQuestion], seed: int
) -> tuple[list[Score], Cost]:
    started = time.perf_counter()
    passages = [search.passages(question.question, DEPTH) for question in questions]
    seconds = (time.perf_counter() - started) / len(questions)
    found = rank_measures([_url(one.gold_doc) for one in questions], passages)
    scores = [_score(name, way, measure, values, seed) for measure, values in found.items()]
    pointed = [question for question in questions if question.gold_sentence]
    if pointed:
        hits = [_has_sentence(search.sentences(one.question, 4), one) for one in pointed]
        scores.append(_score(name, way, "sentence hit@4", hits, seed))
    return scores, Cost(set=name, way=way, seconds=seconds)


def rank_measures(gold: Sequence[str], hits: Sequence[Sequence[Hit]]) -> dict[str, list[float]]:
    """hit@4 and nDCG@10 of every question, by documents: an article counts once, where its first passage stands."""
    import ir_measures

    qrels = {str(n): {url: 1} for n, url in enumerate(gold)}
    run = {
        str(n): {url: float(-place) for place, url in enumerate(dict.fromkeys(hit.url for hit in own))}
        for n, own in enumerate(hits)
    }
    values: dict[str, dict[str, float]] = {name: {} for name in _MEASURES}
    measures = [ir_measures.parse_measure(name) for name in _MEASURES]
    for metric in ir_measures.iter_calc(measures, qrels, {id_: own for id_, own in run.items() if own}):
        values[str(metric.measure)][metric.query_id] = float(metric.value)
    return {shown: [values[name].get(id_, 0.0) for id_ in qrels] for name, shown in _MEASURES.items()}


def _has_sentence(hits: Sequence[Hit], question: AskedQuestion) -> float:
    """1 if one of the hits is the gold sentence, or the part of it that holds an answer."""
    gold = plain(question.gold_sentence)
    for hit in hits:
        text = plain(hit.text)
        part = text in gold and any(plain(answer) in text for answer in question.answers)
        if hit.url == _url(question.gold_doc) and (gold in text or part):
            return 1.0
    return 0.0


# --- answers ---------------------------------------------------------------------------------


def _asked(
    one: QuestionSet,
    questions: Sequence[AskedQuestion],
    target: Asked,
    ids: Mapping[str, str],
    progress: Progress | None,
) -> tuple[list[Outcome], Cost, str]:
    outcomes: list[Outcome] = []
    usage, fingerprint = Usage(), ""
    started = time.perf_counter()
    for done, question in enumerate(questions):
        if progress:
            progress(done, len(questions), f"{one.name}: ask")
        own = tuple(ids[doc_id] for doc_id in one.own.get(question.id, ()) if doc_id in ids)
        filters: dict[str, Any] = {"article_ids": own} if own else {}
        answer = target.ask(question.question, **filters)
        usage, fingerprint = usage + answer.usage, answer.fingerprint
        outcomes.append(_outcome(one.name, question, answer))
    number = max(1, len(questions))
    cost = Cost(
        set=one.name,
        way="ask",
        seconds=(time.perf_counter() - started) / number,
        prompt_tokens=(usage.prompt_tokens - usage.cached_tokens) / number,
        output_tokens=usage.output_tokens / number,
    )
    return outcomes, cost, fingerprint


def _outcome(name: str, question: AskedQuestion, answer: Answer) -> Outcome:
    cited = [plain(citation.quote) for citation in answer.citations]
    told = any(plain(gold) in quote for gold in question.answers for quote in cited)
    shown = answer.status is not Status.NOT_FOUND
    # Where nobody wrote down an answer, only silence and speech can be judged.
    right = shown == question.answerable if not question.answers else shown and told
    return Outcome(
        set=name,
        question=question.id,
        support=max((statement.support for statement in answer.statements), default=0.0) if shown else 0.0,
        status=answer.status,
        right=right,
        answerable=question.answerable,
    )


def _answer_scores(name: str, outcomes: Sequence[Outcome], seed: int) -> list[Score]:
    shown = [one for one in outcomes if one.answerable and one.status is not Status.NOT_FOUND]
    answerable = [one.status is not Status.NOT_FOUND for one in outcomes if one.answerable]
    silent = [one.status is Status.NOT_FOUND for one in outcomes if not one.answerable]
    rows: list[tuple[str, list[float]]] = [
        ("right, of answered", [float(one.right) for one in shown]),
        ("answered, of answerable", [float(value) for value in answerable]),
        ("silent, of unanswerable", [float(value) for value in silent]),
    ]
    scores = [_score(name, "ask", measure, values, seed) for measure, values in rows if values]
    if answerable and silent:
        scores.append(_balanced(name, rows[1][1], rows[2][1], seed))
    return scores


def _balanced(name: str, first: Sequence[float], second: Sequence[float], seed: int) -> Score:
    value = (_mean(first) + _mean(second)) / 2
    draws = sorted(
        (one + other) / 2 for one, other in zip(_drawn(first, seed), _drawn(second, seed + 1), strict=True)
    )
    low, high = _bounds(draws)
    number = len(first) + len(second)
    return Score(set=name, way="ask", measure="balanced accuracy", n=number, value=value, low=low, high=high)


# --- numbers ---------------------------------------------------------------------------------


def _score(name: str, way: str, measure: str, values: Sequence[float], seed: int) -> Score:
    low, high = _bounds(sorted(_drawn(values, seed)))
    number, value = len(values), _mean(values)
    return Score(set=name, way=way, measure=measure, n=number, value=value, low=low, high=high)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _drawn(values: Sequence[float], seed: int) -> list[float]:
    """Means of samples of the same size, drawn with replacement."""
    import numpy as np

    drawn = np.random.default_rng(seed).integers(0, len(values), (_DRAWS, len(values)))
    return [float(mean) for mean in np.asarray(values)[drawn].mean(axis=1)]


def _bounds(ordered: Sequence[float]) -> tuple[float, float]:
    return ordered[round(0.025 * (len(ordered) - 1))], ordered[round(0.975 * (len(ordered) - 1))]


def risk_and_coverage(outcomes: Sequence[Outcome]) -> list[tuple[float, float]]:
    """(coverage, risk), the surest answers first: share of answerable questions answered, share of wrong answers."""
    total = sum(one.answerable for one in outcomes)
    shown = sorted(
        (one for one in outcomes if one.status is not Status.NOT_FOUND), key=lambda one: -one.support
    )
    points: list[tuple[float, float]] = []
    wrong = covered = 0
    for place, one in enumerate(shown, 1):
        wrong += not (one.right and one.answerable)
        covered += one.answerable
        if total and (place == len(shown) or shown[place].support < one.support):
            points.append((covered / total, wrong / place))
    return points


# --- reports ---------------------------------------------------------------------------------


def to_markdown(report: BenchReport) -> str:
    """Two tables: scores with their intervals, and what a question costs."""
    lines = [
        f"{report.documents} documents, seed {report.seed}.",
        "",
        "| set | way | measure | n | score | 95 % |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.set} | {one.way} | {one.measure} | {one.n} | {one.value:.3f} | {one.low:.3f} to {one.high:.3f} |"
        for one in report.scores
    ]
    lines += [
        "",
        "| set | way | seconds | prompt tokens, not cached | output tokens |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.set} | {one.way} | {one.seconds:.3f} | {one.prompt_tokens:.0f} | {one.output_tokens:.0f} |"
        for one in report.costs
    ]
    return "\n".join(lines) + "\n"


def write_bench(report: BenchReport, path: str | Path, kind: Literal["json", "markdown", "plot"]) -> None:
    """Writes the report as JSON, Markdown, or a PNG of risk against coverage.

    Raises:
        InputError: the file cannot be written, nothing was asked that could be drawn, or matplotlib is missing.
    """
    try:
        if kind == "plot":
            _draw(report, Path(path))
            return
        text = report.model_dump_json(indent=2) if kind == "json" else to_markdown(report)
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error}.", hint="Name a file in a folder that exists."
        ) from error


def _draw(report: BenchReport, path: Path) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "matplotlib is not installed.", hint="pip install matplotlib, or leave --plot out."
        ) from error
    if not report.outcomes:
        raise InputError("Nothing was asked, so there is no risk to draw.", hint="Leave --search-only out.")
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(
        xlabel="answered, of answerable", ylabel="wrong, of answered", xlim=(0, 1), ylim=(0, 1)
    )
    for name in dict.fromkeys(one.set for one in report.outcomes):
        points = risk_and_coverage([one for one in report.outcomes if one.set == name])
        axes.plot([x for x, _ in points], [y for _, y in points], marker=".", label=name)
    axes.legend()
    figure.savefig(path, dpi=150, format="png")
