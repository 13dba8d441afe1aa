"""The catalog: revisions, origins, filters, the word index, and what happens when the file is not usable."""

from __future__ import annotations

import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.catalog import Outcome, Prepared, SqliteCatalog, revision_of
from rag.errors import ArticleNotFound, StoreDamaged, StoreError, StoreFull, StoreLocked
from rag.types import Article, Filters, Passage, Sentence

FOX = "The quick fox jumps. It lands softly. Then it sleeps."
OWL = "The owl looks down. It says nothing."


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqliteCatalog]:
    opened = SqliteCatalog(tmp_path / "catalog.sqlite", patience=0.05)
    yield opened
    opened.close()


def prepared(text: str, language: str = "en", **fields: object) -> Prepared:
    """One passage per two sentences; a sentence ends with a full stop."""
    sentences, start = [], 0
    for n, piece in enumerate(text.split(". ")):
        end = min(len(text), start + len(piece) + 1)
        sentences.append(Sentence(n=n, start=start, end=end))
        start = end + 1
    revision = revision_of(text)
    passages = []
    for n, first in enumerate(range(0, len(sentences), 2)):
        last = min(first + 1, len(sentences) - 1)
        begin, end = sentences[first].start, sentences[last].end
        passages.append(
            Passage(
                article_id="-", revision=revision, n=n, first=first, last=last,
                start=begin, end=end, text=text[begin:end],
            )
        )  # fmt: skip
    article = Article.model_validate({"text": text, "revision": revision, **fields})
    return Prepared(article, language, tuple(sentences), tuple(passages))


def add(catalog: SqliteCatalog, *items: Prepared) -> list[tuple[str, Outcome]]:
    """Writes and says that the vectors are there."""
    outcomes = catalog.write(items)
    catalog.mark_done([passage.id for passage in catalog.pending(1000)])
    return outcomes


def found(catalog: SqliteCatalog, word: str, **filters: object) -> list[str]:
    """Ids of the articles whose passages hold `word`."""
    chosen = Filters.model_validate(filters)
    return [id_.split(":")[0] for id_, _ in catalog.search_words([word], 10, chosen)]


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# --- pending and done ----------------------------------------------------------------------------


def test_counts_and_languages_are_those_of_now_whoever_has_written(catalog: SqliteCatalog) -> None:
    assert (catalog.count_passages(), catalog.languages()) == (0, ())
    other = SqliteCatalog(catalog.path)
    (fox,) = (id_ for id_, _ in add(other, prepared(FOX)))
    assert (catalog.count_passages(), catalog.languages()) == (2, ("en",))
    add(catalog, prepared(OWL, language="de"))
    assert (other.count_passages(), other.languages()) == (3, ("de", "en"))
    other.delete(fox)
    assert (catalog.count_passages(), catalog.languages()) == (1, ("de",))
    other.close()


def test_many_articles_are_read_with_their_own_sentences_and_origins(catalog: SqliteCatalog) -> None:
    owl = prepared(OWL, url="https://example.org/owl")
    ids = [id_ for id_, _ in add(catalog, prepared(FOX), owl)]
    read = catalog.texts([*reversed(ids), "nobody"])
    bare = {"text": "", "sentences": (), "origins": ()}
    assert catalog.heads([*ids, "nobody"]) == {id_: one.model_copy(update=bare) for id_, one in read.items()}
    assert set(read) == set(ids)
    assert all(read[id_] == catalog.article(id_) for id_ in ids)
    assert [len(read[id_].sentences) for id_ in ids] == [3, 2]
    assert [read[id_].origins for id_ in ids] == [(), ("https://example.org/owl",)]


def test_an_article_is_found_on_no_path_before_its_vectors_are_done(catalog: SqliteCatalog) -> None:
    [(id_, outcome)] = catalog.write([prepared(FOX, url="http://a.example/1")])
    assert outcome is Outcome.ADDED
    assert catalog.articles() == []
    assert found(catalog, "fox") == []
    assert catalog.passages([p.id for p in catalog.pending(10)]) == []
    with pytest.raises(ArticleNotFound):
        catalog.article(id_)
    with pytest.raises(ArticleNotFound):
        catalog.article(id_, revision_of(FOX))


def test_an_article_is_found_when_its_last_vector_is_done(catalog: SqliteCatalog) -> None:
    catalog.write([prepared(FOX)])
    first, second = catalog.pending(10)
    catalog.mark_done([first.id])
    assert found(catalog, "fox") == []
    catalog.mark_done([second.id])
    [id_] = found(catalog, "fox")
    article = catalog.article(id_)
    assert article.text == FOX
    assert [FOX[s.start : s.end] for s in article.sentences][1] == "It lands softly."
    assert [p.text for p in catalog.passages([second.id, "nobody:0:0", first.id])] == [
        second.text,
        first.text,
    ]


def test_what_is_taken_back_leaves_nothing(catalog: SqliteCatalog) -> None:
    [(id_, _)] = catalog.write([prepared(FOX, url="http://a.example/1")])
    ids = [p.id for p in catalog.pending(10)]
    catalog.take_back()
    assert catalog.pending(10) == []
    assert catalog.leftovers() == ids
    assert catalog.traces(id_, ids) == 0
    assert add(catalog, prepared(FOX, url="http://a.example/1"))[0][1] is Outcome.ADDED
    assert catalog.leftovers() == []


def test_a_revision_taken_back_leaves_the_one_before(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1"))
    catalog.write([prepared(OWL, url="http://a.example/1")])
    catalog.take_back()
    assert catalog.article(id_).text == FOX
    assert catalog.revisions(id_) == (revision_of(FOX),)


# --- revisions and origins -----------------------------------------------------------------------


def test_the_same_again_changes_nothing(catalog: SqliteCatalog) -> None:
    item = prepared(FOX, url="http://a.example/1", title="Fox")
    [(id_, _)] = add(catalog, item)
    assert catalog.settled(item.article) == id_
    assert add(catalog, item) == [(id_, Outcome.UNCHANGED)]
    assert len(catalog.articles()) == 1


def test_a_url_with_another_fragment_is_the_same_origin(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1#top"))
    assert add(catalog, prepared(FOX, url="http://a.example/1#end"))[0] == (id_, Outcome.REVISED)
    assert add(catalog, prepared(OWL, url="http://a.example/1"))[0] == (id_, Outcome.REVISED)


def test_same_origin_with_new_text_is_a_revision(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1", title="Fox", published="2025-02-18"))
    old = [id_ for id_, _ in catalog.search_words(["fox"], 5)]
    assert add(catalog, prepared(OWL, url="http://a.example/1")) == [(id_, Outcome.REVISED)]
    assert catalog.article(id_).text == OWL
    assert catalog.article(id_).title == "Fox"  # what is not said again stays
    assert catalog.article(id_, revision_of(FOX)).text == FOX
    assert catalog.article(id_, revision_of(FOX)).sentences
    assert found(catalog, "fox") == []
    assert catalog.passages(old) == []
    assert catalog.leftovers() == sorted(old + [f"{id_}:{revision_of(FOX)}:1"])


def test_the_old_revision_is_found_until_the_new_one_is_done(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1"))
    catalog.write([prepared(OWL, url="http://a.example/1")])
    assert found(catalog, "fox") == [id_]
    assert found(catalog, "owl") == []
    assert catalog.article(id_).text == FOX


def test_a_text_that_comes_back_is_found_again(catalog: SqliteCatalog) -> None:
    for text in (FOX, OWL, FOX):
        [(id_, _)] = add(catalog, prepared(text, url="http://a.example/1"))
    assert catalog.article(id_).text == FOX
    assert found(catalog, "fox") == [id_]
    assert set(catalog.revisions(id_)) == {revision_of(FOX), revision_of(OWL)}


def test_two_texts_of_one_origin_in_one_batch_leave_the_last(catalog: SqliteCatalog) -> None:
    url = "http://a.example/1"
    outcomes = add(catalog, prepared(FOX, url=url), prepared(OWL, url=url), prepared(FOX, url=url))
    assert len({id_ for id_, _ in outcomes}) == 1
    assert [article.id for article in catalog.articles()] == [outcomes[0][0]]
    assert catalog.article(outcomes[0][0]).text == FOX
    assert catalog.revisions(outcomes[0][0]) == (revision_of(FOX),)


def test_same_text_from_another_origin_is_kept_once(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1"))
    assert add(catalog, prepared(FOX, url="http://b.example/2")) == [(id_, Outcome.SAME_TEXT)]
    assert catalog.article(id_).origins == ("http://a.example/1", "http://b.example/2")
    assert len(catalog.articles()) == 1


def test_an_origin_that_gets_another_text_leaves_the_others_alone(catalog: SqliteCatalog) -> None:
    [(shared, _)] = add(catalog, prepared(FOX, url="http://a.example/1"))
    add(catalog, prepared(FOX, url="http://b.example/2"))
    [(own, outcome)] = add(catalog, prepared(OWL, url="http://a.example/1"))
    assert outcome is Outcome.ADDED
    assert catalog.article(shared).text == FOX
    assert catalog.article(shared).url == "http://b.example/2"
    assert catalog.article(own).origins == ("http://a.example/1",)
    for url, text in (("http://a.example/1", OWL), ("http://b.example/2", FOX)):
        assert add(catalog, prepared(text, url=url))[0][1] is Outcome.UNCHANGED


def test_an_origin_that_takes_over_a_known_text_joins_it(catalog: SqliteCatalog) -> None:
    [(fox, _), (owl, _)] = add(
        catalog, prepared(FOX, url="http://a.example/1"), prepared(OWL, url="http://b.example/2")
    )
    assert add(catalog, prepared(FOX, url="http://b.example/2")) == [(fox, Outcome.SAME_TEXT)]
    assert [article.id for article in catalog.articles()] == [fox]
    assert found(catalog, "owl") == []
    assert catalog.article(owl, revision_of(OWL)).text == OWL  # a citation may point to it
    assert add(catalog, prepared(OWL, url="http://b.example/2"))[0] == (owl, Outcome.ADDED)
    assert found(catalog, "owl") == [owl]


def test_a_text_without_origin_is_named_by_itself(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX))
    assert add(catalog, prepared(FOX)) == [(id_, Outcome.UNCHANGED)]
    assert add(catalog, prepared(OWL))[0][0] != id_
    assert catalog.article(id_).origins == ()


def test_an_id_given_by_the_caller_is_kept(catalog: SqliteCatalog) -> None:
    assert add(catalog, prepared(FOX, id="fox-1"))[0] == ("fox-1", Outcome.ADDED)
    assert add(catalog, prepared(OWL, id="fox-1"))[0] == ("fox-1", Outcome.REVISED)


def test_new_details_of_a_known_text_are_noted(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1", source="Daily"))
    changed = prepared(FOX, url="http://a.example/1", title="Fox", published="2025-02-18")
    assert catalog.settled(changed.article) == ""
    catalog.write([changed])
    assert catalog.count_pending() == 2  # the title is embedded with every passage
    assert found(catalog, "fox") == [id_]
    article = catalog.article(id_)
    assert (article.title, article.source) == ("Fox", "Daily")


def test_deleting_removes_every_trace(catalog: SqliteCatalog) -> None:
    [(id_, _)] = add(catalog, prepared(FOX, url="http://a.example/1"))
    add(catalog, prepared(OWL, url="http://a.example/1"))
    revisions, sentences, passages = catalog.delete(id_)
    assert (revisions, sentences, len(passages)) == (2, 5, 1)
    assert catalog.traces(id_, passages) == 0
    assert catalog.term_frequencies(["fox", "owl"]) == {"fox": 0, "owl": 0}
    with pytest.raises(ArticleNotFound):
        catalog.article(id_, revision_of(FOX))
    with pytest.raises(ArticleNotFound):
        catalog.delete(id_)


# --- searching -----------------------------------------------------------------------------------


def test_filters_narrow(catalog: SqliteCatalog) -> None:
    add(
        catalog,
        prepared("A fox. One.", id="a", published="2025-02-18T15:00:00Z", source="Daily"),
        prepared("A fox. Two.", "de", id="b", published="2025-02-19", source="Weekly"),
        prepared("A fox. Three.", id="c"),
    )
    assert set(found(catalog, "fox")) == {"a", "b", "c"}
    assert found(catalog, "fox", published_after="2025-02-19") == ["b"]
    assert found(catalog, "fox", published_before="2025-02-18") == ["a"]  # the whole day
    assert found(catalog, "fox", source="daily") == ["a"]
    assert found(catalog, "fox", language="de") == ["b"]
    assert found(catalog, "fox", article_ids=("c", "x")) == ["c"]
    assert catalog.matching_articles(Filters()) is None
    assert catalog.matching_articles(Filters(source="none")) == ()
    assert [a.id for a in catalog.articles(Filters(published_after="2025-02-18"))] == ["b", "a"]


def test_word_search_knows_languages(catalog: SqliteCatalog) -> None:
    add(catalog, prepared("A fox. One.", "en", id="a"), prepared("A fox. Two.", "de", id="b"))
    assert [id_[0] for id_, _ in catalog.search_words(["fox"], 5, languages=["de"])] == ["b"]
    assert catalog.languages() == ("de", "en")


def test_more_and_rarer_words_score_higher(catalog: SqliteCatalog) -> None:
    add(catalog, prepared(FOX, id="fox"), prepared(OWL, id="owl"), prepared("A fox. Again.", id="again"))
    hits = catalog.search_words(["fox", "jump"], 5)
    assert hits[0][0].startswith("fox:")
    assert hits[0][1] > hits[1][1] > 0


@pytest.mark.parametrize("term", ['"', "a OR b", "fox*", "NEAR(", "-", "", " ", "ß", "-ok:x"])
def test_search_terms_are_taken_literally(catalog: SqliteCatalog, term: str) -> None:
    add(catalog, prepared(FOX))
    assert catalog.search_words([term], 5) == []


def test_term_frequencies_count_passages(catalog: SqliteCatalog) -> None:
    add(catalog, prepared(FOX), prepared("A fox. One."), prepared(OWL))
    assert catalog.term_frequencies(["fox", "owl", "cow"]) == {"fox": 2, "owl": 1, "cow": 0}


def test_threads_read_while_one_writes(catalog: SqliteCatalog) -> None:
    add(catalog, prepared(FOX))
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            for id_ in found(catalog, "fox"):
                if catalog.article(id_).text != FOX:
                    wrong.append(id_)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(30):
        add(catalog, prepared(f"Number {n}. Nothing else."))
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert catalog.count_articles() == 31


# --- checking and mending ------------------------------------------------------------------------


def test_a_word_index_out_of_step_is_noticed_and_made_again(catalog: SqliteCatalog, tmp_path: Path) -> None:
    add(catalog, prepared(FOX), prepared(OWL))
    assert catalog.words_problem() == ""
    with sqlite3.connect(tmp_path / "catalog.sqlite") as db:
        db.execute("DELETE FROM words WHERE rowid = 1")
        db.execute("INSERT INTO words (rowid, terms) VALUES (77, 'cow')")
    assert "2 places" in catalog.words_problem()
    catalog.rebuild_words()
    assert catalog.words_problem() == ""
    assert len(found(catalog, "fox")) == 1


def test_a_damaged_word_index_is_noticed_and_made_again(catalog: SqliteCatalog, tmp_path: Path) -> None:
    add(catalog, prepared(FOX))
    with sqlite3.connect(tmp_path / "catalog.sqlite") as db:
        db.execute("UPDATE words_data SET block = x'00112233445566778899' WHERE id > 10")
    assert "damaged" in catalog.words_problem()
    catalog.rebuild_words()
    assert catalog.words_problem() == ""


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        ("UPDATE revisions SET text = text || '!'", "revision"),
        ("UPDATE sentences SET stop = stop + 3 WHERE n = 0", "overlap"),
        ("UPDATE sentences SET stop = stop + 30 WHERE n = 2", "beyond"),
        ("UPDATE passages SET start = start + 1", "run of its sentences"),
        ("UPDATE passages SET last = 99", "not there"),
    ],
)
def test_spans_that_do_not_fit_are_noticed(
    catalog: SqliteCatalog, tmp_path: Path, damage: str, word: str
) -> None:
    add(catalog, prepared(FOX))
    assert catalog.crooked_articles() == []
    with sqlite3.connect(tmp_path / "catalog.sqlite") as db:
        db.execute(damage)
    [(_, fault)] = catalog.crooked_articles()
    assert word in fault


# --- files that cannot be used -------------------------------------------------------------------


def test_a_newer_schema_is_refused(catalog: SqliteCatalog, tmp_path: Path) -> None:
    catalog.close()
    with sqlite3.connect(tmp_path / "catalog.sqlite") as db:
        db.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match=r"schema 7.*up to 1.*newer version"):
        SqliteCatalog(tmp_path / "catalog.sqlite")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.sqlite") as db:
        db.execute("CREATE TABLE birds (name)")
    with pytest.raises(StoreError, match="not a catalog"):
        SqliteCatalog(tmp_path / "other.sqlite")


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"rubbish" * 1000)
    with pytest.raises(StoreDamaged, match="damaged"):
        SqliteCatalog(tmp_path / "catalog.sqlite")


def test_a_catalog_with_broken_pages_is_damaged(catalog: SqliteCatalog, tmp_path: Path) -> None:
    add(catalog, *(prepared(f"Number {n}. Nothing else.") for n in range(50)))
    catalog.close()
    path = tmp_path / "catalog.sqlite"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreDamaged):
        SqliteCatalog(path).articles()


def test_a_lock_of_another_program_is_reported(catalog: SqliteCatalog, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked, match="another program"):
        catalog.write([prepared(FOX)])
    other.execute("ROLLBACK")
    other.close()
    assert add(catalog, prepared(FOX))[0][1] is Outcome.ADDED


def test_a_full_disk_loses_only_what_was_not_acknowledged(catalog: SqliteCatalog) -> None:
    add(catalog, prepared(FOX, id="fox"))
    with full_disk(200_000), pytest.raises(StoreFull, match="disk is full"):
        for n in range(1000):
            add(catalog, prepared(f"Number {n}. " + "Much more. " * 500, id=f"n{n}"))
    assert catalog.damage() == []
    assert catalog.words_problem() == ""
    assert found(catalog, "fox") == ["fox"]
    assert add(catalog, prepared(OWL, id="owl"))[0][1] is Outcome.ADDED


def test_a_closed_catalog_says_so(catalog: SqliteCatalog) -> None:
    catalog.close()
    catalog.close()
    with pytest.raises(StoreError, match="closed"):
        catalog.articles()
    with pytest.raises(StoreError, match="closed"):
        catalog.write([prepared(FOX)])
