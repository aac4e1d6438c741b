"""What is wrong with a certificate and its key, in words an operator can act on."""

import stat
from pathlib import Path
from typing import Final, final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from yett.core.errors import ConfigurationError, Problem

_CERTIFICATE: Final = ("tls", "certificate")
_KEY: Final = ("tls", "key")


@final
class Pair(msgspec.Struct, frozen=True):
    """expires_at: of the leaf, seconds since 1970."""

    leaf: x509.Certificate
    expires_at: float


def read_pair(certificate: Path, key: Path, *, at: float) -> Pair:
    """Read a chain and its key (PEM) and judge them. at: seconds since 1970.

    Raises:
        ConfigurationError: all that is wrong: missing, no PEM, readable by others, another key's,
            expired, not yet valid.
    """
    problems: list[Problem] = []
    leaf = _read_leaf(certificate, problems)
    public_key = _read_public_key(key, problems)
    if leaf is not None:
        problems += _judge_dates(leaf, certificate, at)
        if public_key is not None and public_key != _public_bytes(leaf.public_key()):
            problems.append(
                Problem(
                    f"the key {key} is not the key of {certificate}",
                    fix="Give the two files that were made together.",
                    path=_KEY,
                )
            )
    if problems or leaf is None:
        raise ConfigurationError(problems)
    return Pair(leaf, leaf.not_valid_after_utc.timestamp())


def read_certificate(path: Path) -> x509.Certificate:
    """Read the first certificate of a PEM file, which is the leaf (RFC 8446, 4.4.2).

    Raises:
        ConfigurationError: the file cannot be read or holds none.
    """
    problems: list[Problem] = []
    leaf = _read_leaf(path, problems)
    if leaf is None:
        raise ConfigurationError(problems)
    return leaf


def _read_leaf(path: Path, problems: list[Problem]) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]
    except OSError as error:
        message = f"the certificate {path} cannot be read ({error.strerror})"
    except (ValueError, UnsupportedAlgorithm):
        message = f"{path} holds no certificate in PEM form"
    fix = "Name the file with the certificate and its chain, the certificate first."
    problems.append(Problem(message, fix=fix, path=_CERTIFICATE))
    return None


def _read_public_key(path: Path, problems: list[Problem]) -> bytes | None:
    fix = "Name the file with the private key, in PEM form and without a passphrase."
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        message = f"the key {path} cannot be read ({error.strerror})"
        problems.append(Problem(message, fix=fix, path=_KEY))
        return None
    if mode & stat.S_IRWXO:
        message = f"the key {path} may be read by everybody"
        problems.append(Problem(message, fix=f"Run `chmod o-rwx {path}`.", path=_KEY))
    try:
        return _public_bytes(load_pem_private_key(content, password=None).public_key())
    except TypeError:
        message = f"the key {path} is protected by a passphrase"
    except (ValueError, UnsupportedAlgorithm):
        message = f"{path} holds no private key in PEM form"
    problems.append(Problem(message, fix=fix, path=_KEY))
    return None


def _judge_dates(leaf: x509.Certificate, path: Path, at: float) -> list[Problem]:
    if at > leaf.not_valid_after_utc.timestamp():
        message = f"the certificate {path} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        return [Problem(message, fix="Renew it.", path=_CERTIFICATE)]
    if at < leaf.not_valid_before_utc.timestamp():
        begin = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        message = f"the certificate {path} is not valid before {begin}"
        fix = "Wait until then, or correct this machine's clock."
        return [Problem(message, fix=fix, path=_CERTIFICATE)]
    return []


def _public_bytes(key: object) -> bytes:
    encode = getattr(key, "public_bytes")  # noqa: B009 - all public keys have it, no common type says so
    found = encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return bytes(found)
