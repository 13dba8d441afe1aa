"""What a reader of another language is shown of the article's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pytest
from fakes import FakeChatModel, HashEncoder, NearEncoder, Said, ScoringChatModel, read_back
from hypothesis import given
from hypothesis import strategies as st

from rag.rewording import Rewording
from rag.types import Message

if TYPE_CHECKING:
    from rag.types import Vectors

GERMAN = "Die Gewerkschaft fordert mehr Lohn."
ENGLISH = "The union demands higher wages."


class Translator(FakeChatModel):
    """Puts these texts so, every token with the same probability."""

    def __init__(self, translations: Mapping[str, str], sure: float | None = None) -> None:
        self._translations = translations
        self._sure = sure
        super().__init__(self._said)

    def _said(self, messages: list[Message]) -> Said:  # type: ignore[override]
        _, values = read_back(messages)
        return Said(self._translations.get(values["text"], "?"), sure=self._sure)


class AgreeingEncoder(HashEncoder):
    """Every text means the same."""

    def _encode(self, texts: Sequence[str]) -> Vectors:
        return super()._encode(["one meaning" for _ in texts])


def test_in_the_readers_own_language_nothing_is_asked_and_nothing_changed() -> None:
    model = Translator({})
    rewording = Rewording(lambda: model, NearEncoder())
    assert rewording.sentence(GERMAN, "de", "de") == GERMAN
    assert rewording.words("Anna Roth", "de", "de") == "Anna Roth"
    assert not model.asked


def test_without_a_model_the_article_is_quoted() -> None:
    assert (
        Rewording(lambda: None, NearEncoder()).sentence(GERMAN, "de", "en") == f"The article says: “{GERMAN}”"
    )


def test_a_sentence_is_told_in_the_readers_language_and_counted_once() -> None:
    model = Translator({GERMAN: ENGLISH}, sure=0.9)
    rewording = Rewording(lambda: model, AgreeingEncoder())
    assert rewording.sentence(GERMAN, "de", "en") == ENGLISH
    assert rewording.sentence(GERMAN, "de", "en") == ENGLISH
    assert model.calls == rewording.usage.calls == 1
    assert rewording.seconds > 0


def test_a_sentence_that_the_model_was_not_sure_of_is_quoted() -> None:
    model = Translator({GERMAN: ENGLISH}, sure=0.1)
    assert (
        Rewording(lambda: model, NearEncoder()).sentence(GERMAN, "de", "en")
        == f"The article says: “{GERMAN}”"
    )


@pytest.mark.parametrize(("likely", "told"), [(-1.0, ENGLISH), (-5.0, f"The article says: “{GERMAN}”")])
def test_a_translation_that_the_article_cannot_be_had_back_from_is_quoted(likely: float, told: str) -> None:
    model = ScoringChatModel(lambda _: Said(ENGLISH, sure=0.9), likely)
    rewording = Rewording(lambda: model, AgreeingEncoder())
    assert rewording.sentence(GERMAN, "de", "en") == told
    assert rewording.sentence(GERMAN, "de", "en") == told
    assert len(model.scored) == model.calls == 1
    assert rewording.usage.calls == 2


def test_what_somebody_said_at_length_is_quoted_without_asking_anybody() -> None:
    model = Translator({}, sure=0.9)
    said = "Anna Roth sagte: „Wir bauen den Hafen noch in diesem Jahr.“"
    assert (
        Rewording(lambda: model, AgreeingEncoder()).sentence(said, "de", "en")
        == f"The article says: “{said}”"
    )
    assert not model.asked


@pytest.mark.parametrize(
    ("text", "told"), [("im Februar 2022", "February 2022"), ("Kirill Dimow", "Kirill Dimow")]
)
def test_dates_and_names_need_no_model(text: str, told: str) -> None:
    assert Rewording(lambda: None, HashEncoder()).words(text, "de", "en") == told


@given(
    st.text(min_size=1, max_size=80),
    st.sampled_from(["de", "en", "fr", ""]),
    st.sampled_from(["de", "en", ""]),
)
def test_without_a_model_every_word_of_the_article_is_kept(text: str, language: str, reader: str) -> None:
    assert text in Rewording(lambda: None, HashEncoder()).sentence(text, language, reader)
