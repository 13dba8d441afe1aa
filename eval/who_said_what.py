"""Who said what, against labelled quotes.

Reads JSON lines with `text`, `statement` (the words), `speaker_gold` (the phrase that names the speaker), `type`
("Direct" or "Indirect"), `id`, perhaps `lang`. One quote per text is labelled, so what else is found is not judged.

    found      labelled quotes that something found overlaps: it holds at least half of the quote's words
    recall     labelled quotes found with the right speaker
    precision  of those found, the share with the right speaker
    direct     of those, the share whose kind (direct or indirect) is right
    tight      of those, the share at least half of whose words are words of the labelled quote

A speaker is right if all content words of the shorter phrase stand in the longer one, or half of all in both: "the
police" for "according to the police in Mombasa". Nothing was tuned on half 1.

Usage: python eval/who_said_what.py FILE [--half 0|1] [--show] [--json]
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from search_ablation import rows
from summaries import half_of

from rag.catalog import revision_of
from rag.sentences import detect_language, split_sentences
from rag.speech import Said, who_said_what
from rag.types import Article
from rag.words import words


def article_of(row: dict[str, Any]) -> Article:
    """A row as an article."""
    text = row["text"]
    language = row.get("lang") or detect_language(text)
    return Article(
        id=str(row["id"]), text=text, language=language, revision=revision_of(text),
        sentences=split_sentences(text, language),
    )  # fmt: skip


def overlap(said: Said, article: Article, statement: str) -> tuple[float, float]:
    """(share of the labelled words that were found, share of the found words that are labelled)."""
    found = re.findall(r"\w+", article.text[said.start : said.end].casefold())
    gold = re.findall(r"\w+", statement.casefold())
    if not gold or not found:
        return 0.0, 0.0
    return sum(word in set(found) for word in gold) / len(gold), sum(
        word in set(gold) for word in found
    ) / len(found)


def same_speaker(one: str, other: str) -> bool:
    """Whether two phrases name the same speaker."""
    left, right = ({word.stem for word in words(text, "de")} for text in (one, other))
    shared = len(left & right)
    return shared > 0 and (
        shared == min(len(left), len(right)) or 2 * shared >= 0.5 * (len(left) + len(right))
    )


def judged(row: dict[str, Any]) -> tuple[str, Said | None, float]:
    """("missed", "wrong" or "right", what was found, its tightness)."""
    article = article_of(row)
    best: tuple[float, float, Said] | None = None
    for said in who_said_what(article):
        held, tight = overlap(said, article, row["statement"])
        if held >= 0.5 and (best is None or held + tight > best[0] + best[1]):
            best = held, tight, said
    if best is None:
        return "missed", None, 0.0
    right = same_speaker(best[2].speaker, row["speaker_gold"])
    return "right" if right else "wrong", best[2], best[1]


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--show", action="store_true", help="print what is missed or wrong")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chosen = [
        row for row in rows(options.file) if options.half is None or half_of(str(row["id"])) == options.half
    ]
    results = [(row, *judged(row)) for row in chosen]
    right = [(row, said, tight) for row, verdict, said, tight in results if verdict == "right" and said]
    found = sum(verdict != "missed" for _, verdict, _, _ in results)
    figures = {
        "labelled": len(results),
        "found": found,
        "recall": len(right) / max(1, len(results)),
        "precision": len(right) / max(1, found),
        "direct": sum(said.direct == (row["type"] == "Direct") for row, said, _ in right)
        / max(1, len(right)),
        "tight": sum(tight >= 0.5 for *_, tight in right) / max(1, len(right)),
    }
    if options.show:
        for row, verdict, said, _ in results:
            if verdict != "right":
                at = row["text"].find(row["statement"][:30])
                print(f"{verdict}: {row['speaker_gold']} | {said.speaker if said else '-'}")
                print(
                    f"    …{' '.join(row['text'][max(0, at - 120) : at + len(row['statement']) + 80].split())}…"
                )
    print(json.dumps(figures) if options.json else "  ".join(f"{k} {v:.3f}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
