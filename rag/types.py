"""The nouns of this package and the protocols its parts meet through.

Every noun is a frozen pydantic model: `.model_dump()` and `.model_dump_json()` serialise it,
`.model_validate()` reads it back. Offsets count Unicode code points (Python's `str` indices) in
`Article.text`; `end` is exclusive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypedDict, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]  # (n, dimensions), every row of length 1


def _moment(value: object) -> object:
    """Dates become midnight; moments without a zone are read as UTC; empty text is no date, nor is a number."""
    if isinstance(value, int | float):
        raise ValueError("a number is no date")
    if isinstance(value, str):
        if not value.strip():
            return None
        value = datetime.fromisoformat(value.strip())
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if isinstance(value, datetime):
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("it lies outside of the years 1 to 9999") from error
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]
_AS_SENT = [
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date"},
    {"type": "string", "maxLength": 0},
    {"type": "null"},
]
OptionalMoment = Annotated[
    datetime | None, BeforeValidator(_moment), WithJsonSchema({"anyOf": _AS_SENT}, mode="validation")
]


class Noun(BaseModel):
    """Base of all nouns: frozen, strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- articles --------------------------------------------------------------------------------


class Sentence(Noun):
    """The `n`-th sentence of an article: `article.text[start:end]`."""

    n: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    heading: bool = False


class Article(Noun):
    """One document.

    Callers fill `text` and what they know of the rest; the index fills `id` (from the origin: URL or
    path, else the text), `revision` (hash of the clean text), `language` (ISO 639-1) and, when an
    article is read back, `sentences`. `origins` are all places this text was added from.
    """

    text: str
    id: str = ""
    title: str = ""
    source: str = ""
    url: str = ""
    published: OptionalMoment = None
    language: str = ""
    revision: str = ""
    origins: tuple[str, ...] = ()
    sentences: tuple[Sentence, ...] = ()


class Passage(Noun):
    """Neighbouring sentences `first`..`last` (inclusive), embedded and retrieved as one unit."""

    article_id: str
    revision: str
    n: int = Field(ge=0)
    first: int = Field(ge=0)
    last: int = Field(ge=0)
    start: int
    end: int
    text: str

    @property
    def id(self) -> str:
        """The key of this passage in the vector index."""
        return f"{self.article_id}:{self.revision}:{self.n}"


class RawDocument(Noun):
    """A document as it was read, before cleaning.

    `origin` is the URL or absolute path it came from, empty for text handed over directly. `kind` tells
    the cleaner what to expect of `text`.
    """

    text: str
    kind: Literal["plain", "pdf", "html", "markdown", "docx"] = "plain"
    origin: str = ""
    title: str = ""
    source: str = ""
    url: str = ""
    published: OptionalMoment = None
    language: str = ""


class Upload(Noun):
    """A file as it came from somewhere else: its name and its bytes. The name tells the kind, it is never a path."""

    name: str
    data: bytes


class Failure(Noun):
    """One document that did not become an article, and why."""

    origin: str
    code: str
    message: str
    hint: str = ""


class AddReport(Noun):
    """What `add` did: ids per outcome, and every document that was not taken."""

    added: tuple[str, ...] = ()
    revised: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    same_text: tuple[str, ...] = ()  # the text was already known from another origin
    failed: tuple[Failure, ...] = ()

    @property
    def article_ids(self) -> tuple[str, ...]:
        """Ids of all articles this call added or found again."""
        return self.added + self.revised + self.unchanged + self.same_text


class Deletion(Noun):
    """What was removed with an article, counted after the fact on every path.

    `proven` is true when a fresh look at catalog, word index and vectors finds nothing of it.
    """

    article_id: str
    revisions: int
    sentences: int
    passages: int
    vectors: int
    proven: bool


class CheckReport(Noun):
    """What `check` compared and repaired. `ok` speaks of the state afterwards."""

    ok: bool
    articles: int
    passages: int
    vectors: int
    problems: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()


# --- search ----------------------------------------------------------------------------------


class Filters(Noun):
    """Which articles may be found. Empty means all; dates compare with `published`, both ends included."""

    published_after: OptionalMoment = None
    published_before: OptionalMoment = None
    source: str = ""
    language: str = ""
    article_ids: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when every article passes."""
        return self == Filters()


class FoundBy(StrEnum):
    """Which search leg brought a hit."""

    DENSE = "dense"
    WORDS = "words"
    BOTH = "both"


class Hit(Noun):
    """A passage or sentence that was found: `article.text[start:end] == text`.

    `score` is higher for nearer hits; it orders the hits of one search and is not a probability.
    `first` and `last` are the sentence numbers it spans.
    """

    kind: Literal["passage", "sentence"]
    article_id: str
    revision: str
    first: int
    last: int
    start: int
    end: int
    text: str
    score: float
    found_by: FoundBy
    heading: bool = False
    title: str = ""
    source: str = ""
    url: str = ""
    published: OptionalMoment = None
    language: str = ""


# --- answers ---------------------------------------------------------------------------------


class Status(StrEnum):
    """The three ways an answer can end."""

    ANSWERED = "answered"
    PARTIAL = "partial"
    NOT_FOUND = "not_found"


class Verdict(StrEnum):
    """What the verifier says of a statement and the sentences it cites."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_SUPPORTED = "not_supported"
    NOT_FOUND = "not_found"  # of a draft's statement: no article carries it
    DISPUTED = "disputed"  # of an answer's statement: its sentence says so, another source does not


class Citation(Noun):
    """`article.text[start:end] == quote`, cut by the program, in revision `revision` of the article.

    `number` is the mark in the rendered text, counted from 1.
    """

    number: int = Field(default=0, ge=0)
    article_id: str
    revision: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    quote: str
    title: str = ""
    source: str = ""
    url: str = ""
    published: OptionalMoment = None


class Statement(Noun):
    """One sentence or list item of an answer.

    `support` is the verifier's estimate in 0..1 that the cited sentences carry the statement.
    """

    text: str
    citations: tuple[Citation, ...]
    verdict: Verdict
    support: float = Field(ge=0, le=1)


class Difference(Noun):
    """In what a statement and its evidence differ.

    `kind` is number, name, negation, scope ("all", "only"), certainty ("may"), role (who did it to whom) or speaker
    (who says it). `claimed` and `found` are the words on both sides, empty where there are none.
    """

    kind: Literal["number", "name", "negation", "scope", "certainty", "role", "speaker"]
    claimed: str = ""
    found: str = ""


class Checked(Noun):
    """One statement of a draft, `draft[start:end] == text`, and what the articles say of it.

    `verdict` is supported, contradicted or not_found; `citations` carry or contradict it, numbered among those
    of the whole check. `support` is the verifier's estimate in 0..1, which a single difference overrules.
    """

    text: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    verdict: Verdict
    support: float = Field(ge=0, le=1)
    citations: tuple[Citation, ...] = ()
    differences: tuple[Difference, ...] = ()


class DraftCheck(Noun):
    """A draft held against the articles, statement by statement; `citations` in the order of their numbers."""

    language: str
    statements: tuple[Checked, ...] = ()
    citations: tuple[Citation, ...] = ()
    timings: dict[str, float] = Field(default_factory=dict)
    fingerprint: str = ""


class Side(Noun):
    """What some sources say where sources disagree: `value` in their words, `newest` when the latest was published."""

    value: str
    citations: tuple[Citation, ...]
    newest: OptionalMoment = None


class Disagreement(Noun):
    """Sources that differ on one thing: `about` is what the sentences share; `sides` stand newest first."""

    kind: Literal["number", "date", "name", "claim"]
    about: str
    sides: tuple[Side, ...]


class Usage(Noun):
    """Tokens spent on language model calls; `cached_tokens` of the prompt came from its cache."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


class Confidence(Noun):
    """How likely the articles answer a question, and what that was judged by.

    `value` is the gate's calibrated probability (0..1) that the best sentence found answers; of a question with several
    parts the one of its least likely part. It is high where an answer is sure, low where silence is, and 0 where
    nothing was found or nothing of the kind asked for. `signals` are what it is made of, by name: those of
    `rag.verify.Signals`, `yes`, the probability of the model's yes where one was asked, and `answer`, its yes to the
    words it copied, where that kept them from being shown; 0 where it found none.
    """

    value: float = Field(default=0.0, ge=0, le=1)
    signals: dict[str, float] = Field(default_factory=dict)


class Answer(Noun):
    """What was found out, or that it was not.

    `question` is the question as understood (after a chat rewrite). `missing` says, for `partial` and
    `not_found`, in the question's language what the articles do not give. `text` is the rendered answer with marks like
    `[1]`; `citations` are all citations of the statements and disagreements, in the order of their numbers.
    `confidence` tells how likely the articles answer at all. `timings` are seconds per stage. `fingerprint` changes
    with models, prompts and settings.
    """

    status: Status
    question: str
    language: str
    statements: tuple[Statement, ...] = ()
    text: str
    citations: tuple[Citation, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    missing: str = ""
    confidence: Confidence = Confidence()
    usage: Usage = Usage()
    timings: dict[str, float] = Field(default_factory=dict)
    fingerprint: str = ""


class Form(StrEnum):
    """How a summary is told."""

    TEXT = "text"  # sentences, newest article first
    POINTS = "points"  # the same sentences, weightiest first
    TIMELINE = "timeline"  # sentences that name a date, in its order
    WHO_SAID_WHAT = "who_said_what"  # speaker and words


class Dated(Noun):
    """An event of a timeline.

    `date` is ISO 8601 as far as it goes ("2025-02-17", "2025-02", "2025"), empty where the article's `words` do not
    tell safely. `resolved`: it was counted from the article's own date ("on Monday"), or its year was.
    """

    statement: Statement
    date: str
    words: str
    resolved: bool


class Speech(Noun):
    """What somebody said: the phrase that names the speaker, the words, and whether they stand in quotation marks."""

    statement: Statement
    speaker: str
    words: str
    direct: bool


class Dispute(Noun):
    """Statements of different articles on one event that differ.

    `about` is the word for what they count, "day", the name that the first one has where the other has another, or
    what only one of them denies.
    """

    about: str
    statements: tuple[Statement, ...]


class Summary(Noun):
    """A cited summary.

    `covered` is the share (0..1) of the source's content units that its sentences hold: the stems of content words,
    each weighted by the number of sentences that hold it. `headline` is the heading of its weightiest article, or its
    weightiest sentence; its citation has the number 0, as it is no part of `text`. `timeline` and `said` belong to the
    forms of that name, statement by statement. `unsettled` are sentences beside the others that say what is not
    known, not decided or disputed, where there are several articles. `missing` says what was left out,
    or why it is longer than asked for.
    """

    status: Status
    language: str
    form: Form = Form.TEXT
    headline: Statement | None = None
    statements: tuple[Statement, ...] = ()
    timeline: tuple[Dated, ...] = ()
    said: tuple[Speech, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    unsettled: tuple[Statement, ...] = ()
    text: str
    citations: tuple[Citation, ...] = ()
    covered: float = Field(default=0.0, ge=0, le=1)
    missing: str = ""
    article_ids: tuple[str, ...] = ()
    usage: Usage = Usage()
    timings: dict[str, float] = Field(default_factory=dict)
    fingerprint: str = ""


class Evidence(Noun):
    """Stream event: the sentences the answer will be drawn from.

    `question` is the question as understood: after a conversation the one that was made to stand alone.
    """

    question: str = ""
    hits: tuple[Hit, ...]


Event = Evidence | Statement | Answer  # what `stream` yields; the last one is the Answer
SummaryEvent = Statement | Summary  # what `stream_summary` yields; the last one is the Summary


class SummaryOptions(TypedDict, total=False):
    """What may be said of a summary besides its articles; `NewsQA.summarise` tells meanings and defaults.

    `language` is the reader's; `written_in`, dates and source choose articles.
    """

    query: str | None
    k: int
    focus: str
    form: Form | str
    sentences: int | None
    words: int | None
    language: str | None
    written_in: str
    deadline: float | None
    published_after: datetime | date | str | None
    published_before: datetime | date | str | None
    source: str


class Message(Noun):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Piece(Noun):
    """A piece of a streamed reply, one token where the model tells.

    `logprob` is its natural logarithm of probability and `alternatives` the likeliest tokens at this place with theirs;
    models that do not tell leave both empty. The last piece has no text and carries the usage.
    """

    text: str = ""
    logprob: float | None = None
    alternatives: dict[str, float] = Field(default_factory=dict)
    usage: Usage | None = None


class Reply(Noun):
    """What a chat model said, whole."""

    text: str
    usage: Usage = Usage()


# --- protocols -------------------------------------------------------------------------------


class Progress(Protocol):
    """Called while something long runs."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """So much is done of `total`, which is 0 while unknown; `what` is for the person watching."""


class Encoder(Protocol):
    """Texts to unit vectors, float32, shape (n, dimensions)."""

    @property
    def name(self) -> str:
        """What people call this encoder."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors could: weights, number format, prefixes, pooling."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in order, as something to be found."""

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in order, as something to search with."""

    def encode_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        """One row per `text[start:end]`, what it means in this text; zeros for one past what the encoder sees."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text without special tokens, not truncated."""


@runtime_checkable
class TokenEncoder(Protocol):
    """An encoder that also tells where in the space of meanings each piece of a text lies."""

    def encode_tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """Unit vectors of each text's tokens in its context, shape (tokens, dimensions); prefix and ends left out."""


class ChatModel(Protocol):
    """Messages to text."""

    @property
    def name(self) -> str:
        """What people call this model."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the replies could."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
    ) -> Iterator[Piece]:
        """One greedy reply in pieces; with `schema` (JSON Schema) its text is JSON that fits it.

        Closing the iterator stops the model.

        Raises:
            ModelUnavailable, ModelTimeout: the model did not answer.
        """

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        """The same reply, whole."""

    def choose(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        """Probability that the reply begins with each option, or None if the model cannot tell."""

    def close(self) -> None:
        """Stop the model and free its memory."""


@runtime_checkable
class ScoringModel(Protocol):
    """A `ChatModel` that can also tell how likely a given text is as its reply."""

    def score(self, messages: Sequence[Message], text: str) -> Iterator[Piece]:
        """The tokens of the text in their order, each with its log probability behind those before it.

        Their texts joined are `text`; the last piece has the usage, as in `ChatModel.stream`. Nothing comes where the
        model cannot tell. Closing the iterator stops the model.

        Raises:
            ModelUnavailable, ModelTimeout: the model did not answer.
        """


@runtime_checkable
class JudgingModel(Protocol):
    """A `ChatModel` with weights that were fitted to judge evidence."""

    def judge(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        """As `ChatModel.choose`, with these weights; None where it has none.

        Raises:
            ModelUnavailable, ModelTimeout: the model did not answer.
        """


class VectorIndex(Protocol):
    """Vectors by passage id; distances never leave it: scores are cosines, −1..1, higher is nearer."""

    def upsert(self, ids: Sequence[str], vectors: Vectors, article_ids: Sequence[str]) -> None:
        """Write vectors, shape (n, dimensions), under their ids; those already there are replaced."""

    def query(
        self, vector: Vectors, k: int, *, article_ids: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """The `k` nearest (id, cosine), nearest first; `vector` has shape (dimensions,) or (1, dimensions)."""

    def cosines(self, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """Exact cosines of the vectors under `ids`; ids without a vector are left out."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove vectors; unknown ids are no error."""

    def ids(self) -> Iterable[str]:
        """The ids of all vectors."""

    def count(self) -> int:
        """How many vectors there are."""

    def close(self) -> None:
        """Let go of files and connections."""
