"""AES-256-GCM in an envelope: each value has its own data key, and that key is wrapped by one key.

Both layers are bound to the name, the version and the servers of the secret (additional
authenticated data), so a row that was swapped, renamed or widened does not open (NIST SP 800-38D).
"""

import secrets
from typing import Final, final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_CHECKED: Final = b"yett vault 1: the key is the right one"


@final
class Sealed(msgspec.Struct, frozen=True):
    """wrapped_key: nonce, then the encrypted data key. nonce, ciphertext: of the value."""

    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes


@final
class Label(msgspec.Struct, frozen=True, array_like=True):
    """What a sealed value is bound to. Its encoding is part of the format: never reorder."""

    name: str
    version: int
    servers: tuple[str, ...]


@final
class Envelope:
    """Holds the key-encryption key (32 bytes); nothing gives it out."""

    __slots__ = ("_cipher",)

    def __init__(self, key: Secret) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a key-encryption key has 32 bytes")
        self._cipher = AESGCM(key.reveal())

    def seal(self, value: Secret, label: Label) -> Sealed:
        data_key = secrets.token_bytes(KEY_BYTES)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        ciphertext = AESGCM(data_key).encrypt(nonce, value.reveal(), _bound(b"value", label))
        return Sealed(self._wrap(data_key, _bound(b"key", label)), nonce, ciphertext)

    def open(self, sealed: Sealed, label: Label) -> Secret:
        """Return the value that was sealed under this label.

        Raises:
            Fault: the key is another one, or the row was changed.
        """
        try:
            data_key = self._unwrap(sealed.wrapped_key, _bound(b"key", label))
            cipher = AESGCM(data_key)
            return Secret(cipher.decrypt(sealed.nonce, sealed.ciphertext, _bound(b"value", label)))
        except (InvalidTag, ValueError):
            raise Fault(
                Reason.INTERNAL_ERROR,
                f"secret `{label.name}` does not open: the vault's key is another one, or the row"
                " was changed",
            ) from None

    def make_check(self) -> bytes:
        """Return something that only this key recognises, to be kept beside the secrets."""
        return self._wrap(_CHECKED, b"yett vault 1\0check")

    def recognises(self, check: bytes) -> bool:
        """Say whether `check` was made with this key."""
        try:
            return self._unwrap(check, b"yett vault 1\0check") == _CHECKED
        except (InvalidTag, ValueError):
            return False

    def _wrap(self, value: bytes, bound: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, bound)

    def _unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)


def _bound(layer: bytes, label: Label) -> bytes:
    return b"yett vault 1\0" + layer + b"\0" + msgspec.json.encode(label)
