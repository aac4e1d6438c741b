"""The form of an API key: `yett_<environment>_<id>_<secret><checksum>`. Pure.

The id is public (it names the key in records and commands). The secret is 32 random bytes in base62,
43 characters. The checksum is the CRC-32 of everything before it in base62, 6 characters: a secret
scanner can tell a key from a look-alike without asking anybody. It protects nothing.
"""

import re
import secrets
import zlib
from typing import Final, final

import msgspec

from yett.core.identity import Environment
from yett.core.secret import Secret

CREDENTIAL_BYTES_MAX: Final = 256
ID_START: Final = len("yett_live_")
ID_END: Final = ID_START + 12

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_CHARS: Final = 12
_SECRET_BYTES: Final = 32
_SECRET_CHARS: Final = 43
_CHECKSUM_CHARS: Final = 6
_PATTERN: Final = re.compile(
    rb"yett_(?P<environment>live|test)_(?P<id>[0-9A-Za-z]{12})_[0-9A-Za-z]{43}(?P<sum>[0-9A-Za-z]{6})"
)


@final
class ParsedKey(msgspec.Struct, frozen=True):
    environment: str
    id: str


def make_key(environment: Environment, key_id: str) -> Secret:
    """Return a new key with a fresh secret."""
    number = int.from_bytes(secrets.token_bytes(_SECRET_BYTES), "big")
    body = f"yett_{environment}_{key_id}_{_base62(number, _SECRET_CHARS)}"
    return Secret(body + _checksum(body.encode()))


def make_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARS))


def parse_key(credential: bytes) -> ParsedKey | None:
    """Return the public parts, or None if this is no key of ours (checksum included)."""
    match = _PATTERN.fullmatch(credential)
    if match is None or _checksum(credential[:-_CHECKSUM_CHARS]).encode() != match["sum"]:
        return None
    return ParsedKey(match["environment"].decode(), match["id"].decode())


def _checksum(body: bytes) -> str:
    return _base62(zlib.crc32(body), _CHECKSUM_CHARS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
