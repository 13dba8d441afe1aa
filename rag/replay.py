"""A model's replies, kept in a file and given back without the model.

`Recording` wraps a model and keeps what it says; `Replay` says it again, for the same prompts only. The file is JSON
Lines: a header with the model's name and fingerprint, then a reply a line under the hash of what it replies to.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from rag.errors import InputError, ReplayMismatch
from rag.fitted import judge_fingerprint
from rag.types import ChatModel, JudgingModel, Message, Noun, Piece, Reply, ScoringModel, Usage

_DIGITS = 4  # of a logarithm of probability: what a gate weighs, without the noise behind it
N = TypeVar("N", bound=Noun)
_Token = tuple[str, float | None, dict[str, float]]


class Header(Noun):
    """First line of the file: whose replies these are."""

    format: Literal["rag replies 1"] = "rag replies 1"
    model: str
    fingerprint: str


class Recorded(Noun):
    """One reply. `pieces` are (text, logprob, alternatives); `chosen` is what `choose` gave, if it was asked that."""

    key: str
    pieces: tuple[_Token, ...] = ()
    chosen: tuple[float, ...] | None = None
    usage: Usage | None = None
    kind: Literal["reply", "choice", "score"] = "reply"


def key_of(
    fingerprint: str,
    messages: Sequence[Message],
    *,
    max_tokens: int = 0,
    schema: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
) -> str:
    """Hash of everything a reply depends on: the model and what it was asked, with all limits."""
    turns = [[turn.role, turn.content] for turn in messages]
    asked = json.dumps([fingerprint, turns, max_tokens, schema, list(options)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:24]


def _key_of_score(fingerprint: str, messages: Sequence[Message], text: str) -> str:
    return key_of(fingerprint, messages, schema={"const": text})  # a reply has a limit beside a schema


def _key_of_judgement(fingerprint: str, messages: Sequence[Message], options: Sequence[str]) -> str:
    return key_of(f"{fingerprint} {judge_fingerprint()}", messages, options=options)


class _Spoken:
    """What both share: replies by key, said again in pieces."""

    def __init__(self, header: Header) -> None:
        self.header = header

    @property
    def name(self) -> str:
        """The name of the model that was recorded."""
        return self.header.model

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the model that was recorded: its answers are the same."""
        return self.header.fingerprint

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        """The recorded reply in its pieces; see `ChatModel.stream`.

        Raises:
            ReplayMismatch: nothing was recorded for this prompt.
        """
        for text, logprob, alternatives in (reply := self._reply(messages, max_tokens, schema)).pieces:
            yield Piece(text=text, logprob=logprob, alternatives=alternatives)
        yield Piece(usage=reply.usage)

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """The same reply, whole."""
        reply = self._reply(messages, max_tokens, schema)
        return Reply(text="".join(text for text, _, _ in reply.pieces), usage=reply.usage or Usage())

    def choose(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        """The recorded probabilities; see `ChatModel.choose`.

        Raises:
            ReplayMismatch: nothing was recorded for this prompt.
        """
        reply = self._choice(messages, options)
        return None if reply.chosen is None else (reply.chosen, reply.usage or Usage())

    def judge(
        self, messages: Sequence[Message], options: Sequence[str]
    ) -> tuple[tuple[float, ...], Usage] | None:
        """The recorded probabilities; see `JudgingModel.judge`. None where the recorded model has no such weights.

        Raises:
            ReplayMismatch: nothing was recorded for this prompt with the weights of today.
        """
        reply = self._judgement(messages, options)
        return None if reply.chosen is None else (reply.chosen, reply.usage or Usage())

    def score(self, messages: Sequence[Message], text: str) -> Iterator[Piece]:
        """The recorded tokens; see `ScoringModel.score`. Nothing where the recorded model could not tell.

        Raises:
            ReplayMismatch: nothing was recorded for this prompt and text.
        """
        reply = self._scored(messages, text)
        for token, logprob, _ in reply.pieces:
            yield Piece(text=token, logprob=logprob)
        if reply.pieces:
            yield Piece(usage=reply.usage)

    def _reply(
        self, messages: Sequence[Message], max_tokens: int, schema: Mapping[str, Any] | None
    ) -> Recorded:
        raise NotImplementedError

    def _choice(self, messages: Sequence[Message], options: Sequence[str]) -> Recorded:
        raise NotImplementedError

    def _judgement(self, messages: Sequence[Message], options: Sequence[str]) -> Recorded:
        raise NotImplementedError

    def _scored(self, messages: Sequence[Message], text: str) -> Recorded:
        raise NotImplementedError


class Replay(_Spoken):
    """The replies of a file, without the model that gave them.

    Args:
        path: a file that `Recording` wrote.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        header, replies = read_replies(path)
        super().__init__(header)
        self._path = path
        self._replies = replies

    def close(self) -> None:
        """Nothing to release."""

    def _reply(
        self, messages: Sequence[Message], max_tokens: int, schema: Mapping[str, Any] | None
    ) -> Recorded:
        return self._known(key_of(self.fingerprint, messages, max_tokens=max_tokens, schema=schema))

    def _choice(self, messages: Sequence[Message], options: Sequence[str]) -> Recorded:
        return self._known(key_of(self.fingerprint, messages, options=options))

    def _judgement(self, messages: Sequence[Message], options: Sequence[str]) -> Recorded:
        return self._known(_key_of_judgement(self.fingerprint, messages, options))

    def _scored(self, messages: Sequence[Message], text: str) -> Recorded:
        return self._known(_key_of_score(self.fingerprint, messages, text))

    def _known(self, key: str) -> Recorded:
        if key not in self._replies:
            raise ReplayMismatch(
                f"{self._path} holds no reply of {self.name} to this prompt: the prompts, the model, the settings or "
                f"the articles have changed since its {len(self._replies)} replies were recorded.",
                hint="Record anew with `rag eval run FACTS --record REPLIES` and the model, and commit the file.",
            )
        return self._replies[key]


class Recording(_Spoken):
    """A model whose replies are kept.

    What the file already holds of this model is not asked again, so a run that broke off goes on. Replies come back
    with their probabilities rounded as the file keeps them: a replay gives exactly the same.

    Args:
        model: what answers; `close` closes it.
        path: file to add to; one of another model is begun anew.

    Raises:
        InputError: the file holds something else than replies, or cannot be written.
    """

    def __init__(self, model: ChatModel, path: Path) -> None:
        super().__init__(Header(model=model.name, fingerprint=model.fingerprint))
        self._model = model
        self._path = path
        self._replies: dict[str, Recorded] = {}
        self._used: dict[str, Recorded] = {}
        self._lock = Lock()
        if path.exists() and path.stat().st_size:
            header, known = read_replies(path)
            self._replies = known if header == self.header else {}
        self._write(self._replies)

    def close(self) -> None:
        """Closes the model."""
        self._model.close()

    def keep_used(self) -> int:
        """Drops what this run did not ask for, at the end of a whole run; how many replies are left."""
        with self._lock:
            self._write(self._used)
        return len(self._used)

    def _reply(
        self, messages: Sequence[Message], max_tokens: int, schema: Mapping[str, Any] | None
    ) -> Recorded:
        key = key_of(self.fingerprint, messages, max_tokens=max_tokens, schema=schema)
        if (known := self._again(key)) is not None:
            return known
        said = list(self._model.stream(messages, max_tokens=max_tokens, schema=schema))
        pieces = tuple(_recorded(piece) for piece in said if piece.text or piece.alternatives)
        return self._keep(Recorded(key=key, pieces=pieces, usage=_usage(said)))

    def _choice(self, messages: Sequence[Message], options: Sequence[str]) -> Recorded:
        key = key_of(self.fingerprint, messages, options=options)
        return self._chosen(key, lambda: self._model.choose(messages, options))

    def _judgement(self, messages: Sequence[Message], options: Sequence[str]) -> Recorded:
        model = self._model
        key = _key_of_judgement(self.fingerprint, messages, options)
        return self._chosen(
            key, lambda: model.judge(messages, options) if isinstance(model, JudgingModel) else None
        )

    def _chosen(self, key: str, ask: Callable[[], tuple[tuple[float, ...], Usage] | None]) -> Recorded:
        if (known := self._again(key)) is not None:
            return known
        given = ask()
        if given is None:
            return self._keep(Recorded(key=key, kind="choice"))
        shares, usage = given
        chosen = tuple(round(share, _DIGITS + 2) for share in shares)
        return self._keep(Recorded(key=key, kind="choice", chosen=chosen, usage=usage))

    def _scored(self, messages: Sequence[Message], text: str) -> Recorded:
        key = _key_of_score(self.fingerprint, messages, text)
        if (known := self._again(key)) is not None:
            return known
        told = list(self._model.score(messages, text)) if isinstance(self._model, ScoringModel) else []
        # What could have stood there instead is nobody's business where the text is given.
        given = (Piece(text=piece.text, logprob=piece.logprob) for piece in told if piece.text)
        pieces = tuple(_recorded(piece) for piece in given)
        return self._keep(Recorded(key=key, kind="score", pieces=pieces, usage=_usage(told)))

    def _again(self, key: str) -> Recorded | None:
        with self._lock:
            known = self._replies.get(key)
            if known is not None:
                self._used[key] = known
        return known

    def _keep(self, reply: Recorded) -> Recorded:
        with self._lock:
            self._replies[reply.key] = self._used[reply.key] = reply
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(reply))
        return reply

    def _write(self, replies: Mapping[str, Recorded]) -> None:
        part = self._path.with_name(f"{self._path.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(f"{self.header.model_dump_json()}\n")
                file.writelines(_line(reply) for reply in replies.values())
            os.replace(part, self._path)
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be written: {error.strerror}.",
                hint="Name a file in a folder that exists.",
            ) from error


def read_replies(path: Path) -> tuple[Header, dict[str, Recorded]]:
    """Header and replies of a file, by key. A last line that a crash cut off is left out.

    Raises:
        InputError: the file cannot be read, or a line of it is no reply.
    """
    try:
        first, *others = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The replies {path} cannot be read: {getattr(error, 'strerror', error)}.",
            hint="Record them with `rag eval run FACTS --record REPLIES`.",
        ) from error
    header = _read_line(Header, first, path, 1)
    replies = [_read_line(Recorded, line, path, number) for number, line in enumerate(others[:-1], 2)]
    return header, {reply.key: reply for reply in replies}


def _read_line(noun: type[N], line: str, path: Path, number: int) -> N:
    try:
        return noun.model_validate_json(line)
    except ValidationError as error:
        raise InputError(
            f"{path}, line {number} is no recorded reply: {error.errors()[0]['msg']}.",
            hint="Name a file that --record wrote, or record anew.",
        ) from error


def _usage(said: Sequence[Piece]) -> Usage | None:
    return next((piece.usage for piece in reversed(said) if piece.usage), None)


def _recorded(piece: Piece) -> _Token:
    return piece.text, _rounded(piece.logprob), {t: _round(p) for t, p in piece.alternatives.items()}


def _line(reply: Recorded) -> str:
    return f"{reply.model_dump_json(exclude_defaults=True)}\n"


def _round(value: float) -> float:
    # A token that cannot come has the logarithm -inf, which JSON does not have.
    return round(max(value, -999.0), _DIGITS) if not math.isnan(value) else -999.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else _round(value)
