"""The collections of one service: each is an index of its own, in a folder of its own, with the same models.

In: the name of a collection. Out: its `NewsQA`, opened by the first who asks for it. Nothing is shared between two
collections but the models, so nothing of one can be found in another.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from rag.errors import CollectionNotFound
from rag.keys import COLLECTION, DEFAULT_COLLECTION, check_collection
from rag.newsqa import NewsQA

FOLDER = "collections"  # inside the data folder of the default collection


class Library:
    """The default collection, which stays its opener's to close, and those beside it.

    Args:
        default: the collection that is meant when none is named.
        folder: its data folder.
    """

    def __init__(self, default: NewsQA, folder: Path) -> None:
        self.default = default
        self._folder = folder / FOLDER
        self._opened: dict[str, NewsQA] = {}
        self._lock = Lock()

    def open(self, name: str, *, create: bool) -> NewsQA:
        """The collection of this name.

        Args:
            name: see `rag.keys.check_collection`.
            create: make it if it is not there.

        Raises:
            InputError: no collection can have this name. CollectionNotFound: it is not there.
            StoreError: it cannot be opened.
        """
        if name == DEFAULT_COLLECTION:
            return self.default
        with self._lock:
            known = self._opened.get(name)
            if known is not None:
                return known
            path = self._folder / check_collection(name)
            if not create and not path.is_dir():
                raise CollectionNotFound(
                    f"There is no collection {name!r}.", hint="The first article added to it makes it."
                )
            opened = self.default.beside(path)
            self._opened[name] = opened
            return opened

    def names(self) -> list[str]:
        """Names of all collections that are there, the default one first."""
        there = self._folder.iterdir() if self._folder.is_dir() else ()
        return [DEFAULT_COLLECTION, *sorted(one.name for one in there if COLLECTION.fullmatch(one.name))]

    def close(self) -> None:
        """Closes all collections but the default one."""
        with self._lock:
            for one in self._opened.values():
                one.close()
            self._opened.clear()
