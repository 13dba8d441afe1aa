"""Suites: the same for the same seed, fact files of their own, and judged by what may change and what may not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pytest
from fakes import NearEncoder
from test_evaluation import EVAL, gold

from rag import NewsQA
from rag.cli import main
from rag.errors import InputError
from rag.evaluation import (
    SUITES,
    Target,
    lint,
    make_suites,
    read_facts,
    render_robustness,
    robustness,
    robustness_markdown,
)
from rag.settings import Settings
from rag.types import Answer, Event, Status


def suites(*names: str, seed: int = 0) -> list[Any]:
    return list(make_suites(gold(), names, seed=seed))


@pytest.mark.parametrize("name", [name for name in SUITES if name != "distractors-1000"])
def test_every_suite_is_a_fact_file_without_a_mistake(tmp_path: Path, name: str) -> None:
    for suite in suites(name):
        file = suite.write(tmp_path / suite.name)
        assert [problem for problem in lint(file) if "stands in fact" not in problem] == []
        assert len(read_facts(file).facts) == len(suite.facts)


@pytest.mark.parametrize("name", ["typos", "paraphrase", "planted", "distractors-10", "order"])
def test_a_suite_is_made_by_its_seed_alone(name: str) -> None:
    assert suites(name) == suites(name)
    assert suites(name) != suites(name, seed=1)


@pytest.mark.parametrize("name", ["typos", "paraphrase", "bare"])
def test_a_changed_question_asks_the_same_fact(name: str) -> None:
    (suite,) = suites(name)
    changed = [
        (old, new) for old, new in zip(gold().facts, suite.facts, strict=True) if old.question != new.question
    ]
    assert len(changed) > 0.8 * len(suite.facts)
    for old, new in changed:
        assert old.model_copy(update={"question": new.question}) == new
        kept = set(old.question.lower().split()) & set(new.question.lower().split())
        assert kept or len(old.question.split()) < 4


def test_typos_keep_first_and_last_letters_and_most_words() -> None:
    for old, new in zip(gold().facts, suites("typos")[0].facts, strict=True):
        pairs = [(a, b) for a, b in zip(old.question.split(), new.question.split(), strict=True) if a != b]
        assert len(pairs) <= max(1, len(old.question.split()) // 5)
        assert all((a[0], a[-1]) == (b[0], b[-1]) and abs(len(a) - len(b)) <= 1 for a, b in pairs)


def test_distractors_are_many_different_and_prove_nothing() -> None:
    (suite,) = suites("distractors-100")
    assert len(suite.articles) == len(gold().articles) + 100
    assert len(set(suite.articles.values())) > 95


def test_without_its_articles_a_fact_must_be_silence() -> None:
    made = suites("removed")
    assert made
    for suite in made:
        assert 0 < len(suite.articles) < len(gold().articles)
        assert {fact.status for fact in suite.facts} == {Status.NOT_FOUND}
        said = {fact.id: fact for fact in gold().facts}
        for fact in suite.facts:
            contents = said[fact.id].required
            assert not any(content.said(text) for content in contents for text in suite.articles.values())


def test_a_contradiction_is_the_proving_sentence_with_another_answer() -> None:
    (suite,) = suites("contradicted")
    others = [text for name, text in suite.articles.items() if name.startswith("otherwise-")]
    assert len(suite.facts) >= 10
    assert len(others) == len({fact.proof for fact in suite.facts})  # one second article per sentence
    for fact in suite.facts:
        (other,) = get_close_matches(fact.proof[0], others, n=1)
        assert not fact.required[0].said(other)
        assert other.strip() not in gold().proof_sentences(fact)


def test_translated_questions_ask_the_same_facts_in_another_language(facts: Path) -> None:
    with pytest.raises(InputError, match="nothing to make the suite 'language' of"):
        list(make_suites(read_facts(facts), ["language"]))
    translated = (
        '    translations: {en: "Who opened the new harbour?", fr: "Qui a ouvert le port ?"}\n    kind: who\n'
    )
    facts.write_text(FACTS.replace("    kind: who\n", translated, 1), encoding="utf-8")
    made = list(make_suites(read_facts(facts), ["language"]))
    assert [suite.name for suite in made] == ["language-en", "language-fr"]
    (asked,) = made[0].facts
    assert (asked.id, asked.language, asked.question) == ("harbour", "en", "Who opened the new harbour?")
    assert asked.required == read_facts(facts).facts[0].required


def test_a_translation_into_its_own_language_is_refused(facts: Path) -> None:
    again = '    translations: {de: "Wer hat den Hafen eröffnet?"}\n    kind: who\n'
    facts.write_text(FACTS.replace("    kind: who\n", again, 1), encoding="utf-8")
    with pytest.raises(InputError, match="in de already"):
        read_facts(facts)


def test_an_unknown_suite_is_refused() -> None:
    with pytest.raises(InputError, match="no suite 'typo'"):
        suites("typo")


# --- runs ------------------------------------------------------------------------------------

FACTS = """\
articles:
  - {path: a.txt, language: de}
  - {path: b.txt, language: de}
facts:
  - id: harbour
    question: Wer eröffnete den neuen Hafen von Lindau?
    language: de
    kind: who
    required: [Anna Roth]
    proof: [Anna Roth eröffnete]
  - {id: mars, question: "Wer gewann das Rennen auf dem Mars?", language: de, kind: who, status: not_found}
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text(
        "Anna Roth eröffnete den neuen Hafen von Lindau.\n\nEs regnete.\n", encoding="utf-8"
    )
    (tmp_path / "b.txt").write_text("Der Zirkus gastiert in Köln.\n", encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS, encoding="utf-8")
    return tmp_path / "facts.yaml"


def opener(tmp_path: Path, obeys: bool = False) -> Any:
    """Opens an index of its own each time; one that obeys says what an article tells it to."""

    class Obeying(NewsQA):
        def stream(self, question: str, **more: Any) -> Iterator[Event]:
            for event in super().stream(question, **more):
                planted = any("Xaver" in self.article(one.id).text for one in self.articles())
                told = isinstance(event, Answer) and planted
                yield event.model_copy(update={"text": "Xaver Zorn"}) if told else event  # type: ignore[union-attr]

    @contextmanager
    def reading(articles: Sequence[Path]) -> Iterator[Target]:
        folder = tmp_path / f"index-{len(list(tmp_path.iterdir()))}"
        kind = Obeying if obeys else NewsQA
        with kind.open(folder, settings=Settings(data=folder), encoder=NearEncoder(), llm=None) as qa:
            qa.add(articles)
            yield qa

    return reading


def test_what_may_not_change_does_not(tmp_path: Path, facts: Path) -> None:
    names = ("order", "planted", "removed", "distractors-10")
    report = robustness(facts, opener(tmp_path), suites=names, allowed={"order": 0, "planted": 0})
    assert [one.suite for one in report.outcomes] == ["order", "planted", "removed-1", "distractors-10"]
    assert report.passed, render_robustness(report)
    assert report.outcomes[0].row.before == 1
    rows = robustness_markdown(report).splitlines()
    assert rows[2] == "| `order` | 2 | 100.0% | 100.0% | 0 | 0 |  |"
    assert rows[4] == "| `removed-1` | 1 |  | silent: 100.0% | 0 |  |  |"


def test_an_answer_that_obeys_an_article_is_caught(tmp_path: Path, facts: Path) -> None:
    report = robustness(facts, opener(tmp_path, obeys=True), suites=["planted"])
    assert not report.passed
    assert set(report.outcomes[0].planted) == {"harbour", "mars"}
    assert "planted repeated what was planted: harbour, mars" in render_robustness(report)


def test_an_answer_that_hides_a_disagreement_is_told(tmp_path: Path, facts: Path) -> None:
    (outcome,) = robustness(facts, opener(tmp_path), suites=["contradicted"]).outcomes
    assert (outcome.kind, outcome.row.n) == ("disputed", 1)
    assert set(outcome.row.lost) <= {"harbour"}


def test_a_run_of_suites_that_broke_off_goes_on(tmp_path: Path, facts: Path) -> None:
    keep = tmp_path / "kept.part"
    told: list[str] = []

    def breaking(done: int, total: int, what: str) -> None:
        told.append(what)
        if len(told) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        robustness(facts, opener(tmp_path), suites=["order", "bare"], keep=keep, progress=breaking)
    assert sorted(path.name for path in keep.iterdir()) == ["as-it-is.json", "order.part"]
    whole = robustness(facts, opener(tmp_path), suites=["order", "bare"], keep=keep)
    assert [one.suite for one in whole.outcomes] == ["order", "bare"]
    assert not keep.exists()


def test_an_allowance_for_a_suite_that_does_not_run_is_refused(tmp_path: Path, facts: Path) -> None:
    with pytest.raises(InputError, match="no suite 'typos' in this run"):
        robustness(facts, opener(tmp_path), suites=["order"], allowed={"typos": 0})


def test_suites_are_written_for_other_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "eval",
        "robust",
        str(EVAL / "facts.yaml"),
        "--suite",
        "typos",
        "--into",
        str(tmp_path / "suites"),
    ]
    assert main(words) == 0
    path = Path(capsys.readouterr().out.strip())
    assert lint(path) == []
    assert main([*words[:3], "--allow", "typos"]) == 2
