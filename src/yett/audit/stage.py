"""What happened? Begun before anything is decided, so that nothing can happen without a record."""

import secrets
from typing import Final, final

from yett.audit.encode import Encoder, Redact, RedactText
from yett.audit.port import AuditLog, AuditSource, Figures, PruneRule, Unwritable
from yett.audit.private import DIGEST_KEY_BYTES, Digest
from yett.audit.record import Desk, Observer, Record
from yett.audit.turn import Turn
from yett.core.call import Call
from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON

_RESERVED: Final = "audit."
"""Events that only the log itself writes: the verifier believes them."""


@final
class Auditor:
    """Owns the log. One per process; a new snapshot of the configuration takes it over as it is."""

    __slots__ = ("_desk",)

    def __init__(
        self,
        log: AuditLog,
        *,
        clock: Clock,
        redact: Redact,
        redact_text: RedactText,
        observers: tuple[Observer, ...] = (),
        node: str = "",
        digest: Digest | None = None,
        strict: bool = False,
    ) -> None:
        """digest: keyed; None: with a key of this process alone. strict: every call is as durable as one
        that writes."""
        self._desk = Desk(
            log=log,
            turn=Turn(log, clock),
            encoder=Encoder(
                node=node,
                redact=redact,
                redact_text=redact_text,
                digest=digest or Digest(secrets.token_bytes(DIGEST_KEY_BYTES)),
            ),
            wall=clock.wall,
            monotonic=clock.monotonic,
            observers=observers,
            strict=strict,
        )

    def begin(self, call: Call) -> Record:
        desk = self._desk
        desk.turn.requests += 1
        return Record(desk, call)

    def event(self, event: dict[str, JSON]) -> None:
        """Write down what happened beside the calls: `{"event": "key.created", "actor": …, …}`.

        Any thread may call this. The line is with the kernel when it returns.

        Raises:
            Fault: AUDIT_UNAVAILABLE; what the event is about must not be done.
        """
        desk = self._desk
        if str(event.get("event", "")).startswith(_RESERVED):
            event = event | {"event": f"posted.{event['event']}"}
        try:
            desk.log.append(desk.wall(), desk.encoder.event(event))
        except Unwritable as trouble:
            raise Fault(Reason.AUDIT_UNAVAILABLE, str(trouble)) from trouble

    def check(self) -> None:
        """Look whether a record could be written now (for readiness).

        Raises:
            Fault: AUDIT_UNAVAILABLE; it could not.
        """
        try:
            self._desk.log.check()
        except Unwritable as trouble:
            raise Fault(Reason.AUDIT_UNAVAILABLE, str(trouble)) from trouble

    def prune(self, before: float, rule: PruneRule | None = None) -> tuple[str, ...]:
        """Delete whole segments older than `before` (seconds since 1970); return their names.
        Callers go through `yett.audit.retention.prune`, which knows the shortest time allowed.

        Raises:
            Fault: AUDIT_UNAVAILABLE; nothing was deleted.
        """
        try:
            return self._desk.log.prune(before, rule)
        except Unwritable as trouble:
            raise Fault(Reason.AUDIT_UNAVAILABLE, str(trouble)) from trouble

    def source(self) -> AuditSource:
        return self._desk.log.source()

    def figures(self) -> Figures:
        return self._desk.log.figures()

    def close(self) -> None:
        """Sync what is left and give up the log's lock."""
        self._desk.log.close()
