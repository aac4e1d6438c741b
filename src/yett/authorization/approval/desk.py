"""The gate's side: does a person agree to this very call? If nobody was asked yet, somebody is.

A call never waits here. It is refused until a person has agreed, and whoever makes it again after that
gets through, once: the yes is used up in one transaction, just before the call is sent.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Final, TypeVar, final

import msgspec

from yett.authorization.approval.asking_back import can_be_asked, question_of, said_in
from yett.authorization.approval.registry import ApprovalRegistry
from yett.authorization.approval.request import (
    CALLER,
    Approver,
    Redact,
    Request,
    asked_by_name,
    digest_of,
    event_of,
    preview_of,
)
from yett.authorization.approval.rows import Source, answers_to, current, find, insert, time_of
from yett.core.clock import Clock, iso_time
from yett.core.errors import CommandError, Denied
from yett.core.proofs import Agreement, Ask, Validated
from yett.core.reasons import Reason
from yett.core.seal import Sealer
from yett.core.talk import Resumption
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.port import Database, Transaction

OPEN_PER_CALLER_MAX: Final = 20
OPEN_PER_TENANT_MAX: Final = 200
OPEN_MAX: Final = 2_000
CLOSED_MAX: Final = 1_000
SWEEP_SECONDS: Final = 5.0
LOOKING_PER_CALLER_MAX: Final = 64
ROUNDS_MAX: Final = 64
"""Of one call; whoever brings the same round again and again uses them up."""
_THREADS: Final = 2
_RETRY_SECONDS: Final = 1.0

ASKABLE: Final = frozenset({"tools/call", "resources/read", "prompts/get"})
"""What a person can be shown whole. Anything else that needs a yes is refused for good."""
_GATE: Final = "gate"
_Found = TypeVar("_Found")


@final
class ApprovalDesk:
    """tells: there is a webhook that is to be told of each question. redact: takes secrets out of JSON.
    sealer: for questions that a caller's own person may answer."""

    def __init__(self, database: Database, clock: Clock, redact: Redact, sealer: Sealer) -> None:
        self.tells = False
        self._database = database
        self._clock = clock
        self._redact = redact
        self._sealer = sealer
        self._registry = ApprovalRegistry(database, clock)
        self._swept_at = float("-inf")
        # Threads of its own: who floods the desk must not keep the keys from being read.
        self._threads = ThreadPoolExecutor(_THREADS, "approvals")
        self._looking: Counter[str] = Counter()

    def close(self) -> None:
        self._threads.shutdown()

    async def settle(self, validated: Validated, ask: Ask) -> Agreement:
        """Return who agreed to this call.

        Raises:
            Denied: APPROVAL_REQUIRED, nobody has; APPROVAL_DENIED, somebody said no; RATE_LIMITED, the
                caller asks this of too many calls at once.
            Fault: the database could not be used.
        """
        if validated.permitted.call.operation.method not in ASKABLE:
            raise Denied(Reason.APPROVAL_REQUIRED, "nobody can be asked about such a request")
        digest, caller = digest_of(validated, ask), validated.permitted.principal.id
        if self._looking[caller] >= LOOKING_PER_CALLER_MAX:
            raise Denied(
                Reason.RATE_LIMITED,
                f"{LOOKING_PER_CALLER_MAX} calls of the key are being looked up already",
                retry_after_seconds=_RETRY_SECONDS,
            )
        self._looking[caller] += 1
        try:
            return await self._in_thread(partial(self._settle, validated, ask, digest))
        finally:
            self._looking[caller] -= 1
            if not self._looking[caller]:
                del self._looking[caller]

    def sweep(self) -> None:
        """Write down what has expired, so that no clock revives it, and forget what ended long ago. Runs
        in a thread, often.

        Raises:
            Fault: the database could not be used.
        """
        now = self._clock.monotonic()
        if now - self._swept_at < SWEEP_SECONDS:
            return
        self._swept_at = now
        database = self._database
        at = time_of(database, self._clock)
        if database.fetch(f"select 1 from approvals {_OVER} limit 1", (at,)):  # noqa: S608 - a constant
            with database.transaction() as transaction:
                _expire(transaction, at)
                _forget(transaction)

    async def use(self, agreement: Agreement, record: str) -> None:
        """Use a yes up. record: id of the call that it lets pass.

        Raises:
            Denied: APPROVAL_REQUIRED, another call was quicker, or it has been taken back or has expired.
            Fault: the database could not be used.
        """
        if not agreement.is_used:
            await self._in_thread(partial(self._use, agreement, record))

    async def _in_thread(self, work: Callable[[], _Found]) -> _Found:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _settle(self, validated: Validated, ask: Ask, digest: bytes) -> Agreement:
        before = self._agreed_before(validated, digest)
        if before is not None:
            return before
        if validated.consent is not None:
            self._hear(validated.consent, validated, digest)
        now = time_of(self._database, self._clock)
        known = find(
            self._database, f"where digest = ?1 and open = 1 and {current(2)}", (digest, now)
        )
        if known and known[0].state == "approved":
            return _agreement(self._database, known[0])
        if known:
            raise self._no(known[0], validated)
        # Read first: who has too many open shall not keep others from writing.
        _check_room(self._database, validated, now)
        with self._database.transaction() as transaction:
            request = self._ask(transaction, validated, ask, digest)
        raise self._no(request, validated)

    def _hear(self, consent: Resumption, validated: Validated, digest: bytes) -> None:
        """Take the answer of the person at the caller, if it is to this very question. What came too late
        is left: the state of the question says what holds."""
        identifier, word = said_in(consent)
        found = find(
            self._database,
            "where id = ? and digest = ? and own = 1 and state = 'pending'",
            (identifier, digest),
        )
        if not found or word is None:
            return
        principal = validated.permitted.principal
        by = Approver(CALLER, f"the person at {principal.name}", f"caller:{principal.id}")
        with suppress(CommandError):
            if word == "yes":
                self._registry.approve(identifier, by)
            else:
                self._registry.deny(identifier, by)

    def _no(self, request: Request, validated: Validated) -> Denied:
        """Say that nobody has agreed, and ask the caller's own person if that will do. Once: who has not
        decided is not asked again and again."""
        question = None
        if (
            request.own
            and request.state == "pending"
            and validated.consent is None
            and can_be_asked(validated)
        ):
            question = question_of(request, validated, self._sealer)
        return _refusal(request, question)

    def _use(self, agreement: Agreement, record: str) -> None:
        with self._database.transaction() as transaction:
            now = time_of(transaction, self._clock)
            found = find(
                transaction,
                f"where id = ?1 and state = 'approved' and {current(2)}",
                (agreement.id, now),
            )
            if not found:
                raise Denied(
                    Reason.APPROVAL_REQUIRED,
                    f"approval `{agreement.id}` is good no more: it was used, taken back, or has expired",
                    shown="the yes to it was used or taken back; make the call again to ask anew",
                    approval=agreement.id,
                )
            transaction.execute(
                "update approvals set state = 'used', open = 0, ended_at = ? where id = ?",
                (now, agreement.id),
            )
            _note_use(transaction, agreement.id, record)
            event = event_of(
                "approval.used", found[0], _GATE, id=record, approvers=list(agreement.approvers)
            )
            outbox.post(transaction, event, now)

    def _agreed_before(self, validated: Validated, digest: bytes) -> Agreement | None:
        """A round that goes on with a call belongs to the yes that let the call pass. That it is had once
        is seen to where its seal is used up."""
        resumption = validated.resumption
        if resumption is None or not resumption.seal or not resumption.continues:
            return None
        with self._database.transaction() as transaction:
            found = find(
                transaction,
                "where digest = ?1 and state = 'used' and id in"
                " (select approval from approval_uses where record = ?2) and"
                " (select count(*) from approval_uses where approval = approvals.id) <= ?3",
                (digest, resumption.continues, ROUNDS_MAX),
            )
            if not found:
                return None
            _note_use(transaction, found[0].id, validated.permitted.call.id)
            return msgspec.structs.replace(_agreement(transaction, found[0]), is_used=True)

    def _ask(
        self, transaction: Transaction, validated: Validated, ask: Ask, digest: bytes
    ) -> Request:
        """Put the question, unless another call of the same has put it meanwhile."""
        now = time_of(transaction, self._clock)
        _expire(transaction, now)
        known = find(transaction, "where digest = ? and open = 1", (digest,))
        if known:
            return known[0]
        _check_room(transaction, validated, now)
        request = self._question(validated, ask, digest, now)
        insert(transaction, request)
        event = event_of(
            "approval.requested",
            request,
            _GATE,
            alert="low",
            id=validated.permitted.call.id,
            expires_at=iso_time(request.expires_at),
        )
        outbox.post(transaction, event, now)
        return request

    def _question(self, validated: Validated, ask: Ask, digest: bytes, now: float) -> Request:
        permitted = validated.permitted
        target = permitted.target
        preview, is_cut = preview_of(validated.encoded, self._redact)
        return Request(
            id=f"apr_{secrets.token_hex(8)}",
            digest=digest,
            principal=permitted.principal.id,
            caller=permitted.principal.name,
            tenant=permitted.principal.tenant,
            method=permitted.call.operation.method,
            server=target.server,
            tool=asked_by_name(validated),
            access=target.access,
            definition=target.digest,
            policies=ask.policies,
            policy_version=permitted.version,
            shown=ask.shown,
            people=ask.people,
            own=ask.own,
            seconds=ask.seconds,
            preview=preview,
            preview_cut=is_cut,
            arguments_bytes=len(validated.encoded),
            arguments_digest=sha256(validated.encoded).hexdigest(),
            state="pending",
            is_open=True,
            asked_at=now,
            expires_at=now + ask.seconds,
            tell_at=now if self.tells else None,
        )


def _note_use(transaction: Transaction, identifier: str, record: str) -> None:
    transaction.execute(
        "insert into approval_uses (approval, record) values (?, ?) on conflict do nothing",
        (identifier, record),
    )


def _agreement(source: Source, request: Request) -> Agreement:
    agreed = [answer for answer in answers_to(source, request.id) if answer.answer != "no"]
    return Agreement(
        request.id,
        tuple(answer.name for answer in agreed),
        any(answer.answer == "break-glass" for answer in agreed),
    )


def _refusal(request: Request, question: dict[str, JSON] | None) -> Denied:
    if request.state == "denied":
        return Denied(
            Reason.APPROVAL_DENIED,
            f"approval `{request.id}` was denied",
            shown=f"approval {request.id}",
            approval=request.id,
        )
    people = "one person has" if request.people == 1 else f"{request.people} people have"
    todo = (
        f"approval {request.id} waits until {iso_time(request.expires_at)}; make exactly the same "
        f"call again when {people} agreed"
    )
    return Denied(
        Reason.APPROVAL_REQUIRED,
        f"approval `{request.id}` is {request.state}",
        shown=f"{request.shown}; {todo}" if request.shown else todo,
        approval=request.id,
        question=question,
    )


_OVER: Final = f"where open = 1 and not {current(1)}"


def _expire(transaction: Transaction, now: float) -> None:
    for request in find(transaction, f"{_OVER} and state != 'denied'", (now,)):
        outbox.post(transaction, event_of("approval.expired", request, _GATE), now)
    transaction.execute(
        "update approvals set open = 0, tell_at = null, ended_at = coalesce(ended_at, ?1), "  # noqa: S608 - a constant
        f"state = case state when 'denied' then 'denied' else 'expired' end {_OVER}",
        (now,),
    )


def _forget(transaction: Transaction) -> None:
    """The audit log has it all; what is kept here is for `yett approval list --all`. What ended by itself
    never displaces what people decided."""
    for states in ("('expired', 'withdrawn')", "('used', 'denied')"):
        transaction.execute(
            "delete from approvals where id in (select id from approvals where open = 0 "  # noqa: S608 - constants
            f"and state in {states} order by ended_at desc limit {OPEN_MAX + CLOSED_MAX} offset {CLOSED_MAX})"
        )


def _check_room(source: Source, validated: Validated, now: float) -> None:
    """One caller must not bury the questions of others, nor the people who answer them (CWE-770)."""
    principal = validated.permitted.principal
    ((of_caller, of_tenant, of_all),) = source.fetch(
        "select count(*) filter (where principal = ?1), count(*) filter (where tenant = ?2), count(*) "  # noqa: S608 - a constant
        f"from approvals where open = 1 and {current(3)}",
        (principal.id, principal.tenant, now),
    )
    for count, limit, whose in (
        (of_caller, OPEN_PER_CALLER_MAX, "this key"),
        (of_tenant, OPEN_PER_TENANT_MAX, "this tenant"),
        (of_all, OPEN_MAX, "all callers"),
    ):
        if int(count or 0) >= limit:
            raise Denied(
                Reason.APPROVAL_REQUIRED,
                f"{limit} questions of {whose} are open, which is the limit",
                shown="too many calls wait for a person already; try again when some are answered",
            )
