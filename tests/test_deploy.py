"""The container files say what the program understands; what they start works, two services beside one Chroma."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from test_chroma_server import CHROMA, chroma  # noqa: F401  (a fixture)

from rag import Client, Settings
from rag.cli import main
from rag.types import Article

ROOT = Path(__file__).resolve().parent.parent
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMMAND: list[str] = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
HEALTHY: list[str] = json.loads(re.findall(r"^ +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])


def test_every_variable_that_is_set_is_a_setting() -> None:
    named = {*COMPOSE["services"]["rag"]["environment"], *re.findall(r"\b(RAG_\w+)=", DOCKERFILE)}
    assert named <= {f"RAG_{field.upper()}" for field in Settings.model_fields}


def test_volumes_are_declared_and_lie_where_the_program_writes() -> None:
    places = dict(volume.split(":") for volume in COMPOSE["services"]["rag"]["volumes"])
    assert set(places) | {"chroma-data"} == set(COMPOSE["volumes"])
    folders = dict(re.findall(r"(RAG_MODELS|RAG_DATA)=(\S+)", DOCKERFILE))
    assert sorted(places.values()) == sorted(folders.values())


def test_the_server_of_the_vectors_has_the_version_of_its_client() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = re.search(r"^chromadb==(\S+)", lock, re.MULTILINE)
    assert locked and COMPOSE["services"]["chroma"]["image"] == f"chromadb/chroma:{locked[1]}"


def test_the_address_of_the_vectors_is_that_of_the_service_beside() -> None:
    url = httpx.URL(COMPOSE["services"]["rag"]["environment"]["RAG_CHROMA_URL"])
    assert url.host in COMPOSE["services"] and url.host in COMPOSE["services"]["rag"]["depends_on"]


def test_files_that_are_copied_into_the_image_are_there_and_let_in() -> None:
    kept_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists() and name not in kept_out


def test_commands_that_the_comments_name_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    named = re.findall(r"rag (rag keys add \w+(?: --scope \w+)?)", COMPOSE_TEXT)
    assert named
    for line in named:
        words = line.split()[1:]
        assert main([*words[:2], "--help"]) == 0
        told = capsys.readouterr().out
        assert all(word in told for word in words if word.startswith("--"))


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def at_home(folder: Path, url: str = "") -> dict[str, str]:
    """The environment that the container files give, with folders of this machine."""
    own = {"RAG_CHROMA_URL": url, "RAG_LLM": "none", "RAG_DATA": str(folder), "PYTHONPATH": str(ROOT)}
    return {**os.environ, **own}


@contextmanager
def started(folder: Path, url: str, host: str = "127.0.0.1") -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The image's own command as a process: its address, and the process."""
    words = {"0.0.0.0": host, "8000": free_port()}
    command = [sys.executable, "-m", *(words.get(word, word) for word in COMMAND), "--json"]
    with subprocess.Popen(command, env=at_home(folder, url), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address: str = json.loads(process.stdout.readline())["url"].replace("0.0.0.0", "127.0.0.1")
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as http:
                http.get(f"{address}/healthz", timeout=60)
            yield address, process
        finally:
            process.terminate()


@pytest.mark.models
@pytest.mark.slow
def test_what_the_container_runs_wants_its_key_is_healthy_and_stops_when_told(tmp_path: Path) -> None:
    (line,) = re.findall(r"docker compose run --rm rag rag (keys add \w+ --scope \w+)", COMPOSE_TEXT)
    command = [sys.executable, "-m", "rag", *line.split()]
    made = subprocess.run(command, env=at_home(tmp_path), capture_output=True, text=True, check=True)
    with started(tmp_path, "", host="0.0.0.0") as (address, process):
        port = address.rsplit(":", 1)[1]
        look = [sys.executable, *(word.replace("8000", port) for word in HEALTHY[1:])]
        assert subprocess.run(look).returncode == 0
        assert httpx.get(f"{address}/v1/articles", timeout=60).status_code == 401
        with Client(address, made.stdout.strip()) as client:
            assert client.add(Article(text="The ferry left Lindenau at noon.")).added
        process.terminate()
        process.wait(int(COMPOSE["services"]["rag"]["stop_grace_period"].removesuffix("s")))
        assert subprocess.run(look, stderr=subprocess.DEVNULL).returncode != 0


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.skipif(CHROMA is None, reason="the command `chroma` of the pip package is not on the path")
def test_two_services_share_a_chroma_server_and_never_mix(tmp_path: Path, chroma: str) -> None:  # noqa: F811
    with started(tmp_path / "one", chroma) as (one, _), started(tmp_path / "two", chroma) as (two, _):
        with Client(one) as first, Client(two) as second:
            ferry = first.add(Article(text="The ferry left Lindenau at noon.")).added[0]
            second.add(Article(text="The circus came to Ulmstadt in May."))
            assert [hit.article_id for hit in first.search("When did the ferry leave?")] == [ferry]
            assert [hit.text for hit in second.search("ferry")] == ["The circus came to Ulmstadt in May."]
            assert first.delete(ferry).proven
            assert first.search("ferry") == [] and second.search("circus")
