"""When what sentences say held, and whether a question asks for what holds now.

In: a question, sentences with the day their article was published. Out: whether the newest one is wanted, how far each
sentence lags behind the newest, and whether words name what somebody or something else has taken the place of. It rests
on closed classes of words of time and of change in German and English, nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from rag.question import Kind, Question
from rag.types import Hit, Side, Statement

_WEIGHT = 2.0  # log odds that a sentence loses in its first year; what is older loses with the square root of its age
_LONG = 3.0  # years from which more make no difference
_UNKNOWN = 1.5  # years that a sentence lags behind whose time nothing tells
_LONG_AFTER = timedelta(days=90)  # from which a report beside another one is named as earlier
_SECONDS = 365.25 * 24 * 3600  # of a year

_YEAR = re.compile(
    r"(?<![\d.,/$€£])(?P<year>(?:19|20)\d\d)(?:\s?[-–/]\s?(?P<until>(?:20)?\d\d)(?!-))?(?![\d%s]|[.,]\d)"
)
_NOW = re.compile(
    r"(?<!\w)(?:current(?:ly)?|latest|newest|(?:most )?recent(?:ly)?|presently|(?<=the )present(?= \w)|nowadays|now|"
    r"today|to date|so far|still|these days|reigning|incumbent|the last|"
    r"(?:this|last|past) (?:week|month|year|season|time)|"
    r"aktuell\w*|derzeit\w*|momentan\w*|gegenwärtig\w*|jetz(?:t|ig\w*)|heut(?:e|ig\w*)|zurzeit|zur zeit|"
    r"neue?ste\w*|jüngst\w*|zuletzt|kürzlich|neulich|bisher|amtierend\w*|immer noch|noch immer|"
    r"(?:diese[rmns]?|(?:vorige|vergangene|letzte)[rmns]?) (?:woche|monats?|jahr(?:es)?|saison|mal)|"
    r"(?:der|die|das|den|dem|des) letzten?)(?!\w)",
    re.IGNORECASE,
)
_REPORTED = re.compile(
    r"\b(?:dass|daß|ob|whether|(?:sa(?:y|ys|id)|claim(?:s|ed)?|state[sd]?|declare[sd]?|explain(?:s|ed)?|announce[sd]?|"
    r"warn(?:s|ed)?|argue[sd]?|told|den(?:y|ies|ied)) that)\b",
    re.IGNORECASE,
)
_THEN = re.compile(
    r"\b(?:former(?:ly)?|first|ex|previous(?:ly)?|original(?:ly)?|ehemalig\w*|früher\w*|erste[nrsm]?|vorherig\w*|"
    r"ursprünglich\w*|einst\w*|damal\w*)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"(?<!\w)(?:(?P<present>is|are|has|have|does|do|ist|sind|hat|haben)|"
    r"was|were|did|had|will|war|waren|hatten?|wurden?|wird|werden)(?!\w)",
    re.IGNORECASE,
)
_HOLDS = re.compile(
    r"\W*who (?!is\b|was\b|does\b)(?:\w+ly )?\w+s\b", re.IGNORECASE
)  # "Who leads", "Who holds"
_STATES = frozenset({Kind.PERSON, Kind.NAME, Kind.PLACE, Kind.NUMBER, Kind.OTHER})

# Words beside which stands who or what is no longer: "replaced Berger", "Nachfolger von Berger".
_NO_LONGER = (
    r"(?:former|formerly|ex|(?<=the )then|then(?=-)|previous|outgoing|ousted|ehemalige\w*|frühere\w*|damalige\w*|"
    r"einstige\w*|bisherige\w*|vorherige\w*|scheidende\w*)"
)
_TAKES_OVER = (
    r"(?:(?<!be )(?<!been )(?<!is )(?<!was )(?:(?:replac|supersed)(?:e[sd]?|ing)|succeed(?:s|ed|ing)?)(?! by| as| in)|"
    r"(?:takes?|taking|took|taken) over from|successor (?:of|to)|in place of|predecessors?|"
    r"nachfolger(?:in)? (?:von|des|der)|nachfolge (?:von|des|der)|(?:folgte?|gefolgt) auf|vorgänger(?:in|s)?|"
    r"ersetzte?|beerbte?|anstelle (?:von|des|der))"
)
_BEFORE = re.compile(
    rf"(?:\b{_NO_LONGER}\W+(?:\w+\W+){{0,4}}|\b{_TAKES_OVER}\W+(?:\w+\W+){{0,3}})$", re.IGNORECASE
)
_BEHIND = re.compile(
    rf"^\W*(?:(?:(?:the|a|der|die|ein|eine)\W+)?{_NO_LONGER}\b|(?<=, )then (?=the\b|\w+ of\b)|"
    r"(?:(?:is|was|has been|had been|being|will be|to be)\W+)?(?:replaced|succeeded|superseded) (?:by|as|in)\b|"
    r"(?:wird|wurde|worden|ist)\W+(?:\w+\W+){0,5}?(?:abgelöst|ersetzt)\b)",
    re.IGNORECASE,
)


# "löst Berger als Leiter ab" stands around its object.
_RELIEVES = re.compile(r"\blöste?\W+(?:\w+\W+){0,2}$", re.IGNORECASE)
_RELIEVED = re.compile(r"^[^.!?]*?\bab\b", re.IGNORECASE)


class _Dated(Protocol):
    """What carries a title and the day of its article."""

    @property
    def title(self) -> str: ...

    @property
    def published(self) -> datetime | None: ...


def asks_newest(question: Question) -> bool:
    """Whether a question asks for what holds now: by a word, or in the present tense; one of a year does not."""
    return _says_now(question) or _asks_present(question)


def _says_now(question: Question) -> bool:
    """Whether it holds "the current", "zuletzt" or the like; what stands in reported speech does not count.

    Sentences before the one that asks may tell of other years.
    """
    asking = question.asking
    main = question.text.removesuffix(asking) + _REPORTED.split(asking, maxsplit=1)[0]
    return bool(_NOW.search(main)) and not _YEAR.search(asking)


def _asks_present(question: Question) -> bool:
    """Whether it asks who or what something is, naming no time."""
    asking = question.asking
    verb = _VERB.search(asking)
    if question.kind not in _STATES or not (_HOLDS.match(asking) or (verb and verb["present"])):
        return False
    return not _YEAR.search(asking) and not says_then(asking)


def says_then(text: str) -> bool:
    """Whether words ask for who or what came before: "the former", "der erste"."""
    return _THEN.search(text) is not None


def lags(question: Question, hits: Sequence[Hit]) -> list[float]:
    """The log odds (0 or more) that each sentence loses against the newest; all 0 unless that is asked for."""
    times = _times(question, hits, [hit.text for hit in hits]) if asks_newest(question) else []
    newest = max((time for time in times if time), default=None)
    if newest is None:
        return [0.0] * len(hits)
    years = [(newest - time).total_seconds() / _SECONDS if time else _UNKNOWN for time in times]
    return [_WEIGHT * math.sqrt(min(age, _LONG)) for age in years]


def ages(question: Question, sides: Sequence[Side]) -> list[datetime | None]:
    """When each side of a disagreement held last, None where nothing tells."""
    cited = [one for side in sides for one in side.citations]
    times = iter(_times(question, cited, [one.quote for one in cited]))
    own = [[time for _, time in zip(side.citations, times, strict=False) if time] for side in sides]
    return [max(times_of, default=None) for times_of in own]


def is_settled(question: Question, sides: Sequence[Side]) -> bool:
    """Whether the first side is newer than all others, by a day, where what holds now is asked for."""
    if not asks_newest(question):
        return False
    first, *others = [time.date() if time else None for time in ages(question, sides)]
    return first is not None and all(other is not None and other < first for other in others)


def earlier(question: Question, statements: Sequence[Statement]) -> list[date | None]:
    """The last day of what each statement cites if what holds now is asked for and another was told long after it."""
    times = [
        max((one.published for one in told.citations if one.published), default=None) for told in statements
    ]
    newest = max((time for time in times if time), default=None)
    if newest is None or not asks_newest(question):
        return [None] * len(statements)
    return [time.date() if time and newest - time > _LONG_AFTER else None for time in times]


def _times(question: Question, sources: Sequence[_Dated], texts: Sequence[str]) -> list[datetime | None]:
    """When what each source says held: when its article was published.

    Where that is not known, the latest year in its words or title tells, if the question says that it asks for now; a
    year after the newest article tells of plans.
    """
    dates = [one.published for one in sources]
    if not _says_now(question):
        return dates
    newest = max((day for day in dates if day), default=None)
    until = newest.year if newest else None
    return [
        one.published or _latest_year(f"{one.title}\n{text}", until)
        for one, text in zip(sources, texts, strict=True)
    ]


def _latest_year(text: str, until: int | None) -> datetime | None:
    """The middle of the latest year named up to `until`, None where none is."""
    years = [year for year in map(_last_of, _YEAR.finditer(text)) if until is None or year <= until]
    return datetime(max(years), 7, 1, tzinfo=UTC) if years else None


def _last_of(match: re.Match[str]) -> int:
    """The second of two years that follow each other, as in "2022-23", else the first."""
    first, until = int(match["year"]), match["until"]
    return first + 1 if until and str(first + 1).endswith(until) else first


def is_former(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is what is no longer: behind "former" or "replaced", before "was succeeded by"."""
    before, behind = text[:start], text[end:]
    if _RELIEVES.search(before) and _RELIEVED.search(behind):
        return True
    return bool(_BEFORE.search(before) or _BEHIND.search(behind))
