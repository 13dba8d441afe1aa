"""A question and the sentences that answer it -> the words in them that do.

The model never writes a quote. Where a few words answer, it copies them; whatever it writes is looked up in the
sentences it was given, and what does not stand there is dropped.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.glossary import terms
from rag.prompts import load_prompt
from rag.types import Article, ChatModel, Hit, Piece, Usage
from rag.words import is_content_word, is_german_noun, words


@dataclass(frozen=True, slots=True)
class Item:
    """Words of one sentence: `article.text[start:end] == text`.

    `certainty` (0..1) is the geometric mean probability of the tokens that copied them and of one sure token, of the
    surest copy where several became one; 1.0 where the model does not tell.
    """

    text: str
    start: int
    end: int
    hit: Hit
    certainty: float = 1.0


def copy(question: str, hits: Sequence[Hit], llm: ChatModel) -> tuple[list[Item], Usage]:
    """The words of these sentences that answer the question, each found again where it stands.

    Raises:
        ModelError: the model did not answer.
    """
    text = " ".join(one_line(hit.text) for hit in hits)
    turns = load_prompt("copy").fill({"sentences": text, "question": question})
    pieces = list(llm.stream(turns, max_tokens=24 + 24 * len(hits)))
    items: dict[tuple[str, int, int], Item] = {}
    for copied, certainty in _copied(pieces):
        found = anchor(copied, hits) if _says_something(copied) else None
        if found is not None and not _is_asked(copied, question, found[0].language):
            hit, start, end = found
            widened = _with_signs(_closed(_widened(item(hit, start, end, certainty))))
            items.setdefault((hit.article_id, start, end), widened)
    return _joined(list(items.values())), pieces[-1].usage or Usage()


def _says_something(words: str) -> bool:
    """Whether there is more than function words and lone letters to look for."""
    return any(len(word) > 2 or word.isdigit() or word.isupper() for word in re.findall(r"\w+", words))


def _is_asked(copied: str, question: str, language: str) -> bool:
    """Whether the question itself has all the content words that were copied: those do not answer it."""
    own = {word.stem for word in words(copied, language)}
    return bool(own) and own <= {word.stem for word in words(question, language)}


def _copied(pieces: Sequence[Piece]) -> Iterator[tuple[str, float]]:
    """What the model wrote between semicolons or line ends, each with its certainty, see `Item`."""
    copied = ""
    logprobs: list[float] = [0.0]
    for piece in pieces:
        for part in re.split(r"([;\n])", piece.text):
            if part in {";", "\n"}:
                yield copied, math.exp(sum(logprobs) / len(logprobs))
                copied, logprobs = "", [0.0]
            elif part:
                copied += part
                logprobs.append(piece.logprob or 0.0)
    yield copied, math.exp(sum(logprobs) / len(logprobs))


_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"), ("„", "“"), ("«", "»"), ("»", "«"))


def _closed(one: Item) -> Item:
    """The item with the bracket or quotation mark that closes what it opens, where that stands right behind it."""
    text, at = one.hit.text, one.end - one.hit.start
    if any(text[at : at + 1] == end and one.text.count(begin) > one.text.count(end) for begin, end in _PAIRS):
        return item(one.hit, one.start, one.end + 1, one.certainty)
    return one


_SIGN_BEFORE = re.compile(r"(?<![^\W_])[A-Z]{0,3}([^\w\s])\s?$")
_SIGN_BEHIND = re.compile(r"\s?([^\w\s])(?!\s?\d)")


def _with_signs(one: Item) -> Item:
    """The item with the sign of its first or last number, which words alone lose: "$25", "US$ 25", "25 %", "25 €"."""
    text, start, end = one.hit.text, one.start - one.hit.start, one.end - one.hit.start
    before = _SIGN_BEFORE.search(text[:start]) if text[start].isdigit() else None
    if before and unicodedata.category(before[1]) == "Sc":
        start = before.start()
    behind = _SIGN_BEHIND.match(text, end) if text[end - 1].isdigit() else None
    if behind and (behind[1] in "%‰°" or unicodedata.category(behind[1]) == "Sc"):
        end = behind.end()
    return item(one.hit, one.hit.start + start, one.hit.start + end, one.certainty)


_TOKEN = re.compile(r"\s*(\w[\w'’-]*)")
_FOLLOWING = 5  # words that may stand between a possessor and the name: "X's long-time personal adviser Y"


def _widened(one: Item) -> Item:
    """The item with the rest of a name that its copy left out.

    "X's adviser" becomes "X's adviser Y", "dreitägige" becomes "dreitägige Reise": words are added up to the
    last one that begins with a capital, as long as neither punctuation nor a function word comes between.
    """
    hit, text = one.hit, one.hit.text
    at = last = one.end - hit.start
    open_ended = _asks_for_more(one.text)
    for _ in range(_FOLLOWING if open_ended else 2):
        match = _TOKEN.match(text, at)
        if match is None or not is_content_word(match[1], hit.language):
            break
        if match[1][0].isupper():
            last = match.end()
        elif not open_ended:
            break
        at = match.end()
    return item(hit, one.start, hit.start + last, one.certainty)


def _asks_for_more(text: str) -> bool:
    """Whether words end in a possessive or in an adjective or number, so that their noun is still to come."""
    end = text.split()[-1]
    possessive = end[0].isupper() and end[-1] in "s'’" and len(end) > 3
    return possessive or end[0].islower() or end[-1].isdigit()


def item(hit: Hit, start: int, end: int, certainty: float = 1.0) -> Item:
    """The item at `start`..`end` of the article, inside the sentence `hit`."""
    return Item(hit.text[start - hit.start : end - hit.start], start, end, hit, certainty)


def whole(hit: Hit) -> Item:
    """The whole sentence as an item."""
    return item(hit, hit.start, hit.end)


_GIVEN = r"[^\W\d_a-zß-öø-ÿа-яё][\w'’-]*[^\W\d_A-ZÄÖÜ]"  # "Anna", "Jean-Luc"; no abbreviation in capitals


def is_lone_name(one: Item) -> bool:
    """Whether a single word was copied that is likely somebody's surname: no place or day, no German common noun."""
    language = one.hit.language
    if not re.fullmatch(r"[^\W\d_][\w'’-]+", one.text) or one.text[0] == one.text[0].lower():
        return False
    return not terms(one.text, language) and not _is_common(one.text, language)


def in_full(one: Item, article: Article) -> Item | None:
    """Where the same article first gives a name that was copied as one word with those before it: "Roth", "Anna Roth".

    None for anything but a lone name, and where it stands by itself everywhere. Days, places and German common nouns
    before a name are no part of it.
    """
    if not is_lone_name(one):
        return None
    for start, end in _in_full(one.text, article.text, article.language):
        for sentence in article.sentences:
            if sentence.start <= start and end <= sentence.end:
                place = {
                    "start": sentence.start,
                    "end": sentence.end,
                    "first": sentence.n,
                    "last": sentence.n,
                }
                text = article.text[sentence.start : sentence.end]
                return item(one.hit.model_copy(update=place | {"text": text}), start, end, one.certainty)
    return None


def in_full_elsewhere(one: Item, hits: Sequence[Hit]) -> Item | None:
    """The same in sentences of other articles about the question, if those that give the name begin it alike."""
    if not is_lone_name(one):
        return None
    found = [
        item(hit, hit.start + start, hit.start + end, one.certainty)
        for hit in hits
        for start, end in _in_full(one.text, hit.text, hit.language)
    ]
    return found[0] if len({other.text.split()[0] for other in found}) == 1 else None


def _in_full(name: str, text: str, language: str) -> Iterator[tuple[int, int]]:
    """Where a text gives a surname with what may be the names before it."""
    pattern = (
        rf"(?<![\w'’-])(?!\w+['’]s\s)({_GIVEN}\s+(?:[^\W\d_]\.\s+|{_GIVEN}\s+)?){re.escape(name)}(?![\w-])"
    )
    for found in re.finditer(pattern, text):
        if _is_given(found[1], language):
            yield found.span()


def _is_given(before: str, language: str) -> bool:
    """Whether what stands before a surname may be names too."""
    return not terms(before, language) and all(
        not _is_common(word, language)
        and (word[-1] == "." or (word[0] != word[0].lower() and is_content_word(word, language)))
        for word in before.split()
    )


def _is_common(word: str, language: str) -> bool:
    return language == "de" and any(is_german_noun(one) for one in words(word, language))


def one_line(text: str) -> str:
    """The text without line ends, so that it cannot pose as another sentence."""
    return " ".join(text.split())


def anchor(words: str, hits: Sequence[Hit]) -> tuple[Hit, int, int] | None:
    """Where `words` stand in the sentences: (sentence, start, end) in its article, None if nowhere."""
    for pattern in _patterns(words):
        for hit in hits:
            match = pattern.search(hit.text)
            if match:
                return hit, hit.start + match.start(), hit.start + match.end()
    return None


def _patterns(words: str) -> Iterator[re.Pattern[str]]:
    """The words as they stand, then without their first or last one, which a small model likes to bend."""
    parts = re.findall(r"\w+", words)
    if not parts:
        return
    yield _pattern(parts)
    if len(parts) > 1:
        yield _pattern(parts[1:])
    if len(parts) > 2:
        yield _pattern(parts[:-1])


def _pattern(parts: Sequence[str]) -> re.Pattern[str]:
    spelled = (re.escape(part).replace("ß", "ss").replace("ss", "(?:ss|ß)") for part in parts)
    return re.compile(r"(?<!\w)" + r"[\W_]{1,4}".join(spelled) + r"(?!\w)", re.IGNORECASE)


# No comma: what stands behind one may as well explain the item as add another.
_LISTED = r"(?:;|\b(?:und|sowie|oder|noch|and|or|nor|et|ou|ni|y|e|ed|ve|veya|и|или|en|i|oraz)\b)"
_MORE_BEHIND = re.compile(
    rf"\s*{_LISTED}\s+(?:\w{{1,3}}\s+)?(?:[a-zäöüß]+\s+)?(?=(?P<next>[^\W\d_a-zäöüß]\w+))"
)
_MORE_BEFORE = re.compile(rf"(?P<next>[^\W\d_a-zäöüß][\w-]+)\s*{_LISTED}\s+(?:\w{{1,3}}\s+)?$")


def is_complete(items: Sequence[Item]) -> bool:
    """Whether no list that an item stands in goes on, before or behind it, with something that was not copied."""
    return all(_stands_alone(one, items) for one in items)


def _stands_alone(one: Item, items: Sequence[Item]) -> bool:
    text, start, end = one.hit.text, one.start - one.hit.start, one.end - one.hit.start
    behind, before = _MORE_BEHIND.match(text, end), _MORE_BEFORE.search(text[:start])
    places = [match.start("next") + one.hit.start for match in (behind, before) if match]
    return all(
        any(other.hit == one.hit and other.start <= at < other.end for other in items) for at in places
    )


def _is_one_name(between: str, language: str) -> bool:
    """Whether what stands between two copied pieces belongs to one name: "X's" long-time adviser "Y" is one person."""
    found = re.findall(r"\w+|[^\w\s]", between)
    return len(found) <= _FOLLOWING and all(is_content_word(word, language) for word in found)


def _joined(items: Sequence[Item]) -> list[Item]:
    """Items in the order of the text; neighbours that nothing separates become one, overlapping ones too."""
    joined: list[Item] = []
    for one in sorted(items, key=lambda one: (one.hit.article_id, one.start)):
        last = joined[-1] if joined else None
        if last is not None and last.hit == one.hit:
            between = one.hit.text[max(0, last.end - one.hit.start) : one.start - one.hit.start]
            if one.start <= last.end or _is_one_name(between, one.hit.language):
                surest = max(last.certainty, one.certainty)
                joined[-1] = item(one.hit, last.start, max(last.end, one.end), surest)
                continue
        joined.append(one)
    return joined
