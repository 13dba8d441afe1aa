"""The endpoints that speak of the service itself: health, counters, check, the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles

from rag.api.articles import changed
from rag.api.bodies import CollectionList, Health
from rag.api.visits import Reading, Ruling
from rag.guard import PAGE_POLICY
from rag.meter import CONTENT_TYPE
from rag.types import CheckReport

WEB = Path(__file__).resolve().parent.parent / "web"
_KEPT = {"Cache-Control": "no-cache"}

routes = APIRouter()


@routes.get("/healthz", tags=["service"])
async def healthz() -> Health:
    """Whether the service runs; answers even while every thread is busy."""
    return Health()


@routes.get("/readyz", tags=["service"])
async def readyz(request: Request) -> Health:
    """Whether it makes sense to send questions now: the index can be read, and there is room in the line."""
    state = request.app.state
    state.line.check("readyz")
    await run_in_threadpool(lambda: state.library.default.articles(article_ids=("-",)))
    return Health()


@routes.get("/metrics", response_class=Response, tags=["service"])
def metrics(request: Request, visit: Ruling) -> Response:
    """Counters in Prometheus' text format; where keys are needed, with one of scope admin."""
    return Response(request.app.state.meter.text(), media_type=CONTENT_TYPE)


@routes.get("/v1/collections", tags=["service"])
def collections(request: Request, visit: Reading) -> CollectionList:
    """The collections of the caller's key; all that are there for a key that opens every one."""
    names = visit.caller.collections
    known = request.app.state.library.names() if names is None else list(names)
    return CollectionList(collections=known, home=visit.caller.home)


@routes.post("/v1/check", tags=["service"])
async def check(request: Request, visit: Ruling) -> CheckReport:
    """Compare catalog, words and vectors of the collection, and repair what differs."""
    return await changed(request, visit, "check", lambda: visit.qa.check())


@routes.post("/v1/rebuild", tags=["service"])
async def rebuild(request: Request, visit: Ruling) -> CheckReport:
    """Build the vectors of the collection anew beside the old ones, which answer until then; as slow as adding."""
    return await changed(request, visit, "rebuild", lambda: visit.qa.rebuild())


class PageFiles(StaticFiles):
    """What the page consists of; a browser keeps it and asks each time whether it has changed."""

    def file_response(self, *args: Any, **named: Any) -> Response:
        """The file, or that it has not changed."""
        response = super().file_response(*args, **named)
        response.headers.update(_KEPT)
        return response


@routes.get("/", include_in_schema=False)
async def page() -> Response:
    """The page for people."""
    return FileResponse(WEB / "index.html", headers={"Content-Security-Policy": PAGE_POLICY, **_KEPT})
