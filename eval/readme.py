"""Writes the generated parts of README.md: commands, settings and, with --demo, the output of `rag demo`.

python eval/readme.py            write commands and settings
python eval/readme.py --demo     and what `rag demo` prints, with the real models
python eval/readme.py --check    exit 1 if commands or settings are out of date
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr

from rag.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def settings_table() -> str:
    """Every field of `Settings` as a row of a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        rows.append(f"| `RAG_{name.upper()}` | {_shown(field.default)} | {field.description} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    text = "" if default is None else str(default).replace(str(Path.home()), "~", 1)
    return f"`{text}`" if text else ""


def printed_by(*arguments: str) -> str:
    """What `rag` prints with these arguments, as a Markdown block.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    run = subprocess.run(
        [sys.executable, "-m", "rag", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return f"```\n{run.stdout.strip()}\n```"


def with_block(text: str, name: str, block: str) -> str:
    """`text` with the part between the marks of `name` replaced.

    Raises:
        ValueError: the marks are not there exactly once.
    """
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"README.md needs the marks <!-- {name} --> and <!-- /{name} --> once")
    return pattern.sub(lambda marks: f"{marks[1]}{block}\n{marks[2]}", text)


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    old = README.read_text(encoding="utf-8")
    new = with_block(old, "commands", printed_by("--help"))
    new = with_block(new, "settings", settings_table())
    if "--check" in arguments:
        return int(new != old)
    if "--demo" in arguments:
        new = with_block(new, "demo", printed_by("demo"))
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
