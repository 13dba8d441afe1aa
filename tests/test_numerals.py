"""Numbers in words, German and English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.numerals import in_figures, is_numeral, numerals

_UNITS = ["", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
_TEENS = "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn".split()
_TENS = ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]
_ONES = (
    " one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split(
        " "
    )
)
_ONES += "seventeen eighteen nineteen".split()
_TIES = ["", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split()]


def read(text: str, language: str = "de") -> list[float]:
    return [one.value for one in numerals(text, language) if not one.ordinal]


def ordinals(text: str, language: str = "de") -> list[float]:
    return [one.value for one in numerals(text, language) if one.ordinal]


def german(number: int) -> str:
    """A number below a million, as Germans write it."""
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        return (
            german(thousands).removesuffix("s" if thousands % 100 == 1 else "\0") + "tausend" + german(rest)
        )
    if number >= 100:
        return _UNITS[number // 100] + "hundert" + german(number % 100)
    if 10 <= number < 20:
        return _TEENS[number - 10]
    tens, unit = divmod(number, 10)
    if not tens:
        return "eins" if unit == 1 else _UNITS[unit]
    return f"{_UNITS[unit]}und{_TENS[tens]}" if unit else _TENS[tens]


def english(number: int) -> str:
    """A number below a billion, as the British write it."""
    for value, name in ((1_000_000, "million"), (1000, "thousand")):
        if number >= value:
            rest = number % value
            behind = f"{' and' if rest < 100 and value == 1000 else ''} {english(rest)}" if rest else ""
            return f"{english(number // value)} {name}{behind}"
    if number >= 100:
        return f"{_ONES[number // 100]} hundred" + (f" and {english(number % 100)}" if number % 100 else "")
    return _ONES[number] if number < 20 else "-".join(filter(None, (_TIES[number // 10], _ONES[number % 10])))


@given(st.integers(1, 999_999))
def test_every_german_number_below_a_million_is_read(number: int) -> None:
    assert read(f"Es kamen {german(number)} Gäste.") == [number]
    assert is_numeral(german(number).casefold())


@given(st.one_of(st.integers(1, 999_999), st.integers(1, 9_999).map(lambda few: 100_000 * few)))
def test_every_english_number_is_read(number: int) -> None:
    assert read(f"There were {english(number)} guests.", "en") == [number]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Twenty-four people came.", "en", [24]),
        ("Some twenty four of them.", "en", [24]),
        ("Two people and three dogs", "en", [2, 3]),
        ("a hundred and twenty dogs", "en", [120]),
        ("one hundred and two hundred", "en", [100, 200]),
        ("two and a half million", "en", [2_500_000]),
        ("half a million, a quarter of a million, a million", "en", [500_000, 1_000_000]),
        ("half a dozen eggs, two dozen eggs", "en", [6, 24]),
        ("a billion", "en", [1e9]),
        ("eine Billion", "de", [1e12]),
        ("eine halbe Million, zweieinhalb Millionen, anderthalb Tonnen", "de", [500_000, 2_500_000, 1.5]),
        ("zwei Millionen dreihunderttausend", "de", [2_300_000]),
        ("ein- bis zweitausend Menschen", "de", [1000, 2000]),
        ("zwanzig- bis dreißigtausend", "de", [20_000, 30_000]),
        ("drei- oder vierhundert", "de", [300, 400]),
        ("neunzehnhundertachtundneunzig", "de", [1998]),
        ("hundert Gäste, tausend Gäste", "de", [100, 1000]),
        ("mehrere hundert Gäste, ein paar tausend, Tausende, Millionen", "de", []),
        ("several hundred guests, a few thousand, millions", "en", []),
        ("Ein Zweig, ein Dreirad, eine Achtung", "de", []),
        ("2 Millionen", "de", []),
    ],
)
def test_numbers_in_words(text: str, language: str, expected: list[float]) -> None:
    assert read(text, language) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("the twenty-first century", "en", [21]),
        ("her twelfth, thirteenth and twentieth win", "en", [12, 13, 20]),
        ("a sixty-second film, one second", "en", []),
        ("the sixty-second film", "en", [62]),
        ("am vierundzwanzigsten Tag, im elften Jahr, zum hundertsten Mal", "de", [24, 11, 100]),
        ("die zweite Runde, der siebte und der dreißigste", "de", [2, 7, 30]),
        ("acht Gäste, einst die besten", "de", []),
    ],
)
def test_ordinals_in_words(text: str, language: str, expected: list[float]) -> None:
    assert ordinals(text, language) == expected


def test_a_number_tells_where_it_stands() -> None:
    text = "Then twenty-four people came."
    (one,) = numerals(text, "en")
    assert text[one.start : one.end] == "twenty-four"


@pytest.mark.parametrize(("text", "value"), [("4.000", 4000), ("3,5", 3.5), ("1,500,000", 1.5e6), ("12", 12)])
def test_figures(text: str, value: float) -> None:
    assert in_figures(text) == value


@given(st.text(alphabet="a b-einhuderttausendzwoand,.ß", max_size=60), st.sampled_from(["de", "en", ""]))
def test_numbers_of_any_text_stand_in_it_one_after_the_other(text: str, language: str) -> None:
    ends = 0
    for one in numerals(text, language):
        assert ends <= one.start < one.end <= len(text)
        ends = one.end
