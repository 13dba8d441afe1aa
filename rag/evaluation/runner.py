"""Ask a target every question of a fact file and judge what comes back.

In: a fact file, a target; out: an `EvalReport`. The target is anything with `stream` and `article` as
`NewsQA` has them; the stream is timed, its last event is judged.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from rag.errors import ArticleNotFound, InputError, RagError
from rag.evaluation.checks import Fault, Judgement, judge
from rag.evaluation.compare import Comparison, compare
from rag.evaluation.documents import why_unread
from rag.evaluation.facts import Fact, FactFile, Floor
from rag.evaluation.judging import Agreement, Judge
from rag.evaluation.matching import without_marks
from rag.evaluation.metrics import FactResult, Measure, measure
from rag.evaluation.reading import read_facts, read_floor
from rag.evaluation.report import write_junit
from rag.evaluation.retrieval import K, retrieval
from rag.evaluation.samples import in_order
from rag.types import Answer, Article, Event, Hit, Moment, Noun, Progress, Statement, Summary

_AROUND = 90  # characters shown on either side of a citation
_GIVE_UP_AT_ONCE = 3  # errors in a row, from the first question on, after which the target counts as down
_GIVE_UP = 6  # errors in a row, anywhere


class Target(Protocol):
    """What can be evaluated: `NewsQA`, `Client`, or anything that answers like them.

    Where it has `search`, retrieval is measured too; a fact with history needs `stream` to take it, one that asks for a
    summary `summarise`.
    """

    def stream(self, question: str, **more: Any) -> Iterator[Event]:
        """Statements as they are verified; the last event is the answer. `more` is `history`, where a fact has one."""

    def article(self, article_id: str) -> Article:
        """One article with text and sentences; `ArticleNotFound` if there is none."""


class EvalReport(Noun):
    """A finished run. `passed` is true if every bound was kept; a fact may have failed all the same.

    `measures` are over all runs of all facts, `tagged` those of the facts with a tag; `results` hold each fact once.
    `beside` are the results of a second target, asked the same. `agreement` tells how far people agree with the model
    that judged, if one did. `seconds` went by in asking, `whole_seconds` in all, where somebody took the time from the
    start on: with opening models and reading articles. `cost` is what all tokens cost, where their prices were given,
    in the currency of these.
    """

    facts_path: str
    section: str
    started: Moment
    seconds: float
    fingerprints: tuple[str, ...]
    measures: tuple[Measure, ...]
    results: tuple[FactResult, ...]
    passed: bool
    target: str = "this"
    runs: int = 1
    reused: int = 0
    tagged: dict[str, tuple[Measure, ...]] = {}
    comparisons: tuple[Comparison, ...] = ()
    beside: tuple[FactResult, ...] = ()
    beside_measures: tuple[Measure, ...] = ()
    whole_seconds: float | None = None
    agreement: Agreement | None = None
    cost: float | None = None

    @property
    def failures(self) -> tuple[FactResult, ...]:
        """Results with anything wrong in any run."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def broken_bounds(self) -> tuple[str, ...]:
        """Names of the bounds that were not kept."""
        low = [one.name for one in self.measures if not one.passed]
        low += [f"{tag}: {one.name}" for tag, ones in self.tagged.items() for one in ones if not one.passed]
        return (*low, *(f"{row.name} below {c.before}" for c in self.comparisons for row in c.losses))


def run(
    facts_path: str | Path,
    target: Target,
    *,
    floor: str | Path | None = None,
    section: str = "local",
    at_least: Mapping[str, float] | None = None,
    ids: Collection[str] = (),
    tags: Collection[str] = (),
    n: int = 0,
    seed: int = 0,
    runs: int = 1,
    name: str = "this",
    certain: bool = False,
    baseline: EvalReport | None = None,
    changed: bool = False,
    keep: Path | None = None,
    judge: tuple[Judge, Agreement] | None = None,
    prices: tuple[float, float] | None = None,
    junit: str | Path | None = None,
    progress: Progress | None = None,
) -> EvalReport:
    """Ask, judge, measure, and hold the measures against a floor.

    Args:
        facts_path: the fact file.
        target: what answers; the articles of the fact file are expected to be in it already.
        floor: the floor file; without one nothing can fall below.
        section: which section of the floor file holds, by the kind of model that answers.
        at_least: shares that must be reached, by measure; they hold instead of those of the floor file.
        ids: ask these facts only; all if empty.
        tags: ask facts with any of these tags only; all if empty.
        n: ask so many of these at most, drawn by chance, in the order of the file; 0 for all.
        seed: of the draw.
        runs: how often every question is asked.
        name: what to call the target in reports.
        certain: the same question always gets the same answer, so a loss against the baseline cannot be noise.
        baseline: an earlier report; shares may not fall below it further than the floor's `drops` allow.
        changed: take over results of the baseline whose fact, articles and fingerprint are still the same.
        keep: file that holds each result as it comes; a run that broke off goes on from it. Gone after a whole run.
        judge: a model that is asked whether citations prove their statements, and how far people agree with it; its
            verdicts are a measure, and only where they count.
        prices: of a million prompt and a million output tokens.
        junit: where to write JUnit XML.
        progress: told of every question.

    Raises:
        InputError: fact file, floor file or an id is unusable.
        RagError: the target cannot answer at all, such as for want of its model.
    """
    facts = read_facts(facts_path)
    bounds = read_floor(floor, section) if floor else Floor()
    if at_least:
        bounds = bounds.model_copy(update={"at_least": {**bounds.at_least, **at_least}})
    chosen = in_order(_chosen(facts, ids, tags), n, seed)
    if runs < 1:
        raise InputError(f"runs = {runs} is less than 1.", hint="Ask every question at least once.")
    known = baseline.results if changed and baseline else ()
    asking = Asking(facts, target, known, keep, judge)
    started, clock = datetime.now(UTC), time.perf_counter()
    attempts: list[list[FactResult]] = []
    for number, fact in enumerate(chosen):
        if progress:
            progress(number, len(chosen), fact.id)
        attempts.append([asking.result(fact) for _ in range(runs)])
    if progress:
        progress(len(chosen), len(chosen), "done")
    asking.check_answered()
    report = _report(attempts, bounds, started).model_copy(
        update={
            "facts_path": str(facts_path),
            "section": section if floor else "given" if at_least else "",
            "seconds": time.perf_counter() - clock,
            "target": name,
            "runs": runs,
            "reused": asking.reused,
            "agreement": judge[1] if judge else None,
            "cost": _cost(attempts, prices) if prices else None,
        }
    )
    if baseline:
        report = compared(report, baseline, bounds, certain)
    asking.finish()
    if junit:
        write_junit(report, junit)
    return report


def compared(report: EvalReport, baseline: EvalReport, bounds: Floor, certain: bool) -> EvalReport:
    """The report, held against an earlier one of the same facts, each tag too."""
    old, new = baseline.results, report.results
    names = (f"the baseline of {baseline.started.date()}", "now")
    found = [compare(old, new, names=names, allowed=bounds.drops, certain=certain)]
    for tag, of_tag in bounds.tags.items():
        some = [result for result in new if tag in result.tags]
        named = (f"{names[0]}, tag {tag}", "now")
        found.append(compare(old, some, names=named, allowed=of_tag.drops, certain=certain))
    report = report.model_copy(update={"comparisons": (*report.comparisons, *found)})
    return report.model_copy(update={"passed": not report.broken_bounds})


def side_by_side(report: EvalReport, other: EvalReport) -> EvalReport:
    """The report with the results of a second target beside its own, compared fact by fact."""
    found = compare(other.results, report.results, names=(other.target, report.target))
    return report.model_copy(
        update={
            "comparisons": (*report.comparisons, found),
            "beside": other.results,
            "beside_measures": other.measures,
        }
    )


def read_report(path: Path) -> EvalReport:
    """A report that was written as JSON; `-` reads standard input, `REVISION:FILE` a file of another git revision.

    Raises:
        InputError: there is none, or it is no report.
    """
    revision, _, file = str(path).partition(":")
    try:
        if str(path) == "-":
            text = sys.stdin.read()
        else:
            text = _of_revision(revision, file) if file and not path.exists() else path.read_text("utf-8")
        return EvalReport.model_validate_json(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {why_unread(error)}.", hint="Write one with --report FILE."
        ) from error
    except ValidationError as error:
        raise InputError(
            f"{path} is no report: {error.errors()[0]['msg']}.", hint="Write one with --report FILE."
        ) from error


def read_history(paths: Sequence[Path]) -> list[EvalReport]:
    """Earlier reports, oldest first; a folder stands for every `.json` in it.

    Raises:
        InputError: one cannot be read, or is no report.
    """
    files = [one for path in paths for one in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    return sorted(map(read_report, files), key=lambda report: report.started)


def _of_revision(revision: str, file: str) -> str:
    """A file as it stands in a revision of the git repository of the working directory."""
    command = ["git", "show", "--end-of-options", f"{revision}:./{file}"]
    try:
        shown = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    except OSError as error:
        raise InputError(
            f"git cannot be run: {error.strerror}.", hint="Install it, or name a file."
        ) from error
    if shown.returncode:
        raise InputError(
            f"{revision}:{file} cannot be read: {(shown.stderr.strip() or 'git failed').splitlines()[0]}.",
            hint="Name REVISION:FILE as git knows them; the file is sought from the working directory.",
        )
    return shown.stdout


def _report(attempts: Sequence[Sequence[FactResult]], bounds: Floor, started: datetime) -> EvalReport:
    flat = [result for of_one in attempts for result in of_one]
    runs = max(map(len, attempts), default=1)
    measures = measure(flat, bounds, runs=runs)
    tags = {tag: [result for result in flat if tag in result.tags] for tag in bounds.tags}
    tagged = {tag: measure(some, bounds.tags[tag], runs=runs) for tag, some in tags.items()}
    report = EvalReport(
        facts_path="",
        section="",
        started=started,
        seconds=0.0,
        fingerprints=tuple(sorted({result.fingerprint for result in flat} - {""})),
        measures=measures,
        results=tuple(map(_merged, attempts)),
        passed=True,
        tagged=tagged,
    )
    return report.model_copy(update={"passed": not report.broken_bounds})


def _cost(attempts: Sequence[Sequence[FactResult]], prices: tuple[float, float]) -> float:
    spent = [result.usage for of_one in attempts for result in of_one]
    prompt, output = prices
    return sum(one.prompt_tokens * prompt + one.output_tokens * output for one in spent) / 1e6


def _merged(attempts: Sequence[FactResult]) -> FactResult:
    """One fact over all its runs: the first faulty one is shown."""
    shown = next((one for one in attempts if not one.passed), attempts[0])
    return shown.model_copy(update={"outcomes": tuple(one.passed for one in attempts)})


def _chosen(facts: FactFile, ids: Collection[str], tags: Collection[str]) -> tuple[Fact, ...]:
    for what, wanted, there in (
        ("fact", ids, {fact.id for fact in facts.facts}),
        ("tag", tags, {tag for fact in facts.facts for tag in fact.tags}),
    ):
        if unknown := sorted(set(wanted) - there):
            raise InputError(
                f"{facts.path} has no {what} {unknown[0]!r}.", hint=f"Name a {what} that stands there."
            )
    return tuple(
        fact
        for fact in facts.facts
        if (not ids or fact.id in ids) and (not tags or not set(tags).isdisjoint(fact.tags))
    )


class Asking:
    """Asks a target, question by question; keeps the articles it read and the results it got.

    Args:
        facts: the fact file.
        target: what answers.
        known: results that stand for an answer where nothing has changed.
        keep: file to keep results in and to go on from.
        judge: see `run`.
    """

    def __init__(
        self,
        facts: FactFile,
        target: Target,
        known: Sequence[FactResult] = (),
        keep: Path | None = None,
        judge: tuple[Judge, Agreement] | None = None,
    ) -> None:
        self._facts, self._target, self._keep, self._judge = facts, target, keep, judge
        self._articles: dict[str, Article] = {}
        self._asked = self._errors = self._errors_in_a_row = 0
        self._last_error: RagError | None = None
        self.reused = 0
        self._kept: dict[tuple[str, str], list[FactResult]] = defaultdict(list)
        kept = _read_kept(keep)
        # Only what is to be taken over asks for the fingerprint: it may load a model.
        self._fingerprint = str(getattr(target, "fingerprint", "")) if known or kept else ""
        for result in (*kept, *known):
            as_wanted = judge is None or result.judge == judge[0].name
            if result.digest and result.fingerprint and as_wanted:
                self._kept[result.digest, result.fingerprint].append(result)

    def result(self, fact: Fact) -> FactResult:
        """The answer to one fact, judged; one that was kept where nothing has changed."""
        digest = self._facts.digest(fact)
        if earlier := self._kept.get((digest, self._fingerprint)):
            self.reused += 1
            return earlier.pop(0).model_copy(update={"outcomes": ()})
        result = self._ask(fact, digest)
        # A service says it with its first answer.
        self._fingerprint = self._fingerprint or result.fingerprint
        if self._keep and result.status is not None:
            with self._keep.open("a", encoding="utf-8") as file:
                file.write(f"{result.model_dump_json()}\n")
        return result

    def check_answered(self) -> None:
        """A target that answered none of its questions has no score.

        Raises:
            RagError: what it said last.
        """
        if self._last_error and self._errors == self._asked and not self.reused:
            raise self._last_error

    def finish(self) -> None:
        """A whole run needs no results to go on from."""
        if self._keep:
            self._keep.unlink(missing_ok=True)

    def _ask(self, fact: Fact, digest: str) -> FactResult:
        base = FactResult(
            id=fact.id,
            kind=fact.kind,
            language=fact.language,
            question=fact.question,
            tags=fact.tags,
            required=tuple(content.name for content in fact.required),
            proof=self._facts.proof_sentences(fact),
            expected=fact.status,
            complete=fact.complete,
            cross_lingual=fact.id in self._facts.cross_lingual,
            digest=digest,
            judgement=Judgement(),
        )
        begin = time.perf_counter()
        self._asked += 1
        try:
            answer, first, covered = self._answer(fact, begin)
            seconds = time.perf_counter() - begin
            if answer is None:
                return _broken(base, fact, "the stream ended without an answer", seconds)
            self._read({c.article_id for c in _citations(answer)})
            found = self._search(fact)
            verdicts = self._verdicts(answer)
        except RagError as error:
            # An error of this one question is its result; one that would meet every question ends the run.
            self._last_error = error
            if self._is_down() or not (error.retryable or isinstance(error, InputError)):
                raise
            return _broken(base, fact, f"{error.code}: {error}", time.perf_counter() - begin)
        self._errors_in_a_row = 0
        return base.model_copy(
            update={
                "status": answer.status,
                "text": answer.text,
                "citations": answer.citations,
                "around": tuple(
                    _around(c.article_id, c.start, c.end, self._articles) for c in answer.citations
                ),
                "judgement": judge(fact, answer, self._articles, self._facts.names, self._facts.terms),
                "retrieval": found,
                "disputed": bool(answer.disagreements),
                "covered": covered,
                "seconds": seconds,
                "first_statement": first,
                "usage": answer.usage,
                "fingerprint": answer.fingerprint,
            }
            | verdicts
        )

    def _is_down(self) -> bool:
        """Counts an error; true if there have been so many in a row that no question will be answered."""
        self._errors += 1
        self._errors_in_a_row += 1
        return self._errors == self._asked == _GIVE_UP_AT_ONCE or self._errors_in_a_row >= _GIVE_UP

    def _answer(self, fact: Fact, begin: float) -> tuple[Answer | None, float | None, float | None]:
        """The answer, after how many seconds its first statement came, and what share of its source a summary holds."""
        if fact.ask == "summary":
            summary: Summary = self._method("summarise")(**_summary_wanted(fact))
            return _as_answer(fact, summary), None, summary.covered
        more = {"history": fact.history} if fact.history else {}
        first: float | None = None
        answer: Answer | None = None
        for event in self._target.stream(fact.question, **more):
            if isinstance(event, Statement) and first is None:
                first = time.perf_counter() - begin
            if isinstance(event, Answer):
                answer = event
        return answer, first, None

    def _verdicts(self, answer: Answer) -> dict[str, Any]:
        """What the judge says of every statement that cites something."""
        if self._judge is None:
            return {}
        judge, agreement = self._judge
        cited = [
            (one, " ".join(c.quote for c in one.citations)) for one in answer.statements if one.citations
        ]
        doubted = tuple(
            one.text for one, quotes in cited if not judge.supports(quotes, without_marks(one.text))
        )
        return {
            "judge": judge.name,
            "judge_counts": agreement.counts,
            "judged": len(cited),
            "doubted": doubted,
        }

    def _method(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] | None = getattr(self._target, name, None)
        if method is None:
            raise InputError(f"This target cannot {name}.", hint="Leave such facts out with --tag or --only.")
        return method

    def _search(self, fact: Fact) -> dict[str, float] | None:
        """How well the target's search does on this question; None where it has none, or nothing is to be found."""
        if not fact.required or fact.history or fact.ask == "summary" or not hasattr(self._target, "search"):
            return None
        hits: list[Hit] = self._method("search")(fact.question, k=K)
        self._read({hit.article_id for hit in hits})
        return retrieval(fact, hits, self._articles)

    def _read(self, article_ids: Collection[str]) -> None:
        """Fetch articles; one that does not exist stays out and is judged so."""
        for article_id in sorted(set(article_ids) - self._articles.keys()):
            try:
                self._articles[article_id] = self._target.article(article_id)
            except ArticleNotFound:
                continue


def _citations(answer: Answer) -> Iterator[Any]:
    yield from answer.citations
    for statement in answer.statements:
        yield from statement.citations


def _summary_wanted(fact: Fact) -> dict[str, Any]:
    """What `summarise` is asked with; what the fact leaves open stays open."""
    wanted = fact.summary.model_dump(exclude={"whole"}, exclude_defaults=True)
    of = {} if fact.summary.whole else {"query": fact.question}
    return of | wanted | {"language": fact.language}


def _as_answer(fact: Fact, summary: Summary) -> Answer:
    shared = {name: getattr(summary, name) for name in Answer.model_fields if name in Summary.model_fields}
    return Answer(**shared, question=fact.question)


def _around(article_id: str, start: int, end: int, articles: dict[str, Article]) -> tuple[str, str]:
    text = articles[article_id].text if article_id in articles else ""
    return text[max(0, start - _AROUND) : start], text[end : end + _AROUND]


def _broken(base: FactResult, fact: Fact, what: str, seconds: float) -> FactResult:
    judgement = Judgement(faults=(Fault(kind="error", detail=what),), required=len(fact.required))
    return base.model_copy(update={"judgement": judgement, "seconds": seconds})


def _read_kept(keep: Path | None) -> list[FactResult]:
    """Results of a run that broke off; a last line that was cut off is left out."""
    if keep is None or not keep.exists():
        return []
    *whole, rest = keep.read_text(encoding="utf-8").split("\n")
    try:
        results = [FactResult.model_validate_json(line) for line in whole]
    except ValidationError as error:
        raise InputError(
            f"{keep} holds no results of a run: {error.errors()[0]['msg']}.",
            hint="Delete it, or name another.",
        ) from error
    if rest:
        os.truncate(keep, len("".join(f"{line}\n" for line in whole).encode()))
    return results
