"""Commands about the model files: list, pull, verify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.opening import settings_of
from rag.cli.options import AsJson, Data, command, models_app
from rag.cli.terminal import progress_bar, say, say_json

if TYPE_CHECKING:
    from rag.models import ModelState
    from rag.settings import Settings


@command(models_app, "list")
def models_list(data: Data = None, as_json: AsJson = False) -> None:
    """Which model files are here.

    Example:
      rag models list
    """
    from rag.models import listing

    _say_models(listing(settings_of(data)), as_json)


@command(models_app, "pull")
def models_pull(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fetch and verify models.

    Without names, those that the settings use.

    Examples:
      rag models pull
      rag models pull qwen2.5-coder-0.5b
    """
    from rag.models import pull, verify

    settings = settings_of(data)
    wanted = names or _used_models(settings)
    with progress_bar() as progress:
        for name in wanted:
            pull(name, settings, progress)
    _say_models([verify(name, settings) for name in wanted], as_json)


@command(models_app, "verify")
def models_verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compare model files with their SHA-256.

    Without names, those that the settings use.

    Example:
      rag models verify
    """
    from rag.models import verify

    settings = settings_of(data)
    _say_models(
        [verify(name, settings) for name in names or _used_models(settings)], as_json, must_be_good=True
    )


def _used_models(settings: Settings) -> list[str]:
    from rag.models import listing

    return [state.name for state in listing(settings) if state.used]


def _say_models(states: Sequence[ModelState], as_json: bool, must_be_good: bool = False) -> None:
    if as_json:
        say_json(states)
    else:
        for state in states:
            say(f"{state.name:24} {state.status:10} {state.detail or state.path}")
    if must_be_good and not all(state.status == "ok" for state in states):
        raise typer.Exit(1)
