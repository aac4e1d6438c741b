"""Who signed `yett.lock`: Ed25519, in the form of OpenSSH, so that `ssh-keygen -Y sign` does it too. Pure.

The signature lies beside the lock, in `yett.lock.sig` (OpenSSH PROTOCOL.sshsig; RFC 8032, RFC 8709).
"""

import base64
import binascii
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAMESPACE: Final = "yett.lock"
"""What the signature is for: one that was made for something else is none."""

_MAGIC: Final = b"SSHSIG"
_KIND: Final = b"ssh-ed25519"
_VERSION: Final = (1).to_bytes(4, "big")
_HASHES: Final = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"
_LINE_CHARS: Final = 70
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES_MAX: Final = 4_096


def read_signer(text: str) -> bytes:
    """Return the key of a line as it stands in `id_ed25519.pub`: `ssh-ed25519 AAAA… comment`.

    Raises:
        ValueError: it is no such line; says what is wrong.
    """
    kind, _, rest = text.strip().partition(" ")
    if kind != _KIND.decode():
        raise ValueError("it does not begin with `ssh-ed25519`; only such keys sign a lock")
    try:
        blob = base64.b64decode(rest.split(" ", 1)[0], validate=True)
        name, key = _take(blob, 2)
    except (binascii.Error, ValueError):
        raise ValueError("it is cut off, or no public key") from None
    if name != _KIND or len(key) != _KEY_BYTES:
        raise ValueError("it is cut off, or no public key")
    return key


def show_signer(key: bytes) -> str:
    """Return the line of a key."""
    return f"{_KIND.decode()} {base64.b64encode(_string(_KIND) + _string(key)).decode()}"


def sign(content: bytes, key: Ed25519PrivateKey) -> str:
    """Return the signature of a lock, ready for its file."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = key.sign(_what_is_signed(content, b"sha512"))
    blob = b"".join(
        (
            _MAGIC,
            _VERSION,
            _string(_string(_KIND) + _string(public)),
            _string(NAMESPACE.encode()),
            _string(b""),
            _string(b"sha512"),
            _string(_string(_KIND) + _string(signature)),
        )
    )
    text = base64.b64encode(blob).decode()
    lines = [text[start : start + _LINE_CHARS] for start in range(0, len(text), _LINE_CHARS)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def signer_of(content: bytes, signature: bytes) -> bytes | None:
    """Return the key that made this signature of this lock; None if there is none that did."""
    try:
        key, hashed, signed = _read(signature)
        Ed25519PublicKey.from_public_bytes(key).verify(signed, _what_is_signed(content, hashed))
    except (InvalidSignature, ValueError, binascii.Error):
        return None
    return key


def _read(signature: bytes) -> tuple[bytes, bytes, bytes]:
    """Return key, name of the hash, and the signature itself."""
    text = signature[:_SIGNATURE_BYTES_MAX].decode("ascii").strip()
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        raise ValueError("no signature")
    blob = base64.b64decode("".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    head = _MAGIC + _VERSION
    if not blob.startswith(head):
        raise ValueError("no signature")
    public, namespace, reserved, hashed, signed = _take(blob[len(head) :], 5)
    kind, key = _take(public, 2)
    signed_kind, made = _take(signed, 2)
    if (kind, signed_kind, namespace, reserved) != (_KIND, _KIND, NAMESPACE.encode(), b""):
        raise ValueError("a signature of another kind, or for something else")
    if hashed not in _HASHES:
        raise ValueError("an unknown hash")
    return key, hashed, made


def _what_is_signed(content: bytes, hashed: bytes) -> bytes:
    digest = _HASHES[hashed](content).digest()
    parts = (NAMESPACE.encode(), b"", hashed, digest)
    return _MAGIC + b"".join(_string(part) for part in parts)


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _take(blob: bytes, count: int) -> list[bytes]:
    """Read strings with their lengths, exactly so many."""
    found = []
    for _ in range(count):
        size = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + size:
            raise ValueError("cut off")
        found.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    if blob:
        raise ValueError("something follows")
    return found
