"""A real service on a loopback port, for tests that want real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from small_newsqa import SmallNewsQA

from rag.api import create_app, listen, server_of
from rag.newsqa import NewsQA
from rag.settings import Settings


@dataclass(frozen=True)
class Service:
    """Where it listens, and the app, whose `state.library.default` may be exchanged."""

    url: str
    app: FastAPI


@contextmanager
def running(qa: SmallNewsQA | NewsQA, settings: Settings) -> Iterator[Service]:
    """A service that runs in a thread."""
    app = create_app(qa, settings)  # type: ignore[arg-type]
    with serving(server_of(app, settings), settings) as url:
        yield Service(url, app)


@contextmanager
def serving(server: uvicorn.Server, settings: Settings) -> Iterator[str]:
    """The address of a server that runs in a thread."""
    with listen("127.0.0.1", 0, settings) as bound:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
