"""A sentence -> the same sentence without what an editor strikes out, in its own words and their order.

In: one sentence on one line and its language. Out: what is left of it, or the shorter sentences that it begins with.
Nothing is reworded: datelines, asides in brackets and words that only join it to the sentence before are left out, and
only where the verifier still finds the rest supported by the whole. German and English, by rule: of what a small
language model leaves out, too much is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from rag.claims import Care, judge
from rag.reading import HEDGES, NEGATIONS, PREPOSITIONS, SCOPES
from rag.types import Verdict

_LEAST = 5  # words that must be left, or the sentence stays as it is
_MAX_CHARS = 500

# "Lindau (Bodensee), 12.09.2011 – ", "Bau der Brücke – ": what stands before the only dash has no verb.
_OPENING = re.compile(r"(?P<head>[^–—:;„“”\"?!]{2,80}?)\s+[–—]\s+(?=[„“\"]?[A-ZÄÖÜ\d])")
_DASH = re.compile(r"\s[–—]\s")
# One word in brackets is a party or a short name, figures are news; everything else is an aside.
_BRACKETS = re.compile(r"\s+\([^()\[\]„“”\"?!\s\d]+\s[^()\[\]„“”\"?!\d]{1,80}\)(?=[\s,.;:!?]|$)")
# An aside that limits what is said, or says who says it, is none.
_LIMITS = re.compile(
    r"\b(?:außer|ausgenommen|bis|ab|mindestens|höchstens|etwa|rund|lt|laut|nach|so|zufolge|except|excluding|according|"
    r"up\s+to|at\s+least)\b",
    re.IGNORECASE,
)
# Behind the verb German keeps its order without them; "nicht jedoch", "zwar …, jedoch" belong together.
_JOINING = re.compile(
    r"(?<=[a-zäöüß\d“”\"»«)])(?<!nicht)\s+(?:(?:jedoch|hingegen|wiederum|indes|indessen|unterdessen|zudem|außerdem|ferner|"
    r"allerdings|derweil|dennoch|folglich|somit|demnach)(?=,?\s)|daraufhin(?=\s))(?!\s+(?:und|oder|als|wie)\b)"
)
_PAIRED = re.compile(r"\bzwar\b", re.IGNORECASE)
_JOINING_ENGLISH = re.compile(
    r",\s+(?:however|moreover|furthermore|meanwhile|therefore|nevertheless|consequently),"
    r"|^(?:However|Moreover|Furthermore|Meanwhile|Nevertheless|In addition|Additionally),\s+"
)
# Clauses that what stands before them can do without, and one that stands by itself behind another. Conditions,
# contents ("dass", "ob") and corrections ("sondern") are none.
_SPARE = re.compile(
    r"(?:,\s+(?:(?:und|doch|aber|wobei|womit|wodurch|weshalb|weswegen|wogegen|während|obwohl|obgleich|nachdem|weil|da|"
    r"um|ohne|so\s*dass|indem|(?:in|an|auf|mit|bei|von|zu|für|aus|nach|über|durch|unter|gegen)\s+"
    r"(?:den|dem|der|die|das|denen|deren|dessen))\b|(?:der|die|das|dem|den|dessen|deren|denen)\s+(?![A-ZÄÖÜ]))"
    r"|,\s+(?:but|while|whereas|although|though|because|after|which|who|whose|in\s+which)\b|\s*;\s|\s+[–—]\s)"
)
# What a clause behind a comma may begin with in small letters; anything else is taken for the verb of the main clause.
_OPENS = (
    frozenset(
        """der die das dem den des dessen deren denen ein eine einen einem einer eines und oder aber doch sondern
        sowie wie als ob dass daß weil da wenn falls um ohne statt während nachdem bevor bis seit obwohl obgleich
        indem wobei womit wodurch weshalb weswegen wogegen wofür wonach so sodass damit wo wer was wann warum
        welche welcher welches er sie es ihr sein seine seinen seinem seiner ihre ihren ihrem ihrer auch nicht nur
        zu insbesondere darunter unter the a an who which whose that and or but while whereas although though
        because after if when where what how he she it they his her their its including""".split()
    )
    | PREPOSITIONS
)
# A clause that ends a sentence, with no other behind it, and what in it says the contrary or is said by somebody.
_ENDING = re.compile(
    r"(?:(?P<joined>;|,\s+(?:und|and)\b)|,\s+(?:wobei|womit|wodurch|weshalb|weswegen|nachdem|weil|da|um|ohne|so\s*dass|indem|"
    r"während|because|after)\b|(?P<which>,\s+(?:(?:which|who|whose|in\s+which)\b|(?:(?:in|an|auf|mit|bei|von|zu|für|aus|nach|"
    r"über|durch|unter|gegen)\s+)?(?:den|dem|der|die|das|denen|deren|dessen)\s+(?![A-ZÄÖÜ]))))"
    r"(?P<clause>[^,;:–—]*?)\W*"
)
_CONTRARY = re.compile(
    r"\b(?:aber|doch|allerdings|jedoch|hingegen|dagegen|dennoch|trotzdem|zwar|but|although|though|however)\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(r"\b(?:sei|seien|habe|werde|könne|müsse|solle|dürfe|wolle)\s+\w")
_INDEFINITE = re.compile(r"\b(?:ein|eine|einen|einem|einer|eines|an?)\b[^,]*$", re.IGNORECASE)
# What a clause behind it may bound: without the clause more would be said.
_BOUNDED = re.compile(
    r"\b(?:alle[nrs]?|jede[mnrs]?|jene[mnrs]?|diejenigen|derjenige|keine?[mnrs]?|niemand|nur|erst|einzige[nrs]?|"
    r"so|solche[nrs]?|dann|all|every|those|only|none|nobody|any)\b[^,]*$",
    re.IGNORECASE,
)
# A verb whose other half German puts at the end of its clause: "Die Länder haben am Samstag … beschlossen".
_HALF_VERB = re.compile(
    r"\b(?:hat|haben|habe|hatten?|wird|werden?|wurden?|würden?|kann|können|konnten?|könnten?|soll|sollen|sollten?|will|"
    r"wollen|wollten?|muss|müssen|mussten?|müssten?|darf|dürfen|durften?|dürften?)\b"
)
_OTHER_HALF = re.compile(r"\b[a-zäöüß]+[nt]$")
_TITLED = frozenset("und der die das des dem den the and".split()) | PREPOSITIONS
_TURNS = NEGATIONS | HEDGES | SCOPES.keys()

Cut = tuple[int, int]


def condensed(text: str, language: str) -> str:
    """The sentence without what can be left out safely; the sentence itself where that is nothing.

    Every word that is left stands in the sentence, in the same order; only the first may get a capital. The words that
    turn a meaning (negations, hedges, quantifiers) are the same in both, and quotations are untouched.
    """
    return _condensed(text, language) if language in {"de", "en"} and len(text) <= _MAX_CHARS else text


@lru_cache(maxsize=4_000)
def _condensed(text: str, language: str) -> str:
    left = text
    for find in (_dateline, _brackets, _joining):
        # From the end, so that the places before stay what they are.
        for start, end in sorted(find(left, language), reverse=True):
            rest = left[:start] + left[end:]
            rest = rest[:1].upper() + rest[1:]
            if len(rest.split()) >= _LEAST and _is_carried(rest, text, language):
                left = rest
    return left


def shorter(text: str, language: str) -> Iterator[str]:
    """Sentences that one begins with and that can be told in its place where room is short, longest first.

    What is left out is one clause at the end that says why, how, what for or which, or goes on; never one that says the
    contrary, turns the meaning or tells what an indefinite noun is. Each of them is said by the whole.
    """
    if language not in {"de", "en"} or len(text) > _MAX_CHARS or _CONTRARY.search(text):
        return
    for found in sorted(_SPARE.finditer(text), key=lambda one: -one.start()):
        rest, end = text[: found.start()], text[found.start() :]
        can_go = not _is_quoted(text, found.start()) and _can_go(rest, end, language)
        if can_go and _can_stand(rest, language) and _is_carried(f"{rest}.", text, language):
            yield f"{rest}."


def _can_stand(rest: str, language: str) -> bool:
    """Whether what is left may be a sentence: long enough, brackets and verb whole, nothing that a clause bounds."""
    if len(rest.split()) < _LEAST or rest.count("(") != rest.count(")") or _BOUNDED.search(rest):
        return False
    return not (language == "de" and _HALF_VERB.search(rest) and not _OTHER_HALF.search(rest))


def _can_go(rest: str, end: str, language: str) -> bool:
    """Whether what would be left out is one clause that `rest`, which stands before it, can do without."""
    found = _ENDING.fullmatch(end)
    if found is None or _goes_on(end) or _is_asked_for(end):
        return False
    if found["which"] and _INDEFINITE.search(rest):
        return False
    return bool(language != "de" or found["joined"]) or _ends_in_verb(found["clause"])


def _ends_in_verb(clause: str) -> bool:
    """Whether a German clause can be subordinate: it ends in no noun or name, and nobody is said to say it."""
    return clause.rpartition(" ")[2][:1].islower() and _REPORTED.search(clause) is None


def _is_asked_for(end: str) -> bool:
    """Whether what would be left out is what a verb before it needs: "… haben vereinbart, die Brücke zu bauen"."""
    clause = re.match(r",\s+([^,;]+)", end)
    if clause is None or re.match(r"(?:um|ohne)\b", clause[1]):
        return False
    return re.search(r"\b(?:zu\s+[a-zäöüß]+n|[a-zäöüß]{2,}zu[a-zäöüß]+n)\W*$", clause[1]) is not None


def _goes_on(end: str) -> bool:
    """Whether the main clause goes on in what would be left out: "…, der seit Mai im Amt ist, sagte …"."""
    return any(word[0].islower() and word not in _OPENS for word in re.findall(r",\s+(\w+)", end))


def _is_carried(rest: str, whole: str, language: str) -> bool:
    same = _turning(rest) == _turning(whole)
    return same and judge(rest, [whole], language, care=Care.STRICT).verdict is Verdict.SUPPORTED


def _turning(text: str) -> list[str]:
    return sorted(word for word in re.findall(r"\w+", text.lower()) if word in _TURNS)


# --- what may be left out --------------------------------------------------------------------


def _dateline(text: str, language: str) -> Iterator[Cut]:
    found = _OPENING.match(text)
    if found is None or _DASH.search(text, found.end()):
        return
    lower = [word for word in re.findall(r"[^\W\d_]+", found["head"]) if word[0].islower()]
    if not found["head"][0].islower() and all(word in _TITLED for word in lower):
        yield found.span()


def _brackets(text: str, language: str) -> Iterator[Cut]:
    for found in _BRACKETS.finditer(text):
        if not _is_quoted(text, found.start()) and _LIMITS.search(found[0]) is None:
            yield found.span()


def _joining(text: str, language: str) -> Iterator[Cut]:
    if _PAIRED.search(text):
        return
    pattern = _JOINING if language == "de" else _JOINING_ENGLISH
    yield from (found.span() for found in pattern.finditer(text) if not _is_quoted(text, found.start()))


def _is_quoted(text: str, at: int) -> bool:
    """Whether a place may stand inside quotation marks: more are open before it than closed, or one has no partner."""
    before = text[:at]
    if "„" in text:
        return before.count("„") > before.count("“") + before.count("”")
    curly = before.count("“") > before.count("”")
    return curly or before.count('"') % 2 == 1 or (before.count("»") + before.count("«")) % 2 == 1
