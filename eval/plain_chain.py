"""What people would write instead: a plain retrieval chain out of stock LangChain parts, with the same models.

1,000-character chunks in LangChain's own vector store, four of them stuffed into the prompt. A target for `rag eval`:

    rag eval run eval/facts.yaml --target this --against eval/plain_chain.py:ask --html beside.html
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter

from rag.encoder import open_encoder
from rag.errors import SettingsError
from rag.evaluation import read_facts
from rag.llm import open_llm
from rag.settings import read_settings
from rag.types import ChatModel, Message

FACTS = Path(__file__).with_name("facts.yaml")
PROMPT = ChatPromptTemplate.from_template(
    "Answer the question based only on the following context. Answer in the language of the question. "
    "If the context does not contain the answer, say that you don't know.\n\n{context}\n\nQuestion: {question}"
)


class SameEncoder(Embeddings):
    """The encoder of the settings, for LangChain."""

    def __init__(self) -> None:
        self._encoder = open_encoder(read_settings())

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector per text."""
        return [row.tolist() for row in self._encoder.encode_passages(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        vector: list[float] = self._encoder.encode_questions([text])[0].tolist()
        return vector


@cache
def _store() -> InMemoryVectorStore:
    texts = [Document(page_content=text) for text in read_facts(FACTS).texts]
    chunks = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100).split_documents(texts)
    return InMemoryVectorStore.from_documents(chunks, SameEncoder())


@cache
def _model() -> ChatModel:
    model = open_llm(read_settings())
    if model is None:
        raise SettingsError("RAG_LLM = 'none' writes no answer.", hint="Name a model.")
    return model


def ask(question: str) -> dict[str, Any]:
    """The chain's answer, with the chunks it has read as its quotes."""
    chunks = _store().similarity_search(question, k=4)
    context = "\n\n".join(chunk.page_content for chunk in chunks)
    (turn,) = PROMPT.format_messages(context=context, question=question)
    reply = _model().complete([Message(role="user", content=str(turn.content))], max_tokens=300)
    return {"text": reply.text, "quotes": [chunk.page_content for chunk in chunks]}
