"""Traces: a span for every request and its stages, nothing of what was said, and nothing at all unless asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from fakes import FakeChatModel, HashEncoder
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from small_newsqa import HARBOUR, SmallNewsQA

from rag.api import create_app
from rag.errors import ModelUnavailable, SettingsError
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.traces import open_traces, request, stage
from rag.types import Article, Event

QUESTION = "Who opened the new harbour on Friday?"
SPOKEN = "The mayor Ada Lind opened the new harbour on Friday. It cost 41 million euros."


class Kept(InMemorySpanExporter):
    """The spans of one service."""

    def __init__(self) -> None:
        super().__init__()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self))
        self.tracer = self.provider.get_tracer("rag")

    def named(self, name: str) -> ReadableSpan:
        return next(span for span in self.get_finished_spans() if span.name == name)

    def names(self) -> set[str]:
        return {span.name for span in self.get_finished_spans()}

    def said(self) -> str:
        return "".join(span.to_json() for span in self.get_finished_spans())


@pytest.fixture
def kept() -> Iterator[Kept]:
    opened = Kept()
    yield opened
    opened.provider.shutdown()


def client_of(qa: NewsQA | SmallNewsQA, kept: Kept) -> TestClient:
    settings = Settings(data=Path("/nonexistent"), llm="none")
    app = create_app(qa, settings, kept.tracer)  # type: ignore[arg-type]
    return TestClient(
        app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), raise_server_exceptions=False
    )


@pytest.mark.parametrize("stream", [False, True])
def test_every_stage_of_an_answer_is_a_span_within_its_request(
    tmp_path: Path, kept: Kept, stream: bool
) -> None:
    settings = Settings(data=tmp_path, llm="none")
    model = FakeChatModel(["1", "the mayor Ada Lind"] * 4)
    with NewsQA.open(settings=settings, encoder=HashEncoder(), llm=model) as qa:
        qa.add(Article(text=SPOKEN, title="Harbour"))
        sent = {"question": QUESTION, "stream": stream}
        response = client_of(qa, kept).post("/v1/ask", json=sent, headers={"X-Request-ID": "trace-7"})
    assert response.status_code == 200
    assert {"understand", "search", "verify"} <= kept.names()
    whole = kept.named("POST /v1/ask")
    assert whole.context and whole.attributes
    for span in kept.get_finished_spans():
        if span is not whole:
            assert span.parent and span.parent.span_id == whole.context.span_id
            assert whole.start_time and span.start_time and whole.start_time <= span.start_time
    assert dict(whole.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/ask",
        "http.response.status_code": 200,
        "rag.request_id": "trace-7",
        "rag.key": "local",
    }
    assert not any(word in kept.said() for word in ("harbour", "Harbour", "Lind", "million"))


def test_a_search_and_a_check_of_a_draft_are_stages_too(kept: Kept) -> None:
    client = client_of(SmallNewsQA(HARBOUR), kept)
    client.post("/v1/search", json={"question": QUESTION})
    client.post("/v1/verify", json={"text": "The harbour was opened."})
    assert kept.names() == {"search", "POST /v1/search", "verify", "POST /v1/verify"}


def test_the_trace_of_the_caller_is_continued(kept: Kept) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    outer = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    client_of(SmallNewsQA(HARBOUR), kept).get("/healthz", headers=outer)
    span = kept.named("GET /healthz")
    assert span.parent and span.context
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (trace_id, "00f067aa0ba902b7")


def test_a_span_of_what_failed_names_the_kind_and_not_the_words(kept: Kept) -> None:
    class Broken(SmallNewsQA):
        def stream(self, question: str, **options: object) -> Iterator[Event]:
            with stage("read"):
                raise ModelUnavailable("secret words", hint="None.")

    response = client_of(Broken(HARBOUR), kept).post("/v1/ask", json={"question": QUESTION})
    assert response.status_code == 503
    assert kept.named("read").status.description == "ModelUnavailable"
    assert "secret" not in kept.said()


def test_outside_of_a_request_a_stage_is_nothing(kept: Kept) -> None:
    with stage("search"):
        pass
    with request(kept.tracer, {}):
        pass
    with stage("search"):
        pass
    assert kept.names() == {"request"}


def test_spans_reach_the_address_of_the_settings() -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    got: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        traces = open_traces(f"http://127.0.0.1:{server.server_port}/v1/traces")
        with request(traces.get_tracer("rag"), {}), stage("search"):
            pass
        traces.shutdown()
        server.shutdown()
        thread.join()
    assert [path for path, _ in got] == ["/v1/traces"]
    assert b"search" in got[0][1]


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(SettingsError, match="localhost:4317"):
        open_traces("localhost:4317")


def test_without_traces_nothing_of_opentelemetry_is_loaded() -> None:
    code = (
        "import sys, rag.traces, rag.guard; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
