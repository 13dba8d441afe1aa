"""Keeps catalog and vectors in step: add, delete, check, rebuild, and recovery after a crash.

In: articles. Out: reports of what was done, proven by looking again. An article is written to the catalog as
pending, embedded, its vectors are stored, and only then it is found: a crash in between leaves nothing that
the next start does not finish.
"""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from filelock import BaseFileLock, FileLock, Timeout

from rag.catalog import Outcome, PendingPassage, Prepared, SqliteCatalog, origins_of, revision_of
from rag.clean import clean_article
from rag.errors import (
    DocumentError,
    IndexMismatch,
    RagError,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    UnreadableDocument,
)
from rag.passages import make_passages
from rag.sentences import detect_language, split_sentences
from rag.types import (
    AddReport,
    Article,
    CheckReport,
    Deletion,
    Encoder,
    Failure,
    Filters,
    Passage,
    Progress,
)
from rag.vectors import ChromaVectors

_log = logging.getLogger(__name__)

LAYOUT = 3  # raise it when sentences, passages, words or embedded texts come out otherwise than before

_BATCH = 128  # passages per transaction: about six seconds of encoding on two cores
_SLICE = 2 * _BATCH  # passages per call of the encoder; batches end with a whole article and exceed _BATCH
_HEAL_AT_OPEN = 512  # more missing vectors than this are not made again without being asked
_PROBES = 16  # vectors read back at open, to see that their files are there


def embedded_text(title: str, text: str) -> str:
    """What the encoder reads of a passage: the title says what the passage often leaves out."""
    return f"{title}\n{text}" if title else text


def index_fingerprint(encoder: Encoder) -> str:
    """Names everything that shapes the vectors and spans of an index: 16 hexadecimal digits."""
    return hashlib.sha256(f"{LAYOUT}\0{encoder.fingerprint}".encode()).hexdigest()[:16]


def open_index(
    folder: Path,
    encoder: Encoder,
    *,
    chroma_url: str = "",
    mend: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Opens or creates the index in `folder` and finishes what an interrupted run left pending.

    With `mend`, an index that was built with other models or is damaged opens too, so that `rebuild` or
    `check` can be called on it; nothing is finished before that.

    Raises:
        StoreLocked: another process has the folder open.
        IndexMismatch: built with other models; `rebuild` is the way out.
        StoreDamaged: vectors are missing or broken; `check` is the way out.
        StoreFull, StoreError: the folder cannot be written.
    """
    lock = _lock_folder(folder)
    index = None
    try:
        catalog = SqliteCatalog(folder / "catalog.sqlite")
        try:
            vectors = _open_vectors(folder / "chroma", chroma_url, encoder, catalog, mend)
        except BaseException:
            catalog.close()
            raise
        index = Index(catalog, vectors, encoder, lock)
        index.start(mend=mend, progress=progress)
    except BaseException:
        if index is not None:
            index.close()
        lock.release()
        raise
    return index


def _lock_folder(folder: Path) -> BaseFileLock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", thread_local=False)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreLocked(
            f"Another program has the data folder {folder} open.",
            hint="Ask that program (a running `rag serve` answers over HTTP), or end it.",
        ) from error
    except OSError as error:
        kind = StoreFull if error.errno in {errno.ENOSPC, errno.EDQUOT} else StoreError
        raise kind(
            f"The data folder {folder} cannot be written: {error}.",
            hint="Choose another with --data or RAG_DATA.",
        ) from error
    return lock


def _open_vectors(
    folder: Path, url: str, encoder: Encoder, catalog: SqliteCatalog, mend: bool
) -> ChromaVectors:
    name = _collection(catalog, catalog.generation)
    try:
        return ChromaVectors(folder, url, encoder.dimensions, name)
    except StoreDamaged:
        if not mend:
            raise
        ChromaVectors.erase(folder)
        return ChromaVectors(folder, url, encoder.dimensions, name)


def _collection(catalog: SqliteCatalog, generation: int) -> str:
    """A Chroma server may serve many catalogs: each names its collections after itself."""
    return f"rag-{catalog.index_id}-{generation}"


@dataclass
class _Tally:
    """Counts of a running `add`."""

    done: int = 0
    outcomes: dict[Outcome, list[str]] = field(default_factory=lambda: {kind: [] for kind in Outcome})
    failed: list[Failure] = field(default_factory=list)

    def take(self, id_: str, outcome: Outcome) -> None:
        self.done += 1
        self.outcomes[outcome].append(id_)

    def fail(self, failure: Failure) -> None:
        self.done += 1
        self.failed.append(failure)

    def report(self) -> AddReport:
        return AddReport(
            added=tuple(self.outcomes[Outcome.ADDED]),
            revised=tuple(self.outcomes[Outcome.REVISED]),
            unchanged=tuple(self.outcomes[Outcome.UNCHANGED]),
            same_text=tuple(self.outcomes[Outcome.SAME_TEXT]),
            failed=tuple(self.failed),
        )


class Index:
    """Catalog and vectors as one. Any thread may search while one adds; writers wait for each other.

    Args:
        catalog: the truth.
        vectors: made from it.
        encoder: makes them.
        lock: what keeps other processes out of the folder; released by `close`.
    """

    def __init__(
        self,
        catalog: SqliteCatalog,
        vectors: ChromaVectors,
        encoder: Encoder,
        lock: BaseFileLock | None = None,
    ) -> None:
        self.catalog = catalog
        self.vectors = vectors
        self.encoder = encoder
        self._folder_lock = lock
        self._lock = RLock()

    def close(self) -> None:
        """Releases files and lock. Twice is harmless."""
        with self._lock:
            try:
                self.vectors.close()
            finally:
                self.catalog.close()
                if self._folder_lock is not None:
                    self._folder_lock.release()

    def article(self, article_id: str, revision: str | None = None) -> Article:
        """One article with text and sentences; an older revision if `revision` names one.

        Raises:
            ArticleNotFound: no such article or revision.
        """
        return self.catalog.article(article_id, revision)

    def articles(self, filters: Filters | None = None) -> list[Article]:
        """Articles without their texts, newest first."""
        return self.catalog.articles(filters)

    # --- opening ---------------------------------------------------------------------------------

    def start(self, *, mend: bool = False, progress: Progress | None = None) -> None:
        """What opening does: see `open_index`."""
        with self._lock:
            self._adopt()
            if mend:
                return
            self._require_match()
            self._forget_half_built()
            self._finish(progress)
            self._heal(progress)

    def _adopt(self) -> None:
        """An index without passages takes the fingerprint of whoever opens it."""
        fingerprint = index_fingerprint(self.encoder)
        known = self.catalog.meta("fingerprint")
        if known == fingerprint or self.catalog.count_passages() or self.catalog.count_pending():
            return
        if known:  # an emptied collection still insists on the length of its vectors
            self.vectors.empty()
        self.catalog.set_meta(fingerprint=fingerprint, encoder=self.encoder.name, layout=str(LAYOUT))

    def mismatch(self) -> str:
        """How the index was built otherwise than with what is open now, empty if it was not."""
        if self.catalog.meta("fingerprint") == index_fingerprint(self.encoder):
            return ""
        was, layout = self.catalog.meta("encoder"), self.catalog.meta("layout")
        if layout != str(LAYOUT):
            return f"the index has layout {layout}, this version writes layout {LAYOUT}"
        if was != self.encoder.name:
            return f"the index was built with the encoder {was}, open now is {self.encoder.name}"
        return f"the index was built with another form of the encoder {was}"

    def _require_match(self) -> None:
        problem = self.mismatch()
        if problem:
            raise IndexMismatch(
                f"Refused: {problem}.", hint="Run `rag rebuild`, or open it with what it was built with."
            )

    def _forget_half_built(self) -> list[str]:
        """Removes what an interrupted rebuild left behind, and says what it was."""
        found = []
        if self.catalog.forget_other_generations():
            found.append("a half-built index stood in the catalog")
        for name in self._strange_collections():
            self.vectors.drop(name)
            found.append("a half-built index stood in the vectors")
        return found

    def _strange_collections(self) -> list[str]:
        own = f"rag-{self.catalog.index_id}-"
        return [n for n in self.vectors.collections() if n.startswith(own) and n != self.vectors.name]

    def _heal(self, progress: Progress | None) -> None:
        """Makes few missing vectors again; many are a damage that is not repaired unasked."""
        expected, there = self.catalog.count_passages(), self.vectors.count()
        if expected == there and not self._unreadable():
            return
        ids = self.catalog.passage_ids()
        missing = ids - set(self.vectors.ids())
        if self._unreadable() or len(missing) == len(ids) > 0 or len(missing) > _HEAL_AT_OPEN:
            raise StoreDamaged(
                f"The vectors of {len(missing) or expected} of {expected} passages cannot be read.",
                hint="Run `rag check`: it makes them again from the catalog.",
            )
        _log.warning("the vectors differ from the catalog in %d places, mending", abs(expected - there))
        self._mend_vectors(progress)

    def _unreadable(self) -> bool:
        ids = sorted(self.catalog.passage_ids())
        return self.vectors.unreadable(ids[:: max(1, len(ids) // _PROBES)])

    # --- adding ----------------------------------------------------------------------------------

    def add(self, articles: Iterable[Article | Failure], progress: Progress | None = None) -> AddReport:
        """Adds articles; those that are known with this text and these details are left alone.

        A `Failure` among them goes into the report, as does every article that cannot be indexed; the others
        go on. When this returns, everything it reports survives a crash. `progress` counts articles.

        Raises:
            IndexMismatch: built with other models.
            StoreError: disk full, locked or damaged; articles of earlier batches are in.
            ModelError: the encoder failed.
        """
        self._require_match()
        total = len(articles) if isinstance(articles, Sized) else 0
        tally = _Tally()
        for batch in self._batches(articles, tally):
            self._write(batch, tally)
            if progress:
                progress(tally.done, total, "indexing articles")
        return tally.report()

    def _batches(self, articles: Iterable[Article | Failure], tally: _Tally) -> Iterator[list[Prepared]]:
        """Articles prepared, in lists that give the encoder full batches."""
        batch: list[Prepared] = []
        names: set[str] = set()  # a second text of the same origin must be judged after the first is written
        source = iter(articles)
        while True:
            try:
                article = next(source, None)
            except RagError:
                yield batch  # what was read before the source broke is not lost
                raise
            if article is None:
                break
            try:
                item = self._unless_settled(article, names, tally)
            except DocumentError as error:
                origin = _origin(article) if isinstance(article, Article) else article.origin
                tally.fail(Failure(origin=origin, code=error.code, message=error.message, hint=error.hint))
                continue
            if item is None:
                continue
            batch.append(item)
            names |= {item.article.id, item.article.revision, *origins_of(item.article)}
            if sum(len(one.passages) for one in batch) >= _BATCH:
                yield batch
                batch, names = [], set()
        yield batch

    def _unless_settled(self, article: Article | Failure, names: set[str], tally: _Tally) -> Prepared | None:
        if isinstance(article, Failure):
            tally.fail(article)
            return None
        clean = _clean(article)
        if names.isdisjoint({clean.id or clean.revision, clean.revision, *origins_of(clean)}):
            known = self.catalog.settled(clean)
            if known:
                tally.take(known, Outcome.UNCHANGED)
                return None
        return self._prepare(clean)

    def _prepare(self, article: Article) -> Prepared:
        language = article.language or detect_language(article.text)
        sentences = split_sentences(article.text, language)
        named = article.model_copy(
            update={"language": language, "id": article.id or article.revision, "sentences": sentences}
        )
        passages: tuple[Passage, ...] = make_passages(named, sentences, self.encoder.count_tokens)
        return Prepared(article, language, tuple(sentences), tuple(passages))

    def _write(self, batch: list[Prepared], tally: _Tally) -> None:
        """Writes one batch so that it is found as a whole or, if anything fails, not at all."""
        if not batch:
            return
        with self._lock:
            try:
                outcomes = self.catalog.write(batch)
                self._finish()
            except BaseException:
                self._take_back()
                raise
        for id_, outcome in outcomes:
            tally.take(id_, outcome)

    def _take_back(self) -> None:
        """Forgets what is pending, as far as the disk allows; the next start does the rest."""
        try:
            self.catalog.take_back()
            self._sweep()
        except StoreError as error:
            _log.warning("pending articles stay for the next start: %s", error)

    def _finish(self, progress: Progress | None = None) -> None:
        """Embeds everything pending."""
        self._sweep()
        total, done = self.catalog.count_pending(), 0
        while pending := self.catalog.pending(_SLICE):
            self._embed(pending, self.vectors)
            self.catalog.mark_done([passage.id for passage in pending])
            done += len(pending)
            if progress:
                progress(done, total, "embedding passages")
        self._sweep()

    def _embed(self, pending: list[PendingPassage], into: ChromaVectors) -> None:
        vectors = self.encoder.encode_passages([embedded_text(p.title, p.text) for p in pending])
        into.upsert([p.id for p in pending], vectors, [p.article_id for p in pending])

    def _sweep(self) -> None:
        """Removes vectors whose passages are gone."""
        leftovers = self.catalog.leftovers()
        if leftovers:
            self.vectors.delete(leftovers)
            self.catalog.clear_leftovers()

    # --- deleting --------------------------------------------------------------------------------

    def delete(self, article_id: str) -> Deletion:
        """Removes an article with all revisions from every path, and looks afterwards whether it is gone.

        Raises:
            ArticleNotFound: no such article.
            StoreError: gone from the catalog and never found again, but its vectors could not be removed yet.
        """
        with self._lock:
            revisions, sentences, passages = self.catalog.delete(article_id)
            doomed = self.vectors.known(passages, article_id)
            self.vectors.delete(sorted(doomed))
            self._sweep()
            self.catalog.checkpoint()
            left = self.vectors.known(passages, article_id)
            return Deletion(
                article_id=article_id,
                revisions=revisions,
                sentences=sentences,
                passages=len(passages),
                vectors=len(doomed),
                proven=not left and self.catalog.traces(article_id, passages) == 0,
            )

    # --- checking --------------------------------------------------------------------------------

    def check(self, repair: bool = True, progress: Progress | None = None) -> CheckReport:
        """Compares catalog, word index and vectors with each other, and mends what differs if `repair`.

        Raises:
            StoreDamaged: the catalog itself cannot be read.
            StoreError: something cannot be reached or written.
        """
        with self._lock:
            problems, repaired = self._look(repair, progress)
            left = self._look(False, None)[0] if repaired else problems
            return CheckReport(
                ok=not left,
                articles=self.catalog.count_articles(),
                passages=self.catalog.count_passages(),
                vectors=0 if left and self._vectors_problem() else self.vectors.count(),
                problems=tuple(problems),
                repaired=tuple(problem for problem in repaired if problem not in left),
            )

    def _look(self, repair: bool, progress: Progress | None) -> tuple[list[str], list[str]]:
        """All problems, and those of them that something was done about."""
        problems, repaired = self._look_at_catalog(repair)
        mismatch = self.mismatch()
        if mismatch:
            return [*problems, f"{mismatch}; `rag rebuild` builds it anew"], repaired
        more = self._look_at_vectors(repair, progress)
        return problems + more, repaired + (more if repair else [])

    def _look_at_catalog(self, repair: bool) -> tuple[list[str], list[str]]:
        repaired = []
        damage = [f"the catalog is damaged: {line}" for line in self.catalog.damage()]
        if damage and repair:
            self.catalog.reindex()
            repaired += damage
        texts = [
            f"the text of article {article.id} is not the one that revision {article.revision} names"
            for article in self.catalog.each_revision()
            if revision_of(article.text) != article.revision
        ]
        crooked = self.catalog.crooked_articles()
        parts = [f"article {article.id}: {fault}" for article, fault in crooked]
        if crooked and repair:
            self.catalog.straighten([self._prepare(article) for article, _ in crooked])
            repaired += parts
        words = [problem for problem in [self.catalog.words_problem()] if problem]
        if words and repair:
            self.catalog.rebuild_words()
            repaired += words
        return damage + texts + parts + words, repaired

    def _look_at_vectors(self, repair: bool, progress: Progress | None) -> list[str]:
        problem = self._vectors_problem()
        if problem:
            if repair:
                self.vectors.empty()
                self._mend_vectors(progress)
            return [problem]
        problems = self._forget_half_built() if repair else []
        pending, leftovers = self.catalog.count_pending(), self.catalog.leftovers()
        expected, there = self.catalog.passage_ids(), set(self.vectors.ids())
        missing, strange = expected - there, there - expected - set(leftovers)
        for count, what in (
            (0 if repair else len(self._strange_collections()), "half-built indexes stand in the vectors"),
            (pending, "passages wait for their vectors"),
            (len(leftovers), "vectors are left over from articles that are gone"),
            (len(missing), "vectors are missing"),
            (len(strange) if not pending else 0, "vectors belong to no passage"),
        ):
            if count:
                problems.append(f"{count} {what}")
        if problems and repair:
            self._mend_vectors(progress)
        return problems

    def _vectors_problem(self) -> str:
        """Why the vectors cannot be read at all, empty if they can."""
        for attempt in (1, 2):
            try:
                ids = sorted(self.vectors.ids())
                return (
                    "the files of the vectors are missing or damaged" if self.vectors.unreadable(ids) else ""
                )
            except StoreDamaged as error:
                if attempt == 2:
                    return f"the vectors cannot be read: {error.message}"
                _log.warning("opening the vectors again: %s", error)
                try:
                    self.vectors.reopen()
                except StoreDamaged as again:
                    return f"the vectors cannot be opened: {again.message}"
        return ""

    def _mend_vectors(self, progress: Progress | None) -> None:
        """Makes missing vectors again and removes those that belong to no passage."""
        self._finish(progress)
        expected, there = self.catalog.passage_ids(), set(self.vectors.ids())
        self.vectors.delete(sorted(there - expected))
        self.catalog.mark_pending(expected - there)
        self._finish(progress)

    # --- rebuilding ------------------------------------------------------------------------------

    def rebuild(self, progress: Progress | None = None) -> CheckReport:
        """Cuts and embeds every article anew beside the old index, then switches over and removes the old.

        Searches go on in the old one meanwhile. If it is interrupted, the old one stays.

        Raises:
            StoreError: disk full, locked or damaged.
            ModelError: the encoder failed.
        """
        with self._lock:
            if self._vectors_problem():
                self.vectors.empty()
            self._forget_half_built()
            old, generation = self.vectors.name, self.catalog.generation + 1
            name = _collection(self.catalog, generation)
            try:
                self._build_beside(name, generation, progress)
            except BaseException:
                self._give_up(name)
                raise
            self.vectors.switch(name, self.encoder.dimensions)
            self.vectors.drop(old)
            return self.check(progress=progress)

    def _build_beside(self, name: str, generation: int, progress: Progress | None) -> None:
        beside = self.vectors.beside(name, self.encoder.dimensions)
        total, done = self.catalog.count_passages(), 0
        for article in self.catalog.each_revision():
            self.catalog.write_beside([self._prepare(article)], generation)
            done += self._embed_beside(beside, generation, _BATCH)
            if progress:
                progress(min(done, total), total, "embedding passages")
        self._embed_beside(beside, generation, 1)
        self.catalog.switch(
            generation,
            fingerprint=index_fingerprint(self.encoder),
            encoder=self.encoder.name,
            layout=str(LAYOUT),
        )

    def _embed_beside(self, beside: ChromaVectors, generation: int, at_least: int) -> int:
        """Embeds pending passages of a coming generation in full batches: how many."""
        done = 0
        while len(pending := self.catalog.pending(_BATCH, generation)) >= at_least:
            self._embed(pending, beside)
            self.catalog.mark_done([passage.id for passage in pending], generation)
            done += len(pending)
        return done

    def _give_up(self, name: str) -> None:
        try:
            self.catalog.forget_other_generations()
            self.vectors.drop(name)
        except StoreError as error:
            _log.warning("a half-built index stays for the next start: %s", error)


def _clean(article: Article) -> Article:
    """The article with its final text and the revision that names it."""
    try:
        "\n".join((article.text, article.title, article.source, article.url, *article.origins)).encode()
    except UnicodeEncodeError as error:
        raise UnreadableDocument(
            f"The text holds {error.object[error.start]!r}, which is no character.",
            hint="Decode the document with its right encoding.",
        ) from error
    clean = clean_article(article)
    return clean.model_copy(update={"revision": revision_of(clean.text)})


def _origin(article: Article) -> str:
    places = (*article.origins, article.url, article.title)
    return next((place for place in places if place), "")
