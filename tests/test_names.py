"""Spellings of one name are known as such; names that only look alike are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.names import alike, among, same_name, word_among
from rag.words import words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sergej", "sergei"),
        ("lawin", "lavin"),
        ("aleksandr", "alexander"),
        ("schukow", "shukow"),
        ("schukow", "zhukov"),
        ("lawin", "лавин"),
        ("putnik", "poutnik"),
        ("lindow", "линд"),
    ],
)
def test_spellings_of_one_name_are_alike(one: str, other: str) -> None:
    assert alike(one, other)
    assert alike(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("roth", "rode"),
        ("iran", "irak"),
        ("juni", "juli"),
        ("bern", "berlin"),
        ("meierow", "peterow"),
        ("meier", "peters"),
        ("2024", "2025"),
        ("1999", "1998"),
        ("anna", "ann"),
        ("13p5", "13p6"),
        ("18p2p2024", "18p2p2025"),
    ],
)
def test_other_names_and_numbers_are_not(one: str, other: str) -> None:
    assert not alike(one, other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Sergej Lawin", "Sergei Lavin", True),
        ("Lawin", "Minister Sergej Lawin", True),
        ("Anna Roth", "Roth", True),
        ("Anna Roth", "Jan Roth", False),
        ("Anna Roth", "Jan Peters", False),
        ("am 3. Mai", "am 4. Mai", False),
        ("am 3. Juni", "am 3. Juli", False),
        ("13,5 Prozent", "13,6 Prozent", False),
        ("400 Euro", "4000 Euro", False),
        ("Iran", "Irak", False),
        ("Niger", "Nigeria", False),
        ("in Bern", "in Berlin", False),
        ("die", "Anna Roth", False),
    ],
)
def test_items_name_the_same_when_the_shorter_is_part_of_the_longer(one: str, other: str, same: bool) -> None:
    assert same_name(words(one, "de"), words(other, "de")) is same
    assert same_name(words(other, "de"), words(one, "de")) is same


@pytest.mark.parametrize(
    ("stem", "found"), [("lawin", True), ("лавин", True), ("ulm", True), ("uln", False), ("berlin", False)]
)
def test_a_stem_is_found_in_any_spelling(stem: str, found: bool) -> None:
    assert among(stem, {"lavin", "ulm"}) is found


def test_a_compound_is_found_by_its_parts() -> None:
    (harbour_wall,) = words("Hafenmauer", "de")
    (wall,) = words("Mauer", "de")
    assert word_among(harbour_wall, {wall.stem})
    assert not word_among(wall, {harbour_wall.stem})


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_being_alike_goes_both_ways(one: str, other: str) -> None:
    assert alike(one, other) is alike(other, one)
