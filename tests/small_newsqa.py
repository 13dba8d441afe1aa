"""A hand-made `NewsQA` for the tests of the doors: real nouns, articles in memory, no index, no model.

It answers with the first sentence that shares a long word with the question; it can be told to fail.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rag.errors import ArticleNotFound, InputError, RagError
from rag.types import (
    AddReport,
    Answer,
    Article,
    Checked,
    CheckReport,
    Citation,
    Deletion,
    DraftCheck,
    Event,
    Evidence,
    Filters,
    Form,
    FoundBy,
    Hit,
    Message,
    Sentence,
    Statement,
    Status,
    Summary,
    Upload,
    Usage,
    Verdict,
)

HARBOUR = Article(
    text="The old bridge was closed in March.\n\nThe mayor opened the new harbour on Friday.",
    title="A harbour – at last",
    source="Example Times",
    url="https://example.org/harbour",
    published=datetime(2025, 3, 7, tzinfo=UTC),
    language="en",
)
NO_ADDRESS = Article(
    text="Der Zirkus kam nach Köln. Er blieb\u2028zwei Wochen.", title="Zirkus", language="de"
)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _indexed(article: Article) -> Article:
    spans = [match.span() for match in re.finditer(r"\S[^.\n]*\.", article.text)]
    sentences = tuple(Sentence(n=n, start=start, end=end) for n, (start, end) in enumerate(spans))
    filled = {
        "id": _hash(article.url or article.text),
        "revision": _hash(article.text),
        "sentences": sentences,
    }
    return article.model_copy(update=filled)


class SmallNewsQA:
    """Public methods of `NewsQA` over a dictionary.

    `failure` is raised by every question, by a stream only after its evidence if `late` is set. `asked`
    keeps (question, history, filters) of every question.
    """

    def __init__(self, *articles: Article) -> None:
        self.stored = {one.id: one for one in map(_indexed, articles)}
        self.failure: RagError | None = None
        self.late = False
        self.asked: list[tuple[str, tuple[Message, ...], dict[str, Any]]] = []
        self.summarised: list[tuple[str, str, int | None, str]] = []
        self.closed = False

    def ask(self, question: str, *, history: Sequence[Message] = (), **filters: Any) -> Answer:
        *_, last = self.stream(question, history=history, **filters)
        assert isinstance(last, Answer)
        return last

    def stream(self, question: str, *, history: Sequence[Message] = (), **filters: Any) -> Iterator[Event]:
        self.asked.append((question, tuple(history), filters))
        if self.failure and not self.late:
            raise self.failure
        hits = tuple(self.search(question, **filters))
        yield Evidence(hits=hits)
        if self.failure:
            raise self.failure
        if not hits:
            yield Answer(
                status=Status.NOT_FOUND, question=question, language="en", text="The articles do not tell."
            )
            return
        statement = _statement(hits[0])
        yield statement
        yield Answer(
            status=Status.ANSWERED,
            question=question,
            language="en",
            statements=(statement,),
            text=f"{statement.text} [1]",
            citations=statement.citations,
            usage=Usage(calls=1, prompt_tokens=30, cached_tokens=10, output_tokens=5),
        )

    def search(self, question: str, k: int = 10, **filters: Any) -> list[Hit]:
        if not question.strip():
            raise InputError("The question is empty.", hint="Write a question.")
        words = set(re.findall(r"\w{5,}", question.lower()))
        found = [
            _hit(article, sentence)
            for article in self._passing(filters)
            for sentence in article.sentences
            if words & set(re.findall(r"\w{5,}", article.text[sentence.start : sentence.end].lower()))
        ]
        return found[:k]

    def verify(self, text: str, *, progress: Any = None, **filters: Any) -> DraftCheck:
        if not text.strip():
            raise InputError("The draft is empty.", hint="Pass the text to be checked.")
        hits = self.search(text, **filters)
        cited = tuple(_statement(hit).citations[0] for hit in hits[:1])
        verdict = Verdict.SUPPORTED if cited else Verdict.NOT_FOUND
        one = Checked(text=text, start=0, end=len(text), verdict=verdict, support=0.5, citations=cited)
        return DraftCheck(language="en", statements=(one,), citations=cited)

    def summarise(
        self,
        article_ids: Sequence[str] | None = None,
        *,
        query: str | None = None,
        k: int = 20,
        language: str | None = None,
        sentences: int | None = None,
        form: Form | str = Form.TEXT,
        focus: str = "",
        words: int | None = None,
        written_in: str = "",
        deadline: float | None = None,
        progress: Any = None,
        **filters: Any,
    ) -> Summary:
        self.summarised.append((form, focus, words, written_in))
        hits = self.search(query, k, **filters) if query else []
        hits += [_hit(article, article.sentences[0]) for article in map(self.article, article_ids or ())]
        if not hits:
            raise InputError("Nothing to summarise.", hint="Pass article_ids or a query.")
        statements = tuple(map(_statement, hits[: sentences or 5]))
        return Summary(
            status=Status.ANSWERED,
            language=language or "en",
            form=Form(form),
            statements=statements,
            text=" ".join(f"{statement.text} [1]" for statement in statements),
            citations=statements[0].citations,
            covered=0.5,
            article_ids=tuple(article_ids or ()),
        )

    def stream_summary(
        self, article_ids: Sequence[str] | None = None, **wanted: Any
    ) -> Iterator[Statement | Summary]:
        summary = self.summarise(article_ids, **wanted)
        yield from summary.statements
        yield summary

    def add(self, sources: Any, progress: Any = None) -> AddReport:
        articles = [_indexed(_article(one)) for one in sources]
        known = [one.id for one in articles if one.id in self.stored]
        self.stored |= {one.id: one for one in articles}
        return AddReport(
            added=tuple(one.id for one in articles if one.id not in known), unchanged=tuple(known)
        )

    def articles(self, **filters: Any) -> list[Article]:
        return [one.model_copy(update={"text": "", "sentences": ()}) for one in self._passing(filters)]

    def article(self, article_id: str, revision: str | None = None) -> Article:
        known = self.stored.get(article_id)
        if known is None or (revision and revision != known.revision):
            raise ArticleNotFound(f"No article has the id {article_id!r}.", hint="`rag list` shows the ids.")
        return known

    def delete(self, article_id: str) -> Deletion:
        gone = self.article(article_id)
        del self.stored[article_id]
        return Deletion(
            article_id=gone.id,
            revisions=1,
            sentences=len(gone.sentences),
            passages=1,
            vectors=1,
            proven=True,
        )

    def check(self, repair: bool = True) -> CheckReport:
        return CheckReport(ok=True, articles=len(self.stored), passages=1, vectors=1)

    def rebuild(self, progress: Any = None) -> CheckReport:
        return self.check()

    def close(self) -> None:
        self.closed = True

    def _passing(self, filters: dict[str, Any]) -> list[Article]:
        wanted = Filters.model_validate(filters)
        return [
            one
            for one in self.stored.values()
            if (not wanted.article_ids or one.id in wanted.article_ids)
            and (not wanted.language or one.language == wanted.language)
            and (not wanted.published_after or (one.published and one.published >= wanted.published_after))
        ]


def _article(one: Any) -> Article:
    if isinstance(one, Upload):
        return Article(text=one.data.decode(), title=one.name)
    return one if isinstance(one, Article) else Article(text=str(one))


def _hit(article: Article, sentence: Sentence) -> Hit:
    return Hit(
        kind="passage",
        article_id=article.id,
        revision=article.revision,
        first=sentence.n,
        last=sentence.n,
        start=sentence.start,
        end=sentence.end,
        text=article.text[sentence.start : sentence.end],
        score=0.5,
        found_by=FoundBy.WORDS,
        title=article.title,
        source=article.source,
        url=article.url,
        published=article.published,
        language=article.language,
    )


def _statement(hit: Hit) -> Statement:
    citation = Citation(
        number=1,
        article_id=hit.article_id,
        revision=hit.revision,
        start=hit.start,
        end=hit.end,
        quote=hit.text,
        title=hit.title,
        source=hit.source,
        url=hit.url,
        published=hit.published,
    )
    return Statement(text=hit.text, citations=(citation,), verdict=Verdict.SUPPORTED, support=0.9)
