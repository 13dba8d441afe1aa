"""The kind of answer a question names in so many words: "in which city", "in welchem Jahr", "how many minutes".

In: the text of a question; a sentence. Out: the words that only name the kind (`frame`), since no answer repeats them;
the kind itself (`answer_type`); whether a sentence holds anything of that kind (`lacks`). Answer types are those of Li
and Roth (2002) that can be told from the form of words: times, places, spans of time. It rests on closed word classes
of nine languages and on the names CLDR knows; where they do not suffice, nothing is said to be lacking.
"""

from __future__ import annotations

import re
from enum import StrEnum

from rag.glossary import terms
from rag.numerals import is_numeral
from rag.question import REQUEST
from rag.words import is_german_noun, words


class AnswerType(StrEnum):
    """What kind of thing a question says that it asks for."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    WEEKDAY = "weekday"
    CITY = "city"
    SPAN = "span"
    OTHER = "other"


_NOUNS: dict[AnswerType, str] = {
    AnswerType.YEAR: r"jahr(?:e[ns]?)?|years?|années?|años?|ann[oi]|yıl\w*|год\w*",
    AnswerType.MONTH: r"monat(?:e[ns]?)?|months?|mois|mes(?:es)?|mes[ei]|ay(?:da|ı\w*)?|месяц\w*",
    AnswerType.WEEKDAY: r"wochentag(?:e[ns]?)?|weekdays?|days? of the week",
    AnswerType.DAY: (
        r"(?:kalender)?tag(?:e[ns]?)?|datum|(?:calendar )?days?|dates?|jours?|días?|fechas?|giorn[oi]|dat[ae]|"
        r"gün\w*|tarih\w*|день|дн\w+|дат\w*"
    ),
    AnswerType.CITY: (
        r"(?:haupt)?st[aä]dte?n?|(?:capital )?cit(?:y|ies)|towns?|villes?|ciudad(?:es)?|città|şehir\w*|şehr\w*|kent\w*|"
        r"город\w*"
    ),
    AnswerType.OTHER: (
        r"land|ländern?|ort(?:e[ns]?)?|staat(?:en)?|dorf|region(?:en)?|gebäude|person(?:en)?|leute|tageszeit|uhrzeit|"
        r"zeitpunkt|jahrzehnt\w*|jahrhundert\w*|countr(?:y|ies)|places?|villages?|states?|regions?|persons?|people|"
        r"decades?|centur(?:y|ies)|pays|lieux?|endroits?|siècles?|país(?:es)?|lugar(?:es)?|paes[ei]|luogh?[oi]|"
        r"ülke\w*|стран\w*|мест\w*"
    ),
}
_UNITS = (
    r"sekunden|minuten|stunden|tagen?|wochen|monaten?|jahren?|seconds|minutes|hours|days|weeks|months|years|heures|"
    r"jours|semaines|mois|ans|minutos|horas|días|semanas|meses|años|minuti|ore|giorni|settimane|mesi|anni|dakika|saat|"
    r"gün|hafta|yıl|минут|часов|дней|недель|месяцев|лет"
)
_WHICH = r"(?:welche[mnrs]?|which|what|quel(?:le)?s?|qué|quale|quali|che|hangi|как\w+)"
_HOW_MANY = r"(?:wie ?viele?n?|how (?:many|much)|combien d[e'’]|cu[aá]nt[oa]s|quant[ei]|kaç|сколько)"
_TYPED = re.compile(
    "|".join(
        [rf"(?<!\w){_WHICH} (?P<{kind}>{nouns})(?!\w)" for kind, nouns in _NOUNS.items()]
        + [rf"(?<!\w){_HOW_MANY} ?(?P<span>{_UNITS})(?!\w)"]
    ),
    re.IGNORECASE,
)
_HOW_LONG = re.compile(
    r"(?<!\w)(?:wie lange|how long|combien de temps|cuánto tiempo|quanto tempo|ne kadar süre\w*|"
    r"сколько времени|как долго)(?!\w)",
    re.IGNORECASE,
)
_UNTIL = re.compile(
    r"\b(?:bis|seit|until|till|since|jusqu|depuis|hasta|desde|fino|kadar|beri|до|с)\b", re.IGNORECASE
)
# Words that ask for a name, a length of time or the newest state, or ask politely, without being part of what is asked
# about.
_ASKING = re.compile(
    r"(?<!\w)(?:heißt|heißen|hieß|hießen|heisst|hiess|lautete?n?|namens|s.appelle\w*|llama\w*|chiama\w*|зовут|звали|"
    r"называ\w+|dauerte?n?|gedauert|lasted|dur[eé]e?|duró|durò|sürdü|длил\w+)(?!\w)|"
    r"(?<!\w)(?:der |the |le |il |el )?names? (?:of|des|der|von)(?!\w)|"
    r"(?<!\w)(?:aktuell\w*|derzeit\w*|momentan\w*|gegenwärtig\w*|jetzig\w*|neueste\w*|jüngste\w*|current(?:ly)?|latest|"
    r"most recent(?:ly)?|recent(?:ly)?|nowadays|presently|actuel\w*|actual(?:mente)?|attual\w*|güncel|şu anda|"
    r"нынешн\w*|текущ\w*|сейчас)(?!\w)|"
    r"^\W*(?:hallo|hi|hello|guten tag)\b|"
    r"(?<!\w)(?:(?:kannst|könntest) du|(?:können|könnten) sie|weißt du|wissen sie)(?: mir| uns)?(?: bitte)?"
    r"(?: sagen| verraten| erklären)?(?=\s*[,:])|"
    r"(?<!\w)ich (?:wüsste|möchte|würde)(?: gerne?)? wissen(?=\s*[,:])|"
    r"(?<!\w)(?:(?:can|could|would) you (?:please )?tell me|do you know|i would like to know|i'd like to know)\b|"
    r"(?<!\w)(?:vielen dank|danke\w*|bitte|thanks|thank you|please|merci|teşekkürler|спасибо)\W*$|"
    r"(?<!\w)(?:did|does)\b.*(?P<last>(?<!\w)last)\W*$",
    re.IGNORECASE,
)


# What is measured, and may come in parts: "how many miles"; so may an average.
_MEASURED = (
    r"(?:\w*met(?:er|re)s?n?|miles?|meilen|feet|fuß|inch(?:es)?|zoll|yards?|\w*gramm?e?s?n?|tons?|tonnen?|pounds?|pfund|"
    r"\w*lit(?:er|re)s?n?|acres?|hektar|hectares?|percent|prozent|points?|punkte|degrees?|grad|dollars?|euros?|"
    r"\w*watts?|\w*bytes?)"
)
_COUNTED = re.compile(
    rf"(?<!\w)(?:how many|wie ?viele) (?!(?:{_UNITS}|{_MEASURED})(?!\w))"
    r"(?!.*\b(?:average|per|pro|im schnitt|durchschnittlich)\b)",
    re.IGNORECASE,
)


def asks_count(question: str) -> bool:
    """Whether a question asks how many of something that comes whole: 6.3 is no number of earthquakes."""
    return _COUNTED.search(question) is not None


def frame(question: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of the words that name not what a question is about but the kind of its answer."""
    typed = (match.span(match.lastgroup or 0) for match in _TYPED.finditer(question))
    asking = (match.span("last" if match["last"] else 0) for match in _ASKING.finditer(question))
    request = REQUEST.match(question)
    return (*typed, *asking, *([request.span()] if request else []))


def answer_type(question: str) -> AnswerType:
    """The kind of answer that a question names; `OTHER` where it names none that can be told by its form."""
    match = _TYPED.search(question)
    if match is None and _HOW_LONG.search(question):
        return AnswerType.SPAN
    return AnswerType(match.lastgroup) if match and match.lastgroup else AnswerType.OTHER


_YEAR = re.compile(
    r"(?<![\d.,])(?:1\d|20)\d\d(?![\d.,]?\d)|"
    r"\b(?:letzte|vergangene|vorige|diese|nächste|kommende|last|this|next|dernière|cette|pasado|scorso|geçen|bu)\w*"
    r" (?:jahr|year|année|año|anno|yıl)|"
    r"\b(?:vorjahr|jahr\w* (?:zuvor|danach)|years? (?:before|ago|later)|vor \w+ jahr)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)\d{1,2}\.\s?(?:\d{1,2}\.|[^\W\d])|\b\d{1,2}(?:st|nd|rd|th)?\b|\d{4}-\d\d-\d\d")
_RELATIVE_DAY = re.compile(
    r"\b(?:(?:vor)?gestern|heute|morgen|yesterday|today|tomorrow|hier|aujourd.hui|demain|ayer|hoy|mañana|ieri|oggi|"
    r"domani|dün|bugün|yarın|вчера|сегодня|завтра)\b",
    re.IGNORECASE,
)
# What makes a span of a unit, besides a number; "hours before" is none.
_AMOUNT = re.compile(
    r"eine?[mnrs]?|halb(?:e[mnrs]?)?|mehrere[nr]?|viele[nr]?|wenige[nr]?|einige[nr]?|paar|dutzende[nr]?|"
    r"hunderte[nr]?|tausende[nr]?|an?|half|several|few|many|dozens|hundreds|thousands|millions",
    re.IGNORECASE,
)
_BEFORE_UNIT = re.compile(
    r"(?P<amount>\w+)[\s-]*(?:(?:ganze[nr]?|volle[nr]?|weitere[nr]?|full|whole|more|of|and)\s+)?$",
    re.IGNORECASE,
)
_IN_ONE_WORD = frozenset({"ein", "halb", "mehr"})
# Stems of units of time, shortest unit first, perhaps in one word with their number: "dreistündig".
_SPANS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(rf"(?<!\w)(?P<amount>[^\W\d_]+?)?{stems}", re.IGNORECASE)
    for stems in (
        r"(?:sekund|second|segund|saniye|секунд)",
        r"(?:minut|minüt|dakika|минут)",
        r"(?:stund|stünd|hour|heure|hora|or[ae]\b|saat|час)",
        r"(?:tag|täg|day|jour|día|giorn|gün|дн|день)",
        r"(?:woche|wöch|week|semaine|seman|settiman|hafta|недел)",
        r"(?:monat|month|mois|mes|mesi|ay\b|месяц)",
        r"(?:jahr|jähr|year|ans?\b|année|año|ann[oi]|yıl|лет|год)",
    )
)
_PLACED = re.compile(
    r"\b(?:in|im|aus|nach|bei|from|at|to|near|à|de|en|da|di|a|в|из|под|près)\s+"
    r"(?P<place>(?:[^\W\d_][\w-]*\s?){1,5})",
    re.IGNORECASE,
)
_READ = frozenset("de en fr es it tr ru".split())  # languages whose times and places the patterns above know


def lacks(kind: AnswerType, sentence: str, language: str, question: str, asked_in: str) -> bool:
    """Whether a sentence holds nothing of that kind which the question did not hold already.

    Args:
        kind: what is asked for.
        sentence: where it should stand.
        language: that of the sentence, ISO 639-1; in others than the nine known ones nothing is said to be lacking.
        question: the text of the question.
        asked_in: its language.
    """
    if kind is AnswerType.OTHER or language not in _READ:
        return False
    if kind is AnswerType.YEAR:
        return not set(_YEAR.findall(sentence)) - set(_YEAR.findall(question))
    if kind is AnswerType.SPAN:
        told, asked = _spans(sentence, counted=language in {"de", "en"}), _spans(question)
        return not told & _near(asked) if asked else not told and not _UNTIL.search(sentence)
    found = {term.key for term in terms(sentence, language)} - {
        term.key for term in terms(question, asked_in)
    }
    if kind is AnswerType.CITY:
        return not any(key.startswith("city:") for key in found) and not _places(sentence, language, question)
    if kind is AnswerType.MONTH:
        return not (any(key.startswith("month:") for key in found) or _DATE.search(sentence))
    weekday = any(key.startswith("weekday:") for key in found) or _RELATIVE_DAY.search(sentence)
    return not (weekday or (kind is AnswerType.DAY and _DATE.search(sentence)))


def _spans(text: str, *, counted: bool = False) -> set[int]:
    """Which units of time stand in a text; `counted` ones only those with an amount before them."""
    return {n for n, unit in enumerate(_SPANS) for match in unit.finditer(text) if _is_span(match, counted)}


def _is_span(unit: re.Match[str], counted: bool) -> bool:
    if unit["amount"]:
        return unit["amount"].casefold() in _IN_ONE_WORD or is_numeral(unit["amount"])
    before = _BEFORE_UNIT.search(unit.string[: unit.start()]) if counted else None
    return not counted or (before is not None and _is_amount(before["amount"]))


def _is_amount(word: str) -> bool:
    return word[-1].isdecimal() or is_numeral(word) or _AMOUNT.fullmatch(word) is not None


def _near(units: set[int]) -> set[int]:
    """The same units and the next shorter and longer ones: how many minutes may be told in hours."""
    return {n + step for n in units for step in (-1, 0, 1)}


def _places(sentence: str, language: str, question: str) -> bool:
    """Whether a capitalised word that is no common noun stands where a place would: "in the capital Ljubljana"."""
    asked = question.casefold()
    behind = [match.span("place") for match in _PLACED.finditer(sentence)]
    return any(
        sentence[word.start].isupper()
        and sentence[word.start : word.end].casefold() not in asked
        and not (language == "de" and is_german_noun(word))
        and any(start <= word.start < end for start, end in behind)
        for word in words(sentence, language)
    )
