"""The nouns of a fact file and of a floor file, strict about every key; where pieces of sentences stand in a text.

In: what reading.py read; out: `FactFile` and `Floor`. The schema is described for authors in eval/README.md and
published as eval/facts.schema.json.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rag.evaluation.matching import says_date, says_number, stands
from rag.types import Message, Status

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Forms = Annotated[tuple[Text, ...], Field(min_length=1)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Kind = Literal["who", "when", "where", "how_many", "what", "why", "said", "yes_no", "list"]

_ENDS = re.compile(r"(?<=[.!?…])(?<!\b\d\.)(?<!\b\d\d\.)([\"“”’»)]*)\s+|\n\s*\n\s*")

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
    "judged",
    "covered",
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


class Wanted(Gold):
    """What summary a fact asks for: of all articles there are, `whole`, or of what is found for the question."""

    whole: bool = False
    form: Literal["text", "points", "timeline", "who_said_what"] = "text"
    sentences: Annotated[int, Field(ge=1, le=100)] | None = None
    words: Annotated[int, Field(ge=1, le=5000)] | None = None


class Fact(Gold):
    """A question, what a right answer must and must not say, and which sentences prove it.

    `accept` lists further statuses that are right besides `status`. `complete` says that `required` is a
    whole list, of which nothing may be missing and to which nothing may be added; `ordered`, that it has to be said in
    this order. `history` are the turns before the question, `translations` the question in other languages. With
    `ask: summary` the question is what to summarise, `summary` how.
    """

    id: Id
    question: Text
    language: Language
    kind: Kind
    ask: Literal["answer", "summary"] = "answer"
    summary: Wanted = Wanted()
    tags: tuple[Id, ...] = ()
    history: tuple[Message, ...] = ()
    status: Literal[Status.ANSWERED, Status.NOT_FOUND] = Status.ANSWERED
    accept: tuple[Status, ...] = ()
    complete: bool = False
    ordered: bool = False
    required: tuple[Content, ...] = ()
    forbidden: tuple[Text, ...] = ()
    proof: tuple[Text, ...] = ()
    translations: dict[Language, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.ask != "summary" and self.summary != Wanted():
            raise ValueError("summary belongs to a fact with ask: summary")
        if self.language in self.translations:
            raise ValueError(f"the question is in {self.language} already, it needs no translation")
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
        shaping = fact.model_dump_json(
            exclude={"translations"} | ({"summary"} if fact.ask == "answer" else set())
        )
        parts = [shaping, repr(groups), *self.texts]
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
