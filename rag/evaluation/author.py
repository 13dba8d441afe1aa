"""Write and check facts: a walk from an article to a fact, and all that is wrong with a fact file at once.

In: an article or a fact file, somebody to ask; out: a longer fact file, or a list of problems.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml

from rag.errors import InputError
from rag.evaluation.documents import read_text
from rag.evaluation.facts import FactFile, Kind, piece_spans, rough_sentences
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


def write_fact(article: Path, file: Path, ask: Ask, say: Callable[[str], None]) -> str:
    """Ask for one fact about an article, append it to a fact file, and return its id.

    Raises:
        InputError: the article or the file cannot be used; the file is then as it was.
    """
    text = read_text(article)
    sentences = [" ".join(text[start:end].split()) for start, end in rough_sentences(text)]
    for number, sentence in enumerate(sentences, 1):
        say(f"[{number}] {sentence}")
    entry = _entry(sentences, text, ask)
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


def _entry(sentences: Sequence[str], text: str, ask: Ask) -> dict[str, Any]:
    question = ask("Question", "")
    language = ask("Language of the question", _language_of(question))
    kind = ask(f"Kind ({', '.join(get_args(Kind))})", "what")
    proving = _numbers(ask("Numbers of the sentences that answer it (empty: none does)", ""), len(sentences))
    entry: dict[str, Any] = {"id": "", "question": question, "language": language, "kind": kind}
    if not proving:
        entry["status"] = "not_found"
    else:
        entry["required"] = _contents(ask)
        if forbidden := _split(ask("Must not be said, apart by ;", "")):
            entry["forbidden"] = forbidden
        entry["proof"] = [_piece(sentences[number - 1], text) for number in proving]
    if tags := _split(ask("Tags, apart by ;", "")):
        entry["tags"] = tags
    entry["id"] = ask("Id", _slug(question, language))
    return entry


def _contents(ask: Ask) -> list[Any]:
    contents: list[Any] = []
    while forms := _split(
        ask(f"Must be said ({len(contents) + 1}), its forms apart by ; (empty: no more)", "")
    ):
        contents.append(forms[0] if len(forms) == 1 else forms)
    return contents


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _numbers(text: str, most: int) -> list[int]:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    for number in numbers:
        if not 1 <= number <= most:
            raise InputError(f"There is no sentence {number}.", hint=f"Name numbers from 1 to {most}.")
    return numbers


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
