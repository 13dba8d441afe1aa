"""The vectors of the passages: add, nearest ones, delete, count.

In: unit vectors under passage ids. Out: (passage id, cosine), nearest first. Hides chromadb, embedded in a
folder or behind a URL. Distances become cosines here and nowhere else. Everything in it can be made again
from the catalog.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from rag.errors import SettingsError, StoreDamaged, StoreError, StoreFull, StoreLocked

if TYPE_CHECKING:
    from rag.types import Vectors

_T = TypeVar("_T")

# Neighbours and search width: recall of the 50 nearest against exact search is above .99 at 20,000 vectors.
_HNSW = {"space": "cosine", "max_neighbors": 16, "ef_construction": 200, "ef_search": 150}
_PAGE = 5000  # ids per read
# Filters on metadata cost about 20 ms whatever they select. Few vectors are read and compared exactly, in
# 2 ms; when most may pass, asking for more than needed and leaving out the others takes 3 ms.
_EXACT_ARTICLES = 50
_EXACT_VECTORS = 150
_WIDE_ARTICLES = 500
_OVERSAMPLE = 4

_FULL = ("disk is full", "no space left", "code: 13)", "disk quota", "file too large")
_LOCKED = ("database is locked", "code: 5)")
_REPAIR = "Run `rag check`: it makes the vectors again from the catalog."


class ChromaVectors:
    """Vectors in the Chroma folder `path`, or on the Chroma server at `url` if one is given.

    Args:
        path: folder of the embedded Chroma; made if it is not there.
        url: address of a Chroma server, such as http://localhost:8000.
        dimensions: length of every vector.
        collection: name of the collection; a rebuilt index has another one.

    Raises:
        StoreDamaged, StoreFull, StoreLocked: as their names say.
        StoreError: the server does not answer.
        SettingsError: neither a folder nor a usable URL.
    """

    def __init__(
        self, path: Path | None, url: str = "", dimensions: int = 384, collection: str = "passages"
    ) -> None:
        if path is None and not url:
            raise SettingsError("The vectors need a folder or a Chroma URL.", hint="Set RAG_CHROMA_URL.")
        self._path = None if url or path is None else path.resolve()
        self._url = url
        self.dimensions = dimensions
        self.name = collection
        self._lock = RLock()
        self._client: Any = None
        self._closed = False
        self._collection: Any = None
        self._file: tuple[int, int] | None = None
        with self._errors():
            self._open()

    def _open(self) -> None:
        import chromadb
        from chromadb.config import Settings as ChromaSettings

        settings = ChromaSettings(anonymized_telemetry=False)
        if self._url:
            parts = urlsplit(self._url if "//" in self._url else f"http://{self._url}")
            secure = parts.scheme == "https"
            if not parts.hostname:
                raise SettingsError(f"RAG_CHROMA_URL = {self._url!r} names no host.")
            self._client = chromadb.HttpClient(
                parts.hostname, parts.port or (443 if secure else 8000), secure, settings=settings
            )
        else:
            assert self._path is not None
            self._path.mkdir(parents=True, exist_ok=True)
            try:
                self._client = chromadb.PersistentClient(self._path, settings)
            except BaseException:
                _forget_half_open(str(self._path))
                raise
        self._batch = self._client.get_max_batch_size()
        self._collection = self._make(self.name)
        self._file = _file_of(self._path) if self._path is not None else None
        self._closed = False

    def _make(self, name: str) -> Any:
        return self._client.get_or_create_collection(
            name, configuration={"hnsw": _HNSW}, embedding_function=None
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns every error out of Chroma, panics of its native part included, into one of this package."""
        try:
            yield
        except (StoreError, SettingsError, ImportError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:
            raise self._translated(error) from error

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Like `_errors`, and sees to it that the folder still is the one that was opened.

        Chroma would go on reading and writing files that have been deleted, until it is closed.
        """
        with self._errors():
            if self._path is not None and self._client is not None and _file_of(self._path) != self._file:
                raise StoreDamaged(
                    f"The vectors in {self._path} were removed or replaced by another program.", hint=_REPAIR
                )
            yield

    def _translated(self, error: BaseException) -> StoreError:
        where = self._url or str(self._path)
        text = f"{error}".strip() or type(error).__name__
        low = text.lower()
        if self._closed and isinstance(error, AttributeError):
            return StoreError(f"The vectors in {where} are closed.", hint="Open them again.")
        if any(sign in low for sign in _FULL):
            return StoreFull(
                f"The vectors in {where} cannot be written, the disk is full: {text}",
                hint="Make room and run the command again; what was acknowledged is safe.",
            )
        if any(sign in low for sign in _LOCKED):
            return StoreLocked(
                f"The vectors in {where} are locked by another program: {text}",
                hint="Close that program and try again.",
            )
        if self._url:
            return StoreError(
                f"The Chroma server at {where} failed: {text}",
                hint="See that it runs and RAG_CHROMA_URL is right, then run `rag check`.",
            )
        return StoreDamaged(f"The vectors in {where} are damaged: {text}", hint=_REPAIR)

    def close(self) -> None:
        """Releases folder or connection, so that the same path can be opened again. Twice is harmless."""
        with self._lock:
            client, self._client, self._collection = self._client, None, None
            self._closed = True
            if client is not None:
                with self._errors():
                    client.close()
                    _close_connections(client)

    def reopen(self) -> None:
        """Closes and opens again: after the folder was changed from outside."""
        with self._lock, self._errors():
            self.close()
            self._open()

    def empty(self) -> None:
        """Throws all vectors away, also when they are damaged beyond reading."""
        with self._lock, self._errors():
            if self._path is not None:
                self.close()
                self.erase(self._path)
                self._open()
                return
            self._drop(self.name)
            self._collection = self._make(self.name)

    @staticmethod
    def erase(path: Path) -> None:
        """Removes a folder of vectors that nobody has open, whatever is in it."""
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"The vectors in {path} cannot be removed: {error}.") from error

    def _drop(self, name: str) -> None:
        if name in self.collections():
            self._client.delete_collection(name)

    def _read(self, read: Callable[[Any], _T]) -> _T:
        """What `read` finds in the collection; once more if a rebuild replaced the collection meanwhile."""
        while True:
            collection = self._collection
            try:
                with self._using():
                    return read(collection)
            except StoreError:
                if self._collection is collection:
                    raise

    # --- the protocol VectorIndex ----------------------------------------------------------------

    def upsert(self, ids: Sequence[str], vectors: Vectors, article_ids: Sequence[str]) -> None:
        """Writes vectors of shape (n, dimensions); those under known ids are replaced."""
        if len(vectors) != len(ids) or (len(ids) and vectors.shape[1] != self.dimensions):
            raise StoreError(
                f"{len(ids)} ids need vectors of shape ({len(ids)}, {self.dimensions}), got {vectors.shape}."
            )
        with self._using():
            for start in range(0, len(ids), self._batch):
                part = slice(start, start + self._batch)
                self._collection.upsert(
                    ids=list(ids[part]),
                    embeddings=vectors[part],
                    metadatas=[{"article_id": article_id} for article_id in article_ids[part]],
                )

    def query(
        self, vector: Vectors, k: int, *, article_ids: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """The `k` nearest (id, cosine), nearest first; `vector` has shape (dimensions,) or (1, dimensions).

        With `article_ids` only passages of these articles.
        """
        row = np.asarray(vector, dtype=np.float32).reshape(1, -1)
        if k < 1 or (article_ids is not None and not article_ids):
            return []
        return self._read(lambda collection: _query(collection, row, k, article_ids))

    def cosines(self, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """Exact cosines of the vectors under `ids` to `vector`; ids without a vector are left out."""
        if not ids:
            return {}
        row = np.asarray(vector, dtype=np.float64).reshape(-1)
        found = self._read(lambda collection: collection.get(ids=list(ids), include=["embeddings"]))
        return dict(_by_cosine(found["ids"], _rows(found) @ row)) if found["ids"] else {}

    def delete(self, ids: Sequence[str]) -> None:
        """Removes vectors; unknown ids are ignored."""
        with self._using():
            for start in range(0, len(ids), self._batch):
                self._collection.delete(ids=list(ids[start : start + self._batch]))

    def ids(self) -> Iterator[str]:
        """All ids, in no particular order."""
        for start in range(0, self.count(), _PAGE):
            with self._using():
                page = self._collection.get(include=[], limit=_PAGE, offset=start)["ids"]
            yield from page

    def count(self) -> int:
        """How many vectors there are."""
        return int(self._read(lambda collection: collection.count()))

    # --- for check, delete and rebuild -----------------------------------------------------------

    def known(self, ids: Sequence[str], article_id: str = "") -> set[str]:
        """Which of `ids`, or of any passage of `article_id`, have a vector."""
        found: set[str] = set()
        with self._using():
            for start in range(0, len(ids), _PAGE):
                part = list(ids[start : start + _PAGE])
                found |= set(self._collection.get(ids=part, include=[])["ids"])
            if article_id:
                found |= set(self._collection.get(where={"article_id": article_id}, include=[])["ids"])
        return found

    def unreadable(self, ids: Sequence[str]) -> bool:
        """True if the vectors under `ids` are listed but cannot be read: their files are gone or broken."""
        try:
            with self._using():
                for start in range(0, len(ids), _PAGE):
                    part = list(ids[start : start + _PAGE])
                    found = self._collection.get(ids=part, include=["embeddings"])
                    if not np.isfinite(np.asarray(found["embeddings"])).all():
                        return True
        except StoreDamaged:
            return True
        return False

    def collections(self) -> list[str]:
        """Names of all collections in this folder or on this server."""
        with self._using():
            return [collection.name for collection in self._client.list_collections()]

    def beside(self, collection: str, dimensions: int) -> ChromaVectors:
        """An empty collection beside this one; it shares the connection and must not be closed."""
        with self._using():
            self._drop(collection)
            other = copy(self)
            other.name, other.dimensions = collection, dimensions
            other._collection = other._make(collection)
            return other

    def switch(self, collection: str, dimensions: int) -> None:
        """From now on these are the vectors of `collection`."""
        with self._lock, self._using():
            self._collection = self._make(collection)
            self.name, self.dimensions = collection, dimensions

    def drop(self, collection: str) -> None:
        """Removes a collection that is not this one; nothing happens if it is not there."""
        assert collection != self.name
        with self._using():
            self._drop(collection)


def _query(
    collection: Any, row: Vectors, k: int, article_ids: Sequence[str] | None
) -> list[tuple[str, float]]:
    """The `k` nearest to `row`, shape (1, dimensions), by the way that is fastest for so many articles."""
    if article_ids is None:
        return _nearest(collection, row, k, None)
    if len(article_ids) <= _EXACT_ARTICLES:
        exact = _compare(collection, row, article_ids)
        if exact is not None:
            return exact[:k]
    if len(article_ids) >= _WIDE_ARTICLES:
        wide = _nearest_among(collection, row, k, frozenset(article_ids))
        if len(wide) == k:
            return wide
    return _nearest(collection, row, k, {"article_id": {"$in": list(article_ids)}})


def _nearest(collection: Any, row: Vectors, k: int, where: dict[str, Any] | None) -> list[tuple[str, float]]:
    found = collection.query(query_embeddings=row, n_results=k, where=where, include=["distances"])
    return _by_cosine(found["ids"][0], 1.0 - np.asarray(found["distances"][0], dtype=np.float64))


def _nearest_among(
    collection: Any, row: Vectors, k: int, articles: frozenset[str]
) -> list[tuple[str, float]]:
    found = collection.query(
        query_embeddings=row, n_results=k * _OVERSAMPLE, include=["distances", "metadatas"]
    )
    ids, distances, details = found["ids"][0], found["distances"][0], found["metadatas"][0]
    chosen = [n for n, detail in enumerate(details) if detail["article_id"] in articles][:k]
    return _by_cosine([ids[n] for n in chosen], np.array([1.0 - distances[n] for n in chosen]))


def _compare(collection: Any, row: Vectors, article_ids: Sequence[str]) -> list[tuple[str, float]] | None:
    """Every passage of few articles by its exact cosine; None if they have too many."""
    where = {"article_id": {"$in": list(article_ids)}}
    if len(collection.get(where=where, include=[], limit=_EXACT_VECTORS + 1)["ids"]) > _EXACT_VECTORS:
        return None
    found = collection.get(where=where, include=["embeddings"])
    return _by_cosine(found["ids"], _rows(found) @ row[0]) if found["ids"] else []


def _rows(found: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The vectors of a reply, shape (n, dimensions)."""
    return np.asarray(found["embeddings"], dtype=np.float64)


def _by_cosine(ids: Sequence[str], cosines: np.ndarray[Any, np.dtype[np.float64]]) -> list[tuple[str, float]]:
    bounded = np.clip(cosines, -1.0, 1.0)
    order = np.argsort(-bounded, kind="stable")
    return [(ids[n], float(bounded[n])) for n in order]


def _file_of(folder: Path) -> tuple[int, int] | None:
    """Which file Chroma's database is, None if it is not there."""
    try:
        status = (folder / "chroma.sqlite3").stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _close_connections(client: Any) -> None:
    """Gives back the connections of Chroma's HTTP client and of its inner admin client, which `close` leaves open."""
    for part in (client, getattr(client, "_admin_client", None)):
        session = getattr(getattr(part, "_server", None), "_session", None)
        if session is not None:
            session.close()


def _forget_half_open(path: str) -> None:
    """Chroma keeps one engine per path, also one that failed to start; the next try would get the ruin."""
    from chromadb.api.shared_system_client import SharedSystemClient

    SharedSystemClient._identifier_to_system.pop(path, None)
    SharedSystemClient._identifier_to_refcount.pop(path, None)
