"""Notes on articles: true as long as nothing that they are made of has changed."""

from __future__ import annotations

from typing import Any

import pytest

from rag import notes
from rag.sentences import split_sentences
from rag.types import Article

TEXT = "Der Hafen von Lindau wurde am Freitag eröffnet. Er kostete vierzig Millionen Euro."
ARTICLE = Article(
    id="harbour",
    revision="r1",
    text=TEXT,
    title="Hafen",
    language="de",
    published="2025-06-03",
    sentences=split_sentences(TEXT, "de"),
)


class Shelf:
    """Notes in memory."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str, str], tuple[str, bytes]] = {}

    def note(self, article_id: str, revision: str, kind: str, fingerprint: str) -> bytes | None:
        own, note = self.notes.get((article_id, revision, kind), ("", b""))
        return note if own == fingerprint else None

    def set_note(self, article_id: str, revision: str, kind: str, fingerprint: str, note: bytes) -> None:
        self.notes[article_id, revision, kind] = fingerprint, note


def test_what_was_kept_is_found_again() -> None:
    shelf = Shelf()
    notes.keep(ARTICLE, notes.DATES, shelf, {"units": {"hafen": 1}}, b"\n\x00\n", "encoder")
    assert notes.kept(ARTICLE, notes.DATES, shelf, "encoder") == ({"units": {"hafen": 1}}, b"\n\x00\n")


def test_a_kind_does_not_push_out_another() -> None:
    shelf = Shelf()
    for n, kind in enumerate((notes.SENTENCES, notes.DATES, notes.SPEECHES, notes.WORDINGS)):
        notes.keep(ARTICLE, kind, shelf, n)
    assert notes.kept(ARTICLE, notes.SENTENCES, shelf) == (0, b"")
    assert notes.kept(ARTICLE, notes.WORDINGS, shelf) == (3, b"")


@pytest.mark.parametrize(
    "changed",
    [
        {"language": "en"},
        {"published": "2025-06-10"},
        {"published": None},
        {"revision": "r2"},
        {"sentences": ()},
    ],
)
def test_a_note_on_what_has_changed_is_none(changed: dict[str, Any]) -> None:
    shelf = Shelf()
    notes.keep(ARTICLE, notes.DATES, shelf, "told")
    other = Article.model_validate({**ARTICLE.model_dump(), **changed})
    assert notes.kept(other, notes.DATES, shelf) is None


def test_a_note_made_with_something_else_is_none() -> None:
    shelf = Shelf()
    notes.keep(ARTICLE, notes.SENTENCES, shelf, "told", b"", "one encoder")
    assert notes.kept(ARTICLE, notes.SENTENCES, shelf, "another") is None


def test_a_title_changes_nothing() -> None:
    shelf = Shelf()
    notes.keep(ARTICLE, notes.DATES, shelf, "told")
    other = ARTICLE.model_copy(update={"title": "Der Hafen", "source": "Seeblatt"})
    assert notes.kept(other, notes.DATES, shelf) == ("told", b"")


def test_without_a_shelf_or_a_revision_nothing_is_kept() -> None:
    shelf = Shelf()
    notes.keep(ARTICLE.model_copy(update={"revision": ""}), notes.DATES, shelf, "told")
    notes.keep(ARTICLE, notes.DATES, None, "told")
    assert not shelf.notes
    assert notes.kept(ARTICLE, notes.DATES, None) is None
