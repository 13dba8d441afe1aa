"""Sentences to passages, the units that are embedded and retrieved.

In: an article and its sentences. Out: runs of neighbouring sentences of about 200 tokens that do not run on
into the next section. They do not overlap: sentences are ranked again inside the passages that were found,
so an overlap would only be paid for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import ceil

from rag.types import Article, Passage, Sentence

PASSAGE_TOKENS = 200
"""Tokens of the encoder that a passage aims at; half a sentence more is accepted to keep them even."""

MIN_SECTION_TOKENS = 80
"""A section with fewer tokens is joined to the next one."""

_Unit = tuple[int, int, int]  # first and last sentence number, tokens


def make_passages(
    article: Article,
    sentences: Sequence[Sentence],
    count_tokens: Callable[[Sequence[str]], list[int]],
) -> tuple[Passage, ...]:
    """Passages of `article`, in order; every sentence is in exactly one.

    A heading goes with the sentence behind it. A sentence longer than `PASSAGE_TOKENS` is a passage of its
    own, with its headings. `Passage.text == article.text[start:end]`.

    Args:
        article: `text`, `id` and `revision` are read.
        sentences: of `article.text`, numbered from 0 in order.
        count_tokens: the encoder's, called once.
    """
    if not sentences:
        return ()
    tokens = count_tokens([article.text[sentence.start : sentence.end] for sentence in sentences])
    sections = _joined_sections(_sections(sentences, tokens))
    runs = [run for section in sections for run in _runs(section)]
    return tuple(_passage(article, sentences, n, first, last) for n, (first, last) in enumerate(runs))


def _passage(article: Article, sentences: Sequence[Sentence], n: int, first: int, last: int) -> Passage:
    start, end = sentences[first].start, sentences[last].end
    return Passage(
        article_id=article.id,
        revision=article.revision,
        n=n,
        first=first,
        last=last,
        start=start,
        end=end,
        text=article.text[start:end],
    )


def _sections(sentences: Sequence[Sentence], tokens: Sequence[int]) -> list[list[_Unit]]:
    """Units (a sentence with the headings before it), in a new list wherever a heading begins one."""
    sections: list[list[_Unit]] = []
    first = 0
    for place, sentence in enumerate(sentences):
        if sentence.heading and place + 1 < len(sentences):
            continue
        unit = (first, place, sum(tokens[first : place + 1]))
        if sentences[first].heading or not sections:
            sections.append([unit])
        else:
            sections[-1].append(unit)
        first = place + 1
    return sections


def _size(section: Sequence[_Unit]) -> int:
    return sum(tokens for _, _, tokens in section)


def _joined_sections(sections: list[list[_Unit]]) -> list[list[_Unit]]:
    """Short sections joined to the next one, a short last one to the one before, while they fit a passage."""
    joined: list[list[_Unit]] = []
    for section in sections:
        is_short = joined and min(_size(joined[-1]), _size(section)) < MIN_SECTION_TOKENS
        if is_short and _size(joined[-1]) + _size(section) <= PASSAGE_TOKENS:
            joined[-1] = joined[-1] + section
        else:
            joined.append(section)
    return joined


def _runs(section: Sequence[_Unit]) -> Iterator[tuple[int, int]]:
    """First and last sentence number of each passage of a section, all about equally long."""
    for is_long, group in groupby(section, key=lambda unit: unit[2] > PASSAGE_TOKENS):
        units = list(group)
        if is_long:
            yield from ((first, last) for first, last, _ in units)
            continue
        goal = _size(units) / ceil(_size(units) / PASSAGE_TOKENS) if _size(units) else 1.0
        placed: dict[int, list[_Unit]] = {}
        before = 0
        for unit in units:
            placed.setdefault(int((before + unit[2] / 2) / goal), []).append(unit)
            before += unit[2]
        yield from ((run[0][0], run[-1][1]) for run in placed.values())
