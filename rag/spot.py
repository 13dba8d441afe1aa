"""A question and sentences -> the words in each sentence that answer it, and how likely they do.

In: a question as read, sentences, an encoder. Out: `Spot`s. Every content word is weighed by what it means in its
context: how near it is to the question's words, how the product of both vectors looks for words that answer, whether
it is of the kind asked for. A linear model adds that up; its coefficients stand in spot.json, written by
eval/fit_spot.py for the default encoder. With any other encoder nothing is spotted.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.align import Aligned
from rag.names import alike
from rag.question import Kind, Question
from rag.reading import MOMENTS
from rag.types import Encoder, Hit
from rag.words import Word, words

if TYPE_CHECKING:
    from rag.types import Vectors

_MODEL = Path(__file__).with_name("spot.json")
_FAR = 12  # words between a word and the nearest one asked about, from which more make no difference
_REACH = 3.0  # words over which a neighbour's pull fades
_SPREAD = 16.0, 80.0  # brings vectors and their products to the scale of the other features
_WORD = re.compile(r"\w+")
_ASKING = re.compile(
    r"who|whom|whose|what|which|when|where|why|how|wer|wen|wem|wessen|was|welche\w*|wann|wo|wie|warum|"
    r"qui|que|quoi|quels?|quelles?|quand|où|quién|qué|cuándo|dónde|chi|che|quando|dove|kim|ne|nerede|"
    r"кто|что|как\w*|когда|где",
    re.IGNORECASE,
)
_NUMBER_WORDS = re.compile(
    r"(?:zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|hundert|tausend|two|three|four|five|six|seven|"
    r"eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty|(?:zwan|vier|fünf|sech|sieb|acht|neun)zig|dreißig|hundred|"
    r"thousand|million\w*|billion\w*|milliard\w*|dozen|dutzend)",
    re.IGNORECASE,
)
_GAP = re.compile(r"[\s\-'’.,–]{1,4}(?:of |de |von )?")
_SLACK = 1.5  # log odds by which a neighbour may be less likely and still belong to the answer


@dataclass(frozen=True, slots=True)
class Spot:
    """Words of a sentence: `hit.text[start:end]`, their stems, and how likely they answer (0..1)."""

    hit: Hit
    start: int
    end: int
    stems: frozenset[str]
    surety: float

    @property
    def text(self) -> str:
        """The words as they stand there."""
        return self.hit.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made ready: the vectors of all its words, which of them carry meaning, ask, or are asked about."""

    question: Question
    words: tuple[Word, ...]
    vectors: Vectors
    content: tuple[int, ...]
    asking: int
    focus: int

    @property
    def mean(self) -> Vectors:
        """The unit vector of the whole, shape (dimensions,)."""
        mean = self.vectors.mean(axis=0)
        return np.asarray(mean / (np.linalg.norm(mean) + 1e-9), np.float32)


def read_asked(question: Question, encoder: Encoder) -> Asked:
    """Reads a question once, to be held against any number of sentences."""
    places = [match.span() for match in _WORD.finditer(question.text)]
    return asked_of(question, encoder.encode_spans(question.text, places))


def asked_of(question: Question, vectors: Vectors) -> Asked:
    """The question with the vectors of its words, (words, dimensions), every run of letters and digits one."""
    places = [match.span() for match in _WORD.finditer(question.text)]
    own = words(question.text, question.language)
    content = [n for n, (a, b) in enumerate(places) if any(one.start < b and one.end > a for one in own)]
    asking = next((n for n, (a, b) in enumerate(places) if _ASKING.fullmatch(question.text[a:b])), 0)
    focus = next((n for n in content if n > asking), asking)
    return Asked(question, own, vectors, tuple(content), asking, focus)


def spots(
    question: Question,
    hits: Sequence[Hit],
    articles: Mapping[str, frozenset[str]],
    read: Callable[[str, str], Aligned],
    encoder: Encoder,
) -> list[Spot]:
    """The likeliest words of every sentence, likeliest first; sentences that hold none of the kind are left out.

    Args:
        question: as read.
        hits: sentences.
        articles: the stems of their articles, by id.
        read: a text and its language made ready to be matched, by this encoder.
        encoder: nothing is spotted unless it is the one that the model was fitted for.
    """
    model = load_model()
    if not hits or not knows(encoder):
        return []
    asked = read_asked(question, encoder)
    found = []
    for hit in hits:
        aligned = read(hit.text, hit.language)
        if not aligned.words:
            continue
        odds = model.odds(features(asked, hit, aligned.words, aligned.vectors, articles[hit.article_id]))
        spot = _spotted(asked, hit, aligned.words, odds)
        if spot is not None:
            found.append(spot)
    return sorted(found, key=lambda one: -one.surety)


def knows(encoder: Encoder) -> bool:
    """Whether the model was fitted for the vectors of this encoder."""
    model = load_model()
    return encoder.name in model.encoders and encoder.dimensions == model.dimensions


# --- features --------------------------------------------------------------------------------


def features(
    asked: Asked, hit: Hit, own: Sequence[Word], vectors: Vectors, article: frozenset[str]
) -> Vectors:
    """One row per content word: what it is and where it stands, its vector, and that times the question's.

    Args:
        asked: the question.
        hit: the sentence.
        own: its content words, at least one.
        vectors: of these words in their context, (words, dimensions).
        article: the stems of its article.
    """
    cosines = vectors @ asked.vectors.T
    content = list(asked.content) or list(range(cosines.shape[1]))
    is_asked = np.array([_is_asked(word, asked) for word in own])
    places = np.flatnonzero(is_asked)
    covers = cosines[:, content].max(axis=0)
    kind, mean = asked.question.kind, asked.mean
    middle = vectors.mean(axis=0)
    sentence = frozenset(stem for word in own for stem in (word.stem, *word.parts))
    about = [
        *_shares(asked, sentence),
        *_shares(asked, article),
        covers.mean(),
        covers.min(),
        float(middle @ mean / (np.linalg.norm(middle) + 1e-9)),
        hit.first == 0,
        len(own) / 30,
    ]
    rows = []
    for at, word in enumerate(own):
        text = hit.text[word.start : word.end]
        digits, capital = _is_number(text), text[0].isupper()
        year = len(text) == 4 and text.isdecimal() and 1000 <= int(text) <= 2100
        month = capital and _is_month(text)
        name = capital and not month and not digits
        away = np.abs(places - at)
        rows.append(
            [
                is_asked[at],
                cosines[at, content].max(),
                cosines[at, asked.asking],
                cosines[at, asked.focus],
                float(vectors[at] @ mean),
                min(away.min(initial=_FAR), _FAR) / _FAR,
                float(np.exp(-away / _REACH).sum()),
                digits,
                year,
                name,
                month,
                kind is Kind.NUMBER and digits and not year,
                kind is Kind.NUMBER and year,
                kind is Kind.TIME and digits,
                kind is Kind.TIME and year,
                kind is Kind.TIME and month,
                kind is Kind.PERSON and name,
                kind is Kind.PLACE and name,
                kind is Kind.OTHER and digits,
                kind is Kind.OTHER and name,
                *about,
            ]
        )
    plain = np.array(rows, np.float32)
    return np.hstack([plain, vectors * _SPREAD[0], vectors * mean * _SPREAD[1]])


def _shares(asked: Asked, stems: frozenset[str]) -> tuple[float, float, float]:
    """Shares of the question's words, names and figures that stand among stems; 1 where it has none."""
    held = [any(stem in stems for stem in (word.stem, *word.parts)) for word in asked.words]
    named = [one for word, one in zip(asked.words, held, strict=True) if word.name]
    figures = [one for word, one in zip(asked.words, held, strict=True) if word.stem[0].isdigit()]
    shares = [sum(group) / len(group) if group else 1.0 for group in (held, named, figures)]
    return shares[0], shares[1], shares[2]


def _is_asked(word: Word, asked: Asked) -> bool:
    """Whether a word stands in the question, in any form or spelling, or is made of parts of its words."""
    return any(
        part in {one.stem, *one.parts} or alike(part, one.stem)
        for one in asked.words
        for part in (word.stem, *word.parts)
    )


def _is_number(text: str) -> bool:
    return text[0].isdigit() or _NUMBER_WORDS.fullmatch(text) is not None


def _is_month(text: str) -> bool:
    lowered = text.casefold()
    return MOMENTS.get(lowered, "").startswith("month") or any(
        len(lowered) == 3 and name.startswith(lowered)
        for name, key in MOMENTS.items()
        if key.startswith("month")
    )


# --- the words -------------------------------------------------------------------------------


def _spotted(asked: Asked, hit: Hit, own: Sequence[Word], odds: Vectors) -> Spot | None:
    """The likeliest word of the kind asked for, and its neighbours that belong to it."""
    fitting = [
        at for at, word in enumerate(own) if fits(hit.text[word.start : word.end], asked.question.kind)
    ]
    fitting = [at for at in fitting if not _is_asked(own[at], asked)]
    if not fitting:
        return None
    at = max(fitting, key=lambda place: odds[place])
    first = last = at
    while first > 0 and _belongs(asked, hit.text, own[first - 1], own[first], odds[first - 1] - odds[at]):
        first -= 1
    while last + 1 < len(own) and _belongs(
        asked, hit.text, own[last], own[last + 1], odds[last + 1] - odds[at]
    ):
        last += 1
    stems = frozenset(word.stem for word in own[first : last + 1])
    surety = 1.0 / (1.0 + math.exp(-float(odds[at])))
    return Spot(hit, own[first].start, own[last].end, stems, surety)


def fits(text: str, kind: Kind) -> bool:
    """Whether a single word can answer a question of this kind."""
    if kind is Kind.TIME:
        return text.isdecimal() or text.casefold() in MOMENTS or _is_month(text)
    if kind is Kind.NUMBER:
        return _is_number(text)
    if kind in {Kind.PERSON, Kind.PLACE, Kind.NAME}:
        return text[0] != text[0].lower() and text.casefold() not in MOMENTS and not _is_month(text)
    return True


def _belongs(asked: Asked, text: str, one: Word, other: Word, behind: float) -> bool:
    """Whether two neighbouring words, one of them outside so far, are parts of one answer."""
    gap = text[one.end : other.start]
    if not _GAP.fullmatch(gap) or _is_asked(one, asked) or _is_asked(other, asked):
        return False
    first, second = text[one.start : one.end], text[other.start : other.end]
    if not fits(first, asked.question.kind) or not fits(second, asked.question.kind):
        return False
    if _NUMBER_WORDS.fullmatch(first) or _NUMBER_WORDS.fullmatch(second):
        return _is_number(first) and _is_number(second)
    dates = [part[0].isdigit() or _is_month(part) for part in (first, second)]
    if any(dates):
        return all(dates) and (_is_month(first) or _is_month(second) or asked.question.kind is Kind.TIME)
    if "," in gap or ("." in gap and len(first) > 2):
        return False
    return (first[0].isupper() and second[0].isupper()) or behind > -_SLACK


# --- the model -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """`bias + features @ weights` are log odds; fitted for the vectors of one encoder, whatever its number format."""

    encoders: tuple[str, ...]
    dimensions: int
    bias: float
    weights: Vectors

    def odds(self, rows: Vectors) -> Vectors:
        """Log odds of each row, shape (rows,)."""
        return np.asarray(rows @ self.weights + self.bias, np.float32)


def spot_fingerprint() -> str:
    """Hash of all coefficients."""
    return hashlib.sha256(_MODEL.read_bytes()).hexdigest()[:12]


@cache
def load_model() -> Model:
    """The model of spot.json."""
    table = json.loads(_MODEL.read_text(encoding="utf-8"))
    return Model(
        encoders=tuple(table["encoders"]),
        dimensions=table["dimensions"],
        bias=table["bias"],
        weights=np.asarray(table["weights"], np.float32),
    )
