"""NewsQA as LangChain parts, so that people can plug it into chains of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rag.types import Answer, Hit

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable


class Asked(Protocol):
    """What is wrapped: `NewsQA` or anything with its two methods."""

    def search(self, question: str, k: int = 10, **filters: Any) -> list[Hit]:
        """See `NewsQA.search`."""

    def ask(self, question: str) -> Answer:
        """See `NewsQA.ask`."""


def as_retriever(qa: Asked, k: int, filters: Mapping[str, Any]) -> BaseRetriever:
    """The search of `qa` as a retriever of at most `k` passages.

    The `metadata` of a document hold every field of its `Hit` but the text.
    """
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class PassageRetriever(BaseRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun
        ) -> list[Document]:
            hits = qa.search(query, k, **filters)
            return [
                Document(page_content=hit.text, metadata=hit.model_dump(exclude={"text"})) for hit in hits
            ]

    return PassageRetriever()


def as_runnable(qa: Asked) -> Runnable[str, Answer]:
    """The `ask` of `qa` as a Runnable from question to answer."""
    from langchain_core.runnables import RunnableLambda

    def ask(question: str) -> Answer:
        return qa.ask(question)

    return RunnableLambda(ask)
