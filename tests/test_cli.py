"""The command line: what it prints, what it returns, and what a program can read from it."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import typer
from pydantic import TypeAdapter
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.cli import app, main
from rag.errors import (
    InputError,
    ModelMissing,
    ModelTimeout,
    RagError,
    SettingsError,
    StoreFull,
)
from rag.settings import Settings
from rag.types import AddReport, Answer, Article, CheckReport, Deletion, Hit, Progress, Summary

QUESTION = "Who opened the harbour?"

Rag = Callable[..., int]


@pytest.fixture
def qa() -> SmallNewsQA:
    return SmallNewsQA(HARBOUR, NO_ADDRESS)


@pytest.fixture
def rag(qa: SmallNewsQA, tmp_path: Path) -> Rag:
    def opened(settings: Settings, *, mend: bool, progress: Progress) -> SmallNewsQA:
        assert settings.data == tmp_path
        return qa

    def run(*words: str) -> int:
        return main([*words, "--data", str(tmp_path)], opener=opened)  # type: ignore[arg-type]

    return run


def commands(of: typer.Typer = app, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for command in of.registered_commands:
        yield (*before, str(command.name))
    for group in of.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, (*before, str(group.name)))


ALL = list(commands())


def first_id(qa: SmallNewsQA) -> str:
    return qa.articles()[0].id


# --- every command ---------------------------------------------------------------------------


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_teaches_with_an_example_and_names_the_common_options(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"  rag {' '.join(words)}" in text
    assert "--data DIR" in text
    assert "--json" in text
    assert "\b" not in text


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_an_unknown_flag_is_wrong_use(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--no-such-flag"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--no-such-flag" in err
    assert f"`rag {' '.join(words)} --help`" in err


@pytest.mark.parametrize(
    "words", [[], ["models"], ["eval"], ["nothing"], ["ask"], ["search", "x", "-k", "0"]]
)
def test_incomplete_and_unknown_commands_are_wrong_use(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rag 0.")


# --- answers ---------------------------------------------------------------------------------


def test_an_answer_is_printed_with_numbered_citations(
    rag: Rag, qa: SmallNewsQA, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag("ask", QUESTION) == 0
    assert capsys.readouterr().out.splitlines() == [
        "The mayor opened the new harbour on Friday. [1]",
        "",
        "[1] “The mayor opened the new harbour on Friday.”",
        f"    A harbour – at last, Example Times, 2025-03-07 [37:80] article {first_id(qa)}",
    ]
    assert qa.closed


def test_show_prints_the_characters_that_a_citation_names(
    rag: Rag, qa: SmallNewsQA, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag("show", first_id(qa), "--span", "[37:80]") == 0
    assert capsys.readouterr().out == "The mayor opened the new harbour on Friday.\n"


@pytest.mark.parametrize("span", ["x", "5", "9:3", "0:100000", "-1:4"])
def test_a_span_outside_the_article_is_wrong_use(rag: Rag, qa: SmallNewsQA, span: str) -> None:
    assert rag("show", first_id(qa), f"--span={span}") == 2


def test_not_found_is_an_answer_and_no_failure(rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("ask", "Who won?") == 0
    assert capsys.readouterr().out == "The articles do not tell.\n"


def test_stream_prints_statements_and_then_the_answer(rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("ask", "--stream", QUESTION) == 0
    out = capsys.readouterr().out
    assert out.index("The mayor opened the new harbour on Friday.") < out.index("[1] “")


def test_a_summary_is_streamed_too(rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("summarise", "--stream", "--query", "harbour") == 0
    verified, *rest = capsys.readouterr().out.splitlines()
    assert verified.startswith("verified: ")
    assert verified.removeprefix("verified: ") in "\n".join(rest)
    assert rag("summarise", "--stream", "--json", "--query", "harbour") == 0
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["statement", "summary"]


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ([], "covers 50 % of the source"),
        (["--to", "de"], "gibt 50 % der Vorlage wieder"),
        (["--to", "fi"], "covers 50 % of the source"),
    ],
)
def test_what_a_summary_holds_is_told_in_its_language(
    rag: Rag, to: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag("summarise", "--query", "harbour", *to) == 0
    assert capsys.readouterr().out.splitlines()[-1] == told


def test_a_stream_of_json_holds_one_event_a_line(rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("ask", "--stream", "--json", QUESTION) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["evidence", "statement", "answer"]
    assert Answer.model_validate(events[-1]["data"]).status == "answered"


def test_filters_and_history_reach_newsqa(rag: Rag, qa: SmallNewsQA, tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_text('[{"role": "user", "content": "And the bridge?"}]')
    words = ["--after", "2025-03-01", "--language", "en", "--article", "a", "--article", "b"]
    assert rag("ask", QUESTION, "--history", str(file), *words) == 0
    _, history, filters = qa.asked[-1]
    assert [turn.content for turn in history] == ["And the bridge?"]
    assert filters == {
        "published_after": datetime(2025, 3, 1),
        "language": "en",
        "article_ids": ("a", "b"),
    }


@pytest.mark.parametrize("flag", ["--after", "--before"])
def test_what_is_no_date_is_wrong_use(rag: Rag, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("list", flag, "yesterday") == 2
    assert "'yesterday' is no date; write 2025-02-18" in capsys.readouterr().err


@pytest.mark.parametrize("k", ["0", "1001", "many"])
def test_a_number_out_of_range_is_named_beside_its_limit(k: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "-k", k, "Riad"]) == 2
    assert f", got '{k}'.\n     `rag search --help`" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", '[{"role": "judge", "content": "x"}]'])
def test_a_history_that_is_none_is_wrong_use(rag: Rag, tmp_path: Path, content: str) -> None:
    file = tmp_path / "history.json"
    file.write_text(content)
    assert rag("ask", QUESTION, "--history", str(file)) == 2
    assert rag("ask", QUESTION, "--history", str(tmp_path / "missing.json")) == 2


def test_a_dash_reads_the_question_from_standard_input(
    rag: Rag, qa: SmallNewsQA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{QUESTION}\n"))
    assert rag("ask", "-") == 0
    assert qa.asked[-1][0] == QUESTION


def test_chat_takes_a_question_a_line_and_remembers(
    rag: Rag, qa: SmallNewsQA, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{QUESTION}\n\nAnd the bridge?\n"))
    assert rag("chat", "--json") == 0
    assert len([Answer.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]) == 2
    assert [turn.content for turn in qa.asked[1][1]] == [
        QUESTION,
        "The mayor opened the new harbour on Friday. [1]",
    ]


# --- JSON reads back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["ask", QUESTION], Answer),
        (["search", QUESTION], list[Hit]),
        (["summarise", "--query", "harbour"], Summary),
        (["list"], list[Article]),
        (["show", "ID"], Article),
        (["add", "A ferry sank."], AddReport),
        (["delete", "ID"], list[Deletion]),
        (["check"], CheckReport),
        (["rebuild"], CheckReport),
    ],
)
def test_json_reads_back_into_the_types(
    rag: Rag, qa: SmallNewsQA, words: list[str], kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag(*[first_id(qa) if word == "ID" else word for word in words], "--json") == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    TypeAdapter(kind).validate_json(out)


@pytest.mark.parametrize(
    "words", [["search", QUESTION], ["summarise", "--query", "harbour"], ["list"], ["show", "ID"], ["check"]]
)
def test_every_result_is_readable_by_people(
    rag: Rag, qa: SmallNewsQA, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag(*[first_id(qa) if word == "ID" else word for word in words]) == 0
    out, err = capsys.readouterr()
    assert "{" not in out
    assert err == ""


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (InputError("The question is empty.", hint="Write one."), 2),
        (SettingsError("RAG_LLM = x.", hint="Set it."), 2),
        (ModelMissing("The model is missing.", hint="Run `rag models pull`."), 3),
        (ModelTimeout("It took 120 s.", hint="Ask again."), 3),
        (StoreFull("No space is left.", hint="Make some."), 3),
    ],
)
def test_an_error_is_two_lines_and_a_code(
    rag: Rag, qa: SmallNewsQA, failure: RagError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    qa.failure = failure
    assert rag("ask", QUESTION) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"rag: {failure.message}", f"     {failure.hint}"]

    assert rag("ask", QUESTION, "--json") == code
    out, err = capsys.readouterr()
    told = {"code": failure.code, "message": failure.message, "hint": failure.hint}
    assert (out, json.loads(err)) == ("", {"error": told})


def test_wrong_use_with_json_is_a_json_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "invalid_input"


def test_an_unknown_article_is_wrong_use(rag: Rag) -> None:
    assert rag("show", "nothing") == 2
    assert rag("delete", "nothing") == 2


def test_a_failed_check_exits_1(rag: Rag, qa: SmallNewsQA) -> None:
    bad = CheckReport(ok=False, articles=1, passages=2, vectors=1, problems=("1 vector is missing",))
    qa.check = lambda repair=True: bad  # type: ignore[method-assign]
    assert rag("check", "--no-repair") == 1
    assert rag("rebuild") == 1


def test_documents_that_were_not_taken_are_named(
    rag: Rag, qa: SmallNewsQA, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = AddReport.model_validate(
        {"failed": [{"origin": "a.pdf", "code": "encrypted_document", "message": "It needs a password."}]}
    )
    qa.add = lambda sources, progress=None: failed  # type: ignore[method-assign]
    assert rag("add", "a.pdf") == 3
    out, err = capsys.readouterr()
    assert "1 failed" in out
    assert err == "not taken: a.pdf: It needs a password.\n"
    some = failed.model_copy(update={"added": ("x",)})
    qa.add = lambda sources, progress=None: some  # type: ignore[method-assign]
    assert rag("add", "a.pdf", "b.txt") == 0


def test_interrupting_exits_130_without_a_traceback(
    rag: Rag, qa: SmallNewsQA, capsys: pytest.CaptureFixture[str]
) -> None:
    qa.failure = KeyboardInterrupt()  # type: ignore[assignment]
    assert rag("ask", QUESTION) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert qa.closed


def test_an_error_of_the_system_is_told_without_a_traceback(
    rag: Rag, qa: SmallNewsQA, capsys: pytest.CaptureFixture[str]
) -> None:
    qa.failure = PermissionError(13, "Permission denied", "/data")  # type: ignore[assignment]
    assert rag("ask", QUESTION) == 3
    assert "/data: Permission denied" in capsys.readouterr().err


def test_serving_everywhere_without_a_key_is_wrong_use(rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("serve", "--host", "0.0.0.0", "--port", "0") == 2
    assert "RAG_API_KEY" in capsys.readouterr().err


def test_a_reader_who_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rag", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait() == 128 + signal.SIGPIPE


# --- the demo --------------------------------------------------------------------------------


def test_the_demo_indexes_its_articles_and_asks_its_questions(
    rag: Rag, qa: SmallNewsQA, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rag("demo") == 0
    out, err = capsys.readouterr()
    asked = [question for question, _, _ in qa.asked]
    assert len(asked) >= 4
    assert all(f"? {question}" in out for question in asked)
    assert "(not_found, " in out
    assert "articles are in the index" in err
    assert len(qa.stored) == 2 + 2


def test_the_demo_in_json_is_an_answer_a_line(rag: Rag, capsys: pytest.CaptureFixture[str]) -> None:
    assert rag("demo", "--json") == 0
    assert all(Answer.model_validate_json(line) for line in capsys.readouterr().out.splitlines())


def test_a_draft_is_checked_and_the_exit_code_tells(
    rag: Rag, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = tmp_path / "draft.txt"
    draft.write_text("The mayor opened the new harbour on Friday.", encoding="utf-8")
    assert rag("verify", str(draft)) == 0
    told = capsys.readouterr().out
    assert told.startswith("supported ")
    assert "1 statements: 1 supported, 0 contradicted, 0 not found" in told
    draft.write_text("Nobody knows.", encoding="utf-8")
    assert rag("verify", str(draft), "--json") == 1
    assert json.loads(capsys.readouterr().out)["statements"][0]["verdict"] == "not_found"


def test_a_draft_comes_through_the_pipe_and_must_be_text(
    rag: Rag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("The mayor opened the new harbour on Friday."))
    assert rag("verify", "-") == 0
    draft = tmp_path / "draft.txt"
    draft.write_bytes(b"\xff\xfe\x00")
    assert rag("verify", str(draft)) == 2
    assert "not UTF-8" in capsys.readouterr().err
