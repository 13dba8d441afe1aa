"""Clients that keep the service waiting, over real sockets: heads and bodies drop by drop, readers that do not read."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from service import serving
from small_newsqa import HARBOUR, SmallNewsQA
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from rag.api import create_app, server_of
from rag.api.connections import Connection
from rag.guard import BodyLimit
from rag.settings import Settings

SETTINGS = Settings(data=Path("/nonexistent"))
LONG = 20  # seconds that nothing here may take


class Hasty(Connection):
    """Waits only for a moment."""

    head_seconds = read_seconds = 0.3
    head_bytes = 2_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = create_app(SmallNewsQA(HARBOUR), SETTINGS)  # type: ignore[arg-type]
    with serving(server_of(app, SETTINGS, http=Hasty), SETTINGS) as address:
        yield address


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=LONG)


def dripped(url: str, drops: Iterator[bytes]) -> bytes:
    """What the service says to one who sends a drop every 50 ms until it has enough of it."""
    closed = threading.Event()
    with connected(url) as one:

        def drip() -> None:
            for drop in drops:
                try:
                    one.sendall(drop)
                except OSError:
                    return
                if closed.wait(0.05):
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            return said(one)
        finally:
            closed.set()
            dripping.join()


def said(one: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    told = b""
    while True:
        try:
            piece = one.recv(65_536)
        except ConnectionError:
            return told
        if not piece:
            return told
        told += piece


def forever(drop: bytes, first: bytes = b"") -> Iterator[bytes]:
    yield first or drop
    for _ in range(20 * LONG):
        yield drop


def test_who_says_nothing_is_hung_up_on(url: str) -> None:
    with connected(url) as one:
        assert said(one) == b""


@pytest.mark.parametrize(
    ("drop", "first"),
    [(b"G", b""), (b"a", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "), (b"\r\n", b"")],
    ids=["method", "header", "blank lines"],
)
def test_a_head_that_comes_drop_by_drop_is_not_waited_for(url: str, drop: bytes, first: bytes) -> None:
    assert dripped(url, forever(drop, first)).startswith((b"HTTP/1.1 408", b"HTTP/1.1 400"))


def test_nor_is_it_after_a_request_that_was_answered(url: str) -> None:
    with connected(url) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /heal")
        told = said(one)
    assert told.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 408" in told


def test_a_head_beyond_its_size_is_refused(url: str) -> None:
    with connected(url) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-More: y\r\n" * 300)
        assert said(one).startswith(b"HTTP/1.1 431")


def test_a_body_that_nobody_wants_is_read_for_a_moment_only(url: str) -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    assert dripped(url, forever(b"x", head)).startswith(b"HTTP/1.1 404")


def test_many_slow_ones_do_not_keep_others_out(url: str) -> None:
    slow = [connected(url) for _ in range(100)]
    for one in slow:
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127")
    assert httpx.get(f"{url}/healthz", timeout=LONG).status_code == 200
    for one in slow:
        assert said(one).startswith(b"HTTP/1.1 408")
        one.close()


def test_a_body_that_comes_drop_by_drop_is_refused_and_the_connection_closed() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while (await receive()).get("more_body"):
                pass
            response = PlainTextResponse("all of it")
        except HTTPException as error:
            response = PlainTextResponse(str(error.detail), error.status_code, error.headers)
        await response(scope, receive, send)

    limited = BodyLimit(app, articles_bytes=10, seconds=0.3)
    with serving(server_of(limited, SETTINGS), SETTINGS) as address:
        whole = httpx.post(address, content=b"x" * 1000)
        assert (whole.status_code, whole.text) == (200, "all of it")
        head = b"POST /v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n"
        assert dripped(address, forever(b"x", head)).startswith(b"HTTP/1.1 408")


def test_who_does_not_read_what_it_asked_for_is_hung_up_on() -> None:
    gone = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        waiting = asyncio.ensure_future(receive())
        while not waiting.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            await asyncio.sleep(0)
        assert waiting.result()["type"] == "http.disconnect"
        gone.set()

    with serving(server_of(app, SETTINGS, http=Hasty), SETTINGS) as address, connected(address) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert gone.wait(LONG)
