"""The service on a socket, until it is told to stop."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp

from rag.api.app import create_app
from rag.api.connections import Connection
from rag.api.visits import Door, is_loopback
from rag.errors import InputError, ServiceError
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.traces import open_traces

# A client that is told to go while it sends its next request sees an error; those that idle cost next to nothing.
_IDLE = 75  # seconds that a connection may stay open without a request
_GRACE = 20  # seconds that answers and additions have to finish when the service stops


def listen(host: str, port: int, settings: Settings) -> socket.socket:
    """A bound socket for `serve`; port 0 takes a free one.

    Raises:
        InputError: the host is reachable from other machines and there is no key.
        ServiceError: the address cannot be taken.
    """
    if not is_loopback(host) and not Door(settings).is_locked:
        raise InputError(
            f"Without a key, host {host} would open the articles to other machines.",
            hint="Make one with `rag keys add`, set RAG_API_KEY, or listen on 127.0.0.1.",
        )
    try:
        return _bound(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ServiceError(
            f"Cannot listen on {host}:{port}: {reason}.", hint="Choose another host or port."
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def serve(qa: NewsQA, settings: Settings, bound: socket.socket) -> None:
    """Run the service on a socket from `listen` until it is told to stop (SIGINT, SIGTERM).

    What is being answered or added then has some seconds to finish.
    """
    if not settings.traces:
        server_of(create_app(qa, settings), settings).run(sockets=[bound])
        return
    traces = open_traces(settings.traces)
    try:
        server_of(create_app(qa, settings, traces.get_tracer("rag")), settings).run(sockets=[bound])
    finally:
        traces.shutdown()


def server_of(app: ASGIApp, settings: Settings, *, http: type[Connection] = Connection) -> uvicorn.Server:
    """What runs an app of `create_app`, with the limits of its connections."""
    config = uvicorn.Config(
        app,
        http=http,
        timeout_keep_alive=_IDLE,
        server_header=False,
        access_log=False,  # ours tells more, and no addresses of questions
        log_config=None,  # its lines go where ours go
        log_level=settings.log_level.lower(),
        timeout_graceful_shutdown=_GRACE,
    )
    return uvicorn.Server(config)
