"""What kind of answer a question names, and whether a sentence holds one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer_type import AnswerType, answer_type, frame, lacks


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("In welchem Jahr wurde die Brücke gebaut?", AnswerType.YEAR),
        ("In which year was the bridge built?", AnswerType.YEAR),
        ("En quelle année le pont a-t-il été construit ?", AnswerType.YEAR),
        ("В каком году построили мост?", AnswerType.YEAR),
        ("In welchem Monat begann der Streik?", AnswerType.MONTH),
        ("An welchem Wochentag begann der Streik?", AnswerType.WEEKDAY),
        ("On which day did the strike begin?", AnswerType.DAY),
        ("Grev hangi gün başladı?", AnswerType.DAY),
        ("In welcher Stadt trafen sie sich?", AnswerType.CITY),
        ("In which city did they meet?", AnswerType.CITY),
        ("Wie viele Stunden dauerte die Sitzung?", AnswerType.SPAN),
        ("How many minutes did the call last?", AnswerType.SPAN),
        ("Wie lange dauerte die Sitzung?", AnswerType.SPAN),
        ("How long did the call last?", AnswerType.SPAN),
        ("In welchem Land liegt der Hafen?", AnswerType.OTHER),
        ("Wer baute die Brücke?", AnswerType.OTHER),
        ("Wie viele Fahrer streikten?", AnswerType.OTHER),
    ],
)
def test_a_question_names_the_kind_of_its_answer(question: str, kind: AnswerType) -> None:
    assert answer_type(question) is kind


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("In which city did they meet?", ["city"]),
        ("Wie heißt der Berater des Ministers?", ["heißt"]),
        ("Wie lange dauerte das Telefonat?", ["dauerte"]),
        ("How many minutes did the call last?", ["minutes", "last"]),
        ("What was the name of the ship?", ["the name of"]),
        ("Wie hoch ist die aktuelle Miete?", ["aktuelle"]),
        ("What is the latest price of oil?", ["latest"]),
        ("Kannst du mir sagen, wer die Brücke baute? Danke!", ["Kannst du mir sagen", "Danke!"]),
        ("Could you tell me who built the bridge?", ["Could you tell me"]),
        ("Wer baute die Brücke?", []),
        ("Who won the last election?", []),
        ("Wie viele Fahrer streikten?", []),
        ("Bitte nennen Sie alle Teilnehmer des Treffens", ["Bitte nennen Sie"]),
    ],
)
def test_the_frame_is_what_names_only_the_kind(question: str, named: list[str]) -> None:
    assert [question[start:end] for start, end in frame(question)] == named


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("In welchem Jahr wurde die Brücke gebaut?", "Die Brücke wurde 1912 gebaut."),
        ("In welchem Jahr wurde die Brücke gebaut?", "Im vergangenen Jahr wurde die Brücke gebaut."),
        ("In welchem Monat begann der Streik?", "Der Streik begann Ende März."),
        ("An welchem Wochentag begann der Streik?", "Der Streik begann am Montag."),
        ("An welchem Tag begann der Streik?", "Der Streik begann am 3. Mai."),
        ("An welchem Tag begann der Streik?", "Der Streik begann gestern."),
        ("In welcher Stadt trafen sie sich?", "Sie trafen sich in Genf."),
        ("In welcher Stadt trafen sie sich?", "Sie trafen sich in der slowenischen Hauptstadt Ljubljana."),
        ("Wie viele Stunden dauerte die Sitzung?", "Die Sitzung dauerte viereinhalb Stunden."),
        ("Wie viele Stunden dauerte die Sitzung?", "Es war eine 90-minütige Sitzung."),
        ("Wie viele Stunden dauerte die Sitzung?", "Es war eine dreistündige Sitzung."),
        ("Wie viele Tage dauerte die Reise?", "Es war eine hunderttägige, keine halbjährige Reise."),
        ("Wie viele Jahre hielt der Damm?", "Er hielt rund tausend Jahre."),
        ("Wie viele Jahre hielt der Damm?", "Er hielt mehrere Hunderttausend Jahre."),
        ("Wie lange hielt der Damm?", "Er hielt anderthalb Millionen Jahre."),
        ("Wie lange dauerte die Sitzung?", "Die Sitzung dauerte bis Mitternacht."),
        ("Wie lange dauerte die Sitzung?", "Die Sitzung dauerte zwei Tage."),
    ],
)
def test_a_sentence_with_something_of_the_kind_lacks_nothing(question: str, sentence: str) -> None:
    assert not lacks(answer_type(question), sentence, "de", question, "de")


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("In welchem Jahr nach 1912 wurde sie gebaut?", "Nach 1912 wurde die Brücke gebaut."),
        ("In welchem Monat begann der Streik?", "Der Streik begann am Montag."),
        ("An welchem Wochentag begann der Streik?", "Der Streik begann im Mai."),
        ("An welchem Tag begann der Streik?", "Der Streik begann im Mai."),
        ("In welcher Stadt trafen sie sich?", "Sie trafen sich in einem Hotel."),
        ("In welcher Stadt trafen sich die Minister aus Genf?", "Die Minister aus Genf trafen sich."),
        ("Wie viele Stunden dauerte die Sitzung?", "Die Sitzung begann Stunden nach dem Streik."),
        ("Wie lange dauerte die Sitzung?", "Die Sitzung fand in Genf statt."),
        ("Wie viele Stunden dauerte die Sitzung?", "Nach drei Jahren Pause war wieder Sitzung."),
        ("Wie viele Tage dauerte die Sitzung?", "Am zweiten Tag zog sie um."),
        ("Wie viele Tage dauerte die Sitzung?", "Die Sitzung hatte einen Antagonisten."),
        ("Wie viele Jahre dauerte die Sitzung?", "Die Sitzung war in den neunziger Jahren."),
    ],
)
def test_a_sentence_without_anything_of_the_kind_lacks_it(question: str, sentence: str) -> None:
    assert lacks(answer_type(question), sentence, "de", question, "de")


def test_nothing_is_said_of_sentences_in_languages_that_are_not_read() -> None:
    assert not lacks(AnswerType.YEAR, "それは橋です。", "ja", "In which year?", "en")


@given(st.text(max_size=200), st.sampled_from(AnswerType), st.sampled_from(["de", "en", "ru", ""]))
def test_any_text_can_be_looked_at(text: str, kind: AnswerType, language: str) -> None:
    assert lacks(kind, text, language, "Wann?", "de") in {True, False}
    assert all(0 <= start < end <= len(text) for start, end in frame(text))
