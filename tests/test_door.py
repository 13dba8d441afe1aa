"""`from rag import …`: every public name is there, typed, documented, loaded only when asked for."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import HashEncoder
from service import running
from small_newsqa import HARBOUR

import rag
from rag import Answer, Client, Event, NewsQA, Settings, errors
from rag.cli import main
from rag.errors import RagError
from rag.types import Filters, SummaryOptions

SOURCE = Path(rag.__file__).read_text(encoding="utf-8")


def typed_names() -> set[str]:
    """What a type checker sees: the names imported for it."""
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports if str(node.module).startswith("rag.") for alias in node.names}


@pytest.mark.parametrize("name", rag.__all__)
def test_every_public_name_opens(name: str) -> None:
    assert getattr(rag, name) is not None


def test_type_checkers_see_every_public_name() -> None:
    assert typed_names() | {"__version__"} == set(rag.__all__)


def test_public_names_are_sorted_and_listed() -> None:
    assert rag.__all__ == sorted(rag.__all__)
    assert dir(rag) == sorted(rag.__all__)


def test_every_error_is_public() -> None:
    kinds = {
        name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, RagError)
    }
    assert kinds <= set(rag.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="NoSuchThing"):
        rag.NoSuchThing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", ["NewsQA", "Client", "AsyncClient"])
def test_every_public_method_says_what_it_does(name: str) -> None:
    methods = inspect.getmembers(getattr(rag, name), callable)
    silent = [
        method for method, member in methods if not method.startswith("_") and not inspect.getdoc(member)
    ]
    assert silent == []


def test_newsqa_and_client_share_names_and_parameters() -> None:
    for name in ("ask", "stream", "search", "summarise", "articles", "article", "delete", "close"):
        parameters = inspect.signature(getattr(rag.NewsQA, name)).parameters
        ours = [one for one in parameters if one != "progress"]  # is told inside the process only
        theirs = list(inspect.signature(getattr(rag.Client, name)).parameters)
        assert sorted(ours) == sorted(theirs), name


def test_what_may_be_said_of_a_summary_stands_once() -> None:
    taken = inspect.signature(rag.NewsQA.stream_summary).parameters
    ours = {*taken, *Filters.model_fields} - {"self", "article_ids", "progress", "filters"}
    assert set(SummaryOptions.__annotations__) == ours


def test_every_door_gives_the_same_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data=tmp_path, llm="none")
    with NewsQA.open(settings=settings, encoder=HashEncoder(), llm=None) as qa:
        qa.add(HARBOUR)
        question = "Who opened the new harbour on Friday?"
        expected = told(qa.ask(question))
        assert expected["citations"]
        with running(qa, settings) as service, Client(service.url) as client:
            assert told(client.ask(question)) == expected
            assert told(list(client.stream(question))[-1]) == expected
            assert client.search(question, 3) == qa.search(question, 3)
            assert client.articles() == qa.articles()
            chosen = client.article(client.articles()[0].id)
        assert all(chosen.text[c["start"] : c["end"]] == c["quote"] for c in expected["citations"])
        words = ["ask", question, "--json", "--data", str(tmp_path)]
        assert main(words, opener=lambda settings, *, mend, progress: qa) == 0
        assert told(Answer.model_validate_json(capsys.readouterr().out)) == expected


def told(answer: Event) -> dict[str, Any]:
    """All of an answer but how long it took."""
    return answer.model_dump(exclude={"timings"})


def test_importing_rag_loads_nothing_else() -> None:
    code = (
        "import sys, rag; print(*[name for name in sys.modules if name.split('.')[0] in ('rag', 'pydantic')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["rag"]
