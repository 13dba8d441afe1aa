"""The tools of other models at /mcp, behind the same keys and the same line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.api.asked import searched
from rag.api.refusals import on_rag_error
from rag.api.visits import Visit, enter
from rag.errors import RagError
from rag.guard import MAX_REQUEST_BYTES
from rag.keys import Scope as KeyScope

T = TypeVar("T")


class Tools:
    """The MCP server at /mcp: every request is let in, or not, like those of the other endpoints."""

    def __init__(self, app: FastAPI) -> None:
        from mcp.server.transport_security import TransportSecuritySettings

        from rag.mcp import create_server

        self._app = app
        self._server = create_server(self._run)
        # Hosts and origins are looked at by our own door, before anything else.
        trusting = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._inner: ASGIApp = self._server.streamable_http_app(
            streamable_http_path="/",
            stateless_http=True,
            json_response=True,
            transport_security=trusting,
            max_request_body_size=MAX_REQUEST_BYTES,
        )

    def running(self) -> AbstractAsyncContextManager[None]:
        """What must be open while requests come in."""
        return self._server.session_manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            request.state.visit = enter(request, self._app, KeyScope.READ)
        except RagError as error:
            response = await on_rag_error(request, error)
            await response(scope, receive, send)
            return
        await self._inner(scope, receive, send)

    async def _run(self, context: Any, call: Callable[[Any], T], *, needs_model: bool) -> T:
        visit: Visit = context.request_context.request.state.visit
        if not needs_model:
            return await searched(self._app.state.searchers, lambda: call(visit.qa))
        with self._app.state.line.enter(visit.caller.id) as place:
            await place.turn()
            return await run_in_threadpool(lambda: call(visit.qa))
