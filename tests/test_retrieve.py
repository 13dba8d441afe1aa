"""Search over a real catalog and a real Chroma, with an encoder that knows words only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import HashEncoder
from hypothesis import given
from hypothesis import strategies as st

from rag.catalog import Prepared, SqliteCatalog, revision_of
from rag.retrieve import Retriever, Weights, question_parts
from rag.sentences import split_sentences
from rag.types import Article, Filters, FoundBy, Hit, Passage
from rag.vectors import ChromaVectors

ARTICLES = (
    Article(
        id="bridge",
        title="Neue Brücke",
        source="Bote",
        published="2025-02-18",
        language="de",
        text="Der Stadtrat von Lindau plant den Bau einer Brücke. Sie soll vier Millionen Euro kosten.\n\n"
        "Baurätin Anna Roth stellte den Plan vor. Die Fahrradgarage am Ufer bleibt stehen.",
    ),
    Article(
        id="harvest",
        title="Weinlese",
        source="Kurier",
        published="2025-03-02",
        language="de",
        text="Die Winzer am Bodensee beginnen die Lese früher als sonst.\n\nDer Sommer war sehr trocken.",
    ),
    Article(
        id="bridge-en",
        title="New bridge",
        source="Herald",
        published="2025-02-19",
        language="en",
        text="The town of Lindau will build a bridge. Anna Roth presented the plan.",
    ),
)


class Shelf:
    """An index of a few articles; every paragraph is a passage."""

    def __init__(self, folder: Path) -> None:
        self.encoder = HashEncoder(dimensions=256)
        self.catalog = SqliteCatalog(folder / "catalog.sqlite")
        self.vectors = ChromaVectors(folder / "chroma", dimensions=256)

    def add(self, *articles: Article) -> None:
        self.catalog.write([_prepared(article) for article in articles])
        pending = self.catalog.pending(1000)
        vectors = self.encoder.encode_passages([item.text for item in pending])
        self.vectors.upsert([item.id for item in pending], vectors, [item.article_id for item in pending])
        self.catalog.mark_done([item.id for item in pending])

    def retriever(self, weights: Weights | None = None) -> Retriever:
        return Retriever(self.catalog, self.vectors, self.encoder, weights)

    def close(self) -> None:
        self.vectors.close()
        self.catalog.close()


def _prepared(article: Article) -> Prepared:
    article = article.model_copy(update={"revision": revision_of(article.text)})
    sentences = split_sentences(article.text, article.language)
    passages = []
    for start in (0, *(n + 2 for n in range(len(article.text)) if article.text.startswith("\n\n", n))):
        end = (article.text + "\n\n").index("\n\n", start)
        inside = [s for s in sentences if start <= s.start < end]
        passages.append(
            Passage(
                article_id=article.id,
                revision=article.revision,
                n=len(passages),
                first=inside[0].n,
                last=inside[-1].n,
                start=inside[0].start,
                end=inside[-1].end,
                text=article.text[inside[0].start : inside[-1].end],
            )
        )
    return Prepared(article, article.language, sentences, tuple(passages))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    shelf.add(*ARTICLES)
    yield shelf
    shelf.close()


def texts(hits: list[Hit]) -> list[str]:
    return [hit.text for hit in hits]


def test_the_passage_that_shares_meaning_and_words_comes_first(shelf: Shelf) -> None:
    first, *_ = hits = shelf.retriever().passages("Wer stellte den Plan vor?", 3)
    assert first.text.startswith("Baurätin Anna Roth")
    assert (first.kind, first.article_id) == ("passage", "bridge")
    assert (first.title, first.source, first.language) == ("Neue Brücke", "Bote", "de")
    assert first.found_by is FoundBy.BOTH
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_every_hit_is_cut_from_its_article(shelf: Shelf) -> None:
    retriever = shelf.retriever()
    for hit in retriever.passages("Brücke in Lindau", 9) + retriever.sentences("Brücke in Lindau", 9):
        article = shelf.catalog.article(hit.article_id)
        assert article.text[hit.start : hit.end] == hit.text
        assert article.revision == hit.revision
        assert article.sentences[hit.first].start == hit.start
        assert article.sentences[hit.last].end == hit.end


def test_a_compound_is_found_by_its_part_where_vectors_see_nothing(shelf: Shelf) -> None:
    (hit,) = shelf.retriever().passages("Garagen", 1)
    alone = {near.text: near.score for near in shelf.retriever(Weights(words=0.0)).passages("Garagen", 9)}
    assert "Fahrradgarage" in hit.text
    assert hit.score > alone[hit.text]


def test_sentences_are_ranked_inside_the_passages(shelf: Shelf) -> None:
    hits = shelf.retriever().sentences("Wie viele Millionen soll die Brücke kosten?", 4)
    assert hits[0].text == "Sie soll vier Millionen Euro kosten."
    assert {hit.kind for hit in hits} == {"sentence"}
    assert len({(hit.article_id, hit.first) for hit in hits}) == len(hits) == 4


def test_a_name_is_found_across_languages(shelf: Shelf) -> None:
    hits = shelf.retriever(Weights(dense=0.0)).passages("What about the mayor and Lindau?", 5)
    assert {hit.article_id for hit in hits} == {"bridge", "bridge-en"}


def test_words_of_another_language_never_outweigh_meaning(shelf: Shelf) -> None:
    question = "Which vintners are early?"
    alone = shelf.retriever(Weights(words=0.0)).passages(question, 5)
    both = shelf.retriever().passages(question, 5)
    assert texts(both) == texts(alone)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(source="Kurier"), {"harvest"}),
        (Filters(language="en"), {"bridge-en"}),
        (Filters(article_ids=("bridge", "harvest")), {"bridge", "harvest"}),
        (Filters(published_after="2025-02-19", published_before="2025-02-28"), {"bridge-en"}),
        (Filters(source="Niemand"), set()),
        (Filters(article_ids=("unbekannt",)), set()),
    ],
)
def test_filters_hold_for_passages_and_sentences(shelf: Shelf, filters: Filters, found: set[str]) -> None:
    retriever = shelf.retriever()
    assert {hit.article_id for hit in retriever.passages("Brücke am See", 9, filters)} == found
    assert {hit.article_id for hit in retriever.sentences("Brücke am See", 9, filters)} == found


def test_an_empty_index_has_no_hits(tmp_path: Path) -> None:
    empty = Shelf(tmp_path)
    assert empty.retriever().passages("Brücke", 5) == []
    assert empty.retriever().sentences("Brücke", 5) == []
    empty.close()


@pytest.mark.parametrize(
    "question", ["", "???", "und der die das", '"(*) AND NOT', "x" * 5000, "東京", "\x00"]
)
def test_any_question_gets_an_orderly_reply(shelf: Shelf, question: str) -> None:
    assert len(shelf.retriever().passages(question, 2)) == 2
    assert shelf.retriever().sentences(question, 2)


LONG = (
    "Der Stadtrat von Lindau plant laut einem Bericht des Boten vom Februar den Bau einer Brücke, und ein anderes "
    "Blatt schreibt über die Winzer am Bodensee, deren Lese nach einem trockenen Sommer in diesem Jahr früher als "
    "sonst beginnt: Was verbindet beide Berichte?"
)


def test_a_long_question_finds_what_only_a_part_of_it_is_about(shelf: Shelf) -> None:
    whole, fused = shelf.retriever(Weights(parts=0.0)), shelf.retriever()
    near = {hit.text: hit.score for hit in whole.passages(LONG, 10)}
    nearer = {hit.text: hit.score for hit in fused.passages(LONG, 10)}
    assert {hit.article_id for hit in fused.passages(LONG, 2)} == {"bridge", "harvest"}
    about = "Die Winzer am Bodensee beginnen die Lese früher als sonst."
    assert nearer[about] > near[about]


@pytest.mark.parametrize("words", [1, 5, 12, 26])
def test_a_short_question_is_searched_whole(shelf: Shelf, words: int) -> None:
    question = " ".join(LONG.split()[:words])
    assert question_parts(question) == ()
    assert shelf.retriever().passages(question, 5) == shelf.retriever(Weights(parts=0.0)).passages(
        question, 5
    )


@given(words=st.lists(st.sampled_from(LONG.split()), min_size=27, max_size=400))
def test_parts_overlap_and_are_few(words: list[str]) -> None:
    parts = [part.split() for part in question_parts(" ".join(words))]
    assert 2 <= len(parts) <= 12
    assert all(one[10:20] == other[:10] for one, other in zip(parts, parts[1:], strict=False))
    reached = 10 * (len(parts) - 1) + len(parts[-1])
    assert reached == min(len(words), 130)


def test_fewer_than_asked_for_when_there_are_no_more(shelf: Shelf) -> None:
    assert len(shelf.retriever().passages("Brücke", 100)) == 5


def test_headings_are_no_sentences_to_answer_with(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(Article(id="a", language="de", text="Streit um die Brücke\n\nDie Brücke ist umstritten."))
    article = shelf.catalog.article("a")
    headings = {s.n for s in article.sentences if s.heading}
    hits = shelf.retriever().sentences("Streit um die Brücke", 9)
    assert hits
    assert not headings & {hit.first for hit in hits}
    shelf.close()


def test_two_sources_of_a_sentence_keep_their_place_and_more_come_last(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    said = "Die Brücke kostet {} Millionen Euro."
    for n in range(4):
        text = f"{said.format('vier')} Zeile {n} handelt von Katzen."
        shelf.add(Article(id=f"copy{n}", language="de", text=text))
    shelf.add(Article(id="other", language="de", text="Die Brücke kostet wohl fünf Millionen."))
    hits = shelf.retriever().sentences("Was kostet die Brücke, vier Millionen Euro?", 20)
    copies = [n for n, hit in enumerate(hits) if hit.text == said.format("vier")]
    assert copies[:2] == [0, 1]
    assert copies[2:] == [len(hits) - 2, len(hits) - 1]
    assert "other" in {hit.article_id for hit in hits[: copies[2]]}
    shelf.close()


def test_neighbours_surround_the_hit(shelf: Shelf) -> None:
    retriever = shelf.retriever()
    hit = retriever.sentences("Wer stellte den Plan vor?", 1, Filters(article_ids=("bridge",)))[0]
    around = retriever.neighbours(hit, before=1, after=1)
    assert [near.first for near in around] == [hit.first - 1, hit.first + 1]
    article = shelf.catalog.article("bridge")
    assert all(article.text[near.start : near.end] == near.text for near in around)


def test_a_revised_article_has_no_neighbours_for_an_old_hit(shelf: Shelf) -> None:
    retriever = shelf.retriever()
    hit = retriever.sentences("Lese", 1, Filters(article_ids=("harvest",)))[0]
    shelf.add(ARTICLES[1].model_copy(update={"text": "Die Lese fällt aus. Der Regen war zu stark."}))
    assert retriever.neighbours(hit) == []
    assert "fällt aus" in retriever.sentences("Lese", 1, Filters(article_ids=("harvest",)))[0].text


def test_vectors_left_over_from_a_deleted_article_cost_no_place(shelf: Shelf) -> None:
    shelf.catalog.delete("bridge-en")
    hits = shelf.retriever().passages("The town of Lindau will build a bridge", 4)
    assert len(hits) == 4
    assert "bridge-en" not in {hit.article_id for hit in hits}


def test_sentence_vectors_are_made_once_and_the_oldest_dropped(shelf: Shelf) -> None:
    retriever = Retriever(shelf.catalog, shelf.vectors, shelf.encoder, kept_sentences=100)
    first = retriever.sentences("Brücke", 9)
    made = len(shelf.encoder.calls)
    assert retriever.sentences("Brücke", 9) == first
    assert len(shelf.encoder.calls) == made
    small = Retriever(shelf.catalog, shelf.vectors, shelf.encoder, kept_sentences=1)
    assert small.sentences("Brücke", 9) == first
    assert small.sentences("Brücke", 9) == first


def test_similarities_are_the_cosines_of_the_sentences_alone(shelf: Shelf) -> None:
    retriever = shelf.retriever()
    hits = retriever.sentences("Plan der Brücke", 3)
    question = shelf.encoder.encode_questions(["Plan der Brücke"])[0]
    expected = shelf.encoder.encode_passages([hit.text for hit in hits]) @ question
    assert np.allclose(retriever.similarities("Plan der Brücke", hits), expected)
    assert retriever.similarities("Plan", []) == []


def test_common_words_count_where_a_rarer_one_stands_and_cost_nothing_elsewhere(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(Article(id="rare", language="de", text="Die Brücke in Lindau."))
    shelf.add(*(Article(id=f"n{n}", language="de", text=f"Die Brücke Nummer {n + 5000}.") for n in range(40)))
    anchored = shelf.catalog.search_words(("bruck", "lindau"), 50, anchors=("lindau",))
    everything = dict(shelf.catalog.search_words(("bruck", "lindau"), 50))
    assert [id_.split(":")[0] for id_, _ in anchored] == ["rare"]
    assert anchored[0][1] > everything[anchored[0][0]] > 0
    shelf.close()
