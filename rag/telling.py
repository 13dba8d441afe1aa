"""A summary on its way: sentences are chosen, put into the reader's language, set in the wanted form.

In: an `Engine`, what is wanted, the articles. Out: events, the last one the `Summary`.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from rag import compose, forms, summarise, translate
from rag.asking import Engine
from rag.condense import shorter
from rag.prompts import load_prompt
from rag.rewording import Rewording
from rag.sentences import detect_language
from rag.traces import stage
from rag.types import (
    Article,
    Dispute,
    Form,
    Progress,
    Statement,
    Status,
    Summary,
    SummaryEvent,
)

_SHORTER = 2  # shorter sentences that are tried where a whole one cannot be translated safely,
_MUCH_SHORTER = 0.9  # of at most this share of its length: nearly the same is refused again


def attempts(sentence: str, language: str) -> Iterator[str]:
    """The sentence, then shorter ones that it begins with: what is put into another language, until one can be told."""
    parts = (part for part in shorter(sentence, language) if len(part) <= _MUCH_SHORTER * len(sentence))
    yield sentence
    yield from islice(parts, _SHORTER)


class Summarising:
    """One summary on its way; counts what it costs."""

    def __init__(
        self,
        engine: Engine,
        wanted: summarise.Wanted,
        articles: Sequence[Article],
        focus: str,
        progress: Progress | None,
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._articles = articles
        self._focus = focus
        self._progress = progress
        self._started = time.monotonic()
        self._until = self._started + wanted.deadline if wanted.deadline else None
        self._languages = {article.id: article.language for article in articles}
        self._rewording = Rewording(engine.llm, engine.index.encoder)
        self._wordings: dict[str, dict[str, str]] = {}  # by article
        self._new: dict[str, dict[str, str]] = {}  # those of them that no note holds yet
        self._by_model = ""  # what is worded by a model is kept under, once there is some

    def events(self) -> Iterator[SummaryEvent]:
        """See `NewsQA.stream_summary`."""
        with stage("read"):
            chosen, rest = self._chosen()
        reading = time.monotonic() - self._started
        told: list[Statement] = []
        for one in chosen.statements:
            if told and self._is_late():
                break
            told.append(self._worded(one))
            yield compose.numbered(told)[0][-1]
        summary = self._summary(chosen, told, rest, reading)
        self._keep()
        yield summary

    def _chosen(self) -> tuple[summarise.Selection, Sequence[forms.Entry]]:
        catalog, encoder = self._engine.index.catalog, self._engine.index.encoder
        wanted, total = self._wanted, len(self._articles)
        given: dict[str, Any] = {
            "focus": self._focus, "total": total, "progress": self._progress, "until": self._until,
        }  # fmt: skip
        texts = (catalog.article(article.id, article.revision) for article in self._articles)
        if wanted.form in {Form.TIMELINE, Form.WHO_SAID_WHAT}:
            found = forms.entries(texts, wanted.form, encoder, wanted.length, kept=catalog, **given)
            statements = tuple(entry.statement for entry in found.entries)
            selection = summarise.Selection(statements, covered=found.covered, unread=found.unread)
            return selection, found.entries
        selection = summarise.summarise(texts, encoder, wanted.length, kept=catalog, **given)
        if wanted.form is Form.POINTS:
            selection = replace(
                selection, statements=tuple(selection.statements[n] for n in selection.by_weight)
            )
        return selection, ()

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() > self._until

    def _worded(self, statement: Statement) -> Statement:
        """The statement in the reader's language; what somebody said stays in the original."""
        if self._wanted.form is Form.WHO_SAID_WHAT:
            return statement
        cited = statement.citations[0]
        own, reader = self._languages.get(cited.article_id, ""), self._wanted.language
        llm = self._engine.llm() if own and reader and own != reader else None
        if llm is None:
            return statement.model_copy(
                update={"text": self._rewording.sentence(statement.text, own, reader)}
            )
        self._by_model = "\0".join(
            (
                reader,
                llm.fingerprint,
                load_prompt("translate").fingerprint,
                translate.FINGERPRINT,
                summarise.FINGERPRINT,
            )
        )
        known = self._known(cited.article_id)
        if statement.text not in known:
            worded = self._translated(statement.text, own, reader)
            known[statement.text] = worded
            if not self._is_late():  # what there was no time for is asked next time
                self._new.setdefault(cited.article_id, {})[statement.text] = worded
        return statement.model_copy(update={"text": known[statement.text]})

    def _translated(self, sentence: str, own: str, reader: str) -> str:
        """The sentence in the reader's language, or the longest sentence that it begins with which can be put so.

        Quoted where none can, or where time is up.
        """
        for text in attempts(sentence, own):
            if self._is_late():
                break
            worded = self._rewording.sentence(text, own, reader)
            if worded != compose.quoted(text, reader):
                return worded
        return compose.quoted(sentence, reader)

    def _known(self, article_id: str) -> dict[str, str]:
        """What was worded of an article before, in this summary or an earlier one."""
        if article_id not in self._wordings:
            index = self._engine.index
            article = index.article(article_id)
            self._wordings[article_id] = summarise.wordings(article, index.catalog, self._by_model)
        return self._wordings[article_id]

    def _keep(self) -> None:
        """Puts what was worded into the notes, so that the next summary need not ask for it."""
        index = self._engine.index
        for article_id, worded in self._new.items():
            summarise.keep_wordings(index.article(article_id), index.catalog, self._by_model, worded)

    def _summary(
        self,
        chosen: summarise.Selection,
        told: Sequence[Statement],
        entries: Sequence[forms.Entry],
        reading: float,
    ) -> Summary:
        language = self._wanted.language or self._own_language(told)
        disputes = [] if self._is_late() else list(chosen.disputes)
        apart = [self._worded(one) for dispute in disputes for one in dispute.statements]
        unsettled = [] if self._is_late() else [self._worded(one) for one in chosen.unsettled]
        statements, citations = compose.numbered([*told, *apart, *unsettled])
        own, rest = statements[: len(told)], iter(statements[len(told) :])
        pairs = list(zip(entries, own, strict=False))
        missing = "" if own else compose.not_found(language) if self._articles else forms.no_article(language)
        if chosen.unread:
            missing = forms.unread(chosen.unread, len(self._articles), language)
        elif len(told) < len(chosen.statements):
            missing = forms.untold(len(chosen.statements) - len(told), language)
        elif own:
            missing = forms.longer(own, chosen.statements, self._wanted.length.words, language)
        status = Status.NOT_FOUND if not own else Status.PARTIAL if missing else Status.ANSWERED
        summary = Summary(
            status=status,
            language=language,
            form=self._wanted.form,
            headline=self._worded(chosen.headline) if chosen.headline else None,
            statements=own,
            timeline=tuple(forms.as_dated(*pair) for pair in pairs if pair[0].when),
            said=tuple(forms.as_speech(*pair) for pair in pairs if pair[0].said),
            disputes=tuple(
                Dispute(about=one.about, statements=tuple(next(rest) for _ in one.statements))
                for one in disputes
            ),
            unsettled=statements[len(statements) - len(unsettled) :],
            text="",
            citations=citations,
            covered=chosen.covered,
            missing=missing,
            article_ids=tuple(article.id for article in self._articles),
            usage=self._rewording.usage,
            timings={"reading": reading, "total": time.monotonic() - self._started},
            fingerprint=self._fingerprint(),
        )
        return summary.model_copy(update={"text": forms.render(summary)})

    def _own_language(self, told: Sequence[Statement]) -> str:
        """The language that most statements are in, or else most articles; that of the focus where there are none."""
        spoken = Counter(self._languages[one.citations[0].article_id] for one in told)
        spoken = spoken or Counter(self._languages.values())
        return spoken.most_common(1)[0][0] if spoken else detect_language(self._focus)

    def _fingerprint(self) -> str:
        """Changes with whatever shaped this summary; of the language model only where it was asked, now or before."""
        parts = [self._engine.index.encoder.fingerprint, summarise.FINGERPRINT, self._by_model]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
