"""Sources that differ are shown side by side; those that agree, or say different things, are not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fakes import HashEncoder, sentence_hit
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.align import aligned
from rag.answer import item, whole
from rag.compose import Judged, contrast, statement, with_numbers
from rag.disagreement import Nearby, disagreements, disputed
from rag.question import Question, read_question
from rag.types import Disagreement, Verdict
from rag.words import stems_of


def judged(article: str, text: str, words: str = "", day: int | None = None, language: str = "de") -> Judged:
    hit = sentence_hit(text, article, language, published=datetime(2025, 3, day, tzinfo=UTC) if day else None)
    at = text.find(words) if words else -1
    return Judged(item(hit, at, at + len(words)) if words else whole(hit), 0.9)


def found(question: str, *sentences: Judged) -> tuple[Disagreement, ...]:
    return disagreements(asked(question), sentences)


def asked(question: str) -> Question:
    return read_question(question, max_chars=500)


def values(one: Disagreement) -> list[str]:
    return [side.value for side in one.sides]


DEAD = "Wie viele Menschen starben bei dem Brand?"


def test_two_numbers_are_two_sides_newest_first() -> None:
    older = judged("a", "Bei dem Brand starben zwölf Menschen.", day=1)
    newer = judged("b", "Bei dem Brand starben 14 Menschen.", day=3)
    (one,) = found(DEAD, older, newer)
    assert (one.kind, values(one)) == ("number", ["14 Menschen", "zwölf Menschen"])
    assert [side.newest.day for side in one.sides if side.newest] == [3, 1]
    assert one.sides[0].citations[0].quote == newer.item.hit.text


def test_a_statement_that_tells_one_side_is_disputed() -> None:
    older = judged("a", "Bei dem Brand starben zwölf Menschen.", day=1)
    newer = judged("b", "Bei dem Brand starben 14 Menschen.", day=3)
    beside = judged("c", "Das Haus stand leer.", day=3)
    told = [statement([one], one.item.text) for one in (older, newer, beside)]
    marked = disputed(told, found(DEAD, older, newer), asked(DEAD))
    assert [one.verdict for one in marked] == [Verdict.DISPUTED, Verdict.DISPUTED, Verdict.SUPPORTED]
    assert disputed(told, (), asked(DEAD)) == tuple(told)


def test_the_words_of_a_side_are_disputed_whatever_sentence_is_cited() -> None:
    older = judged("a", "Bei dem Brand starben zwölf Menschen.", day=1)
    newer = judged("b", "Bei dem Brand starben 14 Menschen.", day=3)
    again = judged("d", "Die Feuerwehr sprach von 14 Menschen.", day=3)
    other = judged("e", "Die Feuerwehr sprach von 114 Menschen.", day=3)
    marked = disputed(
        [statement([one], one.item.text) for one in (again, other)], found(DEAD, older, newer), asked(DEAD)
    )
    assert [one.verdict for one in marked] == [Verdict.DISPUTED, Verdict.SUPPORTED]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bei dem Brand starben zwölf Menschen.", "Zwölf Menschen starben bei dem Brand."),
        ("Bei dem Brand starben 12 Menschen.", "Bei dem Brand starben zwölf Menschen."),
        ("Bei dem Brand starben rund 100 Menschen.", "Bei dem Brand starben 98 Menschen."),
        ("Bei dem Brand starben 12 Menschen.", "Bei dem Brand starben Menschen."),
    ],
)
def test_the_same_number_is_no_disagreement(one: str, other: str) -> None:
    assert found(DEAD, judged("a", one), judged("b", other)) == ()


def test_numbers_of_different_things_are_not_compared() -> None:
    one = judged("a", "Der Umbau des Bahnhofs dauert 3 Jahre.")
    other = judged("b", "Der Umbau des Bahnhofs kostet 20 Millionen Euro.")
    assert found("Wie lange dauert der Umbau des Bahnhofs?", one, other) == ()


def test_one_article_does_not_disagree_with_itself() -> None:
    one = judged("a", "Bei dem Brand starben zwölf Menschen.")
    other = judged("a", "Bei dem Brand starben 14 Menschen.")
    assert found(DEAD, one, other) == ()


def test_weekdays_that_differ_are_two_sides() -> None:
    one = judged("a", "Der Gipfel begann am Montag.")
    other = judged("b", "Der Gipfel begann am Dienstag.")
    (told,) = found("Wann begann der Gipfel?", one, other)
    assert (told.kind, sorted(values(told))) == ("date", ["Dienstag", "Montag"])


def test_a_date_and_a_part_of_it_agree() -> None:
    one = judged("a", "Der Gipfel begann am 3. März 2025.")
    other = judged("b", "Der Gipfel begann im März.")
    assert found("Wann begann der Gipfel?", one, other) == ()


def test_copied_names_that_differ_are_two_sides() -> None:
    one = judged("a", "Anna Berger won the final.", "Anna Berger", language="en")
    other = judged("b", "Carla Weiss won the final on Sunday.", "Carla Weiss", language="en")
    (told,) = found("Who won the final?", one, other)
    assert (told.kind, sorted(values(told))) == ("name", ["Anna Berger", "Carla Weiss"])
    assert "final" in told.about


def test_names_of_whole_sentences_are_found_too() -> None:
    one = judged("a", "Anna Berger gewann das Finale.")
    other = judged("b", "Carla Weiß gewann das Finale am Sonntag.")
    (told,) = found("Wer gewann das Finale?", one, other)
    assert sorted(values(told)) == ["Anna Berger", "Carla Weiß"]


def test_a_list_does_not_disagree_with_one_of_its_names() -> None:
    text = "Anna Berger und Peter Holm nahmen teil."
    both = [judged("a", text, "Anna Berger"), judged("a", text, "Peter Holm")]
    third = judged("b", "Carla Weiß nahm teil.", "Carla Weiß")
    assert found("Wer nahm teil?", *both, third) == ()


def test_two_spellings_of_a_name_agree() -> None:
    one = judged("a", "Lawrow kam zuerst an.", "Lawrow")
    other = judged("b", "Sergej Lavrov kam zuerst an.", "Sergej Lavrov")
    assert found("Wer kam zuerst an?", one, other) == ()


def test_an_older_value_is_named_as_such() -> None:
    older = judged("a", "Bei dem Brand starben zwölf Menschen.", day=1)
    newer = judged("b", "Bei dem Brand starben 14 Menschen.", day=3)
    told, cited = with_numbers(found(DEAD, older, newer), ())
    assert contrast(told[0], "de", asked(DEAD)) == (
        "Die Quellen sagen Verschiedenes: „14 Menschen“ (2025-03-03) [1] – früher „zwölf Menschen“ (2025-03-01) [2]"
    )
    assert [one.number for one in cited] == [1, 2]


NOW = "Wie viele Schulen hat der Kreis derzeit?"


def test_the_newest_value_of_what_holds_now_is_not_disputed() -> None:
    older = judged("a", "Der Kreis hat 12 Schulen.", day=1)
    newer = judged("b", "Der Kreis hat 14 Schulen.", day=3)
    told = [statement([one], one.item.text) for one in (newer, older)]
    marked = disputed(told, found(NOW, older, newer), asked(NOW))
    assert [one.verdict for one in marked] == [Verdict.SUPPORTED, Verdict.DISPUTED]


def test_values_of_one_day_are_disputed_even_if_asked_for_now() -> None:
    one = judged("a", "Der Kreis hat 12 Schulen.", day=3)
    other = judged("b", "Der Kreis hat 14 Schulen.", day=3)
    told = [statement([each], each.item.text) for each in (one, other)]
    marked = disputed(told, found(NOW, one, other), asked(NOW))
    assert [each.verdict for each in marked] == [Verdict.DISPUTED, Verdict.DISPUTED]


def test_years_in_the_text_order_what_is_not_dated() -> None:
    older = judged("a", "Im Jahr 2019 hatte der Kreis 12 Schulen.")
    newer = judged("b", "Seit 2023 hat der Kreis 14 Schulen.")
    told, _ = with_numbers(found(NOW, older, newer), ())
    assert contrast(told[0], "de", asked(NOW)) == (
        "Die Quellen sagen Verschiedenes: „14 Schulen“ [1] – früher „12 Schulen“ [2]"
    )


def test_what_is_not_dated_is_not_called_earlier() -> None:
    one = judged("a", "Bei dem Brand starben zwölf Menschen.")
    other = judged("b", "Bei dem Brand starben 14 Menschen.", day=3)
    told, _ = with_numbers(found(DEAD, one, other), ())
    assert "earlier" not in contrast(told[0], "en", asked(DEAD))


def nearby(*given: Judged) -> Nearby:
    hits = [one.item.hit for one in given]
    articles = {hit.article_id: stems_of(hit.text, hit.language) for hit in hits}
    encoder = HashEncoder()
    return Nearby(hits, articles, lambda text, language: aligned(text, language, encoder), encoder)


def test_a_newer_version_is_the_first_side_of_what_holds_now() -> None:
    answer = judged("a", "Der Kreis hat 12 Schulen und drei Bäder.", day=1)
    around = nearby(answer, judged("b", "Der Kreis hat 14 Schulen und drei Bäder.", day=3))
    (one,) = disagreements(asked(NOW), [answer], around)
    assert values(one) == ["14", "12"]


def test_what_holds_now_differs_only_where_the_answer_is_one_of_the_sides() -> None:
    answer = judged("c", "Die Zahl der Schulen blieb gleich.", day=2)
    around = nearby(
        judged("a", "Der Kreis hat 12 Schulen und drei Bäder.", day=1),
        judged("b", "Der Kreis hat 14 Schulen und drei Bäder.", day=3),
    )
    assert disagreements(asked(NOW), [answer], around) == ()
    (one,) = disagreements(asked("Wie viele Schulen hatte der Kreis?"), [answer], around)
    assert values(one) == ["14", "12"]


def test_versions_of_one_sentence_are_told_apart() -> None:
    one = judged("a", "On Sunday Anna Berger opened the new library in the harbour.", language="en")
    other = judged("b", "On Sunday Carla Weiss opened the new library in the harbour.", language="en")
    question = read_question("Who opened the library?", max_chars=500)
    (told,) = disagreements(question, [one], nearby(one, other))
    assert (told.kind, sorted(values(told))) == ("name", ["Anna Berger", "Carla Weiss"])


def test_versions_that_differ_in_something_else_agree() -> None:
    one = judged(
        "a", "On Sunday Anna Berger opened the new library with 300 guests in the harbour.", language="en"
    )
    other = judged(
        "b", "On Sunday Anna Berger opened the new library with 200 guests in the harbour.", language="en"
    )
    question = read_question("Who opened the library?", max_chars=500)
    assert disagreements(question, [one], nearby(one, other)) == ()


def test_what_was_copied_is_held_against_what_is_not_shown() -> None:
    sentence = "On Sunday Anna Berger opened the new library in the harbour."
    one = judged("a", sentence, words="Anna Berger", language="en")
    other = judged("b", "On Sunday Carla Weiss opened the new library in the harbour.", language="en")
    question = read_question("Who opened the library?", max_chars=500)
    (told,) = disagreements(question, [one], nearby(one, other))
    assert sorted(values(told)) == ["Anna Berger", "Carla Weiss"]


def test_what_differs_beside_the_copied_words_is_no_disagreement() -> None:
    sentence = "On Sunday Anna Berger opened the new library with Tom Hill in the harbour."
    one = judged("a", sentence, words="Anna Berger", language="en")
    other = judged("b", sentence.replace("Tom Hill", "Ann Low"), language="en")
    question = read_question("Who opened the library?", max_chars=500)
    assert disagreements(question, [one], nearby(one, other)) == ()


def test_what_is_not_answered_is_not_disputed() -> None:
    one = judged("a", "On Sunday Anna Berger opened the new library in the harbour.", language="en")
    other = judged("b", "On Sunday Carla Weiss opened the new library in the harbour.", language="en")
    question = read_question("Who opened the library?", max_chars=500)
    assert disagreements(question, [], nearby(one, other)) == ()


def test_a_denial_is_a_disagreement_about_the_claim() -> None:
    one = judged("a", "Die Brücke wurde im Winter erneuert.")
    other = judged("b", "Die Brücke wurde im Winter nicht erneuert.")
    (told,) = found("Wurde die Brücke erneuert?", one, other)
    assert told.kind == "claim"
    assert len(told.sides) == 2


WORDS = st.sampled_from("Anna Berger Montag 12 14 Euro Brand starben am und nicht Köln".split())
SENTENCES = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)


@settings(deadline=None, max_examples=50)
@given(text=SENTENCES, question=st.sampled_from([DEAD, "Wer starb?", "Wann starb er?", "Was geschah?"]))
def test_the_same_sentence_never_disagrees_with_itself(text: str, question: str) -> None:
    assert found(question, judged("a", text), judged("b", text)) == ()


@settings(deadline=None, max_examples=50)
@given(
    texts=st.lists(SENTENCES, min_size=2, max_size=5),
    question=st.sampled_from([DEAD, "Wer starb?", "Wann starb er?"]),
)
def test_every_side_has_sources_of_its_own(texts: list[str], question: str) -> None:
    for one in found(question, *(judged(str(n), text) for n, text in enumerate(texts))):
        cited = [{citation.article_id for citation in side.citations} for side in one.sides]
        assert len(cited) > 1
        assert all(cited)
        assert len(set().union(*cited)) == sum(map(len, cited))
