"""A language model as judge of single statements, and how far it agrees with people before its word counts.

In: a chat model, its prompt, claims that people labelled; out: an `Agreement`, and verdicts on the statements of a run.
It is asked one thing: do these sentences prove this statement? That is what the labels of entailment sets say, so its
agreement can be measured. Nothing here is asked unless a caller names a judge.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from rag.errors import InputError
from rag.evaluation.documents import read_text
from rag.evaluation.samples import in_order
from rag.types import ChatModel, Message, Noun, Progress

LEAST = 0.7  # balanced accuracy whose lower end of 95 % confidence must be reached before verdicts count
_YES, _NO = "Yes", "No"
_Z = 1.96

# A prompt's turns, filled with the values of its places `evidence` and `claim`.
FillPrompt = Callable[[Mapping[str, str]], Sequence[Message]]


class Labelled(Noun, extra="ignore"):
    """A claim, its evidence, and whether people found the claim supported. `src` names the set it is from."""

    claim: str = Field(min_length=1)
    evidence: str = Field(min_length=1)
    supported: bool
    src: str = ""


class Share(Noun):
    """How often judge and people agree on `n` claims, `supported` of which people found supported.

    `right_supported` of those, and `right_other` of the rest, the judge called as people did.
    """

    name: str
    n: int
    supported: int
    right_supported: int
    right_other: int

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean of both shares of right verdicts; None if one kind of claim is missing."""
        other = self.n - self.supported
        if not self.supported or not other:
            return None
        return (self.right_supported / self.supported + self.right_other / other) / 2

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where balanced accuracy may lie with 95 % confidence: normal approximation, shares smoothed by one half."""
        value, other = self.balanced_accuracy, self.n - self.supported
        if value is None:
            return None
        spread = sum(
            share * (1 - share) / n
            for right, n in ((self.right_supported, self.supported), (self.right_other, other))
            for share in ((right + 0.5) / (n + 1),)
        )
        half = _Z * math.sqrt(spread) / 2
        return max(0.0, value - half), min(1.0, value + half)

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance, −1..1: Cohen, "A coefficient of agreement for nominal scales" (1960)."""
        if not self.n:
            return None
        other = self.n - self.supported
        called = self.right_supported + other - self.right_other
        agreed = (self.right_supported + self.right_other) / self.n
        chance = (self.supported * called + other * (self.n - called)) / self.n**2
        return (agreed - chance) / (1 - chance) if chance < 1 else None


class Agreement(Noun):
    """How a judge agrees with the labels of a file, over all and per set. `judge` names model and prompt."""

    judge: str
    labels: str
    least: float
    shares: tuple[Share, ...]

    @property
    def counts(self) -> bool:
        """True if the judge agrees well enough, by more than chance, that its verdicts may count."""
        interval = self.shares[0].interval
        return interval is not None and interval[0] >= self.least


class Judge:
    """Asks a model whether sentences prove a statement.

    Args:
        model: the chat model.
        fill: fills its prompt.
    """

    def __init__(self, model: ChatModel, fill: FillPrompt) -> None:
        self._model, self._fill = model, fill
        words = "\0".join(turn.content for turn in fill({"evidence": "", "claim": ""}))
        self.name = f"{model.name} {hashlib.sha256(f'{model.fingerprint}{words}'.encode()).hexdigest()[:12]}"

    def supports(self, evidence: str, claim: str) -> bool:
        """True if the model finds that the evidence proves the claim: the likelier of both words, else the one it says.

        Raises:
            ModelError: the model did not answer.
        """
        turns = self._fill({"evidence": " ".join(evidence.split()), "claim": " ".join(claim.split())})
        chosen = self._model.choose(turns, (_YES, _NO))
        if chosen is not None and any(chosen[0]):
            yes, no = chosen[0]
            return yes > no
        reply = self._model.complete(turns, max_tokens=4).text
        return reply.strip().strip('"*').casefold().startswith(_YES.casefold())


def read_labels(path: Path, *, n: int = 0, seed: int = 0) -> list[Labelled]:
    """Labelled claims out of JSON Lines.

    Args:
        path: the file; each line has `claim`, `evidence`, `supported` (true or false) and perhaps `src`.
        n: how many at most, as many of each kind as there are, drawn by chance; 0 for all.
        seed: of the draw.

    Raises:
        InputError: the file cannot be read, a line is wrong, or only one kind of claim stands there.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(Labelled.model_validate_json(line))
        except ValidationError as error:
            raise InputError(
                f"{path}, line {number}: {'.'.join(map(str, error.errors()[0]['loc']))}: {error.errors()[0]['msg']}.",
                hint='Write {"claim": "…", "evidence": "…", "supported": true} on every line.',
            ) from error
    kinds = [[row for row in rows if row.supported is wanted] for wanted in (True, False)]
    if not all(kinds):
        raise InputError(
            f"{path} needs claims that are supported and claims that are not.", hint="Add the other kind."
        )
    if not n or n >= len(rows):
        return rows
    return [row for kind in kinds for row in in_order(kind, max(1, n // 2), seed)]


def agreement(
    judge: Judge,
    labelled: Sequence[Labelled],
    *,
    labels: str = "",
    least: float = LEAST,
    progress: Progress | None = None,
) -> Agreement:
    """Ask the judge about every labelled claim.

    Args:
        judge: who is measured.
        labelled: what people said.
        labels: name of their file.
        least: balanced accuracy from which its verdicts count, 0..1.
        progress: told of every claim.

    Raises:
        ModelError: the model did not answer.
    """
    verdicts = []
    for number, one in enumerate(labelled):
        if progress:
            progress(number, len(labelled), "Asking the judge")
        verdicts.append((one, judge.supports(one.evidence, one.claim)))
    sets = sorted({one.src for one in labelled} - {""})
    shares = [_share("all", verdicts)]
    shares += [_share(name, [pair for pair in verdicts if pair[0].src == name]) for name in sets]
    return Agreement(judge=judge.name, labels=labels, least=least, shares=tuple(shares))


def _share(name: str, verdicts: Collection[tuple[Labelled, bool]]) -> Share:
    return Share(
        name=name,
        n=len(verdicts),
        supported=sum(one.supported for one, _ in verdicts),
        right_supported=sum(one.supported and said for one, said in verdicts),
        right_other=sum(not one.supported and not said for one, said in verdicts),
    )


def read_agreement(path: Path, judge: Judge) -> Agreement:
    """The agreement of this very judge, as `rag eval judge --report` wrote it.

    Raises:
        InputError: the file cannot be read, or tells of another model or prompt.
    """
    try:
        found = Agreement.model_validate(json.loads(read_text(path)))
    except (ValueError, ValidationError) as error:
        raise InputError(
            f"{path} holds no agreement of a judge.",
            hint="Write it with `rag eval judge LABELS --report FILE`.",
        ) from error
    if found.judge != judge.name:
        raise InputError(
            f"{path} tells of the judge {found.judge}, this one is {judge.name}.",
            hint="Measure this one with `rag eval judge LABELS --report FILE`.",
        )
    return found


def agreement_rows(found: Agreement) -> list[tuple[str, ...]]:
    """A row per set: name, claims, balanced accuracy, its interval, kappa."""

    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    return [
        (
            one.name,
            str(one.n),
            shown(one.balanced_accuracy),
            "–".join(f"{end:.2f}" for end in one.interval or ()),
            shown(one.kappa),
        )
        for one in found.shares
    ]


AGREEMENT_HEAD: tuple[Any, ...] = ("judge against people", "n", "balanced accuracy", "95 %", "kappa")


def what_it_means(found: Agreement) -> str:
    """In one sentence whether the verdicts count."""
    bound = f"balanced accuracy of {found.least:.2f} at the lower end of its interval"
    return (
        f"{found.judge} reaches a {bound}: its verdicts count."
        if found.counts
        else (f"{found.judge} does not reach a {bound}: its verdicts are told and do not count.")
    )
