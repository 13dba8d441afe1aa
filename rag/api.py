"""The HTTP service: endpoints, one table from error to status, server-sent events, OpenAI's door, the page.

In: a `NewsQA` and `Settings`; out: a FastAPI app, and `serve` that runs it. What searches and stores are plain
functions that run in a thread pool. What needs the language model waits in line in the event loop, where waiting costs
nothing, and is stopped when nobody is left to hear it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import logging
import re
import socket
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, File, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from rag import __version__
from rag.completions import (
    MODEL_NAME,
    ChatCompletion,
    ChatCompletionRequest,
    Chunks,
    ModelList,
    completion,
    question_and_history,
)
from rag.errors import (
    AccessDenied,
    ArticleNotFound,
    CollectionNotFound,
    DocumentError,
    FetchError,
    InputError,
    JobNotFound,
    ModelError,
    ModelTimeout,
    NotAllowed,
    RagError,
    RateLimited,
    ServiceBusy,
    ServiceError,
    SettingsError,
    StoreError,
    StoreFull,
)
from rag.guard import MAX_REQUEST_BYTES, PAGE_POLICY, BodyLimit, Guard
from rag.jobs import Job, Jobs
from rag.keys import DEFAULT_COLLECTION, KEYS_FILE, Caller, KeyStore
from rag.keys import Scope as KeyScope
from rag.library import Library
from rag.llm import nobody_waits
from rag.meter import CONTENT_TYPE, Meter
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import (
    AddReport,
    Answer,
    Article,
    CheckReport,
    Deletion,
    DraftCheck,
    Event,
    Filters,
    Form,
    Hit,
    Message,
    OptionalMoment,
    Summary,
    Upload,
)
from rag.waiting import Line, Place, Rate

STATUS: dict[type[RagError], int] = {
    RagError: 500,
    InputError: 400,
    SettingsError: 500,
    ArticleNotFound: 404,
    CollectionNotFound: 404,
    JobNotFound: 404,
    AccessDenied: 401,
    NotAllowed: 403,
    DocumentError: 422,
    FetchError: 502,
    StoreError: 503,
    StoreFull: 507,
    ModelError: 503,
    ModelTimeout: 504,
    ServiceBusy: 503,
    RateLimited: 429,
}
"""The status of an error is that of its nearest parent in this table."""

COLLECTION_HEADER = "Rag-Collection"

_WEB = Path(__file__).resolve().parent / "web"
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}
_OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
_NO_BUFFER = {"X-Accel-Buffering": "no"}
_CLIENT_GONE = 499  # nobody reads it; it stands in the log
_GRACE = 20  # seconds that answers and additions have to finish when the service stops

log = logging.getLogger(__name__)
T = TypeVar("T")


# --- requests and responses --------------------------------------------------------------------

Question = Annotated[str, Field(max_length=100_000)]  # NewsQA applies the limit of the settings
Line_ = Annotated[str, Field(max_length=2_000)]
_EXAMPLE = "Who attended the talks?"


def _examples(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": list(examples)})


class AskRequest(Filters):
    """A question, earlier turns, and which articles may answer it."""

    model_config = _examples(
        {"question": _EXAMPLE},
        {"question": "And on the other side?", "history": [{"role": "user", "content": _EXAMPLE}]},
        {"question": _EXAMPLE, "published_after": "2025-02-01", "source": "Example Times", "stream": True},
    )

    question: Question
    history: tuple[Message, ...] = Field(default=(), max_length=200)
    stream: StrictBool = False


class ChatRequest(Filters):
    """A conversation whose last turn is the user's question."""

    model_config = _examples({"messages": [{"role": "user", "content": _EXAMPLE}]})

    messages: tuple[Message, ...] = Field(min_length=1, max_length=201)
    stream: StrictBool = False


class SearchRequest(Filters):
    """A question, and which articles may be found."""

    model_config = _examples({"question": "security guarantees", "k": 5})

    question: Question
    k: StrictInt = Field(default=10, ge=1, le=1_000)


class SummariseRequest(Filters):
    """Which articles to summarise: by id, or the `k` best for a query; how long, in which form, what about.

    `language` is that of the summary, `written_in` that of the articles.
    """

    model_config = _examples({"query": "the new harbour", "sentences": 3, "language": "en"})

    query: Question | None = None
    k: StrictInt = Field(default=20, ge=1, le=1_000)
    focus: Question = ""
    form: Form = Form.TEXT
    sentences: StrictInt | None = Field(default=None, ge=1, le=100)
    words: StrictInt | None = Field(default=None, ge=1, le=5_000)
    written_in: Annotated[str, Field(max_length=35)] = ""
    deadline: Annotated[float | None, Field(gt=0, le=86_400)] = None
    stream: StrictBool = False


class VerifyRequest(Filters):
    """A draft, and which articles may carry its statements."""

    model_config = _examples({"text": "The harbour was opened on Friday. It cost 24 million euros."})

    text: Annotated[str, Field(max_length=200_000)]


class NewArticle(BaseModel):
    """An article as its caller knows it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    title: Line_ = ""
    source: Line_ = ""
    # Pages show it as a link, so it must not be a script.
    url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://.*)?$")] = ""
    published: OptionalMoment = None
    language: Annotated[str, Field(max_length=35)] = ""


class AddRequest(BaseModel):
    """Articles to index."""

    model_config = _examples(
        {"articles": [{"text": "The harbour was opened.", "title": "Harbour", "published": "2025-03-07"}]}
    )

    articles: list[NewArticle] = Field(min_length=1, max_length=1_000)

    def nouns(self) -> list[Article]:
        """The same as the nouns that `NewsQA` takes."""
        return [Article.model_validate(new.model_dump()) for new in self.articles]


class DeleteRequest(BaseModel):
    """Articles to delete."""

    model_config = _examples({"article_ids": ["b6c64d2e30dc9b34"]})

    article_ids: list[Line_] = Field(min_length=1, max_length=1_000)


class ListQuery(Filters):
    """Which articles to list: filters, words in title or source, and which part of the list."""

    text: Line_ = ""
    limit: int | None = Field(default=None, ge=0, le=10_000)
    offset: int = Field(default=0, ge=0)


class Hits(BaseModel):
    """Passages, nearest first."""

    hits: list[Hit]


class ArticleList(BaseModel):
    """A part of the articles that pass, newest first, without their texts; `total` of all that pass.

    `sources` are the sources of all articles of the collection.
    """

    articles: list[Article]
    total: int
    sources: list[str]


class Deletions(BaseModel):
    """What became of each id: deleted and proven, or not there."""

    deleted: list[Deletion]
    not_found: list[str]


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[Job]


class Health(BaseModel):
    """Whether the service runs."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class ErrorDetail(BaseModel):
    """`code` is for programs, `message` and `hint` are for people."""

    code: str
    message: str
    hint: str


class ErrorBody(BaseModel):
    """What every request may get instead of its result."""

    error: ErrorDetail


class OpenAIErrorDetail(BaseModel):
    """An error as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIErrorBody(BaseModel):
    """What OpenAI's endpoints answer instead of their result."""

    error: OpenAIErrorDetail


def _given(filters: Filters, *without: str) -> dict[str, Any]:
    names = set(Filters.model_fields) - set(without)
    return {name: getattr(filters, name) for name in names & filters.model_fields_set}


# --- who may do what ---------------------------------------------------------------------------


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Door:
    """Tells who a caller is. Once it has seen a key it asks everybody for one, even after the last is revoked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = KeyStore(settings.data / KEYS_FILE)
        self._locked = False

    @property
    def is_locked(self) -> bool:
        """Whether a key is needed."""
        self._locked = (
            self._locked or bool(self._settings.api_key.get_secret_value()) or bool(self._keys.all())
        )
        return self._locked

    def caller(self, request: Request) -> Caller:
        """Who sent a request.

        Raises:
            AccessDenied: no key, a wrong one, or no key needed but not called from this machine by its own name.
        """
        if not self.is_locked:
            return self._neighbour(request)
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        secret = sent.strip() if scheme.lower() == "bearer" else ""
        own = self._settings.api_key.get_secret_value()
        if own and hmac.compare_digest(secret.encode(), own.encode()):
            return Caller("RAG_API_KEY", KeyScope.ADMIN)
        caller = self._keys.caller(secret)
        if caller is None:
            raise AccessDenied(
                "The key is missing or wrong.", hint="Send the header `Authorization: Bearer` with your key."
            )
        return caller

    def _neighbour(self, request: Request) -> Caller:
        """A program or page of this machine; no page of elsewhere, even if its own name leads here (DNS rebinding)."""
        address = request.client.host if request.client else ""
        name = request.url.hostname or ""
        origin = request.headers.get("Origin", "")
        if not is_loopback(name) or not is_loopback(address):
            raise AccessDenied(
                f"Without a key this service answers on this machine only, not as {name!r}.",
                hint="Make one with `rag keys add`, or set RAG_API_KEY, and send it as a bearer token.",
            )
        if (
            origin
            and urlsplit(origin).netloc != request.headers.get("Host", "")
            and not _is_open_to(origin, self._settings)
        ):
            raise NotAllowed(
                f"Without a key, pages of {origin} may not use this service.", hint="List it in RAG_CORS."
            )
        return Caller("local", KeyScope.ADMIN)


def _origins(settings: Settings) -> list[str]:
    return [origin.strip() for origin in settings.cors.split(",") if origin.strip()]


def _is_open_to(origin: str, settings: Settings) -> bool:
    return origin in _origins(settings)


@dataclass(frozen=True)
class Visit:
    """One request: who sent it, and the collection it is about."""

    caller: Caller
    collection: str
    library: Library
    create: bool

    @property
    def qa(self) -> NewsQA:
        """The articles; opening them may take a while, so not in the event loop."""
        return self.library.open(self.collection, create=self.create)


def _visit(scope: KeyScope) -> Callable[[Request], Awaitable[Visit]]:
    async def visit(request: Request) -> Visit:
        return _enter(request, request.app, scope)

    return visit


def _enter(request: Request, app: FastAPI, scope: KeyScope) -> Visit:
    """The visit that a request asks for.

    Raises:
        AccessDenied, NotAllowed: it may not. RateLimited: not so soon.
    """
    state = app.state
    caller: Caller = state.door.caller(request)
    request.state.caller = caller
    if state.door.is_locked:
        state.rate.count(caller.id)
    if not caller.scope.includes(scope):
        raise NotAllowed(f"This needs a key with the scope {scope.value}.", hint="Ask for such a key.")
    name = request.headers.get(COLLECTION_HEADER, "") or caller.home
    if not caller.may_enter(name):
        raise NotAllowed(f"This key does not open the collection {name!r}.", hint="Ask for such a key.")
    return Visit(caller, name, state.library, scope is not KeyScope.READ)


Reading = Annotated[Visit, Depends(_visit(KeyScope.READ))]
Writing = Annotated[Visit, Depends(_visit(KeyScope.WRITE))]
Ruling = Annotated[Visit, Depends(_visit(KeyScope.ADMIN))]


# --- errors ------------------------------------------------------------------------------------


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


def _headers_of(error: RagError) -> dict[str, str]:
    if isinstance(error, ServiceBusy):
        return {"Retry-After": str(max(1, round(error.retry_after)))}
    return {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else {}


async def _on_rag_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RagError)
    status = status_of(error)
    if status >= 500 and not isinstance(error, ServiceBusy):
        log.error("%s %s %s: %s", request.state.request_id, request.method, _route(request), error)
    return JSONResponse(_told(request.url.path, error), status, _headers_of(error))


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


async def _on_anything(request: Request, error: Exception) -> Response:
    # Where it came from, but not what it says: that may quote an article.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    request_id, kind = request.state.request_id, type(error).__name__
    log.error("%s %s %s: %s at %s", request_id, request.method, _route(request), kind, where)
    return JSONResponse(_told(request.url.path, RagError("unexpected")), 500)


def _route(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "other")


# --- questions on their way --------------------------------------------------------------------


Sent = Event | Summary  # what a stream sends


class Asked:
    """One question on its way: its place in line, its events from threads, and how it is stopped.

    Args:
        open_events: opens the events; called in a thread.
        place: where it stands in line before the model.
        deadline: seconds after which it is given up.
        reads_first: whether the model is needed before the first event, to make the question stand alone.
        meter: counts the answer.
    """

    def __init__(
        self,
        open_events: Callable[[], Iterator[Sent]],
        place: Place,
        *,
        deadline: float,
        reads_first: bool,
        meter: Meter,
    ) -> None:
        self._open = open_events
        self._place = place
        self._given_up = threading.Event()
        self._deadline = time.monotonic() + deadline
        self._reads_first = reads_first
        self._meter = meter

    def stop(self) -> None:
        """Nobody waits any more: the model stops at its next word."""
        self._given_up.set()

    async def events(self) -> AsyncIterator[Sent]:
        """The events; what was found comes before the turn, as no model is needed for it."""
        events: Iterator[Sent] | None = None
        try:
            if self._reads_first:
                await self._place.turn()
            events = await run_in_threadpool(self._open)
            event = await self._next(events)
            while event is not None:
                if isinstance(event, Answer):
                    self._meter.answer(event)
                yield event
                if not isinstance(event, Answer):
                    await self._place.turn()
                event = await self._next(events)
        finally:
            self.stop()
            if events is not None:
                close = getattr(events, "close", None)
                if close is not None:
                    close()
            self._place.leave()

    async def _next(self, events: Iterator[Sent]) -> Sent | None:
        step = asyncio.ensure_future(run_in_threadpool(self._step, events))
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:
            # The thread goes on until the model has stopped; until then the place in line is taken.
            self.stop()
            await _ended(step)
            raise

    def _step(self, events: Iterator[Sent]) -> Sent | None:
        # Runs in a copy of the context, so that this does not reach other questions.
        nobody_waits.set(self._is_given_up)
        if self._is_late():
            raise ModelTimeout("The answer was not finished in time.", hint="Raise RAG_DEADLINE.")
        return next(events, None)

    def _is_given_up(self) -> bool:
        return self._given_up.is_set() or self._is_late()

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline


async def _unless_gone(receive: Receive, work: Awaitable[T], stop: Callable[[], None]) -> T | None:
    """What the work gives; None when the caller hangs up first, and then the work is stopped and awaited."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        stop()
        working.cancel()
        await _ended(working)
        return None
    finally:
        working.cancel()
        gone.cancel()


async def _ended(task: asyncio.Future[Any]) -> None:
    """Waits for the end of a task whose outcome nobody is interested in any more."""
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _last(events: AsyncIterator[Sent]) -> Sent:
    async for event in events:
        last = event
    return last


class EventStream(Response):
    """Server-sent events whose first one is there already; the question is stopped when the reader hangs up."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncIterator[str], stop: Callable[[], None]) -> None:
        super().__init__(headers={**_NO_BUFFER, "Content-Type": "text/event-stream; charset=utf-8"})
        del self.headers["Content-Length"]
        self._chunks = chunks
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the chunks until they end or nobody listens."""
        try:
            await _unless_gone(receive, self._send(send), self._stop)
        finally:
            close = getattr(self._chunks, "aclose", None)
            if close is not None:
                await close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _frame(data: str, name: str = "") -> str:
    return f"event: {name}\ndata: {data}\n\n" if name else f"data: {data}\n\n"


async def _event_frames(first: Sent, events: AsyncIterator[Sent]) -> AsyncIterator[str]:
    try:
        yield _named(first)
        async for event in events:
            yield _named(event)
    except RagError as error:
        log.error("stream: %s", error)
        yield _frame(json.dumps(_told("", error)), "error")


def _named(event: Sent) -> str:
    return _frame(event.model_dump_json(), type(event).__name__.lower())


async def _chunk_frames(first: Sent, events: AsyncIterator[Sent], chunks: Chunks) -> AsyncIterator[str]:
    yield _frame(chunks.first())
    try:
        answer = first
        async for event in events:
            answer = event
    except RagError as error:
        log.error("stream: %s", error)
        yield _frame(json.dumps(_told(_OPENAI_PATHS[0], error)))
        return
    assert isinstance(answer, Answer)
    for line in chunks.answer(answer):
        yield _frame(line)


Frames = Callable[[Sent, AsyncIterator[Sent]], AsyncIterator[str]]


async def _answered(
    request: Request,
    visit: Visit,
    question: str,
    history: tuple[Message, ...],
    filters: dict[str, Any],
    frames: Frames | None,
) -> Answer | Response:
    """The answer; with `frames` a stream of its events, whose first one, or an error, is known by then."""
    state = request.app.state
    asked = Asked(
        lambda: visit.qa.stream(question, history=history, **filters),
        state.line.enter(visit.caller.id),
        deadline=state.settings.deadline,
        reads_first=bool(history),
        meter=state.meter,
    )
    events = asked.events()
    if frames is None:
        answer = await _unless_gone(request.receive, _last(events), asked.stop)
        assert answer is None or isinstance(answer, Answer)
        return answer or Response(status_code=_CLIENT_GONE)
    first = await _unless_gone(request.receive, anext(events), asked.stop)
    if first is None:
        return Response(status_code=_CLIENT_GONE)
    return EventStream(frames(first, events), asked.stop)


def _wants_events(stream: bool, request: Request) -> bool:
    return stream or "text/event-stream" in request.headers.get("Accept", "")


# --- asking ------------------------------------------------------------------------------------

open_routes = APIRouter()
routes = APIRouter()
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@routes.post("/v1/ask", response_model=Answer, responses=_STREAM, tags=["ask"])
async def ask(body: AskRequest, request: Request, visit: Reading) -> Answer | Response:
    """The verified answer, or with `stream` its events: evidence, statement …, answer; error if it breaks off."""
    frames = _event_frames if _wants_events(body.stream, request) else None
    return await _answered(request, visit, body.question, body.history, _given(body), frames)


@routes.post("/v1/chat", response_model=Answer, responses=_STREAM, tags=["ask"])
async def chat(body: ChatRequest, request: Request, visit: Reading) -> Answer | Response:
    """The answer to the last turn; its `question` is the one that was understood, which stands alone."""
    *history, last = body.messages
    if last.role != "user":
        raise InputError(
            f"The last turn is of role {last.role!r}.", hint="Send the question as the last turn, role user."
        )
    frames = _event_frames if _wants_events(body.stream, request) else None
    return await _answered(request, visit, last.content, tuple(history), _given(body), frames)


@routes.post("/v1/search", tags=["ask"])
def search(body: SearchRequest, visit: Reading) -> Hits:
    """The nearest passages, nearest first."""
    return Hits(hits=visit.qa.search(body.question, k=body.k, **_given(body)))


@routes.post("/v1/verify", tags=["ask"])
def verify(body: VerifyRequest, visit: Reading) -> DraftCheck:
    """Each statement of a draft: supported, contradicted or not found, with citations. No language model is asked."""
    return visit.qa.verify(body.text, **_given(body))


@routes.post("/v1/summarise", response_model=Summary, responses=_STREAM, tags=["ask"])
async def summarise(body: SummariseRequest, request: Request, visit: Reading) -> Summary | Response:
    """A cited summary, or with `stream` its events: statement …, summary; error if it breaks off."""
    state = request.app.state
    asked = Asked(
        lambda: visit.qa.stream_summary(
            body.article_ids or None,
            query=body.query,
            k=body.k,
            focus=body.focus,
            form=body.form,
            sentences=body.sentences,
            words=body.words,
            language=body.language or None,
            written_in=body.written_in,
            deadline=min(body.deadline or state.settings.deadline, state.settings.deadline),
            **_given(body, "article_ids", "language"),
        ),
        state.line.enter(visit.caller.id),
        deadline=2 * state.settings.deadline,  # a summary that is late ends by itself and says what it lacks
        reads_first=True,
        meter=state.meter,
    )
    events = asked.events()
    if not _wants_events(body.stream, request):
        summary = await _unless_gone(request.receive, _last(events), asked.stop)
        assert summary is None or isinstance(summary, Summary)
        return summary or Response(status_code=_CLIENT_GONE)
    first = await _unless_gone(request.receive, anext(events), asked.stop)
    return (
        EventStream(_event_frames(first, events), asked.stop) if first else Response(status_code=_CLIENT_GONE)
    )


# --- articles ----------------------------------------------------------------------------------


def _shown(article: Article) -> Article:
    """Without the paths of this machine among its origins."""
    addresses = tuple(origin for origin in article.origins if origin.startswith(("http://", "https://")))
    return article.model_copy(update={"origins": addresses})


@routes.get("/v1/articles", tags=["articles"])
def articles(query: Annotated[ListQuery, Query()], visit: Reading) -> ArticleList:
    """Articles that pass the filters, newest first, without their text; all of them without `limit`."""
    found = everything = visit.qa.articles(**_given(query))
    if _given(query):
        everything = visit.qa.articles()
    if query.text:
        wanted = query.text.casefold()
        found = [one for one in found if wanted in f"{one.title}\n{one.source}".casefold()]
    part = found[query.offset :] if query.limit is None else found[query.offset : query.offset + query.limit]
    sources = sorted({one.source for one in everything if one.source})
    return ArticleList(articles=[_shown(one) for one in part], total=len(found), sources=sources)


@routes.get("/v1/articles/{article_id}", tags=["articles"])
def article(article_id: str, visit: Reading, revision: str | None = None) -> Article:
    """One article with its text and sentences; with `revision` an older text of it."""
    return _shown(visit.qa.article(article_id, revision))


@routes.post("/v1/articles", tags=["articles"])
def add(body: AddRequest, visit: Writing) -> AddReport:
    """Index articles; they are stored and can be found when this returns."""
    return visit.qa.add(body.nouns())


Files = Annotated[list[UploadFile], File(description="txt, md, html, pdf or docx", max_length=100)]


@routes.post("/v1/articles/upload", tags=["articles"])
def upload(files: Files, visit: Writing) -> AddReport:
    """Index files; each is an article or a failure of the report."""
    return visit.qa.add(_uploads(files))


def _uploads(files: list[UploadFile]) -> list[Upload]:
    return [Upload(name=file_name(file.filename or ""), data=file.file.read()) for file in files]


def file_name(given: str) -> str:
    """The last part of a name from elsewhere, without anything that could be a path or a control character."""
    last = re.split(r"[/\\]", given)[-1]
    clean = "".join(character for character in last if character.isprintable()).strip(". ")
    return clean[-200:] or "document"


@routes.post("/v1/articles/delete", tags=["articles"])
def delete_many(body: DeleteRequest, visit: Writing) -> Deletions:
    """Remove articles and prove that they are gone; unknown ids are told, not refused."""
    deleted, missing = [], []
    for article_id in dict.fromkeys(body.article_ids):
        try:
            deleted.append(visit.qa.delete(article_id))
        except ArticleNotFound:
            missing.append(article_id)
    return Deletions(deleted=deleted, not_found=missing)


@routes.delete("/v1/articles/{article_id}", tags=["articles"])
def delete(article_id: str, visit: Writing) -> Deletion:
    """Remove an article and prove that it is gone."""
    return visit.qa.delete(article_id)


# --- jobs --------------------------------------------------------------------------------------


@routes.post("/v1/jobs", status_code=202, tags=["jobs"])
def start_job(body: AddRequest, request: Request, visit: Writing) -> Job:
    """Index articles in the background; only the report of the finished job promises anything."""
    nouns = body.nouns()
    jobs: Jobs = request.app.state.jobs
    return jobs.start(visit.collection, len(nouns), lambda progress: visit.qa.add(nouns, progress))


@routes.post("/v1/jobs/upload", status_code=202, tags=["jobs"])
def start_upload_job(files: Files, request: Request, visit: Writing) -> Job:
    """Index files in the background."""
    uploads = _uploads(files)
    jobs: Jobs = request.app.state.jobs
    return jobs.start(visit.collection, len(uploads), lambda progress: visit.qa.add(uploads, progress))


@routes.get("/v1/jobs", tags=["jobs"])
def list_jobs(request: Request, visit: Writing) -> JobList:
    """Jobs of this collection since the service started, newest first."""
    return JobList(jobs=request.app.state.jobs.all(visit.collection))


@routes.get("/v1/jobs/{job_id}", tags=["jobs"])
def show_job(job_id: str, request: Request, visit: Writing) -> Job:
    """How far a job is."""
    job: Job = request.app.state.jobs.get(visit.collection, job_id)
    return job


# --- OpenAI's endpoints ------------------------------------------------------------------------


@routes.get("/v1/models", tags=["openai"])
def models(visit: Reading) -> ModelList:
    """The one model that OpenAI's clients can choose."""
    return ModelList()


@routes.post("/v1/chat/completions", response_model=ChatCompletion, responses=_STREAM, tags=["openai"])
async def chat_completions(
    body: ChatCompletionRequest, request: Request, visit: Reading
) -> ChatCompletion | Response:
    """The answer to the last user message, with its sources where every client shows them: in the text."""
    if body.model != MODEL_NAME:
        raise HTTPException(404, f"There is no model {body.model!r}. Use {MODEL_NAME!r}.")
    question, history = question_and_history(body.messages)
    base = request.app.state.settings.public_url or str(request.base_url)
    frames: Frames | None = None
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        chunks = Chunks(base, with_usage=with_usage)

        def frames(first: Sent, events: AsyncIterator[Sent]) -> AsyncIterator[str]:
            return _chunk_frames(first, events, chunks)

    answer = await _answered(request, visit, question, history, _given(body.filters), frames)
    return completion(answer, base) if isinstance(answer, Answer) else answer


# --- the service itself ------------------------------------------------------------------------


@open_routes.get("/healthz", tags=["service"])
async def healthz() -> Health:
    """Whether the service runs; answers even while every thread is busy."""
    return Health()


@open_routes.get("/readyz", tags=["service"])
async def readyz(request: Request) -> Health:
    """Whether it makes sense to send questions now: the index can be read, and there is room in the line."""
    state = request.app.state
    with state.line.enter("readyz"):
        await run_in_threadpool(lambda: state.library.default.articles(article_ids=("-",)))
    return Health()


@routes.get("/metrics", response_class=Response, tags=["service"])
def metrics(request: Request, visit: Ruling) -> Response:
    """Counters in Prometheus' text format; where keys are needed, with one of scope admin."""
    return Response(request.app.state.meter.text(), media_type=CONTENT_TYPE)


@routes.post("/v1/check", tags=["service"])
def check(visit: Ruling) -> CheckReport:
    """Compare catalog, words and vectors of the collection, and repair what differs."""
    return visit.qa.check()


@open_routes.get("/", include_in_schema=False)
async def page() -> Response:
    """The page for people."""
    return FileResponse(_WEB / "index.html", headers={"Content-Security-Policy": PAGE_POLICY})


# --- tools of other models ---------------------------------------------------------------------


class Tools:
    """The MCP server at /mcp: every request is let in, or not, like those of the other endpoints."""

    def __init__(self, app: FastAPI) -> None:
        from mcp.server.transport_security import TransportSecuritySettings

        from rag.mcp import create_server

        self._app = app
        self._server = create_server(self._run)
        # Hosts and origins are looked at by our own door, before anything else.
        trusting = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._inner: ASGIApp = self._server.streamable_http_app(
            streamable_http_path="/",
            stateless_http=True,
            json_response=True,
            transport_security=trusting,
            max_request_body_size=MAX_REQUEST_BYTES,
        )

    def running(self) -> AbstractAsyncContextManager[None]:
        """What must be open while requests come in."""
        return self._server.session_manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            request.state.visit = _enter(request, self._app, KeyScope.READ)
        except RagError as error:
            response = await _on_rag_error(request, error)
            await response(scope, receive, send)
            return
        await self._inner(scope, receive, send)

    async def _run(self, context: Any, call: Callable[[Any], T], *, needs_model: bool) -> T:
        visit: Visit = context.request_context.request.state.visit
        if not needs_model:
            return await run_in_threadpool(lambda: call(visit.qa))
        with self._app.state.line.enter(visit.caller.id) as place:
            await place.turn()
            return await run_in_threadpool(lambda: call(visit.qa))


# --- the app -----------------------------------------------------------------------------------


def create_app(qa: NewsQA, settings: Settings) -> FastAPI:
    """The service around one open `NewsQA`, which stays its caller's to close.

    Args:
        qa: the default collection; it is called from several threads.
        settings: where keys and other collections are kept, and all limits.
    """
    # The interactive pages would load scripts from elsewhere; the schema at /openapi.json stays.
    app = FastAPI(title="rag", version=__version__, docs_url=None, redoc_url=None, lifespan=_lifespan)
    per_key = max(1, settings.queue // 2)
    door = Door(settings)
    app.state.settings = settings
    app.state.door = door
    app.state.library = Library(qa, settings.data)
    app.state.line = Line(settings.answers_at_once, settings.queue, per_key if door.is_locked else None)
    app.state.rate = Rate(settings.rate)
    app.state.jobs = Jobs()
    app.state.meter = Meter(app.state.line)
    app.add_middleware(BodyLimit, articles_bytes=settings.max_document_bytes + MAX_REQUEST_BYTES)
    if _origins(settings):
        app.add_middleware(
            CORSMiddleware, allow_origins=_origins(settings), allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(Guard, meter=app.state.meter)
    app.add_exception_handler(RagError, _on_rag_error)
    app.add_exception_handler(RequestValidationError, _on_unusable)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_anything)
    app.include_router(open_routes)
    app.include_router(routes)
    app.state.tools = Tools(app)
    app.mount("/mcp", app.state.tools)
    app.mount("/web", StaticFiles(directory=_WEB))
    app.openapi = lambda: _schema(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.tools.running():
        yield
    await run_in_threadpool(app.state.jobs.close)
    await run_in_threadpool(app.state.library.close)


def _schema(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI schema, with the errors that every request may get in the shape that this service gives them."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title="rag",
        version=__version__,
        description="Ask news articles; every statement comes with the sentence that proves it.",
        routes=app.routes,
    )
    parts = schema["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        parts.pop(unused, None)
    for model in (ErrorBody, OpenAIErrorBody):
        described = model.model_json_schema(ref_template="#/components/schemas/{model}")
        parts |= described.pop("$defs")
        parts[model.__name__] = described
    schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, methods in schema["paths"].items():
        name = "OpenAIErrorBody" if path in _OPENAI_PATHS else "ErrorBody"
        error = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = {"description": "The request cannot be done.", "content": error}
            operation["responses"]["5XX"] = {"description": "The service cannot do it.", "content": error}
            if path not in ("/healthz", "/readyz"):
                operation["security"] = [{}, {"key": []}]
                operation.setdefault("parameters", []).append(_COLLECTION_PARAMETER)
    app.openapi_schema = schema
    return schema


_COLLECTION_PARAMETER = {
    "name": COLLECTION_HEADER,
    "in": "header",
    "required": False,
    "description": "The collection; the first one of the key if not given.",
    "schema": {"type": "string", "default": DEFAULT_COLLECTION},
}


def listen(host: str, port: int, settings: Settings) -> socket.socket:
    """A bound socket for `serve`; port 0 takes a free one.

    Raises:
        InputError: the host is reachable from other machines and there is no key.
        ServiceError: the address cannot be taken.
    """
    if not is_loopback(host) and not Door(settings).is_locked:
        raise InputError(
            f"Without a key, host {host} would open the articles to other machines.",
            hint="Make one with `rag keys add`, set RAG_API_KEY, or listen on 127.0.0.1.",
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
    """Run the service on a socket from `listen` until it is told to stop (SIGINT, SIGTERM).

    What is being answered or added then has some seconds to finish.
    """
    config = uvicorn.Config(
        create_app(qa, settings),
        server_header=False,
        access_log=False,  # ours tells more, and no addresses of questions
        log_level=settings.log_level.lower(),
        timeout_graceful_shutdown=_GRACE,
    )
    uvicorn.Server(config).run(sockets=[bound])
