"""What a service logs: one JSON object a line, with the id of the request that it belongs to.

Of an exception the kind and the places are told, never what it says: that may quote an article or a key.
"""

from __future__ import annotations

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered here, in threads that work for it too."""

_PLACES = 8  # of an exception, the innermost ones


class JsonLines(logging.Formatter):
    """A record as one line of JSON; its attribute `told` is a dictionary of further fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if request_id.get():
            line["request"] = request_id.get()
        line |= getattr(record, "told", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _failure(record.exc_info[1])
        return json.dumps(line)


def _failure(error: BaseException) -> dict[str, Any]:
    places = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    return {
        "error": type(error).__name__,
        "at": [f"{Path(place.filename).name}:{place.lineno}" for place in places],
    }


def write_json() -> None:
    """From now on whatever this process logs is written as lines of JSON."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonLines())
