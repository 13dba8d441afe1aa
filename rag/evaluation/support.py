"""Do the names and numbers of a statement stand in what it cites? And in which language is it written?

Rough and deterministic, without a model: numbers must stand in the cited quotes or in the question; names
too, or in the sentence before a quote (where the name a pronoun stands for is) or at the head of the article.
Spellings of one name in several languages come from the fact file's `names`; others are compared
by sound. In: a statement, its context, the name groups; out: what is not supported.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from rag.evaluation.matching import NUMBER_WORDS, blank_out, normalise, stands, without_marks
from rag.types import Article, Citation, Statement

ALIKE = 0.7  # least similarity of two sound keys of one name
_MIN_WORDS_TO_JUDGE = 5

_WORD = re.compile(r"\w+(?:['’]\w+)?")  # noqa: RUF001 - both apostrophes occur
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
# Quotation marks may stand inside quotation marks.
_QUOTED = re.compile(r"„(?:“[^“”]*”|[^“”])*[“”]|“(?:“[^“”]*”|[^“”])*”|«[^»]*»|»[^«]*«|\"[^\"]*\"")

_FUNCTION_WORDS = {
    "de": "der die das und nicht ist war mit von dass ein eine einen den dem des sich auf für wurde haben zu "
    "im sie er es auch nach an bei als wird werden sind dies",
    "en": "the and not is was with of that a an to in for on has have be are were by as his its their it "
    "this at from he she they will would between",
    "fr": "le la les et ne pas est était avec de des que un une du dans pour sur ont a au aux par se ce il "
    "elle l d n qu son sa ses en cette entre",
    "tr": "ve bir bu ile için değil olarak olduğunu da de ise gibi kadar sonra önce tarafından göre ancak "
    "olan etti dedi söyledi arasında yer aldı",
    "ru": "и не в на с что это для по из был была было были как от за к о он она они его их а но после",
}
_CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ",
        "a b v g d e s s i i k l m n o p r s t u f k s k s s _ i _ e iu ia i i e g".split(),
        strict=True,
    )
)
_SOUNDS = (
    ("shch", "s"), ("tsch", "k"), ("sch", "s"), ("zh", "s"), ("sh", "s"), ("ch", "k"), ("kh", "k"),
    ("tz", "s"), ("ts", "s"), ("ph", "f"), ("ou", "u"), ("ck", "k"), ("w", "v"), ("y", "i"), ("j", "i"),
    ("z", "s"), ("c", "k"), ("q", "k"), ("x", "ks"), ("h", ""), ("_", ""),
)  # fmt: skip


def sound(word: str) -> str:
    """A key that transliterations of a name share, or nearly: Latin, no accents, sibilants merged."""
    latin = "".join(_CYRILLIC.get(character, character) for character in normalise(word))
    bare = "".join(c for c in unicodedata.normalize("NFD", latin) if not unicodedata.combining(c))
    for pair, one in _SOUNDS:
        bare = bare.replace(pair, one)
    return re.sub(r"(.)\1+", r"\1", bare)


def unsupported(
    statement: Statement,
    *,
    articles: Mapping[str, Article],
    question: str,
    language: str,
    names: Mapping[str, Sequence[str]],
    terms: Mapping[str, Sequence[str]],
    exempt: Sequence[str],
) -> tuple[str, ...]:
    """What the statement says that its citations do not: names and numbers, as they are written.

    A name must stand near the quotes, a term (a translated word, such as a country) anywhere in the articles.
    `exempt` are forms already found proven elsewhere, such as the contents a fact requires.
    """
    if not statement.citations:
        return ("it has no citation",)
    text = blank_out(exempt, normalise(without_marks(statement.text)))
    cited = {c.article_id: articles[c.article_id] for c in statement.citations if c.article_id in articles}
    quotes = " ".join((*(citation.quote for citation in statement.citations), question))
    near = " ".join(
        (quotes, *(_around(cited[c.article_id], c) for c in statement.citations if c.article_id in cited))
    )
    anywhere = " ".join((quotes, *(f"{article.title} {article.text}" for article in cited.values())))
    faults = [f"number {n}" for n in sorted(_numbers(text) - _numbers(quotes, words=True))]
    for groups, context in ((names, near), (terms, anywhere)):
        for group in groups.values():
            mentioned = stands(group, text)
            if mentioned and not stands(group, context):
                faults.append(f"name {mentioned}")
    known = (*exempt, *(form for groups in (names, terms) for group in groups.values() for form in group))
    strange = _strange_names(without_marks(statement.text), language, known, anywhere)
    return (*faults, *(f"name {word}" for word in strange))


def _around(article: Article, citation: Citation) -> str:
    """Title, first sentence and the sentence before the quote."""
    before = [s for s in article.sentences if s.end <= citation.start]
    picked = {*article.sentences[:1], *before[-1:]}
    return " ".join((article.title, *(article.text[s.start : s.end] for s in picked)))


def _numbers(text: str, *, words: bool = False) -> set[str]:
    """Numbers in digits; with `words`, small ones in words as well."""
    found = {number.replace(",", ".").strip(".") for number in _NUMBER.findall(text)}
    if words:
        tokens = set(_WORD.findall(normalise(text)))
        found |= {
            digits
            for digits, forms in NUMBER_WORDS.items()
            if not tokens.isdisjoint(normalise(forms).split())
        }
    return found


def _strange_names(text: str, language: str, known: Sequence[str], source: str) -> list[str]:
    """Capitalised words that are part of no known form and sound like nothing in the source."""
    candidates = _name_candidates(text, language)
    if not candidates:
        return []
    rest = set(_WORD.findall(blank_out(known, normalise(text))))
    heard = {sound(word) for word in _WORD.findall(source)} - {""}
    return [word for word in candidates if normalise(word) in rest and not _is_heard(sound(word), heard)]


def _name_candidates(text: str, language: str) -> list[str]:
    """Capitalised words that could be names.

    A German noun is capitalised too, so a German name counts only behind another capitalised word ("Kanzler
    Meier"); elsewhere every capitalised word inside a sentence counts.
    """
    words = list(_WORD.finditer(text))
    found = []
    for previous, word in zip(words, words[1:], strict=False):
        between = text[previous.end() : word.start()]
        if not word[0][0].isupper() or len(word[0]) < 3 or re.search(r"[.!?:;„“”\"«»\n]", between):
            continue
        if language == "de" and not (previous[0][0].isupper() and between.isspace()):
            continue
        found.append(word[0])
    return found


def _is_heard(key: str, heard: set[str]) -> bool:
    if len(key) < 2 or key in heard:
        return True
    for other in heard:
        if min(len(key), len(other)) >= 4 and (key in other or other in key or key[:5] == other[:5]):
            return True
        if SequenceMatcher(None, key, other).ratio() >= ALIKE:
            return True
    return False


def wrong_language(text: str, language: str) -> str:
    """The language a text is written in, if it is surely another one than `language`; empty otherwise.

    Counts function words outside quotation marks. Too short a text, or one in a language without a list
    here, is not judged.
    """
    words = re.findall(r"[^\W\d_]+", normalise(_QUOTED.sub(" ", without_marks(text))))
    if language not in _FUNCTION_WORDS or len(words) < _MIN_WORDS_TO_JUDGE:
        return ""
    counts = {code: sum(word in listed for word in words) for code, listed in _LISTED.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] >= counts[language] + 2 and counts[best] >= 2 * counts[language] else ""


_LISTED = {code: frozenset(normalise(words).split()) for code, words in _FUNCTION_WORDS.items()}
