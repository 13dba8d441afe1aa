"""Whatever is thrown at a real service: a clear error, nothing half-written, and it goes on answering."""

from __future__ import annotations

import gzip
import io
import json
import socket
import threading
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes import HashEncoder
from service import running
from small_newsqa import HARBOUR

from rag.newsqa import NewsQA
from rag.settings import Settings

MEGABYTE = 1_000_000
GIGABYTE = 1_000 * MEGABYTE
PATIENCE = 60  # seconds that a busy machine may take
QUESTION = "Who opened the new harbour on Friday?"
TURN = {"role": "user", "content": QUESTION}
UPLOADS = ("/v1/articles/upload", "/v1/jobs/upload")
PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="large.txt"\r\n\r\n'


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, NewsQA]]:
    """Address of the service and what is behind it, without a language model; documents up to a megabyte."""
    chosen = Settings(data=tmp_path_factory.mktemp("bad"), llm="none", max_document_bytes=MEGABYTE)
    with NewsQA.open(settings=chosen, encoder=HashEncoder(), llm=None) as qa:
        qa.add(HARBOUR)
        with running(qa, chosen) as service:
            yield service.url, qa


@pytest.fixture
def url(opened: tuple[str, NewsQA]) -> Iterator[str]:
    """The address; afterwards everything is as it was, and the service answers."""
    address, qa = opened
    before = qa.articles()
    yield address
    assert post(f"{address}/v1/ask", json={"question": QUESTION}).json()["status"] == "answered"
    assert qa.articles() == before
    assert qa.check(repair=False).problems == ()


def post(url: str, **body: Any) -> httpx.Response:
    """A request that a busy machine may take its time for."""
    return httpx.post(url, timeout=PATIENCE, **body)


def refused(response: httpx.Response) -> tuple[int, str]:
    """Status and message of an error in our shape, or in that of OpenAI."""
    error = response.json()["error"]
    assert {"code", "message"} < set(error)
    return response.status_code, error["message"]


# --- too much ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*UPLOADS, "/v1/articles", "/v1/ask"])
def test_a_gigabyte_that_is_announced_is_refused_before_it_is_sent(url: str, path: str) -> None:
    kind = "multipart/form-data; boundary=x" if path in UPLOADS else "application/json"
    with connected(url) as one:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {GIGABYTE}\r\n\r\n"
        one.sendall(head.encode() + PART)
        assert one.recv(65_536).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("path", UPLOADS)
def test_a_gigabyte_that_is_not_announced_is_read_up_to_the_limit(url: str, path: str) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    sent = 0
    with connected(url) as one:
        one.sendall(head.encode() + chunk(PART))
        answered = threading.Event()

        def pour() -> None:
            nonlocal sent
            while sent < GIGABYTE and not answered.is_set():
                try:
                    one.sendall(chunk(b"x" * 100_000))
                except OSError:
                    return
                sent += 100_000

        pouring = threading.Thread(target=pour)
        pouring.start()
        told = one.recv(65_536)
        answered.set()
        one.shutdown(socket.SHUT_RDWR)
        pouring.join()
    assert told.startswith(b"HTTP/1.1 413")
    assert sent < GIGABYTE / 10


def test_a_document_that_unpacks_to_more_than_the_limit_is_not_unpacked(url: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b" " * 20 * MEGABYTE)
    report = post(f"{url}/v1/articles/upload", files={"files": ("bomb.docx", packed.getvalue())})
    (failure,) = report.json()["failed"]
    assert failure["origin"] == "bomb.docx" and "unpacked content" in failure["message"]


def test_a_body_that_is_packed_is_not_unpacked(url: str) -> None:
    packed = gzip.compress(json.dumps({"question": "x" * 50 * MEGABYTE}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert refused(post(f"{url}/v1/ask", content=packed, headers=headers))[0] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {"question": QUESTION, "history": [TURN] * 1_000}),
        ("/v1/chat", {"messages": [TURN] * 1_000}),
        ("/v1/chat/completions", {"messages": [TURN] * 1_000}),
        ("/v1/articles", {"articles": [{"text": "A kite flew."}] * 1_001}),
        ("/v1/articles/delete", {"article_ids": ["x"] * 1_001}),
        ("/v1/search", {"question": QUESTION, "k": 1_001}),
    ],
)
def test_more_than_there_may_be_is_refused(url: str, path: str, body: dict[str, Any]) -> None:
    status, message = refused(post(url + path, json=body))
    assert status == 400 and "at most" in message or "less than or equal" in message


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search", "/v1/summarise"])
def test_a_question_beyond_its_length_says_how_long_it_may_be(url: str, path: str) -> None:
    field = "query" if path == "/v1/summarise" else "question"
    status, message = refused(post(url + path, json={field: "Wer? " * 1_000}))
    assert status == 400 and "2000" in message


# --- what it is not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"3",
        b"[[]]",
        b"[" * 50_000,
        b'{"question": NaN}',
        b'{"question": "\\ud800"}',
        b"\xff\xfe{}",
    ],
    ids=["nothing", "half", "null", "number", "list", "deep", "nan", "lone surrogate", "other encoding"],
)
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions", "/v1/articles"])
def test_what_is_no_such_json_is_refused(url: str, path: str, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert refused(post(url + path, content=content, headers=headers))[0] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/ask", {"question": QUESTION, "temperature": 3}),
        ("/v1/ask", {"question": QUESTION, "history": [{"role": "judge", "content": "x"}]}),
        ("/v1/chat", {"messages": [{"role": "tool", "content": "x"}, TURN]}),
        ("/v1/chat/completions", {"messages": [{"role": "judge", "content": "x"}, TURN]}),
        ("/v1/chat/completions", {"messages": [TURN], "n": 5}),
        ("/v1/chat/completions", {"messages": [TURN], "tools": [{"type": "function"}]}),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        ),
        ("/v1/articles", {"articles": [{"text": "x", "url": "javascript:alert(1)"}]}),
        ("/v1/articles", {"articles": [{"text": "x", "path": "/etc/passwd"}]}),
    ],
)
def test_what_nobody_understands_is_refused(url: str, path: str, body: dict[str, Any]) -> None:
    assert refused(post(url + path, json=body))[0] == 400


def test_a_model_that_is_not_ours_is_not_there(url: str) -> None:
    body = {"model": "gpt-99", "messages": [TURN]}
    assert refused(post(f"{url}/v1/chat/completions", json=body)) == (
        404,
        "There is no model 'gpt-99'. Use 'rag'.",
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("lie.pdf", b"This is no PDF at all, just words."),
        ("lie.docx", b"%PDF-1.7"),
        ("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
        ("program.exe", b"MZ" + bytes(100)),
    ],
)
def test_a_file_that_is_not_what_it_says_is_named_and_not_taken(url: str, name: str, data: bytes) -> None:
    report = post(f"{url}/v1/articles/upload", files={"files": (name, data)}).json()
    assert report["added"] == []
    (failure,) = report["failed"]
    assert failure["origin"] == name and failure["message"]


def test_a_path_as_a_name_is_only_a_name(opened: tuple[str, NewsQA], url: str) -> None:
    files = {"files": ("../../etc/passwd", b"A kite flew over Lindenau.")}
    (added,) = post(f"{url}/v1/articles/upload", files=files).json()["added"]
    assert [one.title for one in opened[1].articles() if one.id == added] == ["passwd"]
    assert opened[1].delete(added).proven


def test_markup_stays_the_text_that_it_is(opened: tuple[str, NewsQA], url: str) -> None:
    evil = '<script>alert("harbour")</script> <img src=x onerror=alert(1)>'
    response = post(f"{url}/v1/ask", json={"question": evil})
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.json()["question"] == evil


def chunk(data: bytes) -> bytes:
    """A piece of a body whose length is not announced."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)
