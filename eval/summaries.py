"""How much of news texts a summary holds, beside their first sentences and two graph-based methods.

Reads `seeds/` and, if named, a file of JSON lines with `text`, perhaps `title`, `lang` and `id`. Every method gets the
same room: as many words as the first sentences have. `ours` and the graphs take no sentence that does not fit.

    coverage    share of the text's content units (stems of content words, each weighted by the sentences that hold it)
                that the summary holds; see rag.summarise.Units
    distinct    the same with every unit counted once
    meaning     mean over the text's sentences of the cosine with the summary's nearest sentence
    title       share of the title's content words that the summary holds; no method sees the title as such
    redundancy  share of the summary's content words that an earlier sentence of it holds
    compression words of the summary by words of the text
    strangers   numbers and capitalised words of the summary that its cited sentences do not hold, a count
    seconds     per text, without loading models

The graphs are sumy's LexRank (Erkan and Radev 2004) and TextRank (Mihalcea and Tarau 2004), with our sentences, content
words and stems.

With --facts it also says which gold facts of summary_facts.yaml the summaries of the demo articles mention, and whether
anything forbidden stands in them; the baselines get as many words as ours took.

Usage: python eval/summaries.py [FILE] [--facts] [--sentences N] [--half 0|1] [--cache FILE] [--json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from search_ablation import KeptEncoder, rows

from rag.catalog import revision_of
from rag.clean import clean
from rag.encoder import open_encoder
from rag.sentences import detect_language, split_sentences
from rag.settings import read_settings
from rag.summarise import Length, Units, sentences_of, summarise
from rag.summarise import Told as Sentence
from rag.types import Article, Encoder, RawDocument
from rag.words import words

SEEDS = Path(__file__).parent.parent / "seeds"
FACTS = Path(__file__).with_name("summary_facts.yaml")
MEASURES = ("coverage", "distinct", "meaning", "title", "redundancy", "compression", "strangers", "seconds")


@dataclass(frozen=True)
class Text:
    """One article with all its sentences and the words that a summary may have."""

    article: Article
    told: tuple[Sentence, ...]
    room: int


Method = Callable[[Text, Encoder], list[str]]


def half_of(id_: str) -> int:
    """0 or 1: the half of a set that an item belongs to. Whatever is tuned is tuned on half 0."""
    return int(hashlib.sha256(id_.encode()).hexdigest(), 16) % 2


def as_text(text: str, title: str, language: str, sentences: int) -> Text | None:
    """A text ready to be summarised; None if it is not longer than its summary."""
    language = language or detect_language(text)
    article = Article(
        id=revision_of(text), text=text, title=title, language=language, revision=revision_of(text),
        sentences=split_sentences(text, language),
    )  # fmt: skip
    told = tuple(sentences_of(article))
    if len(told) <= sentences:
        return None
    return Text(article, told, sum(len(one.text.split()) for one in told[:sentences]))


def seed(name: str, sentences: int) -> Text | None:
    """One demo article."""
    cleaned = clean(RawDocument(text=(SEEDS / name).read_text(encoding="utf-8")))
    return as_text(cleaned.text, cleaned.title, "de", sentences)


def seeds(sentences: int) -> list[Text]:
    """The demo articles."""
    names = sorted(path.name for path in SEEDS.glob("*.txt") if path.name != "questions.txt")
    return [one for name in names if (one := seed(name, sentences))]


@dataclass(frozen=True)
class Told:
    """What of the gold facts a method's summary mentions."""

    mentioned: int
    facts: int
    forbidden: int
    missing: tuple[str, ...]


def gold_facts(encoder: Encoder, methods: dict[str, Method]) -> dict[str, dict[str, Told]]:
    """Per set of gold facts and method, what its summary mentions."""
    sets = yaml.safe_load(FACTS.read_text(encoding="utf-8"))
    return {one["name"]: _told(one, encoder, methods) for one in sets}


def _told(facts: dict[str, Any], encoder: Encoder, methods: dict[str, Method]) -> dict[str, Told]:
    texts = [text for name in facts["articles"] if (text := seed(name, 1))]
    chosen = summarise(
        [text.article for text in texts], encoder, Length(facts["sentences"]), total=len(texts)
    )
    own = [one.text for one in chosen.statements]
    room = sum(len(line.split()) for line in own) // len(texts)
    others = {
        name: [line for text in texts for line in method(replace(text, room=room), encoder)]
        for name, method in methods.items()
        if name != "ours"
    }
    return {name: _mentions(facts, " ".join(lines)) for name, lines in {**others, "ours": own}.items()}


def _mentions(facts: dict[str, Any], summary: str) -> Told:
    missing = tuple(
        forms[0]
        for forms in facts["must"]
        if not any(re.search(form, summary, re.IGNORECASE) for form in forms)
    )
    forbidden = sum(bool(re.search(form, summary, re.IGNORECASE)) for form in facts["must_not"])
    return Told(len(facts["must"]) - len(missing), len(facts["must"]), forbidden, missing)


def show_facts(results: dict[str, dict[str, Told]]) -> None:
    """Prints the gold facts that are mentioned, and those that ours misses."""
    print("\ngold facts of the demo articles: mentioned of all, forbidden")
    for name, told in results.items():
        line = (f"{method} {one.mentioned}/{one.facts}, {one.forbidden}" for method, one in told.items())
        print(f"{name:16}" + "   ".join(line) + f"   missing: {', '.join(told['ours'].missing) or 'none'}")
    every = [told["ours"] for told in results.values()]
    print(f"ours: {sum(one.mentioned for one in every) / sum(one.facts for one in every):.3f} mentioned")


def news(path: Path, sentences: int, half: int | None) -> list[Text]:
    """The texts of a file, or of one half of it."""
    chosen = [row for row in rows(path) if half is None or half_of(str(row.get("id"))) == half]
    found = [as_text(row["text"], row.get("title") or "", row.get("lang") or "", sentences) for row in chosen]
    return [one for one in found if one]


def lead(text: Text, _: Encoder) -> list[str]:
    """The first sentences."""
    return _filled(text, range(len(text.told)))


def ours(text: Text, encoder: Encoder) -> list[str]:
    """`rag.summarise`."""
    chosen = summarise([text.article], encoder, Length(100, text.room), total=1)
    return [one.text for one in chosen.statements]


def graph(name: str) -> Method:
    """One of sumy's graph-based methods over the same sentences, content words and stems."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.summarizers.lex_rank import LexRankSummarizer
    from sumy.summarizers.text_rank import TextRankSummarizer

    ranker = {"lexrank": LexRankSummarizer, "textrank": TextRankSummarizer}[name]()

    class Stems:
        def to_words(self, sentence: str) -> tuple[str, ...]:
            return tuple(word.stem for word in words(sentence, "de"))

    def method(text: Text, _: Encoder) -> list[str]:
        lines = [Sentence(one.text, Stems()) for one in text.told]
        document = ObjectDocumentModel([Paragraph(lines)])
        taken = _rated(ranker, document)
        return _filled(text, sorted(range(len(lines)), key=lambda n: -taken[n]))

    return method


def _rated(ranker: Any, document: Any) -> list[int]:
    """How early sumy takes each sentence: it returns the best ones of any number, in the order of the text."""
    count = len(document.sentences)
    taken = [0] * count
    for size in range(1, count + 1):
        best = set(ranker(document, size))
        taken = [n + (sentence in best) for n, sentence in zip(taken, document.sentences, strict=True)]
    return taken


def _filled(text: Text, order: Sequence[int] | range) -> list[str]:
    left, taken = text.room, []
    for n in order:
        cost = len(text.told[n].text.split())
        if cost <= left:
            taken.append(n)
            left -= cost
    return [text.told[n].text for n in sorted(taken)]


def measured(text: Text, summary: Sequence[str], seconds: float, encoder: Encoder) -> dict[str, float]:
    """The measures of one summary; nan where there is nothing to measure."""
    language = text.article.language
    units = Units()
    units.add(text.told)
    by_text = {one.text: one for one in text.told}
    chosen = [by_text[line] for line in summary]
    held = [one.account.stems for one in chosen]
    everything = frozenset().union(*held) if held else frozenset()
    title = {word.stem for word in words(text.article.title, language)}
    told = encoder.encode_passages([one.text for one in text.told])
    near = told @ encoder.encode_passages(list(summary)).T if summary else np.zeros((1, 1))
    spoken = sum(map(len, held))
    return {
        "coverage": units.covered(one.account for one in chosen),
        "distinct": len(everything & units.counts.keys()) / max(1, len(units.counts)),
        "meaning": float(near.max(axis=1).mean()),
        "title": len(title & everything) / len(title) if title else float("nan"),
        "redundancy": 1 - len(everything) / spoken if spoken else float("nan"),
        "compression": sum(len(line.split()) for line in summary)
        / sum(len(one.text.split()) for one in text.told),
        "strangers": sum(_strangers(line, by_text[line].citation.quote) for line in summary),
        "seconds": seconds,
    }


def _strangers(line: str, quote: str) -> int:
    held = set(re.findall(r"\w+", quote))
    named = (word for word in re.findall(r"\w+", line) if word[0].isupper() or any(c.isdigit() for c in word))
    return sum(word not in held for word in named)


def table(texts: Sequence[Text], encoder: Encoder, methods: dict[str, Method]) -> dict[str, dict[str, float]]:
    """Mean of every measure for every method; `strangers` are added up."""
    result = {}
    for name, method in methods.items():
        figures = []
        for text in texts:
            started = time.perf_counter()
            summary = method(text, encoder)
            figures.append(measured(text, summary, time.perf_counter() - started, encoder))
        columns = {key: np.array([one[key] for one in figures]) for key in MEASURES}
        result[name] = {
            key: float(column.sum() if key == "strangers" else np.nanmean(column))
            for key, column in columns.items()
            if not np.isnan(column).all()
        }
    return result


def show(title: str, result: dict[str, dict[str, float]]) -> None:
    """Prints one table, and by how much ours covers more than each other method."""
    print(f"\n{title}\n{'':10}" + "".join(f"{key:>12}" for key in MEASURES))
    for name, line in result.items():
        print(f"{name:10}" + "".join(f"{line.get(key, float('nan')):12.3f}" for key in MEASURES))
    own = result["ours"]["coverage"]
    others = (f"{name} {own / line['coverage'] - 1:+.1%}" for name, line in result.items() if name != "ours")
    print("coverage of ours against " + ", ".join(others))


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--sentences", type=int, default=3, help="first sentences that set the room")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only this half of the file")
    parser.add_argument("--cache", type=Path, help="keeps vectors between runs; then seconds mean nothing")
    parser.add_argument("--facts", action="store_true", help="also the gold facts of the demo articles")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    opened = open_encoder(read_settings())
    encoder: Any = KeptEncoder(opened, options.cache) if options.cache else opened
    methods: dict[str, Method] = {
        "lead": lead, "lexrank": graph("lexrank"), "textrank": graph("textrank"), "ours": ours,
    }  # fmt: skip
    sets = {"seeds": seeds(options.sentences)}
    if options.file:
        sets[options.file.stem] = news(options.file, options.sentences, options.half)
    results = {name: table(texts, encoder, methods) for name, texts in sets.items()}
    if options.cache:
        encoder.save()
    if options.json:
        print(json.dumps(results, indent=1))
        return
    if options.facts:
        show_facts(gold_facts(encoder, methods))
    for name, result in results.items():
        show(f"{name}: {len(sets[name])} texts, room of the first {options.sentences} sentences", result)


if __name__ == "__main__":
    main()
