"""Finds the files that travel with the package: prompts and demo articles.

A checkout keeps them beside `rag/`, a wheel inside it as `rag/_data/`. In: kind and name; out: a path.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rag.errors import RagError

Kind = Literal["prompts", "seeds"]

_PACKAGE = Path(__file__).resolve().parent


def resource(kind: Kind, name: str = "") -> Path:
    """Path of one packaged file, or of the folder that holds all of its kind.

    Args:
        kind: `"prompts"` or `"seeds"`.
        name: file name inside that folder; empty for the folder itself.

    Raises:
        RagError: the installation does not hold it, or `name` is not a plain file name.
    """
    if name != Path(name).name or name == "..":
        raise RagError(f"{name!r} is not the name of a file in {kind}/.", hint="Pass a name without folders.")
    inside = _PACKAGE / "_data" / kind
    folder = inside if inside.is_dir() else _PACKAGE.parent / kind
    path = folder / name
    if not path.exists():
        raise RagError(f"{kind}/{name} is missing from this installation.", hint="Install the package again.")
    return path


def demo_articles() -> tuple[Path, ...]:
    """The demo articles in a fixed order, without the README and the questions that stand beside them.

    Raises:
        RagError: the installation does not hold them.
    """
    return tuple(path for path in sorted(resource("seeds").glob("*.txt")) if path.name != "questions.txt")
