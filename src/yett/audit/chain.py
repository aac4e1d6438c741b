"""The chain: how a line is sealed, and how a seal is read back. Pure; used by writer and verifier.

A line is `{"sequence":N,…,"chain":"<64 hex>"}`. Its chain value is SHA-256(0x00 ‖ previous chain value,
32 bytes ‖ the line up to `,"chain":`). That is the leaf hash of RFC 6962, section 2.1, of the entry
`previous ‖ text`, so one hash ties the line to what came before and puts it into the Merkle tree.
Format 1 had no 0x00 and closed the text with `}`; it is still read.
See docs/reference/audit-format.md.
"""

import re
from binascii import hexlify
from hashlib import sha256
from typing import Final

from yett.audit.port import Tip

DIGEST_BYTES: Final = 32
FORMAT: Final = 2
FORMATS: Final = (1, FORMAT)
LEAF: Final = b"\0"
"""In front of what a leaf is the hash of (RFC 6962, section 2.1)."""
MARK: Final = b',"chain":"'
END: Final = b'"}\n'
SEAL_BYTES: Final = len(MARK) + 2 * DIGEST_BYTES + len(b'"}')
_SEAL: Final = re.compile(rb',"chain":"([0-9a-f]{64})"\}')
_SEQUENCE: Final = re.compile(rb'\{"sequence":([1-9][0-9]{0,17}),')

# Characters that a terminal, an editor or `splitlines` would act on: DEL and C1, soft hyphen, bidi
# controls, zero-width, line and paragraph separator, BOM, tags (CWE-117, CWE-150, Trojan Source).
# In JSON they can stand only inside a string, where `\uXXXX` means the same.
_HIDDEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def seal(sequence: int, chain: bytes, members: str) -> tuple[bytes, bytes]:
    """Return the whole line, newline included, and its chain value. chain: of the line before."""
    text = f'{{"sequence":{sequence},{tidy(members)}'.encode()
    digest = sha256(LEAF + chain + text).digest()
    return text + MARK + hexlify(digest) + END, digest


def tidy(members: str) -> str:
    """Return the same members as one line of ASCII, wherever a character could act."""
    if not members.isascii() or "\x7f" in members:
        members = escape_hidden(members)
    # In JSON a line break can be white space only, and one record is one line.
    return members.replace("\n", " ")


def unseal(line: bytes) -> tuple[bytes, Tip] | None:
    """Return a line's text without its seal, and the end it claims; None if it has no such form."""
    found = _SEAL.fullmatch(line, len(line) - SEAL_BYTES) if len(line) > SEAL_BYTES else None
    number = _SEQUENCE.match(line)
    if found is None or number is None:
        return None
    return line[:-SEAL_BYTES], Tip(int(number[1]), bytes.fromhex(found[1].decode()))


def is_sealed(previous: bytes, text: bytes, claimed: bytes, format_: int = FORMAT) -> bool:
    """Tell whether `claimed` is the chain value of `text` after `previous`."""
    if format_ == 1:
        return sha256(previous + text + b"}").digest() == claimed
    return sha256(LEAF + previous + text).digest() == claimed


def escape_hidden(document: str) -> str:
    """Return the same JSON with every invisible or acting character written as an escape."""
    return _HIDDEN.sub(_escape, document)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
