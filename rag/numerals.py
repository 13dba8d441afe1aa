"""Numbers in words -> their values, in German and English: "vierundzwanzig", "two hundred and fifty", "twenty-first".

In: text. Out: `Numeral`s with their places. It rests on the grammar of number words alone. What stands behind
"several" or "mehrere" tells no value and is left out, as are "Tausende" and "millions".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+")
_JOINT = re.compile(r"\s+|[-\u2010\u2011]")

_GERMAN_UNITS = "ein zwei drei vier fünf sechs sieben acht neun".split()
_GERMAN_TEENS = "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn".split()
_GERMAN_TENS = "zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
_GERMAN = (
    {name: float(value) for value, name in enumerate([*_GERMAN_UNITS, *_GERMAN_TEENS], 1)}
    | {name: 10.0 * value for value, name in enumerate(_GERMAN_TENS, 2)}
    | {
        f"{unit}und{ten}": 10.0 * value + more
        for value, ten in enumerate(_GERMAN_TENS, 2)
        for more, unit in enumerate(_GERMAN_UNITS, 1)
    }
    | {"eins": 1.0, "zwo": 2.0}
)  # below a hundred
_ENGLISH_UNITS = "one two three four five six seven eight nine".split()
_ENGLISH_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_UNITS = {name: float(value) for value, name in enumerate(_ENGLISH_UNITS, 1)}
_TENS = {name: 10.0 * value for value, name in enumerate(_ENGLISH_TENS, 2)}
_OTHERS = {name: float(value) for value, name in enumerate(_ENGLISH_TEENS, 10)} | {
    "zero": 0.0, "null": 0.0, "zweier": 2.0, "dreier": 3.0, "anderthalb": 1.5,
}  # fmt: skip
_HUNDRED = 100.0
_SCALES = {
    "dutzend": 12.0, "dozen": 12.0, "hundert": _HUNDRED, "hundred": _HUNDRED, "tausend": 1e3, "thousand": 1e3,
    "million": 1e6, "millionen": 1e6, "millions": 1e6, "mio": 1e6, "milliarde": 1e9, "milliarden": 1e9, "mrd": 1e9,
    "billion": 1e9, "billions": 1e9,
}  # fmt: skip
_GERMAN_SCALES = {"billion": 1e12, "billionen": 1e12}
_ALONE = frozenset("dutzend dozen hundert hundred tausend".split())  # a number without "a" or "one" too
_PLURALS = frozenset("millionen millions milliarden billions billionen".split())
_ONE = frozenset("ein eine einem einen einer eines a an".split())
_HALF = frozenset("halbe halben halber halbes".split())
_VAGUE = frozenset(
    """mehrere mehreren mehrerer einige einigen einiger viele vielen vieler wenige wenigen weniger manche manchen paar
    several some many few couple""".split()
)

_ORDINALS = {
    name: value
    for value, names in enumerate(
        (
            "erst first", "zweit second", "dritt third", "viert fourth", "fünft fifth", "sechst sixth",
            "siebt seventh", "acht eighth", "neunt ninth", "zehnt tenth",
        ), 1,
    )
    for name in names.split()
} | {
    "eleventh": 11, "twelfth": 12,
    **{f"{name}th": value for value, name in enumerate(_ENGLISH_TEENS, 10) if name.endswith("teen")},
    **{f"{name[:-1]}ieth": 10 * value for value, name in enumerate(_ENGLISH_TENS, 2)},
}  # fmt: skip
_ENDING = re.compile(r"(.{3,}?)(?:e|er|en|em|es)")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in words: `text[start:end]`. `ordinal` is true for "third", "vierundzwanzigste"."""

    value: float
    start: int
    end: int
    ordinal: bool = False


@dataclass(frozen=True, slots=True)
class _Spoken:
    """The words of a text, casefolded; `joined[n]` tells whether only a space or hyphen parts a word from the next."""

    words: tuple[str, ...]
    joined: tuple[bool, ...]
    language: str

    def follows(self, at: int) -> str:
        """The word behind another one, "" where something else stands between."""
        return self.words[at + 1] if at + 1 < len(self.words) and self.joined[at] else ""

    def precedes(self, at: int) -> str:
        """The word before another one, "" where something else stands between."""
        return self.words[at - 1] if at and self.joined[at - 1] else ""

    def scale(self, at: int) -> float:
        """What a number is multiplied by where this is the word behind it, else 0."""
        return scale(self.words[at], self.language) if at < len(self.words) else 0.0


def scale(word: str, language: str) -> float:
    """What the casefolded word multiplies a number before it by: "Millionen", "dozen"; 0 for other words."""
    own = _GERMAN_SCALES.get(word) if language == "de" else None
    return own or _SCALES.get(word, 0.0)


def is_numeral(word: str) -> bool:
    """Whether a word is a number or a scale, ordinals aside."""
    word = word.casefold()
    return word in _SCALES or word in _GERMAN_SCALES or _cardinal(word) is not None


def in_figures(text: str) -> float:
    """The value of figures, whose marks may set off thousands or a fraction: "4.000", "3,5"; "18.2.2025" is 1822025."""
    if re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", text):
        return float(re.sub(r"[.,]", "", text))
    if re.fullmatch(r"\d+[.,]\d+", text):
        return float(text.replace(",", "."))
    return float(re.sub(r"\D", "", text))


def numerals(text: str, language: str) -> Iterator[Numeral]:
    """The numbers in words of a text, in their order; `language` (ISO 639-1) tells what a billion is."""
    places = [match.span() for match in _WORD.finditer(text)]
    spoken = _Spoken(
        words=tuple(text[start:end].casefold() for start, end in places),
        joined=tuple(
            _JOINT.fullmatch(text, one[1], other[0]) is not None
            for one, other in zip(places, places[1:], strict=False)
        ),
        language=language,
    )
    elliptic = dict(_elliptic(text))
    behind = 0
    for at, (start, end) in enumerate(places):
        if at < behind:
            continue
        if start in elliptic:
            yield Numeral(elliptic[start], start, end)
            continue
        found = _ordinal(spoken, at) or _sum(spoken, at)
        if found is not None:
            value, last, ordinal = found
            behind = last + 1
            yield Numeral(value, start, places[last][1], ordinal)


# "ein- bis zweitausend": the first number has the scale of the second.
_ELLIPSIS = re.compile(r"\b([^\W\d_]+)- (?:bis|und|oder) ([^\W\d_]+?)(hundert|tausend)\b", re.IGNORECASE)


def _elliptic(text: str) -> Iterator[tuple[int, float]]:
    for match in _ELLIPSIS.finditer(text):
        first, second = _below_thousand(match[1].casefold()), _below_thousand(match[2].casefold())
        if first is not None and second is not None:
            yield match.start(), first * _SCALES[match[3].casefold()]


_Found = tuple[float, int, bool]  # value, number of the last word, whether it is an ordinal
_Group = tuple[float, int]  # value, number of the last word


def _ordinal(spoken: _Spoken, at: int) -> _Found | None:
    word, before, behind = spoken.words[at], spoken.precedes(at), spoken.follows(at)
    lasts = word == "second" and _cardinal(before) is not None  # "a sixty-second film" lasts a minute
    value = None if lasts else _one_word_ordinal(word)
    if value is not None:
        return value, at, True
    unit = _ORDINALS.get(behind, 0) if word in _TENS else 0
    lasts = behind == "second" and before in _ONE
    return (_TENS[word] + unit, at + 1, True) if 0 < unit < 10 and not lasts else None


@lru_cache(maxsize=20_000)
def _one_word_ordinal(word: str) -> float | None:
    if word in _ORDINALS and word not in _GERMAN:
        return float(_ORDINALS[word])
    ending = _ENDING.fullmatch(word)
    if ending is None:
        return None
    stem = ending[1]
    if stem in _ORDINALS:
        return float(_ORDINALS[stem])
    value = _german(stem.removesuffix("st")) if stem.endswith("st") else None
    if value is not None and (value % 100 >= 20 or value % 100 == 0):
        return value
    value = _german(stem.removesuffix("t")) if stem.endswith("t") else None
    return value if value is not None and 4 <= value % 100 < 20 else None


def _sum(spoken: _Spoken, at: int) -> _Found | None:
    """A whole number: groups with falling scales, "two million three hundred thousand"."""
    found = _scaled(spoken, at)
    if found is None:
        return None
    total, last, least = found
    while least >= 1e3 and spoken.follows(last):
        joins = spoken.follows(last) == "and" and least == 1e3
        group = _scaled(spoken, last + 1 + joins)
        if group is None or group[0] >= least or group[0] < (1 if joins else least / 100):
            break
        value, last, least = group
        total += value
    return total, last, False


def _scaled(spoken: _Spoken, at: int) -> tuple[float, int, float] | None:
    """A group with its scale: value, number of the last word, the scale."""
    group = _group(spoken, at)
    if group is None:
        value = _lone(spoken, at)
        return (value, at, value) if value else None
    value, last = group
    factor = spoken.scale(last + 1) if spoken.follows(last) else 0.0
    return (value * factor, last + 1, factor) if factor else (value, last, 1.0)


def _lone(spoken: _Spoken, at: int) -> float:
    """The value of a scale without a number: "a thousand", "hundert", "half a million".

    0 where it has none: behind "several" or "a quarter of a".
    """
    if at >= len(spoken.words):
        return 0.0
    word, before = spoken.words[at], spoken.precedes(at)
    factor = spoken.scale(at)
    if word in _PLURALS or before in _VAGUE or before == "of":
        return 0.0
    if before in _HALF:
        return factor / 2
    if before not in _ONE:
        return factor if word in _ALONE else 0.0
    earlier = spoken.precedes(at - 1)
    return 0.0 if earlier == "of" else factor / 2 if earlier == "half" else factor


def _group(spoken: _Spoken, at: int) -> _Group | None:
    """A number below a thousand, or a German one in one word."""
    small = _small(spoken, at)
    hundred = spoken.words[at : at + 1] in (("hundert",), ("hundred",))
    if small is None and hundred and _lone(spoken, at) == _HUNDRED:
        return _with_rest(spoken, _HUNDRED, at)
    if small is None:
        return None
    value, last = small
    following = spoken.follows(last)
    if following == "and" and spoken.words[last + 2 : last + 4] == ("a", "half"):
        return value + 0.5, last + 3
    if following in {"hundert", "hundred"}:
        return _with_rest(spoken, value * _HUNDRED, last + 1)
    return value, last


def _with_rest(spoken: _Spoken, value: float, last: int) -> _Group:
    """Hundreds with what follows them: "two hundred and fifty"; "one hundred and two hundred" are two numbers."""
    behind = spoken.follows(last)
    rest = _small(spoken, last + 1 + (behind == "and")) if behind else None
    if rest is None or rest[0] >= _HUNDRED or spoken.follows(rest[1]) in {"hundert", "hundred"}:
        return value, last
    return value + rest[0], rest[1]


def _small(spoken: _Spoken, at: int) -> _Group | None:
    """One word, or "twenty" with a unit behind it."""
    word = spoken.words[at] if at < len(spoken.words) else ""
    value = None if word in _SCALES else _cardinal(word)
    if value is None:
        return None
    unit = _UNITS.get(spoken.follows(at)) if word in _TENS else None
    return (value + unit, at + 1) if unit else (value, at)


@lru_cache(maxsize=20_000)
def _cardinal(word: str) -> float | None:
    """The value of a number of one word; "ein" is an article."""
    for table in (_UNITS, _TENS, _OTHERS):
        if word in table:
            return table[word]
    if word.endswith("einhalb"):
        whole = _GERMAN.get(word.removesuffix("einhalb"))
        return whole + 0.5 if whole else None
    return _german(word) if word != "ein" else None


def _german(word: str) -> float | None:
    """The value of a German number below a million in one word: "dreihundertfünftausendzwei"."""
    head, mark, tail = word.partition("tausend")
    if not mark:
        return _below_thousand(word)
    left = _below_thousand(head) if head else 1.0
    right = _below_thousand(tail.removeprefix("und")) if tail else 0.0
    return None if left is None or right is None else 1000.0 * left + right


def _below_thousand(word: str) -> float | None:
    head, mark, tail = word.partition("hundert")
    if not mark:
        return _GERMAN.get(word)
    left = _GERMAN.get(head) if head else 1.0
    right = _GERMAN.get(tail.removeprefix("und")) if tail else 0.0
    return None if left is None or right is None else _HUNDRED * left + right
