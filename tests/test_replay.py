"""Recorded replies: exactly what the model said, for exactly the prompts it said it to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fakes import FakeChatModel, JudgingReadingModel, NearEncoder, ReadingModel, Said, ScoringChatModel
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import Article, NewsQA
from rag.errors import InputError, ModelTimeout, ReplayMismatch
from rag.evaluation import run
from rag.llm import model_name
from rag.prompts import load_prompt
from rag.replay import Recording, Replay, key_of
from rag.settings import Settings
from rag.types import ChatModel, Message, Piece, Usage

ASKED = [Message(role="system", content="Kurz."), Message(role="user", content="Regnet es?\u2028Ja?")]
OTHER = [Message(role="user", content="Schneit es?")]
SAID = Said("Ja , es\u2028regnet .", {"Ja": 0.123456789, "Nein": 0.876543211})


def recorded(path: Path, model: ChatModel) -> Recording:
    return Recording(model, path)


def heard(model: ChatModel, messages: Sequence[Message] = ASKED, max_tokens: int = 9) -> list[Piece]:
    return list(model.stream(messages, max_tokens=max_tokens))


def test_a_replay_says_what_the_recording_said(tmp_path: Path) -> None:
    live = recorded(tmp_path / "r", FakeChatModel([SAID], (0.123456789, 0.5)))
    first, choice = heard(live), live.choose(OTHER, ["Ja", "Nein"])
    replay = Replay(tmp_path / "r")
    assert heard(replay) == first
    assert first[0].logprob == round(math.log(0.123456789), 4)
    assert first[-1].usage == SAID.usage
    assert replay.complete(ASKED, max_tokens=9).text == SAID.text
    assert replay.choose(OTHER, ["Ja", "Nein"]) == choice == ((0.123457, 0.5), choice[1])
    assert (replay.name, replay.fingerprint) == (live.name, live.fingerprint) == ("fake", "fake")


def test_a_model_that_cannot_choose_cannot_when_replayed(tmp_path: Path) -> None:
    assert recorded(tmp_path / "r", FakeChatModel()).choose(OTHER, ["Ja"]) is None
    assert Replay(tmp_path / "r").choose(OTHER, ["Ja"]) is None


def test_a_replay_scores_as_the_recording_did(tmp_path: Path) -> None:
    live = recorded(tmp_path / "r", ScoringChatModel(likely=-0.123456789))
    *scored, last = live.score(ASKED, "Ja , es\u2028regnet .")
    assert [piece.text for piece in scored] == ["Ja", " ,", " es", "\u2028regnet", " ."]
    assert {piece.logprob for piece in scored} == {-0.1235}
    assert last.usage is not None
    assert list(Replay(tmp_path / "r").score(ASKED, "Ja , es\u2028regnet .")) == [*scored, last]


@pytest.mark.parametrize("model", [FakeChatModel(), ScoringChatModel(likely=None)])
def test_a_model_that_cannot_score_cannot_when_replayed(tmp_path: Path, model: ChatModel) -> None:
    assert not list(recorded(tmp_path / "r", model).score(ASKED, "Ja"))
    assert not list(Replay(tmp_path / "r").score(ASKED, "Ja"))


JUDGED = load_prompt("holds").fill({"question": "Wer kam?", "origin": "", "sentence": "Mia Lang kam."})


def test_a_replay_judges_as_the_recording_did(tmp_path: Path) -> None:
    judged = recorded(tmp_path / "r", JudgingReadingModel("Mia")).judge(JUDGED, ["Ja", "Nein"])
    assert judged is not None
    assert judged[0] == (0.9, 0.1)
    assert Replay(tmp_path / "r").judge(JUDGED, ["Ja", "Nein"]) == judged


def test_a_judgement_is_no_choice(tmp_path: Path) -> None:
    recorded(tmp_path / "r", JudgingReadingModel("Mia")).judge(JUDGED, ["Ja", "Nein"])
    with pytest.raises(ReplayMismatch):
        Replay(tmp_path / "r").choose(JUDGED, ["Ja", "Nein"])


def test_a_model_that_cannot_judge_cannot_when_replayed(tmp_path: Path) -> None:
    assert recorded(tmp_path / "r", FakeChatModel()).judge(JUDGED, ["Ja", "Nein"]) is None
    assert Replay(tmp_path / "r").judge(JUDGED, ["Ja", "Nein"]) is None


CHANGES: dict[str, Callable[[Replay], object]] = {
    "prompt": lambda model: heard(model, OTHER),
    "one letter": lambda model: heard(
        model, [*ASKED[:1], Message(role="user", content="Regnet es!\u2028Ja?")]
    ),
    "length": lambda model: heard(model, max_tokens=10),
    "schema": lambda model: model.complete(ASKED, max_tokens=9, schema={"type": "object"}),
    "choice": lambda model: model.choose(ASKED, ["Ja"]),
    "judgement": lambda model: model.judge(ASKED, ["Ja"]),
    "score": lambda model: list(model.score(ASKED, "Ja")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_not_recorded_is_refused_with_the_way_out(tmp_path: Path, change: str) -> None:
    heard(recorded(tmp_path / "r", FakeChatModel([SAID])))
    with pytest.raises(ReplayMismatch, match="have changed") as refused:
        CHANGES[change](Replay(tmp_path / "r"))
    assert "--record" in refused.value.hint
    assert str(tmp_path) not in refused.value.public


def test_another_model_has_other_keys() -> None:
    assert key_of("a", ASKED, max_tokens=9) != key_of("b", ASKED, max_tokens=9)


def test_a_recording_goes_on_without_asking_again(tmp_path: Path) -> None:
    heard(recorded(tmp_path / "r", FakeChatModel([SAID])))
    again = FakeChatModel(["Nein"])
    going_on = recorded(tmp_path / "r", again)
    assert heard(going_on)[0].text == "Ja"
    assert heard(going_on, OTHER)[0].text == "Nein"
    assert again.calls == 1
    assert heard(Replay(tmp_path / "r"), OTHER)[0].text == "Nein"


def test_replies_of_another_model_are_not_kept(tmp_path: Path) -> None:
    heard(recorded(tmp_path / "r", FakeChatModel([SAID], name="old")))
    recorded(tmp_path / "r", FakeChatModel([], name="new"))
    with pytest.raises(ReplayMismatch):
        heard(Replay(tmp_path / "r"))


def test_at_the_end_only_what_was_used_is_kept(tmp_path: Path) -> None:
    heard(recorded(tmp_path / "r", FakeChatModel([SAID])))
    going_on = recorded(tmp_path / "r", FakeChatModel(["Nein"]))
    heard(going_on, OTHER)
    assert going_on.keep_used() == 1
    with pytest.raises(ReplayMismatch):
        heard(Replay(tmp_path / "r"))


def test_an_error_is_not_recorded(tmp_path: Path) -> None:
    live = recorded(tmp_path / "r", FakeChatModel([ModelTimeout("slow"), SAID]))
    with pytest.raises(ModelTimeout):
        heard(live)
    assert heard(live) == heard(Replay(tmp_path / "r"))


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    live = recorded(tmp_path / "r", FakeChatModel([SAID, "Nein"]))
    heard(live)
    heard(live, OTHER)
    whole = (tmp_path / "r").read_bytes()
    (tmp_path / "r").write_bytes(whole[:-5])
    assert heard(Replay(tmp_path / "r"))
    with pytest.raises(ReplayMismatch):
        heard(Replay(tmp_path / "r"), OTHER)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"facts: []\n", b"\xff\xfe", b"[1]\n[2]\n"])
def test_a_file_that_holds_no_replies_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(InputError, match="r"):
        Replay(tmp_path / "r")
    with pytest.raises(InputError, match="none"):
        Replay(tmp_path / "none")


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    heard(recorded(tmp_path / "r", FakeChatModel([SAID])))
    with (tmp_path / "r").open("a") as file:
        file.write("{}\n")
    with pytest.raises(InputError, match="line 3"):
        Replay(tmp_path / "r")


def test_recording_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        recorded(tmp_path / "none" / "r", FakeChatModel())


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1), st.floats(max_value=0, allow_nan=False))
def test_any_text_and_probability_survives(
    tmp_path_factory: pytest.TempPathFactory, text: str, logprob: float
) -> None:
    text = text.encode("utf-8", "replace").decode()

    class Saying(FakeChatModel):
        def stream(self, messages: object, **_: object) -> Iterator[Piece]:  # type: ignore[override]
            yield Piece(text=text, logprob=logprob, alternatives={text: logprob})
            yield Piece(usage=Usage(calls=1))

    path = tmp_path_factory.mktemp("r") / "r"
    first = heard(recorded(path, Saying()))
    assert heard(Replay(path)) == first
    assert first[0].text == text


# --- a whole run -----------------------------------------------------------------------------

ARTICLE = (
    "Die Bürgermeisterin Anna Roth eröffnete am 3. Mai den neuen Hafen. Die Fischer klagen über den Lärm."
)
FACTS = """\
articles: [{path: a.txt, language: de}]
facts:
  - id: who
    question: Wer eröffnete den neuen Hafen?
    language: de
    kind: who
    required: [Anna Roth]
    proof: [eröffnete am]
  - {id: none, question: "Wer gewann das Rennen auf dem Mars?", language: de, kind: who, status: not_found}
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "facts.yaml").write_text(FACTS, encoding="utf-8")
    return tmp_path / "facts.yaml"


def opened(folder: Path, llm: ChatModel) -> NewsQA:
    qa = NewsQA.open(folder, settings=Settings(data=folder), encoder=NearEncoder(), llm=llm)
    qa.add(Article(text=ARTICLE, url="https://example.org/a", language="de"))
    return qa


def test_a_replayed_run_gives_the_same_answers_without_the_model(tmp_path: Path, facts: Path) -> None:
    live_model = ReadingModel("Anna Roth")
    with opened(tmp_path / "live", Recording(live_model, tmp_path / "r")) as qa:
        live = run(facts, qa)
    with opened(tmp_path / "replayed", Replay(tmp_path / "r")) as qa:
        replays = [run(facts, qa), run(facts, qa)]
    said = [
        [(one.status, one.text, one.judgement, one.fingerprint) for one in r.results]
        for r in (live, *replays)
    ]
    assert said[0] == said[1] == said[2]
    assert live.results[0].passed and live_model.calls > 0


def test_a_run_with_another_question_ends_with_the_mismatch(tmp_path: Path, facts: Path) -> None:
    with opened(tmp_path / "live", Recording(ReadingModel("Anna Roth"), tmp_path / "r")) as qa:
        run(facts, qa)
    facts.write_text(FACTS.replace("Wer eröffnete", "Wann und wer eröffnete"), encoding="utf-8")
    with opened(tmp_path / "replayed", Replay(tmp_path / "r")) as qa, pytest.raises(ReplayMismatch):
        run(facts, qa)


@pytest.mark.parametrize(
    ("llm", "name"),
    [
        ("none", ""),
        ("local", "qwen2.5-coder-1.5b"),
        ("openai:gpt-x", "openai:gpt-x"),
        ("http://h/v1", "http://h/v1 m"),
    ],
)
def test_the_name_of_a_model_is_known_before_it_is_open(llm: str, name: str) -> None:
    assert model_name(Settings(llm=llm, llm_model="m")) == name
