"""A question -> what it asks for: language, kind of answer, one item or a list.

In: the text of a question. Out: `Question`. It rests on closed word classes (question words), nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rag.errors import InputError
from rag.sentences import detect_language, split_sentences


class Kind(StrEnum):
    """What would answer a question."""

    PERSON = "person"
    NAME = "name"
    TIME = "time"
    PLACE = "place"
    NUMBER = "number"
    REASON = "reason"
    SPEECH = "speech"
    YES_NO = "yes_no"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as read. `language` is ISO 639-1, "" if unsure."""

    text: str
    language: str
    kind: Kind

    @property
    def asking(self) -> str:
        """Its last sentence, which asks; those before it only say what it is about."""
        return _asking(self.text, self.language)

    @property
    def parts(self) -> tuple[Question, ...]:
        """The questions it consists of: "Wer kam, und wann begann es?" has two. One that has no parts is its own."""
        cuts = [match.start() for match in _JOINT.finditer(self.text)]
        if not cuts:
            return (self,)
        pieces = [self.text[a:b] for a, b in zip([0, *cuts], [*cuts, len(self.text)], strict=True)]
        texts = [_LINK.sub("", piece).strip(" ,;?") + "?" for piece in pieces]
        return tuple(Question(text, self.language, _kind(text, self.language)) for text in texts)


REQUEST = re.compile(
    r"\W*(?:(?:bitte|please)\s+)?(?:nenne?n?|liste?n?|zähle?n?|gib|name|list|give|enumerate)"
    r"(?:\s+(?:sie|mir|uns|me|us|bitte))*"
    r"(?=\s+(?:alle|die|den|das|der|einige|zwei|drei|all|the|every|some|two|three|\d+)\b)(?!.*\?\W*$)",
    re.IGNORECASE,
)
"""What opens a request, "Nenne mir" alle Teilnehmer, "List" the demands: no question word says what is wanted."""

# Who takes part, by words that fit any story; "welche Forderungen" asks for no names.
_PEOPLE = (
    r"(?:personen|leute|menschen|teilnehmer(?:innen)?n?|mitglieder|anwesende|beteiligte|vertreter(?:innen)?|gäste|"
    r"persons|people|participants|attendees|members|representatives|delegates|guests)"
)
# Things that go by a name.
_NAMED = (
    r"(?:company|firm|team|club|party|bank|airline|airport|university|college|school|newspaper|magazine|"
    r"organi[sz]ation|agency|ministry|network|channel|brand|movie|film|book|novel|song|album|band|award|prize|ship|"
    r"island|river|country|city|state|"
    r"firma|unternehmen|konzern|mannschaft|verein|klub|partei|fluggesellschaft|flughafen|universität|hochschule|"
    r"schule|zeitung|zeitschrift|organisation|behörde|ministerium|sender|marke|buch|roman|lied|preis|auszeichnung|"
    r"schiff|insel|fluss|land|stadt|staat)(?!['’]s)"
)
# What stands between "what" and a noun that it does not ask for: "what did the company say".
_NO_ADJECTIVE = (
    r"(?:do|does|did|is|was|are|were|has|have|had|will|would|can|could|should|may|might|must|the|an?|of|in|at|for|by|"
    r"ist|sind|war|waren|hat|haben|hatte|hatten|wird|werden|wurde|wurden|der|die|das|den|dem|des|ein\w*)\b"
)
# What joins a noun to what it is about: "the date of the game".
_WITH = (
    r"(?:of|for|on|in|at|to|with|about|when|that|from|der|des|vom?n?|für|zum?r?|mit|über|an|am|bei|beim)\b"
)
# Question words by what they ask for; a phrase is tried before its first word alone.
_ASKS: tuple[tuple[Kind, str], ...] = (
    (
        Kind.NUMBER,
        "wie viele?|wieviele?|wie (?:lange|hoch|alt|groß|weit|oft|teuer|schnell|schwer|lang|stark)|was kostet\\w*|"
        "how (?:many|much|long|old|high|far|often|big|large|fast|tall|heavy)|"
        "what(?:'s| is| was| are| were) the (?:\\w+ ){0,2}(?:price|cost|number|percentage|population|height|length|"
        "size|weight|age|distance|speed|revenue|salary|turnout|area) (?:of|for|in|on|per)|"
        "(?:what|which) (?:percentage|percent)|"
        "combien|cu[aá]nt[oa]s?|quant[oaie]|quanti|quantos?|quantas?|kaç|ne kadar|"
        "сколько|как (?:долго|часто|далеко)|hoeveel|hoe (?:lang|vaak|oud|groot)|ile|ilu",
    ),
    (
        Kind.REASON,
        "warum|wieso|weshalb|weswegen|aus welche[nm] gr[uü]nd\\w*|why|for what reason|pourquoi|"
        "por qu[eé]|perch[eé]|neden|niçin|niye|почему|зачем|waarom|dlaczego",
    ),
    (
        Kind.TIME,
        "wann|seit wann|bis wann|when|since when|quand|cu[aá]ndo|quando|ne zaman|когда|wanneer|kiedy|"
        "welche[mrns]? (?:(?:wochen|kalender)?tag|tageszeit|uhrzeit|woche|jahr(?:zehnt|hundert)?|monat|datum)(?:e?n)?|"
        "(?:what|which) (?:year|day|date|month|week|weekday|decade|century|time)|"
        "what(?:'s| is| was| are| were) the (?:\\w+ ){0,2}(?:year|day) (?:of|for)|"
        f"(?:what|which|welches)(?:'s| is| was| are| were| ist| war)(?: (?!{_WITH})[\\w.'’-]+){{0,5}}? "
        f"(?:dates?|\\w*datum)(?=\\W*$| {_WITH})|"
        "quel(?:le)? (?:jour|année|mois|date|heure|siècle)|qué (?:día|año|mes|fecha|hora)|"
        "(?:che|quale) (?:giorno|anno|mese|data|ora)|hangi (?:gün|yıl|ay|tarih)\\w*|"
        "как\\w+ (?:год|дн|день|месяц|числ|дат)\\w*",
    ),
    (
        Kind.PLACE,
        "wo|wohin|woher|where|où|d[oó]nde|dove|onde|nerede|nereye|где|куда|откуда|waar|gdzie|dokąd|"
        "in welche[rm]? (?:stadt|land|ort|staat|gebäude|region|dorf)|"
        "in (?:what|which) (?:city|country|place|town|state)|"
        "quel(?:le)? (?:ville|pays|lieu|endroit)|qué (?:ciudad|país|lugar)|quale (?:città|paese|luogo)|"
        "hangi (?:ülke|şehir|kent)\\w*|как\\w+ (?:город|стран|мест)\\w*",
    ),
    (
        Kind.NAME,
        f"(?:welche[nmrs]?|which|what) (?:(?!{_NO_ADJECTIVE})[\\w.]+ ){{0,2}}{_NAMED}|"
        "wie (?:heißt|heißen|hieß|hießen|heisst|hiess|hiessen)|wie lautet der name|what (?:is|are|was|were) the names?|"
        "what (?:is|are|was|were) (?:\\w+ ){1,6}called(?=\\W*$)|"
        "comment s.appelle\\w*|cómo se llama\\w*|come si chiama\\w*|как (?:зовут|звали|называется|называлс\\w*)|"
        "ad[ıi] ne(?:dir|ydi)?",
    ),
    (
        Kind.PERSON,
        f"(?:welche|which|what) (?:\\w+ )?{_PEOPLE}|"
        "wer|wen|wem|wessen|mit wem|von wem|who|whom|whose|qui|qui[eé]n(?:es)?|chi|quem|"
        "kim(?:ler|i|in|e|ler in)?|"
        "кто|кого|кому|кем|wie|kto|kogo",
    ),
)
# Question words that are something else in other languages: "who" in Dutch is "how" in German, "how much" in Polish is
# "with" in Turkish.
_ONLY_IN = {"wie": "nl", "kim": "tr", "ile": "pl", "ilu": "pl"}
_SPEECH = re.compile(
    r"\b(?:sagt|sagte[n]?|gesagt|erklärt[e]?|äußert[e]?|nannte|bezeichnet\w*|betont\w*|"
    r"say|says|said|call|(?<!now )(?<!it )called|describe[ds]?|states?(?= (?:that|whether|about|on)\b)|stated|"
    r"dit|déclar\w+|dijo|disse|detto|dedi|söyledi|"
    r"сказал\w*|заявил\w*|назвал\w*)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:was|welche\w*|wie|what|which|how|que|qu(?=['’])|quoi|quels?|quelles?|comment|qué|cuál\w*|cómo|che|cosa|quale|quali|"
    r"come|o que|qual|quais|como|ne|hangi|nasıl|что|как\w*|wat|welke|hoe|co|jak\w*)\b",
    re.IGNORECASE,
)


# Words of these that ask nothing in other languages: "was" and "come" in English.
_OPENS_ONLY_IN = {"was": "de", "come": "it", "co": "pl", "ne": "tr"}
_ASK_LATE = frozenset({"tr"})  # languages whose question word stands before the verb, at the end
_QUESTION_WORD = re.compile(
    rf"(?<!\w)(?:{'|'.join(words for _, words in _ASKS)}|{_OPEN.pattern})(?!\w)", re.IGNORECASE
)
_LINK = re.compile(r"^[\s,;]*(?:und|and|et|y|e|ve|и|en)\s+", re.IGNORECASE)
_JOINT = re.compile(
    r"[\s,;?]+(?:und|and|et|y|e|ve|и|en)\s+(?=(?:"
    + "|".join(words for _, words in _ASKS if words)
    + r"|was|welche\w*|what|which|que|quoi|cosa|ne|что|wat)(?!\w))",
    re.IGNORECASE,
)


def check_characters(text: str, what: str) -> None:
    """Refuses a text that cannot be written: half a character, as a shell with another encoding hands over.

    Args:
        text: what somebody said.
        what: what it is, for the message.

    Raises:
        InputError: there is such a place in it.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{what} holds {text[error.start]!r}, which is no character.", hint="Write it in UTF-8."
        ) from error


def read_question(text: str, *, max_chars: int) -> Question:
    """Reads a question.

    Raises:
        InputError: it is empty, longer than `max_chars` or holds what is no character.
    """
    check_characters(text, "The question")
    stripped = " ".join(text.split())
    if not stripped:
        raise InputError("The question is empty.", hint="Ask something, for example: Wer nahm teil?")
    if len(stripped) > max_chars:
        raise InputError(
            f"The question has {len(stripped)} characters, the limit is {max_chars}.",
            hint="Ask one short question, or raise RAG_MAX_QUESTION_CHARS.",
        )
    language = detect_language(stripped)
    return Question(stripped, language, _kind(stripped, language))


def _asking(text: str, language: str) -> str:
    """The last sentence where it asks and none before it does; else all of the text."""
    if not text.endswith("?") or "?" in text[:-1]:
        return text
    last = split_sentences(text, language)[-1]
    asking = text[last.start :]
    # A name with a full stop in it is cut apart too: "the coach of A.D. Riverside?"
    return asking if _QUESTION_WORD.search(asking) or _VERB_FIRST.match(asking) else text


def _kind(text: str, language: str) -> Kind:
    text = _asking(text, language)
    lowered = text.casefold()
    if request := REQUEST.match(text):
        return _kind_of_request(text[request.end() :])
    found: list[tuple[int, int, Kind]] = []
    for order, (kind, words) in enumerate(_ASKS):
        matches = re.finditer(rf"(?<!\w)(?:{words})(?!\w)", lowered)
        match = next((one for one in matches if _ONLY_IN.get(one[0], language) == language), None)
        if match:
            found.append((match.start(), order, kind))
    openers = next(
        (one for one in _OPEN.finditer(lowered) if language in {"", _OPENS_ONLY_IN.get(one[0], language)}),
        None,
    )
    if _SPEECH.search(text) and openers and not (found and min(found)[0] <= openers.start()):
        return Kind.SPEECH
    # "What did she answer when asked" does not ask when, nor does "Did she tell, when she was asked".
    late = language in _ASK_LATE or (text.endswith("?") and not _VERB_FIRST.match(text))
    near = late or bool(found and min(found)[0] <= 40)
    if found and near and not (openers and openers.end() <= min(found)[0]):
        return min(found)[2]
    if openers:
        return Kind.OTHER
    return Kind.YES_NO if _asks_whether(text, language) else _kind_of_keywords(lowered)


# What opens a question that asks whether, where no question mark says that it is a question at all.
_VERB_FIRST = re.compile(
    r"\W*(?:ist|sind|war|waren|wird|werden|wurden?|hat|haben|hatten?|kann|können|konnten?|darf|dürfen|muss|müssen|"
    r"soll|sollen|sollten?|will|wollen|gibt|gab|stimmt|is|are|was|were|do|does|did|has|have|had|can|could|would|"
    r"shall|should|may|might|must|\w+ (?:die|das|eine?|es|er|sie|man|he|she|it|they|there))\b",
    re.IGNORECASE,
)
_KEYWORDS: tuple[tuple[Kind, str], ...] = (
    (Kind.TIME, "date|datum|termin|zeitpunkt|uhrzeit"),
    (Kind.PLACE, "location|venue|ort|standort|schauplatz"),
    (Kind.NUMBER, "price|cost|costs|preis|kosten|anzahl|zahl"),
)
_VERBS_KNOWN = frozenset({"de", "en", ""})


# Between verb and noun stand no other nouns, "die Forderungen der Mitglieder" are no people.
_NAMES = re.compile(
    rf"(?:\s+(?!of\b|by\b|from\b)[a-zäöüß\d]+){{0,3}}?\s+(?i:{_PEOPLE}|namen (?:der|aller)|names of)\b"
)
_WHO_BEHIND = re.compile(r"\s+(?:alle|all|die|those),?\s+(?:die|who)\b")


def _kind_of_request(rest: str) -> Kind:
    """The kind that the words behind the verb of a request name."""
    if _NAMES.match(rest) or _WHO_BEHIND.match(rest):
        return Kind.PERSON
    return _kind_of_keywords(rest.casefold())


def _asks_whether(text: str, language: str) -> bool:
    """Whether a text without a question word is a question, and not just keywords as they are put into a search box."""
    return text.endswith("?") or language not in _VERBS_KNOWN or bool(_VERB_FIRST.match(text))


def _kind_of_keywords(lowered: str) -> Kind:
    named = (kind for kind, keys in _KEYWORDS if re.search(rf"(?<!\w)(?:{keys})(?!\w)", lowered))
    return next(named, Kind.OTHER)


_ADDS = re.compile(
    r"\b(?:auch|ebenfalls|ebenso|außerdem|zudem|ferner|überdies|darüber hinaus|hinzu|also|too|as well|"
    r"in addition|additionally|likewise|furthermore|moreover|aussi|également|en outre|de plus|también|además|"
    r"anche|inoltre|também|além disso|ayrıca|также|тоже|кроме того|ook|bovendien|również|także|ponadto)\b",
    re.IGNORECASE,
)


def adds(sentence: str) -> bool:
    """Whether a sentence says of itself that it goes on with a list: it holds "also", "ebenfalls" or the like."""
    return bool(_ADDS.search(sentence))


# First words that lean on the sentence before.
_LEANS = frozenset(
    """er sie es ihm ihr sein seine ihre dies diese dieser dieses das dabei dadurch dafür dagegen daher
    damit danach daneben darauf daraufhin darüber darum davon dazu dennoch deshalb deswegen doch aber jedoch
    zudem außerdem auch allerdings dort so und oder denn hingegen stattdessen he she it they his her its
    their this that these those however but and or so then also there instead moreover il elle ils elles
    cela ce cette ces mais et aussi él ella ellos esto eso este esta pero y también lui lei loro questo
    questa ma e anche он она оно они это этот эта но и также
    bu o onlar ama ve ayrıca""".split()
)


def leans(sentence: str) -> bool:
    """Whether a sentence opens with a word that points back, so that only the one before says who or what."""
    opening = re.match(r"\W*(\w+)(?:\s+(\w))?", sentence)
    if opening is None or opening[1].casefold() not in _LEANS:
        return False
    # "Das Treffen begann" names what it is about, "das begann" does not.
    return not (opening[1].casefold() == "das" and opening[2] is not None and opening[2].isupper())
