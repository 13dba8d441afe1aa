"""Whatever can be asked: functions, endpoints, services; what they quote is found, what fails is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from test_evaluation import SILENCE, TOY, Replies, fact_file, toy_answer

from rag.client import Client
from rag.errors import AccessDenied, InputError, ServiceError, ServiceUnavailable
from rag.evaluation import (
    EvalReport,
    open_target,
    read_facts,
    render,
    render_markdown,
    render_page,
    run,
    side_by_side,
)
from rag.types import Answer, Status

FUNCTIONS = """
from rag import Answer

def right(question):
    if question == "Who came?":
        return {"text": "Anna came. [1]", "quotes": ["Anna kam am Montag."], "prompt_tokens": 5}
    return "Das steht nicht in diesen Artikeln."

def text(question):
    return 'Anna came: "Anna kam  am Montag."'

def invents(question):
    return {"text": "Anna came.", "quotes": ["Anna kam am Dienstag."]}

def unproven(question):
    return "Anna came."

def breaks(question):
    if question == "Who came?":
        raise KeyError(question)
    return "Das steht nicht in diesen Artikeln."

def nonsense(question):
    return 7

number = 7
"""


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "my_functions.py"
    path.write_text(FUNCTIONS, encoding="utf-8")
    yield str(path)
    sys.modules.pop("rag_target_my_functions", None)


def asked(folder: Path, name: str) -> EvalReport:
    file = fact_file(folder)
    return run(file, open_target(name, read_facts(file)), name=name)


def kinds(report: EvalReport, n: int = 0) -> set[str]:
    return {fault.kind for fault in report.results[n].judgement.faults}


def test_a_function_is_judged_like_any_other_target(tmp_path: Path, functions: str) -> None:
    report = asked(tmp_path, f"{functions}:right")
    assert report.results[0].usage.prompt_tokens == 5
    assert not report.failures
    assert report.results[0].citations[0].quote == "Anna kam am\n Montag."
    assert report.results[1].status is Status.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("text", set()),
        ("invents", {"span", "unproven", "unsupported"}),
        ("unproven", {"unproven", "unsupported"}),
        ("breaks", {"error"}),
    ],
)
def test_what_a_function_quotes_has_to_stand_there(
    tmp_path: Path, functions: str, name: str, faults: set[str]
) -> None:
    found = kinds(asked(tmp_path, f"{functions}:{name}"))
    assert found - {"unsupported"} == faults - {"unsupported"}


def test_a_function_that_returns_nonsense_ends_the_run(tmp_path: Path, functions: str) -> None:
    with pytest.raises(ServiceError, match="returned int"):
        asked(tmp_path, f"{functions}:nonsense")


@pytest.mark.parametrize(
    "name", ["nothing", "no.such.module:name", "FILE:missing", "FILE:number", "none.py:x", "openai:x"]
)
def test_a_target_that_is_not_there_is_refused(tmp_path: Path, functions: str, name: str) -> None:
    with pytest.raises(InputError):
        asked(tmp_path, name.replace("FILE", functions))


def test_an_object_with_the_methods_of_a_target_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Replies({"Who came?": toy_answer(), "Wie viele?": SILENCE}, {"a": TOY})
    monkeypatch.setattr(sys.modules[__name__], "ready", target, raising=False)
    assert not asked(tmp_path, f"{__name__}:ready").failures


def test_a_url_is_a_service(tmp_path: Path) -> None:
    facts = read_facts(fact_file(tmp_path))
    assert isinstance(open_target("http://127.0.0.1:9", facts, key="k"), Client)


# --- endpoints -------------------------------------------------------------------------------


class Endpoint:
    """Says `body` with `status` to every chat completion; `heard` keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.body = 200, ""
        self.heard: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                owner.keys.append(self.headers["Authorization"])
                self.send_response(owner.status)
                self.end_headers()
                self.wfile.write(owner.body.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.name = f"openai:http://127.0.0.1:{self.server.server_port}/v1#m"

    def says(self, content: str, **more: Any) -> None:
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        self.body = json.dumps({"choices": [{"message": {"content": content}}], "usage": usage} | more)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    one = Endpoint()
    yield one
    one.server.shutdown()
    one.server.server_close()


def answered(folder: Path, endpoint: Endpoint) -> Answer:
    target = open_target(endpoint.name, read_facts(fact_file(folder)), key="secret")
    (answer,) = target.stream("Who came?")
    assert isinstance(answer, Answer)
    return answer


def test_sources_of_an_endpoint_are_its_citations(tmp_path: Path, endpoint: Endpoint) -> None:
    endpoint.says("Anna came. [1]\n\n[1] “Anna kam am Montag.” — a")
    answer = answered(tmp_path, endpoint)
    assert [one.text for one in answer.statements] == ["Anna came. [1]"]
    assert answer.citations[0].article_id == "a"
    assert answer.usage.prompt_tokens == 7
    assert endpoint.heard[0]["model"] == "m" and endpoint.keys == ["Bearer secret"]
    endpoint.says("Anna came.", citations=[{"quote": "Anna kam am Montag."}])
    assert answered(tmp_path, endpoint).citations[0].article_id == "a"


@pytest.mark.parametrize(
    "text",
    [
        "Das steht nicht in diesen Artikeln.",
        "I don't know.",
        "The articles do not mention how many.",
        "This is not stated in the context.",
        "Dazu gibt es keine Angaben.",
        "Ce n'est pas mentionné dans le texte.",
        "Bu makalelerde belirtilmemiştir.",
        "В статьях это не указано.",
    ],
)
def test_a_text_that_says_it_does_not_know_is_silence(tmp_path: Path, endpoint: Endpoint, text: str) -> None:
    endpoint.says(text)
    assert answered(tmp_path, endpoint).status is Status.NOT_FOUND


def test_an_endpoint_that_is_down_or_talks_nonsense_is_told(tmp_path: Path, endpoint: Endpoint) -> None:
    for status, body, error in (
        (500, "", ServiceUnavailable),
        (401, "", AccessDenied),
        (200, "<html>", ServiceError),
        (200, '{"choices": []}', ServiceError),
        (200, "[]", ServiceError),
    ):
        endpoint.status, endpoint.body = status, body
        with pytest.raises(error):
            answered(tmp_path, endpoint)


@pytest.mark.parametrize(
    "usage", [None, [], {"prompt_tokens": None}, {"prompt_tokens": "many"}, {"prompt_tokens": -1}]
)
def test_tokens_that_are_no_count_are_none(tmp_path: Path, endpoint: Endpoint, usage: object) -> None:
    endpoint.says("Anna came.", usage=usage)
    assert answered(tmp_path, endpoint).usage.prompt_tokens == 0


# --- side by side ----------------------------------------------------------------------------


def test_two_targets_are_shown_side_by_side(tmp_path: Path, functions: str) -> None:
    one, two = (asked(tmp_path, f"{functions}:{name}") for name in ("right", "unproven"))
    report = side_by_side(one, two)
    assert report.passed and report.comparisons[0].rows[0].gained == ("one", "two")
    for text in (render(report), render_markdown(report)):
        assert "side by side" in text and "unproven" in text
    page = render_page(report)
    assert "Side by side" in page and "The other target (failed)" in page
