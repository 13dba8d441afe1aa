"""Measuring: what the figures say, on small numbers; speeds themselves are not tested."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from fakes import HashEncoder
from hypothesis import given
from hypothesis import strategies as st

from rag import bench
from rag.bench import BenchReport, DrawnEncoder, Figure, Press, percentile
from rag.errors import InputError, RagError
from rag.sentences import detect_language, split_sentences
from rag.settings import Settings
from rag.types import Article


def silence(done: int, total: int, what: str) -> None:
    """Progress that nobody reads."""


def figure(value: float, limit: float | None, *, at_least: bool = False) -> Figure:
    return bench._figure("part", "a figure", value, "s", limit, at_least=at_least)


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "passed"),
    [
        (1.0, 2.0, False, True),
        (2.0, 2.0, False, True),
        (2.1, 2.0, False, False),
        (0.84, 0.85, True, False),
        (0.85, 0.85, True, True),
        (9.9, None, False, True),
    ],
)
def test_a_figure_keeps_its_limit_or_misses_it(
    value: float, limit: float | None, at_least: bool, passed: bool
) -> None:
    assert figure(value, limit, at_least=at_least).passed is passed


def test_the_table_shows_value_limit_and_what_was_missed() -> None:
    report = BenchReport(figures=(figure(1, 2), figure(3, 2), figure(7, None)), cpus=2, seconds=9)
    kept, missed, informed, *_ = report.table().splitlines()
    assert "1.00 s" in kept
    assert "≤ 2.00 s" in kept
    assert kept.endswith("kept")
    assert missed.endswith("MISSED")
    assert informed.endswith("7.00 s")
    assert not report.passed


def test_a_report_is_serialisable() -> None:
    report = BenchReport(figures=(figure(1, 2),), cpus=2, seconds=9)
    assert BenchReport.model_validate_json(report.model_dump_json()) == report


def test_unknown_parts_are_refused() -> None:
    with pytest.raises(InputError, match="'speed'"):
        bench.run(Settings(), parts={"speed", "start"})
    with pytest.raises(InputError, match="nothing"):
        bench.run(Settings(), parts=())


def test_the_start_of_new_processes_is_timed() -> None:
    figures = bench.starting(silence, starts=1)
    assert [(one.name, one.limit) for one in figures] == [("rag --help", 0.5), ("import rag", 0.5)]
    assert all(one.value > 0 for one in figures)


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_measured_value_that_enough_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_generated_articles_are_the_same_in_every_run() -> None:
    first, again = (list(Press(Random(1)).articles(3)) for _ in range(2))
    assert first == again
    assert len({article.text for article in first}) == 3


def test_generated_articles_read_like_german() -> None:
    article = next(Press(Random(1)).articles(1))
    assert detect_language(article.text) == "de"
    assert len(split_sentences(article.text, "de")) == article.text.count(".")


def test_drawn_vectors_have_length_one_and_questions_are_encoded() -> None:
    encoder = DrawnEncoder(HashEncoder())
    vectors = encoder.encode_passages(["one", "two", "three"])
    assert vectors.shape == (3, 64)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(encoder.encode_questions(["one"]), HashEncoder().encode_questions(["one"]))


def test_searching_measures_with_and_without_filter(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", llm="none")
    figures = bench.searching(HashEncoder(), settings, silence, articles=10, searches=4)
    assert [one.unit for one in figures] == ["ms"] * 3
    assert all(one.value > 0 for one in figures)
    assert not (tmp_path / "data").exists()


def test_indexing_compares_with_the_encoder_alone(tmp_path: Path) -> None:
    speed, share = bench.indexing(
        HashEncoder(), Settings(data=tmp_path / "data"), silence, articles=4, rounds=1
    )
    assert speed.value > 0
    assert 0 < share.value < 1
    assert share.at_least


def test_remixed_articles_differ_and_hold_sentences_of_the_demo_articles() -> None:
    articles = bench._remixed(Settings(), HashEncoder(), 5)
    assert all(isinstance(article, Article) and article.language == "de" for article in articles)
    assert len({article.text for article in articles}) == 5


def test_answers_without_a_language_model_are_timed() -> None:
    wholes = bench.asking(Settings(llm="none"), ["Wer nahm teil?"], silence, encoder=HashEncoder())
    assert [one.name for one in wholes][:2] == ["ask, median", "ask, 95th percentile"]


def test_resident_memory_grows_by_what_is_allocated() -> None:
    grown = (  # in a process of its own: a large one may hand out memory that it holds already
        "import numpy as np; from rag.bench import resident_bytes\n"
        "before = resident_bytes(); block = np.ones(200_000_000, dtype=np.uint8)\n"
        "print(resident_bytes() - before if block.any() else 0)"
    )
    told = subprocess.run([sys.executable, "-c", grown], capture_output=True, text=True, check=True)
    assert int(told.stdout) > 150_000_000


def test_a_child_that_fails_is_named() -> None:
    with pytest.raises(RagError, match="no-such-program"):
        bench._finished([os.path.join(os.sep, "no-such-program")])
