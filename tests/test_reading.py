"""A sentence as read: quantities with what they count, names, clauses that deny, weaken or are somebody's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.reading import Reading, read_sentence, spelling


def quantities(text: str, language: str = "de") -> list[tuple[str, float, str]]:
    return [(one.kind, one.value, one.bound) for one in read_sentence(text, language).quantities]


def names(reading: Reading) -> list[str]:
    return [" ".join(reading.tokens[at].text for at in name.tokens) for name in reading.names]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rund 900 Fahrer streikten.", ("count", 900.0, "")),
        ("Mehr als 4.000 Fahrer streikten.", ("count", 4000.0, "more")),
        ("Höchstens drei Fahrer streikten.", ("count", 3.0, "less")),
        ("Es kostete 3,5 Millionen Euro.", ("count", 3_500_000.0, "")),
    ],
)
def test_numbers_have_their_value_and_bound(text: str, expected: tuple[str, float, str]) -> None:
    assert expected in quantities(text)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Twenty-four people came, twenty-one left.", "en", [24.0, 21.0]),
        ("Vierundzwanzig Menschen kamen, ein- bis zweitausend gingen.", "de", [24.0, 1000.0, 2000.0]),
        ("Acht Menschen kamen in zwei Dutzend Booten.", "de", [8.0, 24.0]),
        ("Dreißig kamen mit 3 Dutzend Booten.", "de", [30.0, 36.0]),
        ("It cost two hundred and fifty thousand euros.", "en", [250_000.0]),
    ],
)
def test_numbers_in_words_are_one_quantity(text: str, language: str, expected: list[float]) -> None:
    assert [value for kind, value, _ in quantities(text, language) if kind == "count"] == expected


@pytest.mark.parametrize("text", ["the 21st century", "the twenty-first century"])
def test_ordinals_have_one_value_in_figures_and_words(text: str) -> None:
    assert quantities(text, "en") == [("ordinal", 21.0, "")]


def test_a_number_in_words_tells_where_it_ends_and_is_no_name() -> None:
    reading = read_sentence("Twenty-four people came.", "en")
    (number,) = reading.quantities
    assert [reading.tokens[at].text for at in (number.at, number.last)] == ["Twenty", "four"]
    assert names(reading) == []


def test_a_year_is_no_count() -> None:
    assert [kind for kind, _, _ in quantities("Im Jahr 2022 begann der Bau des Hafens.")] == ["year"]


def test_neighbouring_capitalised_words_are_one_name() -> None:
    reading = read_sentence("Gestern eröffnete Anna Rothin den Hafen.", "de")
    assert "Anna Rothin" in names(reading)


def test_a_denied_clause_is_told_from_one_that_is_not() -> None:
    reading = read_sentence("Der Rat stimmte zu, obwohl die Kasse nicht reicht.", "de")
    assert [clause.negated for clause in reading.clauses] == [False, True]


def test_what_somebody_says_belongs_to_the_speaker() -> None:
    reading = read_sentence("Rothin sagte, dass der Hafen fertig sei.", "de")
    assert reading.clauses[0].says
    assert reading.clauses[1].speaker == 0


def test_a_second_verb_of_saying_has_the_speaker_of_the_first() -> None:
    reading = read_sentence(
        "Rothin nannte den Hafen “klein, alt und teuer” und äußerte: “Wir bauen neu.”", "de"
    )
    assert {clause.speaker for clause in reading.clauses} == {0}


def test_words_with_sharp_s_are_known() -> None:
    reading = read_sentence(
        "Rothin äußerte, der mutmaßlich alte Hafen sei ausschließlich für Boote da.", "de"
    )
    assert reading.clauses[0].says
    assert reading.clauses[1].hedged
    assert reading.clauses[1].scopes == {"only"}
    assert read_sentence("Alle kamen außer Rothin.", "de").names[-1].preposition == "außer"


def test_a_pronoun_at_the_beginning_points_back() -> None:
    assert read_sentence("Sie eröffnete den Hafen.", "de").opens_with_pronoun
    assert not read_sentence("Rothin eröffnete den Hafen.", "de").opens_with_pronoun


def test_transliterations_of_a_name_have_one_spelling_and_numbers_keep_theirs() -> None:
    assert spelling("lawin") == spelling("lavin")
    assert spelling("2024") != spelling("2025")


@given(st.text(max_size=120), st.sampled_from(["de", "en", "fr", ""]))
def test_tokens_stand_where_they_say_and_in_one_clause_each(text: str, language: str) -> None:
    reading = read_sentence(text, language)
    assert all(text[token.start : token.end] == token.text for token in reading.tokens)
    for clause in reading.clauses:
        assert {token.clause for token in reading.in_clause(clause.n)} <= {clause.n}
