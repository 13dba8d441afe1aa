"""A question to the passages and sentences that are nearest to it.

In: a question and filters. Out: hits, nearest first. Meaning (cosines) and words (BM25) are fused on one
scale that is the same for every question: a hit's score is its cosine plus what its words add. Words count by
how much of the question they cover, so accidental matches never drown a question in another language. A long question
is several in one, and no passage is near all of it: it is searched in parts as well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from rag.catalog import SqliteCatalog
from rag.sentences import detect_language
from rag.types import Article, Encoder, Filters, FoundBy, Hit, Passage, Sentence, VectorIndex
from rag.words import index_terms, name_terms, query_terms

if TYPE_CHECKING:
    from rag.types import Vectors


@dataclass(frozen=True, slots=True)
class Weights:
    """How the legs are fused. The defaults are what eval/search_ablation.py found best.

    Attributes:
        dense: weight of the cosine; 0 switches the leg off.
        words: what a passage that holds all words of the question gains, in cosines.
        sentence_words: the same for a sentence.
        passage: how much a sentence's score rests on its passage, 0..1; the rest is its own.
        dense_depth: candidates by meaning.
        words_depth: candidates by words.
        passages: passages whose sentences are ranked.
        parts: how much the score of a long question rests on that of its nearest part, 0..1; 0 leaves it whole.
    """

    dense: float = 1.0
    words: float = 0.1
    sentence_words: float = 0.05
    passage: float = 0.5
    dense_depth: int = 60
    words_depth: int = 30
    passages: int = 6
    parts: float = 0.5


WAYS: dict[str, Weights] = {
    "both": Weights(),
    "words": replace(Weights(), dense=0.0, passage=1.0, parts=0.0),
    "meaning": replace(Weights(), words=0.0, sentence_words=0.0, parts=0.0),
}
"""Ways to search by name: the default and each leg alone, questions whole, to be held against each other."""


@dataclass(frozen=True, slots=True)
class _Query:
    """A question's words.

    `frequencies` counts the passages of each term, `weights` is its rarity, `potential` what BM25 gives a
    good match of all of them, `covered` the share (0..1) of the question that the index can reach. `terms`
    may hold names in other languages' stems besides. `anchors` are the rarest terms, empty if all are rare
    enough to be looked for. `trust` (0..1) is what words count: less where no article is in the question's
    language.
    """

    terms: tuple[str, ...]
    frequencies: Mapping[str, int]
    weights: Mapping[str, float]
    potential: float
    covered: float
    anchors: tuple[str, ...] = ()
    trust: float = 1.0

    def covers(self, terms: frozenset[str]) -> float:
        """The share (0..1) of the question's words among these terms, rare words counting more."""
        total = sum(self.weights.values())
        return sum(weight for term, weight in self.weights.items() if term in terms) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class _Look:
    """A question, or a part of one, ready to be searched: its vector, shape (dimensions,), and its words."""

    vector: Vectors
    query: _Query


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look finds by passage id: cosines by meaning, BM25 by words."""

    dense: Mapping[str, float]
    words: Mapping[str, float]


# BM25 gives a term its rarity times 0 to 2.2, by how often it stands; 2 is what a passage about it gets.
_SATURATION = 2.0
# Scoring a passage takes about a microsecond per term. Common terms still count where a rarer one stands;
# with anchors in a tenth of all passages, nDCG@10 of the words stays within .003.
_ANCHORED = 2000
_KEPT_TERMS = 4096  # sentences whose terms are kept, a few kB each
_LONG = 27  # words from which a question is searched in parts too; one that asks for one thing has a dozen, rarely two
_PART = 20  # words of a part; the next one begins in its middle, so that what belongs together stands together in one
_PARTS = 12  # that a question has at most, each costs as much as a short question
_TWINS = 2  # as many sentences that say the same in the same words are shown before any third one


_Read = Callable[[Iterable[str]], dict[str, Article]]  # articles by id, whole or not


class Retriever:
    """Finds passages and sentences in one index.

    Args:
        catalog: words, passages and articles.
        vectors: the vectors of the passages.
        encoder: the one that made `vectors`.
        weights: how the legs are fused.
        kept_sentences: how many sentence vectors are kept in memory (1.5 kB each with 384 dimensions).
    """

    def __init__(
        self,
        catalog: SqliteCatalog,
        vectors: VectorIndex,
        encoder: Encoder,
        weights: Weights | None = None,
        *,
        kept_sentences: int = 8_000,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._encoder = encoder
        self._weights = weights or Weights()
        self._sentence_vectors = _SentenceVectors(encoder, kept_sentences)
        self._terms = lru_cache(maxsize=_KEPT_TERMS)(_terms)

    def passages(self, question: str, k: int, filters: Filters | None = None) -> list[Hit]:
        """The `k` passages nearest to `question`, nearest first; none if no article passes `filters`.

        `score` is the cosine of question and passage plus at most 0.1 for the words they share. It means the
        same for every question, and is not a probability.
        """
        return self._nearest(self._looks(question), k, filters, self._catalog.heads)[0]

    def sentences(self, question: str, k: int, filters: Filters | None = None) -> list[Hit]:
        """The `k` sentences nearest to `question` inside the nearest passages, nearest first.

        `score` is the mean of the sentence's own score (cosine plus at most 0.05 for shared words) and the
        score of its passage. Headings are left out: they help their passage to be found. Of sentences that
        say the same in the same words, the third and further ones stand last.
        """
        looks = self._looks(question)
        wanted = max(self._weights.passages, k // 2)
        passages, articles = self._nearest(looks, wanted, filters, self._catalog.texts)
        hits: dict[tuple[str, int], Hit] = {}
        for passage in passages:
            article = articles[passage.article_id]
            for sentence in article.sentences[passage.first : passage.last + 1]:
                if not sentence.heading:  # one that two passages share counts with the nearer one
                    hits.setdefault((article.id, sentence.n), _sentence_hit(article, passage, sentence))
        scored = self._score_sentences(looks[0], list(hits.values()))
        return self._twins_last(scored)[:k]

    def _score_sentences(self, look: _Look, hits: Sequence[Hit]) -> list[Hit]:
        """Sentences that carry the scores of their passages get their own, nearest first."""
        share, words, query = self._weights.passage, self._weights.sentence_words, look.query
        cosines = self._sentence_vectors.of(hits) @ look.vector
        scored = []
        for hit, cosine in zip(hits, cosines, strict=True):
            own = float(cosine) + words * query.trust * query.covers(self._terms(hit.text, hit.language))
            scored.append(hit.model_copy(update={"score": share * hit.score + (1 - share) * own}))
        return sorted(scored, key=lambda hit: (-hit.score, hit.article_id, hit.first))

    def _twins_last(self, hits: Sequence[Hit]) -> list[Hit]:
        """The same hits; those whose words were already seen `_TWINS` times come last."""
        seen: dict[frozenset[str], int] = {}
        first: list[Hit] = []
        last: list[Hit] = []
        for hit in hits:
            words = self._terms(hit.text, hit.language)
            seen[words] = seen.get(words, 0) + 1
            (first if seen[words] <= _TWINS or not words else last).append(hit)
        return first + last

    def neighbours(self, hit: Hit, before: int = 1, after: int = 1) -> list[Hit]:
        """The sentences around `hit` in its article, in the order of the text, `hit` itself left out.

        Headings are left out. Each has the score and origin of `hit`. Empty if the article has changed since.
        """
        article = self._catalog.texts([hit.article_id]).get(hit.article_id)
        if article is None or article.revision != hit.revision:
            return []
        around = article.sentences[max(0, hit.first - before) : hit.last + 1 + after]
        return [
            _sentence_hit(article, hit, sentence)
            for sentence in around
            if not sentence.heading and not hit.first <= sentence.n <= hit.last
        ]

    def similarities(self, question: str, hits: Sequence[Hit]) -> list[float]:
        """The cosine of `question` and each hit's text alone, −1..1; sentences ranked before cost nothing."""
        if not hits:
            return []
        vector = self._encoder.encode_questions([question])[0]
        return [float(cosine) for cosine in self._sentence_vectors.of(hits) @ vector]

    def _looks(self, question: str) -> list[_Look]:
        """The question, and behind it the parts of a long one, all read in the language of the whole."""
        parts = question_parts(question) if self._weights.parts else ()
        language = detect_language(question)
        return [
            _Look(self._encoder.encode_questions([text])[0], self._read(text, language))
            for text in (question, *parts)
        ]

    def _read(self, question: str, detected: str) -> _Query:
        """The question's words, read in its language, and how rare each is.

        Where its language is unsure or none of the index's, it is read in the language that knows most of it.
        """
        languages = self._catalog.languages()
        readings = [detected] if detected in languages else [detected, *languages]
        total = self._catalog.count_passages()
        queries = [self._weigh(query_terms(question, reading), total) for reading in readings]
        own = max(queries, key=lambda query: query.covered)
        language = readings[queries.index(own)]
        others = (other for other in languages if other != language)
        names = (name for other in others for name in name_terms(question, language, other))
        extra = tuple(name for name in dict.fromkeys(names) if name not in own.frequencies)
        frequencies = {**own.frequencies, **(self._catalog.term_frequencies(extra) if extra else {})}
        foreign = bool(detected) and detected not in languages
        return replace(
            own,
            terms=own.terms + extra,
            anchors=_rarest(frequencies),
            trust=own.covered if foreign else 1.0,
        )

    def _weigh(self, terms: tuple[str, ...], total: int) -> _Query:
        frequencies = self._catalog.term_frequencies(terms)
        weights = {term: log(1 + (total + 0.5) / (n + 0.5)) for term, n in frequencies.items()}
        all_of_it = sum(weights[term] for term in terms)
        reached = sum(weights[term] for term in terms if frequencies[term])
        covered = reached / all_of_it if all_of_it else 0.0
        return _Query(terms, frequencies, weights, all_of_it * _SATURATION, covered)

    def _rank(
        self, looks: Sequence[_Look], k: int, filters: Filters | None
    ) -> list[tuple[str, float, FoundBy]]:
        """(passage id, score, found by) of all candidates, nearest first."""
        articles = self._catalog.matching_articles(filters)
        if articles is not None and not articles:
            return []
        found = [self._find(look, k, articles, filters) for look in looks]
        dense = {id_ for one in found for id_ in one.dense}
        words = {id_ for one in found for id_ in one.words}
        ids = list(dict.fromkeys(id_ for one in found for id_ in (*one.dense, *one.words)))
        whole, *parts = (self._scores(look, one, ids) for look, one in zip(looks, found, strict=True))
        ranked = []
        for id_ in ids:
            score = self._joined(whole[id_], [part[id_] for part in parts])
            ranked.append((id_, score, _found_by(id_ in dense, id_ in words)))
        return sorted(ranked, key=lambda item: (-item[1], item[0]))

    def _joined(self, whole: float, parts: Sequence[float]) -> float:
        """The score of a passage that is near one part of a long question, or all of it."""
        share = self._weights.parts
        return (1 - share) * whole + share * max(parts) if parts else whole

    def _find(self, look: _Look, k: int, articles: Sequence[str] | None, filters: Filters | None) -> _Found:
        weights, query = self._weights, look.query
        dense: dict[str, float] = {}
        if weights.dense:
            depth = max(weights.dense_depth, 2 * k)
            dense = dict(self._vectors.query(look.vector, depth, article_ids=articles))
        words: dict[str, float] = {}
        if weights.words and query.terms:
            depth = max(weights.words_depth, k)
            found = self._catalog.search_words(query.terms, depth, filters, anchors=query.anchors)
            words = dict(found)
        return _Found(dense, words)

    def _scores(self, look: _Look, found: _Found, ids: Sequence[str]) -> dict[str, float]:
        """The score of each of `ids`; words count where they were looked up."""
        weights, query = self._weights, look.query
        missing = [id_ for id_ in ids if id_ not in found.dense]
        cosines = {**found.dense, **(self._vectors.cosines(look.vector, missing) if weights.dense else {})}
        scores = {}
        for id_ in ids:
            gain = min(1.0, found.words.get(id_, 0.0) / query.potential) if query.potential else 0.0
            scores[id_] = weights.dense * cosines.get(id_, 0.0) + weights.words * query.trust * gain
        return scores

    def _nearest(
        self, looks: Sequence[_Look], k: int, filters: Filters | None, read: _Read
    ) -> tuple[list[Hit], dict[str, Article]]:
        """The `k` nearest passages, and their articles by id in the same revisions, as `read` gives them."""
        ranked = self._rank(looks, k, filters)
        hits, articles = self._look_up(ranked[:k], read)
        if len(hits) < min(k, len(ranked)):  # vectors of articles that were deleted or revised a moment ago
            hits, articles = self._look_up(ranked, read)
        return hits[:k], articles

    def _look_up(
        self, ranked: Sequence[tuple[str, float, FoundBy]], read: _Read
    ) -> tuple[list[Hit], dict[str, Article]]:
        passages = {p.id: p for p in self._catalog.passages([id_ for id_, _, _ in ranked])}
        articles = read({passage.article_id for passage in passages.values()})
        hits = []
        for id_, score, found_by in ranked:
            passage = passages.get(id_)
            article = articles.get(passage.article_id) if passage else None
            if passage and article and article.revision == passage.revision:
                hits.append(_passage_hit(article, passage, score, found_by))
        return hits, articles


class _SentenceVectors:
    """Vectors of sentences, made when first asked for and kept, the longest unused ones dropped first."""

    def __init__(self, encoder: Encoder, kept: int) -> None:
        self._encoder = encoder
        self._kept = kept
        self._vectors: OrderedDict[tuple[str, str, int, int], Vectors] = OrderedDict()
        self._lock = Lock()

    def of(self, hits: Sequence[Hit]) -> Vectors:
        """Shape (len(hits), dimensions)."""
        keys = [(hit.article_id, hit.revision, hit.start, hit.end) for hit in hits]
        with self._lock:
            known = {key: self._vectors[key] for key in keys if key in self._vectors}
        new = {key: hit.text for key, hit in zip(keys, hits, strict=True) if key not in known}
        if new:
            known.update(zip(new, self._encoder.encode_passages(list(new.values())), strict=True))
        with self._lock:
            for key in keys:
                self._vectors[key] = known[key]
                self._vectors.move_to_end(key)
            while len(self._vectors) > self._kept:
                self._vectors.popitem(last=False)
        if not keys:
            return np.zeros((0, self._encoder.dimensions), dtype=np.float32)
        return np.stack([known[key] for key in keys])


def question_parts(question: str) -> tuple[str, ...]:
    """The parts that a long question is searched in besides: runs of 20 words, at most 12; none of a short one.

    They overlap by half. Cut by words rather than clauses, it is the same in every language; clauses found no more.
    """
    words = question.split()
    if len(words) < _LONG:
        return ()
    step = _PART // 2
    starts = range(0, len(words) - step, step)
    return tuple(" ".join(words[at : at + _PART]) for at in starts[:_PARTS])


def _rarest(frequencies: Mapping[str, int]) -> tuple[str, ...]:
    """The rarest terms, at least one, of at most `_ANCHORED` passages together; empty if that is all."""
    present = sorted((n, term) for term, n in frequencies.items() if n)
    total = 0
    for place, (n, _) in enumerate(present):
        total += n
        if place and total > _ANCHORED:
            return tuple(term for _, term in present[:place])
    return ()


def _found_by(dense: bool, words: bool) -> FoundBy:
    if dense and words:
        return FoundBy.BOTH
    return FoundBy.DENSE if dense else FoundBy.WORDS


def _passage_hit(article: Article, passage: Passage, score: float, found_by: FoundBy) -> Hit:
    return Hit(
        kind="passage",
        article_id=passage.article_id,
        revision=passage.revision,
        first=passage.first,
        last=passage.last,
        start=passage.start,
        end=passage.end,
        text=passage.text,
        score=score,
        found_by=found_by,
        title=article.title,
        source=article.source,
        url=article.url,
        published=article.published,
        language=article.language,
    )


def _sentence_hit(article: Article, near: Hit, sentence: Sentence) -> Hit:
    """A sentence with the score and origin of a hit in the same article."""
    return near.model_copy(
        update={
            "kind": "sentence",
            "first": sentence.n,
            "last": sentence.n,
            "start": sentence.start,
            "end": sentence.end,
            "text": article.text[sentence.start : sentence.end],
            "heading": sentence.heading,
        }
    )


def _terms(text: str, language: str) -> frozenset[str]:
    return frozenset(index_terms(text, language).split())
