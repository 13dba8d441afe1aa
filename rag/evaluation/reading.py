"""Fact files and floor files, read from YAML or JSON Lines with the line of every mistake.

In: paths; out: `FactFile` and `Floor`. A mistake is an `InputError` that names file, fact and line. A fact file may
include others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, Field, ValidationError

from rag.errors import InputError
from rag.evaluation.documents import compose, line_of, plain, why_unread
from rag.evaluation.facts import (
    Content,
    Fact,
    FactFile,
    Floor,
    Forms,
    Gold,
    Id,
    Source,
    Text,
    Wanted,
    piece_spans,
    rough_sentences,
)
from rag.evaluation.matching import form_problem
from rag.types import Message

_DESCRIBED = "`rag eval schema` describes every key."
# What stands under a key.
_NOUNS: Mapping[str, type[BaseModel]] = {
    "articles": Source,
    "facts": Fact,
    "required": Content,
    "summary": Wanted,
    "history": Message,
}
_M = TypeVar("_M", bound=BaseModel)


class _Raw(Gold):
    """One file as it stands; what it lacks may stand in a file that it includes, or in one that includes it."""

    include: tuple[Text, ...] = ()
    articles: tuple[Source, ...] = ()
    names: dict[Id, Forms] = Field(default_factory=dict)
    terms: dict[Id, Forms] = Field(default_factory=dict)
    facts: tuple[Fact, ...] = ()


class _Floors(Gold):
    sections: dict[str, Floor]


@dataclass(frozen=True)
class _Part:
    """One of the files that make up a fact file, with the nodes that know its lines."""

    path: Path
    root: yaml.Node
    raw: _Raw

    def line(self, *loc: str | int) -> int:
        return line_of(self.root, loc)

    def error(self, what: str, hint: str, *loc: str | int, fact: str = "") -> InputError:
        of = f", fact {fact}" if fact else ""
        return InputError(f"{self.path}, line {self.line(*loc)}{of}: {what}", hint=hint)


@dataclass(frozen=True)
class _Place:
    """Where one fact stands, to say so when it is wrong."""

    part: _Part
    number: int

    def error(self, what: str, hint: str, *inner: str | int) -> InputError:
        fact = self.part.raw.facts[self.number]
        return self.part.error(what, hint, "facts", self.number, *inner, fact=fact.id)


def read_facts(path: str | Path) -> FactFile:
    """Read a fact file and those it includes, and check all of it, proofs included.

    Raises:
        InputError: a file cannot be read or used; the message names file, fact and line of the first mistake.
    """
    facts, problems = check_facts(path)
    if problems:
        raise problems[0]
    if facts is None:
        raise TypeError("A fact file without problems is a fact file.")
    return facts


def check_facts(path: str | Path) -> tuple[FactFile | None, list[InputError]]:
    """The facts that can be used, None if none can, and everything that is wrong with the file."""
    path = Path(path)
    parts: list[_Part] = []
    problems = list(_collect(path, (), parts))
    if problems:
        return None, problems
    try:
        sources, texts = _sources(path, parts)
    except InputError as error:
        return None, [error]
    groups, problems = _groups(parts)
    resolved: dict[str, Fact] = {}
    cross_lingual = set()
    for where in [_Place(part, number) for part in parts for number in range(len(part.raw.facts))]:
        try:
            fact, proving = _checked(where, groups["names"] | groups["terms"], texts, resolved)
        except InputError as error:
            problems.append(error)
            continue
        resolved[fact.id] = fact
        languages = {list(sources.values())[article] for article in proving}
        if languages and fact.language not in languages:
            cross_lingual.add(fact.id)
    facts = FactFile(
        path=path,
        articles=tuple(sources),
        texts=tuple(texts),
        languages=tuple(sources.values()),
        names=groups["names"],
        terms=groups["terms"],
        facts=tuple(resolved.values()),
        cross_lingual=frozenset(cross_lingual),
    )
    return facts, problems


def _collect(path: Path, above: tuple[Path, ...], parts: list[_Part]) -> Iterator[InputError]:
    """Adds a file to the parts, what it includes before it and each file once; yields what is wrong with them."""
    if path.resolve() in {part.path.resolve() for part in parts}:
        return
    try:
        root = compose(path)
        data = plain(root, path)
    except InputError as error:
        yield error
        return
    raw, problems = _validated(_Raw, data, root, path)
    yield from problems
    if raw is None:
        return
    part = _Part(path, root, raw)
    for n, name in enumerate(raw.include):
        other = path.parent / name
        way = [*above, path, other]
        if other.resolve() in {one.resolve() for one in way[:-1]}:
            round_ = " -> ".join(one.name for one in way)
            yield part.error(
                f"{name} is included in a circle: {round_}.", "Take one of these out.", "include", n
            )
            continue
        if not other.is_file():
            yield part.error(
                f"{name} is not there to be included.", "Name a file relative to this one.", "include", n
            )
            continue
        yield from _collect(other, (*above, path), parts)
    parts.append(part)


def _sources(path: Path, parts: Sequence[_Part]) -> tuple[dict[Path, str], list[str]]:
    """Every article once, with its language; and their texts."""
    sources: dict[Path, str] = {}
    texts: list[str] = []
    for part in parts:
        for n, source in enumerate(part.raw.articles):
            article = (part.path.parent / source.path).resolve()
            if article not in sources:
                texts.append(_article(article, part, n))
            if sources.setdefault(article, source.language) != source.language:
                told = f"{source.path} is in {sources[article]} elsewhere, in {source.language} here."
                raise part.error(told, "Say it alike.", "articles", n)
    for what, found in (("articles", sources), ("facts", [one for part in parts for one in part.raw.facts])):
        if not found:
            raise InputError(f"{path} has no {what}.", hint=_DESCRIBED)
    return sources, texts


def _article(article: Path, part: _Part, n: int) -> str:
    try:
        return article.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = f"The article {part.raw.articles[n].path} cannot be read: {why_unread(error)}."
        raise part.error(told, "Name a UTF-8 text file relative to this one.", "articles", n) from error


def _groups(parts: Sequence[_Part]) -> tuple[dict[str, dict[str, tuple[str, ...]]], list[InputError]]:
    """Names and terms of all files, and what is wrong with them."""
    groups: dict[str, dict[str, tuple[str, ...]]] = {"names": {}, "terms": {}}
    problems = []
    for part in parts:
        for table, found in (("names", part.raw.names), ("terms", part.raw.terms)):
            for name, forms in found.items():
                if name in groups["names"] or name in groups["terms"]:
                    told = f"{name!r} stands twice in names and terms."
                    problems.append(part.error(told, "Keep one.", table, name))
                problems += [
                    part.error(f"{name}: The form {form!r} {wrong}.", "Write at least one word.", table, name)
                    for form in forms
                    if (wrong := form_problem(form))
                ]
                groups[table][name] = forms
    return groups, problems


def _checked(
    where: _Place, groups: Mapping[str, tuple[str, ...]], texts: Sequence[str], known: Collection[str]
) -> tuple[Fact, set[int]]:
    """The fact with its references resolved, and the numbers of the articles that prove it."""
    fact = where.part.raw.facts[where.number]
    if fact.id in known:
        raise where.error("The id stands twice.", "Give every fact an id of its own.")
    fact = _resolve(fact, groups, where)
    return fact, _check_proofs(fact, texts, where)


def schema() -> dict[str, Any]:
    """The fact file as JSON Schema, for editors and other programs."""
    described = _Raw.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Gold facts",
        **{key: value for key, value in described.items() if key != "title"},
    }


def read_floor(path: str | Path, section: str) -> Floor:
    """Read one section of a floor file.

    Raises:
        InputError: the file cannot be read or used, or has no such section.
    """
    path = Path(path)
    root = compose(path)
    read, problems = _validated(_Floors, {"sections": plain(root, path)}, root, path, skip=1)
    if read is None:
        raise problems[0]
    floors = read.sections
    if section not in floors:
        raise InputError(
            f"{path} has no section {section!r}, only {', '.join(sorted(floors))}.",
            hint="Name one of them, or add the section.",
        )
    return floors[section]


def _validated(
    model: type[_M], data: Any, root: yaml.Node, path: Path, skip: int = 0
) -> tuple[_M | None, list[InputError]]:
    """The data as a model, or what is wrong; `skip` leading steps of an error's place do not stand in the file."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        # A key with a typo is unknown and missing: the first says where.
        found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        return None, [_problem(one, one["loc"][skip:], model, data, root, path) for one in found]


def _problem(
    error: Mapping[str, Any],
    loc: Sequence[str | int],
    model: type[BaseModel],
    data: Any,
    root: yaml.Node,
    path: Path,
) -> InputError:
    fact = _fact_id(data, loc)
    where = f"{path}, line {line_of(root, loc)}{fact}"
    if error["type"] == "extra_forbidden":
        return _unknown_key(str(loc[-1]), _keys(loc, model), where)
    key = ".".join(map(str, loc[2:] if fact else loc)) or "the file"
    return InputError(f"{where}: {key}: {error['msg'].removeprefix('Value error, ')}.", hint=_DESCRIBED)


def _unknown_key(key: str, known: Collection[str], where: str) -> InputError:
    near = get_close_matches(key, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Keys here are {', '.join(known)}."
    return InputError(f"{where}: There is no key {key!r} here.", hint=f"{hint} {_DESCRIBED}")


def _keys(loc: Sequence[str | int], model: type[BaseModel]) -> Collection[str]:
    """The keys that may stand where an unknown one does."""
    if model is _Floors:
        return Floor.model_fields
    above = next((str(step) for step in reversed(loc[:-1]) if isinstance(step, str)), "")
    return _NOUNS.get(above, model).model_fields


def _fact_id(data: Any, loc: Sequence[str | int]) -> str:
    if len(loc) < 2 or loc[0] != "facts" or not isinstance(loc[1], int):
        return ""
    fact = data["facts"][loc[1]]
    name = fact.get("id") if isinstance(fact, dict) else None
    return f", fact {name or f'number {loc[1] + 1}'}"


def _resolve(fact: Fact, names: Mapping[str, tuple[str, ...]], where: _Place) -> Fact:
    """The fact with every `@name` replaced by that name's spellings."""
    required = tuple(
        content.model_copy(update={"any": _forms(content.any, names, where, ("required", n))})
        for n, content in enumerate(fact.required)
    )
    forbidden = _forms(fact.forbidden, names, where, ("forbidden",))
    return fact.model_copy(update={"required": required, "forbidden": forbidden})


def _forms(
    forms: Sequence[str], names: Mapping[str, tuple[str, ...]], where: _Place, inner: tuple[str | int, ...]
) -> tuple[str, ...]:
    resolved: list[str] = []
    for form in forms:
        if form.startswith("@") and form[1:] not in names:
            raise where.error(f"There is no name {form!r}.", "Add it under names or terms.", *inner)
        resolved += names[form[1:]] if form.startswith("@") else [form]
    for form in resolved:
        problem = form_problem(form)
        if problem:
            raise where.error(f"The form {form!r} {problem}.", "Write at least one word.", *inner)
    return tuple(resolved)


def _check_proofs(fact: Fact, texts: Sequence[str], where: _Place) -> set[int]:
    """Numbers of the articles that prove the fact; every piece stands exactly once in all of them."""
    proving: set[int] = set()
    places: list[tuple[str, tuple[str | int, ...]]] = [
        (piece, ("proof", n)) for n, piece in enumerate(fact.proof)
    ]
    for c, content in enumerate(fact.required):
        places += [(piece, ("required", c, "proof", n)) for n, piece in enumerate(content.proof)]
    for piece, inner in places:
        found = [n for n, text in enumerate(texts) for _ in piece_spans(piece, text)]
        if len(found) != 1:
            times = f"{len(found)} times" if found else "nowhere"
            raise where.error(
                f"The proof {piece!r} stands {times} in the articles.",
                f"Copy a piece of one sentence that stands there exactly once{_nearest(piece, texts)}.",
                *inner,
            )
        proving.update(found)
    return proving


def _nearest(piece: str, texts: Sequence[str]) -> str:
    """The sentence that a misspelt or outdated proof was taken from, as far as one is like it."""
    sentences = [" ".join(text[start:end].split()) for text in texts for start, end in rough_sentences(text)]
    beginnings = {sentence[: len(piece)]: sentence for sentence in sentences}
    near = get_close_matches(piece, beginnings, n=1)
    return f"; nearest is {beginnings[near[0]]!r}" if near else ""
