"""How well search finds all the evidence of long questions: whole, in parts, and both fused.

    python eval/long_questions.py FOLDER [--set NAME]

FOLDER is read as `rag eval bench` reads it; sets whose questions name their evidence are measured. A score of 0 for the
parts leaves the question whole, 1 searches its parts alone. No question is asked, search only.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from rag import NewsQA
from rag.evaluation.bench import Ways, bench, to_markdown
from rag.evaluation.sets import read_sets
from rag.retrieve import Retriever, Weights

_SHARES = (0.0, 0.3, 0.5, 0.7, 1.0)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", nargs="+", default=())
    options = parser.parse_args()
    sets, documents = read_sets(options.folder, options.set)
    searches = {f"parts {share}": partial(_retriever, share=share) for share in _SHARES}
    with tempfile.TemporaryDirectory() as folder, NewsQA.open(folder, llm=None) as qa:
        own = [one for one in sets if one.kind == "evidence"]
        print(to_markdown(bench(own, documents, qa, Ways(searches=searches, asks={}))))


def _retriever(qa: NewsQA, share: float) -> Retriever:
    return qa.retriever(replace(Weights(), parts=share))


if __name__ == "__main__":
    main()
