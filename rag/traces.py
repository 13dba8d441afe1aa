"""Where the time of a request goes: spans of OpenTelemetry for a request and its stages, when somebody asks for them.

In: an address that takes OTLP over HTTP, or any tracer. Out: one trace per request. Spans hold route, status, request
id and the id of the key; never a question, an article or the text of an error. Without a tracer a stage costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from rag.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer


class Trace:
    """The trace of one request; stages are its spans."""

    def __init__(self, tracer: Tracer, within: Context) -> None:
        self._tracer = tracer
        self._within = within

    @contextmanager
    def span(self, name: str) -> Iterator[Span]:
        """A span for as long as this takes; of an error it keeps the kind, as its text may quote an article."""
        from opentelemetry.trace import Status, StatusCode

        # Not made the current one: a stream's steps run in contexts of their own, which could not give it back.
        span = self._tracer.start_span(name, self._within)
        try:
            yield span
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            span.end()


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A stage of the request that is being answered here; nothing where nobody asked for a trace."""
    trace = _trace.get()
    if trace is None:
        yield
        return
    with trace.span(name):
        yield


@contextmanager
def request(tracer: Tracer, headers: Mapping[str, str]) -> Iterator[Span]:
    """The trace of a request, the caller's own one continued where its headers tell (W3C `traceparent`)."""
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    outer = TraceContextTextMapPropagator().extract(headers)
    with Trace(tracer, outer).span("request") as span:
        token = _trace.set(Trace(tracer, set_span_in_context(span, outer)))
        try:
            yield span
        finally:
            _trace.reset(token)


def open_traces(address: str) -> TracerProvider:
    """Sends spans to an address such as http://localhost:4318/v1/traces; shut it down to send the last ones.

    Raises:
        SettingsError: the packages of the extra `traces` are not installed, or this is no address.
    """
    if not address.startswith(("http://", "https://")):
        raise SettingsError(
            f"RAG_TRACES = {address!r} is not an address.", hint="Set http://HOST:4318/v1/traces."
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "RAG_TRACES needs packages that are not installed.", hint="Run `pip install 'rag[traces]'`."
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "rag"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return provider
