"""Words are held by a text that has them, or in another language words of the same meaning."""

from __future__ import annotations

import pytest
from fakes import HashEncoder

from rag.align import aligned, held
from rag.encoder import open_encoder
from rag.settings import read_settings
from rag.types import Encoder
from rag.words import Word

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
