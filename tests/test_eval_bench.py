"""Sets of others: refused with line and reason, asked in every way to search, reported with intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeChatModel, HashEncoder, ReadingModel

from rag import NewsQA, Status
from rag.cli import main
from rag.errors import InputError
from rag.evaluation.bench import (
    BenchReport,
    Outcome,
    Ways,
    bench,
    rank_measures,
    risk_and_coverage,
    to_markdown,
    write_bench,
)
from rag.evaluation.naive import Naive
from rag.evaluation.sets import read_sets
from rag.retrieve import WAYS
from rag.settings import Settings
from rag.types import ChatModel, FoundBy, Hit, Progress

TOWNS = (
    ("a", "Köln", "Der Dom in Köln wurde 1880 fertig. Er ist 157 Meter hoch."),
    ("b", "Bremen", "Das Rathaus von Bremen steht am Markt. Vor ihm steht ein Roland."),
    ("c", "Lübeck", "Das Tor von Lübeck hat zwei Türme. Es wurde im Mittelalter gebaut."),
)
QUESTIONS = (
    {"id": "1", "question": "Wann wurde der Dom in Köln fertig?", "answers": ["1880"], "gold_doc": "a"},
    {"id": "2", "question": "Wo steht das Rathaus von Bremen?", "answers": ["am Markt"], "gold_doc": "b"},
    {"id": "3", "question": "Wie viele Zoos hat Ulm?", "answerable": False, "gold_doc": "x"},
)


SEARCHES: dict[str, Any] = {way: partial(NewsQA.retriever, weights=one) for way, one in WAYS.items()}
ASKS: dict[str, Any] = {"ask": lambda qa: qa}


def write(folder: Path, name: str, rows: Sequence[dict[str, Any]]) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "sets"
    own.mkdir()
    documents = [{"doc_id": id_, "title": title, "text": text, "lang": "de"} for id_, title, text in TOWNS]
    write(own, "towns_corpus", documents)
    first = {**QUESTIONS[0], "gold_sentence": "Der Dom in Köln wurde 1880 fertig.", "gold_sentence_index": 0}
    write(own, "towns", [first, *QUESTIONS[1:]])
    passages = [{"text": "Der Fluss heißt Donau."}, {"text": "Ulm liegt an der Donau.", "title": "Ulm"}]
    write(
        own, "rivers",
        [{"query_id": "r", "question": "Wie heißt der Fluss?", "answerable": True, "passages": passages}],
    )  # fmt: skip
    return own


def opened(folder: Path) -> NewsQA:
    return NewsQA.open(folder, settings=Settings(data=folder), encoder=HashEncoder(256), llm=None)


def test_sets_and_all_their_documents_are_read(folder: Path) -> None:
    sets, documents = read_sets(folder)
    assert [(one.name, len(one.questions)) for one in sets] == [("rivers", 1), ("towns", 3)]
    assert len(documents) == 5
    assert len(sets[0].own["r"]) == 2
    assert [one.name for one in read_sets(folder, ["towns"])[0]] == ["towns"]


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("towns", {**QUESTIONS[0], "id": "1"}, r"towns\.jsonl, line 4: id '1' stands twice"),
        (
            "towns",
            {**QUESTIONS[0], "id": "9", "answers": ["1881"]},
            "line 4: the answer '1881' does not stand in 'a'",
        ),
        ("towns", {**QUESTIONS[0], "id": "9", "gold_doc": "z"}, "line 4: gold_doc 'z' is in no corpus"),
        ("towns", {**QUESTIONS[0], "id": "9", "colour": "red"}, "line 4: colour: Extra inputs"),
        ("towns", {"id": "9"}, "line 4: question: Field required"),
        (
            "towns",
            {**QUESTIONS[0], "id": "9", "gold_sentence": "Nein."},
            "line 4: the gold sentence does not stand",
        ),
        (
            "towns_corpus",
            {"doc_id": "a", "text": "x"},
            r"towns_corpus\.jsonl, line 4: doc_id 'a' stands twice",
        ),
    ],
)
def test_a_wrong_row_is_refused_with_line_and_reason(
    folder: Path, name: str, row: dict[str, Any], reason: str
) -> None:
    path = folder / f"{name}.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_sets(folder)


def test_a_broken_line_is_refused_before_any_model_is_loaded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_model(
        settings: Settings, *, mend: bool, progress: Progress, llm: ChatModel | None = None
    ) -> NewsQA:
        raise AssertionError("a model was loaded")

    with (folder / "towns.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": \n')
    assert main(["eval", "bench", str(folder)], opener=no_model) == 2
    assert "line 4: no JSON" in capsys.readouterr().err


def test_unknown_folders_and_sets_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        read_sets(folder / "nowhere")
    with pytest.raises(InputError, match="no set 'cities'"):
        read_sets(folder, ["cities"])


def test_every_way_is_measured_and_answers_are_judged(folder: Path, tmp_path: Path) -> None:
    sets, documents = read_sets(folder)
    with opened(tmp_path / "data") as qa:
        report = bench(sets, documents, qa, Ways(searches=SEARCHES, asks=ASKS))
    values = {(one.set, one.way, one.measure): one for one in report.scores}
    assert values["towns", "words", "hit@4"].value == 1.0
    assert values["towns", "both", "sentence hit@4"].n == 1
    assert values["towns", "ask", "silent, of unanswerable"].n == 1
    assert ("rivers", "both", "hit@4") not in values
    assert all(one.low <= one.value <= one.high for one in report.scores)
    assert {one.way for one in report.costs} == {"both", "words", "meaning", "ask"}
    assert "| towns | words | hit@4 | 2 | 1.000 |" in to_markdown(report)


def test_an_article_counts_where_its_first_passage_stands() -> None:
    def hit(url: str) -> Hit:
        place = {"first": 0, "last": 0, "start": 0, "end": 1, "text": "x", "score": 1.0}
        own = {"kind": "passage", "article_id": url, "revision": "r", "found_by": FoundBy.BOTH, "url": url}
        return Hit.model_validate({**own, **place})

    found = rank_measures(["u", "v", "w"], [[hit("x"), hit("x"), hit("u")], [], [hit("w")]])
    assert found["hit@4"] == [1.0, 0.0, 1.0]
    assert found["nDCG@10"] == pytest.approx([0.6309, 0.0, 1.0], abs=1e-4)


def outcome(support: float, right: bool, answerable: bool = True) -> Outcome:
    status = Status.ANSWERED if support else Status.NOT_FOUND
    return Outcome(set="s", question="q", support=support, status=status, right=right, answerable=answerable)


def test_risk_counts_wrong_answers_among_the_surest() -> None:
    outcomes = [outcome(0.9, True), outcome(0.5, False, False), outcome(0.4, True), outcome(0.0, False)]
    points = risk_and_coverage(outcomes)
    assert points == [(1 / 3, 0.0), (1 / 3, 1 / 2), (2 / 3, 1 / 3)]


def test_reports_are_written(tmp_path: Path) -> None:
    report = BenchReport(documents=1, seed=0, scores=(), costs=(), outcomes=(outcome(0.9, True),))
    write_bench(report, tmp_path / "bench.json", "json")
    write_bench(report, tmp_path / "bench.md", "markdown")
    assert BenchReport.model_validate_json((tmp_path / "bench.json").read_text(encoding="utf-8")) == report
    assert (tmp_path / "bench.md").read_text(encoding="utf-8") == to_markdown(report)
    with pytest.raises(InputError, match="cannot be written"):
        write_bench(report, tmp_path / "none" / "bench.json", "json")


def test_the_plot_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = BenchReport(documents=1, seed=0, scores=(), costs=(), outcomes=(outcome(0.9, True),))
    write_bench(report, tmp_path / "risk.png", "plot")
    assert (tmp_path / "risk.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="Nothing was asked"):
        write_bench(report.model_copy(update={"outcomes": ()}), tmp_path / "risk.png", "plot")


RACES = [
    {
        "id": "1",
        "query": "Wer gewann das Rennen in Köln?",
        "answer": "Anna Roth",
        "fakeanswer": "Tom Low",
        "positive": ["Das Rennen in Köln gewann Anna Roth.", "In Köln gewann Anna Roth das Rennen."],
        "positive_wrong": ["Das Rennen in Köln gewann Tom Low.", "In Köln gewann Tom Low das Rennen."],
    }
]
SPOKEN = [
    {
        "id": "1",
        "lang": "de",
        "statement": "die Brücke sei sicher",
        "speaker_gold": "Bürgermeisterin Anna Roth",
        "text": "Bürgermeisterin Anna Roth sagte, die Brücke sei sicher. Der Zoo ist zu.",
    }
]
PAID = [
    {"id": "1", "query": "Welche Firma zahlt?", "answer": "Acme", "evidence_ids": ["f0"], "null_query": False}
]
FACTS = [{"fact_id": f"f{at}", "fact": text} for at, text in enumerate(("Acme zahlt.", "Ulm wartet."))]


class Counted:
    """Answers like the index it wraps, and counts the questions."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def ask_of(self, qa: NewsQA) -> Any:
        class One:
            def ask(_, question: str, **filters: Any) -> Any:  # noqa: N805 - `self` is the counter's
                self.questions.append(question)
                return qa.ask(question, **filters)

        return One()


def run_own(tmp_path: Path, folder: Path, asks: Any, keep: Path | None = None) -> BenchReport:
    sets, documents = read_sets(folder)
    with opened(tmp_path / "data") as qa:
        return bench(sets, documents, qa, Ways(searches=SEARCHES, asks=asks), keep=keep)


def test_questions_are_asked_of_their_own_documents_alone(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder, "races", RACES)
    report = run_own(tmp_path, folder, ASKS)
    assert report.documents == 0
    assert [one.question for one in report.outcomes] == ["1", "1/agreed"]
    assert "Low" not in report.outcomes[1].told


def test_the_model_of_the_archive_answers_and_its_tokens_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder, "races", RACES)
    sets, documents = read_sets(folder)
    settings, llm = Settings(data=tmp_path), ReadingModel("Anna Roth", "Tom Low")
    naive = FakeChatModel(["Anna Roth.", "Anna Roth."])
    asks = {**ASKS, "naive": partial(Naive, llm=naive)}
    with NewsQA.open(tmp_path / "data", settings=settings, encoder=HashEncoder(256), llm=llm) as qa:
        report = bench(sets, documents, qa, Ways(searches=SEARCHES, asks=asks))
    values = {(one.way, one.measure): one.value for one in report.scores}
    assert values["ask", "disagreement shown, of disputed"] == 1.0
    assert values["naive", "disagreement shown, of disputed"] == 0.0
    assert {one.way: one.prompt_tokens for one in report.costs}["naive"] == 6
    assert llm.calls
    assert naive.calls == 2


def test_facts_are_searched_and_who_said_what_is_asked_twice(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder, "paid", PAID)
    write(folder, "paid_facts", FACTS)
    write(folder, "spoken", SPOKEN)
    report = run_own(tmp_path, folder, ASKS)
    values = {(one.set, one.way, one.measure): one.value for one in report.scores}
    assert values["paid", "words", "evidence recall@4"] == 1.0
    assert values["spoken", "who_said_what", "right speaker, cited"] == 1.0
    assert ("spoken", "ask", "right speaker, cited") in values


def test_a_run_that_broke_off_goes_on(tmp_path: Path) -> None:
    folder, keep = tmp_path / "own", tmp_path / "bench.json.part"
    folder.mkdir()
    write(folder, "races", RACES)
    whole = run_own(tmp_path, folder, ASKS)
    keep.write_text(f"{whole.outcomes[0].model_dump_json()}\n" + '{"set": "ra', encoding="utf-8")
    counted = Counted()
    again = run_own(tmp_path, folder, {"ask": counted.ask_of}, keep)
    assert len(counted.questions) == 1
    assert again.scores == whole.scores
    assert not keep.exists()


def test_what_others_answered_is_asked_again(tmp_path: Path) -> None:
    folder, keep = tmp_path / "own", tmp_path / "bench.json.part"
    folder.mkdir()
    write(folder, "races", RACES)
    whole = run_own(tmp_path, folder, ASKS)
    kept = whole.outcomes[0].model_copy(update={"digest": "other"})
    keep.write_text(f"{kept.model_dump_json()}\n", encoding="utf-8")
    counted = Counted()
    run_own(tmp_path, folder, {"ask": counted.ask_of}, keep)
    assert len(counted.questions) == 2


def test_a_file_that_holds_something_else_is_not_gone_on_from(tmp_path: Path) -> None:
    folder, keep = tmp_path / "own", tmp_path / "bench.json.part"
    folder.mkdir()
    write(folder, "races", RACES)
    keep.write_text("notes\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no outcomes"):
        run_own(tmp_path, folder, ASKS, keep)


def test_without_a_model_nothing_is_asked_naively(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_LLM", "none")
    assert main(["eval", "bench", str(folder), "--naive"]) == 2
    assert "RAG_LLM = 'none' cannot be asked naively" in capsys.readouterr().err
