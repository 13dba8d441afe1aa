"""`python -m rag` is the same as `rag`."""

from __future__ import annotations

from rag.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
