"""Sentences that need the one before, and those that can do without."""

from __future__ import annotations

import pytest

from rag.standing import cuts_quotation, joins, leaves_open, points_back


@pytest.mark.parametrize(
    "text",
    [
        "Er betonte das gestern in Lindau.",
        "Dafür muss die Stadt eine Steuer entrichten.",
        "Mit dieser Tafel gedachte man der Fischer.",
        "Das ist ein Fehler.",
        "Es liegt am Ufer des Kanals.",
        "Die Anwendung sei auf den Süden beschränkt.",
        "This came as a surprise.",
        "In this case the council pays.",
    ],
)
def test_what_only_the_sentence_before_explains_points_back(text: str) -> None:
    assert points_back(text, "en" if text.startswith(("This", "In this")) else "de")


@pytest.mark.parametrize(
    "text",
    [
        "Das Gericht verurteilte den Fischer.",
        "Das höchste Gericht verurteilte den Fischer.",
        "Es gibt zwei Brücken in Lindau.",
        "In diesem Jahr wird gebaut.",
        "Die Anwendung sei beschränkt, sagte Anna Roth.",
        "Nach Angaben der Polizei sei niemand verletzt worden.",
        "Anna Roth erklärte, das Projekt sei nötig.",
        "Wie Anna Roth mitteilte, werde im Mai gebaut.",
        "Unterdessen klagen die Fischer.",
        "Council members voted on Friday.",
    ],
)
def test_what_tells_who_and_what_stands_alone(text: str) -> None:
    assert not points_back(text, "en" if text.startswith("Council") else "de")


@pytest.mark.parametrize(
    ("text", "whether"),
    [
        ("Unterdessen klagen die Fischer.", True),
        ("Anna Roth erklärte daraufhin ihren Rücktritt.", True),
        ("Anna Roth erklärte ihren Rücktritt.", False),
    ],
)
def test_what_joins_is_told_from_what_does_not(text: str, whether: bool) -> None:
    assert joins(text) is whether


@pytest.mark.parametrize(
    ("text", "whether"),
    [
        ("„Wir bauen“, sagte Roth.", False),
        ("“Wir bauen”, sagte Roth.", False),
        ("»Wir bauen«, sagte Roth.", False),
        ("«Nous voulons», dit-elle.", False),
        ('"Wir bauen", sagte Roth.', False),
        ("„Wir bauen.", True),
        ("Wir bauen“, sagte Roth.", True),
        ('Wir bauen", sagte Roth.', True),
    ],
)
def test_half_a_quotation_is_noticed(text: str, whether: bool) -> None:
    assert cuts_quotation(text) is whether


@pytest.mark.parametrize(
    "text",
    [
        "Die Ursache des Brandes ist noch unklar.",
        "Viele Streitpunkte blieben nach dem Treffen ungelöst.",
        "Wer die Brücke bezahlt, ist weiter offen.",
        "Ob das Geld reicht, wird sich in den kommenden Monaten zeigen.",
        "Der Bau ist unter den Anwohnern umstritten.",
        "Ein Termin ist noch nicht bekannt.",
        "It remains unclear who will pay for the bridge.",
        "The council has yet to decide.",
    ],
)
def test_what_is_not_settled_is_told(text: str) -> None:
    assert leaves_open(text)


@pytest.mark.parametrize(
    "text",
    [
        "Der Rat eröffnete die Brücke am Montag.",
        "Die Läden sind bis acht Uhr geöffnet.",
        "Das Spiel endete nach neunzig Minuten unentschieden.",
        "Der Streit um die umstrittene Brücke ist beigelegt.",
        "The council opened the bridge.",
    ],
)
def test_what_is_settled_is_not(text: str) -> None:
    assert not leaves_open(text)


@pytest.mark.parametrize(
    "text",
    [
        "Tom Hill war nur zu Verhandlungen darüber bereit, wenn die Stadt zahlt.",
        "Als Gründe hierfür werden der Lärm und der Schlamm genannt.",
        "Beim nächsten Parteitag im Mai wird sie nicht mehr antreten.",
        "Laut dem Büro der Bürgermeisterin starb er an einem Herzinfarkt.",
    ],
)
def test_what_is_meant_inside_the_first_clause_stands_before(text: str) -> None:
    assert points_back(text, "de")


@pytest.mark.parametrize(
    "text",
    [
        "Die Stadt verhandelt darüber, wie der Hafen bezahlt wird.",
        "Anna Roth ist dafür bekannt, Brücken zu bauen.",
        "Der Rat hat sich darauf verständigt, am 30. Juni eine neue Brücke vorzuschlagen.",
        "Auf der Fähre waren 278 Menschen, davon 132 Kinder.",
        "Anna Roth sagte, im Mai wird sie nicht mehr antreten.",
        "Die Anwohner fürchten, dass sie den Lärm nicht ertragen.",
    ],
)
def test_what_is_meant_may_stand_in_the_sentence_itself(text: str) -> None:
    assert not points_back(text, "de")
