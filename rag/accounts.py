"""Two sentences of two articles -> do they tell the same, does one prove the other, do they differ in a figure or day?

In: sentences with their language. Out: `Account`s that can be compared. Rests on stems, on names and figures in their
order, and on closed classes of words (days, small numbers, words that turn a meaning round); nothing is learned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rag.words import Word, words

_ALIKE_WORDS = 0.6  # shared content words from which two sentences tell the same
_ALIKE_MEANING = 0.55  # cosine of sentences seen from their centre, with those words
_SAME_EVENT = 0.5  # shared content words, figures left out, from which differing figures are a disagreement

# Function words that two tellings of one fact may exchange; every other one must stand in both.
_HARMLESS = frozenset(
    """der die das den dem des ein eine einen einem einer eines am im in an zum zur beim ist sind war waren hat haben
    hatte hatten wurde wurden wird werden worden sich dort es auch so the a an is are was were has have had be been
    at on to of also""".split()
)
_SMALL = {
    word: str(value)
    for value, group in enumerate(
        (
            "null zero", "eins one", "zwei two", "drei three", "vier four", "fünf five", "sechs six",
            "sieben seven", "acht eight", "neun nine", "zehn ten", "elf eleven", "zwölf twelve",
        )
    )
    for word in group.split()
}  # fmt: skip
_DAYS = {
    name: str(day)
    for day, group in enumerate(
        (
            "montag monday", "dienstag tuesday", "mittwoch wednesday", "donnerstag thursday",
            "freitag friday", "samstag sonnabend saturday", "sonntag sunday",
        )
    )
    for name in group.split()
}  # fmt: skip
_FIGURE = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)*)\s*(?P<scale>Millionen|Milliarden|Mio\.?|Mrd\.?|million|billion|Prozent|percent|%)?"
    r"|(?P<small>\b(?:" + "|".join(_SMALL) + r")\b)"
    r"|(?P<day>\b(?:" + "|".join(_DAYS) + r")\b)",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s*(?:[a-zäöü]+(?:e|en|er|es|ed|ing)\s+)?(?P<what>[^\W\d_]{3,})")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Account:
    """One sentence, read for comparison."""

    text: str
    language: str

    @cached_property
    def content(self) -> tuple[Word, ...]:
        """Its content words."""
        return words(self.text, self.language)

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of its content words."""
        return frozenset(word.stem for word in self.content)

    @cached_property
    def spelled(self) -> tuple[str, ...]:
        """Its words in order, without case and punctuation."""
        return tuple(_WORD.findall(self.text.casefold()))

    @cached_property
    def figures(self) -> Mapping[str, frozenset[str]]:
        """What it counts or dates, each with its values: {"tot": {"3"}, "day": {"0"}}."""
        found: dict[str, set[str]] = {}
        for what, value in _figures(self.text, self.language):
            found.setdefault(what, set()).add(value)
        return {what: frozenset(values) for what, values in found.items()}

    @cached_property
    def _functions(self) -> tuple[str, ...]:
        content = {self.text[word.start : word.end].casefold() for word in self.content}
        return tuple(sorted({word for word in self.spelled if word not in content and word not in _HARMLESS}))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(word.stem for word in self.content if word.name)

    @cached_property
    def _told(self) -> frozenset[str]:
        """Its stems without those of figures and days."""
        figures = {stem for match in _FIGURE.finditer(self.text) for stem in _stems(match[0], self.language)}
        return self.stems - figures

    def proves(self, other: Account) -> bool:
        """Whether this sentence says all that `other` says, so that it may be cited for it.

        All content words, figures and days of `other` stand here, its names in the same order, and the words between
        them that could turn the meaning ("not", "against", "before") are the same in both.
        """
        if self.spelled == other.spelled:
            return True
        if not other.stems or not other.stems <= self.stems or self._functions != other._functions:
            return False
        if any(self.figures.get(what) != values for what, values in other.figures.items()):
            return False
        return _in_order(other._names, self._names) and len(self.stems) <= 1.5 * len(other.stems)

    def repeats(self, other: Account, cosine: float) -> bool:
        """Whether both tell the same, so that a reader of one learns little from the other.

        Args:
            other: the other sentence.
            cosine: of their vectors, seen from the centre of all sentences.
        """
        return (
            cosine >= _ALIKE_MEANING
            and _shared(self.stems, other.stems) >= _ALIKE_WORDS
            and not self.differs(other)
            and self._functions_turn(other)
        )

    def _functions_turn(self, other: Account) -> bool:
        return not (set(self._functions) ^ set(other._functions)) & _TURNS

    def differs(self, other: Account) -> str:
        """What two accounts of one event count or date differently, its stem ("day" for a day); empty if nothing."""
        common = self.figures.keys() & other.figures.keys()
        apart = sorted(what for what in common if not self.figures[what] & other.figures[what])
        return apart[0] if apart and _shared(self._told, other._told) >= _SAME_EVENT else ""


_TURNS = frozenset(
    """nicht kein keine keinen keiner weder noch ohne gegen für vor nach mehr weniger nie niemals not no nor neither
    without against for before after more less never""".split()
)


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of stems in both (Dice), 0..1."""
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _in_order(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    rest = iter(long)
    return all(name in rest for name in short)


def _stems(text: str, language: str) -> set[str]:
    return {word.stem for word in words(text, language)}


def _figures(text: str, language: str) -> Iterator[tuple[str, str]]:
    """(what is counted, value) of every figure; what a number counts is the word behind it."""
    for match in _FIGURE.finditer(text):
        if match["day"]:
            yield "day", _DAYS[match["day"].casefold()]
            continue
        counted = _COUNTED.match(text, match.end())
        what = next(iter(_stems(counted["what"], language)), "") if counted else ""
        if not what:
            continue
        value = _SMALL[match["small"].casefold()] if match["small"] else match["number"]
        yield what, value + (match["scale"] or "").casefold()[:4]
