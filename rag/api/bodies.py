"""What comes in and what goes out: the shapes of requests and responses beside the nouns."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from rag import __version__
from rag.completions import turn_of_user
from rag.errors import InputError
from rag.jobs import Job
from rag.types import Article, Deletion, Filters, Form, Hit, Message, OptionalMoment

# NewsQA refuses blank ones, and those beyond the limit of the settings, in better words than a pattern.
Question = Annotated[str, Field(max_length=100_000, json_schema_extra={"pattern": r"\S"})]
Line = Annotated[str, Field(max_length=2_000)]


def _whole(value: object) -> object:
    """2.0 is an integer in JSON; "2" and true are none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_HITS = Annotated[int, Field(strict=True, ge=1, le=1_000), BeforeValidator(_whole)]
_SENTENCES = Annotated[int, Field(strict=True, ge=1, le=100), BeforeValidator(_whole)]
_WORDS = Annotated[int, Field(strict=True, ge=1, le=5_000), BeforeValidator(_whole)]
_EXAMPLE = "Who attended the talks?"


def _examples(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": list(examples)})


class AskRequest(Filters):
    """A question, earlier turns, and which articles may answer it."""

    model_config = _examples(
        {"question": _EXAMPLE},
        {"question": "And on the other side?", "history": [{"role": "user", "content": _EXAMPLE}]},
        {"question": _EXAMPLE, "published_after": "2025-02-01", "source": "Example Times", "stream": True},
    )

    question: Question
    history: tuple[Message, ...] = Field(default=(), max_length=200)
    stream: StrictBool = False


class ChatRequest(Filters):
    """A conversation; the question is the user's last turn, what comes after it is passed over."""

    model_config = _examples({"messages": [{"role": "user", "content": _EXAMPLE}]})

    messages: tuple[Message, ...] = Field(
        min_length=1,
        max_length=201,
        json_schema_extra={"contains": turn_of_user({"type": "string", "pattern": r"\S"})},
    )
    stream: StrictBool = False

    def question_and_history(self) -> tuple[str, tuple[Message, ...]]:
        """The user's last turn that says something, and the turns before it.

        Raises:
            InputError: there is none.
        """
        asked = [n for n, turn in enumerate(self.messages) if turn.role == "user" and turn.content.strip()]
        if not asked:
            raise InputError(
                "No turn of the user asks anything.", hint="Send the question as the last turn, role user."
            )
        return self.messages[asked[-1]].content, self.messages[: asked[-1]]


class SearchRequest(Filters):
    """A question, and which articles may be found."""

    model_config = _examples({"question": "security guarantees", "k": 5})

    question: Question
    k: _HITS = 10


class SummariseRequest(Filters):
    """Which articles to summarise: by id, or the `k` best for a query; how long, in which form, what about.

    `language` is that of the summary, `written_in` that of the articles.
    """

    model_config = _examples({"query": "the new harbour", "sentences": 3, "language": "en"})

    query: Question | None = None
    k: _HITS = 20
    focus: Annotated[str, Field(max_length=100_000)] = ""
    form: Form = Form.TEXT
    sentences: _SENTENCES | None = None
    words: _WORDS | None = None
    language: Annotated[str, Field(json_schema_extra={"pattern": "^([a-z]{2})?$"})] = ""
    written_in: Annotated[str, Field(max_length=35)] = ""
    deadline: Annotated[float | None, Field(gt=0, le=86_400)] = None
    stream: StrictBool = False


class VerifyRequest(Filters):
    """A draft, and which articles may carry its statements."""

    model_config = _examples({"text": "The harbour was opened on Friday. It cost 24 million euros."})

    text: Annotated[str, Field(max_length=200_000, json_schema_extra={"pattern": r"\S"})]


class NewArticle(BaseModel):
    """An article as its caller knows it."""

    model_config = ConfigDict(extra="forbid")

    text: str
    title: Line = ""
    source: Line = ""
    # Pages show it as a link, so it must not be a script.
    url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://.*)?$")] = ""
    published: OptionalMoment = None
    language: Annotated[str, Field(max_length=35)] = ""


class AddRequest(BaseModel):
    """Articles to index."""

    model_config = _examples(
        {"articles": [{"text": "The harbour was opened.", "title": "Harbour", "published": "2025-03-07"}]}
    )

    articles: list[NewArticle] = Field(min_length=1, max_length=1_000)

    def nouns(self) -> list[Article]:
        """The same as the nouns that `NewsQA` takes."""
        return [Article.model_validate(new.model_dump()) for new in self.articles]


class DeleteRequest(BaseModel):
    """Articles to delete."""

    model_config = _examples({"article_ids": ["b6c64d2e30dc9b34"]})

    article_ids: list[Line] = Field(min_length=1, max_length=1_000)


class ListQuery(Filters):
    """Which articles to list: filters, words in title or source, and which part of the list."""

    text: Annotated[str, Field(max_length=2_000, examples=["harbour"])] = ""
    limit: Annotated[int | None, Field(ge=0, le=10_000, examples=[50])] = None
    offset: int = Field(default=0, ge=0)


class Hits(BaseModel):
    """Passages, nearest first."""

    hits: list[Hit]


class ArticleList(BaseModel):
    """A part of the articles that pass, newest first, without their texts; `total` of all that pass.

    `sources` are the sources of all articles of the collection.
    """

    articles: list[Article]
    total: int
    sources: list[str]


class CollectionList(BaseModel):
    """The collections that the caller may enter; `home` is the one that is meant when none is named."""

    collections: list[str]
    home: str


class Deletions(BaseModel):
    """What became of each id: deleted and proven, or not there."""

    deleted: list[Deletion]
    not_found: list[str]


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[Job]


class Health(BaseModel):
    """Whether the service runs."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class ErrorDetail(BaseModel):
    """`code` is for programs, `message` and `hint` are for people."""

    code: str
    message: str
    hint: str


class ErrorBody(BaseModel):
    """What every request may get instead of its result."""

    error: ErrorDetail


class OpenAIErrorDetail(BaseModel):
    """An error as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIErrorBody(BaseModel):
    """What OpenAI's endpoints answer instead of their result."""

    error: OpenAIErrorDetail


def given(filters: Filters, *without: str) -> dict[str, Any]:
    """The filters that a request sets, by name; `without` those that mean something else in it."""
    names = set(Filters.model_fields) - set(without)
    return {name: getattr(filters, name) for name in names & filters.model_fields_set}
