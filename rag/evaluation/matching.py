"""Accepted spellings against text: one normal form, word boundaries, three small wild cards.

In: a form as it stands in a fact file and any text; out: whether and where the form stands there.
A form is words; `*` inside a word stands for any letters, ` ... ` for up to six words, `^` in front ties it
to the beginning. Inflection is left to the forms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache

MAX_GAP_WORDS = 6

_QUOTES = str.maketrans(
    dict.fromkeys('„“”‟«»‹›‚‘’‛`´"', "'")
    | dict.fromkeys("‐‑‒–—―−", "-")  # noqa: RUF001 - these are the dashes that get unified
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u0307", "")
    | {"ё": "е", "ı": "i"}
)
# Small numbers as words, since "seit drei Jahren" may be answered with "3 years".
NUMBER_WORDS = {
    "1": "ein eine einen eins one un une один одна bir",
    "2": "zwei beide beiden two both deux два две оба iki",
    "3": "drei three trois три üç",
    "4": "vier four quatre четыре dört",
    "5": "fünf five cinq пять beş",
    "6": "sechs six шесть altı",
    "7": "sieben seven sept семь yedi",
    "8": "acht eight huit восемь sekiz",
    "9": "neun nine neuf девять dokuz",
    "10": "zehn ten dix десять on",
    "11": "elf eleven onze одиннадцать",
    "12": "zwölf twelve douze двенадцать",
}
_SCALES = {
    "tausend thousand mille bin тыс": 1e3,
    "million mio milyon млн миллион": 1e6,
    "milliarde mrd billion milyar млрд миллиард": 1e9,
}
_MONTHS = (
    "januar january jänner janvier ocak январ",
    "februar february février şubat феврал",
    "märz march mars mart март",
    "april avril nisan апрел",
    "mai may mayıs ма",
    "juni june juin haziran июн",
    "juli july juillet temmuz июл",
    "august août ağustos август",
    "september septembre eylül сентябр",
    "oktober october octobre ekim октябр",
    "november novembre kasım ноябр",
    "dezember december décembre aralık декабр",
)
# As they are shortened, whole words.
_SHORT_MONTHS = (
    "jan janv",
    "feb febr fév févr",
    "mär mrz mar",
    "apr avr",
    "mai may",
    "jun",
    "jul juil",
    "aug",
    "sep sept",
    "okt oct",
    "nov",
    "dez dec déc",
)
_FIGURE = re.compile(r"(?<![\w.,])\d+(?:[.,' \u00a0\u202f]\d{3})*(?:[.,]\d+)?(?!\d)(?:\W?\s?([^\W\d_]+))?")
_MARKS = re.compile(r"\s*\[\d+(?:\s*[,;–-]\s*\d+)*\]")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


def without_marks(text: str) -> str:
    """The text without citation marks like `[1]` and without the bullet or number of a list item."""
    return _LIST_MARK.sub("", _MARKS.sub("", text))


def normalise(text: str) -> str:
    """NFC, no case, ß as ss, one kind of quotes and dashes, single spaces; no Turkish dots on i."""
    folded = unicodedata.normalize("NFC", text).casefold().translate(_QUOTES)
    return " ".join(unicodedata.normalize("NFC", folded).split())


@lru_cache(maxsize=8192)
def _pattern(form: str) -> re.Pattern[str]:
    words = normalise(form.removeprefix("^")).split(" ")
    parts: list[str] = []
    for word in words:
        if word == "...":
            parts.append(rf"(?:\W+\w+){{0,{MAX_GAP_WORDS}}}")
            continue
        body = re.escape(word).replace(r"\*", r"\w*")
        parts.append((r"\W+" if parts else "") + body)
    start = r"^\W*" if form.startswith("^") else r"(?<!\w)"
    # "5" must not be found in "1.5" or "5,3".
    before = r"(?<!\d[.,])" if words[0][:1].isdigit() else ""
    after = r"(?![.,]\d)" if words[-1][-1:].isdigit() else ""
    return re.compile(f"{start}{before}{''.join(parts)}(?!\\w){after}")


def form_problem(form: str) -> str:
    """Why a form cannot be used, empty if it can."""
    words = normalise(form.removeprefix("^")).split(" ")
    if not any(character.isalnum() for character in form):
        return "has neither letter nor digit"
    if words[0] == "..." or words[-1] == "...":
        return "begins or ends with ..."
    return ""


def spans(form: str, normal_text: str) -> list[tuple[int, int]]:
    """Where a form stands in a text that is already normalised, as (start, end)."""
    return [found.span() for found in _pattern(form).finditer(normal_text)]


def stands(forms: Iterable[str], text: str) -> str:
    """The first of the forms that stands in the text, empty if none does."""
    normal = normalise(text)
    return next((form for form in forms if _pattern(form).search(normal)), "")


def blank_out(forms: Iterable[str], normal_text: str) -> str:
    """The normalised text with every place where a form stands replaced by spaces of the same length."""
    for form in forms:
        for start, end in spans(form, normal_text):
            normal_text = normal_text[:start] + " " * (end - start) + normal_text[end:]
    return normal_text


def says_number(number: float, tolerance: float, unit: Sequence[str], text: str) -> bool:
    """True if a number within `tolerance` of `number` stands in the text, and one of the forms `unit` if there are any.

    `1.500` is read as 1500 and as 1.5, since writers differ; small numbers may stand as words, large ones with
    their scale ("1,5 Millionen").
    """
    if unit and not stands(unit, text):
        return False
    slack = tolerance + 1e-9 * abs(number)
    return any(abs(value - number) <= slack for value in _numbers(text))


def _numbers(text: str) -> Iterator[float]:
    normal = normalise(text)
    for found in _FIGURE.finditer(normal):
        figure = found[0][: found.start(1) - found.start()] if found[1] else found[0]
        scale = _scale(found[1] or "")
        for value in _readings(figure):
            yield value * scale
    words = set(re.findall(r"\w+", normal))
    yield from (float(n) for n, forms in NUMBER_WORDS.items() if words & set(normalise(forms).split()))


def _scale(word: str) -> float:
    return next(
        (by for forms, by in _SCALES.items() if any(word.startswith(form) for form in forms.split())), 1.0
    )


def _readings(figure: str) -> set[float]:
    """What a figure may mean: with its last separator as a decimal sign, and with all as thousands."""
    bare = re.sub(r"[^\d.,]", "", figure).rstrip(".,")
    digits = re.sub(r"[.,]", "", bare)
    found = {float(digits)} if re.fullmatch(r"\d+|\d{1,3}(?:[.,]\d{3})+", bare) else set()
    whole, _, rest = bare.replace(",", ".").rpartition(".")
    return found | ({float(f"{whole.replace('.', '')}.{rest}")} if whole else set())


def says_date(day: date, text: str) -> bool:
    """True if the text names this day, in digits or with the month's name; a year, if there is one, must be right."""
    whole = "|".join(re.escape(normalise(name)) for name in _MONTHS[day.month - 1].split())
    short = "|".join(re.escape(normalise(name)) for name in _SHORT_MONTHS[day.month - 1].split())
    month = rf"(?:(?:{whole})\w*|(?<!\w)(?:{short})(?!\w))\.?"
    d, m, year = f"0?{day.day}", f"0?{day.month}", r"(?:[.,/\- ]{0,2}(?:de )?(\d{4}|\d{2}(?!\d)))?"
    patterns = (
        rf"(?<!\d){d}(?:\.|st|nd|rd|th|er)?,? ?(?:of |de )?{month}{year}",
        rf"{month} {d}(?!\d)(?:st|nd|rd|th)?{year}",
        rf"(?<![\d.]){d}\. ?{m}\.{year}(?!\d)",
        rf"(?<!\d){m}/{d}{year}(?!\d)|(?<!\d){d}/{m}{year}(?!\d)",
    )
    normal = normalise(text)
    if day.isoformat() in normal:
        return True
    years = {None, str(day.year), f"{day.year % 100:02}"}
    return any(set(found.groups()) <= years for pattern in patterns for found in re.finditer(pattern, normal))
