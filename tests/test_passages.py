"""Passages: even runs of sentences that stay within their section."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.passages import PASSAGE_TOKENS, make_passages
from rag.sentences import split_sentences
from rag.types import Article, Passage


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def passages(text: str) -> tuple[Passage, ...]:
    article = Article(text=text, id="a", revision="r")
    return make_passages(article, split_sentences(text, "de"), count_words)


def sentence(words: int) -> str:
    return "Das " + "ist " * (words - 2) + "so."


def test_short_article_is_one_passage_with_its_title() -> None:
    text = "Der Titel\n\nEin Satz. Noch einer."
    assert [passage.text for passage in passages(text)] == [text]


def test_no_sentences_no_passages() -> None:
    assert make_passages(Article(text="", id="a"), (), count_words) == ()


def test_heading_goes_with_what_follows() -> None:
    text = f"Oben\n\n{sentence(120)}\n\nUnten\n\n{sentence(120)}"
    assert [passage.text.split("\n")[0] for passage in passages(text)] == ["Oben", "Unten"]


def test_short_sections_share_a_passage() -> None:
    text = f"Oben\n\n{sentence(20)}\n\nMitte\n\n{sentence(20)}\n\nUnten\n\n{sentence(20)}"
    assert len(passages(text)) == 1


def test_long_section_is_cut_into_even_passages() -> None:
    sizes = [len(passage.text.split()) for passage in passages(" ".join([sentence(20)] * 21))]
    assert sizes == [140, 140, 140]


def test_sentence_over_the_limit_is_a_passage_of_its_own() -> None:
    text = f"{sentence(30)} {sentence(PASSAGE_TOKENS + 40)} {sentence(30)}"
    assert [(passage.first, passage.last) for passage in passages(text)] == [(0, 0), (1, 1), (2, 2)]


def test_ids_name_article_revision_and_number() -> None:
    assert passages("Ein Satz.")[0].id == "a:r:0"


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.integers(3, 260).map(sentence), st.sampled_from(["Titel", "Wer war da?"])), max_size=40
    ).map("\n\n".join)
)
def test_every_sentence_is_in_exactly_one_passage(text: str) -> None:
    sentences = split_sentences(text, "de")
    found = passages(text)
    assert [n for passage in found for n in range(passage.first, passage.last + 1)] == [
        s.n for s in sentences
    ]
    assert [passage.n for passage in found] == list(range(len(found)))
    for passage in found:
        assert passage.text == text[passage.start : passage.end]
        assert (passage.start, passage.end) == (sentences[passage.first].start, sentences[passage.last].end)
        several = passage.last > passage.first and not sentences[passage.last - 1].heading
        assert not several or len(passage.text.split()) <= 2 * PASSAGE_TOKENS
