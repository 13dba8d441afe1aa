"""Who may do what: scopes, collections, rates, and that nothing of one collection shows in another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import HashEncoder
from fastapi.testclient import TestClient
from small_newsqa import HARBOUR, SmallNewsQA

from rag.api import create_app
from rag.keys import KEYS_FILE, KeyStore, Scope
from rag.newsqa import NewsQA
from rag.settings import Settings

SECRET_TEXT = "The vault of Lindenau holds seventeen golden bells."
QUESTION = "What does the vault of Lindenau hold, golden bells?"

# Every endpoint but the open ones: method, path, body; {id} is an article of the other collection.
ENDPOINTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/ask", {"question": QUESTION}),
    ("POST", "/v1/ask", {"question": QUESTION, "stream": True}),
    ("POST", "/v1/ask", {"question": QUESTION, "article_ids": ["{id}"]}),
    ("POST", "/v1/chat", {"messages": [{"role": "user", "content": QUESTION}]}),
    ("POST", "/v1/search", {"question": QUESTION}),
    ("POST", "/v1/verify", {"text": QUESTION}),
    ("POST", "/v1/summarise", {"query": QUESTION}),
    ("POST", "/v1/summarise", {"article_ids": ["{id}"]}),
    ("GET", "/v1/articles", None),
    ("GET", "/v1/articles?text=vault", None),
    ("GET", "/v1/articles/{id}", None),
    ("DELETE", "/v1/articles/{id}", None),
    ("POST", "/v1/articles/delete", {"article_ids": ["{id}"]}),
    ("POST", "/v1/articles", {"articles": [{"text": "Nothing here."}]}),
    ("POST", "/v1/jobs", {"articles": [{"text": "Nothing here."}]}),
    ("GET", "/v1/jobs", None),
    ("GET", "/v1/jobs/{job}", None),
    ("GET", "/v1/models", None),
    ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": QUESTION}]}),
    ("GET", "/metrics", None),
    ("GET", "/v1/collections", None),
    ("POST", "/v1/check", None),
    ("POST", "/v1/rebuild", None),
]


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / KEYS_FILE)


@pytest.fixture
def client(tmp_path: Path, keys: KeyStore) -> Iterator[TestClient]:
    settings = Settings(data=tmp_path, llm="none")
    keys.add("first", Scope.READ)
    with NewsQA.open(tmp_path, settings=settings, encoder=HashEncoder(), llm=None) as qa:
        with TestClient(create_app(qa, settings), base_url="http://news.example.org") as opened:
            yield opened


def headers(keys: KeyStore, scope: Scope, *collections: str) -> dict[str, str]:
    _, secret = keys.add("somebody", scope, collections or ("default",))
    return {"Authorization": f"Bearer {secret}"}


def filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    return value.format(**ids) if isinstance(value, str) else value


@pytest.mark.parametrize(("method", "path", "body"), ENDPOINTS, ids=lambda one: str(one)[:40])
def test_nothing_of_another_collection_can_be_reached(
    client: TestClient, keys: KeyStore, method: str, path: str, body: Any
) -> None:
    theirs, ours = headers(keys, Scope.ADMIN, "press"), headers(keys, Scope.ADMIN, "sports")
    added = client.post("/v1/articles", json={"articles": [{"text": SECRET_TEXT}]}, headers=theirs).json()
    job = client.post("/v1/jobs", json={"articles": [{"text": "Their job."}]}, headers=theirs).json()["id"]
    ids = {"id": added["added"][0], "job": job}
    place = path.format(**ids)
    mine = client.request(method, place, json=filled(body, ids), headers=ours)
    leaks = ["seventeen", '"title":"The vault', f'"id":"{job}"']
    assert not any(leak in mine.text.replace(QUESTION, "") for leak in leaks)
    named = client.request(method, place, json=filled(body, ids), headers=ours | {"Rag-Collection": "press"})
    assert named.status_code == 403
    assert "seventeen" not in named.text
    found = client.post("/v1/search", json={"question": QUESTION}, headers=theirs).json()["hits"]
    assert found[0]["text"] == SECRET_TEXT  # and it is still there


@pytest.mark.parametrize("path", ["/v1/articles/upload", "/v1/jobs/upload"])
def test_nothing_is_sent_into_another_collection(client: TestClient, keys: KeyStore, path: str) -> None:
    theirs, ours = headers(keys, Scope.ADMIN, "press"), headers(keys, Scope.ADMIN, "sports")
    files = {"files": ("planted.txt", b"The vault of Lindenau is empty.")}
    named = client.post(path, files=files, headers=ours | {"Rag-Collection": "press"})
    assert named.status_code == 403
    assert client.post(path, files=files, headers=ours).is_success
    assert client.post("/v1/articles", json={"articles": [{"text": SECRET_TEXT}]}, headers=theirs).is_success
    assert client.get("/v1/articles", headers=theirs).json()["total"] == 1


def tool(client: TestClient, name: str, arguments: dict[str, Any], given: dict[str, str]) -> Any:
    """What a call of a tool of the Model Context Protocol gets."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    body = call | {"params": {"name": name, "arguments": arguments}}
    accept = {"Accept": "application/json, text/event-stream"}
    return client.post("/mcp/", json=body, headers=given | accept)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search", {"question": QUESTION}),
        ("ask", {"question": QUESTION}),
        ("summarise", {"article_ids": ["{id}"]}),
        ("summarise", {"query": QUESTION}),
        ("read_article", {"article_id": "{id}"}),
    ],
)
def test_no_tool_reaches_another_collection(
    client: TestClient, keys: KeyStore, name: str, arguments: dict[str, Any]
) -> None:
    theirs, ours = headers(keys, Scope.WRITE, "press"), headers(keys, Scope.WRITE, "sports")
    added = client.post("/v1/articles", json={"articles": [{"text": SECRET_TEXT}]}, headers=theirs).json()
    client.post("/v1/articles", json={"articles": [{"text": "Nothing here."}]}, headers=ours)
    given = filled(arguments, {"id": added["added"][0]})
    assert "seventeen" in tool(client, name, given, theirs).text
    mine = tool(client, name, given, ours)
    assert mine.is_success and "seventeen" not in mine.text
    named = tool(client, name, given, ours | {"Rag-Collection": "press"})
    assert named.status_code == 403 and "seventeen" not in named.text
    assert tool(client, name, given, {}).status_code == 401


def test_every_endpoint_is_in_the_list_above(client: TestClient) -> None:
    described = client.get("/openapi.json").json()["paths"]
    asked = {(method, path.split("?")[0].replace("{id}", "{article_id}")) for method, path, _ in ENDPOINTS}
    asked = {(method, path.replace("{job}", "{job_id}")) for method, path in asked}
    there = {(method.upper(), path) for path, methods in described.items() for method in methods}
    uploads = {("POST", "/v1/articles/upload"), ("POST", "/v1/jobs/upload")}
    assert there - asked == {("GET", "/healthz"), ("GET", "/readyz")} | uploads


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [(Scope.READ, [200, 403, 403]), (Scope.WRITE, [200, 200, 403]), (Scope.ADMIN, [200] * 3)],
)
def test_a_scope_does_what_it_says(
    client: TestClient, keys: KeyStore, scope: Scope, allowed: list[int]
) -> None:
    mine = headers(keys, scope)
    got = [
        client.post("/v1/search", json={"question": QUESTION}, headers=mine).status_code,
        client.post("/v1/articles", json={"articles": [{"text": "A kite."}]}, headers=mine).status_code,
        client.get("/metrics", headers=mine).status_code,
    ]
    assert got == allowed


def test_a_revoked_key_is_refused_from_the_next_request_on(client: TestClient, keys: KeyStore) -> None:
    key, secret = keys.add("somebody", Scope.READ)
    mine = {"Authorization": f"Bearer {secret}"}
    assert client.get("/v1/articles", headers=mine).status_code == 200
    keys.revoke(key.id)
    assert client.get("/v1/articles", headers=mine).status_code == 401


def test_a_service_that_had_keys_never_opens_to_everybody(client: TestClient, keys: KeyStore) -> None:
    for key in keys.all():
        keys.revoke(key.id)
    local = {"Host": "127.0.0.1"}
    assert client.get("/v1/articles", headers=local).status_code == 401


def test_a_collection_that_is_not_there_is_not_made_by_reading(client: TestClient, keys: KeyStore) -> None:
    mine = headers(keys, Scope.READ, "press")
    response = client.get("/v1/articles", headers=mine)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "collection_not_found")


def test_a_key_of_two_collections_chooses_by_header(client: TestClient, keys: KeyStore) -> None:
    mine = headers(keys, Scope.WRITE, "press", "sports")
    client.post("/v1/articles", json={"articles": [{"text": "A kite."}]}, headers=mine)
    sports = mine | {"Rag-Collection": "sports"}
    client.post(
        "/v1/articles", json={"articles": [{"text": "A match."}, {"text": "A goal."}]}, headers=sports
    )
    totals = [client.get("/v1/articles", headers=one).json()["total"] for one in (mine, sports)]
    assert totals == [1, 2]


def test_a_caller_is_told_of_its_own_collections_only(client: TestClient, keys: KeyStore) -> None:
    mine = headers(keys, Scope.WRITE, "press", "sports")
    client.post(
        "/v1/articles", json={"articles": [{"text": "A kite."}]}, headers=headers(keys, Scope.WRITE, "secret")
    )
    told = client.get("/v1/collections", headers=mine).json()
    assert told == {"collections": ["press", "sports"], "home": "press"}


def test_who_may_enter_all_collections_is_told_of_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "collections" / "press").mkdir(parents=True)
    settings = Settings(data=tmp_path, api_key="k3y")  # type: ignore[arg-type]
    client = TestClient(create_app(SmallNewsQA(HARBOUR), settings))  # type: ignore[arg-type]
    told = client.get("/v1/collections", headers={"Authorization": "Bearer k3y"}).json()
    assert told == {"collections": ["default", "press"], "home": "default"}


def test_more_requests_than_the_rate_are_told_when_to_come_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, api_key="k3y", rate=3)  # type: ignore[arg-type]
    client = TestClient(create_app(SmallNewsQA(HARBOUR), settings))  # type: ignore[arg-type]
    sent = [client.get("/v1/articles", headers={"Authorization": "Bearer k3y"}) for _ in range(4)]
    assert [one.status_code for one in sent] == [200, 200, 200, 429]
    assert 1 <= int(sent[-1].headers["Retry-After"]) <= 20
    assert sent[-1].json()["error"]["code"] == "rate_limited"


# --- without keys: this machine only -------------------------------------------------------------


def local(**settings: Any) -> TestClient:
    app = create_app(SmallNewsQA(HARBOUR), Settings(**{"data": Path("/nonexistent")} | settings))  # type: ignore[arg-type]
    return TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 1))


def test_a_caller_from_elsewhere_is_refused_whatever_name_it_uses() -> None:
    app = create_app(SmallNewsQA(HARBOUR), Settings(data=Path("/nonexistent")))  # type: ignore[arg-type]
    stranger = TestClient(app, base_url="http://127.0.0.1:8000", client=("192.0.2.7", 1))
    assert stranger.get("/v1/articles").status_code == 401


@pytest.mark.parametrize("path", ["/v1/articles/upload", "/v1/articles"])
def test_a_page_of_elsewhere_cannot_use_a_visitors_browser(path: str) -> None:
    client = local()
    files = {"files": ("x.txt", b"Planted.")}
    foreign = client.post(path, files=files, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "not_allowed")
    own = client.post("/v1/articles/upload", files=files, headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status_code == 200


def test_no_other_origin_is_let_in_unless_listed() -> None:
    ask = {"Origin": "https://desk.example", "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in local().options("/v1/ask", headers=ask).headers
    listed = local(cors="https://other.example, https://desk.example").options("/v1/ask", headers=ask)
    assert listed.headers["Access-Control-Allow-Origin"] == "https://desk.example"
