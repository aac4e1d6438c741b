"""The record of one call: filled in on the call's way, written when and where the promise wants it.

An allowed call has two lines, the intent (before anything outside is touched) and the outcome
(before the answer leaves); every other decision has one. For a `write` both lines are on the disk
itself before things go on; for a `read` they are with the kernel, which syncs them soon. Lines of calls that come together are
written together (`Turn`): what is to be said is held here until then.

Nearly every call is plain: nothing is secret in its input, nobody had to agree to it, it costs what it cost before, its
answer is good and nothing was found in it. Its two lines are put together here, in one step each, from parts that are
kept. What is not exactly so is written by `Encoder`, in the same words.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Final, final

import msgspec

from yett.audit.bugs import place_of, trace
from yett.audit.encode import Encoder, Parts, shown_name
from yett.audit.port import AuditLog, Unwritable
from yett.audit.private import DIGEST_BYTES
from yett.audit.turn import Line, Turn, sequence_of
from yett.core.bounds import NOTICES_PER_CALL_MAX
from yett.core.call import Call, Reply, Usage
from yett.core.errors import Denied, Fault, Refusal
from yett.core.identity import Principal
from yett.core.notices import Notice, Several
from yett.core.proofs import Admitted, Cleaned, Identified, Permitted, PermittedList, Resolved
from yett.core.reasons import Reason
from yett.core.summary import Decision, Status, Summary
from yett.core.talk import INPUT_REQUIRED
from yett.core.target import JSON

Observer = Callable[[Summary], None]

_ANSWERED: Final = frozenset(
    {Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID, Reason.ANSWER_BLOCKED}
)
"""Only a call that was sent can end so, whether or not the refusal says `sent`."""


@final
class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What records are written with. strict: every call is as durable as one that writes."""

    log: AuditLog
    turn: Turn
    encoder: Encoder
    wall: Callable[[], float]
    monotonic: Callable[[], float]
    observers: tuple[Observer, ...] = ()
    strict: bool = False


@final
class Record(msgspec.Struct, gc=False):
    """Begun for every request; `close` or `abandon` ends it, once.

    caller, resolved, permitted: what was found out, for whoever is refused later. is_plain: both lines are put
    together here.

    _intent: its sequence; 0: there is none. _parts: of a plain intent. _admitted: from here on the upstream may have
    been touched. _is_durable: the outcome must be synced as well. _cleaned, _status: of an answer, if there is one.
    _ended_at, _seconds: wall clock and duration, when the last line is put into words.
    """

    _desk: Desk
    _call: Call
    caller: Identified | None = None
    resolved: Resolved | None = None
    permitted: Permitted | None = None
    is_plain: bool = False
    _intent: int = 0
    _parts: Parts | None = None
    _admitted: Admitted | None = None
    _is_durable: bool = False
    _cleaned: Cleaned | None = None
    _status: Status = "ok"
    _cost: int = 0
    _listed: PermittedList | None = None
    _refusal: Refusal | None = None
    _ended_at: float = 0.0
    _seconds: float = 0.0
    _notices: int = 0

    async def intend(self, admitted: Admitted) -> None:
        """Write down what is about to be done. Return when that is as durable as the call demands.

        Raises:
            Fault: AUDIT_UNAVAILABLE; nothing may be sent.
        """
        desk = self._desk
        line = desk.turn.put(partial(self._intent_in_words, admitted))
        try:
            self._intent = await line
            if self._is_durable:
                await desk.log.sync()
        except Unwritable as trouble:
            raise Fault(Reason.AUDIT_UNAVAILABLE, str(trouble)) from trouble
        except asyncio.CancelledError:
            self._intent = sequence_of(line)
            raise
        finally:
            del line  # it holds what was raised, which holds this frame
        self._admitted = admitted

    def _intent_in_words(self, admitted: Admitted, _at: float, _now: float) -> str:
        desk, call = self._desk, self._call
        validated, encoder = admitted.validated, desk.encoder
        permitted, encoded = validated.permitted, validated.encoded
        parts: Parts | None = permitted.standing.audit
        if parts is None or parts.policies != permitted.policies:
            parts = encoder.prepare(admitted)
        self._is_durable = parts.is_write or desk.strict
        origin = encoder.origins.get((call.door, call.protocol, call.operation.method, call.peer))
        if not (
            0 < len(encoded) <= parts.plain_bytes_max
            and origin is not None
            and call.id.isalnum()
            and call.talk is None
            and validated.resumption is None
            and admitted.agreement is None
            and admitted.cost_micros == parts.cost_micros
            and admitted.currency == parts.currency
            and encoder.redact(encoded) is encoded
        ):
            return encoder.intent(admitted, parts)
        self._parts = parts
        return (
            f'"kind":"intent","id":"{call.id}",{origin},{parts.before}"input":{encoded.decode()},'
            f'"input_digest":"{encoder.hash(encoded).hexdigest(DIGEST_BYTES)}",{parts.after}'
        )

    def hear(self, cleaned: Notice | Several | None) -> int:
        """Count what a server says in the middle of the call; return how many of it, from the first on, may still be
        passed on. None: it was not fit to leave."""
        count = len(cleaned.members) if type(cleaned) is Several else 1
        room = NOTICES_PER_CALL_MAX - self._notices
        self._notices += count
        return 0 if cleaned is None else max(0, min(count, room))

    def answer(self, cleaned: Cleaned, usage: Usage) -> Reply:
        """Return what may leave when `close` has written the outcome."""
        call, permitted, result = self._call, self.permitted, cleaned.result
        self._cleaned = cleaned
        self._cost = usage.cost_micros
        if result is None or result.get("isError") is True:
            self._status = "tool_error"
        elif call.talk is not None and result.get("resultType") == INPUT_REQUIRED:
            self._status = "input_required"
        return Reply(
            call=call,
            principal=self._principal(),
            result=result,
            encoded=b"" if result is None else cleaned.encoded,
            error=cleaned.error,
            usage=usage,
            target="" if permitted is None else permitted.target.key,
        )

    def answer_list(self, permitted: PermittedList, result: dict[str, JSON]) -> Reply:
        self._listed = permitted
        return Reply(call=self._call, principal=self._principal(), result=result)

    def answer_own(self, result: dict[str, JSON]) -> Reply:
        return Reply(call=self._call, principal=self._principal(), result=result)

    def refuse(self, refusal: Refusal) -> Reply:
        self._refusal = refusal
        # The frames in which it was raised hold this record: a circle that the collector does not look for (`gc=False`).
        refusal.__traceback__ = refusal.__context__ = refusal.__cause__ = None
        if self._admitted is not None and self._is_touched(refusal):
            self._cost = self._admitted.cost_micros  # an unknown outcome counts as spent
        return Reply(
            call=self._call,
            principal=self._principal(),
            refusal=refusal,
            target=self._shown_target(),
        )

    def fail(self, bug: Exception) -> Reply:
        """Refuse because of a mistake of ours. Its message may quote anything, so it stays out of
        the record; the log, which is redacted, gets the traceback."""
        trace(bug, self._call.id)
        return self.refuse(
            Fault(Reason.INTERNAL_ERROR, place_of(bug), sent=self._admitted is not None)
        )

    def abandon(self) -> None:
        """Write down that nobody waits for the answer any more. There is nobody to tell if that
        fails; an intent without outcome then reads as `unknown`, which is what it is."""
        self.refuse(Fault(Reason.CANCELLED, "the caller hung up", sent=self._admitted is not None))
        try:
            self._end_alone(None)
        finally:
            self._tell(self._refusal)

    async def close(self, reply: Reply) -> Reply:
        """Write the outcome, then let the answer go; without the outcome there is no answer."""
        desk, refusal, line = self._desk, self._refusal, None
        try:
            if refusal is None or not refusal.counted:
                line = desk.turn.put(self._ending_in_words)
                await line
            if self._is_durable:
                await desk.log.sync()
                self._seconds = desk.monotonic() - self._call.started
        except Unwritable as trouble:
            sent = self._admitted is not None if refusal is None else self._is_touched(refusal)
            refusal = Fault(Reason.AUDIT_UNAVAILABLE, str(trouble), sent=sent)
            reply = Reply(
                call=self._call, principal=self._principal(), refusal=refusal, target=reply.target
            )
        except asyncio.CancelledError:  # nobody waits for the answer, and it was given all the same
            self._end_alone(line)
            refusal = self._refusal
            raise
        except Exception as bug:  # noqa: BLE001 - there are no words for the outcome, so there is no answer
            reply = self.fail(bug)
            self._end_alone(line)
            refusal = self._refusal
        finally:
            del line  # it holds what was raised, which holds this frame
            self._tell(refusal)
        return reply

    def _end_alone(self, line: Line | None) -> None:
        """Write the ending at once, unless `line` is, with nobody to tell if that fails."""
        if line is not None and sequence_of(line):
            return
        desk = self._desk
        wall, monotonic = desk.wall, desk.monotonic
        at, now = wall(), monotonic()
        with contextlib.suppress(Unwritable):
            try:
                desk.log.append(at, self._ending_in_words(at, now))
            except Unwritable:
                raise
            except Exception as bug:  # noqa: BLE001 - there are words for that
                self.fail(bug)
                desk.log.append(at, self._ending_in_words(at, now))

    def _ending_in_words(self, at: float, now: float) -> str:
        call, cleaned, parts = self._call, self._cleaned, self._parts
        self._ended_at = at
        self._seconds = seconds = now - call.started
        if cleaned is None or self._refusal is not None:
            members = self._short_ending()
        elif parts is None or cleaned.findings or self._status != "ok":
            members = self._desk.encoder.answered(
                call, self._intent, cleaned, self._status, self._cost, seconds
            )
        else:
            encoder, encoded, answered = self._desk.encoder, cleaned.encoded, cleaned.answered
            armed = answered.armed
            if armed.credential.names != parts.names:
                parts = self._parts = encoder.prepare(armed.admitted, armed.credential.names)
            self.is_plain = True
            members = (
                f'"kind":"outcome","id":"{call.id}","intent":{self._intent!s},"decision":"allowed",'
                f'"status":"ok","cost_micros":{self._cost!s},"latency_ms":{seconds * 1e3:.3f},'
                f'"upstream_ms":{answered.seconds * 1e3:.3f},"bytes":{len(encoded)!s},'
                f'"output_digest":"{encoder.hash(encoded).hexdigest(DIGEST_BYTES)}",{parts.ending}'
            )
        if self._notices:
            members += f',"notices":{self._notices}'
        return members

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
                _decision(refusal), refusal.reason, refusal.private, self._ending(refusal), latency
            )
            if self._intent:
                return encoder.ended(self._call, self._intent, ending, cost=self._cost)
            return self._single("refusal", ending)
        if listed is not None:
            ending = encoder.served(latency, count=len(listed.targets), version=listed.version)
            return self._single("listing", ending)
        return self._single("own", encoder.served(latency, count=None, version=None))

    def _single(self, kind: str, ending: str) -> str:
        refusal, permitted = self._refusal, self.permitted
        verdict = None if refusal is None else refusal.verdict
        if permitted is not None:
            verdict = (permitted.policies, permitted.version)
        return self._desk.encoder.single(
            kind,
            self._call,
            ending,
            principal=self._principal(),
            target=None if self.resolved is None else self.resolved.target,
            verdict=verdict,
            # What broke us once, perhaps by its input, must not break the record of it.
            with_input=refusal is None or refusal.reason is not Reason.INTERNAL_ERROR,
        )

    def _tell(self, refusal: Refusal | None) -> None:
        """Sum up what ended in any way, once."""
        self._desk.turn.requests -= 1
        summary = self._sum_up(refusal)
        for observe in self._desk.observers:
            observe(summary)

    def _sum_up(self, refusal: Refusal | None) -> Summary:
        call, cleaned, parts = self._call, self._cleaned, self._parts
        if not self._ended_at:  # it had no line
            self._ended_at = self._desk.wall()
            self._seconds = self._desk.monotonic() - call.started
        if self.is_plain and refusal is None and cleaned is not None and parts is not None:
            return Summary(  # by place: eighteen names cost more than what they name
                call.id, call.operation.method, call.door, parts.server, parts.tool, parts.tenant,
                "allowed", None, "ok", self._ended_at, self._seconds, cleaned.answered.seconds,
                self._cost, parts.currency, len(cleaned.encoded), (), parts.caller, call.peer,
            )  # fmt: skip
        resolved, principal = self.resolved, self._principal()
        return Summary(
            id=call.id,
            method=call.operation.method,
            door=call.door,
            server=None if resolved is None else resolved.target.server,
            tool=None if resolved is None else shown_name(resolved.target),
            tenant=None if principal is None else principal.tenant,
            decision=_decision(refusal),
            reason=None if refusal is None else refusal.reason,
            status=self._ending(refusal),
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

    def _principal(self) -> Principal | None:
        return None if self.caller is None else self.caller.principal

    def _ending(self, refusal: Refusal | None) -> Status:
        if refusal is None:
            return self._status
        return "unknown" if self._is_touched(refusal) else "refused"

    def _is_touched(self, refusal: Refusal) -> bool:
        """Tell whether the upstream may have done something."""
        return self._admitted is not None and (refusal.sent or refusal.reason in _ANSWERED)

    def _shown_target(self) -> str:
        """Before authorization said yes, not even the canonical name is the caller's business."""
        return "" if self.permitted is None else self.permitted.target.key


def _decision(refusal: Refusal | None) -> Decision:
    if refusal is None:
        return "allowed"
    return "denied" if isinstance(refusal, Denied) else "error"
