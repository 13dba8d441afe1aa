"""SIGKILL at fifty random moments: nothing acknowledged is lost, nothing half-written is found."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import HashEncoder

from rag.errors import ArticleNotFound
from rag.index import Index, open_index

HERE = Path(__file__).resolve().parent
KILLS = 50
KILLS_PER_FOLDER = 10


class Workshop:
    """The process that forks the children; see crash_child.py."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "crash_child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])},
        )

    def run_and_kill(self, folder: Path, seed: int, seconds: float) -> list[str]:
        """What a child said that was killed `seconds` after it had opened the index, or while it opened."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{folder} {seed}\n")
        process.stdin.flush()
        said = []
        child = 0
        for line in process.stdout:
            word, *rest = line.split()
            if word == "ended":
                return said
            if word == "child":
                child = int(rest[0])
            else:
                said.append(line.strip())
            if child and ("open" in said or seconds < 0):
                time.sleep(abs(seconds))
                os.kill(child, signal.SIGKILL)
                child = 0
        raise AssertionError("the workshop ended by itself")

    def close(self) -> None:
        """Ends the workshop; its last child is dead already."""
        self._process.communicate(timeout=10)


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    opened = Workshop()
    yield opened
    opened.close()


def acknowledged(said: list[str], safe: set[str]) -> tuple[set[str], set[str]]:
    """Ids that must be there and ids that must not, after these words; `safe` were there before."""
    gone: set[str] = set()
    for line in said:
        word, *ids = line.split()
        if word == "added":
            safe, gone = safe | set(ids), gone - set(ids)
        if word == "deleting":  # it may be gone or not until it is said to be
            safe = safe - set(ids)
        if word == "deleted":
            gone = gone | set(ids)
    return safe, gone


def found_whole(index: Index) -> set[str]:
    """Ids found on any path, after a look at whether every one of them is whole."""
    listed = {article.id for article in index.articles()}
    ids = [id_ for id_, _ in index.catalog.search_words(["harbour", "river", "storm", "2", "0"], 10_000)]
    question = index.encoder.encode_questions(["harbour"])[0]
    ids += [id_ for id_, _ in index.vectors.query(question, max(1, index.vectors.count()))]
    passages = index.catalog.passages(ids)
    assert {passage.id for passage in passages} == set(ids)
    for passage in passages:
        article = index.article(passage.article_id)
        assert article.text[passage.start : passage.end] == passage.text
        assert article.revision == passage.revision
        assert article.sentences[-1].end == len(article.text)
    assert {passage.article_id for passage in passages} <= listed
    return listed


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_fifty_kills_lose_nothing_and_leave_nothing_half(workshop: Workshop, tmp_path: Path) -> None:
    rng = random.Random(20250218)
    taken = 0
    for kill in range(KILLS):
        folder = tmp_path / str(kill // KILLS_PER_FOLDER)
        if kill % KILLS_PER_FOLDER == 0:
            safe: set[str] = set()
        # One in eight is killed while it opens, which is when the crash before is being mended.
        seconds = -rng.uniform(0, 0.05) if rng.random() < 0.125 else rng.uniform(0, 0.25)
        said = workshop.run_and_kill(folder, seed=kill, seconds=seconds)
        safe, gone = acknowledged(said, safe)
        taken += len(safe)
        index = open_index(folder, HashEncoder())
        try:
            found = found_whole(index)
            assert safe <= found
            assert not gone & found
            for id_ in gone:
                with pytest.raises(ArticleNotFound):
                    index.article(id_)
            check = index.check(repair=False)
            assert check.ok, check.problems
            safe = found
        finally:
            index.close()
    assert taken > 0
