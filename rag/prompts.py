"""prompts/*.md -> checked prompts: every word we say to a model stands in a file there.

A prompt file is a sequence of turns, each opened by a line `# system`, `# user` or `# assistant`. `$name` marks a
place to fill. Values fill places and are never read as templates themselves, so neither an article nor a user can
change a prompt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from string import Template
from typing import Literal, cast

from rag.errors import RagError
from rag.resources import resource
from rag.types import Message, Noun

_TURN = re.compile(r"^# (system|user|assistant)[ \t]*\n", re.MULTILINE)


class PromptError(RagError):
    """A prompt file that cannot be used, or values that do not fit it."""

    code = "prompt_error"


class Prompt(Noun):
    """A checked prompt: its turns and the names of its places."""

    name: str
    turns: tuple[Message, ...]
    places: frozenset[str]

    @property
    def fingerprint(self) -> str:
        """Hash of the prompt's words."""
        return hashlib.sha256(self.model_dump_json(exclude={"places"}).encode()).hexdigest()[:12]

    def fill(self, values: Mapping[str, str]) -> list[Message]:
        """The turns with every place filled.

        Raises:
            PromptError: a value is missing or has no place.
        """
        if set(values) != self.places:
            raise PromptError(
                f"Prompt {self.name} has the places {sorted(self.places)}, was given {sorted(values)}."
            )
        return [
            Message(role=turn.role, content=Template(turn.content).substitute(values)) for turn in self.turns
        ]


def parse_prompt(name: str, text: str) -> Prompt:
    """Reads the text of a prompt file.

    Raises:
        PromptError: no turns, an empty turn, a last turn that is not the user's, or a stray `$`.
    """
    parts = _TURN.split(text)
    if parts[0].strip() or len(parts) < 3:
        raise PromptError(f"Prompt {name} must begin with a line '# system' or '# user'.")
    turns = tuple(
        Message(role=cast(Literal["system", "user", "assistant"], role), content=content.strip())
        for role, content in zip(parts[1::2], parts[2::2], strict=True)
    )
    if any(not turn.content for turn in turns) or turns[-1].role != "user":
        raise PromptError(f"Prompt {name} has an empty turn, or its last turn is not the user's.")
    places: set[str] = set()
    for turn in turns:
        template = Template(turn.content)
        if not template.is_valid():
            raise PromptError(f"Prompt {name} has a '$' that opens no place; write '$$' for a dollar sign.")
        places.update(template.get_identifiers())
    return Prompt(name=name, turns=turns, places=frozenset(places))


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of file `prompts/{name}.md`.

    Raises:
        PromptError: the file is missing or not a prompt.
    """
    path = resource("prompts", f"{name}.md")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PromptError(f"Prompt file {name}.md cannot be read.", hint="Reinstall the package.") from error
    return parse_prompt(name, text)
