"""The plain LangChain chain that the docs compare with: stock parts, our models, a target like any other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from fakes import FakeChatModel, HashEncoder

from rag import Recording, Replay
from rag.evaluation import read_facts
from rag.types import ChatModel

pytest.importorskip("langchain_chroma")

ROOT = Path(__file__).resolve().parent.parent
TEXTS = [
    "Die Bürgermeisterin Anna Roth eröffnete am Montag den neuen Hafen.\n",
    "Der Zirkus gastiert in Köln. " * 60,
]


@pytest.fixture
def plain_chain() -> ModuleType:
    spec = spec_from_file_location("plain_chain", ROOT / "eval" / "plain_chain.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_model_reads_four_chunks_and_the_question(plain_chain: ModuleType) -> None:
    model = FakeChatModel(["Anna Roth."])
    chain = plain_chain.chain(TEXTS, HashEncoder(), model)
    found = chain.invoke("Wer eröffnete den neuen Hafen?")
    assert found["reply"].content == "Anna Roth."
    assert found["reply"].usage_metadata["input_tokens"] == 10
    chunks = [chunk.page_content for chunk in found["context"]]
    assert len(chunks) <= plain_chain.CHUNKS and all(len(chunk) <= 1000 for chunk in chunks)
    assert any("Anna Roth" in chunk for chunk in chunks)
    ((turn,),) = model.asked
    assert turn.role == "user"
    assert all(chunk in turn.content for chunk in chunks)
    assert turn.content.endswith("Question: Wer eröffnete den neuen Hafen?")
    assert model.limits == [plain_chain.MAX_TOKENS]


def test_braces_in_articles_and_questions_are_no_places(plain_chain: ModuleType) -> None:
    model = FakeChatModel(["?"])
    plain_chain.chain(["Ein {context} kam."], HashEncoder(), model).invoke("Was ist {question}?")
    assert "Ein {context} kam." in model.asked[0][0].content
    assert model.asked[0][0].content.endswith("Question: Was ist {question}?")


def test_what_the_model_said_once_answers_without_it(plain_chain: ModuleType, tmp_path: Path) -> None:
    live, again = FakeChatModel(["Anna Roth."]), FakeChatModel([])
    path = tmp_path / "plain_chain.jsonl"
    question = "Wer eröffnete den neuen Hafen?"
    opened: list[Callable[[], ChatModel]] = [
        lambda: Recording(live, path),
        lambda: Recording(again, path),
        lambda: Replay(path),
    ]
    said = [
        plain_chain.chain(TEXTS[:1], HashEncoder(), model()).invoke(question)["reply"].content
        for model in opened
    ]
    assert said == ["Anna Roth."] * 3
    assert (len(live.asked), len(again.asked)) == (1, 0)


@pytest.mark.models
def test_the_facts_that_both_are_asked_have_recorded_replies(plain_chain: ModuleType) -> None:
    facts = [fact for fact in read_facts(ROOT / "eval" / "facts.yaml").facts if "plain-chain" in fact.tags]
    assert len(facts) == 20
    assert all(plain_chain.replayed(fact.question)["text"] for fact in facts)
