"""A sentence -> what can be told about it without a model: its words, clauses, quantities, names and speakers.

Rests on closed word classes of German and English (negations, prepositions, conjunctions, months, number words, a few
verbs of saying); in other languages numbers, dates and names are read all the same. No list names anything that an
article could be about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rag.numerals import Numeral, in_figures, is_numeral, numerals, scale
from rag.words import Word, words

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?|[%€$£]|[^\w\s]")
_NUMERIC = re.compile(r"\d+(?:[.,:]\d+)*")
_CLAUSE_MARKS = frozenset(",;:–—()?!")
_BREAKS = frozenset(";–—")  # behind them nobody's words go on
_QUOTES = '"“”„«»‚‘'
_TYPE = {",", ";", ":", "–", "—", "(", ")", "?", "!", ".", *_QUOTES}

# Words that open a clause of their own, with or without a comma.
_SUBORDINATORS = frozenset(
    """dass daß während weil obwohl obgleich nachdem bevor wobei wenn falls sodass damit ob sondern indem
    that while because although though whereas which who whose unless if whether""".split()
)
NEGATIONS = frozenset(
    """nicht kein keine keinen keinem keiner keines nie niemals niemand niemanden niemandem nichts weder keinesfalls
    keineswegs keinerlei not no never none nobody nothing neither nor without cannot ohne ni jamais non aucun aucune
    ne pas rien sin nunca nessuno mai değil yok не нет никогда ничего""".split()
)
_CONTRACTED = ("n't", "n’t")
# What weakens a claim: said without them it is another claim.
HEDGES = frozenset(
    """könnte könnten könntest dürfte dürften möglicherweise vielleicht eventuell womöglich angeblich mutmaßlich
    vermutlich voraussichtlich wahrscheinlich offenbar anscheinend soll sollen might may could possibly
    perhaps allegedly reportedly apparently presumably probably likely
    seemingly suspected""".split()
)
_SCOPES = {
    "all": "alle allen aller alles sämtliche sämtlichen sämtlicher jede jeder jedes jeden jedem all every each "
    "everyone everybody ganz ganze ganzen ganzer ganzes gesamte gesamten gesamter entire whole völlig vollständig "
    "completely fully entirely",
    "both": "beide beiden beider both",
    "most": "meisten most mehrheit majority",
    "many": "viele vielen vieler zahlreiche zahlreichen zahlreicher many numerous",
    "some": "einige einigen einiger manche manchen mancher mehrere mehreren mehrerer some several teils teilweise "
    "partly partially",
    "few": "wenige wenigen weniger few",
    "only": "nur lediglich ausschließlich bloß allein only solely merely exclusively",
    "always": "immer stets always ever",
}
SCOPES = {word: scope for scope, listed in _SCOPES.items() for word in listed.split()}
PREPOSITIONS = frozenset(
    """an am auf aus außer bei beim bis durch für gegen hinter in im ins mit nach neben ohne seit trotz über um unter
    von vom vor wegen während zu zum zur zwischen gegenüber laut gemäß zufolge
    at about above after against among before behind below between by during for from into of off on over
    since through to toward towards under until upon with without within""".split()
)
_PLAIN_PREPOSITIONS = {
    "am": "an", "beim": "bei", "im": "in", "ins": "in", "vom": "von", "zum": "zu", "zur": "zu", "into": "in",
    "toward": "towards", "upon": "on",
}  # fmt: skip
# One in place of the other turns a claim round.
OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in (
        "vor/nach mit/ohne für/gegen von/an zu/von über/unter seit/bis before/after with/without for/against "
        "from/to above/below over/under by/to by/for since/until"
    ).split()
)
_PRONOUNS = frozenset("er sie es dieser diese dieses jener he she it they".split())
_ARTICLES = frozenset(
    """der die das den dem des ein eine einen einem einer eines the a an this that these those dieser diese dieses
    diesen diesem sein seine seinen seinem seiner seines ihr ihre ihren ihrem ihrer ihres his her its their""".split()
)
_BE_PASSIVE = frozenset("wurde wurden wird werden worden was were been being is are".split())
_BY = frozenset("von vom durch by".split())
# Verbs that tell what somebody says or thinks, as stems of their beginnings; what follows is theirs, not a fact.
_SAYING = re.compile(
    r"(?:sag|gesagt|erklär|beton|behaupt|äußer|geäußert|mein(?:t|te|ten)|gemeint|berichte|argumentier|forder|geforder|"
    r"bekräftig|versicher|kündig|angekündigt|warn|gewarnt|bezeichne|nannte|nennt|nennen|genannt|verwies|verweis|"
    r"stellte[n]?|deute|andeut|angedeutet|hinzugefügt|fügte|lobte|kritisier|mitgeteilt|teilte|schrieb|schreib|"
    r"geschrieben|glaub|hoff|vermut|zitier|unterstrich|unterstreich|hervorgehoben|bestätig|bestreit|bestritt|"
    r"say|said|saying|told|tell|state[ds]?\b|claim|argu|stress|emphasi|insist|announc|add(?:ed|s)\b|warn|"
    r"describ|call(?:ed|s)\b|believ|declar|report(?:ed|s)\b|suggest|assert|acknowledg|admit|confirm|den(?:ied|y|ies)|"
    r"demand|promis|wrote|writes|quoted|replied|answered|antwort|entgegne|erwider)"
)
# Those that only say; one may stand for another.
_NEUTRAL = re.compile(
    r"(?:sag|gesagt|erklär|beton|äußer|geäußert|mein(?:t|te|ten)|gemeint|berichte|argumentier|bekräftig|mitgeteilt|"
    r"stellte|verwies|hinzugefügt|fügte|unterstrich|say|said|saying|told|tell|state[ds]?\b|argu|stress|emphasi|"
    r"announc|add(?:ed|s)\b|declar|report(?:ed|s)\b)"
)
_SOURCES = frozenset("laut zufolge gemäß".split())
_ACCORDING = re.compile(r"\baccording to\b|\bin the words of\b", re.IGNORECASE)

_MONTHS = (
    "januar january jänner", "februar february feber", "märz march", "april", "mai may", "juni june", "juli july",
    "august", "september", "oktober october", "november", "dezember december",
)  # fmt: skip
_DAYS = (
    "montag monday", "dienstag tuesday", "mittwoch wednesday", "donnerstag thursday", "freitag friday",
    "samstag saturday sonnabend", "sonntag sunday",
)  # fmt: skip
MOMENTS = (
    {name: f"month{n}" for n, names in enumerate(_MONTHS, 1) for name in names.split()}
    | {name: f"weekday{n}" for n, names in enumerate(_DAYS, 1) for name in names.split()}
    | {name: name for name in "gestern heute morgen vorgestern übermorgen yesterday today tomorrow".split()}
)
_AMBIGUOUS_MOMENTS = frozenset(
    "may march morgen".split()
)  # a month or a day only where the case or a number says so
_LAST = re.compile(r"(?:last|letzt(?:e|er|en|em|es))")  # stands where ordinals do
_TH = frozenset("st nd rd th".split())
_UNITS = {
    "%": "percent", "prozent": "percent", "percent": "percent", "prozentpunkte": "percent", "€": "euro",
    "euro": "euro", "euros": "euro", "$": "dollar", "dollar": "dollar", "dollars": "dollar", "£": "pound",
    "pfund": "pound", "pounds": "pound", "jahr": "year", "jahre": "year", "jahren": "year", "jahres": "year",
    "year": "year", "years": "year", "monat": "month", "monate": "month", "monaten": "month", "months": "month",
    "month": "month", "woche": "week", "wochen": "week", "week": "week", "weeks": "week", "tag": "day",
    "tage": "day", "tagen": "day", "day": "day", "days": "day", "stunde": "hour", "stunden": "hour",
    "hour": "hour", "hours": "hour", "minute": "minute", "minuten": "minute", "minutes": "minute",
    "minütig": "minute", "minütige": "minute", "minütigen": "minute", "minütiges": "minute", "minütiger": "minute",
    "stündig": "hour", "stündige": "hour", "stündigen": "hour", "stündiges": "hour", "tägige": "day",
    "tägigen": "day", "tägiges": "day", "jährige": "year", "jährigen": "year", "jähriger": "year", "km": "km",
    "kilometer": "km", "kilometern": "km", "kilometers": "km", "meter": "m", "metern": "m", "meters": "m",
}  # fmt: skip
_BOUNDS = {
    "more": ("mehr als", "über", "mindestens", "wenigstens", "more than", "over", "at least", "above"),
    "less": ("weniger als", "unter", "höchstens", "maximal", "less than", "under", "at most", "fewer than", "below"),
}  # fmt: skip
# Words that say a number is rounded.
ABOUT = (
    "rund",
    "etwa",
    "circa",
    "ca",
    "fast",
    "knapp",
    "gut",
    "about",
    "around",
    "nearly",
    "almost",
    "roughly",
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word or mark: `text[start:end]`.

    `word` is its content word, None for function words and marks; `clause` the number of the clause it stands in.
    `capital` is true for a capital that does not come from opening the sentence.
    """

    text: str
    lower: str
    start: int
    end: int
    clause: int
    word: Word | None
    capital: bool


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with what it counts.

    `kind` is "count", "ordinal", "year", "time" (a clock time or a full date) or "moment" (a month or weekday, its name
    in `unit`). `bound` is "more", "less" or "". `at` and `last` are the numbers of its first and last
    token: "two million" has two, "twenty-four" three.
    """

    kind: str
    value: float
    unit: str
    bound: str
    at: int
    last: int
    clause: int


@dataclass(frozen=True, slots=True)
class Name:
    """A run of neighbouring capitalised words, in German perhaps led by an adjective in -isch.

    `tokens` are the numbers of its words, the last of them its head. `preposition` stands before it, if any.
    """

    tokens: tuple[int, ...]
    preposition: str
    clause: int

    @property
    def head(self) -> int:
        """The number of its last token."""
        return self.tokens[-1]


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause: tokens `first`..`last` (inclusive), with what turns or weakens its meaning.

    `speaker` is the clause in which somebody says this one, None if nobody does; its own number where source and claim
    share a clause ("laut …"). `says` is true where the clause tells that somebody says something.
    """

    n: int
    first: int
    last: int
    negated: bool
    hedged: bool
    scopes: frozenset[str]
    passive: bool
    says: bool
    speaker: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence as read; `stems` are those of its content words and of their parts."""

    text: str
    language: str
    tokens: tuple[Token, ...]
    clauses: tuple[Clause, ...]
    quantities: tuple[Quantity, ...]
    names: tuple[Name, ...]
    stems: frozenset[str] = field(default=frozenset())

    def in_clause(self, number: int) -> Sequence[Token]:
        """The tokens of a clause."""
        clause = self.clauses[number]
        return self.tokens[clause.first : clause.last + 1]

    @property
    def opens_with_pronoun(self) -> bool:
        """Whether its first word points back."""
        first = next((token for token in self.tokens if token.text[0].isalnum()), None)
        return first is not None and first.lower in _PRONOUNS


def is_saying(token: Token) -> bool:
    """Whether a word is one of the plain verbs of saying, of which one may stand for another."""
    return not token.text[0].isupper() and _NEUTRAL.match(token.lower) is not None


@lru_cache(maxsize=50_000)
def spelling(stem: str) -> str:
    """The stem with the letters folded that transliterations of one name exchange; of a number the number itself."""
    if any(character.isdigit() for character in stem):
        return stem
    folded = stem.replace("sch", "s").replace("sh", "s").replace("ph", "f").replace("h", "")
    folded = folded.translate(str.maketrans("yjwkzß", "iivcss"))
    return re.sub(r"(.)\1+", r"\1", folded)


def is_source(token: Token) -> bool:
    """Whether a word is "laut" or the like: it names where something is from."""
    return token.lower in _SOURCES


@lru_cache(maxsize=4_000)
def read_sentence(text: str, language: str) -> Reading:
    """Reads one sentence; `language` is ISO 639-1, "" if unsure."""
    tokens = _tokens(text, language)
    clauses = _spoken(_clauses(tokens), tokens)
    return Reading(
        text=text,
        language=language,
        tokens=tokens,
        clauses=clauses,
        quantities=tuple(_quantities(text, tokens, language)),
        names=tuple(_names(tokens, language)),
        stems=frozenset(s for t in tokens if t.word for s in (t.word.stem, *t.word.parts)),
    )


# --- words and clauses -----------------------------------------------------------------------


def _tokens(text: str, language: str) -> tuple[Token, ...]:
    content = {word.start: word for word in words(text, language)}
    found = []
    clause, opening, filled = 0, True, 0
    spans = [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)]
    for place, (piece, start, end) in enumerate(spans):
        lower = piece.lower()  # casefold makes "ss" of "ß", the lists have it as it is written
        word = next((content[at] for at in range(start, end) if at in content), None)
        cut = lower in _SUBORDINATORS or piece in _CLAUSE_MARKS
        if cut and filled and not _in_list(spans, place):
            clause, filled = clause + 1, 0
        filled += word is not None or lower in NEGATIONS
        capital = piece[0].isupper() and not opening
        found.append(Token(piece, lower, start, end, clause, word, capital))
        if piece[0].isalnum():
            opening = False
        elif piece in _QUOTES or piece == ":":
            opening = True
    return tuple(found)


def _in_list(spans: Sequence[tuple[str, int, int]], place: int) -> bool:
    """Whether a comma stands in a list: behind it come a few capitalised words or numbers up to a comma or "and"."""
    if spans[place][0] != ",":
        return False
    following = [piece for piece, _, _ in spans[place + 1 : place + 7]]
    for count, piece in enumerate(following):
        if piece in {",", "."} or piece.lower() in {"und", "and", "sowie", "oder", "or"}:
            return count > 0
        lower = piece.lower()
        if not (
            piece[0].isupper() or piece[0].isdigit() or lower in _ARTICLES or lower in {"von", "of", "-"}
        ):
            return False
    return False


def _clauses(tokens: Sequence[Token]) -> list[Clause]:
    found = []
    for number in range(tokens[-1].clause + 1 if tokens else 0):
        places = [place for place, token in enumerate(tokens) if token.clause == number]
        inside = tokens[places[0] : places[-1] + 1]
        lowered = [token.lower for token in inside]
        found.append(
            Clause(
                n=number,
                first=places[0],
                last=places[-1],
                negated=_negated(lowered),
                hedged=any(lower in HEDGES for lower in lowered),
                scopes=frozenset(SCOPES[lower] for lower in lowered if lower in SCOPES),
                passive=bool(_BE_PASSIVE & set(lowered)) and bool(_BY & set(lowered)),
                says=_says(inside),
            )
        )
    return found


def _negated(lowered: Sequence[str]) -> bool:
    for place, lower in enumerate(lowered):
        if lower.endswith(_CONTRACTED):
            return True
        if lower in NEGATIONS and lowered[place + 1 : place + 2] not in (["nur"], ["only"]):
            return True
    return False


def _says(tokens: Sequence[Token]) -> bool:
    """Whether a verb of saying, or "laut X", stands here; German nouns of the same stems have capitals."""
    text = " ".join(token.text for token in tokens)
    if _ACCORDING.search(text) or any(token.lower in _SOURCES for token in tokens):
        return True
    if any(token.lower == "so" and n + 1 < len(tokens) for n, token in enumerate(tokens)) and _so(tokens):
        return True
    return any(not token.text[0].isupper() and _SAYING.match(token.lower) for token in tokens)


def _so(tokens: Sequence[Token]) -> bool:
    """Whether the clause is "so" with a name behind it and nothing else: ", so der Minister"."""
    rest = [token for token in tokens if token.text[0].isalnum()]
    return rest[0].lower == "so" and all(
        t.text[0].isupper() or t.lower in _ARTICLES or t.lower in PREPOSITIONS for t in rest[1:4]
    )


def _spoken(clauses: Sequence[Clause], tokens: Sequence[Token]) -> tuple[Clause, ...]:
    """The clauses, those that somebody says with the number of the clause that tells who."""
    found: list[Clause] = []
    for clause in clauses:
        found.append(
            Clause(
                clause.n, clause.first, clause.last, clause.negated, clause.hedged, clause.scopes, clause.passive,
                clause.says, _speaker(clause, clauses, found, tokens),
            )
        )  # fmt: skip
    return tuple(found)


def _speaker(
    clause: Clause, clauses: Sequence[Clause], before: Sequence[Clause], tokens: Sequence[Token]
) -> int | None:
    inside = tokens[clause.first : clause.last + 1]
    told = _told_by(before[-1]) if before else None
    if clause.says:
        if told is not None and not any(t.text[0].isupper() or t.lower in _PRONOUNS for t in inside):
            return told  # "…, klein und teuer“ und sagte": whoever spoke before says this too
        rest = [t for t in inside if t.word and not _SAYING.match(t.lower)]
        return clause.n if len(rest) > 1 or any(t.lower in _SOURCES for t in inside) else None
    if told is not None:
        opener = next((t.lower for t in inside if t.text[0].isalnum()), "")
        apart = opener in {"während", "while", "aber", "but", "und", "and", "whereas", "obwohl", "although"}
        if not apart and inside[0].text not in _BREAKS:
            return told
    following = clauses[clause.n + 1] if clause.n + 1 < len(clauses) else None
    if following and following.says and _is_tail(tokens[following.first : following.last + 1]):
        return following.n
    return None


def _told_by(clause: Clause) -> int | None:
    """The clause that tells who says what comes behind this one, None if nobody does."""
    return clause.n if clause.says and clause.speaker is None else clause.speaker


def _is_tail(tokens: Sequence[Token]) -> bool:
    """Whether a clause is what follows a quote or a report: its first word says, or is "so"."""
    first = next((token for token in tokens if token.text[0].isalnum()), None)
    return first is not None and (
        bool(_SAYING.match(first.lower)) or first.lower in {"so", "laut", "according"}
    )


# --- quantities ------------------------------------------------------------------------------


def _quantities(text: str, tokens: Sequence[Token], language: str) -> Iterator[Quantity]:
    spoken = {one.start: one for one in numerals(text, language)}
    taken = -1
    for at, token in enumerate(tokens):
        if at <= taken:
            continue
        if token.lower in MOMENTS and _is_moment(tokens, at):
            yield Quantity("moment", 0.0, MOMENTS[token.lower], "", at, at, token.clause)
            continue
        number = _number(tokens, at, spoken.get(token.start), language)
        if number is None:
            continue
        kind, value, taken = number
        if kind == "ordinal":
            yield Quantity(kind, value, "", "", at, taken, token.clause)
            continue
        unit = _unit(tokens, taken) or _sign_before(tokens, at)
        yield Quantity(kind, value, unit, _bound(tokens, at), at, taken, token.clause)


def _is_moment(tokens: Sequence[Token], at: int) -> bool:
    token = tokens[at]
    if token.lower not in _AMBIGUOUS_MOMENTS:
        return token.text[0].isupper() or token.lower in {
            "gestern",
            "heute",
            "yesterday",
            "today",
            "tomorrow",
        }
    near = [tokens[n].text for n in (at - 1, at + 1) if 0 <= n < len(tokens)]
    before = tokens[at - 1].lower if at else ""
    return token.text[0].isupper() and (
        any(p[0].isdigit() for p in near) or before in {"in", "since", "until"}
    )


def _number(
    tokens: Sequence[Token], at: int, numeral: Numeral | None, language: str
) -> tuple[str, float, int] | None:
    """(kind, value, last token) of the number that begins at a token; `numeral` is what begins there in words."""
    token = tokens[at]
    if numeral is not None:
        inside = [n for n in range(at, len(tokens)) if tokens[n].start < numeral.end]
        return "ordinal" if numeral.ordinal else "count", numeral.value, inside[-1]
    if _LAST.fullmatch(token.lower):
        return "ordinal", -1.0, at
    if not token.text[0].isdecimal():
        return None
    behind = tokens[at + 1] if at + 1 < len(tokens) else None
    if behind and behind.start == token.end and behind.lower in _TH and token.text.isdecimal():
        return "ordinal", float(token.text), at + 1
    value = in_figures(token.text)
    factor = scale(behind.lower, language) if behind else 0.0
    if factor:
        return "count", value * factor, at + 1
    if _is_year(token, value):
        return "year", value, at
    return "time" if _is_time(token.text) else "count", value, at


def _is_year(token: Token, value: float) -> bool:
    return token.text.isdecimal() and len(token.text) == 4 and 1000 <= value <= 2100


def _is_time(text: str) -> bool:
    return ":" in text or text.count(".") == 2


def _unit(tokens: Sequence[Token], at: int) -> str:
    """The unit or noun behind a number: the first known unit, else the first capitalised or last content word near."""
    for token in tokens[at + 1 : at + 4]:
        if token.lower in _UNITS:
            return _UNITS[token.lower]
        if token.text in _TYPE:
            break
    return ""


def _sign_before(tokens: Sequence[Token], at: int) -> str:
    return _UNITS.get(tokens[at - 1].text, "") if at and not tokens[at - 1].text.isalnum() else ""


def _bound(tokens: Sequence[Token], at: int) -> str:
    before = " ".join(token.lower for token in tokens[max(0, at - 3) : at])
    words_before = [word for word in before.split() if word not in ABOUT]
    before = " ".join(words_before)
    return next((bound for bound, forms in _BOUNDS.items() if before.endswith(forms)), "")


# --- names -----------------------------------------------------------------------------------


def _names(tokens: Sequence[Token], language: str) -> Iterator[Name]:
    run: list[int] = []
    previous: Name | None = None
    for at in range(len(tokens)):
        if not _is_name_part(tokens, at, language):
            continue
        leads = not tokens[at].text[0].isupper()
        if run and (not _adjacent(tokens, run[-1], at) or (leads and tokens[run[-1]].text[0].isupper())):
            previous = _name(tokens, run, previous)
            yield previous
            run = []
        run.append(at)
    if run:
        yield _name(tokens, run, previous)


def _is_name_part(tokens: Sequence[Token], at: int, language: str) -> bool:
    token = tokens[at]
    if token.lower in _NO_NAMES or token.word is None or token.text[0].isdecimal() or is_numeral(token.lower):
        return False
    if token.text[0].isupper():
        return token.capital or language != "en" or _opens_with_name(tokens, at)
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    adjective = re.search(r"(?:isch|sch)(?:e|er|en|em|es)$", token.lower) is not None
    return language == "de" and adjective and following is not None and following.text[0].isupper()


# Capitalised where they open a sentence, or known as something else.
_NO_NAMES = frozenset(
    {*MOMENTS, *_UNITS, *NEGATIONS, *HEDGES, *SCOPES, *PREPOSITIONS, *_PRONOUNS, *_ARTICLES, *_SUBORDINATORS, *_SOURCES}
)  # fmt: skip


def _opens_with_name(tokens: Sequence[Token], at: int) -> bool:
    """Whether the first word of an English sentence is a name: the next one has a capital too, or is a verb's place."""
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    return following is not None and (
        following.word is None or following.text[0].isupper() or not following.capital
    )


def _adjacent(tokens: Sequence[Token], one: int, other: int) -> bool:
    between = tokens[one + 1 : other]
    return tokens[one].clause == tokens[other].clause and all(
        token.text in {"-", "’", "'"} for token in between
    )


def _name(tokens: Sequence[Token], run: Sequence[int], previous: Name | None) -> Name:
    preposition = ""
    for token in reversed(tokens[max(0, run[0] - 4) : run[0]]):
        if token.lower in PREPOSITIONS and token.lower not in _SUBORDINATORS:
            preposition = _PLAIN_PREPOSITIONS.get(token.lower, token.lower)
            break
        if token.lower not in _ARTICLES and not (token.word and not token.text[0].isupper()):
            break
    if previous and not preposition and in_list(tokens[previous.head + 1 : run[0]]):
        preposition = previous.preposition
    return Name(tuple(run), preposition, tokens[run[0]].clause)


_JOINTS = frozenset((",", "und", "and", "sowie", "oder", "or", "noch", "nor"))


def in_list(between: Sequence[Token]) -> bool:
    """Whether what stands between two names joins them to a list: a comma or "and", articles and adjectives."""
    joined = any(token.lower in _JOINTS for token in between)
    return joined and all(
        token.lower in _JOINTS or token.lower in _ARTICLES or token.text == "-" or _is_adjective(token)
        for token in between
    )


def _is_adjective(token: Token) -> bool:
    """Whether a lower-case content word is inflected as German adjectives are, or cannot be told."""
    return (
        token.word is not None
        and token.text[0].islower()
        and token.lower.endswith(("e", "er", "en", "em", "es"))
    )
