"""Rows and a seed -> a sample of them. Of one seed, a smaller sample is part of every larger one.

So what was measured on few rows can be held against what is measured on more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TypeVar

Row = TypeVar("Row")


def sample(rows: Sequence[Row], n: int, seed: int, part: Callable[[Row], str] = lambda _: "") -> list[Row]:
    """`n` of the rows in the order they are drawn, as many of every part; all if `n` is 0 or too large.

    The same for the same seed, and every larger sample, that of all rows too, begins with the smaller one.
    """
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(part(row), []).append(row)
    turns = [
        (turn, row)
        for own in parts.values()
        for turn, row in enumerate(random.Random(seed).sample(own, len(own)))
    ]
    turns.sort(key=itemgetter(0))
    return [row for _, row in turns[: n or None]]


def in_order(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    """The same sample in the order of the rows."""
    return [rows[place] for place in sorted(sample(range(len(rows)), n, seed))]
