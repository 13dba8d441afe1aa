"""Invariants under everything that can happen to an index, tried by hypothesis.

Whatever is added, edited, deleted, rebuilt and reopened in whatever order: every span is its text, what was
acknowledged is found, what was deleted is not.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from fakes import HashEncoder
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rag.clean import clean_article
from rag.errors import ArticleNotFound
from rag.index import Index, open_index
from rag.types import Article
from rag.words import query_terms

PIECES = st.sampled_from(
    [
        "Der Minister reiste am 18. Februar ab.",
        "„Das war knapp. Sehr knapp“, sagte sie.",
        "Rund 3,5 Mrd. Euro fehlen z. B. im Haushalt.",
        "Überschrift ohne Punkt",
        "The bridge is closed until Monday.",
        "No one knows why 🌉🏽 it broke e\u0301ast.",
        "Мост закрыт до понедельника.",
        "Köprü pazartesiye kadar kapalı.",
        "桥将关闭到星期一。没有人知道原因。",
        "Le pont est fermé, dit-on.",
        "\n\n",
        "\r\n",
        "\u00ad\u200b",
        "- ein Punkt\n- noch einer",
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=12).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
)
URLS = st.sampled_from([f"http://a.example/{n}" for n in range(4)] + [""])
TITLES = st.sampled_from(["", "Brücke", "Haushalt"])


class Life(RuleBasedStateMachine):
    """One index and what must hold of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.dimensions = 16

    @initialize()
    def open(self) -> None:
        """An empty index."""
        self.index: Index = open_index(self.folder, HashEncoder(self.dimensions))
        self.texts: dict[tuple[str, str], str] = {}  # (id, revision) that a citation may point to
        self.deleted: set[str] = set()

    def teardown(self) -> None:
        """Leaves nothing on disk."""
        if hasattr(self, "index"):
            self.index.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(texts=st.lists(TEXTS, min_size=1, max_size=3), url=URLS, title=TITLES)
    def add(self, texts: list[str], url: str, title: str) -> None:
        """New articles, edits, the same again, the same from elsewhere."""
        articles = [Article(text=text, url=url, title=title) for text in texts]
        report = self.index.add(articles)
        assert len(report.article_ids) + len(report.failed) == len(articles)
        assert {failure.code for failure in report.failed} <= {"empty_document"}
        self.deleted -= set(report.article_ids)
        for id_ in report.article_ids:
            article = self.index.article(id_)
            self.texts[id_, article.revision] = article.text

    @precondition(lambda self: self.index.articles())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Any article, found or kept for its citations only."""
        id_ = data.draw(st.sampled_from(sorted({id_ for id_, _ in self.texts})))
        assert self.index.delete(id_).proven
        self.deleted.add(id_)
        self.texts = {key: text for key, text in self.texts.items() if key[0] != id_}

    @rule()
    def rebuild(self) -> None:
        """Everything anew."""
        assert self.index.rebuild().ok

    @rule(other=st.booleans())
    def reopen(self, other: bool) -> None:
        """By another process, perhaps with another encoder."""
        self.index.close()
        if other:
            self.dimensions = 40 - self.dimensions
        self.index = open_index(self.folder, HashEncoder(self.dimensions), mend=True)
        if self.index.mismatch():
            assert self.index.rebuild().ok

    @rule()
    def lose_the_vectors(self) -> None:
        """They can be made again at any moment."""
        self.index.vectors.empty()
        assert self.index.check().ok

    @invariant()
    def every_span_is_its_text(self) -> None:
        """Sentences, passages and old revisions."""
        for (id_, revision), text in self.texts.items():
            article = self.index.article(id_, revision)
            assert article.text == text
            assert clean_article(article).text == text
            rest = list(text)
            for sentence in article.sentences:
                quote = text[sentence.start : sentence.end]
                assert quote == quote.strip() != ""
                rest[sentence.start : sentence.end] = " " * len(quote)
            assert not "".join(rest).strip()
        for passage in self.index.catalog.passages(sorted(self.index.vectors.ids())):
            article = self.index.article(passage.article_id, passage.revision)
            assert article.text[passage.start : passage.end] == passage.text
            assert passage.start == article.sentences[passage.first].start
            assert passage.end == article.sentences[passage.last].end

    @invariant()
    def both_sides_are_in_step(self) -> None:
        """Every passage has its vector, its words, and nothing else is there."""
        report = self.index.check(repair=False)
        assert report.ok, report.problems

    @invariant()
    def what_is_found_is_what_was_added(self) -> None:
        """By every path, and nothing that was deleted."""
        listed = {article.id for article in self.index.articles()}
        assert listed <= {id_ for id_, _ in self.texts}
        ids = list(self.index.vectors.ids())
        question = self.index.encoder.encode_questions(["Brücke"])[0]
        dense = {id_ for id_, _ in self.index.vectors.query(question, max(1, len(ids)))}
        assert {id_.split(":")[0] for id_ in dense} <= listed
        for language in ("de", "en"):
            terms = query_terms("Minister Brücke bridge Haushalt Monday", language)
            hits = self.index.catalog.search_words(terms, 100)
            assert {id_ for id_, _ in hits} <= set(ids)
        for id_ in self.deleted:
            assert id_ not in listed
            assert self.index.vectors.query(question, 10, article_ids=[id_]) == []
            with pytest.raises(ArticleNotFound):
                self.index.article(id_)


Life.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
TestLife = Life.TestCase
