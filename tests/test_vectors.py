"""The vectors: cosines, filters, and a Chroma folder that was deleted, damaged or is somebody else's."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag.errors import SettingsError, StoreDamaged, StoreError
from rag.vectors import ChromaVectors

if TYPE_CHECKING:
    from rag.types import Vectors

DIMENSIONS = 8


def unit(rows: int, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).standard_normal((rows, DIMENSIONS)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[ChromaVectors]:
    opened = ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
    yield opened
    opened.close()


def fill(vectors: ChromaVectors, articles: int, passages: int = 3) -> tuple[list[str], Vectors]:
    """Drawn vectors; passage `a4:r:2` belongs to article `a4`."""
    ids = [f"a{article}:r:{n}" for article in range(articles) for n in range(passages)]
    rows = unit(len(ids))
    vectors.upsert(ids, rows, [id_.split(":")[0] for id_ in ids])
    return ids, rows


def exact(ids: list[str], rows: Vectors, question: Vectors, k: int) -> list[str]:
    order = np.argsort(-(rows @ question), kind="stable")
    return [ids[n] for n in order[:k]]


def test_scores_are_cosines_nearest_first(vectors: ChromaVectors) -> None:
    ids, rows = fill(vectors, 20)
    hits = vectors.query(rows[7], 5)
    assert hits[0] == (ids[7], pytest.approx(1.0, abs=1e-5))
    assert [id_ for id_, _ in hits] == exact(ids, rows, rows[7], 5)
    for id_, score in hits:
        assert score == pytest.approx(float(rows[ids.index(id_)] @ rows[7]), abs=1e-4)


def test_opposite_vectors_have_cosine_minus_one(vectors: ChromaVectors) -> None:
    [row] = unit(1)
    vectors.upsert(["a:r:0"], -row[None], ["a"])
    assert vectors.query(row[None], 1) == [("a:r:0", pytest.approx(-1.0, abs=1e-5))]


def test_fewer_than_asked_for_and_none(vectors: ChromaVectors) -> None:
    assert vectors.query(unit(1)[0], 5) == []
    fill(vectors, 1, 2)
    assert len(vectors.query(unit(1)[0], 5)) == 2
    assert vectors.query(unit(1)[0], 0) == []


@pytest.mark.parametrize("chosen", [1, 40, 60, 550])
def test_only_the_chosen_articles_are_found(vectors: ChromaVectors, chosen: int) -> None:
    ids, rows = fill(vectors, 600)
    articles = [f"a{n}" for n in range(chosen)]
    among = [n for n, id_ in enumerate(ids) if id_.split(":")[0] in set(articles)]
    question = unit(1, seed=9)[0]
    hits = vectors.query(question, 4, article_ids=articles)
    best = exact([ids[n] for n in among], rows[among], question, 3)
    assert len(hits) == min(4, 3 * chosen)
    assert [id_ for id_, _ in hits][:3] == best


def test_an_article_with_many_passages_can_be_chosen_alone(vectors: ChromaVectors) -> None:
    fill(vectors, 2, 400)
    hits = vectors.query(unit(1, seed=9)[0], 10, article_ids=["a1"])
    assert len(hits) == 10
    assert all(id_.startswith("a1:") for id_, _ in hits)


def test_no_article_chosen_finds_nothing(vectors: ChromaVectors) -> None:
    fill(vectors, 3)
    assert vectors.query(unit(1)[0], 5, article_ids=[]) == []
    assert vectors.query(unit(1)[0], 5, article_ids=["nobody"]) == []


def test_an_upsert_replaces(vectors: ChromaVectors) -> None:
    ids, rows = fill(vectors, 2)
    vectors.upsert(ids[:1], rows[5:6], ["a0"])
    assert vectors.count() == len(ids)
    assert vectors.cosines(rows[5], ids[:1]) == {ids[0]: pytest.approx(1.0, abs=1e-5)}


def test_what_is_deleted_is_not_found(vectors: ChromaVectors) -> None:
    ids, rows = fill(vectors, 5)
    vectors.delete([*ids[:3], "nobody:0:0"])
    vectors.delete([])
    assert set(vectors.ids()) == set(ids[3:])
    assert vectors.known(ids) == set(ids[3:])
    assert vectors.known([], "a0") == set()
    assert not {id_ for id_, _ in vectors.query(rows[0], 15)} & set(ids[:3])


def test_vectors_of_another_length_are_refused(vectors: ChromaVectors) -> None:
    with pytest.raises(StoreError, match=r"\(1, 8\)"):
        vectors.upsert(["a:r:0"], np.ones((1, 5), dtype=np.float32), ["a"])


def test_the_same_folder_opens_again_in_one_process(tmp_path: Path) -> None:
    for count in range(3):
        vectors = ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
        assert vectors.count() == count
        vectors.upsert([f"a:r:{count}"], unit(1), ["a"])
        vectors.close()
        vectors.close()
        with pytest.raises(StoreError, match="closed"):
            vectors.query(unit(1)[0], 1)


def test_a_collection_beside_takes_over(vectors: ChromaVectors) -> None:
    fill(vectors, 2)
    beside = vectors.beside("anew", 4)
    beside.upsert(["b:r:0"], np.eye(4, dtype=np.float32)[:1], ["b"])
    assert vectors.count() == 6
    vectors.switch("anew", 4)
    vectors.drop("passages")
    vectors.drop("passages")
    assert list(vectors.ids()) == ["b:r:0"]
    assert vectors.collections() == ["anew"]


# --- what happens underneath ---------------------------------------------------------------------


def test_a_folder_deleted_underneath_is_reported_at_once(vectors: ChromaVectors, tmp_path: Path) -> None:
    ids, rows = fill(vectors, 3)
    shutil.rmtree(tmp_path / "chroma")
    for use in (
        lambda: vectors.query(rows[0], 3),
        lambda: vectors.upsert(ids, rows, ["a"] * len(ids)),
        lambda: vectors.delete(ids),
        vectors.count,
        lambda: list(vectors.ids()),
    ):
        with pytest.raises(StoreDamaged, match=r"removed or replaced.*rag check"):
            use()
    vectors.reopen()
    assert vectors.count() == 0


def test_a_damaged_database_is_reported_and_can_be_thrown_away(tmp_path: Path) -> None:
    vectors = ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
    fill(vectors, 3)
    vectors.close()
    (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"rubbish" * 1000)
    for _ in range(2):
        with pytest.raises(StoreDamaged, match=r"rag check"):
            ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
    ChromaVectors.erase(tmp_path / "chroma")
    again = ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
    assert again.count() == 0
    again.close()


def test_vectors_whose_files_are_gone_are_unreadable(tmp_path: Path) -> None:
    vectors = ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
    ids, _ = fill(vectors, 700)  # enough that Chroma writes its graph to files
    assert not vectors.unreadable(ids)
    vectors.close()
    graphs = [path for path in (tmp_path / "chroma").iterdir() if path.is_dir()]
    assert graphs
    for path in graphs:
        shutil.rmtree(path)
    vectors = ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)
    assert vectors.count() == len(ids)  # Chroma itself does not notice
    assert vectors.unreadable(ids[:1])
    vectors.empty()
    assert vectors.count() == 0
    vectors.close()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "chroma").write_text("a file")
    with pytest.raises(StoreError, match="chroma"):
        ChromaVectors(tmp_path / "chroma", dimensions=DIMENSIONS)


def test_neither_folder_nor_url_is_refused() -> None:
    with pytest.raises(SettingsError, match="RAG_CHROMA_URL"):
        ChromaVectors(None)
    with pytest.raises(SettingsError, match="names no host"):
        ChromaVectors(None, "http://")


def test_a_server_that_does_not_answer_is_reported() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(StoreError, match=f"Chroma server at {url}.*runs"):
            ChromaVectors(None, url)
