"""A question and sentences -> items of the answer, each found again word for word in a sentence.

The model goes through numbered sentences one by one and copies the words that answer. Whatever it writes is looked
up in the sentences it was given (this is what makes a citation exact); what stands nowhere is dropped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.prompts import load_prompt
from rag.types import ChatModel, Hit, Message, Piece, Usage

_MAX_ITEMS = 6  # per sentence
_ENTRY = re.compile(r'"(\d+)"\s*:\s*\[\s*((?:"(?:[^"\\]|\\.)*"\s*,?\s*)*)')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Item:
    """Words of one sentence: `article.text[start:end] == text`.

    `certainty` is the geometric mean probability (0..1) of the tokens that copied them, `doubt` the lowest one,
    `opened` the probability that the sentence got any item at all; 1.0 where the model does not tell.
    """

    text: str
    start: int
    end: int
    hit: Hit
    certainty: float = 1.0
    doubt: float = 1.0
    opened: float = 1.0


@dataclass(slots=True)
class Reading:
    """One conversation with the model about one set of sentences; filled while `items` runs."""

    question: str
    hits: Sequence[Hit]
    messages: list[Message] = field(default_factory=list)
    reply: str = ""
    usage: Usage = field(default_factory=Usage)


def read(question: str, hits: Sequence[Hit], llm: ChatModel, reading: Reading) -> Iterator[Item]:
    """Items of the answer as the model copies them; none if no sentence answers.

    Args:
        question: one question that stands alone.
        hits: the sentences, in the order in which they are numbered.
        llm: the model that reads.
        reading: takes up the conversation and what it cost.

    Raises:
        ModelError: the model did not answer.
    """
    listing = "\n".join(f"[{n}] {one_line(hit.text)}" for n, hit in enumerate(hits, start=1))
    reading.messages = load_prompt("read").fill({"sentences": listing, "question": question})
    pieces: list[Piece] = []
    seen: set[tuple[str, int, int]] = set()
    taken = 0
    for piece in llm.stream(reading.messages, max_tokens=60 + 30 * len(hits), schema=_schema(len(hits))):
        reading.usage = reading.usage + (piece.usage or Usage())
        pieces.append(piece)
        reading.reply += piece.text
        found = list(_copied(reading.reply))
        for number, words, at in found[taken:]:
            anchored = anchor(words, number, hits)
            if anchored is None or (anchored[0].article_id, *anchored[1:]) in seen:
                continue
            hit, start, end = anchored
            seen.add((hit.article_id, start, end))
            certainty, doubt, opened = _probabilities(pieces, at, len(words))
            text = hit.text[start - hit.start : end - hit.start]
            yield Item(text, start, end, hit, certainty, doubt, opened)
        taken = len(found)


def one_line(text: str) -> str:
    """The text without line ends, so that it cannot pose as another sentence."""
    return " ".join(text.split())


def _schema(count: int) -> dict[str, object]:
    numbers = [str(n) for n in range(1, count + 1)]
    items = {"type": "array", "items": {"type": "string"}, "maxItems": _MAX_ITEMS}
    return {
        "type": "object",
        "properties": dict.fromkeys(numbers, items),
        "required": numbers,
        "additionalProperties": False,
    }


def _copied(reply: str) -> Iterator[tuple[int, str, int]]:
    """(sentence number, words, offset of the words in the reply) of every string that is complete."""
    for entry in _ENTRY.finditer(reply):
        for string in _STRING.finditer(reply, entry.start(2), entry.end(2)):
            try:
                words = json.loads(string[0])
            except json.JSONDecodeError:  # a lone surrogate or control character: not words of a sentence
                continue
            if words.strip():
                yield int(entry[1]), words.strip(), string.start() + 1


def _probabilities(pieces: Sequence[Piece], at: int, length: int) -> tuple[float, float, float]:
    """Geometric mean and lowest probability of the tokens at `at`, and that of the token which opened the list."""
    position = 0
    logprobs: list[float] = []
    opened = 1.0
    for piece in pieces:
        end = position + len(piece.text)
        if piece.logprob is not None and piece.text:
            if position < at < end + 1 and '"' in piece.text:
                opened = math.exp(piece.logprob)
            elif position >= at and end <= at + length:
                logprobs.append(piece.logprob)
        position = end
    if not logprobs:
        return 1.0, 1.0, opened
    return math.exp(sum(logprobs) / len(logprobs)), math.exp(min(logprobs)), opened


def anchor(words: str, number: int, hits: Sequence[Hit]) -> tuple[Hit, int, int] | None:
    """Where `words` stand in the sentences: (sentence, start, end) in its article, None if nowhere.

    The sentence with that number is tried first, because the model's numbers are sometimes off by one.
    """
    order = sorted(range(len(hits)), key=lambda n: abs(n + 1 - number))
    for pattern in _patterns(words):
        for n in order:
            match = pattern.search(hits[n].text)
            if match:
                return hits[n], hits[n].start + match.start(), hits[n].start + match.end()
    return None


def _patterns(words: str) -> Iterator[re.Pattern[str]]:
    """The words as they stand, then without their first or last one, which a small model likes to bend."""
    parts = re.findall(r"\w+", words)
    if not parts:
        return
    yield _pattern(parts)
    if len(parts) > 1:
        yield _pattern(parts[1:])
    if len(parts) > 2:
        yield _pattern(parts[:-1])


def _pattern(parts: Sequence[str]) -> re.Pattern[str]:
    spelled = (re.escape(part).replace("ß", "ss").replace("ss", "(?:ss|ß)") for part in parts)
    return re.compile(r"(?<!\w)" + r"[\W_]{1,4}".join(spelled) + r"(?!\w)", re.IGNORECASE)
