"""Items become statements, statements an answer with numbered marks."""

from __future__ import annotations

import pytest

from rag.answer import item, whole
from rag.compose import (
    Judged,
    is_short,
    missing,
    not_found,
    numbered,
    quoted,
    render,
    says,
    statement,
    words_of,
)
from rag.question import Kind
from rag.types import FoundBy, Hit, Verdict

LANGUAGES = ["de", "en", "fr", "es", "it", "tr", "ru"]


def hit(text: str, article_id: str = "a", start: int = 0) -> Hit:
    return Hit(
        kind="sentence",
        article_id=article_id,
        revision=f"r-{article_id}",
        first=start,
        last=start,
        start=start,
        end=start + len(text),
        text=text,
        score=0.5,
        found_by=FoundBy.BOTH,
        title="Der Hafen",
        url="http://a.example/1",
        language="de",
    )


def judged(sentence: Hit, words: str = "", support: float = 0.8) -> Judged:
    if not words:
        return Judged(whole(sentence), support)
    start = sentence.start + sentence.text.index(words)
    return Judged(item(sentence, start, start + len(words)), support)


LAWIN = hit("Für das Land kam Minister Sergej Lawin.")
LAVIN = hit("Sergei Lavin sprach mit Anna Roth.", article_id="b", start=40)
ROTH = hit("Die Bürgermeisterin Anna Roth\nund Jan Peters kamen.", start=100)


def grouped(items: list[Judged], kind: Kind) -> list[list[Judged]]:
    groups: list[list[Judged]] = []
    for one in items:
        known = next((group for group in groups if says(group, one, kind)), None)
        if known is None:
            groups.append([one])
        else:
            known.append(one)
    return groups


def test_spellings_of_one_name_are_one_group() -> None:
    groups = grouped([judged(LAWIN, "Sergej Lawin"), judged(LAVIN, "Sergei Lavin")], Kind.PERSON)
    assert [len(group) for group in groups] == [2]


def test_items_of_one_sentence_stay_apart() -> None:
    groups = grouped([judged(ROTH, "Anna Roth"), judged(ROTH, "Jan Peters")], Kind.PERSON)
    assert [len(group) for group in groups] == [1, 1]


def test_where_sentences_answer_the_items_of_a_sentence_are_one_group() -> None:
    items = [judged(ROTH, "Anna Roth"), judged(ROTH, "Jan Peters"), judged(LAWIN)]
    assert [len(group) for group in grouped(items, Kind.REASON)] == [2, 1]


def test_whole_sentences_are_told_apart_whatever_is_asked() -> None:
    groups = grouped([judged(LAVIN), judged(hit("Anna Roth sprach.", start=300))], Kind.PERSON)
    assert [len(group) for group in groups] == [1, 1]


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_lost_in_groups(kind: Kind) -> None:
    items = [
        judged(LAWIN, "Sergej Lawin"),
        judged(ROTH, "Jan Peters"),
        judged(LAVIN, "Sergei Lavin"),
        judged(ROTH),
    ]
    members = [member for group in grouped(items, kind) for member in group]
    assert sorted(map(id, members)) == sorted(map(id, items))


def test_the_fullest_spelling_is_stated() -> None:
    group = [judged(LAVIN, "Sergei Lavin"), judged(LAWIN, "Minister Sergej Lawin")]
    assert words_of(group, Kind.PERSON) == "Minister Sergej Lawin"


def test_a_sentence_is_stated_on_one_line() -> None:
    assert words_of([judged(ROTH)], Kind.REASON) == "Die Bürgermeisterin Anna Roth und Jan Peters kamen."


def test_a_few_words_answer_who_when_where_and_how_many() -> None:
    assert {kind for kind in Kind if is_short(kind)} == {
        Kind.PERSON,
        Kind.NAME,
        Kind.TIME,
        Kind.PLACE,
        Kind.NUMBER,
    }


def test_a_statement_cites_each_sentence_of_its_group_once() -> None:
    group = [judged(LAWIN, "Sergej Lawin", 0.6), judged(LAVIN, "Sergei Lavin", 0.9), judged(LAWIN, "Lawin")]
    made = statement(group, "Sergej Lawin")
    assert [(c.article_id, c.revision, c.start, c.end, c.quote) for c in made.citations] == [
        ("a", "r-a", 0, len(LAWIN.text), LAWIN.text),
        ("b", "r-b", 40, 40 + len(LAVIN.text), LAVIN.text),
    ]
    assert (made.verdict, made.support) == (Verdict.SUPPORTED, 0.9)
    assert {(c.title, c.url, c.number) for c in made.citations} == {("Der Hafen", "http://a.example/1", 0)}


def test_citations_are_numbered_once_in_the_order_of_the_statements() -> None:
    made = [
        statement([judged(LAVIN)], "Erstens."),
        statement([judged(LAWIN), judged(LAVIN)], "Zweitens."),
        statement([judged(LAVIN)], "Drittens."),
    ]
    statements, citations = numbered(made)
    assert [[c.number for c in one.citations] for one in statements] == [[1], [2, 1], [1]]
    assert [(c.number, c.article_id) for c in citations] == [(1, "b"), (2, "a")]
    assert [one.text for one in statements] == ["Erstens.", "Zweitens.", "Drittens."]


def test_two_revisions_of_a_sentence_have_two_numbers() -> None:
    later = LAWIN.model_copy(update={"revision": "r-later"})
    _, citations = numbered([statement([judged(LAWIN)], "Eins."), statement([judged(later)], "Zwei.")])
    assert [c.revision for c in citations] == ["r-a", "r-later"]


def test_one_statement_is_a_line_and_several_are_a_list() -> None:
    one, _ = numbered([statement([judged(LAWIN), judged(LAVIN)], "Sergej Lawin")])
    assert render(one) == "Sergej Lawin [1] [2]"
    two, _ = numbered([statement([judged(LAWIN)], "Lawin"), statement([judged(ROTH)], "Roth")])
    assert render(two) == "- Lawin [1]\n- Roth [2]"


def test_what_sources_differ_on_is_told_as_the_words_of_an_article() -> None:
    (one,), _ = numbered([statement([judged(ROTH)], "Anna Roth")])
    told = one.model_copy(update={"verdict": Verdict.DISPUTED})
    assert render([told], "de") == "Im Artikel steht: „Anna Roth“ [1]"
    already = told.model_copy(update={"text": quoted("Anna Roth", "de")})
    assert render([already], "de") == "Im Artikel steht: „Anna Roth“ [1]"


def test_nothing_renders_as_nothing() -> None:
    assert (numbered([]), render([])) == (((), ()), "")


@pytest.mark.parametrize("phrase", [not_found, lambda language: missing("Wer kam?", language)])
def test_every_language_has_its_own_words(phrase: object) -> None:
    assert callable(phrase)
    assert len({phrase(language) for language in LANGUAGES}) == len(LANGUAGES)
    assert phrase("xx") == phrase("") == phrase("en")


def test_what_is_missing_is_named_literally() -> None:
    assert "{0} $part?" in missing("{0} $part?", "de")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_quote_stands_word_for_word_behind_its_lead_in(language: str) -> None:
    assert ROTH.text in quoted(ROTH.text, language)
    assert quoted(ROTH.text, language) != ROTH.text
