"""TLS towards callers: TLS 1.2 or newer, and a new certificate without a restart."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem
from yett.edge.certificate import Pair, read_pair

# RFC 9325, 4.2: forward secrecy and AEAD only. TLS 1.3 has no other suites anyway.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(
    certificate: Path, key: Path, *, clock: Clock, client_ca: Path | None = None
) -> ssl.SSLContext:
    """Make the context of a listener. client_ca: ask callers for a certificate that this CA issued.

    Raises:
        ConfigurationError: the files cannot be used; every problem at once.
    """
    return _load(certificate, key, clock, client_ca)[0]


@final
class ReloadingContext:
    """A context whose certificate follows its files. Open connections keep what they began with.

    A new pair is checked whole and put into a context of its own; only then do handshakes get that
    one. A pair that is no good is reported once and leaves the old one serving.

    Raises:
        ConfigurationError: the files cannot be used at the start.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        *,
        clock: Clock,
        report: Callable[[ConfigurationError], None],
        client_ca: Path | None = None,
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._clock = clock
        self._report = report
        self._loaded = self._state()
        self._reported = self._loaded
        self.context, self._pair = _load(certificate, key, clock, client_ca)
        """What the listener is given, once."""
        self._current = self.context
        # Called in each handshake, also for clients that send no server name.
        self.context.sni_callback = self._choose

    def refresh(self) -> bool:
        """Load the files again if they changed; say whether a new pair serves now."""
        state = self._state()
        if state == self._loaded:
            return False
        try:
            self._current, self._pair = _load(
                self._certificate, self._key, self._clock, self._client_ca
            )
        except ConfigurationError as error:
            if state != self._reported:
                self._reported = state
                self._report(error)
            return False
        # The state from before loading: a file that changed meanwhile is loaded again.
        self._loaded = state
        return True

    def expires_at(self) -> float:
        """Return when the certificate that serves expires, in seconds since 1970."""
        return self._pair.expires_at

    def _choose(
        self, connection: ssl.SSLObject, server_name: str | None, _: ssl.SSLContext
    ) -> None:
        del server_name
        if connection.context is not self._current:
            connection.context = self._current

    def _state(self) -> tuple[tuple[int, ...], ...]:
        paths = [self._certificate, self._key, *([self._client_ca] if self._client_ca else [])]
        return tuple(_state_of(path) for path in paths)


def _state_of(path: Path) -> tuple[int, ...]:
    try:
        state = path.stat()
    except OSError:
        return ()
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode)


def _load(
    certificate: Path, key: Path, clock: Clock, client_ca: Path | None
) -> tuple[ssl.SSLContext, Pair]:
    pair = read_pair(certificate, key, at=clock.wall())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise _unusable(certificate, error, ("tls", "certificate")) from None
    if client_ca is not None:
        try:
            context.load_verify_locations(cafile=client_ca)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(client_ca, error, ("tls", "client_ca")) from None
        context.verify_mode = ssl.CERT_REQUIRED
        # A resumed session would not show its certificate again, and outlive a withdrawn CA.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context, pair


def _unusable(path: Path, error: OSError, where: tuple[str, ...]) -> ConfigurationError:
    why = getattr(error, "reason", None) or error.strerror or "not usable"
    problem = Problem(
        f"{path} cannot be used for TLS ({why})",
        fix="Name a PEM file with keys of at least 2048 bits (RSA) or 256 bits (EC).",
        path=where,
    )
    return ConfigurationError([problem])
