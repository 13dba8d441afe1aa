"""Who may do what: from a request to a `Visit`, its caller and its collection, or a refusal."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request

from rag.errors import AccessDenied, NotAllowed
from rag.keys import KEYS_FILE, Caller, KeyStore, check_collection
from rag.keys import Scope as KeyScope
from rag.library import Library
from rag.newsqa import NewsQA
from rag.settings import Settings

COLLECTION_HEADER = "Rag-Collection"


NEIGHBOUR = Caller("local", KeyScope.ADMIN)
"""Whoever calls from this machine where no key is needed."""


@lru_cache(maxsize=256)  # asked twice for every request
def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Door:
    """Tells who a caller is. Once it has seen a key it asks everybody for one, even after the last is revoked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = KeyStore(settings.data / KEYS_FILE)
        self._locked = False

    @property
    def is_locked(self) -> bool:
        """Whether a key is needed."""
        self._locked = (
            self._locked or bool(self._settings.api_key.get_secret_value()) or bool(self._keys.all())
        )
        return self._locked

    def caller(self, request: Request) -> Caller:
        """Who sent a request.

        Raises:
            AccessDenied: no key, a wrong one, or no key needed but not called from this machine by its own name.
        """
        if not self.is_locked:
            return self._neighbour(request)
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        secret = sent.strip() if scheme.lower() == "bearer" else ""
        own = self._settings.api_key.get_secret_value()
        if own and hmac.compare_digest(secret.encode(), own.encode()):
            return Caller("RAG_API_KEY", KeyScope.ADMIN)
        caller = self._keys.caller(secret)
        if caller is None:
            raise AccessDenied(
                "The key is missing or wrong.", hint="Send the header `Authorization: Bearer` with your key."
            )
        return caller

    def _neighbour(self, request: Request) -> Caller:
        """A program or page of this machine; no page of elsewhere, even if its own name leads here (DNS rebinding)."""
        address = request.client.host if request.client else ""
        name = request.url.hostname or ""
        origin = request.headers.get("Origin", "")
        if not is_loopback(name) or not is_loopback(address):
            raise AccessDenied(
                f"Without a key this service answers on this machine only, not as {name!r}.",
                hint="Make one with `rag keys add`, or set RAG_API_KEY, and send it as a bearer token.",
            )
        if (
            origin
            and urlsplit(origin).netloc != request.headers.get("Host", "")
            and origin not in origins(self._settings)
        ):
            raise NotAllowed(
                f"Without a key, pages of {origin} may not use this service.", hint="List it in RAG_CORS."
            )
        return NEIGHBOUR


def origins(settings: Settings) -> list[str]:
    """Origins whose pages may call the service."""
    return [origin.strip() for origin in settings.cors.split(",") if origin.strip()]


@dataclass(frozen=True)
class Visit:
    """One request: who sent it, and the collection it is about."""

    caller: Caller
    collection: str
    library: Library
    create: bool

    @property
    def qa(self) -> NewsQA:
        """The articles; opening them may take a while, so not in the event loop."""
        return self.library.open(self.collection, create=self.create)


def _visit(scope: KeyScope) -> Callable[[Request], Awaitable[Visit]]:
    async def visit(request: Request) -> Visit:
        return enter(request, request.app, scope)

    return visit


def enter(request: Request, app: FastAPI, scope: KeyScope) -> Visit:
    """The visit that a request asks for.

    Raises:
        AccessDenied, NotAllowed: it may not. RateLimited: not so soon. InputError: no collection has such a name.
    """
    state = app.state
    caller: Caller = state.door.caller(request)
    request.state.caller = caller
    if caller is not NEIGHBOUR:
        state.rate.count(caller.id)
    if not caller.scope.includes(scope):
        raise NotAllowed(f"This needs a key with the scope {scope.value}.", hint="Ask for such a key.")
    name = request.headers.get(COLLECTION_HEADER, "") or caller.home
    if not caller.may_enter(name):
        raise NotAllowed(f"This key does not open the collection {name!r}.", hint="Ask for such a key.")
    check_collection(name)
    return Visit(caller, name, state.library, scope is not KeyScope.READ)


Reading = Annotated[Visit, Depends(_visit(KeyScope.READ))]
Writing = Annotated[Visit, Depends(_visit(KeyScope.WRITE))]
Ruling = Annotated[Visit, Depends(_visit(KeyScope.ADMIN))]
