"""The command line `rag`: a command opens the index, calls one method of `NewsQA`, prints what came back.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 a check failed,
2 wrong use, 3 something outside failed, 130 interrupted. Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import datetime
from inspect import getdoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer
from typer.exceptions import TyperException

from rag.errors import InputError, RagError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from rag.evaluation import FactFile, Target
    from rag.keys import KeyStore, Scope
    from rag.models import ModelState
    from rag.newsqa import NewsQA
    from rag.settings import Settings
    from rag.types import (
        Answer,
        Article,
        ChatModel,
        CheckReport,
        Citation,
        DraftCheck,
        Event,
        Hit,
        Message,
        Progress,
        Summary,
    )

_HELP: dict[str, Any] = {
    "no_args_is_help": True,
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    help="Ask questions about news articles; every statement comes with the sentence that proves it.", **_HELP
)
models_app = typer.Typer(help="The model files: list, fetch, verify.", **_HELP)
eval_app = typer.Typer(help="Gold facts: questions whose right answers are known.", **_HELP)
keys_app = typer.Typer(help="Keys of the service: add, list, revoke.", **_HELP)


def _print_version(wanted: bool) -> None:
    if wanted:
        from rag import __version__

        typer.echo(f"rag {__version__}")
        raise typer.Exit


@app.callback()
def _rag(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Declare what stands before a command."""


app.add_typer(models_app, name="models")
app.add_typer(eval_app, name="eval")
app.add_typer(keys_app, name="keys")

F = TypeVar("F", bound=Callable[..., None])


def _command(of: typer.Typer, name: str) -> Callable[[F], F]:
    """Make a function a command whose help is its docstring, the lines of its examples kept as they are."""

    def register(function: F) -> F:
        text = re.sub(r"\n\n(Examples?:)", "\n\n\b\n\\1", getdoc(function) or "")
        of.command(name, help=text)(function)
        return function

    return register


Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the index (RAG_DATA, else ./data).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no date; write 2025-02-18 or 2025-02-18T15:30+01:00."
        ) from error


After = Annotated[
    datetime | None,
    typer.Option("--after", metavar="DATE", parser=_moment, help="Only articles published then or later."),
]
Before = Annotated[
    datetime | None,
    typer.Option("--before", metavar="DATE", parser=_moment, help="Only articles published until then."),
]
Source = Annotated[str, typer.Option("--source", metavar="NAME", help="Only articles of this source.")]
Language = Annotated[
    str, typer.Option("--language", metavar="CODE", help="Only articles in this language (de, en, …).")
]
Ids = Annotated[
    list[str] | None, typer.Option("--article", metavar="ID", help="Only this article; may be repeated.")
]
Question = Annotated[str, typer.Argument(metavar="QUESTION", show_default=False)]


# --- printing --------------------------------------------------------------------------------


def _say(line: str = "") -> None:
    typer.echo(line)


def _note(line: str) -> None:
    """Something for the person watching, not part of the result."""
    typer.echo(line, err=True)


def _say_json(value: BaseModel | Sequence[BaseModel]) -> None:
    if isinstance(value, Sequence):
        _say(json.dumps([item.model_dump(mode="json") for item in value], ensure_ascii=False))
    else:
        _say(value.model_dump_json())


def _day(article: Article | Citation | Hit) -> str:
    return article.published.date().isoformat() if article.published else ""


def _citation_lines(citation: Citation) -> Iterator[str]:
    place = ", ".join(part for part in (citation.title, citation.source, _day(citation)) if part)
    quote = " ".join(citation.quote.split())
    yield f"[{citation.number}] “{quote}”"
    yield f"    {place or 'untitled'} [{citation.start}:{citation.end}] article {citation.article_id}"


def _say_cited(result: Answer | Summary) -> None:
    _say(result.text)
    if result.citations:
        _say()
    for citation in result.citations:
        for line in _citation_lines(citation):
            _say(line)


class _Bar:
    """Progress on standard error: a bar on a terminal; in a log a plain line per step, at least every 10 s.

    A log says nothing of what is over within two seconds.
    """

    def __init__(self) -> None:
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None
        self._what = ""
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        if sys.stderr.isatty():
            self._draw(done, total, what)
        else:
            self._log(done, total, what)
        self._what = what

    def start(self) -> None:
        """Count the seconds from now."""
        self._started = time.monotonic()

    def _log(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if now - self._started < 2 or (what == self._what and now - self._said < 10):
            return
        self._said = now
        _note(f"{what}: {done / total:.0%}" if total else f"{what} …")

    def hide(self) -> None:
        """Take the bar off the screen; the next call shows it again."""
        if self._rich is not None:
            self._rich.stop()
        self._rich, self._task, self._what = None, None, ""

    def _draw(self, done: int, total: int, what: str) -> None:
        if self._rich is None:
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

            self._rich = Progress(
                SpinnerColumn(),
                *Progress.get_default_columns(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._rich.start()
        if self._task is None or what != self._what:
            if self._task is not None:
                self._rich.remove_task(self._task)
            self._task = self._rich.add_task(what, total=total or None)
        self._rich.update(self._task, completed=done, total=total or None)


_BAR = _Bar()  # one for all: a model may load, and say so, in the middle of a question


@contextmanager
def _progress() -> Iterator[Progress]:
    _BAR.start()
    try:
        yield _BAR
    finally:
        _BAR.hide()


@contextmanager
def _busy(what: str) -> Iterator[None]:
    """A spinner on a terminal, nothing in a log."""
    with _progress() as progress:
        if sys.stderr.isatty():
            progress(0, 0, what)
        yield


# --- opening ---------------------------------------------------------------------------------


class Opener(Protocol):
    """Opens what the commands ask; the default is `open_newsqa`."""

    def __call__(
        self, settings: Settings, *, mend: bool, progress: Progress, llm: ChatModel | None = None
    ) -> NewsQA:
        """See `open_newsqa`."""


def _settings(data: Path | None) -> Settings:
    from rag.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    # Libraries warn of what we tell better ourselves, such as a PDF that is damaged.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("rag").setLevel(settings.log_level)
    return settings


def open_newsqa(
    settings: Settings, *, mend: bool, progress: Progress, llm: ChatModel | None = None
) -> NewsQA:
    """The `NewsQA` of the settings; with `mend` also one that only `check` or `rebuild` can help.

    `llm` answers instead of the model of the settings.
    """
    from rag.newsqa import NewsQA

    given: dict[str, Any] = {} if llm is None else {"llm": llm}
    return NewsQA.open(settings.data, settings=settings, mend=mend, progress=progress, **given)


_opener: ContextVar[Opener] = ContextVar("opener", default=open_newsqa)


@contextmanager
def _opened(data: Path | None, mend: bool = False, llm: ChatModel | None = None) -> Iterator[NewsQA]:
    settings = _settings(data)
    given: dict[str, Any] = {} if llm is None else {"llm": llm}
    with _progress() as progress:
        qa = _opener.get()(settings, mend=mend, progress=progress, **given)
    try:
        yield qa
    finally:
        _BAR.hide()
        qa.close()


def _filters(
    after: datetime | None, before: datetime | None, source: str, language: str, ids: list[str] | None
) -> dict[str, Any]:
    wanted = {
        "published_after": after,
        "published_before": before,
        "source": source,
        "language": language,
        "article_ids": tuple(ids or ()),
    }
    return {name: value for name, value in wanted.items() if value}


def _history(file: Path | None) -> tuple[Message, ...]:
    if file is None:
        return ()
    from pydantic import TypeAdapter, ValidationError

    from rag.types import Message

    try:
        return TypeAdapter(tuple[Message, ...]).validate_json(file.read_bytes())
    except OSError as error:
        raise InputError(
            f"The history {file} cannot be read: {error.strerror}.", hint="Check its path."
        ) from error
    except ValidationError as error:
        raise InputError(
            f"The history {file} is not a list of turns: {error.errors()[0]['msg']}.",
            hint='Write [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}].',
        ) from error


def _piped(question: str) -> str:
    return sys.stdin.read().strip() if question == "-" else question


# --- articles --------------------------------------------------------------------------------


@_command(app, "add")
def add(
    sources: Annotated[list[str], typer.Argument(metavar="PATH|URL", show_default=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Read files, folders, web pages and feeds into the index.

    Examples:
      rag add articles/
      rag add report.pdf notes.md https://example.org/news.html
    """
    with _opened(data) as qa:
        with _progress() as progress:
            report = qa.add(sources, progress=progress)
        if as_json:
            _say_json(report)
        else:
            outcomes = ("added", "revised", "unchanged", "same_text", "failed")
            counts = [f"{len(getattr(report, name))} {name.replace('_', ' ')}" for name in outcomes]
            _say(", ".join(counts))
        for failure in report.failed:
            _note(f"not taken: {failure.origin}: {failure.message} {failure.hint}".rstrip())
    if report.failed and not report.article_ids:
        raise typer.Exit(3)


@_command(app, "list")
def list_articles(
    after: After = None,
    before: Before = None,
    source: Source = "",
    language: Language = "",
    article: Ids = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the articles of the index.

    Examples:
      rag list
      rag list --language de --after 2025-02-01
    """
    with _opened(data) as qa:
        found = qa.articles(**_filters(after, before, source, language, article))
    if as_json:
        _say_json(found)
        return
    for one in found:
        _say(f"{one.id}  {_day(one) or '----------'}  {one.language or '--'}  {one.title or one.url}")


@_command(app, "show")
def show(
    article_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    span: Annotated[
        str,
        typer.Option("--span", metavar="START:END", help="Only these characters, as in a citation."),
    ] = "",
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="HASH", help="An older text of it, as in a citation.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print one article, or the characters that a citation names.

    Examples:
      rag show 3f2a91c0
      rag show 3f2a91c0 --span 742:870
    """
    with _opened(data) as qa:
        one = qa.article(article_id, revision)
    if as_json:
        _say_json(one)
    elif span:
        _say(one.text[_slice(span, len(one.text))])
    else:
        head = ", ".join(part for part in (one.title, one.source, _day(one), one.language, one.url) if part)
        _say("\n\n".join(part for part in (head, one.text) if part))


def _slice(span: str, length: int) -> slice:
    start, _, end = span.strip("[]").partition(":")
    if not (start.isdecimal() and end.isdecimal() and int(start) < int(end) <= length):
        raise InputError(
            f"--span {span} does not lie in the article.", hint=f"Write START:END within 0:{length}."
        )
    return slice(int(start), int(end))


@_command(app, "delete")
def delete(
    article_ids: Annotated[list[str], typer.Argument(metavar="ID", show_default=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Delete articles and prove that nothing of them can be found.

    Example:
      rag delete 3f2a91c0
    """
    with _opened(data) as qa:
        gone = [qa.delete(article_id) for article_id in article_ids]
    if as_json:
        _say_json(gone)
    else:
        for one in gone:
            state = "nothing of it is left" if one.proven else "SOMETHING OF IT IS STILL FOUND"
            _say(f"{one.article_id} deleted: {one.sentences} sentences, {one.vectors} vectors; {state}")
    if not all(one.proven for one in gone):
        raise typer.Exit(1)


@_command(app, "rebuild")
def rebuild(data: Data = None, as_json: AsJson = False) -> None:
    """Build word and vector index again from the articles.

    Example:
      rag rebuild
    """
    with _opened(data, mend=True) as qa, _progress() as progress:
        report = qa.rebuild(progress=progress)
    _say_check(report, as_json)


@_command(app, "check")
def check(
    repair: Annotated[bool, typer.Option("--repair/--no-repair", help="Mend what is found.")] = True,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compare the catalog with the word and vector indexes.

    Examples:
      rag check
      rag check --no-repair
    """
    with _opened(data, mend=True) as qa, _busy("Comparing"):
        report = qa.check(repair=repair)
    _say_check(report, as_json)


def _say_check(report: CheckReport, as_json: bool) -> None:
    if as_json:
        _say_json(report)
    else:
        for problem in report.problems:
            _say(f"problem: {problem}")
        for repaired in report.repaired:
            _say(f"repaired: {repaired}")
        counts = f"{report.articles} articles, {report.passages} passages, {report.vectors} vectors"
        _say(f"{'in order' if report.ok else 'NOT in order'}: {counts}")
    if not report.ok:
        raise typer.Exit(1)


# --- questions -------------------------------------------------------------------------------


@_command(app, "ask")
def ask(
    question: Question,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print each statement as soon as it is verified.")
    ] = False,
    history: Annotated[
        Path | None, typer.Option("--history", metavar="FILE", help="Earlier turns: a JSON list of messages.")
    ] = None,
    after: After = None,
    before: Before = None,
    source: Source = "",
    language: Language = "",
    article: Ids = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question, or say that the articles do not tell.

    `-` reads the question from standard input.

    Examples:
      rag ask "Who attended the meeting?"
      rag ask --stream --after 2025-02-01 "Wer nahm an dem Treffen teil?"
    """
    turns = _history(history)
    filters = _filters(after, before, source, language, article)
    with _opened(data) as qa:
        if stream:
            with _busy("Reading the articles"):
                _say_events(qa.stream(_piped(question), history=turns, **filters), as_json)
            return
        with _busy("Reading the articles"):
            answer = qa.ask(_piped(question), history=turns, **filters)
    if as_json:
        _say_json(answer)
    else:
        _say_cited(answer)


def _say_events(events: Iterable[Event], as_json: bool) -> None:
    from rag.types import Answer, Statement

    for event in events:
        _BAR.hide()
        if as_json:
            kind = type(event).__name__.lower()
            _say(json.dumps({"event": kind, "data": event.model_dump(mode="json")}, ensure_ascii=False))
        elif isinstance(event, Statement):
            _say(f"verified: {event.text}")
        elif isinstance(event, Answer):
            if event.statements:
                _say()
            _say_cited(event)


@_command(app, "chat")
def chat(
    after: After = None,
    before: Before = None,
    source: Source = "",
    language: Language = "",
    article: Ids = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask on and on; each question may refer to those before.

    An empty line ends.

    Examples:
      rag chat
      rag chat --json < questions.txt
    """
    from rag.types import Message

    filters = _filters(after, before, source, language, article)
    history: list[Message] = []
    with _opened(data) as qa:
        for question in _lines():
            with _busy("Reading the articles"):
                answer = _answer_or_none(qa, question, history, filters)
            if answer is None:
                continue
            if as_json:
                _say_json(answer)
            else:
                _say_cited(answer)
                _say()
            history += [
                Message(role="user", content=question),
                Message(role="assistant", content=answer.text),
            ]


def _lines() -> Iterator[str]:
    """Lines a person types, until an empty one; all lines of a pipe that hold something."""
    typed = sys.stdin.isatty()
    while True:
        if typed:
            typer.echo("> ", err=True, nl=False)
        line = sys.stdin.readline()
        if not line or (typed and not line.strip()):
            return
        if line.strip():
            yield line.strip()


def _answer_or_none(
    qa: NewsQA, question: str, history: Sequence[Message], filters: dict[str, Any]
) -> Answer | None:
    """A question that a person can put better, or again, does not end their conversation."""
    try:
        return qa.ask(question, history=tuple(history), **filters)
    except RagError as error:
        if not sys.stdin.isatty() or not (error.retryable or isinstance(error, InputError)):
            raise
        _say_error(error, as_json=False)
        return None


@_command(app, "search")
def search(
    question: Question,
    k: Annotated[int, typer.Option("-k", "--k", min=1, max=1000, help="How many passages.")] = 10,
    after: After = None,
    before: Before = None,
    source: Source = "",
    language: Language = "",
    article: Ids = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Find the passages nearest to a question, with no answer.

    Examples:
      rag search "Sicherheitsgarantien"
      rag search -k 3 --source "Example Times" "security guarantees"
    """
    with _opened(data) as qa:
        hits = qa.search(_piped(question), k=k, **_filters(after, before, source, language, article))
    if as_json:
        _say_json(hits)
        return
    for hit in hits:
        _say(f"{hit.score:.3f} {hit.found_by.value:5} {hit.title or 'untitled'} [{hit.start}:{hit.end}]")
        _say(f"    {' '.join(hit.text.split())}")
        _say(f"    article {hit.article_id}")


@_command(app, "verify")
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The draft: txt, md, html, docx, pdf; - for input.")
    ],
    after: After = None,
    before: Before = None,
    source: Source = "",
    article: Ids = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Check a draft against the articles, statement by statement.

    Exit code 1 if a statement is contradicted or not found.

    Examples:
      rag verify draft.txt
      pbpaste | rag verify - --json
    """
    text = _draft(file, data)
    with _opened(data) as qa, _progress() as progress:
        found = qa.verify(text, progress=progress, **_filters(after, before, source, "", article))
    if as_json:
        _say_json(found)
    else:
        _say_checked(found)
    if any(one.verdict.value != "supported" for one in found.statements):
        raise typer.Exit(1)


def _draft(file: Path, data: Path | None) -> str:
    """The text of a draft as it stands; of a file that is no plain text what the reader of articles makes of it."""
    from rag.clean import clean
    from rag.load import load
    from rag.types import RawDocument

    try:
        if str(file) == "-":
            return sys.stdin.read()
        if file.suffix.lower() in {"", ".txt", ".md"}:
            return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    read = next(iter(load(file, _settings(data))))
    if not isinstance(read, RawDocument):
        raise InputError(read.message, hint=read.hint)
    return clean(read).text


def _say_checked(found: DraftCheck) -> None:
    for one in found.statements:
        marks = "".join(f" [{cited.number}]" for cited in one.citations)
        _say(f"{one.verdict.value.replace('_', ' '):12} {' '.join(one.text.split())}{marks}")
        for difference in one.differences:
            told = " / ".join(part for part in (difference.claimed, difference.found) if part)
            _say(f"{'':12} {difference.kind}: {told}")
    if found.citations:
        _say()
    for citation in found.citations:
        for line in _citation_lines(citation):
            _say(line)
    total = len(found.statements)
    supported = sum(one.verdict.value == "supported" for one in found.statements)
    contradicted = sum(one.verdict.value == "contradicted" for one in found.statements)
    _say(
        f"\n{total} statements: {supported} supported, {contradicted} contradicted, "
        f"{total - supported - contradicted} not found"
    )


@_command(app, "summarise")
def summarise(
    article_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", show_default=False)] = None,
    query: Annotated[
        str | None, typer.Option("--query", metavar="TEXT", help="Summarise what is found for this.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, max=1000, help="Passages taken for --query.")] = 20,
    focus: Annotated[str, typer.Option("--focus", metavar="TEXT", help="What it should be about.")] = "",
    form: Annotated[
        str, typer.Option("--form", metavar="FORM", help="text, points, timeline or who_said_what.")
    ] = "text",
    sentences: Annotated[
        int | None,
        typer.Option("--sentences", min=1, max=100, help="At most so many; else 5, or 20 in a list."),
    ] = None,
    words: Annotated[int | None, typer.Option("--words", min=1, max=5000, help="At most so many.")] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="CODE", help="Language of the summary (de, en, …).")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option("--deadline", metavar="SECONDS", help="Stop reading then, and say so.")
    ] = None,
    after: After = None,
    before: Before = None,
    source: Source = "",
    language: Language = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Summarise articles in cited, verified sentences.

    Without ID and --query: all articles that pass the filters.

    Examples:
      rag summarise 3f2a91c0 --words 100
      rag summarise --query "security guarantees" --sentences 3 --to en
      rag summarise --after 2025-02-01 --form timeline
    """
    filters = _filters(after, before, source, "", None)
    with _opened(data) as qa, _progress() as progress:
        summary = qa.summarise(
            article_ids or None, query=query, k=k, focus=focus, form=form, sentences=sentences, words=words,
            language=to, written_in=language, deadline=deadline, progress=progress, **filters,
        )  # fmt: skip
    if as_json:
        _say_json(summary)
        return
    if summary.headline is not None:
        _say(f"{summary.headline.text}\n")
    _say_cited(summary)
    _say(f"\ncovers {summary.covered:.0%} of the source")


# --- models ----------------------------------------------------------------------------------


@_command(models_app, "list")
def models_list(data: Data = None, as_json: AsJson = False) -> None:
    """Which model files are here.

    Example:
      rag models list
    """
    from rag.models import listing

    _say_models(listing(_settings(data)), as_json)


@_command(models_app, "pull")
def models_pull(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fetch and verify models.

    Without names, those that the settings use.

    Examples:
      rag models pull
      rag models pull qwen2.5-coder-0.5b
    """
    from rag.models import pull, verify

    settings = _settings(data)
    wanted = names or _used_models(settings)
    with _progress() as progress:
        for name in wanted:
            pull(name, settings, progress)
    _say_models([verify(name, settings) for name in wanted], as_json)


@_command(models_app, "verify")
def models_verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compare model files with their SHA-256.

    Without names, those that the settings use.

    Example:
      rag models verify
    """
    from rag.models import verify

    settings = _settings(data)
    _say_models(
        [verify(name, settings) for name in names or _used_models(settings)], as_json, must_be_good=True
    )


def _used_models(settings: Settings) -> list[str]:
    from rag.models import listing

    return [state.name for state in listing(settings) if state.used]


def _say_models(states: Sequence[ModelState], as_json: bool, must_be_good: bool = False) -> None:
    if as_json:
        _say_json(states)
    else:
        for state in states:
            _say(f"{state.name:24} {state.status:10} {state.detail or state.path}")
    if must_be_good and not all(state.status == "ok" for state in states):
        raise typer.Exit(1)


# --- eval, bench, serve, demo ----------------------------------------------------------------


Facts = Annotated[Path, typer.Argument(metavar="FILE", help="The gold facts.")]


def _report_option(name: str, what: str) -> Any:
    return typer.Option(name, metavar="FILE", help=what)


@_command(eval_app, "run")
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
    runs: Annotated[int, typer.Option("--runs", min=1, help="Ask every question so many times.")] = 1,
    floor: Annotated[Path | None, _report_option("--floor", "Exit 1 below these numbers.")] = None,
    section: Annotated[
        str, typer.Option("--section", metavar="NAME", help="Of the floor file; by RAG_LLM if not given.")
    ] = "",
    baseline: Annotated[
        Path | None, _report_option("--baseline", "Exit 1 below this earlier report; - reads it.")
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
    report_file: Annotated[
        Path | None,
        _report_option("--report", "Write JSON, a baseline for later; a run that broke off goes on."),
    ] = None,
    html: Annotated[Path | None, _report_option("--html", "Write a page that tells what broke.")] = None,
    history: Annotated[
        list[Path] | None,
        _report_option("--history", "An earlier report, drawn in the page; may be repeated."),
    ] = None,
    markdown: Annotated[
        Path | None, _report_option("--markdown", "Write Markdown for a pull request.")
    ] = None,
    junit: Annotated[Path | None, _report_option("--junit", "Write JUnit XML.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask every gold fact and score the answers, without a model as judge.

    Without --data the articles of the fact file are indexed into a folder that is thrown away.

    Examples:
      rag eval run eval/facts.yaml --floor eval/floor.yaml --html eval.html
      rag eval run --record eval/replies.jsonl --report eval/baseline.json
      rag eval run --replay eval/replies.jsonl --baseline eval/baseline.json
    """
    from rag.evaluation import read_facts, read_report, render, run, side_by_side, write_report
    from rag.replay import Recording

    facts = read_facts(file)  # before the models load: a wrong file is told at once
    earlier = read_report(baseline) if baseline else None
    past = [read_report(one) for one in history or ()]
    settings = _settings(data)
    with _progress() as progress, _speaking(settings, record, replay) as llm, ExitStack() as stack:

        def asked(name: str) -> Target:
            return stack.enter_context(_target(name, facts, settings, data, llm))

        chosen: dict[str, Any] = {
            "ids": only or (),
            "tags": tag or (),
            "runs": runs,
            "progress": _steady(progress),
        }
        report = run(
            file,
            asked(target),
            name=target,
            floor=floor,
            section=section or ("none" if settings.llm == "none" else "local"),
            certain=target == "this" and (bool(replay) or settings.llm == "none"),
            baseline=earlier,
            changed=changed,
            keep=report_file.with_name(f"{report_file.name}.part") if report_file else None,
            **chosen,
        )
        if against:
            report = side_by_side(report, run(file, asked(against), name=against, **chosen))
        if isinstance(llm, Recording) and not (only or tag):
            _note(f"{record} holds {llm.keep_used()} replies of {llm.name}.")
    write_report(report, json=report_file, html=html, markdown=markdown, junit=junit, history=past)
    if as_json:
        _say_json(report)
    else:
        _say(render(report))
    if not report.passed:
        raise typer.Exit(1)


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


@_command(eval_app, "robust")
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
    record: Annotated[Path | None, _report_option("--record", "Keep the model's replies.")] = None,
    replay: Annotated[Path | None, _report_option("--replay", "Answer with these replies.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask the facts with something around them changed: typos, more articles, fewer, planted instructions.

    Needs no new gold: every suite is made from the fact file by rule.

    Examples:
      rag eval robust eval/facts.yaml --suite typos --suite planted
      rag eval robust --allow order=0 --allow removed=0.1
      rag eval robust --into suites/
    """
    from rag.evaluation import make_suites, read_facts, render_robustness, robustness

    if into:
        for made in make_suites(read_facts(file), suite or (), seed=seed):
            _say(str(made.write(into / made.name)))
        return
    allowed = dict(map(_allowed, allow or ()))
    with (
        _progress() as progress,
        _speaking(_settings(data), record, replay) as llm,
        TemporaryDirectory(prefix="rag-eval-") as folder,
        _opened(Path(folder) / "none", llm=llm) as qa,
    ):

        @contextmanager
        def reading(articles: Sequence[Path]) -> Iterator[NewsQA]:
            with TemporaryDirectory(dir=folder) as place, qa.beside(place) as other:
                other.add(articles)
                yield other

        report = robustness(
            file, reading, suites=suite or (), seed=seed, allowed=allowed, progress=_steady(progress)
        )
    if as_json:
        _say_json(report)
    else:
        _say(render_robustness(report))
    if not report.passed:
        raise typer.Exit(1)


def _allowed(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError as error:
        raise InputError(f"--allow {text} is no share.", hint="Write NAME=0.1 for a tenth.") from error


@_command(eval_app, "lint")
def eval_lint(file: Facts = Path("eval/facts.yaml"), data: Data = None, as_json: AsJson = False) -> None:
    """Check a fact file: its schema, and that every proving sentence still stands in the articles.

    Example:
      rag eval lint eval/facts.yaml
    """
    from rag.evaluation import lint

    problems = lint(file)
    if as_json:
        _say(json.dumps(problems, ensure_ascii=False))
    else:
        _say("\n".join(problems) or f"{file}: nothing to mend.")
    if problems:
        raise typer.Exit(1)


@_command(eval_app, "new")
def eval_new(
    article: Annotated[Path, typer.Argument(metavar="ARTICLE", help="A UTF-8 text file.")],
    file: Annotated[Path, _report_option("--file", "The fact file to add to.")] = Path("facts.yaml"),
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write facts about an article by choosing the sentences that answer a question.

    Example:
      rag eval new articles/harbour.txt --file facts.yaml
    """
    from rag.evaluation import write_fact

    def ask(what: str, default: str) -> str:
        return str(typer.prompt(what, default=default, show_default=bool(default), err=True)).strip()

    more = True
    while more:
        fact = write_fact(article, file, ask, _note)
        _say(json.dumps({"id": fact}) if as_json else f"{file} holds the fact {fact}.")
        more = typer.confirm("Another one?", default=False, err=True)


@_command(eval_app, "schema")
def eval_schema(data: Data = None, as_json: AsJson = False) -> None:
    """Print the JSON Schema of a fact file, for editors and other programs.

    Example:
      rag eval schema > facts.schema.json
    """
    from rag.evaluation import schema

    _say(json.dumps(schema(), ensure_ascii=False, indent=None if as_json else 2))


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
    with _progress() as progress:
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
        with _opened(data, llm=llm) as qa:
            yield qa
        return
    with TemporaryDirectory(prefix="rag-eval-") as folder, _opened(Path(folder), llm=llm) as qa:
        qa.add(facts.articles)
        yield qa


@_command(eval_app, "bench")
def eval_bench(
    folder: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder of NAME.jsonl and NAME_corpus.jsonl.")
    ],
    name: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME", help="Only this set; may be repeated.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="Questions per set; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Of the sample and of the intervals.")] = 0,
    search_only: Annotated[bool, typer.Option("--search-only", help="Search, do not ask.")] = False,
    report_file: Annotated[Path | None, _report_option("--report", "Write JSON.")] = None,
    markdown: Annotated[Path | None, _report_option("--markdown", "Write Markdown.")] = None,
    plot: Annotated[Path | None, _report_option("--plot", "Draw risk against coverage, PNG.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Measure search and answers on sets of questions that others wrote.

    All documents of PATH are put into one index: a passing one, or that of --data, which a second run finds again.
    Search is held against words alone and meaning alone.

    Examples:
      rag eval bench sets --search-only
      RAG_LLM=none rag eval bench sets --set squad --n 100 --plot risk.png
    """
    from rag.evaluation.bench import articles_of, bench, read_ids, to_markdown, write_bench
    from rag.evaluation.sets import read_sets
    from rag.retrieve import WAYS

    sets, documents = read_sets(folder, name or ())  # before the models load: a wrong line is told at once
    with ExitStack() as stack:
        own = data or Path(stack.enter_context(TemporaryDirectory(prefix="rag-bench-")))
        qa = stack.enter_context(_opened(own))
        with _progress() as progress:
            qa.add(articles_of(documents), progress)
            report = bench(
                sets,
                documents,
                {way: qa.retriever(weights) for way, weights in WAYS.items()},
                None if search_only else qa,
                n=n,
                seed=seed,
                ids=read_ids(qa.articles()),
                progress=progress,
            )
    if report_file:
        write_bench(report, report_file, "json")
    if markdown:
        write_bench(report, markdown, "markdown")
    if plot:
        write_bench(report, plot, "plot")
    if as_json:
        _say_json(report)
    else:
        _say(to_markdown(report))


@_command(app, "bench")
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

    with _progress() as progress:
        report = run(_settings(data), progress, parts=parts or PARTS)
    if as_json:
        _say_json(report)
    else:
        _say(report.table())
    if not report.passed:
        raise typer.Exit(1)


@_command(app, "serve")
def serve(
    host: Annotated[
        str, typer.Option("--host", help="Beyond this machine a key is needed: `rag keys add`.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8000,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Serve a page for people, an API, OpenAI's protocol, MCP.

    Examples:
      rag serve
      rag keys add newsroom && rag serve --host 0.0.0.0 --port 8080
    """
    from rag.api import listen
    from rag.api import serve as serve_on

    # Docker and systemd stop with SIGTERM; the index is closed then as well.
    signal.signal(signal.SIGTERM, _terminate)
    settings = _settings(data)
    with listen(host, port, settings) as bound, _opened(data) as qa:
        url = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        _say(json.dumps({"url": url}) if as_json else f"Serving at {url} (Ctrl-C stops)")
        sys.stdout.flush()
        serve_on(qa, settings, bound)


@_command(app, "mcp")
def mcp(
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Speak for this service; its key is RAG_API_KEY.")
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Offer the index as MCP tools on standard input and output.

    Without --url the index is opened here; a running `rag serve` holds it already and has the tools at /mcp.

    Examples:
      rag mcp
      rag mcp --url http://127.0.0.1:8000
    """
    from rag.client import Client
    from rag.mcp import run_stdio

    if url:
        with Client(url, _settings(data).api_key.get_secret_value()) as client:
            run_stdio(client)
        return
    with _opened(data) as qa:
        run_stdio(qa)


@_command(keys_app, "add")
def keys_add(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="Of a person or program.")],
    scope: Annotated[
        str, typer.Option("--scope", metavar="SCOPE", help="read, write or admin; each includes the former.")
    ] = "read",
    collections: Annotated[
        list[str] | None,
        typer.Option("--collection", metavar="NAME", help="Only this collection; may be repeated."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print its secret, which is shown this once.

    Examples:
      rag keys add anna
      rag keys add importer --scope write --collection sports
    """
    from rag.keys import DEFAULT_COLLECTION

    key, secret = _key_store(data).add(name, _scope(scope), collections or [DEFAULT_COLLECTION])
    if as_json:
        _say(json.dumps({"id": key.id, "name": key.name, "scope": key.scope.value, "secret": secret}))
    else:
        _say(secret)
        _note(f"Key {key.id} of {key.name}: {key.scope.value} in {', '.join(key.collections)}.")


@_command(keys_app, "list")
def keys_list(data: Data = None, as_json: AsJson = False) -> None:
    """List the keys, without their secrets.

    Example:
      rag keys list
    """
    for key in (keys := _key_store(data).all()):
        if not as_json:
            opens = ", ".join(key.collections)
            _say(f"{key.id}  {key.created.date()}  {key.scope.value:5}  {opens}  {key.name}")
    if as_json:
        _say(json.dumps([key.model_dump(mode="json", exclude={"digest"}) for key in keys]))


@_command(keys_app, "revoke")
def keys_revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take a key back; a running service refuses it from the next request on.

    Example:
      rag keys revoke 3f2a91c0
    """
    key = _key_store(data).revoke(id_)
    _say(json.dumps({"revoked": key.id}) if as_json else f"revoked {key.id} of {key.name}")


def _key_store(data: Path | None) -> KeyStore:
    from rag.keys import KEYS_FILE, KeyStore

    return KeyStore(_settings(data).data / KEYS_FILE)


def _scope(name: str) -> Scope:
    from rag.keys import Scope

    if name not in list(Scope):
        raise InputError(f"There is no scope {name!r}.", hint=f"Scopes are {', '.join(Scope)}.")
    return Scope(name)


def _terminate(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@_command(app, "demo")
def demo(data: Data = None, as_json: AsJson = False) -> None:
    """Index the demo articles and ask a few questions.

    One of the questions they do not answer.

    Examples:
      rag demo
      rag demo --data /tmp/demo
    """
    from rag.resources import demo_articles, resource

    questions = resource("seeds", "questions.txt").read_text(encoding="utf-8").splitlines()
    articles = demo_articles()
    _note("Opening the models; the first time they are fetched.")
    started = time.monotonic()
    with _opened(_settings(data).data / "demo" if data is None else data) as qa:
        _note(f"Open after {time.monotonic() - started:.1f} s. Reading {len(articles)} articles.")
        with _progress() as progress:
            report = qa.add(articles, progress=progress)
        _note(f"{len(report.article_ids)} articles are in the index, {len(report.added)} of them new.")
        for question in filter(None, map(str.strip, questions)):
            _demonstrate(qa, question, as_json)


def _demonstrate(qa: NewsQA, question: str, as_json: bool) -> None:
    started = time.monotonic()
    with _busy("Reading, answering, verifying"):
        answer = qa.ask(question)
    took = time.monotonic() - started
    if as_json:
        _say_json(answer)
        return
    _say(f"\n? {question}\n")
    _say_cited(answer)
    _say(f"\n({answer.status.value}, {took:.1f} s)")


# --- the process -----------------------------------------------------------------------------


def _say_error(error: RagError, as_json: bool) -> None:
    if as_json:
        told = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        _note(json.dumps(told, ensure_ascii=False))
        return
    _note(f"rag: {error.message}")
    if error.hint:
        _note(f"     {error.hint}")


def _say_wrong_use(error: TyperException, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "rag"
    if error.format_message().startswith("Usage:"):  # a group called without a command: its help
        _note(error.format_message())
    else:
        _say_error(InputError(error.format_message(), hint=f"`{command} --help` shows examples."), as_json)
    return InputError.exit_code


def _run(words: list[str]) -> int:
    # Not app(): it would turn a broken pipe into exit code 1, which means that a check failed.
    command = typer.main.get_command(app)
    try:
        with command.make_context("rag", words) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as done:
        sys.stdout.flush()
        return done.exit_code
    return 0


def main(arguments: Sequence[str] | None = None, opener: Opener = open_newsqa) -> int:
    """Run one command.

    Args:
        arguments: what stands behind `rag`; None for those of the process.
        opener: opens what the command asks.

    Returns:
        The exit code: 0, 1, 2, 3, 130 when interrupted, 141 when the reader of the output has left.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    _opener.set(opener)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return _run(words)
    except RagError as error:
        _say_error(error, as_json)
        return error.exit_code
    except TyperException as error:
        return _say_wrong_use(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        _note("")
        return 130
    except BrokenPipeError:
        # What is still buffered has nowhere to go; without this the interpreter complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _say_error(
            RagError(f"{place}{error.strerror or error}.", hint="Check path, rights and space."), as_json
        )
        return RagError.exit_code
