"""What a bench asks: questions, their documents and sets of them, and JSON Lines read row by row.

In: files that others wrote. Out: nouns; a broken line is refused with file, line and reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from rag.errors import InputError
from rag.types import Noun

Kind = Literal["corpus", "passages", "noise", "conflict", "time", "evidence", "speaker", "attack"]


class Document(Noun):
    """One text that questions are asked about."""

    doc_id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    title: str = ""
    lang: str = ""
    sentence_breaks: tuple[tuple[int, int], ...] = ()
    published: date | None = None


class AskedQuestion(Noun):
    """A question with what is right for it; which of the fields are filled depends on the kind of its set.

    Attributes:
        id: once per set.
        question: as it is asked.
        lang: its language, empty where the set does not say.
        gold_doc: id of the document that answers it.
        answers: spellings of the answer; any of them is right.
        answerable: False where silence is right.
        gold_sentence: the sentence of `gold_doc` that answers it.
        gold_sentence_index: its number in the document.
        groups: what a right answer names: of every group one spelling.
        options: what its documents answer, each in one spelling; more than one is a disagreement.
        wrong: those of the options that are wrong.
        evidence: ids of all documents that it takes to answer.
        said: words of which it asks who said them.
        speaker: the phrase that names who said them.
        attack: an instruction that was planted in its document.
        stratum: the part of the set that it belongs to; a sample takes as many of each.
        documents: those that it brings along and is answered from, alone.
    """

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    lang: str = ""
    gold_doc: str = ""
    answers: tuple[str, ...] = ()
    answerable: bool = True
    gold_sentence: str = ""
    gold_sentence_index: int | None = Field(default=None, ge=0)
    groups: tuple[tuple[str, ...], ...] = ()
    options: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    said: str = ""
    speaker: str = ""
    attack: str = ""
    stratum: str = ""
    documents: tuple[Document, ...] = ()


class QuestionSet(Noun):
    """One set.

    Attributes:
        name: that of its file.
        kind: which decides what is measured.
        questions: all of it.
        own: ids of the documents that a question may be answered from, by question; all documents if it is not named.
        documents: an index of its own; empty where its documents stand in the merged one, or in the questions.
    """

    name: str
    kind: Kind = "corpus"
    questions: tuple[AskedQuestion, ...]
    own: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    documents: tuple[Document, ...] = ()


Row = TypeVar("Row", bound=Noun)


def rows(path: Path, kind: type[Row]) -> Iterator[tuple[int, Row]]:
    """(line, row) of every line that is not empty.

    Raises:
        InputError: the file cannot be read, or a line is no JSON or no such row.
    """
    for line, content in _lines(path):
        try:
            yield line, kind.model_validate(_object(path, line, content))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the row"
            raise wrong(path, line, f"{place}: {first['msg']}") from error


def once(path: Path, kind: type[Row], key: str) -> Iterator[tuple[int, Row]]:
    """Rows whose field `key` tells them apart; one that stands twice in every field counts once.

    Raises:
        InputError: as `rows`; or another row has the same `key`.
    """
    known: dict[str, Row] = {}
    for line, row in rows(path, kind):
        value = str(getattr(row, key))
        if value in known and known[value] != row:
            raise wrong(path, line, f"{key} {value!r} stands twice")
        if value not in known:
            known[value] = row
            yield line, row


def fields(path: Path) -> frozenset[str]:
    """Names of the fields of the first row; none if the file is empty.

    Raises:
        InputError: the file cannot be read, or its first line is no JSON object.
    """
    for line, content in _lines(path):
        return frozenset(_object(path, line, content))
    return frozenset()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", hint="Name a UTF-8 text file.") from error
    # Only line feeds end a line: texts may hold other separators.
    yield from ((line, content) for line, content in enumerate(text.split("\n"), 1) if content.strip())


def _object(path: Path, line: int, content: str) -> dict[str, object]:
    try:
        row = json.loads(content)
    except json.JSONDecodeError as error:
        raise wrong(path, line, f"no JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(row, dict):
        raise wrong(path, line, "no JSON object")
    return row


def wrong(path: Path, line: int, reason: str) -> InputError:
    """The error for a line that cannot be used."""
    return InputError(
        f"{path}, line {line}: {reason}.", hint="Nothing was asked; mend the line, then start again."
    )


def plain(text: str) -> str:
    """Text as answers are compared: case and white space make no difference."""
    return " ".join(text.split()).casefold()
