"""One table from error to status, and errors in the shape that their caller reads: ours or OpenAI's."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from rag.errors import (
    AccessDenied,
    ArticleNotFound,
    CollectionNotFound,
    DocumentError,
    FetchError,
    InputError,
    JobNotFound,
    ModelError,
    ModelTimeout,
    NotAllowed,
    RagError,
    RateLimited,
    ServiceBusy,
    SettingsError,
    StoreError,
    StoreFull,
)

STATUS: dict[type[RagError], int] = {
    RagError: 500,
    InputError: 400,
    SettingsError: 500,
    ArticleNotFound: 404,
    CollectionNotFound: 404,
    JobNotFound: 404,
    AccessDenied: 401,
    NotAllowed: 403,
    DocumentError: 422,
    FetchError: 502,
    StoreError: 503,
    StoreFull: 507,
    ModelError: 503,
    ModelTimeout: 504,
    ServiceBusy: 503,
    RateLimited: 429,
}

"""The status of an error is that of its nearest parent in this table."""

OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
_SHOWN = 60  # characters of a value that are named in a message
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}

log = logging.getLogger(__name__)


def status_of(error: RagError) -> int:
    """HTTP status of an error, from `STATUS`."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _shaped(path: str, status: int, code: str, message: str, hint: str = "") -> dict[str, Any]:
    if path not in OPENAI_PATHS:
        return {"error": {"code": code, "message": message, "hint": hint}}
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": f"{message} {hint}".strip(), "type": kind, "param": None, "code": code}}


def told(path: str, error: RagError) -> dict[str, Any]:
    """The error as a client may see it; message and hint stay apart where both may be shown."""
    open_ = error.public == str(error)
    message, hint = (error.message, error.hint) if open_ else (error.public, "")
    return _shaped(path, status_of(error), error.code, message, hint)


def _headers_of(error: RagError) -> dict[str, str]:
    if isinstance(error, ServiceBusy):
        return {"Retry-After": str(max(1, round(error.retry_after)))}
    return {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else {}


async def on_rag_error(request: Request, error: Exception) -> Response:
    """One of our own errors; only those of the service itself are logged."""
    assert isinstance(error, RagError)
    status = status_of(error)
    if status >= 500 and not isinstance(error, ServiceBusy):
        log.error("%s %s: %s", request.method, _route(request), error)
    return JSONResponse(told(request.url.path, error), status, _headers_of(error))


async def on_unusable(request: Request, error: Exception) -> Response:
    """A request that is not what its endpoint takes."""
    assert isinstance(error, RequestValidationError)
    hint = f"/openapi.json describes what {_route(request)} takes."
    return await on_rag_error(request, InputError(_what_is_wrong(error.errors()[0]), hint=hint))


def _what_is_wrong(mistake: Mapping[str, Any]) -> str:
    """A mistake that pydantic found, in words: where it is, which limit it breaks, and what stood there."""
    where = ".".join(str(part) for part in mistake["loc"][1:])
    if mistake["type"] == "json_invalid":
        return "The body of the request is no JSON."
    if mistake["type"] == "missing":
        return f"{where or 'The body'} is missing in the request."
    if mistake["type"] == "extra_forbidden":
        return f"{where} is nothing that the request can hold."
    given = _short(mistake.get("input"))
    return f"In the request, {where or 'the body'} cannot be used: {mistake['msg']}, got {given}."


def _short(value: object) -> str:
    """A value as a message names it: itself where it is short, else what it is and how long."""
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{len(value)} characters"
    if isinstance(value, dict | list | tuple):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    told = json.dumps(value, ensure_ascii=False, default=lambda other: type(other).__name__)[: 2 * _SHOWN]
    return told.encode(errors="backslashreplace").decode()


async def on_http_error(request: Request, error: Exception) -> Response:
    """What the web framework or a limit refuses."""
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "invalid_input")
    shape = _shaped(request.url.path, error.status_code, code, str(error.detail))
    headers = _allowed(request) if error.status_code == 405 else {}
    return JSONResponse(shape, error.status_code, {**(error.headers or {}), **headers})


def _allowed(request: Request) -> dict[str, str]:
    """All methods of a path; the router tells those of the first endpoint that fits."""
    path, known = request.url.path, request.app.openapi()["paths"]
    templates = [path, *(one for one in known if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), path))]
    methods = next((known[one] for one in templates if one in known), None)
    return {"Allow": ", ".join(sorted(method.upper() for method in methods))} if methods else {}


async def on_anything(request: Request, error: Exception) -> Response:
    """A fault of ours."""
    # Where it came from, but not what it says: that may quote an article.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    log.error("%s %s: %s at %s", request.method, _route(request), type(error).__name__, where)
    return JSONResponse(told(request.url.path, RagError("unexpected")), 500)


def _route(request: Request) -> str:
    return getattr(request.scope.get("route"), "path", "other")
