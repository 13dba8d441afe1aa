"""How many sentences of summaries can be told in another language, and how many of those are told right.

    python eval/translations.py make FILE OUT [--language en] [--articles 30] [--sentences 2]
    python eval/translations.py count OUT

`make` summarises the articles of FILE (whatever `rag add` takes), translates every chosen sentence with the model of
`RAG_LLM`, where it is not safe also the shorter sentences that it begins with, and writes a line of JSON for each.
Somebody who knows both languages puts `"right": true` or `false` into the lines that have a translation; `count` then
prints how many of them each check keeps, and how many of those are right.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

from rag import NewsQA
from rag.models import translates
from rag.telling import attempts
from rag.translate import Translation, faithful, is_sure, likely_back, translate
from rag.types import Article

Line = dict[str, Any]
_SURETIES = (0.0, 0.2, 0.29, 0.4, 0.5)
_BACK = (-3.2, -2.7, -2.2)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    make = commands.add_parser("make")
    make.add_argument("file", type=Path)
    make.add_argument("out", type=Path)
    make.add_argument("--language", default="en")
    make.add_argument("--articles", type=int, default=30)
    make.add_argument("--sentences", type=int, default=2)
    commands.add_parser("count").add_argument("out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, NewsQA.open(folder) as qa:
        if options.command == "count":
            count(qa, [json.loads(line) for line in options.out.read_text(encoding="utf-8").splitlines()])
            return
        qa.add(options.file)
        with options.out.open("w", encoding="utf-8") as out:
            for article in islice(qa.articles(), options.articles):
                for line in lines(qa, article, options.sentences, options.language):
                    out.write(f"{json.dumps(line, ensure_ascii=False)}\n")
                    out.flush()


def lines(qa: NewsQA, article: Article, sentences: int, reader: str) -> Iterator[Line]:
    """The sentences of one article's summary with what the model makes of them."""
    llm = qa.engine.llm()
    if llm is None:
        raise SystemExit("RAG_LLM = none translates nothing. Name a model.")
    for number, told in enumerate(qa.summarise([article.id], sentences=sentences).statements):
        for text in attempts(told.text, article.language):
            put = translate(text, reader, llm)
            kept = faithful(text, article.language, put, reader, qa.engine.index.encoder)
            if kept:
                put = replace(put, back=likely_back(text, article.language, put.text, llm)[0])
            kept = kept and is_sure(put) and translates(llm.name, text)
            yield {
                "article": article.id, "sentence": number, "text": text, "language": article.language, "reader": reader,
                "translated": put.text, "surety": put.surety, "back": put.back, "kept": kept,
            }  # fmt: skip
            if kept:
                break


def count(qa: NewsQA, read: list[Line]) -> None:
    """Prints the share of sentences that are told, and of translations that were read how many each check keeps."""
    sentences = {(line["article"], line["sentence"]) for line in read}
    kept = {(line["article"], line["sentence"]) for line in read if line["kept"]}
    print(f"told in the reader's language: {len(kept)} of {len(sentences)} sentences")
    judged = [line for line in read if "right" in line]
    print(f"{len(judged)} translations were read, {sum(line['right'] for line in judged)} of them right")
    print("| check | kept | right |\n|---|---|---|")
    print(_row("as shown", [line for line in judged if line["kept"]]))
    strictly, roughly = (
        [line for line in judged if _passes(qa, line, unsure=unsure)] for unsure in (True, False)
    )
    for sure in _SURETIES:
        print(_row(f"every word has its like, surety from {sure}", _sure(strictly, sure)))
    for sure in _SURETIES:
        print(_row(f"every word, roughly, surety from {sure}", _sure(roughly, sure)))
    for sure, likely in product(_SURETIES, _BACK):
        told = [line for line in _sure(roughly, sure) if line["back"] is not None and line["back"] >= likely]
        print(_row(f"every word, roughly, surety from {sure}, put back from {likely}", told))


def _sure(read: list[Line], least: float) -> list[Line]:
    return [line for line in read if (line["surety"] or 0.0) >= least]


def _passes(qa: NewsQA, line: Mapping[str, Any], *, unsure: bool) -> bool:
    put = Translation(line["translated"], None if unsure else 1.0)
    return faithful(line["text"], line["language"], put, line["reader"], qa.engine.index.encoder)


def _row(name: str, kept: list[Line]) -> str:
    return f"| {name} | {len(kept)} | {sum(line['right'] for line in kept)} |"


if __name__ == "__main__":
    main()
