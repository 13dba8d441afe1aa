"""One answer against one fact: what is right, what is wrong, and why.

In: a fact, an answer, the articles it cites; out: a `Judgement`. Nothing here asks a model, and nothing
depends on how the answer was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from rag.evaluation.facts import Content, Fact, piece_spans
from rag.evaluation.matching import normalise, spans, stands, without_marks
from rag.evaluation.support import unsupported, wrong_language
from rag.types import Answer, Article, Citation, Noun, Statement, Status

MIN_SHARE = (
    0.25  # of a citation's characters that must lie in a proving sentence: a whole page proves nothing
)

FaultKind = Literal[
    "status", "cited", "missing", "unproven", "order", "forbidden", "span", "unsupported", "language", "error"
]


class Fault(Noun):
    """One thing that is wrong with an answer."""

    kind: FaultKind
    detail: str


class Judgement(Noun):
    """What was counted in one answer.

    `said` of `required` contents stand in a statement, `proven` of them in one whose citation proves them; of `spans`
    citations `proving` stand in a sentence that proves a required content; `right_spans` of
    them quote exactly what stands at their place; `supported` of `statements` say nothing
    forbidden and no name or number that their citations lack.
    """

    faults: tuple[Fault, ...] = ()
    required: int = Field(default=0, ge=0)
    said: int = Field(default=0, ge=0)
    proven: int = Field(default=0, ge=0)
    proving: int = Field(default=0, ge=0)
    spans: int = Field(default=0, ge=0)
    right_spans: int = Field(default=0, ge=0)
    statements: int = Field(default=0, ge=0)
    supported: int = Field(default=0, ge=0)

    def has(self, *kinds: FaultKind) -> bool:
        """True if a fault of one of these kinds was found."""
        return any(fault.kind in kinds for fault in self.faults)


def judge(
    fact: Fact,
    answer: Answer,
    articles: Mapping[str, Article],
    names: Mapping[str, Sequence[str]] | None = None,
    terms: Mapping[str, Sequence[str]] | None = None,
) -> Judgement:
    """Hold an answer against a fact.

    Args:
        fact: what a right answer must and must not say.
        answer: as the target gave it.
        articles: by id, at least those that the answer cites, with text and sentences.
        names: spellings of one name per group, as in `FactFile.names`.
        terms: translations of one word per group, as in `FactFile.terms`.
    """
    citations = _all_citations(answer)
    wrong = [fault for fault in (_span_fault(citation, articles) for citation in citations) if fault]
    content = [_content_fault(fact, item, answer, articles) for item in fact.required]
    statements = [
        _statement_faults(fact, statement, articles, names or {}, terms or {})
        for statement in answer.statements
    ]
    pieces = [piece for item in fact.required for piece in fact.proof_of(item)]
    faults = [
        *_status_faults(fact, answer, citations),
        *(fault for fault in content if fault),
        *_order_faults(fact, answer),
        *(fault for of_one in statements for fault in of_one),
        *wrong,
        *_language_faults(fact, answer),
    ]
    return Judgement(
        faults=tuple(faults),
        required=len(content),
        said=sum(fault is None or fault.kind != "missing" for fault in content),
        proven=content.count(None),
        proving=sum(_proves(citation, pieces, articles) for citation in citations),
        spans=len(citations),
        right_spans=len(citations) - len(wrong),
        statements=len(statements),
        supported=statements.count([]),
    )


def _all_citations(answer: Answer) -> list[Citation]:
    """Every place that is cited, once, whatever its number."""
    seen: dict[tuple[str, str, int, int, str], Citation] = {}
    for citation in (*answer.citations, *(c for s in answer.statements for c in s.citations)):
        key = (citation.article_id, citation.revision, citation.start, citation.end, citation.quote)
        seen.setdefault(key, citation)
    return list(seen.values())


def _status_faults(fact: Fact, answer: Answer, citations: Sequence[Citation]) -> list[Fault]:
    faults = []
    if answer.status not in fact.statuses:
        wanted = " or ".join(sorted(fact.statuses))
        faults.append(Fault(kind="status", detail=f"status is {answer.status}, right is {wanted}"))
    silent = answer.status is Status.NOT_FOUND or fact.status is Status.NOT_FOUND
    if silent and (citations or answer.statements):
        shown = f"{len(answer.statements)} statements and {len(citations)} citations"
        faults.append(Fault(kind="cited", detail=f"shows {shown} where it should show none"))
    return faults


def _span_fault(citation: Citation, articles: Mapping[str, Article]) -> Fault | None:
    place = f"{citation.article_id}[{citation.start}:{citation.end}]"
    article = articles.get(citation.article_id)
    if article is None:
        return Fault(kind="span", detail=f"{place}: there is no such article")
    if article.revision and citation.revision and article.revision != citation.revision:
        return Fault(
            kind="span", detail=f"{place}: quotes revision {citation.revision}, not {article.revision}"
        )
    there = article.text[citation.start : citation.end]
    if not citation.quote.strip() or there != citation.quote:
        return Fault(kind="span", detail=f"{place}: quotes {citation.quote!r}, there stands {there!r}")
    return None


def _content_fault(
    fact: Fact, content: Content, answer: Answer, articles: Mapping[str, Article]
) -> Fault | None:
    saying = [s for s in answer.statements if content.said(without_marks(s.text))]
    if not saying:
        return Fault(kind="missing", detail=f"does not say {content.name}")
    pieces = fact.proof_of(content)
    cited = [citation for statement in saying for citation in statement.citations]
    if any(_proves(citation, pieces, articles) for citation in cited):
        return None
    quotes = "; ".join(f"{citation.quote!r}" for citation in cited) or "nothing"
    return Fault(kind="unproven", detail=f"says {content.name} but cites {quotes}")


def _order_faults(fact: Fact, answer: Answer) -> list[Fault]:
    """One fault if a list that has an order is said in another."""
    if not fact.ordered:
        return []
    shown = [without_marks(statement.text) for statement in answer.statements]
    places = [_place(content, shown) for content in fact.required]
    known = [place for place in places if place]
    if known == sorted(known):
        return []
    pairs = [(place, content.name) for place, content in zip(places, fact.required, strict=True) if place]
    said = [name for _, name in sorted(pairs)]
    return [Fault(kind="order", detail=f"says them in the order {', '.join(said)}")]


def _place(content: Content, shown: Sequence[str]) -> tuple[int, int] | None:
    """Number of the first statement that says a content, and where in it."""
    for number, text in enumerate(shown):
        if content.said(text):
            normal = normalise(text)
            starts = [start for form in content.any for start, _ in spans(form, normal)]
            return number, min(starts, default=0)
    return None


def _proves(citation: Citation, pieces: Iterable[str], articles: Mapping[str, Article]) -> bool:
    article = articles.get(citation.article_id)
    if article is None or _span_fault(citation, articles):
        return False
    return any(
        min(citation.end, end) - max(citation.start, start) >= MIN_SHARE * (citation.end - citation.start)
        for start, end in proving_spans(article, pieces)
    )


def proving_spans(article: Article, pieces: Iterable[str]) -> list[tuple[int, int]]:
    """Places of the whole sentences that the pieces stand for; of the pieces, if sentences are not known."""
    found = [span for piece in pieces for span in piece_spans(piece, article.text)]
    whole = [
        (sentence.start, sentence.end)
        for start, end in found
        for sentence in article.sentences
        if sentence.start < end and start < sentence.end
    ]
    return whole or found


def _statement_faults(
    fact: Fact,
    statement: Statement,
    articles: Mapping[str, Article],
    names: Mapping[str, Sequence[str]],
    terms: Mapping[str, Sequence[str]],
) -> list[Fault]:
    shown = without_marks(statement.text)
    own_words = _own_words(fact, statement, articles)
    faults = [
        Fault(kind="forbidden", detail=f"says {form}: {shown!r}")
        for form in fact.forbidden
        if stands([form], own_words)
    ]
    strange = unsupported(
        statement,
        articles=articles,
        question=fact.question,
        language=fact.language,
        names=names,
        terms=terms,
        exempt=[form for content in fact.required for form in content.any],
    )
    return faults + [Fault(kind="unsupported", detail=f"{what}: {shown!r}") for what in strange]


def _own_words(fact: Fact, statement: Statement, articles: Mapping[str, Article]) -> str:
    """The statement in normal form, less whole sentences that it may quote whatever they name.

    Those are the sentences that prove the fact and, where the answer is no whole list, every sentence
    cited; in a list a quoted sentence about others is an extra item.
    """
    pieces = [piece for content in fact.required for piece in fact.proof_of(content)]
    quotable = [
        article.text[start:end]
        for article in articles.values()
        for start, end in proving_spans(article, pieces)
    ]
    for citation in () if fact.complete else statement.citations:
        article = articles.get(citation.article_id)
        quotable += [
            article.text[sentence.start : sentence.end]
            for sentence in (article.sentences if article else ())
            if article and citation.start <= sentence.start and sentence.end <= citation.end
        ]
    own = normalise(without_marks(statement.text))
    for sentence in quotable:
        own = own.replace(normalise(sentence), " ")
    return own


def _language_faults(fact: Fact, answer: Answer) -> list[Fault]:
    if answer.language and answer.language != fact.language:
        return [
            Fault(kind="language", detail=f"says it answers in {answer.language}, asked in {fact.language}")
        ]
    shown = " ".join(statement.text for statement in answer.statements) or answer.text
    other = wrong_language(shown, fact.language)
    return [Fault(kind="language", detail=f"answers in {other}, asked in {fact.language}")] if other else []
