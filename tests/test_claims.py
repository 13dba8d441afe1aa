"""A claim beside sentences: what supports it, what contradicts it, and what leaves it open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.claims import Care, ClaimModel, Judgement, Signals, judge, load_model
from rag.reading import read_sentence, spelling
from rag.types import Verdict

MAYOR = "Die Bürgermeisterin Anna Berger eröffnete am Freitag mit Peter Holm den neuen Hafen für 24 Millionen Euro."
SAID = "Während Holm von einem Erfolg sprach, betonte Berger, dass der Hafen noch nicht fertig sei."
LED = "Minister Holm wurde von Beraterin Carla Weiß und Anwalt Tom Brandt begleitet."


def seen(claim: str, *sentences: str, language: str = "de", care: Care = Care.STRICT) -> Judgement:
    return judge(claim, sentences, language, care=care)


def kinds(judgement: Judgement) -> set[str]:
    return {doubt.kind.value for doubt in judgement.doubts}


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("Anna Berger eröffnete den neuen Hafen.", MAYOR),
        ("Der neue Hafen wurde am Freitag von Anna Berger eröffnet.", MAYOR),
        ("Berger betonte, dass der Hafen noch nicht fertig sei.", SAID),
        ("Laut Berger ist der Hafen noch nicht fertig.", SAID),
        ("Carla Weiß und Tom Brandt begleiteten Minister Holm.", LED),
        ("Holm wurde von Tom Brandt begleitet.", LED),
        ("Weder Berger noch Holm kamen.", "Weder Berger noch Holm kamen am Abend."),
    ],
)
def test_what_the_sentence_says_is_supported(claim: str, sentence: str) -> None:
    assert seen(claim, sentence).verdict is Verdict.SUPPORTED


@pytest.mark.parametrize(
    ("claim", "sentence", "kind"),
    [
        ("Anna Berger eröffnete am Montag den neuen Hafen.", MAYOR, "number"),
        ("Berger eröffnete den neuen Hafen für 42 Millionen Euro.", MAYOR, "number"),
        ("Anna Berger eröffnete mit Peter Maler den neuen Hafen.", MAYOR, "name"),
        ("Holm betonte, dass der Hafen noch nicht fertig sei.", SAID, "speaker"),
        ("Laut Holm ist der Hafen noch nicht fertig.", SAID, "speaker"),
        ("Berger betonte, dass der Hafen fertig sei.", SAID, "negation"),
        ("Tom Brandt wurde von Minister Holm begleitet.", LED, "role"),
        ("Die Brücke wurde vor dem Hafen gebaut.", "Die Brücke wurde nach dem Hafen gebaut.", "role"),
        ("Alle Boote sind gesunken.", "Einige Boote sind gesunken.", "scope"),
    ],
)
def test_what_the_sentence_says_otherwise_contradicts(claim: str, sentence: str, kind: str) -> None:
    judgement = seen(claim, sentence)
    assert judgement.verdict is Verdict.CONTRADICTED
    assert kind in kinds(judgement)


@pytest.mark.parametrize(
    ("claim", "sentence", "kind"),
    [
        ("Der Hafen ist noch nicht fertig.", SAID, "speaker"),
        ("Der Hafen schließt im Mai.", "Der Hafen schließt möglicherweise im Mai.", "certainty"),
        ("Drei Jahre dauerte der Bau.", "Mehr als drei Jahre dauerte der Bau.", "number"),
        ("Die Königin Anna Berger eröffnete den neuen Hafen.", MAYOR, "name"),
    ],
)
def test_what_goes_beyond_the_sentence_is_not_supported(claim: str, sentence: str, kind: str) -> None:
    judgement = seen(claim, sentence)
    assert judgement.verdict is not Verdict.SUPPORTED
    assert kind in kinds(judgement)


def test_a_sentence_about_something_else_tells_nothing() -> None:
    assert seen("Der Zirkus kam nach Köln.", MAYOR).verdict is Verdict.NOT_SUPPORTED


def test_a_pronoun_speaks_for_the_first_name_of_the_sentence_before() -> None:
    before, after = "Holm traf Berger am Hafen.", "Er betonte, dass der Bau teuer war."
    assert seen("Holm betonte, dass der Bau teuer war.", before, after).verdict is Verdict.SUPPORTED
    assert seen("Berger betonte, dass der Bau teuer war.", before, after).verdict is Verdict.CONTRADICTED


def test_titles_are_looked_up_in_the_whole_article() -> None:
    known = "Ministerin Berger kam. Holm ging."
    sentence = "{} blieb am Abend lange mit allen Gästen am neuen Hafen."
    right, wrong = (sentence.format(f"Ministerin {name}") for name in ("Berger", "Holm"))
    for claim, name, supported in ((right, "Berger", True), (wrong, "Holm", False)):
        judgement = judge(claim, [sentence.format(name)], "de", known=known, care=Care.STRICT)
        assert (judgement.verdict is Verdict.SUPPORTED) is supported


def test_english_is_read_by_the_same_rules() -> None:
    sentence = "While Holm praised the harbour, Berger said that it was not finished."
    assert seen("Berger said that it was not finished.", sentence, language="en").verdict is Verdict.SUPPORTED
    assert "speaker" in kinds(seen("Holm said that it was not finished.", sentence, language="en"))


def test_numbers_are_the_same_in_every_spelling() -> None:
    one = read_sentence("Es kostet 1,5 Millionen Euro und 3.500 Stunden.", "de").quantities
    other = read_sentence("Es kostet 1500000 Euro und 3500 Stunden.", "de").quantities
    assert [(q.value, q.unit) for q in one] == [(q.value, q.unit) for q in other]


def test_transliterations_are_one_name_and_neighbours_are_not() -> None:
    assert spelling("lawrow") == spelling("lavrov")
    assert spelling("uschakow") == spelling("ushakov")
    assert spelling("juni") != spelling("juli")
    assert spelling("austri") != spelling("australi")


GIVEN = "Der Verein aus Ulm schenkte der Schule im Tal ein Boot und dem Museum am Ufer ein Segel."


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("Der Verein aus Ulm schenkte der Schule im Tal ein Boot.", Verdict.SUPPORTED),
        (GIVEN, Verdict.SUPPORTED),
        (
            "Der Verein aus Ulm schenkte dem Museum am Ufer ein Boot und der Schule im Tal ein Segel.",
            Verdict.NOT_SUPPORTED,
        ),
    ],
)
def test_the_same_words_in_another_order_are_another_claim(claim: str, verdict: Verdict) -> None:
    assert seen(claim, GIVEN).verdict is verdict


def test_the_passive_says_the_same_in_another_order() -> None:
    active = "Die Stadt Ulm baute 2019 den neuen Hafen."
    assert seen("Der neue Hafen wurde 2019 von der Stadt Ulm gebaut.", active).signals.likeness == 0
    assert seen("2019 baute die Stadt Ulm den neuen Hafen.", active).signals.likeness == 1


@pytest.mark.parametrize("name", ["words", "meaning", "copy"])
def test_weights_have_the_signs_that_are_known(name: str) -> None:
    weights = load_model(name).weights
    against = {"absent", "doubts", "hard", "moved"}
    assert all((weight < 0) == (name in against) for name, weight in weights.items())
    assert set(weights) <= set(Signals.__dataclass_fields__)


def test_the_coefficients_are_the_file() -> None:
    stored = json.loads((Path(__file__).parent.parent / "rag" / "claims.json").read_text(encoding="utf-8"))
    assert {name: load_model(name) for name in stored} == {
        name: ClaimModel(**one) for name, one in stored.items()
    }


WORDS = st.lists(
    st.sampled_from(
        "Berger Holm Hafen nicht 24 Euro sagte , dass und von baute Köln kein alle während er".split()
    ),
    min_size=1,
    max_size=14,
).map(" ".join)


@settings(deadline=None)
@given(claim=WORDS, sentence=WORDS)
def test_one_doubt_is_enough_not_to_support(claim: str, sentence: str) -> None:
    judgement = seen(claim, sentence)
    assert 0 <= judgement.support <= 1
    assert judgement.verdict is not Verdict.SUPPORTED or not judgement.doubts


@settings(deadline=None)
@given(claim=WORDS, sentence=WORDS)
def test_what_is_strictly_supported_is_supported_evenly(claim: str, sentence: str) -> None:
    if seen(claim, sentence).verdict is Verdict.SUPPORTED:
        assert seen(claim, sentence, care=Care.EVEN).verdict is Verdict.SUPPORTED


@settings(deadline=None)
@given(text=WORDS | st.text(min_size=1), before=WORDS, care=st.sampled_from(Care))
def test_the_words_of_a_sentence_are_always_supported(text: str, before: str, care: Care) -> None:
    judgement = seen(f" {text}", before, text, care=care)
    assert (judgement.verdict, judgement.support, judgement.doubts) == (Verdict.SUPPORTED, 1.0, ())


@pytest.mark.parametrize("care", Care)
@pytest.mark.parametrize("claim", ["", "…", "Das war es nicht."])
def test_a_claim_without_words_of_its_own_is_supported_by_itself_alone(claim: str, care: Care) -> None:
    assert seen(claim, MAYOR, care=care).verdict is Verdict.NOT_SUPPORTED


def test_of_two_sentences_together_the_words_are_supported() -> None:
    assert seen(f"{SAID} {LED}", SAID, LED).verdict is Verdict.SUPPORTED


def test_a_doubt_weighs_evenly_and_refuses_strictly() -> None:
    claim = "Der Hafen ist noch nicht fertig."
    assert "speaker" in kinds(seen(claim, SAID))
    assert seen(claim, SAID).verdict is Verdict.NOT_SUPPORTED
    assert seen(claim, SAID, care=Care.EVEN).verdict is Verdict.SUPPORTED


def test_no_other_wording_explains_a_number_or_a_negation() -> None:
    assert seen("Der Hafen kostete 42 Euro.", "Der Hafen kostete 24 Euro.").signals.hard == 0.5
    assert seen("Der Hafen kostete nicht 42 Euro.", "Der Hafen kostete 24 Euro.").signals.hard == 1
    assert seen("Holm kam.", "Berger kam.").signals.hard == 0


@settings(deadline=None)
@given(sentence=WORDS, number=st.integers(min_value=25, max_value=99))
def test_a_number_that_does_not_stand_there_is_never_supported(sentence: str, number: int) -> None:
    assert seen(f"{sentence} {number}", sentence).verdict is not Verdict.SUPPORTED
