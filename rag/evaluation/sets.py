"""Question sets as other people publish them: read, checked line by line, refused before any model is loaded.

In: a folder of JSON Lines. Out: `QuestionSet`s and the documents of all of them. What a file is, its fields tell:

`NAME.jsonl` beside `NAME_corpus.jsonl`: questions `id`, `question`, `gold_doc`, and perhaps `lang`, `answers`,
`answerable`, `gold_sentence`, `gold_sentence_index`; documents `doc_id`, `text`, and perhaps `title`, `lang`,
`sentence_breaks`. An answer stands in its document, word for word. A question whose document is not in the corpus has
`answerable: false`.

`NAME.jsonl` with `passages` in every row: `query_id`, `question`, `answerable`, `passages` (`text`, perhaps `title`),
and perhaps `docids`, `lang`, `baseline`. Its passages become documents of the merged corpus.

Every other format stands in `rag.evaluation.formats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rag.errors import InputError
from rag.evaluation.formats import FORMATS
from rag.evaluation.questions import AskedQuestion, Document, QuestionSet, fields, once, plain, wrong
from rag.types import Noun

_CORPUS = "_corpus"


class _Asked(Noun):
    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    gold_doc: str = ""
    lang: str = ""
    answers: tuple[str, ...] = ()
    answerable: bool = True
    gold_sentence: str = ""
    gold_sentence_index: int | None = Field(default=None, ge=0)


class _CorpusDocument(Noun):
    doc_id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    title: str = ""
    lang: str = ""
    sentence_breaks: tuple[tuple[int, int], ...] = ()


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


def read_sets(
    folder: str | Path, names: Sequence[str] = ()
) -> tuple[tuple[QuestionSet, ...], dict[str, Document]]:
    """The sets of a folder, or those called `names`, and all documents of its merged corpus by their ids.

    Raises:
        InputError: no such folder or set, a broken line, an unknown field, an id that stands twice, an answer that is
            not in its document; with file, line and reason.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder.", hint="Name a folder with NAME.jsonl and NAME_corpus.jsonl."
        )
    documents: dict[str, Document] = {}
    for path in sorted(folder.glob(f"*{_CORPUS}.jsonl")):
        for line, row in once(path, _CorpusDocument, "doc_id"):
            if row.doc_id in documents:
                raise wrong(path, line, f"doc_id {row.doc_id!r} stands twice")
            documents[row.doc_id] = Document(**row.model_dump())
    paths = [path for path in sorted(folder.glob("*.jsonl")) if not path.stem.endswith(_CORPUS)]
    found = [one for path in paths if (one := _read_set(path, documents)) is not None]
    if unknown := sorted(set(names) - {one.name for one in found}):
        known = ", ".join(one.name for one in found) or "none"
        raise InputError(f"{folder} has no set {unknown[0]!r}.", hint=f"Its sets are: {known}.")
    if not found:
        raise InputError(f"{folder} has no set.", hint="Name a folder with NAME.jsonl and NAME_corpus.jsonl.")
    return tuple(one for one in found if not names or one.name in names), documents


def _read_set(path: Path, documents: dict[str, Document]) -> QuestionSet | None:
    """The set of a file; None if its fields are those of no format."""
    if path.with_name(f"{path.stem}{_CORPUS}.jsonl").exists():
        return _with_corpus(path, documents)
    named = fields(path)
    if "passages" in named:
        return _with_passages(path, documents)
    return next((read(path) for known, read in FORMATS if known <= named), None)


def _with_corpus(path: Path, documents: dict[str, Document]) -> QuestionSet:
    questions = []
    for line, row in once(path, _Asked, "id"):
        question = AskedQuestion(**row.model_dump())
        if question.answerable:
            _check_answers(path, line, question, documents)
        questions.append(question)
    return QuestionSet(name=path.stem, questions=tuple(questions))


def _check_answers(path: Path, line: int, row: AskedQuestion, documents: dict[str, Document]) -> None:
    document = documents.get(row.gold_doc)
    if document is None:
        raise wrong(path, line, f"gold_doc {row.gold_doc!r} is in no corpus")
    text = plain(document.text)
    for answer in row.answers:
        if plain(answer) not in text:
            raise wrong(path, line, f"the answer {answer!r} does not stand in {row.gold_doc!r}")
    if row.gold_sentence and plain(row.gold_sentence) not in text:
        raise wrong(path, line, f"the gold sentence does not stand in {row.gold_doc!r}")
    if document.sentence_breaks and (row.gold_sentence_index or 0) >= len(document.sentence_breaks):
        raise wrong(path, line, f"gold_sentence_index {row.gold_sentence_index} is outside {row.gold_doc!r}")


def _with_passages(path: Path, documents: dict[str, Document]) -> QuestionSet:
    ids = {document.text: doc_id for doc_id, document in documents.items()}
    questions: list[AskedQuestion] = []
    own: dict[str, tuple[str, ...]] = {}
    for _, row in once(path, _WithPassages, "query_id"):
        for passage in row.passages:
            if passage.text not in ids:
                doc_id = f"{path.stem}-{len(ids)}"
                documents[doc_id] = Document(
                    doc_id=doc_id, text=passage.text, title=passage.title, lang=row.lang
                )
                ids[passage.text] = doc_id
        questions.append(
            AskedQuestion(id=row.query_id, question=row.question, lang=row.lang, answerable=row.answerable)
        )
        own[row.query_id] = tuple(dict.fromkeys(ids[passage.text] for passage in row.passages))
    return QuestionSet(name=path.stem, kind="passages", questions=tuple(questions), own=own)
