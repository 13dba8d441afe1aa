"""What stands around every request: its id, its limits, its headers, one line of log, its count.

ASGI middleware. Logs hold route, status, time, size and the id of the key; never a key, a question or an article.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import logs, traces
from rag.meter import Meter

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

MAX_REQUEST_BYTES = 1_000_000  # of every request but those that bring articles
BODY_SECONDS = 30.0  # in which a body must come, and
BODY_BYTES = 5_000  # as many more for each second beyond that: the slowest that is waited for
_ARTICLE_PATHS = ("/v1/articles", "/v1/jobs")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_GIVEN_ID = re.compile(r"[\w.-]{1,64}")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

CLIENT_GONE = 499
"""The status of a request whose client did not wait for the response; nobody reads it, it stands in the log."""

log = logging.getLogger("rag.requests")


OnFault = Callable[[Request, Exception], Awaitable[Response]]


class Guard:
    """The outermost layer: request id, headers, log line, count.

    Args:
        app: what it stands around.
        meter: counts the requests.
        on_fault: the response to a fault of ours, which has id, headers, log line and count as any other.
        tracer: gets a span for every request.
    """

    def __init__(self, app: ASGIApp, meter: Meter, on_fault: OnFault, tracer: Tracer | None = None) -> None:
        self.app = app
        self.meter = meter
        self.on_fault = on_fault
        self.tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and look at what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.tracer is None:
            await self._watch(scope, receive, send)
            return
        with traces.request(self.tracer, Headers(scope=scope)) as span:
            status = await self._watch(scope, receive, send)
            caller = scope["state"].get("caller")
            span.update_name(f"{_method(scope)} {_route(scope)}")
            span.set_attributes(
                {
                    "http.request.method": _method(scope),
                    "http.route": _route(scope),
                    "http.response.status_code": status,
                    "rag.request_id": scope["state"]["request_id"],
                    "rag.key": caller.id if caller else "",
                }
            )

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Pass the request on; the status that came back."""
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        logs.request_id.set(request_id)
        started, status, sent = time.perf_counter(), CLIENT_GONE, 0

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if status != CLIENT_GONE:  # it is on its way already, and can only break off
                raise
            response = await self.on_fault(Request(scope), error)
            await response(scope, receive, watched)
        finally:
            self._note(scope, status, time.perf_counter() - started, sent)
        return status

    def _note(self, scope: Scope, status: int, seconds: float, sent: int) -> None:
        route, method = _route(scope), _method(scope)
        self.meter.request(route, method, status, seconds)
        if not log.isEnabledFor(logging.INFO):
            return
        caller = scope["state"].get("caller")
        told: dict[str, Any] = {
            "request": scope["state"]["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "bytes": sent,
            "key": caller.id if caller else "",
        }
        log.info("%s %s %d", method, route, status, extra={"told": told})


def _route(scope: Scope) -> str:
    """The template of the path, so that ids do not make new series."""
    return getattr(scope.get("route"), "path", "") or "other"


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


class BodyLimit:
    """Stops reading a body beyond its size, announced or not, and one that does not come or only drop by drop."""

    def __init__(self, app: ASGIApp, articles_bytes: int, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.articles_bytes = articles_bytes
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; reading its body raises 413 beyond the limit and 408 when it is too slow."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        brings_articles = scope["path"].startswith(_ARTICLE_PATHS)
        limit = self.articles_bytes if brings_articles else MAX_REQUEST_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"")
        read = int(announced) if announced.isdigit() and int(announced) > limit else 0
        complete = False
        began = asyncio.get_running_loop().time()

        async def limited() -> Message:
            nonlocal read, complete
            if complete:  # what comes now is only whether the caller is still there
                return await receive()
            if read <= limit:
                message = await self._until(began + self.seconds + read / BODY_BYTES, receive)
                read += len(message.get("body", b""))
                complete = not message.get("more_body", False)
            if read > limit:
                raise HTTPException(413, f"The request is larger than {limit} bytes.")
            return message

        await self.app(scope, limited, send)

    async def _until(self, end: float, receive: Receive) -> Message:
        try:
            async with asyncio.timeout_at(end):
                return await receive()
        except TimeoutError as error:
            slow = "The body of the request comes too slowly."
            raise HTTPException(408, slow, headers={"Connection": "close"}) from error
