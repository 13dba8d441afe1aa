"""A draft held against articles: verdicts, citations to the letter, pronouns, lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import HashEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import Article, NewsQA
from rag.draft import conjuncts, statements
from rag.errors import InputError
from rag.settings import Settings
from rag.types import Checked, Verdict

HARBOUR = Article(
    title="Der neue Hafen",
    url="https://example.org/hafen",
    language="de",
    text="Der neue Hafen von Seestadt\n\n"
    "Bürgermeisterin Anna Berger eröffnete am Freitag den neuen Hafen für 24 Millionen Euro. "
    "An der Feier nahmen Minister Peter Holm und seine Beraterin Carla Weiß teil. "
    "Auch der Anwalt Tom Brandt nahm an der Feier teil.\n\n"
    "Holm lobte den Bau. Er betonte, dass der Hafen viele neue Stellen bringe. "
    "Die alte Brücke wurde nicht erneuert.",
)


@pytest.fixture(scope="module")
def qa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewsQA]:
    folder: Path = tmp_path_factory.mktemp("draft")
    with NewsQA.open(folder, settings=Settings(data=folder), encoder=HashEncoder(256), llm=None) as qa:
        qa.add(HARBOUR)
        yield qa


def checked(qa: NewsQA, text: str) -> list[Checked]:
    return list(qa.verify(text).statements)


def test_each_statement_has_its_verdict(qa: NewsQA) -> None:
    draft = (
        "Anna Berger eröffnete am Freitag den neuen Hafen. Der neue Hafen kostete 42 Millionen Euro. "
        "Der Zirkus kam nach Köln."
    )
    assert [one.verdict for one in checked(qa, draft)] == [
        Verdict.SUPPORTED,
        Verdict.CONTRADICTED,
        Verdict.NOT_FOUND,
    ]


def test_another_number_contradicts_and_says_which(qa: NewsQA) -> None:
    (one,) = checked(qa, "Anna Berger eröffnete am Freitag den neuen Hafen für 42 Millionen Euro.")
    assert one.verdict is Verdict.CONTRADICTED
    assert [(difference.kind, difference.claimed, difference.found) for difference in one.differences] == [
        ("number", "42", "24")
    ]


def test_citations_are_cut_from_the_article(qa: NewsQA) -> None:
    found = qa.verify(
        "Anna Berger eröffnete am Freitag den neuen Hafen. Die alte Brücke wurde nicht erneuert."
    )
    assert [citation.number for citation in found.citations] == [1, 2]
    for citation in found.citations:
        assert qa.article(citation.article_id).text[citation.start : citation.end] == citation.quote


def test_what_is_not_found_has_no_citation(qa: NewsQA) -> None:
    (one,) = checked(qa, "Der Zirkus kam nach Köln.")
    assert (one.verdict, one.citations) == (Verdict.NOT_FOUND, ())


def test_headings_and_questions_state_nothing() -> None:
    draft = "Der neue Hafen\n\nWer eröffnete den Hafen? Anna Berger eröffnete ihn am Freitag um zehn Uhr."
    assert [draft[start:end] for start, end in statements(draft)] == [
        "Anna Berger eröffnete ihn am Freitag um zehn Uhr."
    ]


def test_a_pronoun_of_the_draft_stands_for_the_name_before_it(qa: NewsQA) -> None:
    right = checked(qa, "Holm lobte den Bau. Er betonte, dass der Hafen viele neue Stellen bringe.")
    wrong = checked(qa, "Berger eröffnete den Hafen. Sie betonte, dass der Hafen viele neue Stellen bringe.")
    assert right[1].verdict is Verdict.SUPPORTED
    assert wrong[1].verdict is not Verdict.SUPPORTED


def test_a_list_is_carried_by_several_sentences(qa: NewsQA) -> None:
    (one,) = checked(qa, "Peter Holm, Carla Weiß und Tom Brandt nahmen an der Feier teil.")
    assert one.verdict is Verdict.SUPPORTED
    assert {"Holm" in citation.quote or "Brandt" in citation.quote for citation in one.citations} == {True}
    assert len(one.citations) > 1


def test_one_stranger_in_a_list_is_enough(qa: NewsQA) -> None:
    (one,) = checked(qa, "Peter Holm, Carla Weiß und Udo Lang nahmen an der Feier teil.")
    assert one.verdict is not Verdict.SUPPORTED


def test_a_list_is_taken_apart() -> None:
    assert conjuncts("Anna Berger und Peter Holm kamen.", "de") == ["Anna Berger kamen.", "Peter Holm kamen."]
    assert conjuncts("Anna Berger kam.", "de") == []


def test_a_draft_in_another_language_is_not_found(qa: NewsQA) -> None:
    found = qa.verify("The mayor of the town opened the new harbour on Friday together with her guests.")
    assert [one.verdict for one in found.statements] == [Verdict.NOT_FOUND]


def test_filters_leave_articles_out(qa: NewsQA) -> None:
    found = qa.verify("Anna Berger eröffnete am Freitag den neuen Hafen.", source="Another Times")
    assert [one.verdict for one in found.statements] == [Verdict.NOT_FOUND]


@pytest.mark.parametrize("text", ["", "  \n", "x" * 200_001])
def test_an_empty_or_endless_draft_is_refused(qa: NewsQA, text: str) -> None:
    with pytest.raises(InputError, match="draft"):
        qa.verify(text)


@settings(max_examples=25, deadline=None)
@given(text=st.text(alphabet="aAbB eEnN.,!?\n12", min_size=1, max_size=80).filter(str.strip))
def test_every_statement_is_its_place_in_the_draft(qa: NewsQA, text: str) -> None:
    for one in qa.verify(text).statements:
        assert text[one.start : one.end] == one.text
        assert one.verdict is Verdict.SUPPORTED or one.verdict is Verdict.NOT_FOUND or one.citations
