"""Where versions of one sentence say something else."""

from __future__ import annotations

from fakes import sentence_hit
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.types import Hit
from rag.versions import exchanges


def hit(text: str, language: str = "en") -> Hit:
    return sentence_hit(text, "a", language)


def exchanged(one: str, other: str, language: str = "en") -> list[tuple[str, str]]:
    pairs = exchanges(hit(one, language), hit(other, language))
    return [(one[a:b], other[c:d]) for (a, b), (c, d) in pairs]


def test_a_name_in_place_of_another() -> None:
    one = "On Sunday evening Anna Berger opened the new library in the harbour."
    other = "On Sunday evening Carla Weiss opened the new library in the harbour."
    assert exchanged(one, other) == [("Anna Berger", "Carla Weiss")]


def test_a_figure_in_place_of_another() -> None:
    one = "Der Umbau des Rathauses in Lund kostet 12 Millionen Euro und dauert drei Jahre."
    other = "Der Umbau des Rathauses in Lund kostet 15 Millionen Euro und dauert drei Jahre."
    assert exchanged(one, other, "de") == [("12", "15")]


def test_what_one_adds_is_no_exchange() -> None:
    one = "On Sunday evening Anna Berger opened the new library in the harbour."
    other = "On Sunday evening Anna Berger opened the new library in the old harbour of Lund."
    assert exchanged(one, other) == []


def test_a_part_of_the_name_is_no_exchange() -> None:
    one = "On Sunday evening Anna Berger opened the new library in the harbour."
    other = "On Sunday evening Dr Berger opened the new library in the harbour."
    assert all("Berger" not in pair[0] for pair in exchanged(one, other))


def test_other_sentences_are_no_versions() -> None:
    assert (
        exchanged("Anna Berger opened the new library.", "Carla Weiss won the race in Lund on Monday.") == []
    )


WORDS = st.sampled_from("Anna Berger opened library 12 14 harbour Lund Monday euros bridge Köln".split())
SENTENCES = st.lists(WORDS, max_size=12).map(" ".join)


@settings(deadline=None, max_examples=100)
@given(text=SENTENCES)
def test_a_sentence_is_exchanged_for_nothing_in_itself(text: str) -> None:
    assert exchanged(text, text) == []


@settings(deadline=None, max_examples=100)
@given(one=SENTENCES, other=SENTENCES)
def test_spans_lie_in_their_sentences_and_differ(one: str, other: str) -> None:
    for first, second in exchanged(one, other):
        assert first.strip()
        assert second.strip()
        assert first != second
