"""What is kept of articles between summaries, so that the next one need not read them again.

In: an article, what a note was made with. Out: the note as JSON, with rows of numbers behind it if it has some; nothing
where it was made of another text or date, in another language, by another encoder or by other code.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from rag.types import Article

SENTENCES = "sentences"
"""Kind of note: the weightiest sentences of an article with their vectors."""
DATES = "dates"
"""Kind of note: its dated sentences."""
SPEECHES = "speeches"
"""Kind of note: who said what in it."""
WORDINGS = "wordings"
"""Kind of note: its sentences in other languages, as a language model put them."""

_SHAPING = (".py", ".json", ".txt")  # files of this package that tell how articles are read


class Notes(Protocol):
    """Where notes are kept: the catalog. They go with their article."""

    def note(self, article_id: str, revision: str, kind: str, fingerprint: str) -> bytes | None:
        """The note of this kind under this fingerprint, None if there is none."""

    def set_note(self, article_id: str, revision: str, kind: str, fingerprint: str, note: bytes) -> None:
        """Keeps a note, in place of any other of its kind on this revision."""


def fingerprint(article: Article, *made_with: str) -> str:
    """Changes with whatever a note on an article is made of: its sentences, language and date, and our code.

    The text is what names its revision; `made_with` is what else shapes the note, such as an encoder's fingerprint.
    """
    spans = ",".join(f"{one.start}-{one.end}{'h' * one.heading}" for one in article.sentences)
    published = article.published.isoformat() if article.published else ""
    shaped = "\0".join((_code(), article.language, published, spans, *made_with))
    return hashlib.sha256(shaped.encode()).hexdigest()[:16]


@cache
def _code() -> str:
    """Hash of this package: no list of modules could be kept right, and reading an article again costs little."""
    files = sorted(one for one in Path(__file__).parent.iterdir() if one.suffix in _SHAPING)
    return hashlib.sha256(b"\0".join(one.read_bytes() for one in files)).hexdigest()[:16]


def kept(article: Article, kind: str, notes: Notes | None, *made_with: str) -> tuple[Any, bytes] | None:
    """The note on an article (what its JSON holds, the bytes behind it), if one is kept that is still true.

    `made_with` is as in `keep`.
    """
    if notes is None or not article.revision:
        return None
    note = notes.note(article.id, article.revision, kind, fingerprint(article, *made_with))
    if note is None:
        return None
    head, _, rows = note.partition(b"\n")
    return json.loads(head), rows


def keep(
    article: Article, kind: str, notes: Notes | None, head: Any, rows: bytes = b"", *made_with: str
) -> None:
    """Keeps a note on an article, in place of any other of its kind.

    Args:
        article: with its revision and sentences; without a revision nothing is kept.
        kind: `SENTENCES`, `DATES`, `SPEECHES` or `WORDINGS`.
        notes: where it is kept; None for nowhere.
        head: what JSON can hold.
        rows: bytes that stand behind it.
        made_with: what else shapes the note, such as an encoder's fingerprint.
    """
    if notes is None or not article.revision:
        return
    note = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" + rows
    notes.set_note(article.id, article.revision, kind, fingerprint(article, *made_with), note)
