"""Words of two texts, matched by what they mean in their context, whatever languages they are in.

In: two texts, each read once with an encoder. Out: for every content word how well the other text holds it, 0..1. The
matching is that of BERTScore (Zhang et al. 2020) and SimAlign (Jalili Sabet et al. 2020): each word's nearest by cosine
of contextual vectors. A word that stands in both texts, in any spelling, and a name that CLDR has in both languages are
held for certain.

Across languages a word's vector in its context says more of the context than of the word. What a few words mean comes
out better where they are read by themselves, "foreign policy adviser" beside "außenpolitischer Berater": phrases are
matched too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.glossary import Term, terms
from rag.names import alike
from rag.types import Encoder
from rag.words import Word, words

if TYPE_CHECKING:
    import numpy.typing as npt

    from rag.types import Vectors


_PHRASE = 2  # content words of a phrase at most
_BETWEEN = 12  # characters that may stand between two of them


@dataclass(frozen=True, slots=True)
class Aligned:
    """A text made ready to be matched: its content words, their vectors (words, dimensions), the names CLDR knows."""

    words: tuple[Word, ...]
    vectors: Vectors
    terms: tuple[Term, ...]


def aligned(text: str, language: str, encoder: Encoder) -> Aligned:
    """Reads a text once, to be matched with any number of others."""
    found = words(text, language)
    vectors = encoder.encode_spans(text, [(word.start, word.end) for word in found])
    return Aligned(found, vectors, terms(text, language))


@dataclass(frozen=True, slots=True)
class Phrases:
    """Every run of up to two content words of a text: how many it has, what it means by itself.

    Shapes: `lengths` (phrases,), `vectors` (phrases, dimensions).
    """

    lengths: npt.NDArray[np.float32]
    vectors: Vectors


def phrases(text: str, found: Sequence[Word], encoder: Encoder) -> Phrases:
    """Reads every phrase that these words of a text form."""
    runs = list(_runs(found))
    vectors = encoder.encode_passages([text[run[0].start : run[-1].end] for run in runs])
    return Phrases(np.array([len(run) for run in runs], np.float32), vectors)


def _runs(found: Sequence[Word]) -> Iterator[Sequence[Word]]:
    for first in range(len(found)):
        for last in range(first, min(len(found), first + _PHRASE)):
            if last > first and found[last].start - found[last - 1].end > _BETWEEN:
                break
            yield found[first : last + 1]


def phrased(one: Phrases, other: Phrases) -> float:
    """How near the phrases of `one` come to phrases of `other`, 0..1; longer ones count more."""
    if not one.lengths.size or not other.lengths.size:
        return 0.0
    nearest = (one.vectors @ other.vectors.T).max(axis=1)
    return float(np.clip(np.average(nearest, weights=one.lengths), 0.0, 1.0))


def held(one: Aligned, other: Aligned) -> list[tuple[Word, float]]:
    """Every content word of `one` with how well `other` holds it, 0..1."""
    if not one.words:
        return []
    if not other.words:
        return [(word, 0.0) for word in one.words]
    known = {term.key for term in other.terms}
    shared = [term for term in one.terms if term.key in known]
    return [
        (word, 1.0 if _stands(word, other.words, shared) else float(np.clip(row.max(), 0.0, 1.0)))
        for word, row in zip(one.words, one.vectors @ other.vectors.T, strict=True)
    ]


def _stands(word: Word, others: Sequence[Word], shared: Sequence[Term]) -> bool:
    """Whether a word stands among others, or belongs to a name that both texts hold, each in its language."""
    return any(term.start <= word.start < term.end for term in shared) or any(
        word.stem == other.stem or (word.name and alike(word.stem, other.stem)) for other in others
    )
