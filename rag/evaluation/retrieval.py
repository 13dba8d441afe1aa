"""Did the search find what proves a fact? Passages against proving sentences, in the measures of the field.

In: passages in their order, a fact, the articles; out: measures 0..1. Hides ir_measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.evaluation.facts import Fact, piece_spans
from rag.types import Article, Hit

K = 10  # passages that are looked at
_NAMES = {f"Success@{K}": "hit", f"RR@{K}": "mrr", f"nDCG@{K}": "ndcg", f"R@{K}": "recall"}


def retrieval(fact: Fact, hits: Sequence[Hit], articles: Mapping[str, Article]) -> dict[str, float]:
    """Hit, MRR, nDCG and recall at 10.

    What is sought is one document per required content; the first passage with a sentence that proves it is its
    place.
    """
    import ir_measures

    sought = {f"content {n}": 1 for n in range(len(fact.required))}
    ranked: dict[str, float] = {}
    for rank, hit in enumerate(hits[:K]):
        found = [f"content {n}" for n in _contents(fact, hit, articles) if f"content {n}" not in ranked]
        for name in found or [f"passage {rank}"]:
            ranked[name] = float(K - rank)
    # Contents of one passage share a place; the same number for both would leave their order to chance.
    scores = {name: score - 1e-3 * n for n, (name, score) in enumerate(ranked.items())}
    measures = [ir_measures.parse_measure(name) for name in _NAMES]
    values = ir_measures.calc_aggregate(measures, {"fact": sought}, {"fact": scores})
    return {_NAMES[str(measure)]: float(value) for measure, value in values.items()}


def _contents(fact: Fact, hit: Hit, articles: Mapping[str, Article]) -> list[int]:
    article = articles.get(hit.article_id)
    if article is None:
        return []
    return [
        n
        for n, content in enumerate(fact.required)
        if any(
            hit.start < end and start < hit.end
            for piece in fact.proof_of(content)
            for start, end in piece_spans(piece, article.text)
        )
    ]
