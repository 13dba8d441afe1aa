"""Text to index terms: what makes two spellings, two forms or a compound and its part the same word.

In: text and its language (ISO 639-1, "" if unknown). Out: terms of letters and digits only, so that any
word index keeps them whole. Hides PyStemmer (Snowball stems), the table of German compound parts and the
stop words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from math import sqrt
from pathlib import Path
from threading import Lock
from typing import Any

import regex  # type: ignore[import-untyped]

_TOKEN = regex.compile(
    r"(?P<number>\p{Nd}+(?:[.,:]\p{Nd}+)+(?![\p{L}\p{Nd}]))"
    r"|(?P<unspaced>[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]+)"
    r"|[\p{L}\p{Nd}][\p{L}\p{Nd}\p{M}]*"
)
_THOUSANDS = regex.compile(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})*")
_HYPHENS = "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}"
_APOSTROPHES = "'’"
_PLAIN = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})

_ALGORITHMS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french",
    "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "nb": "norwegian",
    "nn": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip

_LINKS = ("", "s", "n", "e", "es", "en", "er")
_COMMON = 15  # compounds of the dictionary that a stem must be part of to be a common noun and no name
_SHORT_TAIL = 60  # a tail of three letters must end this many compounds of the dictionary to count as a word


@dataclass(frozen=True, slots=True)
class Word:
    """One content word: `text[start:end]`, its `stem`, and the stems of its `parts` if it is a compound.

    `name` is true for what is often written alike in many languages: numbers, and capitalised words that do
    not open a sentence (in German that includes every noun).
    """

    stem: str
    start: int
    end: int
    parts: tuple[str, ...] = ()
    name: bool = False


def words(text: str, language: str) -> tuple[Word, ...]:
    """The content words of `text` in order; stop words of `language` are left out."""
    return tuple(_words(text, language))


def index_terms(text: str, language: str) -> str:
    """The terms a word index stores for `text`, space-joined.

    Every stem stands twice and every part of a compound once: BM25 then gives a part about half the weight of
    a word that stands on its own.
    """
    return " ".join(_weighted(words(text, language)))


def query_terms(question: str, language: str) -> tuple[str, ...]:
    """The terms to look for: a stem twice, a compound's part once; each counts as often as it stands."""
    return tuple(_weighted({word.stem: word for word in words(question, language)}.values()))


def name_terms(question: str, language: str, other: str) -> tuple[str, ...]:
    """The terms worth looking for in articles in `other`: names and numbers, in the stems of `other`."""
    names = (question[word.start : word.end] for word in words(question, language) if word.name)
    return tuple(dict.fromkeys(word.stem for name in names for word in words(name, other)))


def _weighted(found: Iterable[Word]) -> Iterator[str]:
    return (term for word in found for term in (word.stem, word.stem, *word.parts))


def stems_of(text: str, language: str) -> frozenset[str]:
    """The stems of a text's content words and of the parts of compounds."""
    return frozenset(stem for word in words(text, language) for stem in (word.stem, *word.parts))


def is_content_word(word: str, language: str) -> bool:
    """True when `word` carries meaning of its own: not a stop word, not a lone letter."""
    return any(True for _ in _words(word, language))


def ends_compounds(word: Word) -> int:
    """How many German compounds of a dictionary end in this noun; few or none for names of people and places."""
    last = word.parts[-1] if word.parts else word.stem
    return _german_parts().get(last, (0, 0))[1]


def is_german_noun(word: Word) -> bool:
    """True when a capitalised German word is likely a common noun: a compound, or a part of many compounds."""
    return bool(word.parts) or sum(_german_parts().get(word.stem, (0, 0))) >= _COMMON


def _words(text: str, language: str) -> Iterator[Word]:
    opening = True  # the next word opens a sentence, so its capital says nothing
    lone: tuple[str, int] | None = None  # a single letter before a hyphen, as in "E-Mail"
    for match in _TOKEN.finditer(text):
        token, start, end = match[0], match.start(), match.end()
        before = text[start - 1 : start]
        opens, opening = opening or before in '“„"«»:', False
        follows = text[end : end + 2].strip()
        if follows[:1] in {".", "!", "?"} and len(follows) == 1 and len(token) > 1:
            opening = True
        if match["number"]:
            yield from (Word(term, start, end, name=True) for term in _number_terms(token))
            continue
        if match["unspaced"]:
            pairs = range(max(1, len(token) - 1))
            yield from (Word(token[i : i + 2], start + i, min(start + i + 2, end)) for i in pairs)
            continue
        if lone and lone[1] + 1 == start:
            token, start = lone[0] + token, lone[1] - 1
        hyphenated = end < len(text) and text[end] in _HYPHENS
        lone = (token, end) if hyphenated and len(token) == 1 and token.isalpha() else None
        if lone or (before and before in _APOSTROPHES and len(token) <= 2):
            continue
        stem, parts = _analyse(token, language)
        if stem:
            yield Word(stem, start, end, parts, name=token[0].isdigit() or (token[0].isupper() and not opens))


def _number_terms(token: str) -> list[str]:
    """The number in one spelling; of a date its groups too: "18.2.2025" gives 18p2p2025, 18, 2, 2025."""
    digits = "".join(c if c in ".,:" else str(unicodedata.digit(c)) for c in token)
    if _THOUSANDS.fullmatch(digits):
        return [regex.sub(r"[.,]", "", digits)]
    groups = regex.split(r"[.,:]", digits)
    whole = "p".join(groups)
    return [whole, *groups] if len(groups) > 2 else [whole]


@lru_cache(maxsize=100_000)
def _analyse(token: str, language: str) -> tuple[str, tuple[str, ...]]:
    """(stem, stems of the parts) of one word; an empty stem for a stop word or a lone letter."""
    if language == "tr":
        token = token.replace("İ", "i").replace("I", "ı")
    word = unicodedata.normalize("NFC", unicodedata.normalize("NFC", token).casefold())
    if word in _stop_words(language) or (len(word) == 1 and word.isalpha()):
        return "", ()
    parts = tuple(dict.fromkeys(_divide(word))) if language == "de" and word.isalpha() else ()
    return _plain(_stem(word, language)), parts


def _plain(word: str) -> str:
    """Latin letters without accents, so that a name is found however it is typed; other scripts stay."""
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word.translate(_PLAIN))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return bare if bare.isascii() else word


def _divide(word: str) -> list[str]:
    """Stems of the parts of a German compound, none if it is not one.

    After Koehn and Knight (2003), "Empirical Methods for Compound Splitting": divide where the geometric
    mean of the parts' frequencies exceeds that of the whole; frequency here is the number of compounds of a
    dictionary that a stem heads or ends, so the division does not depend on what is indexed.
    """
    table = _german_parts()
    own = sum(table.get(_stem(word, "de"), (0, 0)))
    best, where = float(own), None
    for cut in range(3, len(word) - 2):
        tail = _stem(word[cut:], "de")
        tails = table.get(tail, (0, 0))[1]
        if not tails or (len(word) - cut == 3 and tails < _SHORT_TAIL):
            continue
        head, heads = _best_head(word[:cut])
        if sqrt(heads * tails) > best:
            best, where = sqrt(heads * tails), (head, word[cut:])
    if where is None:
        return []
    return [part for piece in where for part in (_divide(piece) or [_plain(_stem(piece, "de"))])]


def _best_head(head: str) -> tuple[str, int]:
    """The head without its linking element, and how many compounds it heads; 1 if it is a compound itself."""
    table = _german_parts()
    bare = [head.removesuffix(link) for link in _LINKS if head.endswith(link) and len(head) - len(link) >= 3]
    counted = [(form, table.get(_stem(form, "de"), (0, 0))[0]) for form in bare]
    best = max(counted, key=lambda item: item[1])
    if best[1] or len(head) < 8:
        return best
    return next(((form, 1) for form in bare if _divide(form)), best)


@cache
def _german_parts() -> dict[str, tuple[int, int]]:
    """Stem to (compounds it heads, compounds it ends); written by eval/german_parts.py."""
    lines = Path(__file__).with_name("german_parts.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines)
    return {stem: (int(heads), int(tails)) for stem, heads, tails in rows}


@cache
def _stop_words(language: str) -> frozenset[str]:
    """Function and question words of `language`, casefolded; empty where no list is kept."""
    for line in Path(__file__).with_name("stop_words.txt").read_text(encoding="utf-8").splitlines():
        name, _, listed = line.partition(":")
        if name == language:
            return frozenset(listed.casefold().split())
    return frozenset()


_stemmer_lock = Lock()  # a Snowball stemmer keeps its word in a buffer of its own


def _stem(word: str, language: str) -> str:
    algorithm = _ALGORITHMS.get(language)
    if algorithm is None:
        return word
    with _stemmer_lock:
        stem: str = _stemmer(algorithm).stemWord(word)
    return stem


@cache
def _stemmer(algorithm: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(algorithm, 0)
