"""The service, mostly through Starlette's test client; once over real HTTP with OpenAI's own client."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import HashEncoder
from fastapi.testclient import TestClient
from service import running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.api import create_app, listen
from rag.api.refusals import STATUS, status_of
from rag.api.visits import is_loopback
from rag.errors import (
    InputError,
    ModelTimeout,
    ModelUnavailable,
    RagError,
    ServiceError,
    StoreDamaged,
    StoreFull,
    StoreLocked,
)
from rag.guard import MAX_REQUEST_BYTES
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import AddReport, Answer, Article, Deletion, DraftCheck, Hit, Message, Statement, Summary

QUESTION = "Who opened the harbour?"
CHAT = "/v1/chat/completions"
NOWHERE = Path("/nonexistent")  # no keys, no other collections


@pytest.fixture
def qa() -> SmallNewsQA:
    return SmallNewsQA(HARBOUR, NO_ADDRESS)


def client_of(qa: SmallNewsQA | NewsQA, **settings: Any) -> TestClient:
    app = create_app(qa, Settings(**{"data": NOWHERE} | settings))  # type: ignore[arg-type]
    return TestClient(
        app, base_url="http://127.0.0.1", client=("127.0.0.1", 50000), raise_server_exceptions=False
    )


@pytest.fixture
def client(qa: SmallNewsQA) -> Iterator[TestClient]:
    with client_of(qa) as opened:
        yield opened


def frames(text: str) -> list[tuple[str, str]]:
    """(event name, data) of every server-sent event."""
    pairs = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line)
        if fields:
            pairs.append((fields.get("event", ""), fields["data"]))
    return pairs


def all_kinds(root: type[RagError] = RagError) -> list[type[RagError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in all_kinds(child))]


# --- our endpoints ---------------------------------------------------------------------------


def test_healthz_tells_that_the_service_runs(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"


def test_ask_gives_the_answer_of_newsqa(client: TestClient, qa: SmallNewsQA) -> None:
    answer = Answer.model_validate(client.post("/v1/ask", json={"question": QUESTION}).json())
    assert answer == qa.ask(QUESTION)
    assert qa.article(answer.citations[0].article_id).text[37:82] == answer.citations[0].quote


def test_filters_and_history_reach_newsqa_and_nothing_else_does(client: TestClient, qa: SmallNewsQA) -> None:
    turn = {"role": "user", "content": "What about the bridge?"}
    body = {"question": QUESTION, "history": [turn], "published_after": "2025-03-01", "language": "en"}
    assert client.post("/v1/ask", json=body).status_code == 200
    (_, history, filters) = qa.asked[-1]
    assert history == (Message(role="user", content="What about the bridge?"),)
    assert set(filters) == {"published_after", "language"}
    assert filters["published_after"].isoformat() == "2025-03-01T00:00:00+00:00"


@pytest.mark.parametrize("by_header", [True, False])
def test_ask_streams_named_events_and_ends_with_the_answer(
    client: TestClient, qa: SmallNewsQA, by_header: bool
) -> None:
    headers = {"Accept": "text/event-stream"} if by_header else {}
    body = {"question": QUESTION} if by_header else {"question": QUESTION, "stream": True}
    response = client.post("/v1/ask", json=body, headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = frames(response.text)
    assert [name for name, _ in events] == ["evidence", "statement", "answer"]
    Statement.model_validate_json(events[1][1])
    assert Answer.model_validate_json(events[2][1]) == qa.ask(QUESTION)


def test_a_stream_that_cannot_start_is_a_plain_error(client: TestClient, qa: SmallNewsQA) -> None:
    qa.failure = ModelUnavailable("connection refused at /secret/socket")
    response = client.post("/v1/ask", json={"question": QUESTION, "stream": True})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "model_unavailable"


def test_an_error_in_the_middle_of_a_stream_is_its_last_event(client: TestClient, qa: SmallNewsQA) -> None:
    qa.failure, qa.late = ModelTimeout("/secret/model gave up"), True
    events = frames(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)
    assert [name for name, _ in events] == ["evidence", "error"]
    assert json.loads(events[-1][1])["error"]["code"] == "model_timeout"
    assert "secret" not in events[-1][1]


def test_search_gives_hits(client: TestClient, qa: SmallNewsQA) -> None:
    found = client.post("/v1/search", json={"question": QUESTION, "k": 3}).json()["hits"]
    assert [Hit.model_validate(hit) for hit in found] == qa.search(QUESTION, 3)


def test_summarise_takes_ids_or_a_query(client: TestClient, qa: SmallNewsQA) -> None:
    ids = [qa.articles()[0].id]
    by_id = Summary.model_validate(
        client.post("/v1/summarise", json={"article_ids": ids, "language": "de"}).json()
    )
    assert (by_id.article_ids, by_id.language) == (tuple(ids), "de")
    by_query = Summary.model_validate(client.post("/v1/summarise", json={"query": "harbour"}).json())
    assert by_query.citations


def test_a_summary_has_a_form_a_focus_and_a_length(client: TestClient, qa: SmallNewsQA) -> None:
    body = {"query": "harbour", "form": "points", "focus": "the mayor", "words": 80, "written_in": "en"}
    assert client.post("/v1/summarise", json=body).json()["form"] == "points"
    assert qa.summarised[-1] == ("points", "the mayor", 80, "en")


def test_a_summary_is_streamed_statement_by_statement(client: TestClient) -> None:
    told = client.post("/v1/summarise", json={"query": "harbour", "stream": True})
    names = [line.removeprefix("event: ") for line in told.text.splitlines() if line.startswith("event: ")]
    assert names == ["statement", "summary"]
    assert told.headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize("wrong", [{"form": "poem"}, {"sentences": 0}, {"words": 0}, {"deadline": -1}])
def test_a_summary_that_cannot_be_made_is_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    refused = client.post("/v1/summarise", json={"query": "harbour", **wrong})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input")


def test_articles_are_listed_filtered_shown_added_and_deleted(client: TestClient, qa: SmallNewsQA) -> None:
    listed = [Article.model_validate(one) for one in client.get("/v1/articles").json()["articles"]]
    assert len(listed) == 2
    german = client.get("/v1/articles", params={"language": "de"}).json()["articles"]
    assert [one["title"] for one in german] == ["Zirkus"]
    one = Article.model_validate(client.get(f"/v1/articles/{listed[0].id}").json())
    assert one == qa.article(listed[0].id)

    new = {"text": "A ferry sank. Nobody was hurt.", "title": "Ferry", "published": "2025-03-09"}
    report = AddReport.model_validate(client.post("/v1/articles", json={"articles": [new]}).json())
    assert qa.article(report.added[0]).title == "Ferry"
    gone = Deletion.model_validate(client.delete(f"/v1/articles/{report.added[0]}").json())
    assert gone.proven
    missing = client.get(f"/v1/articles/{report.added[0]}")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "article_not_found")


def test_several_article_ids_filter_the_list(client: TestClient, qa: SmallNewsQA) -> None:
    ids = [one.id for one in qa.articles()]
    assert len(client.get("/v1/articles", params={"article_ids": ids}).json()["articles"]) == 2
    assert len(client.get("/v1/articles", params={"article_ids": ids[:1]}).json()["articles"]) == 1


def test_paths_of_the_machine_are_not_shown(client: TestClient, qa: SmallNewsQA) -> None:
    one = next(iter(qa.stored.values()))
    origins = ("/secret/harbour.txt", "https://example.org/harbour")
    qa.stored[one.id] = one.model_copy(update={"origins": origins})
    shown = client.get(f"/v1/articles/{one.id}")
    assert shown.json()["origins"] == ["https://example.org/harbour"]
    assert "secret" not in shown.text + client.get("/v1/articles").text


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {}),
        ("/v1/ask", {"question": 3}),
        ("/v1/ask", {"question": "x", "unknown": 1}),
        ("/v1/ask", {"question": "x", "stream": "yes"}),
        ("/v1/ask", {"question": "x", "history": [{"role": "judge", "content": "x"}]}),
        ("/v1/ask", {"question": "x" * 100_001}),
        ("/v1/ask", {"question": "x", "published_after": "yesterday"}),
        ("/v1/search", {"question": "x", "k": 0}),
        ("/v1/search", {"question": ""}),
        ("/v1/summarise", {"sentences": 1000}),
        ("/v1/articles", {"articles": []}),
        ("/v1/articles", {"articles": [{"text": "x", "url": "javascript:alert(1)"}]}),
        ("/v1/articles", {"articles": [{"text": "x", "path": "/etc/passwd"}]}),
    ],
)
def test_wrong_requests_are_refused_in_one_shape(client: TestClient, path: str, body: dict[str, Any]) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message", "hint"}
    assert response.json()["error"]["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/search", {"question": "x", "k": 0}, ["k", "greater than or equal to 1", "got 0."]),
        (
            "/v1/ask",
            {"question": "x", "published_after": "yesterday"},
            ["published_after", 'got "yesterday".'],
        ),
        ("/v1/ask", {"question": "x" * 100_001}, ["question", "100001 characters."]),
        ("/v1/ask", {}, ["question is missing"]),
        ("/v1/ask", {"question": "x", "colour": 1}, ["colour is nothing that"]),
        ("/v1/articles", {"articles": {"text": "x"}}, ["articles", "got an object of 1."]),
    ],
)
def test_what_is_refused_is_named_with_its_limit_and_the_way_out(
    client: TestClient, path: str, body: dict[str, Any], told: list[str]
) -> None:
    error = client.post(path, json=body).json()["error"]
    assert all(piece in error["message"] for piece in told), error
    assert path in error["hint"]


def test_a_body_that_is_no_json_is_refused_in_the_same_shape(client: TestClient) -> None:
    response = client.post("/v1/ask", content=b"{", headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_input")


@pytest.mark.parametrize(("path", "code"), [("/nothing", 404), ("/v1/ask", 405)])
def test_unknown_paths_and_methods_have_the_same_shape(client: TestClient, path: str, code: int) -> None:
    response = client.get(path)
    assert response.status_code == code
    assert set(response.json()["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (InputError("k must be at least 1, got 0."), 400),
        (StoreLocked("/secret/catalog is held"), 503),
        (StoreDamaged("/secret/catalog is damaged"), 503),
        (StoreFull("no space at /secret"), 507),
        (ModelTimeout("/secret/model"), 504),
        (RagError("/secret"), 500),
    ],
)
def test_errors_have_a_status_and_never_name_a_path(
    client: TestClient, qa: SmallNewsQA, failure: RagError, status: int
) -> None:
    qa.failure = failure
    response = client.post("/v1/ask", json={"question": QUESTION})
    assert response.status_code == status
    assert response.json()["error"]["code"] == failure.code
    assert "secret" not in response.text


def test_message_and_hint_stay_apart_where_both_may_be_shown(client: TestClient, qa: SmallNewsQA) -> None:
    qa.failure = InputError("k is 0.", hint="Pass at least 1.")
    told = client.post("/v1/ask", json={"question": QUESTION}).json()["error"]
    assert told == {"code": "invalid_input", "message": "k is 0.", "hint": "Pass at least 1."}


def test_a_bug_is_an_error_500_that_tells_nothing(client: TestClient, qa: SmallNewsQA) -> None:
    qa.failure = ZeroDivisionError("/secret")  # type: ignore[assignment]
    response = client.post("/v1/ask", json={"question": QUESTION})
    assert (response.status_code, response.json()["error"]["code"]) == (500, "error")
    assert "secret" not in response.text
    assert response.headers["X-Request-ID"] and response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_bug_outside_of_an_answer_is_one_too_and_is_counted(qa: SmallNewsQA) -> None:
    def broken(**filters: Any) -> list[Article]:
        raise ZeroDivisionError("/secret")

    qa.articles = broken  # type: ignore[method-assign, assignment]
    client = client_of(qa)
    response = client.get("/v1/articles")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "error")
    assert "secret" not in response.text
    assert response.headers["X-Request-ID"] and response.headers["X-Content-Type-Options"] == "nosniff"
    counted = 'rag_requests_total{method="GET",route="/v1/articles",status="500"} 1.0'
    assert counted in client.get("/metrics").text


def test_a_bug_in_the_middle_of_a_stream_is_its_last_event(client: TestClient, qa: SmallNewsQA) -> None:
    qa.failure, qa.late = ZeroDivisionError("/secret"), True  # type: ignore[assignment]
    *_, (name, data) = frames(client.post("/v1/ask", json={"question": QUESTION, "stream": True}).text)
    assert (name, json.loads(data)["error"]["code"]) == ("error", "error")
    assert "secret" not in data


@pytest.mark.parametrize("kind", all_kinds(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[RagError]) -> None:
    assert 400 <= status_of(kind("x")) < 600


def test_every_entry_of_the_table_is_an_error_of_the_tree() -> None:
    assert set(STATUS) <= set(all_kinds())


# --- size, key, host -------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_the_limit_is_not_read(client: TestClient, announced: bool) -> None:
    body = json.dumps({"question": "x" * (MAX_REQUEST_BYTES + 1)}).encode()
    pieces = iter([body[:1000], body[1000:]])
    response = client.post(
        "/v1/ask", content=body if announced else pieces, headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_articles_may_be_larger_than_questions_up_to_the_setting(qa: SmallNewsQA) -> None:
    client = client_of(qa, max_document_bytes=MAX_REQUEST_BYTES)
    large = {"articles": [{"text": "Go." + " " * MAX_REQUEST_BYTES}]}
    assert client.post("/v1/articles", json=large).status_code == 200
    large["articles"] *= 2
    assert client.post("/v1/articles", json=large).status_code == 413


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic k3y", "Bearer k3y4", "Bearer ключ"])
def test_without_the_right_key_nothing_is_told(qa: SmallNewsQA, header: str) -> None:
    client = client_of(qa, api_key="k3y")
    response = client.get("/v1/articles", headers={"Authorization": header.encode()} if header else {})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "access_denied"
    assert "k3y" not in response.text


def test_with_the_right_key_every_host_name_is_served(qa: SmallNewsQA) -> None:
    client = client_of(qa, api_key="k3y")
    headers = {"Authorization": "Bearer k3y", "Host": "news.example.org"}
    assert client.get("/v1/articles", headers=headers).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_without_a_key_a_foreign_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/v1/articles", headers={"Host": "evil.example.org"}).status_code == 401
    assert client.get("/v1/articles", headers={"Host": "localhost:8000"}).status_code == 200
    assert client.get("/v1/articles", headers={"Host": "[::1]:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "news.example.org"])
def test_listening_beyond_this_machine_needs_a_key(host: str) -> None:
    with pytest.raises(InputError, match="RAG_API_KEY"):
        listen(host, 0, Settings(data=NOWHERE))


def test_listening_everywhere_is_fine_with_a_key() -> None:
    with listen("0.0.0.0", 0, Settings(api_key="k3y")) as bound:  # type: ignore[arg-type]
        assert bound.getsockname()[1] > 0


def test_a_taken_port_is_a_typed_error() -> None:
    with listen("127.0.0.1", 0, Settings()) as bound:
        bound.listen()
        with pytest.raises(ServiceError, match="Cannot listen"):
            listen("127.0.0.1", bound.getsockname()[1], Settings())


@pytest.mark.parametrize(
    ("host", "here"), [("localhost", True), ("127.8.8.8", True), ("[::1]", True), ("", False)]
)
def test_loopback_is_recognised(host: str, here: bool) -> None:
    assert is_loopback(host) is here


# --- OpenAI's endpoints ----------------------------------------------------------------------


def test_models_lists_one_model(client: TestClient) -> None:
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["rag"]


def test_chat_takes_the_last_user_message_and_earlier_turns(client: TestClient, qa: SmallNewsQA) -> None:
    messages = [
        {"role": "system", "content": "Be rude."},
        {"role": "user", "content": "What about the bridge?"},
        {
            "role": "assistant",
            "content": "It was closed [[1]](http://x/#/a).\n\n[1] “The old bridge was closed.” — x",
        },
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    assert client.post(CHAT, json={"model": "rag", "messages": messages, "temperature": 1}).status_code == 200
    question, history, _ = qa.asked[-1]
    assert question == QUESTION
    assert [(turn.role, turn.content) for turn in history] == [
        ("user", "What about the bridge?"),
        ("assistant", "It was closed [1]."),
    ]


def test_chat_shows_sources_in_the_text_as_annotations_and_whole(client: TestClient, qa: SmallNewsQA) -> None:
    body = client.post(CHAT, json={"messages": [{"role": "user", "content": QUESTION}]}).json()
    message = body["choices"][0]["message"]
    assert "[1] “The mayor opened the new harbour on Friday.”" in message["content"]
    assert "Example Times, 2025-03-07, https://example.org/harbour" in message["content"]
    (note,) = message["annotations"]
    span = note["url_citation"]
    mark = message["content"][span["start_index"] : span["end_index"]]
    assert re.fullmatch(r"\[\[1\]\]\(http://127\.0\.0\.1/#/article/\S+start=37&end=80\)", mark)
    assert span["url"] == HARBOUR.url
    assert Answer.model_validate(body["rag"]) == qa.ask(QUESTION)
    assert body["usage"]["total_tokens"] == 35


def test_chat_without_evidence_has_no_sources(client: TestClient) -> None:
    body = client.post(CHAT, json={"messages": [{"role": "user", "content": "Who won?"}]}).json()
    assert body["choices"][0]["message"]["content"] == "The articles do not tell."
    assert (body["rag"]["status"], body["rag"]["citations"]) == ("not_found", [])


def test_an_article_without_address_is_cited_by_ours(qa: SmallNewsQA) -> None:
    client = client_of(qa, public_url="https://news.example.org/rag/")
    body = client.post(CHAT, json={"messages": [{"role": "user", "content": "Wann kam der Zirkus?"}]}).json()
    (note,) = body["choices"][0]["message"]["annotations"]
    assert note["url_citation"]["url"].startswith("https://news.example.org/rag/#/article/")


@pytest.mark.parametrize(
    "more",
    [
        {"n": 5},
        {"tools": [{"type": "function", "function": {"name": "x"}}]},
        {"functions": [{"name": "x"}]},
        {"messages": [{"role": "judge", "content": "x"}]},
        {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "user", "content": "x"}] * 1_000},
        {"messages": [{"role": "assistant", "content": "x", "function_call": {"name": "x"}}]},
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        {"logprobs": True},
        {"logprobs": 0},
        {"n": True},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"filter": {"source": "Example Times"}},
        {"filters": {"sauce": "Example Times"}},
    ],
)
def test_what_chat_cannot_do_is_an_error_and_not_passed_over(
    client: TestClient, more: dict[str, Any]
) -> None:
    response = client.post(CHAT, json={"messages": [{"role": "user", "content": QUESTION}]} | more)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_chat_passes_over_what_clients_send_to_steer_a_model(client: TestClient) -> None:
    steering = {"temperature": 0.2, "top_p": 1, "max_tokens": 50, "seed": 7, "stop": None, "user": "anna"}
    plain = {"n": 1, "response_format": {"type": "text"}, "logprobs": False, "tool_choice": "none"}
    body = {"messages": [{"role": "user", "content": QUESTION}]} | steering | plain
    assert client.post(CHAT, json=body).json()["rag"]["status"] == "answered"


def test_a_model_that_is_not_ours_is_not_found(client: TestClient) -> None:
    body = {"model": "gpt-99", "messages": [{"role": "user", "content": QUESTION}]}
    response = client.post(CHAT, json=body)
    assert response.status_code == 404
    assert "'rag'" in response.json()["error"]["message"]


@pytest.mark.parametrize("messages", [[], [{"role": "system", "content": "x"}]])
def test_chat_errors_have_openais_shape(client: TestClient, messages: list[dict[str, str]]) -> None:
    response = client.post(CHAT, json={"messages": messages})
    assert response.status_code == 400
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_an_error_in_a_chat_stream_has_openais_shape(client: TestClient, qa: SmallNewsQA) -> None:
    qa.failure, qa.late = ModelTimeout("/secret"), True
    body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
    last = json.loads(frames(client.post(CHAT, json=body).text)[-1][1])
    assert last["error"]["code"] == "model_timeout"
    assert "secret" not in str(last)


def test_openais_own_client_reads_plain_and_streamed_answers(qa: SmallNewsQA) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import openai

    messages: Any = [{"role": "user", "content": QUESTION}]
    with running(qa, Settings(api_key="k3y")) as service:  # type: ignore[arg-type]
        with openai.OpenAI(base_url=f"{service.url}/v1", api_key="k3y") as client:
            assert [model.id for model in client.models.list()] == ["rag"]
            plain = client.chat.completions.create(model="rag", messages=messages)
            with client.chat.completions.create(
                model="rag", messages=messages, stream=True, stream_options={"include_usage": True}
            ) as stream:
                chunks = list(stream)
        with openai.OpenAI(base_url=f"{service.url}/v1", api_key="wrong", max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError):
                stranger.models.list()
    text = plain.choices[0].message.content
    assert text is not None
    assert re.search(r"\[1\] “.+” — A harbour", text)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 35
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_a_draft_is_verified_statement_by_statement(client: TestClient) -> None:
    told = client.post("/v1/verify", json={"text": "The mayor opened the new harbour on Friday."})
    found = DraftCheck.model_validate(told.json())
    assert [one.verdict.value for one in found.statements] == ["supported"]
    assert found.citations[0].quote
    assert client.post("/v1/verify", json={"text": " "}).status_code == 400
    assert client.post("/v1/verify", json={"text": "x", "colour": "red"}).status_code == 400


def test_langchains_openai_client_reads_plain_and_streamed_answers(qa: SmallNewsQA) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        with running(qa, Settings(data=NOWHERE, api_key="k3y")) as service:  # type: ignore[arg-type]
            chat = ChatOpenAI(
                model="rag", base_url=f"{service.url}/v1", api_key=SecretStr("k3y"), max_retries=0
            )
            plain = chat.invoke(QUESTION)
            streamed = "".join(str(chunk.content) for chunk in chat.stream(QUESTION))
            chat.root_client.close()
    assert "[1] “The mayor opened the new harbour on Friday.” — A harbour" in str(plain.content)
    assert streamed == plain.content


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("stream", [True, False])
def test_curl_reads_it_too(qa: SmallNewsQA, stream: bool) -> None:
    body = json.dumps({"stream": stream, "messages": [{"role": "user", "content": QUESTION}]})
    with running(qa, Settings(data=NOWHERE)) as service:
        command = ["curl", "-sN", f"{service.url}{CHAT}", "-H", "Content-Type: application/json", "-d", body]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if not stream:
        assert json.loads(said)["rag"]["status"] == "answered"
        return
    lines = [line.removeprefix("data: ") for line in said.splitlines() if line]
    assert lines[-1] == "[DONE]"
    whole = "".join(json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines[:-1])
    assert "[1] “The mayor" in whole


def test_chat_takes_a_conversation_and_shows_the_question_as_understood(
    client: TestClient, qa: SmallNewsQA
) -> None:
    turns = [
        {"role": "user", "content": "What about the bridge?"},
        {"role": "assistant", "content": "It was closed [1]."},
        {"role": "user", "content": QUESTION},
    ]
    answer = Answer.model_validate(client.post("/v1/chat", json={"messages": turns}).json())
    question, history, _ = qa.asked[-1]
    assert (question, len(history)) == (answer.question, 2)


@pytest.mark.parametrize("stream", [False, True])
def test_a_follow_up_is_made_to_stand_alone_and_shown_as_it_was_understood(
    tmp_path: Path, stream: bool
) -> None:
    chosen = Settings(data=tmp_path, llm="none")
    turns = [
        {"role": "user", "content": "Who opened the new harbour?"},
        {"role": "assistant", "content": "The mayor [1]."},
        {"role": "user", "content": "And when did he open it?"},
    ]
    with NewsQA.open(settings=chosen, encoder=HashEncoder(), llm=None) as qa:
        qa.add(HARBOUR)
        response = client_of(qa).post("/v1/chat", json={"messages": turns, "stream": stream})
        last = frames(response.text)[-1][1] if stream else response.text
    understood = json.loads(last)["question"]
    assert understood != turns[-1]["content"]
    assert "harbour" in understood


def test_the_question_of_a_conversation_is_what_the_user_said_last(
    client: TestClient, qa: SmallNewsQA
) -> None:
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "The mayor [1]."}]
    assert client.post("/v1/chat", json={"messages": [*turns, {"role": "user", "content": " "}]}).is_success
    assert qa.asked[-1][:2] == (QUESTION, ())


@pytest.mark.parametrize("path", ["/v1/chat", CHAT])
def test_a_conversation_in_which_the_user_asks_nothing_is_refused(client: TestClient, path: str) -> None:
    turns = [{"role": "user", "content": " \n"}, {"role": "assistant", "content": "What?"}]
    refused = client.post(path, json={"messages": turns})
    assert refused.status_code == 400
    assert "the last" in refused.text and "user" in refused.text
