"""Articles -> the sentences that tell most of them, word for word.

In: articles with their sentences. Out: statements that are sentences of the articles, each with its
citations. A program chooses them: no model writes, so nothing can be made up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from rag.answer import one_line
from rag.errors import InputError
from rag.question import leans
from rag.types import Article, Citation, Encoder, Sentence, Statement, Verdict
from rag.words import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.types import Vectors

    Scores = NDArray[np.float64]

MAX_SENTENCES = 100
"""A summary has at most as many statements."""

_MAX_CANDIDATES = 800  # sentences that are compared; of more, those that stand first in their articles
_MIN_WORDS = 4  # content words of a sentence that tells something on its own
_MAX_CHARS = 500
_DAMPING = 0.85  # of the walk over the sentences, as in LexRank
_LEAD = 0.3  # what the first sentence of an article gains over one far down
_FOCUS = 1.0  # what the sentence nearest to the focus gains over the farthest
_DIVERSITY = 0.7  # how much of a score a sentence loses that repeats a chosen one
_LEANING = 0.5  # what is left of a score when the sentence opens with a word that points back
_REPRESENTED = 0.5  # share of its words' weight that a summary must hold to represent a sentence

_ENDS = re.compile(r"[.!?…。！？][\"'”“»«’)\]]*$")
_BOILERPLATE = re.compile(
    r"https?://|www\.|\S@\S+\.\w|©|\(c\)\s*\d{4}|"
    r"\b(?:newsletter|abonnier\w*|subscribe|sign up|cookies?|datenschutz\w*|privacy policy|"
    r"lesen sie (?:auch|hier|mehr)|mehr zum thema|read (?:more|also)|"
    r"alle rechte vorbehalten|all rights reserved)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen sentences in the order of the articles; their citations carry no numbers yet.

    `covered` is the share (0..1) of the articles' sentences, headings left out, that the chosen ones
    represent: those of whose content words, weighted by their rarity in these articles, at least half stand
    in chosen sentences.
    """

    statements: tuple[Statement, ...]
    covered: float


@dataclass(frozen=True, slots=True)
class _Told:
    """One sentence of one article, `place` counted from 0 in the article, headings left out."""

    article: Article
    sentence: Sentence
    place: int
    text: str
    stems: frozenset[str]

    @property
    def is_telling(self) -> bool:
        """Whether it can stand in a summary: a whole sentence with something to say, and no boilerplate."""
        return (
            len(self.stems) >= _MIN_WORDS
            and len(self.text) <= _MAX_CHARS
            and _ENDS.search(self.text) is not None
            and not self.text.endswith("?")
            and _BOILERPLATE.search(self.text) is None
        )


def summarise(articles: Sequence[Article], encoder: Encoder, *, sentences: int, focus: str = "") -> Selection:
    """The sentences that tell most of `articles`, at most as many as asked for.

    Every sentence is scored by its centrality among all sentences (`_centrality`), its place in its article
    (news tell the most important first) and its nearness to `focus`. Then the best one is taken again and
    again, each time less of those that repeat what is taken (Carbonell and Goldstein 1998, "The Use of MMR,
    Diversity-Based Reranking for Reordering Documents and Producing Summaries"). Sentences of the
    same words, as agency copy has them in several articles, count as one statement with a citation each.

    Args:
        articles: with text and sentences.
        encoder: its vectors tell which sentences are alike.
        sentences: how many to choose, 1..100.
        focus: a question or topic that the chosen sentences should be near to.

    Raises:
        InputError: `sentences` is out of range.
    """
    if not 1 <= sentences <= MAX_SENTENCES:
        raise InputError(
            f"A summary of {sentences} sentences cannot be made.", hint=f"Ask for 1 to {MAX_SENTENCES}."
        )
    told = [one for article in articles for one in _sentences_of(article)]
    groups = _without_repeats(_candidates(told))
    if not groups:
        return Selection((), 0.0)
    first = [group[0] for group in groups]
    vectors = encoder.encode_passages([one.text for one in first])
    alike = _likeness(vectors)
    scores = _scores(first, vectors, alike, encoder, focus)
    chosen = sorted(_chosen(scores, alike, sentences))
    return Selection(
        tuple(_statement(groups[n]) for n in chosen),
        _covered(told, [one for n in chosen for one in groups[n]]),
    )


def _sentences_of(article: Article) -> list[_Told]:
    plain = [sentence for sentence in article.sentences if not sentence.heading]
    told = []
    for place, sentence in enumerate(plain):
        text = article.text[sentence.start : sentence.end]
        stems = frozenset(word.stem for word in words(text, article.language))
        told.append(_Told(article, sentence, place, one_line(text), stems))
    return told


def _candidates(told: Sequence[_Told]) -> list[_Told]:
    """What may stand in a summary: telling sentences, or all if none is; of very many the earlier."""
    telling = [one for one in told if one.is_telling] or list(told)
    if len(telling) <= _MAX_CANDIDATES:
        return telling
    last = sorted(one.place for one in telling)[_MAX_CANDIDATES - 1]
    return [one for one in telling if one.place <= last][:_MAX_CANDIDATES]


def _without_repeats(candidates: Iterable[_Told]) -> list[list[_Told]]:
    """Sentences of the same words in the same order together, in order of the first of each.

    Less than that is not the same: one other preposition, name or number, and a citation would not prove it.
    """
    groups: dict[tuple[str, ...], list[_Told]] = {}
    for one in candidates:
        spelled = unicodedata.normalize("NFKC", one.text).casefold()
        groups.setdefault(tuple(re.findall(r"\w+", spelled)), []).append(one)
    return list(groups.values())


def _likeness(vectors: Vectors) -> Scores:
    """Cosines (n, n) of the vectors seen from their centre, none below 0, 1 on the diagonal.

    Encoders put all sentences of one topic close together; what makes them differ shows from the centre only.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if len(rows) > 2:
        rows = rows - rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 1e-9, lengths, 1.0)
    alike = np.clip(rows @ rows.T, 0.0, 1.0)
    np.fill_diagonal(alike, 1.0)
    return alike


def _centrality(alike: Scores) -> Scores:
    """How central each sentence is, highest 1.

    After Erkan and Radev (2004), "LexRank: Graph-based Lexical Centrality as Salience in Text
    Summarization": the share of time that a walk from sentence to sentence, likelier to likelier
    neighbours, spends at each.
    """
    count = len(alike)
    steps = alike / alike.sum(axis=1, keepdims=True)
    rank = np.full(count, 1.0 / count)
    for _ in range(50):
        rank = (1 - _DAMPING) / count + _DAMPING * (rank @ steps)
    return np.asarray(rank / rank.max())


def _scores(told: Sequence[_Told], vectors: Vectors, alike: Scores, encoder: Encoder, focus: str) -> Scores:
    scores = _centrality(alike) + np.array([_LEAD / (1 + one.place) for one in told])
    if focus.strip():
        nearness = np.asarray(vectors @ encoder.encode_questions([focus])[0], dtype=np.float64)
        spread = float(np.ptp(nearness))
        scores = scores + _FOCUS * ((nearness - nearness.min()) / spread if spread else 0.0)
    return np.asarray(scores * np.array([_LEANING if leans(one.text) else 1.0 for one in told]))


def _chosen(scores: Scores, alike: Scores, count: int) -> list[int]:
    chosen: list[int] = []
    repeats = np.zeros(len(scores))
    for _ in range(min(count, len(scores))):
        worth = scores - _DIVERSITY * repeats * scores.max()
        worth[chosen] = -np.inf
        best = int(worth.argmax())
        chosen.append(best)
        repeats = np.maximum(repeats, alike[best])
    return chosen


def _statement(group: Sequence[_Told]) -> Statement:
    """The first sentence of the group, with one citation per article that has it."""
    cited = {one.article.id: one for one in reversed(group)}
    return Statement(
        text=group[0].text,
        citations=tuple(_citation(one) for one in reversed(cited.values())),
        verdict=Verdict.SUPPORTED,
        support=1.0,
    )


def _citation(one: _Told) -> Citation:
    article, start, end = one.article, one.sentence.start, one.sentence.end
    return Citation(
        article_id=article.id,
        revision=article.revision,
        start=start,
        end=end,
        quote=article.text[start:end],
        title=article.title,
        source=article.source,
        url=article.url,
        published=article.published,
    )


def _covered(told: Sequence[_Told], chosen: Iterable[_Told]) -> float:
    counts: dict[str, int] = {}
    for one in told:
        for stem in one.stems:
            counts[stem] = counts.get(stem, 0) + 1
    weights = {stem: log(1 + len(told) / count) for stem, count in counts.items()}
    held = frozenset().union(*(one.stems for one in chosen))
    full = [sum(weights[stem] for stem in one.stems) for one in told]
    got = [sum(weights[stem] for stem in one.stems & held) for one in told]
    represented = sum(part >= _REPRESENTED * whole > 0 for part, whole in zip(got, full, strict=True))
    return represented / max(1, sum(whole > 0 for whole in full))
