"""What the Unicode CLDR calls weekdays, months, countries, cities and languages in every language; hides Babel.

In: a few words and two languages (ISO 639-1). Out: the same in the other language, or nothing. It knows no grammar:
names come in the form that stands alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from rag.words import Word, is_german_noun, words

if TYPE_CHECKING:
    from babel import Locale

_LONGEST = 4  # words of the longest name looked up
_ZONES_WITHOUT_CITY = ("Etc/", "SystemV/")


@dataclass(frozen=True, slots=True)
class Term:
    """A name found in a text: `text[start:end]`, and its `key`, the same in all languages ("country:FR")."""

    key: str
    start: int
    end: int


def language_name(code: str, reader: str = "en") -> str:
    """What a language is called in another one; empty if CLDR does not know it."""
    locale, known = _locale(reader), _locale(code)
    return str(locale.languages.get(code, "")) if locale is not None and known is not None else ""


def terms(text: str, language: str) -> tuple[Term, ...]:
    """The names in `text` that CLDR knows, the longest ones first tried, none overlapping another."""
    return tuple(_scan(text, words(text, language), _table(language)))


def _scan(
    text: str, found: tuple[Word, ...], table: dict[tuple[str, ...], tuple[str, bool]]
) -> Iterator[Term]:
    at = 0
    while at < len(found):
        for length in range(min(_LONGEST, len(found) - at), 0, -1):
            key, capital = table.get(tuple(word.stem for word in found[at : at + length]), ("", False))
            if key and (text[found[at].start].isupper() or not capital):
                yield Term(key, found[at].start, found[at + length - 1].end)
                at += length
                break
        else:
            at += 1


def proper_names(text: str, language: str) -> list[Word]:
    """The capitalised words that are no common nouns: in German those that a dictionary has, unless CLDR knows them."""
    known = [range(term.start, term.end) for term in terms(text, language)]
    return [
        word
        for word in words(text, language)
        if text[word.start].isupper()
        and (language != "de" or not is_german_noun(word) or any(word.start in term for term in known))
    ]


def said_in(text: str, language: str, reader: str) -> str:
    """A short text in the reader's language, if it is a date or nothing but names CLDR knows; else empty.

    "am Montag" becomes "Monday", "im Februar 2022" "February 2022", "in Genf" "Geneva".
    """
    found = terms(text, language)
    others = [
        word
        for word in words(text, language)
        if not any(term.start <= word.start < term.end for term in found)
    ]
    if not found:
        return ""
    if found[0].key.startswith("month:") and len(found) == 1:
        return _date(
            int(found[0].key.partition(":")[2]), [text[word.start : word.end] for word in others], reader
        )
    if others or len(found) > 1:
        return ""
    return name(found[0].key, reader)


def name(key: str, language: str) -> str:
    """The name with this key in a language; empty if CLDR has none."""
    return next((spelled for spelled, other in _names(language) if other == key), "")


def _date(month: int, numbers: list[str], language: str) -> str:
    from babel.dates import format_date, format_skeleton

    days = [int(number) for number in numbers if number.isdigit() and len(number) <= 2]
    years = [int(number) for number in numbers if number.isdigit() and len(number) == 4]
    locale = _locale(language)
    if locale is None or len(days) + len(years) != len(numbers) or len(days) > 1 or len(years) > 1:
        return ""
    pattern = ("y" if years else "") + "MMMM" + ("d" if days else "")
    try:
        date = dt.date(years[0] if years else 2000, month, days[0] if days else 1)
    except ValueError:  # no such day
        return ""
    if pattern == "MMMM":
        return name(f"month:{month}", language)
    if years and days:
        return " ".join(format_date(date, "long", locale=locale).split())
    return " ".join(format_skeleton(pattern, date, locale=locale).split())


@lru_cache(maxsize=32)
def _table(language: str) -> dict[tuple[str, ...], tuple[str, bool]]:
    """Stems of a name to its key and whether it is capitalised; of two names with the same stems the first one."""
    table: dict[tuple[str, ...], tuple[str, bool]] = {}
    for spelled, key in _names(language):
        stems = tuple(word.stem for word in words(spelled, language))
        if stems and len(stems) <= _LONGEST:
            table.setdefault(stems, (key, spelled[0].isupper()))
    return table


@lru_cache(maxsize=32)
def _names(language: str) -> tuple[tuple[str, str], ...]:
    """(name, key) of all names of a language, weekdays and months before places."""
    locale = _locale(language)
    return tuple(_spelled(locale)) if locale is not None else ()


def _spelled(locale: Locale) -> Iterator[tuple[str, str]]:
    from babel.core import get_global

    for forms in ("stand-alone", "format"):
        for kind, table in (("weekday", locale.days), ("month", locale.months)):
            for number, spelled in table[forms]["wide"].items():
                yield spelled, f"{kind}:{number}"
    for code, spelled in locale.territories.items():
        if code.isalpha():
            yield spelled, f"country:{code}"
    for zone in sorted({*locale.time_zones, *get_global("zone_territories")}):
        if not zone.startswith(_ZONES_WITHOUT_CITY):
            city = (locale.time_zones.get(zone) or {}).get("city") or zone.rpartition("/")[2].replace(
                "_", " "
            )
            yield city, f"city:{zone}"


@cache
def _locale(language: str) -> Locale | None:
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language) if language else None
    except (UnknownLocaleError, ValueError):
        return None
