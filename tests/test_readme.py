"""README.md tells the truth about commands, settings and files; version and changelog agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rag
from eval.readme import README, main, settings_table, with_block

ROOT = Path(__file__).resolve().parent.parent


def test_commands_and_settings_are_current() -> None:
    assert main(["--check"]) == 0, "run `make readme`"


def test_the_settings_table_holds_no_home_folder() -> None:
    assert str(Path.home()) not in settings_table()


def test_the_demo_block_holds_real_output() -> None:
    block = README.read_text(encoding="utf-8").split("<!-- demo -->")[1].split("<!-- /demo -->")[0]
    assert "[1]" in block, "run `make readme`"


def test_every_module_stands_in_the_file_map() -> None:
    text = README.read_text(encoding="utf-8")
    modules = [path.name for path in (ROOT / "rag").glob("*.py") if not path.name.startswith("__")]
    assert [name for name in modules if f"  {name} " not in text] == []


def test_the_file_map_names_no_file_that_is_not_there() -> None:
    named = re.findall(r"^  (\w+\.py) ", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in named if not (ROOT / "rag" / name).exists()] == []


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z]+)\b", README.read_text(encoding="utf-8")))
    assert [target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_changelog_speaks_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(rag.__version__)}\b", changelog, re.MULTILINE)


def test_missing_marks_are_an_error() -> None:
    with pytest.raises(ValueError, match="needs the marks"):
        with_block("no marks here", "demo", "text")
