"""Dates in articles: read where they stand in full, counted from the article's own date only where that is safe."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import split_sentences
from rag.timeline import dated
from rag.types import Article

WEDNESDAY = "2025-02-19"


def when(text: str, published: str | None = WEDNESDAY, language: str = "de") -> tuple[str, bool]:
    article = Article(
        text=text, published=published, language=language, sentences=split_sentences(text, language)
    )
    (found,) = dated(article)
    assert " ".join(text[found.start : found.end].split()) == found.words
    return found.date, found.resolved


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Am 17. Februar 2025 trafen sich die Minister.", "2025-02-17"),
        ("Am 17.02.2025 trafen sich die Minister.", "2025-02-17"),
        ("Der Vertrag vom 2025-02-17 gilt.", "2025-02-17"),
        ("The ministers met on February 17, 2025.", "2025-02-17"),
        ("The ministers met on 17 February 2025.", "2025-02-17"),
        ("Im Februar 2022 begann der Krieg.", "2022-02"),
        ("Im Jahr 2022 begann der Krieg.", "2022"),
        ("Die Sitzung am 31. Februar 2025 fiel aus.", ""),
    ],
)
def test_dates_in_full_need_no_article_date(text: str, told: str) -> None:
    assert when(text, published=None) == (told, False)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Up to 20 may have died in the storm.", "en"),
        ("From there 30 march to the harbour.", "en"),
        ("Die Hütte steht in 1800 Metern Höhe.", "de"),
    ],
)
def test_numbers_before_verbs_and_nouns_are_no_dates(text: str, language: str) -> None:
    sentences = split_sentences(text, language)
    article = Article(text=text, published=WEDNESDAY, language=language, sentences=sentences)
    assert dated(article) == []


def test_a_safe_date_goes_before_one_that_is_not() -> None:
    assert when("Am letzten Montag und am 3. Februar 2025 trafen sie sich.") == ("2025-02-03", False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Die Minister trafen sich am Montag.", "2025-02-17"),
        ("Die Minister trafen sich am Mittwochabend.", "2025-02-19"),
        ("Die Minister trafen sich am Donnerstag.", "2025-02-13"),
        ("Gestern trafen sich die Minister.", "2025-02-18"),
        ("Die Minister treffen sich heute.", "2025-02-19"),
        ("Am kommenden Freitag treffen sich die Minister.", "2025-02-21"),
        ("Am 17. Februar trafen sich die Minister.", "2025-02-17"),
        ("Am 28. Dezember trafen sich die Minister.", "2024-12-28"),
    ],
)
def test_days_are_counted_from_the_date_of_the_article(text: str, told: str) -> None:
    assert when(text) == (told, True)


@pytest.mark.parametrize(
    "text",
    [
        "Am Montag sollen sich die Minister treffen.",  # last Monday's plan or next Monday's
        "Die Minister treffen sich am Montag.",
        "Am nächsten Montag treffen sich die Minister.",  # next week's or this week's
        "Am letzten Montag trafen sich die Minister.",
        "Die Minister trafen sich jeden Montag.",
        "Der Minister sagte: „Wir haben uns am Montag getroffen.“",  # said on another day
        "Die Minister hatten erklärt, am Montag das Verfahren einzuleiten.",  # announced for last Monday or the next
        "Die Minister hatten zugesagt, sich am Montag zu treffen.",
    ],
)
def test_what_has_two_readings_is_left_as_it_stands(text: str) -> None:
    assert when(text) == ("", False)


def test_without_a_date_of_the_article_nothing_is_counted() -> None:
    assert when("Die Minister trafen sich am Montag.", published=None) == ("", False)
    assert when("Am 17. Februar trafen sich die Minister.", published=None)[0] == ""


@pytest.mark.parametrize(
    "text",
    [
        "Seit Februar 2022 dauert der Krieg an.",
        "Es war das erste Treffen seit dem Beginn des Krieges im Jahr 2022.",
        "It was the first meeting since the war began in February 2022.",
    ],
)
def test_what_has_lasted_since_a_date_is_not_of_that_date(text: str) -> None:
    article = Article(text=text, published=WEDNESDAY, sentences=split_sentences(text, "de"))
    assert dated(article) == []


def test_a_date_beside_one_that_something_has_lasted_since_is_read() -> None:
    assert when("Der seit Jahren kranke Minister trat am 17. Februar 2025 zurück.")[0] == "2025-02-17"
    assert when("Seit 2022 wird gekämpft, am 17. Februar 2025 wurde verhandelt.")[0] == "2025-02-17"


def test_english_days_too() -> None:
    assert when("The ministers met on Monday in Geneva.", language="en") == ("2025-02-17", True)


@given(st.text("0123456789. -MontagFebruari heute", max_size=60), st.dates())
def test_whatever_stands_there_a_date_is_one(text: str, published: date) -> None:
    article = Article(
        text=text, published=published.isoformat(), language="de", sentences=split_sentences(text, "de")
    )
    for found in dated(article):
        assert text[found.start : found.end]
        if len(found.date) == 10:
            assert date.fromisoformat(found.date)
