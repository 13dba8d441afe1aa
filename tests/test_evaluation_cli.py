"""`rag eval run` from the shell: recorded replies, reports in every form, a second target, a baseline."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import NearEncoder, ReadingModel

from rag import NewsQA, Recording
from rag.cli import main
from rag.evaluation import read_report, run
from rag.settings import Settings
from rag.types import ChatModel, Progress

ARTICLE = (
    "Die Bürgermeisterin Anna Roth eröffnete am 3. Mai den neuen Hafen. Die Fischer klagen über den Lärm.\n"
)
FACTS = """\
articles: [{path: a.txt, language: de}]
facts:
  - id: who
    question: Wer eröffnete den neuen Hafen?
    language: de
    kind: who
    tags: [people]
    required: [Anna Roth]
    proof: [eröffnete am]
  - {id: none, question: "Wer gewann das Rennen auf dem Mars?", language: de, kind: who, status: not_found}
"""
Rag = Callable[..., int]


def opened(settings: Settings, *, mend: bool, progress: Progress, llm: ChatModel | None = None) -> NewsQA:
    return NewsQA.open(settings.data, settings=settings, encoder=NearEncoder(), llm=llm)


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS, encoding="utf-8")
    return tmp_path / "facts.yaml"


@pytest.fixture
def rag(facts: Path, monkeypatch: pytest.MonkeyPatch) -> Rag:
    monkeypatch.setenv("RAG_LLM", "openai:m")
    return lambda *words: main(["eval", "run", str(facts), *map(str, words)], opener=opened)


@pytest.fixture
def replies(facts: Path, tmp_path: Path) -> Path:
    path = tmp_path / "replies.jsonl"
    recording = Recording(ReadingModel("Anna Roth", name="openai:m"), path)
    with NewsQA.open(tmp_path / "live", settings=Settings(), encoder=NearEncoder(), llm=recording) as qa:
        qa.add(tmp_path / "a.txt")
        run(facts, qa)
    return path


def test_recorded_replies_answer_without_a_key_and_the_same_each_time(
    rag: Rag, replies: Path, tmp_path: Path
) -> None:
    for name in ("one.json", "two.json"):
        assert rag("--replay", replies, "--report", tmp_path / name) == 0
    one, two = (read_report(tmp_path / name) for name in ("one.json", "two.json"))
    said = [[(each.state, each.text, each.judgement) for each in report.results] for report in (one, two)]
    assert said[0] == said[1]
    assert one.results[0].passed
    assert not list(tmp_path.glob("*.part"))


def test_replies_of_another_model_are_refused(
    rag: Rag, replies: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_LLM", "openai:other")
    assert rag("--replay", replies) == 2
    assert "replies of openai:m" in capsys.readouterr().err


def test_a_changed_question_ends_a_replay_with_the_way_out(
    rag: Rag, replies: Path, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts.write_text(FACTS.replace("Wer eröffnete", "Wann und durch wen eröffnete"), encoding="utf-8")
    assert rag("--replay", replies) == 3
    assert "--record" in capsys.readouterr().err


def test_recording_and_replaying_at_once_is_wrong_use(rag: Rag, replies: Path) -> None:
    assert rag("--replay", replies, "--record", replies) == 2


def test_every_form_of_report_is_written(rag: Rag, replies: Path, tmp_path: Path) -> None:
    forms = {form: tmp_path / form for form in ("html", "markdown", "junit", "report")}
    words = [word for form, path in forms.items() for word in (f"--{form}", path)]
    assert rag("--replay", replies, *words) == 0
    assert forms["html"].read_text().startswith("<!doctype html>")
    assert forms["markdown"].read_text().startswith("## ")
    assert forms["junit"].read_text().startswith("<?xml")


def test_a_loss_against_the_baseline_exits_1(
    rag: Rag, replies: Path, facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag("--replay", replies, "--report", tmp_path / "base.json") == 0
    facts.write_text(FACTS.replace("required: [Anna Roth]", "required: [Berta]"), encoding="utf-8")
    assert rag("--replay", replies, "--baseline", tmp_path / "base.json") == 1
    assert "lost: who" in capsys.readouterr().out
    assert rag("--replay", replies, "--baseline", tmp_path / "base.json", "--only", "none") == 0


def test_a_second_target_is_shown_beside(
    rag: Rag, replies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("def ask(question):\n    return 'Anna Roth.'\n")
    assert (
        rag("--replay", replies, "--against", f"{tmp_path / 'mine.py'}:ask", "--tag", "people", "--json") == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert [row["gained"] for row in report["comparisons"][0]["rows"] if row["name"] == "content"] == [
        ["who"]
    ]
    assert len(report["beside"]) == 1


def test_two_runs_are_compared_by_their_verdicts(
    rag: Rag, replies: Path, facts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert [rag("--replay", replies, "--report", path) for path in (one, two)] == [0, 0]
    capsys.readouterr()
    assert main(["eval", "compare", str(one), str(two), "--most", "0"]) == 0
    assert "verdicts that differ: 0 of 2" in capsys.readouterr().out
    broken = read_report(two).model_dump_json().replace('"outcomes":[true]', '"outcomes":[true,false]', 1)
    two.write_text(broken, encoding="utf-8")
    assert main(["eval", "compare", str(one), str(two), "--most", "0.01"]) == 1
    assert main(["eval", "compare", str(one), str(two)]) == 0
    assert main(["eval", "compare", str(one), str(tmp_path / "none.json")]) == 2
