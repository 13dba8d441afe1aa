"""Two sentences that are versions of one: the places where one says something else than the other.

In: two sentences with their language. Out: pairs of spans. Papers print what an agency sends, correct a figure, change
a name; what such versions have in common says that they speak of the same, so what is exchanged can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Protocol

from rag.names import alike
from rag.words import Word, words

_SHARED = 0.6  # share of their content words, in the same order, from which sentences are versions of one
_LEAST = 4  # content words that they share at least
_LONGEST = 5  # content words that one exchange has at most

Span = tuple[int, int]


class Worded(Protocol):
    """A sentence with its language (ISO 639-1)."""

    @property
    def text(self) -> str:
        """Its words."""

    @property
    def language(self) -> str:
        """What it is written in."""


def exchanges(one: Worded, other: Worded) -> Iterator[tuple[Span, Span]]:
    """Spans (in `one.text`, in `other.text`) where names or figures stand for each other; none in other sentences."""
    if one.language != other.language:
        return
    first, second = words(one.text, one.language), words(other.text, other.language)
    matcher = SequenceMatcher(None, [w.stem for w in first], [w.stem for w in second], autojunk=False)
    if matcher.quick_ratio() < _SHARED:
        return
    blocks = matcher.get_opcodes()
    shared = sum(block[2] - block[1] for block in blocks if block[0] == "equal")
    if shared < _LEAST or 2 * shared / (len(first) + len(second)) < _SHARED:
        return
    for block, start, end, other_start, other_end in blocks:
        if block != "replace" or max(end - start, other_end - other_start) > _LONGEST:
            continue
        own = [word for word in first[start:end] if word.name]
        theirs = [word for word in second[other_start:other_end] if word.name]
        if own and theirs and not _same(own, theirs):
            yield (own[0].start, own[-1].end), (theirs[0].start, theirs[-1].end)


def _same(one: list[Word], other: list[Word]) -> bool:
    """Whether one of them says no more than the other, in whatever spelling."""
    short, long = sorted((one, other), key=len)
    return all(any(word.stem == twin.stem or alike(word.stem, twin.stem) for twin in long) for word in short)
