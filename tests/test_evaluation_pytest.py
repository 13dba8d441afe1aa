"""Gold facts as tests: one per fact, with fixtures, also under xdist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_evaluation import fact_file

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = """
import pytest

def ask(question):
    if question == "Who came?":
        return {"text": "Anna came.", "quotes": ["Anna kam am Montag."]}
    return "I don't know." if FINE else "Seven."

@pytest.fixture(scope="session")
def rag_target(rag_facts):
    from rag.evaluation import open_target
    return open_target(f"{__file__}:ask", rag_facts)
"""
OWN = """
def test_every_fact_has_a_kind(rag_fact):
    assert rag_fact.kind

def test_plain():
    pass
"""


def pytest_in(folder: Path, *words: str, fine: bool = True) -> tuple[int, str]:
    (folder / "conftest.py").write_text(CONFTEST.replace("FINE", str(fine)), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "rag.evaluation.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "-v",
    ]
    run = subprocess.run(
        [*command, *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return run.returncode, run.stdout + run.stderr


def test_every_fact_is_a_test_with_its_id(tmp_path: Path) -> None:
    fact_file(tmp_path)
    (tmp_path / "test_own.py").write_text(OWN, encoding="utf-8")
    code, out = pytest_in(tmp_path, "--rag-facts", "facts.yaml")
    assert code == 0, out
    assert "facts.yaml::test_fact[one] PASSED" in out
    assert "test_own.py::test_every_fact_has_a_kind[two] PASSED" in out
    assert "5 passed" in out


def test_a_fact_that_does_not_hold_fails_and_tells_why(tmp_path: Path) -> None:
    fact_file(tmp_path)
    code, out = pytest_in(tmp_path, "--rag-facts", "facts.yaml", fine=False)
    assert code == 1
    assert "1 failed, 1 passed" in out
    assert "status is answered, right is not_found" in out
    assert "asked:  Wie viele?" in out


def test_facts_are_shared_out_by_xdist(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    fact_file(tmp_path)
    code, out = pytest_in(tmp_path, "-p", "xdist", "-n", "2", "--rag-facts", "facts.yaml")
    assert code == 0, out
    assert "2 passed" in out


def test_a_mistake_in_the_facts_is_told_before_anything_runs(tmp_path: Path) -> None:
    fact_file(tmp_path, "kind: who", "kin: who")
    code, out = pytest_in(tmp_path, "--rag-facts", "facts.yaml")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "line 10" in out and "kin" in out


def test_without_facts_nothing_is_different(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_plain():\n    pass\n", encoding="utf-8")
    assert pytest_in(tmp_path)[0] == 0
