"""What a question asks for, read from its closed word classes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import InputError
from rag.question import Kind, adds, read_question


def kind(text: str) -> Kind:
    return read_question(text, max_chars=2000).kind


def parts(text: str) -> list[tuple[str, Kind]]:
    return [(part.text, part.kind) for part in read_question(text, max_chars=2000).parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wer eröffnete den neuen Hafen?", Kind.PERSON),
        ("Mit wem sprach die Bürgermeisterin?", Kind.PERSON),
        ("Who opened the new harbour?", Kind.PERSON),
        ("Qui a ouvert le port de la ville ?", Kind.PERSON),
        ("Кто открыл новый порт?", Kind.PERSON),
        ("Yeni limanı kim açtı?", Kind.PERSON),
        ("Wie opende de nieuwe haven?", Kind.PERSON),
        ("Wie heißt die Bürgermeisterin?", Kind.NAME),
        ("What is the name of the harbour?", Kind.NAME),
        ("Comment s'appelle la mairesse ?", Kind.NAME),
        ("Belediye başkanının adı nedir?", Kind.NAME),
        ("Welche drei Personen kamen?", Kind.PERSON),
        ("Wann wurde der Hafen eröffnet?", Kind.TIME),
        ("Zu welcher Tageszeit kam der Zirkus?", Kind.TIME),
        ("Zirkus hangi gün geldi?", Kind.TIME),
        ("В каком году построили мост?", Kind.TIME),
        ("В каком городе они встретились?", Kind.PLACE),
        ("Dans quelle ville se sont-ils rencontrés ?", Kind.PLACE),
        ("Mia ile Jan hangi ülkede görüştü?", Kind.PLACE),
        ("What did she answer when asked about the harbour?", Kind.OTHER),
        ("An welchem Tag kam der Zirkus?", Kind.TIME),
        ("When did the strike begin?", Kind.TIME),
        ("In which year was the bridge built?", Kind.TIME),
        ("Когда начался праздник?", Kind.TIME),
        ("Wo liegt der neue Hafen?", Kind.PLACE),
        ("Where did they meet?", Kind.PLACE),
        ("Wie viele Fahrer streikten am Montag?", Kind.NUMBER),
        ("Wie lange dauerte der Streik?", Kind.NUMBER),
        ("How many drivers went on strike?", Kind.NUMBER),
        ("What is the population of the village?", Kind.NUMBER),
        ("What percentage of drivers went on strike?", Kind.NUMBER),
        ("Was kostet die Brücke?", Kind.NUMBER),
        ("What is the release date of the film?", Kind.TIME),
        ("What is the birth date of the mayor?", Kind.TIME),
        ("What is the mayor's birth date?", Kind.TIME),
        ("What were the exact dates?", Kind.TIME),
        ("Welches ist das Eröffnungsdatum der Brücke?", Kind.TIME),
        ("What is the problem with the date?", Kind.OTHER),
        ("What is the name of the bridge?", Kind.NAME),
        ("Combien de chauffeurs ont participé ?", Kind.NUMBER),
        ("Сколько водителей участвовало?", Kind.NUMBER),
        ("Warum streikten die Fahrer?", Kind.REASON),
        ("Aus welchem Grund streikten die Fahrer?", Kind.REASON),
        ("Why did the drivers go on strike?", Kind.REASON),
        ("Was sagte die Bürgermeisterin zum Hafen?", Kind.SPEECH),
        ("What did the mayor say about the harbour?", Kind.SPEECH),
        ("Wie nannte die Bürgermeisterin den Streik?", Kind.SPEECH),
        ("Wurde der Hafen am Montag eröffnet?", Kind.YES_NO),
        ("Did the mayor open the harbour?", Kind.YES_NO),
        ("Was the harbour opened on Monday?", Kind.YES_NO),
        ("hat die stadt den hafen eröffnet", Kind.YES_NO),
        ("nahm die stadt am treffen teil", Kind.YES_NO),
        ("Welche Partei stellt die Bürgermeisterin?", Kind.NAME),
        ("Welchen Preis erhielt die Brücke?", Kind.NAME),
        ("Which local company built the bridge?", Kind.NAME),
        ("In welcher Stadt steht die Brücke?", Kind.PLACE),
        ("Which demands does the company reject?", Kind.OTHER),
        ("Which company's founder opened the harbour?", Kind.OTHER),
        ("Which U.S. state has the most bridges?", Kind.NAME),
        ("The strike was ended in which year?", Kind.TIME),
        ("In the newest film about the harbour town, who plays the mayor?", Kind.PERSON),
        ("Did the mayor of the old harbour town tell the paper when the strike began?", Kind.YES_NO),
        ("The council closed the old bridge in 2019. In which town was a new one opened?", Kind.PLACE),
        ("A thief fled from the museum, said the police. How long has he been on the run?", Kind.NUMBER),
        ("A film about the harbour opened this week. What is it called?", Kind.NAME),
        ("What did the mayor call the strike?", Kind.SPEECH),
        ("Who is the coach of A.D. Riverside?", Kind.PERSON),
        ("What did the company announce?", Kind.OTHER),
        ("What is the island known for?", Kind.OTHER),
        ("Nenne alle Teilnehmer des Treffens", Kind.PERSON),
        ("Bitte nennen Sie die Mitglieder des Rates.", Kind.PERSON),
        ("Nenne mir alle, die am Streik teilnahmen", Kind.PERSON),
        ("List the six members of the council.", Kind.PERSON),
        ("Name all participants", Kind.PERSON),
        ("Welche Teilnehmer hatte das Treffen?", Kind.PERSON),
        ("Nenne die Forderungen der Mitglieder", Kind.OTHER),
        ("List the demands of the members", Kind.OTHER),
        ("Zähle die Forderungen auf, die die Gewerkschaft hat", Kind.OTHER),
        ("Nenne das Datum der Eröffnung", Kind.TIME),
        ("Nennen die Fahrer das einen Streik?", Kind.YES_NO),
        ("Hafen Lindau Eröffnung", Kind.OTHER),
        ("Hafen Lindau Eröffnung Datum", Kind.TIME),
        ("harbour opening location", Kind.PLACE),
        ("Brücke Preis", Kind.NUMBER),
        ("Dün şehirde belediye başkanının açtığı yeni limanı kim inşa etti?", Kind.PERSON),
        ("Welche Forderungen hat die Gewerkschaft?", Kind.OTHER),
        ("Wie reagierte der Konzern auf den Streik?", Kind.OTHER),
        ("Wie wurde der Hafen bezahlt?", Kind.OTHER),
        ("What are the demands of the union?", Kind.OTHER),
    ],
)
def test_question_words_tell_the_kind(text: str, expected: Kind) -> None:
    assert kind(text) is expected


def test_a_name_that_is_a_question_word_elsewhere_asks_for_nothing() -> None:
    assert kind("Did Kim open the harbour on Monday?") is Kind.YES_NO


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wer eröffnete den Hafen?", "de"),
        ("Who opened the harbour?", "en"),
        ("Qui a ouvert le port de la ville ?", "fr"),
        ("Кто открыл новый порт?", "ru"),
    ],
)
def test_the_language_is_the_questions(text: str, language: str) -> None:
    assert read_question(text, max_chars=2000).language == language


def test_a_question_with_two_question_words_has_two_parts() -> None:
    assert parts("Wer kam, und wann begann es?") == [
        ("Wer kam?", Kind.PERSON),
        ("wann begann es?", Kind.TIME),
    ]
    assert [text for text, _ in parts("Who attended and where did they meet and why?")] == [
        "Who attended?",
        "where did they meet?",
        "why?",
    ]


@pytest.mark.parametrize(
    "text",
    ["Wer kam?", "Wer eröffnete den Hafen und die Brücke?", "What did the mayor and the council decide?"],
)
def test_a_question_without_parts_is_its_own(text: str) -> None:
    asked = read_question(text, max_chars=2000)
    assert asked.parts == (asked,)


def test_parts_keep_the_language_of_the_whole() -> None:
    asked = read_question("Wer eröffnete den Hafen, und warum?", max_chars=2000)
    assert {part.language for part in asked.parts} == {"de"}


def test_space_around_and_inside_is_folded() -> None:
    assert read_question("  Wer\n\tkam  ?\n", max_chars=2000).text == "Wer kam ?"


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u2003"])
def test_an_empty_question_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="empty"):
        read_question(text, max_chars=2000)


def test_a_question_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert read_question("x" * 30, max_chars=30).text == "x" * 30
    with pytest.raises(InputError, match=r"31 characters, the limit is 30.*RAG_MAX_QUESTION_CHARS"):
        read_question("x" * 31, max_chars=30)


@pytest.mark.parametrize(
    "sentence",
    [
        "Auch der Baurat war gekommen.",
        "Außerdem sprach Mia Lang.",
        "The banker was there, too.",
        "De plus, le maire est venu.",
        "Также приехал министр.",
    ],
)
def test_a_sentence_can_say_that_it_goes_on_with_a_list(sentence: str) -> None:
    assert adds(sentence)


@pytest.mark.parametrize("sentence", ["Der Rauch stieg auf.", "The tool broke.", "Брат приехал."])
def test_other_sentences_go_on_with_nothing(sentence: str) -> None:
    assert not adds(sentence)


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    if not text.split():
        with pytest.raises(InputError):
            read_question(text, max_chars=300)
        return
    asked = read_question(text, max_chars=300)
    assert asked.text == " ".join(text.split())
    assert asked.parts
    assert all(part.language == asked.language for part in asked.parts)


def test_a_long_row_of_joints_is_read_quickly() -> None:
    assert len(read_question("und wer " * 2500, max_chars=20_000).parts) > 1000


@pytest.mark.parametrize(
    ("text", "asking"),
    [
        ("The old bridge was closed. Who opened the new one?", "Who opened the new one?"),
        ("Die alte Brücke wurde gesperrt. Wer eröffnete die neue?", "Wer eröffnete die neue?"),
        ("Who opened the new bridge?", "Who opened the new bridge?"),
        ("Who came? When did it begin?", "Who came? When did it begin?"),
        ("Who is the coach of A.D. Riverside?", "Who is the coach of A.D. Riverside?"),
        ("Name all bridges. Please be brief.", "Name all bridges. Please be brief."),
    ],
)
def test_the_last_of_several_sentences_asks(text: str, asking: str) -> None:
    assert read_question(text, max_chars=500).asking == asking


@given(text=st.text(alphabet="Wer kam? Da. ", min_size=1).filter(str.strip))
def test_what_asks_ends_the_question(text: str) -> None:
    question = read_question(text, max_chars=500)
    assert question.text.endswith(question.asking)
    assert question.asking
