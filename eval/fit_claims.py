"""Fits the verifier of claims (rag/claims.json) on claims whose support people have judged.

    python eval/fit_claims.py FILE [--fit SOURCE …] [--copy SOURCE …] [--cache FILE] [--dry]

FILE holds JSON lines: `claim`, `evidence`, `lang`, `supported` and `src`, the name of the set. Only sources named with
--fit (a beginning of `src` is enough) shape the coefficients; every source is measured, the fitted ones by ten-fold
cross-validation. Balanced accuracy is the mean of the shares of supported and of unsupported claims told rightly, by
the verdicts of both kinds of `Care`: even and strict. --copy names the sources of claims that
change the order of a sentence's words: they shape the model that claims in nearly the words of a sentence have to pass
as well. --cache keeps what was encoded between runs, --dry writes nothing. Only sets whose licence allows it may be
fitted on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from rag.claims import COPY, Doubt, Meaning, Signals, find_doubts, is_safe, signals
from rag.encoder import open_encoder
from rag.reading import read_sentence
from rag.sentences import split_sentences
from rag.settings import read_settings
from rag.types import TokenEncoder

_MODEL = Path(__file__).parent.parent / "rag" / "claims.json"
_ALL = tuple(field.name for field in fields(Signals))
# Shares of words and names held tell much in English, where few words are names; in German every noun is one, and
# there they do not carry over from one set to another. So with the vectors of tokens they are left out; of the doubts
# those stay that no other wording explains.
_FEATURES = {
    "words": ("coverage", "clause", "names", "order", "absent", "doubts"),
    "meaning": ("weakest", "absent", "hard"),
}
# Which way each signal speaks: knowing it keeps a set's habits from teaching nonsense.
_SIGNS = {name: -1.0 if name in {"absent", "doubts", "hard", "moved"} else 1.0 for name in _ALL}
_COPY_FEATURES = ("kept", "moved", "doubts")
_EVEN = 0.5  # support from which both mistakes weigh the same
_RIDGE = 0.1
# Share of unsupported claims that may have the support that strict verdicts need: the best balance would let through a
# quarter, and to call a claim supported that is not is the worse mistake in print.
_WRONG = 0.15
_NOTHING = 1e-3  # weights below this are left out
_FIT = ("WiCE",)
_FIT_COPY = ("PAWS-X",)

Values = npt.NDArray[np.float64]


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--fit", nargs="+", default=_FIT)
    parser.add_argument("--copy", nargs="+", default=_FIT_COPY)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--dry", action="store_true")
    options = parser.parse_args()
    rows = [
        json.loads(line) for line in options.file.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    evidence = [_sentences(row) for row in rows]
    near = _compared(rows, evidence, options.cache)
    seen = [_signals(*one) for one in zip(rows, evidence, near, strict=True)]
    copy, in_order = _copy_model(rows, seen, tuple(options.copy))
    models = {name: _model(name, rows, seen, tuple(options.fit), in_order) for name in _FEATURES}
    models["copy"] = copy
    print(json.dumps(models, indent=2))
    if not options.dry:
        _MODEL.write_text(json.dumps(models, indent=2) + "\n", encoding="utf-8")


def _model(
    name: str,
    rows: Sequence[dict[str, Any]],
    seen: Sequence[tuple[Signals, tuple[Doubt, ...]]],
    wanted: tuple[str, ...],
    in_order: Values,
) -> dict[str, Any]:
    """Fits one model and reports it together with the support that their order leaves to copies."""
    features = _FEATURES[name]
    values = _values(seen, features)
    sources = np.array([row["src"] for row in rows])
    labels = np.array([bool(row["supported"]) for row in rows])
    safe = np.array([is_safe(one, doubts) for one, doubts in seen])
    fitted = np.array([source.startswith(wanted) for source in sources])
    weight = _balance(sources, labels, fitted)
    support = _cross_validated(values, labels, weight, fitted, sources)
    limit = _limit(support, labels, fitted)
    print(f"\n{name}: " + ", ".join(features))
    even = (support >= _EVEN) & (in_order >= _EVEN)
    strict = (support >= limit) & (in_order >= _EVEN) & safe
    _report(np.minimum(support, in_order), even, strict, labels, sources, features, values, fitted)
    return _table(_fitted(values[fitted], labels[fitted], weight[fitted]), features, limit)


def _copy_model(
    rows: Sequence[dict[str, Any]],
    seen: Sequence[tuple[Signals, tuple[Doubt, ...]]],
    wanted: tuple[str, ...],
) -> tuple[dict[str, Any], Values]:
    """The model for claims in nearly the words of a sentence, and its support of every claim, 1 for other ones."""
    values = _values(seen, _COPY_FEATURES)
    copies = np.array([one.likeness >= COPY for one, _ in seen])
    sources = np.array([row["src"] for row in rows])
    labels = np.array([bool(row["supported"]) for row in rows])
    fitted = copies & np.array([source.startswith(wanted) for source in sources])
    weight = _balance(sources, labels, fitted)
    support = np.where(copies, _cross_validated(values, labels, weight, fitted, sources), 1.0)
    shares = ", ".join(f"{source} {copies[sources == source].mean():.2f}" for source in sorted(set(sources)))
    print(
        f"copy: {', '.join(_COPY_FEATURES)}; so many claims are in nearly the words of a sentence: {shares}"
    )
    return _table(_fitted(values[fitted], labels[fitted], weight[fitted]), _COPY_FEATURES, _EVEN), support


def _values(seen: Sequence[tuple[Signals, tuple[Doubt, ...]]], features: Sequence[str]) -> Values:
    return np.array([[_SIGNS[name] * asdict(one)[name] for name in features] for one, _ in seen])


def _table(coefficients: Values, features: Sequence[str], limit: float) -> dict[str, Any]:
    return {
        "bias": round(float(coefficients[0]), 3),
        "weights": {
            feature: round(float(value) * _SIGNS[feature], 3)
            for feature, value in zip(features, coefficients[1:], strict=True)
            if value > _NOTHING
        },
        "even": _EVEN,
        "strict": round(limit, 3),
    }


def _sentences(row: dict[str, Any]) -> list[str]:
    spans = split_sentences(row["evidence"], row["lang"])
    return [row["evidence"][span.start : span.end] for span in spans] or [row["evidence"]]


def _signals(row: dict[str, Any], sentences: Sequence[str], near: float) -> tuple[Signals, tuple[Doubt, ...]]:
    claim = read_sentence(row["claim"], row["lang"])
    evidence = tuple(read_sentence(sentence, row["lang"]) for sentence in sentences)
    doubts = tuple(dict.fromkeys(find_doubts(claim, evidence, row["evidence"])))
    return signals(claim, evidence, near, doubts), doubts


def _compared(
    rows: Sequence[dict[str, Any]], evidence: Sequence[Sequence[str]], cache: Path | None
) -> list[float]:
    """Each claim and its evidence compared token by token."""
    keys = [hashlib.sha256(f"{row['claim']}\0{row['evidence']}".encode()).hexdigest()[:24] for row in rows]
    kept = json.loads(cache.read_text(encoding="utf-8")) if cache and cache.exists() else {}
    if missing := [n for n, key in enumerate(keys) if key not in kept]:
        encoder = open_encoder(read_settings())
        if not isinstance(encoder, TokenEncoder):
            raise SystemExit(f"{encoder.name} gives no vectors of tokens.")
        meaning = Meaning(encoder)
        kept |= {keys[n]: meaning.compare(rows[n]["claim"], evidence[n]) for n in missing}
        if cache:
            cache.write_text(json.dumps(kept), encoding="utf-8")
    return [float(kept[key]) for key in keys]


def _balance(
    sources: npt.NDArray[Any], labels: npt.NDArray[np.bool_], fitted: npt.NDArray[np.bool_]
) -> Values:
    """Weights that make every fitted source, and in it both answers, count the same."""
    weight = np.zeros(len(labels))
    for source in set(sources[fitted]):
        for label in (False, True):
            here = fitted & (sources == source) & (labels == label)
            weight[here] = 1.0 / here.sum()
    return weight * fitted.sum() / weight.sum()


def _fitted(values: Values, labels: npt.NDArray[np.bool_], weight: Values) -> Values:
    """Bias and weights of a logistic regression; weights are not negative, since the signs are known beforehand."""

    def loss(coefficients: Values) -> float:
        total = coefficients[0] + values @ coefficients[1:]
        errors = np.logaddexp(0.0, total) - labels * total
        return float((weight * errors).sum() + _RIDGE * (coefficients[1:] ** 2).sum())

    bounds = [(None, None), *[(0.0, None)] * values.shape[1]]
    return np.asarray(minimize(loss, np.zeros(values.shape[1] + 1), bounds=bounds, method="L-BFGS-B").x)


def _logistic(values: Values, coefficients: Values) -> Values:
    return np.asarray(1.0 / (1.0 + np.exp(-(coefficients[0] + values @ coefficients[1:]))))


def _cross_validated(
    values: Values,
    labels: npt.NDArray[np.bool_],
    weight: Values,
    fitted: npt.NDArray[np.bool_],
    sources: npt.NDArray[Any],
) -> Values:
    """Support of every claim by a model that has not seen it."""
    support = _logistic(values, _fitted(values[fitted], labels[fitted], weight[fitted]))
    own = np.flatnonzero(fitted)
    strata = np.array([f"{sources[n]}{labels[n]}" for n in own])
    for learn, judge in StratifiedKFold(10, shuffle=True, random_state=0).split(own, strata):
        coefficients = _fitted(values[own[learn]], labels[own[learn]], weight[own[learn]])
        support[own[judge]] = _logistic(values[own[judge]], coefficients)
    return support


def _balanced(told: npt.NDArray[np.bool_], labels: npt.NDArray[np.bool_]) -> float:
    return float((told[labels].mean() + (~told[~labels]).mean()) / 2)


def _limit(support: Values, labels: npt.NDArray[np.bool_], fitted: npt.NDArray[np.bool_]) -> float:
    """The support that strict verdicts need: so few unsupported claims reach it as `_WRONG` allows."""
    return float(np.quantile(support[fitted & ~labels], 1 - _WRONG))


def _report(
    support: Values,
    even: npt.NDArray[np.bool_],
    strict: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.bool_],
    sources: npt.NDArray[Any],
    features: Sequence[str],
    values: Values,
    fitted: npt.NDArray[np.bool_],
) -> None:
    for source in sorted(set(sources)):
        here = sources == source
        cares = (
            f"{name} {_balanced(told[here], labels[here]):.3f}"
            f" (unsupported called supported {told[here & ~labels].mean():.3f})"
            for name, told in (("even", even), ("strict", strict))
        )
        print(
            f"{source:18} n={here.sum():4} {'fitted  ' if fitted[here].all() else 'measured'}"
            f"  AUC {roc_auc_score(labels[here], support[here]):.3f}  balanced accuracy: {', '.join(cares)}"
        )
        alone = (
            f"{name} {roc_auc_score(labels[here], column):.2f}"
            for name, column in zip(features, values[here].T, strict=True)
        )
        print("    alone: " + ", ".join(alone))


if __name__ == "__main__":
    main()
