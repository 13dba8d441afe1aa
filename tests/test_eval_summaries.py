"""The measures of summaries, on made-up texts whose right values are known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes import HashEncoder

from rag.cli import main
from rag.errors import InputError
from rag.evaluation.said import Label, judge_said, said_measures
from rag.evaluation.summaries import (
    SummaryReport,
    Tools,
    measure_summaries,
    read_gold,
    read_rows,
    strangers,
    to_markdown,
)
from rag.index import open_index
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import Speech, Statement, Verdict

TEXT = (
    "Der Stadtrat von Lindau beschloss am Montag den Bau einer neuen Brücke. "
    "„Wir bauen den Hafen und die Brücke“, sagte Bürgermeisterin Anna Roth. "
    "Fischer am Kanal fürchten um die Forellen und klagen in Kempten gegen den Bau. "
    "Die Kosten trägt zur Hälfte das Land, zur Hälfte die Stadt Lindau."
)
GOLD = """
- name: the bridge
  articles: [bridge.txt]
  sentences: 4
  must: [["Stadtrat"], ["Forellen", "Fische"], ["Flugzeug"]]
  must_not: ["Tunnel"]
"""


def stems(text: str, language: str) -> tuple[str, ...]:
    return tuple(word.strip(".,„“").casefold() for word in text.split() if len(word) > 3)


def supports(claim: str, quotes: Sequence[str], language: str, text: str) -> bool:
    return claim in quotes


TOOLS = Tools(stems=stems, supports=supports)


@pytest.fixture
def qa(tmp_path: Path) -> Iterator[NewsQA]:
    index = open_index(tmp_path / "data", HashEncoder())
    yield NewsQA(index, Settings(llm="none"), None)
    index.close()


def rows_file(folder: Path, **more: Any) -> Path:
    file = folder / "news.jsonl"
    row = {"id": "1", "text": TEXT, "title": "Neue Brücke", "lang": "de", "date": "2025-05-06"} | more
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def measured(qa: NewsQA, folder: Path, **more: Any) -> SummaryReport:
    return measure_summaries(qa, TOOLS, [rows_file(folder, **more)], None, sentences=2)


def test_every_method_has_the_same_room(qa: NewsQA, tmp_path: Path) -> None:
    (one,) = measured(qa, tmp_path).sets
    room = len(" ".join(TEXT.split(". ")[:2]).split())
    assert one.texts == 1
    for method in one.methods:
        assert 0 < method.coverage <= 1
        assert method.low <= method.coverage <= method.high
        assert method.compression <= room / len(TEXT.split())


def test_support_spans_and_strangers_of_every_form_are_counted(qa: NewsQA, tmp_path: Path) -> None:
    (one,) = measured(qa, tmp_path).sets
    assert [form.form for form in one.forms] == ["text", "timeline", "who_said_what"]
    for form in one.forms:
        assert form.supported.n > 0
        assert form.supported.value == form.spans.value == 1.0
        assert form.strangers == 0


def test_who_said_what_is_held_against_labels(qa: NewsQA, tmp_path: Path) -> None:
    label = {"statement": "Wir bauen den Hafen und die Brücke", "type": "Direct"}
    (one,) = measured(qa, tmp_path, speaker_gold="Bürgermeisterin Anna Roth", **label).sets
    assert one.said is not None
    assert (one.said.precision.value, one.said.recall.value, one.said.direct.value) == (1.0, 1.0, 1.0)


def speech(speaker: str, words: str) -> Speech:
    statement = Statement(text=f"{speaker}: {words}", citations=(), verdict=Verdict.SUPPORTED, support=1.0)
    return Speech(statement=statement, speaker=speaker, words=words, direct=True)


def test_a_wrong_speaker_counts_against_precision_and_a_missing_quote_against_recall() -> None:
    label = Label("der Hafen wird tief", "Anna Roth", True)
    wrong = judge_said(label, [speech("Karl Meier", "der Hafen wird tief")], "de", stems)
    missed = judge_said(label, [speech("Anna Roth", "die Brücke fällt")], "de", stems)
    found = said_measures([wrong, missed])
    assert (found.found.value, found.precision.value, found.recall.value) == (0.5, 0.0, 0.0)


def test_gold_facts_are_looked_for_in_every_methods_summary(qa: NewsQA, tmp_path: Path) -> None:
    (tmp_path / "bridge.txt").write_text(TEXT, encoding="utf-8")
    gold = tmp_path / "gold.yaml"
    gold.write_text(GOLD, encoding="utf-8")
    report = measure_summaries(qa, TOOLS, [], gold, sentences=2)
    ours = next(one for one in report.gold if one.method == "ours")
    assert (ours.mentioned.value, ours.missing, ours.forbidden) == (2 / 3, ("Flugzeug",), ())
    assert "Ours: 2 of 3 mentioned" in to_markdown(report)
    assert SummaryReport.model_validate_json(report.model_dump_json()) == report


def test_names_and_numbers_that_are_not_cited_are_strangers() -> None:
    assert strangers("Anna Roth baut 3 Brücken.", ["Anna Roth baut 3 Brücken."]) == 0
    assert strangers("Anna Meier baut 4 Brücken.", ["Anna Roth baut 3 Brücken."]) == 2


@pytest.mark.parametrize("line", ['{"title": "no text"}', "no JSON", '{"text": ""}'])
def test_a_line_without_text_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "news.jsonl"
    file.write_text(line, encoding="utf-8")
    with pytest.raises(InputError):
        read_rows(file)


@pytest.mark.parametrize("text", ["- name: x", "no: list", GOLD.replace("Stadtrat", "("), GOLD + "  more: 1"])
def test_gold_facts_that_are_not_as_they_should_be_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "gold.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_gold(file)


def test_texts_shorter_than_their_summary_are_no_set(qa: NewsQA, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="longer than its summary"):
        measure_summaries(qa, TOOLS, [rows_file(tmp_path)], None, sentences=50)


@pytest.mark.models
def test_summaries_of_the_demo_articles_mention_what_matters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_LLM", "none")
    gold = Path(__file__).parent.parent / "eval" / "summary_facts.yaml"
    assert main(["eval", "summaries", "--facts", str(gold), "--json"]) == 0
    report = SummaryReport.model_validate_json(capsys.readouterr().out)
    own = [one for one in report.gold if one.method == "ours"]
    assert sum(one.mentioned.value * one.mentioned.n for one in own) >= 0.9 * sum(
        one.mentioned.n for one in own
    )
    assert not any(one.forbidden for one in own)
    for form in report.sets[0].forms:
        assert (form.supported.value, form.spans.value, form.strangers) == (1.0, 1.0, 0)
