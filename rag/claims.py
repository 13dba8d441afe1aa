"""A claim and sentences of an article -> do they support it, contradict it, or not tell?

Two steps, without a language model. First the claim is laid beside the sentences clause by clause, and what differs in
kind is listed as a doubt: another number, date or name, a negation or a quantifier that only one side has, roles
exchanged, somebody's words told as a fact or as another one's. Then a small logistic model over cheap signals
(coefficients in claims.json, written by eval/fit_claims.py) says how probable support is. A claim in nearly the same
words as a sentence has to pass a second one, which looks at their order alone: where all words are the same, only that
tells who did what to whom (as in Zhang et al. 2019, "PAWS"). What doubts do is a matter of `Care`: they weigh, or one
is enough not to support. The words of a sentence themselves are always supported.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.names import alike
from rag.reading import (
    OPPOSITES,
    SCOPES,
    Clause,
    Name,
    Quantity,
    Reading,
    Token,
    in_list,
    is_saying,
    is_source,
    read_sentence,
    spelling,
)
from rag.types import TokenEncoder, Verdict
from rag.words import ends_compounds

if TYPE_CHECKING:
    from rag.types import Vectors

_COEFFICIENTS = Path(__file__).with_name("claims.json")
_WEAKEST = 4  # the quarter of a claim's tokens that has least of a counterpart, whatever the claim's length
_FAR_APART = 0.5  # what `compare_tokens` gives for texts that have nothing to do with each other
SAME_CLAIM = 0.6  # closeness from which two sentences say the same, but for what one of them denies
_ALIGNED = 0.6  # share of a clause's words from which what differs in the other clause contradicts it
_COVERED = 0.75  # share of the claim's words below which a word in another's place may be its opposite
COPY = 0.75  # likeness from which a claim is a sentence in nearly the same words
_STRIDE = 6  # words from one to the next beyond which it makes no difference how far they are apart
_TITLE = 6  # words that a title may stand before its name
_ABSTRACT = re.compile(r"(?:ung|heit|keit|schaft|tion|ität|ismus|tum)(?:en|s)?$")  # no name ends like this
_COMMON = 30  # compounds of a dictionary that a noun ends: names of people and places end few


class Care(StrEnum):
    """How careful a verdict is, since one that misses little cannot also let little through.

    `EVEN`: both mistakes weigh the same. Support above .5 decides, and doubts weigh in it as signals, as much as they
    were right. For claims in other words than their evidence: three quarters of the right ones differ in some name,
    speaker or number.
    `STRICT`: one doubt is enough not to support, three quarters of the words have to stand in the evidence, and so much
    support is needed that of unsupported claims 15 % reach it. For what is about to be printed: nearly nothing wrong
    passes, and what is told freely does not either.
    """

    EVEN = "even"
    STRICT = "strict"


class DoubtKind(StrEnum):
    """In what a claim and its evidence differ."""

    NUMBER = "number"
    NAME = "name"
    NEGATION = "negation"
    SCOPE = "scope"
    CERTAINTY = "certainty"
    ROLE = "role"
    SPEAKER = "speaker"


_HARD = frozenset({DoubtKind.NUMBER, DoubtKind.NEGATION})


@dataclass(frozen=True, slots=True)
class Doubt:
    """One difference. `contradicts` is true where the evidence says something else in its place."""

    kind: DoubtKind
    claimed: str
    found: str = ""
    contradicts: bool = False


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for support, all in 0..1.

    Attributes:
        weakest: mean cosine to the nearest token of the sentences, over the quarter of the claim's tokens that are
            furthest from any, from what unrelated texts have to 1; 0 if not known.
        coverage: share of the claim's content words in the sentences, longer words counting more.
        clause: the lowest such share of one of the claim's clauses.
        names: share of the claim's capitalised words in the sentences.
        verbatim: longest run of content words in the same order, as a share of the claim's.
        order: share of neighbouring content words of the claim that stand near each other in the same order.
        absent: content words that are held nowhere, 0 for none to 1 for four or more.
        doubts: differences found, 0 for none to 1 for three or more.
        hard: those that no other wording explains: 0.5 for a number or date, 0.5 for a negation.
        likeness: share of content words that the claim and the sentence most like it have in common.
        kept: of these, the share in the longest run that stands in the same order on both sides.
        moved: how far apart words that follow each other in the claim stand there, 0 for all together to 1.
    """

    weakest: float
    coverage: float
    clause: float
    names: float
    verbatim: float
    order: float
    absent: float
    doubts: float
    hard: float = 0.0
    likeness: float = 0.0
    kept: float = 0.0
    moved: float = 0.0

    @property
    def closeness(self) -> float:
        """How closely the words follow the sentences, 0..1, whatever the doubts: where a claim has to be judged."""
        return (self.coverage + self.verbatim + self.order) / 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of a claim. `support` is the probability (0..1) that it is supported; `Care` may overrule it."""

    verdict: Verdict
    support: float
    doubts: tuple[Doubt, ...]
    signals: Signals


@dataclass(frozen=True, slots=True)
class ClaimModel:
    """A logistic model over signals, `bias + Σ weight · signal`; `even` and `strict`: the support needed, by care."""

    bias: float
    weights: dict[str, float]
    even: float
    strict: float

    def supports(self, seen: Signals, care: Care) -> bool:
        """Whether the support is enough."""
        return self.support(seen) >= (self.even if care is Care.EVEN else self.strict)

    def support(self, seen: Signals) -> float:
        """Calibrated probability (0..1) that the claim is supported."""
        values = asdict(seen)
        total = self.bias + sum(weight * values[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def load_model(name: str) -> ClaimModel:
    """The coefficients called `name` in claims.json: `words`, `meaning` where token vectors are known too, `copy`."""
    return ClaimModel(**json.loads(_COEFFICIENTS.read_text(encoding="utf-8"))[name])


def claims_fingerprint() -> str:
    """Hash of the coefficients."""
    return hashlib.sha256(_COEFFICIENTS.read_bytes()).hexdigest()[:12]


class Meaning:
    """Compares a claim and sentences token by token, after Zhang et al. (2020), "BERTScore", but for single tokens.

    Whole sentences are near each other as soon as they are about the same; what a claim adds shows in the tokens that
    have no counterpart.

    Args:
        encoder: gives vectors of tokens in their context.
        kept: how many sentences' vectors are kept in memory (about 60 kB each).
    """

    def __init__(self, encoder: TokenEncoder, *, kept: int = 500) -> None:
        self._encode = lru_cache(maxsize=kept)(lambda text: encoder.encode_tokens([text])[0])

    def compare(self, claim: str, sentences: Sequence[str]) -> float:
        """See `compare_tokens`."""
        return compare_tokens(self._encode(claim), [self._encode(sentence) for sentence in sentences])


def compare_tokens(claim: Vectors, sentences: Sequence[Vectors]) -> float:
    """Mean cosine to the nearest token of the sentences, over the quarter of a claim's tokens furthest from any.

    Vectors have shape (tokens, dimensions); 0 where there are no tokens.
    """
    evidence = [vectors for vectors in sentences if len(vectors)]
    if not len(claim) or not evidence:
        return 0.0
    nearest = np.max([(claim @ vectors.T).max(axis=1) for vectors in evidence], axis=0)
    return float(np.sort(nearest)[: max(2, len(nearest) // _WEAKEST)].mean())


def judge(
    claim: str,
    sentences: Sequence[str],
    language: str,
    *,
    known: str = "",
    meaning: Meaning | None = None,
    care: Care = Care.EVEN,
) -> Judgement:
    """Judges a claim by neighbouring sentences of one article, in the order of the text.

    Args:
        claim: one sentence.
        sentences: the evidence; where one opens with a pronoun, the sentence before it should be there too.
        language: of both, ISO 639-1.
        known: the whole article, where titles and first names are looked up; the sentences if empty.
        meaning: compares token by token; without it words alone decide.
        care: what doubts do.
    """
    reading = read_sentence(claim, language)
    evidence = tuple(read_sentence(sentence, language) for sentence in sentences)
    if _is_repeated(claim, sentences):
        return Judgement(Verdict.SUPPORTED, 1.0, (), signals(reading, evidence, 1.0, ()))
    if not any(token.word for token in reading.tokens):  # every sentence would hold all of its words
        return Judgement(Verdict.NOT_SUPPORTED, 0.0, (), signals(reading, evidence, 0.0, ()))
    doubts = tuple(dict.fromkeys(find_doubts(reading, evidence, known or " ".join(sentences))))
    asked = meaning is not None and (care is Care.EVEN or not doubts)  # it costs more than all the rest
    near = meaning.compare(claim, sentences) if meaning is not None and asked else 0.0
    seen = signals(reading, evidence, near, doubts)
    models = [
        load_model("meaning" if asked else "words"),
        *([load_model("copy")] if seen.likeness >= COPY else []),
    ]
    support = min(model.support(seen) for model in models)
    enough = all(model.supports(seen, care) for model in models)
    if enough and (care is Care.EVEN or is_safe(seen, doubts)):
        return Judgement(Verdict.SUPPORTED, support, doubts, seen)
    contradicted = any(doubt.contradicts for doubt in doubts) and seen.coverage >= _ALIGNED
    verdict = Verdict.CONTRADICTED if contradicted else Verdict.NOT_SUPPORTED
    return Judgement(verdict, support, doubts, seen)


def is_safe(seen: Signals, doubts: Sequence[Doubt]) -> bool:
    """What `Care.STRICT` asks for besides support: no doubt, and most words of the claim in the evidence."""
    return not doubts and seen.coverage >= _COVERED


def _is_repeated(claim: str, sentences: Sequence[str]) -> bool:
    """Whether the claim is one of the sentences, or all of them, to the letter; only spaces may differ."""
    told = " ".join(claim.split())
    return any(told == " ".join(text.split()) for text in (*sentences, " ".join(sentences)))


def denies(one: Reading, other: Reading) -> bool:
    """Whether two sentences are in nearly the same words and one of them is negated where the other is not."""
    doubts = find_doubts(one, (other,), other.text)
    if not any(doubt.kind is DoubtKind.NEGATION and doubt.contradicts for doubt in doubts):
        return False
    return signals(one, (other,), 0.0, ()).closeness >= SAME_CLAIM


# --- signals ---------------------------------------------------------------------------------


def signals(claim: Reading, evidence: Sequence[Reading], near: float, doubts: Sequence[Doubt]) -> Signals:
    """The signals of a claim beside its evidence; `near` is what `Meaning.compare` gives."""
    content = [token for token in claim.tokens if token.word]
    held = _held_by(evidence)
    capitals = [token for token in content if token.text[0].isupper() or token.text[0].isdigit()]
    likeness, kept, moved = _arrangement(claim, evidence)
    return Signals(
        weakest=min(1.0, max(0.0, (near - _FAR_APART) / (1.0 - _FAR_APART))),
        coverage=_share(content, held),
        clause=min((_share(part, held) for part in _content_by_clause(claim)), default=1.0),
        names=sum(map(held, capitals)) / len(capitals) if capitals else 1.0,
        verbatim=_verbatim(content, evidence),
        order=_order(content, evidence),
        absent=min(1.0, sum(not held(token) for token in content) / 4),
        doubts=min(1.0, len(doubts) / 3),
        hard=len(_HARD & {doubt.kind for doubt in doubts}) / len(_HARD),
        likeness=likeness,
        kept=kept,
        moved=moved,
    )


def _content_by_clause(reading: Reading) -> Iterator[list[Token]]:
    for clause in reading.clauses:
        content = [token for token in reading.in_clause(clause.n) if token.word]
        if len(content) > 1:
            yield content


def _held_by(evidence: Sequence[Reading]) -> Callable[[Token], bool]:
    stems = frozenset().union(*(reading.stems for reading in evidence))
    says = any(clause.says for reading in evidence for clause in reading.clauses)
    return lambda token: _held(token, stems, says)


def _held(token: Token, stems: frozenset[str], says: bool = False) -> bool:
    """Whether a content word is among the stems: itself, all parts of a compound, or another spelling of it.

    One verb of saying holds another where the evidence `says` something.
    """
    if token.word is None:
        return False
    if token.word.stem in stems or (token.word.parts and all(part in stems for part in token.word.parts)):
        return True
    if says and is_saying(token):
        return True
    return _spelled(token.word.stem, stems) if token.text[0].isupper() else False


def _spelled(stem: str, stems: frozenset[str]) -> bool:
    return len(stem) >= 4 and spelling(stem) in _spellings(stems)


@lru_cache(maxsize=4_000)
def _spellings(stems: frozenset[str]) -> frozenset[str]:
    return frozenset(spelling(stem) for stem in stems)


def _weight(token: Token) -> float:
    return math.sqrt(len(token.text))


def _share(content: Sequence[Token], held: Callable[[Token], bool]) -> float:
    """Share (0..1) of content words that are held; long words count more, since they are rarer."""
    total = sum(map(_weight, content))
    return sum(_weight(token) for token in content if held(token)) / total if total else 1.0


def _stems_in_order(reading: Reading) -> list[tuple[str, ...]]:
    return [(token.word.stem, *token.word.parts) for token in reading.tokens if token.word]


def _verbatim(content: Sequence[Token], evidence: Sequence[Reading]) -> float:
    """Longest run of neighbouring content words that both sides have in the same order, as a share of the claim's."""
    claimed = [token.word.stem for token in content if token.word]
    best = 0
    for reading in evidence:
        found = [stems[0] for stems in _stems_in_order(reading)]
        lengths = [0] * (len(found) + 1)
        for stem in claimed:
            previous = 0
            for at, other in enumerate(found, 1):
                previous, lengths[at] = lengths[at], previous + 1 if stem == other else 0
                best = max(best, lengths[at])
    return best / len(claimed) if claimed else 1.0


def _order(content: Sequence[Token], evidence: Sequence[Reading]) -> float:
    """Share of the claim's neighbouring words that stand within four words of each other, in the same order."""
    claimed = [token.word.stem for token in content if token.word]
    near: set[tuple[str, str]] = set()
    for reading in evidence:
        found = _stems_in_order(reading)
        for at, stems in enumerate(found):
            for others in found[at + 1 : at + 5]:
                near.update((one, other) for one in stems for other in others)
    pairs = list(zip(claimed, claimed[1:], strict=False))
    return sum(pair in near for pair in pairs) / len(pairs) if pairs else 1.0


def _arrangement(claim: Reading, evidence: Sequence[Reading]) -> tuple[float, float, float]:
    """Likeness to the sentence most like the claim, the share of common words kept in order, how far they moved.

    Sentences in the other voice are passed over: "A opened B" has to be in another order than "B was opened by A".
    """
    content = [token for token in claim.tokens if token.word]
    best: tuple[float, list[int]] = (0.0, [])
    for reading in evidence:
        if _is_passive(reading) != _is_passive(claim):
            continue
        others = [token for token in reading.tokens if token.word]
        places = _places(content, others)
        best = max(
            best, (2 * len(places) / max(1, len(content) + len(others)), places), key=lambda one: one[0]
        )
    likeness, places = best
    run: list[int] = []  # of the ascending runs of each length, the lowest end
    for place in places:
        at = bisect_left(run, place)
        run[at : at + 1] = [place]
    strides = [min(abs(b - a), _STRIDE) / _STRIDE for a, b in zip(places, places[1:], strict=False)]
    moved = sum(strides) / len(strides) if strides else 0.0
    return likeness, len(run) / len(places) if places else 0.0, moved


def _is_passive(reading: Reading) -> bool:
    return any(clause.passive for clause in reading.clauses)


def _places(content: Sequence[Token], others: Sequence[Token]) -> list[int]:
    """Where the claim's words stand among a sentence's, each word once, the nearest to where the last one stood."""
    free = dict(enumerate(others))
    places: list[int] = []
    for number, token in enumerate(content):
        wanted = places[-1] + 1 if places else number
        same = [place for place, other in free.items() if _is_same(token, other)]
        if same:
            places.append(min(same, key=lambda place: abs(place - wanted)))
            del free[places[-1]]
    return places


def _is_same(one: Token, other: Token) -> bool:
    if one.word is None or other.word is None:
        return False
    return one.word.stem == other.word.stem or (
        one.text[0].isupper() and alike(one.word.stem, other.word.stem)
    )


# --- doubts ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Match:
    """A clause of the claim and the clause of the evidence that holds most of its words."""

    clause: Clause
    content: tuple[Token, ...]
    reading: Reading
    found: Clause
    share: float
    stems: frozenset[str]


def find_doubts(claim: Reading, evidence: Sequence[Reading], known: str) -> Iterator[Doubt]:
    """In what the claim differs from its evidence."""
    matches = list(_matches(claim, evidence))
    yield from _number_doubts(claim, evidence, matches)
    yield from _name_doubts(claim, evidence, matches, known)
    for match in matches:
        yield from _clause_doubts(match)
        yield from _speaker_doubts(claim, evidence, match, matches)
    yield from _role_doubts(claim, matches)


def _matches(claim: Reading, evidence: Sequence[Reading]) -> Iterator[_Match]:
    for clause in claim.clauses:
        content = tuple(token for token in claim.in_clause(clause.n) if token.word)
        if not content:
            continue
        candidates = []
        for reading in evidence:
            for found in reading.clauses:
                stems = _clause_stems(reading, found.n)
                share = _share(content, lambda token, s=stems, f=found: _held(token, s, f.says))  # type: ignore[misc]
                candidates.append((share, reading, found, stems))
        if candidates:
            share, reading, found, stems = max(candidates, key=lambda one: one[0])
            yield _Match(clause, content, reading, found, share, stems)


@lru_cache(maxsize=8_000)
def _clause_stems(reading: Reading, number: int) -> frozenset[str]:
    inside = (token.word for token in reading.in_clause(number) if token.word)
    return frozenset(stem for word in inside for stem in (word.stem, *word.parts))


def _match_of(clause: int, matches: Sequence[_Match]) -> _Match | None:
    return next((match for match in matches if match.clause.n == clause), None)


def _number_doubts(claim: Reading, evidence: Sequence[Reading], matches: Sequence[_Match]) -> Iterator[Doubt]:
    found = [quantity for reading in evidence for quantity in reading.quantities]
    for wanted in claim.quantities:
        if any(_same_quantity(wanted, other) for other in found):
            continue
        match = _match_of(wanted.clause, matches)
        rivals = [other for other in match.reading.quantities if _rivals(wanted, other)] if match else []
        other = match.reading.tokens[rivals[0].at].text if match and rivals else ""
        clear = match is not None and match.share >= _ALIGNED
        yield Doubt(DoubtKind.NUMBER, claim.tokens[wanted.at].text, other, bool(rivals) and clear)


def _same_quantity(one: Quantity, other: Quantity) -> bool:
    same_value = math.isclose(one.value, other.value, rel_tol=1e-9)
    units = one.unit == other.unit or (one.kind != "moment" and not (one.unit and other.unit))
    kinds = one.kind == other.kind or {one.kind, other.kind} == {"count", "year"}
    return same_value and units and kinds and one.bound == other.bound


def _rivals(one: Quantity, other: Quantity) -> bool:
    if one.kind == "moment" == other.kind:
        return one.unit.rstrip("0123456789") == other.unit.rstrip("0123456789")
    return one.kind == other.kind and one.unit == other.unit


def _name_doubts(
    claim: Reading, evidence: Sequence[Reading], matches: Sequence[_Match], known: str
) -> Iterator[Doubt]:
    attested = _attested(known, claim.language)
    for name in claim.names:
        head = claim.tokens[name.head]
        match = _match_of(name.clause, matches)
        if match is None or _held(head, match.stems):
            yield from _title_doubts(claim, name, attested)
            continue
        rival = _rival(claim, name, match)
        elsewhere = not rival and _held(head, _around(match, evidence))
        if not elsewhere and not _is_common(claim, name):
            yield Doubt(DoubtKind.NAME, head.text, rival, bool(rival) and match.share >= _ALIGNED / 2)


def _title_doubts(
    claim: Reading, name: Name, attested: Sequence[tuple[frozenset[str], frozenset[str]]]
) -> Iterator[Doubt]:
    head = claim.tokens[name.head]
    for modifier in (claim.tokens[at] for at in name.tokens[:-1]):
        if modifier.word and not _goes_with(modifier, head, attested):
            # The article has this word with others and others with this name: they are exchanged.
            exchanged = any(_held(modifier, stems | leading) for stems, leading in attested)
            yield Doubt(DoubtKind.NAME, f"{modifier.text} {head.text}", "", exchanged)


def _around(match: _Match, evidence: Sequence[Reading]) -> frozenset[str]:
    """Stems of the matching sentence, and of the one before where a pronoun leads there."""
    place = evidence.index(match.reading)
    if place and match.reading.opens_with_pronoun:
        return match.reading.stems | evidence[place - 1].stems
    return match.reading.stems


def _is_common(claim: Reading, name: Name) -> bool:
    """Whether a capitalised word is an ordinary German noun, which another word may stand for."""
    if claim.language != "de" or len(name.tokens) > 1 or name.head == 0:
        return False
    return claim.tokens[name.head - 1].text[0].islower() and _is_ordinary(claim.tokens[name.head])


def _is_ordinary(token: Token) -> bool:
    """Whether a German noun is one of the dictionary's rather than a name."""
    if token.word is None:
        return False
    return _ABSTRACT.search(token.lower) is not None or ends_compounds(token.word) >= _COMMON


def _rival(claim: Reading, name: Name, match: _Match) -> str:
    """A name in the matching clause that the claim does not have, with the same preposition."""
    for other in match.reading.names:
        head = match.reading.tokens[other.head]
        free = other.clause == match.found.n and other.preposition == name.preposition
        if free and not _held(head, claim.stems):
            return head.text
    return ""


@lru_cache(maxsize=200)
def _attested(known: str, language: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """For every capitalised word of an article its stems, and those of the words that lead up to it in its phrase."""
    tokens = read_sentence(known, language).tokens
    pairs = []
    for at, token in enumerate(tokens):
        if token.word and token.text[0].isupper():
            pairs.append((_token_stems(token), frozenset(_leading_stems(tokens, at))))
    return tuple(pairs)


def _leading_stems(tokens: Sequence[Token], at: int) -> Iterator[str]:
    for token in reversed(tokens[max(0, at - _TITLE) : at]):
        if token.text != "-" and (token.word is None or token.clause != tokens[at].clause):
            return
        yield from _token_stems(token)


def _token_stems(token: Token) -> frozenset[str]:
    return frozenset((token.word.stem, *token.word.parts)) if token.word else frozenset()


def _goes_with(
    modifier: Token, head: Token, attested: Sequence[tuple[frozenset[str], frozenset[str]]]
) -> bool:
    """Whether the article has the one leading up to the other somewhere: title, first name or adjective."""
    return any(_held(head, stems) and _held(modifier, leading) for stems, leading in attested)


def _clause_doubts(match: _Match) -> Iterator[Doubt]:
    clear = match.share >= _ALIGNED
    claimed, found = match.clause, match.found
    if claimed.negated != found.negated:
        yield Doubt(
            DoubtKind.NEGATION, _told(claimed.negated, "negated"), _told(found.negated, "negated"), clear
        )
    if found.hedged and not claimed.hedged:
        yield Doubt(DoubtKind.CERTAINTY, "certain", "possible")
    if missing := claimed.scopes - found.scopes:
        yield Doubt(
            DoubtKind.SCOPE, min(missing), min(found.scopes, default=""), clear and bool(found.scopes)
        )
    elif "only" in found.scopes - claimed.scopes and (limited := _limited(match)):
        yield Doubt(DoubtKind.SCOPE, "", f"only {limited}")


def _limited(match: _Match) -> str:
    """The word behind "only" in the evidence, if the claim has it without."""
    tokens = match.reading.in_clause(match.found.n)
    places = [at for at, token in enumerate(tokens) if SCOPES.get(token.lower) == "only"]
    stems = frozenset(stem for token in match.content for stem in _token_stems(token))
    following = (next((t for t in tokens[at + 1 :] if t.word), None) for at in places)
    return next((token.text for token in following if token and _held(token, stems)), "")


def _told(flag: bool, word: str) -> str:
    return word if flag else f"not {word}"


def _speaker_doubts(
    claim: Reading, evidence: Sequence[Reading], match: _Match, matches: Sequence[_Match]
) -> Iterator[Doubt]:
    """Who says it: the claim's speaker has to be the evidence's, and what somebody says is not a fact."""
    claimed, found = match.clause.speaker, match.found.speaker
    if match.clause.says and claimed != match.clause.n:
        return
    if claimed is None:
        if found is not None and not match.clause.says:
            yield Doubt(DoubtKind.SPEAKER, "", _speaker_text(match.reading, found))
        return
    if found is None:
        if not match.found.says:
            yield Doubt(DoubtKind.SPEAKER, _speaker_text(claim, claimed))
        return
    speakers = [t for t in claim.in_clause(claimed) if t.word and t.text[0].isupper() and not is_source(t)]
    if claimed == match.clause.n:
        speakers = speakers[:1]
    sources = _speaker_stems(match.reading, found, evidence)
    if strangers := [token for token in speakers[:3] if not _held(token, sources)]:
        yield Doubt(DoubtKind.SPEAKER, strangers[0].text, _speaker_text(match.reading, found), True)


def _speaker_text(reading: Reading, clause: int) -> str:
    return " ".join(t.text for t in reading.in_clause(clause) if t.word and t.text[0].isupper())


def _speaker_stems(reading: Reading, clause: int, evidence: Sequence[Reading]) -> frozenset[str]:
    """Stems of the clause that tells who speaks; where that is a pronoun, of the first name in the sentence before."""
    stems = _clause_stems(reading, clause)
    place = evidence.index(reading)
    if place and reading.opens_with_pronoun and reading.clauses[clause].first == 0:
        before = evidence[place - 1]
        first = next(iter(before.names), None)
        if first:
            return stems.union(*(_token_stems(before.tokens[at]) for at in first.tokens))
    return stems


def _role_doubts(claim: Reading, matches: Sequence[_Match]) -> Iterator[Doubt]:
    """Two names whose places are exchanged, or one behind the opposite preposition."""
    for match in matches:
        placed = [(name, other) for name, other in _placed(claim, match) if other is not None]
        for name, other in placed:
            pair = frozenset({name.preposition, other.preposition})
            if len(pair) == 2 and pair in OPPOSITES and match.clause.passive == match.found.passive:
                yield Doubt(DoubtKind.ROLE, _phrase(claim, name), _phrase(match.reading, other), True)
        for (one, one_found), (two, two_found) in zip(placed, placed[1:], strict=False):
            if _listed(claim, one, two) or _listed(match.reading, one_found, two_found):
                continue
            ordinary = claim.language == "de" and any(_is_ordinary(claim.tokens[n.head]) for n in (one, two))
            ordinary = ordinary and not _belongs(match.reading, one_found, two_found)
            if _exchanged(match, one, two, one_found, two_found, by_order=not ordinary):
                told = f"{claim.tokens[one.head].text}, {claim.tokens[two.head].text}"
                yield Doubt(DoubtKind.ROLE, told, "", True)


def _placed(claim: Reading, match: _Match) -> Iterator[tuple[Name, Name | None]]:
    for name in claim.names:
        if name.clause != match.clause.n:
            continue
        head = claim.tokens[name.head]
        same = (
            other
            for other in match.reading.names
            if other.clause == match.found.n and _held(head, _token_stems(match.reading.tokens[other.head]))
        )
        yield name, next(same, None)


def _phrase(reading: Reading, name: Name) -> str:
    return f"{name.preposition} {reading.tokens[name.head].text}".strip()


def _listed(reading: Reading, one: Name, two: Name) -> bool:
    """Whether two names stand in one list, where order means nothing."""
    first, second = sorted((one, two), key=lambda name: name.head)
    return in_list(reading.tokens[first.head + 1 : second.tokens[0]])


def _exchanged(
    match: _Match, one: Name, two: Name, one_found: Name, two_found: Name, *, by_order: bool
) -> bool:
    """Whether two names have changed places while their prepositions and the voice stayed, or the other way round."""
    if one_found.head == two_found.head:
        return False
    swapped_order = one_found.head > two_found.head
    claimed, found = (one.preposition, two.preposition), (one_found.preposition, two_found.preposition)
    if match.clause.passive != match.found.passive:
        return not swapped_order and any(by in {"von", "by", "durch"} for by in (*claimed, *found))
    if claimed == found:
        return by_order and swapped_order and claimed[0] == claimed[1]
    return _moved(claimed, found) or _moved(claimed[::-1], found[::-1])


def _belongs(reading: Reading, one: Name, two: Name) -> bool:
    """Whether the first is said to be the second's: "membership of the country"; then it does nothing by itself."""
    between = [token.lower for token in reading.tokens[two.head + 1 : one.tokens[0]]]
    return two.head < one.head and between in (["der"], ["des"], ["of"], ["of", "the"])


def _moved(claimed: tuple[str, str], found: tuple[str, str]) -> bool:
    """Whether the first name's preposition stands before the second name in the claim."""
    return bool(found[0]) and claimed[1] == found[0] and found[0] != claimed[0] and claimed[1] != found[1]
