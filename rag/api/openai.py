"""OpenAI's endpoints, for the clients that everybody has."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from rag.api.asked import Sent
from rag.api.asking import answered
from rag.api.bodies import given
from rag.api.refusals import OPENAI_PATHS, told
from rag.api.streams import Frames, described_as, frame
from rag.api.visits import Reading
from rag.completions import (
    MODEL_NAME,
    ChatCompletion,
    ChatCompletionRequest,
    Chunks,
    Links,
    ModelList,
    completion,
    question_and_history,
)
from rag.errors import RagError
from rag.types import Answer

_CHUNKS = described_as({"required": ["data"], "properties": {"data": {"type": "string"}}})

log = logging.getLogger(__name__)
routes = APIRouter()


@routes.get("/v1/models", tags=["openai"])
def models(visit: Reading) -> ModelList:
    """The one model that OpenAI's clients can choose."""
    return ModelList()


@routes.post("/v1/chat/completions", response_model=ChatCompletion, responses=_CHUNKS, tags=["openai"])
async def chat_completions(
    body: ChatCompletionRequest, request: Request, visit: Reading
) -> ChatCompletion | Response:
    """The answer to the last user message, with its sources where every client shows them: in the text."""
    if body.model != MODEL_NAME:
        raise HTTPException(404, f"There is no model {body.model!r}. Use {MODEL_NAME!r}.")
    question, history = question_and_history(body.messages)
    base = request.app.state.settings.public_url or str(request.base_url)
    links = Links(base, visit.collection if visit.collection != visit.caller.home else "")
    frames: Frames | None = None
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        chunks = Chunks(links, with_usage=with_usage)

        def frames(first: Sent, events: AsyncIterator[Sent]) -> AsyncIterator[str]:
            return _chunk_frames(first, events, chunks)

    answer = await answered(request, visit, question, history, given(body.filters), frames)
    return completion(answer, links) if isinstance(answer, Answer) else answer


async def _chunk_frames(first: Sent, events: AsyncIterator[Sent], chunks: Chunks) -> AsyncIterator[str]:
    yield frame(chunks.first())
    try:
        answer = first
        async for event in events:
            answer = event
    except RagError as error:
        log.error("stream: %s", error)
        yield frame(json.dumps(told(OPENAI_PATHS[0], error)))
        return
    assert isinstance(answer, Answer)
    for line in chunks.answer(answer):
        yield frame(line)
