"""NewsQA as parts of other people's LangChain chains."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import NearEncoder, ReadingModel

from rag.errors import InputError
from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import Answer, Article, Status

QUESTION = "Wer eröffnete den neuen Hafen von Lindau?"
HARBOUR = Article(
    text="Die Bürgermeisterin Anna Roth eröffnete am 3. Mai den neuen Hafen von Lindau.",
    title="Neuer Hafen",
    source="Seeblatt",
    url="http://a.example/hafen",
    published="2025-05-04",
    language="de",
)
STRIKE = Article(
    text="Am Montag streikten rund 900 Fahrer in Ulm.",
    title="Streik",
    source="Donaupost",
    url="http://a.example/ulm",
    language="de",
)


@pytest.fixture(scope="module")
def qa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewsQA]:
    folder: Path = tmp_path_factory.mktemp("data")
    model = ReadingModel("Anna Roth")
    with NewsQA.open(folder, settings=Settings(llm="none"), encoder=NearEncoder(), llm=model) as opened:
        opened.add([HARBOUR, STRIKE])
        yield opened


def test_documents_are_the_passages_of_a_search(qa: NewsQA) -> None:
    documents = qa.as_retriever().invoke(QUESTION)
    hits = qa.search(QUESTION)
    assert [document.page_content for document in documents] == [hit.text for hit in hits]
    assert [document.metadata for document in documents] == [hit.model_dump(exclude={"text"}) for hit in hits]


def test_a_document_says_where_it_stands(qa: NewsQA) -> None:
    document = qa.as_retriever(k=1).invoke(QUESTION)[0]
    where = document.metadata
    text = qa.article(where["article_id"], where["revision"]).text
    assert text[where["start"] : where["end"]] == document.page_content
    assert (where["title"], where["url"]) == (HARBOUR.title, HARBOUR.url)


def test_a_retriever_keeps_its_number_and_filters(qa: NewsQA) -> None:
    assert len(qa.as_retriever(k=1).invoke(QUESTION)) == 1
    documents = qa.as_retriever(source="Donaupost").invoke(QUESTION)
    assert {document.metadata["source"] for document in documents} == {"Donaupost"}


@pytest.mark.parametrize(("k", "filters"), [(0, {}), (5, {"autor": "Roth"})])
def test_a_retriever_refuses_what_a_search_refuses(qa: NewsQA, k: int, filters: dict[str, str]) -> None:
    with pytest.raises(InputError):
        qa.as_retriever(k=k, **filters).invoke(QUESTION)


def test_a_runnable_gives_the_answer_of_ask(qa: NewsQA) -> None:
    answer = qa.as_runnable().invoke(QUESTION)
    assert isinstance(answer, Answer)
    asked = qa.ask(QUESTION)
    assert answer.model_dump(exclude={"timings"}) == asked.model_dump(exclude={"timings"})


def test_a_runnable_joins_a_chain(qa: NewsQA) -> None:
    chain = qa.as_runnable() | (lambda answer: answer.text)
    assert chain.invoke(QUESTION) == "Anna Roth [1]"


def test_a_runnable_takes_many_questions_in_their_order(qa: NewsQA) -> None:
    answers = qa.as_runnable().batch([QUESTION, "Wer flog gestern zum Mars?"])
    assert [answer.status for answer in answers] == [Status.ANSWERED, Status.NOT_FOUND]


def test_both_work_in_an_event_loop(qa: NewsQA) -> None:
    async def ask() -> tuple[int, str]:
        documents = await qa.as_retriever().ainvoke(QUESTION)
        answer = await qa.as_runnable().ainvoke(QUESTION)
        return len(documents), answer.text

    assert asyncio.run(ask()) == (2, "Anna Roth [1]")
