"""Write and check facts: a walk from an article to a fact, and all that is wrong with a fact file at once.

In: an article or a fact file, somebody to ask; out: a longer fact file, or a list of problems.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml

from rag.errors import InputError
from rag.evaluation.documents import read_text
from rag.evaluation.facts import Content, FactFile, Kind, piece_spans, rough_sentences
from rag.evaluation.matching import normalise
from rag.evaluation.reading import check_facts
from rag.evaluation.support import wrong_language

Ask = Callable[[str, str], str]  # what to ask and what an empty reply means; the reply
_LANGUAGES = ("de", "en", "fr", "tr", "ru")


def lint(path: Path) -> list[str]:
    """All problems of a fact file, each with file, fact and, where it is known, line; empty if there are none.

    Besides everything that loading refuses: a question that stands twice, a content that its own proof does not say, a
    question that is in another language than it says.
    """
    facts, problems = check_facts(path)
    told = [str(problem) for problem in problems]
    if facts is None:
        return told
    return told + [f"{path}, {one}" for one in (*_doubles(facts), *_unsaid(facts), *_mislabelled(facts))]


def _doubles(facts: FactFile) -> list[str]:
    seen: dict[tuple[str, str], str] = {}
    found = []
    for fact in facts.facts:
        turns = " ".join(turn.content for turn in fact.history)
        first = seen.setdefault((normalise(f"{turns} {fact.question}"), fact.ask), fact.id)
        if first != fact.id:
            found.append(f"fact {fact.id}: The question stands in fact {first} too. Keep one.")
    return found


def _unsaid(facts: FactFile) -> list[str]:
    """Contents that an answer could not say by quoting; only where question and articles share a language."""
    return [
        f"fact {fact.id}: No sentence that proves {content.name!r} says it. Add the form it has there."
        for fact in facts.facts
        if fact.id not in facts.cross_lingual
        for content in fact.required
        if not any(
            content.said(text[start:end])
            for piece in fact.proof_of(content)
            for text in facts.texts
            for start, end in _sentences_of(piece, text)
        )
    ]


def _mislabelled(facts: FactFile) -> list[str]:
    return [
        f"fact {fact.id}: The question {question!r} is said to be in {language}, it reads as {other}."
        for fact in facts.facts
        for language, question in {fact.language: fact.question, **fact.translations}.items()
        if (other := wrong_language(question, language))
    ]


def _sentences_of(piece: str, text: str) -> list[tuple[int, int]]:
    spans = list(piece_spans(piece, text))
    return [
        one for one in rough_sentences(text) if any(one[0] < end and start < one[1] for start, end in spans)
    ]


def write_fact(
    article: Path, file: Path, ask: Ask, say: Callable[[str], None], *, summary: bool = False
) -> str:
    """Ask for one fact about an article, append it to a fact file, and return its id.

    A reply that cannot be used is asked for again.

    Args:
        article: a UTF-8 text file.
        file: the fact file, in YAML or JSON Lines; need not be there yet.
        ask: asks somebody.
        say: shows somebody a line.
        summary: the fact asks for a summary.

    Raises:
        InputError: the article or the file cannot be used; the file is then as it was.
    """
    text = read_text(article)
    known = _known(file)
    sentences = [" ".join(text[start:end].split()) for start, end in rough_sentences(text)]
    for number, sentence in enumerate(sentences, 1):
        say(f"[{number}] {sentence}")
    entry = _Walk(sentences, text, known, ask, say).entry(summary)
    before = read_text(file) if file.exists() else None
    guess = _language_of(text)
    file.write_text(_appended(before, entry, article, file, guess), encoding="utf-8")
    _, problems = check_facts(file)
    if problems:
        if before is None:
            file.unlink()
        else:
            file.write_text(before, encoding="utf-8")
        raise InputError(
            f"Not written: {problems[0].message}", hint=f"{problems[0].hint} The entry:\n{_as_yaml([entry])}"
        )
    return str(entry["id"])


def _known(file: Path) -> set[str]:
    """The ids that are taken; a file that cannot be used is told before anybody is asked."""
    if not file.exists():
        return set()
    facts, problems = check_facts(file)
    if facts is None:
        raise problems[0]
    return {fact.id for fact in facts.facts}


class _Walk:
    """One walk from the sentences of an article to a fact."""

    def __init__(
        self,
        sentences: Sequence[str],
        text: str,
        known: Collection[str],
        ask: Ask,
        say: Callable[[str], None],
    ) -> None:
        self._sentences, self._text, self._known = sentences, text, known
        self._ask, self._say = ask, say

    def entry(self, summary: bool) -> dict[str, Any]:
        question = self._until("What to summarise" if summary else "Question", "", _something)
        history = [] if summary else self._history()
        language = self._until("Language of the question", _language_of(question), _language)
        kind = self._until(f"Kind ({', '.join(get_args(Kind))})", "what", _kind)
        entry: dict[str, Any] = {"id": "", "question": question, "language": language, "kind": kind}
        if summary:
            entry["ask"] = "summary"
            if self._yes("Of all articles, rather than what is found for it"):
                entry["summary"] = {"whole": True}
        if history:
            entry["history"] = history
        chosen = self._until("Numbers of the sentences that answer it (empty: none does)", "", self._numbers)
        entry |= self._answer([int(number) for number in chosen.split()]) if chosen else _SILENT
        if tags := _split(self._ask("Tags, apart by ;", "")):
            entry["tags"] = tags
        entry["id"] = self._until("Id", _slug(question, language), self._id)
        return entry

    def _until(self, what: str, default: str, check: Callable[[str], str]) -> str:
        """The reply, asked for until it can be used."""
        while True:
            try:
                return check(self._ask(what, default))
            except InputError as error:
                self._say(f"{error.message} {error.hint}")

    def _yes(self, what: str) -> bool:
        return self._ask(f"{what}? (y/n)", "n").casefold().startswith("y")

    def _history(self) -> list[dict[str, str]]:
        turns: list[dict[str, str]] = []
        while asked := self._ask("Asked before it (empty: nothing more)", ""):
            answered = self._until("And answered", "", _something)
            turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        return turns

    def _numbers(self, reply: str) -> str:
        numbers = re.sub(r"[,;]", " ", reply).split()
        for number in numbers:
            if not number.isdecimal() or not 1 <= int(number) <= len(self._sentences):
                raise InputError(
                    f"There is no sentence {number}.", hint=f"Name numbers from 1 to {len(self._sentences)}."
                )
            sentence = self._sentences[int(number) - 1]
            if len(list(piece_spans(sentence, self._text))) > 1:
                raise InputError(
                    f"Sentence {number} stands there more than once.", hint="Name one that stands there once."
                )
        return " ".join(numbers)

    def _answer(self, numbers: Sequence[int]) -> dict[str, Any]:
        proving = {_piece(self._sentences[n - 1], self._text): self._sentences[n - 1] for n in numbers}
        contents = self._contents(list(proving.values()))
        answer: dict[str, Any] = {"required": contents}
        if len(contents) > 1:
            for key, what in (
                ("complete", "Is that the whole list, nothing else may be said"),
                ("ordered", "Only in this order"),
            ):
                if self._yes(what):
                    answer[key] = True
        if forbidden := _split(self._ask("Must not be said, apart by ;", "")):
            answer["forbidden"] = forbidden
        return answer | _proven(contents, proving)

    def _contents(self, proving: Sequence[str]) -> list[Any]:
        contents: list[Any] = []
        while True:
            what = f"Must be said ({len(contents) + 1}), its forms apart by ;"
            if not contents:
                what += " - a day as 2025-02-18, a number as 90 or 90 +-5; Minute*"
            reply = _split(self._ask(f"{what} (empty: no more)", ""))
            if not reply and contents:
                return contents
            if not reply:
                self._say("An answer has to say something. Name at least one.")
                continue
            contents.append(_content(reply))
            if not any(Content.model_validate(contents[-1]).said(sentence) for sentence in proving):
                self._say("None of these sentences says it in these words; an answer that quotes would fail.")

    def _id(self, reply: str) -> str:
        if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", reply):
            raise InputError(f"{reply!r} is no id.", hint="Take small letters, digits and -.")
        if reply in self._known:
            raise InputError(f"{reply!r} is the id of another fact.", hint="Take another.")
        return reply


_SILENT = {"status": "not_found"}
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)(?:\s*(?:\+-|±)\s*(\d+(?:\.\d+)?))?")


def _something(reply: str) -> str:
    if not reply:
        raise InputError("Nothing was said.", hint="Write something.")
    return reply


def _language(reply: str) -> str:
    if not re.fullmatch(r"[a-z]{2}", reply):
        raise InputError(f"{reply!r} is no language.", hint="Take two letters, such as de or en.")
    return reply


def _kind(reply: str) -> str:
    if reply not in get_args(Kind):
        raise InputError(f"{reply!r} is no kind.", hint=f"Take one of {', '.join(get_args(Kind))}.")
    return reply


def _content(forms: Sequence[str]) -> Any:
    """A day, a number with its units, or the forms of a text, as short as a file may have it."""
    first, *others = forms
    if re.fullmatch(r"\d{4}-\d\d-\d\d", first) and not others:
        return {"date": first}
    if number := _NUMBER.fullmatch(first):
        content: dict[str, Any] = {"number": _plain_number(number[1])}
        content |= {"tolerance": _plain_number(number[2])} if number[2] else {}
        return content | ({"unit": others} if others else {})
    return list(forms) if others else first


def _plain_number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _proven(contents: list[Any], proving: Mapping[str, str]) -> dict[str, Any]:
    """Which pieces prove what: each content its own where its sentence can be told, else all of them everything."""
    own = [
        [piece for piece, sentence in proving.items() if Content.model_validate(content).said(sentence)]
        for content in contents
    ]
    if len(contents) == 1 or len(proving) == 1 or not all(own):
        return {"proof": list(proving)}
    return {
        "required": [
            {**_long(content), "proof": pieces} for content, pieces in zip(contents, own, strict=True)
        ]
    }


def _long(content: Any) -> dict[str, Any]:
    """A content with its keys."""
    if isinstance(content, dict):
        return content
    return {"any": content if isinstance(content, list) else [content]}


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _piece(sentence: str, text: str) -> str:
    """The shortest beginning of at least five words that stands once in the article."""
    words = sentence.split()
    for length in range(min(5, len(words)), len(words) + 1):
        piece = " ".join(words[:length])
        if len(list(piece_spans(piece, text))) == 1:
            return piece
    return sentence


def _language_of(text: str) -> str:
    for language in _LANGUAGES:
        if other := wrong_language(text, language):
            return other
    return (
        "de"
        if re.search(r"[äöüß]|\b(?:wer|was|wie|wo|wann|warum|welche\w*)\b", text, re.IGNORECASE)
        else "en"
    )


def _slug(question: str, language: str) -> str:
    words = re.findall(r"[a-z0-9]+", normalise(question).translate(str.maketrans("äöü", "aou")))
    return "-".join([*(word for word in words if len(word) > 3)][:5] + [language]) or "fact"


def _appended(before: str | None, entry: dict[str, Any], article: Path, file: Path, language: str) -> str:
    if file.suffix == ".jsonl":
        head = before or _line({"articles": [_source(article, file, language)]})
        return f"{head.rstrip()}\n{_line(entry)}"
    if before is None:
        before = _as_yaml({"articles": [_source(article, file, language)]}) + "\nfacts:\n"
    indented = "".join(f"  {line}\n" for line in _as_yaml([entry]).splitlines())
    return f"{before.rstrip()}\n\n{indented}"


def _source(article: Path, file: Path, language: str) -> dict[str, str]:
    return {"path": os.path.relpath(article.resolve(), file.resolve().parent), "language": language}


def _line(value: dict[str, Any]) -> str:
    return f"{json.dumps(value, ensure_ascii=False)}\n"


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=110))
