"""Verifies statements about the demo articles, half of them subtly wrong, and holds the outcome against two goals.

    python eval/check_claims.py [FILE]          FILE is eval/claims.yaml if not given

Prints every statement that was told wrongly and, of the wrong statements, how many were called supported (at most .05)
and, of the right ones, how many were (at least .80). Exit code 1 where a goal is missed. No language model is asked.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import yaml

from rag import NewsQA
from rag.types import Checked, Verdict

_WRONG_SUPPORTED = 0.05
_RIGHT_SUPPORTED = 0.80


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=Path(__file__).with_name("claims.yaml"))
    file = parser.parse_args().file
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


def _verified(qa: NewsQA, text: str) -> Checked:
    (one,) = qa.verify(text).statements
    return one


def _share(checked: list[Checked], verdict: Verdict) -> float:
    return sum(one.verdict is verdict for one in checked) / len(checked)


if __name__ == "__main__":
    main()
