"""What an editor strikes out of a sentence, and what has to stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.condense import condensed, shorter


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "Lindau (Bodensee), 12.09.2011 – Der Stadtrat hat den Bau der neuen Brücke beschlossen.",
            "Der Stadtrat hat den Bau der neuen Brücke beschlossen.",
        ),
        (
            "Bau der Brücke – Nach drei Jahren Streit hat der Stadtrat von Lindau zugestimmt.",
            "Nach drei Jahren Streit hat der Stadtrat von Lindau zugestimmt.",
        ),
        (
            "Die Anwohner wiederum klagen vor dem Gericht in Kempten gegen den Bau.",
            "Die Anwohner klagen vor dem Gericht in Kempten gegen den Bau.",
        ),
        (
            "Fraglich ist allerdings, ob das Geld der Stadt für die Brücke reicht.",
            "Fraglich ist, ob das Geld der Stadt für die Brücke reicht.",
        ),
        (
            "Der Rat von Lindau (siehe auch die Karte) stimmte dem Bau der Brücke zu.",
            "Der Rat von Lindau stimmte dem Bau der Brücke zu.",
        ),
    ],
)
def test_what_only_joins_or_stands_aside_is_left_out(text: str, left: str) -> None:
    assert condensed(text, "de") == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "However, the council of Leeds approved the new bridge on Monday.",
            "The council of Leeds approved the new bridge on Monday.",
        ),
        (
            "The council, however, approved the new bridge over the river on Monday.",
            "The council approved the new bridge over the river on Monday.",
        ),
    ],
)
def test_english_too(text: str, left: str) -> None:
    assert condensed(text, "en") == left


@pytest.mark.parametrize(
    "text",
    [
        "Ein Land – Deutschland – hat dem Vertrag über die Brücke nicht zugestimmt.",
        "Der Rat (vermutlich in kleiner Runde) stimmte dem Bau der Brücke am Montag zu.",  # a hedge
        "Der Rat stimmte dem Bau mit großer Mehrheit (90 zu neun Stimmen) am Montag zu.",  # figures
        "Der Eintritt kostet im Hafen von Lindau (außer für kleine Kinder) fünf Euro am Tag.",
        "Die neue Brücke in Lindau (laut Baurat Jan Peters) ist am Montag fertig geworden.",
        "Karl Meier (CDU) stimmte dem Bau der Brücke am Montag in Lindau zu.",  # a party
        "Zwar stimmte der Rat dem Bau der Brücke zu, die Anwohner klagen jedoch.",
        "Die Anwohner sagten: „Wir klagen jedoch weiter gegen den Bau der Brücke.“",
        "Unterdessen klagen die Anwohner am Kanal in Kempten gegen den Bau.",  # the verb would come first
        "Der Streit jedoch endet.",  # too little is left
        "Le conseil, cependant, a approuvé le pont (voir la carte) lundi.",
    ],
)
def test_what_carries_meaning_stays(text: str) -> None:
    language = "fr" if text.startswith("Le ") else "de"
    assert condensed(text, language) == text


@given(
    st.lists(
        st.sampled_from(
            "Rat Lindau baut jedoch nicht (in der Stadt) – „ “ zudem , die Brücke ( ) however".split(" ")
        ),
        max_size=25,
    ).map(" ".join)
)
@settings(deadline=None, max_examples=60)
def test_what_is_left_are_words_of_the_sentence_in_its_order(text: str) -> None:
    for language in ("de", "en"):
        rest = iter(re.findall(r"\w+", text.casefold()))
        assert all(word in rest for word in re.findall(r"\w+", condensed(text, language).casefold()))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (
            "Die Brücke von Lindau bleibt bis Mai gesperrt, weil ein Pfeiler nach dem Hochwasser nachgab.",
            ["Die Brücke von Lindau bleibt bis Mai gesperrt."],
        ),
        (
            "Die Fischer von Lindau bekommen im Winter Geld aus dem Fonds, den der Bund gegründet hat.",
            ["Die Fischer von Lindau bekommen im Winter Geld aus dem Fonds."],
        ),
        (
            "Der Rat von Lindau beschloss den Bau der Brücke; im Herbst beginnen die Arbeiten am Ufer.",
            ["Der Rat von Lindau beschloss den Bau der Brücke."],
        ),
        (
            "Der Rat von Lindau beschloss den Bau, weil viele klagten, und der Hafen bleibt gesperrt.",
            ["Der Rat von Lindau beschloss den Bau, weil viele klagten."],
        ),
        (
            "Auch die Kosten standen auf der Tagesordnung, wobei der neue Baurat Jan Peters anwesend war.",
            ["Auch die Kosten standen auf der Tagesordnung."],
        ),
        # What somebody said, a condition, what "alle" bounds, what a verb needs, half a verb, a correction.
        ("Die Bürgermeisterin betonte am Montag, dass die Brücke sicher sei.", []),
        ("Die Anwohner am Kanal ziehen die Klage zurück, wenn der Bau verschoben wird.", []),
        ("Alle Fischer aus Lindau bekommen im Winter Geld, die vor Gericht geklagt haben.", []),
        ("Anna Roth sagte gestern: „Wir bauen die Brücke, weil viele in Lindau dafür sind.“", []),
        ("Die beiden Seiten haben am Montag vereinbart, die alte Brücke über den Kanal zu erneuern.", []),
        ("Die Stadträte haben am Samstag, den 09.04.2005, der Hafenbahn die Zufahrt gesperrt.", []),
        ("Der Rat beschloss am Montag nicht den Bau, sondern nur eine Prüfung der Kosten.", []),
        # The main clause goes on, the contrary, a denial, what an indefinite noun is, what somebody said.
        ("Die Brücke wurde von vielen Leuten aus Lindau, die am Ufer standen, mit Beifall begrüßt.", []),
        ("Der Rat von Lindau begrüßte den Bau der Brücke; allerdings lehnt er den Tunnel ab.", []),
        ("Der Rat von Lindau warf den Anwohnern Betrug vor; diese haben das nie zugegeben.", []),
        ("Der Bund bezahlte in diesem Jahr eine Studie, bei der vierzig Brücken untersucht wurden.", []),
        ("Das Rathaus von Lindau meldete gestern, der erste neue Zug sei im Bahnhof eingetroffen.", []),
    ],
)
def test_where_room_is_short_one_clause_at_the_end_may_go(text: str, short: list[str]) -> None:
    assert list(shorter(text, "de")) == short
