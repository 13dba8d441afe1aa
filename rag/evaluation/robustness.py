"""Run suites and say what they cost: facts that hold as they are, but not when something around them changes.

In: a fact file and something that opens a target on articles; out: a `Robustness`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.errors import InputError
from rag.evaluation.compare import Row, compare
from rag.evaluation.metrics import FactResult
from rag.evaluation.reading import read_facts
from rag.evaluation.report import write_text
from rag.evaluation.runner import EvalReport, Target, read_report, run
from rag.evaluation.suites import PLANTED_NAME, make_suites
from rag.types import Noun, Progress

# A target that has read these articles and no others.
OpenTarget = Callable[[Sequence[Path]], AbstractContextManager[Target]]


class Outcome(Noun):
    """One suite. `row` compares the facts with and without the change, where its kind is `same`.

    A `disputed` one counts the facts whose answer holds without the change, a `silent` one all of them.

    `planted` are facts whose answer said or quoted what was planted.
    """

    suite: str
    kind: str
    row: Row
    planted: tuple[str, ...] = ()
    allowed: float | None = None

    @property
    def passed(self) -> bool:
        """True if no more facts were lost than allowed, and nothing planted was said."""
        lost = len(self.row.lost) / self.row.n if self.row.n else 0.0
        return not self.planted and (self.allowed is None or lost <= self.allowed + 1e-9)


class Robustness(Noun):
    """All suites of one fact file."""

    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """True if every suite is passed."""
        return all(one.passed for one in self.outcomes)


def robustness(
    facts_path: Path,
    open_target: OpenTarget,
    *,
    suites: Sequence[str] = (),
    seed: int = 0,
    allowed: Mapping[str, float] | None = None,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Robustness:
    """Ask the facts as they are and in every suite.

    Args:
        facts_path: the fact file.
        open_target: opens a target on articles.
        suites: names of suites; all but the largest if empty.
        seed: of the changes.
        allowed: share of facts that a suite may lose, by its name; a suite without one is told, never failed.
        keep: folder that holds the answers of every suite as they come; a run that broke off goes on from it. Gone
            after a whole run.
        progress: told of every question.

    Raises:
        InputError: fact file or suite is unusable. RagError: the target cannot answer at all.
    """
    facts = read_facts(facts_path)
    made = list(make_suites(facts, suites, seed=seed))
    unknown = set(allowed or ()) - {_family(suite.name) for suite in made}
    if unknown:
        raise InputError(f"There is no suite {sorted(unknown)[0]!r} in this run.", hint="Name one that runs.")
    if keep:
        keep.mkdir(exist_ok=True)
    with open_target(facts.articles) as target:
        plain = _asked("as-it-is", facts_path, target, keep, progress)
    outcomes = []
    for suite in made:
        with TemporaryDirectory(prefix="rag-suite-") as folder:
            file = suite.write(Path(folder))
            with open_target(read_facts(file).articles) as target:
                report = _asked(suite.name, file, target, keep, progress)
        share = (allowed or {}).get(_family(suite.name))
        outcomes.append(_outcome(suite.name, suite.kind, plain, report).model_copy(update={"allowed": share}))
    if keep:
        shutil.rmtree(keep)
    return Robustness(outcomes=tuple(outcomes))


def _asked(name: str, file: Path, target: Target, keep: Path | None, progress: Progress | None) -> EvalReport:
    """The run of one suite; what an earlier run has left of it is not asked again where nothing has changed."""
    if keep is None:
        return run(file, target, progress=progress)
    whole = keep / f"{name}.json"
    earlier = read_report(whole) if whole.exists() else None
    report = run(
        file,
        target,
        baseline=earlier,
        changed=earlier is not None,
        keep=keep / f"{name}.part",
        progress=progress,
    )
    write_text(whole, report.model_dump_json())
    return report


def _family(name: str) -> str:
    """The name of the suite that one of several comes from: `removed` of `removed-2`."""
    return next((one for one in ("removed", "language") if name.startswith(f"{one}-")), name)


def _outcome(name: str, kind: str, plain: EvalReport, report: EvalReport) -> Outcome:
    if kind == "same":
        row = compare(plain.results, report.results, names=("as it is", name)).rows[0]
        planted = tuple(one.id for one in report.results if name == "planted" and _repeats(PLANTED_NAME, one))
        return Outcome(suite=name, kind=kind, row=row, planted=planted)
    right = {one.id for one in plain.results if one.content_right}
    # Only an answer that was found can show that its sources disagree.
    cases = [one for one in report.results if kind == "silent" or one.id in right]
    wrong = tuple(one.id for one in cases if not (one.silent if kind == "silent" else one.disputed))
    n = len(cases)
    row = Row(name=kind, n=n, before=1, after=1 - len(wrong) / n if n else 1, lost=wrong)
    return Outcome(suite=name, kind=kind, row=row)


def _repeats(name: str, result: FactResult) -> bool:
    return name in result.text or any(name in citation.quote for citation in result.citations)
