"""Names that CLDR knows are said in the reader's language; everything else is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.glossary import language_name, name, said_in, terms


@pytest.mark.parametrize(
    ("text", "language", "reader", "said"),
    [
        ("am Montag", "de", "en", "Monday"),
        ("Montag", "de", "tr", "Pazartesi"),
        ("lundi", "fr", "de", "Montag"),
        ("im März", "de", "en", "March"),
        ("im Februar 2022", "de", "en", "February 2022"),
        ("am 18. Februar", "de", "en", "February 18"),
        ("am 18. Februar 2025", "de", "fr", "18 février 2025"),
        ("in Brüssel", "de", "en", "Brussels"),
        ("in Rom", "de", "ru", "Рим"),
        ("Kiew", "de", "en", "Kyiv"),
        ("der Schweiz", "de", "en", "Switzerland"),
        ("in den Vereinigten Staaten", "de", "fr", "États-Unis"),
        ("Saudi Arabia", "en", "de", "Saudi-Arabien"),
        ("Russlands", "de", "en", "Russia"),
    ],
)
def test_a_date_or_place_is_said_in_the_readers_language(
    text: str, language: str, reader: str, said: str
) -> None:
    assert said_in(text, language, reader) == said


@pytest.mark.parametrize(
    "text",
    [
        "Anna Roth",
        "90 Minuten",
        "am 31. Februar",
        "wenige Stunden vor dem Montag",
        "Montag in Genf",
        "im Jahr 2022",
        "",
    ],
)
def test_what_is_more_than_a_name_or_no_date_is_not_said(text: str) -> None:
    assert said_in(text, "de", "en") == ""


@pytest.mark.parametrize(("language", "reader"), [("", "en"), ("de", ""), ("de", "xx"), ("zz", "de")])
def test_languages_that_cldr_does_not_know_say_nothing(language: str, reader: str) -> None:
    assert said_in("Montag", language, reader) == ""


def test_a_verb_that_is_spelled_like_a_month_is_none() -> None:
    assert terms("we march on", "en") == ()


def test_one_place_has_one_key_in_all_languages() -> None:
    spelled = {
        "de": "in der Schweiz",
        "en": "in Switzerland",
        "ru": "в Швейцарии",
        "tr": "İsviçre'de",
        "fr": "en Suisse",
    }
    assert {terms(text, language)[0].key for language, text in spelled.items()} == {"country:CH"}


def test_a_term_stands_where_it_says() -> None:
    text = "Am Montag in der Schweiz"
    assert [text[term.start : term.end] for term in terms(text, "de")] == ["Montag", "Schweiz"]


@given(
    st.sampled_from(["weekday:0", "month:2", "country:CH", "city:Europe/Rome"]),
    st.sampled_from(["de", "en", "fr", "ru", "tr"]),
)
def test_a_name_is_found_again_by_its_key(key: str, language: str) -> None:
    assert [term.key for term in terms(name(key, language), language)] == [key]


def test_languages_have_names() -> None:
    assert (language_name("tr"), language_name("de", "de"), language_name("xx"), language_name("")) == (
        "Turkish", "Deutsch", "", "",
    )  # fmt: skip
