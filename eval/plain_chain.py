"""What people would write instead: a plain retrieval chain out of stock LangChain parts, with the same models.

1,000-character chunks in Chroma, four of them stuffed into the prompt, one call of the model. Targets for `rag eval`:
`ask` keeps the replies in plain_chain.jsonl and asks for none that stands there, `replayed` needs no model.

    rag eval run eval/facts.yaml --tag plain-chain --against eval/plain_chain.py:ask --html beside.html
    rag eval run eval/facts.yaml --tag plain-chain --replay eval/replies.jsonl --against eval/plain_chain.py:replayed
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from chromadb.config import Settings as ChromaSettings
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.prompt_values import PromptValue
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel, RunnablePassthrough
from langchain_text_splitters import RecursiveCharacterTextSplitter

from rag.encoder import open_encoder
from rag.errors import SettingsError
from rag.evaluation import read_facts
from rag.llm import open_llm
from rag.replay import Recording, Replay
from rag.settings import read_settings
from rag.types import ChatModel, Encoder, Message

FACTS = Path(__file__).with_name("facts.yaml")
REPLIES = Path(__file__).with_name("plain_chain.jsonl")
CHUNKS = 4
MAX_TOKENS = 300
PROMPT = ChatPromptTemplate.from_template(
    "Answer the question based only on the following context. Answer in the language of the question. "
    "If the context does not contain the answer, say that you don't know.\n\n{context}\n\nQuestion: {question}"
)
_ROLES = {"human": "user", "ai": "assistant", "system": "system"}


class SameEncoder(Embeddings):
    """The encoder of the settings, for LangChain."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector per text."""
        return [row.tolist() for row in self._encoder.encode_passages(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        vector: list[float] = self._encoder.encode_questions([text])[0].tolist()
        return vector


def same_model(model: ChatModel) -> Runnable[PromptValue, AIMessage]:
    """The language model of the settings, for LangChain."""

    def say(prompt: PromptValue) -> AIMessage:
        turns = [
            Message.model_validate({"role": _ROLES[turn.type], "content": str(turn.content)})
            for turn in prompt.to_messages()
        ]
        reply = model.complete(turns, max_tokens=MAX_TOKENS)
        read, said = reply.usage.prompt_tokens, reply.usage.output_tokens
        spent = UsageMetadata(input_tokens=read, output_tokens=said, total_tokens=read + said)
        return AIMessage(content=reply.text, usage_metadata=spent)

    return RunnableLambda(say)


def chain(texts: list[str], encoder: Encoder, model: ChatModel) -> Runnable[str, dict[str, Any]]:
    """Question in; out a mapping with `context`, the chunks that were read, and `reply`."""
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100)
    chunks = splitter.split_documents([Document(page_content=text) for text in texts])
    store = Chroma.from_documents(
        chunks,
        SameEncoder(encoder),
        collection_name=f"plain-{uuid4().hex}",  # Chroma in memory is one for the whole process
        client_settings=ChromaSettings(anonymized_telemetry=False),
    )
    read = RunnableParallel(
        context=store.as_retriever(search_kwargs={"k": CHUNKS}), question=RunnablePassthrough()
    )
    stuffed = RunnablePassthrough.assign(
        context=lambda found: "\n\n".join(chunk.page_content for chunk in found["context"])
    )
    reply = stuffed | PROMPT | same_model(model)
    whole: Runnable[str, dict[str, Any]] = read | RunnablePassthrough.assign(reply=reply)
    return whole


def recorded() -> ChatModel:
    """The model of the settings; its replies are kept.

    Raises:
        SettingsError: the settings name none.
    """
    model = open_llm(read_settings())
    if model is None:
        raise SettingsError("RAG_LLM = 'none' writes no answer.", hint="Name a model.")
    return Recording(model, REPLIES)


@cache
def _chain(live: bool) -> Runnable[str, dict[str, Any]]:
    model = recorded() if live else Replay(REPLIES)
    return chain(list(read_facts(FACTS).texts), open_encoder(read_settings()), model)


def ask(question: str) -> dict[str, Any]:
    """The chain's answer, with the chunks it has read as its quotes."""
    return _told(_chain(live=True).invoke(question))


def replayed(question: str) -> dict[str, Any]:
    """The same with the replies that were kept, without the model."""
    return _told(_chain(live=False).invoke(question))


def _told(found: dict[str, Any]) -> dict[str, Any]:
    spent = found["reply"].usage_metadata
    return {
        "text": found["reply"].content,
        "quotes": [chunk.page_content for chunk in found["context"]],
        "prompt_tokens": spent["input_tokens"],
        "output_tokens": spent["output_tokens"],
    }
