"""Ask a target every question of a fact file and judge what comes back.

In: a fact file, a target; out: an `EvalReport`. The target is anything with `stream` and `article` as
`NewsQA` has them; the stream is timed, its last event is judged.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from rag.errors import ArticleNotFound, InputError, RagError
from rag.evaluation.checks import Fault, Judgement, judge
from rag.evaluation.facts import Fact, FactFile, Floor, read_facts, read_floor
from rag.evaluation.metrics import FactResult, Measure, measure
from rag.evaluation.report import write_junit
from rag.types import Answer, Article, Event, Moment, Noun, Progress, Statement


class Target(Protocol):
    """What can be evaluated: `NewsQA`, `Client`, or anything that answers like them."""

    def stream(self, question: str) -> Iterator[Event]:
        """Statements as they are verified; the last event is the answer."""

    def article(self, article_id: str) -> Article:
        """One article with text and sentences; `ArticleNotFound` if there is none."""


class EvalReport(Noun):
    """A finished run. `passed` is true if every bound was kept; a fact may have failed all the same."""

    facts_path: str
    section: str
    started: Moment
    seconds: float
    fingerprints: tuple[str, ...]
    measures: tuple[Measure, ...]
    results: tuple[FactResult, ...]
    passed: bool

    @property
    def failures(self) -> tuple[FactResult, ...]:
        """Results with anything wrong."""
        return tuple(result for result in self.results if not result.passed)


def run(
    facts_path: str | Path,
    target: Target,
    *,
    floor: str | Path | None = None,
    section: str = "local",
    ids: Collection[str] = (),
    junit: str | Path | None = None,
    progress: Progress | None = None,
) -> EvalReport:
    """Ask, judge, measure, and hold the measures against a floor.

    Args:
        facts_path: the fact file.
        target: what answers; the articles of the fact file are expected to be in it already.
        floor: the floor file; without one nothing can fall below.
        section: which section of the floor file holds, by the kind of model that answers.
        ids: ask these facts only; all if empty.
        junit: where to write JUnit XML.
        progress: told of every question.

    Raises:
        InputError: fact file, floor file or an id is unusable.
        RagError: the target cannot answer at all, such as for want of its model.
    """
    facts = read_facts(facts_path)
    bounds = read_floor(floor, section) if floor else Floor()
    chosen = _chosen(facts, ids)
    started, clock = datetime.now(UTC), time.perf_counter()
    articles: dict[str, Article] = {}
    results = []
    for n, fact in enumerate(chosen):
        if progress:
            progress(n, len(chosen), fact.id)
        results.append(_ask(fact, facts, target, articles))
    if progress:
        progress(len(chosen), len(chosen), "done")
    measures = measure(results, bounds)
    report = EvalReport(
        facts_path=str(facts_path),
        section=section if floor else "",
        started=started,
        seconds=time.perf_counter() - clock,
        fingerprints=tuple(sorted({result.fingerprint for result in results} - {""})),
        measures=measures,
        results=tuple(results),
        passed=all(one.passed for one in measures),
    )
    if junit:
        write_junit(report, junit)
    return report


def _chosen(facts: FactFile, ids: Collection[str]) -> tuple[Fact, ...]:
    unknown = set(ids) - {fact.id for fact in facts.facts}
    if unknown:
        raise InputError(
            f"{facts.path} has no fact {sorted(unknown)[0]!r}.", hint="Name an id that stands there."
        )
    return tuple(fact for fact in facts.facts if not ids or fact.id in ids)


def _ask(fact: Fact, facts: FactFile, target: Target, articles: dict[str, Article]) -> FactResult:
    """One question, timed and judged; `articles` keeps what was read before."""
    base = FactResult(
        id=fact.id,
        kind=fact.kind,
        language=fact.language,
        question=fact.question,
        expected=fact.status,
        complete=fact.complete,
        cross_lingual=fact.id in facts.cross_lingual,
        judgement=Judgement(),
    )
    begin = time.perf_counter()
    first: float | None = None
    answer: Answer | None = None
    try:
        for event in target.stream(fact.question):
            if isinstance(event, Statement) and first is None:
                first = time.perf_counter() - begin
            if isinstance(event, Answer):
                answer = event
        seconds = time.perf_counter() - begin
        if answer is None:
            return _broken(base, fact, "the stream ended without an answer", seconds)
        _read_cited(answer, target, articles)
    except RagError as error:
        # An error of this one question is its result; one that would meet every question ends the run.
        if not (error.retryable or isinstance(error, InputError)):
            raise
        return _broken(base, fact, f"{error.code}: {error}", time.perf_counter() - begin)
    return base.model_copy(
        update={
            "status": answer.status,
            "text": answer.text,
            "citations": answer.citations,
            "judgement": judge(fact, answer, articles, facts.names, facts.terms),
            "seconds": seconds,
            "first_statement": first,
            "usage": answer.usage,
            "fingerprint": answer.fingerprint,
        }
    )


def _read_cited(answer: Answer, target: Target, articles: dict[str, Article]) -> None:
    """Fetch every article the answer cites; one that does not exist stays out and is judged so."""
    cited = {c.article_id for c in answer.citations}
    cited |= {c.article_id for statement in answer.statements for c in statement.citations}
    for article_id in sorted(cited - articles.keys()):
        try:
            articles[article_id] = target.article(article_id)
        except ArticleNotFound:
            continue


def _broken(base: FactResult, fact: Fact, what: str, seconds: float) -> FactResult:
    judgement = Judgement(faults=(Fault(kind="error", detail=what),), required=len(fact.required))
    return base.model_copy(update={"judgement": judgement, "seconds": seconds})
