"""The OpenAPI description is complete and true: cases drawn from it get only responses that it describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.api import create_app
from rag.settings import Settings

HERE = {"base_url": "http://127.0.0.1", "client": ("127.0.0.1", 1), "raise_server_exceptions": False}


def service() -> TestClient:
    app = create_app(SmallNewsQA(HARBOUR, NO_ADDRESS), Settings(data=Path("/nonexistent")))  # type: ignore[arg-type]
    return TestClient(app, **HERE)  # type: ignore[arg-type]


CLIENT = service()
SCHEMA: dict[str, Any] = CLIENT.get("/openapi.json").json()
OPERATIONS = [
    (method, path) for path, methods in SCHEMA["paths"].items() for method in methods if "upload" not in path
]
SENT = [(method, path) for method, path in OPERATIONS if "requestBody" in SCHEMA["paths"][path][method]]

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        part = SCHEMA["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    return part


def body_of(method: str, path: str) -> dict[str, Any]:
    content = SCHEMA["paths"][path][method]["requestBody"]["content"]
    return resolved(content["application/json"]["schema"])


def drawn(part: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema, as far as its keywords say, a few that do not among them."""
    part = resolved(part)
    if "const" in part:
        return st.just(part["const"])
    if "enum" in part:
        return st.sampled_from(part["enum"])
    if "anyOf" in part:
        return st.one_of([drawn(one) for one in part["anyOf"]])
    kind = part.get("type")
    if kind == "object":
        required = set(part.get("required", ()))
        fields = {name: drawn(one) | ANYTHING for name, one in part.get("properties", {}).items()}
        return st.fixed_dictionaries(
            {name: value for name, value in fields.items() if name in required},
            optional={name: value for name, value in fields.items() if name not in required},
        )
    if kind == "array":
        return st.lists(drawn(part.get("items", {})), max_size=3)
    if kind == "string":
        return st.text(max_size=20) | st.sampled_from(["harbour", "2025-03-07", "rag", "user"])
    if kind in ("integer", "number"):
        return st.integers(part.get("minimum", 0), min(part.get("maximum", 50), 50))
    return {"boolean": st.booleans(), "null": st.none()}.get(str(kind), ANYTHING)


def check(method: str, path: str, response: Any) -> None:
    """The response has a status, a type and a body that the description names."""
    responses = SCHEMA["paths"][path][method]["responses"]
    status = str(response.status_code)
    described = responses.get(status) or responses.get(f"{status[0]}XX")
    assert described, f"{status} is not described"
    assert response.status_code < 500, response.text
    kind = response.headers["Content-Type"].split(";")[0]
    if "content" not in described:
        return
    assert kind in described["content"], kind
    if kind == "application/json":
        schema = described["content"][kind]["schema"] | {"components": SCHEMA["components"]}
        Draft202012Validator(schema).validate(response.json())


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize(("method", "path"), SENT)
def test_whatever_is_sent_the_response_is_one_that_is_described(
    method: str, path: str, data: st.DataObject
) -> None:
    body = data.draw(drawn(body_of(method, path)) | ANYTHING)
    target = path.replace("{article_id}", "x").replace("{job_id}", "x")
    check(method, path, CLIENT.request(method, target, json=body))


@pytest.mark.parametrize(("method", "path"), [pair for pair in OPERATIONS if pair not in SENT])
def test_what_is_read_is_as_described(method: str, path: str) -> None:
    client = service()
    one = client.get("/v1/articles").json()["articles"][0]["id"]
    for given_id in (one, "nobody", "%00", "a%2Fb"):
        target = re.sub(r"\{\w+\}", given_id, path)
        check(method, path, client.request(method, target))


@pytest.mark.parametrize("query", ["limit=-1", "offset=x", "language=de&unknown=1", "published_after=soon"])
def test_queries_that_cannot_be_used_are_errors_in_our_shape(query: str) -> None:
    response = CLIENT.get(f"/v1/articles?{query}")
    assert response.status_code == 400
    check("get", "/v1/articles", response)


@pytest.mark.parametrize(("method", "path"), SENT)
def test_every_example_of_the_description_works(method: str, path: str) -> None:
    for example in body_of(method, path).get("examples", []):
        Draft202012Validator(body_of(method, path) | {"components": SCHEMA["components"]}).validate(example)
        response = service().request(method, path, json=example)
        assert response.status_code in (200, 202), response.text


def test_every_example_of_what_comes_back_is_as_described() -> None:
    shown = {
        name: one["examples"] for name, one in SCHEMA["components"]["schemas"].items() if "examples" in one
    }
    assert {noun for noun in sent_back() if noun not in shown} == set()
    for name, examples in shown.items():
        described = {"$ref": f"#/components/schemas/{name}", "components": SCHEMA["components"]}
        for example in examples:
            Draft202012Validator(described).validate(example)
    cited = shown["Answer"][0]["citations"][0]
    whole = shown["Hits"][0]["hits"][0]["text"]
    assert whole[cited["start"] : cited["end"]] == cited["quote"]


def sent_back() -> set[str]:
    """Names of all schemas that a response is described by."""
    responses = (
        one for methods in SCHEMA["paths"].values() for operation in methods.values()
        for one in operation["responses"].values()
    )  # fmt: skip
    schemas = (kind["schema"] for one in responses for kind in one.get("content", {}).values())
    return {schema["$ref"].rsplit("/", 1)[1] for schema in schemas if "$ref" in schema}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_says_what_it_does(method: str, path: str) -> None:
    operation = SCHEMA["paths"][path][method]
    assert operation["description"] and operation["tags"] and operation["operationId"]
    if (method, path) in SENT:
        assert body_of(method, path).get("examples"), "an example helps"


def test_every_word_that_is_sent_as_json_has_a_description() -> None:
    bodies = {path: body_of(method, path) for method, path in SENT}
    assert [path for path, body in bodies.items() if not body.get("description")] == []


def test_a_body_of_another_type_and_numbers_that_are_none_are_refused() -> None:
    for content, kind in [
        (b"question=x", "application/x-www-form-urlencoded"),
        (b'{"question": NaN}', "application/json"),
        (b'{"question": "\\ud800"}', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
    ]:
        response = CLIENT.post("/v1/ask", content=content, headers={"Content-Type": kind})
        assert response.status_code == 400, (content[:20], response.text)
