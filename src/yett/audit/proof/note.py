"""Checkpoints and the notes that carry them: text and signatures (C2SP signed-note, tlog-checkpoint,
tlog-cosignature). Pure.

A checkpoint is a note of three lines: whose log, how many lines it has, and the root of their tree.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = 1
COSIGNATURE: Final = 4
NOTE_BYTES_MAX: Final = 65_536
_KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_NOTES: Final = re.compile(r"(?:[^\n]+\n){3,16}\n(?:— [^\n]+\n){1,32}")
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]{1,255}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")


class NoteError(ValueError):
    """What was shown is no note, or not one that a known key signed. The message says which."""


@final
class VerifierKey(msgspec.Struct, frozen=True):
    """A public key that signs notes. kind: ED25519 for a log, COSIGNATURE for a witness. public: 32 bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        seed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return sha256(seed).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """As other programs take it: `name+id+base64(kind ‖ key)`."""
        return f"{self.name}+{self.id.hex()}+{_encode(bytes([self.kind]) + self.public)}"

    def signed(self, text: str, signature: bytes) -> bool:
        """Tell whether `signature`, without the id in front, is this key's over `text`."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(signature) < _TIME_BYTES:
                return False
            moment = int.from_bytes(signature[:_TIME_BYTES], "big")
            message = cosigned(text, moment)
            signature = signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@final
class Checkpoint(msgspec.Struct, frozen=True):
    """size: lines of the log, that is the last one's sequence. root: 32 bytes. note: the signed whole."""

    origin: str
    size: int
    root: bytes
    note: str

    @property
    def text(self) -> str:
        """What the signatures are over."""
        return split(self.note)[0]


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    return f"{origin}\n{size}\n{_encode(root)}\n"


def cosigned(text: str, moment: int) -> bytes:
    """Return what a witness signs at `moment` (seconds since 1970)."""
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def sign(text: str, name: str, private: Ed25519PrivateKey) -> str:
    """Return the signature line of a log."""
    key = VerifierKey(name, ED25519, private.public_key().public_bytes_raw())
    return f"— {name} {_encode(key.id + private.sign(text.encode()))}\n"


def cosign(text: str, name: str, private: Ed25519PrivateKey, moment: int) -> str:
    """Return the signature line of a witness."""
    key = VerifierKey(name, COSIGNATURE, private.public_key().public_bytes_raw())
    signature = moment.to_bytes(_TIME_BYTES, "big") + private.sign(cosigned(text, moment))
    return f"— {name} {_encode(key.id + signature)}\n"


def parse_key(text: str) -> VerifierKey:
    """Read a public key as `str(VerifierKey)` writes it.

    Raises:
        NoteError: it is none.
    """
    name, _, rest = text.strip().partition("+")
    claimed, _, material = rest.partition("+")
    raw = _decode(material)
    if len(raw) != 33 or raw[0] not in (ED25519, COSIGNATURE) or not _NAME.fullmatch(name):  # noqa: PLR2004 - one byte for the kind
        raise NoteError("this is no public key of a log or a witness: `name+id+key` is expected")
    key = VerifierKey(name, raw[0], raw[1:])
    if key.id.hex() != claimed:
        raise NoteError("the id of this public key does not belong to it: a part of it is wrong")
    return key


def split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a note, and its signatures: names, and ids followed by what was signed.

    Raises:
        NoteError: it is no note.
    """
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or len(note) > NOTE_BYTES_MAX:
        raise NoteError("this is no signed note")
    return text + "\n", list(signatures(tail))


def signatures(lines: str) -> Iterator[tuple[str, bytes]]:
    """Read signature lines.

    Raises:
        NoteError: one of them is none.
    """
    for line in lines.splitlines():
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        raw = _decode(encoded)
        if mark != "—" or not _NAME.fullmatch(name) or len(raw) <= _KEY_ID_BYTES:
            raise NoteError("a signature line has not the form of one")
        yield name, raw


def signers(note: str, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Return which of the keys signed a note. One that only claims to have is reason to refuse it all.

    Raises:
        NoteError: it is no note, or a signature of a known key is wrong.
    """
    text, signed = split(note)
    found = []
    known = list(keys)
    for name, raw in signed:
        for key in known:
            if (key.name, key.id) == (name, raw[:_KEY_ID_BYTES]):
                if not key.signed(text, raw[_KEY_ID_BYTES:]):
                    raise NoteError(f"the signature of `{name}` is wrong")
                found.append(key)
    return found


def parse_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint; its signatures are not looked at.

    Raises:
        NoteError: it is none.
    """
    text, _ = split(note)
    lines = text.split("\n")
    if len(lines) < 4 or not _SIZE.fullmatch(lines[1]) or not lines[0]:  # noqa: PLR2004 - three lines and the end
        raise NoteError("this is no checkpoint: name, size and root are expected")
    root = _decode(lines[2])
    if len(root) != 32:  # noqa: PLR2004 - SHA-256
        raise NoteError("the root of this checkpoint is no hash")
    return Checkpoint(lines[0], int(lines[1]), root, note)


def checkpoints_in(text: str) -> Iterator[Checkpoint]:
    """Yield every checkpoint of a file of notes, one behind the other; what is cut off is passed over."""
    for found in _NOTES.finditer(text):
        try:
            yield parse_checkpoint(found[0])
        except NoteError:
            continue


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("what should be base64 is not") from error
