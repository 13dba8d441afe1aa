"""Samples are the same for the same seed, and a smaller one is part of every larger one, whatever is sampled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ArticleNotFound
from rag.evaluation import read_labels, run
from rag.evaluation.samples import in_order, sample
from rag.types import Article, Event

ROOT = Path(__file__).resolve().parent.parent


@given(st.text("abc", min_size=1, max_size=30), st.integers(0, 40), st.integers(0, 3))
def test_every_sample_begins_with_the_smaller_ones(parts: str, n: int, seed: int) -> None:
    rows = list(enumerate(parts))
    drawn = sample(rows, n, seed, part=lambda row: row[1])
    everything = sample(rows, 0, seed, part=lambda row: row[1])
    assert len(drawn) == (min(n, len(rows)) or len(rows))
    assert everything[: len(drawn)] == drawn
    assert sorted(everything) == rows


def test_a_sample_takes_as_many_of_every_part() -> None:
    drawn = "".join(sample("a" + 9 * "b" + 9 * "c", 7, 0, part=str))
    assert (drawn.count("a"), drawn.count("b"), drawn.count("c")) == (1, 3, 3)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 3))
def test_in_order_a_smaller_sample_is_part_of_a_larger_one(size: int, n: int, more: int, seed: int) -> None:
    few, many = in_order(range(size), n, seed), in_order(range(size), n + more if n else 0, seed)
    assert set(few) <= set(many)
    assert many == sorted(many)


def labels(folder: Path) -> Callable[[int], list[str]]:
    path = folder / "labels.jsonl"
    rows = ({"claim": f"c{at}", "evidence": "e", "supported": at % 3 == 0} for at in range(120))
    path.write_text("\n".join(map(json.dumps, rows)))
    return lambda n: [one.claim for one in read_labels(path, n=n)]


@pytest.mark.parametrize(("few", "many"), [(8, 20), (40, 60), (60, 120)])
def test_labelled_claims_of_a_small_sample_are_in_a_larger_one(tmp_path: Path, few: int, many: int) -> None:
    drawn = labels(tmp_path)
    assert set(drawn(few)) < set(drawn(many))
    assert len(drawn(few)) == few


class Mute:
    """A target that says nothing."""

    def stream(self, question: str, **more: Any) -> Iterator[Event]:
        yield from ()

    def article(self, article_id: str) -> Article:
        raise ArticleNotFound(f"No article has the id {article_id!r}.")


def test_gold_facts_of_a_small_sample_are_in_a_larger_one() -> None:
    drawn = [[one.id for one in run(ROOT / "eval" / "facts.yaml", Mute(), n=n).results] for n in (20, 60, 0)]
    assert list(map(len, drawn[:2])) == [20, 60]
    assert set(drawn[0]) < set(drawn[1]) < set(drawn[2])
    assert drawn[1] == [one for one in drawn[2] if one in drawn[1]]
