"""Weights that were fitted to judge evidence: where they are, what they belong to, which they are.

`judge.gguf` holds low-rank changes (Hu et al. 2021, "LoRA") of the default language model's upper layers, fitted by
eval/fit_judge.py to tell whether a sentence holds the answer to a question (`prompts/holds.md`).
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

JUDGE = Path(__file__).with_name("judge.gguf")
JUDGED_MODEL = "qwen2.5-coder-1.5b"  # to other weights these mean nothing


@cache
def judge_fingerprint() -> str:
    """Hash of the weights."""
    return hashlib.sha256(JUDGE.read_bytes()).hexdigest()[:12]
