"""How large is the page of 500 facts, and what does it ask for? Makes it out of a report and opens it in Chromium.

Usage: python eval/page_of_500.py REPORT   (JSON of `rag eval run --report`)
"""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.evaluation import EvalReport, read_report, render_page

FACTS = 500
RUNS = 20
MOST_BYTES = 2_000_000


def of_500(report: EvalReport) -> EvalReport:
    """The report with its facts over and over, each under an id of its own."""
    results = islice(cycle(report.results), FACTS)
    named = [one.model_copy(update={"id": f"{one.id}-{n}"}) for n, one in enumerate(results)]
    return report.model_copy(update={"results": tuple(named)})


def requests_of(page: Path) -> list[str] | None:
    """Every address that a browser without a network asks for when it shows the page; None without a browser."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if browser is None:
        return None
    asked: list[str] = []
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        shown = opened.new_page(offline=True)
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(page.as_uri())
        shown.locator("summary").first.click()
        opened.close()
    return asked


def main() -> int:
    """Prints size and requests; 1 if it is too large or asks any other host."""
    report = of_500(read_report(Path(sys.argv[1])))
    past = [
        report.model_copy(update={"started": report.started - timedelta(days=days)})
        for days in range(1, RUNS)
    ]
    with TemporaryDirectory() as folder:
        page = Path(folder) / "facts.html"
        page.write_text(render_page(report, past), encoding="utf-8")
        size, asked = page.stat().st_size, requests_of(page)
        others = None if asked is None else len([url for url in asked if url != page.as_uri()])
    print(f"page of {FACTS} facts over {RUNS} runs: {size / 1e6:.2f} MB, at most {MOST_BYTES / 1e6:.2f}")
    print(f"requests to another host: {'not measured, no Chromium here' if others is None else others}")
    return int(size > MOST_BYTES or bool(others))


if __name__ == "__main__":
    sys.exit(main())
