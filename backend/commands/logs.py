"""The server's log on standard error: lines for people, or one JSON object per line."""

import logging
import re
import sys
import time
from typing import Final

import orjson

from backend.settings import LogFormat, LogLevel

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


class _Console(logging.Formatter):
    """One line per message, whatever stands in it: a path with a line feed must not forge another line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        text = super().formatMessage(record)
        return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def configure_logging(level: LogLevel, form: LogFormat) -> None:
    """Set the process's log up; call once in each process. Times are UTC."""
    formatter: logging.Formatter = (
        _Json() if form == "json" else _Console("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    formatter.converter = time.gmtime
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # One line per migration step, per socket opened and per request that the canary makes is noise at `info`.
    for name in ("alembic", "websockets", "asyncio", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING) if level != "debug" else logging.DEBUG)
