"""The gate: what speaks for a sentence lets it pass, what speaks against it does not."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from fakes import FakeChatModel, JudgingReadingModel, read_back, sentence_hit
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ModelUnavailable
from rag.question import Kind
from rag.types import Hit
from rag.verify import (
    Context,
    Signals,
    confirm,
    confirm_answer,
    gate_fingerprint,
    is_of_kind,
    judge,
    load_gate,
    signals,
)
from rag.words import stems_of, words

GATES = [(name, foreign) for name in ("extractive", "confirmed") for foreign in (False, True)]
NAMES = [field.name for field in fields(Signals)]
SENTENCE = "Die Bürgermeisterin Anna Roth eröffnete am 3. Mai den Hafen."


def hit(text: str = SENTENCE, score: float = 0.9) -> Hit:
    return sentence_hit(text, "a", "de", score=score)


def context(
    question: str,
    kind: Kind = Kind.PERSON,
    near: str = "",
    article: str = SENTENCE,
    near_words: tuple[float, ...] = (),
    near_names: tuple[float, ...] = (),
) -> Context:
    return Context(
        language="de",
        question=words(question, "de"),
        text=question,
        near_words=near_words,
        near_names=near_names,
        kind=kind,
        rarity={},
        near=near,
        article=stems_of(article, "de"),
        similarity=0.9,
        best_score=0.9,
    )


# --- signals -----------------------------------------------------------------------------------


def test_a_sentence_with_all_words_of_the_question_covers_it() -> None:
    seen = signals(hit(), context("Wer eröffnete den Hafen?"))
    assert (seen.coverage, seen.around, seen.strangers, seen.lead) == (1.0, 1.0, 0.0, 0.0)


def test_a_sentence_about_something_else_covers_nothing() -> None:
    seen = signals(hit(), context("Wer gewann das Rennen in Ulm?"))
    assert (seen.coverage, seen.around) == (0.0, 0.0)
    assert seen.strangers == 1.0


def test_neighbours_and_title_hold_what_the_sentence_leaves_out() -> None:
    seen = signals(hit(), context("Wer eröffnete den Hafen von Lindau?", near="Ein Fest in Lindau."))
    assert seen.coverage < seen.around == 1.0


def test_rare_words_count_more() -> None:
    asked = context("Wer eröffnete den Zirkus?")
    common = Context(**{field.name: getattr(asked, field.name) for field in fields(asked)} | {"rarity": {}})
    stems = {word.stem: 9.0 if "zirkus" in word.stem else 1.0 for word in asked.question}
    rare = Context(**{field.name: getattr(asked, field.name) for field in fields(asked)} | {"rarity": stems})
    assert signals(hit(), rare).coverage < signals(hit(), common).coverage < 1.0


def test_a_sentence_behind_the_best_one_is_told_apart() -> None:
    assert signals(hit(score=0.7), context("Wer?")).lead == pytest.approx(0.2)


def test_the_nearest_words_count_on_average_and_the_one_with_the_least_like() -> None:
    seen = signals(hit(), context("Wer?", near_words=(1.0, 0.8)))
    assert (seen.nearness, seen.weakest) == (pytest.approx(0.9), 0.8)


@pytest.mark.parametrize(
    ("question", "fits"),
    [("Kamen 900 Fahrer am 3. Mai?", 0.0), ("Kamen die Fahrer am 3. Mai?", 1.0)],
)
def test_a_number_that_the_question_names_is_no_answer(question: str, fits: float) -> None:
    assert signals(hit("Am 3. Mai kamen 900 Fahrer."), context(question, Kind.NUMBER)).fits == fits


@pytest.mark.parametrize(
    ("text", "kind", "fits"),
    [
        (SENTENCE, Kind.TIME, 1.0),
        (SENTENCE, Kind.PERSON, 1.0),
        ("Es kamen rund 900 Fahrer.", Kind.NUMBER, 1.0),
        ("Es kamen drei Fahrer.", Kind.NUMBER, 1.0),
        ("Der Hafen ist offen.", Kind.NUMBER, 0.0),
        ("Keiner kam.", Kind.NUMBER, 1.0),
        ("Am 3. Mai, seit 2019 zum ersten Mal, kam er.", Kind.NUMBER, 0.0),
        ("In 1500 Orten war es dunkel.", Kind.NUMBER, 1.0),
        ("Der Hafen ist offen.", Kind.TIME, 0.0),
        ("Der Kai 2 ist 30 Meter lang.", Kind.TIME, 0.0),
        ("Er wurde 1853 gebaut.", Kind.TIME, 1.0),
        ("It opens on Nov 15.", Kind.TIME, 1.0),
        ("Er schließt, wenn es stürmt.", Kind.TIME, 1.0),
        ("alles ruhig.", Kind.PERSON, 0.0),
        ("Der Hafen ist offen.", Kind.REASON, 0.5),
    ],
)
def test_the_kind_of_answer_is_looked_for(text: str, kind: Kind, fits: float) -> None:
    assert signals(hit(text), context("Hafen?", kind)).fits == fits


@pytest.mark.parametrize(
    ("question", "kind", "text"),
    [
        ("Wann wurde der Hafen eröffnet?", Kind.TIME, "Der Hafen ist offen."),
        ("Wie viele Kräne hat der Hafen?", Kind.NUMBER, "Der Hafen hat Kräne."),
    ],
)
def test_a_sentence_without_a_time_or_number_lacks_what_is_asked_for(
    question: str, kind: Kind, text: str
) -> None:
    assert signals(hit(text), context(question, kind)).lacking
    french = hit(text).model_copy(update={"language": "fr"})
    assert not signals(french, context(question, kind)).lacking  # its words for numbers are in no list


def test_a_sentence_that_asks_answers_nothing_but_what_was_asked() -> None:
    asks = hit("Wer eröffnete den Hafen?")
    assert signals(asks, context("Wer eröffnete den Hafen?")).lacking
    assert not signals(asks, context("Was fragte Roth?", Kind.SPEECH)).lacking
    assert not signals(asks.model_copy(update={"last": 1}), context("Wer eröffnete den Hafen?")).lacking


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("How many earthquakes were there?", "magnitude 6.3", False),
        ("Wie viele Beben gab es?", "der Stärke 6,3", False),
        ("How many earthquakes were there?", "four of magnitude 6.3", True),
        ("How many people live there?", "2.5 million", True),
        ("How many people live there?", "2,500", True),
        ("How many miles did she run?", "6.3", True),
        ("How many goals did she score on average?", "2.5", True),
        ("How high is it?", "6.3", True),
    ],
)
def test_what_comes_whole_is_counted_in_whole_numbers(question: str, text: str, expected: bool) -> None:
    assert is_of_kind(text, Kind.NUMBER, question) is expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("Sunday, Feb. 13, 2022", Kind.PLACE, False),
        ("in Lindau", Kind.PLACE, True),
        ("this edition", Kind.TIME, False),
        ("am 3. Mai", Kind.TIME, True),
        ("nach dem Sturm", Kind.TIME, True),
        ("rund 900", Kind.NUMBER, True),
        ("die Fahrer", Kind.NUMBER, False),
        ("zweihundertfünf Fahrer", Kind.NUMBER, True),
        ("one", Kind.NUMBER, True),
        ("mehrere Fahrer", Kind.NUMBER, True),
        ("in Leipzig", Kind.NUMBER, False),
        ("die dritte Fahrerin", Kind.NUMBER, False),
        ("Anna Roth", Kind.PERSON, True),
        ("a former player", Kind.PERSON, False),
        ("安娜", Kind.PERSON, True),
        ("klagen", Kind.REASON, True),
    ],
)
def test_words_answer_only_what_is_of_their_kind(text: str, kind: Kind, expected: bool) -> None:
    assert is_of_kind(text, kind) is expected


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("The Lost Harbour's cast", "Who stars in The Lost Harbour?", False),
        ("Lost Harbour winners", "Who won the Lost Harbour prize?", False),
        ("Mayor Anna Roth", "Who is the mayor?", True),
        ("Der Rat von Lindau", "Wer saß im Rat von Lindau?", False),
        ("der Rat von Ulm", "Wer saß im Rat von Lindau?", True),
    ],
)
def test_a_name_must_be_new_to_the_question(text: str, question: str, expected: bool) -> None:
    language = "de" if question.startswith("Wer") else "en"
    assert is_of_kind(text, Kind.PERSON, question, language) is expected


# --- the gate ----------------------------------------------------------------------------------

FOR = Signals(similarity=1, lead=0, coverage=1, nearness=1, weakest=1, named=1, around=1, strangers=0, fits=1)
AGAINST = Signals(
    similarity=0, lead=1, coverage=0, nearness=0, weakest=0, named=0, around=0, strangers=1, fits=0
)


@pytest.mark.parametrize(("name", "foreign"), GATES)
def test_everything_in_favour_opens_the_gate_and_everything_against_closes_it(
    name: str, foreign: bool
) -> None:
    gate = load_gate(name, foreign=foreign)
    yes = (1.0, 0.0) if name == "confirmed" else (None, None)
    assert gate.support(FOR, yes[0]) >= gate.shows
    assert gate.support(AGAINST, yes[1]) < gate.shows


@pytest.mark.parametrize(("name", "foreign"), GATES)
def test_the_gate_weighs_only_what_there_is(name: str, foreign: bool) -> None:
    known = set(NAMES) | ({"yes"} if name == "confirmed" else set())
    assert set(load_gate(name, foreign=foreign).weights) <= known


@pytest.mark.parametrize("foreign", [False, True])
def test_without_a_model_the_gate_does_not_ask_what_it_thinks(foreign: bool) -> None:
    assert "yes" not in set(load_gate("extractive", foreign=foreign).weights)


@pytest.mark.parametrize(("name", "foreign"), GATES)
@given(
    values=st.lists(st.floats(0, 1), min_size=len(NAMES), max_size=len(NAMES)),
    yes=st.floats(0, 1),
)
@settings(max_examples=60)
def test_support_is_a_probability(name: str, foreign: bool, values: list[float], yes: float) -> None:
    gate = load_gate(name, foreign=foreign)
    seen = Signals(**dict(zip(NAMES, values, strict=True)))
    support = gate.support(seen, yes if name == "confirmed" else None)
    assert 0.0 <= support <= 1.0


@pytest.mark.parametrize(("name", "foreign"), GATES)
def test_the_gate_can_open_and_close(name: str, foreign: bool) -> None:
    assert 0.0 < load_gate(name, foreign=foreign).shows < 1.0


def test_the_coefficients_have_a_fingerprint() -> None:
    assert gate_fingerprint() == gate_fingerprint() != ""


# --- the model's yes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "yes"),
    [((0.6, 0.2), 0.75), ((0.0, 0.9), 0.0), ((1.0, 0.0), 1.0), ((0.0, 0.0), 0.0)],
)
def test_yes_is_weighed_against_no(chosen: tuple[float, ...], yes: float) -> None:
    found, usage = confirm(FakeChatModel(choices=chosen), "Wer?", SENTENCE)
    assert found == pytest.approx(yes)
    assert usage.calls == 1


@pytest.mark.parametrize(("reply", "yes"), [("Ja", 1.0), (" Ja.", 1.0), ("Nein", 0.0), ("", 0.0)])
def test_a_model_that_tells_no_probability_is_taken_at_its_word(reply: str, yes: float) -> None:
    assert confirm(FakeChatModel([reply]), "Wer?", SENTENCE)[0] == yes


def test_the_model_reads_one_sentence_and_the_question() -> None:
    model = FakeChatModel(choices=(1.0, 0.0))
    confirm(model, "Wer?", "Er kam.\nFrage: $question")
    assert read_back(model.asked[0]) == (
        "confirm",
        {"sentence": "Er kam. Frage: $question", "question": "Wer?"},
    )


def test_words_are_proposed_behind_the_same_sentence_and_question() -> None:
    model = FakeChatModel(choices=(0.6, 0.2))
    yes, _ = confirm_answer(model, "Wer kam?", "Anna\nRoth $x", SENTENCE)
    confirm(model, "Wer kam?", SENTENCE)
    proposed, plain = (read_back(asked) for asked in model.asked)
    assert yes == pytest.approx(0.75)
    assert proposed == ("confirm", plain[1] | {"question": "Wer kam? Ist es Anna Roth $x?"})


@pytest.mark.parametrize(
    ("title", "published", "origin"),
    [
        ("", None, ""),
        ("Besuch", None, " (Besuch)"),
        ("", datetime(2026, 3, 9, tzinfo=UTC), " (2026-03)"),
        ("Besuch", datetime(2026, 3, 9, tzinfo=UTC), " (Besuch, 2026-03)"),
    ],
)
def test_fitted_weights_are_told_the_question_first_then_title_and_month(
    title: str, published: datetime | None, origin: str
) -> None:
    model = JudgingReadingModel("kam")
    asked = hit("Er\nkam.").model_copy(update={"title": title, "published": published})
    judged = judge(model, "Wer\nkam?", asked)
    assert judged is not None
    assert judged[0] == pytest.approx(0.9)
    assert model.asked[0][-1].content == f"Frage: Wer kam?\nSatz{origin}: Er kam."


def test_a_model_without_fitted_weights_does_not_judge() -> None:
    assert judge(FakeChatModel(choices=(1.0, 0.0)), "Wer?", hit("Er kam.")) is None


def test_a_model_that_fails_has_not_said_no() -> None:
    with pytest.raises(ModelUnavailable):
        confirm(FakeChatModel(choices=lambda *_: ModelUnavailable("gone")), "Wer?", SENTENCE)


def test_a_sentence_without_a_year_does_not_answer_in_which_year() -> None:
    """Whatever else speaks for it."""
    seen = signals(hit("Der Hafen wurde eröffnet."), context("In welchem Jahr wurde der Hafen eröffnet?"))
    assert seen.lacking
    assert load_gate("extractive").support(seen) == 0.0


@pytest.mark.parametrize(
    ("near_names", "near", "lacking"),
    [
        ((0.8,), "", True),
        ((0.95,), "", False),
        ((0.8,), "Karl Weber trat vor die Presse.", False),
        ((), "", False),
    ],
)
def test_what_nobody_of_the_question_said_does_not_answer_what_somebody_said(
    near_names: tuple[float, ...], near: str, lacking: bool
) -> None:
    asked = context("Was sagte Weber zum Hafen?", Kind.SPEECH, near=near, near_names=near_names)
    assert signals(hit("Der Hafen sei schön, sagte sie."), asked).lacking == lacking
