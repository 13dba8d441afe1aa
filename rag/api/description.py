"""The OpenAPI description, with the errors that every request may get."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rag import __version__
from rag.api.bodies import ErrorBody, OpenAIErrorBody
from rag.api.refusals import OPENAI_PATHS
from rag.api.visits import COLLECTION_HEADER
from rag.keys import COLLECTION, DEFAULT_COLLECTION
from rag.types import Evidence


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
