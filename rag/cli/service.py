"""Commands that show the index to others: serve, mcp, keys, demo."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.opening import opened, settings_of
from rag.cli.options import AsJson, Data, app, command, keys_app
from rag.cli.terminal import busy, note, progress_bar, say, say_cited, say_json
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.keys import KeyStore, Scope
    from rag.newsqa import NewsQA


@command(app, "serve")
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
    from rag.logs import write_json

    # Docker and systemd stop with SIGTERM; the index is closed then as well.
    signal.signal(signal.SIGTERM, _terminate)
    settings = settings_of(data)
    write_json()
    with listen(host, port, settings) as bound, opened(data) as qa:
        url = f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
        say(json.dumps({"url": url}) if as_json else f"Serving at {url} (Ctrl-C stops)")
        sys.stdout.flush()
        serve_on(qa, settings, bound)


@command(app, "mcp")
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
        with Client(url, settings_of(data).api_key.get_secret_value()) as client:
            run_stdio(client)
        return
    with opened(data) as qa:
        run_stdio(qa)


@command(keys_app, "add")
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
        say(json.dumps({"id": key.id, "name": key.name, "scope": key.scope.value, "secret": secret}))
    else:
        say(secret)
        note(f"Key {key.id} of {key.name}: {key.scope.value} in {', '.join(key.collections)}.")


@command(keys_app, "list")
def keys_list(data: Data = None, as_json: AsJson = False) -> None:
    """List the keys, without their secrets.

    Example:
      rag keys list
    """
    for key in (keys := _key_store(data).all()):
        if not as_json:
            opens = ", ".join(key.collections)
            say(f"{key.id}  {key.created.date()}  {key.scope.value:5}  {opens}  {key.name}")
    if as_json:
        say(json.dumps([key.model_dump(mode="json", exclude={"digest"}) for key in keys]))


@command(keys_app, "revoke")
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
    say(json.dumps({"revoked": key.id}) if as_json else f"revoked {key.id} of {key.name}")


def _key_store(data: Path | None) -> KeyStore:
    from rag.keys import KEYS_FILE, KeyStore

    return KeyStore(settings_of(data).data / KEYS_FILE)


def _scope(name: str) -> Scope:
    from rag.keys import Scope

    if name not in list(Scope):
        raise InputError(f"There is no scope {name!r}.", hint=f"Scopes are {', '.join(Scope)}.")
    return Scope(name)


def _terminate(number: int, _: object) -> None:
    raise SystemExit(128 + number)


@command(app, "demo")
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
    note("Opening the models; the first time they are fetched.")
    started = time.monotonic()
    with opened(settings_of(data).data / "demo" if data is None else data) as qa:
        note(f"Open after {time.monotonic() - started:.1f} s. Reading {len(articles)} articles.")
        with progress_bar() as progress:
            report = qa.add(articles, progress=progress)
        note(f"{len(report.article_ids)} articles are in the index, {len(report.added)} of them new.")
        for question in filter(None, map(str.strip, questions)):
            _demonstrate(qa, question, as_json)


def _demonstrate(qa: NewsQA, question: str, as_json: bool) -> None:
    started = time.monotonic()
    with busy("Reading, answering, verifying"):
        answer = qa.ask(question)
    took = time.monotonic() - started
    if as_json:
        say_json(answer)
        return
    say(f"\n? {question}\n")
    say_cited(answer)
    say(f"\n({answer.status.value}, {took:.1f} s)")
