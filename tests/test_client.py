"""Both clients against a real service on a loopback port; a plain HTTP server plays the broken ones."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service import Service, running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.client import AsyncClient, Client, _EventReader
from rag.errors import (
    AccessDenied,
    ArticleNotFound,
    InputError,
    ModelTimeout,
    RagError,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
    StoreLocked,
    UnreadableDocument,
)
from rag.settings import Settings
from rag.types import Answer, Article, Event, Evidence, Message, Statement, Upload

QUESTION = "Who opened the harbour?"

Speak = Callable[..., Any]


def speak_sync(url: str, method: str, *args: Any, api_key: str = "", **kwargs: Any) -> Any:
    with Client(url, api_key) as client:
        result = getattr(client, method)(*args, **kwargs)
        return list(result) if method.startswith("stream") else result


def speak_async(url: str, method: str, *args: Any, api_key: str = "", **kwargs: Any) -> Any:
    async def speak() -> Any:
        async with AsyncClient(url, api_key) as client:
            result = getattr(client, method)(*args, **kwargs)
            return [event async for event in result] if method.startswith("stream") else await result

    return asyncio.run(speak())


@pytest.fixture(params=[speak_sync, speak_async], ids=["sync", "async"])
def speak(request: pytest.FixtureRequest) -> Speak:
    chosen: Speak = request.param
    return chosen


@pytest.fixture
def qa() -> SmallNewsQA:
    return SmallNewsQA(HARBOUR, NO_ADDRESS)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running(SmallNewsQA(), Settings(data=Path("/nonexistent"))) as started:
        yield started


@pytest.fixture
def url(service: Service, qa: SmallNewsQA) -> str:
    service.app.state.library.default = qa
    return service.url


def public_methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in vars(kind).items()
        if not name.startswith("_") and callable(member)
    }


# --- the same as NewsQA ----------------------------------------------------------------------


def test_questions_get_what_newsqa_says(speak: Speak, url: str, qa: SmallNewsQA) -> None:
    assert speak(url, "ask", QUESTION) == qa.ask(QUESTION)
    assert speak(url, "stream", QUESTION) == list(qa.stream(QUESTION))
    assert speak(url, "search", QUESTION, 3) == qa.search(QUESTION, 3)
    draft = "The mayor opened the new harbour on Friday."
    assert speak(url, "verify", draft) == qa.verify(draft)
    assert speak(url, "summarise", query="harbour") == qa.summarise(query="harbour")
    ids = [qa.articles()[0].id]
    assert speak(url, "summarise", ids, language="de") == qa.summarise(ids, language="de")
    assert speak(url, "stream_summary", ids, form="points") == list(qa.stream_summary(ids, form="points"))


def test_articles_come_and_go(speak: Speak, url: str, qa: SmallNewsQA) -> None:
    assert speak(url, "articles") == qa.articles()
    one = qa.articles()[0].id
    assert speak(url, "article", one) == qa.article(one)
    assert speak(url, "article", one, qa.article(one).revision) == qa.article(one)
    with pytest.raises(ArticleNotFound):
        speak(url, "article", one, "another")
    report = speak(url, "add", Article(text="A ferry sank.", title="Ferry", published="2025-03-09"))  # type: ignore[arg-type]
    added = qa.article(report.added[0])
    assert (added.title, added.published and added.published.year) == ("Ferry", 2025)
    assert speak(url, "add", [Article(text="A ferry sank.")]).unchanged == (added.id,)
    assert speak(url, "delete", added.id).proven
    with pytest.raises(ArticleNotFound):
        speak(url, "article", added.id)


def test_filters_and_history_arrive(speak: Speak, url: str, qa: SmallNewsQA) -> None:
    history = [Message(role="user", content="And the bridge?")]
    speak(url, "ask", QUESTION, history=history, published_after="2025-03-01", article_ids=["a", "b"])
    _, told, filters = qa.asked[-1]
    assert told == tuple(history)
    assert filters["article_ids"] == ("a", "b")
    assert [one.title for one in speak(url, "articles", language="de")] == ["Zirkus"]


def test_the_last_event_of_a_stream_is_the_answer(speak: Speak, url: str) -> None:
    kinds = [type(event) for event in speak(url, "stream", QUESTION)]
    assert kinds == [Evidence, Statement, Answer]


def test_both_clients_have_the_same_methods_and_parameters() -> None:
    sync, awaited = public_methods(Client), public_methods(AsyncClient)
    assert {name: list(one.parameters) for name, one in sync.items()} == {
        name: list(one.parameters) for name, one in awaited.items()
    }


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_public_method_says_what_it_does(kind: type) -> None:
    assert all(inspect.getdoc(getattr(kind, name)) for name in public_methods(kind))


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure", [StoreLocked("x"), ModelTimeout("x"), InputError("k is 0.", hint="Pass 1.")]
)
def test_errors_come_back_as_their_class(speak: Speak, url: str, qa: SmallNewsQA, failure: RagError) -> None:
    qa.failure = failure
    for method in ("ask", "stream"):
        with pytest.raises(type(failure)) as caught:
            speak(url, method, QUESTION)
        assert caught.value.public == failure.public
        assert caught.value.retryable == failure.retryable


def test_an_error_in_the_middle_of_a_stream_comes_back_too(speak: Speak, url: str, qa: SmallNewsQA) -> None:
    qa.failure, qa.late = ModelTimeout("x"), True
    with pytest.raises(ModelTimeout):
        speak(url, "stream", QUESTION)


def test_the_key_opens_the_service(speak: Speak, qa: SmallNewsQA) -> None:
    with running(qa, Settings(api_key="k3y")) as locked:  # type: ignore[arg-type]
        assert speak(locked.url, "articles", api_key="k3y")
        with pytest.raises(AccessDenied, match="key"):
            speak(locked.url, "articles", api_key="wrong")


def test_unknown_filters_are_refused_before_anything_is_sent(speak: Speak) -> None:
    with pytest.raises(InputError, match="colour"):
        speak("http://127.0.0.1:9", "ask", QUESTION, colour="red")


@pytest.mark.parametrize("source", [3, ["https://example.org"]])
def test_only_articles_and_files_can_be_added_from_afar(speak: Speak, source: Any) -> None:
    with pytest.raises(InputError, match="articles and files"):
        speak("http://127.0.0.1:9", "add", source if isinstance(source, list) else [source])


def test_files_of_this_machine_are_sent_beside_articles(
    speak: Speak, url: str, qa: SmallNewsQA, tmp_path: Path
) -> None:
    (tmp_path / "kite.txt").write_text("A kite flew over the kiteshop.", encoding="utf-8")
    sources = [Article(text="A ferry sank."), tmp_path / "kite.txt", Upload(name="boat.txt", data=b"A boat.")]
    added = speak(url, "add", sources).added
    assert [qa.article(one).text for one in added] == [
        "A ferry sank.",
        "A kite flew over the kiteshop.",
        "A boat.",
    ]


def test_a_file_that_is_not_there_is_named_before_anything_is_sent(speak: Speak, tmp_path: Path) -> None:
    for missing in (tmp_path / "nothing.txt", tmp_path):
        with pytest.raises(UnreadableDocument, match=missing.name):
            speak("http://127.0.0.1:9", "add", [HARBOUR, missing])


def test_more_articles_than_one_request_takes_are_sent_in_parts(
    speak: Speak, url: str, qa: SmallNewsQA
) -> None:
    articles = [Article(text=f"Ferry number {n} sank.") for n in range(1_001)]
    assert len(speak(url, "add", articles).added) == 1_001


def test_nothing_to_add_is_nothing_done(speak: Speak) -> None:
    assert speak("http://127.0.0.1:9", "add", []).article_ids == ()


def test_the_index_is_checked_from_afar(speak: Speak, url: str, qa: SmallNewsQA) -> None:
    assert speak(url, "check") == qa.check()


def test_the_index_is_rebuilt_from_afar(speak: Speak, url: str, qa: SmallNewsQA) -> None:
    assert speak(url, "rebuild") == qa.rebuild()


def test_an_address_without_scheme_is_refused(speak: Speak) -> None:
    with pytest.raises(InputError, match="127.0.0.1:8000"):
        speak("127.0.0.1:8000", "articles")


def test_an_empty_article_id_does_not_become_the_list(speak: Speak, url: str) -> None:
    with pytest.raises(InputError, match="empty"):
        speak(url, "article", "")


@pytest.mark.parametrize("strange", ["a/b", "../healthz", "?x=1", "ü %2F"])
def test_a_strange_article_id_is_simply_not_found(speak: Speak, url: str, strange: str) -> None:
    with pytest.raises(InputError):
        speak(url, "article", strange)


# --- services that break ---------------------------------------------------------------------


@contextmanager
def broken(
    *replies: tuple[int, bytes], retry_after: str = "", kind: str = "application/json"
) -> Iterator[tuple[str, list[str]]]:
    """A server that gives the replies in turn, the last one for ever; and the requests it saw."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            status, body = replies[min(len(seen), len(replies) - 1)]
            seen.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/event-stream" if body.startswith(b"event:") else kind)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = reply

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_a_busy_service_refused_is_sent_again_when_it_said(speak: Speak) -> None:
    answer = Answer(status="not_found", question="x", language="en", text="No.")  # type: ignore[arg-type]
    told = b'{"error": {"code": "service_busy", "message": "32 wait.", "hint": ""}}'
    with broken((503, told), (200, answer.model_dump_json().encode()), retry_after="0") as (url, seen):
        assert speak(url, "ask", "x") == answer
    assert len(seen) == 2


def test_a_stream_that_a_busy_service_refused_is_sent_again_too(speak: Speak) -> None:
    answer = Answer(status="not_found", question="x", language="en", text="No.")  # type: ignore[arg-type]
    told = b'{"error": {"code": "service_busy", "message": "32 wait.", "hint": ""}}'
    events = f"event: answer\ndata: {answer.model_dump_json()}\n\n".encode()
    with broken((503, told), (200, events), retry_after="0") as (url, seen):
        assert speak(url, "stream", "x") == [answer]
    assert len(seen) == 2


def test_a_stream_that_is_refused_for_long_says_for_how_long(speak: Speak) -> None:
    told = b'{"error": {"code": "rate_limited", "message": "600 a minute.", "hint": "Slower."}}'
    with broken((429, told), retry_after="60") as (url, _), pytest.raises(RateLimited) as refused:
        speak(url, "stream", "x")
    assert refused.value.retry_after == 60


def test_who_should_come_much_later_is_told_so_at_once(speak: Speak) -> None:
    told = b'{"error": {"code": "rate_limited", "message": "600 a minute.", "hint": "Slower."}}'
    with broken((429, told), retry_after="60") as (url, seen):
        with pytest.raises(RateLimited) as refused:
            speak(url, "ask", "x")
    assert refused.value.retry_after == 60
    assert len(seen) == 1


def test_reading_is_tried_again_after_a_passing_fault(speak: Speak) -> None:
    with broken((503, b"busy"), (200, b'{"articles": []}')) as (url, seen):
        assert speak(url, "articles") == []
    assert len(seen) == 2


def test_a_search_changes_nothing_and_is_tried_again_too(speak: Speak) -> None:
    with broken((502, b"gone"), (200, b'{"hits": []}')) as (url, seen):
        assert speak(url, "search", "x") == []
    assert len(seen) == 2


@pytest.mark.parametrize(("method", "args"), [("ask", ["x"]), ("delete", ["x"]), ("add", [HARBOUR])])
def test_what_costs_or_changes_something_is_sent_once(speak: Speak, method: str, args: list[Any]) -> None:
    with broken((503, b"busy")) as (url, seen):
        with pytest.raises(ServiceUnavailable):
            speak(url, method, *args)
    assert len(seen) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"articles": 3}', b'{"hits": []}'])
def test_what_is_not_the_protocol_is_a_service_error(speak: Speak, body: bytes) -> None:
    with broken((200, body)) as (url, _), pytest.raises(ServiceError, match="version"):
        speak(url, "articles")


@pytest.mark.parametrize("method", ["ask", "stream", "summarise", "stream_summary"])
def test_what_answers_with_a_page_is_no_service_of_ours(speak: Speak, method: str) -> None:
    with broken((200, b"<html>Please sign in</html>"), kind="text/html; charset=utf-8") as (url, _):
        with pytest.raises(ServiceError, match="sends text/html, not"):
            speak(url, method, "x" if method in ("ask", "stream") else ["x"])


@pytest.mark.parametrize("method", ["ask", "stream"])
def test_a_service_that_sends_elsewhere_is_not_followed(speak: Speak, method: str) -> None:
    with broken((302, b"")) as (url, seen), pytest.raises(ServiceError, match="status 302"):
        speak(url, method, "x")
    assert len(seen) == 1


def test_a_stream_that_ends_early_is_not_an_answer(speak: Speak) -> None:
    with broken((200, b'event: evidence\ndata: {"hits": []}\n\n')) as (url, _):
        with pytest.raises(ServiceUnavailable, match="finished"):
            speak(url, "stream", "x")


def test_nobody_listening_is_service_unavailable(speak: Speak) -> None:
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        speak("http://127.0.0.1:9", "ask", "x")


def test_hanging_up_stops_the_stream_at_its_source(url: str, qa: SmallNewsQA) -> None:
    closed = threading.Event()
    events = list(qa.stream(QUESTION))

    def endless(*_: object, **__: object) -> Iterator[Event]:
        try:
            while True:
                time.sleep(0.01)
                yield events[0]
        finally:
            closed.set()

    qa.stream = endless  # type: ignore[method-assign,assignment]
    with Client(url) as client:
        stream = client.stream(QUESTION)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        assert closed.wait(5)


# --- reading events --------------------------------------------------------------------------


@given(
    text=st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    size=st.integers(min_value=1, max_value=50),
)
def test_events_survive_any_text_cut_anywhere(text: str, size: int) -> None:
    answer = Answer(status="not_found", question=text, language="en", text=text)  # type: ignore[arg-type]
    wire = f": ping\n\nevent: unknown\ndata: 1\n\nevent: answer\ndata: {answer.model_dump_json()}\n\n"
    reader = _EventReader()
    pieces = (wire[at : at + size] for at in range(0, len(wire), size))
    assert [event for piece in pieces for event in reader.feed(piece)] == [answer]
    reader.close()
