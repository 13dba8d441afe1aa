"""Adds articles until it is killed; says after each call which ids it was told are safe.

Started by test_crash.py. Imports once, then for every folder and seed that it reads on its standard input
forks a child that works there, so that fifty kills do not pay for fifty starts. The parent itself opens
nothing: a fork would share it.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import chromadb  # noqa: F401  loaded before the fork
from fakes import HashEncoder

from rag.index import open_index
from rag.sentences import detect_language
from rag.types import Article

WORDS = [
    "harbour",
    "minister",
    "river",
    "budget",
    "bridge",
    "winter",
    "orchard",
    "railway",
    "museum",
    "storm",
]


def text_of(rng: random.Random) -> str:
    """A text of 1 to 40 sentences that nobody has written before."""
    serial = rng.randrange(10**9)
    lines = [
        " ".join(["The", *rng.choices(WORDS, k=9)]) + f" {serial} {n}." for n in range(rng.randint(1, 40))
    ]
    return " ".join(lines)


def say(line: str) -> None:
    """A whole line in one write, straight to the pipe: what was said was said before the kill."""
    os.write(1, f"{line}\n".encode())


def work(folder: Path, seed: int) -> None:
    """Adds, revises and deletes, and now and then rebuilds, until somebody ends it."""
    rng = random.Random(seed)
    spent: set[str] = set()  # what was deleted does not come back, so that it must stay gone
    index = open_index(folder, HashEncoder())
    say("open")
    while True:
        known = [article.id for article in index.articles()]
        if known and rng.random() < 0.1:
            doomed = rng.choice(known)
            spent.add(index.article(doomed).url)
            say(f"deleting {doomed}")
            index.delete(doomed)
            say(f"deleted {doomed}")
        elif rng.random() < 0.05:
            index.rebuild()
        else:
            urls = {f"http://a.example/{rng.randrange(400)}" for _ in range(rng.randint(1, 12))} - spent
            report = index.add([Article(text=text_of(rng), url=url, language="en") for url in sorted(urls)])
            say(f"added {' '.join((*report.added, *report.revised))}")


def main() -> None:
    """Forks one child per line `folder seed`, and says its process id first and `ended` at last."""
    detect_language("Loaded before the fork.")
    for line in sys.stdin:
        folder, seed = line.split()
        child = os.fork()
        if child == 0:
            work(Path(folder), int(seed))
        say(f"child {child}")
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main()
