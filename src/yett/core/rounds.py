"""What ties a `requestState` to the one call that it goes on with. Pure."""

from hashlib import sha256
from typing import Final, final

import msgspec

from yett.core.proofs import Permitted

OF_GATE: Final = "g:"
"""Begins the state of a question that the gate itself has put; what a server gives out never begins so."""


@final
class Round(msgspec.Struct, frozen=True):
    """What is sealed into a `requestState`.

    state: as the upstream's side gave it out. id: of the record of the round that ended. asked: key →
    method of each question.
    """

    state: str
    id: str
    asked: dict[str, str]


def purpose_of(permitted: Permitted, encoded: bytes) -> str:
    """Return what a state is sealed for: the operation, its target and its arguments (MCP 2026-07-28,
    Multi Round-Trip Requests). encoded: compact JSON of the arguments. The caller is the seal's owner."""
    call, target = permitted.call, permitted.target
    return f"round {call.operation.method} {target.key} {call.name} {sha256(encoded).hexdigest()}"
