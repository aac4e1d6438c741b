"""What a person is asked about, and what a yes is bound to. Pure."""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, Literal, final

import msgspec

from yett.core.clock import iso_time, iso_time_or_none
from yett.core.proofs import Ask, Validated
from yett.core.target import JSON

PREVIEW_CHARS_MAX: Final = 16_384
REASON_CHARS_MAX: Final = 500
AHEAD_SECONDS_MAX: Final = 60
"""What began later than this from now began by a clock that ran ahead, and would last too long."""

State = Literal["pending", "approved", "denied", "used", "expired", "withdrawn"]
Word = Literal["yes", "no", "break-glass"]
Redact = Callable[[bytes], bytes]


@final
class Answer(msgspec.Struct, frozen=True):
    """approver: an id of an approver, or one of those below. name: as it was then."""

    approver: str
    name: str
    answer: Word
    reason: str
    at: float


@final
class Approver(msgspec.Struct, frozen=True):
    """Who answers. actor: for the record, e.g. `cli:anna`. tenant: whose calls this approver may see and
    answer; None: everybody's."""

    id: str
    name: str
    actor: str
    tenant: str | None = None

    @property
    def is_named(self) -> bool:
        """Told apart from everybody else by a secret of its own."""
        return self.id not in (OPERATOR, CALLER)


OPERATOR: Final = "operator"
"""Whoever may use the data directory: by a command, or with the admin token that lies there. That is one
person as far as anybody can tell, however often and by whichever way it answers."""
CALLER: Final = "caller"
"""The person at the caller, asked by the agent's own program."""


@final
class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question. digest: what exactly a yes is for. caller: the name of the principal. policies: those
    that ask. own: the person at the caller may be the one. seconds: how long the question waits, and
    then the yes. preview: the arguments as JSON, without secrets. is_open: it still binds anybody. expires_at: of the question, then of the yes. tell_at: when the webhook is to be told of it."""

    id: str
    digest: bytes
    principal: str
    caller: str
    tenant: str
    method: str
    server: str
    tool: str
    access: str
    definition: str
    policies: tuple[str, ...]
    policy_version: str
    shown: str
    people: int
    own: bool
    seconds: int
    preview: str
    preview_cut: bool
    arguments_bytes: int
    arguments_digest: str
    state: State
    is_open: bool
    asked_at: float
    expires_at: float
    ended_at: float | None = None
    tell_at: float | None = None
    tells: int = 0

    def state_at(self, now: float) -> State:
        """What holds at a moment; time passes whether or not anybody writes it down."""
        began_at = self.expires_at - self.seconds
        if self.state in ("pending", "approved") and not (
            began_at - AHEAD_SECONDS_MAX <= now < self.expires_at
        ):
            return "expired"
        return self.state


def digest_of(validated: Validated, ask: Ask) -> bytes:
    """Return what a yes is bound to: caller, operation, target, its approved definition, the arguments
    byte for byte, the policies and what they demand. Each part is preceded by its length, so that no two
    calls have the same."""
    permitted = validated.permitted
    target = permitted.target
    parts = (
        permitted.principal.id,
        permitted.principal.tenant,
        permitted.call.operation.method,
        target.kind,
        target.server,
        target.name,
        target.access,
        target.digest,
        asked_by_name(validated),
        permitted.version,
        str(ask.people),
        *ask.policies,
    )
    digest = sha256(b"yett approval 1")
    for part in (*(text.encode("utf-8", "surrogatepass") for text in parts), validated.encoded):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def asked_by_name(validated: Validated) -> str:
    """Return what exactly is read: of a resource, the caller's URI says what its target may not."""
    permitted = validated.permitted
    return permitted.target.name if permitted.target.kind == "tool" else permitted.call.name


def preview_of(encoded: bytes, redact: Redact) -> tuple[str, bool]:
    """Return what the approver sees of the arguments, and whether that is not all: it is only their
    beginning, or nothing, where no secret could be told from the rest.

    What cannot be seen, or turns the line around (CWE-150, CWE-451), is written as an escape.
    """
    text = redact(encoded).decode("utf-8", "replace")
    is_cut = len(text) > PREVIEW_CHARS_MAX or not text.startswith("{")
    return "".join(map(_visible, text[:PREVIEW_CHARS_MAX])), is_cut


def described(request: Request, answers: list[Answer], now: float) -> dict[str, JSON]:
    """Return what approvers and operators are shown. Nothing in it is secret."""
    return {
        "id": request.id,
        "state": request.state_at(now),
        "caller": {"id": request.principal, "name": request.caller},
        "tenant": request.tenant,
        "server": request.server,
        "tool": request.tool,
        "method": request.method,
        "access": request.access,
        "definition": request.definition,
        "arguments": request.preview,
        "arguments_cut": request.preview_cut,
        "arguments_bytes": request.arguments_bytes,
        "arguments_digest": request.arguments_digest,
        "shown": request.shown,
        "policies": list(request.policies),
        "policy_version": request.policy_version,
        "people": request.people,
        "answers": [
            {
                "name": answer.name,
                "answer": answer.answer,
                "reason": answer.reason or None,
                "at": iso_time(answer.at),
            }
            for answer in answers
        ],
        "asked_at": iso_time(request.asked_at),
        "expires_at": iso_time(request.expires_at),
        "ended_at": iso_time_or_none(request.ended_at),
    }


def event_of(name: str, request: Request, actor: str, **more: JSON) -> dict[str, JSON]:
    """Return the event that says what happened to a question."""
    return {
        "event": name,
        "actor": actor,
        "approval": request.id,
        "caller": request.principal,
        "tenant": request.tenant,
        "server": request.server,
        "tool": request.tool,
        "input_digest": request.arguments_digest,
        "people": request.people,
        **more,
    }


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x10000:  # noqa: PLR2004 - JSON writes what lies beyond as two
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
