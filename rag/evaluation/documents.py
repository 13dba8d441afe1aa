"""YAML and JSON Lines as nodes that know their line; no scalar is guessed to be a number or a date.

In: a path; out: nodes, plain texts, line numbers. Hides PyYAML. Every mistake is an `InputError` that names file and
line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rag.errors import InputError

# The one in C reads ten times as fast; not every build of PyYAML brings it.
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HEADER_KEYS = ("include", "articles", "names", "terms")


def read_text(path: Path) -> str:
    """A UTF-8 text.

    Raises:
        InputError: the file cannot be read, or is no such text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {why_unread(error)}.", hint="Name a UTF-8 text file."
        ) from error


def why_unread(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read, in a few words."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8"
    return error.strerror or type(error).__name__


def compose(path: Path) -> yaml.Node:
    """The root of a YAML file, or of a JSON Lines file (`.jsonl`) as the same mapping.

    In JSON Lines the first line holds what stands beside the facts, every other line a fact.

    Raises:
        InputError: neither YAML nor JSON Lines, YAML aliases, a key that stands twice, an empty file.
    """
    text = read_text(path)
    root = _lines(text, path) if path.suffix == ".jsonl" else _yaml(text, path)
    if root is None:
        raise InputError(f"{path} is empty.", hint="Write at least one entry; `rag eval new ARTICLE` helps.")
    return root


def _yaml(text: str, path: Path) -> yaml.Node | None:
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                line = int(event.start_mark.line) + 1 if event.start_mark else 1
                raise InputError(
                    f"{path}, line {line}: YAML aliases are not used here.",
                    hint="Put shared spellings under names and refer to them with @.",
                )
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(
            f"{path}{where} is not YAML: {getattr(error, 'problem', None) or error}.",
            hint="Mend the file; a text with a colon or a quote in it needs quotes around it.",
        ) from error


def _lines(text: str, path: Path) -> yaml.Node | None:
    rows = [(number, line) for number, line in enumerate(text.replace("\r", "").split("\n")) if line.strip()]
    if not rows:
        return None
    header, *facts = [_json_node(line, number, path) for number, line in rows]
    if not isinstance(header, yaml.MappingNode):
        keys = ", ".join(_HEADER_KEYS)
        raise InputError(
            f"{path}, line {rows[0][0] + 1}: the first line is no object.", hint=f"Write {keys} there."
        )
    mark = _mark(rows[0][0])
    key = yaml.ScalarNode("str", "facts", mark, mark)
    listed = yaml.SequenceNode("seq", facts, _mark(rows[1][0]) if facts else mark, mark)
    return yaml.MappingNode("map", [*header.value, (key, listed)], mark, mark)


def _json_node(line: str, number: int, path: Path) -> yaml.Node:
    try:
        # Numbers as they are written: 2022 stays "2022".
        value = json.loads(line, object_pairs_hook=_Pairs, parse_int=str, parse_float=str, parse_constant=str)
    except ValueError as error:
        raise InputError(
            f"{path}, line {number + 1} is not JSON: {getattr(error, 'msg', error)}.",
            hint="Write one object per line.",
        ) from error
    return _node(value, _mark(number))


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, those with the same key too."""


def _node(value: Any, mark: yaml.Mark) -> yaml.Node:
    if isinstance(value, _Pairs):
        pairs = [(yaml.ScalarNode("str", key, mark, mark), _node(item, mark)) for key, item in value]
        return yaml.MappingNode("map", pairs, mark, mark)
    if isinstance(value, list):
        return yaml.SequenceNode("seq", [_node(item, mark) for item in value], mark, mark)
    text = value if isinstance(value, str) else {True: "true", False: "false", None: ""}[value]
    return yaml.ScalarNode("str", text, mark, mark)


def _mark(line: int) -> yaml.Mark:
    return yaml.Mark("", 0, line, 0, None, 0)


def plain(node: yaml.Node, path: Path) -> Any:
    """Mappings, lists and texts.

    Raises:
        InputError: a key stands twice.
    """
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, path) for item in node.value]
    members: dict[str, Any] = {}
    for key, value in node.value:
        name = str(key.value)
        if name in members:
            raise InputError(
                f"{path}, line {key.start_mark.line + 1}: the key {name!r} stands twice.",
                hint="Keep one of them.",
            )
        members[name] = plain(value, path)
    return members


def line_of(root: yaml.Node, loc: Sequence[str | int]) -> int:
    """Line, from 1, of the deepest node on the way to `loc`."""
    node, line = root, root.start_mark.line
    for step in loc:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return int(line) + 1


def _child(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line, value
    return None
