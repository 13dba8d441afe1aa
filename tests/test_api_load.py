"""Many at once: the line before the model, those who hang up, jobs, stopping; what is counted and logged."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from service import running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.api import create_app
from rag.api.articles import file_name
from rag.errors import JobNotFound, RateLimited, ServiceBusy
from rag.jobs import Jobs
from rag.logs import JsonLines
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import AddReport, Answer, DraftCheck, Event, Hit, Progress
from rag.waiting import Line, Place

QUESTION = "Who opened the harbour?"
NOWHERE = Path("/nonexistent")


class SlowQA(SmallNewsQA):
    """Answers only when it is let; counts how many it answers at once, and what was closed."""

    def __init__(self) -> None:
        super().__init__(HARBOUR, NO_ADDRESS)
        self.go = threading.Event()
        self.closed_streams = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def stream(self, question: str, **options: Any) -> Iterator[Event]:
        try:
            for event in super().stream(question, **options):
                if isinstance(event, Answer):
                    self._wait()
                    event = event.model_copy(update={"question": question})
                yield event
        finally:
            self.closed_streams.release()

    def _wait(self) -> None:
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.begun.release()
        self.go.wait(20)
        with self._lock:
            self.at_once -= 1


def client_of(qa: SmallNewsQA, **settings: Any) -> TestClient:
    app = create_app(qa, Settings(**{"data": NOWHERE} | settings))  # type: ignore[arg-type]
    return TestClient(
        app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), raise_server_exceptions=False
    )


# --- the line ------------------------------------------------------------------------------------


def in_loop(test: Any) -> None:
    async def run() -> None:
        test()

    asyncio.run(run())


def begun(*places: Place) -> list[bool]:
    return [place.came.done() for place in places]


def test_keys_take_turns_however_many_questions_one_has() -> None:
    def check() -> None:
        line = Line(1, 10)
        first, *greedy = [line.enter("greedy") for _ in range(4)]
        modest = line.enter("modest")
        first.leave()
        greedy[0].leave()
        assert begun(*greedy, modest) == [True, False, False, True]

    in_loop(check)


def test_beyond_its_room_the_line_says_when_to_come_again() -> None:
    def check() -> None:
        line = Line(1, 2, per_key=1)
        line.enter("a")
        line.enter("a")
        with pytest.raises(RateLimited):
            line.enter("a")
        line.enter("b")
        with pytest.raises(ServiceBusy) as refused:
            line.enter("c")
        assert not isinstance(refused.value, RateLimited)
        assert 1 <= refused.value.retry_after <= 60

    in_loop(check)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40))
def test_never_more_at_work_than_allowed_and_none_idle_while_some_wait(moves: list[tuple[str, bool]]) -> None:
    def check() -> None:
        line, places = Line(2, 5), list[Place]()
        for who, leaves in moves:
            if leaves and places:
                places.pop(0).leave()
            else:
                try:
                    places.append(line.enter(who))
                except ServiceBusy:
                    assert line.waiting == 5
            assert line.working == sum(begun(*places)) <= 2
            assert line.working + line.waiting == len(places)
            assert line.working == 2 or line.waiting == 0

    in_loop(check)


def test_many_clients_each_get_their_own_answer_or_are_told_to_come_again() -> None:
    qa = SlowQA()
    with running(qa, Settings(data=NOWHERE, answers_at_once=2, queue=6)) as service:

        def ask(n: int) -> tuple[int, str, str]:
            sent = httpx.post(f"{service.url}/v1/ask", json={"question": f"{QUESTION} {n}"}, timeout=60)
            return sent.status_code, sent.json().get("question", ""), sent.headers.get("Retry-After", "")

        with ThreadPoolExecutor(40) as pool:
            futures = [pool.submit(ask, n) for n in range(40)]
            while sum(future.done() for future in futures) < 32:
                time.sleep(0.02)
            qa.go.set()
            got = [future.result() for future in futures]
    assert sorted({status for status, _, _ in got}) == [200, 503]
    assert sum(status == 200 for status, _, _ in got) == 8
    assert all(asked == f"{QUESTION} {n}" for n, (status, asked, _) in enumerate(got) if status == 200)
    assert all(int(later) >= 1 for status, _, later in got if status == 503)
    assert qa.most == 2


def test_what_was_found_is_shown_while_others_are_answered() -> None:
    qa = SlowQA()
    with running(qa, Settings(data=NOWHERE, answers_at_once=1)) as service:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(httpx.post, f"{service.url}/v1/ask", json={"question": QUESTION}, timeout=60)
            assert qa.begun.acquire(timeout=20)
            body = {"question": QUESTION, "stream": True}
            with httpx.stream("POST", f"{service.url}/v1/ask", json=body, timeout=60) as waiting:
                lines = waiting.iter_lines()
                assert next(lines) == "event: evidence"
                assert not first.done()
                qa.go.set()
                assert "event: answer" in list(lines)


@pytest.mark.parametrize("stream", [True, False])
def test_who_hangs_up_frees_the_place(stream: bool) -> None:
    qa = SlowQA()
    with running(qa, Settings(data=NOWHERE, answers_at_once=1, queue=0)) as service:
        with pytest.raises(httpx.TimeoutException):
            body = {"question": QUESTION, "stream": stream}
            with httpx.stream("POST", f"{service.url}/v1/ask", json=body, timeout=0.5) as sent:
                sent.read()
        qa.go.set()
        assert qa.closed_streams.acquire(timeout=10)
        until = time.monotonic() + 10
        while service.app.state.line.working and time.monotonic() < until:
            time.sleep(0.01)
        again = httpx.post(f"{service.url}/v1/ask", json={"question": QUESTION}, timeout=20)
        assert again.status_code == 200


def test_an_answer_beyond_its_deadline_is_given_up() -> None:
    client = client_of(SmallNewsQA(HARBOUR), deadline=1e-9)
    response = client.post("/v1/ask", json={"question": QUESTION})
    assert (response.status_code, response.json()["error"]["code"]) == (504, "model_timeout")


def test_who_waits_in_line_beyond_its_deadline_is_told_so() -> None:
    qa = SlowQA()
    with running(qa, Settings(data=NOWHERE, answers_at_once=1, deadline=0.5)) as service:
        with ThreadPoolExecutor(2) as pool:
            body = {"question": QUESTION}
            sent = [pool.submit(httpx.post, f"{service.url}/v1/ask", json=body, timeout=60) for _ in range(2)]
            assert qa.begun.acquire(timeout=20)
            until = time.monotonic() + 20
            while not any(one.done() for one in sent) and time.monotonic() < until:
                time.sleep(0.01)
            (late,) = [one.result() for one in sent if one.done()]
            assert (late.status_code, late.json()["error"]["code"]) == (504, "model_timeout")
            assert service.app.state.line.waiting == 0
            qa.go.set()


class LongDraft(SmallNewsQA):
    """Checks a draft for as long as somebody waits."""

    def __init__(self) -> None:
        super().__init__(HARBOUR)
        self.begun, self.ended = threading.Event(), threading.Event()

    def verify(self, text: str, *, progress: Any = None, **filters: Any) -> DraftCheck:
        self.begun.set()
        try:
            for n in range(2_000):
                progress(n, 2_000, "Checking")
                time.sleep(0.01)
        finally:
            self.ended.set()
        return super().verify(text, **filters)


def test_a_draft_that_nobody_waits_for_is_not_checked_to_its_end() -> None:
    qa = LongDraft()
    with running(qa, Settings(data=NOWHERE)) as service:
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{service.url}/v1/verify", json={"text": "The harbour was opened."}, timeout=0.5)
        assert qa.begun.is_set() and qa.ended.wait(10)


def test_a_draft_beyond_its_deadline_is_given_up() -> None:
    client = client_of(LongDraft(), deadline=0.1)
    response = client.post("/v1/verify", json={"text": "The harbour was opened."})
    assert (response.status_code, response.json()["error"]["code"]) == (504, "model_timeout")


def test_a_flood_of_additions_keeps_nobody_from_asking_and_is_bounded() -> None:
    class Slow(SmallNewsQA):
        go = threading.Event()

        def add(self, sources: Any, progress: Any = None) -> AddReport:
            self.go.wait(20)
            return super().add(sources)

    qa = Slow(HARBOUR)
    with running(qa, Settings(data=NOWHERE, queue=40)) as service, ThreadPoolExecutor(60) as pool:

        def add(n: int) -> int:
            body = {"articles": [{"text": f"Kite {n} flew."}]}
            return httpx.post(f"{service.url}/v1/articles", json=body, timeout=60).status_code

        sent = [pool.submit(add, n) for n in range(60)]
        until = time.monotonic() + 20
        while sum(one.done() for one in sent) < 18 and time.monotonic() < until:
            time.sleep(0.01)
        for path in ("ask", "search"):
            asked = httpx.post(f"{service.url}/v1/{path}", json={"question": QUESTION}, timeout=20)
            assert asked.status_code == 200
        assert httpx.get(f"{service.url}/readyz", timeout=20).status_code == 200
        qa.go.set()
        got = [one.result() for one in sent]
    assert (got.count(200), got.count(503)) == (42, 18)
    assert len(qa.stored) == 43


def test_looking_whether_it_is_ready_takes_no_place_and_tells_nothing_of_how_long_answers_take() -> None:
    client = client_of(SmallNewsQA(HARBOUR))
    before = vars(client.app.state.line).copy()  # type: ignore[attr-defined]
    assert client.get("/readyz").status_code == 200
    assert vars(client.app.state.line) == before  # type: ignore[attr-defined]


def test_health_is_told_while_everything_is_busy() -> None:
    qa = SlowQA()
    with running(qa, Settings(data=NOWHERE, answers_at_once=1, queue=0)) as service:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(httpx.post, f"{service.url}/v1/ask", json={"question": QUESTION}, timeout=60)
            assert qa.begun.acquire(timeout=20)
            assert httpx.get(f"{service.url}/healthz").status_code == 200
            assert httpx.get(f"{service.url}/readyz").status_code == 503
            assert httpx.post(f"{service.url}/v1/search", json={"question": QUESTION}).status_code == 200
            qa.go.set()
            assert first.result().status_code == 200
        assert httpx.get(f"{service.url}/readyz").status_code == 200


def test_what_is_asked_before_the_service_stops_is_still_answered() -> None:
    qa = SlowQA()
    body = {"question": QUESTION}
    with ThreadPoolExecutor(3) as pool:
        with running(qa, Settings(data=NOWHERE, answers_at_once=1, queue=4)) as service:
            sent = [pool.submit(httpx.post, f"{service.url}/v1/ask", json=body, timeout=60) for _ in range(3)]
            until = time.monotonic() + 20
            while service.app.state.line.waiting < 2 and time.monotonic() < until:
                time.sleep(0.01)
            # It is told to stop while one is being answered and two wait; only then the answers come.
            threading.Timer(0.3, qa.go.set).start()
        assert [one.result().status_code for one in sent] == [200] * 3
    with pytest.raises(httpx.ConnectError):
        httpx.post(f"{service.url}/v1/ask", json=body)


def test_no_more_searches_at_a_time_than_processors_can_use_and_none_is_lost() -> None:
    class Counting(SmallNewsQA):
        at_once = most = 0
        lock = threading.Lock()

        def search(self, question: str, k: int = 10, **filters: Any) -> list[Hit]:
            with self.lock:
                self.at_once += 1
                self.most = max(self.most, self.at_once)
            time.sleep(0.02)
            with self.lock:
                self.at_once -= 1
            return super().search(question, k, **filters)

    qa = Counting(HARBOUR)
    with running(qa, Settings(data=NOWHERE, threads=1)) as service, ThreadPoolExecutor(12) as pool:
        body = {"question": QUESTION}
        sent = [pool.submit(httpx.post, f"{service.url}/v1/search", json=body, timeout=60) for _ in range(24)]
        assert {one.result().status_code for one in sent} == {200}
    assert qa.most == 2


# --- jobs ----------------------------------------------------------------------------------------


def finished(client: TestClient, id_: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        job: dict[str, Any] = client.get(f"/v1/jobs/{id_}").json()
        if job["state"] in {"done", "failed"}:
            return job
        time.sleep(0.01)
    raise AssertionError("the job does not end")


def test_a_long_addition_runs_in_the_background_and_reports() -> None:
    client = client_of(SmallNewsQA())
    body = {"articles": [{"text": f"Kite {n} flew."} for n in range(50)]}
    started = client.post("/v1/jobs", json=body)
    assert (started.status_code, started.json()["total"]) == (202, 50)
    job = finished(client, started.json()["id"])
    assert (job["state"], job["done"], len(job["report"]["added"])) == ("done", 50, 50)
    assert client.get("/v1/jobs").json()["jobs"] == [job]
    assert client.get("/v1/jobs/nobody").json()["error"]["code"] == "job_not_found"


def test_files_are_added_in_the_background_too() -> None:
    client = client_of(SmallNewsQA())
    sent = client.post(
        "/v1/jobs/upload", files=[("files", ("a.txt", b"A kite.")), ("files", ("b.txt", b"B kite."))]
    )
    assert len(finished(client, sent.json()["id"])["report"]["added"]) == 2


def test_jobs_that_wait_when_the_service_stops_are_told_and_none_is_half_done() -> None:
    jobs, go, seen = Jobs(), threading.Event(), list[int]()

    def work(progress: Progress) -> AddReport:
        for n in range(3):
            go.wait(10)
            seen.append(n)
            progress(n, 3, "adding")
        return AddReport()

    running_one = jobs.start("a", 3, work)
    waiting = jobs.start("a", 3, work)
    stopping = threading.Thread(target=jobs.close)
    stopping.start()
    while not jobs._stopping.is_set():
        time.sleep(0.005)
    go.set()
    stopping.join()
    assert seen == [0]  # what it had in hand was finished, the rest was not begun
    assert {jobs.get("a", one.id).state for one in (running_one, waiting)} == {"failed"}
    with pytest.raises(JobNotFound):
        jobs.get("b", waiting.id)


def test_more_jobs_than_wait_are_refused() -> None:
    jobs, go = Jobs(room=1), threading.Event()

    def work(progress: Progress) -> AddReport:
        go.wait(10)
        return AddReport()

    first = jobs.start("a", 1, work)
    while jobs.get("a", first.id).state == "waiting":
        time.sleep(0.005)
    jobs.start("a", 1, work)
    with pytest.raises(ServiceBusy):
        jobs.start("a", 1, work)
    go.set()
    jobs.close()


# --- uploads -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\report.pdf", "report.pdf"),
        ("a\x00b\n.txt", "ab.txt"),
        ("..", "document"),
        ("", "document"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_name_is_never_a_path(given: str, kept: str) -> None:
    assert file_name(given) == kept


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b" " * 30_000_000)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("lie.pdf", b"This is no PDF at all, just words."),
        ("bomb.docx", bomb()),
        ("blob.txt", bytes(range(256)) * 20),
        ("empty.txt", b""),
        ("broken.pdf", b"%PDF-1.7 nothing follows"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_a_failure_of_the_report(
    tmp_path: Path, name: str, data: bytes
) -> None:
    from fakes import HashEncoder

    settings = Settings(data=tmp_path, llm="none", max_document_bytes=1_000_000)
    with NewsQA.open(tmp_path, settings=settings, encoder=HashEncoder(), llm=None) as qa:
        client = client_of(qa, data=tmp_path)  # type: ignore[arg-type]
        files = [("files", (name, data)), ("files", ("good.txt", b"A kite flew over Lindenau."))]
        report = client.post("/v1/articles/upload", files=files).json()
        assert [one["origin"] for one in report["failed"]] == [name]
        assert len(report["added"]) == 1
        assert client.get("/v1/articles").json()["total"] == 1
        assert str(tmp_path) not in json.dumps(report)


# --- around every request ------------------------------------------------------------------------


def test_every_response_carries_its_id_and_the_security_headers() -> None:
    client = client_of(SmallNewsQA(HARBOUR))
    for path in ("/", "/healthz", "/v1/articles", "/nothing", "/web/main.js"):
        response = client.get(path, headers={"X-Request-ID": "trace-7"})
        assert response.headers["X-Request-ID"] == "trace-7"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    forged = client.get("/healthz", headers={"X-Request-ID": 'x" injected'}).headers["X-Request-ID"]
    assert forged.isalnum() and len(forged) == 32


def test_logs_and_metrics_tell_what_happened_but_never_what_was_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = client_of(SmallNewsQA(HARBOUR), api_key="k3y-of-the-house")
    mine = {"Authorization": "Bearer k3y-of-the-house"}
    with caplog.at_level(logging.INFO, logger="rag"):
        client.post("/v1/ask", json={"question": QUESTION}, headers=mine)
        client.get("/v1/articles?text=secretword", headers=mine)
    told = [record.told for record in caplog.records if record.name == "rag.requests"]  # type: ignore[attr-defined]
    assert [(one["route"], one["status"], one["key"]) for one in told] == [
        ("/v1/ask", 200, "RAG_API_KEY"),
        ("/v1/articles", 200, "RAG_API_KEY"),
    ]
    metrics = client.get("/metrics", headers=mine)
    assert 'rag_answers_total{status="answered"} 1.0' in metrics.text
    assert 'rag_requests_total{method="POST",route="/v1/ask",status="200"} 1.0' in metrics.text
    said = caplog.text + metrics.text
    assert not any(word in said for word in ("k3y-of", "harbour", "secretword", "mayor"))


def test_a_log_is_one_json_object_a_line_with_the_request_and_without_what_an_error_says() -> None:
    qa = SmallNewsQA(HARBOUR)
    qa.failure = ZeroDivisionError("the mayor opened the harbour")  # type: ignore[assignment]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("rag")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        sent = {"question": QUESTION}
        client_of(qa).post("/v1/ask", json=sent, headers={"X-Request-ID": "trace-7"})
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {line["request"] for line in lines} == {"trace-7"}
    broke, refused, told = lines
    assert broke["error"] == "ZeroDivisionError" and broke["at"][-1].startswith("small_newsqa.py:")
    assert (refused["level"], refused["logger"]) == ("ERROR", "rag.api.refusals")
    assert (told["route"], told["status"], told["method"]) == ("/v1/ask", 500, "POST")
    assert all(line["time"].endswith("+00:00") for line in lines)
    assert "mayor" not in written.getvalue()


def test_a_body_that_does_not_come_is_not_waited_for_for_ever() -> None:
    from rag.guard import BodyLimit

    async def check() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()

        async def silent() -> Any:
            await asyncio.sleep(60)

        from starlette.exceptions import HTTPException

        with pytest.raises(HTTPException) as refused:
            scope = {"type": "http", "path": "/v1/ask", "headers": []}
            await BodyLimit(app, 10, seconds=0.01)(scope, silent, None)  # type: ignore[arg-type]
        assert refused.value.status_code == 408

    asyncio.run(check())
