"""What was asked as a response: its last event as JSON, or all of them as server-sent events."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from rag.api.asked import Asked, Sent, last_of, unless_gone
from rag.api.refusals import told
from rag.errors import RagError
from rag.guard import CLIENT_GONE

Frames = Callable[[Sent, AsyncIterator[Sent]], AsyncIterator[str]]

Described = dict[int | str, dict[str, Any]]

_NO_BUFFER = {"X-Accel-Buffering": "no"}

log = logging.getLogger(__name__)


def described(*nouns: str) -> Described:
    """The stream of an endpoint for its description: each noun's JSON under its name, an error at a break."""
    kinds = [{"$ref": f"#/components/schemas/{noun}"} for noun in (*nouns, "ErrorBody")]
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": kinds}}
    names = {"enum": [*(noun.lower() for noun in nouns), "error"]}
    return described_as({"required": ["event", "data"], "properties": {"event": names, "data": data}})


def described_as(event: dict[str, Any]) -> Described:
    """A stream for the description; before OpenAPI 3.2 the schema is that of each event."""
    return {200: {"content": {"text/event-stream": {"schema": {"type": "object", **event}}}}}


async def reply(request: Request, asked: Asked, frames: Frames | None) -> Sent | Response:
    """The last event; with `frames` a stream of all of them, whose first one, or an error, is known by then."""
    events = asked.events()
    if frames is None:
        last = await unless_gone(request.receive, last_of(events), asked.stop)
        return last or Response(status_code=CLIENT_GONE)
    first = await unless_gone(request.receive, anext(events), asked.stop)
    if first is None:
        return Response(status_code=CLIENT_GONE)
    return EventStream(frames(first, events), asked.stop)


def frames_for(request: Request, stream: bool) -> Frames | None:
    """How the events are written for whoever wants them; None for whoever wants only the last one."""
    wants_events = stream or "text/event-stream" in request.headers.get("Accept", "")
    return event_frames if wants_events else None


class EventStream(Response):
    """Server-sent events whose first one is there already; the question is stopped when the reader hangs up."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncIterator[str], stop: Callable[[], None]) -> None:
        super().__init__(headers={**_NO_BUFFER, "Content-Type": "text/event-stream; charset=utf-8"})
        del self.headers["Content-Length"]
        self._chunks = chunks
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the chunks until they end or nobody listens."""
        try:
            await unless_gone(receive, self._send(send), self._stop)
        finally:
            close = getattr(self._chunks, "aclose", None)
            if close is not None:
                await close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def event_frames(first: Sent, events: AsyncIterator[Sent]) -> AsyncIterator[str]:
    """Each event under its name; an error is the last one if it breaks off."""
    try:
        yield _named(first)
        async for event in events:
            yield _named(event)
    except RagError as error:
        log.error("stream: %s", error)
        yield frame(json.dumps(told("", error)), "error")


def _named(event: Sent) -> str:
    return frame(event.model_dump_json(), type(event).__name__.lower())


def frame(data: str, name: str = "") -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"
