"""The command that measures summaries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from rag.cli.opening import opened
from rag.cli.options import AsJson, Data, command, eval_app
from rag.cli.terminal import progress_bar, say, say_json


@command(eval_app, "summaries")
def eval_summaries(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", show_default=False, help="JSON lines with `text`, or articles."),
    ] = None,
    facts: Annotated[
        Path | None,
        typer.Option(
            "--facts", metavar="FILE", help="Gold facts of summaries; their articles are measured too."
        ),
    ] = None,
    sentences: Annotated[
        int, typer.Option("--sentences", min=1, max=100, help="First sentences that set the room.")
    ] = 3,
    n: Annotated[int, typer.Option("--n", min=0, help="Texts per set; 0 for all.")] = 0,
    half: Annotated[
        int | None, typer.Option("--half", min=0, max=1, help="Only this half of a file, by its ids.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the choice and of the intervals.")] = 0,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write JSON, with what is not supported.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write Markdown.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Measure summaries: support, coverage beside other methods, gold facts, who said what.

    Without PATH the articles of the gold facts are measured. Nothing is translated, so no language model is asked. The
    texts are put into a passing index, or that of --data, which a second run finds again.

    Examples:
      rag eval summaries --facts eval/summary_facts.yaml
      rag eval summaries news.jsonl --n 100 --report summaries.json
    """
    from rag.claims import Care, Meaning, judge
    from rag.evaluation.summaries import Tools, measure_summaries, to_markdown
    from rag.types import TokenEncoder, Verdict
    from rag.words import words

    gold = facts or (Path("eval/summary_facts.yaml") if not files else None)
    with ExitStack() as stack:
        own = data or Path(stack.enter_context(TemporaryDirectory(prefix="rag-summaries-")))
        qa = stack.enter_context(opened(own))
        encoder = qa.engine.index.encoder
        meaning = Meaning(encoder) if isinstance(encoder, TokenEncoder) else None

        def supports(claim: str, quotes: Sequence[str], language: str, text: str) -> bool:
            judgement = judge(claim, quotes, language, known=text, meaning=meaning, care=Care.STRICT)
            return judgement.verdict is Verdict.SUPPORTED

        tools = Tools(
            stems=lambda text, language: tuple(word.stem for word in words(text, language)),
            supports=supports,
        )
        with progress_bar() as progress:
            report = measure_summaries(
                qa, tools, files or (), gold,
                sentences=sentences, n=n, half=half, seed=seed, progress=progress,
            )  # fmt: skip
    for file, text in ((report_file, report.model_dump_json(indent=1)), (markdown, to_markdown(report))):
        if file:
            file.write_text(f"{text}\n", encoding="utf-8")
    if as_json:
        say_json(report)
    else:
        say(to_markdown(report))
