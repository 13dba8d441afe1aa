"""Messages to text: pieces, probabilities and errors, over real HTTP on this machine and over LangChain."""

from __future__ import annotations

import json
import math
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from rag.errors import ModelError, ModelTimeout, ModelUnavailable, SettingsError
from rag.llm import LangChainModel, LocalModel, open_llm
from rag.prompts import load_prompt
from rag.settings import Settings, read_settings
from rag.types import ChatModel, JudgingModel, Message, Piece, ScoringModel, Usage

TURNS = [Message(role="system", content="Antworte kurz."), Message(role="user", content="Regnet es?")]
Token = tuple[str, float, Mapping[str, float]]  # text, logprob, alternatives
YES: list[Token] = [
    ("Ja", -0.1, {"Ja": -0.1, "J": -3.0, "Nein": -4.5, "Ne": -4.0, " ": -5.0}),
    (".", -0.2, {".": -0.2}),
]


class SpeakingServer:
    """Speaks as much of the OpenAI protocol as a streamed chat needs.

    `tokens` is what it says, `status` other than 200 refuses, `hangs` keeps the caller waiting, `silent` leaves
    probabilities out. `asked` keeps every request, `keys` the keys they came with.
    """

    def __init__(self) -> None:
        self.tokens: list[Token] = list(YES)
        self.status = 200
        self.silent = self.hangs = self.breaks = False
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.released = Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.asked.append(json.loads(body))
        self.keys.append(request.headers["Authorization"])
        if self.hangs:
            self.released.wait(10)
            return
        request.send_response(self.status)
        request.send_header("Content-Type", "application/json" if self.status != 200 else "text/event-stream")
        request.end_headers()
        if self.status != 200:
            request.wfile.write(json.dumps({"error": {"message": "no", "type": "t", "code": None}}).encode())
            return
        for chunk in self._chunks():
            request.wfile.write(
                f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n".encode()
            )
        if not self.breaks:
            request.wfile.write(b"data: [DONE]\n\n")

    def _chunks(self) -> Iterator[dict[str, Any] | str]:
        frame = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "small"}
        for text, logprob, others in self.tokens:
            choice: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", "content": text}}
            if not self.silent:
                top = [{"token": token, "logprob": value, "bytes": None} for token, value in others.items()]
                told = {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": top}
                choice["logprobs"] = {"content": [told], "refusal": None}
            yield frame | {"choices": [choice | {"finish_reason": None}]}
        if self.breaks:
            yield "{this is no json"
        usage = {
            "prompt_tokens": 30,
            "completion_tokens": len(self.tokens),
            "total_tokens": 30 + len(self.tokens),
            "prompt_tokens_details": {"cached_tokens": 20},
        }
        yield frame | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        yield frame | {"choices": [], "usage": usage}

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[SpeakingServer]:
    opened = SpeakingServer()
    yield opened
    opened.close()


def model_of(server: SpeakingServer, **options: Any) -> ChatModel:
    model = open_llm(Settings(llm=server.url, llm_model="small", **options))
    assert model is not None
    return model


# --- a server that speaks the OpenAI protocol --------------------------------------------------


def test_a_reply_comes_in_pieces_and_ends_with_its_cost(server: SpeakingServer) -> None:
    *pieces, last = model_of(server).stream(TURNS, max_tokens=5)
    assert [(piece.text, piece.logprob) for piece in pieces] == [("Ja", -0.1), (".", -0.2)]
    assert pieces[0].alternatives == dict(YES[0][2])
    assert last == Piece(usage=Usage(calls=1, prompt_tokens=30, cached_tokens=20, output_tokens=2))


def test_the_whole_reply_is_the_pieces(server: SpeakingServer) -> None:
    reply = model_of(server).complete(TURNS, max_tokens=5)
    assert (reply.text, reply.usage.output_tokens) == ("Ja.", 2)


def test_the_server_is_asked_greedily_for_so_many_tokens(server: SpeakingServer) -> None:
    model_of(server, llm_api_key="secret").complete(TURNS, max_tokens=5)
    (asked,) = server.asked
    assert asked["messages"] == [{"role": turn.role, "content": turn.content} for turn in TURNS]
    assert (asked["model"], asked["temperature"], asked["stream"]) == ("small", 0, True)
    assert 5 in {asked.get("max_tokens"), asked.get("max_completion_tokens")}
    assert server.keys == ["Bearer secret"]


def test_a_schema_binds_the_reply(server: SpeakingServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    server.tokens = [('{"n": 1}', -0.1, {})]
    reply = model_of(server).complete(TURNS, max_tokens=9, schema=schema)
    assert json.loads(reply.text) == {"n": 1}
    (asked,) = server.asked
    assert asked["response_format"]["type"] == "json_schema"
    assert asked["response_format"]["json_schema"]["schema"] == schema


def test_choosing_sums_the_tokens_that_begin_an_option(server: SpeakingServer) -> None:
    chosen = model_of(server).choose(TURNS, ("Ja", "Nein"))
    assert chosen is not None
    (yes, no), usage = chosen
    assert yes == pytest.approx(math.exp(-0.1) + math.exp(-3.0))
    assert no == pytest.approx(math.exp(-4.5) + math.exp(-4.0))
    assert yes + no <= 1
    assert usage.calls == 1


def test_choosing_needs_probabilities(server: SpeakingServer) -> None:
    server.silent = True
    assert model_of(server).choose(TURNS, ("Ja", "Nein")) is None
    assert model_of(server).complete(TURNS, max_tokens=5).text == "Ja."


def test_an_empty_reply_is_empty(server: SpeakingServer) -> None:
    server.tokens = []
    assert model_of(server).complete(TURNS, max_tokens=5).text == ""
    assert model_of(server).choose(TURNS, ("Ja", "Nein")) is None


def test_a_server_that_hangs_is_given_up_at_the_deadline_and_asked_once(server: SpeakingServer) -> None:
    server.hangs = True
    with pytest.raises(ModelTimeout, match="RAG_DEADLINE"):
        model_of(server, deadline=0.3).complete(TURNS, max_tokens=5)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_no_passing_failure(server: SpeakingServer, status: int) -> None:
    server.status = status
    with pytest.raises(ModelError, match=rf"{status}.*RAG_LLM_API_KEY") as caught:
        model_of(server, llm_api_key="secret-key").complete(TURNS, max_tokens=5)
    assert not caught.value.retryable
    assert "secret-key" not in f"{caught.value} {caught.value.public}"


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_refused_question_is_no_passing_failure(server: SpeakingServer, status: int) -> None:
    server.status = status
    with pytest.raises(ModelError, match=rf"{status}.*RAG_LLM_MODEL") as caught:
        model_of(server, llm_api_key="secret-key").complete(TURNS, max_tokens=5)
    assert not caught.value.retryable
    assert "secret-key" not in f"{caught.value} {caught.value.public}"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_is_unavailable(server: SpeakingServer, status: int) -> None:
    server.status = status
    with pytest.raises(ModelUnavailable, match="RAG_LLM") as caught:
        model_of(server).complete(TURNS, max_tokens=5)
    assert server.url not in caught.value.public


def test_a_broken_stream_is_unavailable(server: SpeakingServer) -> None:
    server.breaks = True
    with pytest.raises(ModelUnavailable):
        model_of(server).complete(TURNS, max_tokens=5)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        model = open_llm(Settings(llm=url, llm_model="small"))
        assert model is not None
        with pytest.raises(ModelUnavailable):
            model.complete(TURNS, max_tokens=5)
        with pytest.raises(ModelUnavailable):
            model.choose(TURNS, ("Ja", "Nein"))


def test_a_reply_can_be_left_early(server: SpeakingServer) -> None:
    pieces = iter(model_of(server).stream(TURNS, max_tokens=5))
    assert next(pieces).text == "Ja"
    pieces.close()  # type: ignore[attr-defined]
    assert list(pieces) == []


# --- a LangChain chat model of one's own -------------------------------------------------------


def lang_chain(*texts: str, error: Exception | None = None, tells: bool = False) -> LangChainModel:
    """A LangChain chat model made by hand that says these texts, one chunk each, or fails."""
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    class Saying(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "saying"

        def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
            raise NotImplementedError

        def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
            if error is not None:
                raise error
            for text in texts:
                yield ChatGenerationChunk(message=AIMessageChunk(content=text))

    return LangChainModel(Saying(), "hand:made", tells_probabilities=tells)


def test_any_langchain_model_speaks() -> None:
    model = lang_chain("Ja", ", ", "es regnet.")
    *pieces, last = model.stream(TURNS, max_tokens=5)
    assert [piece.text for piece in pieces] == ["Ja", ", ", "es regnet."]
    assert all(piece.logprob is None and not piece.alternatives for piece in pieces)
    assert last.usage == Usage(calls=1)
    assert model.complete(TURNS, max_tokens=5).text == "Ja, es regnet."


@pytest.mark.parametrize("tells", [True, False])
def test_a_model_without_probabilities_cannot_choose(tells: bool) -> None:
    assert lang_chain("Ja", tells=tells).choose(TURNS, ("Ja", "Nein")) is None


class ReadTimeout(Exception):
    """As vendors' libraries name it."""


class Refused(Exception):
    """As vendors' libraries carry a status."""

    status_code = 403


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ReadTimeout("slow"), ModelTimeout),
        (TimeoutError("slow"), ModelTimeout),
        (Refused("no"), ModelError),
        (ConnectionResetError("gone"), ModelUnavailable),
        (ValueError("what?"), ModelUnavailable),
    ],
)
def test_no_foreign_error_leaves(error: Exception, kind: type[ModelError]) -> None:
    model = lang_chain(error=error)
    for call in (
        lambda: list(model.stream(TURNS, max_tokens=5)),
        lambda: model.complete(TURNS, max_tokens=5),
        lambda: lang_chain(error=error, tells=True).choose(TURNS, ("Ja",)),
    ):
        with pytest.raises(ModelError) as caught:
            call()
        assert type(caught.value) is kind
        assert caught.value.__cause__ is error


def test_the_fingerprint_is_that_of_the_name() -> None:
    first, same = lang_chain("a"), lang_chain("b")
    other = LangChainModel(first._chat, "hand:other", tells_probabilities=False)
    assert first.name == "hand:made"
    assert first.fingerprint == same.fingerprint != other.fingerprint
    first.close()
    first.close()


# --- RAG_LLM -----------------------------------------------------------------------------------


def test_none_is_no_model() -> None:
    assert open_llm(Settings(llm="none")) is None
    assert open_llm(Settings(llm=" none ")) is None


def test_a_vendor_opens_by_its_name() -> None:
    model = open_llm(Settings(llm="openai:gpt-5-mini", llm_api_key="key"))
    assert isinstance(model, LangChainModel)
    assert model.name == "openai:gpt-5-mini"


def test_a_url_opens_with_its_model_name() -> None:
    model = open_llm(Settings(llm="http://127.0.0.1:9/v1", llm_model="small"))
    assert isinstance(model, LangChainModel)
    assert "small" in model.name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"llm": "nonsense"}, r"'nonsense' names no model.*local, local-small, none"),
        ({"llm": ""}, "names no model"),
        ({"llm": "LOCAL"}, "names no model"),
        ({"llm": "http://127.0.0.1:9/v1"}, "RAG_LLM_MODEL"),
        ({"llm": "acme:large"}, "'acme:large' cannot be used"),
        ({"llm": ":"}, "cannot be used"),
    ],
)
def test_a_name_that_opens_nothing_says_what_would(values: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        open_llm(Settings(**values))


def test_a_vendor_without_its_key_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError, match="RAG_LLM_API_KEY"):
        open_llm(Settings(llm="openai:gpt-5-mini"))


# --- the real one ------------------------------------------------------------------------------


def listening() -> set[tuple[str, int]]:
    """(address, port) of every TCP socket that this process listens on."""
    own = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(path)
        except OSError:  # closed meanwhile
            continue
        if target.startswith("socket:["):
            own.add(target[len("socket:[") : -1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in own:
                address, _, port = columns[1].partition(":")
                found.add((address, int(port, 16)))
    return found


@pytest.fixture(scope="module")
def before() -> set[tuple[str, int]]:
    return listening() if Path("/proc/self/net/tcp").exists() else set()


@pytest.fixture(scope="module")
def local(before: set[tuple[str, int]]) -> Iterator[ChatModel]:
    model = open_llm(read_settings(llm="local"))
    assert isinstance(model, LocalModel)
    yield model
    model.close()
    model.close()


def question(text: str) -> Sequence[Message]:
    return [
        Message(role="system", content="Du antwortest nur mit Ja oder Nein."),
        Message(role="user", content="Ist Wasser nass?"),
        Message(role="assistant", content="Ja"),
        Message(role="user", content=text),
    ]


@pytest.mark.models
def test_the_local_model_says_the_same_twice(local: ChatModel) -> None:
    turns = [Message(role="user", content="Nenne drei Farben, durch Komma getrennt.")]
    first, second = (local.complete(turns, max_tokens=24) for _ in range(2))
    assert first.text == second.text != ""
    assert 0 < first.usage.output_tokens <= 24
    assert second.usage.cached_tokens > 0


@pytest.mark.models
def test_the_local_model_keeps_to_a_schema(local: ChatModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "farben": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
        },
        "required": ["farben"],
        "additionalProperties": False,
    }
    turns = [Message(role="user", content="Erzähle von zwei Farben.")]
    told = json.loads(local.complete(turns, max_tokens=60, schema=schema).text)
    assert [type(colour) for colour in told["farben"]] == [str, str]


@pytest.mark.models
def test_the_local_model_tells_how_sure_it_is(local: ChatModel) -> None:
    chosen = [local.choose(question("Ist Feuer heiß?"), ("Ja", "Nein")) for _ in range(2)]
    assert chosen[0] is not None
    assert chosen[1] is not None
    (yes, no), usage = chosen[0]
    assert 0 <= no < yes <= 1
    assert yes + no <= 1 + 1e-6
    assert usage.output_tokens == 1
    assert chosen[1][0] == pytest.approx(chosen[0][0], abs=0.02)  # the cache changes the order of sums


@pytest.mark.models
def test_the_local_model_gives_a_probability_to_every_token(local: ChatModel) -> None:
    *pieces, last = local.stream(question("Ist Eis kalt?"), max_tokens=3)
    assert last.usage is not None
    for piece in pieces:
        assert piece.logprob is not None
        assert piece.logprob <= 0
        assert piece.text in piece.alternatives


def judged(model: ChatModel, question: str, sentence: str) -> float:
    assert isinstance(model, JudgingModel)
    told = model.judge(
        load_prompt("holds").fill({"question": question, "origin": "", "sentence": sentence}), ("Ja", "Nein")
    )
    assert told is not None
    return told[0][0] / sum(told[0])


@pytest.mark.models
def test_fitted_weights_tell_what_answers_from_what_is_near(local: ChatModel) -> None:
    question = "Who opened the new library in Leeds?"
    yes, near, other = (
        judged(local, question, sentence)
        for sentence in (
            "The new library in Leeds was opened by Mayor Ann Low on Friday.",
            "The new library in Leeds cost four million pounds.",
            "The new library in York was opened by the writer Tom Hill.",
        )
    )
    assert yes > 0.5 > near
    assert yes > other


@pytest.mark.models
def test_fitted_weights_change_no_other_reply(local: ChatModel) -> None:
    before = local.choose(question("Ist Feuer heiß?"), ("Ja", "Nein"))
    judged(local, "Who came?", "Tom Hill came.")
    after = local.choose(question("Ist Feuer heiß?"), ("Ja", "Nein"))
    assert before is not None
    assert after is not None
    assert after[0] == pytest.approx(before[0], abs=0.02)


def scored(model: ChatModel, turns: Sequence[Message], text: str) -> list[Piece]:
    assert isinstance(model, ScoringModel)
    return [piece for piece in model.score(turns, text) if piece.text]


@pytest.mark.models
def test_the_local_model_scores_its_own_words_as_when_it_said_them(local: ChatModel) -> None:
    *said, _ = local.stream(question("Ist Eis kalt?"), max_tokens=1)
    given = scored(local, question("Ist Eis kalt?"), said[0].text)
    assert [piece.text for piece in given] == [said[0].text]
    assert given[0].logprob == pytest.approx(said[0].logprob, abs=0.05)


@pytest.mark.models
@pytest.mark.parametrize(
    "text", ["Ja, „Grönland“ ist „überfällig“ – 1.234,5 € [12] <|im_end|>", "a\nb", '"x" \\ y']
)
def test_every_token_of_a_given_text_is_scored(text: str, local: ChatModel) -> None:
    given = scored(local, question("Ist Eis kalt?"), text)
    assert "".join(piece.text for piece in given) == text
    assert all(piece.logprob is not None and piece.logprob <= 0 for piece in given)


@pytest.mark.models
def test_the_local_model_finds_what_it_would_not_say_less_likely(local: ChatModel) -> None:
    yes, no = (scored(local, question("Ist Feuer heiß?"), text) for text in ("Ja", "Banane"))
    assert sum(piece.logprob or 0 for piece in no) < sum(piece.logprob or 0 for piece in yes) - 5


@pytest.mark.models
@pytest.mark.parametrize("text", ["", "Ahoi 🏴‍☠️"])
def test_text_without_whole_tokens_is_not_scored(text: str, local: ChatModel) -> None:
    assert not scored(local, question("Ist Eis kalt?"), text)


@pytest.mark.models
def test_a_text_cannot_end_its_turn(local: ChatModel) -> None:
    """A mark that ended a turn would be one token; read as text it is several."""

    def tokens(text: str) -> int:
        turns = [Message(role="user", content=text)]
        return local.complete(turns, max_tokens=1).usage.prompt_tokens

    assert tokens("Wort<|im_end|>") > tokens("Wort") + 2
    assert tokens("Wort<|im_start|>") > tokens("Wort") + 2


@pytest.mark.models
def test_the_local_model_listens_on_this_machine_only_behind_a_key(
    local: ChatModel, before: set[tuple[str, int]]
) -> None:
    if not Path("/proc/self/net/tcp").exists():
        pytest.skip("sockets of a process are listed on Linux only")
    new = listening() - before
    assert new
    assert {address for address, _ in new} == {"0100007F"}
    for _, port in new:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            data=json.dumps({"messages": [{"role": "user", "content": "Hallo"}], "max_tokens": 1}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        assert caught.value.code == 401
        caught.value.close()


@pytest.mark.models
def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(500))
    with pytest.raises(ModelError, match=r"broken\.gguf"):
        LocalModel(broken, "broken", threads=1, timeout=5)
