"""The record of one call: filled in on the call's way, written when and where the promise wants it.

An allowed call has two lines, the intent (before anything outside is touched) and the outcome
(before the answer leaves); every other decision has one. For a `write` both lines are on the disk
itself before things go on; for a `read` they are with the kernel, which syncs them soon.
"""

import contextlib
from collections.abc import Callable
from typing import Final, final

import msgspec

from yett.audit.bugs import place_of, trace
from yett.audit.encode import Encoder
from yett.audit.port import AuditLog, Unwritable
from yett.core.bounds import NOTICES_PER_CALL_MAX
from yett.core.call import Call, Reply, Usage
from yett.core.errors import Denied, Fault, Refusal
from yett.core.identity import Principal
from yett.core.notices import Notice, Several
from yett.core.operations import Kind
from yett.core.proofs import Admitted, Cleaned, Identified, Permitted, PermittedList, Resolved
from yett.core.reasons import Reason
from yett.core.summary import Decision, Status, Summary
from yett.core.talk import INPUT_REQUIRED
from yett.core.target import JSON, Target

Observer = Callable[[Summary], None]

_TOOL: Final = Kind.TOOL  # an attribute of an enumeration costs ten times a global

_ANSWERED: Final = frozenset(
    {Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID, Reason.ANSWER_BLOCKED}
)
"""Only a call that was sent can end so, whether or not the refusal says `sent`."""


@final
class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What records are written with. strict: every call is as durable as one that writes."""

    log: AuditLog
    encoder: Encoder
    wall: Callable[[], float]
    monotonic: Callable[[], float]
    observers: tuple[Observer, ...] = ()
    strict: bool = False


@final
class Record(msgspec.Struct, gc=False):
    """Begun for every request; `close` or `abandon` ends it, once.

    _intent: its sequence; 0: there is none. _durable: the outcome must be synced as well.
    _released: from here on the upstream may have been touched. _outcome: of an answer, if there is
    one. _ended_at, _seconds: wall clock and duration, when the last line is written.
    """

    _desk: Desk
    _call: Call
    _principal: Principal | None = None
    _target: Target | None = None
    _permitted: Permitted | None = None
    _admitted: Admitted | None = None
    _intent: int = 0
    _durable: bool = False
    _released: bool = False
    _cleaned: Cleaned | None = None
    _outcome: Status = "ok"
    _cost: int = 0
    _listed: PermittedList | None = None
    _refusal: Refusal | None = None
    _ended_at: float = 0.0
    _seconds: float = 0.0
    _notices: int = 0

    def attribute(self, caller: Identified) -> None:
        """From here on the record names the caller."""
        self._principal = caller.principal

    def aim(self, resolved: Resolved) -> None:
        """From here on it names a target that exists."""
        self._target = resolved.target

    def permit(self, permitted: Permitted) -> None:
        """From here on it names the policies, and the caller may know the target's name."""
        self._permitted = permitted

    async def intend(self, admitted: Admitted) -> None:
        """Write down what is about to be done; return when that is as durable as the call demands.

        Raises:
            Fault: AUDIT_UNAVAILABLE; nothing may be sent.
        """
        self._admitted = admitted
        desk = self._desk
        wall = desk.wall  # an attribute that is called is looked up faster in two steps
        try:
            self._intent = desk.log.append(desk.encoder.intent(wall(), admitted))
            if desk.strict or admitted.validated.permitted.target.access == "write":
                self._durable = True
                await desk.log.sync()
        except Unwritable as trouble:
            raise Fault(Reason.AUDIT_UNAVAILABLE, str(trouble)) from trouble
        self._released = True

    def hear(self, cleaned: Notice | Several | None) -> bool:
        """Count what a server says in the middle of the call; return whether it may still be passed on, all of it.
        None: it was not fit to leave."""
        self._notices += len(cleaned.members) if type(cleaned) is Several else 1
        return cleaned is not None and self._notices <= NOTICES_PER_CALL_MAX

    def answer(self, cleaned: Cleaned, usage: Usage) -> Reply:
        self._cleaned = cleaned
        self._cost = usage.cost_micros
        permitted, result = self._permitted, cleaned.result
        if result is None or result.get("isError") is True:
            self._outcome = "tool_error"
        elif self._call.talk is not None and result.get("resultType") == INPUT_REQUIRED:
            self._outcome = "input_required"
        return Reply(
            call=self._call,
            principal=self._principal,
            result=result,
            encoded=b"" if result is None else cleaned.encoded,
            error=cleaned.error,
            usage=usage,
            target="" if permitted is None else permitted.target.key,
        )

    def answer_list(self, permitted: PermittedList, result: dict[str, JSON]) -> Reply:
        self._listed = permitted
        return Reply(call=self._call, principal=self._principal, result=result)

    def answer_own(self, result: dict[str, JSON]) -> Reply:
        return Reply(call=self._call, principal=self._principal, result=result)

    def refuse(self, refusal: Refusal) -> Reply:
        self._refusal = refusal
        if self._is_touched(refusal) and self._admitted is not None:
            self._cost = self._admitted.cost_micros  # an unknown outcome counts as spent
        return Reply(
            call=self._call,
            principal=self._principal,
            refusal=refusal,
            target=self._shown_target(),
        )

    def fail(self, bug: Exception) -> Reply:
        """Refuse because of a mistake of ours. Its message may quote anything, so it stays out of
        the record; the log, which is redacted, gets the traceback."""
        trace(bug, self._call.id)
        return self.refuse(Fault(Reason.INTERNAL_ERROR, place_of(bug), sent=self._released))

    def abandon(self) -> None:
        """Write down that nobody waits for the answer any more. There is nobody to tell if that
        fails; an intent without outcome then reads as `unknown`, which is what it is."""
        self.refuse(Fault(Reason.CANCELLED, "the caller hung up", sent=self._released))
        with contextlib.suppress(Unwritable):
            self._write()
        self._tell(self._refusal)

    async def close(self, reply: Reply) -> Reply:
        """Write the outcome, then let the answer go; without the outcome there is no answer."""
        refusal = self._refusal
        try:
            self._write()
            if self._durable:
                await self._desk.log.sync()
                self._seconds = self._desk.monotonic() - self._call.started
        except Unwritable as trouble:
            sent = self._released if refusal is None else self._is_touched(refusal)
            refusal = Fault(Reason.AUDIT_UNAVAILABLE, str(trouble), sent=sent)
            reply = Reply(
                call=self._call, principal=self._principal, refusal=refusal, target=reply.target
            )
        finally:
            self._tell(refusal)
        return reply

    def _write(self) -> None:
        desk, cleaned = self._desk, self._cleaned
        wall, monotonic = desk.wall, desk.monotonic
        self._ended_at = at = wall()
        self._seconds = seconds = monotonic() - self._call.started
        refusal = self._refusal
        if refusal is not None and refusal.counted:
            return
        if cleaned is None or refusal is not None:
            members = self._short_ending()
        else:
            members = desk.encoder.answered(
                at, self._call.id, self._intent, cleaned, self._outcome, self._cost, seconds
            )
        if self._notices:
            members += f',"notices":{self._notices}'
        desk.log.append(members)

    def _short_ending(self) -> str:
        """Put an ending without an answer of an upstream into words."""
        encoder, latency, refusal, listed = (
            self._desk.encoder,
            self._seconds,
            self._refusal,
            self._listed,
        )
        if refusal is not None:
            ending = encoder.refused(
                _decision(refusal), refusal.reason, refusal.private, self._status(refusal), latency
            )
            if self._intent:
                return encoder.ended(
                    self._ended_at, self._call, self._intent, ending, cost=self._cost
                )
            return self._single("refusal", ending)
        if listed is not None:
            ending = encoder.served(latency, count=len(listed.targets), version=listed.version)
            return self._single("listing", ending)
        return self._single("own", encoder.served(latency, count=None, version=None))

    def _single(self, kind: str, ending: str) -> str:
        refusal, permitted = self._refusal, self._permitted
        verdict = None if refusal is None else refusal.verdict
        if permitted is not None:
            verdict = (permitted.policies, permitted.version)
        return self._desk.encoder.single(
            self._ended_at,
            kind,
            self._call,
            ending,
            principal=self._principal,
            target=self._target,
            verdict=verdict,
            # What broke us once, perhaps by its input, must not break the record of it.
            with_input=refusal is None or refusal.reason is not Reason.INTERNAL_ERROR,
        )

    def _tell(self, refusal: Refusal | None) -> None:
        observers, cleaned = self._desk.observers, self._cleaned
        if not observers:
            return
        if cleaned is None or refusal is not None:
            summary = self._summary(refusal)
        else:
            summary = self._summary_of_answer(cleaned)
        for observe in observers:
            observe(summary)

    def _summary_of_answer(self, cleaned: Cleaned) -> Summary:
        call, answered = self._call, cleaned.answered
        admitted = answered.armed.admitted
        permitted = admitted.validated.permitted
        target, principal = permitted.target, permitted.principal
        return Summary(  # by place: eighteen names cost more than what they name
            call.id,
            call.operation.method,
            call.door,
            target.server,
            target.name if target.kind is _TOOL else _shown_name(target),
            principal.tenant,
            "allowed",
            None,
            self._outcome,
            self._ended_at,
            self._seconds,
            answered.seconds,
            self._cost,
            admitted.currency,
            len(cleaned.encoded),
            cleaned.findings,
            principal.id,
            call.peer,
        )

    def _summary(self, refusal: Refusal | None) -> Summary:
        """Sum up what ended in any other way."""
        call, target, cleaned = self._call, self._target, self._cleaned
        principal = self._principal
        return Summary(
            id=call.id,
            method=call.operation.method,
            door=call.door,
            server=None if target is None else target.server,
            tool=None if target is None else _shown_name(target),
            tenant=None if principal is None else principal.tenant,
            decision=_decision(refusal),
            reason=None if refusal is None else refusal.reason,
            status=self._status(refusal),
            ended_at=self._ended_at,
            seconds=self._seconds,
            upstream_seconds=None if cleaned is None else cleaned.answered.seconds,
            cost_micros=self._cost,
            currency="USD" if self._admitted is None else self._admitted.currency,
            bytes=None if cleaned is None else len(cleaned.encoded),
            findings=() if cleaned is None else cleaned.findings,
            caller=None if principal is None else principal.id,
            peer=call.peer,
        )

    def _status(self, refusal: Refusal | None) -> Status:
        if refusal is None:
            return self._outcome
        return "unknown" if self._is_touched(refusal) else "refused"

    def _is_touched(self, refusal: Refusal) -> bool:
        """Tell whether the upstream may have done something."""
        return self._released and (refusal.sent or refusal.reason in _ANSWERED)

    def _shown_target(self) -> str:
        """Before authorization said yes, not even the canonical name is the caller's business."""
        return "" if self._permitted is None else self._permitted.target.key


def _shown_name(target: Target) -> str:
    """What metrics and traces may show: of a template itself, never the URI that a caller put into it."""
    if target.kind is Kind.RESOURCE:
        return str(target.definition.get("uriTemplate", target.name))
    return target.name


def _decision(refusal: Refusal | None) -> Decision:
    if refusal is None:
        return "allowed"
    return "denied" if isinstance(refusal, Denied) else "error"
