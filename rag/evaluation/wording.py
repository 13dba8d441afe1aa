"""Answers as others spell them, held against text: one normal form, whole words, no wild cards.

In: an answer and a text. Out: whether the text names it, which of several answers it names, whether two phrases name
the same speaker. Case, accents, punctuation, articles, ß/ss, thousands' marks, a decimal comma and small numbers in
words make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from rag.evaluation.matching import NUMBER_WORDS, normalise

_ARTICLES = frozenset("der die das den dem des ein eine einen einem einer eines the a an".split())
_FIGURES = {
    word: figure
    for figure, words in NUMBER_WORDS.items()
    for word in words.split()
    if word not in _ARTICLES and word not in {"on", "bir"}  # also a preposition, an article
}
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_FIGURES |= {word: str(figure) for figure, word in enumerate(_TEENS, 13)}
_TENS = {
    word: 10 * figure
    for figure, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[%$€£]")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")  # scripts that put no spaces between words
_HALF = 0.5
_WORDS = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
# Nouns that say that something was said; who said it stands behind them.
_SAYING = re.compile(
    r"^(?:angabe|aussage|auskunft|auskünfte|bericht|einschätzung|erklärung|information|meldung|meinung|mitteilung|ansicht"
    r"|quelle|dokument)\w*$"
)


def tokens(text: str) -> list[str]:
    """The words and figures of a text in their normal form, without articles."""
    decomposed = unicodedata.normalize("NFD", normalise(text))
    bare = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    found = [_figure(token) for token in _TOKEN.findall(bare)]
    return _joined([token for token in found if token not in _ARTICLES])


def _joined(words: Sequence[str]) -> list[str]:
    """The words with "twenty" and "twenty 4" as figures."""
    found: list[str] = []
    tens = 0
    for word in words:
        if tens and re.fullmatch("[1-9]", word):
            found[-1] = str(tens + int(word))
            tens = 0
            continue
        tens = _TENS.get(word, 0)
        found.append(str(tens) if tens else word)
    return found


def _figure(token: str) -> str:
    if not token[0].isdigit():
        return _FIGURES.get(token, token)
    grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", token)
    return re.sub(r"[.,]", "", token) if grouped else token.replace(",", ".")


def names(answer: str, text: str) -> bool:
    """Whether the text names the answer, word for word in the same order."""
    if _NO_SPACES.search(answer):
        return "".join(answer.split()) in "".join(text.split())
    wanted = tokens(answer)
    return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(tokens(text))} "


def names_any(answers: Sequence[str], text: str) -> bool:
    """Whether the text names one of them."""
    return any(names(answer, text) for answer in answers)


def same(one: str, other: str) -> bool:
    """Whether two answers are the same but for their spelling."""
    return tokens(one) == tokens(other) and bool(tokens(one))


def nearest(text: str, options: Sequence[str]) -> int | None:
    """Which of the options the text names: the longest that stands there word for word.

    Else the one of which most words stand there, at least half and more than of any other; None if there is none.
    """
    named = [at for at, option in enumerate(options) if names(option, text)]
    if named:
        return max(named, key=lambda at: len(tokens(options[at])))
    there = set(tokens(text))
    shares = [_share(tokens(option), there) for option in options]
    best = max(range(len(options)), key=shares.__getitem__, default=None)
    if best is None or shares[best] < _HALF or shares.count(shares[best]) > 1:
        return None
    return best


def _share(words: Sequence[str], there: set[str]) -> float:
    return sum(word in there for word in words) / len(words) if words else 0.0


def names_speaker(speaker: str, text: str) -> bool:
    """Whether the text names a speaker: by its last capitalised word, the name, or by more than half of it.

    "Die Polizei in Mombasa" needs "Mombasa" or most of the phrase. What an apposition or brackets add ("Ann Low,
    Leiterin des Amtes", "Tom Hill (CDU)") is no name; a noun that only tells that something was said ("Angaben")
    does not count. An ending of up to two letters makes no difference ("Merkels").
    """
    name = re.sub(r"\([^)]*\)", " ", speaker).split(",")[0]
    there = [normalise(word) for word in _WORDS.findall(text)]
    last = _capitalised(name)[-1:]
    if last and _held(last[0], there):
        return True
    words = _capitalised(speaker)
    return bool(words) and sum(_held(word, there) for word in words) > len(words) / 2


def _capitalised(phrase: str) -> list[str]:
    """The capitalised words of a phrase in their normal form, without articles and words for saying."""
    words = [normalise(word) for word in _WORDS.findall(phrase) if word[:1].isupper()]
    return [word for word in words if word not in _ARTICLES and not _SAYING.match(word)]


def _held(word: str, there: Sequence[str]) -> bool:
    return any(_inflected(word, other) for other in there)


def _inflected(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    slack = 2 if len(shorter) > 3 else 0
    return longer.startswith(shorter) and len(longer) - len(shorter) <= slack
