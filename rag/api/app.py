"""The app: all of it put together around one open `NewsQA`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from starlette.exceptions import HTTPException

from rag import __version__
from rag.api import articles, asking, openai, service
from rag.api.description import openapi_of
from rag.api.refusals import on_anything, on_http_error, on_rag_error, on_unusable
from rag.api.service import WEB, PageFiles
from rag.api.tools import Tools
from rag.api.visits import Door, origins
from rag.errors import RagError
from rag.guard import MAX_REQUEST_BYTES, BodyLimit, Guard
from rag.jobs import Jobs
from rag.library import Library
from rag.meter import Meter
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.waiting import Line, Rate

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_CHANGES = 2  # of which one reads its files while the other's vectors are made
_SEARCHERS = 2  # per processor: one computes while the other waits for SQLite or Chroma


def create_app(qa: NewsQA, settings: Settings, tracer: Tracer | None = None) -> FastAPI:
    """The service around one open `NewsQA`, which stays its caller's to close.

    Args:
        qa: the default collection; it is called from several threads.
        settings: where keys and other collections are kept, and all limits.
        tracer: gets a span for every request and its stages.
    """
    # The interactive pages would load scripts from elsewhere; the schema at /openapi.json stays.
    app = FastAPI(title="rag", version=__version__, docs_url=None, redoc_url=None, lifespan=_lifespan)
    per_key = max(1, settings.queue // 2)
    door = Door(settings)
    app.state.settings = settings
    app.state.door = door
    app.state.library = Library(qa, settings.data)
    app.state.line = Line(settings.answers_at_once, settings.queue, per_key if door.is_locked else None)
    # Additions wait for each other anyway: here they do so without a thread that others need meanwhile.
    app.state.changes = Line(_CHANGES, settings.queue, per_key if door.is_locked else None)
    # More at a time would only wait for each other, and those who came first would wait longest.
    searchers = _SEARCHERS * (settings.threads or os.cpu_count() or 1)
    app.state.searchers = ThreadPoolExecutor(searchers, thread_name_prefix="rag-search")
    app.state.rate = Rate(settings.rate)
    app.state.jobs = Jobs()
    app.state.meter = Meter(app.state.line)
    app.add_middleware(BodyLimit, articles_bytes=settings.max_document_bytes + MAX_REQUEST_BYTES)
    if origins(settings):
        app.add_middleware(
            CORSMiddleware, allow_origins=origins(settings), allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(Guard, meter=app.state.meter, on_fault=on_anything, tracer=tracer)
    app.add_exception_handler(RagError, on_rag_error)
    app.add_exception_handler(RequestValidationError, on_unusable)
    app.add_exception_handler(HTTPException, on_http_error)
    for part in (asking, articles, openai, service):  # what is asked for most is looked for first
        app.include_router(part.routes)
    app.state.tools = Tools(app)
    app.mount("/mcp", app.state.tools)
    app.mount("/web", GZipMiddleware(PageFiles(directory=WEB)))
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.tools.running():
        yield
    app.state.searchers.shutdown(cancel_futures=True)
    await run_in_threadpool(app.state.jobs.close)
    await run_in_threadpool(app.state.library.close)
