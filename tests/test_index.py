"""The index: catalog and vectors stay in step whatever happens to either."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fakes import HashEncoder

from rag.errors import (
    ArticleNotFound,
    FetchError,
    IndexMismatch,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
)
from rag.index import LAYOUT, Index, open_index
from rag.types import Article, Failure

WORDS = [
    "harbour",
    "minister",
    "river",
    "budget",
    "bridge",
    "winter",
    "orchard",
    "railway",
    "museum",
    "storm",
]


def text_of(seed: int, sentences: int = 8) -> str:
    rng = random.Random(seed)
    lines = [" ".join(["The", *rng.choices(WORDS, k=8)]) + f" {seed} {n}." for n in range(sentences)]
    return " ".join(lines)


def article(seed: int, sentences: int = 8, **fields: object) -> Article:
    values = {"text": text_of(seed, sentences), "url": f"http://a.example/{seed}", "language": "en"}
    return Article.model_validate(values | fields)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = open_index(tmp_path, HashEncoder())
    yield opened
    opened.close()


def nearest(index: Index, question: str, k: int = 3) -> list[str]:
    """Ids of the articles of the nearest passages."""
    hits = index.vectors.query(index.encoder.encode_questions([question])[0], k)
    return [passage.article_id for passage in index.catalog.passages([id_ for id_, _ in hits])]


def everything_found(index: Index) -> set[str]:
    """Ids of articles found on any path."""
    count = max(1, index.vectors.count())
    listed = {one.id for one in index.articles()}
    dense = set(nearest(index, "the", count))
    words = {id_.split(":")[0] for id_, _ in index.catalog.search_words(["harbour", *WORDS], 10_000)}
    return listed | dense | words


# --- adding --------------------------------------------------------------------------------------


def test_what_was_added_is_found_by_meaning_and_by_words(index: Index) -> None:
    report = index.add([article(1), article(2)])
    assert len(report.added) == 2
    assert nearest(index, text_of(2), 1) == [report.added[1]]
    assert everything_found(index) == set(report.added)
    assert index.check().ok


def test_adding_twice_is_a_no_op(index: Index) -> None:
    first = index.add([article(n) for n in range(5)])
    encoder = index.encoder
    assert isinstance(encoder, HashEncoder)
    calls = len(encoder.calls)
    second = index.add([article(n) for n in range(5)])
    assert second.unchanged == first.added
    assert len(encoder.calls) == calls


def test_the_same_article_twice_in_one_call_is_taken_once(index: Index) -> None:
    report = index.add([article(1), article(1), article(1, url="http://b.example/1")])
    assert (len(report.added), len(report.unchanged), len(report.same_text)) == (1, 1, 1)
    assert set(report.article_ids) == set(report.added)


def test_the_last_of_several_texts_of_one_origin_stays(index: Index) -> None:
    index.add([article(1)])
    url = "http://a.example/1"
    report = index.add([article(2, url=url), article(1, url=url)])
    assert index.article(report.article_ids[-1]).text == text_of(1)
    assert len(index.articles()) == 1
    assert index.check().ok


def test_changed_text_is_a_revision_and_the_old_one_stays_readable(index: Index) -> None:
    [id_] = index.add([article(1)]).added
    old = index.article(id_)
    assert index.add([article(2, url=old.url)]).revised == (id_,)
    assert index.article(id_).text == text_of(2)
    assert index.article(id_, old.revision).text == old.text
    assert index.vectors.count() == index.catalog.count_passages()
    assert index.check().ok


def test_one_bad_document_does_not_stop_the_others(index: Index) -> None:
    failure = Failure(origin="x.pdf", code="encrypted_document", message="locked")
    bad = Article(text="a \ud800 b", url="http://a.example/bad")
    report = index.add([article(1), failure, Article(text=" \n ", title="Nothing"), bad, article(2)])
    assert len(report.added) == 2
    assert [one.origin for one in report.failed] == ["x.pdf", "Nothing", "http://a.example/bad"]
    assert [one.code for one in report.failed] == [
        "encrypted_document",
        "empty_document",
        "unreadable_document",
    ]
    assert index.check().ok


def test_what_was_read_before_its_source_broke_is_kept(index: Index) -> None:
    def source() -> Iterator[Article]:
        yield article(1)
        raise FetchError("the line is dead")

    with pytest.raises(FetchError):
        index.add(source())
    assert len(everything_found(index)) == 1


def test_the_encoder_gets_full_batches(index: Index) -> None:
    index.add(article(n, 8) for n in range(200))
    encoder = index.encoder
    assert isinstance(encoder, HashEncoder)
    assert sum(encoder.calls) == index.catalog.count_passages()
    assert min(encoder.calls[:-1]) >= 128


def test_progress_counts_every_article(index: Index) -> None:
    seen: list[tuple[int, int, str]] = []
    index.add([article(n) for n in range(3)], progress=lambda *step: seen.append(step))
    assert seen[-1][:2] == (3, 3)


def test_an_encoder_that_breaks_leaves_no_half_article(tmp_path: Path) -> None:
    index = open_index(tmp_path, HashEncoder(breaks_after=1))
    [id_] = index.add([article(1)]).added
    with pytest.raises(RuntimeError, match="broke"):
        index.add([article(2), article(3, url="http://a.example/1")])
    assert everything_found(index) == {id_}
    assert index.article(id_).text == text_of(1)
    assert index.check(repair=False).ok
    index.close()


def test_searching_goes_on_while_articles_are_added(index: Index) -> None:
    [first] = index.add([article(0)]).added
    stop, failures = threading.Event(), []

    def search() -> None:
        while not stop.is_set():
            try:
                if first not in everything_found(index):
                    failures.append("lost the first article")
            except Exception as error:
                failures.append(repr(error))

    readers = [threading.Thread(target=search) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(1, 6):
        index.add([article(n), article(n + 100)])
    index.rebuild()
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []


# --- deleting ------------------------------------------------------------------------------------


def test_a_deleted_article_is_gone_from_every_path(index: Index) -> None:
    report = index.add([article(1), article(2)])
    index.add([article(3, url="http://a.example/1")])
    deletion = index.delete(report.added[0])
    assert deletion.proven
    assert (deletion.revisions, deletion.vectors) == (2, deletion.passages)
    assert deletion.passages > 0
    assert everything_found(index) == {report.added[1]}
    with pytest.raises(ArticleNotFound):
        index.delete(report.added[0])
    assert index.check().ok


def test_a_deleted_article_can_come_back(index: Index) -> None:
    [id_] = index.add([article(1)]).added
    index.delete(id_)
    assert index.add([article(1)]).added == (id_,)
    assert nearest(index, text_of(1), 1) == [id_]


# --- opening -------------------------------------------------------------------------------------


def test_a_folder_serves_one_process(index: Index, tmp_path: Path) -> None:
    with pytest.raises(StoreLocked, match=r"Another program.*rag serve"):
        open_index(tmp_path, HashEncoder())
    index.close()
    open_index(tmp_path, HashEncoder()).close()


def test_what_was_pending_is_finished_at_the_next_start(index: Index, tmp_path: Path) -> None:
    item = index._prepare(article(1).model_copy(update={"revision": "r" * 16}))
    index.catalog.write([item])
    assert everything_found(index) == set()
    index.close()
    again = open_index(tmp_path, HashEncoder())
    assert len(everything_found(again)) == 1
    assert again.catalog.count_pending() == 0
    again.close()


def test_another_encoder_is_refused_and_rebuild_is_the_way_out(index: Index, tmp_path: Path) -> None:
    [id_] = index.add([article(1)]).added
    index.close()
    other = HashEncoder(dimensions=24, name="other")
    with pytest.raises(IndexMismatch, match=r"encoder hash, open now is other.*rag rebuild"):
        open_index(tmp_path, other)
    index = open_index(tmp_path, other, mend=True)
    assert not index.check().ok
    with pytest.raises(IndexMismatch):
        index.add([article(2)])
    assert index.rebuild().ok
    index.close()
    index = open_index(tmp_path, other)
    assert nearest(index, text_of(1), 1) == [id_]
    index.close()


def test_an_index_of_an_older_version_is_refused_and_rebuilt_with_the_sentences_of_this_one(
    index: Index, tmp_path: Path
) -> None:
    text = "Der für Betrug zuständige 3. Strafsenat schwieg. Am Montag sprach er."
    [id_] = index.add([Article(text=text, url="http://a.example/1", language="de")]).added
    index.catalog.set_meta(fingerprint="0" * 16, layout=str(LAYOUT - 1))
    index.close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as db:
        db.execute("UPDATE sentences SET stop = stop - 10 WHERE n = 0")  # as an older version cut them
    db.close()
    refused = rf"layout {LAYOUT - 1}, this version writes layout {LAYOUT}.*rag rebuild"
    with pytest.raises(IndexMismatch, match=refused):
        open_index(tmp_path, HashEncoder())
    index = open_index(tmp_path, HashEncoder(), mend=True)
    assert index.rebuild().ok
    index.close()
    index = open_index(tmp_path, HashEncoder())
    assert [text[one.start : one.end] for one in index.article(id_).sentences] == [
        "Der für Betrug zuständige 3. Strafsenat schwieg.",
        "Am Montag sprach er.",
    ]
    index.close()


def test_an_empty_index_takes_any_encoder(index: Index, tmp_path: Path) -> None:
    [id_] = index.add([article(1)]).added
    index.delete(id_)
    index.close()
    index = open_index(tmp_path, HashEncoder(dimensions=24, name="other"))
    assert len(index.add([article(1)]).added) == 1
    assert index.check().ok
    index.close()


def test_a_chroma_folder_deleted_between_runs_is_reported_and_mended(index: Index, tmp_path: Path) -> None:
    report = index.add([article(1), article(2)])
    index.close()
    shutil.rmtree(tmp_path / "chroma")
    with pytest.raises(StoreDamaged, match=r"rag check"):
        open_index(tmp_path, HashEncoder())
    index = open_index(tmp_path, HashEncoder(), mend=True)
    check = index.check()
    assert check.ok
    assert check.problems == check.repaired != ()
    assert everything_found(index) == set(report.added)
    index.close()


def test_a_chroma_folder_deleted_while_open_is_reported_and_mended(index: Index, tmp_path: Path) -> None:
    report = index.add([article(1), article(2)])
    shutil.rmtree(tmp_path / "chroma")
    with pytest.raises(StoreDamaged, match=r"rag check"):
        nearest(index, "harbour")
    with pytest.raises(StoreDamaged):
        index.add([article(3)])
    assert index.check().ok
    assert everything_found(index) == set(report.added)


def test_a_damaged_chroma_database_is_reported_and_mended(index: Index, tmp_path: Path) -> None:
    report = index.add([article(1)])
    index.close()
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreDamaged, match=r"rag check"):
        open_index(tmp_path, HashEncoder())
    index = open_index(tmp_path, HashEncoder(), mend=True)
    assert index.check().ok
    assert everything_found(index) == set(report.added)
    index.close()


def test_few_missing_vectors_are_made_again_at_the_next_start(index: Index, tmp_path: Path) -> None:
    index.add([article(n) for n in range(4)])
    index.vectors.delete(sorted(index.vectors.ids())[:1])
    index.close()
    index = open_index(tmp_path, HashEncoder())
    assert index.check(repair=False).ok
    index.close()


def test_a_damaged_catalog_is_reported(index: Index, tmp_path: Path) -> None:
    index.close()
    (tmp_path / "catalog.sqlite").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreDamaged, match="catalog"):
        open_index(tmp_path, HashEncoder())
    with pytest.raises(StoreDamaged, match="catalog"):  # the folder was let go
        open_index(tmp_path, HashEncoder())


def test_a_data_folder_that_is_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match=r"--data"):
        open_index(tmp_path / "data", HashEncoder())


# --- checking ------------------------------------------------------------------------------------


def sql(statement: str) -> Callable[[Index, Path], None]:
    def damage(index: Index, folder: Path) -> None:
        with sqlite3.connect(folder / "catalog.sqlite") as db:
            db.execute(statement)

    return damage


def lose_vectors(index: Index, folder: Path) -> None:
    index.vectors.delete(sorted(index.vectors.ids())[:2])


def add_strange_vectors(index: Index, folder: Path) -> None:
    strange = np.ones((1, index.encoder.dimensions), dtype=np.float32)
    index.vectors.upsert(["nobody:0:0"], strange, ["nobody"])


def leave_half_a_rebuild(index: Index, folder: Path) -> None:
    index.vectors.beside(f"rag-{index.catalog.index_id}-99", 3)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lose_vectors, "2 vectors are missing"),
        (add_strange_vectors, "belong to no passage"),
        (leave_half_a_rebuild, "half-built"),
        (sql("DELETE FROM words WHERE rowid = 1"), "word index"),
        (sql("UPDATE words_data SET block = x'0011' WHERE id > 10"), "word index"),
        (sql("UPDATE sentences SET stop = stop - 1 WHERE n = 0"), "leave out"),
        (sql("UPDATE passages SET last = first"), "run of its sentences"),
        (sql("UPDATE passages SET start = start + 1"), "run of its sentences"),
        (sql("DELETE FROM sentences WHERE n = 0"), "out of order"),
        (sql("UPDATE passages SET pending = 1"), "wait for their vectors"),
        (sql("INSERT INTO leftovers VALUES ('nobody:0:0')"), "left over"),
    ],
)
def test_check_finds_and_mends(
    index: Index, tmp_path: Path, damage: Callable[[Index, Path], None], word: str
) -> None:
    report = index.add([article(1), article(2, 30)])
    damage(index, tmp_path)
    found = index.check(repair=False)
    assert not found.ok
    assert any(word in problem for problem in found.problems), found.problems
    mended = index.check()
    assert mended.ok
    assert mended.repaired
    assert index.check(repair=False).problems == ()
    assert everything_found(index) == set(report.added)


def test_check_says_when_it_cannot_mend(index: Index, tmp_path: Path) -> None:
    index.add([article(1)])
    sql("UPDATE revisions SET text = text || '!'")(index, tmp_path)
    report = index.check()
    assert not report.ok
    assert any("revision" in problem for problem in report.problems)


# --- rebuilding ----------------------------------------------------------------------------------


def test_rebuild_keeps_articles_and_old_revisions(index: Index) -> None:
    [id_, other] = index.add([article(1), article(2)]).added
    old = index.article(id_)
    index.add([article(3, url="http://a.example/1")])
    assert index.rebuild().ok
    assert everything_found(index) == {id_, other}
    assert index.article(id_, old.revision) == old
    assert len(index.vectors.collections()) == 1


def test_an_interrupted_rebuild_leaves_the_old_index(tmp_path: Path) -> None:
    encoder = HashEncoder()
    index = open_index(tmp_path, encoder)
    report = index.add([article(n) for n in range(150)])
    encoder.breaks_after = len(encoder.calls) + 1
    with pytest.raises(RuntimeError, match="broke"):
        index.rebuild()
    encoder.breaks_after = None
    assert everything_found(index) == set(report.added)
    assert index.check(repair=False).ok
    index.close()


# --- disk full, locked ---------------------------------------------------------------------------


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [150_000, 250_000, 400_000])
def test_a_full_disk_is_reported_and_the_index_stays_sound(index: Index, limit: int) -> None:
    [first] = index.add([article(0)]).added
    acknowledged = {first}
    with full_disk(limit), pytest.raises(StoreFull, match=r"disk is full.*Make room"):
        for n in range(1, 400):
            acknowledged |= set(index.add([article(n, 40)]).added)
    assert index.check().ok
    assert acknowledged <= everything_found(index)
    assert len(index.add([article(999)]).added) == 1


def test_a_lock_on_the_catalog_is_reported_and_the_index_stays_sound(index: Index, tmp_path: Path) -> None:
    index.catalog.close()
    index.catalog = type(index.catalog)(tmp_path / "catalog.sqlite", patience=0.05)
    other = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked, match="another program"):
        index.add([article(1)])
    other.execute("ROLLBACK")
    other.close()
    assert index.check().ok
    assert len(index.add([article(1)]).added) == 1
