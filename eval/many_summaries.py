"""Seconds and memory of summaries over many articles, first time and again.

Reads JSON lines with `text`, perhaps `title` and `date`, indexes them, and summarises 2, 20 and all of them, each
number in a process of its own: peak memory is that of the process, seconds are those of `summarise` alone.

Usage: python eval/many_summaries.py FILE [--articles N] [--data DIR] [--form FORM]

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
from pathlib import Path

from search_ablation import rows

from rag import Article, NewsQA, Settings


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


def measure(data: Path, count: int, form: str) -> None:
    """Summarises so many articles twice; the second time their notes are there."""
    with NewsQA.open(data, settings=Settings(llm="none")) as qa:
        ids = [one.id for one in qa.articles()][:count]
        qa.search("Anfang", 1)  # loads what any use loads
        idle = peak()
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            summary = qa.summarise(ids, form=form, sentences=20)
            seconds.append(time.perf_counter() - started)
    told = {"articles": len(ids), "first": seconds[0], "again": seconds[1], "idle": idle, "peak": peak()}
    print(json.dumps(told | {"sentences": len(summary.statements), "disputes": len(summary.disputes)}))


def peak() -> float:
    """Megabytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def forget_notes(data: Path) -> None:
    """Takes back what earlier summaries kept, so that the next one is the first."""
    import sqlite3

    with sqlite3.connect(data / "catalog.sqlite") as db:
        db.execute("DELETE FROM notes")


def main() -> None:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--form", default="text")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.data, options.measure, options.form)
        return
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or Path(folder)
        index(options.file, data, options.articles)
        peaks = []
        for count in (2, 20, options.articles):
            forget_notes(data)
            command = [
                sys.executable,
                __file__,
                str(options.file),
                "--data",
                str(data),
                "--form",
                options.form,
            ]
            run = subprocess.run(
                [*command, "--measure", str(count)], capture_output=True, text=True, check=True
            )
            told = json.loads(run.stdout)
            peaks.append(told["peak"])
            print(
                "  ".join(
                    f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}"
                    for key, value in told.items()
                ),
                flush=True,
            )
        print(f"memory with {options.articles} articles against 2: {peaks[-1] / peaks[0]:.2f} times")


if __name__ == "__main__":
    main()
