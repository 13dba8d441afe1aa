"""The workflow to copy: YAML that a hosted CI reads, with commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag.cli import main

WORKFLOW = Path(__file__).resolve().parent.parent / "eval" / "github-workflow.yml"


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["facts"][
        "steps"
    ]
    return found


def commands() -> list[list[str]]:
    """The words of every `rag …` in the steps."""
    parts = [part.strip() for step in steps() for part in step.get("run", "").split("&&")]
    return [shlex.split(part)[1:] for part in parts if part.startswith("rag ")]


def test_pull_requests_replay_and_every_night_the_model_is_asked() -> None:
    whole = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert {"pull_request", "schedule"} <= set(whole[True])  # YAML reads `on` so
    runs = {step.get("if", ""): step["run"] for step in steps() if "eval run" in step.get("run", "")}
    assert "--replay" in runs["github.event_name == 'pull_request'"]
    nightly = runs["github.event_name != 'pull_request'"]
    assert "--runs 3" in nightly and "--history history" in nightly and "--replay" not in nightly


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words[:3]))
def test_every_option_of_the_workflow_exists(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    name = list(words)[: 1 if words[0] not in {"eval", "models"} else 2]
    assert main([*name, "--help"]) == 0
    known = re.findall(r"--[a-z]+", capsys.readouterr().out)
    assert {word for word in words if word.startswith("--")} <= set(known)
