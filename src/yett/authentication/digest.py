"""The keyed hash under which a key is stored: HMAC-SHA-256 with the pepper (RFC 2104, FIPS 198-1).

Whoever steals the database without the pepper can neither use nor test a key. A slow hash would add
nothing: the secret has 256 random bits.
"""

import hashlib
from typing import Final, final

from yett.core.secret import Secret

_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


@final
class KeyedHash:
    """Holds the two half-done hashes, which makes a digest about three times cheaper than `hmac`."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, pepper: Secret) -> None:
        block = pepper.reveal().ljust(_BLOCK_BYTES, b"\0")
        if len(block) != _BLOCK_BYTES:
            raise ValueError("a pepper is at most one block long")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def digest(self, credential: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(credential)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()
