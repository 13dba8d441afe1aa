"""The page in a real Chromium, under its own Content-Security-Policy. Skipped where no Chromium is installed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from service import Service, running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.errors import ModelUnavailable
from rag.guard import PAGE_POLICY
from rag.keys import KEYS_FILE, KeyStore, Scope
from rag.settings import Settings
from rag.types import (
    Answer,
    Article,
    Dated,
    Disagreement,
    Dispute,
    Event,
    Form,
    Message,
    Side,
    Status,
    Summary,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "rag" / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
NOWHERE = Path("/nonexistent")
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 375, "height": 740}

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: apt-get install chromium, as .ci/run does"
)
pytestmark = pytest.mark.slow

EVIL = Article(
    text="🚢🚢 The <b>ferry</b> left at noon.\n\nA <img src=x onerror=window.ran=1> stood on the pier placard.",
    title="<script>window.ran=1</script>Ferry",
    source="Gazette",
    url="https://example.org/ferry",
    published=datetime(2025, 4, 1, tzinfo=UTC),
    language="en",
)


class PageQA(SmallNewsQA):
    """Also ends in part, rewrites what leans on history, and fails when told to."""

    def stream(self, question: str, *, history: Any = (), **filters: Any) -> Iterator[Event]:
        for event in super().stream(question, history=history, **filters):
            if isinstance(event, Answer) and history:
                event = event.model_copy(update={"question": f"{question} (harbour)"})
            if isinstance(event, Answer) and "and who paid" in question:
                lacking = "The articles do not tell: who paid."
                event = event.model_copy(update={"status": Status.PARTIAL, "missing": lacking})
            if isinstance(event, Answer) and "disagree" in question:
                sides = tuple(
                    Side(value=value, citations=event.citations) for value in ("300 boats", "500 boats")
                )
                differ = Disagreement(kind="number", about="boats in the harbour", sides=sides)
                event = event.model_copy(update={"disagreements": (differ,)})
            yield event

    def summarise(self, article_ids: Any = None, **wanted: Any) -> Summary:
        summary = super().summarise(article_ids, **wanted)
        first = summary.statements[0]
        headline = first.model_copy(update={"text": "A harbour – at last"})
        dispute = Dispute(about="day", statements=(first, first))
        more: dict[str, Any] = {"headline": headline, "disputes": (dispute,), "unsettled": (first,)}
        if summary.form is Form.TIMELINE:
            more["timeline"] = (Dated(statement=first, date="2025-03-07", words="on Friday", resolved=True),)
        if wanted.get("sentences"):
            more |= {"status": Status.PARTIAL, "missing": "2 articles were not read."}
        return summary.model_copy(update=more)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running(PageQA(), Settings(data=NOWHERE)) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def qa(service: Service) -> PageQA:
    fresh = PageQA(HARBOUR, NO_ADDRESS, EVIL)
    service.app.state.library.default = fresh
    return fresh


Opened = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, service: Service, qa: PageQA) -> Iterator[Opened]:
    """Opens the page; at the end nothing may have gone wrong in it, nor anything have been asked of another host."""
    contexts, wrong = [], []

    def open_page(
        path: str = "/",
        url: str = service.url,
        locale: str = "en-GB",
        ready: str = "main .page",
        script: str = "",
        **options: Any,
    ) -> Any:
        context = browser.new_context(locale=locale, **{"viewport": DESKTOP} | options)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        page = context.new_page()
        page.add_init_script(script)
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda sent: wrong.append(sent.url) if not sent.url.startswith(url) else None)
        page.goto(url + path)
        page.wait_for_selector(ready)
        return page

    yield open_page
    for context in contexts:
        context.close()
    expected = re.compile(r"status of (401|503)|^This document requires 'TrustedHTML'")
    assert [said for said in wrong if not expected.search(said)] == []


def ask(page: Any, question: str, end: str = "answered") -> None:
    page.fill("textarea", question)
    page.press("textarea", "Enter")
    page.wait_for_selector(f".turn:last-child .card.{end}")


QUESTION = "Who opened the harbour?"
MARKED = "mark.here"


# --- asking --------------------------------------------------------------------------------------


@needs_chromium
def test_a_mark_opens_the_article_with_exactly_the_cited_characters(opened: Opened) -> None:
    page = opened()
    ask(page, "When did the ferry leave the pier?")
    page.click(".mark")
    page.wait_for_selector(MARKED)
    quote = page.text_content(".sources q")
    assert "".join(page.locator(MARKED).all_text_contents()) == quote.strip()
    assert page.text_content(".reader .text") == EVIL.text
    assert page.evaluate("document.activeElement.tagName") == "H2"


@needs_chromium
def test_the_three_ends_and_a_failure_are_plainly_different(opened: Opened, qa: PageQA) -> None:
    page = opened()
    ask(page, QUESTION)
    ask(page, "Who opened the harbour and who paid?", "partial")
    ask(page, "Who won?", "not_found")
    qa.failure = ModelUnavailable("down at /secret/socket")
    ask(page, QUESTION, "failed")
    heads = page.locator(".turn .card > header h3").all_text_contents()
    assert heads == ["Answered", "Answered in part", "Not in these articles", "That did not work"]
    colours = page.locator(".turn .card").evaluate_all(
        "all => all.map(one => getComputedStyle(one).borderColor)"
    )
    assert len(set(colours)) == 4
    assert page.text_content(".missing") == "The articles do not tell: who paid."
    assert page.locator(".not_found .sources").count() == 0
    assert "secret" not in page.content()


@needs_chromium
def test_sources_that_disagree_stand_side_by_side(opened: Opened) -> None:
    page = opened()
    ask(page, "Who opened the harbour, and do sources disagree?")
    sides = page.locator(".sides li")
    assert sides.locator("q").all_text_contents() == ["300 boats", "500 boats"]
    tops = sides.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    assert tops[0] == tops[1]
    sides.locator(".mark").first.click()
    page.wait_for_selector(MARKED)


@needs_chromium
def test_a_follow_up_carries_the_conversation_and_shows_how_it_was_understood(
    opened: Opened, qa: PageQA
) -> None:
    page = opened()
    ask(page, QUESTION)
    ask(page, "When was it opened, the harbour?")
    assert qa.asked[-1][1][0] == Message(role="user", content=QUESTION)
    assert "(harbour)" in page.text_content(".turn:last-child .understood")
    page.click(".fresh")
    ask(page, QUESTION)
    assert qa.asked[-1][1] == ()


@needs_chromium
def test_filters_go_with_the_question(opened: Opened, qa: PageQA) -> None:
    page = opened()
    page.click(".filters summary")
    page.fill("input[type=date] >> nth=0", "2025-03-01")
    page.fill("input[type=date] >> nth=1", "2025-03-31")
    page.select_option(".filters select", "Example Times")
    ask(page, QUESTION)
    filters = qa.asked[-1][2]
    assert filters["source"] == "Example Times"
    assert filters["published_after"] == datetime(2025, 3, 1, tzinfo=UTC)
    assert filters["published_before"] == datetime(2025, 3, 31, 23, 59, 59, tzinfo=UTC)
    assert page.text_content(".filters summary") == "Filters (3)"


@needs_chromium
def test_an_answer_is_copied_with_its_sources(opened: Opened) -> None:
    page = opened()
    ask(page, QUESTION)
    page.click("footer button")
    page.wait_for_selector("footer button.done")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("The mayor opened the new harbour on Friday. [1]\n\n[1] “The mayor")
    assert HARBOUR.url in copied


@needs_chromium
def test_a_link_to_a_citation_leads_somebody_else_to_the_sentence(opened: Opened, service: Service) -> None:
    page = opened()
    ask(page, QUESTION)
    page.click(".sources li button")
    page.wait_for_selector(".sources button.done")
    address = page.evaluate("navigator.clipboard.readText()")
    other = opened(address.removeprefix(service.url))
    other.wait_for_selector(MARKED)
    assert other.text_content(MARKED) == "The mayor opened the new harbour on Friday."


@needs_chromium
def test_everything_can_be_done_with_the_keyboard(opened: Opened) -> None:
    page = opened()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".card.answered")
    page.focus(".mark")
    page.keyboard.press("Enter")
    page.wait_for_selector(MARKED)
    page.keyboard.press("Escape")
    page.wait_for_selector("#reader", state="hidden")
    assert page.evaluate("document.activeElement.className") == "mark"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.focus("[data-view=articles]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".pile li")
    page.focus("[aria-label='Delete Zirkus']")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")  # keeps it
    page.wait_for_selector("dialog", state="detached")
    assert page.get_attribute(":focus", "aria-label") == "Delete Zirkus"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Deleted: Zirkus")


@needs_chromium
def test_what_happens_is_told_to_those_who_listen(opened: Opened) -> None:
    page = opened()
    ask(page, QUESTION)
    page.wait_for_selector("#told:has-text('Answered. The mayor')", state="attached")
    assert page.get_attribute("#told", "aria-live") == "polite"
    assert page.get_attribute(".mark", "aria-label") == "Source 1: A harbour – at last"


@needs_chromium
def test_markup_in_articles_and_questions_is_text(opened: Opened) -> None:
    page = opened()
    ask(page, "<img src=x onerror=window.ran=1> ferry <script>window.ran=1</script>")
    page.click(".mark")
    page.wait_for_selector(MARKED)
    page.click("[data-view=articles]")
    page.wait_for_selector(".pile li")
    assert page.evaluate("window.ran") is None
    assert page.locator("main img, main script, #reader img, #reader script, #reader b").count() == 0
    assert "<script>window.ran=1</script>Ferry" in page.text_content(".pile")


# --- searching, articles -------------------------------------------------------------------------


@needs_chromium
def test_a_passage_that_was_found_opens_marked(opened: Opened) -> None:
    page = opened("/#/search")
    page.fill("input[type=search]", "bridge")
    page.keyboard.press("Enter")
    page.click(".hits a")
    page.wait_for_selector(MARKED)
    assert page.text_content(MARKED) == "The old bridge was closed in March."


@needs_chromium
def test_articles_are_narrowed_down_added_and_deleted(opened: Opened, qa: PageQA, tmp_path: Path) -> None:
    page = opened("/#/articles")
    page.wait_for_selector(".pile li")
    page.fill("input[type=search]", "circus nowhere")
    page.wait_for_selector(".nothing")
    page.fill("input[type=search]", "zirk")
    page.locator(".pile li").nth(1).wait_for(state="detached")
    page.fill("input[type=search]", "")
    (tmp_path / "boat.txt").write_text("A boat was found in the boathouse.")
    page.set_input_files("#files", tmp_path / "boat.txt")
    page.wait_for_selector(".news .done")
    assert any(one.title == "boat.txt" for one in qa.stored.values())
    page.click("[aria-label='Delete boat.txt']")
    page.click(".danger")
    page.wait_for_selector("text=Deleted: boat.txt")
    assert not any(one.title == "boat.txt" for one in qa.stored.values())


@needs_chromium
def test_files_may_be_dropped_anywhere(opened: Opened, qa: PageQA) -> None:
    page = opened()
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['A kite flew over the kiteshop.'], 'kite.txt')); return data; }"
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": data})
    assert page.is_visible("#drop")
    page.dispatch_event("main", "drop", {"dataTransfer": data})
    page.wait_for_selector("text=Added: kite.txt")
    assert any(one.title == "kite.txt" for one in qa.stored.values())


@needs_chromium
def test_text_can_be_added_with_what_is_known_of_it(opened: Opened, qa: PageQA) -> None:
    page = opened("/#/articles")
    page.click("text=Add text")
    page.fill("dialog input[name=title]", "Kite")
    page.fill("dialog textarea", "A kite flew.")
    page.fill("dialog input[name=source]", "Gazette")
    page.fill("dialog input[type=date]", "2025-05-01")
    page.click("dialog .go")
    page.wait_for_selector("text=Added: Kite")
    added = next(one for one in qa.stored.values() if one.title == "Kite")
    assert (added.source, added.published) == ("Gazette", datetime(2025, 5, 1, tzinfo=UTC))


@needs_chromium
def test_an_article_is_summarised_with_marks(opened: Opened) -> None:
    page = opened("/#/articles")
    page.click(".pile a >> nth=0")
    page.click(".reader button.plain")
    page.wait_for_selector(".told-summary .card:not(.underway) .mark")
    assert "covers 50 %" in page.text_content(".told-summary")
    assert page.locator(".told-summary .headline").count() == 0  # it stands above, as the article's own
    assert page.locator(".told-summary .sides q").count() == 2
    assert page.text_content(".told-summary .disagree p") == "On which day"
    assert page.text_content(".told-summary .open h3") == "Open or disputed"
    assert page.locator(".told-summary .open .statement .mark").count() == 1


@needs_chromium
def test_what_was_found_is_summarised_in_the_form_and_length_that_is_chosen(
    opened: Opened, qa: PageQA
) -> None:
    page = opened("/#/search")
    page.fill("input[type=search]", "harbour")
    page.keyboard.press("Enter")
    page.select_option("[aria-label='Form of the summary']", "timeline")
    page.click(".summariser button")
    page.wait_for_selector(".told-summary .timeline")
    assert page.text_content(".told-summary .when") == "March 7, 2025on Friday"
    page.select_option(
        "[aria-label='Length of the summary']", "short"
    )  # a summary that is there is made anew
    page.wait_for_selector(".told-summary .missing")
    assert page.text_content(".told-summary .missing") == "2 articles were not read."
    assert [form for form, *_ in qa.summarised] == ["timeline", "timeline"]
    qa.failure = None
    page.select_option("[aria-label='Form of the summary']", "who_said_what")
    page.wait_for_selector(".told-summary .card:not(.underway) .statements")
    assert qa.summarised[-1][0] == "who_said_what"


# --- people and machines ---------------------------------------------------------------------------


@needs_chromium
def test_the_page_speaks_german_and_english(opened: Opened) -> None:
    page = opened(locale="de-AT")
    assert page.get_attribute("html", "lang") == "de"
    assert page.text_content("h1") == "Was steht in den Artikeln?"
    page.click("#language")
    assert page.text_content("h1") == "What do the articles say?"
    page.reload()
    page.wait_for_selector("h1")
    assert page.get_attribute("html", "lang") == "en"


def test_both_languages_have_the_same_words() -> None:
    english, german = (WEB / "words.js").read_text(encoding="utf-8").split("\n  de: {")
    names = [re.findall(r"^    (\w+): ", part, re.MULTILINE) for part in (english, german)]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0]), "a name that stands twice has only its last words"
    used = "".join(path.read_text(encoding="utf-8") for path in WEB.glob("*.js"))
    asked = set(re.findall(r"\bt\(\"(\w+)\"", used))
    assert asked <= set(names[0])


@needs_chromium
def test_colours_follow_the_system_until_chosen(opened: Opened) -> None:
    page = opened(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.click("#theme")
    light = page.evaluate(paper)
    assert dark != light
    page.reload()
    page.wait_for_selector("h1")
    assert page.evaluate(paper) == light


@needs_chromium
def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_article_covers_it(opened: Opened) -> None:
    page = opened(viewport=PHONE, is_mobile=True, has_touch=True, locale="de-DE")
    ask(page, QUESTION)
    for view in ("ask", "search", "articles"):
        page.click(f"[data-view={view}]")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.click("[data-view=ask]")
    page.tap(".mark")
    page.wait_for_selector(MARKED)
    assert round(page.locator("#reader").bounding_box()["width"]) == PHONE["width"]
    assert page.evaluate("document.getElementById('main').inert")
    page.tap(".close")
    page.wait_for_selector("#main:not([inert])")


@needs_chromium
def test_a_service_with_keys_asks_for_one(opened: Opened, qa: PageQA) -> None:
    with running(qa, Settings(data=NOWHERE, api_key="k3y")) as locked:  # type: ignore[arg-type]
        page = opened("/#/articles", url=locked.url, ready="dialog")
        page.fill("dialog input", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=This key was not accepted.")
        page.fill("dialog input", "k3y")
        page.keyboard.press("Enter")
        page.wait_for_selector(".pile li")


@needs_chromium
def test_who_may_enter_several_collections_chooses_one_and_links_lead_into_it(
    opened: Opened, tmp_path: Path
) -> None:
    keys = KeyStore(tmp_path / KEYS_FILE)
    _, secret = keys.add("anna", Scope.WRITE, ["press", "sports"])
    sports = Article(text="The rowers won the harbour race on Sunday.", title="Race")
    settings = Settings(data=tmp_path)
    with running(PageQA(), settings) as locked:
        for name, articles in (("press", [HARBOUR]), ("sports", [sports])):
            locked.app.state.library._opened[name] = PageQA(*articles)
        page = opened("/", url=locked.url, ready="dialog")
        page.fill("dialog input", secret)
        page.keyboard.press("Enter")
        page.wait_for_selector("#collection:visible")
        ask(page, QUESTION)
        page.select_option("#collection", "sports")
        page.wait_for_selector(".welcome")  # a conversation of its own
        ask(page, "Who won the harbour race?")
        assert "rowers" in page.text_content(".statement")
        page.click(".mark")
        page.wait_for_selector(MARKED)
        address = page.evaluate("location.href")
        page.evaluate("sessionStorage.removeItem('collection')")
        page.goto("about:blank")
        page.goto(address)
        page.wait_for_selector(MARKED)
        assert page.text_content(".reader h2") == "Race"
        assert page.input_value("#collection") == "sports"
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        right = page.evaluate("document.getElementById('theme').getBoundingClientRect().right")
        assert right <= PHONE["width"]


@needs_chromium
def test_the_page_keeps_its_policy(opened: Opened, service: Service) -> None:
    page = opened()
    policy = page.request.get(service.url + "/").headers["content-security-policy"]
    assert policy == PAGE_POLICY
    assert "unsafe" not in policy
    blocked = "() => { try { document.body.innerHTML = '<i>x</i>'; return false; } catch { return true; } }"
    assert page.evaluate(blocked)


def test_the_page_is_small_and_asks_no_other_host() -> None:
    files = [path for path in WEB.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 150_000
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert set(re.findall(r"https?://[\w./-]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "innerHTML" not in text


# --- what Lighthouse looks at ------------------------------------------------------------------------

WATCHED = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifts.push(one.value);
}).observe({type: "layout-shift", buffered: true});
"""
HEAD = """() => ({
  doctype: document.compatMode, charset: document.characterSet, lang: document.documentElement.lang,
  title: document.title.length > 0,
  description: document.querySelector("meta[name=description]").content.length > 20,
  viewport: document.querySelector("meta[name=viewport]").content,
})"""
BODY = """() => {
  const all = [...document.querySelectorAll("body *")], shown = all.filter((one) => one.checkVisibility());
  const texts = shown.filter((one) => [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  const depth = (one) => one ? 1 + depth(one.parentElement) : 0;
  const typed = document.querySelector("textarea");
  return {
    small: texts.filter((one) => parseFloat(getComputedStyle(one).fontSize) < 12).map((one) => one.outerHTML),
    images: [...document.images].filter((one) => !one.hasAttribute("alt") || !one.width || !one.naturalWidth)
      .map((one) => one.outerHTML),
    links: [...document.links].filter((one) => !one.getAttribute("href") ||
      (one.target === "_blank" && !/noopener/.test(one.rel))).map((one) => one.outerHTML),
    nodes: all.length < 800 && Math.max(...all.map(depth)) < 32,
    pasted: !typed || typed.dispatchEvent(new ClipboardEvent("paste", {bubbles: true, cancelable: true})),
  };
}"""


@needs_chromium
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_passes_what_lighthouse_looks_at(opened: Opened, size: dict[str, int]) -> None:
    page = opened(viewport=size, script=WATCHED)
    assert page.evaluate(HEAD) == {
        "doctype": "CSS1Compat",
        "charset": "UTF-8",
        "lang": "en",
        "title": True,
        "description": True,
        "viewport": "width=device-width, initial-scale=1",
    }
    # While it loads. What a reader asked for may move the rest, and comes when it comes.
    assert page.evaluate("window.shifts.reduce((sum, one) => sum + one, 0) < 0.1")
    fine = {"small": [], "images": [], "links": [], "nodes": True, "pasted": True}
    looks = {"welcome": page.evaluate(BODY)}
    ask(page, QUESTION)
    page.click(".mark")
    page.wait_for_selector(MARKED)
    looks["asked"] = page.evaluate(BODY)
    page.keyboard.press("Escape")
    for view in ("search", "articles"):
        page.click(f"[data-view={view}]")
        page.wait_for_selector("main .page")
        looks[view] = page.evaluate(BODY)
    assert looks == dict.fromkeys(looks, fine)


@needs_chromium
def test_files_are_packed_typed_kept_and_asked_for_once(opened: Opened, service: Service) -> None:
    page = opened()
    names = [one.name for one in WEB.iterdir() if one.suffix in {".js", ".css", ".svg"}]
    asked = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    for name in names:
        icon = name == "icon.svg"  # the mark of the tab too
        assert sum(one.endswith(f"/web/{name}") for one in asked) <= 1 + icon
        response = page.request.get(f"{service.url}/web/{name}")
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["content-type"].split(";")[0] in {
            "text/javascript",
            "text/css",
            "image/svg+xml",
        }
        tiny = (WEB / name).stat().st_size < 1_000  # packed it would hardly be smaller
        assert icon or tiny or response.headers["content-encoding"] == "gzip"
        known = {"If-None-Match": response.headers["etag"]}
        assert page.request.get(f"{service.url}/web/{name}", headers=known).status == 304
    text = "".join(path.read_text(encoding="utf-8") for path in WEB.glob("*.js"))
    # No question for a permission, nothing written into the page while it loads, no way back that is cut off.
    assert not re.search(r"document\.write|unload|geolocation|Notification|\bsync\b.*XMLHttp|alert\(", text)


# --- accessibility ---------------------------------------------------------------------------------


@needs_chromium
@pytest.mark.skipif(
    not AXE.exists(), reason="no axe-core here: npm install --no-save axe-core, as .ci/run does"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(opened: Opened, qa: PageQA, scheme: str, size: dict[str, int]) -> None:
    page = opened(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    looks = {"welcome": violations(page)}
    ask(page, QUESTION)
    ask(page, "Who opened the harbour and who paid? Do sources disagree?", "partial")
    ask(page, "Who won?", "not_found")
    qa.failure = ModelUnavailable("down")
    ask(page, QUESTION, "failed")
    page.click(".filters summary")
    looks["asked"] = violations(page)
    page.click(".mark >> nth=0")
    page.wait_for_selector(MARKED)
    looks["reader"] = violations(page)
    page.keyboard.press("Escape")
    page.click("[data-view=search]")
    page.fill("input[type=search]", "harbour")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits")
    looks["search"] = violations(page)
    page.click("[data-view=articles]")
    page.wait_for_selector(".pile")
    looks["articles"] = violations(page)
    page.click("main .row .plain >> nth=1")
    looks["form"] = violations(page)
    assert looks == dict.fromkeys(looks, [])


def violations(page: Any) -> list[str]:
    run = "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
    found = page.evaluate(f"async () => (await {run}).violations")
    return [f"{one['id']}: {node['html']}" for one in found for node in one["nodes"]]
