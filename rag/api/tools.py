"""The tools of other models at /mcp, behind the same keys and the same line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.api.asked import Patience, in_turn, searched, unless_gone
from rag.api.refusals import on_rag_error
from rag.api.visits import Visit, enter
from rag.errors import RagError
from rag.guard import MAX_REQUEST_BYTES
from rag.keys import Scope as KeyScope
from rag.traces import stage

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
        patience = Patience(self._app.state.settings.deadline)
        request.state.patience = patience
        # Read here, so that what comes after it, the end of the connection, is heard here as well.
        again = _once_more(await request.body())
        await unless_gone(receive, self._inner(scope, again, send), patience.end)

    async def _run(self, context: Any, call: Callable[[Any], T], *, needs_model: bool) -> T:
        request: Request = context.request_context.request
        visit: Visit = request.state.visit

        def called() -> T:
            with stage("tool"):
                return call(visit.qa)

        if not needs_model:
            return await searched(self._app.state.searchers, called)
        return await in_turn(self._app.state.line.enter(visit.caller.id), request.state.patience, called)


def _once_more(body: bytes) -> Receive:
    """A body that was read already, as the one message of a request whose end is not told."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    return receive
