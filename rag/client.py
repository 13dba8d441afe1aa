"""HTTP SDK: `Client` and `AsyncClient` speak to `rag serve` with the method names and types of `NewsQA`.

The protocol stands here once: a `_Call` is one request and how to read its response; the two clients only
differ in how they send it. Errors of the service come back as the classes of `rag.errors`.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from rag.errors import (
    AccessDenied,
    InputError,
    NotAllowed,
    RagError,
    ServiceBusy,
    ServiceError,
    ServiceUnavailable,
    UnreadableDocument,
)
from rag.types import (
    AddReport,
    Answer,
    Article,
    CheckReport,
    Deletion,
    DraftCheck,
    Event,
    Evidence,
    Filters,
    Hit,
    Message,
    Statement,
    Summary,
    SummaryEvent,
    SummaryOptions,
    Upload,
)

T = TypeVar("T")

_EVENTS: dict[str, type[Evidence] | type[Statement] | type[Answer] | type[Summary]] = {
    "evidence": Evidence,
    "statement": Statement,
    "answer": Answer,
    "summary": Summary,
}
_RETRIES = 3  # further tries of a safe request
_FIRST_WAIT = 0.2  # seconds; doubles with each try, plus up to half of it by chance
_RETRY_STATUS = (502, 503, 504)
_LONGEST_WAIT = 30.0  # seconds; who is told to come back later than this is told so at once
_JSON, _EVENT_STREAM = "application/json", "text/event-stream"


# --- the protocol, once ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Call(Generic[T]):
    """One request, and the type and envelope key of what comes back.

    What changes nothing and costs no model time is sent again after a fault: every GET, and what is `safe` besides.
    Whatever the service refused because it is busy is sent again when it said so, for it was not begun.
    """

    method: str
    path: str
    returns: Any  # a type that pydantic can validate; T
    envelope: str = ""
    body: dict[str, Any] | None = None
    params: Sequence[tuple[str, str]] = field(default_factory=tuple)
    file: Upload | None = None
    safe: bool = False

    @property
    def tries(self) -> int:
        return 1 + _RETRIES if self.safe or self.method == "GET" else 1

    def read(self, response: httpx.Response) -> T:
        """The typed result, or the service's error raised."""
        _check(self.path, response, _JSON)
        try:
            content = json.loads(response.content)
            value = content[self.envelope] if self.envelope else content
            result: T = TypeAdapter(self.returns).validate_python(value)
        except (ValueError, KeyError, TypeError) as error:
            raise _protocol_broken(self.path) from error
        return result


def _filters(filters: Mapping[str, object]) -> dict[str, Any]:
    """Filters as JSON values, only those that are set; unknown names are refused as `NewsQA` does."""
    try:
        checked = Filters.model_validate(dict(filters))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(
            f"Filter {name} = {filters.get(name)!r} cannot be used: {first['msg']}.",
            hint=f"Filters are {', '.join(Filters.model_fields)}.",
        ) from error
    return checked.model_dump(mode="json", exclude_defaults=True)


def _asking(
    question: str, history: Sequence[Message], filters: Mapping[str, object], stream: bool = False
) -> _Call[Answer]:
    body: dict[str, Any] = {"question": question, **_filters(filters)}
    if history:
        body["history"] = [turn.model_dump() for turn in history]
    if stream:
        body["stream"] = True
    return _Call("POST", "/v1/ask", Answer, body=body)


def _searching(question: str, k: int, filters: Mapping[str, object]) -> _Call[list[Hit]]:
    body = {"question": question, "k": k, **_filters(filters)}
    return _Call("POST", "/v1/search", list[Hit], envelope="hits", body=body, safe=True)


def _verifying(text: str, filters: Mapping[str, object]) -> _Call[DraftCheck]:
    return _Call("POST", "/v1/verify", DraftCheck, body={"text": text, **_filters(filters)}, safe=True)


_OTHER_FILTERS = {"published_after", "published_before", "source"}  # `language` means the reader's here


def _summarising(
    article_ids: Sequence[str] | None, options: SummaryOptions, stream: bool = False
) -> _Call[Summary]:
    """Options that are not set are left to the service."""
    wanted = SummaryOptions.__annotations__.keys() - _OTHER_FILTERS
    body = {name: value for name, value in options.items() if name in wanted and (value or value == 0)}
    body |= _filters({name: value for name, value in options.items() if name not in wanted})
    if article_ids is not None:
        body["article_ids"] = list(article_ids)
    if stream:
        body["stream"] = True
    return _Call("POST", "/v1/summarise", Summary, body=body)


def _listing(filters: Mapping[str, object]) -> _Call[list[Article]]:
    params = [
        (name, str(item))
        for name, value in _filters(filters).items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return _Call("GET", "/v1/articles", list[Article], envelope="articles", params=params)


def _article_path(article_id: str) -> str:
    if not article_id:
        raise InputError("The article id is empty.", hint="`articles()` lists the ids.")
    return f"/v1/articles/{quote(article_id, safe='')}"


def _showing(article_id: str, revision: str | None) -> _Call[Article]:
    params = [("revision", revision)] if revision else []
    return _Call("GET", _article_path(article_id), Article, params=params)


Source = Article | Upload | str | Path

_ARTICLES_AT_ONCE = 1_000  # more the service does not take in one request
_ARTICLE_FIELDS = {"text", "title", "source", "url", "published", "language"}


def _adding(sources: Source | Iterable[Source]) -> list[_Call[AddReport]]:
    """One request for up to a thousand articles, and one for each file."""
    given = [sources] if isinstance(sources, Article | Upload | str | Path) else list(sources)
    files = [_upload(one) for one in given if not isinstance(one, Article)]
    articles = [
        one.model_dump(mode="json", include=_ARTICLE_FIELDS, exclude_defaults=True)
        for one in given
        if isinstance(one, Article)
    ]
    parts = [articles[n : n + _ARTICLES_AT_ONCE] for n in range(0, len(articles), _ARTICLES_AT_ONCE)]
    return [
        *(_Call[AddReport]("POST", "/v1/articles", AddReport, body={"articles": part}) for part in parts),
        *(_Call[AddReport]("POST", "/v1/articles/upload", AddReport, file=file) for file in files),
    ]


def _upload(source: object) -> Upload:
    """A file of this machine as it is sent."""
    if isinstance(source, Upload):
        return source
    if not isinstance(source, str | Path) or str(source).startswith(("http://", "https://")):
        raise InputError(
            f"The service takes articles and files, got {source!r}.",
            hint="Addresses and feeds are read by `rag add` on the machine of the service.",
        )
    path = Path(source)
    try:
        return Upload(name=path.name, data=path.read_bytes())
    except OSError as error:
        raise UnreadableDocument(
            f"{path} cannot be sent: {error.strerror or error}.",
            hint="Give a file; folders are read by `rag add` on the machine of the service.",
        ) from error


def _together(reports: Sequence[AddReport]) -> AddReport:
    return AddReport(
        **{
            name: tuple(one for report in reports for one in getattr(report, name))
            for name in AddReport.model_fields
        }
    )


def _checking() -> _Call[CheckReport]:
    return _Call("POST", "/v1/check", CheckReport)


def _rebuilding() -> _Call[CheckReport]:
    return _Call("POST", "/v1/rebuild", CheckReport)


def _deleting(article_id: str) -> _Call[Deletion]:
    return _Call("DELETE", _article_path(article_id), Deletion)


class _EventReader:
    """Server-sent events (WHATWG HTML, section 9.2.6) from pieces of text into typed events."""

    def __init__(self) -> None:
        self._rest = ""
        self._name = ""
        self._data: list[str] = []
        self._finished = False

    def feed(self, text: str) -> Iterator[Any]:
        """The events that `text` completes.

        Raises:
            RagError: the service reports that the answer could not be finished.
        """
        # Not str.splitlines: that also splits at U+2028 and U+0085, which JSON may hold unescaped.
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            event = self._line(line.removesuffix("\r"))
            if event is not None:
                yield event

    def close(self) -> None:
        """Check that the last event was the answer or summary."""
        if not self._finished:
            raise ServiceUnavailable(
                "The service stopped before the answer was finished.", hint="Ask again in a moment."
            )

    def _line(self, line: str) -> Event | Summary | None:
        if line:
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                self._name = value
            elif key == "data":
                self._data.append(value)
            return None
        name, data, self._name, self._data = self._name, "\n".join(self._data), "", []
        if name == "error":
            raise _error_of(500, data)
        if name not in _EVENTS:
            return None
        self._finished = name in {"answer", "summary"}
        try:
            return _EVENTS[name].model_validate_json(data)
        except ValidationError as error:
            raise _protocol_broken("/v1/ask") from error


def _kinds(root: type[RagError] = RagError) -> dict[str, type[RagError]]:
    kinds = {root.code: root}
    for kind in root.__subclasses__():
        kinds |= _kinds(kind)
    return kinds


def _error_of(status: int, text: str, retry_after: str = "") -> RagError:
    """The service's error as its class in `rag.errors`; what does not speak our shape is a ServiceError."""
    try:
        told = json.loads(text)["error"]
        code, message, hint = str(told["code"]), str(told["message"]), str(told.get("hint", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        kind = ServiceUnavailable if status in _RETRY_STATUS else ServiceError
        return kind(f"The service answered with status {status}.", hint="Check its address and its log.")
    if status in (401, 403):
        return (AccessDenied if status == 401 else NotAllowed)(message, hint=hint)
    fallback = InputError if status < 500 else RagError
    told_kind = _kinds().get(code, fallback)
    if issubclass(told_kind, ServiceBusy):
        later = float(retry_after) if retry_after.isdigit() else 1.0
        return told_kind(message, hint=hint, retry_after=later)
    return told_kind(message, hint=hint)


def _check(path: str, response: httpx.Response, kind: str) -> None:
    """Raises what the service refuses with, read whole by then, and what is no answer of such a service."""
    if not response.is_success:
        raise _error_of(response.status_code, response.text, response.headers.get("Retry-After", ""))
    came = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if came != kind:
        raise ServiceError(
            f"What answers {path} sends {came or 'something without a type'}, not {kind}.",
            hint="See that the address is that of `rag serve`, and that no page of a proxy stands before it.",
        )


def _protocol_broken(path: str) -> ServiceError:
    return ServiceError(
        f"The answer of {path} is not what this version of the client understands.",
        hint="Use the same version of rag on both sides.",
    )


def _unreached(url: str, error: httpx.HTTPError) -> ServiceUnavailable:
    what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
    return ServiceUnavailable(
        f"The service at {url} {what} ({type(error).__name__}).",
        hint="Start it with `rag serve`, or check the address.",
    )


def _wait(tried: int) -> float:
    return float(_FIRST_WAIT * 2**tried * random.uniform(1.0, 1.5))


def _again_in(call: _Call[Any], response: httpx.Response, tried: int) -> float | None:
    """Seconds after which to send a request once more; None when its response is to be taken as it is."""
    asked = response.headers.get("Retry-After", "")
    if tried < _RETRIES and asked.isdigit() and response.status_code in (429, 503):
        return float(asked) if float(asked) <= _LONGEST_WAIT else None
    if tried < call.tries - 1 and response.status_code in _RETRY_STATUS:
        return _wait(tried)
    return None


def _options(url: str, api_key: str, timeout: float, collection: str) -> dict[str, Any]:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url!r} is not the address of a service.", hint="Pass http://HOST:PORT.")
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {
        "base_url": url.rstrip("/"),
        "headers": headers | ({"Rag-Collection": collection} if collection else {}),
        "timeout": httpx.Timeout(timeout, connect=min(5.0, timeout)),
    }


def _request(call: _Call[Any], accept: str = _JSON) -> dict[str, Any]:
    return {
        "method": call.method,
        "url": call.path,
        "json": call.body,
        "files": {"files": (call.file.name, call.file.data)} if call.file else None,
        "params": list(call.params),
        "headers": {"Accept": accept},
    }


# --- the two clients -------------------------------------------------------------------------


class Client:
    """A service over HTTP, with the methods and types of `NewsQA`.

    Args:
        url: where `rag serve` listens, such as `http://127.0.0.1:8000`.
        api_key: the service's RAG_API_KEY, or a key from `rag keys add`; empty where it has none.
        timeout: seconds without a byte after which a request is given up.
        collection: the one that is meant; the first of the key if empty.
    """

    def __init__(self, url: str, api_key: str = "", *, timeout: float = 180.0, collection: str = "") -> None:
        self._http = httpx.Client(**_options(url, api_key, timeout, collection))
        self._url = url

    def ask(self, question: str, *, history: Sequence[Message] = (), **filters: object) -> Answer:
        """The verified answer to one question; raises the service's `RagError`."""
        return self._send(_asking(question, history, filters))

    def stream(self, question: str, *, history: Sequence[Message] = (), **filters: object) -> Iterator[Event]:
        """Typed events as they are verified; the last one is the Answer. Closing the iterator hangs up."""
        yield from self._stream(_asking(question, history, filters, stream=True))

    def _stream(self, call: _Call[Any]) -> Iterator[Any]:
        reader = _EventReader()
        try:
            for tried in count():
                with self._http.stream(**_request(call, _EVENT_STREAM)) as response:
                    if not response.is_success:
                        response.read()
                    again_in = _again_in(call, response, tried)
                    if again_in is None:
                        _check(call.path, response, _EVENT_STREAM)
                        for text in response.iter_text():
                            yield from reader.feed(text)
                        break
                time.sleep(again_in)
        except httpx.HTTPError as error:
            raise _unreached(self._url, error) from error
        reader.close()

    def search(self, question: str, k: int = 10, **filters: object) -> list[Hit]:
        """The `k` nearest passages, nearest first."""
        return self._send(_searching(question, k, filters))

    def verify(self, text: str, **filters: object) -> DraftCheck:
        """A draft held against the articles: each statement supported, contradicted or not found, with citations."""
        return self._send(_verifying(text, filters))

    def summarise(
        self, article_ids: Sequence[str] | None = None, **options: Unpack[SummaryOptions]
    ) -> Summary:
        """A cited summary of the given articles, or of what `query` finds; see `NewsQA.summarise`."""
        return self._send(_summarising(article_ids, options))

    def stream_summary(
        self, article_ids: Sequence[str] | None = None, **options: Unpack[SummaryOptions]
    ) -> Iterator[SummaryEvent]:
        """The statements of a summary as they are verified; the last event is the Summary."""
        yield from self._stream(_summarising(article_ids, options, stream=True))

    def articles(self, **filters: object) -> list[Article]:
        """All articles that pass the filters, without their text."""
        return self._send(_listing(filters))

    def article(self, article_id: str, revision: str | None = None) -> Article:
        """One article with its text and sentences, or an older text of it; raises ArticleNotFound."""
        return self._send(_showing(article_id, revision))

    def add(self, sources: Source | Iterable[Source]) -> AddReport:
        """Index articles and files of this machine; returns once they are stored and can be found."""
        return _together([self._send(call) for call in _adding(sources)])

    def delete(self, article_id: str) -> Deletion:
        """Remove one article and prove that it is gone; raises ArticleNotFound."""
        return self._send(_deleting(article_id))

    def check(self) -> CheckReport:
        """Compare catalog, words and vectors and repair what differs; needs a key of scope admin."""
        return self._send(_checking())

    def rebuild(self) -> CheckReport:
        """Build the vectors anew; returns once they are in use, which takes long; needs a key of scope admin."""
        return self._send(_rebuilding())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: _Call[T]) -> T:
        for tried in count():
            try:
                response = self._http.request(**_request(call))
            except httpx.HTTPError as error:
                if tried >= call.tries - 1:
                    raise _unreached(self._url, error) from error
                time.sleep(_wait(tried))
                continue
            again_in = _again_in(call, response, tried)
            if again_in is None:
                return call.read(response)
            time.sleep(again_in)
        raise AssertionError("counting does not end")


class AsyncClient:
    """`Client` for asyncio: the same methods, awaited; `stream` is an async iterator."""

    def __init__(self, url: str, api_key: str = "", *, timeout: float = 180.0, collection: str = "") -> None:
        self._http = httpx.AsyncClient(**_options(url, api_key, timeout, collection))
        self._url = url

    async def ask(self, question: str, *, history: Sequence[Message] = (), **filters: object) -> Answer:
        """The verified answer to one question; raises the service's `RagError`."""
        return await self._send(_asking(question, history, filters))

    async def stream(
        self, question: str, *, history: Sequence[Message] = (), **filters: object
    ) -> AsyncIterator[Event]:
        """Typed events as they are verified; the last one is the Answer. Closing the iterator hangs up."""
        async for event in self._stream(_asking(question, history, filters, stream=True)):
            yield event

    async def _stream(self, call: _Call[Any]) -> AsyncIterator[Any]:
        reader = _EventReader()
        try:
            for tried in count():
                async with self._http.stream(**_request(call, _EVENT_STREAM)) as response:
                    if not response.is_success:
                        await response.aread()
                    again_in = _again_in(call, response, tried)
                    if again_in is None:
                        _check(call.path, response, _EVENT_STREAM)
                        async for text in response.aiter_text():
                            for event in reader.feed(text):
                                yield event
                        break
                await asyncio.sleep(again_in)
        except httpx.HTTPError as error:
            raise _unreached(self._url, error) from error
        reader.close()

    async def search(self, question: str, k: int = 10, **filters: object) -> list[Hit]:
        """The `k` nearest passages, nearest first."""
        return await self._send(_searching(question, k, filters))

    async def verify(self, text: str, **filters: object) -> DraftCheck:
        """A draft held against the articles: each statement supported, contradicted or not found, with citations."""
        return await self._send(_verifying(text, filters))

    async def summarise(
        self, article_ids: Sequence[str] | None = None, **options: Unpack[SummaryOptions]
    ) -> Summary:
        """A cited summary of the given articles, or of what `query` finds; see `NewsQA.summarise`."""
        return await self._send(_summarising(article_ids, options))

    async def stream_summary(
        self, article_ids: Sequence[str] | None = None, **options: Unpack[SummaryOptions]
    ) -> AsyncIterator[SummaryEvent]:
        """The statements of a summary as they are verified; the last event is the Summary."""
        async for event in self._stream(_summarising(article_ids, options, stream=True)):
            yield event

    async def articles(self, **filters: object) -> list[Article]:
        """All articles that pass the filters, without their text."""
        return await self._send(_listing(filters))

    async def article(self, article_id: str, revision: str | None = None) -> Article:
        """One article with its text and sentences, or an older text of it; raises ArticleNotFound."""
        return await self._send(_showing(article_id, revision))

    async def add(self, sources: Source | Iterable[Source]) -> AddReport:
        """Index articles and files of this machine; returns once they are stored and can be found."""
        return _together([await self._send(call) for call in _adding(sources)])

    async def delete(self, article_id: str) -> Deletion:
        """Remove one article and prove that it is gone; raises ArticleNotFound."""
        return await self._send(_deleting(article_id))

    async def check(self) -> CheckReport:
        """Compare catalog, words and vectors and repair what differs; needs a key of scope admin."""
        return await self._send(_checking())

    async def rebuild(self) -> CheckReport:
        """Build the vectors anew; returns once they are in use, which takes long; needs a key of scope admin."""
        return await self._send(_rebuilding())

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, call: _Call[T]) -> T:
        for tried in count():
            try:
                response = await self._http.request(**_request(call))
            except httpx.HTTPError as error:
                if tried >= call.tries - 1:
                    raise _unreached(self._url, error) from error
                await asyncio.sleep(_wait(tried))
                continue
            again_in = _again_in(call, response, tried)
            if again_in is None:
                return call.read(response)
            await asyncio.sleep(again_in)
        raise AssertionError("counting does not end")
