"""A question and a sentence -> does this sentence answer this question?

What is shown stands word for word in its sentence (rag.answer sees to that); what is left to judge is whether the
sentence is about what was asked. Several cheap signals are combined by a small logistic model whose coefficients
stand in gate.json, written by eval/fit_gate.py; the language model is asked for its probability of "yes" only where
they leave doubt.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from rag.answer import one_line
from rag.answer_type import AnswerType, answer_type, asks_count, lacks
from rag.glossary import terms
from rag.names import among, word_among
from rag.numerals import numerals
from rag.prompts import load_prompt
from rag.question import Kind
from rag.types import ChatModel, Confidence, Hit, JudgingModel, Usage
from rag.words import Word, is_content_word, stems_of

_YES, _NO = "Ja", "Nein"
_SAME_NAME = 0.87  # nearness from which a name counts as named; other names of its kind stay below
GATES = Path(__file__).with_name("gate.json")
_MONTH = (
    r"(?:jan(?:uary?|uar)?|feb(?:ruary?|ruar)?|märz|mar(?:ch)?|apr(?:il)?|ma[iy]|jun[ei]?|jul[iy]?|aug(?:ust)?|"
    r"sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
# A figure is a time if it is a year, a clock time or a date; "after" and "wenn" may open one without any figure.
_TIME = re.compile(
    r"(?<![\w.,])(?:\d{3,4}(?![\w%]|[.,]\d)|\d{2,4}(?:s|ern?)\b|\d{1,2}[.:/]\d{1,2}\b|\d{1,2}(?:st|nd|rd|th)\b|"
    rf"\d{{1,2}}\s?(?:uhr\b|[ap]\.?m\b))|\b(?:am|vom|zum|des) \d{{1,2}}\.|\w+zehnten?\b|\b{_MONTH}\b|"
    r"\b(?:(?:mon|diens|donners|frei|sams|sonn)tag\w*|mittwoch\w*|sonnabend\w*|gestern|heute|morgen|nachts?|abends?|"
    r"mittags?|\w*stunden?|\w*tag(?:e|en|s)?|\w*woche\w*|\w*monat\w*|\w*jahr\w*|vor|nach|seit|während|bis|als|bevor|"
    r"nachdem|wenn|sobald|(?:mon|tues|wednes|thurs|fri|satur|sun)day\w*|yesterday|today|tomorrow|night|hours?|days?|"
    r"weeks?|months?|years?|century|decade|after|before|since|during|until|when|once)\b",
    re.IGNORECASE,
)
_HOW_MANY = (  # words that tell it beside numbers
    r"dutzend\w*|hundert\w*|tausend\w*|halb\w*|million\w*|milliarde\w*|billion\w*|half|dozen\w*|hundred\w*|thousand\w*|"
    r"several|mehrere\w*|viele\w*|many|beide\w*|both|doppelt\w*|einmal|zweimal|dreimal|once|twice|kein\w*|none|no|single|"
    r"einzig\w*"
)
_AMOUNT = re.compile(rf"\d|\b(?:{_HOW_MANY})\b", re.IGNORECASE)
# The signal that the gates were fitted with; it takes "Leipzig" for a number, and "dreitausend" for none.
_NUMBER = re.compile(
    rf"\d[\d.,:]*|\b(?:{_HOW_MANY}|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|two|three|four|five|six|seven|"
    r"eight|nine|ten|eleven|twelve|\w+zehn|\w+zig|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)\b",
    re.IGNORECASE,
)
# Figures that tell a day or a year and count nothing.
_DATED = re.compile(
    rf"\b{_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}}\b)?|"
    rf"\b\d{{1,2}}(?:st|nd|rd|th|\.)?\s?{_MONTH}\b(?:\s\d{{4}}\b)?|"
    r"\b(?:in|im jahre?|seit|since)\s(?:1\d|20)\d\d\b(?!\s(?-i:[A-ZÄÖÜ]))",
    re.IGNORECASE,
)
# Figures that count nothing that comes whole: parts, clock times.
_IN_PARTS = re.compile(
    r"(?<![\d.,:])\d+[.,:]\d{1,2}(?![\d.,:]?\d)(?!\s?(?:thousand|tausend|[mbt]r?illi|mi[ol]\b|mrd|[bm]n?\b))",
    re.IGNORECASE,
)
_COUNTED_IN = frozenset({"de", "en"})  # languages whose words for numbers and times the patterns above know


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for and against a sentence as the answer; all in 0..1 except `similarity`, a cosine.

    Attributes:
        similarity: of question and sentence.
        lead: how far the sentence's score lies behind the best sentence's.
        coverage: share of the question's content words in the sentence, rare words counting more.
        nearness: how near the question's words come to words of the sentence on average, in any language.
        weakest: how near the one comes that has the least like in the sentence.
        named: how near the proper name of the question comes that has the least like; 1 where it names nobody.
        around: the same share in the sentence, its neighbours and title together.
        strangers: share of the question's names and numbers that the article does not hold at all.
        fits: 1 if the sentence holds what the question asks for (a number, a time, a name) and the question itself
            does not, else 0; 0.5 where nothing can be told.
        lacking: whether the sentence asks something itself, or the question names the kind of its answer (a year, a
            city) or asks when or how many and the sentence has none, or asks what somebody said and neither the
            sentence nor its neighbours name anybody of the question.
    """

    similarity: float
    lead: float
    coverage: float
    nearness: float
    weakest: float
    named: float
    around: float
    strangers: float
    fits: float
    lacking: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a sentence when it is judged.

    Attributes:
        question: words of the question.
        text: the question itself.
        language: that in which it is read, ISO 639-1.
        near_words: for each of its words how near the sentence comes to it, 0..1; see `rag.align.held`.
        near_names: the same for its proper names.
        kind: what the question asks for.
        rarity: weight of a stem, higher for rarer ones.
        near: the neighbours of the sentence and its title.
        article: stems of the whole text with its title.
        similarity: cosine of question and sentence.
        best_score: score of the best sentence found.
    """

    question: Sequence[Word]
    text: str
    language: str
    near_words: Sequence[float]
    near_names: Sequence[float]
    kind: Kind
    rarity: Mapping[str, float]
    near: str
    article: frozenset[str]
    similarity: float
    best_score: float


def signals(hit: Hit, context: Context) -> Signals:
    """The signals of one sentence in its context."""
    held = stems_of(hit.text, hit.language)
    near = held | stems_of(context.near, hit.language)
    return Signals(
        similarity=context.similarity,
        lead=max(0.0, context.best_score - hit.score),
        coverage=_share(context.question, held, context.rarity),
        nearness=sum(context.near_words) / len(context.near_words) if context.near_words else 0.5,
        weakest=min(context.near_words, default=0.5),
        named=min(context.near_names, default=1.0),
        around=_share(context.question, near, context.rarity),
        strangers=_strangers(context.question, context.article | held),  # a translation has words of its own
        fits=_fits(hit, context),
        lacking=_lacks(hit, context),
    )


def _share(asked: Sequence[Word], held: frozenset[str], rarity: Mapping[str, float]) -> float:
    """Share of the asked words that are held, each weighted by its rarity; a compound's parts count half."""
    total = got = 0.0
    for word in asked:
        weight = rarity.get(word.stem, 1.0)
        total += weight
        if among(word.stem, held):
            got += weight
        elif word.parts:
            got += weight * sum(among(part, held) for part in word.parts) / len(word.parts) * 0.7
    return got / total if total else 0.5


def _strangers(asked: Sequence[Word], article: frozenset[str]) -> float:
    names = [word for word in asked if word.name]
    if not names:
        return 0.0
    missing = [word for word in names if not word_among(word, article)]
    return len(missing) / len(names)


def _lacks(hit: Hit, context: Context) -> bool:
    if hit.first == hit.last and hit.text.rstrip().endswith("?") and context.kind is not Kind.SPEECH:
        return True  # what asks itself answers nothing
    if context.kind is Kind.SPEECH and context.near_names and max(context.near_names) < _SAME_NAME:
        around = stems_of(context.near, hit.language)
        return not any(among(word.stem, around) for word in context.question if word.name)
    kind = answer_type(context.text)
    if kind is AnswerType.OTHER and context.kind in {Kind.NUMBER, Kind.TIME}:
        return hit.language in _COUNTED_IN and _fits(hit, context) == 0.0
    return lacks(kind, hit.text, hit.language, context.text, context.language)


def _fits(hit: Hit, context: Context) -> float:
    """1 if the sentence holds something of the kind asked for that the question does not, 0 if not, 0.5 if unknown."""
    text, question, kind = hit.text, context.text, context.kind
    if kind is Kind.NUMBER:
        return float(
            bool(_found(_NUMBER, _counted(_DATED.sub(" ", text), question)) - _found(_NUMBER, question))
        )
    if kind is Kind.TIME:
        return float(bool(_found(_TIME, text) - _found(_TIME, question)))
    if kind is Kind.PLACE:  # most places are in no list
        return 1.0 if _places(text, hit.language) - _places(question, context.language) else 0.5
    if kind in {Kind.PERSON, Kind.NAME} and text.lower() != text.upper():
        asked = set(re.findall(r"\w+", question.casefold()))
        return float(
            any(part[:1].isupper() and part.casefold() not in asked for part in re.findall(r"\w+", text))
        )
    return 0.5


def _counted(text: str, question: str) -> str:
    """The text without figures that cannot be the number that was asked for."""
    return _IN_PARTS.sub(" ", text) if asks_count(question) else text


def is_of_kind(text: str, kind: Kind, question: str = "", language: str = "") -> bool:
    """Whether a few words can answer a question of this kind by themselves: a date is no place.

    Nor does "the film's cast" name anybody of the cast of that film: of a name some word must be new to the question.
    """
    if kind is Kind.TIME:
        return _TIME.search(text) is not None
    if kind is Kind.NUMBER:
        counted = _counted(text, question)
        return _AMOUNT.search(counted) is not None or any(not one.ordinal for one in numerals(counted, ""))
    if kind in {Kind.PERSON, Kind.NAME, Kind.PLACE} and text.lower() != text.upper():
        asked = set(re.findall(r"[^\W\d_]+", question.casefold()))
        new = (word for word in re.findall(r"[^\W\d_]+", text) if word.casefold() not in asked)
        return any(
            word[0].isupper()
            and not _TIME.fullmatch(word)
            and (len(word) == 1 or is_content_word(word, language))
            for word in new
        )
    return True


def _places(text: str, language: str) -> set[str]:
    return {term.key for term in terms(text, language) if term.key.startswith(("city:", "country:"))}


def _found(pattern: re.Pattern[str], text: str) -> set[str]:
    """What a pattern finds in a text, figures without the mark behind them."""
    return {match[0].casefold().rstrip(".,:") for match in pattern.finditer(text)}


def confirm(llm: ChatModel, question: str, sentence: str) -> tuple[float, Usage]:
    """The model's probability (0..1) of "yes" that the sentence holds the answer; 0 or 1 if it only says so.

    Raises:
        ModelError: the model did not answer.
    """
    turns = load_prompt("confirm").fill({"sentence": one_line(sentence), "question": question})
    chosen = llm.choose(turns, (_YES, _NO))
    if chosen is None:
        reply = llm.complete(turns, max_tokens=4)
        return float(reply.text.strip().startswith(_YES)), reply.usage
    return _yes(chosen[0]), chosen[1]


def judge(llm: ChatModel, question: str, hit: Hit) -> tuple[float, Usage] | None:
    """The same by weights that were fitted to it, which know title and month too; None where the model has none.

    Raises:
        ModelError: the model did not answer.
    """
    if not isinstance(llm, JudgingModel):
        return None
    turns = load_prompt("holds").fill(
        {"question": one_line(question), "origin": origin(hit), "sentence": one_line(hit.text)}
    )
    chosen = llm.judge(turns, (_YES, _NO))
    return (_yes(chosen[0]), chosen[1]) if chosen else None


def origin(hit: Hit) -> str:
    """What `judge` is told of where a sentence stands, " (title, 2026-03)"; empty where neither is known."""
    known = [one_line(hit.title), f"{hit.published:%Y-%m}" if hit.published else ""]
    told = ", ".join(filter(None, known))
    return f" ({told})" if told else ""


def _yes(chosen: Sequence[float]) -> float:
    """The share of yes in the probabilities of yes and no."""
    yes, no = chosen
    return yes / (yes + no) if yes + no > 0 else 0.0


def confirm_answer(llm: ChatModel, question: str, answer: str, sentence: str) -> tuple[float, Usage]:
    """The same for a sentence of which some words are proposed as the answer: the model's yes that it is they.

    It goes on where `confirm` of that sentence ended, so only the proposed words have to be read.

    Raises:
        ModelError: the model did not answer.
    """
    (proposed,) = load_prompt("proposed").fill({"question": question, "answer": one_line(answer)})
    return confirm(llm, proposed.content, sentence)


@dataclass(frozen=True, slots=True)
class Gate:
    """A logistic model over signals: `bias + Σ weight · signal`.

    `shows` is the support needed to be shown. What has not even `hopeless` is not worth asking a model about.
    """

    bias: float
    weights: Mapping[str, float]
    shows: float
    hopeless: float = 0.0

    def support(self, seen: Signals, yes: float | None = None) -> float:
        """Calibrated probability (0..1) that the sentence answers; 0 where it has nothing of the kind asked for."""
        if seen.lacking:
            return 0.0
        values = asdict(seen) | ({} if yes is None else {"yes": yes})
        total = self.bias + sum(weight * values[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def confidence(support: float, seen: Signals, yes: float | None = None) -> Confidence:
    """The support of a sentence together with all that it was made of; 1 is true."""
    told = {name: round(float(value), 4) for name, value in asdict(seen).items()}
    return Confidence(value=support, signals=told | ({} if yes is None else {"yes": round(yes, 4)}))


def gate_fingerprint() -> str:
    """Hash of all coefficients."""
    return hashlib.sha256(GATES.read_bytes()).hexdigest()[:12]


@cache
def load_gate(name: str, *, foreign: bool = False) -> Gate:
    """The gate called `name` in gate.json.

    `extractive` judges without any model, `confirmed` with the model's yes, `judged` by that of weights fitted to it
    (`judge`); `foreign` ones judge sentences in another language than the question, whose words cannot be compared.
    """
    table = json.loads(GATES.read_text(encoding="utf-8"))[f"{name}_foreign" if foreign else name]
    return Gate(**table)
