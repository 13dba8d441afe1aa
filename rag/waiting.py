"""A line before what only a few can have at a time, such as the language model: bounded, and fair between keys.

In: who asks. Out: a `Place`, whose turn comes. One event loop; nothing here blocks or needs a lock.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from types import TracebackType

from rag.errors import RateLimited, ServiceBusy

_FIRST_GUESS = 5.0  # seconds that a turn takes, before any was measured
_MEMORY = 0.2  # weight of the newest turn in the mean
_LONGEST = 60.0  # seconds; whoever is sent away for longer will not come back


class Place:
    """A place in the line. As a context manager it is left at the end."""

    def __init__(self, line: Line, who: str) -> None:
        self._line = line
        self.who = who
        self.came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began = 0.0

    async def turn(self) -> None:
        """Waits until the work may begin."""
        await self.came

    def leave(self) -> None:
        """Makes room for the next one. Twice is harmless."""
        self._line.leave(self)

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Line:
    """`at_once` work, up to `room` wait; of those who wait, one key after the other gets its turn.

    Args:
        at_once: what is worked on at the same time.
        room: places for those who wait.
        per_key: places that one key may take of them.
    """

    def __init__(self, at_once: int, room: int, per_key: int | None = None) -> None:
        self._at_once = at_once
        self._room = room
        self._per_key = room if per_key is None else per_key
        self._working: set[Place] = set()
        self._waiting: OrderedDict[str, deque[Place]] = OrderedDict()
        self._mean = _FIRST_GUESS

    @property
    def working(self) -> int:
        """How many have their turn."""
        return len(self._working)

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(map(len, self._waiting.values()))

    def enter(self, who: str) -> Place:
        """A place, at work at once where that is free.

        Raises:
            RateLimited: this key has too many places already. ServiceBusy: no place is left.
        """
        self.check(who)
        place = Place(self, who)
        if len(self._working) < self._at_once:
            self._begin(place)
        else:
            self._waiting.setdefault(who, deque()).append(place)
        return place

    def check(self, who: str) -> None:
        """Raises what `enter` would."""
        if len(self._working) < self._at_once:
            return
        if len(self._waiting.get(who, ())) >= self._per_key and self._per_key < self._room:
            raise RateLimited(
                f"{self._per_key} requests of this key wait already.",
                hint="Wait for one of them, then send again.",
                retry_after=self._expected(),
            )
        if self.waiting >= self._room:
            raise ServiceBusy(
                f"{self.waiting} requests wait already.",
                hint="Send again in a moment.",
                retry_after=self._expected(),
            )

    def leave(self, place: Place) -> None:
        """Takes a place out of the line, wherever it stands."""
        if place in self._working:
            self._working.remove(place)
            self._mean += _MEMORY * (time.monotonic() - place.began - self._mean)
            self._next()
            return
        queue = self._waiting.get(place.who)
        if queue and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[place.who]

    def _next(self) -> None:
        while self._waiting and len(self._working) < self._at_once:
            who, queue = next(iter(self._waiting.items()))
            place = queue.popleft()
            if queue:
                self._waiting.move_to_end(who)
            else:
                del self._waiting[who]
            if not place.came.cancelled():
                self._begin(place)

    def _begin(self, place: Place) -> None:
        place.began = time.monotonic()
        self._working.add(place)
        place.came.set_result(None)

    def _expected(self) -> float:
        """Seconds until a place is likely free."""
        return float(min(_LONGEST, max(1, math.ceil(self._mean / self._at_once))))


class Rate:
    """At most `per_minute` requests of one key, evenly refilled (token bucket); 0 allows any number."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: dict[str, tuple[float, float]] = {}  # requests left, and when that was so

    def count(self, who: str) -> None:
        """Counts one request.

        Raises:
            RateLimited: none is left for this key.
        """
        if not self._per_minute:
            return
        now = time.monotonic()
        left, at = self._left.get(who, (float(self._per_minute), now))
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        if left < 1:
            raise RateLimited(
                f"This key may send {self._per_minute} requests a minute.",
                hint="Send them more slowly.",
                retry_after=math.ceil((1 - left) * 60 / self._per_minute),
            )
        self._left[who] = (left - 1, now)
