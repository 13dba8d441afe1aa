"""Fact files in both forms, their published schema, all mistakes at once, and facts written by choosing sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from test_evaluation import EVAL, FACT_FILE, fact_file

from rag.cli import main
from rag.errors import InputError
from rag.evaluation import lint, read_facts, schema, write_fact

ROWS: list[dict[str, Any]] = [
    {"articles": [{"path": "a.txt", "language": "de"}], "names": {"anna": ["Anna*", "Анна*"]}},
    {"id": "one", "question": "Who came?", "language": "en", "kind": "who", "required": ["@anna"],
     "proof": ["Anna kam"]},
    {"id": "two", "question": "Wie\u2028viele 😀?", "language": "de", "kind": "how_many", "status": "not_found"},
    {"id": "three", "question": "Wann?", "language": "de", "kind": "when", "complete": False,
     "required": [{"number": 1.5, "any": ["Montag"]}], "proof": ["Anna kam am Montag"]},
]  # fmt: skip


def lines_file(
    folder: Path, change: Callable[[list[str]], None] = lambda lines: None, ascii: bool = False
) -> Path:
    fact_file(folder)
    lines = [json.dumps(row, ensure_ascii=ascii) for row in ROWS]
    change(lines)
    path = folder / "facts.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("ascii", [True, False])
def test_json_lines_say_the_same_as_yaml(tmp_path: Path, ascii: bool) -> None:
    facts = read_facts(lines_file(tmp_path, ascii=ascii))
    assert facts.facts[0] == read_facts(fact_file(tmp_path)).facts[0]
    assert facts.facts[1].question == ROWS[2]["question"]
    assert (facts.facts[2].required[0].number, facts.facts[2].complete) == (1.5, False)


@pytest.mark.parametrize(
    ("row", "old", "new", "says"),
    [
        (1, "proof", "prof", ["line 2", "fact one", "prof"]),
        (2, '"two"', '"one"', ["line 3", "twice"]),
        (1, "Anna kam", "Berta ging", ["line 2", "Berta ging", "nowhere"]),
        (3, '"kind"', '"id"', ["line 4", "'id' stands twice"]),
        (2, "{", "", ["line 3", "not JSON"]),
        (0, '{"articles"', '["articles"', ["line 1", "not JSON"]),
        (1, "{", "{ ", []),
    ],
)  # fmt: skip
def test_a_mistake_in_json_lines_is_named_with_its_line(
    tmp_path: Path, row: int, old: str, new: str, says: list[str]
) -> None:
    def change(lines: list[str]) -> None:
        assert old in lines[row]
        lines[row] = lines[row].replace(old, new, 1)

    problems = lint(lines_file(tmp_path, change))
    assert all(word in problems[0] for word in says) if says else not problems


@pytest.mark.parametrize("content", ["", "\n\n", "[]", "1\n2"])
def test_json_lines_without_facts_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"facts\.jsonl"):
        read_facts(path)


# --- the schema ------------------------------------------------------------------------------


def test_the_published_schema_is_the_one_that_is_read() -> None:
    published = json.loads((EVAL / "facts.schema.json").read_text(encoding="utf-8"))
    assert published == schema(), "write it anew: rag eval schema > eval/facts.schema.json"


def test_our_facts_fit_the_schema_and_a_typo_does_not() -> None:
    check = jsonschema.Draft202012Validator(schema())
    facts = yaml.safe_load((EVAL / "facts.yaml").read_text(encoding="utf-8"))
    assert not list(check.iter_errors(facts))
    facts["facts"][0]["requierd"] = facts["facts"][0].pop("required")
    assert list(check.iter_errors(facts))


# --- lint ------------------------------------------------------------------------------------


def test_our_own_facts_have_nothing_to_mend() -> None:
    assert lint(EVAL / "facts.yaml") == []


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = fact_file(tmp_path)
    path.write_text(
        FACT_FILE.replace("Anna kam", "Berta ging").replace("id: two", "id: one"), encoding="utf-8"
    )
    problems = lint(path)
    assert ["line 12" in problems[0], "nowhere" in problems[0]] == [True, True]
    path.write_text(
        FACT_FILE.replace("kind: who", "kin: who").replace("id: two", "id: TWO"), encoding="utf-8"
    )
    assert {line for one in lint(path) for line in ("line 7", "line 10", "line 13") if line in one} == {
        "line 7",
        "line 10",
        "line 13",
    }


def test_a_double_question_and_a_content_that_its_proof_does_not_say_are_told(tmp_path: Path) -> None:
    more = """\
  - {id: three, question: "wie viele ?", language: de, kind: how_many, status: not_found}
  - {id: four, question: "Wie  viele?", language: de, kind: how_many, required: [drei], proof: [Anna kam]}
"""
    path = fact_file(tmp_path)
    path.write_text(FACT_FILE + more, encoding="utf-8")
    problems = lint(path)
    assert [("four" in one, "stands in fact two" in one, "'drei'" in one) for one in problems] == [
        (True, True, False),
        (True, False, True),
    ]


def test_a_question_in_another_language_than_it_says_is_told(tmp_path: Path) -> None:
    path = fact_file(tmp_path)
    wrong = '    translations: {fr: "What is the name of the mayor who was in the city?"}\n    kind: who\n'
    path.write_text(FACT_FILE.replace("    kind: who\n", wrong, 1), encoding="utf-8")
    (problem,) = lint(path)
    assert "fact one" in problem and "said to be in fr, it reads as en" in problem


def test_the_command_line_tells_problems_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "lint", str(fact_file(tmp_path))]) == 0
    assert main(["eval", "lint", str(fact_file(tmp_path, "@anna", "@berta")), "--json"]) == 1
    assert "@berta" in json.loads(capsys.readouterr().out.splitlines()[-1])[0]


# --- writing facts ---------------------------------------------------------------------------


def replies(*said: str) -> Callable[[str, str], str]:
    rest = list(said)

    def ask(what: str, default: str) -> str:
        return rest.pop(0) or default

    return ask


@pytest.mark.parametrize("name", ["facts.yaml", "facts.jsonl"])
def test_a_fact_is_written_by_choosing_sentences(tmp_path: Path, name: str) -> None:
    fact_file(tmp_path)
    file, shown = tmp_path / name, list[str]()
    file.unlink(missing_ok=True)
    first = replies("Wer kam am Montag?", "", "", "who", "1", "Anna; Anna*", "", "Berta", "people", "")
    second = replies("Wie viele Gäste waren es?", "", "", "how_many", "", "", "count")
    assert write_fact(tmp_path / "a.txt", file, first, shown.append) == "montag-de"
    assert write_fact(tmp_path / "a.txt", file, second, shown.append) == "count"
    assert shown[0] == "[1] Anna kam am Montag."
    one, two = read_facts(file).facts
    assert (one.language, one.required[0].any, one.forbidden, one.tags) == (
        "de",
        ("Anna", "Anna*"),
        ("Berta",),
        ("people",),
    )
    assert one.proof == ("Anna kam am Montag.",)
    assert two.status == "not_found"
    assert lint(file) == []


def test_a_reply_that_cannot_be_used_is_asked_for_again(tmp_path: Path) -> None:
    file, shown = fact_file(tmp_path), list[str]()
    ask = replies(
        *("", "Wer ging?", "", "german", "de", "whom", "who", "none", "9", "3", "1"),
        *("", "Anna", "", "", "", "One", "two", "three"),
    )
    assert write_fact(tmp_path / "a.txt", file, ask, shown.append) == "three"
    told = "\n".join(shown)
    for what in (
        "Nothing was said.",
        "'german' is no language.",
        "'whom' is no kind.",
        "There is no sentence none.",
        "There is no sentence 9.",
        "Sentence 3 stands there more than once.",
        "has to say something",
        "'One' is no id.",
        "'two' is the id of another fact.",
    ):
        assert what in told
    assert read_facts(file).facts[-1].required[0].any == ("Anna",)


def test_numbers_days_lists_and_chats_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Am 3. Mai 2025 kamen 90 Gäste. Es blieben Anna und Berta. Sie sangen.\n")
    file, shown = tmp_path / "facts.yaml", list[str]()
    ask = replies(
        *("Wann und wie viele?", "Was war?", "Ein Fest.", "", "de", "list", "1, 2"),
        *("2025-05-03", "90 +-5; Gäste", "Berta; Berti", "Carla", "", "y", "n", "", "", "fest"),
    )
    write_fact(tmp_path / "a.txt", file, ask, shown.append)
    (fact,) = read_facts(file).facts
    day, guests, berta, _ = fact.required
    assert (day.date, guests.number, guests.tolerance) == (date(2025, 5, 3), 90, 5)
    assert (guests.unit, berta.any) == (("Gäste",), ("Berta", "Berti"))
    assert [turn.role for turn in fact.history] == ["user", "assistant"]
    assert fact.complete and not fact.ordered
    assert "None of these sentences says it" in shown[-1]
    assert len(fact.proof) == 2, "Carla stands nowhere, so any sentence may prove any of them"


def test_each_content_gets_the_sentence_that_says_it_and_summaries_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Am 3. Mai 2025 kamen 90 Gäste. Es blieben Anna und Berta. Sie sangen.\n")
    file = tmp_path / "facts.yaml"
    ask = replies("Das Fest", "", "what", "y", "1 2", "90; Gäste", "Anna", "", "n", "n", "", "", "fest")
    write_fact(tmp_path / "a.txt", file, ask, lambda line: None, summary=True)
    (fact,) = read_facts(file).facts
    assert (fact.ask, fact.summary.whole) == ("summary", True)
    assert [content.proof for content in fact.required] == [
        ("Am 3. Mai 2025 kamen",),
        ("Es blieben Anna und Berta.",),
    ]


def test_a_fact_that_cannot_be_used_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = fact_file(tmp_path)
    ask = replies("Wer ging?", "", "", "who", "1", "@nobody", "", "", "", "went")
    with pytest.raises(InputError, match="Not written: .*@nobody"):
        write_fact(tmp_path / "a.txt", file, ask, lambda line: None)
    assert file.read_text(encoding="utf-8") == FACT_FILE
    ask = replies("Wer ging?", "", "", "who", "1", "@nobody", "", "", "", "went")
    with pytest.raises(InputError, match="Not written"):
        write_fact(tmp_path / "a.txt", tmp_path / "new.yaml", ask, lambda line: None)
    assert not (tmp_path / "new.yaml").exists()
    broken = tmp_path / "broken.yaml"
    broken.write_text("facts: [", encoding="utf-8")
    with pytest.raises(InputError, match="not YAML"):
        write_fact(tmp_path / "a.txt", broken, replies(), lambda line: None)
