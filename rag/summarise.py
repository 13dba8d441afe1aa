"""Articles -> the sentences that tell most of them, in their own words.

In: articles with their sentences, one after the other, so that any number of them fits into memory. Out: statements
that are sentences of the articles, condensed where that is safe (rag.condense), each with its citations. A program
chooses them: no model writes, so nothing can be made up.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations, islice
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from rag import notes
from rag.accounts import Account
from rag.answer import one_line
from rag.claims import SAME_CLAIM, denies
from rag.condense import condensed, shorter
from rag.errors import InputError
from rag.glossary import proper_names
from rag.notes import Notes
from rag.reading import read_sentence
from rag.sentences import detect_language
from rag.standing import cuts_quotation, joins, leaves_open, points_back
from rag.types import Article, Citation, Dispute, Encoder, Form, Progress, Sentence, Statement, Verdict
from rag.versions import exchanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rag.types import Vectors

    Scores = NDArray[np.float32]

MAX_SENTENCES = 100
"""A summary has at most as many statements."""
MAX_WORDS = 5_000
"""A summary has at most as many words."""

FINGERPRINT = "summaries 7"
"""Raised whenever the same articles may be summarised differently."""

_MIN_WORDS = 3  # content words of a sentence that tells something on its own
_MAX_CHARS = 500
_NOTED = 24  # sentences of an article that are kept for choice, and one more for every ten it has
_MAX_NOTED = 240
_COMPARED = 1000  # sentences that are compared with each other at most
_AT_LEAST = 3  # of them from each article
_FOCUS = 0.5  # worth of being nearest to the focus
_SOURCE = 0.03  # worth of citing another article; half of it for its second sentence, and so on
_JOINING = 0.01  # what a sentence loses that is tied to the one before, where that one is not taken
_CUT = 0.05  # what a sentence loses that holds half of a quotation
_LOST = 1.0  # what a choice loses with a sentence that only the one before makes clear, where that one is not taken
_POOR = 0.5  # what a sentence loses that is none, or boilerplate
_SHORTER = 2  # shorter sentences that each may give way to where words are counted
_SHORTENED = 0.003  # what a sentence loses that is shortened so
_EXCHANGED = 60  # sentences up to which a choice is improved by exchanging
_EXCHANGES = 20
_LOOKED_AT = 30_000  # choices up to which two sentences are exchanged at once
_DISPUTES = 10
_UNSETTLED = 3
_USUAL = {Form.TIMELINE: 20, Form.WHO_SAID_WHAT: 20}  # sentences, where nobody says how many
_SAME_TOPIC = 0.4  # likeness from which two sentences may tell of one event

_ENDS = re.compile(r"[.!?…。！？][\"'”“»«’)\]]*$")
_HAS_VERB = re.compile(r"\b[^\W\d_A-ZÄÖÜ]")  # a word in small letters, or a script without them
_BOILERPLATE = re.compile(
    r"https?://|www\.|\S@\S+\.\w|©|\(c\)\s*\d{4}|"
    r"\b(?:newsletter|abonnier\w*|subscribe|sign up|cookies?|privacy policy|"
    r"datenschutz(?:erklärung|hinweise?|bestimmungen|einstellungen)|"
    r"lesen sie (?:auch|hier|mehr)|mehr (?:zum thema|dazu)|siehe auch|weiterlesen|read (?:more|also)|see also|"
    r"bleiben (?:am ball|dran)|alle rechte vorbehalten|all rights reserved)\b|"
    r"^\W*(?:(?:foto|bild|video|grafik|photo|image|graphic|quelle|source|stand)s?\s*:|"
    r"(?:berichterstattung|(?:additional )?reporting|mit (?:material|informationen)|bearbeitet|edited)\s+"
    r"(?:von|by|der|des))|"
    r"\((?:dpa|afp|ap|reuters|epd|kna|sid|apa|sda)(?:/\w+)*\)\W*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Weights:
    """What a sentence is worth beside the content units that it adds, whose share of all counts once.

    Attributes:
        meaning: of the share of the other sentences' meaning that it stands for.
        lead: of opening an article; half of it for the second sentence, and so on.
        lengths: powers of its words that its worth is divided by. A choice is made by each, the best one is taken.
    """

    meaning: float
    lead: float
    lengths: tuple[float, ...]


# Where words are counted, what counts is how much of the source they hold; of a few sentences each has to matter.
_BY_WORDS = _Weights(meaning=0.05, lead=0.005, lengths=(0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3))
_BY_SENTENCES = _Weights(meaning=0.25, lead=0.15, lengths=(0.25,))


@dataclass(frozen=True, slots=True)
class Length:
    """How long a summary may be: at most `sentences`, and at most `words` where that is not 0."""

    sentences: int
    words: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.sentences <= MAX_SENTENCES:
            raise InputError(
                f"A summary of {self.sentences} sentences cannot be made.",
                hint=f"Ask for 1 to {MAX_SENTENCES}.",
            )
        if not 0 <= self.words <= MAX_WORDS:
            raise InputError(
                f"A summary of {self.words} words cannot be made.", hint=f"Ask for 1 to {MAX_WORDS}."
            )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks for, checked. `language` is "" for that of the articles, `deadline` seconds or None."""

    form: Form
    length: Length
    language: str
    deadline: float | None


def wanted(
    *,
    form: Form | str,
    sentences: int | None,
    words: int | None,
    language: str | None,
    deadline: float | None,
) -> Wanted:
    """Checks what is asked for.

    Raises:
        InputError: an unknown form, a length or deadline out of range, a language that is no ISO 639-1 code.
    """
    try:
        known = Form(form)
    except ValueError as error:
        raise InputError(
            f"There is no form {form!r}.", hint=f"Forms are {', '.join(one.value for one in Form)}."
        ) from error
    if words is not None and words < 1:
        raise InputError(f"A summary of {words} words cannot be made.", hint=f"Ask for 1 to {MAX_WORDS}.")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise InputError(f"{language!r} is no language code.", hint="Codes have two letters: de, en, …")
    if deadline is not None and not 0 < deadline < float("inf"):
        raise InputError(f"A deadline of {deadline} seconds cannot be kept.", hint="Give more than 0.")
    usual = MAX_SENTENCES if words else _USUAL.get(known, 5)
    length = Length(usual if sentences is None else sentences, words or 0)
    return Wanted(known, length, language or "", deadline)


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence of one article, whole or condensed; its citation is of the whole.

    `place` counts from 0 in the article, headings left out; `newest` is 0 for sentences of the newest article.
    """

    citation: Citation
    language: str
    place: int
    text: str
    account: Account
    newest: int = 0

    @property
    def is_telling(self) -> bool:
        """Whether it can stand in a summary.

        It is a whole sentence with something to say, in the language of its article, and no boilerplate.
        """
        return (
            len(self.account.stems) >= _MIN_WORDS
            and len(self.text) <= _MAX_CHARS
            and _ENDS.search(self.text) is not None
            and _HAS_VERB.search(self.text) is not None
            and not self.text[0].islower()
            and not self.text.endswith("?")
            and _BOILERPLATE.search(self.text) is None
            and not _is_foreign(self.text, self.language)
        )

    @property
    def stands_alone(self) -> bool:
        """Whether a reader knows without a sentence before who or what is meant, and who says it."""
        return self.place == 0 or not points_back(self.text, self.language)


@lru_cache(maxsize=20_000)
def _is_foreign(text: str, language: str) -> bool:
    """Whether a sentence is in another language than its article: what somebody put there, for whomever."""
    return language != "" and detect_language(text) not in {"", language}


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen; the citations carry no numbers yet.

    `statements` come newest article first, inside an article as they stand there; `by_weight` are their places in the
    order they were chosen. `covered` is the share (0..1) of the articles' content units that they hold, see
    `Units.covered`. `unsettled` are further sentences that say what is open, newest first, where there are several
    articles. `unread` counts the articles that time did not suffice for.
    """

    statements: tuple[Statement, ...] = ()
    by_weight: tuple[int, ...] = ()
    covered: float = 0.0
    headline: Statement | None = None
    disputes: tuple[Dispute, ...] = ()
    unsettled: tuple[Statement, ...] = ()
    unread: int = 0


@dataclass
class Units:
    """The content units of articles: the stems of content words, each as often as sentences hold it.

    After Gillick and Favre (2009), "A Scalable Global Model for Summarization", where a summary is worth the weighted
    concepts it holds; with stems as concepts, since single articles are too short for pairs of words to return.
    """

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, told: Iterable[Told]) -> None:
        """Counts the units of some sentences."""
        for one in told:
            self.counts.update(one.account.stems)

    def covered(self, chosen: Iterable[Account]) -> float:
        """Share (0..1) of all units, each weighted by the sentences that hold it, that `chosen` hold."""
        held: set[str] = set().union(*(one.stems for one in chosen))
        total = self.counts.total()
        return sum(self.counts[stem] for stem in held) / total if total else 0.0


def sentences_of(article: Article, newest: int = 0) -> list[Told]:
    """All sentences of an article but its headings, whole."""
    plain = [sentence for sentence in article.sentences if not sentence.heading]
    return [_told(article, sentence, place, newest) for place, sentence in enumerate(plain)]


def _told(article: Article, sentence: Sentence, place: int, newest: int) -> Told:
    cited = citation(article, sentence.start, sentence.end)
    text = one_line(cited.quote)
    return Told(cited, article.language, place, text, Account(text, article.language), newest)


def _condensed(one: Told) -> Told:
    text = condensed(one.text, one.language)
    return one if text == one.text else replace(one, text=text, account=Account(text, one.language))


def citation(article: Article, start: int, end: int) -> Citation:
    """`article.text[start:end]` as a quote."""
    return Citation(
        article_id=article.id,
        revision=article.revision,
        start=start,
        end=end,
        quote=article.text[start:end],
        title=article.title,
        source=article.source,
        url=article.url,
        published=article.published,
    )


def summarise(
    articles: Iterable[Article],
    encoder: Encoder,
    length: Length,
    *,
    focus: str = "",
    total: int = 0,
    kept: Notes | None = None,
    progress: Progress | None = None,
    until: float | None = None,
) -> Selection:
    """The sentences that tell most of `articles`, at most as many as asked for.

    Sentence after sentence is taken that adds most: content units and meaning not yet told, a place at the top of its
    article, nearness to `focus` (after Lin and Bilmes 2011, "A Class of Submodular Functions for Document
    Summarization": coverage of the source with diminishing returns, taken greedily, so that repeating what was told is
    worth nothing). A sentence that another article repeats is one statement, with a citation of every article that
    proves it.

    Args:
        articles: with text and sentences, newest first; each is let go once it is read.
        encoder: its vectors tell which sentences are alike.
        length: how much to choose.
        focus: a question or topic that the chosen sentences should be near to.
        total: how many articles there are, if known; shares out what is compared, and shows in the progress.
        kept: where what was read of articles is kept for the next summary.
        progress: told of every article that is read.
        until: moment (`time.monotonic`) at which no further article is read.
    """
    units, told, rows, headings, unread = Units(), [], [], [], 0
    share = max(_AT_LEAST, _COMPARED // max(1, total))
    for n, article in enumerate(articles):
        if until is not None and n and time.monotonic() > until:
            unread += 1
            continue
        if progress is not None:
            progress(n, total, "Reading articles")
        reading = _read(article, encoder, kept, n)
        units.counts.update(reading.units)
        told += reading.told[:share]
        rows.append(reading.vectors[:share])
        headings.append(_heading(article))
    if not told:
        return Selection(unread=unread)
    told, vectors = _nearest_first(told, np.concatenate(rows))
    return _selected(told, vectors, units, encoder, length, focus, headings, unread)


def _nearest_first(told: list[Told], vectors: Vectors) -> tuple[list[Told], Vectors]:
    """At most as many as can be compared: those that stand first in their articles' notes."""
    if len(told) <= _COMPARED:
        return told, vectors
    ranks: Counter[str] = Counter()
    order = []
    for n, one in enumerate(told):
        order.append((ranks[one.citation.article_id], n))
        ranks[one.citation.article_id] += 1
    kept = sorted(n for _, n in sorted(order)[:_COMPARED])
    return [told[n] for n in kept], vectors[kept]


# --- reading one article -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a summary needs of an article: its units, its weightiest sentences, weightiest first, their vectors."""

    units: Mapping[str, int]
    told: list[Told]
    vectors: Vectors


def _read(article: Article, encoder: Encoder, kept: Notes | None, newest: int) -> _Reading:
    known = notes.kept(article, notes.SENTENCES, kept, encoder.fingerprint)
    if known is not None:
        return _recalled(article, *known, encoder.dimensions, newest)
    reading = _reading(article, encoder, newest)
    head = {"places": [one.place for one in reading.told], "units": dict(reading.units)}
    rows = reading.vectors.astype("<f2").tobytes()
    notes.keep(article, notes.SENTENCES, kept, head, rows, encoder.fingerprint)
    return reading


def _reading(article: Article, encoder: Encoder, newest: int) -> _Reading:
    told = sentences_of(article, newest)
    units = Units()
    units.add(told)
    told = [_condensed(one) for one in told]
    telling = [one for one in told if one.is_telling] or told
    room = min(_MAX_NOTED, _NOTED + len(telling) // 10)
    best = [telling[n] for n in _greedy(telling, units, room)]
    vectors = np.zeros((0, encoder.dimensions), dtype=np.float32)
    if best:
        # Rounded as notes are, so that a first summary and a second one choose alike.
        vectors = encoder.encode_passages([one.text for one in best]).astype(np.float16).astype(np.float32)
    return _Reading(units.counts, best, vectors)


def _recalled(article: Article, head: Any, rows: bytes, dimensions: int, newest: int) -> _Reading:
    plain = [sentence for sentence in article.sentences if not sentence.heading]
    told = [_condensed(_told(article, plain[place], place, newest)) for place in head["places"]]
    vectors = np.frombuffer(rows, dtype="<f2").astype(np.float32).reshape(len(told), dimensions)
    return _Reading(head["units"], told, vectors)


def wordings(article: Article, kept: Notes, key: str) -> dict[str, str]:
    """What sentences of an article were worded as under `key`, the reader's language and the model, before."""
    known = notes.kept(article, notes.WORDINGS, kept)
    return dict(known[0].get(key, {})) if known else {}


def keep_wordings(article: Article, kept: Notes, key: str, worded: Mapping[str, str]) -> None:
    """Adds wordings of its sentences to what is kept of an article."""
    known = notes.kept(article, notes.WORDINGS, kept)
    head = known[0] if known else {}
    head.setdefault(key, {}).update(worded)
    notes.keep(article, notes.WORDINGS, kept, head)


def _greedy(told: Sequence[Told], units: Units, count: int) -> list[int]:
    """The weightiest sentences by their words and places alone, weightiest first."""
    worth = np.zeros(len(told), dtype=np.float32)
    return _Choice(told, units.counts, None, worth).take(Length(MAX_SENTENCES), count)


def _heading(article: Article) -> Statement | None:
    """The line that heads an article, if its text opens with one."""
    first = next(iter(article.sentences), None)
    if first is None or not first.heading:
        return None
    cited = citation(article, first.start, first.end)
    return Statement(text=one_line(cited.quote), citations=(cited,), verdict=Verdict.SUPPORTED, support=1.0)


# --- choosing ------------------------------------------------------------------------------------


def _selected(
    told: Sequence[Told],
    vectors: Vectors,
    units: Units,
    encoder: Encoder,
    length: Length,
    focus: str,
    headings: Sequence[Statement | None],
    unread: int,
) -> Selection:
    alike = _likeness(vectors)
    fixed = np.zeros(len(told), dtype=np.float32)
    if focus.strip():
        fixed += _FOCUS * _nearness(vectors, encoder, focus)
    versions, of = list(told), list(range(len(told)))
    for n, one in _shortened(told) if length.words else ():
        versions.append(one)
        of.append(n)
    fixed = fixed[of]
    fixed[len(told) :] -= _SHORTENED
    choice = _Choice(versions, units.counts, alike[np.ix_(of, of)], fixed, whole=len(told))
    picked = {of[n]: versions[n] for n in choice.take(length)}
    chosen = list(picked)
    ordered = sorted(chosen, key=lambda n: (told[n].newest, told[n].place))
    return Selection(
        statements=tuple(proven_by(picked[n], told) for n in ordered),
        by_weight=tuple(ordered.index(n) for n in _together(chosen, told)),
        covered=units.covered(one.account for one in picked.values()),
        headline=headings[told[chosen[0]].newest] or proven_by(_opening(told, told[chosen[0]]), told),
        disputes=tuple(disputes(told, alike, chosen)),
        unsettled=tuple(_unsettled(told, alike, chosen)) if len(headings) > 1 else (),
        unread=unread,
    )


def _shortened(told: Sequence[Told]) -> Iterator[tuple[int, Told]]:
    """(place among those told, the same without a clause at its end) of sentences that can do without."""
    for n, one in enumerate(told):
        for text in islice(shorter(one.text, one.language), _SHORTER):
            yield n, replace(one, text=text, account=Account(text, one.language))


def _together(chosen: Sequence[int], told: Sequence[Told]) -> Iterator[int]:
    """The chosen ones in their order, but each that points back right behind the sentence it points back to."""
    at = {(told[n].citation.article_id, told[n].place): n for n in chosen}

    def before(n: int) -> int | None:
        one = told[n]
        return None if one.stands_alone else at.get((one.citation.article_id, one.place - 1))

    for n in chosen:
        if before(n) is not None:
            continue
        following: int | None = n
        while following is not None:
            yield following
            one = told[following]
            behind = at.get((one.citation.article_id, one.place + 1))
            following = behind if behind is not None and before(behind) == following else None


def _opening(told: Sequence[Told], one: Told) -> Told:
    """The sentence that opens the article of `one`, which in news says what it is about; `one` if that cannot stand."""
    own = (other for other in told if other.citation.article_id == one.citation.article_id)
    first = min(own, key=lambda other: other.place)
    return first if first.place == 0 and first.is_telling and first.stands_alone else one


def _likeness(vectors: Vectors) -> Scores:
    """Cosines (n, n) of the vectors seen from their centre, none below 0, 1 on the diagonal.

    Encoders put all sentences of one topic close together; what makes them differ shows from the centre only.
    """
    rows = vectors - vectors.mean(axis=0) if len(vectors) > 2 else vectors
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 1e-6, lengths, 1.0)
    alike = np.clip(rows @ rows.T, 0.0, 1.0).astype(np.float32)
    np.fill_diagonal(alike, 1.0)
    return alike


def _nearness(vectors: Vectors, encoder: Encoder, focus: str) -> Scores:
    """How near each sentence is to the focus: 1 for the nearest, 0 for the farthest."""
    near = vectors @ encoder.encode_questions([focus])[0]
    spread = float(np.ptp(near))
    return np.asarray((near - near.min()) / spread if spread else np.zeros(len(near)), dtype=np.float32)


class _Choice:
    """Sentences being taken one by one; see `summarise`.

    Args:
        told: the sentences.
        weights: of the units.
        alike: likeness (n, n) of the sentences, None to go by words alone.
        fixed: worth (n,) of a sentence whatever else is taken.
        apart: whether every statement stands for itself, with what it needs of the sentences before.
        whole: how many of them are whole sentences; those behind are shorter versions. None for all.
    """

    def __init__(
        self,
        told: Sequence[Told],
        weights: Mapping[str, int],
        alike: Scores | None,
        fixed: Scores,
        *,
        apart: bool = False,
        whole: int | None = None,
    ) -> None:
        self._told, self._alike = told, alike
        self._columns = {
            stem: n for n, stem in enumerate({stem for one in told for stem in one.account.stems})
        }
        self._units = [
            np.array([self._columns[stem] for stem in one.account.stems], dtype=np.intp) for one in told
        ]
        self._flat = np.concatenate([np.zeros(0, dtype=np.intp), *self._units])
        self._rows = np.repeat(np.arange(len(told)), [len(units) for units in self._units])
        self._weights = np.array([weights.get(stem, 0) for stem in self._columns], dtype=np.float32)
        self._weights /= max(1, sum(weights.values()))
        self._room = np.array([len(one.text.split()) for one in told], dtype=np.float32)
        self._fixed = fixed - np.array([0.0 if one.is_telling else _POOR for one in told], dtype=np.float32)
        self._fixed -= np.array([_CUT * cuts_quotation(one.text) for one in told], dtype=np.float32)
        self._leaning = np.array([not (apart or one.stands_alone) for one in told])
        self._joining = np.array([joins(one.text) for one in told])
        numbers = {id_: n for n, id_ in enumerate(dict.fromkeys(one.citation.article_id for one in told))}
        self._article = np.array([numbers[one.citation.article_id] for one in told], dtype=np.intp)
        self._whole = len(told) if whole is None else whole
        self._sentence = [(one.citation.article_id, one.place) for one in told]
        at: dict[tuple[str, int], list[int]] = {}
        for n, place in enumerate(self._sentence):
            at.setdefault(place, []).append(n)
        # What is cut off a sentence may be what the next one points back to.
        self._after = [at.get((id_, place + 1), []) for id_, place in self._sentence[: self._whole]]

    def take(self, length: Length, count: int = 0) -> list[int]:
        """Which sentences to take, weightiest first; `count` in place of the length's number of sentences."""
        if not self._told:
            return []
        count = min(count or length.sentences, len(self._told))
        weights = _BY_WORDS if length.words else _BY_SENTENCES
        self._weigh(weights)
        room = float(length.words) or np.inf
        choices = [self._taken(count, room, power) for power in weights.lengths]
        return self._exchanged(max(choices, key=self._value), count, room, 2) or [self._shortest()]

    def _weigh(self, weights: _Weights) -> None:
        self._meaning = weights.meaning
        lead = np.array([weights.lead / (1 + one.place) for one in self._told], dtype=np.float32)
        self._worth = self._fixed + lead

    def _taken(self, count: int, room: float, power: float) -> list[int]:
        self._earned = np.maximum(self._room, 1.0) ** power
        return self._exchanged(self._greedy(count, room), count, room, 1)

    def _shortest(self) -> int:
        """The shortest sentence, rather one that can stand in a summary."""
        return min(range(len(self._told)), key=lambda n: (self._is_poor(n), self._room[n]))

    def _is_poor(self, n: int) -> bool:
        return bool(self._leaning[n]) or not self._told[n].is_telling

    def _greedy(self, count: int, room: float) -> list[int]:
        taken: list[int] = []
        open_ = np.ones(len(self._told), dtype=bool)
        held = np.zeros(len(self._weights), dtype=bool)
        stood_for = np.zeros(len(self._told), dtype=np.float32)
        while len(taken) < count:
            fits = open_ & (self._room <= room) & ~self._lost(taken)
            if not fits.any():
                break
            gains = self._gains(taken, held, stood_for)
            gains += _SOURCE / (1 + self._cited_with(taken))
            gains = np.where(gains > 0, gains / self._earned, gains)
            best = int(np.where(fits, gains, -np.inf).argmax())
            open_[best] = False
            if self._repeats(best, taken):
                continue
            taken.append(best)
            room -= float(self._room[best])
            held[self._units[best]] = True
            if self._alike is not None:
                stood_for = np.maximum(stood_for, self._alike[:, best])
        return taken

    def _gains(self, taken: Sequence[int], held: NDArray[np.bool_], stood_for: Scores) -> Scores:
        """What each sentence would add."""
        new = np.where(held, np.float32(0), self._weights)
        added = np.bincount(self._rows, weights=new[self._flat], minlength=len(self._told))
        gains = self._worth + added.astype(np.float32)
        if self._alike is not None:
            gains = gains + self._meaning * np.maximum(self._alike - stood_for[:, None], 0.0).mean(axis=0)
        return np.asarray(gains - _JOINING * self._without_tie(self._joining, taken))

    def _lost(self, taken: Sequence[int]) -> NDArray[np.bool_]:
        """Which sentences nobody understands without the one before, which is not taken."""
        return self._without_tie(self._leaning, taken)

    def _without_tie(self, tied: NDArray[np.bool_], taken: Sequence[int]) -> NDArray[np.bool_]:
        left = tied.copy()
        left[[behind for n in taken if n < self._whole for behind in self._after[n]]] = False
        return left

    def _cited_with(self, taken: Sequence[int]) -> Scores:
        """How many of the sentences taken are of the same article as each."""
        counts = np.bincount(self._article[list(taken)], minlength=int(self._article.max()) + 1)
        return np.asarray(counts[self._article], dtype=np.float32)

    def _value(self, taken: Sequence[int]) -> float:
        """What a whole choice is worth: the sum of its gains, in whatever order they came."""
        if not taken:
            return 0.0
        held = np.unique(np.concatenate([self._units[n] for n in taken]))
        value = float(self._weights[held].sum() + self._worth[list(taken)].sum())
        if self._alike is not None:
            value += self._meaning * float(self._alike[:, list(taken)].max(axis=1).mean())
        counts = np.bincount(self._article[list(taken)])
        value += _SOURCE * float(sum((1 / np.arange(1, count + 1)).sum() for count in counts))
        value -= _JOINING * float(self._without_tie(self._joining, taken)[list(taken)].sum())
        return value - _LOST * float(self._lost(taken)[list(taken)].sum())

    def _exchanged(self, taken: list[int], count: int, room: float, out: int) -> list[int]:
        """The choice after exchanging up to `out` sentences for up to two others, as long as that is worth more.

        Taking by worth per word leaves room at the end that no sentence fits into. Without bounds there is none.
        """
        if not np.isfinite(room) or self._whole > _EXCHANGED:
            return taken
        value = self._value(taken)
        for _ in range(_EXCHANGES):
            better = max(self._neighbours(taken, count, room, out), key=self._value, default=taken)
            if self._value(better) <= value + 1e-6:
                break
            taken, value = better, self._value(better)
        return taken

    def _neighbours(self, taken: list[int], count: int, room: float, out: int) -> Iterator[list[int]]:
        for left in self._without(taken, out):
            rest = room - float(self._room[left].sum())
            fitting = [
                n
                for n in range(len(self._told))
                if n not in taken and self._room[n] <= rest and not self._repeats(n, left)
            ]
            for at, one in enumerate(fitting if len(left) < count else ()):
                yield [*left, one]
                if len(left) + 2 > count:
                    continue
                for other in fitting[at + 1 :]:
                    if self._room[one] + self._room[other] <= rest and not self._repeats(other, [one]):
                        yield [*left, one, other]

    def _without(self, taken: list[int], out: int) -> Iterator[list[int]]:
        """The choice without up to `out` of its sentences, as far as that is quickly looked through."""
        for gone in range(min(out, len(taken)) + 1):
            if gone > 1 and comb(len(taken), gone) * comb(len(self._told), 2) > _LOOKED_AT:
                return
            yield from (list(left) for left in combinations(taken, len(taken) - gone))

    def _repeats(self, n: int, taken: Iterable[int]) -> bool:
        if self._alike is None:
            return False
        own = self._told[n].account
        return any(
            self._sentence[n] == self._sentence[other]
            or self._told[other].account.proves(own)
            or own.repeats(self._told[other].account, float(self._alike[n, other]))
            for other in taken
        )


def proven_by(one: Told, told: Iterable[Told]) -> Statement:
    """The sentence, with a citation of every other article that proves it."""
    cited = {one.citation.article_id: one.citation}
    for other in told:
        if other.citation.article_id not in cited and other.account.proves(one.account):
            cited[other.citation.article_id] = other.citation
    return Statement(text=one.text, citations=tuple(cited.values()), verdict=Verdict.SUPPORTED, support=1.0)


def weightiest(
    told: Sequence[Told], units: Units, length: Length, encoder: Encoder, focus: str = ""
) -> list[int]:
    """Which sentences to take of those given, weightiest first, by their words, places and nearness to `focus`.

    Each has to stand for itself: the sentences before do not come along.
    """
    fixed = np.zeros(len(told), dtype=np.float32)
    if focus.strip() and told:
        near = _Choice(told, units.counts, None, fixed, apart=True).take(length, _COMPARED)
        fixed -= _FOCUS
        vectors = encoder.encode_passages([told[n].text for n in near])
        fixed[near] += _FOCUS * _nearness(vectors, encoder, focus)
    return _Choice(told, units.counts, None, fixed, apart=True).take(length)


def disputes(told: Sequence[Told], alike: Scores, chosen: Iterable[int]) -> Iterator[Dispute]:
    """Sentences of other articles that differ from a chosen one, side by side; see `_differing`."""
    shown: set[tuple[str, frozenset[str]]] = set()
    for n in chosen:
        for other in np.argsort(-alike[n]):
            if alike[n, other] < _SAME_TOPIC or len(shown) >= _DISPUTES:
                break
            one, another = told[n], told[int(other)]
            if one.citation.article_id == another.citation.article_id:
                continue
            about = _differing(one, another)
            key = about, frozenset((one.text, another.text))
            if about and key not in shown:
                shown.add(key)
                yield Dispute(about=about, statements=(proven_by(one, told), proven_by(another, told)))


def _differing(one: Told, other: Told) -> str:
    """What two sentences on one event tell differently; empty if nothing.

    That is the stem of what they count, "day" for a day, the name that has another one in its place, or the opening
    noun of what only one of them denies.
    """
    figure = one.account.differs(other.account)
    if figure or one.language != other.language:
        return figure
    for (start, end), (other_start, other_end) in exchanges(one, other):
        name = one.text[start:end]
        if proper_names(name, one.language) and proper_names(
            other.text[other_start:other_end], other.language
        ):
            return name
    return _denied(one, other)


def _denied(one: Told, other: Told) -> str:
    """The opening noun or name of two sentences in nearly the same words of which one is negated, else nothing."""
    shared = one.account.stems & other.account.stems
    if 2 * len(shared) < SAME_CLAIM * (len(one.account.stems) + len(other.account.stems)):
        return ""
    own, their = read_sentence(one.text, one.language), read_sentence(other.text, other.language)
    if not denies(own, their):
        return ""
    named = (one.text[word.start : word.end] for word in one.account.content if word.stem in shared)
    return next((text for text in named if text[0].isupper()), "")


def _unsettled(told: Sequence[Told], alike: Scores, chosen: Sequence[int]) -> Iterator[Statement]:
    """Sentences that say what is not settled and tell what no chosen one does, weightiest of an article first."""
    shown = list(chosen)
    open_ = [
        n
        for n, one in enumerate(told)
        if n not in chosen and one.is_telling and one.stands_alone and leaves_open(one.text)
    ]
    for n in sorted(open_, key=lambda n: told[n].newest):
        if len(shown) - len(chosen) >= _UNSETTLED:
            return
        if all(alike[n, other] < _SAME_TOPIC for other in shown):
            shown.append(n)
            yield proven_by(told[n], told)
