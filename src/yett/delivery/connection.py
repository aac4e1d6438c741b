"""A connection that cannot hold anybody: each step has a time-out, and the whole has an end.

Blocking on purpose: nothing on the way of a call waits for it, and threads do this beside the loop.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

SECONDS_MAX: Final = 10.0
"""For all of one attempt, from the connection to the last byte of the answer."""
_STEP_SECONDS_MAX: Final = 5.0


class Undelivered(Exception):
    """Nobody took the message, or nobody said so. The text is for the operator and quotes no secret, no
    address that may hold one, and nothing that the other side said."""


@contextmanager
def connected(
    host: str, port: int, *, tls: ssl.SSLContext | None = None, seconds: float = SECONDS_MAX
) -> Iterator[socket.socket]:
    """Connect, with TLS if there is a context for it; close at the end of the block, and cut whatever is
    under way after `seconds`: a peer that sends a byte now and then never runs into a time-out (CWE-400).

    Raises:
        Undelivered: nobody there, not who it should be, or not in time; whatever the block raises of these
            kinds becomes one, too.
    """
    cut = threading.Event()
    try:
        with socket.create_connection((host, port), _STEP_SECONDS_MAX) as raw, raw.dup() as guard:
            timer = threading.Timer(seconds, _cut, (guard, cut))
            timer.daemon = True
            timer.start()
            try:
                with _secured(raw, tls, host) as connection:
                    yield connection
            finally:
                timer.cancel()
    except OSError as error:
        raise Undelivered("not in time" if cut.is_set() else why(error)) from error
    except UnicodeError as error:
        raise Undelivered("there is no host of this name") from error


def client_context(ca: str | None) -> ssl.SSLContext:
    """Make a context that verifies the other side. ca: PEM file of the only authorities to trust; None:
    those of the system.

    Not `ssl.create_default_context`, which writes session keys to the file that SSLKEYLOGFILE names.

    Raises:
        Undelivered: the file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            context.load_verify_locations(ca)
    except OSError as error:
        raise Undelivered("the file of authorities (`ca`) cannot be used") from error
    return context


def why(error: OSError) -> str:
    """Return what to tell of an error: never more than this machine itself knows."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or type(error).__name__}"
    if isinstance(error, TimeoutError):
        return "not in time"
    return error.strerror or type(error).__name__


@contextmanager
def _secured(raw: socket.socket, tls: ssl.SSLContext | None, host: str) -> Iterator[socket.socket]:
    if tls is None:
        yield raw
        return
    with tls.wrap_socket(raw, server_hostname=host) as connection:
        yield connection


def _cut(guard: socket.socket, cut: threading.Event) -> None:
    cut.set()
    with suppress(OSError):
        guard.shutdown(socket.SHUT_RDWR)
