"""The HTTP service: request models, one table from error to status, server-sent events, OpenAI's door.

In: a `NewsQA` and `Settings`; out: a FastAPI app, and `serve` that runs it. Endpoints are plain functions:
they run in a thread pool, so a slow answer does not stall the others.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import logging
import re
import socket
import time
import uuid
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.concurrency import iterate_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from rag import __version__
from rag.errors import (
    AccessDenied,
    ArticleNotFound,
    DocumentError,
    FetchError,
    InputError,
    ModelError,
    ModelTimeout,
    RagError,
    ServiceError,
    SettingsError,
    StoreError,
    StoreFull,
)
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import (
    AddReport,
    Answer,
    Article,
    Citation,
    Deletion,
    Event,
    Filters,
    Hit,
    Message,
    OptionalMoment,
    Summary,
    Usage,
)

STATUS: dict[type[RagError], int] = {
    RagError: 500,
    InputError: 400,
    SettingsError: 500,
    ArticleNotFound: 404,
    AccessDenied: 401,
    DocumentError: 422,
    FetchError: 502,
    StoreError: 503,
    StoreFull: 507,
    ModelError: 503,
    ModelTimeout: 504,
}
"""The status of an error is that of its nearest parent in this table."""

MODEL_NAME = "rag"  # what the OpenAI endpoints call this service
MAX_REQUEST_BYTES = 1_000_000  # of every request but those that bring articles

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
_NO_CACHE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

log = logging.getLogger(__name__)


# --- requests --------------------------------------------------------------------------------

Question = Annotated[str, Field(max_length=100_000)]  # NewsQA applies the limit of the settings
Line = Annotated[str, Field(max_length=2_000)]


class AskRequest(Filters):
    """A question, earlier turns, and which articles may answer it."""

    question: Question
    history: tuple[Message, ...] = Field(default=(), max_length=200)
    stream: StrictBool = False


class SearchRequest(Filters):
    """A question, and which articles may be found."""

    question: Question
    k: StrictInt = Field(default=10, ge=1, le=1_000)


class SummariseRequest(Filters):
    """Which articles to summarise: by id, or the `k` best for a query. `language` is that of the summary."""

    query: Question | None = None
    k: StrictInt = Field(default=20, ge=1, le=1_000)
    sentences: StrictInt = Field(default=5, ge=1, le=100)


class NewArticle(BaseModel):
    """An article as its caller knows it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    title: Line = ""
    source: Line = ""
    # Pages show it as a link, so it must not be a script.
    url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://.*)?$")] = ""
    published: OptionalMoment = None
    language: Annotated[str, Field(max_length=35)] = ""


class AddRequest(BaseModel):
    """Articles to index."""

    model_config = ConfigDict(extra="forbid")

    articles: list[NewArticle] = Field(min_length=1, max_length=1_000)


class ChatPart(BaseModel):
    """A part of a chat message; only text is read."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One message as OpenAI's clients send it."""

    role: str
    content: str | list[ChatPart] | None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream should hold besides the text."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """OpenAI's request; fields that steer a model (temperature, tools, …) mean nothing here."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=200)
    model: str = MODEL_NAME
    stream: bool = False
    stream_options: StreamOptions | None = None
    filters: Filters = Filters()


def _given(filters: Filters, *without: str) -> dict[str, Any]:
    names = set(Filters.model_fields) - set(without)
    return {name: getattr(filters, name) for name in names & filters.model_fields_set}


# --- doors and locks -------------------------------------------------------------------------


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def _allowed(request: Request) -> None:
    """With a key: callers send it. Without: only under this machine's own name.

    The name is checked because a web page elsewhere can point its own name at 127.0.0.1 and then speak to
    us through a visitor's browser (DNS rebinding).
    """
    key = request.app.state.settings.api_key.get_secret_value()
    if not key:
        if is_loopback(request.url.hostname or ""):
            return
        raise AccessDenied(
            f"Without a key this service answers on this machine only, not as {request.url.hostname!r}.",
            hint="Set RAG_API_KEY and send it as a bearer token.",
        )
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.strip().encode(), key.encode()):
        raise AccessDenied(
            "The key is missing or wrong.", hint="Send the header `Authorization: Bearer` with RAG_API_KEY."
        )


class BodyLimit:
    """ASGI middleware that stops reading a body beyond its limit, announced or not."""

    def __init__(self, app: ASGIApp, articles_bytes: int) -> None:
        self.app = app
        self.articles_bytes = articles_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; reading its body raises 413 beyond the limit."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.articles_bytes if scope["path"] == "/v1/articles" else MAX_REQUEST_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"")
        read = int(announced) if announced.isdigit() and int(announced) > limit else 0

        async def limited() -> AsgiMessage:
            nonlocal read
            if read <= limit:
                message = await receive()
                read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, f"The request is larger than {limit} bytes.")
            return message

        await self.app(scope, limited, send)


def _qa(request: Request) -> NewsQA:
    qa: NewsQA = request.app.state.qa
    return qa


QA = Annotated[NewsQA, Depends(_qa)]


# --- errors ----------------------------------------------------------------------------------


def status_of(error: RagError) -> int:
    """HTTP status of an error, from `STATUS`."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _shape(path: str, status: int, code: str, message: str, hint: str = "") -> dict[str, Any]:
    if path not in _OPENAI_PATHS:
        return {"error": {"code": code, "message": message, "hint": hint}}
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": f"{message} {hint}".strip(), "type": kind, "param": None, "code": code}}


def _told(path: str, error: RagError) -> dict[str, Any]:
    """The error as a client may see it; message and hint stay apart where both may be shown."""
    open_ = error.public == str(error)
    message, hint = (error.message, error.hint) if open_ else (error.public, "")
    return _shape(path, status_of(error), error.code, message, hint)


async def _on_rag_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RagError)
    status = status_of(error)
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(_told(request.url.path, error), status, headers)


async def _on_unusable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    told = InputError(f"In the request, {where} cannot be used: {first['msg']}.")
    return await _on_rag_error(request, told)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "invalid_input")
    shape = _shape(request.url.path, error.status_code, code, str(error.detail))
    return JSONResponse(shape, error.status_code, error.headers)


async def _on_anything(request: Request, _: Exception) -> Response:
    return JSONResponse(_told(request.url.path, RagError("unexpected")), 500)


# --- streams ---------------------------------------------------------------------------------


def _started(events: Iterator[Event]) -> Generator[Event, None, None]:
    """The same events with the first one fetched.

    So searching and refusing come before the first byte, while an error can still become a status.
    """
    first = next(events)

    def all_of_them() -> Generator[Event, None, None]:
        yield first
        yield from events

    return all_of_them()


def _frame(data: str, name: str = "") -> str:
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"


def _event_frames(events: Generator[Event, None, None]) -> Generator[str, None, None]:
    try:
        for event in events:
            yield _frame(event.model_dump_json(), type(event).__name__.lower())
    except RagError as error:
        log.error("stream: %s", error)
        yield _frame(json.dumps(_told("", error)), "error")


async def _in_threads(chunks: Generator[str, None, None]) -> AsyncIterator[str]:
    """The chunks of a blocking generator, which is closed (the model stops) when the caller hangs up."""
    try:
        async for chunk in iterate_in_threadpool(chunks):
            yield chunk
    finally:
        # Not awaited: whoever hangs up has cancelled this task, and closing may wait for the model.
        asyncio.get_running_loop().run_in_executor(None, chunks.close)


def _streamed(chunks: Generator[str, None, None]) -> StreamingResponse:
    return StreamingResponse(_in_threads(chunks), media_type="text/event-stream", headers=_NO_CACHE)


# --- our endpoints ---------------------------------------------------------------------------

open_routes = APIRouter()
routes = APIRouter(dependencies=[Depends(_allowed)])


@open_routes.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the service runs; answers even while every thread is busy."""
    return {"status": "ok", "version": __version__}


@routes.post("/v1/ask", response_model=Answer)
def ask(body: AskRequest, request: Request, qa: QA) -> Answer | Response:
    """The verified answer, or with `stream` its events: evidence, statement …, answer."""
    if body.stream or "text/event-stream" in request.headers.get("Accept", ""):
        events = qa.stream(body.question, history=body.history, **_given(body))
        return _streamed(_event_frames(_started(events)))
    return qa.ask(body.question, history=body.history, **_given(body))


@routes.post("/v1/search")
def search(body: SearchRequest, qa: QA) -> dict[Literal["hits"], list[Hit]]:
    """The nearest passages, nearest first."""
    return {"hits": qa.search(body.question, k=body.k, **_given(body))}


@routes.post("/v1/summarise")
def summarise(body: SummariseRequest, qa: QA) -> Summary:
    """A cited summary."""
    return qa.summarise(
        body.article_ids or None,
        query=body.query,
        k=body.k,
        sentences=body.sentences,
        language=body.language or None,
        **_given(body, "article_ids", "language"),
    )


def _shown(article: Article) -> Article:
    """Without the paths of this machine among its origins."""
    addresses = tuple(origin for origin in article.origins if origin.startswith(("http://", "https://")))
    return article.model_copy(update={"origins": addresses})


@routes.get("/v1/articles")
def articles(filters: Annotated[Filters, Query()], qa: QA) -> dict[Literal["articles"], list[Article]]:
    """All articles that pass the filters, without their text."""
    return {"articles": [_shown(one) for one in qa.articles(**_given(filters))]}


@routes.get("/v1/articles/{article_id}")
def article(article_id: str, qa: QA, revision: str | None = None) -> Article:
    """One article with its text and sentences; with `revision` an older text of it."""
    return _shown(qa.article(article_id, revision))


@routes.post("/v1/articles")
def add(body: AddRequest, qa: QA) -> AddReport:
    """Index articles; they can be found when this returns."""
    return qa.add([Article.model_validate(new.model_dump()) for new in body.articles])


@routes.delete("/v1/articles/{article_id}")
def delete(article_id: str, qa: QA) -> Deletion:
    """Remove an article and prove that it is gone."""
    return qa.delete(article_id)


# --- OpenAI's endpoints ----------------------------------------------------------------------


@routes.get("/v1/models")
def models() -> dict[str, Any]:
    """The one model that OpenAI's clients can choose."""
    return {
        "object": "list",
        "data": [{"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": MODEL_NAME}],
    }


@routes.post("/v1/chat/completions", response_model=None)
def chat_completions(body: ChatRequest, qa: QA) -> dict[str, Any] | Response:
    """The answer to the last user message, with its sources where every client shows them: in the text."""
    question, history = _question_and_history(body.messages)
    filters = _given(body.filters)
    if body.stream:
        events = qa.stream(question, history=history, **filters)
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        return _streamed(_chat_frames(_started(events), with_usage))
    return _completion(qa.ask(question, history=history, **filters))


def _question_and_history(messages: Sequence[ChatMessage]) -> tuple[str, tuple[Message, ...]]:
    asked = [n for n, message in enumerate(messages) if message.role == "user"]
    if not asked:
        raise InputError("No message has the role user.", hint="Send the question as the last user message.")
    history: list[Message] = []
    for message in messages[: asked[-1]]:
        if message.role == "user":
            history.append(Message(role="user", content=message.text))
        elif message.role == "assistant":
            # Our own list of sources comes back with the history; it is no part of the conversation.
            history.append(Message(role="assistant", content=message.text.partition("\n\n[1] ")[0]))
    return messages[asked[-1]].text, tuple(history)


def _source_line(citation: Citation) -> str:
    day = citation.published.date().isoformat() if citation.published else ""
    place = ", ".join(part for part in (citation.title, citation.source, day, citation.url) if part)
    return f"[{citation.number}] “{citation.quote}” — {place or citation.article_id}"


def _content(answer: Answer) -> str:
    lines = [_source_line(citation) for citation in answer.citations]
    return "\n\n".join([answer.text, "\n".join(lines)] if lines else [answer.text])


def _annotations(answer: Answer) -> list[dict[str, Any]]:
    """OpenAI's url_citation for every mark of an article that has an address."""
    cited = {citation.number: citation for citation in answer.citations if citation.url}
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": mark.start(),
                "end_index": mark.end(),
                "url": cited[int(mark[1])].url,
                "title": cited[int(mark[1])].title,
            },
        }
        for mark in re.finditer(r"\[(\d+)\]", answer.text)
        if int(mark[1]) in cited
    ]


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.prompt_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _envelope(kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL_NAME,
    }


def _extensions(answer: Answer) -> dict[str, Any]:
    return {
        "status": answer.status.value,
        "citations": [citation.model_dump(mode="json") for citation in answer.citations],
    }


def _completion(answer: Answer) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": _content(answer),
        "refusal": None,
        "annotations": _annotations(answer),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        **_envelope("chat.completion"),
        "choices": [choice],
        "usage": _usage(answer.usage),
        **_extensions(answer),
    }


def _chat_frames(events: Generator[Event, None, None], with_usage: bool) -> Generator[str, None, None]:
    head = _envelope("chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: object) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _frame(json.dumps({**head, "choices": [choice], **more}))

    yield chunk({"role": "assistant", "content": ""})
    try:
        *_, answer = events
    except RagError as error:
        log.error("stream: %s", error)
        yield _frame(json.dumps(_told(_OPENAI_PATHS[0], error)))
        return
    assert isinstance(answer, Answer)
    for piece in re.findall(r".*?(?:\n+|$)", _content(answer), re.DOTALL):
        if piece:
            yield chunk({"content": piece})
    yield chunk({"annotations": _annotations(answer)}, "stop", **_extensions(answer))
    if with_usage:
        yield _frame(json.dumps({**head, "choices": [], "usage": _usage(answer.usage)}))
    yield _frame("[DONE]")


# --- the app ---------------------------------------------------------------------------------


def create_app(qa: NewsQA, settings: Settings) -> FastAPI:
    """The service around one open `NewsQA`, which stays its caller's to close.

    Args:
        qa: answers, and is called from several threads.
        settings: gives the key that callers must send, and the size limit of articles.
    """
    # The interactive pages would load scripts from elsewhere; the schema at /openapi.json stays.
    app = FastAPI(title="rag", version=__version__, docs_url=None, redoc_url=None)
    app.state.qa = qa
    app.state.settings = settings
    app.add_middleware(BodyLimit, articles_bytes=settings.max_document_bytes)
    app.add_exception_handler(RagError, _on_rag_error)
    app.add_exception_handler(RequestValidationError, _on_unusable)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_anything)
    app.include_router(open_routes)
    app.include_router(routes)
    return app


def listen(host: str, port: int, settings: Settings) -> socket.socket:
    """A bound socket for `serve`; port 0 takes a free one.

    Raises:
        InputError: the host is reachable from other machines and no key is set.
        ServiceError: the address cannot be taken.
    """
    if not is_loopback(host) and not settings.api_key.get_secret_value():
        raise InputError(
            f"Without a key, host {host} would open the articles to other machines.",
            hint="Set RAG_API_KEY, or listen on 127.0.0.1.",
        )
    try:
        return _bound(host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ServiceError(
            f"Cannot listen on {host}:{port}: {reason}.", hint="Choose another host or port."
        ) from error


def _bound(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def serve(qa: NewsQA, settings: Settings, bound: socket.socket) -> None:
    """Run the service on a socket from `listen` until it is told to stop (SIGINT, SIGTERM)."""
    config = uvicorn.Config(
        create_app(qa, settings),
        server_header=False,
        log_level=settings.log_level.lower(),
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run(sockets=[bound])
