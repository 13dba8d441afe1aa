"""A question on its way: its turn, its events from threads, its end when nobody is left to hear it.

What searches runs in a thread pool. What needs the language model waits in line in the event loop, where waiting costs
nothing, and is stopped when its caller hangs up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any, TypeVar

from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive

from rag.errors import ModelTimeout
from rag.llm import nobody_waits
from rag.meter import Meter
from rag.traces import stage
from rag.types import Answer, Event, Summary
from rag.waiting import Place

T = TypeVar("T")

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
                await self._turn()
            events = await run_in_threadpool(self._open)
            event = await self._next(events)
            while event is not None:
                if isinstance(event, Answer):
                    self._meter.answer(event)
                yield event
                if not isinstance(event, Answer):
                    await self._turn()
                event = await self._next(events)
        finally:
            self.stop()
            if events is not None:
                close = getattr(events, "close", None)
                if close is not None:
                    close()
            self._place.leave()

    async def _turn(self) -> None:
        if not self._place.came.done():
            with stage("wait"):
                await self._place.turn()

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
