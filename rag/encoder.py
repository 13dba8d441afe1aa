"""Texts -> unit vectors, through sentence-transformers' ONNX backend on the CPU.

In: texts as they are; the model's own prefixes are put before them here. Out: float32 rows of length 1.
Never touches the network.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag import models
from rag.errors import ModelCorrupt, ModelMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentence_transformers import SentenceTransformer

    from rag.settings import Settings
    from rag.types import Encoder, Progress, Vectors

# Text by text. On CPUs that is the fastest (measured with 200 tokens each: 25 passages/s of one core, against
# 19 in batches of 4 and 17 in batches of 8 or more, because one text's activations stay in the cache), takes
# the least memory, and makes a vector independent of its neighbours: activations are quantised per batch.
BATCH = 1


def open_encoder(settings: Settings, progress: Progress | None = None) -> Encoder:
    """The encoder of the settings: the default one, fetched if need be, or any sentence-transformers folder.

    Raises:
        ModelMissing, ModelCorrupt, StoreFull: see `models.ensure`; also a folder that does not load.
    """
    if settings.encoder in models.MODELS:
        return SentenceEncoder(models.ensure(settings.encoder, settings, progress), threads=settings.threads)
    folder = Path(settings.encoder).expanduser()
    if not (folder / "modules.json").is_file():
        raise ModelMissing(
            f"Encoder {settings.encoder!r} is neither a known model nor a sentence-transformers folder.",
            hint="Set RAG_ENCODER to multilingual-e5-small or to a folder with a modules.json.",
        )
    return SentenceEncoder(folder, threads=settings.threads)


class SentenceEncoder:
    """A sentence-transformers folder as an `Encoder`.

    Args:
        folder: holds `modules.json`; with ONNX weights in `onnx/` those are run, int8 before float32.
        threads: CPU threads, 0 for all cores.

    Raises:
        ModelCorrupt: the folder does not load.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._name = folder.resolve().name
        weights = _onnx_weights(folder)
        try:
            self._model = _load(folder, weights, threads)
        except Exception as error:  # whatever three libraries raise for a file that is not theirs
            raise ModelCorrupt(
                f"The encoder in {folder} does not load: {error}",
                hint="Run `rag models pull`, or set RAG_ENCODER to another folder.",
            ) from error
        self._question_prefix = self._prefix("query")
        self._passage_prefix = self._prefix("passage", "document")
        self._dimensions = int(self._model.get_embedding_dimension() or 0)
        self._fingerprint = self._digest(folder, weights)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hash of weights, tokenizer, pooling, length limit and prefixes."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._dimensions

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to be found, (len(texts), dimensions); the end of texts too long is not seen."""
        return self._encode(texts, self._passage_prefix)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to search with, shape (len(texts), dimensions)."""
        return self._encode(texts, self._question_prefix)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix, not cut."""
        if not texts:
            return []
        counted = self._model.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in counted["input_ids"]]

    def _encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        if not texts:
            return np.zeros((0, self._dimensions), np.float32)
        vectors = self._model.encode(
            [prefix + text for text in texts],
            batch_size=BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)

    def _prefix(self, *names: str) -> str:
        return next((found for name in names if (found := self._model.prompts.get(name))), "")

    def _digest(self, folder: Path, weights: Path) -> str:
        digest = hashlib.sha256()
        data = weights.with_name(f"{weights.name}_data")
        for file in (weights, data, folder / "tokenizer.json", *sorted(folder.glob("*_Pooling/config.json"))):
            if file.is_file():
                with file.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        rest = [self._question_prefix, self._passage_prefix, self._model.max_seq_length, self._dimensions]
        digest.update(json.dumps(rest).encode())
        return digest.hexdigest()[:16]


def _onnx_weights(folder: Path) -> Path:
    """The file whose weights are run; int8 forms first."""
    candidates = sorted(
        folder.glob("onnx/*.onnx"), key=lambda file: ("int8" not in file.name, file.name != "model.onnx")
    )
    return candidates[0] if candidates else folder / "model.safetensors"


def _load(folder: Path, weights: Path, threads: int) -> SentenceTransformer:
    import onnxruntime  # type: ignore[import-untyped]
    import torch
    from sentence_transformers import SentenceTransformer

    if weights.suffix != ".onnx":
        model: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return model
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    # The hub's graph uses all 8 bits of its weights, which overflow the fast kernel of CPUs without VNNI;
    # there this takes the exact one. It changes nothing on others.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Beside the graph, torch only averages one text's tokens. With more threads they spend more time waiting
    # for each other than working, and take it from the graph: measured 13 against 21 passages per CPU second.
    torch.set_num_threads(1)
    onnx: dict[str, Any] = {
        "backend": "onnx",
        "model_kwargs": {
            "file_name": weights.name,
            "subfolder": weights.parent.name,
            "provider": "CPUExecutionProvider",
            "session_options": options,
        },
    }
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True, **onnx)
    return model
