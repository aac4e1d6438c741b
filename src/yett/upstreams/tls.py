"""TLS towards servers: verified always, against names, an own CA and pins. Nothing turns it off."""

import base64
import binascii
import hashlib
import ssl
import stat
from pathlib import Path
from typing import Final, final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yett.core.errors import ConfigurationError, Problem

_PIN_BYTES: Final = 32
_PREFIX: Final = "sha256/"


@final
class PinMismatchError(ssl.SSLCertVerificationError):
    """The certificate is valid, but its key is none of those that the operator named. shown: the pin
    of the key that the server has, for the operator to compare."""

    def __init__(self, shown: str = "unknown") -> None:
        message = f"the server's key is none of the pinned ones; it is {shown}"
        super().__init__(1, message)
        self.verify_code = 0
        self.verify_message = message


def client_context(
    *,
    ca: str | None,
    client_certificate: str | None,
    client_key: str | None,
    pins: tuple[str, ...] = (),
) -> ssl.SSLContext:
    """Make the context for one server.

    ca: PEM file of the only CA to trust; None: those of the system. client_certificate, client_key:
    PEM files to show the server. pins: SHA-256 of a permitted key (SubjectPublicKeyInfo, DER) in
    base64, with or without `sha256/`; the key of the server itself must be one of them (RFC 7469,
    2.4), on top of everything else.

    Raises:
        ConfigurationError: a file or a pin cannot be used.
    """
    # Not ssl.create_default_context: that one writes session keys to the file that the environment
    # variable SSLKEYLOGFILE names.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _load_authority(context, ca)
    if client_certificate is not None or client_key is not None:
        _load_own(context, client_certificate, client_key)
    if pins:
        allowed = frozenset(_read_pin(pin) for pin in pins)
        context.sslobject_class = _pinned_object(allowed)
        context.sslsocket_class = _UnpinnedSocket
    return context


def public_key_pin(certificate: bytes) -> str:
    """Return the pin of a certificate (DER), as `client_context` takes it."""
    return _PREFIX + base64.b64encode(_digest(certificate)).decode()


def _pinned_object(allowed: frozenset[bytes]) -> type[ssl.SSLObject]:
    class Pinned(ssl.SSLObject):
        """Ends the handshake, before a byte of a request is sent, if the key is not a pinned one."""

        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True)
            if certificate is None:
                raise PinMismatchError
            if _digest(certificate) not in allowed:
                raise PinMismatchError(public_key_pin(certificate))

    return Pinned


@final
class _UnpinnedSocket(ssl.SSLSocket):
    """A blocking socket would not look at the pins, so there is none."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in ssl
        del block
        raise PinMismatchError


def _digest(certificate: bytes) -> bytes:
    key = x509.load_der_x509_certificate(certificate).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).digest()


def _read_pin(text: str) -> bytes:
    try:
        pin = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        pin = b""
    if len(pin) != _PIN_BYTES:
        raise _wrong(
            f"`{text}` is not a pin",
            "Write the SHA-256 of the server's public key in base64.",
            "pins",
        )
    return pin


def _load_authority(context: ssl.SSLContext, ca: str) -> None:
    try:
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or "no certificate in PEM form"
        raise _wrong(f"the CA {ca} cannot be used ({why})", "Name its PEM file.", "ca") from None


def _load_own(context: ssl.SSLContext, certificate: str | None, key: str | None) -> None:
    if certificate is None or key is None:
        raise _wrong(
            "a client certificate and its key come together",
            "Name both files, or neither.",
            "client_key" if key is None else "client_certificate",
        )
    try:
        if Path(key).stat().st_mode & stat.S_IRWXO:
            fix = f"Run `chmod o-rwx {key}`."
            raise _wrong(f"the key {key} may be read by everybody", fix, "client_key")
        # The empty password keeps OpenSSL from asking at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or error.strerror or "not in PEM form"
        raise _wrong(
            f"the client certificate {certificate} with the key {key} cannot be used ({why})",
            "Name the PEM files of a certificate and of its key, without a passphrase.",
            "client_certificate",
        ) from None


def _wrong(message: str, fix: str, setting: str) -> ConfigurationError:
    return ConfigurationError([Problem(message, fix=fix, path=(setting,))])
