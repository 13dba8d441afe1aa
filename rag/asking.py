"""A question on its way to an answer: sentences are found, ranked, confirmed, shortened, put into the reader's words.

In: an `Engine`, a question, its history, filters. Out: events, the last one the `Answer`. What is shown is decided
here; how each step works stands in the modules below.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rag import chat, compose, glossary, traces, verify
from rag.align import Aligned, Phrases, held, phrased, phrases
from rag.answer import Item, copy, in_full, in_full_elsewhere, is_complete, is_lone_name, whole
from rag.answer_type import frame
from rag.compose import Judged
from rag.disagreement import Nearby, disagreements, disputed
from rag.fitted import judge_fingerprint
from rag.index import Index
from rag.prompts import load_prompt
from rag.question import Kind, Question, adds, leans, read_question
from rag.recency import asks_newest, lags
from rag.retrieve import Retriever
from rag.rewording import Rewording
from rag.settings import Settings
from rag.spot import knows, spot_fingerprint, spots
from rag.types import (
    Answer,
    ChatModel,
    Confidence,
    Disagreement,
    Event,
    Evidence,
    Filters,
    Hit,
    Message,
    Statement,
    Status,
    Usage,
)
from rag.words import stems_of

_PROMPTS = ("copy", "confirm", "holds", "proposed", "translate", "standalone")
_POOL = 12  # sentences that are ranked for one question
_NEARBY = 40  # sentences that are looked through for what sources say differently,
_ARTICLES = 10  # of so many articles,
_PER_ARTICLE = 4  # so many of each
_CONTEXT_CHARS = 2400  # all of it is compared word by word with the question
_PASSAGES = 1000  # in an index of fewer, how often a word stands there tells little of how rare it is
_LOOKS = 4  # sentences per question that the model is asked about
# How much likely words count beside support when sentences are put in order (eval/BENCHMARKS.md), and what is taken for
# their likelihood where there are none.
_WORDS_COUNT, _LEAST_LIKELY = 0.25, 1e-3
_ASKS_FOR_NO_WORDS = frozenset({Kind.YES_NO, Kind.REASON, Kind.SPEECH})
_ALSO = 0.5  # how likely another sentence must be, beside one that answers, to be looked at: this share of it
_SURE_COPY = 0.65  # mean token probability with which copied words may stand alone
# Probability of yes below which copied words are no answer, where the model reads both question and sentence best; in
# other languages its doubt about them tells nothing (eval/BENCHMARKS.md).
_IS_ANSWER = 0.75
_READ_BEST = "en"
_PHRASED = 4  # sentences in another language, the likeliest ones, whose phrases are read
_SURE_ACROSS = 0.4  # support below which a sentence in another language is read in English before it is shown
_CONTINUED = 2  # sentences that answer whose next one is looked at
_GOES_ON = 0.5  # probability of yes from which a continuation of a list belongs to it


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers are made with.

    Attributes:
        index: articles, sentences, vectors, and their encoder.
        retriever: the search in it.
        settings: limits.
        llm: the language model, opened by the first call; None where answers are made of whole sentences.
        aligned: a text and its language made ready to be matched; the last ones are kept, since sentences recur.
        phrases: the same for its phrases.
    """

    index: Index
    retriever: Retriever
    settings: Settings
    llm: Callable[[], ChatModel | None]
    aligned: Callable[[str, str], Aligned]
    phrases: Callable[[str, str], Phrases]

    def fingerprint(self) -> str:
        """Changes with encoder, language model, prompts, fitted parts and settings: whatever shapes an answer."""
        llm = self.llm()
        parts = [
            self.index.encoder.fingerprint,
            llm.fingerprint if llm else "none",
            *(load_prompt(name).fingerprint for name in _PROMPTS),
            verify.gate_fingerprint(),
            judge_fingerprint(),
            spot_fingerprint(),
            str(self.settings.context_sentences),
        ]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Read:
    """A question as it is laid beside sentences.

    Attributes:
        aligned: its words, without those that only name the kind of answer.
        rarity: weight of each stem, higher for rarer ones.
        names: where its proper names begin.
    """

    aligned: Aligned
    rarity: Mapping[str, float]
    names: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A statement's words and the items that carry it, which grow while more are found.

    `named` is where a name among them stands in full: cited too, but no answer by itself.
    """

    text: str
    group: list[Judged]
    named: list[Judged]

    def statement(self) -> Statement:
        """The statement with a citation for every sentence."""
        return compose.statement([*self.group, *self.named], self.text)


_Ranked = tuple[float, Hit, verify.Signals]  # a sentence with its support before any model is asked


class Asking:
    """One question on its way to an answer; counts what it costs."""

    def __init__(self, engine: Engine, question: str, history: tuple[Message, ...], filters: Filters) -> None:
        self._engine = engine
        self._retriever = engine.retriever
        self._encoder = engine.index.encoder
        self._limit = engine.settings.max_question_chars
        self.question = read_question(question, max_chars=self._limit)
        self._history = history
        self._filters = filters
        self.usage = Usage()
        self._timings: dict[str, float] = {}
        self._started = time.perf_counter()
        self._rewording = Rewording(engine.llm, engine.index.encoder)
        self._readings: dict[tuple[str, str], _Read] = {}
        self._articles: dict[tuple[str, str], frozenset[str]] = {}
        self._confidence = Confidence()  # of the part that is being answered
        self._refused: float | None = None  # the highest yes to copied words of that part that were not shown

    def events(self) -> Iterator[Event]:
        """See `NewsQA.stream`."""
        with self._timed("understand"):
            self._stand_alone()
        with self._timed("search"):
            pool = self.pool()
            hits = self.context(pool)
        shown: list[_Shown] = []
        missing: list[str] = []
        differing: list[Disagreement] = []
        confidences: list[Confidence] = []
        if hits:
            yield Evidence(question=self.question.text, hits=tuple(hits))
            for part in self.question.parts:
                self._confidence, self._refused = Confidence(), None
                told: list[_Shown] = []
                for one in self._statements(part, pool, hits):
                    told.append(one)
                    yield one.statement()
                judged = [item for one in told for item in one.group]
                differing += disagreements(part, judged, self._nearby(part, pool) if judged else None)
                shown += told
                if not judged:
                    missing.append(part.text)
                    self._doubt()
                confidences.append(self._confidence)
        yield self._answer(shown, missing, differing, confidences)

    def _stand_alone(self) -> None:
        if not self._history:
            return
        text, usage = chat.standalone(self.question.text, self._history, self._engine.llm())
        self.usage += usage
        self.question = read_question(text, max_chars=max(self._limit, len(text)))

    def pool(self) -> list[Hit]:
        """The sentences nearest to the question, nearest first."""
        return self._retriever.sentences(self.question.text, _POOL, self._filters)

    def context(self, pool: Sequence[Hit]) -> list[Hit]:
        """The sentences to be read: the nearest ones and what follows the first two, in the order of the text."""
        room = self._engine.settings.context_sentences
        chosen: dict[tuple[str, int], Hit] = {}
        for hit in pool[: max(1, room - 2)]:
            chosen[hit.article_id, hit.first] = hit
        following = (after for hit in pool[:2] for after in self._retriever.neighbours(hit, 0, 1))
        for hit in (*following, *pool[max(1, room - 2) :]):
            if len(chosen) >= room or sum(len(one.text) for one in chosen.values()) >= _CONTEXT_CHARS:
                break
            chosen.setdefault((hit.article_id, hit.first), hit)
        order = list(dict.fromkeys(hit.article_id for hit in pool))
        ranked = sorted(chosen.values(), key=lambda hit: (order.index(hit.article_id), hit.first))
        return self._with_antecedents(ranked)

    def _with_antecedents(self, hits: Sequence[Hit]) -> list[Hit]:
        """The sentences; one that opens with "he" or "this" together with the sentence before, as one piece of text."""
        pieces: list[Hit] = []
        for hit in hits:
            # What opens with "also" goes on with a list and is looked at by itself; what opens with "he" is not.
            alone = adds(hit.text.split(maxsplit=1)[0]) or not leans(hit.text)
            before = [] if alone else self._retriever.neighbours(hit, 1, 0)
            if not before or before[0].last + 1 != hit.first:
                pieces.append(hit)
                continue
            if pieces and pieces[-1].article_id == hit.article_id and pieces[-1].last == before[0].last:
                before = [pieces.pop()]
            article = self._engine.index.catalog.texts([hit.article_id])[hit.article_id]
            start, first = before[0].start, before[0].first
            text = article.text[start : hit.end]
            pieces.append(hit.model_copy(update={"start": start, "first": first, "text": text}))
        return pieces

    def _nearby(self, question: Question, pool: Sequence[Hit]) -> Nearby | None:
        """The sentences of the nearest articles that are nearest to a question; None where there is one article."""
        if len({hit.article_id for hit in pool}) < 2:
            return None
        own: dict[str, list[Hit]] = {}
        for hit in self._retriever.sentences(question.text, _NEARBY, self._filters):
            own.setdefault(hit.article_id, []).append(hit)
        nearest = dict(list(own.items())[:_ARTICLES])
        hits = [hit for found in nearest.values() for hit in found[:_PER_ARTICLE]]
        articles = {id_: self._article(id_, found[0].language) for id_, found in nearest.items()}
        return Nearby(hits, articles, self._engine.aligned, self._encoder)

    # --- statements ------------------------------------------------------------------------------

    def _statements(self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit]) -> Iterator[_Shown]:
        """Every statement that the evidence carries, the likeliest first; what repeats one joins it later."""
        told: list[_Shown] = []
        for words in self._sentences(question, pool, hits):
            for one in words:
                known = next((other for other in told if compose.says(other.group, one, question.kind)), None)
                if known is None:
                    named = self._in_full(question, one, pool)
                    told.append(_Shown(self._worded(question, [one, *named]), [one], named))
                    yield told[-1]
                else:
                    known.group.append(one)

    def _sentences(
        self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit]
    ) -> Iterator[list[Judged]]:
        """What answers in each sentence that can be shown, the likeliest first, then what goes on with a list."""
        seen = self.signals(question, pool, hits)
        ranked = sorted(
            ((_gate("extractive", question, hit).support(one), hit, one) for hit, one in seen),
            key=lambda found: -found[0],
        )
        if ranked:
            self._confidence = verify.confidence(ranked[0][0], ranked[0][2])
        llm = self._engine.llm()
        if llm is None:
            yield from ([one] for one in self._extracted(question, _in_order(question, ranked)))
            return
        looks = _in_order(question, ranked, self._likely_words(question, ranked))
        passed: list[Judged] = []
        for words in self._confirmed(question, looks, llm):
            passed += words[:1]
            yield words
        if question.kind is Kind.PERSON:
            for sentence in self._continued(question, passed, llm):
                yield self._shortened(question, sentence, llm)

    def _likely_words(self, question: Question, ranked: Sequence[_Ranked]) -> list[float]:
        """How likely some words of each sentence are to be the answer, where a question asks for words."""
        if question.kind in _ASKS_FOR_NO_WORDS or not knows(self._encoder):
            return []
        hits = [hit for _, hit, _ in ranked]
        articles = {hit.article_id: self._article(hit.article_id, hit.language) for hit in hits}
        found = spots(question, hits, articles, self._engine.aligned, self._encoder)
        sure = {(spot.hit.article_id, spot.hit.first): spot.surety for spot in found}
        return [sure.get((hit.article_id, hit.first), 0.0) for hit in hits]

    def _extracted(self, question: Question, ranked: Sequence[_Ranked]) -> Iterator[Judged]:
        """Those that can be shown without asking a model."""
        for support, hit, _ in ranked:
            if support >= _gate("extractive", question, hit).shows:
                yield Judged(whole(hit), support)

    def _confirmed(
        self, question: Question, ranked: Sequence[_Ranked], llm: ChatModel
    ) -> Iterator[list[Judged]]:
        """What answers in each of those that can be shown once the model has been asked about them.

        Once some is found, others are worth a look only if much speaks for them, or half as much as for it.
        """
        found: float | None = None
        doubted: dict[int, float] = {}
        for number, (likely, hit, seen) in enumerate(ranked[:_LOOKS]):
            gate = _gate("extractive", question, hit)
            if likely < (gate.hopeless if found is None else min(found * _ALSO, gate.shows)):
                continue
            support, shown = self._looked_at(question, hit, seen, llm)
            if shown and (words := self._shortened(question, Judged(whole(hit), support), llm)):
                found = likely if found is None else min(found, likely)
                yield words
            doubted[number] = support
        if found is None:
            likeliest = self._worth_translating(question, ranked, doubted)
            for sentence in self._in_english(question, likeliest, llm):
                yield self._shortened(question, sentence, llm)

    def _looked_at(
        self, question: Question, hit: Hit, seen: verify.Signals, llm: ChatModel
    ) -> tuple[float, bool]:
        """How well a sentence answers once the model was asked about it, and whether it can be shown."""
        foreign = _is_foreign(question, hit)
        with self._timed("verify"):
            judged = verify.judge(llm, question.text, hit) if _is_judged(question, hit) else None
            yes, usage = judged or verify.confirm(llm, question.text, hit.text)
        self.usage += usage
        gate = "judged" if judged else "confirmed"
        support, shown = _supported(question, seen, yes, gate=gate, foreign=foreign)
        self._weigh(support, seen, yes)
        return support, shown

    def _in_english(
        self, question: Question, likeliest: Sequence[_Ranked], llm: ChatModel
    ) -> Iterator[Judged]:
        """Those in another language that answer once both, question and sentence, are in English.

        A small model reads English best, and in one language words can be compared; translating takes longer than
        looking, so only what could not be shown as it stands comes here.
        """
        for _, hit, seen in likeliest:
            asked = replace(question, text=self._english(question.text, question.language), language="en")
            told = hit.model_copy(update={"text": self._english(hit.text, hit.language), "language": "en"})
            if not asked.text or not told.text:
                return
            support, shown = self._judged(asked, told, seen, llm)
            if shown:
                yield Judged(whole(hit), support)

    def _worth_translating(
        self, question: Question, ranked: Sequence[_Ranked], doubted: Mapping[int, float]
    ) -> list[_Ranked]:
        """The likeliest sentence in another language and the one whose phrases come nearest to the question's.

        `doubted` is the support of those that the model was asked about, by their number.
        """
        foreign = [
            n for n, (_, hit, seen) in enumerate(ranked) if _is_foreign(question, hit) and not seen.lacking
        ][:_PHRASED]
        if not foreign:
            return []
        first, hit, _ = ranked[foreign[0]]
        if first < _gate("extractive", question, hit).hopeless * _ALSO:
            return []
        found = self._read(question.text, question.language).aligned.words
        asked = phrases(question.text, found, self._encoder)
        near = {
            n: phrased(asked, self._engine.phrases(ranked[n][1].text, ranked[n][1].language)) for n in foreign
        }
        likeliest = max(foreign, key=lambda n: (doubted.get(n, 0.0), ranked[n][0]))
        return [ranked[n] for n in dict.fromkeys((likeliest, max(near, key=near.__getitem__)))]

    def _judged(self, asked: Question, told: Hit, seen: verify.Signals, llm: ChatModel) -> tuple[float, bool]:
        """See `_supported`, for a translated question and sentence; `seen` spoke for it as it stands."""
        vector = self._encoder.encode_passages([told.text])[0]
        similarity = float(self._encoder.encode_questions([asked.text])[0] @ vector)
        context = self._context(asked, told, similarity, told.score + seen.lead, told.text)
        signals = replace(verify.signals(told, context), lacking=seen.lacking)
        with self._timed("verify"):
            yes, usage = verify.confirm(llm, asked.text, told.text)
        self.usage += usage
        support, shown = _supported(asked, signals, yes, gate="confirmed", foreign=False)
        self._weigh(support, signals, yes)
        return support, shown

    def _english(self, text: str, language: str) -> str:
        """The text in English; empty where no model can translate it."""
        return text if language == "en" else self._rewording.translated(text, "en").text

    def _continued(self, question: Question, passed: Sequence[Judged], llm: ChatModel) -> Iterator[Judged]:
        """Sentences right behind those that answer which say that they go on with the list, and do."""
        known = {(one.item.hit.article_id, one.item.hit.first) for one in passed}
        for one in passed[:_CONTINUED]:
            for after in self._retriever.neighbours(one.item.hit, 0, 1):
                if (after.article_id, after.first) in known or not adds(after.text):
                    continue
                with self._timed("verify"):
                    yes, usage = verify.confirm(llm, question.text, after.text)
                self.usage += usage
                if yes >= _GOES_ON:
                    yield Judged(whole(after), min(one.support, yes))

    def _weigh(self, support: float, seen: verify.Signals, yes: float) -> None:
        """Keeps the confidence in the best sentence that the model was asked about; it outweighs all others."""
        if "yes" not in self._confidence.signals or support > self._confidence.value:
            self._confidence = verify.confidence(support, seen, yes)

    def _doubt(self) -> None:
        """Lowers the confidence where nothing is told since the model took no copied words for the answer."""
        if self._refused is not None:
            signals = self._confidence.signals | {"answer": round(self._refused, 4)}
            self._confidence = Confidence(value=min(self._confidence.value, self._refused), signals=signals)

    def signals(
        self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit]
    ) -> list[tuple[Hit, verify.Signals]]:
        """Every sentence with what speaks for and against it."""
        contexts = self._contexts(question, pool, hits)
        return [(hit, verify.signals(hit, context)) for hit, context in zip(hits, contexts, strict=True)]

    def _shortened(self, question: Question, sentence: Judged, llm: ChatModel) -> list[Judged]:
        """The words that answer, where few do and the model can copy them; else the sentence as it is.

        Nothing where its doubt tells something, and it finds no words or does not take those it copied for the answer.
        """
        if not compose.is_short(question.kind):
            return [sentence]
        with self._timed("copy"):
            items, usage = copy(question.text, [sentence.item.hit], llm)
        self.usage += usage
        language = sentence.item.hit.language
        items = [one for one in items if verify.is_of_kind(one.text, question.kind, question.text, language)]
        sure = items and is_complete(items) and min(one.certainty for one in items) >= _SURE_COPY
        if _is_read_best(question, sentence.item.hit):
            items = [one for one in items if self._is_answer(question, one, llm)]
            if not items:
                self._refused = self._refused or 0.0
                return []
        return [Judged(one, sentence.support) for one in items] if sure else [sentence]

    def _is_answer(self, question: Question, one: Item, llm: ChatModel) -> bool:
        """Whether the model takes the words it copied for the answer."""
        with self._timed("verify"):
            yes, usage = verify.confirm_answer(llm, question.text, one.text, one.hit.text)
        self.usage += usage
        if yes >= _IS_ANSWER:
            return True
        self._refused = max(yes, self._refused or 0.0)
        return False

    def _in_full(self, question: Question, one: Judged, pool: Sequence[Hit]) -> list[Judged]:
        """Where its article, or another one, gives the full name of somebody who is told by the surname alone."""
        if question.kind is not Kind.PERSON or not is_lone_name(one.item):
            return []  # without reading the article
        hit = one.item.hit
        article = self._engine.index.catalog.article(hit.article_id, hit.revision)
        found = in_full(one.item, article) or in_full_elsewhere(one.item, pool)
        return [Judged(found, one.support)] if found else []

    def _contexts(
        self, question: Question, pool: Sequence[Hit], hits: Sequence[Hit]
    ) -> Iterator[verify.Context]:
        """What surrounds each sentence."""
        similarities = self._retriever.similarities(question.text, hits)
        for hit, similarity in zip(hits, similarities, strict=True):
            near = [hit.title, *(other.text for other in self._retriever.neighbours(hit, 1, 1))]
            yield self._context(question, hit, similarity, pool[0].score, "\n".join(near))

    def _context(
        self, question: Question, hit: Hit, similarity: float, best_score: float, near: str
    ) -> verify.Context:
        """What is looked at when a sentence is judged."""
        language = question.language or hit.language
        asked = self._read(question.text, language)
        matched = held(asked.aligned, self._engine.aligned(hit.text, hit.language))
        return verify.Context(
            question=asked.aligned.words,
            text=question.text,
            language=language,
            near_words=[nearness for _, nearness in matched],
            near_names=[nearness for word, nearness in matched if word.start in asked.names],
            kind=question.kind,
            rarity=asked.rarity,
            near=near,
            article=self._article(hit.article_id, hit.language),
            similarity=similarity,
            best_score=best_score,
        )

    def _article(self, article_id: str, language: str) -> frozenset[str]:
        """The stems of an article with its title."""
        key = (article_id, language)
        if key not in self._articles:
            article = self._engine.index.catalog.texts([article_id])[article_id]
            self._articles[key] = stems_of(f"{article.title}\n{article.text}", language)
        return self._articles[key]

    def _read(self, text: str, language: str) -> _Read:
        """The question made ready to be laid beside sentences, once for all of them."""
        key = (text, language)
        if key not in self._readings:
            framed = frame(text)
            whole_text = self._engine.aligned(text, language)
            told = [not any(a <= word.start < b for a, b in framed) for word in whole_text.words]
            asked = Aligned(
                tuple(word for word, kept in zip(whole_text.words, told, strict=True) if kept),
                whole_text.vectors[told],
                whole_text.terms,
            )
            total = max(self._engine.index.catalog.count_passages(), _PASSAGES)
            frequencies = self._engine.index.catalog.term_frequencies([word.stem for word in asked.words])
            rarity = {stem: math.log(1 + (total + 0.5) / (n + 0.5)) for stem, n in frequencies.items()}
            names = frozenset(word.start for word in glossary.proper_names(text, language))
            self._readings[key] = _Read(asked, rarity, names)
        return self._readings[key]

    def _worded(self, question: Question, group: Sequence[Judged]) -> str:
        """The article's words in the reader's language; as they are where that cannot be done safely."""
        text = compose.words_of(group, question.kind)
        language, reader = group[0].item.hit.language, self.question.language
        if group[0].item.text == group[0].item.hit.text:
            return self._rewording.sentence(text, language, reader)
        return self._rewording.words(text, language, reader)

    # --- the answer ------------------------------------------------------------------------------

    def _answer(
        self,
        shown: Sequence[_Shown],
        missing: Sequence[str],
        differing: Sequence[Disagreement],
        confidences: Sequence[Confidence],
    ) -> Answer:
        language = self.question.language
        told = disputed([one.statement() for one in shown], differing, self.question)
        statements, citations = compose.numbered(told)
        status = Status.NOT_FOUND if not shown else Status.PARTIAL if missing else Status.ANSWERED
        lacking = ""
        if status is Status.NOT_FOUND:
            lacking = compose.not_found(language)
        elif status is Status.PARTIAL:
            lacking = compose.missing("; ".join(missing), language)
        differing, citations = compose.with_numbers(differing, citations)
        contrasts = [compose.contrast(one, language, self.question) for one in differing]
        said = compose.render(statements, language, self.question)
        text = "\n".join(filter(None, [said, *contrasts, lacking]))
        if self._rewording.seconds:
            self._timings["translate"] = self._rewording.seconds
        self._timings["total"] = time.perf_counter() - self._started
        return Answer(
            status=status,
            question=self.question.text,
            language=language,
            statements=statements,
            text=text,
            citations=citations,
            disagreements=differing,
            missing=lacking,
            confidence=min(confidences, key=lambda one: one.value, default=Confidence()),
            usage=self.usage + self._rewording.usage,
            timings=self._timings,
            fingerprint=self._engine.fingerprint(),
        )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            with traces.stage(stage):
                yield
        finally:
            self._timings[stage] = self._timings.get(stage, 0.0) + time.perf_counter() - started


def _in_order(
    question: Question, ranked: Sequence[_Ranked], likely_words: Sequence[float] = ()
) -> list[_Ranked]:
    """The sentences, those first that are worth the first looks.

    That is by support, likely words, and, where what holds now is asked for, age: newer ones come before others that
    answer about as well. What is not worth a look stays behind.
    """
    behind = lags(question, [hit for _, hit, _ in ranked])
    if not any(behind) and not likely_words:
        return list(ranked)
    words = [_WORDS_COUNT * _log_odds(sure, _LEAST_LIKELY) for sure in likely_words] or [0.0] * len(ranked)
    order = [
        (support < _gate("extractive", question, hit).hopeless, lag - _log_odds(support) - held, n)
        for n, ((support, hit, _), lag, held) in enumerate(zip(ranked, behind, words, strict=True))
    ]
    return [ranked[n] for *_, n in sorted(order)]


def _log_odds(probability: float, least: float = 1e-6) -> float:
    bounded = min(max(probability, least), 1 - least)
    return math.log(bounded / (1 - bounded))


def _supported(
    question: Question, seen: verify.Signals, yes: float, *, gate: str, foreign: bool
) -> tuple[float, bool]:
    """How well a sentence answers once a model has said how likely yes is, and whether it can be shown.

    A model's no may well be the answer to a yes-or-no question, so it takes nothing from what can be shown without it.
    """
    without, confirmed = (verify.load_gate(name, foreign=foreign) for name in ("extractive", gate))
    support, likely = confirmed.support(seen, yes), without.support(seen)
    if question.kind is Kind.YES_NO and likely >= without.shows:
        return max(support, likely), True
    return support, support >= max(confirmed.shows, _SURE_ACROSS * foreign)


def _gate(name: str, question: Question, hit: Hit) -> verify.Gate:
    """The gate for a sentence, perhaps known to be in another language than the question."""
    return verify.load_gate(name, foreign=_is_foreign(question, hit))


def _is_read_best(question: Question, hit: Hit) -> bool:
    """Whether both are in the language in which a small model's doubt about an answer tells anything."""
    return question.language == hit.language == _READ_BEST


def _is_judged(question: Question, hit: Hit) -> bool:
    """Whether the fitted weights are asked: not about other languages, nor where a no may be the answer itself.

    Nor about what holds now, or in articles of a day: they deny what is told as news of its day (eval/BENCHMARKS.md).
    """
    if question.kind is Kind.YES_NO or asks_newest(question) or hit.published:
        return False
    return _is_read_best(question, hit)


def _is_foreign(question: Question, hit: Hit) -> bool:
    return bool(hit.language and question.language and question.language != hit.language)
