"""Keys of the service: who may do what, in which collections.

In: a file in the data folder. Out: the `Caller` that a secret belongs to. Secrets are 256 random bits; only their
SHA-256 is kept, which such secrets need no slower hash for. All comparisons take the same time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from rag.errors import InputError, StoreDamaged, StoreError
from rag.types import Moment, Noun

DEFAULT_COLLECTION = "default"
KEYS_FILE = "keys.json"  # inside the data folder
COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")  # what one may be named
_PREFIX = "rag_"  # so that a secret left in a text can be told for what it is


class Scope(StrEnum):
    """What a key may do; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether a key of this scope may do what asks for `other`."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


class Key(Noun):
    """What is kept of a key: never the secret. `digest` is its SHA-256 in hex."""

    id: str
    name: str
    scope: Scope
    collections: tuple[str, ...]
    digest: str
    created: Moment


@dataclass(frozen=True)
class Caller:
    """Who asks: the id that limits and logs go by; `collections` is None for all of them."""

    id: str
    scope: Scope
    collections: tuple[str, ...] | None = None

    def may_enter(self, collection: str) -> bool:
        """Whether the collection is open to this caller."""
        return self.collections is None or collection in self.collections

    @property
    def home(self) -> str:
        """The collection that is meant when none is named."""
        return self.collections[0] if self.collections else DEFAULT_COLLECTION


def check_collection(name: str) -> str:
    """The name, if a collection may have it.

    Raises:
        InputError: it may not.
    """
    if not COLLECTION.fullmatch(name):
        raise InputError(
            f"A collection cannot be named {name!r}.",
            hint="Use 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit.",
        )
    return name


class KeyStore:
    """The keys in one file, read again whenever it changes; others may change it meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._seen: tuple[int, int] | None = None  # change time (ns) and inode of what was read
        self._keys: tuple[Key, ...] = ()

    def all(self) -> tuple[Key, ...]:
        """All keys, oldest first.

        Raises:
            StoreDamaged: the file is not what this class writes. StoreError: it cannot be read.
        """
        with self._lock:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._seen, self._keys = None, ()
                return ()
            seen = (found.st_mtime_ns, found.st_ino)
            if seen != self._seen:
                self._keys = self._read()
                self._seen = seen
            return self._keys

    def caller(self, secret: str) -> Caller | None:
        """Whose secret this is; None for nobody's."""
        digest = _digest(secret)
        found = None
        for key in self.all():  # all of them, so that the time tells nothing
            if hmac.compare_digest(digest, key.digest):
                found = Caller(key.id, key.scope, key.collections)
        return found

    def add(
        self, name: str, scope: Scope, collections: Sequence[str] = (DEFAULT_COLLECTION,)
    ) -> tuple[Key, str]:
        """A new key and its secret, which is shown once and kept nowhere.

        Raises:
            InputError: an empty name, or a name that no collection may have.
            StoreError: the file cannot be written.
        """
        if not name.strip() or not collections:
            raise InputError("A key needs a name and a collection.", hint="Name the person or the program.")
        secret = _PREFIX + secrets.token_urlsafe(32)
        key = Key(
            id=secrets.token_hex(4),
            name=name.strip(),
            scope=scope,
            collections=tuple(dict.fromkeys(map(check_collection, collections))),
            digest=_digest(secret),
            created=datetime.now(UTC),
        )
        with self._changing():
            self._write((*self._read(), key))
        return key, secret

    def revoke(self, id_: str) -> Key:
        """Removes a key; the service refuses it from its next request on.

        Raises:
            InputError: there is no such key. StoreError: the file cannot be written.
        """
        with self._changing():
            keys = self._read()
            gone = next((key for key in keys if key.id == id_), None)
            if gone is None:
                raise InputError(f"There is no key {id_!r}.", hint="`rag keys list` shows the ids.")
            self._write(tuple(key for key in keys if key.id != id_))
        return gone

    def _changing(self) -> FileLock:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._path.parent} cannot be made: {error.strerror}.") from error
        return FileLock(self._path.with_suffix(".lock"))

    def _read(self) -> tuple[Key, ...]:
        try:
            return TypeAdapter(tuple[Key, ...]).validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except ValidationError as error:
            raise StoreDamaged(
                f"{self._path} does not hold keys.", hint="Put back a copy, or remove it and make new keys."
            ) from error
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read: {error.strerror}.") from error

    def _write(self, keys: tuple[Key, ...]) -> None:
        part = self._path.with_suffix(".part")
        text = json.dumps([key.model_dump(mode="json") for key in keys], indent=1)
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}.") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
