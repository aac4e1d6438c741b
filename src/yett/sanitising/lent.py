"""The secret that this very call was armed with, taken out of the answer by its exact value.

Detectors know secrets by their form; this one is known by heart. A server that echoes its request
would otherwise hand its credential to the caller (promise 5). Pure.
"""

import base64
import binascii
import contextlib
from typing import Final

from yett.core.document import encode
from yett.core.proofs import Credential

FINDING: Final = "secret:own-credential"
_SHOWN: Final = b"[redacted:own-credential]"
_BYTES_MIN: Final = 8
"""Shorter values would be found in innocent words; the vault refuses them as weak."""


def without_lent(encoded: bytes, credential: Credential) -> bytes:
    """Return compact JSON without what was lent; the same object if it was not in there."""
    for _, secret in credential.headers:
        for value in _forms(secret.reveal()):
            if value in encoded:
                encoded = encoded.replace(value, _SHOWN)
    return encoded


def _forms(header: bytes) -> list[bytes]:
    """Return, as they would stand in JSON, the value itself and what it is made of."""
    scheme, _, token = header.partition(b" ")
    forms = [header]
    if token:
        forms.append(token)
    if scheme == b"Basic":
        with contextlib.suppress(binascii.Error):
            forms.append(base64.b64decode(token, validate=True).partition(b":")[2])
    # Longest first: a part that is taken out first would leave the rest of the whole standing.
    return [
        encode(form.decode("latin-1"))[1:-1]
        for form in sorted(forms, key=len, reverse=True)
        if len(form) >= _BYTES_MIN
    ]
