"""What people do with questions. Each change posts its event in the same transaction."""

from typing import Final, final

from yett.authorization.approval.request import (
    CALLER,
    REASON_CHARS_MAX,
    Answer,
    Approver,
    Request,
    Word,
    described,
    event_of,
)
from yett.authorization.approval.rows import Source, answers_to, current, find, time_of
from yett.core.clock import Clock
from yett.core.errors import CommandError
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.port import Database, Transaction

LIST_MAX: Final = 10_000


@final
class ApprovalRegistry:
    """Raises `Fault` wherever the database cannot be used."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def list(
        self, *, tenant: str | None = None, with_closed: bool = False
    ) -> list[dict[str, JSON]]:
        """Return the questions that bind somebody, oldest first, or all that are still kept. tenant: of
        one only."""
        now = time_of(self._database, self._clock)
        found = find(
            self._database,
            f"where (?1 or (open = 1 and {current(2)})) and (?3 is null or tenant = ?3)"
            f" order by asked_at, id limit {LIST_MAX}",
            (with_closed, now, tenant),
        )
        return [
            described(request, answers_to(self._database, request.id), now) for request in found
        ]

    def show(self, identifier: str, *, tenant: str | None = None) -> dict[str, JSON]:
        """Describe one question. tenant: whose it must be.

        Raises:
            CommandError: there is none of this id.
        """
        _find(self._database, identifier, tenant)
        return self._described(self._database, identifier)

    def approve(
        self, identifier: str, by: Approver, *, break_glass: bool = False, reason: str = ""
    ) -> dict[str, JSON]:
        """Say yes. Doing it twice counts once. break_glass: in place of all who are asked.

        Raises:
            CommandError: there is none of this id, it is closed, or this approver is not one for it.
        """
        if break_glass and not reason.strip():
            raise CommandError("Breaking the glass needs a reason; give one with --reason")
        with self._database.transaction() as transaction:
            now = time_of(transaction, self._clock)
            request = _find(transaction, identifier, by.tenant)
            if request.state_at(now) == "approved":
                return self._described(transaction, identifier)
            _check_pending(request, now)
            if not break_glass:
                _check_approver(request, by)
            word: Word = "break-glass" if break_glass else "yes"
            _write(transaction, request, Answer(by.id, by.name, word, _checked(reason), now))
            answers = answers_to(transaction, identifier)
            agreed = sum(answer.answer == "yes" for answer in answers)
            if break_glass or agreed >= request.people:
                transaction.execute(
                    "update approvals set state = 'approved', expires_at = ?, tell_at = null where id = ?",
                    (now + request.seconds, identifier),
                )
            _post(transaction, request, by, now, reason, agreed=agreed, break_glass=break_glass)
            return self._described(transaction, identifier)

    def deny(self, identifier: str, by: Approver, *, reason: str = "") -> dict[str, JSON]:
        """Say no, or take a yes back that was not used yet. One no is enough.

        Raises:
            CommandError: there is none of this id, or it is closed.
        """
        with self._database.transaction() as transaction:
            now = time_of(transaction, self._clock)
            request = _find(transaction, identifier, by.tenant)
            state = request.state_at(now)
            if state == "denied":
                return self._described(transaction, identifier)
            if state != "approved":
                _check_pending(request, now)
            _write(transaction, request, Answer(by.id, by.name, "no", _checked(reason), now))
            transaction.execute(
                "update approvals set state = 'denied', expires_at = ?, ended_at = ?, tell_at = null"
                " where id = ?",
                (now + request.seconds, now, identifier),
            )
            event = event_of("approval.denied", request, by.actor, approver=by.name, reason=reason)
            outbox.post(transaction, event, now)
            return self._described(transaction, identifier)

    def _described(self, source: Source, identifier: str) -> dict[str, JSON]:
        request = _find(source, identifier, None)
        now = time_of(source, self._clock)
        return described(request, answers_to(source, identifier), now)


def _find(source: Source, identifier: str, tenant: str | None) -> Request:
    """What belongs to another tenant looks like what is not there."""
    found = find(source, "where id = ?", (identifier,))
    if not found or tenant not in (None, found[0].tenant):
        raise CommandError("There is no such approval. See `yett approval list --all`")
    return found[0]


def _check_pending(request: Request, now: float) -> None:
    state = request.state_at(now)
    if state != "pending":
        raise CommandError(
            f"The approval `{request.id}` is {state}, so there is nothing left to decide. If the call is made"
            " again, it is asked about again"
        )


def _check_approver(request: Request, by: Approver) -> None:
    """Who administers this machine counts as one person, and where several have to agree, as none: it
    cannot be told which of them it is."""
    if by.id == CALLER and not request.own:
        raise CommandError("The person at the caller is no approver of this call")
    if request.people > 1 and not by.is_named:
        raise CommandError(
            f"{request.people} different people have to agree to this call, each with a secret of its own. Make"
            " approvers with `yett approval approver add NAME`, and answer with --as NAME; in an emergency"
            " add --break-glass --reason TEXT"
        )


def _checked(reason: str) -> str:
    if len(reason) > REASON_CHARS_MAX or not reason.isprintable():
        raise CommandError(f"A reason is one line of at most {REASON_CHARS_MAX} characters")
    return reason


def _write(transaction: Transaction, request: Request, answer: Answer) -> None:
    transaction.execute(
        "insert into approval_answers (approval, approver, name, answer, reason, at)"
        " values (?, ?, ?, ?, ?, ?) on conflict (approval, approver) do update set"
        " name = excluded.name, answer = excluded.answer, reason = excluded.reason, at = excluded.at",
        (request.id, answer.approver, answer.name, answer.answer, answer.reason, answer.at),
    )


def _post(
    transaction: Transaction,
    request: Request,
    by: Approver,
    now: float,
    reason: str,
    *,
    agreed: int,
    break_glass: bool,
) -> None:
    more: dict[str, JSON] = {"approver": by.name, "agreed": agreed, "reason": reason}
    name = "approval.approved"
    if break_glass:
        name, more["alert"] = "approval.break_glass", "high"
    elif agreed < request.people:
        name = "approval.agreed"
    outbox.post(transaction, event_of(name, request, by.actor, **more), now)
