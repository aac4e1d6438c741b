"""The secret that this very call was armed with, taken out of the answer by its exact value.

Detectors know secrets by their form; this one is known by heart. A server that echoes its request
would otherwise hand its credential to the caller (promise 5). Pure.
"""

import base64
import binascii
import contextlib
from collections.abc import Iterator
from typing import Final, final

from yett.core.document import encode
from yett.core.proofs import Credential

FINDING: Final = "secret:own-credential"
_SHOWN: Final = b"[redacted:own-credential]"
_BYTES_MIN: Final = 8
"""Shorter values would be found in innocent words; the vault refuses them as weak."""


@final
class Lent:
    """What each server was lent last, in the forms in which it would stand in an answer: they are made once for
    each lease and not for each call."""

    __slots__ = ("_forms",)

    def __init__(self) -> None:
        self._forms: dict[str, tuple[Credential, tuple[bytes, ...]]] = {}

    def is_in(self, encoded: bytes, server: str, credential: Credential) -> bool:
        """Tell whether something of it stands in compact JSON. server: whose credential it is."""
        kept = self._forms.get(server)
        if kept is None or kept[0] is not credential:
            kept = self._forms[server] = (credential, tuple(_all_forms(credential)))
        for form in kept[1]:  # noqa: SIM110 - a generator costs each call
            # `find`, because `in` makes and throws away an error for each pair of bytes (CPython 3.11).
            if encoded.find(form) >= 0:
                return True
        return False


def without_lent(encoded: bytes, credential: Credential) -> bytes:
    """Return compact JSON without what was lent; the same object if it was not in there."""
    for value in _all_forms(credential):
        if value in encoded:
            encoded = encoded.replace(value, _SHOWN)
    return encoded


def _all_forms(credential: Credential) -> Iterator[bytes]:
    for _, secret in credential.headers:
        yield from _forms(secret.reveal())


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
