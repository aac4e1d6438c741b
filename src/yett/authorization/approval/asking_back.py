"""The gate's own question to the person at the caller, and what is answered: a form with one box.

It is put like a question of a server (MCP 2026-07-28, Multi Round-Trip Requests; Elicitation), and its state
is sealed for this caller and this very call. The program at the other end answers, not the person as such: it
is asked only where a policy says that this will do.
"""

from typing import Final

import msgspec

from yett.authorization.approval.request import Request, Word
from yett.core.bounds import ROUND_SECONDS_MAX
from yett.core.proofs import Validated
from yett.core.rounds import OF_GATE, Round, purpose_of
from yett.core.seal import Sealer
from yett.core.talk import INPUT_REQUIRED, Resumption
from yett.core.target import JSON

KEY: Final = "approval"
BOX: Final = "agree"
_METHOD: Final = "elicitation/create"
_PREVIEW_CHARS_MAX: Final = 4_000


def can_be_asked(validated: Validated) -> bool:
    """Whether the caller shows forms to a person. An empty `elicitation` means forms (MCP 2025-11-25)."""
    talk = validated.permitted.call.talk
    declared = None if talk is None else talk.capabilities.get("elicitation")
    return isinstance(declared, dict) and (not declared or "form" in declared)


def question_of(request: Request, validated: Validated, sealer: Sealer) -> dict[str, JSON]:
    """Return the result that asks, in the form of 2026-07-28."""
    permitted = validated.permitted
    state = sealer.seal(
        msgspec.to_builtins(Round(OF_GATE + request.id, permitted.call.id, {KEY: _METHOD})),
        owner=permitted.principal.id,
        purpose=purpose_of(permitted, validated.encoded),
        seconds=min(ROUND_SECONDS_MAX, request.seconds),
    )
    box = {"type": "boolean", "title": "I agree to exactly this call, once", "default": False}
    form = {
        "mode": "form",
        "message": _message(request),
        "requestedSchema": {"type": "object", "properties": {BOX: box}, "required": [BOX]},
    }
    return {
        "resultType": INPUT_REQUIRED,
        "inputRequests": {KEY: {"method": _METHOD, "params": form}},
        "requestState": state,
    }


def said_in(consent: Resumption) -> tuple[str, Word | None]:
    """Return the id of the question and what was answered. None: neither yes nor no; who closes the form
    has not decided."""
    answer = consent.inputs.get(KEY)
    identifier = consent.state.removeprefix(OF_GATE)
    if not isinstance(answer, dict):
        return identifier, None
    if answer.get("action") == "accept":
        content = answer.get("content")
        agrees = isinstance(content, dict) and content.get(BOX) is True
        return identifier, "yes" if agrees else "no"
    return identifier, "no" if answer.get("action") == "decline" else None


def _message(request: Request) -> str:
    shown = f"{request.shown}\n" if request.shown else ""
    preview = request.preview[:_PREVIEW_CHARS_MAX]
    text = f"{shown}{request.caller} wants to call {request.server}/{request.tool} with:\n{preview}"
    if request.preview_cut or len(preview) < len(request.preview):
        text += (
            f"\n… THIS IS ONLY THE BEGINNING of {request.arguments_bytes} bytes. The whole has the SHA-256 "
            f"{request.arguments_digest}"
        )
    return text
