"""The wheel works like the checkout: built offline, unpacked elsewhere, run from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from rag.resources import demo_articles

ROOT = Path(__file__).resolve().parent.parent
TRAVELS = ("rag", "prompts", "seeds", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


def _copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built without network from a copy, so that nothing is left behind in the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in TRAVELS:
        _copied(ROOT / name, copy / name)
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation"]
    run = subprocess.run(
        [*command, "--wheel-dir", str(out), str(copy)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel puts into site-packages."""
    target = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(target)
    return target


def _python(installed: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_nothing_but_rag_lands_at_the_top_level(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rag"}


def test_every_file_of_the_package_travels(installed: Path) -> None:
    assert _files(ROOT / "rag") - _files(installed / "rag") == set()


@pytest.mark.parametrize("kind", ["prompts", "seeds"])
def test_prompts_and_demo_articles_travel(installed: Path, kind: str) -> None:
    assert _files(installed / "rag" / "_data" / kind) == _files(ROOT / kind)


def test_the_licence_travels(wheel: Path) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_command_runs_outside_the_checkout(installed: Path) -> None:
    assert "ask" in _python(installed, "-m", "rag", "--help")


def test_prompts_and_demo_articles_are_found_inside_the_wheel(installed: Path) -> None:
    code = (
        "from rag.resources import demo_articles, resource; "
        "print(*demo_articles(), resource('prompts'), resource('seeds', 'README.md'), sep='\\n')"
    )
    paths = [Path(line) for line in _python(installed, "-c", code).splitlines()]
    assert len(paths) == 2 + len(demo_articles())
    assert all(path.exists() and path.is_relative_to(installed / "rag" / "_data") for path in paths)
