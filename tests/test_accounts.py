"""Two sentences: do they tell the same, does one prove the other, do they differ?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.accounts import Account

VOTE = "Der Rat der Stadt stimmte am Montag für den Bau der Brücke."


def de(text: str) -> Account:
    return Account(text, "de")


@pytest.mark.parametrize(
    "other",
    [
        "Der Rat der Stadt stimmte am Montag für den Bau der Brücke!",
        "Der Rat der Stadt stimmte am Montag für den Bau einer Brücke.",
        "Der Rat der Stadt Lindau stimmte am Montag für den Bau der Brücke.",
    ],
)
def test_a_sentence_that_says_all_of_another_proves_it(other: str) -> None:
    assert de(other).proves(de(VOTE))


@pytest.mark.parametrize(
    "other",
    [
        "Der Rat der Stadt stimmte am Montag nicht für den Bau der Brücke.",
        "Der Rat der Stadt stimmte am Montag gegen den Bau der Brücke.",
        "Der Rat der Stadt stimmte am Freitag für den Bau der Brücke.",
        "Der Rat der Stadt stimmte für den Bau der Brücke.",
        "Die Brücke stimmte am Montag für den Bau der Stadt und den Rat.",
        "Am Montag.",
        "",
    ],
)
def test_one_word_that_turns_the_meaning_and_nothing_is_proven(other: str) -> None:
    assert not de(other).proves(de(VOTE))


def test_figures_must_be_the_same() -> None:
    three, five = (
        de("Bei dem Unfall in Ulm starben 3 Menschen."),
        de("Bei dem Unfall in Ulm starben 5 Menschen."),
    )
    assert not three.proves(five)
    assert three.differs(five) == five.differs(three) == "mensch"
    assert de("Bei dem Unfall in Ulm starben drei Menschen.").differs(three) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("24 Menschen", "vierundzwanzig Menschen"),
        ("3 Millionen Menschen", "drei Millionen Menschen"),
        ("2.500 Menschen", "2500 Menschen"),
        ("5 Prozent der Menschen", "fünf % der Menschen"),
    ],
)
def test_a_number_is_the_same_in_words_and_figures(one: str, other: str) -> None:
    left, right = (de(f"Bei dem Unfall in Ulm starben {told}.") for told in (one, other))
    assert left.figures == right.figures != {}


def test_numbers_in_words_differ_as_a_whole() -> None:
    one = Account("Twenty-four guests died in the Ulm bus accident.", "en")
    assert one.differs(Account("Thirty-four guests died in the Ulm bus accident.", "en")) == "guest"


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ("12 people were hurt", "peopl"),
        ("12 injured people were freed", "peopl"),
        ("twelve women and two men drowned", "women"),
        ("12 houses burnt down", "hous"),
        ("12 wooden houses burnt down", "hous"),
    ],
)
def test_what_is_counted_in_english_is_the_noun(told: str, what: str) -> None:
    assert Account(f"In the flood in Ulm {told}.", "en").figures[what] == {"12"}


def test_an_adjective_behind_a_number_is_not_what_it_counts() -> None:
    assert de("Aus dem Wasser kamen drei große Fische und 1 totes Kind.").figures == {
        "fisch": {"3"},
        "kind": {"1"},
    }


def test_differing_days_of_one_event_are_told_and_those_of_two_events_are_not() -> None:
    friday = de("Der Rat der Stadt stimmte am Freitag für den Bau der Brücke.")
    assert de(VOTE).differs(friday) == "day"
    assert de(VOTE).differs(de("Am Freitag regnete es in Hamburg den ganzen Abend.")) == ""


def test_what_differs_repeats_nothing() -> None:
    friday = de("Der Rat der Stadt stimmte am Freitag für den Bau der Brücke.")
    refused = de("Der Rat der Stadt stimmte am Montag nicht für den Bau der Brücke.")
    assert not de(VOTE).repeats(friday, cosine=0.9)
    assert not de(VOTE).repeats(refused, cosine=0.9)


def test_the_same_news_in_other_words_repeats() -> None:
    other = de("Für den Bau der Brücke stimmte am Montag der Rat.")
    assert de(VOTE).repeats(other, cosine=0.9)
    assert not de(VOTE).repeats(other, cosine=0.1)


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(["de", "en", ""]))
def test_any_text_can_be_compared(one: str, other: str, language: str) -> None:
    left, right = Account(one, language), Account(other, language)
    assert left.proves(left)
    assert left.differs(left) == ""
    assert bool(left.differs(right)) == bool(right.differs(left))
