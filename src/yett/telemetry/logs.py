"""The process's own log: one JSON object per line on standard error, without secrets.

Not the record of calls (that is audit) but what an operator of the process needs: starts, reloads,
servers that do not answer. Nothing on the way of a good call writes here.
"""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Final, final

import orjson

Level = str
_MESSAGE_CHARS_MAX: Final = 8_000
_TRACEBACK_CHARS_MAX: Final = 32_000
_INTEGER_BITS_MAX: Final = 63  # what a line of JSON takes
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has; the others came with `extra`."""


@final
class JsonFormatter(logging.Formatter):
    """redact_text: takes secrets out of a sentence. It runs over everything that is not ours: the
    message, the traceback, and each text of `extra`."""

    def __init__(self, redact_text: Callable[[str], str]) -> None:
        super().__init__()
        self._redact_text = redact_text

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._clean(record.getMessage(), _MESSAGE_CHARS_MAX),
        }
        for name, value in vars(record).items():
            if name not in _OWN:
                line[name] = self._cleaned(value)
        if record.exc_info and record.exc_info[0] is not None:
            text = self.formatException(record.exc_info)
            line["traceback"] = self._clean(text, _TRACEBACK_CHARS_MAX)
        return orjson.dumps(line).decode()

    def _cleaned(self, value: object) -> object:
        """Members of an object stay apart, and numbers numbers, for whoever searches logs by them."""
        if isinstance(value, dict):
            return {
                self._clean(str(name), _MESSAGE_CHARS_MAX): self._cleaned(member)
                for name, member in value.items()
            }
        if isinstance(value, list):
            return [self._cleaned(member) for member in value]
        if value is None or isinstance(value, float):
            return value
        if isinstance(value, int) and value.bit_length() <= _INTEGER_BITS_MAX:
            return value
        return self._clean(str(value), _MESSAGE_CHARS_MAX)

    def _clean(self, text: str, chars_max: int) -> str:
        """Cut after redacting, so that no cut leaves half a secret that no pattern knows."""
        text = self._redact_text(text)[:chars_max]
        return "".join(
            character if character.isprintable() else ascii(character)[1:-1] for character in text
        )


def configure(
    level: Level, redact_text: Callable[[str], str], stream: IO[str] | None = None
) -> logging.Handler:
    """Send everything from `level` (debug, info, warning, error) up to `stream` (standard error), in
    place of whatever handlers there were. Return the handler."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(redact_text))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.raiseExceptions = False  # a log that cannot be written never ends a call
    return handler
