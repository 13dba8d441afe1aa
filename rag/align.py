"""Words of two texts, matched by what they mean in their context, whatever languages they are in.

In: two texts and an encoder. Out: for every content word how well the other text holds it, 0..1. The matching is that
of BERTScore (Zhang et al. 2020) and SimAlign (Jalili Sabet et al. 2020): each word's nearest by cosine of contextual
vectors. A word that stands in both texts, in any spelling, and a name that CLDR has in both languages are held for
certain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.glossary import terms
from rag.names import alike
from rag.types import Encoder
from rag.words import Word, words


def held(
    text: str, language: str, other: str, other_language: str, encoder: Encoder
) -> list[tuple[Word, float]]:
    """Every content word of `text` with how well `other` holds it, 0..1."""
    own, theirs = words(text, language), words(other, other_language)
    if not own:
        return []
    if not theirs:
        return [(word, 0.0) for word in own]
    nearness = encoder.encode_spans(text, _spans(own)) @ encoder.encode_spans(other, _spans(theirs)).T
    known = _known(text, language, other, other_language)
    return [
        (word, 1.0 if _stands(word, theirs) or word.start in known else float(np.clip(row.max(), 0.0, 1.0)))
        for word, row in zip(own, nearness, strict=True)
    ]


def _stands(word: Word, others: Sequence[Word]) -> bool:
    return any(word.stem == other.stem or (word.name and alike(word.stem, other.stem)) for other in others)


def _known(text: str, language: str, other: str, other_language: str) -> set[int]:
    """Where the words begin that belong to a name which both texts hold, each in its language."""
    keys = {term.key for term in terms(other, other_language)}
    return {
        word.start
        for term in terms(text, language)
        if term.key in keys
        for word in words(text, language)
        if term.start <= word.start < term.end
    }


def _spans(found: Sequence[Word]) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in found]
