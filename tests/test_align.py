"""Words are held by a text that has them, or in another language words of the same meaning."""

from __future__ import annotations

import pytest
from fakes import HashEncoder

from rag.align import Phrases, aligned, held, phrased, phrases
from rag.encoder import open_encoder
from rag.settings import read_settings
from rag.types import Encoder
from rag.words import Word, words

GERMAN = "Die Gewerkschaft fordert mehr Lohn, kürzere Schichten und neue Busse für Hamburg und Bremen."


def matched(german: str, other: str, language: str, encoder: Encoder) -> list[tuple[Word, float]]:
    return held(aligned(german, "de", encoder), aligned(other, language, encoder))


def test_a_word_that_stands_in_both_is_held_for_certain() -> None:
    found = matched("Der Hafen von Lindau", "In Lindau liegen die Häfen", "de", HashEncoder())
    assert [nearness for _, nearness in found] == [1.0, 1.0]


def test_a_text_without_content_words_holds_nothing_and_asks_for_nothing() -> None:
    assert matched("und das", "der Hafen", "de", HashEncoder()) == []
    assert [nearness for _, nearness in matched("der Hafen", "und das", "de", HashEncoder())] == [0.0]


@pytest.mark.models
def test_across_languages_a_word_left_out_is_held_least() -> None:
    translated = "The union demands higher wages, shorter shifts and new buses for Hamburg."
    found = matched(GERMAN, translated, "en", open_encoder(read_settings()))
    worst, _ = min(found, key=lambda pair: pair[1])
    assert GERMAN[worst.start : worst.end] == "Bremen"


# --- phrases -----------------------------------------------------------------------------------


def read(text: str, language: str, encoder: Encoder) -> Phrases:
    return phrases(text, words(text, language), encoder)


def test_phrases_are_runs_of_one_or_two_content_words() -> None:
    found = read("Der neue Hafen von Lindau am Bodensee", "de", HashEncoder())
    assert sorted(found.lengths) == [1, 1, 1, 1, 2, 2, 2]
    assert found.vectors.shape == (7, HashEncoder().dimensions)


def test_words_far_apart_form_no_phrase() -> None:
    far = "Lindau, und das war es, nicht aber Bregenz"
    assert list(read(far, "de", HashEncoder()).lengths) == [1, 1]


def test_a_text_without_content_words_has_no_phrases_and_is_near_nothing() -> None:
    nothing, something = read("und das", "de", HashEncoder()), read("der Hafen", "de", HashEncoder())
    assert (phrased(nothing, something), phrased(something, nothing)) == (0.0, 0.0)


def test_a_text_holds_its_own_phrases() -> None:
    text = read("Der neue Hafen von Lindau", "de", HashEncoder())
    assert phrased(text, text) == pytest.approx(1.0)


@pytest.mark.models
def test_across_languages_the_phrase_of_the_same_meaning_is_nearest() -> None:
    encoder = open_encoder(read_settings())
    asked = read("the chief economist", "en", encoder)
    german = ["der Chefökonom der Bank", "die Pressesprecherin der Bank", "der Chefarzt der Klinik"]
    nearness = [phrased(asked, read(text, "de", encoder)) for text in german]
    assert nearness[0] == max(nearness)
