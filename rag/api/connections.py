"""Connections that keep the service waiting are closed: whose request never becomes whole, whose reader never reads.

uvicorn limits only how long a connection may idle between two requests. How fast a body must come, `BodyLimit` says.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0  # from the first byte of a request, or the connection, to the end of the headers
HEAD_BYTES = 65_536
READ_SECONDS = 60.0  # in which a full buffer must become nearly empty: about 1 kB a second

_TOO_SLOW = b"408 Request Timeout"
_TOO_LARGE = b"431 Request Header Fields Too Large"


class Connection(HttpToolsProtocol):
    """One connection of a client, with an end to every wait for it."""

    head_seconds = HEAD_SECONDS
    head_bytes = HEAD_BYTES
    read_seconds = READ_SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._in_body = False
        self._head = 0  # bytes of the head that is on its way
        self._sending: asyncio.TimerHandle | None = (
            None  # runs while a head, or a body nobody wants, is awaited
        )
        self._reading: asyncio.TimerHandle | None = (
            None  # runs while the client does not take what it is sent
        )

    # Called by the transport.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is awaited."""
        super().connection_made(transport)
        self._await_sender()

    def data_received(self, data: bytes) -> None:
        """A piece of a head or a body."""
        if not self._in_body:
            self._await_sender()
            self._head += len(data)
        super().data_received(data)
        if self._head > self.head_bytes:
            self._refuse(_TOO_LARGE)

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        super().pause_writing()
        self._reading = self._reading or self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._sender_came()
        if self._reading is not None:
            self._reading.cancel()
        super().connection_lost(exc)

    # Called by the parser.

    def on_message_begin(self) -> None:
        """A head begins, perhaps in the same piece as the end of the request before."""
        self._await_sender()
        self._head = max(1, self._head)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._sender_came()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole, or there is none."""
        self._sender_came()
        self._in_body = False
        super().on_message_complete()

    # Called by uvicorn.

    def on_response_complete(self) -> None:
        """What is still to come of the body is read for a while, so that the client gets to read the response."""
        super().on_response_complete()
        if self._in_body:
            self._await_sender()

    def timeout_keep_alive_handler(self) -> None:
        """Idle for too long; what it did not take until now it need not have."""
        self.transport.abort()

    def _await_sender(self) -> None:
        if self._sending is None:
            self._sending = self.loop.call_later(self.head_seconds, self._refuse, _TOO_SLOW)

    def _sender_came(self) -> None:
        self._head = 0
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._head:  # else nothing was asked, or it was answered already
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()
