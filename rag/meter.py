"""What the service counts for Prometheus: requests, answers, tokens, the line; never what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from rag.types import Answer
    from rag.waiting import Line

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)


class Meter:
    """The counters of one service."""

    def __init__(self, line: Line) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter("rag_requests", "Requests.", labels, registry=self._registry)
        self._seconds = Histogram(
            "rag_request_seconds",
            "Duration of requests.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._answers = Counter(
            "rag_answers", "Answers by how they end.", ("status",), registry=self._registry
        )
        self._tokens = Counter("rag_tokens", "Tokens of the model.", ("kind",), registry=self._registry)
        working = Gauge("rag_answers_working", "Answers being worked on.", registry=self._registry)
        waiting = Gauge("rag_answers_waiting", "Questions that wait.", registry=self._registry)
        working.set_function(lambda: line.working)
        waiting.set_function(lambda: line.waiting)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request; `route` is its template, so that ids do not make new series."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, answer: Answer) -> None:
        """Counts an answer and its tokens."""
        self._answers.labels(answer.status.value).inc()
        self._tokens.labels("prompt").inc(answer.usage.prompt_tokens)
        self._tokens.labels("cached").inc(answer.usage.cached_tokens)
        self._tokens.labels("output").inc(answer.usage.output_tokens)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
