"""Questions and answers as rows of the tables `approvals` and `approval_answers`."""

from typing import Final, TypeVar

import msgspec

from yett.authorization.approval.request import AHEAD_SECONDS_MAX, Answer, Request
from yett.core import document
from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.storage.port import Database, Row, Transaction, Value

COLUMNS: Final = (
    "id, digest, principal, caller, tenant, method, server, tool, access, definition, policies, "
    "policy_version, shown, people, own, seconds, preview, preview_cut, arguments_bytes, "
    "arguments_digest, state, open, asked_at, expires_at, ended_at, tell_at, tells"
)
_PLACES: Final = ", ".join("?" * len(COLUMNS.split(", ")))
_FLAGS: Final = ("own", "preview_cut", "open")
_NEWEST_TIME: Final = "newest_time"
"""Of the table `facts`: the newest wall clock that the gate has seen, kept for the expiry of keys."""


def current(place: int) -> str:
    """Return the condition that says what `Request.state_at` says of the time. place: of the time among
    the values."""
    return f"(expires_at > ?{place} and expires_at - seconds <= ?{place} + {AHEAD_SECONDS_MAX:d})"


Source = Database | Transaction
_Kind = TypeVar("_Kind", Request, Answer)


def time_of(source: Source, clock: Clock) -> float:
    """Return the newest wall clock ever seen: one that is set back revives nothing.

    Raises:
        Fault: the database could not be used.
    """
    rows = source.fetch("select value from facts where name = ?", (_NEWEST_TIME,))
    return max(clock.wall(), float(rows[0][0] or 0.0) if rows else 0.0)


def find(source: Source, condition: str, values: tuple[Value, ...] = ()) -> list[Request]:
    """Read the questions that fit. condition: a constant of ours, from `where` on.

    Raises:
        Fault: the database could not be used, or a row was changed.
    """
    return [_request(row) for row in source.fetch(f"select {COLUMNS} from approvals {condition}", values)]  # noqa: S608 - constants  # fmt: skip


def insert(transaction: Transaction, request: Request) -> None:
    fields = msgspec.structs.asdict(request)
    fields["open"] = fields.pop("is_open")
    fields["policies"] = document.encode(list(request.policies)).decode()
    values = tuple(fields[name] for name in COLUMNS.split(", "))
    transaction.execute(f"insert into approvals ({COLUMNS}) values ({_PLACES})", values)  # noqa: S608 - constants


def answers_to(source: Source, identifier: str) -> list[Answer]:
    """Read the answers to a question, oldest first.

    Raises:
        Fault: the database could not be used, or a row was changed.
    """
    rows = source.fetch(
        "select approver, name, answer, reason, at from approval_answers where approval = ?"
        " order by at, rowid",
        (identifier,),
    )
    return [
        _converted(dict(zip(Answer.__struct_fields__, row, strict=True)), Answer) for row in rows
    ]


def _request(row: Row) -> Request:
    fields: dict[str, JSON] = dict(zip(COLUMNS.split(", "), row, strict=True))
    for name in _FLAGS:
        fields[name] = bool(fields[name])
    fields["is_open"] = fields.pop("open")
    try:
        fields["policies"] = document.parse(str(fields["policies"]).encode())
    except document.DocumentError:
        fields["policies"] = None
    return _converted(fields, Request)


def _converted(fields: dict[str, JSON], kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise Fault(
            Reason.INTERNAL_ERROR, f"a row about an approval was changed: {error}"
        ) from None
