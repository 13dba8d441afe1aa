"""Words that several articles are likely to answer with -> the sides the articles take, where these differ.

In: a question, likely words (rag.spot), the sentences and articles they stand in, which articles the answer shows. Out:
groups of likely words. What most articles hold is the first side. Another article is a rival only if it does not hold
that, says something else of the kind asked for, and speaks of what was asked: of the same year, of the same edition, of
who is and not of who was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from rag.names import among, word_among
from rag.question import Kind, Question
from rag.reading import MOMENTS, PREPOSITIONS, read_sentence
from rag.recency import is_former, says_then
from rag.spot import Spot
from rag.types import Hit
from rag.words import is_content_word, stems_of, words

_LIKELY = 0.08  # how likely words must answer to be looked at
_SURE = 0.25  # how likely words of a single article must answer to be a side
_LONE = 0.6  # the same where the answer does not show the article, or many say otherwise
_LONE_TIME = 0.85  # the same for a date: more of what happened has one than what was asked for
_ABOUT = 0.25  # share of the question's words that an article must hold which is heard since it stands alone
_MANY = 4  # articles that tell the first side from which a single other one must be that sure
_HEARD = 0.1  # weight of a side, in that of the weightiest one, below which it is not heard
_SHORT = 2  # letters of a word that says little of a name: "Jr", "II"
_JOINED = 4  # letters from which words are looked for in others that are written as one: "#HarbourMuseum"

_YEAR = re.compile(r"(?<![\d.,])(?:1[5-9]|20)\d\d(?!\d)")
_MARK = re.compile(r"[;·|•\n]")
_ASIDE = re.compile(r"\([^()]*\)")
_OWNED = re.compile(r"(\w+)['’]s?\s+(\S+)\s+(\w+)")
_LETTERS = re.compile(r"[^\W\d_]+")
_PAST = re.compile(r"\b(?:was|were|did|war|waren)\b", re.IGNORECASE)
_PLACED = re.compile(r"\b(?:at|in|near|from|bei|beim|im|aus|zu)\s+(?:(?:the|der|dem)\s+)?$", re.IGNORECASE)
_SHORT_MONTHS = {name[:3] for name, key in MOMENTS.items() if key.startswith("month")} | {"sept"}
_VERBS = frozenset({"may", "march", "mar"})
_NUMBERED = re.compile(r"([^\W\d_]{2,})[\s-]+(\d{1,3}[a-z]?|[IVX]{1,6})(?![\w.:,]\d|\w|%)")


def opposed(
    question: Question,
    likely: Iterable[Spot],
    hits: Sequence[Hit],
    articles: Mapping[str, frozenset[str]],
    shown: Collection[str],
) -> list[list[Spot]]:
    """The sides that articles take, each with its likely words, surest first; empty if they agree.

    Args:
        question: what was asked.
        likely: words that are likely to answer, surest first.
        hits: all sentences that were looked through.
        articles: the stems of their articles, by id.
        shown: ids of the articles whose sentences the answer shows.
    """
    counted = [one for one in likely if one.surety >= _LIKELY and _counts(one, question, hits, articles)]
    if not counted:
        return []
    lead = max(counted, key=lambda one: _backing(one, counted))
    first = _first_of_each(one for one in counted if _are_alike(one, lead))
    holders = {one.hit.article_id for one in first}
    holders |= {id_ for id_, stems in articles.items() if _stands_in(lead, stems)}
    tellers = [one for one in first if not _is_vaguer(one, lead)]
    rivals = _grouped(counted, tellers, holders, articles)
    others = len(articles) - len(holders) if len(holders) > 1 else None
    lone = _LONE_TIME if question.kind is Kind.TIME else _LONE
    rivals = [
        side
        for side in rivals
        if side[0].surety >= lone
        or (
            others is not None and len(side) >= others and _is_about(question, side, articles)
        )  # none says neither
        or _is_heard(side, shown, len(tellers))
    ]
    found = [first, *rivals] if len(first) > 1 or lead.surety >= _SURE else rivals
    weights = [sum(one.surety for one in side) for side in found]
    kept = [side for side, weight in zip(found, weights, strict=True) if weight >= _HEARD * max(weights)]
    return kept if len(kept) > 1 else []


def _grouped(
    counted: Sequence[Spot],
    tellers: Sequence[Spot],
    holders: Collection[str],
    articles: Mapping[str, frozenset[str]],
) -> list[list[Spot]]:
    """What the articles that do not hold the first side say, of which nothing stands where that is told."""
    found: list[list[Spot]] = []
    heard = set(holders)
    told = [(one, stems_of(one.hit.text, one.hit.language)) for one in tellers]
    for one in counted:
        if one.hit.article_id in heard or _repeats(one, told, articles):
            continue
        heard.add(one.hit.article_id)
        side = next((side for side in found if _tell_alike(side[0], one, articles)), None)
        if side is None:
            found.append([one])
        else:
            side.append(one)
    return found


def _repeats(
    one: Spot, told: Sequence[tuple[Spot, frozenset[str]]], articles: Mapping[str, frozenset[str]]
) -> bool:
    """Whether words are no other side than those that are told, each with the stems of its sentence.

    They mean the same, or stand beside what is told: in one of its sentences or in half of its articles. A single
    article may name what others hold for the answer.
    """
    own = articles[one.hit.article_id]
    if any(
        _mean_alike(one, other) or _stands_in(other, own) or _stands_in(one, near) for other, near in told
    ):
        return True
    held = sum(_stands_in(one, articles[other.hit.article_id]) for other, _ in told)
    return 0 < len(told) <= 2 * held


def _is_heard(side: Sequence[Spot], shown: Collection[str], tellers: int) -> bool:
    """Whether a rival is heard beside `tellers` articles: two tell it, or one that the answer shows beside few."""
    is_shown = any(one.hit.article_id in shown for one in side)
    if len(side) > 1:
        return is_shown or side[0].surety >= _SURE
    return is_shown and side[0].surety >= (_LONE if tellers >= _MANY else _SURE)


def _is_about(question: Question, side: Sequence[Spot], articles: Mapping[str, frozenset[str]]) -> bool:
    """Whether each article of a side holds enough of the question's words to speak of the same."""
    asked = words(question.text, question.language)
    return all(
        sum(word_among(word, articles[one.hit.article_id]) for word in asked) >= _ABOUT * len(asked)
        for one in side
    )


def _first_of_each(found: Iterable[Spot]) -> list[Spot]:
    """The surest of each article."""
    best: dict[str, Spot] = {}
    for one in found:
        best.setdefault(one.hit.article_id, one)
    return list(best.values())


def _backing(spot: Spot, counted: Sequence[Spot]) -> float:
    """How sure all articles together are of these words; who says more than they do speaks for something else."""
    telling = (one for one in counted if one is spot or (_are_alike(one, spot) and not _is_vaguer(spot, one)))
    return sum(one.surety for one in _first_of_each(telling))


# --- spellings -------------------------------------------------------------------------------


def _are_alike(one: Spot, other: Spot) -> bool:
    """Whether words are spellings of one answer: "Berger" and "Anna Berger"."""
    return _stands_in(one, other.stems) or _stands_in(other, one.stems)


def _is_vaguer(one: Spot, other: Spot) -> bool:
    """Whether a date says less than another one that it is a part of: "September" beside "September 20"."""
    dated = any(stem[0].isdigit() for stem in other.stems)
    return dated and not _stands_in(other, one.stems)


def _tell_alike(one: Spot, other: Spot, articles: Mapping[str, frozenset[str]]) -> bool:
    """Whether words mean the same, or one of them stands in the article of the other."""
    if _mean_alike(one, other):
        return True
    return _stands_in(one, articles[other.hit.article_id]) or _stands_in(other, articles[one.hit.article_id])


def _mean_alike(one: Spot, other: Spot) -> bool:
    """Whether words are written as one in the other, or are parts of the same date or number."""
    first, second = sorted((_joined(one.text), _joined(other.text)), key=len)
    if len(first) >= _JOINED and first in second:
        return True
    figures, others = _values(one), _values(other)
    if figures and figures == others:
        return True
    return not (figures and others) and bool(_months(one.text) & _months(other.text))


def _joined(text: str) -> str:
    """The letters and digits of a text."""
    return re.sub(r"\W+", "", text).casefold()


def _values(spot: Spot) -> frozenset[float]:
    """What its numbers say, in figures or words."""
    found = read_sentence(spot.text, spot.hit.language).quantities
    return frozenset(one.value for one in found if one.kind != "moment")


def _months(text: str) -> frozenset[str]:
    """The first letters of the months and days in a text, which tell them apart."""
    return frozenset(word.casefold()[:3] for word in _LETTERS.findall(text) if _is_moment(word))


def _stands_in(spot: Spot, stems: frozenset[str]) -> bool:
    """Whether words stand among stems: all of their figures, else more than half of them in any spelling."""
    figures = [stem for stem in spot.stems if stem[0].isdigit()]
    if figures:
        return all(stem in stems for stem in figures)
    weighty = [stem for stem in spot.stems if len(stem) > _SHORT] or list(spot.stems)
    held = sum(among(stem, stems) for stem in weighty)
    return 2 * held > len(weighty)


# --- what counts -----------------------------------------------------------------------------


def _counts(
    spot: Spot, question: Question, hits: Sequence[Hit], articles: Mapping[str, frozenset[str]]
) -> bool:
    """Whether likely words can be a side: their sentence speaks of what was asked, and they are of its kind."""
    before, behind = spot.hit.text[: spot.start], spot.hit.text[spot.end :]
    if all(word.stem[0].isdigit() for word in words(f"{before} {behind}", spot.hit.language)):
        return False  # a date above a text, a heading: nothing is said of it
    if not _is_of_year(spot, question, articles[spot.hit.article_id]) or _is_another(spot, question):
        return False
    if is_former(spot.hit.text, spot.start, spot.end) and not _asks_then(question):
        return False
    if question.kind is Kind.TIME:
        return tells_time(spot.text) and not _is_of_part(spot, question)
    return question.kind is not Kind.PERSON or _could_be_person(spot, question, hits)


def _is_of_year(spot: Spot, question: Question, article: frozenset[str]) -> bool:
    """Whether a sentence speaks of the years in the question and no other one; what stands aside does not count."""
    asked = set(_YEAR.findall(question.text))
    if not asked:
        return True
    own = set(_YEAR.findall(spot.text)) - asked
    for text in (_part(spot), spot.hit.text):
        said = set(_YEAR.findall(_ASIDE.sub(" ", text))) - own
        if said:
            return said <= asked
    published = {str(spot.hit.published.year)} if spot.hit.published else set()
    return bool(asked & (article | published))


def _asks_then(question: Question) -> bool:
    return says_then(question.text) or _PAST.search(question.text) is not None


def _part(spot: Spot) -> str:
    """The part of the sentence that likely words stand in, where it is a table or a list in one line."""
    text = spot.hit.text
    start = max((mark.end() for mark in _MARK.finditer(text, 0, spot.start)), default=0)
    end = _MARK.search(text, spot.end)
    return text[start : end.start() if end else len(text)]


def _is_of_part(spot: Spot, question: Question) -> bool:
    """Whether something of what was asked about comes before words: "Orion 2's free add-on appears in May"."""
    asked = stems_of(question.text, question.language)
    for match in _OWNED.finditer(spot.hit.text, 0, spot.start):
        owner, *owned = (stems_of(word, spot.hit.language) for word in match.groups())
        if owner and owner <= asked and not any(asked & stems for stems in owned):
            return True
    return False


def _is_another(spot: Spot, question: Question) -> bool:
    """Whether a sentence numbers what the question does not, or otherwise: another season, another model."""
    said = _numbers(f"{spot.hit.text[: spot.start]} … {spot.hit.text[spot.end :]}")
    asked = _numbers(question.text)
    held = set(_LETTERS.findall(question.text.casefold()))
    language = spot.hit.language
    return any(
        word in held
        and is_content_word(word, language)
        and not _is_moment(word)
        and not numbers <= asked.get(word, set())
        for word, numbers in said.items()
    )


def _numbers(text: str) -> dict[str, set[str]]:
    """Words with the numbers behind them, days of a month aside: {"season": {"4"}}."""
    found: dict[str, set[str]] = {}
    for match in _NUMBERED.finditer(text):
        behind = _LETTERS.match(text, match.end() + 1)
        if behind is None or not _is_moment(behind[0]):
            found.setdefault(match[1].casefold(), set()).add(match[2].casefold())
    return found


def tells_time(text: str) -> bool:
    """Whether words name a year, a month or a day; a bare number may be anything."""
    return _YEAR.search(text) is not None or any(map(_is_moment, _LETTERS.findall(text)))


def _is_moment(word: str) -> bool:
    """Whether a word is the name of a month or day, perhaps of a month cut short; a verb in small letters is none."""
    lowered = word.casefold()
    return word not in _VERBS and (lowered in MOMENTS or lowered in _SHORT_MONTHS)


def _could_be_person(spot: Spot, question: Question, hits: Sequence[Hit]) -> bool:
    """Whether words can name somebody: two of them, or one that ends a longer name in one of the sentences.

    What stands behind "at" or "in" is a place; what stands behind a name that was asked about belongs to that.
    """
    own = _LETTERS.findall(spot.text)
    if not own or own[0].lower() in PREPOSITIONS or _PLACED.search(spot.hit.text[: spot.start]):
        return False
    if _names_another(spot, question):
        return False
    if len(own) > 1:
        return True
    full = re.compile(rf"\b([^\W\d_a-zäöüß][\w.'’-]*)\s+{re.escape(own[0])}(?!\w)(?!\s+[^\W\d_a-zäöüß])")
    asked = {word.casefold() for word in _LETTERS.findall(question.text)}
    return any(
        is_content_word(found[1], hit.language) and not asked & set(_LETTERS.findall(found[1].casefold()))
        for hit in hits
        for found in full.finditer(hit.text)
    )


def _names_another(spot: Spot, question: Question) -> bool:
    """Whether words open a name that ends like one asked about: "Golden Arm Award" beside "Silver Foot Award"."""
    behind = re.match(r"\s([^\W\d_a-zäöüß]\w*)", spot.hit.text[spot.end :])
    asked = {word.stem for word in words(question.text, question.language) if word.name}
    return behind is not None and not asked.isdisjoint(stems_of(behind[1], spot.hit.language))
