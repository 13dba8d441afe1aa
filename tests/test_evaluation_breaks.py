"""Runs that break off and targets that are down, slow or talk nonsense: told, and nothing that was had is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from test_evaluation import FACT_FILE, SILENCE, TOY, Replies, fact_file, toy_answer

from rag.cli import main
from rag.errors import InputError, ServiceUnavailable
from rag.evaluation import check_articles, open_target, read_facts, read_report, run
from rag.types import Answer, FoundBy, Hit

MORE = "".join(
    f'  - {{id: more-{n}, question: "Wie viele Boote {n}?", language: de, kind: how_many, status: not_found}}\n'
    for n in range(8)
)
FUNCTIONS = """
import time
SILENT = "Das steht nicht in diesen Artikeln."

def slow(question):
    time.sleep(30)

def breaks_later(question):
    if "5" in question:
        raise KeyboardInterrupt
    return SILENT

def says(question):
    return SILENT

def down_later(question):
    if question.startswith("W") and "Boote" in question:
        raise ConnectionError("refused")
    return SILENT
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = fact_file(tmp_path)
    path.write_text(FACT_FILE + MORE, encoding="utf-8")
    return path


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "breaking.py"
    path.write_text(FUNCTIONS, encoding="utf-8")
    yield str(path)
    sys.modules.pop("rag_target_breaking", None)


def test_a_function_that_hangs_is_given_up(facts: Path, functions: str) -> None:
    target = open_target(f"{functions}:slow", read_facts(facts), timeout=0.05)
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable, match=r"slow did not answer within 0\.05 s"):
        list(target.stream("Who came?"))
    assert time.monotonic() - began < 10


def test_a_target_that_goes_down_in_the_middle_ends_the_run_and_keeps_what_it_said(
    facts: Path, functions: str, tmp_path: Path
) -> None:
    target = open_target(f"{functions}:down_later", read_facts(facts))
    keep = tmp_path / "kept.part"
    with pytest.raises(ServiceUnavailable, match="refused"):
        run(facts, target, keep=keep)
    assert len(keep.read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("ids", [["one"], ["one", "two"]])
def test_a_target_that_answers_nothing_has_no_score_however_few_facts_there_are(
    facts: Path, ids: list[str]
) -> None:
    down = Replies(
        {"Who came?": ServiceUnavailable("refused"), "Wie viele?": ServiceUnavailable("refused")}, {}
    )
    with pytest.raises(ServiceUnavailable, match="refused"):
        run(facts, down, ids=ids)


def test_single_errors_among_answers_end_nothing(facts: Path) -> None:
    class Shaky(Replies):
        asked = 0

        def stream(self, question: str, **more: Any) -> Iterator[Answer]:
            self.asked += 1
            if self.asked % 2 == 0:
                raise ServiceUnavailable("busy")
            yield SILENCE

    report = run(facts, Shaky({}, {"a": TOY}))
    assert sum(one.judgement.has("error") for one in report.results) == 5


def test_a_run_that_was_interrupted_goes_on_with_the_same_command(
    facts: Path, functions: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = facts.with_name("facts.yaml.part")
    command = ["eval", "run", str(facts), "--target"]
    assert main([*command, f"{functions}:breaks_later"]) == 130
    assert f"kept in {kept}" in capsys.readouterr().err
    assert len(kept.read_text(encoding="utf-8").splitlines()) == 7
    sys.modules.pop("rag_target_breaking")
    report = tmp_path / "report.json"
    kept.rename(report.with_name("report.json.part"))
    assert main([*command, f"{functions}:says", "--report", str(report)]) == 0
    assert "7 answers taken over" in capsys.readouterr().out
    assert read_report(report).reused == 7
    assert not list(tmp_path.glob("*.part"))


def test_answers_of_a_function_that_was_changed_since_are_not_taken_over(
    facts: Path, functions: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "run", str(facts), "--target"]
    assert main([*command, f"{functions}:breaks_later"]) == 130
    sys.modules.pop("rag_target_breaking")
    Path(functions).write_text(f"{FUNCTIONS}\n# changed\n", encoding="utf-8")
    assert main([*command, f"{functions}:says"]) == 0
    assert "taken over" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ("http://127.0.0.1:9", 3, "127.0.0.1:9"),
        ("openai:http://127.0.0.1:9/v1#m", 3, "Start it, or check the URL."),
        ("nowhere.py:ask", 2, "there is no file nowhere.py"),
        ("no_such_module:ask", 2, "No module named 'no_such_module'"),
        ("nonsense", 2, "There is no target 'nonsense'"),
    ],
)
def test_a_target_that_is_not_there_is_told_instead_of_a_score(
    facts: Path, target: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "run", str(facts), "--target", target]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err


@pytest.fixture
def nonsense() -> Iterator[str]:
    """A server that answers everything with a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["{}", "openai:{}/v1#m"])
def test_a_target_that_answers_nonsense_is_told_with_its_address(
    facts: Path, nonsense: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "run", str(facts), "--target", name.format(nonsense)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert f"The run against {name.format(nonsense)} broke off." in err


class Searching(Replies):
    """Finds what it holds, whatever is asked."""

    def search(self, query: str, k: int = 10) -> list[Hit]:
        return [
            Hit(
                kind="sentence",
                article_id=id_,
                revision="",
                first=0,
                last=0,
                start=0,
                end=4,
                text="Anna",
                score=1,
                found_by=FoundBy.BOTH,
            )
            for id_ in self._articles
        ]


def test_a_service_without_the_articles_is_told_before_it_is_asked(facts: Path) -> None:
    check_articles(Searching({}, {"a": TOY}), read_facts(facts), "http://x")
    for held in ({}, {"b": TOY.model_copy(update={"text": "Berta ging."})}):
        with pytest.raises(InputError, match=r"http://x does not hold a\.txt"):
            check_articles(Searching({}, held), read_facts(facts), "http://x")


@pytest.mark.parametrize(
    "words", [["--html", "none/x.html"], ["--junit", "."], ["--floor", "none.yaml"], ["--least", "fact=1"]]
)
def test_what_cannot_be_written_or_held_is_told_before_anything_is_asked(
    facts: Path, functions: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "run", str(facts), "--target", f"{functions}:breaks_later", *words]) == 2
    assert "broke off" not in capsys.readouterr().err


def test_one_wrong_fact_fails_the_run_where_all_must_hold(facts: Path, functions: str) -> None:
    command = ["eval", "run", str(facts), "--target", f"{functions}:says"]
    assert main(command) == 0
    assert main([*command, "--least", "facts=1"]) == 1
    assert main([*command, "--least", "unanswerable=1"]) == 0


# --- another revision ------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    report = run(fact_file(tmp_path), Replies({"Who came?": toy_answer(), "Wie viele?": SILENCE}, {"a": TOY}))
    (tmp_path / "base.json").write_text(report.model_dump_json(), encoding="utf-8")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "base.json"], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "base.json").unlink()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_baseline_is_read_out_of_another_revision(repository: Path) -> None:
    assert len(read_report(Path("HEAD:base.json")).results) == 2


@pytest.mark.parametrize("name", ["HEAD:none.json", "nowhere:base.json", "--output=x:base.json"])
def test_a_revision_without_the_baseline_is_told(repository: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as error:
        read_report(Path(name))
    assert "REVISION:FILE" in error.value.hint
    assert not (repository / "x").exists()
