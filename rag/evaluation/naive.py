"""What people write first: the nearest passages and the question in one prompt, the reply believed as it comes.

In: an index and a language model. Out: an `Answer` that cites nothing, to hold checked answers against.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from rag.types import Answer, ChatModel, Hit, Message, Statement, Status, Verdict

_PASSAGES = 4
_MAX_TOKENS = 200
_PROMPT = (
    "Answer the question based only on the following context. Answer in the language of the question. "
    "If the context does not contain the answer, say that you don't know.\n\n{}\n\nQuestion: {}"
)
_REFUSAL = re.compile(
    r"\b(?:don['’]t know|do not know|not (?:\w+ )?(?:contain|mention|provide|specif|state)|no (?:\w+ )?information"
    r"|insufficient|wei(?:ß|ss) (?:ich )?(?:es )?nicht|nicht bekannt|keine (?:\w+ )?(?:angabe|information|antwort)"
    r"|nicht (?:\w+ )?(?:enthalten|erwähnt|angegeben|genannt))",
    re.IGNORECASE,
)


class Found(Protocol):
    """What is searched."""

    def search(self, question: str, k: int = 10, **filters: Any) -> list[Hit]:
        """The `k` nearest passages, nearest first."""


class Naive:
    """Four passages, one prompt, no check.

    Args:
        archive: what is searched.
        llm: what answers.
    """

    def __init__(self, archive: Found, llm: ChatModel) -> None:
        self._archive, self._llm = archive, llm

    def ask(self, question: str, *, history: Sequence[Message] = (), **filters: Any) -> Answer:
        """The model's reply as one statement; `not_found` where it says in words that it does not know."""
        hits = self._archive.search(question, _PASSAGES, **filters)
        prompt = _PROMPT.format("\n\n".join(hit.text for hit in hits), question)
        turn = Message(role="user", content=prompt)
        reply = self._llm.complete([*history, turn], max_tokens=_MAX_TOKENS)
        refused = not reply.text.strip() or bool(_REFUSAL.search(reply.text))
        said = Statement(text=reply.text, citations=(), verdict=Verdict.NOT_SUPPORTED, support=0.5)
        return Answer(
            status=Status.NOT_FOUND if refused else Status.ANSWERED,
            question=question,
            language="",
            statements=() if refused else (said,),
            text=reply.text,
            usage=reply.usage,
        )
