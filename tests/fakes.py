"""Stand-ins for the models, made by hand: small, exact, the same on every machine."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.prompts import load_prompt
from rag.resources import resource
from rag.types import FoundBy, Hit, Message, Piece, Reply, Usage

if TYPE_CHECKING:
    from datetime import datetime

    from rag.types import Vectors


def sentence_hit(
    text: str,
    article: str = "a",
    language: str = "de",
    *,
    score: float = 1.0,
    published: datetime | None = None,
) -> Hit:
    """A sentence that was found, all of its article."""
    return Hit(
        kind="sentence",
        article_id=article,
        revision="r",
        first=0,
        last=0,
        start=0,
        end=len(text),
        text=text,
        score=score,
        found_by=FoundBy.BOTH,
        language=language,
        published=published,
    )


class HashEncoder:
    """Every word is one direction: texts that share words are near each other.

    `calls` keeps how many texts each call of `encode_passages` got. With `breaks_after`, that call raises.
    """

    def __init__(self, dimensions: int = 64, name: str = "hash", breaks_after: int | None = None) -> None:
        self.name = name
        self.dimensions = dimensions
        self.fingerprint = f"{name}-{dimensions}"
        self.breaks_after = breaks_after
        self.calls: list[int] = []

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of shape (len(texts), dimensions)."""
        if self.breaks_after is not None and len(self.calls) >= self.breaks_after:
            raise RuntimeError("the encoder broke")
        self.calls.append(len(texts))
        return self._encode(texts)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """The same as for passages."""
        return self._encode(texts)

    def encode_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        """Vectors of the pieces without their context."""
        return self._encode([text[start:end] for start, end in spans])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(text.split()) for text in texts]

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest()
                row[int.from_bytes(digest[:4]) % self.dimensions] += 1.0 if digest[4] % 2 else -1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


class NearEncoder(HashEncoder):
    """Any two texts are near each other, as with real encoders; those that share words a little nearer.

    Cosines lie in 0.6..1. To single words in their context every other word is near.
    """

    def encode_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        """The same vector for every piece."""
        return np.tile(self._encode(["word"]), (len(spans), 1))

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = super()._encode(texts)
        vectors[:, 0] += 2.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


@dataclass(frozen=True)
class Said:
    """A reply with what is known of its tokens.

    `first` are the probabilities (0..1) of tokens that might have come first, `sure` that of every token behind the
    first, but for those in `doubted`; nothing is known where they are empty.
    """

    text: str
    first: Mapping[str, float] = field(default_factory=dict)
    sure: float | None = None
    doubted: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = Usage(calls=1, prompt_tokens=10, cached_tokens=4, output_tokens=2)


Spoken = str | Said | Exception
Choice = tuple[float, ...] | None


class FakeChatModel:
    """A chat model that says what it is told to.

    Args:
        replies: a function from messages to a reply, or the replies in their order; an exception is raised.
        choices: what `choose` gives: probabilities, None, or a function from messages and options to either.
        name: its name and fingerprint.

    `asked` keeps the messages of every call, `limits` the `max_tokens` and `schemas` the schema of every reply.
    """

    def __init__(
        self,
        replies: Callable[[Sequence[Message]], Spoken] | Iterable[Spoken] = (),
        choices: Callable[[Sequence[Message], Sequence[str]], Choice | Exception] | Choice = None,
        name: str = "fake",
    ) -> None:
        self.name = self.fingerprint = name
        self._replies = replies if callable(replies) else iter(replies)
        self._choices = choices
        self.asked: list[list[Message]] = []
        self.limits: list[int] = []
        self.schemas: list[Mapping[str, Any] | None] = []
        self.closed = 0

    @property
    def calls(self) -> int:
        """How often it was asked anything."""
        return len(self.asked)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        self.asked.append(list(messages))
        self.limits.append(max_tokens)
        self.schemas.append(schema)
        spoken = self._replies(messages) if callable(self._replies) else next(self._replies)
        if isinstance(spoken, Exception):
            raise spoken
        said = Said(spoken) if isinstance(spoken, str) else spoken
        known = {token: math.log(share) for token, share in said.first.items() if share > 0}
        for token in re.findall(r"\s*\S+|\s+$", said.text):
            share = said.doubted.get(token.strip(), said.sure)
            logprob = known.get(token, math.log(share) if share else None)
            yield Piece(text=token, logprob=logprob, alternatives=known)
            known = {}
        yield Piece(usage=said.usage)

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        pieces = list(self.stream(messages, max_tokens=max_tokens, schema=schema))
        return Reply(text="".join(piece.text for piece in pieces), usage=pieces[-1].usage or Usage())

    def choose(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        if self._choices is None:
            return None
        self.asked.append(list(messages))
        chosen = self._choices(messages, options) if callable(self._choices) else self._choices
        if isinstance(chosen, Exception):
            raise chosen
        return None if chosen is None else (chosen, Usage(calls=1, prompt_tokens=10, output_tokens=1))

    def close(self) -> None:
        self.closed += 1


class ScoringChatModel(FakeChatModel):
    """A chat model that finds every word of a given text equally likely behind the prompt, those in `unlikely` less.

    Args:
        replies: see `FakeChatModel`.
        likely: log probability of a word; None where it cannot tell.
        unlikely: log probability of some of them.

    `scored` keeps what was asked to be scored, `told` how many words were told.
    """

    def __init__(
        self,
        replies: Callable[[Sequence[Message]], Spoken] | Iterable[Spoken] = (),
        likely: float | None = -0.5,
        unlikely: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(replies)
        self._likely = likely
        self._unlikely = unlikely or {}
        self.scored: list[tuple[list[Message], str]] = []
        self.told = 0

    def score(self, messages: Sequence[Message], text: str) -> Iterator[Piece]:
        self.scored.append((list(messages), text))
        if self._likely is None:
            return
        for token in re.findall(r"\s*\S+|\s+$", text):
            self.told += 1
            yield Piece(text=token, logprob=self._unlikely.get(token.strip(" .,"), self._likely))
        yield Piece(usage=Usage(calls=1, prompt_tokens=10, output_tokens=3))


PROMPTS = tuple(sorted(path.stem for path in resource("prompts").glob("*.md")))


def read_back(messages: Sequence[Message]) -> tuple[str, dict[str, str]]:
    """Which prompt these messages are, and what its places were filled with."""
    for name in PROMPTS:
        *constant, last = load_prompt(name).turns
        pattern = re.sub(r"\\\$(\w+)", r"(?P<\1>.*)", re.escape(last.content))
        match = re.fullmatch(pattern, messages[-1].content, re.DOTALL)
        if list(messages[:-1]) == constant and match:
            return name, match.groupdict()
    raise AssertionError(f"these messages are none of the prompts: {messages}")


class ReadingModel(FakeChatModel):
    """Reads like a model that knows the answer: the sentences with one of `answers`, and these words in them.

    Args:
        answers: words that answer, as the articles spell them.
        translations: a text's translation; others come back as they are.
        standalone: the rewrite of every question that leans on others.
        only: answers that belong only to questions with these words.
        name: its name and fingerprint.
    """

    def __init__(
        self,
        *answers: str,
        translations: Mapping[str, str] | None = None,
        standalone: str = "",
        only: Mapping[str, str] | None = None,
        name: str = "reader",
    ) -> None:
        super().__init__(self._read, self._confirm, name)
        self._answers = answers
        self._translations = dict(translations or {})
        self._standalone = standalone
        self._only = dict(only or {})

    def asked_for(self, prompt: str) -> list[dict[str, str]]:
        """What the places of a prompt were filled with, call by call."""
        read = [read_back(messages) for messages in self.asked]
        return [values for name, values in read if name == prompt]

    def _in(self, text: str, question: str) -> list[str]:
        return [one for one in self._answers if one in text and self._only.get(one, "") in question]

    def _read(self, messages: Sequence[Message]) -> Spoken:
        name, values = read_back(messages)
        if name == "copy":
            return "; ".join(self._in(values["sentences"], values["question"]))
        return self._standalone if name == "standalone" else self._translated(values["text"])

    def _translated(self, text: str) -> str:
        return self._translations.get(text, text)

    def _confirm(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        name, values = read_back(messages)
        assert (name, len(options)) == ("confirm", 2)
        return (0.98, 0.01) if self._in(values["sentence"], values["question"]) else (0.01, 0.98)


class JudgingReadingModel(ReadingModel):
    """One that also has weights which were fitted to judge, and judges as it reads."""

    def judge(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        self.asked.append(list(messages))
        name, values = read_back(messages)
        assert (name, len(options)) == ("holds", 2)
        yes = bool(self._in(values["sentence"], values["question"]))
        return ((0.9, 0.1) if yes else (0.1, 0.9)), Usage(calls=1, prompt_tokens=10, output_tokens=1)
