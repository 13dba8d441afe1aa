"""What a person or a program sees: results on standard output, notes and progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from rag.errors import RagError
    from rag.types import Answer, Article, Citation, Hit, Progress, Summary


def say(line: str = "") -> None:
    """A line of the result."""
    typer.echo(line)


def note(line: str) -> None:
    """Something for the person watching, not part of the result."""
    typer.echo(line, err=True)


def say_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """A value, or a list of them, as one line of JSON."""
    if isinstance(value, Sequence):
        say(json.dumps([item.model_dump(mode="json") for item in value], ensure_ascii=False))
    else:
        say(value.model_dump_json())


def day(article: Article | Citation | Hit) -> str:
    """The day of publication, empty where it is not known."""
    return article.published.date().isoformat() if article.published else ""


def citation_lines(citation: Citation) -> Iterator[str]:
    """A citation for people: number, quote, where it stands."""
    place = ", ".join(part for part in (citation.title, citation.source, day(citation)) if part)
    quote = " ".join(citation.quote.split())
    yield f"[{citation.number}] “{quote}”"
    yield f"    {place or 'untitled'} [{citation.start}:{citation.end}] article {citation.article_id}"


def say_cited(result: Answer | Summary) -> None:
    """The text and then its citations."""
    say(result.text)
    if result.citations:
        say()
    for citation in result.citations:
        for line in citation_lines(citation):
            say(line)


class Bar:
    """Progress on standard error: a bar on a terminal; in a log a plain line per step, at least every 10 s.

    A log says nothing of what is over within two seconds.
    """

    def __init__(self) -> None:
        self._rich: RichProgress | None = None
        self._task: TaskID | None = None
        self._what = ""
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        """Show that `done` of `total` is done of `what`; a total of 0 is not known."""
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
        note(f"{what}: {done / total:.0%}" if total else f"{what} …")

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


BAR = Bar()  # one for all: a model may load, and say so, in the middle of a question


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Progress for what takes its time, gone from the screen at the end."""
    BAR.start()
    try:
        yield BAR
    finally:
        BAR.hide()


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A spinner on a terminal, nothing in a log."""
    with progress_bar() as progress:
        if sys.stderr.isatty():
            progress(0, 0, what)
        yield


def say_error(error: RagError, as_json: bool) -> None:
    """What went wrong and the way out, on standard error."""
    if as_json:
        told = {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
        note(json.dumps(told, ensure_ascii=False))
        return
    note(f"rag: {error.message}")
    if error.hint:
        note(f"     {error.hint}")
