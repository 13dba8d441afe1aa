"""OpenAI's chat completions: what their clients send, and an `Answer` in the shape they read.

Citations survive any client, three times over: in the text, as numbered links and a list of sources; as `annotations`;
and whole in the field `rag`, which is an `Answer`.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from rag.errors import InputError
from rag.types import Answer, Citation, Filters, Message, Usage

MODEL_NAME = "rag"  # what OpenAI's clients call this service

_MARK = re.compile(r"\[(\d+)\]")
_LINKED_MARK = re.compile(r"\[(\[\d+\])\]\([^()\s]*\)")
_SOURCES = "\n\n[1] “"


# --- what comes in -----------------------------------------------------------------------------


def turn_of_user(*contents: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of a turn of the user whose content is of one of these kinds: what `contains` asks for."""
    content = contents[0] if len(contents) == 1 else {"anyOf": list(contents)}
    return {"properties": {"role": {"const": "user"}, "content": content}, "required": ["role", "content"]}


_TEXT = {"type": "string", "pattern": r"\S"}
_TEXT_PARTS = {"type": "array", "contains": {"properties": {"text": _TEXT}, "required": ["text"]}}


class ChatPart(BaseModel):
    """A part of a message; only text can be read."""

    type: Literal["text"]
    text: str = ""


class ChatMessage(BaseModel):
    """One message as OpenAI's clients send it."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ChatPart] | None = None
    tool_calls: list[Any] | None = Field(default=None, max_length=0)
    function_call: None = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """What a stream should hold besides the text."""

    include_usage: StrictBool = False


class TextFormat(BaseModel):
    """The only form that an answer has."""

    type: Literal["text"]


def _passed_over() -> Any:
    """A field that clients send by themselves."""
    return Field(default=None, description="It steers a model, and means nothing here.")


def _no_number(value: object) -> object:
    """The value; in Python 0 equals False, in JSON it does not."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("must be false")
    return value


def _no_bool(value: object) -> object:
    """The value; in Python True equals 1, in JSON it does not."""
    if isinstance(value, bool):
        raise ValueError("must be 1")
    return value


class ChatCompletionRequest(BaseModel):
    """OpenAI's request. What steers a model (temperature, seed, …) means nothing here and is passed over.

    What would change the answer if it was heeded is refused, as are names that nobody knows: a misspelt filter that
    was passed over would give an answer from the wrong articles.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"model": MODEL_NAME, "messages": [{"role": "user", "content": "Who attended?"}]},
                {
                    "model": MODEL_NAME,
                    "messages": [{"role": "user", "content": "Who attended?"}],
                    "filters": {"published_after": "2025-02-01"},
                },
            ]
        },
    )

    messages: list[ChatMessage] = Field(
        min_length=1, max_length=200, json_schema_extra={"contains": turn_of_user(_TEXT, _TEXT_PARTS)}
    )
    model: str = MODEL_NAME
    stream: StrictBool = False
    stream_options: StreamOptions | None = None
    n: Annotated[Literal[1] | None, BeforeValidator(_no_bool)] = Field(
        default=None, description="There is one answer."
    )
    tools: list[Any] | None = Field(default=None, max_length=0, description="Tools are not called.")
    functions: list[Any] | None = Field(default=None, max_length=0, description="Functions are not called.")
    response_format: TextFormat | None = None
    logprobs: Annotated[Literal[False] | None, BeforeValidator(_no_number)] = Field(
        default=None, description="Probabilities are not told."
    )
    modalities: list[Literal["text"]] | None = None
    audio: None = None
    filters: Filters = Filters()

    frequency_penalty: Any = _passed_over()
    logit_bias: Any = _passed_over()
    max_completion_tokens: Any = _passed_over()
    max_tokens: Any = _passed_over()
    metadata: Any = _passed_over()
    min_p: Any = _passed_over()
    parallel_tool_calls: Any = _passed_over()
    prediction: Any = _passed_over()
    presence_penalty: Any = _passed_over()
    prompt_cache_key: Any = _passed_over()
    reasoning_effort: Any = _passed_over()
    repetition_penalty: Any = _passed_over()
    safety_identifier: Any = _passed_over()
    seed: Any = _passed_over()
    service_tier: Any = _passed_over()
    stop: Any = _passed_over()
    store: Any = _passed_over()
    temperature: Any = _passed_over()
    tool_choice: Any = _passed_over()
    top_k: Any = _passed_over()
    top_logprobs: Any = _passed_over()
    top_p: Any = _passed_over()
    user: Any = _passed_over()
    verbosity: Any = _passed_over()
    web_search_options: Any = _passed_over()


def question_and_history(messages: Sequence[ChatMessage]) -> tuple[str, tuple[Message, ...]]:
    """The last user message that says something and what was said before it, without our links and lists of sources.

    Raises:
        InputError: nobody asks anything.
    """
    asked = [n for n, message in enumerate(messages) if message.role == "user" and message.text.strip()]
    if not asked:
        raise InputError(
            "No message of the role user asks anything.", hint="Send the question as the last user message."
        )
    history: list[Message] = []
    for message in messages[: asked[-1]]:
        if message.role == "user":
            history.append(Message(role="user", content=message.text))
        elif message.role == "assistant":
            said = _LINKED_MARK.sub(r"\1", message.text.partition(_SOURCES)[0])
            history.append(Message(role="assistant", content=said))
    return messages[asked[-1]].text, tuple(history)


# --- what goes out -----------------------------------------------------------------------------


class UrlCitation(BaseModel):
    """Where a mark stands in the content, and what it leads to."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(BaseModel):
    """OpenAI's annotation of a mark."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class CompletionMessage(BaseModel):
    """The answer as text with its sources."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class CompletionChoice(BaseModel):
    """The only choice."""

    index: Literal[0] = 0
    message: CompletionMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class TokenDetails(BaseModel):
    """Tokens that came from the cache."""

    cached_tokens: int


class CompletionUsage(BaseModel):
    """Tokens of the language model."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: TokenDetails


class ChatCompletion(BaseModel):
    """OpenAI's response, with the whole `Answer` as `rag`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL_NAME
    choices: list[CompletionChoice]
    usage: CompletionUsage
    rag: Answer


class ModelEntry(BaseModel):
    """A model that can be chosen."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = MODEL_NAME


class ModelList(BaseModel):
    """The models that can be chosen."""

    object: Literal["list"] = "list"
    data: list[ModelEntry] = [ModelEntry(id=MODEL_NAME)]


@dataclass(frozen=True, slots=True)
class Links:
    """Where the page of a service shows what is cited.

    Attributes:
        base: address of the service.
        collection: the one that the articles are in, if it is not the one that is meant when none is named.
    """

    base: str
    collection: str = ""

    def to(self, citation: Citation) -> str:
        """The address at which the page shows the cited sentence in its article."""
        place: dict[str, str | int] = {
            "revision": citation.revision,
            "start": citation.start,
            "end": citation.end,
        }
        if self.collection:
            place["collection"] = self.collection
        article = quote(citation.article_id, safe="")
        return f"{self.base.rstrip('/')}/#/article/{article}?{urlencode(place)}"


def completion(answer: Answer, links: Links) -> ChatCompletion:
    """The answer as OpenAI's clients expect it, with links."""
    content = _content(answer, links)
    message = CompletionMessage(content=content, annotations=_annotations(answer, content, links))
    return ChatCompletion(
        id=_new_id(),
        created=int(time.time()),
        choices=[CompletionChoice(message=message)],
        usage=_usage(answer.usage),
        rag=answer,
    )


class Chunks:
    """The same in chunks: the data lines of a stream, whose first names the role."""

    def __init__(self, links: Links, *, with_usage: bool) -> None:
        self._links = links
        self._with_usage = with_usage
        self._head = {
            "id": _new_id(),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": MODEL_NAME,
        }

    def first(self) -> str:
        """What is sent before there is anything to read."""
        return self._chunk({"role": "assistant", "content": ""})

    def answer(self, answer: Answer) -> Iterator[str]:
        """The text line by line, then the citations, the usage if it was asked for, and the end."""
        content = _content(answer, self._links)
        for piece in re.findall(r".*?(?:\n+|$)", content, re.DOTALL):
            if piece:
                yield self._chunk({"content": piece})
        notes = [note.model_dump() for note in _annotations(answer, content, self._links)]
        yield self._chunk({"annotations": notes}, "stop", rag=answer.model_dump(mode="json"))
        if self._with_usage:
            yield json.dumps({**self._head, "choices": [], "usage": _usage(answer.usage).model_dump()})
        yield "[DONE]"

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None, **more: object) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return json.dumps({**self._head, "choices": [choice], **more})


def _new_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _content(answer: Answer, links: Links) -> str:
    addresses = {citation.number: links.to(citation) for citation in answer.citations}

    def linked(mark: re.Match[str]) -> str:
        number = int(mark[1])
        return f"[{mark[0]}]({addresses[number]})" if number in addresses else mark[0]

    text = _MARK.sub(linked, answer.text)
    lines = [_source_line(citation, addresses[citation.number]) for citation in answer.citations]
    return "\n\n".join([text, "\n".join(lines)] if lines else [text])


def _source_line(citation: Citation, address: str) -> str:
    day = citation.published.date().isoformat() if citation.published else ""
    place = (citation.title or citation.article_id, citation.source, day, citation.url or address)
    return f"[{citation.number}] “{citation.quote}” — {', '.join(filter(None, place))}"


def _annotations(answer: Answer, content: str, links: Links) -> list[Annotation]:
    """One for every linked mark: where it stands in `content`, and the article's address or else ours."""
    cited = {citation.number: citation for citation in answer.citations}
    return [
        Annotation(
            url_citation=UrlCitation(
                start_index=mark.start(),
                end_index=mark.end(),
                url=one.url or links.to(one),
                title=one.title,
            )
        )
        for mark in _LINKED_MARK.finditer(content.partition(_SOURCES)[0])
        if (one := cited.get(int(mark[1].strip("[]"))))
    ]


def _usage(usage: Usage) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.prompt_tokens + usage.output_tokens,
        prompt_tokens_details=TokenDetails(cached_tokens=usage.cached_tokens),
    )
