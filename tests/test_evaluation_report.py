"""Reports: what a page, a pull request and a baseline say, and that losses are told from noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from test_evaluation import (
    FLOOR,
    SILENCE,
    TOY,
    Replies,
    answer_of,
    fact_file,
    gold,
    kinds,
    quoted_answer,
    seeds,
    toy_answer,
    toy_run,
    value_of,
)

from rag.errors import InputError, ModelTimeout
from rag.evaluation import (
    Content,
    EvalReport,
    Fact,
    compare,
    difference,
    judge,
    mcnemar,
    read_history,
    read_report,
    render,
    render_difference,
    render_markdown,
    render_page,
    run,
    write_report,
)
from rag.evaluation.facts import sentence_around
from rag.evaluation.matching import says_date, says_number
from rag.evaluation.metrics import Measure
from rag.evaluation.retrieval import retrieval
from rag.types import Answer, FoundBy, Hit, Status, Summary

WRONG = toy_answer("Berta came.")


def attributes(page: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((name, value or "") for name, value in attrs)

    Reader().feed(page)
    return found


def before(report: EvalReport, days: int = 1) -> EvalReport:
    """The report as if it had been made some days earlier."""
    return report.model_copy(update={"started": report.started - timedelta(days=days)})


# --- the page --------------------------------------------------------------------------------


def test_the_page_says_what_broke_and_shows_question_answer_and_proof(tmp_path: Path) -> None:
    page = render_page(toy_run(tmp_path, WRONG, floor=FLOOR))
    assert "<title>1 of 2 facts failed; 1 bound not kept</title>" in page
    assert all(
        part in page for part in ("Who came?", "Berta came.", "does not say Anna", "Anna kam am Montag.")
    )
    assert "<mark class=proof>Anna kam am Montag.</mark>" in page


def test_the_page_of_a_faultless_run_says_so(tmp_path: Path) -> None:
    assert "<title>All 2 facts hold; all bounds kept</title>" in render_page(
        toy_run(tmp_path, toy_answer(), floor=FLOOR)
    )


def test_the_page_asks_no_other_host_and_runs_nothing_out_of_an_answer(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=http://example.org/x>"
    page = render_page(toy_run(tmp_path, toy_answer(evil)))
    assert evil not in page
    assert page.count("<script>") == 1
    assert all(value.startswith("#") for name, value in attributes(page) if name in {"src", "href", "action"})
    assert "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_a_page_of_500_facts_stays_below_2_megabytes(tmp_path: Path) -> None:
    replies = {one.question: quoted_answer(one) if one.required else SILENCE for one in gold().facts}
    report = run(gold().path, Replies(dict(replies), seeds()))
    many = tuple(one.model_copy(update={"id": f"{one.id}-{n}"}) for n in range(4) for one in report.results)[
        :500
    ]
    whole = report.model_copy(update={"results": many})
    page = render_page(whole, [before(whole, days) for days in range(1, 20)])
    assert len(many) == 500
    assert len(page.encode()) <= 2_000_000


def test_earlier_reports_are_drawn(tmp_path: Path) -> None:
    report = toy_run(tmp_path, WRONG)
    assert "<polyline" not in render_page(report)
    assert "<polyline" not in render_page(report, [report]), "it is its own past"
    page = render_page(report, [before(toy_run(tmp_path, toy_answer()))])
    assert "<polyline" in page and "Over 2 runs" in page
    assert page.count("<i class=passed") == 3 and page.count("<i class=failed") == 1
    assert "<b class=failed>lost</b>" in page
    assert "last right 20" in page and "right in all 2 runs" in page


def test_a_folder_of_reports_is_a_history_oldest_first(tmp_path: Path) -> None:
    (tmp_path / "past").mkdir()
    reports = [toy_run(tmp_path, WRONG), toy_run(tmp_path, WRONG)]
    for name, report in zip("ba", reports, strict=True):
        (tmp_path / "past" / f"{name}.json").write_text(report.model_dump_json(), encoding="utf-8")
    assert read_history([tmp_path / "past"]) == reports


# --- other forms -----------------------------------------------------------------------------


def test_markdown_tells_verdict_bounds_and_failures(tmp_path: Path) -> None:
    text = render_markdown(toy_run(tmp_path, WRONG, floor=FLOOR))
    assert text.startswith("## ❌ 1 of 2 facts")
    assert "| required content said and proven | 0.0% |" in text
    assert "<code>one</code> Who came? (failed: missing" in text
    assert render_markdown(toy_run(tmp_path, toy_answer(), floor=FLOOR)).startswith("## ✅ 2 of 2 facts")


def test_every_form_is_written_where_it_is_wanted(tmp_path: Path) -> None:
    report = toy_run(tmp_path, WRONG)
    paths = {name: tmp_path / name for name in ("json", "html", "markdown", "junit")}
    write_report(report, **paths)
    assert read_report(paths["json"]) == report
    assert all(path.stat().st_size for path in paths.values())
    with pytest.raises(InputError, match="cannot be written"):
        write_report(report, html=tmp_path / "none" / "page.html")


@pytest.mark.parametrize("content", ["", "{}", "facts: []"])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "old.json").write_text(content)
    with pytest.raises(InputError, match="is no report"):
        read_report(tmp_path / "old.json")


# --- against an earlier run ------------------------------------------------------------------


def against(folder: Path, now: Answer, before: EvalReport, floor: str = "", **more: Any) -> EvalReport:
    (folder / "floor.yaml").write_text(floor, encoding="utf-8")
    target = Replies({"Who came?": now, "Wie viele?": SILENCE}, {"a": TOY})
    bounds = folder / "floor.yaml" if floor else None
    return run(fact_file(folder), target, baseline=before, floor=bounds, **more)


def test_a_certain_loss_fails_the_run(tmp_path: Path) -> None:
    report = against(tmp_path, WRONG, toy_run(tmp_path, toy_answer()), certain=True)
    assert not report.passed
    assert report.comparisons[0].rows[0].lost == ("one",)
    assert all(text in render(report) for text in ("worse", "lost: one", "facts below the baseline"))
    assert "Lost: `one`" in render_markdown(report)


def test_a_single_loss_of_a_live_model_may_be_noise(tmp_path: Path) -> None:
    report = against(tmp_path, WRONG, toy_run(tmp_path, toy_answer()))
    assert report.passed
    assert "may be noise" in render(report)


def test_a_drop_within_what_is_allowed_passes(tmp_path: Path) -> None:
    drops = "{facts: .5, said: 1, content: 1, cross_lingual: 1, status: 1, supported: 1, language: 1}"
    before = toy_run(tmp_path, toy_answer())
    assert against(tmp_path, WRONG, before, f"local:\n  drops: {drops}\n", certain=True).passed
    assert not against(tmp_path, WRONG, before, "local:\n  drops: {facts: .4}\n", certain=True).passed


def test_a_gain_passes(tmp_path: Path) -> None:
    report = against(tmp_path, toy_answer(), toy_run(tmp_path, WRONG), certain=True)
    assert report.passed
    assert "gained: one" in render(report)


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (9, 1, 0.0215)],
)
def test_the_paired_test_is_exact(lost: int, gained: int, p: float) -> None:
    assert mcnemar(lost, gained) == mcnemar(gained, lost) == pytest.approx(p, abs=5e-5)


def test_two_runs_that_say_the_same_differ_in_nothing(tmp_path: Path) -> None:
    one, two = toy_run(tmp_path, toy_answer()), toy_run(tmp_path, toy_answer())
    found = difference(one.results, two.results)
    assert (len(found.facts), found.verdicts, found.answers, found.share) == (2, (), (), 0)
    told = render_difference(found, compare(one.results, two.results, names=("a", "b")))
    assert "verdicts that differ: 0 of 2 (0.0%, 95 %: 0.0%–65.8%)" in told


def test_other_verdicts_and_other_words_are_told_apart(tmp_path: Path) -> None:
    right, wrong, worse = (toy_run(tmp_path, one) for one in (toy_answer(), WRONG, toy_answer("Carla came.")))
    found = difference(right.results, wrong.results)
    assert (found.verdicts, found.answers, found.share) == (("one",), ("one",), 0.5)
    assert difference(wrong.results, worse.results).verdicts == ()
    assert difference(wrong.results, worse.results).answers == ("one",)


def test_facts_that_were_changed_in_between_are_left_out(tmp_path: Path) -> None:
    one, two = toy_run(tmp_path, toy_answer()), toy_run(tmp_path, WRONG)
    other = [each.model_copy(update={"digest": "x"}) if each.id == "one" else each for each in two.results]
    found = difference(one.results, other)
    assert (found.facts, found.changed, found.verdicts) == (("two",), ("one",), ())
    with pytest.raises(InputError, match="no fact in common"):
        difference(one.results, other[:1])


def test_only_facts_of_both_runs_are_compared(tmp_path: Path) -> None:
    one, two = toy_run(tmp_path, toy_answer()).results
    assert compare([one], [one, two], names=("a", "b")).rows[0].n == 1


def test_nothing_is_asked_again_that_nothing_has_changed_for(tmp_path: Path) -> None:
    class Counted(Replies):
        fingerprint = "f1"
        asked = 0

        def stream(self, question: str, **more: Any) -> Iterator[Any]:
            self.asked += 1
            yield from super().stream(question)

    told = SILENCE.model_copy(update={"fingerprint": "f1"})
    before = toy_run(tmp_path, toy_answer(), told)
    target = Counted({"Who came?": WRONG, "Wie viele?": told, "Who left?": WRONG}, {"a": TOY})
    assert run(fact_file(tmp_path), target, baseline=before, changed=True).reused == 2
    assert target.asked == 0
    changed = run(fact_file(tmp_path, "Who came?", "Who left?"), target, baseline=before, changed=True)
    assert (changed.reused, target.asked) == (1, 1)
    target.fingerprint = "f2"
    assert run(fact_file(tmp_path), target, baseline=before, changed=True).reused == 0


def test_a_service_tells_with_its_first_answer_that_nothing_has_changed(tmp_path: Path) -> None:
    told = SILENCE.model_copy(update={"fingerprint": "f1"})
    before = toy_run(tmp_path, toy_answer(), told)
    target = Replies({"Who came?": toy_answer(), "Wie viele?": ModelTimeout("not asked")}, {"a": TOY})
    assert run(fact_file(tmp_path), target, baseline=before, changed=True).reused == 1
    other = toy_answer().model_copy(update={"fingerprint": "f2"})
    target = Replies({"Who came?": other, "Wie viele?": told}, {"a": TOY})
    assert run(fact_file(tmp_path), target, baseline=before, changed=True).reused == 0


# --- many runs, broken runs ------------------------------------------------------------------


class Turning(Replies):
    """Answers a question with the next of its answers each time."""

    def stream(self, question: str, **more: Any) -> Iterator[Any]:
        if question == "Who came?":
            reply = self._turns.pop(0)
            if isinstance(reply, BaseException):
                raise reply
            yield reply
        else:
            yield SILENCE

    def __init__(self, turns: Sequence[Answer | BaseException]) -> None:
        super().__init__({}, {"a": TOY})
        self._turns = list(turns)


def test_a_fact_that_is_right_only_sometimes_is_flaky(tmp_path: Path) -> None:
    report = run(fact_file(tmp_path), Turning([toy_answer(), WRONG, toy_answer()]), runs=3)
    assert [one.state for one in report.results] == ["flaky", "passed"]
    assert report.results[0].outcomes == (True, False, True)
    assert value_of(report, "content") == pytest.approx(2 / 3)
    assert all(text in render(report) for text in ("FLAKY one", "right in 2 of 3 runs", "1 flaky"))
    assert "<b class=flaky>flaky</b>" in render_page(report)


def test_asking_again_makes_no_interval_narrower() -> None:
    once = Measure(name="facts", unit="rate", value=0.5, n=10)
    thrice = Measure(name="facts", unit="rate", value=0.5, n=30, runs=3)
    assert once.interval == thrice.interval


def test_a_target_that_is_down_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelTimeout):
        run(fact_file(tmp_path), Turning([ModelTimeout("down")] * 3), runs=3)


def test_a_run_that_broke_off_goes_on(tmp_path: Path) -> None:
    keep = tmp_path / "run.part"

    class Fingered(Turning):
        fingerprint = "f1"

    with pytest.raises(KeyboardInterrupt):
        run(fact_file(tmp_path), Fingered([toy_answer(), KeyboardInterrupt()]), runs=2, keep=keep)
    with keep.open("a") as file:
        file.write('{"id": "cut o')
    report = run(fact_file(tmp_path), Fingered([WRONG]), runs=2, keep=keep)
    assert report.results[0].outcomes == (True, False)
    assert report.reused == 1
    assert not keep.exists()


def test_intervals_hold_their_rate_and_narrow_with_cases() -> None:
    few, many = (Measure(name="content", unit="rate", value=0.9, n=n).interval for n in (10, 1000))
    assert few and many
    assert few[0] < many[0] < 0.9 < many[1] < few[1]


# --- contents that are more than words -------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "tolerance", "unit", "text", "right"),
    [
        (1500000, 0, [], "Es waren 1,5 Millionen Menschen.", True),
        (1500, 0, [], "1.500 Euro", True),
        (1500, 0, [], "1,500 people", True),
        (1.5, 0, [], "1,5 %", True),
        (3, 0, [], "drei Tage", True),
        (100, 5, [], "about 96 people", True),
        (100, 5, [], "about 94 people", False),
        (90, 0, ["Minute*", "minütig*"], "ein 90-minütiges Gespräch", True),
        (90, 0, ["Minute*"], "90 Euro", False),
        (90, 0, [], "190 oder 9 oder 0,90", False),
        (2025, 0, [], "am 18. Februar 2025", True),
    ],
)
def test_numbers_are_read_as_people_write_them(
    number: float, tolerance: float, unit: list[str], text: str, right: bool
) -> None:
    assert says_number(number, tolerance, unit, text) == right
    assert Content(number=number, tolerance=tolerance, unit=tuple(unit)).said(text) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("am 18. Februar 2025", True),
        ("am 18. Februar", True),
        ("on February 18th, 2025", True),
        ("on 18 February", True),
        ("le 18 février 2025", True),
        ("18 февраля 2025", True),
        ("18 Şubat", True),
        ("18.02.2025", True),
        ("18.2.25", True),
        ("2025-02-18", True),
        ("02/18/2025", True),
        ("am 18. Februar 2024", False),
        ("am 8. Februar 2025", False),
        ("am 18. März 2025", False),
        ("am 118. Februar", False),
    ],
)
def test_days_are_read_as_people_write_them(text: str, right: bool) -> None:
    day = Content.model_validate({"date": "2025-02-18"})
    assert day.date is not None
    assert says_date(day.date, text) == day.said(text) == right


def test_a_list_in_another_order_is_caught() -> None:
    of = next(one for one in gold().facts if one.id == "russian-side-de")
    ordered = of.model_copy(update={"ordered": True})
    first, *others = [
        (content.any[0].rstrip("*"), quoted_answer(of).citations[n and -1].quote)
        for n, content in enumerate(of.required)
    ]
    right = answer_of([first, *others], language="de")
    wrong = answer_of([*reversed(others), first], language="de")
    assert "order" not in kinds(judge(ordered, right, seeds(), gold().names, gold().terms))
    assert "order" in kinds(judge(ordered, wrong, seeds(), gold().names, gold().terms))


# --- search, history, summaries --------------------------------------------------------------


def hit(start: int, end: int, article_id: str = "a") -> Hit:
    return Hit(
        kind="passage",
        article_id=article_id,
        revision="r1",
        first=0,
        last=0,
        start=start,
        end=end,
        text="x",
        score=1,
        found_by=FoundBy.WORDS,
    )


def one_fact(**more: Any) -> Fact:
    base = {
        "id": "one",
        "question": "Who?",
        "language": "en",
        "kind": "who",
        "required": ["Anna"],
        "proof": ["Anna kam"],
    }
    return Fact.model_validate(base | more)


def test_search_is_measured_by_where_the_proof_is() -> None:
    first = retrieval(one_fact(), [hit(0, 19)], {"a": TOY})
    third = retrieval(one_fact(), [hit(12, 19), hit(15, 19), hit(0, 9)], {"a": TOY})
    none = retrieval(one_fact(), [hit(12, 19), hit(0, 5, "gone")], {"a": TOY})
    assert first == {"hit": 1, "mrr": 1, "ndcg": 1, "recall": 1}
    assert third["mrr"] == pytest.approx(1 / 3) and third["recall"] == 1
    assert set(none.values()) == {0}


class Full(Replies):
    """A target that also searches, summarises, and wants its history."""

    history: object = None

    def stream(self, question: str, **more: Any) -> Iterator[Any]:
        self.history = more.get("history")
        yield self._replies[question]

    def search(self, question: str, k: int = 10) -> list[Hit]:
        return [hit(0, 19)]

    def summarise(self, **wanted: Any) -> Summary:
        self.wanted = wanted
        answer = toy_answer("Anna kam.")
        return Summary(
            status=Status.ANSWERED,
            language=wanted["language"],
            covered=0.5,
            statements=answer.statements,
            text=answer.text,
            citations=answer.citations,
        )


def test_history_is_handed_over_and_search_measured(tmp_path: Path) -> None:
    history = "kind: who\n    history:\n      - {role: user, content: Hello}"
    target = Full({"Who came?": toy_answer(), "Wie viele?": SILENCE}, {"a": TOY})
    report = run(fact_file(tmp_path, "kind: who", history), target, ids=["one"])
    assert [turn.content for turn in target.history] == ["Hello"]  # type: ignore[attr-defined]
    assert report.results[0].retrieval is None  # a question that leans on others cannot be searched for alone
    assert value_of(run(fact_file(tmp_path), target), "mrr_at_10") == 1


def test_a_summary_is_judged_like_an_answer(tmp_path: Path) -> None:
    asks = fact_file(tmp_path, "kind: who", "kind: who\n    ask: summary")
    report = run(asks, Full({"Wie viele?": SILENCE}, {"a": TOY}))
    assert report.results[0].passed, report.results[0].judgement
    with pytest.raises(InputError, match="cannot summarise"):
        run(asks, Turning([]), runs=3)


def test_a_draw_of_facts_is_made_by_its_seed_and_keeps_their_order(tmp_path: Path) -> None:
    replies = {one.question: SILENCE for one in gold().facts}
    drawn = [
        [one.id for one in run(gold().path, Replies(dict(replies), seeds()), n=8, seed=seed).results]
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == [one.id for one in gold().facts if one.id in drawn[0]]
    assert len(run(gold().path, Replies(dict(replies), seeds()), n=999).results) == len(gold().facts)


def test_tokens_cost_what_they_cost(tmp_path: Path) -> None:
    target = Replies({"Who came?": toy_answer(), "Wie viele?": SILENCE}, {"a": TOY})
    report = run(fact_file(tmp_path), target, runs=2, prices=(1.5, 6.0))
    assert report.cost == pytest.approx(2 * (100 * 1.5 + 10 * 6.0) / 1e6)
    assert "The tokens cost 0.0004." in render(report)
    assert toy_run(tmp_path, toy_answer()).cost is None


def test_a_summary_is_asked_for_as_the_fact_wants_it(tmp_path: Path) -> None:
    wanted = "kind: who\n    ask: summary\n    summary: {whole: true, form: points, sentences: 3}"
    target = Full({"Wie viele?": SILENCE}, {"a": TOY})
    report = run(fact_file(tmp_path, "kind: who", wanted), target)
    assert target.wanted == {"form": "points", "sentences": 3, "language": "en"}
    assert value_of(report, "covered") == 0.5
    run(fact_file(tmp_path, "kind: who", "kind: who\n    ask: summary"), target)
    assert target.wanted == {"query": "Who came?", "language": "en"}
    with pytest.raises(InputError, match="belongs to a fact with ask: summary"):
        run(fact_file(tmp_path, "kind: who", "kind: who\n    summary: {whole: true}"), target)


def test_tags_choose_facts_and_have_floors_of_their_own(tmp_path: Path) -> None:
    path = fact_file(tmp_path, "kind: who", "kind: who\n    tags: [people]")
    target = Replies({"Who came?": WRONG, "Wie viele?": SILENCE}, {"a": TOY})
    (tmp_path / "floor.yaml").write_text("local:\n  tags:\n    people:\n      at_least: {content: .5}\n")
    report = run(path, target, floor=tmp_path / "floor.yaml")
    assert report.broken_bounds == ("people: content",)
    assert [one.id for one in run(path, target, tags=["people"]).results] == ["one"]
    with pytest.raises(InputError, match="no tag 'places'"):
        run(path, target, tags=["places"])


@pytest.mark.parametrize(
    ("piece", "sentence"),
    [
        ("zwei", "Satz zwei am 3. Mai."),
        ("eins", "“Satz eins.”"),
        ("vier", "Satz vier"),
        ("Kopf", "Kopf"),
    ],
)
def test_the_sentence_around_a_piece_is_found(piece: str, sentence: str) -> None:
    text = "Kopf\n\n“Satz eins.” Satz zwei am 3. Mai. Satz drei! Satz vier"
    start = text.index(piece)
    first, last = sentence_around(text, start, start + len(piece))
    assert text[first:last] == sentence
