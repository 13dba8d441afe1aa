"""Messages -> text, streamed or structured; hides LangChain's chat models and llama.cpp.

`open_llm` gives the model that `RAG_LLM` names. The default runs llama.cpp inside this process: its server listens
on a loopback port of its own choosing, behind a random key, and LangChain's OpenAI chat model talks to it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from rag import models
from rag.errors import ModelError, ModelTimeout, ModelUnavailable, SettingsError
from rag.fitted import JUDGE, JUDGED_MODEL, judge_fingerprint
from rag.settings import Settings
from rag.types import ChatModel, Message, Piece, Progress, Reply, Usage

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_log = logging.getLogger(__name__)

_LOCAL = {"local": "qwen2.5-coder-1.5b", "local-small": "qwen2.5-coder-0.5b"}
_CONTEXT_TOKENS = 6144
_SLOTS = 8  # one per prompt, so that each keeps its constant beginning in the cache
_ALTERNATIVES = 10

nobody_waits: ContextVar[Callable[[], bool]] = ContextVar("nobody_waits", default=lambda: False)
"""Asked at every piece of a reply: true stops the model, and the call ends with `ModelTimeout`."""


class LangChainModel:
    """Any LangChain chat model as a `ChatModel`.

    Args:
        chat: the LangChain model, greedy where the vendor allows it.
        name: what to call it in reports and fingerprints.
        tells_probabilities: whether it answers `logprobs=True` (OpenAI's own and llama.cpp do).
    """

    def __init__(self, chat: BaseChatModel, name: str, *, tells_probabilities: bool) -> None:
        self._chat = chat
        self._name = name
        self._tells = tells_probabilities

    @property
    def name(self) -> str:
        """Name of the model, with the vendor where there is one."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hash of the name: a remote model's weights cannot be seen from here."""
        return hashlib.sha256(self._name.encode()).hexdigest()[:12]

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        """One greedy reply in pieces; see `ChatModel.stream`."""
        return self._stream(messages, max_tokens=max_tokens, schema=schema)

    def _stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None,
        **more: Any,
    ) -> Iterator[Piece]:
        options: dict[str, Any] = {"max_tokens": max_tokens} | more
        if schema is not None:
            form = {"name": "reply", "schema": dict(schema), "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        if self._tells:
            options |= {"logprobs": True, "top_logprobs": _ALTERNATIVES}
        turns = [(turn.role, turn.content) for turn in messages]
        usage = Usage(calls=1)
        try:
            for chunk in self._chat.stream(turns, **options):
                if nobody_waits.get()():
                    raise TimeoutError
                yield from _pieces(chunk)
                if chunk.usage_metadata:
                    usage = _usage(chunk.usage_metadata)
        except Exception as error:
            raise _translated(error) from error
        yield Piece(usage=usage)

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """The same reply, whole."""
        pieces = list(self.stream(messages, max_tokens=max_tokens, schema=schema))
        return Reply(text="".join(piece.text for piece in pieces), usage=pieces[-1].usage or Usage())

    def choose(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        """Probability that the reply begins with each option; see `ChatModel.choose`."""
        return _chosen(list(self.stream(messages, max_tokens=1)), options) if self._tells else None

    def close(self) -> None:
        """Nothing to release for a remote model."""


class LocalModel(LangChainModel):
    """A gguf file on llama.cpp inside this process.

    Everything of a prompt but its last turn is constant. What the model computed for that beginning is kept in a slot
    of its own and in a file beside the model, so that a new process starts where the last one stood; no question and no
    article is ever in such a file.

    Args:
        path: the gguf file, verified.
        name: its name in rag.models.
        threads: CPU threads, 0 for all cores.
        timeout: seconds until a reply is given up.
        judge: low-rank weights (gguf) that `judge` adds to those of the file; None where nothing was fitted to it.

    Raises:
        ModelError: llama.cpp does not take the file.
    """

    def __init__(
        self, path: Path, name: str, *, threads: int, timeout: float, judge: Path | None = None
    ) -> None:
        import xllamacpp
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        self._key = secrets.token_urlsafe(32)
        self._beginnings = path.parent / "beginnings"
        self._build = f"{xllamacpp.__version__}-{path.name}-{path.stat().st_size}"
        self._slots: dict[str, int] = {}
        self._slot_lock = Lock()
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.api_keys = [self._key]
        params.n_ctx = _CONTEXT_TOKENS
        params.n_parallel = _SLOTS
        params.kv_unified = True
        # Without memory mapping the weights stand in memory once, in the layout the kernels like.
        params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
        params.cache_ram_mib = 0
        params.verbosity = -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or os.cpu_count() or 1
        self._judges = judge is not None
        if judge is not None:
            fitted = xllamacpp.CommonAdapterLoraInfo()
            fitted.path, fitted.scale = str(judge), 0.0  # added by `judge` alone
            params.lora_adapters = [fitted]
            params.lora_init_without_apply = True
        if _folder(self._beginnings):
            params.slot_save_path = f"{self._beginnings}{os.sep}"
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:
            raise ModelError(
                f"llama.cpp cannot load {path.name}: {error}", hint="Check it with `rag models verify`."
            ) from error
        chat = ChatOpenAI(
            model=name,
            base_url=f"{self._server.listening_address}/v1",
            api_key=SecretStr(self._key),
            temperature=0,
            timeout=timeout,
            max_retries=0,
            stream_usage=True,
        )
        super().__init__(chat, name, tells_probabilities=True)

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        """One greedy reply in pieces; see `ChatModel.stream`."""
        harmless = _harmless(messages)
        yield from self._stream(
            harmless, max_tokens=max_tokens, schema=schema, extra_body=self._kept(harmless)
        )

    def judge(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        """The same as `choose`, with the fitted weights; see `JudgingModel.judge`."""
        if not self._judges:
            return None
        harmless = _harmless(messages)
        more = self._kept(harmless, judging=True)
        return _chosen(list(self._stream(harmless, max_tokens=1, schema=None, extra_body=more)), options)

    def score(self, messages: Sequence[Message], text: str) -> Iterator[Piece]:
        """How likely the text is as the reply; see `ScoringModel.score`.

        Nothing where the text is empty or has characters of several tokens (emoji), which a grammar cannot force.
        """
        harmless = _harmless(messages)
        body = {"content": text, "add_special": False, "parse_special": False, "with_pieces": True}
        tokens = self._post("/tokenize", body)["tokens"]
        if not tokens or not all(isinstance(token["piece"], str) for token in tokens):
            return
        # The probabilities that come back are those before the grammar takes effect.
        grammar = " ".join(["root ::=", *(f"<[{token['id']}]>" for token in tokens)])
        more = {**self._kept(harmless), "grammar": grammar}
        yield from self._stream(harmless, max_tokens=len(tokens), schema=None, extra_body=more)

    def _kept(self, messages: Sequence[Message], *, judging: bool = False) -> dict[str, Any]:
        """What llama.cpp is told so that the beginning of a prompt is computed once, and with which weights."""
        return {"cache_prompt": True, "id_slot": self._slot(messages, judging), **self._weights(judging)}

    def _weights(self, judging: bool) -> dict[str, Any]:
        return {"lora": [{"id": 0, "scale": float(judging)}]} if self._judges else {}

    def _slot(self, messages: Sequence[Message], judging: bool) -> int:
        """The slot that has computed the beginning of this prompt, the last one for prompts without a beginning."""
        beginning = messages[:-1]
        build = f"{self._build}-{judge_fingerprint()}" if judging else self._build
        key = hashlib.sha256(
            "\0".join([build, *(turn.model_dump_json() for turn in beginning)]).encode()
        ).hexdigest()[:16]
        with self._slot_lock:
            if key in self._slots:
                return self._slots[key]
            if not beginning or len(self._slots) >= _SLOTS - 1:
                return _SLOTS - 1
            slot = len(self._slots)
            self._prepare(beginning, key, slot, judging)
            self._slots[key] = slot
            return slot

    def _prepare(self, beginning: Sequence[Message], key: str, slot: int, judging: bool) -> None:
        """Brings a beginning into its slot: from its file, else by computing it once."""
        if (self._beginnings / key).is_file() and self._slot_action(slot, "restore", key):
            return
        turns = [*beginning, Message(role="user", content="-")]
        body = {"cache_prompt": True, "id_slot": slot, **self._weights(judging)}
        for _ in self._stream(turns, max_tokens=1, schema=None, extra_body=body):
            pass
        part = f"{key}.{secrets.token_hex(4)}"
        if self._slot_action(slot, "save", part):
            (self._beginnings / part).replace(self._beginnings / key)

    def _slot_action(self, slot: int, action: str, name: str) -> bool:
        """Whether the server could save or restore; without it answers are only slower to begin."""
        try:
            self._post(f"/slots/{slot}?action={action}", {"filename": name})
        except ModelError as error:
            _log.warning("Could not %s the beginning of a prompt: %s", action, error)
            return False
        return True

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the server answers to what OpenAI's protocol does not know.

        Raises:
            ModelError: it did not, or not in JSON.
        """
        request = Request(
            f"{self._server.listening_address}{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        try:
            with urlopen(request, timeout=30) as response:
                answered: dict[str, Any] = json.load(response)
        except (OSError, ValueError) as error:
            raise _translated(error) from error
        return answered

    def close(self) -> None:
        """Stops the server and frees the weights. Twice is harmless."""
        self.__dict__.pop("_server", None)


def _chosen(pieces: Sequence[Piece], options: Sequence[str]) -> tuple[tuple[float, ...], Usage] | None:
    """Probability that a reply begins with each option, read from its first token; None where it does not tell.

    A token counts for an option when it is a beginning of it ("Ne" for "Nein").
    """
    first = next((piece for piece in pieces if piece.alternatives), None)
    if first is None:
        return None
    sums = tuple(
        sum(
            math.exp(logprob)
            for token, logprob in first.alternatives.items()
            if token.strip() and option.startswith(token.strip())
        )
        for option in options
    )
    return sums, pieces[-1].usage or Usage()


def _harmless(messages: Sequence[Message]) -> list[Message]:
    """The turns with no token in them that llama.cpp reads as the end of a turn, such as `<|im_end|>`."""
    return [turn.model_copy(update={"content": turn.content.replace("<|", "< |")}) for turn in messages]


def _folder(path: Path) -> bool:
    """Whether the folder is there and can be written; a read-only model folder is no error."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("Beginnings of prompts are not kept: %s", error)
        return False
    return os.access(path, os.W_OK)


def _pieces(chunk: Any) -> Iterator[Piece]:
    tokens = (chunk.response_metadata.get("logprobs") or {}).get("content") or []
    if not tokens:
        text = chunk.text if isinstance(chunk.text, str) else chunk.text()
        if text:
            yield Piece(text=text)
        return
    for token in tokens:
        others = {other["token"]: other["logprob"] for other in token.get("top_logprobs") or []}
        yield Piece(text=token["token"], logprob=token["logprob"], alternatives=others)


def _usage(metadata: Mapping[str, Any]) -> Usage:
    details = metadata.get("input_token_details") or {}
    return Usage(
        calls=1,
        prompt_tokens=metadata.get("input_tokens", 0),
        cached_tokens=details.get("cache_read", 0),
        output_tokens=metadata.get("output_tokens", 0),
    )


def _translated(error: Exception) -> ModelError:
    """Vendors' errors have no common base; what they share is the name and the HTTP status they carry."""
    kind = type(error).__name__
    if "Timeout" in kind:
        return ModelTimeout(
            f"The language model did not finish in time ({kind}).", hint="Raise RAG_DEADLINE."
        )
    status = getattr(error, "status_code", None)
    if status in {401, 403}:
        return ModelError(
            f"The language model refused the key (HTTP {status}).", hint="Check RAG_LLM_API_KEY."
        )
    if status in {400, 404, 405, 413, 422}:
        return ModelError(
            f"The language model's server refused the question (HTTP {status}).",
            hint="Check the address in RAG_LLM and the name in RAG_LLM_MODEL.",
        )
    return ModelUnavailable(
        f"The language model failed: {kind}: {error}", hint="Check RAG_LLM and its server."
    )


def open_llm(settings: Settings, progress: Progress | None = None) -> ChatModel | None:
    """The chat model that `settings.llm` names; None for `none`.

    Raises:
        SettingsError: the name cannot be used. ModelError: the model cannot be loaded.
    """
    wanted = settings.llm.strip()
    if wanted == "none":
        return None
    if wanted in _LOCAL:
        name = _LOCAL[wanted]
        path = models.ensure(name, settings, progress)
        judge = JUDGE if name == JUDGED_MODEL else None
        return LocalModel(path, name, threads=settings.threads, timeout=settings.deadline, judge=judge)
    if wanted.startswith(("http://", "https://")):
        return _open_url(wanted, settings)
    if ":" in wanted:
        return _open_vendor(wanted, settings)
    raise SettingsError(
        f"RAG_LLM = {wanted!r} names no model.",
        hint="Use local, local-small, none, vendor:model (such as openai:gpt-5-mini), or the URL of a server.",
    )


def model_name(settings: Settings) -> str:
    """The `name` that the model of `settings.llm` has once it is open; empty for `none`."""
    wanted = settings.llm.strip()
    if wanted.startswith(("http://", "https://")):
        return f"{wanted} {settings.llm_model}"
    return "" if wanted == "none" else _LOCAL.get(wanted, wanted)


def _open_url(url: str, settings: Settings) -> ChatModel:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    if not settings.llm_model:
        raise SettingsError(f"RAG_LLM = {url!r} needs a model name.", hint="Set RAG_LLM_MODEL.")
    key = settings.llm_api_key.get_secret_value() or "none"
    chat = ChatOpenAI(
        model=settings.llm_model,
        base_url=url,
        api_key=SecretStr(key),
        temperature=0,
        timeout=settings.deadline,
        max_retries=0,  # a second try would begin the deadline anew
        stream_usage=True,
    )
    return LangChainModel(chat, f"{url} {settings.llm_model}", tells_probabilities=True)


def _open_vendor(wanted: str, settings: Settings) -> ChatModel:
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {"temperature": 0, "timeout": settings.deadline}
    if key := settings.llm_api_key.get_secret_value():
        options["api_key"] = key
    try:
        chat = init_chat_model(wanted, **options)
    except ImportError as error:
        vendor = wanted.split(":", 1)[0]
        raise SettingsError(
            f"RAG_LLM = {wanted!r} needs a package that is not installed.",
            hint=f"Install langchain-{vendor.replace('_', '-')}.",
        ) from error
    except Exception as error:  # vendors' errors have no common base
        raise SettingsError(
            f"RAG_LLM = {wanted!r} cannot be used: {str(error).splitlines()[0] if str(error) else error!r}",
            hint="Check the name, and the key in RAG_LLM_API_KEY or the vendor's own variable.",
        ) from error
    return LangChainModel(chat, wanted, tells_probabilities=wanted.startswith("openai:"))
