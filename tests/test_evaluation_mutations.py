"""The evaluation itself: every broken answer is caught, right ones in other words pass."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def mutations() -> Any:
    folder = str(Path(__file__).parent.parent / "eval")
    sys.path.insert(0, folder)
    try:
        return import_module("mutations")
    finally:
        sys.path.remove(folder)


def test_broken_answers_are_caught_and_right_ones_pass(mutations: Any) -> None:
    groups = mutations.judged()
    assert len(groups["broken"]) >= 40
    assert len(groups["right"]) >= 30
    assert [entry["what"] for entry, judgement in groups["broken"] if not judgement.faults] == []
    refused = [entry["says"] for entry, judgement in groups["right"] if judgement.faults]
    assert len(refused) <= mutations.MOST_REFUSED, refused


def test_the_check_is_a_command_with_an_exit_code(mutations: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert mutations.main() == 0
    assert "broken answers caught: 4" in capsys.readouterr().out
