"""Accepted spellings against text: one normal form, word boundaries, three small wild cards.

In: a form as it stands in a fact file and any text; out: whether and where the form stands there.
A form is words; `*` inside a word stands for any letters, ` ... ` for up to six words, `^` in front ties it
to the beginning. Inflection is left to the forms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

MAX_GAP_WORDS = 6

_QUOTES = str.maketrans(
    dict.fromkeys('„“”‟«»‹›‚‘’‛`´"', "'")
    | dict.fromkeys("‐‑‒–—―−", "-")  # noqa: RUF001 - these are the dashes that get unified
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\u0307", "")
    | {"ё": "е", "ı": "i"}
)
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
