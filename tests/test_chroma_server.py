"""RAG_CHROMA_URL against a real Chroma server, with two indexes on it, as two service processes would have."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fakes import HashEncoder

from rag.newsqa import NewsQA
from rag.settings import Settings
from rag.types import Article

CHROMA = shutil.which("chroma", path=str(Path(sys.executable).parent)) or shutil.which("chroma")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMA is None, reason="the command `chroma` of the pip package is not on the path"),
]


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that keeps its vectors in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    folder = tmp_path_factory.mktemp("chroma")
    command = [str(CHROMA), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", port]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert server.poll() is None, "chroma run ended by itself"
            try:
                if httpx.get(f"{url}/api/v2/heartbeat").status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def opened(folder: Path, url: str) -> NewsQA:
    return NewsQA.open(folder, settings=Settings(llm="none", chroma_url=url), encoder=HashEncoder(), llm=None)


def test_two_indexes_on_one_server_work_side_by_side_and_never_mix(tmp_path: Path, chroma: str) -> None:
    with opened(tmp_path / "one", chroma) as one, opened(tmp_path / "two", chroma) as two:
        ferry = one.add(Article(text="The ferry left Lindenau at noon.")).added[0]
        two.add(Article(text="The circus came to Ulmstadt in May."))
        assert [hit.article_id for hit in one.search("ferry circus noon May")] == [ferry]
        assert "circus" in two.search("ferry circus noon May")[0].text
        deletion = one.delete(ferry)
        assert (deletion.vectors, deletion.proven) == (1, True)
        assert one.search("ferry") == []
        assert two.check().ok and two.search("circus")


def test_what_was_added_is_there_when_it_is_opened_again(tmp_path: Path, chroma: str) -> None:
    with opened(tmp_path, chroma) as qa:
        qa.add(Article(text="The ferry left Lindenau at noon."))
    assert not (tmp_path / "chroma").exists()
    with opened(tmp_path, chroma) as again:
        assert again.search("ferry")[0].text == "The ferry left Lindenau at noon."
        assert again.check().vectors == 1
