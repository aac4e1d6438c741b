"""What commands do with keys. Each change posts its event in the same transaction."""

import re
from collections.abc import Iterable
from typing import Final, final

import msgspec

from yett.authentication.digest import KeyedHash
from yett.authentication.keys import make_id, make_key
from yett.authentication.port import StoredKey
from yett.authentication.rows import COLUMNS, NEWEST_TIME, from_row, to_row
from yett.core.clock import Clock, iso_time, iso_time_or_none
from yett.core.errors import CommandError
from yett.core.identity import DEFAULT_TENANT, Environment
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.port import Database, Transaction

LIFETIME_SECONDS_MAX: Final = 3650 * 86400.0
_CLOCK_BACK_SECONDS_MAX: Final = 60.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}")
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@final
class IssuedKey(msgspec.Struct, frozen=True):
    """key: shown once, now, and kept nowhere."""

    stored: StoredKey
    key: Secret


@final
class KeyRegistry:
    """actor: who does it, for the record, e.g. `cli:anna`."""

    def __init__(self, database: Database, pepper: Secret, clock: Clock, *, actor: str) -> None:
        self._database = database
        self._hash = KeyedHash(pepper)
        self._clock = clock
        self._actor = actor

    def create(
        self,
        name: str,
        roles: Iterable[str],
        *,
        lifetime_seconds: float,
        tenant: str = DEFAULT_TENANT,
        environment: Environment = "live",
    ) -> IssuedKey:
        """Issue a key.

        Raises:
            CommandError: the name, tenant or lifetime will not do, or the name is taken.
            Fault: the database could not be used.
        """
        _check_words(name, tenant)
        key_id = make_id()
        key = make_key(environment, key_id)
        with self._database.transaction() as transaction:
            now = self._time(transaction)
            if transaction.fetch(
                "select 1 from keys where name = ? and revoked_at is null", (name,)
            ):
                raise CommandError(
                    f"There is a key named `{name}`. Choose another name, or `yett key rotate {name}`"
                )
            stored = StoredKey(
                id=key_id,
                name=name,
                tenant=tenant,
                environment=environment,
                roles=tuple(sorted(set(roles))),
                digest=self._hash.digest(key.reveal()),
                created_at=now,
                expires_at=now + _checked_lifetime(lifetime_seconds),
            )
            _write(transaction, stored)
            self._post(transaction, "key.created", stored, now)
        return IssuedKey(stored, key)

    def list(self) -> list[StoredKey]:
        """Every key, oldest first."""
        return [from_row(row) for row in self._database.fetch(_SELECT + " order by created_at, id")]

    def show(self, reference: str) -> StoredKey:
        """Find a key by id, or by name (the one in use, else the last revoked one).

        Raises:
            CommandError: there is none.
            Fault: the database could not be used.
        """
        return _find(self._database, reference)

    def rotate(
        self, reference: str, *, overlap_seconds: float, lifetime_seconds: float
    ) -> IssuedKey:
        """Give a key a new secret and a new lifetime. The old secret works on for `overlap_seconds`,
        but never beyond its own expiry.

        Raises:
            CommandError: there is no such key, it is revoked, or the lifetime will not do.
            Fault: the database could not be used.
        """
        with self._database.transaction() as transaction:
            now = self._time(transaction)
            old = _find(transaction, reference)
            if old.revoked_at is not None:
                raise CommandError(
                    f"The key `{old.name}` ({old.id}) is revoked. Make a new one with `yett key create`"
                )
            key = make_key(old.environment, old.id)
            until = now + overlap_seconds
            stored = msgspec.structs.replace(
                old,
                digest=self._hash.digest(key.reveal()),
                previous_digest=old.digest,
                previous_until=until if old.expires_at is None else min(until, old.expires_at),
                expires_at=now + _checked_lifetime(lifetime_seconds),
            )
            _write(transaction, stored)
            self._post(transaction, "key.rotated", stored, now)
        return IssuedKey(stored, key)

    def revoke(self, reference: str) -> StoredKey:
        """End a key for good. Doing it twice changes nothing.

        Raises:
            CommandError: there is no such key.
            Fault: the database could not be used.
        """
        with self._database.transaction() as transaction:
            stored = _find(transaction, reference)
            if stored.revoked_at is None:
                now = self._clock.wall()
                stored = msgspec.structs.replace(stored, revoked_at=now)
                _write(transaction, stored)
                self._post(transaction, "key.revoked", stored, now)
        return stored

    def describe(self, key: StoredKey) -> dict[str, JSON]:
        """Return what operators may see of a key, with its state at this moment."""
        now = self._clock.wall()
        state = "active"
        if key.revoked_at is not None:
            state = "revoked"
        elif key.expires_at is not None and key.expires_at <= now:
            state = "expired"
        overlaps = key.previous_until is not None and key.previous_until > now
        return {
            "id": key.id,
            "name": key.name,
            "state": state,
            "roles": list(key.roles),
            "tenant": key.tenant,
            "environment": key.environment,
            "created_at": iso_time(key.created_at),
            "expires_at": iso_time_or_none(key.expires_at),
            "revoked_at": iso_time_or_none(key.revoked_at),
            "old_secret_until": iso_time_or_none(key.previous_until) if overlaps else None,
        }

    def accept_clock(self) -> None:
        """Take the clock of this machine for right although a later time was seen before.

        Raises:
            Fault: the database could not be used.
        """
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            seen = _newest_time(transaction)
            if transaction.execute(
                "update facts set value = ? where name = ? and value > ?", (now, NEWEST_TIME, now)
            ):
                event = {"event": "clock.accepted", "actor": self._actor, "seen": iso_time(seen)}
                outbox.post(transaction, event, now)

    def _time(self, transaction: Transaction) -> float:
        now = self._clock.wall()
        seen = _newest_time(transaction)
        if seen - now > _CLOCK_BACK_SECONDS_MAX:
            raise CommandError(
                f"The clock says {iso_time(now)}, but Yett has already seen {iso_time(seen)}, so keys "
                "would expire too early. Set the clock right; if the earlier time was the wrong one, "
                "run `yett key clock --accept`"
            )
        return now

    def _post(self, transaction: Transaction, event: str, key: StoredKey, at: float) -> None:
        content: dict[str, JSON] = {
            "event": event,
            "actor": self._actor,
            "key": key.id,
            "name": key.name,
            "tenant": key.tenant,
            "environment": key.environment,
            "roles": list(key.roles),
            "expires_at": iso_time_or_none(key.expires_at),
        }
        outbox.post(transaction, content, at)


_SELECT: Final = f"select {COLUMNS} from keys"  # noqa: S608 - a constant
_PLACES: Final = ", ".join("?" * len(COLUMNS.split(",")))


def _write(transaction: Transaction, key: StoredKey) -> None:
    updates = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS.split(", ")[1:])
    transaction.execute(
        f"insert into keys ({COLUMNS}) values ({_PLACES}) on conflict (id) do update set {updates}",  # noqa: S608 - constants
        to_row(key),
    )


def _find(source: Database | Transaction, reference: str) -> StoredKey:
    rows = source.fetch(_SELECT + " where id = ?", (reference,)) or source.fetch(
        _SELECT + " where name = ? order by revoked_at is not null, revoked_at desc limit 1",
        (reference,),
    )
    if not rows:
        raise CommandError(f"No key has the id or name `{reference}`. See `yett key list`")
    return from_row(rows[0])


def _newest_time(transaction: Transaction) -> float:
    rows = transaction.fetch("select value from facts where name = ?", (NEWEST_TIME,))
    return float(rows[0][0] or 0.0) if rows else 0.0


def _check_words(name: str, tenant: str) -> None:
    if not _NAME.fullmatch(name):
        raise CommandError(
            f"`{name}` cannot name a key. Use 1 to 63 letters, digits, `_`, `.`, `@` or `-`, "
            "with a letter or digit in front"
        )
    if not _TENANT.fullmatch(tenant):
        raise CommandError(
            f"`{tenant}` cannot name a tenant. Use 1 to 63 small letters, digits, `_` or `-`"
        )


def _checked_lifetime(seconds: float) -> float:
    if not 0 < seconds <= LIFETIME_SECONDS_MAX:
        raise CommandError("A key must expire: choose between one second and 3650d, such as 90d")
    return seconds
