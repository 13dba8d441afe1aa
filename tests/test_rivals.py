"""Which articles take another side, by the words that are likely to answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from fakes import sentence_hit
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rag.question import Question, read_question
from rag.rivals import opposed, tells_time
from rag.spot import Spot
from rag.words import stems_of, words


def asking(text: str) -> Question:
    return read_question(text, max_chars=500)


def spot(article: str, text: str, answer: str, surety: float = 0.5, year: int | None = None) -> Spot:
    hit = sentence_hit(text, article, "en", published=datetime(year, 5, 1, tzinfo=UTC) if year else None)
    at = text.index(answer)
    return Spot(hit, at, at + len(answer), frozenset(word.stem for word in words(answer, "en")), surety)


def taken(question: str, *likely: Spot, shown: Sequence[str] = ("a",)) -> list[list[str]]:
    """The words of every side."""
    ranked = sorted(likely, key=lambda one: -one.surety)
    hits = [one.hit for one in ranked]
    articles: dict[str, frozenset[str]] = {}
    for hit in hits:
        articles[hit.article_id] = articles.get(hit.article_id, frozenset()) | stems_of(hit.text, "en")
    return [[one.text for one in side] for side in opposed(asking(question), ranked, hits, articles, shown)]


WON = "Who won the final in 2021?"
BERGER = spot("a", "Anna Berger won the final in 2021.", "Anna Berger", 0.7)
AGAIN = spot("b", "In 2021 the final went to Anna Berger.", "Anna Berger")


def test_an_article_that_says_another_is_a_rival() -> None:
    weiss = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss")
    assert taken(WON, BERGER, AGAIN, weiss) == [["Anna Berger", "Anna Berger"], ["Carla Weiss"]]


def test_the_only_other_article_is_no_rival_where_it_is_about_something_else() -> None:
    other = "Who opened the new harbour of Lindau in 2021?"
    agreed = [
        spot(id_, "Anna Berger opened the new harbour of Lindau in 2021.", "Anna Berger") for id_ in "ab"
    ]
    about = spot("c", "In 2021 the harbour of Lindau was opened by Carla Weiss.", "Carla Weiss", 0.2)
    stray = spot("c", "In 2021 a cake was baked by Carla Weiss.", "Carla Weiss", 0.2)
    assert len(taken(other, *agreed, about)) == 2
    assert taken(other, *agreed, stray) == []


def test_what_most_articles_hold_comes_first_however_sure_another_is() -> None:
    weiss = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss", 0.9)
    assert taken(WON, BERGER, AGAIN, weiss)[0] == ["Anna Berger", "Anna Berger"]


def test_articles_that_say_the_same_agree() -> None:
    assert taken(WON, BERGER, AGAIN) == []
    assert taken(WON, BERGER, spot("b", "Berger won the 2021 final.", "Berger")) == []


def test_who_stands_beside_the_answer_is_no_rival() -> None:
    beaten = spot("a", "In 2021 Anna Berger beat Carla Weiss.", "Carla Weiss")
    other = spot("c", "Carla Weiss lost the final of 2021.", "Carla Weiss", 0.7)
    assert taken(WON, BERGER, AGAIN, beaten, other) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Carla Weiss won the final in 2019.",
        "In 2019, as not in 2021, Carla Weiss won the final.",
        "Carla Weiss won the final.",
    ],
)
def test_another_year_or_none_is_no_rival(sentence: str) -> None:
    assert taken(WON, BERGER, AGAIN, spot("c", sentence, "Carla Weiss", 0.7)) == []


def test_the_year_may_be_that_of_the_article_and_a_year_aside_does_not_count() -> None:
    dated = spot("c", "Carla Weiss won the final.", "Carla Weiss", year=2021)
    born = spot("c", "In 2021 Carla Weiss (born 1990) won the final.", "Carla Weiss")
    assert len(taken(WON, BERGER, AGAIN, dated)) == 2
    assert len(taken(WON, BERGER, AGAIN, born)) == 2


def test_another_edition_is_no_rival() -> None:
    first = spot("a", "Season 2 of the play starts in May.", "May")
    second = spot("c", "Season 3 of the play starts in July.", "July", 0.7)
    assert taken("When does season 2 of the play start?", first, second, shown=("a", "c")) == []


def test_who_was_is_no_rival_of_who_is() -> None:
    now = spot("a", "The head of the club is Anna Berger.", "Anna Berger")
    then = spot("c", "Carla Weiss, the former head of the club, came.", "Carla Weiss", 0.7)
    before = spot("d", "The former head of the club Carla Weiss came.", "Carla Weiss", 0.7)
    assert taken("Who is the head of the club?", now, then, shown=("a", "c")) == []
    assert taken("Who is the head of the club?", now, before, shown=("a", "d")) == []
    assert len(taken("Who was the head of the club?", now, then, shown=("a", "c"))) == 2


def test_a_place_is_no_person() -> None:
    place = spot("c", "The final of 2021 was played at Rose Park.", "Rose Park", 0.7)
    lone = spot("d", "The Swiss final of 2021 is over.", "Swiss", 0.7)
    assert taken(WON, BERGER, AGAIN, place, lone) == []


def test_a_date_above_a_text_answers_nothing() -> None:
    opened = spot("a", "The bridge was opened in May 2015.", "May 2015")
    above = [spot("c", "June 3, 2020 ...", words, 0.7) for words in ("June 3, 2020", "June 3")]
    for one in above:
        assert taken("When was the bridge opened?", opened, one, shown=("a", "c")) == []


def test_the_day_of_a_month_numbers_nothing() -> None:
    one = spot("a", "Ida Holm, born 24 January 1993 in Lund, sings.", "1993")
    other = spot("c", "Ida Holm, born 3 May 1990 in Lund, sings.", "1990")
    assert len(taken("When was Ida Holm born?", one, other, shown=("a", "c"))) == 2


def test_a_date_and_a_part_of_it_agree() -> None:
    opened = spot("a", "The bridge was opened on Nov. 12.", "Nov. 12")
    part = spot("c", "The bridge was opened in November.", "November")
    other = spot("d", "The bridge was opened on November 13.", "November 13", 0.7)
    assert taken("When was the bridge opened?", opened, part, shown=("a", "c")) == []
    assert len(taken("When was the bridge opened?", opened, other, shown=("a", "d"))) == 2


def test_figures_that_differ_are_two_sides_whatever_word_they_share() -> None:
    one = spot("a", "The bridge cost 2.4 million.", "2.4 million")
    other = spot("c", "The bridge cost 3.1 million.", "3.1 million")
    same = spot("d", "The bridge cost four pounds.", "four")
    figure = spot("e", "The bridge cost 4 pounds.", "4")
    asked = "How much did the bridge cost?"
    assert len(taken(asked, one, other, shown=("a", "c"))) == 2
    assert taken(asked, same, figure, shown=("d", "e")) == []


def test_among_many_articles_only_a_sure_rival_that_is_not_shown_is_heard() -> None:
    weiss = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss", 0.5)
    sure = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss", 0.7)
    beside = spot("d", "Tickets of 2021 are sold.", "Tickets", 0.2)
    assert taken(WON, BERGER, AGAIN, weiss, beside) == []
    assert len(taken(WON, BERGER, AGAIN, weiss, beside, shown=("a", "c"))) == 2
    assert len(taken(WON, BERGER, AGAIN, sure, beside)) == 2


def test_a_rival_may_be_named_by_a_few_of_the_articles_that_answer() -> None:
    weiss = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss")
    third = spot("e", "Berger is the winner of the 2021 final.", "Berger")
    aside = spot("a", "Carla Weiss spoke to reporters in 2021.", "Carla Weiss", 0.01)
    again = spot("b", "Carla Weiss came in 2021.", "Carla Weiss", 0.01)
    assert len(taken(WON, BERGER, AGAIN, third, weiss, aside)) == 2
    assert taken(WON, BERGER, AGAIN, third, weiss, aside, again) == []


def test_who_stands_in_the_sentence_that_answers_is_no_rival_of_it() -> None:
    beaten = spot("a", "Anna Berger beat Carla Weiss in the final of 2021.", "Anna Berger", 0.7)
    other = spot("c", "Carla Weiss lost the final of 2021.", "Carla Weiss", 0.7)
    assert taken(WON, beaten, AGAIN, spot("e", "Berger won the final in 2021.", "Berger"), other) == []


def test_words_written_as_one_are_no_other_answer() -> None:
    plain = spot("a", "Thieves came to the Harbour Museum.", "Harbour Museum")
    joined = spot("c", "Thieves came to #HarbourMuseum.", "HarbourMuseum")
    assert taken("Which museum did thieves come to?", plain, joined, shown=("a", "c")) == []


def test_a_day_of_something_that_belongs_to_it_is_no_rival() -> None:
    asked = "When was Orion 2 released?"
    one = spot("a", "Orion 2 was released in July.", "July")
    part = spot("c", "Orion 2's free add-on will be released in April.", "April", 0.7)
    own = spot("d", "The studio's Orion 2 was released in April.", "April", 0.7)
    assert taken(asked, one, part, shown=("a", "c")) == []
    assert len(taken(asked, one, own, shown=("a", "d"))) == 2


def test_a_date_without_its_day_does_not_join_two_days() -> None:
    one = spot("a", "The bridge was opened on September 20.", "September 20", 0.7)
    vague = spot("b", "The bridge was opened in September.", "September", 0.9)
    other = spot("c", "The bridge was opened on September 27.", "September 27", 0.6)
    sides = taken("When was the bridge opened?", one, vague, other, shown=("a", "c"))
    assert sides == [["September", "September 20"], ["September 27"]]


def test_a_rival_that_two_articles_tell_need_not_be_shown() -> None:
    beside = spot("e", "Tickets of 2021 are sold.", "Tickets", 0.2)
    weiss = [spot(id_, "Carla Weiss won the final in 2021.", "Carla Weiss", 0.4) for id_ in ("c", "d")]
    assert len(taken(WON, BERGER, AGAIN, *weiss, beside)) == 2
    assert taken(WON, BERGER, AGAIN, weiss[0], beside) == []


def test_a_single_rival_of_many_articles_must_be_sure() -> None:
    many = [spot(id_, "Anna Berger won the final in 2021.", "Anna Berger") for id_ in "abef"]
    beside = spot("g", "Tickets of 2021 are sold.", "Tickets", 0.2)
    weiss = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss", 0.5)
    sure = spot("c", "Carla Weiss won the final in 2021.", "Carla Weiss", 0.7)
    assert taken(WON, *many, weiss, beside, shown=("a", "c")) == []
    assert len(taken(WON, *many, sure, beside, shown=("a", "c"))) == 2


def test_a_date_that_is_not_shown_must_be_surer_than_a_name() -> None:
    opened = [spot(id_, "The bridge was opened in May.", "May", 0.9) for id_ in ("a", "b")]
    beside = spot("d", "The bridge was closed in July.", "July", 0.2)
    other = spot("c", "The bridge was opened in June.", "June", 0.8)
    sure = spot("c", "The bridge was opened in June.", "June", 0.9)
    assert taken("When was the bridge opened?", *opened, other, beside) == []
    assert len(taken("When was the bridge opened?", *opened, sure, beside)) == 2


def test_a_line_of_a_table_speaks_of_its_own_year() -> None:
    table = "Winners ; 2022, Ida Holm ; 2021, Carla Weiss ; 2020, Ann Low"
    assert len(taken(WON, BERGER, AGAIN, spot("c", table, "Carla Weiss", 0.7))) == 2
    assert taken(WON, BERGER, AGAIN, spot("c", table, "Ida Holm", 0.7)) == []


def test_figures_behind_small_words_number_nothing() -> None:
    first = spot("a", "Rain fell on Lund.", "Lund")
    other = spot("c", "Rain as not seen in 125 years fell on Malmo.", "Malmo")
    assert len(taken("In which town did rain fall?", first, other, shown=("a", "c"))) == 2


def test_a_name_that_only_ends_like_the_one_asked_about_is_nobody() -> None:
    asked = "Who won the Rose Camp Award?"
    won = spot("a", "Anna Berger won the Rose Camp Award.", "Anna Berger")
    another = spot("c", "The Golden Arm Award was given on Sunday.", "Golden Arm", 0.7)
    part = spot("d", "The Camp Foundation gave an award; Foundation said so.", "Foundation", 0.7)
    assert taken(asked, won, another, part, shown=("a", "c", "d")) == []


def test_a_bare_number_tells_no_time() -> None:
    assert tells_time("12 Sept")
    assert tells_time("2015")
    assert not tells_time("12")


@pytest.mark.parametrize("text", ["Jane", "Mars", "Mark", "it may rain", "Jung"])
def test_words_that_begin_like_months_tell_no_time(text: str) -> None:
    assert not tells_time(text)


@pytest.mark.parametrize("text", ["Sept", "12 May", "Okt", "im März", "Dec"])
def test_months_cut_short_tell_a_time(text: str) -> None:
    assert tells_time(text)


WORDS = st.lists(st.sampled_from("Anna Berger Weiss won 12 2021 May former at season 3".split()), min_size=1)


@settings(deadline=None, max_examples=60)
@given(
    texts=st.lists(WORDS.map(" ".join), min_size=1, max_size=5),
    question=st.sampled_from([WON, "When was it?", "What is it?", "How many came?"]),
)
def test_sides_have_articles_of_their_own(texts: list[str], question: str) -> None:
    likely = [spot(str(n), text, text.split()[0], 0.9) for n, text in enumerate(texts)]
    assume(all(one.stems for one in likely))
    found = taken(question, *likely, shown=[str(n) for n in range(len(texts))])
    assert len(found) != 1
    assert sum(map(len, found)) <= len(texts)


@settings(deadline=None, max_examples=40)
@given(text=WORDS.map(" ".join), question=st.sampled_from([WON, "When was it?", "What is it?"]))
def test_the_same_words_never_oppose_each_other(text: str, question: str) -> None:
    twins = [spot(id_, text, text.split()[0], 0.9) for id_ in ("a", "b")]
    assume(twins[0].stems)
    assert taken(question, *twins, shown=("a", "b")) == []
