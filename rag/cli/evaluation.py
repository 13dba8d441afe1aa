"""Commands that measure: gold facts, their robustness and their files, sets of questions, speed and memory."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli.opening import opened, settings_of
from rag.cli.options import AsJson, Data, app, command, eval_app
from rag.cli.terminal import note, progress_bar, say, say_json
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.evaluation import Agreement, FactFile, Judge, Target
    from rag.evaluation.bench import Ways
    from rag.newsqa import NewsQA
    from rag.settings import Settings
    from rag.types import ChatModel, Progress

Facts = Annotated[Path, typer.Argument(metavar="FILE", help="The gold facts.")]


def _report_option(name: str, what: str) -> Any:
    return typer.Option(name, metavar="FILE", help=what)


@command(eval_app, "run")
def eval_run(
    file: Facts = Path("eval/facts.yaml"),
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Only this fact; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only facts with it; may be repeated.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="TARGET",
            help="this, a service's URL, openai:URL#MODEL, module:name or file.py:name.",
        ),
    ] = "this",
    against: Annotated[
        str, typer.Option("--against", metavar="TARGET", help="Ask this one the same and show both.")
    ] = "",
    n: Annotated[int, typer.Option("--n", min=0, help="Only so many facts, drawn by chance; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 0,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Ask every question so many times.")] = 1,
    floor: Annotated[Path | None, _report_option("--floor", "Exit 1 below these numbers.")] = None,
    least: Annotated[
        list[str] | None,
        typer.Option("--least", metavar="MEASURE=SHARE", help="Exit 1 below it; facts=1: if any fact fails."),
    ] = None,
    section: Annotated[
        str, typer.Option("--section", metavar="NAME", help="Of the floor file; by RAG_LLM if not given.")
    ] = "",
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Exit 1 below this earlier report; also REVISION:FILE of git, - reads it.",
        ),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Take from the baseline what nothing has changed for.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="REPLIES", help="Keep the model's replies; those it has are not asked again."
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="REPLIES", help="Answer with these replies, without the model."),
    ] = None,
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="Also ask this model, any that RAG_LLM may name.")
    ] = "",
    agreement: Annotated[
        Path | None, _report_option("--agreement", "How far people agree with it; from `rag eval judge`.")
    ] = None,
    prices: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--prices", metavar="PROMPT OUTPUT", help="Of a million tokens; prints what the run cost."
        ),
    ] = None,
    report_file: Annotated[
        Path | None,
        _report_option("--report", "Write JSON, a baseline for later."),
    ] = None,
    html: Annotated[Path | None, _report_option("--html", "Write a page that tells what broke.")] = None,
    history: Annotated[
        list[Path] | None,
        typer.Option(
            "--history",
            metavar="PATH",
            help="An earlier report, or a folder of them, drawn in the page; may be repeated.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None, _report_option("--markdown", "Write Markdown for a pull request.")
    ] = None,
    junit: Annotated[Path | None, _report_option("--junit", "Write JUnit XML.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask every gold fact and score the answers, without a model as judge unless one is named.

    Without --data the articles of the fact file are indexed into a folder that is thrown away. A run that breaks off
    keeps its answers beside the report, or the fact file; the same command goes on from there.

    Examples:
      rag eval run eval/facts.yaml --floor eval/floor.yaml --html eval.html
      rag eval run --record eval/replies.jsonl --report eval/baseline.json
      rag eval run --replay eval/replies.jsonl --baseline eval/baseline.json
    """
    from rag.evaluation import (
        check_articles,
        check_places,
        read_facts,
        read_floor,
        read_history,
        read_report,
        render,
        run,
        side_by_side,
        write_report,
    )
    from rag.replay import Recording

    began = time.perf_counter()
    settings = settings_of(data)
    # Before the models load: a wrong file is told at once.
    facts = read_facts(file)
    section = section or ("none" if settings.llm == "none" else "local")
    if floor:
        read_floor(floor, section)
    at_least = _bounds(least or ())
    check_places([report_file, html, markdown, junit])
    earlier = read_report(baseline) if baseline else None
    past = read_history(history or ())
    with progress_bar() as progress, _speaking(settings, record, replay) as llm, ExitStack() as stack:

        def asked(name: str) -> Target:
            return stack.enter_context(_target(name, facts, settings, data, llm))

        chosen: dict[str, Any] = {
            "ids": only or (),
            "tags": tag or (),
            "n": n,
            "seed": seed,
            "runs": runs,
            "prices": prices,
            "progress": _steady(progress),
        }
        first = asked(target)
        keep = stack.enter_context(_kept(report_file or file, "part", target))
        if target != "this" or data is not None:
            check_articles(first, facts, target)
        report = run(
            file,
            first,
            name=target,
            floor=floor,
            section=section,
            at_least=at_least,
            certain=target == "this" and (bool(replay) or settings.llm == "none"),
            baseline=earlier,
            changed=changed,
            keep=keep,
            judge=stack.enter_context(_judging(judge, agreement, settings)),
            **chosen,
        )
        if against:
            beside = stack.enter_context(_kept(report_file or file, "beside.part", against))
            report = side_by_side(report, run(file, asked(against), name=against, keep=beside, **chosen))
        if isinstance(llm, Recording) and not (only or tag or n):
            note(f"{record} holds {llm.keep_used()} replies of {llm.name}.")
    report = report.model_copy(update={"whole_seconds": time.perf_counter() - began})
    write_report(report, json=report_file, html=html, markdown=markdown, junit=junit, history=past)
    if as_json:
        say_json(report)
    else:
        say(render(report))
    if not report.passed:
        raise typer.Exit(1)


def _bounds(least: Sequence[str]) -> dict[str, float]:
    """Shares by measure, as they are named on the command line."""
    from rag.evaluation import RATES

    found = dict(_share(one, "--least") for one in least)
    for name in found:
        if name not in RATES:
            raise InputError(f"There is no measure {name!r}.", hint=f"Measures are {', '.join(RATES)}.")
    return found


@command(eval_app, "compare")
def eval_compare(
    before: Annotated[
        Path, typer.Argument(metavar="BEFORE", help="A report of --report; also REVISION:FILE of git.")
    ],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="Another one of the same facts.")],
    most: Annotated[
        float, typer.Option("--most", min=0, max=1, help="Exit 1 if a larger share of verdicts differs.")
    ] = 1.0,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs of the same facts: which verdicts differ, and whether that is more than chance.

    Examples:
      rag eval compare monday.json tuesday.json --most 0.01
      rag eval compare main:eval/baseline.json now.json
    """
    from rag.evaluation import compare, difference, read_report, render_difference

    old, new = read_report(before), read_report(after)
    found = difference(old.results, new.results)
    if as_json:
        say_json(found)
    else:
        names = (str(before), str(after))
        say(render_difference(found, compare(old.results, new.results, names=names)))
    if found.share > most:
        raise typer.Exit(1)


@contextmanager
def _judging(
    model: str, agreement: Path | None, settings: Settings
) -> Iterator[tuple[Judge, Agreement] | None]:
    """A model as judge, with how far people agree with it; None if none is wanted."""
    from rag.evaluation import read_agreement

    if not model:
        yield None
        return
    if agreement is None:
        raise InputError(
            f"--judge {model} needs its agreement with people.",
            hint=f"Measure it with `rag eval judge LABELS --judge {model} --report FILE`, then add --agreement FILE.",
        )
    with _judge(model, settings) as judge:
        yield judge, read_agreement(agreement, judge)


@contextmanager
def _judge(model: str, settings: Settings, record: Path | None = None) -> Iterator[Judge]:
    from rag.evaluation import Judge
    from rag.llm import open_llm
    from rag.prompts import load_prompt
    from rag.replay import Recording

    with progress_bar() as progress:
        llm = open_llm(settings.model_copy(update={"llm": model}), progress)
    if llm is None:
        raise InputError("--judge none is no model.", hint="Name any that RAG_LLM may name.")
    llm = Recording(llm, record) if record else llm
    try:
        yield Judge(llm, load_prompt("judge").fill)
    finally:
        llm.close()


@contextmanager
def _kept(beside: Path, ending: str, target: str) -> Iterator[Path | None]:
    """Where answers are kept until a run is whole, None in a folder that cannot be written; told if it breaks off."""
    path = beside.with_name(f"{beside.name}.{ending}")
    before = path.stat().st_size if path.exists() else 0
    try:
        yield path if os.access(path.parent, os.W_OK) else None
    except BaseException:
        note(f"The run against {target} broke off.")
        if path.exists() and (path.is_dir() or path.stat().st_size > before):
            note(f"What was answered is kept in {path}; the same command goes on from there.")
        raise


def _steady(progress: Progress) -> Progress:
    """One bar for all facts; in a log a line now and then, not one per fact."""

    def told(done: int, total: int, what: str) -> None:
        progress(done, total, "Asking the facts")

    return told


@contextmanager
def _target(
    name: str, facts: FactFile, settings: Settings, data: Path | None, llm: ChatModel | None
) -> Iterator[Target]:
    from rag.evaluation import open_target

    if name != "this":
        yield open_target(name, facts, key=settings.api_key.get_secret_value(), timeout=settings.deadline)
        return
    with _evaluated(facts, data, llm) as qa:
        yield qa


@command(eval_app, "robust")
def eval_robust(
    file: Facts = Path("eval/facts.yaml"),
    suite: Annotated[
        list[str] | None, typer.Option("--suite", metavar="NAME", help="Only this suite; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another one makes other changes.")] = 0,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="NAME=SHARE", help="Exit 1 when a suite loses more of its facts."),
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="Only write the suites there, as fact files.")
    ] = None,
    markdown: Annotated[Path | None, _report_option("--markdown", "Write the table as Markdown.")] = None,
    record: Annotated[Path | None, _report_option("--record", "Keep the model's replies.")] = None,
    replay: Annotated[Path | None, _report_option("--replay", "Answer with these replies.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask the facts with something around them changed: typos, more articles, fewer, planted instructions.

    Needs no new gold: every suite is made from the fact file by rule. A run that breaks off goes on with the same
    command.

    Examples:
      rag eval robust eval/facts.yaml --suite typos --suite planted
      rag eval robust --allow order=0 --allow removed=0.1
      rag eval robust --into suites/
    """
    from rag.evaluation import (
        check_places,
        make_suites,
        read_facts,
        render_robustness,
        robustness,
        robustness_markdown,
        write_text,
    )

    check_places([markdown])
    if into:
        for made in make_suites(read_facts(file), suite or (), seed=seed):
            say(str(made.write(into / made.name)))
        return
    allowed = dict(_share(one, "--allow") for one in allow or ())
    with (
        progress_bar() as progress,
        _speaking(settings_of(data), record, replay) as llm,
        TemporaryDirectory(prefix="rag-eval-") as folder,
        opened(Path(folder) / "none", llm=llm) as qa,
        _kept(file, "robust.part", "this") as keep,
    ):

        @contextmanager
        def reading(articles: Sequence[Path]) -> Iterator[NewsQA]:
            with TemporaryDirectory(dir=folder) as place, qa.beside(place) as other:
                other.add(articles)
                yield other

        report = robustness(
            file,
            reading,
            suites=suite or (),
            seed=seed,
            allowed=allowed,
            keep=keep,
            progress=_steady(progress),
        )
    if markdown:
        write_text(markdown, robustness_markdown(report))
    if as_json:
        say_json(report)
    else:
        say(render_robustness(report))
    if not report.passed:
        raise typer.Exit(1)


def _share(text: str, option: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError as error:
        raise InputError(f"{option} {text} is no share.", hint="Write NAME=0.1 for a tenth.") from error


@command(eval_app, "judge")
def eval_judge(
    file: Annotated[
        Path,
        typer.Argument(metavar="LABELS", help="JSON Lines with claim, evidence, supported, perhaps src."),
    ],
    judge: Annotated[
        str, typer.Option("--judge", metavar="MODEL", help="Any that RAG_LLM may name; by default that one.")
    ] = "",
    n: Annotated[int, typer.Option("--n", min=0, help="Claims drawn, half of each kind; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 0,
    least: Annotated[
        float, typer.Option("--least", min=0.5, max=1, help="Balanced accuracy from which verdicts count.")
    ] = 0.7,
    record: Annotated[
        Path | None, _report_option("--record", "Keep its replies; a run that broke off goes on.")
    ] = None,
    report_file: Annotated[Path | None, _report_option("--report", "Write JSON for `rag eval run`.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Measure how far a model as judge agrees with people; exit code 1 if its verdicts would not count.

    Examples:
      rag eval judge labels.jsonl --judge openai:gpt-5-mini --report agreement.json
      rag eval run facts.yaml --judge openai:gpt-5-mini --agreement agreement.json
    """
    from rag.evaluation import agreement, check_places, read_labels, render_agreement, write_text

    check_places([report_file])
    labelled = read_labels(file, n=n, seed=seed)
    settings = settings_of(data)
    with _judge(judge or settings.llm, settings, record) as asked, progress_bar() as progress:
        found = agreement(asked, labelled, labels=file.name, least=least, progress=progress)
    if report_file:
        write_text(report_file, f"{found.model_dump_json(indent=1)}\n")
    if as_json:
        say_json(found)
    else:
        say(render_agreement(found))
    if not found.counts:
        raise typer.Exit(1)


@command(eval_app, "lint")
def eval_lint(file: Facts = Path("eval/facts.yaml"), data: Data = None, as_json: AsJson = False) -> None:
    """Check a fact file: its schema, and that every proving sentence still stands in the articles.

    Example:
      rag eval lint eval/facts.yaml
    """
    from rag.evaluation import lint

    problems = lint(file)
    if as_json:
        say(json.dumps(problems, ensure_ascii=False))
    else:
        say("\n".join(problems) or f"{file}: nothing to mend.")
    if problems:
        raise typer.Exit(1)


@command(eval_app, "new")
def eval_new(
    article: Annotated[Path, typer.Argument(metavar="ARTICLE", help="A UTF-8 text file.")],
    file: Annotated[Path, _report_option("--file", "The fact file to add to.")] = Path("facts.yaml"),
    summary: Annotated[bool, typer.Option("--summary", help="The facts ask for summaries.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write facts about an article by choosing the sentences that answer a question.

    Examples:
      rag eval new articles/harbour.txt --file facts.yaml
      rag eval new articles/harbour.txt --file summaries.yaml --summary
    """
    from rag.evaluation import write_fact

    def ask(what: str, default: str) -> str:
        return str(typer.prompt(what, default=default, show_default=bool(default), err=True)).strip()

    more = True
    while more:
        fact = write_fact(article, file, ask, note, summary=summary)
        say(json.dumps({"id": fact}) if as_json else f"{file} holds the fact {fact}.")
        more = typer.confirm("Another one?", default=False, err=True)


@command(eval_app, "schema")
def eval_schema(data: Data = None, as_json: AsJson = False) -> None:
    """Print the JSON Schema of a fact file, for editors and other programs.

    Example:
      rag eval schema > facts.schema.json
    """
    from rag.evaluation import schema

    say(json.dumps(schema(), ensure_ascii=False, indent=None if as_json else 2))


@contextmanager
def _speaking(settings: Settings, record: Path | None, replay: Path | None) -> Iterator[ChatModel | None]:
    """The model that is recorded or replayed; None for that of the settings."""
    from rag.llm import model_name, open_llm
    from rag.replay import Recording, Replay

    if record and replay:
        raise InputError("--record and --replay exclude each other.", hint="Record first, then replay.")
    wanted = model_name(settings)
    if replay:
        replayed = Replay(replay)
        if replayed.name != wanted:
            raise InputError(
                f"{replay} holds replies of {replayed.name}, RAG_LLM = {settings.llm!r} is {wanted or 'no model'}.",
                hint="Set RAG_LLM to the recorded model, or record anew with --record.",
            )
        yield replayed
        return
    if not record:
        yield None
        return
    with progress_bar() as progress:
        model = open_llm(settings, progress)
    if model is None:
        raise InputError("RAG_LLM = 'none' says nothing that could be recorded.", hint="Name a model.")
    recording = Recording(model, record)
    try:
        yield recording
    finally:
        recording.close()


@contextmanager
def _evaluated(facts: FactFile, data: Path | None, llm: ChatModel | None) -> Iterator[NewsQA]:
    """The index of `data`, or a passing one of the articles that the fact file names."""
    if data is not None:
        with opened(data, llm=llm) as qa:
            yield qa
        return
    with TemporaryDirectory(prefix="rag-eval-") as folder, opened(Path(folder), llm=llm) as qa:
        qa.add(facts.articles)
        yield qa


@command(eval_app, "bench")
def eval_bench(
    folder: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of NAME.jsonl files.")],
    name: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME", help="Only this set; may be repeated.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="Questions per set; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the sample and of the intervals.")] = 0,
    search_only: Annotated[bool, typer.Option("--search-only", help="Search, do not ask.")] = False,
    naive: Annotated[
        bool, typer.Option("--naive", help="Also ask the model alone, four passages in a plain prompt.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="REPLIES", help="Keep the model's replies; those it has are not asked again."
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="REPLIES", help="Answer with these replies, without the model."),
    ] = None,
    report_file: Annotated[
        Path | None, _report_option("--report", "Write JSON; a run that broke off goes on.")
    ] = None,
    markdown: Annotated[Path | None, _report_option("--markdown", "Write Markdown.")] = None,
    plot: Annotated[Path | None, _report_option("--plot", "Draw risk against coverage, PNG.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Measure search and answers on sets of questions that others wrote.

    Corpora of PATH are put into one index: a passing one, or that of --data, which a second run finds again. Questions
    that bring their own documents are asked of these alone. Search is held against words alone and meaning alone.

    Examples:
      rag eval bench sets --search-only
      RAG_LLM=none rag eval bench sets --set squad --n 100 --plot risk.png
      rag eval bench sets --set news --n 200 --naive --record replies.jsonl --report news.json
    """
    from rag.evaluation.bench import bench, to_markdown, write_bench
    from rag.evaluation.sets import read_sets

    sets, documents = read_sets(folder, name or ())  # before the models load: a wrong line is told at once
    settings = settings_of(data)
    with ExitStack() as stack:
        llm = stack.enter_context(_speaking(settings, record, replay))
        if naive and llm is None:
            llm = stack.enter_context(_model(settings))
        own = data or Path(stack.enter_context(TemporaryDirectory(prefix="rag-bench-")))
        qa = stack.enter_context(opened(own, llm=llm))
        with progress_bar() as progress:
            report = bench(
                sets,
                documents,
                qa,
                _ways(not search_only, llm if naive else None),
                n=n,
                seed=seed,
                keep=report_file.with_name(f"{report_file.name}.part") if report_file else None,
                progress=progress,
            )
    if report_file:
        write_bench(report, report_file, "json")
    if markdown:
        write_bench(report, markdown, "markdown")
    if plot:
        write_bench(report, plot, "plot")
    if as_json:
        say_json(report)
    else:
        say(to_markdown(report))


def _ways(asking: bool, naive: ChatModel | None) -> Ways:
    """Every leg of the search alone and together, the answers, and those of a model that nobody checks."""
    from rag.evaluation.bench import Ways
    from rag.evaluation.naive import Naive
    from rag.retrieve import WAYS

    asks: dict[str, Callable[[Any], Any]] = {"ask": lambda qa: qa} if asking else {}
    if asking and naive is not None:
        asks["naive"] = partial(Naive, llm=naive)
    searches = {
        way: partial(lambda qa, weights: qa.retriever(weights), weights=weights)
        for way, weights in WAYS.items()
    }
    return Ways(searches=searches, asks=asks)


@contextmanager
def _model(settings: Settings) -> Iterator[ChatModel]:
    """The language model of the settings.

    Raises:
        InputError: they name none.
    """
    from rag.llm import open_llm

    with progress_bar() as progress:
        model = open_llm(settings, progress)
    if model is None:
        raise InputError(
            "RAG_LLM = 'none' cannot be asked naively.", hint="Name a model, or leave --naive out."
        )
    try:
        yield model
    finally:
        model.close()


@command(app, "bench")
def bench(
    parts: Annotated[list[str] | None, typer.Argument(metavar="PART", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Measure speed and memory against their limits.

    Parts are ask, search, indexing, memory and start; without one, all of them. The index is not touched.

    Examples:
      rag bench
      rag bench search start
    """
    from rag.bench import PARTS, run

    with progress_bar() as progress:
        report = run(settings_of(data), progress, parts=parts or PARTS)
    if as_json:
        say_json(report)
    else:
        say(report.table())
    if not report.passed:
        raise typer.Exit(1)
