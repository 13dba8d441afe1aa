"""Formats of question sets whose rows bring their own documents, or name the facts that they take.

In: a file of JSON Lines whose fields name its format. Out: its `QuestionSet`. Each format is one row model and one
function; `FORMATS` says by which fields it is known. Where sources disagree, a row is asked twice: as it is, and with
the sources that agree alone (`id` + "/agreed"), since a disagreement that is shown where there is none is a fault too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rag.evaluation.questions import AskedQuestion, Document, Kind, QuestionSet, once, plain, wrong
from rag.evaluation.wording import same
from rag.types import Noun

AGREED = "/agreed"
_QUOTES = '„“”"»«'
_UNKNOWN = "unknown"  # what a document answers that answers nothing
_DAYS = ("%Y/%m/%d", "%Y-%m-%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")

Id = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


def _day(value: object) -> object:
    """A day out of its usual spellings; what names no day ("2 hours ago", "1999") is none."""
    if not isinstance(value, str):
        return value
    spelled = re.sub(r"\bSept\b", "Sep", value.strip())
    for form in _DAYS:
        try:
            return datetime.strptime(spelled, form).date()
        except ValueError:
            continue
    return None


Day = Annotated[date | None, BeforeValidator(_day)]


def _flat(value: object) -> list[str]:
    """All texts of lists in lists, in their order."""
    if isinstance(value, list | tuple):
        return [text for one in value for text in _flat(one)]
    return [str(value)]


def _groups(value: object) -> list[list[str]]:
    """A text is a group of one spelling, a list one of several."""
    return [_flat(one) for one in value] if isinstance(value, list | tuple) else [[str(value)]]


Spellings = Annotated[tuple[str, ...], BeforeValidator(_flat), Field(min_length=1)]
Groups = Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_groups), Field(min_length=1)]


class _Source(Noun):
    id: Id
    title: Text = ""
    text: Text
    date: Day = None
    cred: str = ""


class _Labelled(Noun):
    doc_id: str
    text: str
    label: str = ""


class _Noise(Noun):
    id: Id
    question: str = Field(min_length=1)
    answer_groups: Groups
    noise: float = Field(ge=0, le=1)
    answerable: bool
    docs: tuple[_Labelled, ...] = Field(min_length=1)


class _Answering(Noun):
    text: str
    type: str
    answer: str


class _Conflict(Noun):
    id: Id
    question: str = Field(min_length=1)
    documents: tuple[_Answering, ...] = Field(min_length=1)
    gold_answers: tuple[str, ...] = Field(min_length=1)
    wrong_answers: tuple[str, ...] = ()
    disambig_entity: tuple[str, ...] = ()


class _Counterfactual(Noun):
    id: Id
    query: str = Field(min_length=1)
    answer: Spellings
    fakeanswer: str = Field(min_length=1)
    positive: tuple[str, ...] = Field(min_length=1)
    positive_wrong: tuple[str, ...] = Field(min_length=1)
    negative: tuple[str, ...] = ()


class _Polluted(Noun):
    id: Id
    question: str = Field(min_length=1)
    docs: tuple[_Source, ...] = Field(min_length=2)
    choices: tuple[str, ...] = Field(min_length=2)
    answer: str = Field(min_length=1)


class _Dated(Noun):
    id: Id
    question: str = Field(min_length=1)
    q_date: str = ""
    docs: tuple[_Source, ...] = Field(min_length=1)
    answers: Spellings


class _Multihop(Noun):
    id: Id
    query: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    evidence_ids: tuple[str, ...] = ()
    null_query: bool
    question_type_if_known: Text = ""


class _Fact(Noun):
    fact_id: str = Field(min_length=1)
    article_title: str = ""
    fact: str = Field(min_length=1)


class _Said(Noun):
    id: Id
    lang: str = ""
    title: str = ""
    date: Day = None
    statement: str = Field(min_length=1)
    type: str = ""
    speaker_gold: str = Field(min_length=1)
    text: str = Field(min_length=1)


class _Attacked(Noun):
    id: Id
    lang: str = ""
    attack_type: str = ""
    attack: str = Field(min_length=1)
    position: str = ""
    question: str = Field(min_length=1)
    answers: Spellings
    document: str = Field(min_length=1)


# --- one function per format -----------------------------------------------------------------


def _noise(path: Path) -> QuestionSet:
    questions = [
        AskedQuestion(
            id=row.id,
            question=row.question,
            groups=row.answer_groups,
            answerable=row.answerable,
            stratum=f"noise {row.noise:g}",
            documents=_texts(one.text for one in row.docs),
        )
        for _, row in once(path, _Noise, "id")
    ]
    return _set(path, "noise", questions)


def _conflict(path: Path) -> QuestionSet:
    questions = []
    for _, row in once(path, _Conflict, "id"):
        options = _different(one.answer for one in row.documents if one.answer != _UNKNOWN)
        base = AskedQuestion(
            id=row.id,
            question=row.question,
            options=options,
            wrong=row.wrong_answers,
            stratum="disputed" if len(options) > 1 else "agreed",
            documents=_texts(one.text for one in row.documents),
        )
        questions.append(base)
        if len(options) > 1:
            first = next((one for one in options if one not in row.wrong_answers), options[0])
            texts = [one.text for one in row.documents if one.answer == _UNKNOWN or same(one.answer, first)]
            questions.append(_agreed(base, (first,), texts))
    return _set(path, "conflict", questions)


def _counterfactual(path: Path) -> QuestionSet:
    questions = []
    for line, row in once(path, _Counterfactual, "id"):
        if len(row.positive) != len(row.positive_wrong):
            raise wrong(path, line, "positive and positive_wrong are not as many")
        # One source, one version: every second one is the changed one, so that both sides have their own words.
        mixed = [pair[at % 2] for at, pair in enumerate(zip(row.positive, row.positive_wrong, strict=True))]
        if len(mixed) == 1:
            mixed.append(row.positive_wrong[0])
        base = AskedQuestion(
            id=row.id,
            question=row.query,
            options=(row.answer[0], row.fakeanswer),
            wrong=(row.fakeanswer,),
            stratum="disputed",
            documents=_texts([*mixed, *row.negative]),
        )
        questions += [base, _agreed(base, row.answer[:1], [*row.positive, *row.negative])]
    return _set(path, "conflict", questions)


def _polluted(path: Path) -> QuestionSet:
    questions = []
    for line, row in once(path, _Polluted, "id"):
        if row.answer not in row.choices:
            raise wrong(path, line, f"the answer {row.answer!r} is none of the choices")
        others = tuple(choice for choice in row.choices if choice != row.answer)
        doubtful = [one.text for one in row.docs if one.cred == "low"]
        base = AskedQuestion(
            id=row.id,
            question=row.question,
            options=(row.answer, *others),
            wrong=others,
            stratum="disputed",
            documents=_texts(one.text for one in row.docs),
        )
        questions.append(base)
        if len(doubtful) > 1:  # made after one pattern, they tell the same
            questions.append(_agreed(base, others, doubtful))
    return _set(path, "conflict", questions)


def _time(path: Path) -> QuestionSet:
    questions = [
        AskedQuestion(
            id=row.id,
            question=row.question,
            answers=row.answers,
            documents=tuple(
                Document(
                    doc_id=str(at), text=one.text.strip() or one.title, title=one.title, published=one.date
                )
                for at, one in enumerate(row.docs)
                if one.title.strip() or one.text.strip()
            ),
        )
        for _, row in once(path, _Dated, "id")
    ]
    return _set(path, "time", questions)


def _evidence(path: Path) -> QuestionSet:
    facts_path = path.with_name(f"{path.stem}_facts.jsonl")
    if not facts_path.exists():
        raise wrong(path, 1, f"evidence_ids name facts, but there is no {facts_path.name}")
    ids: dict[str, str] = {}  # of equal facts only the first is indexed
    documents: dict[str, Document] = {}
    for _, fact in once(facts_path, _Fact, "fact_id"):
        known = documents.setdefault(
            fact.fact, Document(doc_id=fact.fact_id, text=fact.fact, title=fact.article_title)
        )
        ids[fact.fact_id] = known.doc_id
    questions = []
    for line, row in once(path, _Multihop, "id"):
        if unknown := [one for one in row.evidence_ids if one not in ids]:
            raise wrong(path, line, f"the fact {unknown[0]!r} is not in {facts_path.name}")
        if row.null_query == bool(row.evidence_ids):
            raise wrong(path, line, "null_query and evidence_ids do not fit")
        questions.append(
            AskedQuestion(
                id=row.id,
                question=row.query,
                answers=(row.answer,),
                answerable=not row.null_query,
                evidence=tuple(dict.fromkeys(ids[one] for one in row.evidence_ids)),
            )
        )
    found = _set(path, "evidence", questions)
    return found.model_copy(update={"documents": tuple(documents.values())})


def _speaker(path: Path) -> QuestionSet:
    questions = []
    for line, row in once(path, _Said, "id"):
        if plain(row.speaker_gold) not in plain(row.text):
            raise wrong(path, line, f"the speaker {row.speaker_gold!r} does not stand in the text")
        document = Document(doc_id="0", text=row.text, title=row.title, lang=row.lang, published=row.date)
        questions.append(
            AskedQuestion(
                id=row.id,
                question=_who_said(row.statement),
                lang=row.lang,
                said=row.statement,
                speaker=row.speaker_gold,
                documents=(document,),
            )
        )
    return _set(path, "speaker", questions)


def _who_said(statement: str) -> str:
    words = " ".join(statement.split())
    if re.match(r"(?:dass|ob|wie|wenn)\s", words):
        return f"Wer sagte, {words.rstrip('.')}?"
    return f"Wer sagte: „{words.strip(_QUOTES)}“?"


def _attack(path: Path) -> QuestionSet:
    questions = []
    for line, row in once(path, _Attacked, "id"):
        for what in (row.attack, *row.answers):
            if plain(what) not in plain(row.document):
                raise wrong(path, line, f"{what!r} does not stand in the document")
        document = Document(doc_id="0", text=row.document.strip("\ufeff "), lang=row.lang)
        questions.append(
            AskedQuestion(
                id=row.id,
                question=row.question,
                lang=row.lang,
                answers=row.answers,
                attack=row.attack,
                documents=(document,),
            )
        )
    return _set(path, "attack", questions)


FORMATS: tuple[tuple[frozenset[str], Callable[[Path], QuestionSet]], ...] = (
    (frozenset({"answer_groups", "noise", "docs"}), _noise),
    (frozenset({"documents", "gold_answers"}), _conflict),
    (frozenset({"positive", "positive_wrong", "fakeanswer"}), _counterfactual),
    (frozenset({"docs", "choices", "answer"}), _polluted),
    (frozenset({"docs", "q_date", "answers"}), _time),
    (frozenset({"evidence_ids", "query"}), _evidence),
    (frozenset({"statement", "speaker_gold", "text"}), _speaker),
    (frozenset({"attack", "document", "question"}), _attack),
)


def _set(path: Path, kind: Kind, questions: Sequence[AskedQuestion]) -> QuestionSet:
    return QuestionSet(name=path.stem, kind=kind, questions=tuple(questions))


def _agreed(base: AskedQuestion, options: tuple[str, ...], texts: Iterable[str]) -> AskedQuestion:
    """The same question to the sources alone that agree; `options` are what they may say."""
    changed: dict[str, Any] = {
        "id": f"{base.id}{AGREED}",
        "options": options[:1],
        "stratum": "agreed",
        "documents": _texts(texts),
    }
    return base.model_copy(update=changed)


def _texts(texts: Iterable[str]) -> tuple[Document, ...]:
    filled = [text for text in dict.fromkeys(texts) if text.strip()]
    return tuple(Document(doc_id=str(at), text=text) for at, text in enumerate(filled))


def _different(answers: Iterable[str]) -> tuple[str, ...]:
    """The answers without those that another one repeats in other letters."""
    found: list[str] = []
    for answer in answers:
        if not any(same(answer, other) for other in found):
            found.append(answer)
    return tuple(found)
