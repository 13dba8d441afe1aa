"""Stand-ins for the models, made by hand: small, exact, the same on every machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rag.types import Vectors


class HashEncoder:
    """Every word is one direction: texts that share words are near each other.

    `calls` keeps how many texts each call of `encode_passages` got. With `breaks_after`, that call raises.
    """

    def __init__(self, dimensions: int = 64, name: str = "hash", breaks_after: int | None = None) -> None:
        self.name = name
        self.dimensions = dimensions
        self.fingerprint = f"{name}-{dimensions}"
        self.breaks_after = breaks_after
        self.calls: list[int] = []

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of shape (len(texts), dimensions)."""
        if self.breaks_after is not None and len(self.calls) >= self.breaks_after:
            raise RuntimeError("the encoder broke")
        self.calls.append(len(texts))
        return self._encode(texts)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """The same as for passages."""
        return self._encode(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(text.split()) for text in texts]

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest()
                row[int.from_bytes(digest[:4]) % self.dimensions] += 1.0 if digest[4] % 2 else -1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
