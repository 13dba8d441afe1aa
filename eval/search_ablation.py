"""How well search finds the right passage and the right sentence: words, meaning, and both.

Reads a folder of JSON lines. Every `NAME_corpus.jsonl` holds documents (`doc_id`, `text`, perhaps `title`
and `sentence_breaks`), its `NAME.jsonl` questions (`question`, `gold_doc`, perhaps `gold_sentence_index`).
`passages` of other files in the same language become distractors. A document is an article with one passage.

Usage: python eval/search_ablation.py FOLDER [--small] [--into LANGUAGE [--n 60]] [--translated FILE] [--cache FILE]

With --small each set of questions is asked of its own documents only. --into has the language model put the first
questions of each set into another language, and asks those too. --translated names JSON lines with `question` and
`gold_doc`: the same documents, asked about in another language. --cache keeps vectors between runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from math import inf, log2
from pathlib import Path
from typing import Any

import numpy as np

from rag.catalog import Prepared, SqliteCatalog, revision_of
from rag.encoder import open_encoder
from rag.index import embedded_text
from rag.llm import open_llm
from rag.retrieve import WAYS, Retriever
from rag.sentences import detect_language, split_sentences
from rag.settings import read_settings
from rag.translate import translate
from rag.types import Article, Encoder, Hit, Passage, Sentence
from rag.vectors import ChromaVectors

BATCH = 256


class KeptEncoder:
    """An encoder that remembers what it has encoded, in a file."""

    def __init__(self, encoder: Encoder, path: Path | None) -> None:
        self.name, self.fingerprint, self.dimensions = encoder.name, encoder.fingerprint, encoder.dimensions
        self._encoder, self._path = encoder, path
        self._kept: dict[str, Any] = {}
        if path and path.exists():
            with np.load(path) as stored:
                self._kept = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def encode_passages(self, texts: Sequence[str]) -> Any:
        """Unit vectors, one per text."""
        return self._encode("passage", texts)

    def encode_questions(self, texts: Sequence[str]) -> Any:
        """Unit vectors, one per text."""
        return self._encode("question", texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return self._encoder.count_tokens(texts)

    def _encode(self, kind: str, texts: Sequence[str]) -> Any:
        keys = [hashlib.sha256(f"{self.fingerprint}\0{kind}\0{t}".encode()).hexdigest() for t in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._kept}
        encode = self._encoder.encode_passages if kind == "passage" else self._encoder.encode_questions
        if new:
            self._kept |= dict(zip(new, encode(list(new.values())), strict=True))
        return np.stack([self._kept[key] for key in keys])

    def save(self) -> None:
        """Writes the file."""
        if self._path:
            np.savez(self._path, keys=np.array(list(self._kept)), vectors=np.array(list(self._kept.values())))


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def prepare(row: dict[str, Any], id_: str) -> Prepared:
    """One document as an article with one passage."""
    text = row["text"]
    language = row.get("lang") or detect_language(text)
    breaks = row.get("sentence_breaks")
    if breaks:
        sentences = tuple(Sentence(n=n, start=start, end=end) for n, (start, end) in enumerate(breaks))
    else:
        sentences = split_sentences(text, language)
    article = Article(
        text=text, id=id_, title=row.get("title") or "", language=language, revision=revision_of(text)
    )
    start, end = sentences[0].start, sentences[-1].end
    passage = Passage(
        article_id=id_, revision=article.revision, n=0, first=0, last=len(sentences) - 1,
        start=start, end=end, text=text[start:end],
    )  # fmt: skip
    return Prepared(article, language, sentences, (passage,))


def documents(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """The documents of one set by id; of all sets and with the distractors if `name` is empty."""
    found: dict[str, dict[str, Any]] = {}
    texts: set[str] = set()
    for path in sorted(folder.glob(f"{name or '*'}_corpus.jsonl")):
        found |= {row["doc_id"]: row for row in rows(path)}
    if name:
        return found
    languages = {detect_language(row["text"]) for row in found.values()}
    for path in sorted(folder.glob("*.jsonl")):
        for row in rows(path):
            for passage in row.get("passages") or []:
                known = not isinstance(passage, dict) or passage["text"] in texts
                if not known and row.get("lang") in languages:
                    texts.add(passage["text"])
                    found[f"distractor-{len(texts)}"] = passage
    return found


def build(
    folder: Path, found: dict[str, dict[str, Any]], encoder: Encoder
) -> tuple[SqliteCatalog, ChromaVectors]:
    """An index of the documents in `folder`."""
    catalog = SqliteCatalog(folder / "catalog.sqlite")
    vectors = ChromaVectors(folder / "chroma", "", encoder.dimensions)
    prepared = (prepare(row, id_) for id_, row in found.items() if row["text"].strip())
    while batch := list(islice(prepared, BATCH)):
        catalog.write(batch)
    while pending := catalog.pending(BATCH):
        made = encoder.encode_passages([embedded_text(item.title, item.text) for item in pending])
        vectors.upsert([item.id for item in pending], made, [item.article_id for item in pending])
        catalog.mark_done([item.id for item in pending])
    return catalog, vectors


def rank(hits: Sequence[Hit], gold: tuple[str, int | None]) -> float:
    """Place of the right document or sentence, counted from 0; infinite if it is not there."""
    places = (n for n, hit in enumerate(hits) if hit.article_id == gold[0] and gold[1] in (None, hit.first))
    return next(places, inf)


def line(label: str, ranks: Sequence[float], depths: Sequence[int]) -> str:
    """One line of the table: recall at every depth, and nDCG@10."""
    recall = "  ".join(f"R@{k} {np.mean([r < k for r in ranks]):.3f}" for k in depths)
    gain = np.mean([1 / log2(r + 2) if r < 10 else 0.0 for r in ranks])
    return f"{label:34} n={len(ranks):4}  {recall}  nDCG@10 {gain:.3f}"


def report(
    label: str, questions: list[dict[str, Any]], index: tuple[SqliteCatalog, ChromaVectors], encoder: Encoder
) -> Iterator[str]:
    """The lines of the table for one set of questions."""
    catalog, vectors = index
    pointed = [q for q in questions if q.get("gold_sentence_index") is not None]
    for way, weights in WAYS.items():
        retriever = Retriever(catalog, vectors, encoder, weights)
        ranks = [rank(retriever.passages(q["question"], 10), (q["gold_doc"], None)) for q in questions]
        yield line(f"{label}: passages, {way}", ranks, (1, 4, 5, 10))
        if pointed and way != "words":
            found = [
                rank(retriever.sentences(q["question"], 12), (q["gold_doc"], q["gold_sentence_index"]))
                for q in pointed
            ]
            yield line(f"{label}: sentences, {way}", found, (1, 4, 6, 12))


def put_into(language: str, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The questions in another language; those that the model cannot put into it are left out."""
    llm = open_llm(read_settings())
    if llm is None:
        raise SystemExit(
            "Without a language model nothing is translated: set RAG_LLM, or name --translated FILE."
        )
    told = ((row, translate(row["question"], language, llm)[0]) for row in questions)
    return [row | {"question": text} for row, text in told if text]


def main() -> None:
    """Builds the index, asks everything, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--into", metavar="LANGUAGE")
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--translated", type=Path)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    encoder = KeptEncoder(open_encoder(read_settings()), arguments.cache)
    names = [path.stem.removesuffix("_corpus") for path in sorted(arguments.folder.glob("*_corpus.jsonl"))]
    sets = {name: rows(arguments.folder / f"{name}.jsonl") for name in names}
    sets = {name: questions for name, questions in sets.items() if any("gold_doc" in q for q in questions)}
    if arguments.into:
        sets |= {
            f"{name} in {arguments.into}": put_into(
                arguments.into, [q for q in own if "gold_doc" in q][: arguments.n]
            )
            for name, own in sets.items()
        }
    if arguments.translated:
        sets["translated"] = rows(arguments.translated)
    for name in names if arguments.small else [""]:
        with tempfile.TemporaryDirectory() as temporary:
            found = documents(arguments.folder, name)
            index = build(Path(temporary), found, encoder)
            for label, questions in sets.items():
                asked = [q for q in questions if q.get("gold_doc") in found]
                if asked and (name in ("", label) or label not in names):
                    for text in report(label, asked, index, encoder):
                        print(text, flush=True)
            index[0].close()
            index[1].close()
            encoder.save()


if __name__ == "__main__":
    main()
