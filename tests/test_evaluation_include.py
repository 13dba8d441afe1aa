"""Fact files that include others: one whole, each file once, every mistake with the file it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import InputError
from rag.evaluation import lint, read_facts

GROUPS = "names: {anna: [Anna*]}\n"
PEOPLE = """\
include: [groups.yaml]
articles: [{path: articles/a.txt, language: de}]
facts:
  - {id: who, question: "Wer kam?", language: de, kind: who, required: ["@anna"], proof: [Anna kam]}
"""
WHOLE = """\
include: [part/people.yaml, part/groups.yaml]
articles: [{path: part/articles/a.txt, language: de}, {path: b.txt, language: de}]
facts:
  - {id: what, question: "Was fiel?", language: de, kind: what, required: [Regen], proof: [Es fiel Regen]}
"""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "part" / "articles").mkdir(parents=True)
    (tmp_path / "part" / "articles" / "a.txt").write_text("Anna kam am Montag.\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("Es fiel Regen.\n", encoding="utf-8")
    (tmp_path / "part" / "groups.yaml").write_text(GROUPS, encoding="utf-8")
    (tmp_path / "part" / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(WHOLE, encoding="utf-8")
    return tmp_path / "facts.yaml"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_included_files_make_one_fact_file_and_each_is_read_once(whole: Path) -> None:
    facts = read_facts(whole)
    assert [fact.id for fact in facts.facts] == ["who", "what"]
    assert [article.name for article in facts.articles] == ["a.txt", "b.txt"]
    assert facts.facts[0].required[0].any == ("Anna*",)
    assert lint(whole) == []


def test_a_mistake_in_an_included_file_is_named_with_that_file(whole: Path) -> None:
    people = whole.parent / "part" / "people.yaml"
    change(people, "proof: [Anna kam]", "prof: [Anna kam]")
    (problem, *_) = lint(whole)
    assert all(word in problem for word in ("people.yaml, line 4", "fact who", "prof")), problem


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("part/groups.yaml", "names", "include: [people.yaml]\nnames", "-> people.yaml -> groups.yaml -> people.yaml"),
        ("part/groups.yaml", "names:", "include: [../facts.yaml]\nnames:", "facts.yaml is included in a circle"),
        ("facts.yaml", "part/people.yaml", "facts.yaml", "circle: facts.yaml -> facts.yaml"),
        ("facts.yaml", "part/people.yaml", "part/peple.yaml", "line 1: part/peple.yaml is not there"),
        ("facts.yaml", "id: what", "id: who", "facts.yaml, line 4, fact who: The id stands twice"),
        ("part/people.yaml", "facts:", "names: {anna: [Annas]}\nfacts:", "people.yaml, line 3: 'anna' stands twice"),
        ("part/people.yaml", "language: de}]", "language: en}]", "a.txt is in en elsewhere, in de here"),
        ("part/groups.yaml", GROUPS, "", "groups.yaml is empty"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told_with_its_place(
    whole: Path, file: str, old: str, new: str, says: str
) -> None:
    change(whole.parent / file, old, new)
    with pytest.raises(InputError) as error:
        read_facts(whole)
    assert says in str(error.value)


def test_a_file_of_groups_alone_is_no_fact_file(whole: Path) -> None:
    with pytest.raises(InputError, match=r"groups\.yaml has no articles"):
        read_facts(whole.parent / "part" / "groups.yaml")


def test_json_lines_include_as_well(whole: Path) -> None:
    lines = whole.with_suffix(".jsonl")
    lines.write_text('{"include": ["facts.yaml"]}\n', encoding="utf-8")
    assert read_facts(lines).facts == read_facts(whole).facts
