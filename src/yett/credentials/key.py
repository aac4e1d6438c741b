"""The key-encryption key: read from a file, made at first use, or derived from a passphrase."""

import base64
import binascii
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from yett.core.errors import ConfigurationError, Problem
from yett.core.secret import Secret
from yett.credentials.envelope import KEY_BYTES
from yett.credentials.weakness import PASSPHRASE_CHARACTERS_MIN, is_weak_key, is_weak_passphrase
from yett.storage.files import create_private

KEY_FILE: Final = "vault.key"
SALT_BYTES: Final = 16
_FILE_BYTES_MAX: Final = 1024
# OWASP Password Storage Cheat Sheet: scrypt N=2^15, r=8, p=3; 32 MiB, about a quarter of a second.
_SCRYPT: Final = {"n": 2**15, "r": 8, "p": 3, "maxmem": 64 * 1024 * 1024}
_MAKE: Final = "Make one with `head -c 32 /dev/urandom | base64 > FILE && chmod 600 FILE`."


def derive_key(passphrase: Secret, salt: bytes) -> Secret:
    """Derive the key from a passphrase with scrypt (RFC 7914).

    Raises:
        ConfigurationError: the passphrase protects nothing.
    """
    if is_weak_passphrase(passphrase):
        raise ConfigurationError(
            [
                Problem(
                    "the vault's passphrase is too weak",
                    fix=f"Set YETT_VAULT_PASSPHRASE to {PASSPHRASE_CHARACTERS_MIN} characters or more"
                    " that nobody can guess.",
                )
            ]
        )
    return Secret(hashlib.scrypt(passphrase.reveal(), salt=salt, dklen=KEY_BYTES, **_SCRYPT))


def read_key(path: Path) -> Secret:
    """Read 32 bytes, raw or in base64, from a file that only its owner (and group) may read.

    Raises:
        ConfigurationError: there is no such file, others may read it, or it holds no good key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})", _MAKE) from None
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _unusable(path, "may be read or changed by others", f"Run `chmod 600 {path}`.")
    key = _decode(content)
    if key is None or is_weak_key(key):
        raise _unusable(path, "does not hold 32 random bytes", _MAKE)
    return key


def make_key_file(path: Path) -> None:
    """Write a new key, readable by its owner only; leave a file that is there already.

    The file appears whole or not at all, and is on the disk before anything is encrypted with it.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        create_private(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
    except OSError as error:
        raise _unusable(
            path, f"cannot be written ({error.strerror})", "Choose another place."
        ) from None


def _decode(content: bytes) -> Secret | None:
    if len(content) == KEY_BYTES:
        return Secret(content)
    try:
        decoded = base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    return Secret(decoded) if len(decoded) == KEY_BYTES else None


def _unusable(path: Path, message: str, fix: str) -> ConfigurationError:
    problem = Problem(f"the vault's key file {path} {message}", fix=fix, path=("vault", "key_file"))
    return ConfigurationError([problem])
