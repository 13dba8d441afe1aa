"""The MCP server, spoken to by the official client: in memory, over HTTP, and as `rag mcp` on a pipe."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from service import Service, running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.errors import ModelTimeout
from rag.llm import nobody_waits
from rag.mcp import Asks, create_server
from rag.settings import Settings
from rag.types import Answer, Article, Hit, Summary

QUESTION = "Who opened the harbour?"
NOWHERE = Path("/nonexistent")
TESTS = Path(__file__).resolve().parent

Speak = Callable[..., Any]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running(SmallNewsQA(HARBOUR, NO_ADDRESS), Settings(data=NOWHERE)) as started:
        yield started


def call(server: Any, tool: str, **arguments: Any) -> Any:
    async def speak() -> Any:
        async with Client(server) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(speak())


@pytest.fixture(params=["memory", "http"])
def speak(request: pytest.FixtureRequest, service: Service) -> Speak:
    qa = service.app.state.library.default

    async def run(context: Any, function: Callable[[Asks], Any], *, needs_model: bool) -> Any:
        return function(qa)

    server = create_server(run) if request.param == "memory" else f"{service.url}/mcp"
    return lambda tool, **arguments: call(server, tool, **arguments)


def test_the_four_tools_say_what_they_do_and_only_read(service: Service) -> None:
    async def speak() -> Any:
        async with Client(f"{service.url}/mcp") as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(speak())
    assert [tool.name for tool in tools] == ["search", "ask", "summarise", "read_article"]
    assert all(tool.description and tool.annotations.read_only_hint for tool in tools)
    assert all("context" not in tool.input_schema["properties"] for tool in tools)


def test_ask_gives_the_whole_answer(speak: Speak, service: Service) -> None:
    result = speak("ask", question=QUESTION)
    answer = Answer.model_validate(result.structured_content)
    assert answer == service.app.state.library.default.ask(QUESTION)
    assert "The mayor opened the new harbour on Friday." in result.content[0].text


def test_search_finds_and_filters(speak: Speak) -> None:
    hits = speak("search", question="harbour Zirkus", k=5).structured_content["hits"]
    assert len([Hit.model_validate(hit) for hit in hits]) == 2
    found = speak("search", question="harbour Zirkus", published_after="2025-03-01")
    assert [hit["title"] for hit in found.structured_content["hits"]] == [HARBOUR.title]


def test_summarise_and_read(speak: Speak, service: Service) -> None:
    qa = service.app.state.library.default
    one = qa.articles()[0].id
    summary = Summary.model_validate(speak("summarise", article_ids=[one], language="de").structured_content)
    assert summary.language == "de"
    article = Article.model_validate(speak("read_article", article_id=one).structured_content)
    cited = summary.citations[0]
    assert article.text[cited.start : cited.end] == cited.quote


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("read_article", {"article_id": "nobody"}),
        ("search", {"question": ""}),
        ("search", {"question": "x", "k": 1000}),
        ("ask", {}),
    ],
)
def test_what_cannot_be_done_is_an_error_of_the_tool(speak: Speak, tool: str, arguments: Any) -> None:
    assert speak(tool, **arguments).is_error


def test_over_http_the_key_is_needed() -> None:
    with running(SmallNewsQA(HARBOUR), Settings(data=NOWHERE, api_key="k3y")) as locked:  # type: ignore[arg-type]
        with pytest.raises((MCPError, ExceptionGroup)):
            call(f"{locked.url}/mcp", "ask", question=QUESTION)


class Endless(SmallNewsQA):
    """Answers when its model would be stopped, and not before."""

    def __init__(self) -> None:
        super().__init__(HARBOUR)
        self.begun, self.stopped = threading.Event(), threading.Event()

    def ask(self, question: str, **options: Any) -> Answer:
        self.begun.set()
        until = time.monotonic() + 30
        while not nobody_waits.get()() and time.monotonic() < until:
            time.sleep(0.01)
        self.stopped.set()
        raise ModelTimeout("stopped")


def test_who_hangs_up_on_a_tool_stops_the_model_and_frees_the_place() -> None:
    qa = Endless()
    arguments = {"name": "ask", "arguments": {"question": QUESTION}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}
    accept = {"Accept": "application/json, text/event-stream"}
    with running(qa, Settings(data=NOWHERE, answers_at_once=1, queue=0)) as service:
        with pytest.raises(httpx.TimeoutException):
            httpx.post(f"{service.url}/mcp/", json=body, headers=accept, timeout=1)
        hung_up = time.monotonic()
        assert qa.begun.is_set() and qa.stopped.wait(10)
        until = hung_up + 10
        while service.app.state.line.working and time.monotonic() < until:
            time.sleep(0.01)
        assert not service.app.state.line.working


def test_a_tool_that_takes_longer_than_the_deadline_is_given_up() -> None:
    with running(Endless(), Settings(data=NOWHERE, deadline=0.2)) as service:
        result = call(f"{service.url}/mcp", "ask", question=QUESTION)
    assert result.is_error


def test_on_a_pipe_it_speaks_for_a_service(service: Service) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "rag", "mcp", "--url", service.url],
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )
    answer = Answer.model_validate(call(parameters, "ask", question=QUESTION).structured_content)
    assert answer.text == "The mayor opened the new harbour on Friday. [1]"
