"""The article's words in the reader's language: put there by the model, shown only where they can be checked.

Names that CLDR knows in both languages are looked up instead, other names stay as the article spells them. What the
checks do not let through is left in the article's own words.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rag import glossary, models
from rag.align import aligned, held
from rag.answer import one_line
from rag.names import alike
from rag.prompts import load_prompt
from rag.reading import read_sentence
from rag.sentences import detect_language
from rag.types import ChatModel, Encoder, ScoringModel, Usage
from rag.words import Word, words

FINGERPRINT = "translations 5"
"""Raised whenever the same translation may be shown or not shown differently."""

_SAME_MEANING = 0.86  # cosine of a sentence and its translation
# Cosine of a word and its nearest one on the other side: translations of good models lie above, words that were left
# out, invented or exchanged below.
_SAME_WORD = 0.85
_SAME_GAIN = 0.8  # for capitalised words that the translation has, many of which are no names
_SAME_NAME = 0.87  # for names, which are near to other names of their kind
# Where the model tells how sure it was of each token, that says more than nearness does: a small model stumbles where
# it does not know a word (eval/translations.py prints what both are worth, for translations that somebody has read).
_SURE = 0.5
# Where it also tells how likely the article's words are behind the translation, less will do: what a translation leaves
# out or gets wrong cannot be had back from it.
_SURE_WITH_BACK, LIKELY_BACK = 0.29, -2.2
_DOUBTED = 3  # the least sure tokens, which a wrong word is among
_ROUGHLY, _ROUGHLY_NAMED = 0.75, 0.8  # nearness of a word and of a name, beside surety

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

# Languages whose numbers in words, bounds and days are known (rag.reading).
_COUNTED_IN = frozenset({"de", "en"})
_SAME_DAY = {"gestern": "yesterday", "heute": "today", "morgen": "tomorrow"}
_PART_OF_DAY = re.compile(
    r"\b((?:Mon|Diens|Donners|Frei|Sams|Sonn)tag|Mittwoch|Sonnabend)"
    r"(?=(?:morgen|vormittag|mittag|nachmittag|abend|nacht)s?\b)"
)
_COMPANY = re.compile(r"[^\W\d_]+(?= (?:AG|GmbH|SE|KG|UG|e\. ?V\.))")
# Endings of German names of places, which are made like compounds and stay as they are.
_PLACE = re.compile(r"(?:burg|berg|dorf|furt|heim|hausen|stadt|stein|feld|bach|land|brück|brücken)s?$")

# Forms of "be" and "have": a short answer that gained one in translation has become a claim of its own.
_CLAIMS = frozenset(
    "is are was were has have had ist sind war waren hat haben hatte est sont était a ont es son era è sono".split()
)
# News does not speak to its reader: "Sie" is a "they" that was taken for a "you".
_ADDRESSED = {
    "en": frozenset("you your yours yourself".split()),
    "de": frozenset("du dich dir dein deine deinen deinem deiner euch euer eure euren eurem ihnen".split()),
}
# Words that turn a meaning round, by language; in one without a list a denial cannot be checked.
_DENIALS = {
    "de": "nicht kein keine keinen keinem keiner keines nichts nie niemals niemand weder noch ohne",
    "en": "not no nor neither never nobody nothing none without cannot",
    "fr": "ne pas n ni jamais rien sans aucun aucune personne",
    "es": "no ni nunca nada sin ningún ninguna nadie",
    "it": "non né mai nulla niente senza nessun nessuna nessuno",
}


@dataclass(frozen=True, slots=True)
class Translation:
    """A text as a model puts it into another language, unchecked.

    Attributes:
        text: empty where no model writes the language well, or where it was broken off as too unsure.
        surety: geometric mean probability of the tokens that the model was least sure of, 0..1; None where it does not
            tell. That tokens' probabilities tell good translations from bad ones without a reference: Fomicheva et al.
            2020, "Unsupervised Quality Estimation for Neural Machine Translation".
        back: see `likely_back`; None where that was not asked for, or the model does not tell.
        usage: what it cost.
    """

    text: str = ""
    surety: float | None = None
    back: float | None = None
    usage: Usage = Usage()


def translate(text: str, reader: str, llm: ChatModel, *, only_sure: bool = False) -> Translation:
    """The text in another language as the model puts it.

    Args:
        text: some words or a sentence.
        reader: code of the language.
        llm: the model.
        only_sure: break off as soon as it cannot be sure enough to stand for a sentence, and leave sentences alone that
            the model is known to be unable to translate; both save time.

    Raises:
        ModelError: the model did not answer.
    """
    language = glossary.language_name(reader)
    if (
        not language
        or not models.writes(llm.name, reader)
        or (only_sure and not models.translates(llm.name, text))
    ):
        return Translation()
    turns = load_prompt("translate").fill({"language": language, "text": text})
    least = _SURE_WITH_BACK if isinstance(llm, ScoringModel) else _SURE
    told: list[str] = []
    doubted: list[float] = []
    usage = Usage(calls=1)
    for piece in llm.stream(turns, max_tokens=40 + len(text) // 2):
        told.append(piece.text)
        usage = piece.usage or usage
        if piece.text and piece.logprob is not None:
            doubted = heapq.nsmallest(_DOUBTED, [*doubted, piece.logprob])
        # Another token can only lower it.
        if only_sure and len(doubted) == _DOUBTED and _surety(doubted) < least:
            return Translation(surety=_surety(doubted), usage=usage)
    surety = _surety(doubted) if doubted else None
    return Translation(_with_whole_numbers(one_line("".join(told)), text), surety, usage=usage)


def likely_back(
    text: str, language: str, translated: str, llm: ChatModel, *, least: float = -math.inf
) -> tuple[float | None, Usage]:
    """How likely a translation makes the text that it was made of, where it is put back; and what telling that cost.

    That is the mean log probability of the text's content words, 0 or below; None where it cannot be told. Scoring in
    this direction: Thompson and Post 2020, "Automatic Machine Translation Evaluation in Many Languages via Zero-Shot
    Paraphrasing".

    Args:
        text: a sentence.
        language: its code.
        translated: what was made of it.
        llm: the model.
        least: once the mean must fall below this, what it has come to is told and the rest is not looked at.

    Raises:
        ModelError: the model did not answer.
    """
    text = one_line(text)
    named, content = glossary.language_name(language), words(text, language)
    if not isinstance(llm, ScoringModel) or not named or not content:
        return None, Usage()
    turns = load_prompt("translate").fill({"language": named, "text": translated})
    total, end, usage = 0.0, 0, Usage(calls=1)
    for piece in llm.score(turns, text):
        usage = piece.usage or usage
        start, end = end, end + len(piece.text)
        total += sum(piece.logprob or 0.0 for word in content if word.start < end and start < word.end)
        if total < least * len(content):
            break
    return (total / len(content) if end else None), usage


def _with_whole_numbers(translated: str, text: str) -> str:
    """The translation with "2, 144" as "2,144" where the text has that number: small models put a blank there."""
    known = set(_numbers(text))
    return re.sub(
        r"\d{1,3}(?:, \d{3})+(?!\d)",
        lambda found: found[0].replace(" ", "") if re.sub(r"\D", "", found[0]) in known else found[0],
        translated,
    )


def _surety(doubted: Sequence[float]) -> float:
    return math.exp(sum(doubted) / len(doubted))


def is_sure(translation: Translation) -> bool:
    """Whether the model was sure enough of a translation for it to stand for a sentence, if it tells that at all."""
    surety, back = translation.surety, translation.back
    if surety is None or back is None:
        return surety is None or surety >= _SURE
    return surety >= _SURE_WITH_BACK and back >= LIKELY_BACK


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


def quotes_at_length(text: str) -> bool:
    """Whether somebody speaks in a text in so many words that they have to stay in the original."""
    return any(len(spoken.split()) >= _QUOTED_WORDS for spoken in _SPOKEN.findall(text))


def faithful(text: str, language: str, translation: Translation, reader: str, encoder: Encoder) -> bool:
    """Whether a translation says what a sentence says, as far as can be seen; `is_sure` is asked beside it.

    It quotes nobody at length, leaves no piece of a quotation and no German compound as it was, has like length, the
    same numbers, bounds and days, denies what the sentence denies, addresses nobody and is near in meaning. Every word
    and name has its like in it, if only roughly where the model tells how sure it was.
    """
    translated = translation.text
    if not translated or quotes_at_length(text):
        return False
    if not 0.4 <= len(translated) / max(1, len(text)) <= 2.5:
        return False
    if not _counts_alike(text, language, translated, reader) or _leaves_compounds(
        text, language, translated, reader
    ):
        return False
    if _tears_quotation(text, language, translated, reader) or _addresses(text, language, translated, reader):
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
    return _word_for_word(text, language, translated, reader, encoder, sure=translation.surety is not None)


def _counts_alike(text: str, language: str, translated: str, reader: str) -> bool:
    """Whether both tell the same numbers, with what bounds them ("more than"), and name the same days and months."""
    if not {language, reader} <= _COUNTED_IN:
        return _numbers(text) == _numbers(translated)
    return _counts(text, language) == _counts(translated, reader)


def _counts(text: str, language: str) -> Counter[tuple[float, str]]:
    read = read_sentence(_PART_OF_DAY.sub(r"\1 ", text) if language == "de" else text, language)
    # "Ein", "null" and "der letzte" are put in many ways, figures are not.
    told = (
        one
        for one in read.quantities
        if one.kind == "moment" or one.value > 1 or read.tokens[one.at].text[0].isdecimal()
    )
    return Counter(
        (one.value, one.bound or _SAME_DAY.get(one.unit, one.unit) * (one.kind == "moment")) for one in told
    )


def _leaves_compounds(text: str, language: str, translated: str, reader: str) -> bool:
    """Whether a German compound, names of places and companies aside, stands in the translation as it was."""
    if language != "de" or reader == "de":
        return False
    compounds = {text[word.start : word.end] for word in words(text, language) if len(word.parts) > 1}
    left = compounds.intersection(re.findall(r"[^\W\d_]+", translated)).difference(_COMPANY.findall(text))
    return any(not _PLACE.search(word) for word in left)


def _addresses(text: str, language: str, translated: str, reader: str) -> bool:
    return _has(translated, _ADDRESSED.get(reader)) and not _has(text, _ADDRESSED.get(language))


def _has(text: str, listed: frozenset[str] | None) -> bool:
    return listed is not None and not listed.isdisjoint(re.findall(r"\w+", text.casefold()))


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


def _word_for_word(
    text: str, language: str, translated: str, reader: str, encoder: Encoder, *, sure: bool = False
) -> bool:
    """Whether the translation holds every word of the text, and the text every name of the translation.

    Of a translation that the model can be sure of, both need to be there only roughly.
    """
    like, named, gained = _SAME_WORD, _SAME_NAME, _SAME_GAIN
    if sure:
        like, named, gained = _ROUGHLY, _ROUGHLY_NAMED, _ROUGHLY
    names = {word.start for word in glossary.proper_names(text, language)}
    spelled = set(re.findall(r"\w+", translated))
    one, other = aligned(text, language, encoder), aligned(translated, reader, encoder)
    return all(
        nearness >= (named if word.start in names else like)
        for word, nearness in held(one, other)
        # "US" is a name in German and a pronoun in English: what is spelled alike is the same.
        if not (word.start in names and text[word.start : word.end] in spelled)
        and not _needs_no_like(text, word)
    ) and all(nearness >= gained for word, nearness in held(other, one) if word.name)


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
