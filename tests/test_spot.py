"""Words in sentences that are likely to answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from fakes import HashEncoder, sentence_hit
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.align import aligned
from rag.encoder import open_encoder
from rag.question import Question, read_question
from rag.settings import read_settings
from rag.spot import Spot, _spotted, asked_of, features, fits, load_model, spots
from rag.types import Encoder, Hit
from rag.words import stems_of, words


def hit(text: str, article: str = "a", language: str = "de") -> Hit:
    return sentence_hit(text, article, language)


def asking(text: str) -> Question:
    return read_question(text, max_chars=500)


def spotted(question: str, texts: Mapping[str, str], encoder: Encoder) -> list[Spot]:
    """What is spotted in articles of one sentence each."""
    return spots(
        asking(question),
        [hit(text, article) for article, text in texts.items()],
        {article: stems_of(text, "de") for article, text in texts.items()},
        lambda text, language: aligned(text, language, encoder),
        encoder,
    )


def test_another_encoder_spots_nothing() -> None:
    assert spotted("Wer kam?", {"a": "Anna Berger kam."}, HashEncoder()) == []


def test_no_sentences_no_spots() -> None:
    assert spotted("Wer kam?", {}, HashEncoder()) == []


@pytest.mark.parametrize(
    ("word", "question", "fitting"),
    [
        ("1994", "Wann begann es?", True),
        ("März", "Wann begann es?", True),
        ("Montag", "Wann begann es?", True),
        ("Hafen", "Wann begann es?", False),
        ("zwölf", "Wie viele starben?", True),
        ("Anna", "Wie viele starben?", False),
        ("Anna", "Wer starb?", True),
        ("Montag", "Wer starb?", False),
        ("12", "Wer starb?", False),
        ("city", "How many died?", False),
        ("forty", "How many died?", True),
        ("blau", "Welche Farbe hat es?", True),
    ],
)
def test_words_fit_what_was_asked_for(word: str, question: str, fitting: bool) -> None:
    assert fits(word, asking(question).kind) is fitting


@pytest.mark.parametrize(
    ("question", "text", "likely", "answer"),
    [
        ("Wer eröffnete die Brücke?", "Gestern eröffnete Anna Berger die Brücke.", "Berger", "Anna Berger"),
        ("Wann begann das Fest?", "Das Fest begann am 3. März 2024 in Lund.", "März", "3. März 2024"),
        ("Wie viele starben?", "Nach Angaben der Feuerwehr starben zwölf Menschen.", "zwölf", "zwölf"),
    ],
)
def test_an_answer_is_whole(question: str, text: str, likely: str, answer: str) -> None:
    asked = asked_of(asking(question), np.zeros((len(question.split()), 2), np.float32))
    own = words(text, "de")
    odds = np.array([2.0 if text[word.start : word.end] == likely else -3.0 for word in own], np.float32)
    spot = _spotted(asked, hit(text), own, odds)
    assert spot is not None
    assert spot.text == answer
    assert spot.surety > 0.8


def test_what_was_asked_about_is_no_answer() -> None:
    asked = asked_of(asking("Wer ist Anna Berger?"), np.zeros((4, 2), np.float32))
    text = "Anna Berger."
    own = words(text, "de")
    assert _spotted(asked, hit(text), own, np.zeros(len(own), np.float32)) is None


def test_the_model_weighs_what_is_measured() -> None:
    model = load_model()
    question = asking("Wer kam nach Lund?")
    vectors = np.zeros((4, model.dimensions), np.float32)
    text = "Anna Berger kam nach Lund."
    own = words(text, "de")
    rows = features(
        asked_of(question, vectors),
        hit(text),
        own,
        np.zeros((len(own), model.dimensions), np.float32),
        stems_of(text, "de"),
    )
    assert rows.shape == (len(own), len(model.weights))
    assert np.isfinite(model.odds(rows)).all()


PIECES = "Anna Berger kam 12 am Montag, März 2024 . ( ) ½ ² O’Neil in Köln".split()
TEXTS = st.lists(st.sampled_from(PIECES)).map(" ".join)


@settings(deadline=None, max_examples=100)
@given(text=TEXTS, question=st.sampled_from(["Wer kam?", "Wann kam er?", "Wie viele kamen?", "Was geschah?"]))
def test_spots_are_words_of_their_sentence(text: str, question: str) -> None:
    asked = asked_of(asking(question), np.ones((len(question.split()), 2), np.float32))
    own = words(text, "de")
    if not own:
        return
    spot = _spotted(asked, hit(text), own, np.linspace(-1, 1, len(own), dtype=np.float32))
    if spot is not None:
        assert spot.text.strip() == spot.text != ""
        assert spot.stems <= {word.stem for word in own}
        assert 0 <= spot.surety <= 1


@pytest.mark.models
def test_likely_answers_stand_first() -> None:
    texts = {
        "a": "Die Brücke über den Fluss wurde am Freitag von Anna Berger eröffnet.",
        "b": "Bei Regen bleibt das Museum in Lund geschlossen.",
    }
    found = spotted("Wer hat die Brücke über den Fluss eröffnet?", texts, open_encoder(read_settings()))
    assert found[0].text == "Anna Berger"
    assert found[0].surety > 0.3
    assert all(other.surety < 0.3 for other in found[1:])
