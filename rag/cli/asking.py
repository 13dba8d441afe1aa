"""Commands that ask the articles: ask, chat, search, verify, summarise."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from rag.cli.opening import opened, settings_of
from rag.cli.options import (
    After,
    AsJson,
    Before,
    Data,
    Ids,
    Language,
    Question,
    Source,
    app,
    command,
    filters_of,
)
from rag.cli.terminal import BAR, busy, citation_lines, progress_bar, say, say_cited, say_error, say_json
from rag.errors import InputError, RagError

if TYPE_CHECKING:
    from rag.newsqa import NewsQA
    from rag.types import Answer, DraftCheck, Event, Message, Summary, SummaryEvent


@command(app, "ask")
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
    filters = filters_of(after, before, source, language, article)
    with opened(data) as qa:
        if stream:
            with busy("Reading the articles"):
                _say_events(qa.stream(_piped(question), history=turns, **filters), as_json)
            return
        with busy("Reading the articles"):
            answer = qa.ask(_piped(question), history=turns, **filters)
    if as_json:
        say_json(answer)
    else:
        say_cited(answer)


def _say_events(events: Iterable[Event | SummaryEvent], as_json: bool) -> None:
    from rag.types import Answer, Statement, Summary

    for event in events:
        BAR.hide()
        if as_json:
            kind = type(event).__name__.lower()
            say(json.dumps({"event": kind, "data": event.model_dump(mode="json")}, ensure_ascii=False))
        elif isinstance(event, Statement):
            say(f"verified: {event.text}")
        elif isinstance(event, Answer):
            if event.statements:
                say()
            say_cited(event)
        elif isinstance(event, Summary):
            say()
            _say_summary(event)


@command(app, "chat")
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

    filters = filters_of(after, before, source, language, article)
    history: list[Message] = []
    with opened(data) as qa:
        for question in _lines():
            with busy("Reading the articles"):
                answer = _answer_or_none(qa, question, history, filters)
            if answer is None:
                continue
            if as_json:
                say_json(answer)
            else:
                say_cited(answer)
                say()
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
        say_error(error, as_json=False)
        return None


@command(app, "search")
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
    with opened(data) as qa:
        hits = qa.search(_piped(question), k=k, **filters_of(after, before, source, language, article))
    if as_json:
        say_json(hits)
        return
    for hit in hits:
        say(f"{hit.score:.3f} {hit.found_by.value:5} {hit.title or 'untitled'} [{hit.start}:{hit.end}]")
        say(f"    {' '.join(hit.text.split())}")
        say(f"    article {hit.article_id}")


@command(app, "verify")
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
    with opened(data) as qa, progress_bar() as progress:
        found = qa.verify(text, progress=progress, **filters_of(after, before, source, "", article))
    if as_json:
        say_json(found)
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
    read = next(iter(load(file, settings_of(data))))
    if not isinstance(read, RawDocument):
        raise InputError(read.message, hint=read.hint)
    return clean(read).text


def _say_checked(found: DraftCheck) -> None:
    for one in found.statements:
        marks = "".join(f" [{cited.number}]" for cited in one.citations)
        say(f"{one.verdict.value.replace('_', ' '):12} {' '.join(one.text.split())}{marks}")
        for difference in one.differences:
            told = " / ".join(part for part in (difference.claimed, difference.found) if part)
            say(f"{'':12} {difference.kind}: {told}")
    if found.citations:
        say()
    for citation in found.citations:
        for line in citation_lines(citation):
            say(line)
    total = len(found.statements)
    supported = sum(one.verdict.value == "supported" for one in found.statements)
    contradicted = sum(one.verdict.value == "contradicted" for one in found.statements)
    say(
        f"\n{total} statements: {supported} supported, {contradicted} contradicted, "
        f"{total - supported - contradicted} not found"
    )


@command(app, "summarise")
def summarise(
    article_ids: Annotated[list[str] | None, typer.Argument(metavar="ID", show_default=False)] = None,
    query: Annotated[
        str | None, typer.Option("--query", metavar="TEXT", help="Summarise what is found for this.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, max=1000, help="Passages taken for --query.")] = 20,
    focus: Annotated[str, typer.Option("--focus", metavar="TEXT", help="What it should be about.")] = "",
    stream: Annotated[
        bool, typer.Option("--stream", help="Print each statement as soon as it is verified.")
    ] = False,
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
      rag summarise 3f2a91c05d7e8b16 --words 100
      rag summarise --query "security guarantees" --sentences 3 --to en
      rag summarise --after 2025-02-01 --form timeline
    """
    filters = filters_of(after, before, source, "", None)
    with opened(data) as qa, progress_bar() as progress:
        events = qa.stream_summary(
            article_ids or None, query=query, k=k, focus=focus, form=form, sentences=sentences, words=words,
            language=to, written_in=language, deadline=deadline, progress=progress, **filters,
        )  # fmt: skip
        if stream:
            _say_events(events, as_json)
            return
        *_, summary = events
    if as_json:
        say_json(summary)
    else:
        _say_summary(cast("Summary", summary))


def _say_summary(summary: Summary) -> None:
    from rag import forms

    if summary.headline is not None:
        say(f"{summary.headline.text}\n")
    say_cited(summary)
    if summary.statements:
        say(f"\n{forms.covered(summary.covered, summary.language)}")


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
