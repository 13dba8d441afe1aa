"""Opens what the commands ask, by the settings, and closes it behind them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rag.cli.terminal import BAR, progress_bar

if TYPE_CHECKING:
    from rag.newsqa import NewsQA
    from rag.settings import Settings
    from rag.types import ChatModel, Progress


class Opener(Protocol):
    """Opens what the commands ask; the default is `open_newsqa`."""

    def __call__(
        self, settings: Settings, *, mend: bool, progress: Progress, llm: ChatModel | None = None
    ) -> NewsQA:
        """See `open_newsqa`."""


def settings_of(data: Path | None) -> Settings:
    """The settings of the environment, with the folder that `--data` names; logging set by them."""
    from rag.settings import read_settings

    settings = read_settings(**({} if data is None else {"data": data}))
    # Libraries warn of what we tell better ourselves, such as a PDF that is damaged.
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("rag").setLevel(settings.log_level)
    return settings


def open_newsqa(
    settings: Settings, *, mend: bool, progress: Progress, llm: ChatModel | None = None
) -> NewsQA:
    """The `NewsQA` of the settings; with `mend` also one that only `check` or `rebuild` can help.

    `llm` answers instead of the model of the settings.
    """
    from rag.newsqa import NewsQA

    given: dict[str, Any] = {} if llm is None else {"llm": llm}
    return NewsQA.open(settings.data, settings=settings, mend=mend, progress=progress, **given)


OPENER: ContextVar[Opener] = ContextVar("opener", default=open_newsqa)


@contextmanager
def opened(data: Path | None, mend: bool = False, llm: ChatModel | None = None) -> Iterator[NewsQA]:
    """What the opener opens, closed at the end; progress of the opening on standard error."""
    settings = settings_of(data)
    given: dict[str, Any] = {} if llm is None else {"llm": llm}
    with progress_bar() as progress:
        qa = OPENER.get()(settings, mend=mend, progress=progress, **given)
    try:
        yield qa
    finally:
        BAR.hide()
        qa.close()
