"""Two sentences of two articles -> do they tell the same, does one prove the other, do they differ in a figure or day?

In: sentences with their language. Out: `Account`s that can be compared. Rests on stems, on names and figures in their
order, and on closed classes of words (days, small numbers, words that turn a meaning round); nothing is learned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from rag.numerals import in_figures, numerals, scale
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
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SCALED = re.compile(r"\s*([^\W\d_]+)\b\.?")
_DAY = re.compile(r"\b(?:" + "|".join(_DAYS) + r")\b", re.IGNORECASE)
_PERCENT = re.compile(r"\s*(?:Prozent|percent|%)", re.IGNORECASE)
# Behind a number may stand an adjective, which English plurals look like: "people", "women", "houses".
_COUNTED = re.compile(
    r"\s*(?:(?!(?:people|children|(?:wo)?men)\b)[a-zäöüß]+(?:e|en|er|ed|ing|es(?=\s+[A-ZÄÖÜ]))\s+)?(?P<what>[^\W\d_]{3,})"
)
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
        for one in _figures(self.text, self.language):
            if what := _counted(self.text, one, self.language):
                found.setdefault(what, set()).add(one.value)
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
        figures = {
            stem
            for one in _figures(self.text, self.language)
            for stem in _stems(self.text[one.start : one.end], self.language)
        }
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


@dataclass(frozen=True, slots=True)
class _Figure:
    """A number, with its scale or percent sign, or the name of a day: `text[start:end]`."""

    value: str
    start: int
    end: int
    is_day: bool = False


def _figures(text: str, language: str) -> Iterator[_Figure]:
    """Every number in figures or words, and every day, each kind in the order of the text."""
    for match in _NUMBER.finditer(text):
        scaled = _SCALED.match(text, match.end())
        factor = scale(scaled[1].casefold(), language) if scaled else 0.0
        end = scaled.end() if scaled and factor else match.end()
        yield _number(text, in_figures(match[0]) * (factor or 1.0), match.start(), end)
    for one in numerals(text, language):
        if not one.ordinal:
            yield _number(text, one.value, one.start, one.end)
    for match in _DAY.finditer(text):
        yield _Figure(_DAYS[match[0].casefold()], *match.span(), is_day=True)


def _number(text: str, value: float, start: int, end: int) -> _Figure:
    percent = _PERCENT.match(text, end)
    return _Figure(f"{value:.15g}{'%' if percent else ''}", start, percent.end() if percent else end)


def _counted(text: str, figure: _Figure, language: str) -> str:
    """The stem of what a figure counts, the word behind it; empty if there is none."""
    if figure.is_day:
        return "day"
    counted = _COUNTED.match(text, figure.end)
    return next(iter(_stems(counted["what"], language)), "") if counted else ""
