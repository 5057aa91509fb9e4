"""How log records become lines on stderr, in every process: text for people, or one JSON object a line."""

import logging
import sys
import time
from typing import Final

import msgspec

from fedns.settings.schema import Logging

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
"""What every record has; anything else was given with `extra`."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and whatever was given with `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure(logging_settings: Logging) -> None:
    """Log to stderr from now on, as the configuration says; a second call changes level and form."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(JsonFormatter() if logging_settings.format == "json" else logging.Formatter(TEXT))
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(logging_settings.level.upper())
