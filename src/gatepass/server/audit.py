"""The log of the server: JSON lines, one an event. Every character of control is escaped, so that no line is forged."""

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from gatepass.records import Event

#: The `X-Request-Id` of the request in hand; empty outside of one.
request_id: ContextVar[str] = ContextVar("request_id", default="")


def as_json(document: Mapping[str, Any], indent: int | None = None) -> str:
    """*document* as one line, unless *indent* says otherwise.

    All but printable ASCII is escaped, also DEL, which JSON lets through.
    """
    return json.dumps(document, ensure_ascii=True, indent=indent).replace("\x7f", "\\u007f")


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
        }
        event = getattr(record, "event", None)
        if isinstance(event, Event):
            line["event"] = {name: value for name, value in asdict(event).items() if value not in ("", (), None)}
        else:
            line["message"] = record.getMessage()
        if id := request_id.get():  # noqa: A001  it is the id
            line["request_id"] = id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return as_json(line)


def log_to(stream: TextIO | None = None) -> None:
    """Let everything that is logged in this process go to *stream*; default: the standard error."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # It says that it started and ended, as we do.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
