"""Looks at the texts of definitions for so long and no longer (CWE-400).

A server may offer thousands of texts each of which takes long. What was not looked at is suspicious: it is
pinned as out of use, and a person who approves it has it looked at in peace.
"""

from collections.abc import Callable
from typing import Final, final

from yett.catalogue.diff import TextFindings

LOOKING_SECONDS_MAX: Final = 5.0
"""Of work for all texts of one server, at one look: on a busy machine a tool is not put out of use for what
others do."""
NOT_LOOKED_AT: Final = "was not looked at: there is too much of it"


@final
class Hurried:
    """A `TextFindings` that asks another about each text once, until the time is over. worked: seconds that the
    calling thread has worked."""

    __slots__ = ("_known", "_spent", "_text_findings", "_worked")

    def __init__(self, text_findings: TextFindings, worked: Callable[[], float]) -> None:
        self._text_findings = text_findings
        self._worked = worked
        self._spent = 0.0
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, text: str, /) -> tuple[str, ...]:
        found = self._known.get(text)
        if found is None:
            found = (NOT_LOOKED_AT,) if self._spent > LOOKING_SECONDS_MAX else self._look(text)
            self._known[text] = found
        return found

    def _look(self, text: str) -> tuple[str, ...]:
        began = self._worked()
        try:
            return self._text_findings(text)
        finally:
            self._spent += self._worked() - began
