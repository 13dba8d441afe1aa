"""pytest: `pytest --rag-facts eval/facts.yaml` makes every gold fact a test.

In: a fact file, a target; out: a test per fact, named by its id. A project says what is asked by a fixture `rag_target`
of its own. Works under pytest-xdist: every worker opens a target for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

from rag.errors import RagError
from rag.evaluation.facts import Fact, FactFile
from rag.evaluation.metrics import FactResult
from rag.evaluation.reading import read_facts
from rag.evaluation.report import explain
from rag.evaluation.runner import Asking, Target
from rag.evaluation.targets import open_target

_FACTS = pytest.StashKey[FactFile]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the options."""
    group = parser.getgroup("rag", "gold facts")
    group.addoption("--rag-facts", metavar="FILE", help="Make every gold fact of this file a test.")
    group.addoption(
        "--rag-target",
        metavar="TARGET",
        default="this",
        help="What is asked: this, a service's URL, openai:URL#MODEL, module:name or file.py:name.",
    )
    group.addoption(
        "--rag-replay", metavar="REPLIES", help="Answer with these recorded replies, without the model."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Reads the facts, so that a mistake in them is told before anything runs."""
    config.addinivalue_line("markers", "rag_fact: a gold fact (--rag-facts)")
    name = config.getoption("--rag-facts")
    if not name:
        return
    try:
        config.stash[_FACTS] = read_facts(name)
    except RagError as error:
        raise pytest.UsageError(str(error)) from error
    path = str(Path(name).resolve())
    if path not in config.args:
        config.args.append(path)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The fact file is a module with one test, which `pytest_generate_tests` multiplies."""
    name = parent.config.getoption("--rag-facts")
    if not name or file_path != Path(name).resolve():
        return None
    module: pytest.Collector = FactModule.from_parent(parent, path=file_path)
    return module


class FactModule(pytest.Module):
    """A fact file as a module of tests, so that fixtures, marks and reports work as everywhere."""

    def _getobj(self) -> ModuleType:
        module = ModuleType(self.path.stem)
        module.__file__ = str(self.path)
        vars(module)["test_fact"] = test_fact
        return module


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that wants a `rag_fact` runs once per fact."""
    if "rag_fact" not in metafunc.fixturenames:
        return
    facts = metafunc.config.stash.get(_FACTS, None)
    found = facts.facts if facts else ()
    metafunc.parametrize(
        "rag_fact", [pytest.param(one, id=one.id, marks=pytest.mark.rag_fact) for one in found]
    )


@pytest.fixture(scope="session")
def rag_facts(request: pytest.FixtureRequest) -> FactFile:
    """The fact file of --rag-facts."""
    facts = request.config.stash.get(_FACTS, None)
    if facts is None:
        pytest.skip("no --rag-facts")
    return facts


@pytest.fixture(scope="session")
def rag_target(request: pytest.FixtureRequest, rag_facts: FactFile) -> Iterator[Target]:
    """What is asked; a fixture of this name in a conftest.py replaces it."""
    name = request.config.getoption("--rag-target")
    if name != "this":
        yield open_target(name, rag_facts)
        return
    from rag import NewsQA, Replay

    replies = request.config.getoption("--rag-replay")
    more: dict[str, Any] = {"llm": Replay(Path(replies))} if replies else {}
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="rag-facts-"))
        qa = stack.enter_context(NewsQA.open(folder, **more))
        qa.add(rag_facts.articles)
        yield qa


@pytest.fixture(scope="session")
def rag_ask(rag_facts: FactFile, rag_target: Target) -> Callable[[Fact], FactResult]:
    """Asks the target one fact and judges the answer."""
    return Asking(rag_facts, rag_target).result


def test_fact(rag_fact: Fact, rag_ask: Callable[[Fact], FactResult]) -> None:
    """The answer to one gold fact has no fault."""
    result = rag_ask(rag_fact)
    if not result.passed:
        pytest.fail(explain(result), pytrace=False)
