"""Cleaning: what is joined, what is kept apart, what is dropped; and that nothing is made up."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.clean import clean, clean_article, clean_text
from rag.errors import EmptyDocument
from rag.types import Article, RawDocument

SEEDS = Path(__file__).parent.parent / "seeds"

# Enough hard-wrapped lines around a case that the text shows its width.
BEFORE = (
    "Der Ausschuss des Parlaments hat am Dienstag lange über die\n"
    "neuen Regeln für den Handel beraten und dabei viele Fachleute\n"
    "gehört, die in den vergangenen Jahren an der Vorlage gearbeitet\n"
    "hatten und sie nun in allen Einzelheiten erläuterten.\n\n"
)


def wrapped(case: str) -> str:
    """What becomes of `case` behind hard-wrapped text."""
    cleaned = clean_text(BEFORE + case)
    assert cleaned.startswith("Der Ausschuss des Parlaments hat am Dienstag lange über die neuen Regeln")
    return cleaned.partition("erläuterten.\n\n")[2]


JOINS = [
    ("Am Abend begann dann die lange erwartete Verhand-\nlung im Saal.", "Verhandlung im Saal"),
    ("Dabei war auch der langjährige US-\n Sonderbeauftragte.", "US-Sonderbeauftragte."),
    ("Gemeldet hatte sich am Abend noch der US-\nPräsident.", "US-Präsident."),
    ("Bezahlt wurde ihnen vom Veranstalter die Hin-\nund Rückfahrt.", "Hin- und Rückfahrt."),
    ("Gesprochen wurde dort vor allem über den Nord-\noder Südteil.", "Nord- oder Südteil."),
    ("Auch der Stadtteil Berlin-\nMitte war in diesem Jahr betroffen.", "Berlin-Mitte war"),
    ("Sie litten noch immer an den Folgen von Covid-\n19 und Grippe.", "Covid-19 und"),
    ("Es war ein Treffen der EU-\nweiten Gruppe, das kaum beachtet wurde.", "EU-weiten Gruppe"),
    ("Die Reise ging über die Jahre 2020–\n2025 hinweg immer weiter.", "2020–2025 hinweg"),
    ("Das war ein Vorhaben, dem alle –\nauch die Gegner – zustimmten.", "alle – auch die"),
    ("Das gilt für Beamte und/\noder Angestellte, die dort arbeiten.", "und/oder Angestellte"),
    ("Am Abend begann die Verhand\u00ad\nlung im großen Saal des Hauses.", "Verhandlung im"),
    (
        "Alle sahen das Sicherheits\u00adgarantien genannte Papier auf dem Tisch.",
        "Sicherheitsgarantien genannte",
    ),
    ("The minister announced that the govern-\nment would act very soon.", "government would"),
    ("He was, as everybody in the town knew, a well-\nknown author.", "well-known author"),
    ("It was a state-\nowned firm. Only state-owned firms could take part in it.", "a state-owned firm"),
]


@pytest.mark.parametrize(("case", "expected"), JOINS)
def test_word_broken_at_a_line_end_is_made_whole(case: str, expected: str) -> None:
    assert expected in wrapped(case)


def test_sentence_broken_by_a_page_is_made_whole() -> None:
    case = (
        "Die Ministerin sagte am Abend, die Gespräche seien gut. Obwohl\n\n\n\n"
        "die Gegenseite zunächst zögerte, kam es zu einer Einigung.\n"
    )
    assert wrapped(case).endswith("gut. Obwohl die Gegenseite zunächst zögerte, kam es zu einer Einigung.")


def test_sentence_broken_by_a_page_before_a_noun_is_made_whole() -> None:
    case = (
        "Die Ministerin sagte am Abend, dass es nun nach langer Zeit\n"
        "weitergehe. Sie habe das ganze Land bereist und in jeder Stadt\n\n"
        "Fachleute gefragt, die sich mit den Regeln gut auskennen.\n"
    )
    assert "in jeder Stadt Fachleute gefragt" in wrapped(case)


def test_word_broken_by_a_page_is_made_whole() -> None:
    assert "die Verhandlung begann" in wrapped(
        "Am Abend war es endlich so weit und die Verhand-\n\nlung begann."
    )


def test_wrapped_heading_becomes_one_line_and_stays_apart() -> None:
    case = "Ein erster Schritt zur Beendigung des\nStreits\n\n" + BEFORE
    assert wrapped(case).startswith("Ein erster Schritt zur Beendigung des Streits\n\nDer Ausschuss")


def test_question_heading_stays_apart() -> None:
    assert wrapped("Was kommt nun?\n\n" + BEFORE).startswith("Was kommt nun?\n\nDer Ausschuss")


def test_heading_without_blank_line_is_set_apart() -> None:
    assert wrapped("Streit um das Geld\n" + BEFORE).startswith("Streit um das Geld\n\nDer Ausschuss")


def test_heading_between_full_lines_is_set_apart() -> None:
    body = BEFORE.strip().removesuffix("erläuterten.") + "dort erläuterten."
    cleaned = clean_text(f"{body}\nStreit um das Geld\n{body}")
    assert cleaned.split("\n\n")[1] == "Streit um das Geld"


def test_paragraphs_without_blank_lines_are_found_by_their_short_last_line() -> None:
    text = BEFORE.strip() + "\nEnde.\n" + BEFORE.strip()
    assert clean_text(text).count("\n\n") >= 1
    assert "Ende.\n\nDer Ausschuss" in clean_text(text)


def test_list_items_stay_on_lines_of_their_own() -> None:
    case = "Beschlossen wurde:\n- ein neues Gesetz für den Handel\n- mehr Geld für die Schulen\n\n" + BEFORE
    assert "- ein neues Gesetz für den Handel\n- mehr Geld für die Schulen\n\nDer" in wrapped(case)


def test_date_at_the_beginning_of_a_line_is_no_list_item() -> None:
    assert "Gespräche am 18. Februar" in wrapped(
        "Am Ende einigte man sich auf Gespräche am\n18. Februar in Genf."
    )


def test_dash_at_the_beginning_of_a_line_is_no_list_item() -> None:
    case = "Die Regierung müsse nun endlich auf alle Forderungen verzichten\n– das lehnt sie aber ab."
    assert "verzichten – das lehnt" in wrapped(case)


def test_one_paragraph_per_line_is_not_joined() -> None:
    lines = [
        "Neue Gespräche in der Hauptstadt",
        "Nach drei Jahren haben sich die Vertreter beider Länder am Dienstag zu einem Gespräch getroffen.",
        "Das Treffen galt als erster Kontakt seit Beginn des Streits und dauerte mehr als vier Stunden.",
        "Wer saß mit am Tisch?",
        "Auf der einen Seite saßen die Außenminister, auf der anderen ihre Berater und Dolmetscher.",
    ]
    assert clean_text("\n".join(lines)) == "\n\n".join(lines)


def test_long_lines_of_a_web_page_are_not_joined() -> None:
    lines = [
        "das ist ein absatz ohne punkt und ohne großen anfang " * 5,
        "noch einer, ebenso lang und ebenso klein " * 6,
    ]
    assert clean_text("\n".join(lines)) == "\n\n".join(line.strip() for line in lines)


def test_text_with_a_blank_line_behind_every_line_is_joined() -> None:
    cleaned = clean_text((BEFORE.strip() + "\n" + BEFORE.strip()).replace("\n", "\n\n"))
    assert "über die neuen Regeln für den Handel beraten und dabei viele Fachleute gehört" in cleaned


def test_running_heads_and_page_numbers_are_dropped() -> None:
    body = BEFORE.strip().splitlines()
    names = ["Rom", "Bern", "Wien", "Prag"]
    pages = [
        "\n".join(
            [
                "Tageblatt   18. Februar",
                *(line.replace("die", name).replace("nun", name) for line in body),
                f"Seite {n} von 4",
            ]
        )
        for n, name in enumerate(names, start=1)
    ]
    expected = [" ".join(line.replace("die", name).replace("nun", name) for line in body) for name in names]
    assert clean_text("\f".join(pages), "pdf") == "\n\n".join(expected)


def test_page_number_in_the_middle_of_a_sentence_is_dropped_without_page_breaks() -> None:
    assert "am Ende doch noch ab" in wrapped(
        "Man stimmte über die Vorlage nach langer Debatte am Ende\n\n7\n\ndoch noch ab."
    )


def test_numbers_inside_a_page_are_kept() -> None:
    assert "2025" in clean_text("Es begann im Jahr\n2025\nund endete nie.")


def test_characters_are_normalised() -> None:
    cleaned = clean_text("\ufeffA\u0308pfel\u00a0und\u200b Birnen\r\n\r\nﬁnden\x00 sich\u2028hier\tüberall.")
    assert cleaned == "Äpfel und Birnen\n\nfinden sich\n\nhier überall."


def test_typographic_quotes_stay() -> None:
    text = "Er sagte: „Ja“, “Nein” und »Vielleicht«, nicht 'so'."
    assert clean_text(text) == text


def test_joiners_that_spell_words_stay() -> None:
    assert clean_text("می\u200cخواهم") == "می\u200cخواهم"


def test_chinese_lines_are_joined_without_a_space() -> None:
    text = "美国和俄罗斯的外交部长在利雅得举行了会谈并且讨论了战争的问\n题以及双方关系的未来发展方向。"
    assert clean_text(text) == text.replace("\n", "")


def test_markdown_marks_are_dropped() -> None:
    text = (
        '# Ein *Titel*\n\nEin **fetter** Satz mit [Verweis](https://example.org/a_b(c) "x") und `Code`,\n'
        "der weitergeht. <!-- weg -->\n\n- Punkt eins\n* Punkt __zwei__\n\n"
        "> Zitat mit snake_case_name\n\n---\n"
        "![Bild](b.png)\n| A | B |\n|---|---|\n| 1 | 2 |\n"
    )
    assert clean_text(text, "markdown").split("\n\n") == [
        "Ein Titel",
        "Ein fetter Satz mit Verweis und Code, der weitergeht.",
        "- Punkt eins\n* Punkt zwei",
        "Zitat mit snake_case_name",
        "Bild",
        "A B",
        "1 2",
    ]


def test_title_is_the_first_heading_where_none_is_told() -> None:
    raw = RawDocument(text="Streit um das Geld\n\n" + BEFORE, origin="/a.txt")
    assert clean(raw).title == "Streit um das Geld"
    assert clean(raw.model_copy(update={"title": "Vom Rand"})).title == "Vom Rand"
    assert clean(RawDocument(text=BEFORE)).title == ""


def test_metadata_is_passed_on() -> None:
    article = clean(
        RawDocument(text="Ein Satz.", origin="/a.txt", source="Blatt", url="https://a.example", language="de")
    )
    assert (article.source, article.url, article.language) == ("Blatt", "https://a.example", "de")
    assert article.origins == ("/a.txt",)


@pytest.mark.parametrize("text", ["", " \n\f\u200b", "…\n— —\n!"])
def test_text_without_words_is_an_empty_document(text: str) -> None:
    with pytest.raises(EmptyDocument):
        clean(RawDocument(text=text, origin="/leer.txt"))


def test_article_handed_over_keeps_what_the_caller_said() -> None:
    article = Article(text="Ein  Satz.\r\nNoch einer.", title="T", url="https://a.example", language="de")
    assert clean_article(article) == article.model_copy(update={"text": "Ein Satz.\n\nNoch einer."})


def test_final_article_comes_back_unchanged() -> None:
    article = clean_article(Article(text=BEFORE + "Streit um das Geld\n\n" + BEFORE))
    assert clean_article(article) == article


# --- properties --------------------------------------------------------------------------------

_WORDS = [
    "Haus",
    "die",
    "US-",
    "gehen",
    "Verhand-",
    "lung",
    "18.",
    "Ende.",
    "Was?",
    "- Punkt",
    "1. Teil",
    "“Ja.”",
    "…",
]
_LAYOUT = st.lists(
    st.tuples(
        st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join),
        st.sampled_from(["\n", "\n\n", " ", "\f", "\n\n\n"]),
    ),
    max_size=25,
).map(lambda lines: "".join(text + end for text, end in lines))
_ANY_TEXT = st.one_of(
    _LAYOUT, st.text(max_size=200), st.text(alphabet="aA.-\u00ad \n\f1–„“,?\u0308", max_size=120)
)
_KINDS = st.sampled_from(["plain", "pdf", "html", "docx"])


@settings(deadline=None)
@given(_ANY_TEXT, _KINDS)
def test_cleaning_is_idempotent(text: str, kind: str) -> None:
    once = clean_text(text, kind)  # type: ignore[arg-type]
    assert clean_text(once, kind) == once  # type: ignore[arg-type]
    assert kind != "pdf" or clean_text(once) == once


@settings(deadline=None)
@given(_ANY_TEXT, _KINDS)
def test_layout_is_what_the_rest_relies_on(text: str, kind: str) -> None:
    cleaned = clean_text(text, kind)  # type: ignore[arg-type]
    assert cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not re.search(r"[\r\f\t\u00a0\u00ad\u200b]|\n{3}|  | \n|\n ", cleaned)


@settings(deadline=None)
@given(_ANY_TEXT, _KINDS)
def test_letters_and_digits_are_a_subsequence_of_the_input(text: str, kind: str) -> None:
    """Nothing is invented and nothing changes places, whatever is dropped or joined."""
    cleaned = clean_text(text, kind)  # type: ignore[arg-type]
    given_characters = iter(_bare(text))
    assert all(character in given_characters for character in _bare(cleaned))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["Haus", "gehen", "Ende", "Straße", "Öl"]), min_size=5, max_size=80))
def test_rewrapping_gives_the_sentence_back(words: list[str]) -> None:
    sentence = "Wir " + " ".join(words).lower() + "."
    lines, line = [], ""
    for word in sentence.split():
        if len(line) + len(word) > 50:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    assert clean_text(BEFORE + "\n".join([*lines, line])).endswith(sentence)


def _bare(text: str) -> str:
    text = re.sub("[ﬀ-ﬆ]", lambda ligature: unicodedata.normalize("NFKC", ligature.group()), text)
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(character for character in decomposed if character.isalnum())


# --- the demo articles -------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SEEDS.glob("*-*.txt")), ids=lambda path: path.stem)
def test_demo_article_is_whole_and_final(path: Path) -> None:
    raw = path.read_text(encoding="utf-8")
    cleaned = clean_text(raw)
    assert clean_text(cleaned) == cleaned
    assert re.sub(r"\W", "", cleaned) == re.sub(r"\W", "", raw)
    paragraphs = cleaned.split("\n\n")
    assert all("\n" not in paragraph for paragraph in paragraphs)
    assert all(paragraph[0].isupper() or paragraph[0] in "„“" for paragraph in paragraphs)
