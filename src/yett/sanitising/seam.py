"""A secret that a server says in two pieces, one notice each, is whole where they meet."""

from collections.abc import Sequence
from typing import Final, final

from yett.core.document import encode
from yett.core.target import JSON
from yett.sanitising.scanner import secrets_scanner

_KEPT_CHARS: Final = 256
"""Of what was said last. A longer secret, or one in more pieces than that, is not put together."""


@final
class Seam:
    """What one server has said last during one call."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said = ""

    def is_crossed(self, params: dict[str, JSON]) -> bool:
        """Tell whether a secret begins in what was said before and ends in what is said now."""
        text = params.get("message")
        if not isinstance(text, str):
            text = params.get("data")
        before, joined = self._said, f"{self._said}{text}" if isinstance(text, str) else self._said
        self._said = joined[-_KEPT_CHARS:]
        if not before or joined is before:
            return False
        scanner, place = secrets_scanner(), len(before.encode())
        hits = scanner.scan(encode(joined))
        if hits is None:
            return False
        return any(
            start < place < end for start, end, _ in scanner.spans(joined.encode(), hits.rules)
        )

    def lies_in(self, texts: Sequence[str]) -> bool:
        """Tell whether a secret may lie where some of these, said one after the other, meet what was said before;
        if so, each is to be looked at by itself. If not, they have been said."""
        joined = f"{self._said}{''.join(texts)}"
        hits = secrets_scanner().scan(encode(joined))
        if hits is not None and hits.rules:
            return True
        self._said = joined[-_KEPT_CHARS:]
        return False
