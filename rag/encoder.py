"""Texts -> unit vectors, through sentence-transformers' ONNX backend on the CPU.

In: texts as they are; the model's own prefixes are put before them here. Out: float32 rows of length 1.
Never touches the network.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag import models
from rag.errors import ModelCorrupt, ModelMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentence_transformers import SentenceTransformer
    from torch import Tensor

    from rag.settings import Settings
    from rag.types import Encoder, Progress, Vectors

KEPT_QUESTIONS = 256  # one is asked about many times while it is answered; 1.5 kB each
MOST_WORKERS = 8  # unless the settings say otherwise; each takes up to 40 MB while it works


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
    """A sentence-transformers folder as an `Encoder`. Threads may share it.

    Texts are encoded one by one, as many at a time as there are threads, each on one. On CPUs that is fastest:
    with 200 tokens each, one core does 25 passages/s, against 19 in batches of 4 and 17 in batches of 8 or
    more, because the activations of one text stay in the cache; and cores that do not share a text never wait
    for each other. It takes the least memory. And a vector does not depend on the texts that came with it,
    which it would in a batch, where activations are quantised by one scale.

    Args:
        folder: holds `modules.json`; with ONNX weights in `onnx/` those are run, int8 before float32.
        threads: texts encoded at a time; 0 for one per core, eight at most.

    Raises:
        ModelCorrupt: the folder does not load.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        self._name = folder.resolve().name
        weights = _onnx_weights(folder)
        try:
            self._model = _load(folder, weights)
        except Exception as error:  # whatever three libraries raise for a file that is not theirs
            raise ModelCorrupt(
                f"The encoder in {folder} does not load: {error}",
                hint="Run `rag models pull`, or set RAG_ENCODER to another folder.",
            ) from error
        self._tokenizing = threading.Lock()  # the tokenizer's settings change between counting and encoding
        self._remembering = threading.Lock()
        self._questions: OrderedDict[str, Vectors] = OrderedDict()  # the least recently asked one first
        workers = threads or min(os.cpu_count() or 1, MOST_WORKERS)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="encoder")
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
        """Vectors of texts to search with, shape (len(texts), dimensions); the last questions are remembered."""
        if len(texts) != 1:
            return self._encode(texts, self._question_prefix)
        with self._remembering:
            known = self._questions.get(texts[0])
            if known is not None:
                self._questions.move_to_end(texts[0])
                return known.copy()
        found = self._encode(texts, self._question_prefix)
        with self._remembering:
            self._questions[texts[0]] = found.copy()
            while len(self._questions) > KEPT_QUESTIONS:
                self._questions.popitem(last=False)
        return found

    def encode_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        """Vectors of pieces of a text in their context, shape (len(spans), dimensions); zeros for unseen ones.

        A piece's vector is the mean of its tokens' last hidden states, so that the same word differs by context.
        """
        vectors = np.zeros((len(spans), self._dimensions), np.float32)
        if not spans:
            return vectors
        full, shift = self._passage_prefix + text, len(self._passage_prefix)
        with self._tokenizing:
            places = self._model.tokenizer(full, return_offsets_mapping=True, verbose=False)["offset_mapping"]
        tokens = np.asarray(self._states(full), np.float32)
        for row, (start, end) in zip(vectors, spans, strict=True):
            own = [
                number
                for number, (first, last) in enumerate(places[: len(tokens)])
                if first < last and first - shift < end and last - shift > start
            ]
            if own:
                mean = tokens[own].mean(axis=0)
                row[:] = mean / np.linalg.norm(mean)
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Unit vectors of each text's tokens in its context, shape (tokens, dimensions); prefix and ends left out."""
        # The space behind the prefix belongs to the text's first token.
        prefix = self._passage_prefix.rstrip()
        leading = 1 + (self.count_tokens([prefix])[0] if prefix else 0)
        full = [self._passage_prefix + text for text in texts]
        found = self._pool.map(self._token_vectors, full) if len(full) > 1 else map(self._token_vectors, full)
        return [
            vectors[leading:-1] if text.strip() else vectors[:0]
            for text, vectors in zip(texts, found, strict=True)
        ]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens and prefix, not cut."""
        if not texts:
            return []
        with self._tokenizing:
            counted = self._model.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in counted["input_ids"]]

    def _encode(self, texts: Sequence[str], prefix: str) -> Vectors:
        vectors = np.zeros((len(texts), self._dimensions), np.float32)
        # Longest first, so that all threads are done at nearly the same time.
        order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
        full = [prefix + texts[number] for number in order]
        # One text stays on this thread: a question does not queue behind passages that are being indexed.
        found = self._pool.map(self._vector, full) if len(full) > 1 else map(self._vector, full)
        for number, vector in zip(order, found, strict=True):
            vectors[number] = vector
        return vectors

    def _vector(self, text: str) -> Vectors:
        """The unit vector of a text with its prefix, shape (dimensions,)."""
        import torch

        with self._tokenizing:
            features = self._model.preprocess([text])
        with torch.inference_mode():
            vector = self._model(features)["sentence_embedding"][0]
            return np.asarray(torch.nn.functional.normalize(vector, dim=0), np.float32)

    def _token_vectors(self, text: str) -> Vectors:
        """The unit vectors of all tokens of a text with its prefix, shape (tokens, dimensions)."""
        import torch

        return np.asarray(torch.nn.functional.normalize(self._states(text), dim=1), np.float32)

    def _states(self, text: str) -> Tensor:
        """The last hidden states of all tokens of a text with its prefix, shape (tokens, dimensions)."""
        import torch

        with self._tokenizing:
            features = self._model.preprocess([text])
        with torch.inference_mode():
            states: Tensor = self._model(features)["token_embeddings"][0]
            return states

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


def _load(folder: Path, weights: Path) -> SentenceTransformer:
    import onnxruntime  # type: ignore[import-untyped]
    import torch
    from sentence_transformers import SentenceTransformer

    # Texts run beside each other, each on one thread. More would wait for each other, and spin while they do.
    torch.set_num_threads(1)
    if weights.suffix != ".onnx":
        model: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return model
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # The hub's graph uses all 8 bits of its weights, which overflow the fast kernel of CPUs without VNNI;
    # there this takes the exact one. It changes nothing on others.
    options.add_session_config_entry("session.x64quantprecision", "1")
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
