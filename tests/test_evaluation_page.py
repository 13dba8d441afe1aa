"""The report in a real Chromium: what broke stands on top, filters work, nothing is asked of any host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_evaluation import SILENCE, Replies, gold, quoted_answer, seeds, toy_answer
from test_evaluation_report import before

from rag.evaluation import EvalReport, render_page, run

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium here: apt-get install chromium, as .ci/run does"
    ),
]
MOST_BYTES = 2_000_000
WRONG = 6


def report_of_500() -> EvalReport:
    """Our facts over and over: six without an answer, one that says what is wrong, the others right."""
    replies: dict[str, Any] = {
        one.question: quoted_answer(one) if one.required else SILENCE for one in gold().facts
    }
    right = [one for one in run(gold().path, Replies(replies, seeds())).results if one.passed]
    broken = [one.id for one in right if one.answerable][:WRONG]
    for fact in gold().facts:
        if fact.id in broken:
            replies[fact.question] = toy_answer("Xaver Zorn kam.") if fact.id == broken[-1] else SILENCE
    report = run(gold().path, Replies(replies, seeds()))
    wrong = [one for one in report.results if one.id in broken]
    many = [one.model_copy(update={"id": f"{one.id}-{n}"}) for n in range(9) for one in right]
    return report.model_copy(update={"results": (*wrong, *many[: 500 - WRONG])})


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    report = report_of_500()
    path: Path = tmp_path_factory.mktemp("page") / "facts.html"
    path.write_text(render_page(report, [before(report, days) for days in (1, 2, 3)]), encoding="utf-8")
    return path


@pytest.fixture
def page(html: Path) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 860}, offline=True)
        opened.asked = []
        opened.wrong = []
        opened.on("request", lambda request: opened.asked.append(request.url))
        opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
        opened.on("console", lambda message: opened.wrong.append(message.text))
        opened.goto(html.as_uri())
        yield opened
        browser.close()


def test_a_page_of_500_facts_is_small_and_asks_no_other_host(html: Path, page: Any) -> None:
    assert page.locator("main details").count() == 500
    assert html.stat().st_size <= MOST_BYTES
    page.locator("summary").first.click()
    assert page.asked == [html.as_uri()]
    assert page.wrong == []


def test_the_first_screen_tells_what_broke(page: Any) -> None:
    assert page.locator("h1").inner_text().startswith(f"{WRONG} of 500 facts failed")
    reasons = page.locator(".broken li")
    assert reasons.count() == WRONG
    assert reasons.last.bounding_box()["y"] < 860
    assert sum("silent, should say" in text for text in reasons.all_inner_texts()) == WRONG - 1
    assert not any("*" in text for text in reasons.all_inner_texts())


def test_a_fact_that_broke_opens_below_the_filter(page: Any) -> None:
    page.locator(".broken a").nth(2).click()
    opened = page.locator("main details[open]")
    assert opened.count() == 1
    assert opened.locator("summary").bounding_box()["y"] >= page.locator("form").bounding_box()["height"]
    assert "Must be said" in opened.inner_text()


def test_filters_and_chips_leave_what_was_asked_for(page: Any) -> None:
    page.locator(".chips button[value=missing]").click()
    assert page.locator("#count").inner_text() == f"{WRONG} of 500"
    page.locator("#words").fill("")
    page.locator("select[data-by=language]").select_option("en")
    shown = page.locator("main details:visible")
    assert 0 < shown.count() < 500
    assert page.locator("main details:visible:not([data-language=en])").count() == 0


def test_the_past_is_drawn_over_all_measures_and_of_every_fact(page: Any) -> None:
    assert "Over 4 runs" in page.locator("h2").all_inner_texts()
    plot = page.locator("figure svg").first.bounding_box()
    assert plot["width"] > 150 and plot["height"] > 50
    page.locator("summary").first.click()
    squares = page.locator("main details[open] .strip i")
    assert squares.count() == 4
    assert squares.last.bounding_box()["width"] > 5


def test_the_page_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
