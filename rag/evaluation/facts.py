"""The fact file and the floor file: strict models, read from YAML or JSON Lines with the line of every mistake.

In: paths; out: `FactFile` and `Floor`. A mistake is an `InputError` that names file, fact and line. The schema is
described for authors in eval/README.md and published as eval/facts.schema.json.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rag.errors import InputError
from rag.evaluation.documents import compose, line_of, plain, read_text
from rag.evaluation.matching import form_problem, says_date, says_number, stands
from rag.types import Message, Status

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Forms = Annotated[tuple[Text, ...], Field(min_length=1)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Kind = Literal["who", "when", "where", "how_many", "what", "why", "said", "yes_no", "list"]

_M = TypeVar("_M", bound=BaseModel)
_ENDS = re.compile(r"(?<=[.!?…])(?<!\d\.)([\"“”’»)]*)\s+|\n\s*\n\s*")

RATES = (
    "facts",
    "content",
    "lists",
    "unanswerable",
    "cross_lingual",
    "status",
    "spans",
    "supported",
    "language",
    "said",
    "citation_precision",
    "citation_recall",
    "hit_at_10",
    "mrr_at_10",
    "ndcg_at_10",
    "recall_at_10",
)
COSTS = (
    "seconds_median",
    "seconds_p95",
    "first_statement_median",
    "first_statement_p95",
    "prompt_tokens_median",
    "prompt_tokens_p95",
    "output_tokens_median",
    "output_tokens_p95",
)


class Gold(BaseModel):
    """Base of what stands in the files: frozen, strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Content(Gold):
    """Something a right answer says, proven by any of these sentences.

    It is said by any of the forms `any`; by a number within `tolerance` of `number`, with one of the words `unit`
    if there are any; or by the day `date`, in digits or with the month's name. `proof` holds verbatim pieces of the
    articles; each stands for the whole sentence around it.
    """

    model_config = ConfigDict(
        json_schema_extra=lambda schema: schema.update(_with_short_forms(schema)),
    )

    any: tuple[Text, ...] = ()
    number: float | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    unit: tuple[Text, ...] = ()
    date: datetime.date | None = None
    proof: tuple[Text, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"any": [value]}
        return {"any": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _sayable(self) -> Self:
        if not self.any and self.number is None and self.date is None:
            raise ValueError("a content needs any, number or date")
        if self.number is None and (self.tolerance or self.unit):
            raise ValueError("tolerance and unit belong to a number")
        return self

    @property
    def name(self) -> str:
        """What to call it in a report."""
        if self.any:
            return " / ".join(self.any[:4])
        return str(self.date) if self.date else " ".join([f"{self.number:g}", *self.unit[:1]])

    def said(self, text: str) -> bool:
        """True if the text, without marks, says this content."""
        if stands(self.any, text):
            return True
        if self.number is not None and says_number(self.number, self.tolerance, self.unit, text):
            return True
        return self.date is not None and says_date(self.date, text)


def _with_short_forms(schema: dict[str, Any]) -> dict[str, Any]:
    """A content may be written as its only form, or as the list of its forms."""
    form = {"type": "string", "minLength": 1}
    whole = dict(schema)
    schema.clear()
    return {"anyOf": [form, {"type": "array", "items": form, "minItems": 1}, whole]}


class Fact(Gold):
    """A question, what a right answer must and must not say, and which sentences prove it.

    `accept` lists further statuses that are right besides `status`. `complete` says that `required` is a
    whole list, of which nothing may be missing and to which nothing may be added; `ordered`, that it has to be said in
    this order. `history` are the turns before the question. With `ask: summary` the question is what to summarise.
    """

    id: Id
    question: Text
    language: Language
    kind: Kind
    ask: Literal["answer", "summary"] = "answer"
    tags: tuple[Id, ...] = ()
    history: tuple[Message, ...] = ()
    status: Literal[Status.ANSWERED, Status.NOT_FOUND] = Status.ANSWERED
    accept: tuple[Status, ...] = ()
    complete: bool = False
    ordered: bool = False
    required: tuple[Content, ...] = ()
    forbidden: tuple[Text, ...] = ()
    proof: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.status is Status.NOT_FOUND:
            if self.required or self.proof or self.forbidden or self.complete or self.ordered:
                raise ValueError(
                    "a fact with status not_found has no required, forbidden, proof, complete or ordered"
                )
            return self
        if not self.required:
            raise ValueError("an answerable fact needs at least one required content")
        for content in self.required:
            if not (content.proof or self.proof):
                raise ValueError(f"the required content {content.name!r} has no proof")
        if (self.complete or self.ordered) and len(self.required) < 2:
            raise ValueError("a complete or ordered list needs at least two required contents")
        both = {form for content in self.required for form in content.any} & set(self.forbidden)
        if both:
            raise ValueError(f"{sorted(both)[0]!r} is both required and forbidden")
        return self

    @property
    def statuses(self) -> frozenset[Status]:
        """Every status that is right."""
        return frozenset((self.status, *self.accept))

    def proof_of(self, content: Content) -> tuple[str, ...]:
        """The pieces that prove one content: its own, else the fact's."""
        return content.proof or self.proof


class Source(Gold):
    """An article the facts are about: a UTF-8 text file, its path relative to the fact file."""

    path: Text
    language: Language


class _Raw(Gold):
    articles: Annotated[tuple[Source, ...], Field(min_length=1)]
    names: dict[Id, Forms] = Field(default_factory=dict)
    terms: dict[Id, Forms] = Field(default_factory=dict)
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]


class FactFile(Gold):
    """A fact file that was read and checked.

    `texts` are the texts of the articles, `languages` theirs, in the same order. `names` are groups of spellings of
    one name, `terms` groups of translations of one word; references to them are already resolved in the facts.
    `cross_lingual` holds the ids of facts asked in another language than every article that proves them.
    """

    path: Path
    articles: tuple[Path, ...]
    texts: tuple[str, ...]
    languages: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    terms: dict[str, tuple[str, ...]]
    facts: tuple[Fact, ...]
    cross_lingual: frozenset[str]

    def digest(self, fact: Fact) -> str:
        """Hash of all that decides whether an answer to this fact is right: changes with it and with any article."""
        groups = [*sorted(self.names.items()), *sorted(self.terms.items())]
        parts = [fact.model_dump_json(), repr(groups), *self.texts]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def proof_sentences(self, fact: Fact) -> tuple[str, ...]:
        """The sentences that prove a fact, each once, roughly cut out of the articles."""
        pieces = [*fact.proof, *(piece for content in fact.required for piece in content.proof)]
        return tuple(
            dict.fromkeys(
                " ".join(text[slice(*sentence_around(text, *span))].split())
                for piece in pieces
                for text in self.texts
                for span in piece_spans(piece, text)
            )
        )


class Floor(Gold):
    """What a run must reach: shares at least this high, seconds and tokens at most this high.

    `drops` are how far a share may fall below an earlier run, 0 where it is not named; `tags` the same three for the
    facts with a tag.
    """

    at_least: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    at_most: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    drops: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    tags: dict[Id, Floor] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for known, given in ((RATES, self.at_least), (COSTS, self.at_most), (RATES, self.drops)):
            for name in given:
                if name not in known:
                    raise ValueError(f"unknown measure {name!r}, known are {', '.join(known)}")
        if any(floor.tags for floor in self.tags.values()):
            raise ValueError("tags do not nest")
        return self


class _Floors(Gold):
    sections: dict[str, Floor]


def read_facts(path: str | Path) -> FactFile:
    """Read a fact file and check all of it, proofs included.

    Raises:
        InputError: the file cannot be read or used; the message names file, fact and line of the first mistake.
    """
    facts, problems = check_facts(path)
    if problems:
        raise problems[0]
    if facts is None:
        raise TypeError("A fact file without problems is a fact file.")
    return facts


def check_facts(path: str | Path) -> tuple[FactFile | None, list[InputError]]:
    """The facts that can be used, None if none can, and everything that is wrong with the file."""
    path = Path(path)
    try:
        root = compose(path)
        data = plain(root, path)
    except InputError as error:
        return None, [error]
    raw, problems = _validated(_Raw, data, root, path)
    if raw is None:
        return None, problems
    try:
        texts = tuple(_article_text(path, source) for source in raw.articles)
    except InputError as error:
        return None, [error]
    problems = _group_problems(raw, root, path)
    resolved: list[Fact] = []
    languages: dict[str, set[str]] = {}
    for n, fact in enumerate(raw.facts):
        try:
            fact, proving = _checked(fact, raw, texts, languages, _Place(path, root, ("facts", n), fact.id))
        except InputError as error:
            problems.append(error)
            continue
        languages[fact.id] = {raw.articles[article].language for article in proving}
        resolved.append(fact)
    facts = FactFile(
        path=path,
        articles=tuple(_beside(path, source.path) for source in raw.articles),
        texts=texts,
        languages=tuple(source.language for source in raw.articles),
        names=raw.names,
        terms=raw.terms,
        facts=tuple(resolved),
        cross_lingual=frozenset(
            fact.id for fact in resolved if languages[fact.id] and fact.language not in languages[fact.id]
        ),
    )
    return facts, problems


def _checked(
    fact: Fact, raw: _Raw, texts: Sequence[str], known: Collection[str], where: _Place
) -> tuple[Fact, set[int]]:
    """The fact with its references resolved, and the numbers of the articles that prove it."""
    if fact.id in known:
        raise where.error("The id stands twice.", "Give every fact an id of its own.")
    fact = _resolve(fact, {**raw.terms, **raw.names}, where)
    return fact, _check_proofs(fact, texts, where)


def schema() -> dict[str, Any]:
    """The fact file as JSON Schema, for editors and other programs."""
    described = _Raw.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Gold facts",
        **{key: value for key, value in described.items() if key != "title"},
    }


def read_floor(path: str | Path, section: str) -> Floor:
    """Read one section of a floor file.

    Raises:
        InputError: the file cannot be read or used, or has no such section.
    """
    path = Path(path)
    root = compose(path)
    read, problems = _validated(_Floors, {"sections": plain(root, path)}, root, path, skip=1)
    if read is None:
        raise problems[0]
    floors = read.sections
    if section not in floors:
        raise InputError(
            f"{path} has no section {section!r}, only {', '.join(sorted(floors))}.",
            hint="Name one of them, or add the section.",
        )
    return floors[section]


def _group_problems(raw: _Raw, root: yaml.Node, path: Path) -> list[InputError]:
    problems = [
        InputError(
            f"{path}, line {line_of(root, ('terms', name))}: {name!r} stands in names and terms.",
            hint="Keep one.",
        )
        for name in sorted(raw.names.keys() & raw.terms.keys())
    ]
    for table, groups in (("names", raw.names), ("terms", raw.terms)):
        problems += [
            InputError(
                f"{path}, line {line_of(root, (table, name))}, {name}: The form {form!r} {form_problem(form)}.",
                hint="Write at least one word.",
            )
            for name, forms in groups.items()
            for form in forms
            if form_problem(form)
        ]
    return problems


class _Place:
    """Where in a file one fact stands, to say so when it is wrong."""

    def __init__(self, path: Path, root: yaml.Node, loc: tuple[str | int, ...], fact_id: str) -> None:
        self._path, self._root, self._loc, self._id = path, root, loc, fact_id

    def error(self, what: str, hint: str, *inner: str | int) -> InputError:
        line = line_of(self._root, (*self._loc, *inner))
        return InputError(f"{self._path}, line {line}, fact {self._id}: {what}", hint=hint)


def _beside(path: Path, relative: str) -> Path:
    return (path.parent / relative).resolve()


def _article_text(path: Path, source: Source) -> str:
    return read_text(_beside(path, source.path))


def _validated(
    model: type[_M], data: Any, root: yaml.Node, path: Path, skip: int = 0
) -> tuple[_M | None, list[InputError]]:
    """The data as a model, or what is wrong; `skip` leading steps of an error's place do not stand in the file."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        # A key with a typo is unknown and missing: the first says where.
        found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        return None, [_problem(one["loc"][skip:], str(one["msg"]), data, root, path) for one in found]


def _problem(loc: Sequence[str | int], message: str, data: Any, root: yaml.Node, path: Path) -> InputError:
    key = ".".join(str(step) for step in loc) or "the file"
    where = f"{path}, line {line_of(root, loc)}{_fact_id(data, loc)}"
    return InputError(
        f"{where}: {key}: {message.removeprefix('Value error, ')}.",
        hint="eval/README.md describes every key.",
    )


def _fact_id(data: Any, loc: Sequence[str | int]) -> str:
    if len(loc) < 2 or loc[0] != "facts" or not isinstance(loc[1], int):
        return ""
    fact = data["facts"][loc[1]]
    name = fact.get("id") if isinstance(fact, dict) else None
    return f", fact {name or f'number {loc[1] + 1}'}"


def _resolve(fact: Fact, names: dict[str, tuple[str, ...]], where: _Place) -> Fact:
    """The fact with every `@name` replaced by that name's spellings."""
    required = tuple(
        content.model_copy(update={"any": _forms(content.any, names, where, ("required", n))})
        for n, content in enumerate(fact.required)
    )
    forbidden = _forms(fact.forbidden, names, where, ("forbidden",))
    return fact.model_copy(update={"required": required, "forbidden": forbidden})


def _forms(
    forms: Sequence[str], names: dict[str, tuple[str, ...]], where: _Place, inner: tuple[str | int, ...]
) -> tuple[str, ...]:
    resolved: list[str] = []
    for form in forms:
        if form.startswith("@") and form[1:] not in names:
            raise where.error(f"There is no name {form!r}.", "Add it under names or terms.", *inner)
        resolved += names[form[1:]] if form.startswith("@") else [form]
    for form in resolved:
        problem = form_problem(form)
        if problem:
            raise where.error(f"The form {form!r} {problem}.", "Write at least one word.", *inner)
    return tuple(resolved)


def piece_spans(piece: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a piece stands in a text, whatever the line ends between its words."""
    pattern = r"\s+".join(re.escape(word) for word in piece.split())
    return (found.span() for found in re.finditer(pattern, text))


def rough_sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text stand, nearly: they end at a full stop before white space and at empty lines."""
    bounds = [0]
    for found in _ENDS.finditer(text):
        bounds += [found.end(1) if found[1] is not None else found.start(), found.end()]
    bounds.append(len(text))
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return [(start, end) for start, end in pairs if text[start:end].strip()]


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """A sentence, or nearly: from the last end of a sentence or paragraph before to the next one after."""
    ends = list(_ENDS.finditer(text))
    first = max((found.end() for found in ends if found.end() <= start), default=0)
    after = (
        found.end(1) if found[1] is not None else found.start() for found in ends if found.start() >= end - 1
    )
    return first, min(after, default=len(text))


def _check_proofs(fact: Fact, texts: Sequence[str], where: _Place) -> set[int]:
    """Numbers of the articles that prove the fact; every piece stands exactly once in all of them."""
    proving: set[int] = set()
    places: list[tuple[str, tuple[str | int, ...]]] = [
        (piece, ("proof", n)) for n, piece in enumerate(fact.proof)
    ]
    for c, content in enumerate(fact.required):
        places += [(piece, ("required", c, "proof", n)) for n, piece in enumerate(content.proof)]
    for piece, inner in places:
        found = [n for n, text in enumerate(texts) for _ in piece_spans(piece, text)]
        if len(found) != 1:
            times = f"{len(found)} times" if found else "nowhere"
            raise where.error(
                f"The proof {piece!r} stands {times} in the articles.",
                "Copy a piece of one sentence that stands there exactly once.",
                *inner,
            )
        proving.update(found)
    return proving
