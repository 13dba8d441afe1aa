"""`NewsQA`: one object behind every door, the only module that knows the order of things.

question -> stands alone -> sentences found -> items copied -> items judged -> statements -> answer
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from rag import chat, compose, forms, glossary, summarise, translate, verify
from rag.align import Aligned, aligned, held
from rag.answer import MAX_CHOICES, choose, copy, is_complete, whole
from rag.claims import Meaning, claims_fingerprint
from rag.clean import clean
from rag.compose import Judged
from rag.disagreement import disagreements
from rag.draft import Archive, check_draft
from rag.encoder import open_encoder
from rag.errors import InputError, RagError
from rag.index import Index, open_index
from rag.llm import open_llm
from rag.load import load, read_document
from rag.prompts import load_prompt
from rag.question import Kind, Question, adds, leans, read_question
from rag.retrieve import Retriever, Weights
from rag.sentences import detect_language
from rag.settings import Settings, read_settings
from rag.types import (
    AddReport,
    Answer,
    Article,
    ChatModel,
    CheckReport,
    Deletion,
    Disagreement,
    Dispute,
    DraftCheck,
    Encoder,
    Event,
    Evidence,
    Failure,
    Filters,
    Form,
    Hit,
    Message,
    Progress,
    RawDocument,
    Statement,
    Status,
    Summary,
    SummaryEvent,
    TokenEncoder,
    Upload,
    Usage,
)
from rag.words import words

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

Source = Article | Upload | str | Path
_PROMPTS = ("select", "copy", "confirm", "translate", "standalone")
_POOL = 12  # sentences that are ranked for one question
_CONTEXT_CHARS = 560  # about 180 tokens: what the model reads is what an answer costs
_SECOND_LOOKS = 2  # sentences per question that the model is asked about once more
_SURE_COPY = 0.6  # mean token probability with which copied words may stand alone
_GOES_ON = 0.5  # probability of yes from which a continuation of a list belongs to it
_MAX_DRAFT_CHARS = 200_000
_DEFAULT: Any = object()


class NewsQA:
    """Asks a pile of articles; see `open`. Any thread may search and ask while one adds."""

    def __init__(self, index: Index, settings: Settings, llm: ChatModel | None = _DEFAULT) -> None:
        self._index = index
        self._settings = settings
        self._retriever = Retriever(index.catalog, index.vectors, index.encoder)
        self._meaning = Meaning(index.encoder) if isinstance(index.encoder, TokenEncoder) else None
        self._llm_given = llm
        self._llm_lock = Lock()
        self._progress: Progress | None = None

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        llm: ChatModel | None = _DEFAULT,
        mend: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """Opens the index in `path`, or creates it; models that are missing are fetched.

        The language model is loaded by the first question that needs it.

        Args:
            path: the data folder; that of the settings if not given.
            settings: those of the environment if not given.
            encoder: the default encoder if not given.
            llm: the model of the settings if not given; None answers with whole sentences, without any model.
            mend: open even an index that only `check` or `rebuild` can help.
            progress: told of what takes long.

        Raises:
            StoreLocked, IndexMismatch, StoreDamaged, StoreFull: see `rag.index.open_index`.
            ModelMissing, ModelCorrupt: the encoder cannot be had.
        """
        settings = settings or read_settings()
        folder = Path(path) if path is not None else settings.data
        encoder = encoder or open_encoder(settings, progress)
        index = open_index(folder, encoder, chroma_url=settings.chroma_url, mend=mend, progress=progress)
        qa = cls(index, settings, llm)
        qa._progress = progress
        return qa

    def beside(self, path: str | Path) -> Self:
        """Another index in another folder that answers with the models of this one; close it before this one.

        Raises:
            StoreLocked, IndexMismatch, StoreDamaged, StoreFull: see `rag.index.open_index`.
        """
        other = self.open(path, settings=self._settings, encoder=self._index.encoder)
        other._owner = self
        return other

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases index, locks and a language model that was opened here. Twice is harmless."""
        self._index.close()
        with self._llm_lock:
            if self._llm_opened is not None:
                self._llm_opened.close()
                self._llm_opened = None

    # --- articles --------------------------------------------------------------------------------

    def add(self, sources: Source | Iterable[Source], progress: Progress | None = None) -> AddReport:
        """Adds articles, files, folders, URLs or feeds; twice is a no-op, a changed text a new revision.

        What cannot be read is listed in the report, the rest is added.

        Raises:
            DocumentError: a folder without anything to read. StoreError: the index cannot be written.
        """
        return self._index.add(self._documents(sources), progress)

    def _documents(self, sources: Source | Iterable[Source]) -> Iterator[Article | Failure]:
        for source in (sources,) if isinstance(sources, (Article, Upload, str, Path)) else sources:
            if isinstance(source, Article):
                yield source
                continue
            if isinstance(source, Upload):
                yield _uploaded(source, self._settings)
                continue
            for document in load(source, self._settings):
                yield document if isinstance(document, Failure) else _article(document)

    def articles(self, **filters: Any) -> list[Article]:
        """All articles that pass the filters, newest first, without their texts."""
        return self._index.articles(_filters(filters))

    def article(self, article_id: str, revision: str | None = None) -> Article:
        """One article with text and sentences; with `revision` an older text of it.

        Raises:
            ArticleNotFound: no such article or revision.
        """
        return self._index.article(article_id, revision)

    def delete(self, article_id: str) -> Deletion:
        """Removes an article with all its revisions and proves that nothing of it is left.

        Raises:
            ArticleNotFound: no such article.
        """
        return self._index.delete(article_id)

    def rebuild(self, progress: Progress | None = None) -> CheckReport:
        """Builds the vectors anew from the catalog beside the old ones, then switches over."""
        return self._index.rebuild(progress)

    def check(self, repair: bool = True) -> CheckReport:
        """Compares catalog, words and vectors and repairs what differs."""
        return self._index.check(repair)

    # --- asking ----------------------------------------------------------------------------------

    def search(self, question: str, k: int = 10, **filters: Any) -> list[Hit]:
        """The `k` passages nearest to the question, nearest first.

        Raises:
            InputError: an empty or too long question, `k` outside 1..1000, an unknown filter.
        """
        if not 1 <= k <= 1000:
            raise InputError(f"k = {k} is outside 1..1000.", hint="Ask for fewer hits.")
        asked = read_question(question, max_chars=self._settings.max_question_chars)
        return self._retriever.passages(asked.text, k, _filters(filters))

    def retriever(self, weights: Weights | None = None) -> Retriever:
        """The search itself, of passages and of sentences, perhaps with other weights: to compare ways to search."""
        return Retriever(self._index.catalog, self._index.vectors, self._index.encoder, weights)

    def ask(self, question: str, *, history: Sequence[Message] = (), **filters: Any) -> Answer:
        """A cited, checked answer, or an honest "not in these articles".

        Raises:
            InputError: an empty or too long question, an unknown filter. ModelError: the model did not answer.
        """
        *_, answer = self.stream(question, history=history, **filters)
        if not isinstance(answer, Answer):
            raise TypeError("A stream of events must end with its answer.")
        return answer

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        **filters: Any,
    ) -> Iterator[Event]:
        """The same in events: `Evidence`, each `Statement` once it is verified, last the `Answer`."""
        return Asking(self, question, tuple(history), _filters(filters)).events()

    def verify(self, text: str, *, progress: Progress | None = None, **filters: Any) -> DraftCheck:
        """Holds a draft against the articles: each statement supported, contradicted or not found, with citations.

        No language model is asked. What cannot be told safely is not found rather than supported.

        Args:
            text: what is about to be printed, at most 200,000 characters; headings and questions are passed over.
            progress: told of every statement.
            filters: see `Filters`: which articles may carry a statement.

        Raises:
            InputError: an empty or too long text, an unknown filter.
        """
        started = time.perf_counter()
        if not text.strip():
            raise InputError("The draft is empty.", hint="Pass the text to be checked.")
        if len(text) > _MAX_DRAFT_CHARS:
            raise InputError(
                f"The draft has {len(text)} characters, the limit is {_MAX_DRAFT_CHARS}.",
                hint="Check it in parts.",
            )
        texts: dict[str, str] = {}

        def article_text(article_id: str) -> str:
            if article_id not in texts:
                found = self._index.catalog.texts([article_id]).get(article_id)
                texts[article_id] = found.text if found else ""
            return texts[article_id]

        archive = Archive(self._retriever, article_text, _filters(filters), self._meaning)
        statements, citations = check_draft(text, archive, progress)
        shaped = f"{self._index.encoder.fingerprint}\0{claims_fingerprint()}"
        return DraftCheck(
            language=detect_language(text),
            statements=statements,
            citations=citations,
            timings={"total": time.perf_counter() - started},
            fingerprint=hashlib.sha256(shaped.encode()).hexdigest()[:12],
        )

    def summarise(
        self,
        article_ids: Sequence[str] | None = None,
        *,
        query: str | None = None,
        k: int = 20,
        focus: str = "",
        form: Form | str = Form.TEXT,
        sentences: int | None = None,
        words: int | None = None,
        language: str | None = None,
        written_in: str = "",
        deadline: float | None = None,
        progress: Progress | None = None,
        **filters: Any,
    ) -> Summary:
        """The sentences that tell most of some articles, word for word, each cited, newest article first.

        Args:
            article_ids: these articles; or
            query: those among the `k` passages nearest to it, which is the focus too if no other is given.
            k: passages looked at for a query, 1..1000.
            focus: what the chosen sentences should be near to.
            form: "text"; "points", weightiest first; "timeline"; or "who_said_what".
            sentences: how many sentences at most, 1..100; if not given 5, or 20 for a timeline or who said what.
            words: how many words at most, 1..5000; then only they bound the length, if `sentences` is not given.
            language: the reader's language (ISO 639-1); sentences stay in the article's own if not given. What
                somebody said stays in the original.
            written_in: only articles in this language, as the filter `language` means elsewhere.
            deadline: seconds after which no further article is read and no further sentence translated; the
                summary then says what it lacks. None for no limit.
            progress: told of every article that is read.
            filters: see `Filters`; with neither ids nor query, all articles that pass.

        Raises:
            ArticleNotFound: an unknown id. InputError: a number out of range, an unknown form, filter or language.
        """
        *_, summary = self.stream_summary(
            article_ids, query=query, k=k, focus=focus, form=form, sentences=sentences, words=words,
            language=language, written_in=written_in, deadline=deadline, progress=progress, **filters,
        )  # fmt: skip
        if not isinstance(summary, Summary):
            raise TypeError("A stream of a summary must end with it.")
        return summary

    def stream_summary(
        self,
        article_ids: Sequence[str] | None = None,
        *,
        query: str | None = None,
        k: int = 20,
        focus: str = "",
        form: Form | str = Form.TEXT,
        sentences: int | None = None,
        words: int | None = None,
        language: str | None = None,
        written_in: str = "",
        deadline: float | None = None,
        progress: Progress | None = None,
        **filters: Any,
    ) -> Iterator[SummaryEvent]:
        """The same in events: each `Statement` with its numbered citations, last the `Summary`."""
        wanted = summarise.wanted(
            form=form, sentences=sentences, words=words, language=language, deadline=deadline
        )
        chosen = _filters(filters | ({"language": written_in} if written_in else {}))
        articles = self._to_summarise(article_ids, query, k, chosen)
        asked = focus or query or ""
        if asked:
            asked = read_question(asked, max_chars=self._settings.max_question_chars).text
        return Summarising(self, wanted, articles, asked, progress).events()

    def _to_summarise(
        self, article_ids: Sequence[str] | None, query: str | None, k: int, filters: Filters
    ) -> list[Article]:
        """The articles without their texts, newest first."""
        if article_ids is not None:
            named = (article_ids,) if isinstance(article_ids, str) else tuple(dict.fromkeys(article_ids))
            for article_id in named:
                self.article(article_id)
            filters = filters.model_copy(update={"article_ids": named})
            if not named:
                return []
        if query is not None:
            found = self.search(query, k, **{name: getattr(filters, name) for name in Filters.model_fields})
            filters = filters.model_copy(
                update={"article_ids": tuple(dict.fromkeys(hit.article_id for hit in found))}
            )
            if not found:
                return []
        return self._index.articles(filters)

    def as_retriever(self, k: int = 10, **filters: Any) -> BaseRetriever:
        """This search as a LangChain retriever: documents are passages, their metadata say where they stand."""
        from rag.langchain import as_retriever

        return as_retriever(self, k, filters)

    def as_runnable(self) -> Runnable[str, Answer]:
        """`ask` as a LangChain Runnable from question to `Answer`."""
        from rag.langchain import as_runnable

        return as_runnable(self)

    @property
    def fingerprint(self) -> str:
        """Changes with encoder, language model, prompts, gate and settings: whatever shapes an answer."""
        llm = self._llm()
        parts = [
            self._index.encoder.fingerprint,
            llm.fingerprint if llm else "none",
            *(load_prompt(name).fingerprint for name in _PROMPTS),
            verify.gate_fingerprint(),
            str(self._settings.context_sentences),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    _llm_opened: ChatModel | None = None
    _owner: NewsQA | None = None

    def _llm(self) -> ChatModel | None:
        if self._owner is not None:
            return self._owner._llm()
        if self._llm_given is not _DEFAULT:
            return self._llm_given
        with self._llm_lock:
            if self._llm_opened is None and self._settings.llm != "none":
                self._llm_opened = open_llm(self._settings, self._progress)
            return self._llm_opened


def _is_foreign(question: Question, hit: Hit) -> bool:
    """Whether a sentence is known to be in another language than the question."""
    return bool(hit.language and question.language and question.language != hit.language)


def _uploaded(upload: Upload, settings: Settings) -> Article | Failure:
    """The article in a file from elsewhere: named after it, but two of one name are not one article."""
    try:
        document = read_document(upload.data, upload.name, settings, name=upload.name)
    except RagError as error:
        return Failure(origin=upload.name, code=error.code, message=error.message, hint=error.hint)
    article = _article(document)
    if isinstance(article, Failure):
        return article
    return article.model_copy(update={"origins": (), "title": article.title or Path(upload.name).stem})


def _article(document: RawDocument) -> Article | Failure:
    try:
        return clean(document)
    except RagError as error:
        return Failure(origin=document.origin, code=error.code, message=error.message, hint=error.hint)


def _filters(given: dict[str, Any]) -> Filters:
    if unknown := sorted(set(given) - set(Filters.model_fields)):
        raise InputError(
            f"There is no filter {unknown[0]!r}.", hint=f"Filters are {', '.join(Filters.model_fields)}."
        )
    try:
        return Filters(**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"The filter {first['loc'][0]} = {first['input']!r} cannot be used: {first['msg']}.",
            hint="Dates look like 2025-02-18, article_ids is a list of ids.",
        ) from error


class Asking:
    """One question on its way to an answer; counts what it costs."""

    def __init__(self, qa: NewsQA, question: str, history: tuple[Message, ...], filters: Filters) -> None:
        self._qa = qa
        self._retriever = qa._retriever
        self._limit = qa._settings.max_question_chars
        self.question = read_question(question, max_chars=self._limit)
        self._history = history
        self._filters = filters
        self.usage = Usage()
        self._timings: dict[str, float] = {}
        self._started = time.perf_counter()
        self._looks = 0
        self._translations: dict[tuple[str, str], str] = {}
        self._aligned: dict[tuple[str, str], Aligned] = {}

    def events(self) -> Iterator[Event]:
        """See `NewsQA.stream`."""
        with self._timed("understand"):
            self._stand_alone()
        with self._timed("search"):
            pool = self.pool()
            hits = self.context(pool)
        shown: list[tuple[str, list[Judged]]] = []
        missing: list[str] = []
        differing: list[Disagreement] = []
        if hits:
            yield Evidence(hits=tuple(hits))
            for part in self.question.parts:
                judged: list[Judged] = []
                for text, group in self._statements(part, pool, hits):
                    judged += group
                    shown.append((text, group))
                    yield compose.statement(group, text)
                differing += disagreements(part, judged)
                if not judged:
                    missing.append(part.text)
        yield self._answer(shown, missing, differing)

    def _stand_alone(self) -> None:
        if not self._history:
            return
        text, usage = chat.standalone(self.question.text, self._history, self._qa._llm())
        self.usage += usage
        self.question = read_question(text, max_chars=max(self._limit, len(text)))

    def pool(self) -> list[Hit]:
        """The sentences nearest to the question, nearest first."""
        return self._retriever.sentences(self.question.text, _POOL, self._filters)

    def context(self, pool: Sequence[Hit]) -> list[Hit]:
        """The sentences to be read: the nearest ones and what follows the first two, in the order of the text."""
        room = min(self._qa._settings.context_sentences, MAX_CHOICES)
        chosen: dict[tuple[str, int], Hit] = {}
        for hit in pool[: max(1, room - 2)]:
            chosen[hit.article_id, hit.first] = hit
        following = (after for hit in pool[:2] for after in self._retriever.neighbours(hit, 0, 1))
        for hit in (*following, *pool[max(1, room - 2) :]):
            if len(chosen) >= room or sum(len(one.text) for one in chosen.values()) >= _CONTEXT_CHARS:
                break
            chosen.setdefault((hit.article_id, hit.first), hit)
        order = list(dict.fromkeys(hit.article_id for hit in pool))
        ranked = sorted(chosen.values(), key=lambda hit: (order.index(hit.article_id), hit.first))
        return self._with_antecedents(ranked)

    def _with_antecedents(self, hits: Sequence[Hit]) -> list[Hit]:
        """The sentences; one that opens with "he" or "this" together with the sentence before, as one piece of text."""
        pieces: list[Hit] = []
        for hit in hits:
            alone = adds(hit.text) or not leans(hit.text)  # what goes on with a list is looked at by itself
            before = [] if alone else self._retriever.neighbours(hit, 1, 0)
            if not before or before[0].last + 1 != hit.first:
                pieces.append(hit)
                continue
            if pieces and pieces[-1].article_id == hit.article_id and pieces[-1].last == before[0].last:
                before = [pieces.pop()]
            article = self._qa._index.catalog.texts([hit.article_id])[hit.article_id]
            start, first = before[0].start, before[0].first
            text = article.text[start : hit.end]
            pieces.append(hit.model_copy(update={"start": start, "first": first, "text": text}))
        return pieces

    # --- statements ------------------------------------------------------------------------------

    def _statements(
        self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit]
    ) -> Iterator[tuple[str, list[Judged]]]:
        """(text, its items) of every statement that the evidence carries."""
        judged = self._judged(question, pool, hits)
        if judged and compose.is_short(question.kind):
            judged = self._shortened(question, judged)
        for group in compose.grouped(judged, question.kind):
            yield self._worded(question, group), group

    def _judged(self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit]) -> list[Judged]:
        """The sentences that the gate lets through, in the order of the text."""
        llm = self._qa._llm()
        passed: list[Judged] = []
        self._looks = 0
        judged = [
            (self._first_support(question, hit, seen, llm), hit, seen)
            for hit, seen in self.signals(question, pool, hits, llm)
        ]
        for _, hit, seen in sorted(judged, key=lambda one: -one[0]):
            with self._timed("verify"):
                support, shown = self._support(question, hit, seen, llm, again=not passed)
            if shown:
                passed.append(Judged(whole(hit), support))
        places = {(hit.article_id, hit.first): place for place, hit in enumerate(hits)}
        return sorted(passed, key=lambda one: places[one.item.hit.article_id, one.item.hit.first])

    def _continued(self, question: Question, judged: Sequence[Judged]) -> list[Judged]:
        """Sentences right behind those that answer which say that they go on with the list, and do."""
        llm = self._qa._llm()
        known = {(one.item.hit.article_id, one.item.hit.first) for one in judged}
        more = []
        for one in judged[:2]:
            for after in self._retriever.neighbours(one.item.hit, 0, 1):
                if llm is None or (after.article_id, after.first) in known or not adds(after.text):
                    continue
                with self._timed("verify"):
                    yes, usage = verify.confirm(llm, question.text, after.text)
                self.usage += usage
                if yes is not None and yes >= _GOES_ON:
                    more.append(Judged(whole(after), min(one.support, yes)))
        return more

    def signals(
        self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit], llm: ChatModel | None
    ) -> list[tuple[Hit, verify.Signals]]:
        """Every sentence with what speaks for and against it; none where a model need not be asked about any."""
        seen = [(hit, verify.signals(hit, self._surroundings(question, hit, pool))) for hit in hits]
        return seen if llm is None else self._chosen(question, seen, llm)

    def _chosen(
        self, question: Question, seen: Sequence[tuple[Hit, verify.Signals]], llm: ChatModel
    ) -> list[tuple[Hit, verify.Signals]]:
        """The same with what the model thinks of each; empty, without asking it, where none could answer."""
        if all(self._is_hopeless(question, hit, one) for hit, one in seen):
            return []
        with self._timed("read"):
            choice = choose(question.text, [hit for hit, _ in seen], llm)
        self.usage += choice.usage
        chosen = choice.probability or [float(named) for named in choice.chosen]
        none = choice.none if choice.none is not None else float(not any(choice.chosen))
        return [
            (hit, replace(one, chosen=probability, none=none))
            for (hit, one), probability in zip(seen, chosen, strict=True)
        ]

    def _is_hopeless(self, question: Question, hit: Hit, seen: verify.Signals) -> bool:
        """Whether a sentence is so far from the question that no model need be asked."""
        gate = verify.load_gate("extractive", foreign=_is_foreign(question, hit))
        return gate.support(seen) < gate.hopeless

    def _first_support(
        self, question: Question, hit: Hit, seen: verify.Signals, llm: ChatModel | None
    ) -> float:
        """The gate's support for a sentence before the model is asked about it alone."""
        name = "extractive" if llm is None else "first"
        return verify.load_gate(name, foreign=_is_foreign(question, hit)).support(seen)

    def _support(
        self, question: Question, hit: Hit, seen: verify.Signals, llm: ChatModel | None, *, again: bool
    ) -> tuple[float, bool]:
        """The gate's support for a sentence and whether that is enough; in doubt the model may be asked `again`."""
        foreign = _is_foreign(question, hit)
        gate = verify.load_gate("extractive" if llm is None else "first", foreign=foreign)
        support = self._first_support(question, hit, seen, llm)
        if llm is not None and again and gate.unsure(support) and self._looks < _SECOND_LOOKS:
            self._looks += 1
            yes, usage = verify.confirm(llm, question.text, hit.text)
            self.usage += usage
            if yes is not None:
                gate = verify.load_gate("second", foreign=foreign)
                support = gate.support(seen, yes)
        return support, support >= gate.shows

    def _shortened(self, question: Question, judged: list[Judged]) -> list[Judged]:
        """The words that answer, where the model can copy them; else the sentences as they are."""
        llm = self._qa._llm()
        if llm is None:
            return judged
        more = self._continued(question, judged) if question.kind is Kind.PERSON else []
        found: list[Judged] = []
        for sentences in filter(None, (judged, more)):  # a continuation is read alone, else it is passed over
            support = {(one.item.hit.article_id, one.item.hit.first): one.support for one in sentences}
            with self._timed("copy"):
                items, usage = copy(question.text, [one.item.hit for one in sentences], llm)
            self.usage += usage
            sure = items and is_complete(items) and min(one.certainty for one in items) >= _SURE_COPY
            found += (
                [Judged(one, support[one.hit.article_id, one.hit.first]) for one in items]
                if sure
                else sentences
            )
        return found

    def _surroundings(self, question: Question, hit: Hit, pool: Sequence[Hit]) -> verify.Context:
        catalog = self._qa._index.catalog
        article = catalog.texts([hit.article_id])[hit.article_id]
        near = [hit.title, *(other.text for other in self._retriever.neighbours(hit, 1, 1))]
        asked = words(question.text, question.language or hit.language)
        total = catalog.count_passages()
        frequencies = catalog.term_frequencies([word.stem for word in asked])
        own = self._words_of(question.text, question.language or hit.language)
        near_words = held(own, aligned(hit.text, hit.language, self._qa._index.encoder))
        return verify.Context(
            question=asked,
            text=question.text,
            near_words=[nearness for _, nearness in near_words],
            kind=question.kind,
            rarity={stem: math.log(1 + (total + 0.5) / (n + 0.5)) for stem, n in frequencies.items()},
            near="\n".join(near),
            article=f"{article.title}\n{article.text}",
            similarity=self._retriever.similarities(question.text, [hit])[0],
            best_score=pool[0].score,
        )

    def _words_of(self, text: str, language: str) -> Aligned:
        """The question made ready to be matched with sentences, once for all of them."""
        key = (text, language)
        if key not in self._aligned:
            self._aligned[key] = aligned(text, language, self._qa._index.encoder)
        return self._aligned[key]

    # --- languages -------------------------------------------------------------------------------

    def _worded(self, question: Question, group: Sequence[Judged]) -> str:
        """The article's words in the reader's language; as they are where that cannot be done safely."""
        text = compose.words_of(group, question.kind)
        language, reader = group[0].item.hit.language, self.question.language
        if not reader or not language or reader == language:
            return text
        if group[0].item.text == group[0].item.hit.text:
            return self._sentence(text, language, reader)
        known = glossary.said_in(text, language, reader)
        if known or translate.is_name(text, language):
            return known or text
        translated = self._translated(text, reader)
        encoder = self._qa._index.encoder
        kept = translated and translate.same_short(text, language, translated, reader, encoder)
        return translated if kept else compose.quoted(text, reader)

    def reworded(self, statement: Statement, language: str, reader: str) -> Statement:
        """A verbatim statement in the reader's language, quoted as it is where that cannot be done safely."""
        if not language or not reader or language == reader:
            return statement
        return statement.model_copy(update={"text": self._sentence(statement.text, language, reader)})

    def _sentence(self, text: str, language: str, reader: str) -> str:
        """A sentence in the reader's language, quoted as it is where that cannot be done safely."""
        translated = self._translated(text, reader)
        encoder = self._qa._index.encoder
        kept = translated and translate.faithful(text, language, translated, reader, encoder)
        return translated if kept else compose.quoted(text, reader)

    def _translated(self, text: str, reader: str) -> str:
        """The text in the reader's language as the model puts it; empty without a model."""
        llm = self._qa._llm()
        if llm is None:
            return ""
        key = (text, reader)
        if key not in self._translations:
            with self._timed("translate"):
                self._translations[key], usage = translate.translate(text, reader, llm)
            self.usage += usage
        return self._translations[key]

    # --- the answer ------------------------------------------------------------------------------

    def _answer(
        self,
        shown: Sequence[tuple[str, list[Judged]]],
        missing: Sequence[str],
        differing: Sequence[Disagreement],
    ) -> Answer:
        language = self.question.language
        statements, citations = compose.numbered([compose.statement(group, text) for text, group in shown])
        status = Status.NOT_FOUND if not shown else Status.PARTIAL if missing else Status.ANSWERED
        lacking = ""
        if status is Status.NOT_FOUND:
            lacking = compose.not_found(language)
        elif status is Status.PARTIAL:
            lacking = compose.missing("; ".join(missing), language)
        differing = compose.with_numbers(differing, citations)
        contrasts = [compose.contrast(one, language) for one in differing]
        text = "\n".join(filter(None, [compose.render(statements), *contrasts, lacking]))
        self._timings["total"] = time.perf_counter() - self._started
        return Answer(
            status=status,
            question=self.question.text,
            language=language,
            statements=statements,
            text=text,
            citations=citations,
            disagreements=differing,
            missing=lacking,
            usage=self.usage,
            timings=self._timings,
            fingerprint=self._qa.fingerprint,
        )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._timings[stage] = self._timings.get(stage, 0.0) + time.perf_counter() - started


class Summarising:
    """One summary on its way; counts what it costs."""

    def __init__(
        self,
        qa: NewsQA,
        wanted: summarise.Wanted,
        articles: Sequence[Article],
        focus: str,
        progress: Progress | None,
    ) -> None:
        self._qa = qa
        self._wanted = wanted
        self._articles = articles
        self._focus = focus
        self._progress = progress
        self._started = time.monotonic()
        self._until = self._started + wanted.deadline if wanted.deadline else None
        self._languages = {article.id: article.language for article in articles}
        self._asking = Asking(qa, focus or "?", (), Filters())

    def events(self) -> Iterator[SummaryEvent]:
        """See `NewsQA.stream_summary`."""
        chosen, rest = self._chosen()
        reading = time.monotonic() - self._started
        told: list[Statement] = []
        for one in chosen.statements:
            if told and self._is_late():
                break
            told.append(self._worded(one))
            yield compose.numbered(told)[0][-1]
        yield self._summary(chosen, told, rest, reading)

    def _chosen(self) -> tuple[summarise.Selection, Sequence[forms.Entry]]:
        catalog, encoder = self._qa._index.catalog, self._qa._index.encoder
        wanted, total = self._wanted, len(self._articles)
        given: dict[str, Any] = {
            "focus": self._focus, "total": total, "progress": self._progress, "until": self._until,
        }  # fmt: skip
        texts = (catalog.article(article.id, article.revision) for article in self._articles)
        if wanted.form in {Form.TIMELINE, Form.WHO_SAID_WHAT}:
            found = forms.entries(texts, wanted.form, encoder, wanted.length, **given)
            statements = tuple(entry.statement for entry in found.entries)
            selection = summarise.Selection(statements, covered=found.covered, unread=found.unread)
            return selection, found.entries
        selection = summarise.summarise(texts, encoder, wanted.length, notes=catalog, **given)
        if wanted.form is Form.POINTS:
            selection = replace(
                selection, statements=tuple(selection.statements[n] for n in selection.by_weight)
            )
        return selection, ()

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() > self._until

    def _worded(self, statement: Statement) -> Statement:
        """The statement in the reader's language; what somebody said stays in the original."""
        if self._wanted.form is Form.WHO_SAID_WHAT:
            return statement
        own = self._languages.get(statement.citations[0].article_id, "")
        return self._asking.reworded(statement, own, self._wanted.language)

    def _summary(
        self,
        chosen: summarise.Selection,
        told: Sequence[Statement],
        entries: Sequence[forms.Entry],
        reading: float,
    ) -> Summary:
        language = self._wanted.language or self._own_language(told)
        disputes = [] if self._is_late() else list(chosen.disputes)
        apart = [self._worded(one) for dispute in disputes for one in dispute.statements]
        statements, citations = compose.numbered([*told, *apart])
        own, rest = statements[: len(told)], iter(statements[len(told) :])
        pairs = list(zip(entries, own, strict=False))
        missing = "" if own else compose.not_found(language)
        if chosen.unread:
            missing = forms.unread(chosen.unread, len(self._articles), language)
        elif len(told) < len(chosen.statements):
            missing = forms.untold(len(chosen.statements) - len(told), language)
        status = Status.NOT_FOUND if not own else Status.PARTIAL if missing else Status.ANSWERED
        summary = Summary(
            status=status,
            language=language,
            form=self._wanted.form,
            headline=self._worded(chosen.headline) if chosen.headline else None,
            statements=own,
            timeline=tuple(forms.as_dated(*pair) for pair in pairs if pair[0].when),
            said=tuple(forms.as_speech(*pair) for pair in pairs if pair[0].said),
            disputes=tuple(
                Dispute(about=one.about, statements=tuple(next(rest) for _ in one.statements))
                for one in disputes
            ),
            text="",
            citations=citations,
            covered=chosen.covered,
            missing=missing,
            article_ids=tuple(article.id for article in self._articles),
            usage=self._asking.usage,
            timings={"reading": reading, "total": time.monotonic() - self._started},
            fingerprint=self._fingerprint(),
        )
        return summary.model_copy(update={"text": forms.render(summary)})

    def _own_language(self, told: Sequence[Statement]) -> str:
        """The language that most statements are in; that of the focus where there are none."""
        spoken = Counter(self._languages[one.citations[0].article_id] for one in told)
        return spoken.most_common(1)[0][0] if spoken else detect_language(self._focus)

    def _fingerprint(self) -> str:
        """Changes with whatever shaped this summary; of the language model only where it was asked."""
        parts = [self._qa._index.encoder.fingerprint, summarise.FINGERPRINT]
        llm = self._qa._llm() if self._asking.usage.calls else None
        if llm is not None:
            parts += [llm.fingerprint, load_prompt("translate").fingerprint]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
