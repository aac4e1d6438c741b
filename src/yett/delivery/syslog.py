"""Messages to a collector of logs: RFC 5424 over TLS (RFC 5425), each with its length before it."""

import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from yett.delivery.connection import client_context, connected

PORT: Final = 6514
_FACILITY: Final = 13
"""Log audit (RFC 5424, 6.2.1)."""
_BYTES_MAX: Final = 8_192
"""A receiver should take so many (RFC 5425, 4.3.1); of what is longer, the end is left out."""
_NAME_CHARS_MAX: Final = 48


def message(*, severity: int, at: float, host: str, process: int, kind: str, text: str) -> bytes:
    """Return one message. severity: 0 (emergency) to 7 (debug). at: seconds since 1970. kind: what sort of
    message (MSGID). text: printable ASCII, such as JSON; what is not becomes `?`."""
    head = _head(severity, at, host, process, kind)
    return (head + "".join(c if " " <= c <= "~" else "?" for c in text)).encode("ascii")[
        :_BYTES_MAX
    ]


def carrying(body: bytes, *, severity: int, at: float, host: str, process: int, kind: str) -> bytes:
    """As `message`, with a text that must arrive byte for byte and whole (MSG-ANY, RFC 5424, 6.4)."""
    return _head(severity, at, host, process, kind).encode("ascii") + body


def send(host: str, port: int, messages: Iterable[bytes], *, ca: str | None = None) -> None:
    """Send messages over a connection of their own. Syslog confirms nothing: they count as taken when the
    other side has ended the connection in order after them, or has at least not broken it.

    Raises:
        Undelivered: the collector is not there, is not who it should be, or broke off.
    """
    frames = b"".join(b"%d %s" % (len(one), one) for one in messages)
    with connected(host, port, tls=client_context(ca)) as connection:
        connection.sendall(frames)
        # Waits for its `close_notify`, which comes after it has read what was before ours.
        with suppress(ssl.SSLError):  # many close without one
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()


def _head(severity: int, at: float, host: str, process: int, kind: str) -> str:
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return (
        f"<{_FACILITY * 8 + severity}>1 {stamp} {_name(host)} yett {process} {_name(kind)[:32]} - "
    )


def _name(text: str) -> str:
    """PRINTUSASCII, at least one character (RFC 5424, 6)."""
    return "".join(c for c in text if "!" <= c <= "~")[:_NAME_CHARS_MAX] or "-"
