"""Summaries of news texts, measured beside their first sentences and two graph-based methods.

In: texts (rows of JSON lines, or any files that `add` takes), what summarises, tools that judge. Out: `SummaryReport`,
whose JSON is `report.model_dump_json()`; `to_markdown` draws its tables. All methods get the same room: as many words
as the first sentences of a text have; none takes a sentence that does not fit. Hides sumy, without which the graphs
are left out.

Coverage is the share of a text's content units that a summary holds. Units are the stems of content words, each
weighted by the number of the text's sentences that hold it, after Gillick and Favre (2009), "A Scalable Global Model
for Summarization", with stems in place of pairs of words. The graphs are LexRank (Erkan and Radev 2004) and TextRank
(Mihalcea and Tarau 2004) over our sentences, content words and stems.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Unpack

import numpy as np
import yaml
from pydantic import Field, TypeAdapter, ValidationError

from rag.errors import InputError
from rag.evaluation.said import Label, SaidMeasures, Share, judge_said, said_measures, share
from rag.evaluation.samples import in_order
from rag.types import AddReport, Article, Noun, Progress, Speech, Statement, Summary, SummaryOptions

_SCHEME = "summaries:"
_DRAWS = 1000  # bootstrap samples
_FORMS = ("text", "timeline", "who_said_what")
_OURS, _LEAD = "ours", "lead"
_GRAPHS = {"lexrank": "LexRankSummarizer", "textrank": "TextRankSummarizer"}
_MOST = 100  # statements of a form that are looked at


class Summarising(Protocol):
    """What is measured: `NewsQA`."""

    def add(self, sources: Any, progress: Progress | None = None) -> AddReport:
        """Adds articles or files."""

    def article(self, article_id: str) -> Article:
        """One article with text and sentences."""

    def summarise(
        self, article_ids: Sequence[str] | None = None, **options: Unpack[SummaryOptions]
    ) -> Summary:
        """A cited summary."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What judges.

    Attributes:
        stems: (text, language) -> stems of its content words, in order.
        supports: (claim, cited sentences, language, whole text) -> whether the verifier finds the claim supported.
    """

    stems: Callable[[str, str], tuple[str, ...]]
    supports: Callable[[str, Sequence[str], str, str], bool]


class Row(Noun, extra="ignore"):
    """One text of a file; the last three label one quote of it."""

    text: str = Field(min_length=1)
    title: str = ""
    lang: str = ""
    id: str = ""
    date: str = ""
    statement: str = ""
    speaker_gold: str = ""
    type: str = ""


class Gold(Noun):
    """Gold facts of one summary: one regular expression of each list of `must`, none of `must_not`; case is ignored."""

    name: str
    articles: tuple[str, ...] = Field(min_length=1)
    sentences: int = Field(ge=1, le=_MOST)
    must: tuple[tuple[str, ...], ...] = Field(min_length=1)
    must_not: tuple[str, ...] = ()


class Method(Noun):
    """Means over the texts of a set, `coverage` with the bounds of its 95 % interval (bootstrap over texts).

    `distinct` counts every unit once; `title` is the share of the title's content words that the summary holds, which
    no method sees as such; `redundancy` the share of its content words that an earlier sentence of it holds;
    `compression` its words by those of the text; `seconds` are per text. `gain` is by how much our summaries cover
    more, with bounds.
    """

    name: str
    coverage: float
    low: float
    high: float
    distinct: float
    title: float | None
    redundancy: float
    compression: float
    seconds: float
    gain: tuple[float, float, float] | None = None


class FormMeasures(Noun):
    """Statements of one form.

    `supported` are those that the verifier finds in what they cite; of who said what those whose words and speaker
    stand there word for word, since whether it is the right speaker is for labels to tell. `strangers` counts
    numbers, dates and names that do not stand there; `spans` are citations whose quote is the article's text at their
    place. `doubtful` are statements that are not supported.
    """

    form: str
    supported: Share
    strangers: int
    spans: Share
    doubtful: tuple[str, ...] = ()


class SetMeasures(Noun):
    """All measures of one set of texts; `said` only where its rows label quotes."""

    name: str
    texts: int
    methods: tuple[Method, ...]
    forms: tuple[FormMeasures, ...]
    said: SaidMeasures | None = None


class Mentioned(Noun):
    """How many gold facts a method's summary mentions, what forbidden things it says."""

    name: str
    method: str
    mentioned: Share
    missing: tuple[str, ...]
    forbidden: tuple[str, ...]


class SummaryReport(Noun):
    """A finished run. `left_out` names methods whose library is not installed."""

    sentences: int
    sets: tuple[SetMeasures, ...]
    gold: tuple[Mentioned, ...]
    left_out: tuple[str, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    words: tuple[str, ...]  # stems of its content words, in order

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(self.words)


@dataclass(frozen=True, slots=True)
class _Text:
    """An article, its sentences without headings, its units, and the words that a summary may have."""

    article: Article
    lines: tuple[_Line, ...]
    units: Counter[str]
    room: int
    label: Label | None = None


def read_rows(file: Path) -> list[Row]:
    """The texts of a file of JSON lines.

    Raises:
        InputError: it cannot be read, or a line holds no text.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [Row.model_validate(json.loads(line)) for line in lines if line.strip()]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        raise InputError(
            f"{file} does not hold JSON lines with a text each: {str(error).splitlines()[0]}.",
            hint='Write {"id": "…", "text": "…"} on every line.',
        ) from error


def read_gold(file: Path) -> list[Gold]:
    """The gold facts of a file; paths of articles are read from where it stands.

    Raises:
        InputError: it cannot be read, or an entry is not as it should be.
    """
    try:
        found = TypeAdapter(list[Gold]).validate_python(yaml.safe_load(file.read_text(encoding="utf-8")))
        for pattern in (form for one in found for forms in (*one.must, one.must_not) for form in forms):
            re.compile(pattern)
    except (OSError, yaml.YAMLError, ValidationError, re.error) as error:
        raise InputError(
            f"{file} does not hold gold facts of summaries: {str(error).splitlines()[0]}.",
            hint="Write a list of name, articles, sentences, must and must_not.",
        ) from error
    return found


def half_of(id_: str) -> int:
    """0 or 1: the half of a set that an item belongs to. Whatever is tuned is tuned on half 0."""
    return int(hashlib.sha256(id_.encode()).hexdigest(), 16) % 2


def measure_summaries(
    qa: Summarising,
    tools: Tools,
    sources: Sequence[Path],
    gold_file: Path | None,
    *,
    sentences: int = 3,
    n: int = 0,
    half: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> SummaryReport:
    """Summarises every text in equal room with every method, and in every form, and judges what came back.

    Args:
        qa: what summarises; texts are added to it.
        tools: what judges.
        sources: files of JSON lines, or any file or folder that `qa.add` takes; each is a set.
        gold_file: gold facts; their articles are a set too, called "seeds".
        sentences: first sentences that set the room of a text.
        n: texts per set; 0 for all.
        half: only this half of each file of JSON lines, by the ids of its rows.
        seed: of the choice of `n` and of the intervals.
        progress: told of every text.

    Raises:
        InputError: a file cannot be read.
    """
    gold = read_gold(gold_file) if gold_file else []
    rows = {path: _chosen(read_rows(path), n, half, seed) for path in sources if path.suffix == ".jsonl"}
    graphs = {name: _graph(name) for name in _GRAPHS}
    methods = {_LEAD: _lead} | {name: graph for name, graph in graphs.items() if graph}
    sets, fingerprint = [], ""
    named = _seeds(gold, gold_file)
    if named:
        texts = [_text(qa, tools, one, sentences) for one in _added(qa, named, progress)]
        sets.append(_measured("seeds", texts, qa, tools, methods, seed, progress))
    for path in sources:
        if path in rows:
            texts = list(_texts_of_rows(qa, tools, rows[path], path.stem, sentences, progress))
        else:
            texts = [_text(qa, tools, one, sentences) for one in _added(qa, [path], progress)[: n or None]]
        long = [text for text in texts if len(text.lines) > sentences]
        sets.append(_measured(path.stem, long, qa, tools, methods, seed, progress))
    found = [line for one in gold for line in _told(one, gold_file, qa, tools, methods)]
    if named:
        fingerprint = qa.summarise(list(_added(qa, named[:1], None))).fingerprint
    left_out = tuple(name for name, graph in graphs.items() if graph is None)
    return SummaryReport(
        sentences=sentences, sets=tuple(sets), gold=tuple(found), left_out=left_out, fingerprint=fingerprint
    )


# --- texts -----------------------------------------------------------------------------------


def _chosen(rows: list[Row], n: int, half: int | None, seed: int) -> list[Row]:
    chosen = [row for row in rows if half is None or half_of(row.id) == half]
    return in_order(chosen, n, seed)


def _seeds(gold: Sequence[Gold], gold_file: Path | None) -> list[Path]:
    folder = gold_file.parent if gold_file else Path()
    return [folder / name for name in dict.fromkeys(name for one in gold for name in one.articles)]


def _added(qa: Summarising, sources: Sequence[Path], progress: Progress | None) -> tuple[str, ...]:
    report = qa.add(list(sources), progress)
    if report.failed:
        raise InputError(report.failed[0].message, hint=report.failed[0].hint)
    return report.article_ids


def _texts_of_rows(
    qa: Summarising, tools: Tools, rows: Sequence[Row], name: str, sentences: int, progress: Progress | None
) -> Iterator[_Text]:
    """The texts of the rows; one that stands in a row before is measured once."""
    articles = [
        Article(text=row.text, title=row.title, language=row.lang, url=f"{_SCHEME}{name}:{row.id or n}")
        for n, row in enumerate(rows)
    ]
    report = qa.add(articles, progress)
    by_url = {
        origin: article
        for article in map(qa.article, dict.fromkeys(report.article_ids))
        for origin in (article.url, *article.origins)
    }
    for row, given in zip(rows, articles, strict=True):
        article = by_url.pop(given.url, None)
        if article is not None:
            label = Label(row.statement, row.speaker_gold, row.type == "Direct") if row.speaker_gold else None
            yield _text(qa, tools, article.id, sentences, label)


def _text(
    qa: Summarising, tools: Tools, article_id: str, sentences: int, label: Label | None = None
) -> _Text:
    article = qa.article(article_id)
    plain = [_plain(article.text[one.start : one.end]) for one in article.sentences if not one.heading]
    lines = tuple(_Line(text, tools.stems(text, article.language)) for text in plain)
    units = Counter(stem for line in lines for stem in line.stems)
    return _Text(article, lines, units, sum(_count(text) for text in plain[:sentences]), label)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _count(text: str) -> int:
    return len(text.split())


# --- methods ---------------------------------------------------------------------------------

_Choose = Callable[[_Text, int], list[_Line]]


def _lead(text: _Text, room: int) -> list[_Line]:
    return _filled(text, range(len(text.lines)), room)


def _graph(name: str) -> _Choose | None:
    """One of sumy's methods over the same sentences and stems; None where sumy is not installed."""
    try:
        from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
        from sumy.summarizers import lex_rank, text_rank
    except ImportError:
        return None
    module = {"lexrank": lex_rank, "textrank": text_rank}[name]
    base: Any = getattr(module, _GRAPHS[name])

    class Rating(base):  # type: ignore[misc]
        """Keeps what the method thinks of every sentence, where sumy gives back the best ones only."""

        def _get_best_sentences(self, sentences: Any, count: int, rating: Any) -> Any:
            self.rated = dict(rating)
            return super()._get_best_sentences(sentences, count, rating)

    ranker = Rating()

    class Stems:
        def __init__(self, stems: Mapping[str, tuple[str, ...]]) -> None:
            self._stems = stems

        def to_words(self, sentence: str) -> tuple[str, ...]:
            return self._stems[sentence]

    def choose(text: _Text, room: int) -> list[_Line]:
        stems = Stems({line.text: line.words for line in text.lines})
        lines = [Sentence(line.text, stems) for line in text.lines]
        document = ObjectDocumentModel([Paragraph(lines)])
        ranker(document, 1)
        rated = [ranker.rated[line] for line in document.sentences]
        return _filled(text, sorted(range(len(lines)), key=lambda place: -rated[place]), room)

    return choose


def _filled(text: _Text, order: Iterable[int], room: int) -> list[_Line]:
    taken = []
    for place in order:
        cost = _count(text.lines[place].text)
        if cost <= room:
            taken.append(place)
            room -= cost
    return [text.lines[place] for place in sorted(taken)]


# --- measures --------------------------------------------------------------------------------


def _measured(
    name: str,
    texts: Sequence[_Text],
    qa: Summarising,
    tools: Tools,
    methods: Mapping[str, _Choose],
    seed: int,
    progress: Progress | None,
) -> SetMeasures:
    if not texts:
        raise InputError(f"{name} holds no text that is longer than its summary.", hint="Lower --sentences.")
    values: dict[str, list[dict[str, float]]] = {name: [] for name in (*methods, _OURS)}
    forms: dict[str, list[_Statement]] = {form: [] for form in _FORMS}
    judged = []
    for done, text in enumerate(texts):
        if progress:
            progress(done, len(texts), f"{name}: summarising")
        for method, choose in methods.items():
            started = time.perf_counter()
            lines = choose(text, text.room)
            values[method].append(_values(text, lines, time.perf_counter() - started, tools))
        for form in _FORMS:
            wanted: SummaryOptions = {"form": form}
            wanted |= {"words": text.room} if form == "text" else {"sentences": _MOST}
            started = time.perf_counter()
            summary = qa.summarise([text.article.id], **wanted)
            seconds = time.perf_counter() - started
            spoken = summary.said if form == "who_said_what" else (None,) * len(summary.statements)
            for statement, speech in zip(summary.statements, spoken, strict=True):
                forms[form].append(_judged(statement, speech, text.article, tools))
            if form == "text":
                lines = [
                    _Line(one.text, tools.stems(one.text, text.article.language))
                    for one in summary.statements
                ]
                values[_OURS].append(_values(text, lines, seconds, tools))
            if form == "who_said_what" and text.label:
                judged.append(judge_said(text.label, summary.said, text.article.language, tools.stems))
    return SetMeasures(
        name=name,
        texts=len(texts),
        methods=tuple(_method(method, values[method], values[_OURS], seed) for method in values),
        forms=tuple(_form(form, found) for form, found in forms.items()),
        said=said_measures(judged) if judged else None,
    )


def _values(text: _Text, lines: Sequence[_Line], seconds: float, tools: Tools) -> dict[str, float]:
    held: frozenset[str] = frozenset().union(*(line.stems for line in lines))
    title = frozenset(tools.stems(text.article.title, text.article.language))
    spoken = sum(len(line.stems) for line in lines)
    return {
        "coverage": sum(text.units[stem] for stem in held) / max(1, text.units.total()),
        "distinct": len(held & text.units.keys()) / max(1, len(text.units)),
        "title": len(title & held) / len(title) if title else float("nan"),
        "redundancy": 1 - len(held) / spoken if spoken else 0.0,
        "compression": sum(_count(line.text) for line in lines)
        / sum(_count(line.text) for line in text.lines),
        "seconds": seconds,
    }


def _method(
    name: str, values: Sequence[Mapping[str, float]], ours: Sequence[Mapping[str, float]], seed: int
) -> Method:
    columns = {key: np.array([one[key] for one in values]) for key in values[0]}
    covered, own = columns.pop("coverage"), np.array([one["coverage"] for one in ours])
    drawn = np.random.default_rng(seed).integers(0, len(covered), (_DRAWS, len(covered)))
    means, own_means = covered[drawn].mean(axis=1), own[drawn].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    gain = None
    if name != _OURS:
        least, most = np.quantile(own_means / means - 1, (0.025, 0.975))
        gain = (float(own.mean() / covered.mean() - 1), float(least), float(most))
    titles = columns.pop("title")
    return Method(
        name=name, coverage=float(covered.mean()), low=float(low), high=float(high), gain=gain,
        title=None if np.isnan(titles).all() else float(np.nanmean(titles)),
        **{key: float(column.mean()) for key, column in columns.items()},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    supported: bool
    strangers: int
    spans: tuple[int, int]  # right ones, all


def _judged(statement: Statement, speech: Speech | None, article: Article, tools: Tools) -> _Statement:
    quotes = [_plain(cited.quote) for cited in statement.citations]
    right = sum(
        article.text[cited.start : cited.end] == cited.quote and cited.revision == article.revision
        for cited in statement.citations
    )
    if speech is None:
        supported = tools.supports(statement.text, quotes, article.language, article.text)
    else:
        supported = all(
            any(_plain(said) in quote for quote in quotes) for said in (speech.words, speech.speaker)
        )
    return _Statement(
        text=statement.text,
        supported=supported,
        strangers=strangers(statement.text, quotes),
        spans=(right, len(statement.citations)),
    )


def strangers(text: str, quotes: Sequence[str]) -> int:
    """How many numbers and capitalised words of a statement stand in none of the sentences that it cites.

    The first word has its capital from its place.
    """
    held = {word for quote in quotes for word in re.findall(r"\w+", quote)}
    first, *others = re.findall(r"\w+", text) or [""]
    named = (word for word in others if word[0].isupper() or any(c.isdigit() for c in word))
    opens_strangely = first != "" and not {first, first[0].lower() + first[1:]} & held
    return sum(word not in held for word in named) + opens_strangely


def _form(form: str, found: Sequence[_Statement]) -> FormMeasures:
    return FormMeasures(
        form=form,
        supported=share(sum(one.supported for one in found), len(found)),
        strangers=sum(one.strangers for one in found),
        spans=share(sum(one.spans[0] for one in found), sum(one.spans[1] for one in found)),
        doubtful=tuple(one.text for one in found if not one.supported),
    )


def _told(
    gold: Gold, gold_file: Path | None, qa: Summarising, tools: Tools, methods: Mapping[str, _Choose]
) -> Iterator[Mentioned]:
    """What each method's summary of the same length mentions; room is shared out evenly among the articles."""
    ids = list(_added(qa, _seeds([gold], gold_file), None))
    own = [one.text for one in qa.summarise(ids, sentences=gold.sentences).statements]
    room = sum(map(_count, own)) // len(ids)
    texts = [_text(qa, tools, article_id, 1) for article_id in ids]
    for name, choose in methods.items():
        yield _mentions(gold, name, [line.text for text in texts for line in choose(text, room)])
    yield _mentions(gold, _OURS, own)


def _mentions(gold: Gold, method: str, lines: Sequence[str]) -> Mentioned:
    said = " ".join(lines)

    def stands(form: str) -> bool:
        return re.search(form, said, re.IGNORECASE) is not None

    missing = tuple(forms[0] for forms in gold.must if not any(map(stands, forms)))
    return Mentioned(
        name=gold.name,
        method=method,
        mentioned=share(len(gold.must) - len(missing), len(gold.must)),
        missing=missing,
        forbidden=tuple(filter(stands, gold.must_not)),
    )


# --- report ----------------------------------------------------------------------------------


def to_markdown(report: SummaryReport) -> str:
    """The tables of a report."""
    lines: list[str] = []
    for one in report.sets:
        lines += [
            "",
            f"## {one.name}: {one.texts} texts, room of their first {report.sentences} sentences",
            "",
        ]
        lines += _method_table(one) + [""] + _form_table(one)
        if one.said:
            lines += ["", _said_line(one.said)]
    if report.gold:
        lines += ["", "## Gold facts", "", *_gold_table(report.gold)]
    if report.left_out:
        lines += [
            "",
            f"Left out, as sumy is not installed (`pip install rag[compare]`): {', '.join(report.left_out)}.",
        ]
    return "\n".join(lines).strip()


def _method_table(one: SetMeasures) -> list[str]:
    rows = [
        "| method | coverage | 95 % | ours covers more by | distinct | title | redundancy | compression | s |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for method in one.methods:
        gain = "{:+.1%} ({:+.1%} to {:+.1%})".format(*method.gain) if method.gain else ""
        title = "" if method.title is None else f"{method.title:.3f}"
        rows.append(
            f"| {method.name} | {method.coverage:.3f} | {method.low:.3f}–{method.high:.3f} | {gain} | "
            f"{method.distinct:.3f} | {title} | {method.redundancy:.3f} | {method.compression:.3f} | "
            f"{method.seconds:.2f} |"
        )
    return rows


def _form_table(one: SetMeasures) -> list[str]:
    rows = [
        "| form | statements | supported by what they cite | numbers and names not there | spans are their quotes |"
    ]
    rows.append("|---|---|---|---|---|")
    for form in one.forms:
        rows.append(
            f"| {form.form} | {form.supported.n} | {_shown(form.supported)} | {form.strangers} | "
            f"{form.spans.value:.3f} |"
        )
    return rows


def _shown(one: Share) -> str:
    return f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


def _said_line(said: SaidMeasures) -> str:
    shown = (
        f"{name} {_shown(getattr(said, name))}"
        for name in ("precision", "recall", "found", "direct", "tight")
    )
    return f"Who said what, {said.recall.n} labelled quotes: {', '.join(shown)}."


def _gold_table(gold: Sequence[Mentioned]) -> list[str]:
    rows = ["| summary | method | mentioned | missing | forbidden |", "|---|---|---|---|---|"]
    for one in gold:
        told = round(one.mentioned.value * one.mentioned.n)
        rows.append(
            f"| {one.name} | {one.method} | {told}/{one.mentioned.n} | {_cell(one.missing)} | {_cell(one.forbidden)} |"
        )
    own = [one for one in gold if one.method == _OURS]
    right = sum(round(one.mentioned.value * one.mentioned.n) for one in own)
    whole = share(right, sum(one.mentioned.n for one in own))
    forbidden = sum(len(one.forbidden) for one in own)
    return [*rows, "", f"Ours: {right} of {whole.n} mentioned, {_shown(whole)}, {forbidden} forbidden."]


def _cell(patterns: Sequence[str]) -> str:
    return ", ".join(patterns).replace("|", "\\|") or "none"
