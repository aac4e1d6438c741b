"""A collector of logs: RFC 5424 over TLS, one message for each document, whatever its length.

Syslog confirms nothing. A portion counts as taken when the collector kept the connection until all of it was
read and the end of TLS was said on both sides; what breaks off is sent again.
"""

import os
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Final, final

import orjson

from yett.delivery import syslog

_INFORMATIONAL: Final = 6
_YEAR_9999: Final = 253_370_764_800.0


@final
class SyslogSink:
    def __init__(self, host: str, port: int, ca: str | None) -> None:
        self._host = host
        self._port = port
        self._ca = ca
        self._node = socket.gethostname()

    def send(self, documents: Sequence[bytes]) -> None:
        messages = [self._message(document) for document in documents]
        syslog.send(self._host, self._port, messages, ca=self._ca)

    def close(self) -> None:
        """Nothing is open between two portions."""

    def _message(self, document: bytes) -> bytes:
        return syslog.carrying(
            document,
            severity=_INFORMATIONAL,
            at=when(document),
            host=self._node,
            process=os.getpid(),
            kind="record",
        )


def when(document: bytes) -> float:
    """Return the time that a document tells, seconds since 1970; 0 where it tells none that can be: whoever
    changed a line must not hold up those after it."""
    try:
        members = orjson.loads(document)
        if "at" in members:
            found = datetime.fromisoformat(members["at"]).timestamp()
        else:
            found = float(members["time"]) / 1000  # OCSF has milliseconds
    except (ValueError, KeyError, TypeError, OverflowError):
        return 0.0
    return found if 0.0 <= found < _YEAR_9999 else 0.0
