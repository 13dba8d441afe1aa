"""`NewsQA`: one object behind every door.

Articles come in and go out here; how an answer comes about stands in rag.asking, a summary in rag.telling.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from pydantic import ValidationError

from rag import summarise
from rag.align import aligned, phrases
from rag.asking import Asking, Engine
from rag.claims import Meaning, claims_fingerprint
from rag.clean import clean
from rag.draft import Archive, check_draft
from rag.encoder import open_encoder
from rag.errors import InputError, RagError
from rag.index import Index, open_index
from rag.llm import open_llm
from rag.load import load, read_document
from rag.question import check_characters, read_question
from rag.retrieve import Retriever, Weights
from rag.sentences import detect_language
from rag.settings import Settings, read_settings
from rag.telling import Summarising
from rag.types import (
    AddReport,
    Answer,
    Article,
    ChatModel,
    CheckReport,
    Deletion,
    DraftCheck,
    Encoder,
    Event,
    Failure,
    Filters,
    Form,
    Hit,
    Message,
    Progress,
    RawDocument,
    Summary,
    SummaryEvent,
    SummaryOptions,
    TokenEncoder,
    Upload,
)
from rag.words import words

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

Source = Article | Upload | str | Path
_KEPT = 256  # texts whose vectors are kept: of words about 30 kB each, of phrases 100 kB
_MAX_DRAFT_CHARS = 200_000
_DEFAULT: Any = object()


class NewsQA:
    """Asks a pile of articles; see `open`. Any thread may search and ask while one adds."""

    def __init__(self, index: Index, settings: Settings, llm: ChatModel | None = _DEFAULT) -> None:
        self._index = index
        self._settings = settings
        self._retriever = Retriever(index.catalog, index.vectors, index.encoder)
        keep = lru_cache(maxsize=_KEPT)
        self.engine = Engine(
            index,
            self._retriever,
            settings,
            self._llm,
            keep(lambda text, language: aligned(text, language, index.encoder)),
            keep(lambda text, language: phrases(text, words(text, language), index.encoder)),
        )
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
            InputError: the id holds what is no character.
        """
        check_characters(f"{article_id}{revision or ''}", "The id")
        return self._index.article(article_id, revision)

    def delete(self, article_id: str) -> Deletion:
        """Removes an article with all its revisions and proves that nothing of it is left.

        Raises:
            ArticleNotFound: no such article.
            InputError: the id holds what is no character.
        """
        check_characters(f"{article_id}", "The id")
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
        return Asking(self.engine, question, _turns(history), _filters(filters)).events()

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
        check_characters(text, "The draft")
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
        progress: Progress | None = None,
        **options: Unpack[SummaryOptions],
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
        *_, summary = self.stream_summary(article_ids, progress=progress, **options)
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
        """The same in events: each `Statement` with its numbered citations, last the `Summary`.

        Here stand the defaults; `filters` are `published_after`, `published_before` and `source`.
        """
        wanted = summarise.wanted(
            form=form, sentences=sentences, words=words, language=language, deadline=deadline
        )
        chosen = _filters(filters | ({"language": written_in} if written_in else {}))
        articles = self._to_summarise(article_ids, query, k, chosen)
        asked = focus or query or ""
        if asked:
            asked = read_question(asked, max_chars=self._settings.max_question_chars).text
        return Summarising(self.engine, wanted, articles, asked, progress).events()

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
        return self.engine.fingerprint()

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


def _turns(history: Sequence[Message]) -> tuple[Message, ...]:
    """The turns of a conversation; mappings of their fields do as well."""
    turns = []
    for turn in history:
        try:
            turns.append(Message.model_validate(turn))
        except ValidationError as error:
            raise InputError(
                f"The history has a turn {turn!r} that cannot be used: {error.errors()[0]['msg']}.",
                hint='Write [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}].',
            ) from error
        check_characters(turns[-1].content, "The history")
    return tuple(turns)


def _filters(given: dict[str, Any]) -> Filters:
    if unknown := sorted(set(given) - set(Filters.model_fields)):
        raise InputError(
            f"There is no filter {unknown[0]!r}.", hint=f"Filters are {', '.join(Filters.model_fields)}."
        )
    try:
        filters = Filters(**given)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"The filter {first['loc'][0]} = {first['input']!r} cannot be used: {first['msg']}.",
            hint="Dates look like 2025-02-18, article_ids is a list of ids.",
        ) from error
    check_characters("".join((filters.source, filters.language, *filters.article_ids)), "A filter")
    return filters
