"""The command line `rag`: a command opens the index, calls one method of `NewsQA`, prints what came back.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 a check failed,
2 wrong use, 3 something outside failed, 130 interrupted. Everything heavy is imported inside the commands.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Sequence

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from rag.cli import articles, asking, evaluation, models, service, summaries
from rag.cli.opening import OPENER, Opener, open_newsqa
from rag.cli.options import app
from rag.cli.terminal import note, say_error
from rag.errors import InputError, RagError

__all__ = ["app", "main"]

# Importing them makes their functions commands; `rag --help` lists them in this order.
SUBJECTS = (articles, asking, evaluation, summaries, models, service)


def _say_wrong_use(error: TyperException, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "rag"
    if error.format_message().startswith("Usage:"):  # a group called without a command: its help
        note(error.format_message())
    else:
        told = error.format_message()
        if isinstance(error.__cause__, ValidationError):
            told = f"{told}, got {error.__cause__.errors()[0]['input']!r}."
        say_error(InputError(told, hint=f"`{command} --help` shows examples."), as_json)
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
    if arguments is None:
        # Importing the libraries makes millions of objects that live to the end: looking for garbage among them,
        # while they are made and once more when the process ends, takes four seconds.
        gc.set_threshold(50_000, 20, 20)
        atexit.register(gc.freeze)
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    OPENER.set(opener)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return _run(words)
    except RagError as error:
        say_error(error, as_json)
        return error.exit_code
    except TyperException as error:
        return _say_wrong_use(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        note("")
        return 130
    except BrokenPipeError:
        # What is still buffered has nowhere to go; without this the interpreter complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        say_error(
            RagError(f"{place}{error.strerror or error}.", hint="Check path, rights and space."), as_json
        )
        return RagError.exit_code
