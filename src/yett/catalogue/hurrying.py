"""Looks at the texts of definitions for so long and no longer (CWE-400).

A server may offer thousands of texts each of which takes long. What was not looked at is suspicious: it is
pinned as out of use, and a person who approves it has it looked at in peace.
"""

from collections.abc import Callable
from typing import Final, final

from yett.catalogue.diff import TextFindings

LOOKING_SECONDS_MAX: Final = 5.0
"""For all texts of one server, at one look."""
NOT_LOOKED_AT: Final = "was not looked at: there is too much of it"


@final
class Hurried:
    """A `TextFindings` that asks another about each text once, until the time is over."""

    __slots__ = ("_deadline", "_known", "_monotonic", "_text_findings")

    def __init__(self, text_findings: TextFindings, monotonic: Callable[[], float]) -> None:
        self._text_findings = text_findings
        self._monotonic = monotonic
        self._deadline: float | None = None
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, text: str, /) -> tuple[str, ...]:
        found = self._known.get(text)
        if found is None:
            now = self._monotonic()
            if self._deadline is None:
                self._deadline = now + LOOKING_SECONDS_MAX
            found = (NOT_LOOKED_AT,) if now > self._deadline else self._text_findings(text)
            self._known[text] = found
        return found
