"""Seconds and memory of summaries: one article of about 500 words, then 2, 20 and all, first time and again.

Reads JSON lines with `text`, perhaps `title` and `date`, indexes them, and summarises each number of articles in a
process of its own: peak memory is that of the process, seconds are those of `summarise` alone. `again` is the second
summary of that process, `later` the first of another one: both find the notes that the first one kept. In every form
but `points`, whose sentences are those of `text`; --form chooses one. Without --language nothing is translated and no
language model asked; with it the model of RAG_LLM, loaded before the clock starts; then `worded` are the statements
that are told in that language, the others quote their article.
Exits with 1 if a limit is not kept.

Usage: python eval/many_summaries.py FILE [--language CODE] [--articles N] [--data DIR] [--form FORM]

--data keeps the index between runs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search_ablation import rows

from rag import Article, NewsQA, Settings
from rag.compose import quoted

WORDS = 500  # of the article that is summarised alone
ONE_SECONDS = {False: 1.0, True: 20.0}  # by whether a model translates
FIRST_SECONDS, AGAIN_SECONDS = 150.0, 30.0  # of twenty
AGAIN = 0.5  # of the first time: what twenty articles may cost again, here and in another process
MEMORY = 1.2  # all articles against two
FORMS = ("text", "timeline", "who_said_what")


def index(file: Path, data: Path, articles: int) -> None:
    """Indexes the first articles of a file; those that are there stay."""
    with NewsQA.open(data, settings=Settings(llm="none")) as qa:
        qa.add(
            Article(
                text=row["text"],
                title=row.get("title") or "",
                published=row.get("date"),
                url=f"https://a.example/{n}",
            )
            for n, row in enumerate(rows(file)[:articles])
        )


def measure(data: Path, count: int, form: str, language: str, times: int) -> None:
    """Summarises so many articles so often; from the second time on their notes are there."""
    with NewsQA.open(data, settings=None if language else Settings(llm="none")) as qa:
        ids = [one.id for one in qa.articles()][:count] if count > 1 else [of_usual_length(qa)]
        qa.search("Anfang", 1)  # loads what any use loads
        if language:
            qa.engine.llm()
        idle = peak()
        seconds = []
        for _ in range(times):
            started = time.perf_counter()
            summary = qa.summarise(
                ids, form=form, sentences=5 if count == 1 else 20, language=language or None
            )
            seconds.append(time.perf_counter() - started)
    lead_in = quoted("|", language).split("|")[0]
    worded = sum(not one.text.startswith(lead_in) for one in summary.statements)
    told: dict[str, Any] = {"articles": len(ids), "seconds": seconds, "idle": idle, "peak": peak()}
    told |= {"sentences": len(summary.statements), "disputes": len(summary.disputes)}
    print(json.dumps(told | ({"worded": worded} if language else {})))


def of_usual_length(qa: NewsQA) -> str:
    """The article whose length comes nearest to `WORDS`."""
    lengths = {one.id: len(qa.article(one.id).text.split()) for one in qa.articles()}
    return min(lengths, key=lambda id_: abs(lengths[id_] - WORDS))


def peak() -> float:
    """Megabytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_notes(data: Path) -> None:
    """Takes back what earlier summaries kept, so that the next one is the first."""
    import sqlite3

    with sqlite3.connect(data / "catalog.sqlite") as db:
        db.execute("DELETE FROM readings")


def limits(told: dict[int, dict[str, Any]], translated: bool) -> Iterator[tuple[str, float, float]]:
    """(what, measured, limit) of everything that has one."""
    twenty, most = told[20], max(told)
    yield f"one article of about {WORDS} words, seconds", told[1]["first"], ONE_SECONDS[translated]
    yield "twenty articles first time, seconds", twenty["first"], FIRST_SECONDS
    yield "twenty articles again, seconds", twenty["again"], AGAIN_SECONDS
    yield "twenty articles again, of the first time", twenty["again"] / twenty["first"], AGAIN
    yield "twenty articles later, of the first time", twenty["later"] / twenty["first"], AGAIN
    yield f"memory with {most} articles against 2, times", told[most]["peak"] / told[2]["peak"], MEMORY


def run(options: argparse.Namespace, data: Path, form: str, count: int) -> dict[str, Any]:
    """One form of so many articles: twice in a process of its own, then once in another."""
    forget_notes(data)
    told = in_process(options, data, form, count, 2)
    told["first"], told["again"] = told.pop("seconds")
    (told["later"],) = in_process(options, data, form, count, 1)["seconds"]
    shown = (
        f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}" for key, value in told.items()
    )
    print(f"{form:14}", "  ".join(shown), flush=True)
    return told


def in_process(options: argparse.Namespace, data: Path, form: str, count: int, times: int) -> dict[str, Any]:
    """What `measure` prints in a process of its own."""
    command = [
        sys.executable, __file__, str(options.file), "--data", str(data), "--form", form,
        "--language", options.language, "--measure", str(count), "--times", str(times),
    ]  # fmt: skip
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    told: dict[str, Any] = json.loads(printed)
    return told


def main() -> int:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--form", choices=FORMS, help="only this one")
    parser.add_argument("--language", default="", help="the reader's, in place of that of the articles")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.data, options.measure, options.form, options.language, options.times)
        return 0
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or Path(folder)
        index(options.file, data, options.articles)
        for form in (options.form,) if options.form else FORMS:
            counts = (1, 2, 20, max(20, options.articles))
            told = {count: run(options, data, form, count) for count in counts}
            for what, measured, limit in limits(told, bool(options.language)):
                missed += measured > limit
                print(
                    f"{'ok' if measured <= limit else 'MISSED':6}  {form}: {what}: {measured:.2f}, at most {limit:g}"
                )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
