"""The catalog: articles, revisions, sentences, passages and the word index, in one transactional file.

In: clean articles cut into sentences and passages. Out: articles, passages and word hits. It is the truth
from which the vectors can be rebuilt at any moment, so it also remembers which vectors are still to be
written and which are left over. Hides SQLite and its full-text index FTS5.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar
from urllib.parse import urldefrag

from pydantic import TypeAdapter

from rag.errors import ArticleNotFound, RagError, StoreDamaged, StoreError, StoreFull, StoreLocked
from rag.types import Article, Filters, Passage, Sentence
from rag.words import index_terms

_T = TypeVar("_T")

SCHEMA = 1

_MARK = 0x72616731  # SQLite's application_id: tells a catalog from any other database

# Terms come ready from words.py and hold neither spaces nor control characters: everything else is a letter.
_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    current INTEGER,             -- the revision that is found; NULL while nothing is
    next INTEGER                 -- the revision whose vectors are being written
);
CREATE INDEX articles_current ON articles (current);
CREATE INDEX articles_next ON articles (next) WHERE next IS NOT NULL;
CREATE TABLE origins (
    origin TEXT PRIMARY KEY,
    article INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX origins_article ON origins (article);
CREATE TABLE revisions (
    key INTEGER PRIMARY KEY,
    article INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
    revision TEXT NOT NULL,
    text TEXT NOT NULL,
    title TEXT NOT NULL,
    source TEXT NOT NULL,
    url TEXT NOT NULL,
    published TEXT,              -- UTC, always with microseconds, so that text order is time order
    language TEXT NOT NULL,
    shown INTEGER NOT NULL DEFAULT 0,  -- 1 once it could be found, so that a citation may point to it
    UNIQUE (article, revision)
);
CREATE INDEX revisions_revision ON revisions (revision);
CREATE INDEX revisions_language ON revisions (language);
CREATE INDEX revisions_published ON revisions (published);
CREATE TABLE sentences (
    revision INTEGER NOT NULL REFERENCES revisions ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    n INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    heading INTEGER NOT NULL,
    PRIMARY KEY (revision, generation, n)
) WITHOUT ROWID;
CREATE TABLE passages (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL REFERENCES revisions ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    n INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    pending INTEGER NOT NULL,    -- 1 until its vector is written
    UNIQUE (id, generation)
);
CREATE INDEX passages_revision ON passages (revision, generation);
CREATE INDEX passages_pending ON passages (generation, pending);
CREATE TABLE leftovers (id TEXT PRIMARY KEY) WITHOUT ROWID;  -- vectors whose passages are gone
"""
# Made in catalogs of earlier versions too; whatever is in it can be made anew.
_READINGS = """
CREATE TABLE IF NOT EXISTS readings (  -- what summaries have read in a revision, a note of each kind
    revision INTEGER NOT NULL REFERENCES revisions ON DELETE CASCADE,
    kind TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    note BLOB NOT NULL,
    PRIMARY KEY (revision, kind)
);
DROP TABLE IF EXISTS notes;  -- of earlier versions, one note to a revision
"""
_WORDS = """
CREATE VIRTUAL TABLE words USING fts5(
    terms, tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*'"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row);
CREATE TRIGGER passages_words AFTER DELETE ON passages BEGIN
    DELETE FROM words WHERE rowid = old.key;
END;
"""

_GENERATION = "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation')"
_FOUND = f"""
    passages p
    JOIN articles a ON a.current = p.revision
    JOIN revisions r ON r.key = p.revision AND p.generation = {_GENERATION}
"""
_HEAD = "r.key, a.key AS article_key, a.id, r.revision, r.title, r.source, r.url, r.published, r.language"


class Outcome(StrEnum):
    """What writing one article came to."""

    ADDED = "added"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    SAME_TEXT = "same_text"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An article ready to be written.

    `article` is clean and carries `revision`; its fields are as the caller gave them. `language` is the one
    that the sentences were cut by.
    """

    article: Article
    language: str
    sentences: tuple[Sentence, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class PendingPassage:
    """A passage whose vector is still to be written, with the title it is embedded under."""

    id: str
    article_id: str
    title: str
    text: str


def revision_of(text: str) -> str:
    """The name of a text: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def origins_of(article: Article) -> tuple[str, ...]:
    """Where an article comes from: its origins, else its URL, else what stands for a text handed over."""
    named = article.origins or ((article.url,) if article.url else ())
    if named:
        return tuple(dict.fromkeys(_plain_origin(origin) for origin in named))
    return (f"id:{article.id}" if article.id else f"text:{article.revision or revision_of(article.text)}",)


def _plain_origin(origin: str) -> str:
    """A URL without its fragment: the same document is behind both."""
    origin = origin.strip()
    return urldefrag(origin).url if origin.startswith(("http://", "https://")) else origin


def _is_place(origin: str) -> bool:
    return not origin.startswith(("id:", "text:"))


def _new_id(origin: str, salt: str = "") -> str:
    return hashlib.sha256(f"{origin}\0{salt}".encode()).hexdigest()[:16]


def _moment_text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="microseconds") if moment else None


def _end_of(moment: datetime) -> datetime:
    """A bare date arrives as its midnight; as an upper end it means the whole day."""
    return moment + timedelta(days=1, microseconds=-1) if moment.time() == time() else moment


def _where(filters: Filters | None) -> tuple[str, list[Any]]:
    """SQL conditions on `a` (articles) and `r` (revisions), and their values."""
    if filters is None or filters.is_empty:
        return "", []
    conditions: list[tuple[str, Any]] = []
    if filters.published_after:
        conditions.append(("r.published >= ?", _moment_text(filters.published_after)))
    if filters.published_before:
        conditions.append(("r.published <= ?", _moment_text(_end_of(filters.published_before))))
    if filters.source:
        conditions.append(("r.source = ? COLLATE NOCASE", filters.source))
    if filters.language:
        conditions.append(("r.language = ?", filters.language.lower()))
    if filters.article_ids:
        conditions.append(("a.id IN (SELECT value FROM json_each(?))", json.dumps(filters.article_ids)))
    return "".join(f" AND {sql}" for sql, _ in conditions), [value for _, value in conditions]


def _match(terms: Iterable[str]) -> str:
    """An FTS5 expression for any of `terms`, each taken literally; one that stands twice weighs twice."""
    quoted = ('"{}"'.format(term.replace('"', '""')) for term in terms)
    return " OR ".join(term for term in quoted if term.strip('" '))


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into those of this package."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error


def _translated(error: sqlite3.Error, path: Path) -> RagError:
    code: int = getattr(error, "sqlite_errorcode", 0)
    what = f"{path}: {error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})."
    # Quotas and file size limits reach SQLite as a failed write, only ENOSPC as SQLITE_FULL.
    if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}:
        return StoreFull(
            f"The catalog cannot be written, the disk is full: {what}",
            hint="Make room and run the command again; what was acknowledged is safe.",
        )
    if code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreLocked(
            f"The catalog is locked by another program: {what}", hint="Close that program and try again."
        )
    if code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreDamaged(
            f"The catalog is damaged: {what}",
            hint="Run `rag check`; if it cannot repair this, restore the data folder from a copy.",
        )
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return StoreError(f"The catalog is closed: {path}.", hint="Open it again.")
    return StoreError(f"The catalog failed: {what}", hint="See that the data folder can be read and written.")


class _Connection(sqlite3.Connection):
    """A connection, and what was found on it: key -> (SQLite's data version, value)."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.known: dict[str, tuple[int, Any]] = {}


class SqliteCatalog:
    """The catalog in the file `path`, created if it is not there.

    One writer, any number of reading threads, all at the same time. `patience` is how many seconds to wait
    for a lock that another program holds.

    Raises:
        StoreLocked, StoreFull, StoreDamaged: as their names say.
        StoreError: the file is no catalog, or a newer version of the program wrote it.
    """

    def __init__(self, path: Path, *, patience: float = 5.0) -> None:
        self.path = path
        self._patience = patience
        self._lock = RLock()
        self._closed = False
        self._idle: list[_Connection] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The data folder cannot be made: {error}.") from error
        with _sqlite_errors(path):
            self._writer = self._connect()
        try:
            with _sqlite_errors(path):
                self._prepare()
        except BaseException:
            self._writer.close()
            raise

    def _connect(self) -> _Connection:
        db = sqlite3.connect(
            self.path,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")  # deleted text does not stay in free pages
        return db

    def _prepare(self) -> None:
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        mark = self._writer.execute("PRAGMA application_id").fetchone()[0]
        if version > SCHEMA and mark == _MARK:
            raise StoreError(
                f"{self.path} has schema {version}; this version reads schemas up to {SCHEMA}.",
                hint="Install the newer version of rag that wrote it.",
            )
        tables = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and mark != _MARK:
            raise StoreError(f"{self.path} is not a catalog.", hint="Choose another data folder.")
        self._writer.execute("PRAGMA journal_mode = WAL")
        if tables:
            self._prepare_readings()
            return
        with self._writing() as db:
            for statement in _statements(_TABLES + _READINGS + _WORDS):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('generation', '1')")
            db.execute("INSERT INTO meta VALUES ('index_id', lower(hex(randomblob(6))))")
            db.execute(f"PRAGMA application_id = {_MARK}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")

    def _prepare_readings(self) -> None:
        """Makes the table of notes in a catalog of an earlier version; any other is not written to."""
        found = self._writer.execute("SELECT name FROM sqlite_schema WHERE name IN ('notes', 'readings')")
        if [row["name"] for row in found] == ["readings"]:
            return
        with self._writing() as db:
            for statement in _statements(_READINGS):
                db.execute(statement)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._lock, _sqlite_errors(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[_Connection]:
        """A connection of one's own, on one snapshot for as long as it is held."""
        if self._closed:
            raise StoreError(f"The catalog is closed: {self.path}.", hint="Open it again.")
        with _sqlite_errors(self.path):
            try:
                db = self._idle.pop()
            except IndexError:
                db = self._connect()
                db.execute("PRAGMA query_only = ON")
            try:
                db.execute("BEGIN")
                yield db
            finally:
                self._give_back(db)

    def _give_back(self, db: _Connection) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK")
        self._idle.append(db)
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Releases the file. Closing twice is harmless."""
        with self._lock, _sqlite_errors(self.path):
            self._closed = True
            self._close_idle()
            self._writer.close()

    # --- what is known about the index as a whole ------------------------------------------------

    def meta(self, key: str) -> str:
        """The value kept under `key`, empty if none is."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def set_meta(self, **values: str) -> None:
        """Keeps all `values` under their names, in one transaction."""
        with self._writing() as db:
            _set_meta(db, values)

    @property
    def generation(self) -> int:
        """Counts rebuilds; sentences, passages and vectors of other generations are not found."""
        return int(self.meta("generation"))

    @property
    def index_id(self) -> str:
        """12 hexadecimal digits that no other catalog has."""
        return self.meta("index_id")

    def count_articles(self) -> int:
        """Articles that can be found."""
        return self._number("SELECT count(*) FROM articles WHERE current IS NOT NULL")

    def count_passages(self) -> int:
        """Passages whose vectors are written."""
        sql = f"SELECT count(*) FROM passages WHERE generation = {_GENERATION} AND pending = 0"
        return self._known("passages", lambda db: int(db.execute(sql).fetchone()[0]))

    def count_pending(self) -> int:
        """Passages whose vectors are still to be written."""
        return self._number(f"SELECT count(*) FROM passages WHERE generation = {_GENERATION} AND pending = 1")

    def _known(self, key: str, find: Callable[[sqlite3.Connection], _T]) -> _T:
        """What `find` finds, looked up again only after somebody has written."""
        with self._reading() as db:
            version = db.execute("PRAGMA data_version").fetchone()[0]
            # Asked for before looking: what is written in between makes this one look again, never too seldom.
            if db.known.get(key, (None,))[0] != version:
                db.known[key] = (version, find(db))
            found: _T = db.known[key][1]
            return found

    def _number(self, sql: str, *values: Any) -> int:
        with self._reading() as db:
            return int(db.execute(sql, values).fetchone()[0])

    # --- reading ---------------------------------------------------------------------------------

    def article(self, article_id: str, revision: str | None = None) -> Article:
        """One article with text, origins and sentences; its revision `revision`, else the one that is found.

        Raises:
            ArticleNotFound: no such article, or no such revision of it.
        """
        chosen = "r.revision = ?" if revision else "r.key = coalesce(a.current, -1)"
        with self._reading() as db:
            row = db.execute(
                f"SELECT {_HEAD}, r.text FROM articles a JOIN revisions r ON r.article = a.key"
                f" WHERE a.id = ? AND {chosen} AND r.shown",
                (article_id, revision) if revision else (article_id,),
            ).fetchone()
            if row is None and not revision:
                row = _retired(db, article_id)
            if row is None:
                which = f"revision {revision} of article {article_id!r}" if revision else repr(article_id)
                raise ArticleNotFound(f"No article {which}.", hint="`rag list` shows all ids.")
            return _full_articles(db, [row])[0]

    def texts(self, article_ids: Iterable[str]) -> dict[str, Article]:
        """Articles as they are found, by id, with text and sentences; unknown ids are left out."""
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {_HEAD}, r.text FROM articles a JOIN revisions r ON r.key = a.current"
                " WHERE a.id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(article_ids)),),
            ).fetchall()
            return {article.id: article for article in _full_articles(db, rows)}

    def heads(self, article_ids: Iterable[str]) -> dict[str, Article]:
        """The same without texts, origins and sentences: what a passage needs to be shown."""
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {_HEAD} FROM articles a JOIN revisions r ON r.key = a.current"
                " WHERE a.id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(article_ids)),),
            ).fetchall()
        return {row["id"]: _bare_article(row, "", ()) for row in rows}

    def articles(self, filters: Filters | None = None) -> list[Article]:
        """Articles without their texts, newest first."""
        where, values = _where(filters)
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {_HEAD} FROM articles a JOIN revisions r ON r.key = a.current WHERE true{where}"
                " ORDER BY r.published DESC NULLS LAST, a.key",
                values,
            ).fetchall()
            origins = _origins_by_article(db)
        return [_bare_article(row, "", origins.get(row["article_key"], ())) for row in rows]

    def revisions(self, article_id: str) -> tuple[str, ...]:
        """All revisions kept of an article, oldest first."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT r.revision FROM revisions r JOIN articles a ON a.key = r.article WHERE a.id = ?"
                " AND r.shown ORDER BY r.key",
                (article_id,),
            ).fetchall()
        return tuple(row[0] for row in rows)

    def matching_articles(self, filters: Filters | None) -> tuple[str, ...] | None:
        """Ids of the articles that pass; None if that is all of them."""
        where, values = _where(filters)
        if not where:
            return None
        with self._reading() as db:
            rows = db.execute(
                f"SELECT a.id FROM articles a JOIN revisions r ON r.key = a.current WHERE true{where}", values
            ).fetchall()
        return tuple(row[0] for row in rows)

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Passages by id, in the order of `ids`; those that are not to be found are left out."""
        with self._reading() as db:
            rows = db.execute(
                f"SELECT p.id, a.id AS article_id, r.revision, r.key, p.n, p.first, p.last, p.start, p.stop"
                f" FROM {_FOUND} WHERE p.id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            ).fetchall()
            texts = _texts(db, {row["key"] for row in rows})
        known = {row["id"]: _passage(row, texts[row["key"]]) for row in rows}
        return [known[id_] for id_ in ids if id_ in known]

    def search_words(
        self,
        terms: Iterable[str],
        k: int,
        filters: Filters | None = None,
        languages: Sequence[str] | None = None,
        anchors: Iterable[str] = (),
    ) -> list[tuple[str, float]]:
        """The `k` passages that hold `terms` best: (passage id, BM25 score), higher is better.

        Terms are those of words.query_terms. With `languages`, only passages of articles in one of them. With
        `anchors`, only passages that hold one of these, which spares scoring all that hold a common term;
        an anchor weighs once more than it stands in `terms`.
        """
        expression, anchored = _match(terms), _match(anchors)
        if expression and anchored:
            expression = f"({anchored}) AND ({expression})"
        if not expression or k < 1:
            return []
        where, values = _where(filters)
        if languages is not None:
            where += " AND r.language IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(languages)))
        with self._reading() as db:
            rows = db.execute(
                f"SELECT p.id, -bm25(words) AS score FROM words JOIN {_FOUND}"
                f" WHERE words MATCH ? AND p.key = words.rowid{where} ORDER BY score DESC, p.key LIMIT ?",
                (expression, *values, k),
            ).fetchall()
        return [(row["id"], row["score"]) for row in rows]

    def languages(self) -> tuple[str, ...]:
        """The languages of the articles that can be found."""
        sql = (
            "SELECT language FROM (SELECT DISTINCT language FROM revisions) l WHERE EXISTS"
            " (SELECT 1 FROM revisions r JOIN articles a ON a.current = r.key"
            " WHERE r.language = l.language) ORDER BY language"
        )
        return self._known("languages", lambda db: tuple(row[0] for row in db.execute(sql)))

    def term_frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many passages each term stands; 0 for those that stand in none."""
        wanted = list(dict.fromkeys(terms))
        with self._reading() as db:
            rows = db.execute(
                "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))",
                (json.dumps(wanted),),
            ).fetchall()
        found = {row["term"]: int(row["doc"]) for row in rows}
        return {term: found.get(term, 0) for term in wanted}

    # --- writing ---------------------------------------------------------------------------------

    def settled(self, article: Article) -> str:
        """The id of the article if writing it would change nothing, else empty."""
        with self._reading() as db:
            known = _find(db, article)
            if known is None or known["revision"] != article.revision or known["next"] is not None:
                return ""
            attached = {row[0] for row in _origin_rows(db, known["key"])}
        places = {origin for origin in origins_of(article) if _is_place(origin)}
        return "" if _changes(known, article) or not places <= attached else str(known["id"])

    def write(self, batch: Sequence[Prepared]) -> list[tuple[str, Outcome]]:
        """Writes articles in one transaction: (id, outcome) of each.

        New passages are pending; a new article or revision is found only after `mark_done` has spoken for
        all of its passages. Until then the revision before stays the one that is found.
        """
        with self._writing() as db:
            generation = _generation(db)
            return [_place(db, item, generation) for item in batch]

    def pending(self, limit: int, generation: int | None = None) -> list[PendingPassage]:
        """Up to `limit` passages whose vectors are to be written, article by article."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT p.id, a.id AS article_id, r.key, r.title, p.start, p.stop FROM passages p"
                " JOIN revisions r ON r.key = p.revision JOIN articles a ON a.key = r.article"
                " WHERE p.generation = ? AND p.pending = 1 ORDER BY p.key LIMIT ?",
                (_generation(db) if generation is None else generation, limit),
            ).fetchall()
            texts = _texts(db, {row["key"] for row in rows})
        return [
            PendingPassage(
                row["id"], row["article_id"], row["title"], texts[row["key"]][row["start"] : row["stop"]]
            )
            for row in rows
        ]

    def mark_done(self, ids: Sequence[str], generation: int | None = None) -> None:
        """Says that the vectors of these passages are written, and lets complete revisions be found."""
        with self._writing() as db:
            chosen = _generation(db) if generation is None else generation
            db.execute(
                "UPDATE passages SET pending = 0 WHERE generation = ?"
                " AND id IN (SELECT value FROM json_each(?))",
                (chosen, json.dumps(list(ids))),
            )
            if generation is None:
                _switch_over(db, chosen)

    def mark_pending(self, ids: Iterable[str]) -> None:
        """Says that the vectors of these passages have to be written again."""
        with self._writing() as db:
            db.execute(
                f"UPDATE passages SET pending = 1 WHERE generation = {_GENERATION}"
                " AND id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(ids)),),
            )

    def take_back(self) -> None:
        """Forgets every article and revision that was written and is not found yet."""
        with self._writing() as db:
            rows = db.execute("SELECT key, next FROM articles WHERE next IS NOT NULL").fetchall()
            for row in rows:
                _drop_next(db, row["key"], row["next"])

    def delete(self, article_id: str) -> tuple[int, int, tuple[str, ...]]:
        """Removes an article with all its revisions: counts of revisions and sentences, ids of the passages.

        The passages' vectors are left over from then on.

        Raises:
            ArticleNotFound: no such article.
        """
        with self._writing() as db:
            row = db.execute("SELECT key FROM articles WHERE id = ?", (article_id,)).fetchone()
            if row is None:
                raise ArticleNotFound(f"No article {article_id!r}.", hint="`rag list` shows all ids.")
            keys = [r[0] for r in db.execute("SELECT key FROM revisions WHERE article = ?", (row["key"],))]
            counts = f"SELECT count(*) FROM sentences WHERE generation = {_GENERATION} AND revision = ?"
            sentences = sum(db.execute(counts, (key,)).fetchone()[0] for key in keys)
            passages = tuple(id_ for key in keys for id_ in _drop_passages(db, key))
            db.execute("DELETE FROM articles WHERE key = ?", (row["key"],))
        return len(keys), sentences, passages

    def traces(self, article_id: str, passage_ids: Sequence[str]) -> int:
        """How many rows still speak of an article, on every path: proof of a deletion."""
        with self._reading() as db:
            named = db.execute(
                "SELECT (SELECT count(*) FROM articles WHERE id = ?1)"
                " + (SELECT count(*) FROM passages WHERE id IN (SELECT value FROM json_each(?2)))",
                (article_id, json.dumps(list(passage_ids))),
            ).fetchone()[0]
            return int(named) + _orphans(db)

    # --- notes -----------------------------------------------------------------------------------

    def note(self, article_id: str, revision: str, kind: str, fingerprint: str) -> bytes | None:
        """What summaries have noted on a revision, of this kind and under this fingerprint; None if nothing."""
        with self._reading() as db:
            row = db.execute(
                "SELECT n.note FROM readings n JOIN revisions r ON r.key = n.revision"
                " JOIN articles a ON a.key = r.article"
                " WHERE a.id = ? AND r.revision = ? AND n.kind = ? AND n.fingerprint = ?",
                (article_id, revision, kind, fingerprint),
            ).fetchone()
        return bytes(row["note"]) if row else None

    def set_note(self, article_id: str, revision: str, kind: str, fingerprint: str, note: bytes) -> None:
        """Keeps a note on a revision in place of any other of its kind; of a revision that is gone none is kept."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO readings SELECT r.key, ?, ?, ? FROM revisions r"
                " JOIN articles a ON a.key = r.article WHERE a.id = ? AND r.revision = ?",
                (kind, fingerprint, note, article_id, revision),
            )

    def leftovers(self) -> list[str]:
        """Ids of vectors whose passages are gone."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT id FROM leftovers WHERE id NOT IN"
                f" (SELECT p.id FROM passages p WHERE p.generation = {_GENERATION})"
            ).fetchall()
        return [row[0] for row in rows]

    def clear_leftovers(self) -> None:
        """Says that no left over vector is there any more."""
        with self._writing() as db:
            db.execute("DELETE FROM leftovers")

    def checkpoint(self) -> None:
        """Moves the write-ahead log into the database file, so that deleted text is gone from both."""
        with self._lock, _sqlite_errors(self.path):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # --- rebuilding ------------------------------------------------------------------------------

    def each_revision(self) -> Iterator[Article]:
        """Every kept revision of every article with its text, one by one, without holding a transaction."""
        key = -1
        while True:
            with self._reading() as db:
                row = db.execute(
                    f"SELECT {_HEAD}, r.text FROM articles a JOIN revisions r ON r.article = a.key"
                    " WHERE r.key > ? ORDER BY r.key LIMIT 1",
                    (key,),
                ).fetchone()
            if row is None:
                return
            key = row["key"]
            yield _bare_article(row, row["text"], ())

    def write_beside(self, batch: Sequence[Prepared], generation: int) -> None:
        """Writes sentences and pending passages of kept revisions for a coming generation."""
        with self._writing() as db:
            for item in batch:
                row = db.execute(
                    "SELECT r.key, a.current, a.next FROM revisions r JOIN articles a ON a.key = r.article"
                    " WHERE a.id = ? AND r.revision = ?",
                    (item.article.id, item.article.revision),
                ).fetchone()
                if row is None:
                    continue
                _write_sentences(db, row["key"], item, generation)
                if row["key"] in {row["current"], row["next"]}:
                    _write_passages(db, row["key"], item, item.article.id, generation)
                if item.language:
                    db.execute("UPDATE revisions SET language = ? WHERE key = ?", (item.language, row["key"]))

    def switch(self, generation: int, **values: str) -> None:
        """Makes `generation` the one that is found and forgets all others, in one transaction."""
        with self._writing() as db:
            _set_meta(db, {"generation": str(generation), **values})
            _forget_other_generations(db)
            db.execute("DELETE FROM leftovers")  # their collection goes as a whole
            _switch_over(db, generation)

    def forget_other_generations(self) -> bool:
        """Removes what an interrupted rebuild left behind; True if there was anything."""
        sql = f"SELECT count(*) FROM {{}} WHERE generation != {_GENERATION}"
        if not any(self._number(sql.format(table)) for table in ("sentences", "passages")):
            return False
        with self._writing() as db:
            _forget_other_generations(db)
        return True

    # --- checking --------------------------------------------------------------------------------

    def passage_ids(self) -> set[str]:
        """Ids of all passages whose vectors are written."""
        with self._reading() as db:
            rows = db.execute(f"SELECT id FROM passages WHERE generation = {_GENERATION} AND pending = 0")
            return {row[0] for row in rows}

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file, empty if nothing."""
        with self._reading() as db:
            found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(20)")]
            lost = [f"row of {row[0]} without its {row[2]}" for row in db.execute("PRAGMA foreign_key_check")]
        return [line for line in found if line != "ok"] + lost

    def reindex(self) -> None:
        """Makes SQLite's own indexes anew."""
        with self._lock, _sqlite_errors(self.path):
            self._writer.execute("REINDEX")

    def words_problem(self) -> str:
        """How the word index differs from the passages, empty if it does not."""
        try:
            with self._lock, _sqlite_errors(self.path):
                self._writer.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            with self._reading() as db:
                orphans = _orphans(db)
            wrong = sum(
                row["terms"] != index_terms(text, row["language"]) for row, text in self._each_passage()
            )
        except StoreDamaged as error:
            return f"the word index is damaged: {error.message}"
        if orphans or wrong:
            return f"the word index differs from the passages in {orphans + wrong} places"
        return ""

    def rebuild_words(self) -> None:
        """Makes the word index anew from the passages."""
        with self._writing() as db:
            db.execute("DROP TRIGGER IF EXISTS passages_words")
            db.execute("DROP TABLE IF EXISTS vocabulary")
            db.execute("DROP TABLE IF EXISTS words")
            for statement in _statements(_WORDS):
                db.execute(statement)
            for revision in db.execute("SELECT key, text, language FROM revisions"):
                spans = db.execute(
                    "SELECT key, start, stop FROM passages WHERE revision = ?", (revision["key"],)
                ).fetchall()
                for span in spans:
                    text = revision["text"][span["start"] : span["stop"]]
                    terms = index_terms(text, revision["language"])
                    db.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (span["key"], terms))

    def _each_passage(self) -> Iterator[tuple[sqlite3.Row, str]]:
        """Every passage of this generation with its terms in the word index (NULL if none), and its text."""
        key = -1
        while True:
            with self._reading() as db:
                rows = db.execute(
                    "SELECT p.key, r.key AS revision, r.language, p.start, p.stop, w.terms FROM passages p"
                    " JOIN revisions r ON r.key = p.revision LEFT JOIN words w ON w.rowid = p.key"
                    f" WHERE p.generation = {_GENERATION} AND p.key > ? ORDER BY p.key LIMIT 500",
                    (key,),
                ).fetchall()
                texts = _texts(db, {row["revision"] for row in rows})
            if not rows:
                return
            key = rows[-1]["key"]
            yield from ((row, texts[row["revision"]][row["start"] : row["stop"]]) for row in rows)

    def crooked_articles(self) -> list[tuple[Article, str]]:
        """Articles as they are found whose text, sentences or passages do not fit together, and why."""
        with self._reading() as db:
            ids = [row[0] for row in db.execute("SELECT id FROM articles WHERE current IS NOT NULL")]
        crooked = []
        for id_ in ids:
            article = self.article(id_)
            with self._reading() as db:
                rows = db.execute(
                    f"SELECT p.id, p.n, p.first, p.last, p.start, p.stop FROM {_FOUND} WHERE a.id = ?"
                    " ORDER BY p.n",
                    (id_,),
                ).fetchall()
            fault = _fault(article, rows)
            if fault:
                crooked.append((article, fault))
        return crooked

    def straighten(self, batch: Sequence[Prepared]) -> None:
        """Replaces sentences and passages of articles as they are found; the passages are pending again."""
        with self._writing() as db:
            generation = _generation(db)
            for item in batch:
                row = db.execute("SELECT current FROM articles WHERE id = ?", (item.article.id,)).fetchone()
                if row and row["current"] is not None:
                    _replace_parts(db, row["current"], item, item.article.id, generation)


# --- rows to nouns -------------------------------------------------------------------------------


def _bare_article(row: sqlite3.Row, text: str, origins: Sequence[str]) -> Article:
    return Article(
        text=text,
        id=row["id"],
        title=row["title"],
        source=row["source"],
        url=row["url"],
        published=datetime.fromisoformat(row["published"]) if row["published"] else None,
        language=row["language"],
        revision=row["revision"],
        origins=tuple(origins),
    )


def _full_articles(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Article]:
    """Articles with their texts, origins and sentences, in the order of `rows`."""
    origins: dict[int, list[str]] = {}
    for article, origin in db.execute(
        "SELECT article, origin FROM origins WHERE article IN (SELECT value FROM json_each(?)) ORDER BY origin",
        (json.dumps([row["article_key"] for row in rows]),),
    ):
        if _is_place(origin):
            origins.setdefault(article, []).append(origin)
    # One row for each article: SQLite's step to a next row lets go of the interpreter and has to get it back.
    spans = dict(
        db.execute(
            "SELECT revision, json_group_array(json_object("
            "'n', n, 'start', start, 'end', stop, 'heading', json(iif(heading, 'true', 'false'))))"
            f" FROM (SELECT * FROM sentences WHERE revision IN (SELECT value FROM json_each(?))"
            f" AND generation = {_GENERATION} ORDER BY revision, n) GROUP BY revision",
            (json.dumps([row["key"] for row in rows]),),
        ).fetchall()
    )
    return [
        _bare_article(row, row["text"], origins.get(row["article_key"], ())).model_copy(
            update={"sentences": _SENTENCES.validate_json(spans.get(row["key"], "[]"))}
        )
        for row in rows
    ]


_SENTENCES = TypeAdapter(
    tuple[Sentence, ...]
)  # all at once: one by one they take longer than the rest of a search


def _retired(db: sqlite3.Connection, article_id: str) -> sqlite3.Row | None:
    """The newest revision of an article that is kept for citations only."""
    row: sqlite3.Row | None = db.execute(
        f"SELECT {_HEAD}, r.text FROM articles a JOIN revisions r ON r.article = a.key"
        " WHERE a.id = ? AND a.current IS NULL AND r.shown ORDER BY r.key DESC LIMIT 1",
        (article_id,),
    ).fetchone()
    return row


def _passage(row: sqlite3.Row, text: str) -> Passage:
    return Passage(
        article_id=row["article_id"],
        revision=row["revision"],
        n=row["n"],
        first=row["first"],
        last=row["last"],
        start=row["start"],
        end=row["stop"],
        text=text[row["start"] : row["stop"]],
    )


def _texts(db: sqlite3.Connection, keys: set[int]) -> dict[int, str]:
    rows = db.execute(
        "SELECT key, text FROM revisions WHERE key IN (SELECT value FROM json_each(?))",
        (json.dumps(list(keys)),),
    )
    return {row["key"]: row["text"] for row in rows}


def _origin_rows(db: sqlite3.Connection, key: int) -> list[sqlite3.Row]:
    return db.execute("SELECT origin FROM origins WHERE article = ? ORDER BY origin", (key,)).fetchall()


def _origins_by_article(db: sqlite3.Connection) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in db.execute("SELECT article, origin FROM origins ORDER BY origin"):
        if _is_place(row["origin"]):
            found.setdefault(row["article"], []).append(row["origin"])
    return found


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; `executescript` would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _fault(article: Article, passages: Sequence[sqlite3.Row]) -> str:
    """What does not fit together in an article and its passages, empty if everything does."""
    sentences = article.sentences
    if revision_of(article.text) != article.revision:
        return "its text is not the one its revision names"
    ends = [0, *(s.end for s in sentences)]
    if any(s.n != n or not ends[n] <= s.start < s.end for n, s in enumerate(sentences)):
        return "its sentences overlap or are out of order"
    if ends[-1] > len(article.text):
        return "its sentences reach beyond its text"
    starts = [*(s.start for s in sentences), len(article.text)]
    if any(article.text[end:start].strip() for end, start in zip(ends, starts, strict=True)):
        return "its sentences leave out some of its text"
    for n, row in enumerate(passages):
        if row["n"] != n or row["id"] != f"{article.id}:{article.revision}:{n}":
            return f"passage {row['id']} is out of place"
        if not row["first"] <= row["last"] < len(sentences):
            return f"passage {row['id']} names sentences that are not there"
        if (row["start"], row["stop"]) != (sentences[row["first"]].start, sentences[row["last"]].end):
            return f"passage {row['id']} is not the run of its sentences"
    return ""


# --- inside one transaction ----------------------------------------------------------------------


def _set_meta(db: sqlite3.Connection, values: dict[str, str]) -> None:
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))


def _generation(db: sqlite3.Connection) -> int:
    return int(db.execute(f"SELECT {_GENERATION}").fetchone()[0])


def _orphans(db: sqlite3.Connection) -> int:
    """Word index rows, sentences and passages that belong to nothing."""
    return int(
        db.execute(
            "SELECT (SELECT count(*) FROM words_docsize WHERE id NOT IN (SELECT key FROM passages))"
            " + (SELECT count(*) FROM passages WHERE revision NOT IN (SELECT key FROM revisions))"
            " + (SELECT count(*) FROM sentences WHERE revision NOT IN (SELECT key FROM revisions))"
        ).fetchone()[0]
    )


def _forget_other_generations(db: sqlite3.Connection) -> None:
    for table in ("passages", "sentences"):
        db.execute(f"DELETE FROM {table} WHERE generation != {_GENERATION}")


# The newest revision of an article: the one being written, else the one found.
_LATEST = """
    SELECT a.key, a.id, a.current, a.next, r.key AS latest, r.revision, r.title, r.source, r.url,
           r.published, r.language
    FROM articles a LEFT JOIN revisions r ON r.key = coalesce(a.next, a.current)
"""


def _find(db: sqlite3.Connection, article: Article) -> sqlite3.Row | None:
    """The article that has this id, or comes from one of these origins."""
    if article.id:
        row: sqlite3.Row | None = db.execute(f"{_LATEST} WHERE a.id = ?", (article.id,)).fetchone()
        if row is not None:
            return row
    for origin in origins_of(article):
        row = db.execute(
            f"{_LATEST} WHERE a.key = (SELECT article FROM origins WHERE origin = ?)", (origin,)
        ).fetchone()
        if row is not None:
            return row
    return None


def _twin(db: sqlite3.Connection, revision: str) -> sqlite3.Row | None:
    """The article whose newest text is this one."""
    # The list of keys lets the index on revisions lead; without it every article is looked at for each one added.
    sql = (
        f"{_LATEST} WHERE a.key IN (SELECT article FROM revisions WHERE revision = ?1)"
        " AND r.revision = ?1 ORDER BY a.key LIMIT 1"
    )
    row: sqlite3.Row | None = db.execute(sql, (revision,)).fetchone()
    return row


def _changes(known: sqlite3.Row, article: Article) -> dict[str, str]:
    """What the caller now says otherwise about the same text. Saying nothing changes nothing."""
    said = {
        "title": article.title,
        "source": article.source,
        "url": article.url,
        "published": _moment_text(article.published),
        "language": article.language,
    }
    return {field: value for field, value in said.items() if value and value != known[field]}


def _place(db: sqlite3.Connection, item: Prepared, generation: int) -> tuple[str, Outcome]:
    """Finds the place of one article: a new one, a new revision, another origin of a known text, or none."""
    article, origins = item.article, origins_of(item.article)
    known = _find(db, article)
    twin = _twin(db, article.revision)
    if known is None:
        if twin is None:
            return _create(db, item, origins, generation), Outcome.ADDED
        _attach(db, twin["key"], origins)
        return twin["id"], Outcome.SAME_TEXT
    if known["revision"] == article.revision:
        _attach(db, known["key"], origins)
        changed = _amend(db, known, item, generation)
        return known["id"], Outcome.REVISED if changed else Outcome.UNCHANGED
    if known["id"] != article.id:
        others = [row[0] for row in _origin_rows(db, known["key"]) if row[0] not in origins]
        if twin is not None:
            _attach(db, twin["key"], origins)
            if not others:
                _retire(db, known)
            return twin["id"], Outcome.SAME_TEXT
        if others:  # they still say what this origin no longer says
            _leave(db, known, origins, others)
            return _create(db, item, origins, generation), Outcome.ADDED
    _attach(db, known["key"], origins)
    _revise(db, known, item, generation)
    return known["id"], Outcome.REVISED


def _attach(db: sqlite3.Connection, key: int, origins: Sequence[str]) -> None:
    db.executemany("INSERT OR REPLACE INTO origins VALUES (?, ?)", [(origin, key) for origin in origins])


def _create(db: sqlite3.Connection, item: Prepared, origins: Sequence[str], generation: int) -> str:
    id_ = item.article.id or _new_id(origins[0])
    taken = db.execute(f"{_LATEST} WHERE a.id = ?", (id_,)).fetchone()
    if taken is not None and not _origin_rows(db, taken["key"]):  # retired: its origin has come back
        _attach(db, taken["key"], origins)
        _revise(db, taken, item, generation)
        return id_
    if taken is not None:
        id_ = _new_id(origins[0], item.article.revision)
    key = db.execute("INSERT INTO articles (id) VALUES (?)", (id_,)).lastrowid
    assert key is not None
    _attach(db, key, origins)
    row = db.execute(f"{_LATEST} WHERE a.key = ?", (key,)).fetchone()
    _revise(db, row, item, generation)
    return id_


def _leave(db: sqlite3.Connection, known: sqlite3.Row, origins: Sequence[str], others: Sequence[str]) -> None:
    """An article no longer names the URL of an origin that has another text now."""
    if _plain_origin(known["url"]) not in origins:
        return
    url = next((other for other in others if other.startswith(("http://", "https://"))), "")
    db.execute("UPDATE revisions SET url = ? WHERE key = ?", (url, known["latest"]))


def _retire(db: sqlite3.Connection, known: sqlite3.Row) -> None:
    """No place has this article any more; its revisions stay for the citations that point to them."""
    if known["current"] is not None:
        _drop_passages(db, known["current"])
    db.execute("UPDATE articles SET current = NULL WHERE key = ?", (known["key"],))
    if known["next"] is not None:
        _drop_next(db, known["key"], known["next"])


def _drop_next(db: sqlite3.Connection, article: int, revision: int) -> None:
    """Takes back a revision that is being written, and its article if nothing else is known of it."""
    _drop_passages(db, revision)
    db.execute("UPDATE articles SET next = NULL WHERE key = ?", (article,))
    db.execute("DELETE FROM revisions WHERE key = ? AND NOT shown", (revision,))
    db.execute(
        "DELETE FROM articles WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM revisions WHERE article = ?1)",
        (article,),
    )


def _revise(db: sqlite3.Connection, known: sqlite3.Row, item: Prepared, generation: int) -> None:
    """Makes the text of `item` the next revision of an article."""
    article = item.article
    fields: dict[str, Any] = {
        field: known[field] or "" for field in ("title", "source", "url", "language")
    } | {"published": known["published"], "language": item.language}
    fields |= {field: value for field, value in _changes(known, article).items() if field != "language"}
    values = [known["key"], article.revision, article.text, *(fields[name] for name in _DETAILS)]
    key = db.execute(
        "INSERT INTO revisions (article, revision, text, title, source, url, published, language)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (article, revision) DO UPDATE SET"
        " title = excluded.title, source = excluded.source, url = excluded.url,"
        " published = excluded.published, language = excluded.language RETURNING key",
        values,
    ).fetchone()[0]
    _replace_parts(db, key, item, known["id"], generation)
    if key == known["current"]:  # back to the text that is still the one found
        _drop_next(db, known["key"], known["next"])
        return
    db.execute("UPDATE articles SET next = ? WHERE key = ?", (key, known["key"]))
    if known["next"] not in {None, key}:  # replaced before anybody could find it
        _drop_passages(db, known["next"])
        db.execute("DELETE FROM revisions WHERE key = ? AND NOT shown", (known["next"],))
    if not item.passages:
        _switch_over(db, generation)


_DETAILS = ("title", "source", "url", "published", "language")


def _amend(db: sqlite3.Connection, known: sqlite3.Row, item: Prepared, generation: int) -> bool:
    """Notes what is new about a known text. A new title or language changes its vectors."""
    changes = _changes(known, item.article)
    for field, value in changes.items():
        assert field in _DETAILS
        db.execute(f"UPDATE revisions SET {field} = ? WHERE key = ?", (value, known["latest"]))
    if "language" in changes:
        _replace_parts(db, known["latest"], item, known["id"], generation)
    elif "title" in changes:
        db.execute(
            "UPDATE passages SET pending = 1 WHERE revision = ? AND generation = ?",
            (known["latest"], generation),
        )
    return bool(changes)


def _replace_parts(
    db: sqlite3.Connection, revision: int, item: Prepared, article_id: str, generation: int
) -> None:
    _drop_passages(db, revision)
    db.execute("DELETE FROM sentences WHERE revision = ? AND generation = ?", (revision, generation))
    _write_sentences(db, revision, item, generation)
    _write_passages(db, revision, item, article_id, generation)


def _write_sentences(db: sqlite3.Connection, revision: int, item: Prepared, generation: int) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO sentences VALUES (?, ?, ?, ?, ?, ?)",
        [(revision, generation, s.n, s.start, s.end, s.heading) for s in item.sentences],
    )


def _write_passages(
    db: sqlite3.Connection, revision: int, item: Prepared, article_id: str, generation: int
) -> None:
    for p in item.passages:
        id_ = f"{article_id}:{item.article.revision}:{p.n}"
        key = db.execute(
            "INSERT INTO passages (id, revision, generation, n, first, last, start, stop, pending)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (id_, revision, generation, p.n, p.first, p.last, p.start, p.end),
        ).lastrowid
        terms = index_terms(item.article.text[p.start : p.end], item.language)
        db.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (key, terms))


def _drop_passages(db: sqlite3.Connection, revision: int) -> list[str]:
    """Removes the passages of a revision from catalog and word index; their vectors are left over."""
    rows = db.execute(
        f"SELECT id FROM passages WHERE revision = ? AND generation = {_GENERATION}", (revision,)
    ).fetchall()
    db.executemany("INSERT OR IGNORE INTO leftovers VALUES (?)", [(row[0],) for row in rows])
    db.execute("DELETE FROM passages WHERE revision = ?", (revision,))
    return [row[0] for row in rows]


def _switch_over(db: sqlite3.Connection, generation: int) -> None:
    """Revisions whose passages are all done become the ones that are found."""
    complete = db.execute(
        "SELECT key, current, next FROM articles WHERE next IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM passages p WHERE p.revision = articles.next AND p.generation = ? AND p.pending)",
        (generation,),
    ).fetchall()
    for row in complete:
        if row["current"] is not None:
            _drop_passages(db, row["current"])
        db.execute("UPDATE revisions SET shown = 1 WHERE key = ?", (row["next"],))
        db.execute("UPDATE articles SET current = next, next = NULL WHERE key = ?", (row["key"],))
