"""The article's words in the reader's language: put there by the model, shown only where they can be checked.

Names that CLDR knows in both languages are looked up instead, other names stay as the article spells them. What the
checks do not let through is left in the article's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import glossary, models
from rag.align import aligned, held
from rag.answer import one_line
from rag.names import alike
from rag.prompts import load_prompt
from rag.sentences import detect_language
from rag.types import ChatModel, Encoder, Usage
from rag.words import Word, words

_SAME_MEANING = 0.86  # cosine of a sentence and its translation
# Cosine of a word and its nearest one on the other side: translations of good models lie above, words that were left
# out, invented or exchanged below.
_SAME_WORD = 0.85
_SAME_GAIN = 0.8  # for capitalised words that the translation has, many of which are no names
_SAME_NAME = 0.87  # for names, which are near to other names of their kind

# Words that have no like of their own in another language: the part of a verb that German puts behind it, forms of
# reported speech, and what only joins sentences.
_PARTICLES = frozenset("fest statt teil bekannt frei zurück hinzu heraus hervor voraus".split())
_JOINING = frozenset(
    """sei seien habe werde müsse müsste könne wolle solle aufgrund wiederum hingegen unterdessen indes indessen jedoch
    allerdings derweil inzwischen zudem außerdem however meanwhile""".split()
)
_SPOKEN = re.compile(r"„[^“”\"]*[“”\"]|“[^”“]*[”“]|\"[^\"]*\"|»[^«]*«|«[^»]*»")
_QUOTED_WORDS = (
    5  # from so many words on what stands in quotation marks is speech, which stays in the original
)

# Prepositions that may stand before a name in English where German has this one; another turns the sentence round.
_BEFORE_NAMES = {
    german: frozenset(english.split())
    for german, english in {
        "in": "in at on within of into inside", "an": "at on in to by of", "auf": "on in at to of",
        "bei": "at near in with by during of", "nach": "to after according for following toward towards in",
        "aus": "from of out", "von": "of from by with", "ab": "from", "zu": "to at for on with of", "mit": "with by to",
        "ohne": "without", "für": "for of to in", "gegen": "against at to over", "vor": "before in of off",
        "seit": "since for", "bis": "until to till by", "zwischen": "between", "durch": "by through",
        "über": "about over on via of", "unter": "under among by", "um": "for at around about over",
    }.items()
}  # fmt: skip

_ENGLISH = frozenset(english for listed in _BEFORE_NAMES.values() for english in listed)
_PLAIN = {"am": "an", "im": "in", "ins": "in", "zum": "zu", "zur": "zu", "vom": "von", "beim": "bei"}

# Forms of "be" and "have": a short answer that gained one in translation has become a claim of its own.
_CLAIMS = frozenset(
    "is are was were has have had ist sind war waren hat haben hatte est sont était a ont es son era è sono".split()
)
# Words that turn a meaning round, by language; in one without a list a denial cannot be checked.
_DENIALS = {
    "de": "nicht kein keine keinen keinem keiner keines nichts nie niemals niemand weder noch ohne",
    "en": "not no nor neither never nobody nothing none without cannot",
    "fr": "ne pas n ni jamais rien sans aucun aucune personne",
    "es": "no ni nunca nada sin ningún ninguna nadie",
    "it": "non né mai nulla niente senza nessun nessuna nessuno",
}


def translate(text: str, reader: str, llm: ChatModel) -> tuple[str, Usage]:
    """The text in another language as the model puts it, unchecked; empty for one that it does not write well.

    Raises:
        ModelError: the model did not answer.
    """
    language = glossary.language_name(reader)
    if not language or not models.writes(llm.name, reader):
        return "", Usage()
    turns = load_prompt("translate").fill({"language": language, "text": text})
    reply = llm.complete(turns, max_tokens=40 + len(text) // 2)
    return one_line(reply.text), reply.usage


def is_name(text: str, language: str) -> bool:
    """Whether a short text is nothing but names, which stay as they are in every language."""
    found = words(text, language)
    return bool(found) and len(glossary.proper_names(text, language)) == len(found)


def same_short(text: str, language: str, translated: str, reader: str, encoder: Encoder) -> bool:
    """Whether the translation of a few words still says the same.

    It has like length, the same numbers, every name in the article's order and spelling, claims nothing new, and every
    word has its like in it.
    """
    own, other = text.split(), translated.rstrip(".").split()
    # A compound may need a word for each part.
    room = sum(max(1, len(word.parts)) for word in words(text, language))
    if not other or len(words(translated, reader)) > room or _numbers(text) != _numbers(translated):
        return False
    lowered = {word.casefold() for word in own}
    if {word.casefold() for word in other} & _CLAIMS - lowered or _denies(text, language):
        return False
    return _keeps_names(text, language, translated, reader) and _word_for_word(
        text, language, translated, reader, encoder
    )


def faithful(text: str, language: str, translated: str, reader: str, encoder: Encoder) -> bool:
    """Whether a translation may stand for a sentence.

    It quotes nobody at length, leaves no piece of a quotation as it was, has like length, the same numbers, denies what
    the sentence denies, is near in meaning, and every word has its like in it.
    """
    if any(len(spoken.split()) >= _QUOTED_WORDS for spoken in _SPOKEN.findall(text)):
        return False
    if not 0.4 <= len(translated) / max(1, len(text)) <= 2.5 or _numbers(text) != _numbers(translated):
        return False
    if _tears_quotation(text, language, translated, reader):
        return False
    if detect_language(translated) not in {"", reader} or not _denies_alike(
        text, language, translated, reader
    ):
        return False
    if (
        language == "de"
        and reader == "en"
        and not (_keeps_possessors(text, translated) and _keeps_prepositions(text, translated))
    ):
        return False
    vectors = encoder.encode_passages([text, translated])
    if float(vectors[0] @ vectors[1]) < _SAME_MEANING:
        return False
    return _word_for_word(text, language, translated, reader, encoder)


def _tears_quotation(text: str, language: str, translated: str, reader: str) -> bool:
    """Whether words that stand in quotation marks were left in the original or told outside of the marks."""
    own = [spoken[1:-1] for spoken in _SPOKEN.findall(text)]
    told = [spoken[1:-1] for spoken in _SPOKEN.findall(translated)]
    if any(piece != spoken and piece.casefold() in spoken.casefold() for piece in told for spoken in own):
        return True
    return len(own) != len(told) or any(
        len(words(piece, reader)) < len(words(spoken, language))
        for spoken, piece in zip(own, told, strict=True)
    )


def _word_for_word(text: str, language: str, translated: str, reader: str, encoder: Encoder) -> bool:
    """Whether the translation holds every word of the text, and the text every name of the translation."""
    names = {word.start for word in glossary.proper_names(text, language)}
    spelled = set(re.findall(r"\w+", translated))
    one, other = aligned(text, language, encoder), aligned(translated, reader, encoder)
    return all(
        nearness >= (_SAME_NAME if word.start in names else _SAME_WORD)
        for word, nearness in held(one, other)
        # "US" is a name in German and a pronoun in English: what is spelled alike is the same.
        if not (word.start in names and text[word.start : word.end] in spelled)
        and not _needs_no_like(text, word)
    ) and all(nearness >= _SAME_GAIN for word, nearness in held(other, one) if word.name)


def _needs_no_like(text: str, word: Word) -> bool:
    spelled = text[word.start : word.end].casefold()
    ends_clause = re.match(r"\s*(?:[,.;:!?)–]|und\b|$)", text[word.end :]) is not None
    return spelled in _JOINING or (spelled in _PARTICLES and ends_clause)


def _keeps_names(text: str, language: str, translated: str, reader: str) -> bool:
    others = words(translated, reader)
    places = [_place(name, others) for name in glossary.proper_names(text, language)]
    return None not in places and places == sorted(place for place in places if place is not None)


def _keeps_possessors(text: str, translated: str) -> bool:
    """Whether "Rothins Berater" stays "Rothin's adviser" or "adviser of Rothin", and does not become Rothin herself."""
    return all(
        _keeps_possessor(text[name.start : name.end], translated)
        for name in glossary.proper_names(text, "de")
    )


def _keeps_possessor(name: str, translated: str) -> bool:
    bare = name.removesuffix("s")
    known = words(glossary.said_in(bare, "de", "en") or bare, "en")
    if bare == name or not known:
        return True
    places = [word for word in words(translated, "en") if _is_same(known[0], word)]
    ends_alike = any(translated[word.start : word.end].endswith("s") for word in places)
    return not places or ends_alike or any(_possesses(translated, word) for word in places)


def _keeps_prepositions(text: str, translated: str) -> bool:
    """Whether no name that is spelled alike goes from "ab" to "to", from "in" to "from", and the like."""
    for spelled in set(re.findall(r"\b[A-ZÄÖÜ]\w+", text)):
        before = _before(spelled, text) & _BEFORE_NAMES.keys()
        behind = _before(spelled, translated)
        if (
            before
            and behind
            and behind <= _ENGLISH
            and not any(behind & _BEFORE_NAMES[one] for one in before)
        ):
            return False
    return True


def _before(name: str, text: str) -> set[str]:
    """The words before a name wherever it stands, articles left out, in lower case; "" where it opens the text."""
    found = re.findall(rf"(?:(\w+)\s+)?(?:\b(?:der|die|das|dem|den|the)\s+)?\b{re.escape(name)}\b", text)
    return {_PLAIN.get(word.casefold(), word.casefold()) for word in found}


def _possesses(text: str, word: Word) -> bool:
    behind, before = text[word.end :], text[: word.start]
    return behind.startswith(("'s", "’s")) or re.search(r"\b(?:of|by|from) (?:\w+ )?$", before) is not None


def _is_same(one: Word, other: Word) -> bool:
    return one.stem == other.stem or alike(one.stem, other.stem)


def _place(name: Word, others: Sequence[Word]) -> int | None:
    return next((at for at, other in enumerate(others) if _is_same(name, other)), None)


def _denies(text: str, language: str) -> bool:
    listed = _DENIALS.get(language)
    return listed is None or bool(set(re.findall(r"\w+", text.casefold())) & set(listed.split()))


def _denies_alike(text: str, language: str, translated: str, reader: str) -> bool:
    return _denies(text, language) == _denies(translated, reader)


def _numbers(text: str) -> list[str]:
    return sorted(re.sub(r"[.,]", "", number) for number in re.findall(r"\d[\d.,]*", text))
