"""Contents of every type: said in whatever way people write them, accepted; anything else, refused."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rag.evaluation import Content, Fact, Judgement, judge
from rag.sentences import split_sentences
from rag.types import Answer, Article, Citation, Statement, Status, Verdict

# --- numbers ---------------------------------------------------------------------------------

WHOLE = st.integers(0, 10**9)
PARTS = st.integers(0, 99)


def german(whole: int, parts: int) -> str:
    return f"{whole:,}".replace(",", ".") + f",{parts:02}"


def english(whole: int, parts: int) -> str:
    return f"{whole:,}.{parts:02}"


def says(number: float, text: str, tolerance: float = 0.0, unit: tuple[str, ...] = ()) -> bool:
    return Content(number=number, tolerance=tolerance, unit=unit).said(text)


@given(WHOLE, PARTS, st.sampled_from([german, english]))
def test_a_number_is_read_in_german_and_english(whole: int, parts: int, written: object) -> None:
    assert callable(written)
    assert says(whole + parts / 100, f"Es waren {written(whole, parts)} Euro.")


@given(WHOLE)
def test_a_whole_number_is_read_however_its_thousands_are_parted(number: int) -> None:
    for mark in ("", ".", ",", " ", "\u202f", "'"):
        assert says(number, f"Es kamen {f'{number:,}'.replace(',', mark)} Leute.")


@given(st.integers(13, 10**6), st.integers(0, 10**4), st.integers(-2 * 10**4, 2 * 10**4))
def test_a_number_is_right_within_its_tolerance_and_wrong_beyond(number: int, slack: int, off: int) -> None:
    told = number + off
    assume(told > 12)  # small ones may stand as words
    assert says(number, f"Es kamen {told} Leute.", slack) is (abs(off) <= slack)


@given(
    st.integers(2, 900),
    st.sampled_from([("Millionen", 1e6), ("million", 1e6), ("Mrd.", 1e9), ("Tausend", 1e3)]),
)
def test_a_scale_counts(number: int, scale: tuple[str, float]) -> None:
    word, by = scale
    assert says(number * by, f"Es kostete {number} {word} Euro.")
    assert not says(number, f"Es kostete {number} {word} Euro.") or by == 1


@given(st.integers(13, 10**6), st.integers(13, 10**6))
def test_a_number_inside_another_is_another(one: int, other: int) -> None:
    assume(one != other)
    assert not says(one, f"Es kamen {other} Leute.")
    assert not says(one, f"Es kamen {other},{one % 90 + 10} und x{one}y.") or math.isclose(one, other)


@given(st.integers(13, 10**6))
def test_a_unit_has_to_be_there(number: int) -> None:
    unit = ("Minute*", "minütig*")
    assert says(number, f"Das {number}-minütige Gespräch", unit=unit)
    assert says(number, f"Es dauerte {number} Minuten.", unit=unit)
    assert not says(number, f"Es dauerte {number} Stunden.", unit=unit)


# --- days ------------------------------------------------------------------------------------

DAYS = st.dates(date(1950, 1, 1), date(2049, 12, 31))
GERMAN_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
FRENCH_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


def ways(day: date) -> dict[str, str]:
    german, french = GERMAN_MONTHS[day.month - 1], FRENCH_MONTHS[day.month - 1]
    return {
        "iso": day.isoformat(),
        "german": f"{day.day}. {german} {day.year}",
        "german figures": f"{day.day:02}.{day.month:02}.{day.year}",
        "german, no year": f"{day.day}. {german}",
        "english": f"{day:%B} {day.day}, {day.year}",
        "english, short": f"{day:%b} {day.day}",
        "english, short, dot": f"{day.day} {day:%b}. {day.year}",
        "french": f"{day.day} {french} {day.year}",
    }


@given(DAYS)
def test_a_day_is_read_in_every_way_it_is_written(day: date) -> None:
    content = Content(date=day)
    for way, text in ways(day).items():
        assert content.said(f"Es geschah am {text} in der Stadt."), way


@given(DAYS, st.integers(1, 4000), st.booleans())
def test_another_day_is_another(day: date, days: int, later: bool) -> None:
    other = day + timedelta(days=days if later else -days)
    content = Content(date=day)
    for way, text in ways(other).items():
        same = (other.day, other.month) == (day.day, day.month) and str(other.year) not in text
        assert content.said(f"Es geschah am {text}.") is same, (way, text)


@given(DAYS, st.integers(1, 30))
def test_the_same_day_of_another_year_is_another(day: date, years: int) -> None:
    assume((day.month, day.day) != (2, 29))
    other = day.replace(year=day.year - years)
    told = {way: text for way, text in ways(other).items() if str(other.year) in text}
    assert not any(Content(date=day).said(text) for text in told.values())


# --- names, sets, ordered lists --------------------------------------------------------------

ITEMS = ("Anna Roth", "Boris Straßer", "Chloé Dubois", "Deniz Kaya")
TEXT = "Es kamen Anna Roth, Boris Straßer, Chloé Dubois und Deniz Kaya. Emil Voss blieb zu Hause."
ARTICLE = Article(id="a", text=TEXT, language="de", sentences=split_sentences(TEXT, "de"))


def fact(complete: bool = True, ordered: bool = False) -> Fact:
    return Fact(
        id="who",
        question="Wer kam?",
        language="de",
        kind="list",
        complete=complete,
        ordered=ordered,
        required=tuple(Content(any=(item,)) for item in ITEMS),
        forbidden=("Emil Voss",),
        proof=("Es kamen",),
    )


def judged(of: Fact, items: list[str]) -> Judgement:
    first = ARTICLE.sentences[0]
    citation = Citation(
        number=1,
        article_id="a",
        revision="",
        start=first.start,
        end=first.end,
        quote=TEXT[first.start : first.end],
    )
    statements = tuple(
        Statement(text=item, citations=(citation,), verdict=Verdict.SUPPORTED, support=1) for item in items
    )
    return judge(
        of,
        Answer(
            status=Status.ANSWERED if items else Status.NOT_FOUND,
            question=of.question,
            language="de",
            statements=statements,
            text="\n".join(items) or "Nichts.",
            citations=(citation,) if items else (),
        ),
        {"a": ARTICLE},
    )


@given(st.permutations(ITEMS))
def test_a_set_is_right_in_every_order(items: list[str]) -> None:
    assert judged(fact(), items).faults == ()


@given(st.permutations(ITEMS), st.integers(0, 3))
def test_a_set_without_one_of_its_items_is_refused(items: list[str], gone: int) -> None:
    left = [item for n, item in enumerate(items) if n != gone]
    assert [fault.kind for fault in judged(fact(), left).faults] == ["missing"]


@given(st.permutations((*ITEMS, "Emil Voss")))
def test_a_set_with_one_more_is_refused(items: list[str]) -> None:
    assert "forbidden" in {fault.kind for fault in judged(fact(), items).faults}


@given(st.permutations(ITEMS))
def test_an_ordered_list_is_right_in_its_order_alone(items: list[str]) -> None:
    kinds = {fault.kind for fault in judged(fact(ordered=True), items).faults}
    assert kinds == (set() if tuple(items) == ITEMS else {"order"})


@given(st.permutations(ITEMS))
def test_an_ordered_list_in_one_sentence_keeps_its_order_too(items: list[str]) -> None:
    kinds = {fault.kind for fault in judged(fact(ordered=True), [", ".join(items)]).faults}
    assert kinds == (set() if tuple(items) == ITEMS else {"order"})


@pytest.mark.parametrize(
    "spelled", ["BORIS STRASSER", "boris straßer", "Boris Strasser,", "„Boris  Straßer“"]
)
def test_a_name_is_right_in_any_case_and_with_ss(spelled: str) -> None:
    assert Content(any=("Boris Straßer",)).said(f"Es kam {spelled}")


@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=8))
def test_a_name_with_letters_more_is_another_name(more: str) -> None:
    assert not Content(any=("Boris",)).said(f"Es kam Boris{more}.")
    assert Content(any=("Boris*",)).said(f"Es kam Boris{more}.")
