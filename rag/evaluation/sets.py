"""Question sets as other people publish them: read, checked line by line, refused before any model is loaded.

In: a folder of JSON Lines. Out: `QuestionSet`s and the documents of all of them. Two kinds of sets are read:

`NAME.jsonl` beside `NAME_corpus.jsonl`: questions `id`, `question`, `gold_doc`, and perhaps `lang`, `answers`,
`answerable`, `gold_sentence`, `gold_sentence_index`; documents `doc_id`, `text`, and perhaps `title`, `lang`,
`sentence_breaks`. An answer stands in its document, word for word. A question whose document is not in the corpus has
`answerable: false`.

`NAME.jsonl` with `passages` in every row: `query_id`, `question`, `answerable`, `passages` (`text`, perhaps `title`),
and perhaps `docids`, `lang`, `baseline`. Its passages become documents of the merged corpus.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from rag.errors import InputError
from rag.types import Noun

_CORPUS = "_corpus"


class Document(Noun):
    """One text that questions are asked about."""

    doc_id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    title: str = ""
    lang: str = ""
    sentence_breaks: tuple[tuple[int, int], ...] = ()


class AskedQuestion(Noun):
    """A question with the document, answers and sentence that are right for it."""

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    gold_doc: str = ""
    lang: str = ""
    answers: tuple[str, ...] = ()
    answerable: bool = True
    gold_sentence: str = ""
    gold_sentence_index: int | None = Field(default=None, ge=0)


class _OwnPassage(Noun):
    text: str = Field(min_length=1)
    title: str = ""


class _WithPassages(Noun):
    query_id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answerable: bool
    passages: tuple[_OwnPassage, ...] = Field(min_length=1)
    docids: tuple[str, ...] = ()
    lang: str = ""
    baseline: dict[str, Any] = Field(default_factory=dict)


class QuestionSet(Noun):
    """One set: its questions, and the ids of the documents that each may be answered from (all if `own` lacks it)."""

    name: str
    questions: tuple[AskedQuestion, ...]
    own: dict[str, tuple[str, ...]] = Field(default_factory=dict)


Row = TypeVar("Row", bound=Noun)


def read_sets(
    folder: str | Path, names: Sequence[str] = ()
) -> tuple[tuple[QuestionSet, ...], dict[str, Document]]:
    """The sets of a folder, or those called `names`, and all documents of the folder by their ids.

    Raises:
        InputError: no such folder or set, a broken line, an unknown field, an id that stands twice, an answer that is
            not in its document; with file, line and reason.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder.", hint="Name a folder with NAME.jsonl and NAME_corpus.jsonl."
        )
    paths = [path for path in sorted(folder.glob("*.jsonl")) if not path.stem.endswith(_CORPUS)]
    documents: dict[str, Document] = {}
    for path in sorted(folder.glob(f"*{_CORPUS}.jsonl")):
        for line, document in _rows(path, Document):
            if document.doc_id in documents:
                raise _wrong(path, line, f"doc_id {document.doc_id!r} stands twice")
            documents[document.doc_id] = document
    found = []
    for path in paths:
        if path.with_name(f"{path.stem}{_CORPUS}.jsonl").exists():
            found.append(_with_corpus(path, documents))
        elif _has_passages(path):
            found.append(_with_passages(path, documents))
    if unknown := sorted(set(names) - {one.name for one in found}):
        known = ", ".join(one.name for one in found) or "none"
        raise InputError(f"{folder} has no set {unknown[0]!r}.", hint=f"Its sets are: {known}.")
    if not found:
        raise InputError(f"{folder} has no set.", hint="Name a folder with NAME.jsonl and NAME_corpus.jsonl.")
    return tuple(one for one in found if not names or one.name in names), documents


def _with_corpus(path: Path, documents: dict[str, Document]) -> QuestionSet:
    questions: dict[str, AskedQuestion] = {}
    for line, row in _rows(path, AskedQuestion):
        if row.id in questions:
            raise _wrong(path, line, f"id {row.id!r} stands twice")
        if row.answerable:
            _check_answers(path, line, row, documents)
        questions[row.id] = row
    return QuestionSet(name=path.stem, questions=tuple(questions.values()))


def _check_answers(path: Path, line: int, row: AskedQuestion, documents: dict[str, Document]) -> None:
    document = documents.get(row.gold_doc)
    if document is None:
        raise _wrong(path, line, f"gold_doc {row.gold_doc!r} is in no corpus")
    text = plain(document.text)
    for answer in row.answers:
        if plain(answer) not in text:
            raise _wrong(path, line, f"the answer {answer!r} does not stand in {row.gold_doc!r}")
    if row.gold_sentence and plain(row.gold_sentence) not in text:
        raise _wrong(path, line, f"the gold sentence does not stand in {row.gold_doc!r}")
    if document.sentence_breaks and (row.gold_sentence_index or 0) >= len(document.sentence_breaks):
        raise _wrong(path, line, f"gold_sentence_index {row.gold_sentence_index} is outside {row.gold_doc!r}")


def _with_passages(path: Path, documents: dict[str, Document]) -> QuestionSet:
    ids = {document.text: doc_id for doc_id, document in documents.items()}
    questions: dict[str, AskedQuestion] = {}
    own: dict[str, tuple[str, ...]] = {}
    for line, row in _rows(path, _WithPassages):
        if row.query_id in questions:
            raise _wrong(path, line, f"query_id {row.query_id!r} stands twice")
        for passage in row.passages:
            if passage.text not in ids:
                doc_id = f"{path.stem}-{len(ids)}"
                documents[doc_id] = Document(
                    doc_id=doc_id, text=passage.text, title=passage.title, lang=row.lang
                )
                ids[passage.text] = doc_id
        questions[row.query_id] = AskedQuestion(
            id=row.query_id, question=row.question, lang=row.lang, answerable=row.answerable
        )
        own[row.query_id] = tuple(dict.fromkeys(ids[passage.text] for passage in row.passages))
    return QuestionSet(name=path.stem, questions=tuple(questions.values()), own=own)


def _has_passages(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return '"passages"' in next(lines, "")


def _rows(path: Path, kind: type[Row]) -> Iterator[tuple[int, Row]]:
    """(line, row) of every line that is not empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", hint="Name a UTF-8 text file.") from error
    # Only line feeds end a line: texts may hold other separators.
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            yield line, kind.model_validate(json.loads(content))
        except json.JSONDecodeError as error:
            raise _wrong(path, line, f"no JSON: {error.msg} at column {error.colno}") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the row"
            raise _wrong(path, line, f"{place}: {first['msg']}") from error


def _wrong(path: Path, line: int, reason: str) -> InputError:
    return InputError(
        f"{path}, line {line}: {reason}.", hint="Nothing was asked; mend the line, then start again."
    )


def plain(text: str) -> str:
    """Text as answers are compared: case and white space make no difference."""
    return " ".join(text.split()).casefold()
