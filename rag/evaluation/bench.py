"""Sets of questions that others wrote, asked of their documents: search measures, answers, silence, disagreement.

In: sets (rag.evaluation.sets), an archive, ways to search and to answer. Out: `BenchReport`, whose JSON is
`report.model_dump_json()`; Markdown and the plot of risk against coverage are written here. Documents of corpora stand
in one merged index; a question that brings its own documents is asked of an index of these alone. Hides ir_measures
and matplotlib. Intervals are Wilson's for shares, else bootstrapped with a fixed seed: the same answers print the same
numbers.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as moment
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple, Protocol, Unpack

from pydantic import ValidationError

from rag.errors import InputError
from rag.evaluation.metrics import wilson
from rag.evaluation.questions import AskedQuestion, Document, QuestionSet, plain
from rag.evaluation.samples import sample
from rag.evaluation.scorers import ANSWERED, SILENT, Marked, mark, mark_said, recall
from rag.types import (
    AddReport,
    Answer,
    Article,
    Hit,
    Message,
    Noun,
    Progress,
    Status,
    Summary,
    SummaryOptions,
    Usage,
)

_SCHEME = "bench:"
DEPTH = 10  # hits that are looked at
_DRAWS = 1000  # bootstrap samples
_HIT = "Success@4"
_MEASURES = {_HIT: "hit@4", "nDCG@10": "nDCG@10"}
_SAID = "who_said_what"  # the way of a summary in this form
_MOST_SAID = 100


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


class Archive(Asked, Protocol):
    """What is measured: `NewsQA`."""

    @property
    def fingerprint(self) -> str:
        """Changes with whatever shapes an answer."""

    def add(self, sources: Sequence[Article], progress: Progress | None = None) -> AddReport:
        """Adds articles."""

    def articles(self, **filters: Any) -> list[Article]:
        """All articles, without their texts."""

    def search(self, question: str, k: int = 10, **filters: Any) -> list[Hit]:
        """The `k` nearest passages, nearest first."""

    def summarise(
        self, article_ids: Sequence[str] | None = None, **options: Unpack[SummaryOptions]
    ) -> Summary:
        """A cited summary."""

    def beside(self, path: str | Path) -> Archive:
        """Another index that answers with the same models."""

    def close(self) -> None:
        """Releases the index."""


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
    """What a question costs, medians: seconds, tokens of the prompt that were not in its cache, and of the reply."""

    set: str
    way: str
    n: int = 0
    seconds: float
    prompt_tokens: float = 0.0
    output_tokens: float = 0.0


class Outcome(Noun):
    """One answer and what it is worth.

    `support` is how sure it was, 0 where nothing was shown; `told` its text; `marks` 0..1 by measure. `digest` is the
    hash of question, documents, program and fingerprint of what answered.
    """

    set: str
    question: str
    way: str = "ask"
    support: float
    status: Status
    right: bool
    answerable: bool
    asked: str = ""
    told: str = ""
    marks: dict[str, float] = {}
    seconds: float = 0.0
    usage: Usage = Usage()
    digest: str = ""


class BenchReport(Noun):
    """A finished run; `fingerprint` is that of the answers, empty where nothing was asked."""

    documents: int
    seed: int
    scores: tuple[Score, ...]
    costs: tuple[Cost, ...]
    outcomes: tuple[Outcome, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """What is held against each other, by name; each is made for an index.

    Attributes:
        searches: ways to search.
        asks: ways to answer; none measures search alone.
    """

    searches: Mapping[str, Callable[[Archive], Search]]
    asks: Mapping[str, Callable[[Archive], Asked]]


def articles_of(documents: Mapping[str, Document]) -> list[Article]:
    """The documents as articles; the id of each stands in its URL."""
    return [
        Article(
            text=one.text,
            title=one.title,
            language=one.lang,
            published=datetime.combine(one.published, moment(), UTC) if one.published else None,
            url=_url(doc_id),
        )
        for doc_id, one in documents.items()
    ]


def _named(documents: Sequence[Document]) -> dict[str, Document]:
    return {one.doc_id: one for one in documents}


def read_ids(articles: Sequence[Article]) -> dict[str, str]:
    """Article ids by document id, of articles made by `articles_of`."""
    return {
        article.url.removeprefix(_SCHEME): article.id
        for article in articles
        if article.url.startswith(_SCHEME)
    }


def _url(doc_id: str) -> str:
    return f"{_SCHEME}{doc_id}"


def bench(
    sets: Sequence[QuestionSet],
    documents: Mapping[str, Document],
    archive: Archive,
    ways: Ways,
    *,
    n: int = 0,
    seed: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> BenchReport:
    """Searches and asks in every way.

    Args:
        sets: what to ask.
        documents: the merged corpus; it is put into `archive` if one of the sets is asked of it.
        archive: an index, and what opens others beside it.
        ways: to search and to answer.
        n: questions per set; 0 for all.
        seed: of the sample and of the intervals.
        keep: file that holds each outcome as it comes; a run that broke off goes on from it. Gone after a whole run.
        progress: told of every set, way and question.
    """
    run = _Run(archive, ways, seed, keep, progress)
    merged = [one for one in sets if one.kind in _MERGED]
    ids: dict[str, str] = {}
    if merged:
        archive.add(articles_of(documents), progress)
        ids = read_ids(archive.articles())
    for one in sets:
        with ExitStack() as stack:
            index = stack.enter_context(_beside(archive, one.documents)) if one.documents else archive
            run.measure(
                one, sample(one.questions, n, seed, part=lambda question: question.stratum), index, ids
            )
    run.finish()
    return BenchReport(
        documents=len(documents) if merged else 0,
        seed=seed,
        scores=tuple(run.scores),
        costs=tuple(run.costs),
        outcomes=tuple(run.outcomes),
        fingerprint=run.fingerprint,
    )


_MERGED = {"corpus", "passages"}


@contextmanager
def _beside(archive: Archive, documents: Sequence[Document]) -> Iterator[Archive]:
    """An index of these documents alone, thrown away at the end."""
    with TemporaryDirectory(prefix="rag-bench-") as folder:
        index = archive.beside(folder)
        try:
            index.add(articles_of(_named(documents)))
            yield index
        finally:
            index.close()


class _Run:
    """Measures set by set and keeps what it got."""

    def __init__(
        self, archive: Archive, ways: Ways, seed: int, keep: Path | None, progress: Progress | None
    ) -> None:
        self._ways, self._seed, self._keep, self._progress = ways, seed, keep, progress
        self.fingerprint = archive.fingerprint if ways.asks else ""
        self._answered_by = _hash(self.fingerprint, _program())
        self._kept = {(one.set, one.question, one.way, one.digest): one for one in _read_kept(keep)}
        self.scores: list[Score] = []
        self.costs: list[Cost] = []
        self.outcomes: list[Outcome] = []

    def measure(
        self, one: QuestionSet, questions: Sequence[AskedQuestion], index: Archive, ids: Mapping[str, str]
    ) -> None:
        """Searches the index, then asks it, or for each question an index of its own documents."""
        sought = [question for question in questions if _gold(question) and question.answerable]
        for way, make in self._ways.searches.items() if sought else ():
            self._tell(0, 0, f"{one.name}: {way}")
            found, cost = _searched(one.name, way, make(index), sought, self._seed)
            self.scores += found
            self.costs.append(cost)
        asks = self._asks(one)
        outcomes: dict[str, list[Outcome]] = {way: [] for way in asks}
        for done, question in enumerate(questions if asks else ()):
            self._tell(done, len(questions), f"{one.name}: ask")
            for outcome in self._answers(one, question, index, ids, asks):
                outcomes[outcome.way].append(outcome)
        for way, own in outcomes.items():
            self.outcomes += own
            self.scores += _answer_scores(one.name, way, own, self._seed)
            self.costs.append(_cost(one.name, way, own))

    def finish(self) -> None:
        """A whole run needs no outcomes to go on from."""
        if self._keep:
            self._keep.unlink(missing_ok=True)

    def _asks(self, one: QuestionSet) -> dict[str, Callable[[Archive], Asked] | None]:
        """The ways to answer questions of a set; None is the summary that lists who said what."""
        asks: dict[str, Callable[[Archive], Asked] | None] = dict(self._ways.asks)
        if asks and one.kind == "speaker":
            asks[_SAID] = None
        return asks

    def _answers(
        self,
        one: QuestionSet,
        question: AskedQuestion,
        index: Archive,
        ids: Mapping[str, str],
        asks: Mapping[str, Callable[[Archive], Asked] | None],
    ) -> Iterator[Outcome]:
        """The outcome of every way; no index is built for what is known from a run that broke off."""
        digest = _hash(self._answered_by, question.model_dump_json())
        known = {way: self._kept.get((one.name, question.id, way, digest)) for way in asks}
        yield from (outcome for outcome in known.values() if outcome)
        left = {way: make for way, make in asks.items() if not known[way]}
        if not left:
            return
        own = tuple(ids[doc_id] for doc_id in one.own.get(question.id, ()) if doc_id in ids)
        filters: dict[str, Any] = {"article_ids": own} if own else {}
        with ExitStack() as stack:
            if question.documents:
                index = stack.enter_context(_beside(index, question.documents))
            for way, make in left.items():
                outcome = (
                    _outcome(one, question, make(index), filters, way)
                    if make
                    else _said(one, question, index)
                )
                yield self._write(outcome.model_copy(update={"digest": digest}))

    def _write(self, outcome: Outcome) -> Outcome:
        if self._keep:
            with self._keep.open("a", encoding="utf-8") as file:
                file.write(f"{outcome.model_dump_json()}\n")
        return outcome

    def _tell(self, done: int, total: int, what: str) -> None:
        if self._progress:
            self._progress(done, total, what)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _program() -> str:
    """Hash of this package's own files: another program may answer, or judge, differently."""
    package = Path(__file__).parent.parent
    own = (path for path in sorted(package.rglob("*")) if path.suffix in {".py", ".json", ".txt"})
    return _hash(*(path.read_text(encoding="utf-8") for path in own))


def _read_kept(keep: Path | None) -> list[Outcome]:
    """Outcomes of a run that broke off; a last line that was cut off is left out."""
    if keep is None or not keep.exists():
        return []
    *whole, rest = keep.read_text(encoding="utf-8").split("\n")
    try:
        outcomes = [Outcome.model_validate_json(line) for line in whole]
    except ValidationError as error:
        raise InputError(
            f"{keep} holds no outcomes of a run: {error.errors()[0]['msg']}.",
            hint="Delete it, or name another.",
        ) from error
    if rest:
        os.truncate(keep, len("".join(f"{line}\n" for line in whole).encode()))
    return outcomes


# --- search ----------------------------------------------------------------------------------


def _gold(question: AskedQuestion) -> tuple[str, ...]:
    """Ids of the documents that a search should bring."""
    return question.evidence or ((question.gold_doc,) if question.gold_doc else ())


def _searched(
    name: str, way: str, search: Search, questions: Sequence[AskedQuestion], seed: int
) -> tuple[list[Score], Cost]:
    seconds, passages = [], []
    for question in questions:
        started = time.perf_counter()
        passages.append(search.passages(question.question, DEPTH))
        seconds.append(time.perf_counter() - started)
    if any(question.evidence for question in questions):
        found = _recalls(questions, passages)
    else:
        found = rank_measures([_url(one.gold_doc) for one in questions], passages)
    scores = [_score(name, way, measure, values, seed) for measure, values in found.items()]
    pointed = [question for question in questions if question.gold_sentence]
    if pointed:
        hits = [_has_sentence(search.sentences(one.question, 4), one) for one in pointed]
        scores.append(_score(name, way, "sentence hit@4", hits, seed))
    return scores, Cost(set=name, way=way, n=len(questions), seconds=median(seconds))


def _recalls(questions: Sequence[AskedQuestion], passages: Sequence[Sequence[Hit]]) -> dict[str, list[float]]:
    found = [list(dict.fromkeys(hit.url.removeprefix(_SCHEME) for hit in hits)) for hits in passages]
    return {
        f"evidence recall@{k}": [
            recall(question.evidence, own, k) for question, own in zip(questions, found, strict=True)
        ]
        for k in (4, DEPTH)
    }


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


def _outcome(
    one: QuestionSet, question: AskedQuestion, target: Asked, filters: Mapping[str, Any], way: str
) -> Outcome:
    started = time.perf_counter()
    answer = target.ask(question.question, **filters)
    seconds = time.perf_counter() - started
    shown = answer.status is not Status.NOT_FOUND
    support = max((statement.support for statement in answer.statements), default=0.0) if shown else 0.0
    marked = mark(one.kind, question, answer)
    told = Told(answer.status, support, answer.text, answer.usage)
    return _judged(one, question, way, told, marked, seconds)


def _said(one: QuestionSet, question: AskedQuestion, index: Archive) -> Outcome:
    started = time.perf_counter()
    summary = index.summarise(form="who_said_what", sentences=_MOST_SAID)
    seconds = time.perf_counter() - started
    support = max((entry.statement.support for entry in summary.said), default=0.0)
    told = Told(summary.status, support, summary.text, summary.usage)
    return _judged(one, question, _SAID, told, mark_said(question, summary), seconds)


class Told(NamedTuple):
    """What an answer and a summary have in common."""

    status: Status
    support: float
    text: str
    usage: Usage


def _judged(
    one: QuestionSet, question: AskedQuestion, way: str, told: Told, marked: Marked, seconds: float
) -> Outcome:
    return Outcome(
        set=one.name,
        question=question.id,
        way=way,
        support=told.support,
        status=told.status,
        right=marked.right,
        answerable=question.answerable,
        asked=question.question,
        told=told.text,
        marks=marked.marks,
        seconds=seconds,
        usage=told.usage,
    )


def _cost(name: str, way: str, outcomes: Sequence[Outcome]) -> Cost:
    if not outcomes:
        return Cost(set=name, way=way, seconds=0.0)
    return Cost(
        set=name,
        way=way,
        n=len(outcomes),
        seconds=median(one.seconds for one in outcomes),
        prompt_tokens=median(one.usage.prompt_tokens - one.usage.cached_tokens for one in outcomes),
        output_tokens=median(one.usage.output_tokens for one in outcomes),
    )


def _answer_scores(name: str, way: str, outcomes: Sequence[Outcome], seed: int) -> list[Score]:
    values: dict[str, list[float]] = {}
    for outcome in outcomes:
        for measure, value in outcome.marks.items():
            values.setdefault(measure, []).append(value)
    scores = [_score(name, way, measure, own, seed) for measure, own in values.items()]
    if ANSWERED in values and SILENT in values:
        scores.append(_balanced(name, way, values[ANSWERED], values[SILENT], seed))
    return scores


def _balanced(name: str, way: str, first: Sequence[float], second: Sequence[float], seed: int) -> Score:
    value = (_mean(first) + _mean(second)) / 2
    draws = sorted(
        (one + other) / 2 for one, other in zip(_drawn(first, seed), _drawn(second, seed + 1), strict=True)
    )
    low, high = _bounds(draws)
    number = len(first) + len(second)
    return Score(set=name, way=way, measure="balanced accuracy", n=number, value=value, low=low, high=high)


# --- numbers ---------------------------------------------------------------------------------


def _score(name: str, way: str, measure: str, values: Sequence[float], seed: int) -> Score:
    shares = set(values) <= {0.0, 1.0}
    low, high = wilson(_mean(values), len(values)) if shares else _bounds(sorted(_drawn(values, seed)))
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
        "Medians per question:",
        "",
        "| set | way | n | seconds | prompt tokens, not cached | output tokens |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.set} | {one.way} | {one.n} | {one.seconds:.3f} | {one.prompt_tokens:.0f} | {one.output_tokens:.0f} |"
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
    for name, way in dict.fromkeys((one.set, one.way) for one in report.outcomes):
        points = risk_and_coverage([one for one in report.outcomes if (one.set, one.way) == (name, way)])
        label = name if way == "ask" else f"{name}, {way}"
        axes.plot([x for x, _ in points], [y for _, y in points], marker=".", label=label)
    axes.legend()
    figure.savefig(path, dpi=150, format="png")
