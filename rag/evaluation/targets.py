"""What can be asked: a service by URL, any OpenAI-compatible endpoint, any Python callable.

In: the name of a target; out: a `Target`. One that only writes text is read back into an `Answer`: what it quotes is
searched in the articles of the fact file, word for word.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getsourcefile, isfunction
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

from rag.errors import AccessDenied, ArticleNotFound, InputError, RagError, ServiceError, ServiceUnavailable
from rag.evaluation.facts import FactFile, piece_spans, rough_sentences, sentence_around
from rag.evaluation.matching import without_marks
from rag.evaluation.runner import Target
from rag.types import (
    Answer,
    Article,
    Citation,
    Event,
    Hit,
    Message,
    Sentence,
    Statement,
    Status,
    Usage,
    Verdict,
)

_HINT = "Name `this`, the URL of a service, openai:URL#MODEL, package.module:name or file.py:name."
_NOWHERE = "not in the articles"
_SOURCE = re.compile(r"^\[(\d+)\][ \t]+[“\"„«](.+?)[”\"“»](?:[ \t]+[–—-].*)?$", re.MULTILINE | re.DOTALL)  # noqa: RUF001
_QUOTED = re.compile(r"[“„«\"]([^“”„«»\"]{12,})[”“»\"]")
_MARK = re.compile(r"\[(\d+)\]")
# How models say that they do not know, in the languages of the checks.
_REFUSAL = re.compile(
    r"\b(?:(?:do|does|did|is|are|was) ?n[o']t (?:\w+ ){0,3}(?:know|mention|contain|provide|specif|state|say|give|found)"
    r"|not (?:\w+ ){0,3}(?:found|mentioned|stated|specified|in (?:these|the) (?:articles?|context|text|documents?))"
    r"|no information|cannot (?:be )?(?:answer|determine)|unknown"
    r"|(?:steht|wird|werden|ist|geht) (?:\w+ ){0,6}nicht (?:\w+ ){0,4}(?:in|aus|erwähnt|genannt|angegeben|hervor)\b"
    r"|nicht (?:\w+ ){0,3}(?:erwähnt|genannt|angegeben|bekannt|enthalten|beantworten)"
    r"|keine (?:\w+ )?(?:informationen|angaben)|ich weiß (?:es )?nicht"
    r"|ne (?:\w+ ){0,3}(?:mentionn|précis|indiqu|sais)|pas (?:\w+ ){0,3}(?:mentionn|précis|indiqu)|aucune information"
    r"|bilmiyorum|bilgi (?:yok|bulunm)|belirtilm[ei]|yer almıyor"
    r"|не (?:\w+ ){0,3}(?:указан|упомина|сообща|знаю|содерж|говорит)|нет (?:\w+ ){0,2}информации)",
    re.IGNORECASE,
)


def open_target(name: str, facts: FactFile, *, key: str = "", timeout: float = 120.0) -> Target:
    """The target of this name.

    Args:
        name: URL of a service, `openai:URL#MODEL`, `package.module:name` or `file.py:name`.
        facts: the fact file; its articles are what a text may quote.
        key: what a service or endpoint wants as its key.
        timeout: seconds for one answer.

    Raises:
        InputError: there is no such target.
    """
    if name.startswith("openai:"):
        url, _, model = name.removeprefix("openai:").partition("#")
        if not url.startswith(("http://", "https://")):
            raise InputError(f"The target {name!r} names no endpoint.", hint=_HINT)
        return Endpoint(url, model or "default", facts, key=key, timeout=timeout)
    if name.startswith(("http://", "https://")):
        from rag import Client

        return Client(name, key, timeout=timeout)
    found = _imported(name)
    if hasattr(found, "stream") and hasattr(found, "article"):
        target: Target = found
        return target
    if not callable(found):
        raise InputError(f"The target {name!r} is no function.", hint=_HINT)
    return Called(found, facts, name, timeout)


def check_articles(target: Target, facts: FactFile, name: str) -> None:
    """See that a target which searches holds the articles that prove the facts: its search finds their sentences.

    Args:
        target: what is about to be asked.
        facts: the fact file.
        name: what to call the target.

    Raises:
        InputError: it lacks articles. RagError: it cannot be asked.
    """
    search: Callable[..., Sequence[Hit]] | None = getattr(target, "search", None)
    if search is None:
        return
    pieces = [
        piece for fact in facts.facts for content in fact.required for piece in fact.proof_of(content)[:1]
    ]
    lacks = []
    for path, text in zip(facts.articles, facts.texts, strict=True):
        found = next((span for piece in pieces for span in piece_spans(piece, text)), None)
        if found is None:
            continue
        hits = search(text[slice(*sentence_around(text, *found))], k=10)
        piece = text[slice(*found)]
        ids = {hit.article_id for hit in hits}
        if not any(True for id_ in ids for _ in piece_spans(piece, target.article(id_).text)):
            lacks.append(path.name)
    if lacks:
        raise InputError(
            f"{name} does not hold {', '.join(lacks)}: its search finds none of their sentences.",
            hint="Add the articles to it with `rag add`, or name a fact file about those that it holds.",
        )


def _imported(name: str) -> Any:
    place, _, attribute = name.rpartition(":")
    if not place:
        raise InputError(f"There is no target {name!r}.", hint=_HINT)
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else import_module(place)
        return getattr(module, attribute)
    except (ImportError, OSError) as error:
        raise InputError(f"The target {name!r} cannot be imported: {error}.", hint=_HINT) from error
    except AttributeError as error:
        raise InputError(f"{place} has no {attribute!r}.", hint=_HINT) from error


def _from_file(path: Path) -> Any:
    spec = spec_from_file_location(f"rag_target_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Texts:
    """A target that writes text; its articles are those of the fact file.

    `fingerprint` changes with what answers, as far as that can be seen; empty if it cannot.
    """

    fingerprint = ""

    def __init__(self, facts: FactFile) -> None:
        self._articles = {
            path.stem: Article(
                id=path.stem,
                title=path.stem,
                text=text,
                language=language,
                sentences=tuple(
                    Sentence(n=n, start=start, end=end)
                    for n, (start, end) in enumerate(rough_sentences(text))
                ),
            )
            for path, text, language in zip(facts.articles, facts.texts, facts.languages, strict=True)
        }

    def article(self, article_id: str) -> Article:
        """One article of the fact file."""
        if article_id not in self._articles:
            raise ArticleNotFound(f"No article has the id {article_id!r}.")
        return self._articles[article_id]

    def _read(self, question: str, text: str, quotes: Sequence[str], usage: Usage) -> Answer:
        """The text as an answer: a statement per line, with the quotes its marks name, else with all of them."""
        citations = tuple(self._citation(quote, n) for n, quote in enumerate(quotes, 1))
        silent = bool(_REFUSAL.search(text)) and len(without_marks(text).split()) < 40
        lines = [] if silent or not text.strip() else [line for line in text.splitlines() if line.strip()]
        statements = tuple(
            Statement(
                text=line.strip(), citations=_marked(line, citations), verdict=Verdict.SUPPORTED, support=0
            )
            for line in lines
        )
        return Answer(
            status=Status.ANSWERED if statements else Status.NOT_FOUND,
            question=question,
            language="",
            statements=statements,
            text=text,
            citations=citations if statements else (),
            usage=usage,
            fingerprint=self.fingerprint,
        )

    def _citation(self, quote: str, number: int) -> Citation:
        """Where a quote stands, whatever its white space; a place that does not exist if it stands nowhere."""
        for article in self._articles.values():
            for start, end in piece_spans(quote, article.text):
                return Citation(
                    number=number,
                    article_id=article.id,
                    revision="",
                    start=start,
                    end=end,
                    quote=article.text[start:end],
                    title=article.title,
                )
        return Citation(
            number=number, article_id=_NOWHERE, revision="", start=0, end=max(1, len(quote)), quote=quote
        )


def _marked(line: str, citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
    numbers = {int(number) for number in _MARK.findall(line)}
    return tuple(one for one in citations if one.number in numbers) if numbers else citations


class Called(Texts):
    """Any Python callable from a question to an `Answer`, a text, or a mapping with `text` and `quotes`.

    The mapping may also tell `prompt_tokens` and `output_tokens`.

    Args:
        function: what is asked. It gets `history` as a keyword where a fact has one.
        facts: the fact file.
        name: what to call it in errors.
        timeout: seconds for one answer; a function that takes longer is left to itself.
    """

    def __init__(
        self, function: Callable[..., Any], facts: FactFile, name: str, timeout: float = 120.0
    ) -> None:
        super().__init__(facts)
        self._function, self._name = function, name
        self._timeout = timeout
        self.fingerprint = _source_fingerprint(function)

    def stream(self, question: str, **more: Any) -> Iterator[Event]:
        """One event: the answer.

        Raises:
            ServiceUnavailable: the function raised or took too long. ServiceError: it returned something else.
        """
        said = self._said(question, **more)
        if isinstance(said, Answer):
            yield said if said.fingerprint else said.model_copy(update={"fingerprint": self.fingerprint})
        elif isinstance(said, str):
            yield self._read(question, said, _QUOTED.findall(said), Usage())
        elif isinstance(said, Mapping) and isinstance(said.get("text"), str):
            quotes = [str(quote) for quote in said.get("quotes", ())]
            yield self._read(question, said["text"], quotes, _usage(said, "output_tokens"))
        else:
            raise ServiceError(
                f"The target {self._name} returned {type(said).__name__}.",
                hint='Return an Answer, a text, or {"text": …, "quotes": […]}.',
            )

    def _said(self, question: str, **more: Any) -> Any:
        """What the function returns, asked in a thread of its own: one that hangs must not hang the run."""
        came: Queue[tuple[Any, BaseException | None]] = Queue()

        def ask() -> None:
            try:
                came.put((self._function(question, **more), None))
            except BaseException as error:  # whatever ends the function is told by whoever waits for it
                came.put((None, error))

        Thread(target=ask, daemon=True).start()
        try:
            said, error = came.get(timeout=self._timeout)
        except Empty as late:
            raise ServiceUnavailable(
                f"The target {self._name} did not answer within {self._timeout:g} s.",
                hint="Raise RAG_DEADLINE.",
            ) from late
        if error is None:
            return said
        if isinstance(error, RagError) or not isinstance(error, Exception):
            raise error
        raise ServiceUnavailable(
            f"The target {self._name} failed: {type(error).__name__}: {error}"
        ) from error


def _usage(told: Any, output: str) -> Usage:
    """Tokens as somebody else counted them; what is no count is none."""
    counts = [told.get(name) if isinstance(told, Mapping) else 0 for name in ("prompt_tokens", output)]
    prompt, out = (count if isinstance(count, int) and count > 0 else 0 for count in counts)
    return Usage(calls=1, prompt_tokens=prompt, output_tokens=out)


def _source_fingerprint(function: Callable[..., Any]) -> str:
    """Hash of the file that a function stands in; empty where there is none."""
    file = getsourcefile(function) if isfunction(function) else None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:12] if file and Path(file).is_file() else ""


class Endpoint(Texts):
    """Any OpenAI-compatible endpoint. Quotes are its `citations`, its lines `[1] “quote”`, or what it puts in quotes.

    Args:
        url: up to and with `/v1`.
        model: name of the model.
        facts: the fact file.
        key: the endpoint's key.
        timeout: seconds for one answer.
    """

    def __init__(self, url: str, model: str, facts: FactFile, *, key: str, timeout: float) -> None:
        import httpx

        super().__init__(facts)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(headers=headers, timeout=timeout)
        self._url, self._model = f"{url.rstrip('/')}/chat/completions", model
        self.fingerprint = hashlib.sha256(f"{self._url}#{model}".encode()).hexdigest()[:12]

    def stream(self, question: str, **more: Any) -> Iterator[Event]:
        """One event: the answer.

        Raises:
            ServiceUnavailable: the endpoint did not answer. ServiceError: it answered nonsense.
        """
        history: Sequence[Message] = more.get("history", ())
        turns = [*(turn.model_dump() for turn in history), {"role": "user", "content": question}]
        body = self._ask({"model": self._model, "messages": turns, "temperature": 0})
        try:
            text = str(body["choices"][0]["message"]["content"])
            usage = body.get("usage") or {}
            quotes = [str(one["quote"]) for one in body.get("citations", ())]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ServiceError(
                f"{self._url} did not answer as a chat completion.", hint="Name the URL up to and with /v1."
            ) from error
        quotes = quotes or [quote for _, quote in _SOURCE.findall(text)] or _QUOTED.findall(text)
        spent = _usage(usage, "completion_tokens")
        yield self._read(question, _SOURCE.sub("", text).strip(), quotes, spent)

    def _ask(self, body: Mapping[str, Any]) -> Any:
        import httpx

        try:
            response = self._http.post(self._url, json=body)
            if response.status_code in {401, 403}:
                raise AccessDenied(f"{self._url} refused the key.", hint="Set RAG_API_KEY.")
            response.raise_for_status()
            return response.json()
        except httpx.HTTPError as error:
            raise ServiceUnavailable(
                f"{self._url} did not answer: {type(error).__name__}: {error}",
                hint="Start it, or check the URL.",
            ) from error
        except ValueError as error:
            raise ServiceError(
                f"{self._url} did not answer in JSON.", hint="Name the URL up to and with /v1."
            ) from error
