"""What is shown as a translation says what the article says; the rest stays in the article's words."""

from __future__ import annotations

import pytest
from fakes import FakeChatModel, HashEncoder, NearEncoder, Said, ScoringChatModel

from rag.encoder import open_encoder
from rag.settings import read_settings
from rag.translate import Translation, faithful, is_name, is_sure, likely_back, same_short, translate
from rag.types import Encoder
from rag.words import words

SENTENCE = "Die Bürgermeisterin Anna Roth eröffnete am 3. Mai den Hafen."
GERMAN = "Die Gewerkschaft fordert mehr Lohn, kürzere Schichten und neue Busse für Hamburg und Bremen."


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder(read_settings())


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("Bürgermeisterin Anna Roth", "Mayor Anna Roth"),
        ("rund 40 Millionen Euro", "around 40 million euros"),
        ("Sergej Lawin", "Sergei Lavin"),
    ],
)
def test_a_translation_that_says_the_same_is_kept(text: str, translated: str, encoder: Encoder) -> None:
    assert same_short(text, "de", translated, "en", encoder)


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("Anna Roth", ""),
        ("rund 40 Millionen Euro", "around 50 million euros"),
        ("rund 40 Millionen Euro", "many euros"),
        ("Anna Rothin", "Rothin Anna"),
        ("Anna Rothin", "Karl Meier"),
        ("Anna Roth", "Anna Roth was drunk"),
        ("Anna Roth", "Anna Roth opened the new harbour of the city"),
        ("kein Euro", "euros"),
    ],
)
def test_a_translation_that_says_something_else_is_not(text: str, translated: str) -> None:
    assert not same_short(text, "de", translated, "en", NearEncoder())


@pytest.mark.parametrize(
    "translated",
    [
        "",
        "Die Bürgermeisterin Anna Roth eröffnete am 4. Mai den Hafen.",
        "Die Bürgermeisterin Anna Roth eröffnete den Hafen.",
        "Am 3. Mai.",
        "Die Bürgermeisterin Anna Roth eröffnete am 3. Mai nicht den Hafen.",
        f"{SENTENCE} Sie dankte allen, die am Bau des Hafens mitgewirkt hatten, und lud zu einem langen Fest.",
    ],
)
def test_a_sentence_with_other_numbers_denials_or_length_is_no_translation(translated: str) -> None:
    assert not faithful(SENTENCE, "de", Translation(translated), "de", HashEncoder())


def test_a_sentence_in_another_language_than_the_readers_is_no_translation() -> None:
    assert faithful(SENTENCE, "de", Translation(SENTENCE), "de", HashEncoder())
    assert not faithful(SENTENCE, "de", Translation(SENTENCE), "en", HashEncoder())


def test_a_sentence_of_other_meaning_is_no_translation() -> None:
    other = "Der Fußballverein verlor am 3. Mai ein weiteres Spiel zu Hause."
    assert not faithful(SENTENCE, "de", Translation(other), "de", HashEncoder())


def test_a_denial_cannot_be_checked_in_a_language_without_a_list() -> None:
    assert not same_short("kein Euro", "de", "hiçbir euro", "tr", NearEncoder())


@pytest.mark.models
def test_a_good_translation_of_a_sentence_is_kept(encoder: Encoder) -> None:
    good = "The union demands higher wages, shorter shifts and new buses for Hamburg and Bremen."
    assert faithful(GERMAN, "de", Translation(good), "en", encoder)


@pytest.mark.models
@pytest.mark.parametrize(
    "translated",
    [
        "The union demands higher wages, shorter shifts and new buses for Hamburg.",
        "The union rejects higher wages, shorter shifts and new buses for Hamburg and Bremen.",
        "The union demands higher wages, shorter shifts and new buses for Hamburg and Munich.",
    ],
)
def test_a_word_left_out_exchanged_or_turned_round_is_noticed(translated: str, encoder: Encoder) -> None:
    assert not faithful(GERMAN, "de", Translation(translated), "en", encoder)


@pytest.mark.parametrize(("text", "whether"), [("Kirill Dimow", True), ("Berater Dimow", False), ("", False)])
def test_names_stay_as_they_are(text: str, whether: bool) -> None:
    assert is_name(text, "de") is whether


def test_a_language_without_a_name_is_not_asked_for() -> None:
    llm = FakeChatModel([])
    assert translate("Der Hafen", "xx", llm) == Translation()
    assert not llm.asked


def test_the_model_is_told_the_language_by_name() -> None:
    llm = FakeChatModel(["The\nharbour"])
    assert translate("Der Hafen", "en", llm).text == "The harbour"
    assert "English" in llm.asked[0][-1].content


@pytest.mark.models
@pytest.mark.parametrize(
    ("translated", "kept"),
    [
        ("Dimow's adviser Rothin opened the harbour in Switzerland.", True),
        ("The adviser of Dimow, Rothin, opened the harbour in Switzerland.", True),
        ("Dimow and the adviser Rothin opened the harbour in Switzerland.", False),
    ],
)
def test_who_belongs_to_whom_stays(translated: str, kept: bool, encoder: Encoder) -> None:
    text = "Dimows Berater Rothin eröffnete den Hafen in der Schweiz."
    assert faithful(text, "de", Translation(translated), "en", encoder) is kept


@pytest.mark.models
@pytest.mark.parametrize(
    ("text", "translated"),
    [
        (
            "US-Präsident Karl Meier besuchte am Montag die Stadt Hamburg.",
            "US President Karl Meier visited the city of Hamburg on Monday.",
        ),
        ("Die Polizei nahm in Hamburg zwei Männer fest.", "The police arrested two men in Hamburg."),
        (
            GERMAN.replace("Gewerkschaft", "Gewerkschaft hingegen"),
            "The union demands higher wages, shorter shifts and new buses for Hamburg and Bremen.",
        ),
    ],
)
def test_words_that_have_no_like_of_their_own_are_not_missed(
    text: str, translated: str, encoder: Encoder
) -> None:
    assert faithful(text, "de", Translation(translated), "en", encoder)


@pytest.mark.models
def test_where_something_goes_to_does_not_become_where_it_comes_from(encoder: Encoder) -> None:
    text = "Die Hafenbahn AG hat daher vorsorglich 142 Flüge ab Hamburg gestrichen."
    right = "Hafenbahn AG has therefore cancelled 142 flights from Hamburg as a precaution."
    assert faithful(text, "de", Translation(right), "en", encoder)
    assert not faithful(text, "de", Translation(right.replace("from", "to")), "en", encoder)


def test_what_somebody_said_stays_in_the_original() -> None:
    text = "Anna Roth sagte: „Wir bauen den Hafen noch in diesem Jahr.“"
    assert not faithful(text, "de", Translation(text), "de", HashEncoder())


@pytest.mark.parametrize(
    "torn",
    [
        "Die Stadt will “den Forderungen” nachgeben.",
        "Die Stadt will den Forderungen nachgeben.",
        "Die Stadt will “allen Wünschen” nachgeben.",
    ],
)
def test_a_translation_that_tears_a_quotation_is_none(torn: str) -> None:
    text = "Die Stadt will “den Forderungen nachgeben”."
    assert faithful(text, "de", Translation(text), "de", HashEncoder())
    assert not faithful(text, "de", Translation(torn), "de", HashEncoder())


TOLD = "The union demands higher wages, shorter shifts and new buses for Hamburg and Bremen."


def test_a_translation_is_as_sure_as_its_least_sure_words() -> None:
    said = Said(TOLD, sure=0.9, doubted={"union": 0.1, "shifts": 0.2, "buses": 0.4})
    translation = translate(GERMAN, "en", FakeChatModel([said]))
    assert translation.text == TOLD
    assert translation.surety == pytest.approx((0.1 * 0.2 * 0.4) ** (1 / 3))


def test_a_model_that_does_not_tell_how_sure_it_is_is_not_taken_for_unsure() -> None:
    assert translate(GERMAN, "en", FakeChatModel([TOLD])).surety is None


def test_a_translation_that_cannot_be_sure_enough_is_broken_off() -> None:
    said = Said(TOLD, sure=0.1)
    assert translate(GERMAN, "en", FakeChatModel([said]), only_sure=True).text == ""
    assert translate(GERMAN, "en", FakeChatModel([said])).text == TOLD


@pytest.mark.models
@pytest.mark.parametrize(
    ("translated", "surety", "kept"),
    [
        (TOLD.replace("demands", "wants to have"), None, False),
        (TOLD.replace("demands", "wants to have"), 0.8, True),
        (TOLD.replace("Bremen", "Zanzibar"), 0.8, False),
        (TOLD.replace("The union demands", "You demand"), 0.8, False),
    ],
)
def test_where_a_model_tells_how_sure_it_is_words_need_to_be_there_only_roughly(
    translated: str, surety: float | None, kept: bool, encoder: Encoder
) -> None:
    assert faithful(GERMAN, "de", Translation(translated, surety), "en", encoder) is kept


@pytest.mark.parametrize(
    ("surety", "back", "sure"),
    [
        (None, None, True),
        (0.4, None, False),
        (0.6, None, True),
        (0.4, -1.0, True),
        (0.4, -2.5, False),
        (0.6, -2.5, False),
        (0.2, -1.0, False),
    ],
)
def test_less_surety_will_do_where_the_article_can_be_had_back(
    surety: float | None, back: float | None, sure: bool
) -> None:
    assert is_sure(Translation(TOLD, surety, back)) is sure


def test_a_sentence_too_long_for_a_small_model_is_not_tried() -> None:
    text = "Die Gewerkschaft fordert mehr Lohn, " * 8
    small, large = (FakeChatModel([TOLD, TOLD], name=name) for name in ("qwen2.5-coder-1.5b", "large"))
    assert translate(text, "en", small, only_sure=True).text == ""
    assert not small.asked
    assert translate(text, "en", small).text == translate(text, "en", large, only_sure=True).text == TOLD


COUNTED = "Am Montagabend starben in Augsburg mehr als elf Menschen, gestern 2,5 Millionen Fische."


@pytest.mark.models
@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("On Monday evening, over eleven people died in Augsburg, yesterday 2.5 million fish.", True),
        ("On Monday evening, more than 11 people died in Augsburg, yesterday 2,500,000 fish.", True),
        ("On Monday evening, more than nine people died in Augsburg, yesterday 2.5 million fish.", False),
        ("On Monday evening, eleven people died in Augsburg, yesterday 2.5 million fish.", False),
        ("On Sunday evening, over eleven people died in Augsburg, yesterday 2.5 million fish.", False),
        ("On Monday evening, over eleven people died in Augsburg, 2.5 million fish.", False),
        ("On Monday evening, over eleven people died in Augsburg, yesterday 2.5 billion fish.", False),
        ("On Montagabend, over eleven people died in Augsburg, yesterday 2.5 million fish.", False),
    ],
)
def test_numbers_in_words_bounds_and_days_are_found_again(told: str, kept: bool, encoder: Encoder) -> None:
    assert faithful(COUNTED, "de", Translation(told, 0.9), "en", encoder) is kept


@pytest.mark.models
@pytest.mark.parametrize(("told", "kept"), [("0.5", True), ("0.8", False), ("1", False)])
def test_figures_up_to_one_are_found_again(told: str, kept: bool, encoder: Encoder) -> None:
    german = "Die Gewerkschaft fordert für Augsburg 0,5 Prozent mehr Lohn."
    english = f"The union demands {told} percent higher wages for Augsburg."
    assert faithful(german, "de", Translation(english, 0.9), "en", encoder) is kept


@pytest.mark.models
@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("The education senator resigned in Augsburg.", True),
        ("The Bildungssenatorin resigned in Augsburg.", False),
    ],
)
def test_a_german_word_left_standing_is_no_translation(told: str, kept: bool, encoder: Encoder) -> None:
    german = "Die Bildungssenatorin trat in Augsburg zurück."
    assert faithful(german, "de", Translation(told, 0.9), "en", encoder) is kept


def test_a_model_that_scores_is_given_more_room_for_doubt() -> None:
    said = Said(TOLD, sure=0.4)
    assert translate(GERMAN, "en", FakeChatModel([said]), only_sure=True).text == ""
    assert translate(GERMAN, "en", ScoringChatModel([said]), only_sure=True).text == TOLD


def test_the_article_is_scored_in_its_own_language_behind_its_translation() -> None:
    model = ScoringChatModel(likely=-0.5, unlikely={"Schichten": -4.5, "und": -9.0})
    likely, usage = likely_back(GERMAN, "de", TOLD, model)
    content = len(words(GERMAN, "de"))
    assert likely == pytest.approx((-0.5 * (content - 1) - 4.5) / content)
    ((asked, text),) = model.scored
    assert text == GERMAN
    assert "German" in asked[-1].content and TOLD in asked[-1].content
    assert usage.calls == 1


def test_what_cannot_be_likely_enough_any_more_is_not_scored_to_the_end() -> None:
    model = ScoringChatModel(likely=-0.1, unlikely={"Gewerkschaft": -50.0})
    likely, _ = likely_back(GERMAN, "de", TOLD, model, least=-2.0)
    assert likely is not None and likely < -2.0
    assert model.told == 2


@pytest.mark.parametrize(
    ("text", "language", "model"),
    [
        (GERMAN, "de", FakeChatModel()),
        (GERMAN, "de", ScoringChatModel(likely=None)),
        (GERMAN, "xx", ScoringChatModel()),
        ("?", "de", ScoringChatModel()),
    ],
)
def test_where_nothing_can_be_scored_nothing_is_told(text: str, language: str, model: FakeChatModel) -> None:
    assert likely_back(text, language, TOLD, model)[0] is None


@pytest.mark.parametrize(
    ("text", "told", "whole"),
    [
        ("Platz für 2.144 Gäste", "room for 2, 144 guests", "room for 2,144 guests"),
        ("Im Jahr 2, 144 Gäste", "in the year 2, 144 guests", "in the year 2, 144 guests"),
    ],
)
def test_a_blank_in_a_number_that_the_article_has_is_taken_out(text: str, told: str, whole: str) -> None:
    assert translate(text, "en", FakeChatModel([told])).text == whole
