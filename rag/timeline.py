"""Article -> its dated events: which sentence names which day, month or year.

In: an article with its sentences. Out: `When`, in the order of the text. Dates that stand in full are read; weekdays,
"yesterday" and days without a year are counted from the article's own date where only one reading is safe, and are left
as they stand everywhere else. German and English, by rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rag.types import Article

_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "januar jänner january jan", "februar february feb", "märz march mar", "april apr", "mai may",
            "juni june jun", "juli july jul", "august aug", "september sept sep", "oktober october okt oct",
            "november nov", "dezember december dez dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: day
    for day, names in enumerate(
        (
            "montag monday", "dienstag tuesday", "mittwoch wednesday", "donnerstag thursday", "freitag friday",
            "samstag sonnabend saturday", "sonntag sunday",
        )
    )
    for name in names.split()
}  # fmt: skip
_NEAR = {"heute": 0, "today": 0, "gestern": -1, "yesterday": -1, "vorgestern": -2, "morgen": 1, "tomorrow": 1}

_VERBS = frozenset({"may", "march"})  # in small letters

_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_WEEKDAY = "|".join(_WEEKDAYS)
_DATE = re.compile(
    rf"(?P<iso>\b(?P<iy>\d{{4}})-(?P<im>\d\d)-(?P<id>\d\d)\b)"
    rf"|(?P<dotted>\b(?P<dd>\d{{1,2}})\.\s?(?P<dm>\d{{1,2}})\.\s?(?P<dy>\d{{4}})\b)"
    rf"|(?P<day_first>\b(?P<fd>\d{{1,2}})\.?\s+(?P<fm>{_MONTH})\b\.?(?:\s+(?P<fy>\d{{4}})\b)?)"
    rf"|(?P<month_first>\b(?P<mm>{_MONTH})\.?\s+(?P<md>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\.?\d)(?:,?\s+(?P<my>\d{{4}})\b)?)"
    rf"|(?P<month>\b(?P<om>{_MONTH})\s+(?P<oy>(?:19|20)\d\d)\b)"
    rf"|(?P<year>\b(?:im\s+Jahre?|(?P<bare>in)|seit|since)\s+(?P<yy>(?:1[5-9]|20)\d\d)\b)"
    rf"|(?P<weekday>\b(?:(?P<how>am|on|seit|bis|vergangenen|letzten|vorigen|last|kommenden|nächsten|next|jeden|every)\s+)?"
    rf"(?:(?P<how2>vergangenen|letzten|vorigen|kommenden|nächsten|diesen)\s+)?(?P<name>{_WEEKDAY})"
    r"(?P<part>morgen|vormittag|mittag|nachmittag|abend|nacht)?(?P<many>s|en)?\b)"
    r"|(?P<near>\b(?:heute|today|gestern|yesterday|vorgestern|tomorrow|morgen(?=\s+(?:früh|abend|nachmittag|wird|will|soll)))\b)",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:war|waren|wurde|wurden|hatte|hatten|kam|kamen|ging|gingen|gab|gaben|fand|fanden|sprach|nahm|nahmen|"
    r"hielt|traf|trafen|ließ|starb|starben|begann|stieg|fiel|zog|blieb|stand|lag|worden|was|were|had|said|held|met|went|came|took|made|began|won|lost|fell|rose|left|told|gave|broke|"
    r"[a-zäöüß]{3,}te(?:n|t)?|(?:hat|haben|ist|sind|has|have)\b[^.;]*\b(?:ge\w+|\w+(?:t|en|ed))|[a-z]{3,}ed)\b"
)
_FUTURE = re.compile(
    r"\b(?:wird|werden|will|wollen|soll|sollen|plant|planen|kommend\w*|nächst\w*|shall|plans?|going to)\b",
    re.IGNORECASE,
)
# "…, am Dienstag das Verfahren einzuleiten": what is to be done lies ahead of whoever said so.
_TO_BE_DONE = re.compile(r"[^,;:.]*\b(?:zu\s+[a-zäöüß]+n|[a-zäöüß]{2,}zu[a-zäöüß]{2,}en)\b", re.IGNORECASE)
# "seit dem Beginn des Krieges im Februar 2022", "since 2022": what the sentence tells is not of that date.
_SINCE = re.compile(
    r"\b(?:seit|since)\b(?!\s+(?:\w+\s+)?(?:jahren|monaten|wochen|tagen|stunden|langem|years|months|weeks|days)\b)"
    r"(?:(?!\b(?:und|and)\b)[^,;:.()])*$",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"„[^“”\"]*[“”\"]|“[^”]*”|\"[^\"]*\"|»[^«]*«|«[^»]*»")
_HALF_A_YEAR = 183


@dataclass(frozen=True, slots=True)
class When:
    """A date in a sentence: `article.text[start:end]` are its words.

    `date` is ISO 8601, as far as it goes ("2025-02-17", "2025-02", "2025"), and empty where the words do not tell
    safely.
    `resolved` says that it was counted from the article's own date.
    """

    sentence: int
    start: int
    end: int
    words: str
    date: str
    resolved: bool


def dated(article: Article) -> list[When]:
    """One date of every sentence that has some, in the order of the text: the first that is safe, else the first.

    A date since which something has lasted is none of what the sentence tells.
    """
    found = []
    for sentence in article.sentences:
        if sentence.heading:
            continue
        dates = sorted(
            _dates(article, sentence.n, sentence.start, sentence.end), key=lambda one: not one.date
        )
        if dates:
            found.append(dates[0])
    return found


def _dates(article: Article, n: int, start: int, end: int) -> Iterator[When]:
    text = article.text[start:end]
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    for match in _DATE.finditer(text):
        spoken = any(first <= match.start() < last for first, last in quoted)
        if (
            _SINCE.search(text[: match.start()])
            or _SINCE.match(match[0])
            or _is_none(match, article.language)
        ):
            continue
        told, resolved = _read(match, text, article, spoken)
        yield When(n, start + match.start(), start + match.end(), " ".join(match[0].split()), told, resolved)


def _is_none(match: re.Match[str], language: str) -> bool:
    """Whether what looks like a date is none: "up to 20 may have died", "in 1800 Metern"."""
    if (match["fm"] or match["mm"]) in _VERBS:
        return True
    counted = match["bare"] and language == "de" and re.match(r"\s[A-ZÄÖÜ]", match.string[match.end() :])
    return bool(counted)


def _read(match: re.Match[str], text: str, article: Article, spoken: bool) -> tuple[str, bool]:
    """(date, whether it was counted from the article's own)."""
    if match["iso"]:
        return _day(match["iy"], match["im"], match["id"]), False
    if match["dotted"]:
        return _day(match["dy"], match["dm"], match["dd"]), False
    if match["month"]:
        return f"{match['oy']}-{_MONTHS[match['om'].casefold()]:02}", False
    if match["year"]:
        return match["yy"], False
    published = article.published.date() if article.published else None
    for kind, day, month, year in (("day_first", "fd", "fm", "fy"), ("month_first", "md", "mm", "my")):
        if match[kind]:
            number = _MONTHS[match[month].casefold()]
            if match[year]:
                return _day(match[year], number, match[day]), False
            told = _nearest_year(match[day], number, published)
            return told, bool(told)
    if published is None or spoken:
        return "", False
    if match["near"]:
        told = _iso(published, timedelta(days=_NEAR[match["near"].casefold()]))
    else:
        told = _weekday(match, text, published)
    return told, bool(told)


def _weekday(match: re.Match[str], text: str, published: date) -> str:
    """The day a weekday means; empty where past and future, or this week and last, are both possible."""
    how = f"{match['how'] or ''} {match['how2'] or ''}".casefold().split()
    if match["many"] or {"jeden", "every", "seit", "bis"} & set(how):
        return ""
    back = (published.weekday() - _WEEKDAYS[match["name"].casefold()]) % 7
    if {"kommenden", "nächsten", "next"} & set(how):
        return _iso(published, timedelta(days=7 - back)) if "kommenden" in how and back else ""
    if {"letzten", "last", "vorigen"} & set(how):
        return ""  # of this week or of the one before
    if "vergangenen" in how:
        return _iso(published, timedelta(days=-(back or 7)))
    if not _PAST.search(text) or _FUTURE.search(text) or _TO_BE_DONE.match(text, match.end()):
        return ""
    return _iso(published, timedelta(days=-back))


def _nearest_year(day: str, month: int, published: date | None) -> str:
    """The date in the year that brings it nearest to the article's own, where that is clear."""
    if published is None:
        return ""
    years = (published.year - 1, published.year, published.year + 1)
    days = [date.fromisoformat(told) for year in years if (told := _day(str(year), month, day))]
    near = [one for one in days if abs((one - published).days) < _HALF_A_YEAR - 30]
    return near[0].isoformat() if len(near) == 1 else ""


def _day(year: str, month: int | str, day: str) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:  # the 31st of February is no date
        return ""


def _iso(published: date, apart: timedelta) -> str:
    try:
        return (published + apart).isoformat()
    except OverflowError:  # before year 1 or after 9999
        return ""
