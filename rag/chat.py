"""History + question -> one question that stands alone.

In: earlier turns and a question that may lean on them ("And on the other side?"). Out: one question that can
be searched for by itself, in its own language. Closed word classes tell whether it leans at all; a language
model rewrites it; the rewrite is taken only if it brings in no name and no number that was not there before.
Turns are material: what they demand is never followed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rag.errors import ModelError
from rag.glossary import language_name
from rag.prompts import load_prompt
from rag.question import Kind, read_question
from rag.sentences import detect_language
from rag.types import ChatModel, Message, Usage
from rag.words import Word, words

_log = logging.getLogger(__name__)

_TURNS = 6  # three questions with their answers
_TURN_CHARS = 240
_MAX_CHARS = 300
_MAX_TOKENS = 90
_BORROWED = 8  # words of earlier turns that are put behind a question no model rewrote
_LONE = 4  # content words that make a question understandable even if none of them is a name
_SAME_WORD = 5  # letters that two forms of one word begin with: "eröffnete", "Eröffnung"

# Words that point back, by language. What a pronoun may mean inside its own question is not looked into:
# asking the model once too often costs a second, asking too rarely loses the thread.
_POINTERS: dict[str, frozenset[str]] = {
    language: frozenset(listed.split())
    for language, listed in {
        "de": """er sie es ihn ihm ihnen ihr ihre ihrem ihren ihrer ihres seine seinem seinen seiner seines
            dies diese diesem diesen dieser dieses jene jenem jenen jener jenes derselbe dieselbe dasselbe
            daran darauf daraus dabei dadurch dafür dagegen daher dahin damit danach davon davor dazu darin
            darüber darum darunter deshalb deswegen dort dorthin damals sonst letztere letzterer letzteren
            beide beiden anderen""",
        "en": """he she it they him her them his hers its their theirs this these those else others
            then both latter former same""",
        "fr": """il elle ils elles lui eux leur leurs son sa ses cela ça cet cette ces celui celle ceux
            celles là alors""",
        "es": """él ella ellos ellas lo le les su sus esto eso ese esa esos esas aquello aquel aquella allí
            ahí entonces""",
        "it": """lui lei loro suo sua suoi sue ciò questo questa questi queste quello quella quelli quelle lì
            là allora""",
        "pt": """ele ela eles elas lhe lhes seu sua seus suas isso isto aquilo dele dela deles delas nele
            nela lá então""",
        "nl": """hij zij ze hem haar hun hen dit deze daar daarna daarom ervan eraan erover ermee erin
            toen""",
        "tr": """o onu ona onun ondan onlar onları onlara onların bu bunu buna bunun şu orada oraya""",
        "ru": """он она оно они его её ее ему ей им их него неё нее ней нему ним них этот эта это эти этого
            этой этих там туда тогда""",
    }.items()
}
# Pointers that do not point back: expletives, and days that are counted from today.
_NO_POINTERS = re.compile(
    r"\b(?:gibt|gab|gäbe|geht|ging|kam|kommt|handelt|handelte) es\b|"
    r"\bes (?:gibt|gab|geht|ging|kam|handelt)\b|"
    r"\bdiese[mnrs]? (?:jahr|monat|woche|tag|wochenende|sommer|winter|frühling|frühjahr|herbst)\w*|"
    r"\b(?:this|these) (?:year|month|week|weekend|morning|evening|summer|winter|spring|autumn|days?)\b|"
    r"\bis it true\b|\bil y a\b|-il\b|-elle\b|-ils\b|-elles\b|"
    r"\bcet(?:te)? (?:année|semaine|été|hiver)\b|\blo que\b|\best[ea] (?:año|mes|semana)\b|"
    r"\bquest[oa]'? (?:anno|mese|settimana)\b|\bbu (?:yıl|ay|hafta)\b|\bв эт\w+ (?:году|месяце)\b"
)
_GOES_ON = re.compile(
    r"^(?:und|aber|oder|also|and|but|or|so|what about|how about|et|mais|y|pero|e|ma|mas|en|maar|ve|peki|ama|"
    r"а|и|но)\b\s*(?:was ist mit\b|what about\b)?\s*",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(
    r"\b(?:wer|was|wen|wem|wo|welche\w*) noch\b|\bnoch jemand\b|"
    r"\bthat[?.!]*$|\b(?:is|was|did|does|about|after|before) that\b|\bthere[?.!]*$|\bdas[?.!]*$"
)
_DEFINITE = frozenset("der die das dem den des am im beim vom zum zur ins ans".split())
_ARTICLES = frozenset(
    "der die das den dem des ein eine einen einem einer the a an le la les un une el los las il lo gli o os as de het "
    "een".split()
)
_SWAPPED = 6  # words of a part that takes the place of another: "and on the other side?"
_NEGATIONS = re.compile(
    r"\b(?:nicht|kein\w*|nie|niemals|niemand\w*|ohne|not|no|never|nobody|none|without|pas|jamais|nunca|non|mai|"
    r"não|niet|geen|değil|не|нет|ни)\b|n['’]t\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\s*\[\d+\]")


def standalone(
    question: str, history: Sequence[Message], llm: ChatModel | None, *, max_tokens: int = _MAX_TOKENS
) -> tuple[str, Usage]:
    """The question so that it can be understood without `history`, in its own language.

    It comes back as it is when there is no history or nothing in it points back. A question that only puts
    one part in the place of another ("And in Rome?") needs no model. Without one, and when its rewrite
    cannot be trusted, the telling words of the turns before are put behind it in brackets.

    Args:
        question: the last question, not blank.
        history: the turns before it, oldest first; the last six count, each cut to 240 characters.
        llm: the model that rewrites, or None.
        max_tokens: the longest rewrite.
    """
    turns = _recent(history)
    if not turns or stands_alone(question):
        return question, Usage()
    swapped = _swapped(question, turns)
    if swapped or llm is None:
        return swapped or _with_context(question, turns), Usage()
    values = {
        "conversation": "\n".join(f"- {turn.content}" for turn in turns),
        "language": language_name(_language(question, turns)) or "its own language",
        "question": _one_line(question),
    }
    asked = load_prompt("standalone").fill(values)
    try:
        reply = llm.complete(asked, max_tokens=max_tokens)
    except ModelError as error:
        _log.warning("the question stays as it was asked: %s", error)
        return _with_context(question, turns), Usage()
    rewrite = reply.text.strip()
    if _is_faithful(rewrite, question, turns):
        return rewrite, reply.usage
    return _with_context(question, turns), reply.usage


def stands_alone(question: str) -> bool:
    """Whether nothing in the question points to something said before, as far as closed word classes tell.

    It must name what it is about: a name or number, or four content words. A single German noun behind a
    definite article ("the talks") is taken for something said before.
    """
    language = detect_language(question)
    if language not in _POINTERS or _points_back(question, language):
        return False
    found = words(question, language)
    names = [word for word in found if word.name]
    if language == "de" and len(names) == 1:
        before = question[: names[0].start].casefold().split()
        return not before or before[-1] not in _DEFINITE
    return bool(names) or len(found) >= _LONE


def _points_back(question: str, language: str) -> bool:
    lowered = _one_line(question).casefold()
    if _GOES_ON.match(lowered) or _ELLIPSIS.search(lowered):
        return True
    rest = _NO_POINTERS.sub(" ", lowered)
    return not _POINTERS.get(language, frozenset()).isdisjoint(re.findall(r"\w+", rest))


def _recent(history: Sequence[Message]) -> list[Message]:
    """The last turns of user and assistant that say something, each on one line and cut."""
    said = [turn for turn in history[-2 * _TURNS :] if turn.role != "system" and turn.content.strip()]
    return [turn.model_copy(update={"content": _cut(turn.content)}) for turn in said[-_TURNS:]]


def _cut(text: str) -> str:
    line = _one_line(_MARKS.sub("", text[: 4 * _TURN_CHARS]))
    return line if len(line) <= _TURN_CHARS else line[:_TURN_CHARS].rsplit(" ", 1)[0] + " …"


def _one_line(text: str) -> str:
    return " ".join(text.split())


# --- what a model wrote ------------------------------------------------------------------------


def _is_faithful(rewrite: str, question: str, turns: Sequence[Message]) -> bool:
    """Whether a rewrite asks the same: one line, same language and kind, nothing invented, nothing lost."""
    if not rewrite or len(rewrite) > _MAX_CHARS or "\n" in rewrite or _GOES_ON.match(rewrite):
        return False
    language = _language(question, turns)
    if detect_language(rewrite) not in {language, ""}:
        return False
    kind = _kind(question)
    if kind not in {Kind.OTHER, Kind.YES_NO} and _kind(rewrite) is not kind:
        return False
    if bool(_NEGATIONS.search(question)) and not _NEGATIONS.search(rewrite):
        return False
    asked = words(question, language)
    written = words(rewrite, language)
    if _stems(written) <= _stems(asked) and _points_back(rewrite, language):
        return False
    return _invents_nothing(written, question, turns, language) and _keeps(asked, _stems(written))


def _kind(question: str) -> Kind:
    return read_question(question, max_chars=len(question)).kind


def _language(question: str, turns: Sequence[Message]) -> str:
    """The question's language; of one too short to tell, that of the turns before it."""
    return next(filter(None, map(detect_language, (question, *_asked(turns)))), "")


def _invents_nothing(written: Iterable[Word], question: str, turns: Sequence[Message], language: str) -> bool:
    """Whether every name and number, and a word that opens the rewrite, was there before."""
    there: set[str] = set()
    for text in (question, *(turn.content for turn in turns)):
        for tongue in {language, detect_language(text)}:
            there |= _stems(words(text, tongue))
    new = (word for word in written if word.name or word.start == 0)
    return all(_is_form_of(word.stem, there) for word in new)


def _keeps(asked: Sequence[Word], written: set[str]) -> bool:
    """Whether every name and number of the question, and half of its content words, are still asked about."""
    kept = [_is_form_of(word.stem, written) for word in asked]
    names = all(is_kept for word, is_kept in zip(asked, kept, strict=True) if word.name)
    return names and sum(kept) * 2 >= len(kept)


def _stems(found: Iterable[Word]) -> set[str]:
    return {stem for word in found for stem in (word.stem, *word.parts)}


def _is_form_of(stem: str, known: set[str]) -> bool:
    if stem in known:
        return True
    if len(stem) < _SAME_WORD or any(character.isdigit() for character in stem):
        return False
    return any(other.startswith(stem[:_SAME_WORD]) for other in known)


# --- without a model ---------------------------------------------------------------------------


def _swapped(question: str, turns: Sequence[Message]) -> str:
    """The last question that stands alone with one part exchanged for that of `question`, "" if none fits.

    The part must open with a preposition that the earlier question has too; it replaces what reaches from
    there to the word it ends with itself, or else to the next name.
    """
    line = _one_line(question)
    opening = _GOES_ON.match(line)
    base = next((one for one in _asked(turns) if stands_alone(one)), "")
    part = line[opening.end() :].rstrip("?.! ") if opening else ""
    parts = part.casefold().split()
    language = _language(part, turns)
    if not base or not 2 <= len(parts) <= _SWAPPED or parts[0] in _ARTICLES:
        return ""
    if _points_back(part, language) or _kind(f"{part}?") is not Kind.YES_NO or words(parts[0], language):
        return ""
    start = re.search(rf"\b{re.escape(parts[0])}\b", base, re.IGNORECASE)
    if start is None:
        return ""
    rest = base[start.end() :]
    names = (word for word in words(base, language) if word.name and word.start >= start.end())
    same_end = re.search(rf"\b{re.escape(parts[-1])}\b", rest, re.IGNORECASE)
    end = start.end() + same_end.end() if same_end else next((word.end for word in names), 0)
    return f"{base[: start.start()]}{part}{base[end:]}" if end else ""


def _asked(turns: Sequence[Message]) -> list[str]:
    """What the user said, latest first."""
    return [turn.content for turn in reversed(turns) if turn.role == "user"]


def _with_context(question: str, turns: Sequence[Message]) -> str:
    """The question with telling words of earlier turns behind it, in brackets.

    They come from the last answer if it is no longer than a name, and from the user's turns back to the last
    one that stands alone.
    """
    language = _language(question, turns)
    asked = _stems(words(question, language))
    borrowed: dict[str, str] = {}
    for text in _sources(turns):
        for word in _telling(words(text, language), text, asked):
            borrowed.setdefault(word.stem, text[word.start : word.end])
    line, telling = _one_line(question), list(borrowed.values())[:_BORROWED]
    return f"{line} ({' '.join(telling)})" if telling else line


def _telling(found: Sequence[Word], text: str, asked: set[str]) -> list[Word]:
    """The words that were not asked, nor stand right before one that was.

    Asked for the right side, "left" of the left side does not matter.
    """
    return [
        word
        for word, after in zip_longest(found, found[1:])
        if word.stem not in asked
        and (after is None or after.stem not in asked or text[word.end : after.start].strip())
    ]


def _sources(turns: Sequence[Message]) -> list[str]:
    found = []
    if turns[-1].role == "assistant" and len(turns[-1].content.split()) <= _LONE:
        found.append(turns[-1].content)
    for content in _asked(turns):
        found.append(content)
        if stands_alone(content):
            break
    return found
