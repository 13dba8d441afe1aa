"""Speed and memory of this machine with these settings, each figure beside its limit.

In: settings. Out: a report. Five parts, all in folders that are thrown away: `ask` (the demo questions),
`search` (among 10,000 generated articles), `indexing` (against the encoder alone), `memory` (at rest after
an answer) and `start` (of a new process). A busy machine makes every figure but the memory worse.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil
from multiprocessing import get_context
from os import cpu_count, getpid
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ParamSpec

import numpy as np

from rag.encoder import open_encoder
from rag.errors import InputError, RagError
from rag.index import open_index
from rag.newsqa import NewsQA
from rag.resources import demo_articles, resource
from rag.settings import Settings
from rag.types import Article, Encoder, Noun, Progress, Statement

if TYPE_CHECKING:
    from rag.types import Vectors

P = ParamSpec("P")

PARTS = ("ask", "search", "indexing", "memory", "start")
"""What `run` can measure, in the order in which it does."""

_SEED = 20_250_218  # all drawing starts here, so that every run sees the same articles and questions


class Figure(Noun):
    """One measured number.

    `limit` is what it must not exceed, or must reach if `at_least`; a figure without one informs only.
    """

    part: str
    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    passed: bool = True


class BenchReport(Noun):
    """The figures of one run on `cpus` processors."""

    figures: tuple[Figure, ...]
    cpus: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every figure keeps its limit."""
        return all(figure.passed for figure in self.figures)

    def table(self) -> str:
        """One line per figure: what, measured, limit, whether it is kept."""
        width = max((len(figure.name) for figure in self.figures), default=0)
        lines = [
            f"{figure.name:{width}}  {_shown(figure.value, figure.unit):>9}  {_limit_shown(figure):>11}  "
            f"{_mark(figure)}".rstrip()
            for figure in self.figures
        ]
        return "\n".join([*lines, "", f"{self.cpus} processors, {self.seconds:.0f} s"])


def _shown(value: float, unit: str) -> str:
    return f"{value:.0%}" if unit == "%" else f"{value:.{0 if unit == 'ms' else 2}f} {unit}"


def _limit_shown(figure: Figure) -> str:
    if figure.limit is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {_shown(figure.limit, figure.unit)}"


def _mark(figure: Figure) -> str:
    if figure.limit is None:
        return ""
    return "kept" if figure.passed else "MISSED"


def _figure(
    part: str, name: str, value: float, unit: str, limit: float | None = None, *, at_least: bool = False
) -> Figure:
    passed = limit is None or (value >= limit if at_least else value <= limit)
    return Figure(part=part, name=name, value=value, unit=unit, limit=limit, at_least=at_least, passed=passed)


def run(
    settings: Settings, progress: Progress | None = None, *, parts: Collection[str] = PARTS
) -> BenchReport:
    """Measures `parts` one after the other; all of them take about five minutes on two cores.

    Args:
        settings: models and threads are taken from them, the data folder is not touched.
        progress: told what is being measured.
        parts: some of `PARTS`.

    Raises:
        InputError: an unknown part.
        RagError: whatever keeps the models or a child process from running.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown or not parts:
        raise InputError(
            f"There is no part {unknown[0]!r} to measure." if unknown else "There is nothing to measure.",
            hint=f"Parts are {', '.join(PARTS)}.",
        )
    started = time.perf_counter()
    tell = progress or (lambda done, total, what: None)
    measures: dict[str, Callable[[], list[Figure]]] = {
        "ask": lambda: asking(settings, demo_questions(), tell),
        "search": lambda: searching(open_encoder(settings, progress), settings, tell),
        "indexing": lambda: indexing(open_encoder(settings, progress), settings, tell),
        "memory": lambda: resting(settings, tell),
        "start": lambda: starting(tell),
    }
    figures = [figure for part in PARTS if part in parts for figure in measures[part]()]
    return BenchReport(figures=tuple(figures), cpus=cpu_count() or 1, seconds=time.perf_counter() - started)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0..1) of them do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


# --- asking ------------------------------------------------------------------------------------

_WARM_UP = "Worum geht es?"


def demo_questions() -> tuple[str, ...]:
    """The questions that stand beside the demo articles."""
    lines = resource("seeds", "questions.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def asking(
    settings: Settings, questions: Sequence[str], tell: Progress, encoder: Encoder | None = None
) -> list[Figure]:
    """Seconds per question, and until the first verified statement where there is one.

    One question before them loads the language model and fills its cache with the prompt's constant
    beginning.
    """
    wholes: list[float] = []
    firsts: list[float] = []
    with (
        TemporaryDirectory(prefix="rag-bench-") as folder,
        NewsQA.open(folder, settings=settings, encoder=encoder) as qa,
    ):
        tell(0, len(questions), "indexing the demo articles")
        qa.add(demo_articles())
        qa.ask(_WARM_UP)
        for done, question in enumerate(questions):
            tell(done, len(questions), "asking")
            whole, first = _timed_answer(qa, question)
            wholes.append(whole)
            firsts += [] if first is None else [first]
    figures = [
        _figure("ask", "ask, median", median(wholes), "s", 6.0),
        _figure("ask", "ask, 95th percentile", percentile(wholes, 0.95), "s", 12.0),
    ]
    if firsts:
        figures.append(_figure("ask", "first verified statement, median", median(firsts), "s", 4.0))
    return figures


def _timed_answer(qa: NewsQA, question: str) -> tuple[float, float | None]:
    """Seconds to the last event, and to the first statement if there is one."""
    first = None
    started = time.perf_counter()
    for event in qa.stream(question):
        if first is None and isinstance(event, Statement):
            first = time.perf_counter() - started
    return time.perf_counter() - started, first


# --- searching ---------------------------------------------------------------------------------

_ARTICLES = 10_000
_SEARCHES = 200
_K = 10
_SOURCES = 20
_FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def searching(
    encoder: Encoder,
    settings: Settings,
    tell: Progress,
    *,
    articles: int = _ARTICLES,
    searches: int = _SEARCHES,
) -> list[Figure]:
    """Milliseconds per search among generated articles whose vectors are drawn; questions are encoded.

    Filtered searches alternate between a source and the last tenth of the days.
    """
    press = Press(Random(_SEED))
    with (
        TemporaryDirectory(prefix="rag-bench-") as folder,
        NewsQA.open(folder, settings=settings, encoder=DrawnEncoder(encoder), llm=None) as qa,
    ):
        qa.add(_told(press.articles(articles), articles, tell))
        asked = [press.question() for _ in range(searches)]
        late = _FIRST_DAY + timedelta(hours=articles * 9 // 10)
        filters = [
            {"source": press.source(n)} if n % 2 else {"published_after": late} for n in range(searches)
        ]
        tell(0, 0, "searching")
        for _ in range(5):
            qa.search(press.question(), _K)
        plain = [_milliseconds(qa.search, one, _K) for one in asked]
        narrow = [
            _milliseconds(qa.search, one, _K, **wanted) for one, wanted in zip(asked, filters, strict=True)
        ]
    among = f"search among {articles:,} articles"
    return [
        _figure("search", f"{among}, median", median(plain), "ms"),
        _figure("search", f"{among}, 95th percentile", percentile(plain, 0.95), "ms", 60.0),
        _figure("search", "the same with a filter, 95th percentile", percentile(narrow, 0.95), "ms"),
    ]


def _milliseconds(call: Callable[P, object], *arguments: P.args, **options: P.kwargs) -> float:
    started = time.perf_counter()
    call(*arguments, **options)
    return 1000 * (time.perf_counter() - started)


def _told(articles: Iterator[Article], total: int, tell: Progress) -> Iterator[Article]:
    for done, article in enumerate(articles):
        if done % 100 == 0:
            tell(done, total, f"filling an index with {total:,} articles")
        yield article


class DrawnEncoder:
    """Passages get vectors drawn at random from the unit sphere, questions their real ones."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._random = np.random.default_rng(_SEED)
        self.name = f"drawn beside {encoder.name}"
        self.fingerprint = f"drawn-{encoder.fingerprint}"
        self.dimensions = encoder.dimensions

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (len(texts), dimensions) in no relation to the texts."""
        drawn = self._random.standard_normal((len(texts), self.dimensions), dtype=np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        """What the real encoder says."""
        return self._encoder.encode_questions(texts)

    def encode_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        """What the real encoder says."""
        return self._encoder.encode_spans(text, spans)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """About what the default encoder makes of German news: 1.6 tokens per word."""
        return [round(1.6 * len(text.split())) for text in texts]


_WORDS = 20_000
_BEGINNINGS = "b br d dr f fl g gr h k kl kr l m n p pr r s sch st t tr v w z".split()
_VOWELS = "a e i o u ei au ie ö ü".split()
_ENDINGS = ["", *"n r l t s ch nd rt ng m".split()]
_SMALL_WORDS = (
    "der die das und in von zu mit den auf für ist im nicht ein eine als auch an werden aus hat dass nach "
    "wird bei einer um am sind noch wie einem über"
).split()


class Press:
    """Writes articles of 3 to 5 passages in a German of invented words.

    Word frequencies follow Zipf's law; every second word is a real function word.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        words: dict[str, None] = {}
        while len(words) < _WORDS:
            words[self._word()] = None
        self._words = list(words)
        self._frequencies = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))

    def _word(self) -> str:
        parts = (_BEGINNINGS, _VOWELS, _ENDINGS)
        syllables = self._random.choice((1, 2, 2, 3))
        word = "".join(self._random.choice(part) for _ in range(syllables) for part in parts)
        return word.capitalize() if self._random.random() < 0.5 else word

    def sentence(self, words: int) -> str:
        """A sentence of so many words, without its full stop."""
        telling = self._random.choices(self._words, cum_weights=self._frequencies, k=words)
        small = self._random.choices(_SMALL_WORDS, k=words)
        mixed = (
            one if self._random.random() < 0.5 else other for one, other in zip(telling, small, strict=True)
        )
        text = " ".join(mixed)
        return text[0].upper() + text[1:]

    def question(self) -> str:
        """A question of 3 to 6 telling words."""
        count = self._random.randint(3, 6)
        telling = self._random.choices(self._words, cum_weights=self._frequencies, k=count)
        return f"Wer hat {' '.join(telling)}?"

    def source(self, n: int) -> str:
        """The outlet of the n-th article."""
        return f"Zeitung {n % _SOURCES}"

    def articles(self, count: int) -> Iterator[Article]:
        """So many articles, one an hour."""
        for n in range(count):
            yield Article(
                id=f"generated-{n}",
                text=self._text(),
                title=self.sentence(6),
                source=self.source(n),
                published=_FIRST_DAY + timedelta(hours=n),
                language="de",
            )

    def _text(self) -> str:
        draw = self._random.randint
        paragraphs = (
            " ".join(f"{self.sentence(draw(8, 16))}." for _ in range(draw(4, 6))) for _ in range(draw(5, 7))
        )
        return "\n\n".join(paragraphs)


# --- indexing ----------------------------------------------------------------------------------

_ROUNDS = 3
_REMIXED = 48  # about 200 passages, ten seconds of encoding on two cores


class _Recorder:
    """An encoder that remembers which passages it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.passages: list[str] = []
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.dimensions = encoder.dimensions

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages += texts
        return self._encoder.encode_passages(texts)

    def encode_questions(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_questions(texts)

    def encode_spans(self, text: str, spans: Sequence[tuple[int, int]]) -> Vectors:
        return self._encoder.encode_spans(text, spans)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._encoder.count_tokens(texts)


def indexing(
    encoder: Encoder, settings: Settings, tell: Progress, *, articles: int = _REMIXED, rounds: int = _ROUNDS
) -> list[Figure]:
    """Encoding alone against adding, same passages, in turns; the medians of all rounds are compared.

    The articles are sentences of the demo articles, drawn again and again, so that words are as long as in
    life.
    """
    remixed = _remixed(settings, encoder, articles)
    recorder = _Recorder(encoder)
    _adding(remixed, recorder)
    raw: list[float] = []
    whole: list[float] = []
    for done in range(rounds):
        tell(done, rounds, "encoding and indexing in turns")
        raw.append(_milliseconds(encoder.encode_passages, recorder.passages) / 1000)
        whole.append(_adding(remixed, encoder))
    return [
        _figure("indexing", "indexing", len(recorder.passages) / median(whole), "passages/s"),
        _figure(
            "indexing",
            "share of the encoder's own speed",
            median(raw) / median(whole),
            "%",
            0.85,
            at_least=True,
        ),
    ]


def _adding(articles: Sequence[Article], encoder: Encoder) -> float:
    """Seconds that adding takes to an empty index."""
    with TemporaryDirectory(prefix="rag-bench-") as folder:
        index = open_index(Path(folder), encoder)
        try:
            return _milliseconds(index.add, articles) / 1000
        finally:
            index.close()


def _remixed(settings: Settings, encoder: Encoder, count: int) -> list[Article]:
    with (
        TemporaryDirectory(prefix="rag-bench-") as folder,
        NewsQA.open(folder, settings=settings, encoder=encoder, llm=None) as qa,
    ):
        originals = [qa.article(id_) for id_ in qa.add(demo_articles()).article_ids]
    sentences = [
        one.text[sentence.start : sentence.end]
        for one in originals
        for sentence in one.sentences
        if not sentence.heading
    ]
    random = Random(_SEED)
    return [
        Article(
            id=f"remixed-{n}",
            text="\n\n".join(" ".join(random.choices(sentences, k=4)) for _ in range(random.randint(5, 8))),
            title=originals[n % len(originals)].title,
            language=originals[0].language,
        )
        for n in range(count)
    ]


# --- memory ------------------------------------------------------------------------------------


def resting(settings: Settings, tell: Progress) -> list[Figure]:
    """Resident memory of a process that has indexed the demo articles and answered a question."""
    figures = []
    for name, llm, limit in (
        ("memory at rest after an answer", settings.llm, 2.5),
        ("the same without language model", "none", 1.0),
    ):
        tell(0, 0, name)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
            used = child.submit(_memory_at_rest, settings.model_copy(update={"llm": llm})).result()
        figures.append(_figure("memory", name, used / 1e9, "GB", limit))
    return figures


def _memory_at_rest(settings: Settings) -> int:
    with TemporaryDirectory(prefix="rag-bench-") as folder, NewsQA.open(folder, settings=settings) as qa:
        qa.add(demo_articles())
        qa.ask(demo_questions()[0])
        gc.collect()
        return resident_bytes()


def resident_bytes() -> int:
    """What this process holds in memory now.

    Raises:
        RagError: neither /proc nor `ps` tells.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024
    told = _finished(["ps", "-o", "rss=", "-p", str(getpid())])
    return int(told) * 1024


# --- start -------------------------------------------------------------------------------------

_STARTS = 7


def starting(tell: Progress, *, starts: int = _STARTS) -> list[Figure]:
    """Seconds of a new process, the median of a few."""
    figures = []
    for name, words in (("rag --help", ["-m", "rag", "--help"]), ("import rag", ["-c", "import rag"])):
        tell(0, 0, f"starting: {name}")
        took = [_milliseconds(_finished, [sys.executable, *words]) for _ in range(starts)]
        figures.append(_figure("start", name, median(took) / 1000, "s", 0.5))
    return figures


def _finished(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RagError(f"{' '.join(command)} failed: {error}", hint="Run it by hand to see why.") from error
    return done.stdout
