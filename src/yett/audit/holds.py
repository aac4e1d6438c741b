"""Legal holds: what must stay whatever its age, until somebody says why it no longer must."""

import secrets
from typing import Final, final

import msgspec

from yett.core.clock import Clock, iso_time
from yett.core.errors import CommandError
from yett.core.target import JSON
from yett.storage.outbox import post
from yett.storage.port import Database, Row

_ID_BYTES: Final = 4
REASON_CHARS_MAX: Final = 500
_COLUMNS: Final = "id, reason, tenant, since, until, placed_by, placed_at, released_by, released_at, release_reason"


@final
class Hold(msgspec.Struct, frozen=True):
    """tenant: whose records; None: everybody's. since, until: ISO 8601 in UTC as in `at`; None: no end."""

    id: str
    reason: str
    tenant: str | None
    since: str | None
    until: str | None
    placed_by: str
    placed_at: float
    released_by: str | None = None
    released_at: float | None = None
    release_reason: str | None = None

    def covers(self, begin: str, end: str, tenants: frozenset[str] | None) -> bool:
        """Tell whether it holds records of that time. tenants: whose those are; None: nobody has looked."""
        if self.tenant is not None and tenants is not None and self.tenant not in tenants:
            return False
        return (self.since is None or end >= self.since) and (
            self.until is None or begin < self.until
        )

    def describe(self) -> dict[str, JSON]:
        return {
            "id": self.id,
            "reason": self.reason,
            "tenant": self.tenant,
            "since": self.since,
            "until": self.until,
            "placed_by": self.placed_by,
            "placed_at": iso_time(self.placed_at),
            "released_by": self.released_by,
            "released_at": None if self.released_at is None else iso_time(self.released_at),
            "release_reason": self.release_reason,
        }


@final
class Holds:
    """actor: who does it, for the record."""

    def __init__(self, database: Database, clock: Clock, *, actor: str = "gate") -> None:
        self._database = database
        self._clock = clock
        self._actor = actor

    def active(self) -> list[Hold]:
        """Return the holds that hold.

        Raises:
            Fault: the database could not be used.
        """
        return [hold for hold in self.all() if hold.released_at is None]

    def all(self) -> list[Hold]:
        """Return those too that were released, oldest first.

        Raises:
            Fault: the database could not be used.
        """
        rows = self._database.fetch(f"select {_COLUMNS} from audit_holds order by placed_at, id")  # noqa: S608 - of a constant
        return [_hold(row) for row in rows]

    def add(self, reason: str, *, tenant: str | None, since: str | None, until: str | None) -> Hold:
        """Place a hold.

        Raises:
            CommandError: there is no reason, or the time has no length.
            Fault: the database could not be used.
        """
        if since is not None and until is not None and since >= until:
            raise CommandError("the hold would end before it begins")
        hold = Hold(
            f"h{secrets.token_hex(_ID_BYTES)}",
            _reason(reason),
            tenant,
            since,
            until,
            self._actor,
            self._clock.wall(),
        )
        with self._database.transaction() as transaction:
            transaction.execute(
                "insert into audit_holds (id, reason, tenant, since, until, placed_by, placed_at)"
                " values (?, ?, ?, ?, ?, ?, ?)",
                (hold.id, hold.reason, tenant, since, until, hold.placed_by, hold.placed_at),
            )
            event: dict[str, JSON] = {
                "event": "hold.added",
                "actor": self._actor,
                "hold": hold.id,
                "reason": hold.reason,
                "tenant": tenant,
                "since": since,
                "until": until,
            }
            post(transaction, event, hold.placed_at)
        return hold

    def release(self, identifier: str, reason: str) -> Hold:
        """Let go of a hold.

        Raises:
            CommandError: there is none of this id that holds, or there is no reason.
            Fault: the database could not be used.
        """
        why, now = _reason(reason), self._clock.wall()
        with self._database.transaction() as transaction:
            changed = transaction.execute(
                "update audit_holds set released_by = ?, released_at = ?, release_reason = ?"
                " where id = ? and released_at is null",
                (self._actor, now, why, identifier),
            )
            if changed == 0:
                raise CommandError(
                    f"no hold `{identifier}` holds. `yett audit hold list` shows them"
                )
            event: dict[str, JSON] = {
                "event": "hold.released",
                "actor": self._actor,
                "hold": identifier,
                "reason": why,
            }
            post(transaction, event, now)
        return next(hold for hold in self.all() if hold.id == identifier)


def _reason(text: str) -> str:
    if not text.strip():
        raise CommandError("say why: --reason")
    return text.strip()[:REASON_CHARS_MAX]


def _hold(row: Row) -> Hold:
    return msgspec.convert(dict(zip(_COLUMNS.split(", "), row, strict=True)), Hold)
