"""Is the evaluation itself right? Judges answers whose verdict is known and prints how many it gets wrong.

Usage: python eval/mutations.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from rag.clean import clean
from rag.evaluation import Fact, FactFile, Judgement, judge, read_facts
from rag.evaluation.facts import piece_spans
from rag.sentences import split_sentences
from rag.types import Answer, Article, Citation, RawDocument, Statement, Status, Verdict

HERE = Path(__file__).parent
MOST_REFUSED = 1  # of the right answers


def read_articles(facts: FactFile) -> dict[str, Article]:
    """The articles as an index holds them: cleaned, in sentences, under the name of their file."""
    articles = {}
    for path, text, language in zip(facts.articles, facts.texts, facts.languages, strict=True):
        article = clean(RawDocument(text=text, kind="plain", origin=str(path)))
        sentences = split_sentences(article.text, language)
        articles[path.stem] = article.model_copy(
            update={"id": path.stem, "revision": "new", "sentences": sentences}
        )
    return articles


def cited(piece: str, articles: dict[str, Article]) -> Citation:
    """The whole sentence that a piece stands in."""
    for article in articles.values():
        for start, _ in piece_spans(piece, article.text):
            of = next(one for one in article.sentences if one.start <= start < one.end)
            return Citation(
                number=1,
                article_id=article.id,
                revision="new",
                start=of.start,
                end=of.end,
                quote=article.text[of.start : of.end],
            )
    raise ValueError(f"{piece!r} stands in no article.")


def broken(citation: Citation, how: str, articles: dict[str, Article]) -> tuple[Citation, ...]:
    """The citation with the fault that `how` names."""
    text = articles[citation.article_id].text
    other = next(name for name in articles if name != citation.article_id)
    changes: dict[str, dict[str, Any]] = {
        "shifted": {"start": citation.start + 1, "end": citation.end + 1},
        "short": {"end": citation.end - 1},
        "invented": {"quote": citation.quote.replace("kein", "ein")},
        "empty": {"quote": ""},
        "elsewhere": {"article_id": other},
        "older": {"revision": "old"},
        "whole": {"start": 0, "end": len(text), "quote": text},
    }
    return () if how == "bare" else (citation.model_copy(update=changes.get(how, {})),)


def answer_of(entry: dict[str, Any], fact: Fact, articles: dict[str, Article]) -> Answer:
    """The answer that an entry describes."""
    how = entry.get("how", "")
    statements = tuple(
        Statement(
            text=text,
            citations=broken(cited(piece, articles), how, articles),
            verdict=Verdict.SUPPORTED,
            support=1,
        )
        for text, piece in entry["says"]
    )
    return Answer(
        status=Status.NOT_FOUND if how == "not_found" else Status.ANSWERED,
        question=fact.question,
        language=fact.language,
        statements=statements,
        text="\n".join(one.text for one in statements) or "–",  # noqa: RUF001
        citations=tuple(citation for one in statements for citation in one.citations),
    )


def judged() -> dict[str, list[tuple[dict[str, Any], Judgement]]]:
    """Every entry of mutations.yaml with its judgement, by what it should be."""
    facts = read_facts(HERE / "facts.yaml")
    articles = read_articles(facts)
    by_id = {fact.id: fact for fact in facts.facts}
    entries = yaml.safe_load((HERE / "mutations.yaml").read_text(encoding="utf-8"))
    return {
        group: [
            (entry, judge(of, answer_of(entry, of, articles), articles, facts.names, facts.terms))
            for entry in entries[group]
            for of in (by_id[entry["fact"]],)
        ]
        for group in ("right", "broken")
    }


def main() -> int:
    """Prints what is judged wrongly and the two counts; 1 if there is too much of it."""
    groups = judged()
    missed = [entry for entry, judgement in groups["broken"] if not judgement.faults]
    refused = [(entry, judgement) for entry, judgement in groups["right"] if judgement.faults]
    for entry in missed:
        print(f"not caught: {entry['fact']}: {entry['what']}")
    for entry, judgement in refused:
        print(f"refused: {entry['fact']}: {entry['says']}: {[fault.detail for fault in judgement.faults]}")
    caught = len(groups["broken"]) - len(missed)
    print(f"broken answers caught: {caught} of {len(groups['broken'])}")
    print(f"right answers in other words refused: {len(refused)} of {len(groups['right'])}")
    return int(bool(missed) or len(refused) > MOST_REFUSED)


if __name__ == "__main__":
    sys.exit(main())
