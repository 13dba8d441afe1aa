"""Whether two words are spellings of one name, in whatever alphabet or transliteration.

In: stems as `rag.words` gives them. Out: yes or no. It errs towards no: Iran is not Iraq, June not July.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from functools import lru_cache

from rag.words import Word

_SHORTEST = 4  # letters of a stem that may be spelled in two ways
_ALIKE = 0.75  # share of letters that two long spellings have in common
_LONG = 7  # letters from which a spelling may differ in more than what transliterations exchange
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ",
        "a b v g d e e sh s i i k l m n o p r s t u f h z tsh sh sh  i  e iu ia i i e g".split(" "),
        strict=True,
    )
)
_LATIN = str.maketrans(_CYRILLIC)
_FOLDED = str.maketrans({"y": "i", "j": "i", "w": "v", "k": "c", "z": "s", "ß": "s"})
# What other languages write for the same sound, longest first.
_SOUNDS = (("tsch", "c"), ("tch", "c"), ("tsh", "c"), ("sch", "s"), ("zh", "s"), ("sh", "s"), ("ch", "c"), ("ph", "f"),
           ("ch", "h"), ("th", "t"), ("dh", "d"), ("ou", "u"), ("x", "cs"))  # fmt: skip


@lru_cache(maxsize=20_000)
def alike(one: str, other: str) -> bool:
    """Whether two stems are spellings of one name: the same sounds, or in long ones most of them."""
    if abs(len(one) - len(other)) > 4 or min(len(one), len(other)) < _SHORTEST or _has_digit(one + other):
        return False
    first, second = _skeleton(one), _skeleton(other)
    if first == second or _is_beginning(first, second, one) or _is_beginning(second, first, other):
        return True
    if min(len(one), len(other)) < _LONG or first[:2] != second[:2]:
        return False
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= _ALIKE


def _is_beginning(short: str, long: str, stem: str) -> bool:
    """Whether a Russian stem, which loses endings such as -ow, begins the other name."""
    return stem[0] in _CYRILLIC and len(short) >= 4 and long.startswith(short) and len(long) - len(short) <= 3


def among(stem: str, stems: Collection[str]) -> bool:
    """Whether a stem is one of others, in any spelling."""
    return stem in stems or (len(stem) >= _SHORTEST and any(alike(stem, other) for other in stems))


def word_among(word: Word, stems: Collection[str]) -> bool:
    """Whether a word, or a part of a compound, is one of these stems, in any spelling."""
    return among(word.stem, stems) or any(among(part, stems) for part in word.parts)


def same_name(one: Iterable[Word], other: Iterable[Word]) -> bool:
    """Whether two items name the same: every content word of the shorter one is a spelling of one in the longer."""
    short, long = sorted((list(one), list(other)), key=len)
    if not short:
        return False
    spelled = {_spelling(word.stem) for word in long}
    return all(_spelling(word.stem) in spelled for word in short)


def _spelling(stem: str) -> str:
    return stem if _has_digit(stem) else _skeleton(stem)


def _has_digit(stem: str) -> bool:
    return any(character.isdigit() for character in stem)


@lru_cache(maxsize=20_000)
def _skeleton(stem: str) -> str:
    """The stem with letters folded that transliterations of one name exchange, doubled ones once."""
    folded = stem.casefold().translate(_LATIN)
    for written, sound in _SOUNDS:
        folded = folded.replace(written, sound)
    return re.sub(r"(.)\1+", r"\1", folded.translate(_FOLDED))
