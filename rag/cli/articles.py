"""Commands about the articles of the index: add, list, show, delete, rebuild, check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.opening import opened
from rag.cli.options import After, AsJson, Before, Data, Ids, Language, Source, app, command, filters_of
from rag.cli.terminal import busy, day, note, progress_bar, say, say_json
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.types import CheckReport


@command(app, "add")
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
    with opened(data) as qa:
        with progress_bar() as progress:
            report = qa.add(sources, progress=progress)
        if as_json:
            say_json(report)
        else:
            outcomes = ("added", "revised", "unchanged", "same_text", "failed")
            counts = [f"{len(getattr(report, name))} {name.replace('_', ' ')}" for name in outcomes]
            say(", ".join(counts))
        for failure in report.failed:
            note(f"not taken: {failure.origin}: {failure.message} {failure.hint}".rstrip())
    if report.failed and not report.article_ids:
        raise typer.Exit(3)


@command(app, "list")
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
    with opened(data) as qa:
        found = qa.articles(**filters_of(after, before, source, language, article))
    if as_json:
        say_json(found)
        return
    for one in found:
        say(f"{one.id}  {day(one) or '----------'}  {one.language or '--'}  {one.title or one.url}")


@command(app, "show")
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
      rag show 3f2a91c05d7e8b16
      rag show 3f2a91c05d7e8b16 --span 742:870
    """
    with opened(data) as qa:
        one = qa.article(article_id, revision)
    if as_json:
        say_json(one)
    elif span:
        say(one.text[_slice(span, len(one.text))])
    else:
        head = ", ".join(part for part in (one.title, one.source, day(one), one.language, one.url) if part)
        say("\n\n".join(part for part in (head, one.text) if part))


def _slice(span: str, length: int) -> slice:
    start, _, end = span.strip("[]").partition(":")
    if not (start.isdecimal() and end.isdecimal() and int(start) < int(end) <= length):
        raise InputError(
            f"--span {span} does not lie in the article.", hint=f"Write START:END within 0:{length}."
        )
    return slice(int(start), int(end))


@command(app, "delete")
def delete(
    article_ids: Annotated[list[str], typer.Argument(metavar="ID", show_default=False)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Delete articles and prove that nothing of them can be found.

    Example:
      rag delete 3f2a91c05d7e8b16
    """
    with opened(data) as qa:
        gone = [qa.delete(article_id) for article_id in article_ids]
    if as_json:
        say_json(gone)
    else:
        for one in gone:
            state = "nothing of it is left" if one.proven else "SOMETHING OF IT IS STILL FOUND"
            say(f"{one.article_id} deleted: {one.sentences} sentences, {one.vectors} vectors; {state}")
    if not all(one.proven for one in gone):
        raise typer.Exit(1)


@command(app, "rebuild")
def rebuild(data: Data = None, as_json: AsJson = False) -> None:
    """Build word and vector index again from the articles.

    Example:
      rag rebuild
    """
    with opened(data, mend=True) as qa, progress_bar() as progress:
        report = qa.rebuild(progress=progress)
    _say_check(report, as_json)


@command(app, "check")
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
    with opened(data, mend=True) as qa, busy("Comparing"):
        report = qa.check(repair=repair)
    _say_check(report, as_json)


def _say_check(report: CheckReport, as_json: bool) -> None:
    if as_json:
        say_json(report)
    else:
        for problem in report.problems:
            say(f"problem: {problem}")
        for repaired in report.repaired:
            say(f"repaired: {repaired}")
        counts = f"{report.articles} articles, {report.passages} passages, {report.vectors} vectors"
        say(f"{'in order' if report.ok else 'NOT in order'}: {counts}")
    if not report.ok:
        raise typer.Exit(1)
