"""Verifies statements about the demo articles, half of them subtly wrong, and holds the outcome against two goals.

    python eval/check_claims.py [FILE]          FILE is eval/claims.yaml if not given
    python eval/check_claims.py CLAIMS.jsonl    claims that others wrote, each with its evidence

Prints every statement that was told wrongly and, of the wrong statements, how many were called supported (at most .05)
and, of the right ones, how many were (at least .80). Exit code 1 where a goal is missed. No language model is asked.

Of claims that bring their evidence (`claim`, `evidence`, `lang`, `supported`, and `src`, the name of the set) it prints
the balanced accuracy of the verdicts with a 95 % interval, set by set, for both kinds of care.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rag import NewsQA
from rag.claims import Care, Meaning, judge
from rag.encoder import open_encoder
from rag.sentences import split_sentences
from rag.settings import read_settings
from rag.types import Checked, TokenEncoder, Verdict

_WRONG_SUPPORTED = 0.05
_RIGHT_SUPPORTED = 0.80


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=Path(__file__).with_name("claims.yaml"))
    file = parser.parse_args().file
    if file.suffix == ".jsonl":
        check_evidence(file)
    else:
        check_drafts(file)


def check_drafts(file: Path) -> None:
    """Verifies the statements of a file as drafts; leaves with 1 where a goal is missed."""
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    rows = [("right", text) for text in told["right"]]
    rows += [(fault, text) for fault, texts in told["wrong"].items() for text in texts]
    with tempfile.TemporaryDirectory() as folder, NewsQA.open(folder, llm=None) as qa:
        qa.add([file.parent / article["path"] for article in told["articles"]])
        started = time.perf_counter()
        checked = [(fault, _verified(qa, text)) for fault, text in rows]
        seconds = (time.perf_counter() - started) / len(rows)
    for fault, one in checked:
        if (one.verdict is Verdict.SUPPORTED) != (fault == "right"):
            print(f"{fault}: {one.verdict.value} ({one.support:.2f}): {one.text}")
            print(f"    {'; '.join(f'{d.kind} {d.claimed} / {d.found}' for d in one.differences)}")
    right = [one for fault, one in checked if fault == "right"]
    wrong = [one for fault, one in checked if fault != "right"]
    supported_right, supported_wrong = _share(right, Verdict.SUPPORTED), _share(wrong, Verdict.SUPPORTED)
    print(f"right called supported {supported_right:.2f} of {len(right)} (at least {_RIGHT_SUPPORTED:.2f})")
    print(f"wrong called supported {supported_wrong:.2f} of {len(wrong)} (at most {_WRONG_SUPPORTED:.2f})")
    print(
        f"wrong called contradicted {_share(wrong, Verdict.CONTRADICTED):.2f}, {seconds:.2f} s per statement"
    )
    sys.exit(int(supported_wrong > _WRONG_SUPPORTED or supported_right < _RIGHT_SUPPORTED))


def check_evidence(file: Path) -> None:
    """Judges every claim of a file by its own evidence."""
    encoder = open_encoder(read_settings())
    meaning = Meaning(encoder) if isinstance(encoder, TokenEncoder) else None
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    told = {care: [_is_supported(row, care, meaning) for row in rows] for care in Care}
    for source in sorted({row["src"] for row in rows}):
        own = [n for n, row in enumerate(rows) if row["src"] == source]
        labels = [bool(rows[n]["supported"]) for n in own]
        shown = (f"{care.value} {_balanced([told[care][n] for n in own], labels)}" for care in Care)
        print(f"{source:18} n={len(own):4}  balanced accuracy: {', '.join(shown)}")


def _is_supported(row: dict[str, Any], care: Care, meaning: Meaning | None) -> bool:
    spans = split_sentences(row["evidence"], row["lang"])
    sentences = [row["evidence"][span.start : span.end] for span in spans] or [row["evidence"]]
    judgement = judge(row["claim"], sentences, row["lang"], known=row["evidence"], meaning=meaning, care=care)
    return judgement.verdict is Verdict.SUPPORTED


def _balanced(told: Sequence[bool], labels: Sequence[bool]) -> str:
    """Mean of the shares told rightly of supported and of unsupported claims, with its normal interval."""
    right = [
        [one is label for one, label in zip(told, labels, strict=True) if label is kind]
        for kind in (True, False)
    ]
    shares = [sum(one) / len(one) for one in right]
    wide = 1.96 * math.sqrt(sum(s * (1 - s) / len(one) for s, one in zip(shares, right, strict=True))) / 2
    value = sum(shares) / 2
    return f"{value:.3f} ({value - wide:.3f}-{value + wide:.3f}; unsupported called supported {1 - shares[1]:.2f})"


def _verified(qa: NewsQA, text: str) -> Checked:
    (one,) = qa.verify(text).statements
    return one


def _share(checked: list[Checked], verdict: Verdict) -> float:
    return sum(one.verdict is verdict for one in checked) / len(checked)


if __name__ == "__main__":
    main()
