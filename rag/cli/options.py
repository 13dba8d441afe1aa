"""What the commands share: the tree they hang in, how a function becomes one, the options that many of them take."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

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


def command(of: typer.Typer, name: str) -> Callable[[F], F]:
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


def filters_of(
    after: datetime | None, before: datetime | None, source: str, language: str, ids: list[str] | None
) -> dict[str, Any]:
    """The filters that were given, by the names that the methods of `NewsQA` have for them."""
    wanted = {
        "published_after": after,
        "published_before": before,
        "source": source,
        "language": language,
        "article_ids": tuple(ids or ()),
    }
    return {name: value for name, value in wanted.items() if value}
