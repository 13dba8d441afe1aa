"""The article's words -> the reader's language; quoted as they stand where that cannot be done safely.

In: a text with its language, the reader's language. Out: what is shown. What a model is asked for is kept, so that no
text is translated twice for one answer or summary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rag import compose, glossary, traces, translate
from rag.types import ChatModel, Encoder, Usage


class Rewording:
    """What is told of the articles, in the reader's language; counts what that costs.

    Args:
        llm: gives the language model; None where everything is quoted.
        encoder: compares a text with its translation.

    Attributes:
        usage: what the model was asked.
        seconds: how long that took.
    """

    def __init__(self, llm: Callable[[], ChatModel | None], encoder: Encoder) -> None:
        self._llm = llm
        self._encoder = encoder
        self._known: dict[tuple[str, str, bool], translate.Translation] = {}
        self.usage = Usage()
        self.seconds = 0.0

    def sentence(self, text: str, language: str, reader: str) -> str:
        """A sentence in the reader's language."""
        if not language or not reader or language == reader:
            return text
        if translate.quotes_at_length(text):
            return compose.quoted(text, reader)
        translation = self.translated(text, reader, only_sure=True)
        if not translate.faithful(text, language, translation, reader, self._encoder):
            return compose.quoted(text, reader)
        sure = translate.is_sure(self._put_back(text, language, reader, translation))
        return translation.text if sure else compose.quoted(text, reader)

    def words(self, text: str, language: str, reader: str) -> str:
        """A few words of a sentence in the reader's language; names stay as they are."""
        if not language or not reader or language == reader:
            return text
        known = glossary.said_in(text, language, reader)
        if known or translate.is_name(text, language):
            return known or text
        translated = self.translated(text, reader).text
        kept = translated and translate.same_short(text, language, translated, reader, self._encoder)
        return translated if kept else compose.quoted(text, reader)

    def translated(self, text: str, reader: str, *, only_sure: bool = False) -> translate.Translation:
        """The text as the model puts it, unchecked; empty without a model. `only_sure`: see `translate.translate`."""
        llm = self._llm()
        if llm is None:
            return translate.Translation()
        known = self._known.get((text, reader, only_sure)) or self._known.get((text, reader, False))
        if known is None:
            with self._timed():
                known = translate.translate(text, reader, llm, only_sure=only_sure)
            self._known[text, reader, only_sure] = known
            self.usage += known.usage
        return known

    def _put_back(
        self, text: str, language: str, reader: str, translation: translate.Translation
    ) -> translate.Translation:
        """The translation with how likely it makes the text."""
        llm = self._llm()
        if llm is None or translation.back is not None:
            return translation
        with self._timed():
            back, usage = translate.likely_back(
                text, language, translation.text, llm, least=translate.LIKELY_BACK
            )
        self.usage += usage
        known = self._known[text, reader, True] = replace(translation, back=back)
        return known

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            with traces.stage("translate"):
                yield
        finally:
            self.seconds += time.perf_counter() - started
