"""What holds now is asked for by closed classes of words; what was is told by dates and by words of change."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from fakes import sentence_hit
from hypothesis import given
from hypothesis import strategies as st

from rag.compose import citation, numbered, render
from rag.question import read_question
from rag.recency import ages, asks_newest, earlier, is_former, is_settled, lags
from rag.types import Hit, Side, Statement, Verdict

NOW = read_question("Wer leitet derzeit die Behörde?", max_chars=500)
ONCE = read_question("Wer leitete die Behörde 2019?", max_chars=500)
IS = read_question("Wer ist Leiterin der Behörde?", max_chars=500)


def hit(text: str = "Berger leitet die Behörde.", article: str = "a", year: int | None = None) -> Hit:
    return sentence_hit(text, article, "de", published=datetime(year, 3, 1, tzinfo=UTC) if year else None)


def side(value: str, one: Hit) -> Side:
    return Side(value=value, citations=(citation(one),), newest=one.published)


@pytest.mark.parametrize(
    "question",
    [
        "Wer leitet derzeit die Behörde?",
        "Wer wurde zuletzt Meister?",
        "Wer gewann den letzten Pokal?",
        "Wer ist der Präsident?",
        "Who is the current coach?",
        "Who won the cup most recently?",
        "Which city was flooded this week?",
        "How many states have joined?",
        "Who rode the winner that came in first most recently?",
        "Which sport does the champion compete in?",
        "Who holds the record?",
        "The old bridge was closed in 2019. Who currently runs the ferry?",
        "A bridge fell down this week, the first in years. In which town did it stand?",
    ],
)
def test_now_is_asked_for(question: str) -> None:
    assert asks_newest(read_question(question, max_chars=500))


@pytest.mark.parametrize(
    "question",
    [
        "Wer leitete die Behörde?",
        "Wer wurde 2019 zuletzt Meister?",
        "Wer war der Präsident?",
        "Wer ist der ehemalige Präsident?",
        "Who was the first coach?",
        "Who holds the record of 2019?",
        "The ferry currently runs. Who built the bridge in 2019?",
        "How many people have died in 2022?",
        "Who said that the plan was currently not realistic?",
        "Wer erklärte, dass ein Beitritt derzeit nicht möglich sei?",
        "Warum hat der Rat abgelehnt?",
    ],
)
def test_now_is_not_asked_for(question: str) -> None:
    assert not asks_newest(read_question(question, max_chars=500))


def test_older_and_undated_sentences_lag_behind_the_newest() -> None:
    newest, last_year, older, undated = lags(NOW, [hit(year=2024), hit(year=2023), hit(year=2019), hit()])
    assert newest == 0 < last_year < undated < older


def test_the_year_in_an_undated_sentence_tells_when_it_held() -> None:
    first, second = lags(NOW, [hit("Berger leitete sie 2019."), hit("Holm leitet sie seit 2022–23.")])
    assert second == 0 < first


def test_two_years_in_one_are_the_second_and_a_day_is_none_of_them() -> None:
    turn, before = lags(NOW, [hit("Holm leitet sie seit 1999/00."), hit("Berger leitete sie 1999.")])
    assert turn == 0 < before
    assert lags(NOW, [hit("Berger ging am 2011-12-03."), hit("Holm kam 2011.")]) == [0, 0]


def test_a_year_in_words_does_not_count_where_now_is_only_the_tense() -> None:
    assert lags(IS, [hit("Berger kam 2019."), hit("Holm kam 2022.")]) == [0, 0]


def test_a_year_after_the_newest_article_tells_of_plans() -> None:
    dated, planned = lags(NOW, [hit(year=2024), hit("Holm soll sie 2030 leiten.")])
    assert dated == 0 < planned


def test_nothing_lags_where_another_time_is_asked_for() -> None:
    assert lags(ONCE, [hit(year=2024), hit(year=2019)]) == [0, 0]


@given(st.lists(st.one_of(st.none(), st.integers(1980, 2030)), max_size=8))
def test_only_what_is_not_newest_lags(years: list[int | None]) -> None:
    found = lags(NOW, [hit(year=year) for year in years])
    newest = max((year for year in years if year), default=None)
    assert len(found) == len(years)
    for year, lag in zip(years, found, strict=True):
        assert lag >= 0
        assert (lag == 0) == (newest is None or year == newest)


def test_a_newer_side_settles_what_holds_now_only() -> None:
    sides = [side("Holm", hit(year=2024)), side("Berger", hit(year=2019))]
    assert is_settled(NOW, sides)
    assert not is_settled(ONCE, sides)
    assert not is_settled(NOW, [sides[0], side("Weiß", hit())])


def test_a_side_held_when_the_last_of_its_articles_was_published() -> None:
    both = Side(value="Holm", citations=(citation(hit(year=2022)), citation(hit(year=2024))))
    assert [time.year for time in ages(NOW, [both]) if time] == [2024]
    assert ages(NOW, [side("Berger", hit())]) == [None]


def test_what_was_told_long_before_the_rest_is_earlier() -> None:
    told = [
        Statement(text=one.text, citations=(citation(one),), verdict=Verdict.SUPPORTED, support=1.0)
        for one in (hit(year=2024), hit(article="b", year=2019), hit(article="c"))
    ]
    assert earlier(NOW, told) == [None, date(2019, 3, 1), None]
    assert earlier(ONCE, told) == [None, None, None]
    assert render(numbered(told)[0][:2], "de", NOW) == (
        "- Berger leitet die Behörde. [1]\n- früher (2019-03-01): Berger leitet die Behörde. [2]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Der ehemalige Leiter [Berger] kam auch.",
        "Holm folgt auf [Berger].",
        "Holm ist Nachfolgerin von Frau [Berger].",
        "Holm löst [Berger] als Leiterin ab.",
        "[Berger] wurde im Mai von Holm abgelöst.",
        "Holm replaced [Berger] in May.",
        "Holm, who succeeds [Berger], was there.",
        "[Berger] was succeeded by Holm.",
        "[Berger], the former coach, was there.",
        "Holm took over from [Berger].",
        "The then mayor [Berger] was there.",
        "It was then-mayor [Berger] who came.",
        "[Berger], then the mayor, was there.",
    ],
)
def test_words_of_change_tell_who_it_was(text: str) -> None:
    start, end = text.index("["), text.index("]") - 1
    assert is_former(text.replace("[", "").replace("]", ""), start, end)


@pytest.mark.parametrize(
    "text",
    [
        "[Holm] folgt auf Berger.",
        "[Holm] löst Berger als Leiterin ab.",
        "Berger wurde von [Holm] abgelöst.",
        "[Holm] replaced Berger in May.",
        "Berger was succeeded by [Holm].",
        "Die Nachricht löste [Jubel] aus.",
        "[Holm], the new coach, was there.",
        "Then [Holm] won the cup.",
        "[Holm] then went on to win the cup.",
    ],
)
def test_who_it_is_now_is_not_former(text: str) -> None:
    start, end = text.index("["), text.index("]") - 1
    assert not is_former(text.replace("[", "").replace("]", ""), start, end)
