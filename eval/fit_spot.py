"""Fits what tells likely answers among words (rag/spot.json), on questions whose documents bring their answers.

    python eval/fit_spot.py FOLDER [--half 1] [--dry]

FOLDER holds sets of rows with a question and documents, told by their fields:

- `documents` with `text`, `type` and `answer`, the words of it that answer ("unknown" where none do);
- `docs` with `choices`: the words of a document that one of the choices has answer;
- `docs` with `answers`: those that an answer has.

Every content word of the three sentences of a document nearest to the question is one case; the documents of three
other questions are cases where nothing answers. With --half 0 or 1 only every second row is taken, so that the others
can be measured; how often the likeliest word of a document answers is printed for rows taken and left out. --dry writes
nothing. Only sets whose licence allows it may be used. The coefficients hold for the default encoder alone.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from rag import Article, NewsQA
from rag.encoder import open_encoder
from rag.index import open_index
from rag.question import read_question
from rag.retrieve import Retriever
from rag.settings import Settings, read_settings
from rag.spot import Asked, features, read_asked
from rag.types import Encoder, Filters, Hit
from rag.words import Word, stems_of, words

_MODEL = Path(__file__).parent.parent / "rag" / "spot.json"
_SENTENCES = 40  # that are ranked for a question
_PER_DOCUMENT = 3
_STRANGERS = 3  # documents of other questions
_KEPT = 0.5  # share of the words that answer nothing that are looked at; they weigh the more
_RIDGE = 0.03
_FAMILY = ("multilingual-e5-small", "multilingual-e5-small-q4")  # one encoder in two number formats

Floats = npt.NDArray[np.float32]


@dataclass
class Piece:
    """A sentence with its content words, their vectors, the stems of its document, and which words answer."""

    hit: Hit
    own: tuple[Word, ...]
    vectors: Floats
    article: frozenset[str]
    answers: npt.NDArray[np.bool_]


@dataclass
class Row:
    """A question with the sentences of its documents."""

    asked: Asked
    pieces: list[Piece] = field(default_factory=list)


# --- rows ------------------------------------------------------------------------------------


def read(folder: Path) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    """Questions, each with its documents: text -> the words of it that answer."""
    for path in sorted(folder.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if rows and {"question", "documents"} <= rows[0].keys() and "answer" in rows[0]["documents"][0]:
            yield from ((row["question"], _own_answers(row)) for row in rows)
        elif rows and {"question", "docs"} <= rows[0].keys() and rows[0].keys() & {"choices", "answers"}:
            for row in rows:
                told = tuple(row.get("choices") or row["answers"])
                yield row["question"], {doc["text"]: told for doc in row["docs"] if doc["text"]}


def _own_answers(row: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Documents with what they answer; one said to answer nothing that holds an answer all the same is left out."""
    every = {doc["answer"] for doc in row["documents"] if doc["answer"] != "unknown"}
    told: dict[str, tuple[str, ...]] = {}
    for doc in row["documents"]:
        if doc["answer"] != "unknown":
            told[doc["text"]] = (doc["answer"],)
        elif not any(_places(doc["text"], answer) for answer in every):
            told[doc["text"]] = ()
    return told


def _places(text: str, answer: str) -> list[tuple[int, int]]:
    """Where an answer stands in a text, whatever stands between its words."""
    found = re.findall(r"\w+", answer)
    if not found:
        return []
    pattern = r"(?<!\w)" + r"\W+".join(map(re.escape, found)) + r"(?!\w)"
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def collect(rows: Sequence[tuple[str, dict[str, tuple[str, ...]]]], settings: Settings) -> list[Row]:
    """The rows with the sentences of their documents, ranked in an index of all documents together."""
    encoder = open_encoder(settings)
    with tempfile.TemporaryDirectory() as folder:
        texts = list(dict.fromkeys(text for _, documents in rows for text in documents))
        with NewsQA.open(folder, settings=settings, encoder=encoder) as qa:
            qa.add([Article(text=text, url=f"row:{number}") for number, text in enumerate(texts)])
            by_url = {url: one.id for one in qa.articles() for url in (one.url, *one.origins)}
        ids = {text: by_url[f"row:{n}"] for n, text in enumerate(texts) if f"row:{n}" in by_url}
        index = open_index(Path(folder), encoder)
        retriever = Retriever(index.catalog, index.vectors, encoder)
        try:
            return [_row(question, documents, ids, retriever, encoder) for question, documents in rows]
        finally:
            index.close()


def _row(
    text: str,
    documents: dict[str, tuple[str, ...]],
    ids: dict[str, str],
    retriever: Retriever,
    encoder: Encoder,
) -> Row:
    question = read_question(text, max_chars=len(text))
    told = {ids[document]: (document, answers) for document, answers in documents.items() if document in ids}
    row = Row(read_asked(question, encoder))
    seen: dict[str, int] = {}
    for hit in retriever.sentences(text, _SENTENCES, Filters(article_ids=tuple(told))) if told else ():
        seen[hit.article_id] = seen.get(hit.article_id, 0) + 1
        own = words(hit.text, hit.language)
        if seen[hit.article_id] > _PER_DOCUMENT or not own:
            continue
        document, answers = told[hit.article_id]
        spans = [span for answer in answers for span in _places(hit.text, answer)]
        is_answer = [any(word.start < end and word.end > start for start, end in spans) for word in own]
        vectors = encoder.encode_spans(hit.text, [(word.start, word.end) for word in own])
        row.pieces.append(Piece(hit, own, vectors, stems_of(document, hit.language), np.array(is_answer)))
    return row


# --- the model -------------------------------------------------------------------------------


def _cases(rows: Sequence[Row]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Features, whether the word answers, and what the case weighs."""
    drawn, chosen = np.random.default_rng(0), random.Random(0)
    x: list[Floats] = []
    y: list[npt.NDArray[np.bool_]] = []
    for row in rows:
        others = chosen.sample(list(rows), min(_STRANGERS, len(rows)))
        strangers = [one.pieces[0] for one in others if one is not row and one.pieces]
        nothing = [(piece, np.zeros(len(piece.own), bool)) for piece in strangers]
        for piece, answers in [*((piece, piece.answers) for piece in row.pieces), *nothing]:
            kept = answers | (drawn.random(len(answers)) < _KEPT)
            x.append(features(row.asked, piece.hit, piece.own, piece.vectors, piece.article)[kept])
            y.append(answers[kept])
    right = np.concatenate(y)
    return np.vstack(x), right, np.where(right, 1.0, 1.0 / _KEPT).astype(np.float32)


def fit(rows: Sequence[Row], dimensions: int) -> dict[str, Any]:
    """The table of spot.json; features other than vectors are brought to one scale while fitting."""
    x, y, weights = _cases(rows)
    plain = x.shape[1] - 2 * dimensions
    middle, spread = x[:, :plain].mean(axis=0), x[:, :plain].std(axis=0) + 1e-6
    x[:, :plain] = (x[:, :plain] - middle) / spread
    model = LogisticRegression(C=_RIDGE, max_iter=200).fit(x, y, sample_weight=weights)
    found = model.coef_[0].astype(float)
    found[:plain] /= spread
    bias = float(model.intercept_[0]) - float((found[:plain] * middle).sum())
    return {
        "encoders": list(_FAMILY),
        "dimensions": dimensions,
        "bias": round(bias, 4),
        "weights": [round(float(weight), 4) for weight in found],
    }


def likeliest_right(rows: Sequence[Row], table: dict[str, Any]) -> tuple[int, float]:
    """Of how many documents that answer, and of what share of them, the likeliest word is one that answers."""
    weights = np.asarray(table["weights"], np.float32)
    best: dict[tuple[int, str], tuple[float, bool]] = {}
    holds: set[tuple[int, str]] = set()
    for number, row in enumerate(rows):
        for piece in row.pieces:
            key = (number, piece.hit.article_id)
            odds = features(row.asked, piece.hit, piece.own, piece.vectors, piece.article) @ weights
            at = int(odds.argmax())
            best[key] = max(best.get(key, (-np.inf, False)), (float(odds[at]), bool(piece.answers[at])))
            if piece.answers.any():
                holds.add(key)
    return len(holds), sum(best[key][1] for key in holds) / max(1, len(holds))


def main() -> None:
    """Reads, fits, prints, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), help="fit on every second row only")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    given = parser.parse_args()
    settings = read_settings(llm="none")
    rows = collect(list(read(given.folder)), settings)
    taken = [row for n, row in enumerate(rows) if given.half is None or n % 2 == given.half]
    left = [row for n, row in enumerate(rows) if given.half is not None and n % 2 != given.half]
    table = fit(taken, open_encoder(settings).dimensions)
    for name, own in (("fitted on", taken), ("left out", left)):
        if own:
            number, share = likeliest_right(own, table)
            print(f"{name}: {len(own)} questions; likeliest word right in {share:.3f} of {number} documents")  # noqa: T201
    if not given.dry:
        _MODEL.write_text(json.dumps(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
