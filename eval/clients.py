"""Many clients that search at the same time, as cheaply as can be: they share the processors with what they measure.

python eval/clients.py URL --clients 64 --seconds 60 < questions.txt

Each client keeps one connection and sends its next request when it has the response to the last. Requests are bytes
made beforehand, of a response only status and length are read. Prints one JSON object: how many were answered, how
many were not, seconds of each, and the processor time that all of this took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

_HEAD = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n", re.DOTALL | re.IGNORECASE)


class Client(asyncio.Protocol):
    """One connection; `took` gets the seconds of every answer, `errors` counts what is none."""

    def __init__(self, requests: Iterator[bytes], until: float, took: list[float]) -> None:
        self.requests = requests
        self.until = until
        self.took = took
        self.errors = 0
        self.done = asyncio.get_running_loop().create_future()
        self._read = b""
        self._end = 0
        self._ok = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first request."""
        self.transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Sends the next request once the response is whole."""
        self._read += data
        if not self._end:
            head = _HEAD.match(self._read)
            if head is None:
                return
            self._ok = head[1] == b"200"
            self._end = head.end() + int(head[2])
        if len(self._read) < self._end:
            return
        self.took.append(time.perf_counter() - self._began)
        self.errors += not self._ok
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """The end; an error if it was not ours."""
        if not self.done.done():
            self.errors += 1
            self.done.set_result(None)

    def _next(self) -> None:
        self._read, self._end, self._began = b"", 0, time.perf_counter()
        if self._began < self.until:
            self.transport.write(next(self.requests))  # type: ignore[attr-defined]
            return
        self.done.set_result(None)
        self.transport.close()


async def search(
    host: str, port: int, questions: Sequence[str], clients: int, seconds: float
) -> dict[str, object]:
    """What came of it."""
    requests = cycle([_request(host, port, question) for question in questions])
    loop = asyncio.get_running_loop()
    took: list[float] = []
    began, worked = time.perf_counter(), time.process_time()
    until = began + seconds
    opened = [
        loop.create_connection(lambda: Client(requests, until, took), host, port) for _ in range(clients)
    ]
    connected = [protocol for _, protocol in await asyncio.gather(*opened)]
    await asyncio.gather(*(one.done for one in connected))
    return {
        "errors": sum(one.errors for one in connected),
        "took": took,
        "seconds": time.perf_counter() - began,
        "worked": time.process_time() - worked,
    }


def _request(host: str, port: int, question: str) -> bytes:
    body = json.dumps({"question": question, "k": 10}).encode()
    head = f"POST /v1/search HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def main() -> None:
    """Search as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    host, port = options.url.removeprefix("http://").split(":")
    questions = sys.stdin.read().splitlines()
    print(json.dumps(asyncio.run(search(host, int(port), questions, options.clients, options.seconds))))


if __name__ == "__main__":
    main()
