"""A sentence -> can it stand where the sentence before it is missing? Does it say that something is not settled?

In: one sentence with its language. Out: whether it points back ("Dies", "Daher", "Mit dieser Tafel"), goes on with what
somebody said before without naming who, holds half of a quotation, or leaves something open. German and English by
closed classes of words; in other languages by pronouns alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rag.reading import read_sentence

# First words that point back.
_BACK = frozenset(
    """er sie ihm ihr ihn ihnen sein seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres dies diese dieser
    dieses diesen diesem jene jener jenes letztere letzterer letzteres ersterer erstere beides solche solcher solches
    deren dessen denen dabei dadurch dafür dagegen daher damit danach daneben darauf daraufhin daraus darin daran
    darüber darum davon davor dazu deshalb deswegen demnach demzufolge dennoch trotzdem dort stattdessen
    hier hierbei hierzu hiervon hierfür hierdurch hieraus hiermit infolgedessen somit folglich ebenso
    gegenstand andererseits ansonsten sonst insofern insoweit
    he she it they his her hers its their theirs him both this these those such thus hence therefore otherwise
    similarly likewise consequently accordingly instead there
    il elle ils elles cela ce cette ces él ella ellos esto eso este esta lui lei loro questo questa
    он она оно они это этот эта bu o onlar""".split()
)
# First words that only join: a reader is not lost without what they join.
_JOINS = frozenset(
    """und oder aber doch jedoch denn so auch zudem außerdem allerdings hingegen ferner weiter weiterhin damals zuvor
    zunächst anschließend schließlich später vielmehr einerseits indes indessen unterdessen währenddessen schon
    wiederum zugleich demgegenüber gleichzeitig derweil ebenfalls beide beiden gleichwohl
    and but or so then also however moreover meanwhile afterwards later earlier nevertheless still yet furthermore
    finally mais et aussi pero y también ma e anche но и также ama ve ayrıca""".split()
)
# "Das" and "that" stand for something, unless a noun follows; "es" does, unless nothing is meant by it.
_DAS = re.compile(
    r"\W*(?:(?:Das|das)\s+(?![A-ZÄÖÜ„\d])(?!\w+e[nrs]?\s+[A-ZÄÖÜ])|[Tt]hat\s+(?:is|was|has|had|will|would|means)\b)"
)
_ES = re.compile(
    r"\W*es\s+(?!gibt|gab|gebe|wird|werden|wurde|wurden|handel|heißt|hieß|kam|kommt|bestehen|besteht|bleib|blieb|fehl|"
    r"müsse|müsste|sollen|soll|können|kann|sei\s+(?:zu|\w+,)|war(?:en)?\s+(?:die|der|das|ein)|sind|geht|ging)",
    re.IGNORECASE,
)
# "Mit dieser Tafel", "In diesem Fall", "After that": a preposition and a word that points. "In diesem Jahr" does not.
_POINTED = re.compile(
    r"\W*(?:an|auf|aus|bei|durch|für|gegen|in|mit|nach|neben|seit|über|um|unter|von|vor|wegen|während|zu|trotz|"
    r"at|after|before|by|during|for|from|in|of|on|since|to|under|with)\s+(?:dies(?:e[mnrs]?)?|jene[mnrs]|solche[mnrs]?|"
    r"ihm|ihr|ihnen|denen|this|that|these|those|him|them|such)\b"
    r"(?!\s+(?:Jahr|Monat|Woche|Sommer|Herbst|Winter|Frühling|Frühjahr|Tag|year|month|week|summer|spring|autumn))",
    re.IGNORECASE,
)
# "Die Stadt war zu Gesprächen darüber bereit", "Gründe hierfür sind": inside the first clause, where nothing before it
# can be meant, and no clause behind it says what is.
_POINTED_INSIDE = re.compile(
    r"[^,;:–—()]*?\b(?:hier(?:für|zu|von|bei|durch|auf|über|mit|aus|gegen)|da(?:für|von|rüber|gegen|raus|durch))"
    r"\b(?!.*,\s*(?:dass|daß|ob|wie|was|wer|wo|wann|warum)\b)(?!.*,.*\b(?:zu\s+\w+en|\w{2,}zu\w+en)\b)"
)
# "Im Mai wird sie nicht mehr antreten", "Laut der Agentur starb er": the subject behind the verb stands for somebody.
_SUBJECT_BEHIND = re.compile(
    r"[^,;:–—()„“”\"»«]*?\s(?:ist|war|hat|hatte|wird|wurde|will|wollte|soll|sollte|kann|konnte|muss|musste|darf|durfte|sei|habe|"
    r"werde|kam|ging|starb|sprach|trat|gab|nahm|fand|stand|lag|blieb|ließ|schrieb|verstarb|galt|[a-zäöüß]{2,}te)n?\s+"
    r"(?:er|sie|ihm|ihn|ihnen)\b(?!\s*,)"
)
# Behind the finite verb a word that joins says the same: "Er erklärte daraufhin", "Die Bahn streikt ebenfalls".
_JOINED = re.compile(
    r"(?:\W*\w+){1,5}?\W+(?:daraufhin|ebenfalls|stattdessen|demnach|somit|folglich|außerdem|zudem|ferner|"
    r"infolgedessen|also|instead)\b",
    re.IGNORECASE,
)
# What somebody said goes on in the subjunctive: the speaker stands in a sentence before.
_REPORTED = re.compile(
    r"\b(?:sei(?:en)?|habe|werde|könne|müsse|solle|wolle|dürfe|möge|gebe|gehe|komme|stehe|bleibe|lasse|liege|wisse|brauche|"
    r"bestehe|handle|handele|müssten|hätten|wären|würden)\b"
)
# What tells whose words they are, and conjunctions whose clause is the subjunctive's own affair.
_SOURCED = re.compile(
    r"\b(?:laut|zufolge|Ansicht|Meinung|Auffassung|Überzeugung|verlaute\w+|hieß|heißt)\b|^\W*Wie\b|"
    r"\bnach\s+(?:\w+\s+){0,2}(?:Angaben?|Auskunft|Einschätzung|Aussagen?|Informationen|Berichte?n?|Darstellung|Worten)\b",
    re.IGNORECASE,
)
_SUBORDINATE = re.compile(r"\b(?:dass|daß|ob|wonach|als|wenn|falls|sofern)\b", re.IGNORECASE)


@lru_cache(maxsize=8_000)
def points_back(text: str, language: str) -> bool:
    """Whether only the sentence before tells who or what is meant, or who says it."""
    if _first(text) in _BACK or any(pattern.match(text) for pattern in (_POINTED, _DAS, _ES)):
        return True
    if language not in {"de", ""}:
        return False
    inside = any(pattern.match(text) for pattern in (_POINTED_INSIDE, _SUBJECT_BEHIND))
    return inside or _goes_on_reporting(text)


def joins(text: str) -> bool:
    """Whether it is tied to the sentence before, but can be read without it: "Unterdessen", "jedoch"."""
    return _first(text) in _JOINS or _JOINED.match(text) is not None


def _first(text: str) -> str:
    found = re.match(r"\W*(\w+)", text)
    return found[1].casefold() if found else ""


def _goes_on_reporting(text: str) -> bool:
    """Whether it tells somebody's words without naming who: "Die Anwendung sei beschränkt"."""
    reported = _REPORTED.search(text)
    if reported is None or _SOURCED.search(text) or _SUBORDINATE.search(text[: reported.start()]):
        return False
    return not any(clause.says for clause in read_sentence(text, "de").clauses)


def cuts_quotation(text: str) -> bool:
    """Whether a quotation opens without closing, or closes without having opened."""
    depth = 0
    for mark in text:
        if mark in "„»«":
            depth += 1 if mark == "„" or depth == 0 else -1
        elif mark == "“":
            depth += -1 if depth > 0 else 1
        elif mark == "”":
            depth -= 1
    return depth != 0 or text.count('"') % 2 == 1


# What nobody knows yet, what is disputed, what is still to be decided.
_UNSETTLED = re.compile(
    r"\b(?:un(?:klar|geklärt|gewiss|gelöst)|umstritten|strittig|fraglich)\b|"
    r"\b(?:bleibt|bleiben|blieb|blieben|ist|sind|war|waren|sei|seien)\s+(?:\w+\s+){0,3}offen\b(?!bar|sichtlich)|"
    r"\bwird\s+sich\s+(?:\w+\s+){0,6}zeigen\b|\bsteh(?:t|en)\s+(?:\w+\s+){0,3}noch\s+aus\b|"
    r"\bnoch\s+(?:nicht|keine[nmrs]?)\s+(?:\w+\s+){0,2}(?:bekannt|entschieden|geklärt|fest|klar|Angaben|Entscheidung|Einigung)\b|"
    r"\b(?:wird|werden|wurde|wurden)\s+(?:\w+\s+){0,3}noch\s+(?:\w+\s+){0,2}(?:ermittelt|geprüft|untersucht|verhandelt)\b|"
    r"\b(?:Ermittlungen|Verhandlungen|Untersuchungen)\s+(?:dauern\s+an|laufen)\b|"
    r"\b(?:remains?|remained|is|are|was|were)\s+(?:\w+\s+){0,2}(?:unclear|unresolved|undecided|uncertain|disputed|"
    r"controversial|to\s+be\s+seen|under\s+investigation)\b|\b(?:has|have)\s+yet\s+to\b|"
    r"\bnot\s+yet\s+(?:known|clear|decided|confirmed)\b",
)


def leaves_open(text: str) -> bool:
    """Whether a sentence says that something is not known, not decided or disputed."""
    return _UNSETTLED.search(text) is not None
