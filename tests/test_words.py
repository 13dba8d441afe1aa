"""Words: spellings, forms and compounds that must meet, and those that must not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.words import (
    index_terms,
    is_content_word,
    name_terms,
    query_terms,
    words,
)


def found(question: str, text: str, language: str = "de") -> bool:
    """Whether any term of the question stands in the index of the text."""
    return bool(set(query_terms(question, language)) & set(index_terms(text, language).split()))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Straße", "Die Strasse ist gesperrt."),
        ("Strasse", "Auf den Straßen"),
        ("München", "in Muenchen"),
        ("Garantie", "Es geht um Sicherheitsgarantien."),
        ("Garantien", "eine Sicherheits-Garantie"),
        ("Sicherheitsgarantien", "Garantien für die Sicherheit"),
        ("Minister", "der Außenministerin"),
        ("Regierung", "die Landesregierungen"),
        ("Kind", "im Kindergarten"),
        ("Haus", "ein Häusermeer"),
        ("Verhandlung", "Friedensverhandlungen"),
        ("Versicherung", "eine Rechtsschutzversicherung"),
        ("Beauftragter", "der US-Sonderbeauftragte"),
        ("Email", "eine E-Mail"),
        ("E-Mail", "E-Mails"),
        ("3,5", "rund 3,5 Prozent"),
        ("3.5", "rund 3,5 Prozent"),
        ("1.000", "1000 Menschen"),
        ("18.2.2025", "am 18.2.2025"),
        ("2025", "am 18.2.2025"),
        ("COVID-19", "COVID-19-Tests"),
    ],
)
def test_german_spellings_forms_and_compounds_meet(question: str, text: str) -> None:
    assert found(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Garantie", "Gardinen"),
        ("3,5", "3 oder 5"),
        ("Wer war das?", "Wer das war, ist offen."),
        ("Land", "Landolt"),
        ("Ton", "Washington"),
    ],
)
def test_what_only_looks_alike_does_not_meet(question: str, text: str) -> None:
    assert not found(question, text)


@pytest.mark.parametrize(
    ("language", "question", "text"),
    [
        ("en", "negotiation", "negotiations"),
        ("en", "Trump", "Trump’s team"),
        ("fr", "accords", "l’accord"),
        ("tr", "Türkiye", "Türkiye'nin"),
        ("tr", "İstanbul", "istanbul"),
        ("ru", "переговоры", "о переговорах"),
        ("", "Beispiel", "BEISPIEL"),
        ("xx", "Éclair", "eclair"),
        ("ja", "東京", "東京都"),
        ("hi", "भाषा", "हिन्दी भाषा"),
    ],
)
def test_other_languages_have_their_forms(language: str, question: str, text: str) -> None:
    assert found(question, text, language)


def test_a_stem_weighs_twice_what_a_part_of_a_compound_does() -> None:
    assert index_terms("Landesregierung", "de").split() == ["landesregier"] * 2 + ["land", "regier"]
    assert query_terms("Landesregierung", "de") == ("landesregier", "landesregier", "land", "regier")


def test_a_repeated_question_word_counts_once() -> None:
    assert query_terms("Haus, Haus, Haus", "de") == ("haus", "haus")


def test_words_stand_where_they_say() -> None:
    text = "Die Landesregierung zahlte am 18.2.2025 rund 3,5 Mrd. Euro."
    found = words(text, "de")
    assert ("landesregier", 4, 19, ("land", "regier")) in [(w.stem, w.start, w.end, w.parts) for w in found]
    assert {text[word.start : word.end] for word in found} == {
        "Landesregierung", "zahlte", "18.2.2025", "rund", "3,5", "Mrd", "Euro",
    }  # fmt: skip


def test_decomposed_letters_keep_their_offsets() -> None:
    text = unicodedata.normalize("NFD", "große Gespräche")
    (word,) = [word for word in words(text, "de") if word.stem == "gesprach"]
    assert unicodedata.normalize("NFC", text[word.start : word.end]) == "Gespräche"


@pytest.mark.parametrize(
    ("word", "language", "content"),
    [
        ("welche", "de", False),
        ("Wer", "de", False),
        ("Vertrag", "de", True),
        ("who", "en", False),
        ("die", "en", True),
        ("war", "de", False),
        ("7", "de", True),
        ("e", "en", False),
        ("…", "de", False),
    ],
)
def test_function_and_question_words_carry_no_content(word: str, language: str, content: bool) -> None:
    assert is_content_word(word, language) is content


def test_names_and_numbers_cross_languages_in_the_stems_of_the_other() -> None:
    question = "Who met Anna Wagners in Riga on 18.2.2025?"
    indexed = index_terms("Anna Wagners, Riga, 18.2.2025", "de").split()
    assert set(name_terms(question, "en", "de")) <= set(indexed)
    assert "met" not in name_terms(question, "en", "de")


def test_the_capital_that_opens_a_sentence_makes_no_name() -> None:
    assert [word.stem for word in words("Houses burn. People met Berta.", "en") if word.name] == ["berta"]


@given(st.text(max_size=80), st.sampled_from(["de", "en", "fr", "ru", "tr", ""]))
def test_any_text_gives_clean_terms_and_true_spans(text: str, language: str) -> None:
    for term in index_terms(text, language).split():
        assert term
        assert not set(term) & set(" \t\n\"'.,;:-_()*^")
    end_before = 0
    for word in words(text, language):
        assert 0 <= word.start < word.end <= len(text)
        assert word.end >= end_before
        end_before = word.end


@given(st.text(max_size=60))
def test_whatever_is_indexed_is_found_by_its_own_words(text: str) -> None:
    assert set(query_terms(text, "de")) == set(index_terms(text, "de").split())
