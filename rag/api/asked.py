"""A question on its way: its turn, its events from threads, its end when nobody is left to hear it.

What searches runs in a thread pool. What needs the language model waits in line in the event loop, where waiting costs
nothing, and is stopped when its caller hangs up.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any, TypeVar

from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive

from rag.errors import ModelTimeout, RagError
from rag.llm import nobody_waits
from rag.meter import Meter
from rag.traces import stage
from rag.types import Answer, Event, Summary
from rag.waiting import Place

T = TypeVar("T")

Sent = Event | Summary  # what a stream sends

log = logging.getLogger(__name__)


class Patience:
    """How long somebody waits for an answer: `seconds` from now on, unless they hang up before."""

    def __init__(self, seconds: float) -> None:
        self._gone = threading.Event()
        self._until = time.monotonic() + seconds

    def end(self) -> None:
        """Nobody waits any more: the model stops at its next word."""
        self._gone.set()

    def is_over(self) -> bool:
        """Whether nobody waits, or not any longer."""
        return self._gone.is_set() or time.monotonic() > self._until

    async def turn(self, place: Place) -> None:
        """Waits in line for as long as the patience lasts.

        Raises:
            ModelTimeout: the turn did not come.
        """
        if place.came.done():
            return
        try:
            with stage("wait"):
                async with asyncio.timeout(self._until - time.monotonic()):
                    await place.turn()
        except TimeoutError as error:
            raise _late() from error

    def during(self, step: Callable[[], T]) -> T:
        """What a step gives; a model that is asked meanwhile stops when the patience ends.

        Call it in a copy of the context, so that this does not reach other questions.

        Raises:
            ModelTimeout: it is too late to begin.
        """
        nobody_waits.set(self.is_over)
        if time.monotonic() > self._until:
            raise _late()
        return step()

    def check(self, done: int, total: int, what: str) -> None:
        """A `Progress` that stops the work where nobody waits any longer.

        Raises:
            ModelTimeout: nobody does.
        """
        if self.is_over():
            raise _late()


def _late() -> ModelTimeout:
    return ModelTimeout("The answer was not finished in time.", hint="Raise RAG_DEADLINE.")


class Asked:
    """One question on its way: its place in line, its events from threads, and how it is stopped.

    Args:
        open_events: opens the events; called in a thread.
        place: where it stands in line before the model.
        patience: how long it is waited for.
        reads_first: whether the model is needed before the first event, to make the question stand alone.
        meter: counts the answer.
    """

    def __init__(
        self,
        open_events: Callable[[], Iterator[Sent]],
        place: Place,
        patience: Patience,
        *,
        reads_first: bool,
        meter: Meter,
    ) -> None:
        self._open = open_events
        self._place = place
        self._patience = patience
        self._reads_first = reads_first
        self._meter = meter

    def stop(self) -> None:
        """Nobody waits any more."""
        self._patience.end()

    async def events(self) -> AsyncIterator[Sent]:
        """The events; what was found comes before the turn, as no model is needed for it."""
        events: Iterator[Sent] | None = None
        try:
            if self._reads_first:
                await self._patience.turn(self._place)
            events = await run_in_threadpool(self._open)
            event = await self._next(events)
            while event is not None:
                if isinstance(event, Answer):
                    self._meter.answer(event)
                yield event
                if not isinstance(event, Answer):
                    await self._patience.turn(self._place)
                event = await self._next(events)
        finally:
            self.stop()
            if events is not None:
                close = getattr(events, "close", None)
                if close is not None:
                    close()
            self._place.leave()

    async def _next(self, events: Iterator[Sent]) -> Sent | None:
        try:
            return await stepped(self._patience, lambda: next(events, None))
        except RagError:
            raise
        except Exception as error:  # in the middle of a stream nobody else could tell its reader
            log.exception("an answer broke off")
            raise RagError("unexpected") from error


async def in_turn(place: Place, patience: Patience, call: Callable[[], T]) -> T:
    """What one call gives that needs its turn before the model, done in a thread."""
    with place:
        await patience.turn(place)
        return await stepped(patience, call)


async def stepped(patience: Patience, step: Callable[[], T]) -> T:
    """What a step gives, done in a thread; who stops waiting for it stops the model, and waits for that."""
    working = asyncio.ensure_future(run_in_threadpool(patience.during, step))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        # The thread goes on until the model has stopped; until then the place in line is taken.
        patience.end()
        await _ended(working)
        raise


async def searched(threads: Executor, search: Callable[[], T]) -> T:
    """What a search gives, done by the next thread that is free.

    The threads take one search after the other by themselves: one that had to be handed the next by the event loop
    would leave its processor idle until that gets to it.
    """
    return await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, search)


async def unless_gone(receive: Receive, work: Awaitable[T], stop: Callable[[], None]) -> T | None:
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


async def last_of(events: AsyncIterator[Sent]) -> Sent:
    """The last one of at least one event."""
    async for event in events:
        last = event
    return last
