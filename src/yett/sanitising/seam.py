"""A secret that a server says in two pieces, one notice each, is whole where they meet."""

from typing import Final, final

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
        text = next(
            (said for said in map(params.get, ("message", "data")) if isinstance(said, str)), ""
        )
        before, joined = len(self._said.encode()), self._said + text
        self._said = joined[-_KEPT_CHARS:]
        if not before or not text:
            return False
        scanner = secrets_scanner()
        spans = scanner.spans(joined.encode(), scanner.look(joined).rules)
        return any(start < before < end for start, end, _ in spans)
