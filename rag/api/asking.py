"""The endpoints that ask: answers, chats, searches, drafts, summaries."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rag.api.asked import Asked, Patience, in_turn, searched, unless_gone
from rag.api.bodies import (
    AskRequest,
    ChatRequest,
    Hits,
    SearchRequest,
    SummariseRequest,
    VerifyRequest,
    given,
)
from rag.api.streams import Frames, described, frames_for, reply
from rag.api.visits import Reading, Visit
from rag.guard import CLIENT_GONE
from rag.traces import stage
from rag.types import Answer, DraftCheck, Message, Summary

_ANSWER = described("Evidence", "Statement", "Answer")
_SUMMARY = described("Statement", "Summary")

routes = APIRouter()


@routes.post("/v1/ask", response_model=Answer, responses=_ANSWER, tags=["ask"])
async def ask(body: AskRequest, request: Request, visit: Reading) -> Answer | Response:
    """The verified answer, or with `stream` its events: evidence, statement …, answer; error if it breaks off."""
    frames = frames_for(request, body.stream)
    return await answered(request, visit, body.question, body.history, given(body), frames)


@routes.post("/v1/chat", response_model=Answer, responses=_ANSWER, tags=["ask"])
async def chat(body: ChatRequest, request: Request, visit: Reading) -> Answer | Response:
    """The answer to the user's last turn; its `question` is the one that was understood, which stands alone."""
    question, history = body.question_and_history()
    frames = frames_for(request, body.stream)
    return await answered(request, visit, question, history, given(body), frames)


@routes.post("/v1/search", response_model=Hits, tags=["ask"])
async def search(body: SearchRequest, request: Request, visit: Reading) -> Response:
    """The nearest passages, nearest first."""

    def found() -> str:
        with stage("search"):
            hits = visit.qa.search(body.question, k=body.k, **given(body))
        return Hits(hits=hits).model_dump_json()

    told = await searched(request.app.state.searchers, found)
    return Response(told, media_type="application/json")


@routes.post("/v1/verify", response_model=DraftCheck, tags=["ask"])
async def verify(body: VerifyRequest, request: Request, visit: Reading) -> DraftCheck | Response:
    """Each statement of a draft: supported, contradicted or not found, with citations. No language model is asked."""
    state = request.app.state
    patience = Patience(state.settings.deadline)

    def checked() -> DraftCheck:
        with stage("verify"):
            return visit.qa.verify(body.text, progress=patience.check, **given(body))

    # In line all the same: a long draft keeps a processor busy for as long as an answer does.
    working = in_turn(state.line.enter(visit.caller.id), patience, checked)
    return await unless_gone(request.receive, working, patience.end) or Response(status_code=CLIENT_GONE)


@routes.post("/v1/summarise", response_model=Summary, responses=_SUMMARY, tags=["ask"])
async def summarise(body: SummariseRequest, request: Request, visit: Reading) -> Summary | Response:
    """A cited summary, or with `stream` its events: statement …, summary; error if it breaks off."""
    state = request.app.state
    # A summary that is late ends by itself and says what it lacks.
    patience = Patience(2 * state.settings.deadline)
    asked = Asked(
        lambda: visit.qa.stream_summary(
            body.article_ids or None,
            query=body.query,
            k=body.k,
            focus=body.focus,
            form=body.form,
            sentences=body.sentences,
            words=body.words,
            language=body.language or None,
            written_in=body.written_in,
            deadline=min(body.deadline or state.settings.deadline, state.settings.deadline),
            progress=patience.check,
            **given(body, "article_ids", "language"),
        ),
        state.line.enter(visit.caller.id),
        patience,
        reads_first=True,
        meter=state.meter,
    )
    summary = await reply(request, asked, frames_for(request, body.stream))
    assert isinstance(summary, Summary | Response)
    return summary


async def answered(
    request: Request,
    visit: Visit,
    question: str,
    history: tuple[Message, ...],
    filters: dict[str, Any],
    frames: Frames | None,
) -> Answer | Response:
    """The answer, or with `frames` a stream of its events."""
    state = request.app.state
    asked = Asked(
        lambda: visit.qa.stream(question, history=history, **filters),
        state.line.enter(visit.caller.id),
        Patience(state.settings.deadline),
        reads_first=bool(history),
        meter=state.meter,
    )
    answer = await reply(request, asked, frames)
    assert isinstance(answer, Answer | Response)
    return answer
