"""Who said what: speaker, words, direct or indirect."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import split_sentences
from rag.speech import who_said_what
from rag.types import Article


def article(text: str, language: str = "de") -> Article:
    return Article(text=text, language=language, sentences=split_sentences(text, language))


def said(text: str, language: str = "de") -> list[tuple[str, str, bool]]:
    return [
        (one.speaker, text[one.start : one.end], one.direct) for one in who_said_what(article(text, language))
    ]


@pytest.mark.parametrize(
    ("text", "speaker", "words"),
    [
        ("Der Richter sagte, dass die Tat geplant war.", "Der Richter", "dass die Tat geplant war"),
        ("Anna Roth betonte, die Brücke sei sicher.", "Anna Roth", "die Brücke sei sicher"),
        ("Am Montag erklärte Anna Roth, die Brücke sei sicher.", "Anna Roth", "die Brücke sei sicher"),
        ("Die Polizei teilte mit, dass niemand verletzt wurde.", "Die Polizei", "dass niemand verletzt wurde"),
        ("Die Brücke sei sicher, sagte Baurat Jan Peters am Montag.", "Baurat Jan Peters", "Die Brücke sei sicher"),
        ("Die Brücke sei sicher, so die Bürgermeisterin.", "die Bürgermeisterin", "Die Brücke sei sicher"),
        ("Die Brücke ist sicher, wie die Stadt mitteilte.", "die Stadt", "Die Brücke ist sicher"),
        ("Wie die Stadt mitteilte, ist die Brücke sicher.", "die Stadt", "ist die Brücke sicher"),
        ("Laut Polizei wurden drei Menschen verletzt.", "Polizei", "wurden drei Menschen verletzt"),
        ("Nach Angaben der Polizei wurden drei Menschen verletzt.", "der Polizei", "wurden drei Menschen verletzt"),
        ("Der Polizei zufolge wurden drei Menschen verletzt.", "Der Polizei", "wurden drei Menschen verletzt"),
        ("Der Verband hat angekündigt, gegen den Bau zu klagen.", "Der Verband", "gegen den Bau zu klagen"),
        (
            "Als Baurat Jan Peters am Montag sagte, dass die Brücke sicher sei, lachten viele.",
            "Baurat Jan Peters",
            "dass die Brücke sicher sei",
        ),
    ],
)  # fmt: skip
def test_indirect_speech(text: str, speaker: str, words: str) -> None:
    assert said(text) == [(speaker, words, False)]


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("Anna Roth sagte: „Die Brücke ist sicher.“", "Anna Roth"),
        ("„Die Brücke ist sicher“, sagte Anna Roth.", "Anna Roth"),
        ("„Die Brücke ist sicher“, so Anna Roth in Lindau.", "Anna Roth"),
        ("Bürgermeisterin Anna Roth: „Die Brücke ist sicher.“", "Bürgermeisterin Anna Roth"),
        ('Anna Roth erklärte am Abend: "Die Brücke ist sicher."', "Anna Roth"),
        ("»Die Brücke ist sicher«, betonte der Sprecher der Stadt.", "der Sprecher der Stadt"),
    ],
)
def test_direct_speech(text: str, speaker: str) -> None:
    assert said(text) == [(speaker, "Die Brücke ist sicher", True)]


def test_a_quotation_of_several_sentences_is_one() -> None:
    text = (
        "„Die Brücke ist sicher. Wir haben sie geprüft. Niemand muss sich sorgen“, sagte Anna Roth am Montag."
    )
    assert said(text) == [
        ("Anna Roth", "Die Brücke ist sicher. Wir haben sie geprüft. Niemand muss sich sorgen", True)
    ]


def test_a_pronoun_stands_for_the_nearest_person() -> None:
    text = "Baurat Jan Peters kam nach Lindau. Er sagte, dass die Brücke sicher sei."
    assert said(text) == [("Baurat Jan Peters", "dass die Brücke sicher sei", False)]


def test_a_pronoun_without_a_person_says_nothing() -> None:
    assert said("Es regnete lange. Er sagte, dass die Brücke sicher sei.") == []


def test_reported_speech_goes_on_with_its_speaker() -> None:
    text = "Anna Roth sagte, die Brücke sei sicher. Niemand müsse sich sorgen."
    assert [speaker for speaker, _, _ in said(text)] == ["Anna Roth", "Anna Roth"]


def test_both_halves_of_a_broken_quotation() -> None:
    text = "„Die Brücke ist sicher“, sagte Anna Roth, „das haben wir lange geprüft.“"
    assert [words for _, words, _ in said(text)] == ["Die Brücke ist sicher", "das haben wir lange geprüft"]


@pytest.mark.parametrize(
    ("text", "speaker", "words"),
    [
        ("The minister said that the bridge was safe.", "The minister", "that the bridge was safe"),
        (
            "“The bridge is safe,” the prime minister told reporters.",
            "the prime minister",
            "The bridge is safe",
        ),
        ("“The bridge is safe,” said Anna Roth on Monday.", "Anna Roth", "The bridge is safe"),
        ("According to the Guardian, three people died.", "the Guardian", "three people died"),
    ],
)
def test_english(text: str, speaker: str, words: str) -> None:
    ((found, told, _),) = said(text, "en")
    assert (found.casefold(), told) == (speaker.casefold(), words)


@pytest.mark.parametrize(
    "text",
    [
        "Die Brücke wurde am Montag geöffnet.",
        "Die Zeitung „Blick nach vorn“ erscheint in Lindau.",
        "Er nannte den Mann, der das Geld hatte.",
        "",
    ],
)
def test_where_nobody_speaks_nothing_is_said(text: str) -> None:
    assert said(text) == []


@given(st.lists(st.sampled_from(
    ["Anna Roth", "sagte", "„", "“", '"', ",", ".", ": ", "dass", "laut", "nach Angaben", "zufolge", "er", "so", "wie",
     "die Stadt", "(", ")", "\n", "habe", "hat", "erklärt", "das", "teilte", "mit", "und", " "]
), max_size=25))  # fmt: skip
def test_no_text_breaks_the_reading(pieces: list[str]) -> None:
    text = " ".join(pieces)
    for one in who_said_what(article(text)):
        assert text[one.speaker_start : one.speaker_end] == one.speaker
        assert text[one.start : one.end].strip() == text[one.start : one.end] != ""


@pytest.mark.parametrize(
    ("text", "speaker", "words"),
    [
        (
            "Ein Boot, auf dem sich nach Angaben der Polizei viel Geld befunden haben soll, ist gekentert.",
            "der Polizei",
            "auf dem sich nach Angaben der Polizei viel Geld befunden haben soll",
        ),
        (
            "Die Stadt will einen Mann ausweisen, der laut Polizei drei Fischer bedroht hat.",
            "Polizei",
            "der laut Polizei drei Fischer bedroht hat",
        ),
    ],
)
def test_a_source_inside_a_relative_clause_says_that_clause_only(text: str, speaker: str, words: str) -> None:
    assert said(text) == [(speaker, words, False)]


def test_speech_goes_on_behind_its_speaker() -> None:
    text = "Der Bau sei, so Anna Roth, wegen der Kosten von 2,9 Millionen Euro verschoben worden."
    assert said(text) == [("Anna Roth", text.rstrip("."), False)]


@pytest.mark.parametrize(
    "text",
    [
        "Nach Informationen vom späten Abend wurden drei Menschen verletzt.",
        "Als Nachfolger haben sich bereits drei Kandidaten gemeldet: Roth, Meier und Kern.",
        "Die Brücke ist alt. Dies sagte alles.",
        "Ungeklärt ist noch, wie der Mann in den Besitz der Waffe kommen konnte.",
        "Zwar stimmten beide Seiten dem Haushalt von 2,9 Millionen zu, allerdings nicht dem Plan.",
    ],
)
def test_what_nobody_said_is_not_said(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("Nach Angaben der Nachrichtenagentur ddp nahmen 400 Menschen teil.", "der Nachrichtenagentur ddp"),
        ("Nach Angaben des Kapitäns Mohamed Said ist das Boot gesunken.", "des Kapitäns Mohamed Said"),
    ],
)
def test_a_speaker_is_named_in_full(text: str, speaker: str) -> None:
    assert [one[0] for one in said(text)] == [speaker]


@pytest.mark.parametrize(
    ("text", "speaker", "words"),
    [
        (
            "Der Bau dauert drei Jahre, so Rats- und Behördenkreise.",
            "Rats- und Behördenkreise",
            "Der Bau dauert drei Jahre",
        ),
        (
            "Das Amt, das für die Brücken zuständig ist, begründete den Bau damit, dass der Kanal breiter werde.",
            "Das Amt",
            "dass der Kanal breiter werde",
        ),
        (
            "Nach dem Spiel war Trainerin Anna Roth zufrieden: „Wir haben heute alles richtig gemacht“, sagte sie.",
            "Trainerin Anna Roth",
            "Wir haben heute alles richtig gemacht",
        ),
    ],
)
def test_who_speaks_is_found_behind_clauses_and_verbs(text: str, speaker: str, words: str) -> None:
    assert [one[:2] for one in said(f"Der SC Lindau spielt seit Jahren am Kanal. {text}")] == [
        (speaker, words)
    ]


def test_who_quotes_somebody_says_nothing() -> None:
    text = "Um den Preis der Brücke zu schätzen, zitiert die Seepost Anna Roth, eine Kennerin des Hafens."
    assert said(text) == []


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Der Baurat widersprach der Ansicht, dass die Brücke teuer sei.", []),
        ("Die Stadt wies den Vorwurf zurück, dass der Bau zu teuer werde.", []),
        ("Laut der Polizei war ein Mann am Hafen. Er erklärte einem Fischer, dass er die Brücke sprengen werde.",
         ["der Polizei"]),
        ("Anna Roth sagte, die Brücke sei sicher. Der Vorwurf wurde auch damit entkräftet, dass sie neu sei.",
         ["Anna Roth"]),
        ("Anna Roth sagte, die Brücke sei sicher. Die Kosten, die hoch waren, seien gesunken, es werde billiger.",
         ["Anna Roth", "Anna Roth"]),
        ("Demgegenüber erklärte der Baurat, dass die Brücke sicher sei.", ["der Baurat"]),
        ("In der Debatte, die über die Brücke geführt wird, hat der Baurat gefordert, langsamer zu bauen.",
         ["der Baurat"]),
        ("Der Verband deutscher Fischer bedauerte, dass der Hafen gesperrt bleibe.", ["Der Verband deutscher Fischer"]),
        ("Nach ersten Angaben wurden drei Menschen verletzt.", ["ersten Angaben"]),
        ("Eine Zeitung zitierte die Bürgermeisterin mit den Worten: „Die Brücke ist jetzt sicher.“",
         ["die Bürgermeisterin"]),
        ("Die Fraktion der Fischer und Bauern, meldeten unterdessen Kritik am Vorhaben der Koalition an.", []),
        ("Baurat Jan Peters sagte, die Brücke sei sicher. Dann hat Anna Roth Stellung genommen. Es werde teuer.",
         ["Baurat Jan Peters"]),
        ("Nach Angaben von Anna Roth wurden drei Menschen verletzt.", ["Anna Roth"]),
        ("Wenige Stunden nach dem Sturm erklärte der neue „Rat für die Pflege der Seen“, dass nichts geschah.", []),
    ],
)  # fmt: skip
def test_who_is_heard(text: str, heard: list[str]) -> None:
    assert [one[0] for one in said(text)] == heard
