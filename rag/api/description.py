"""The OpenAPI description, with the errors that every request may get."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from rag import __version__
from rag.api.bodies import (
    ArticleList,
    CollectionList,
    Deletions,
    ErrorBody,
    ErrorDetail,
    Health,
    Hits,
    JobList,
    OpenAIErrorBody,
    OpenAIErrorDetail,
)
from rag.api.refusals import OPENAI_PATHS
from rag.api.visits import COLLECTION_HEADER
from rag.completions import Links, ModelList, completion
from rag.jobs import Job
from rag.keys import COLLECTION, DEFAULT_COLLECTION
from rag.types import (
    AddReport,
    Answer,
    Article,
    Checked,
    CheckReport,
    Citation,
    Confidence,
    Deletion,
    DraftCheck,
    Evidence,
    FoundBy,
    Hit,
    Sentence,
    Statement,
    Status,
    Summary,
    Verdict,
)

_CITED = Citation(
    number=1,
    article_id="b6c64d2e30dc9b34",
    revision="6da375c5fec1a796",
    start=37,
    end=80,
    quote="The mayor opened the new harbour on Friday.",
    title="A harbour – at last",
    source="Example Times",
    url="https://example.org/harbour",
    published=datetime(2025, 3, 7, tzinfo=UTC),
)
_PROVEN = Statement(text=_CITED.quote, citations=(_CITED,), verdict=Verdict.SUPPORTED, support=0.97)
_FOUND = Hit(
    kind="passage",
    first=0,
    last=1,
    text=f"The old bridge was closed in March.\n\n{_CITED.quote}",
    score=0.91,
    found_by=FoundBy.BOTH,
    language="en",
    **_CITED.model_dump(exclude={"number", "quote", "start"}),
    start=0,
)
_TOLD: dict[str, Any] = {
    "language": "en",
    "statements": (_PROVEN,),
    "text": f"{_CITED.quote} [1]",
    "citations": (_CITED,),
    "fingerprint": "0f3c5a7e9b1d",
}
_ANSWER = Answer(
    status=Status.ANSWERED,
    question="Who opened the harbour?",
    confidence=Confidence(value=0.93, signals={"similarity": 0.91, "coverage": 1.0, "yes": 0.97}),
    timings={"search": 0.02},
    **_TOLD,
)
_ARTICLE = Article(
    id=_CITED.article_id,
    text=_FOUND.text,
    sentences=(Sentence(n=0, start=0, end=35), Sentence(n=1, start=_CITED.start, end=_CITED.end)),
    **_CITED.model_dump(include={"revision", "title", "source", "url", "published"}),
    language="en",
)
_DRAFTED = Checked(
    text="The mayor opened the harbour on Friday.",
    start=0,
    end=39,
    verdict=Verdict.SUPPORTED,
    support=0.93,
    citations=(_CITED,),
)
_DELETED = Deletion(
    article_id=_CITED.article_id, revisions=1, sentences=2, passages=1, vectors=1, proven=True
)
_JOB = Job(id="5f0c2a9e1b7d4c38", state="running", done=120, total=1_000)
_NOT_THERE = "No article has the id 'nobody'."
# What comes back, as an example of each noun.
_EXAMPLES: tuple[BaseModel, ...] = (
    _ANSWER,
    Summary(status=Status.ANSWERED, covered=0.4, article_ids=(_CITED.article_id,), **_TOLD),
    Evidence(question="Who opened the harbour?", hits=(_FOUND,)),
    _PROVEN,
    Hits(hits=[_FOUND]),
    DraftCheck(language="en", statements=(_DRAFTED,), citations=(_CITED,)),
    _ARTICLE,
    ArticleList(
        articles=[_ARTICLE.model_copy(update={"text": "", "sentences": ()})], total=1, sources=[_CITED.source]
    ),
    AddReport(added=(_CITED.article_id,)),
    _DELETED,
    Deletions(deleted=[_DELETED], not_found=["nobody"]),
    CheckReport(ok=True, articles=1, passages=1, vectors=1),
    CollectionList(collections=["press", "sports"], home="press"),
    _JOB,
    JobList(jobs=[_JOB]),
    completion(_ANSWER, Links("http://127.0.0.1:8000")),
    ModelList(),
    Health(),
    ErrorBody(
        error=ErrorDetail(code="article_not_found", message=_NOT_THERE, hint="`rag list` shows the ids.")
    ),
    OpenAIErrorBody(
        error=OpenAIErrorDetail(
            message="There is no model 'gpt-99'. Use 'rag'.",
            type="invalid_request_error",
            param=None,
            code="not_found",
        )
    ),
)


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI schema, with the errors that every request may get in the shape that this service gives them."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title="rag",
        version=__version__,
        description="Ask news articles; every statement comes with the sentence that proves it.",
        routes=app.routes,
    )
    parts = schema["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        parts.pop(unused, None)
    for model in (ErrorBody, OpenAIErrorBody, Evidence):
        described = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        parts |= described.pop("$defs")
        parts[model.__name__] = described
    for part in parts.values():
        _leave_bytes_untyped(part)
    for example in _EXAMPLES:
        parts[type(example).__name__]["examples"] = [example.model_dump(mode="json")]
    schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, methods in schema["paths"].items():
        name = "OpenAIErrorBody" if path in OPENAI_PATHS else "ErrorBody"
        error = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = {"description": "The request cannot be done.", "content": error}
            operation["responses"]["5XX"] = {"description": "The service cannot do it.", "content": error}
            if path not in ("/healthz", "/readyz"):
                operation["security"] = [{}, {"key": []}]
                operation.setdefault("parameters", []).append(_COLLECTION_PARAMETER)
    app.openapi_schema = schema
    return schema


def _leave_bytes_untyped(part: dict[str, Any]) -> None:
    """A file in a form is whatever bytes it is: OpenAPI 3.1 gives it a media type and no type of JSON."""
    for field in part.get("properties", {}).values():
        items = field.get("items", {})
        if "contentMediaType" in items:
            items.pop("type", None)


_COLLECTION_PARAMETER = {
    "name": COLLECTION_HEADER,
    "in": "header",
    "required": False,
    "description": "The collection; the first one of the key if not given.",
    "schema": {"type": "string", "pattern": f"^({COLLECTION.pattern})?$", "default": DEFAULT_COLLECTION},
}
