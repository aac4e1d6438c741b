"""Values that leave the gate and come back through a caller: sealed, for one owner and one purpose.

For cursors, `requestState` and ids of tasks (MCP 2026-07-28, Multi Round-Trip Requests: Server
Requirements). AES-256-GCM; owner and purpose are authenticated and not contained, so a seal that is
shown by another, or for something else, does not open (CWE-345, CWE-639). What is inside cannot be
read from outside.
"""

import base64
import binascii
import secrets
from collections import OrderedDict
from typing import Final, final

from yett.core.clock import Clock
from yett.core.document import DocumentError, encode, parse
from yett.core.target import JSON

KEY_BYTES: Final = 32
SEALED_CHARS_MAX: Final = 64 * 1024
SPENT_MAX: Final = 100_000
SPENT_PER_OWNER_MAX: Final = 10_000
_NONCE_BYTES: Final = 12
_NONCE_CHARS: Final = 16  # of a seal, are these bytes


@final
class SealError(ValueError):
    """Not a seal of this gate, of another owner or purpose, expired, or used before. Never says which."""


@final
class Sealer:
    """One per process, shared by all who seal. key: of KEY_BYTES; who holds it can forge seals."""

    __slots__ = ("_cipher", "_clock", "_count", "_spent", "_unfit")

    def __init__(self, key: bytes, clock: Clock) -> None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - many load this, few seal
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - likewise

        self._cipher = AESGCM(key)
        self._unfit = binascii.Error, ValueError, InvalidTag, DocumentError
        self._clock = clock
        # By owner: nonces of used seals, oldest first → when they have expired.
        self._spent: dict[str, OrderedDict[bytes, float]] = {}
        self._count = 0

    def seal(self, content: JSON, *, owner: str, purpose: str, seconds: float) -> str:
        """Return `content` as text of URL-safe characters that opens for `seconds`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        inside = encode([int(self._clock.wall() + seconds), content])
        sealed = nonce + self._cipher.encrypt(nonce, inside, _binding(owner, purpose))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, text: str, *, owner: str, purpose: str) -> JSON:
        """Return what was sealed.

        Raises:
            SealError: it does not open.
        """
        if not text.isascii() or len(text) > SEALED_CHARS_MAX:
            raise SealError
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            expires_at, content = parse(self._cipher.decrypt(nonce, rest, _binding(owner, purpose)))
        except self._unfit:
            raise SealError from None
        if self._clock.wall() >= expires_at:
            raise SealError
        return content

    def spend(self, text: str, *, owner: str, seconds: float) -> None:
        """Use up a seal that has been opened: what is good once is good no more. Apart from opening, so
        that a call which is refused after it can be tried again.

        seconds: as it was sealed for; the same for all that are spent.

        Raises:
            SealError: it is used up; or this owner, or all together, used so many lately that one would
                have to be forgotten, and would pass twice.
        """
        nonce, now = base64.urlsafe_b64decode(text[:_NONCE_CHARS]), self._clock.wall()
        spent = self._spent.setdefault(owner, OrderedDict())
        self._forget_old(owner, now)
        if self._count >= SPENT_MAX:
            for other in list(self._spent):
                self._forget_old(other, now)
        if nonce in spent or len(spent) >= SPENT_PER_OWNER_MAX or self._count >= SPENT_MAX:
            raise SealError
        self._spent[owner] = spent
        spent[nonce] = now + seconds
        self._count += 1

    def _forget_old(self, owner: str, now: float) -> None:
        spent = self._spent[owner]
        while spent and next(iter(spent.values())) <= now:
            spent.popitem(last=False)
            self._count -= 1
        if not spent:
            del self._spent[owner]


def _binding(owner: str, purpose: str) -> bytes:
    """No two pairs give the same bytes."""
    return encode([owner, purpose])
