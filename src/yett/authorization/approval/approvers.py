"""People who may agree, told apart by a secret each. It is shown once and kept as a keyed hash only."""

import re
import secrets
from collections.abc import Callable
from typing import Final, final

from yett.authorization.approval.request import Approver
from yett.core.clock import Clock, iso_time, iso_time_or_none
from yett.core.errors import CommandError
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.port import Database, Transaction

PREFIX: Final = "yett_approver_"
APPROVERS_MAX: Final = 1_000
_SECRET_CHARS_MAX: Final = 128
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}")
_PURPOSE: Final = b"yett approver 1:"

Digest = Callable[[bytes], bytes]
"""Keyed hash, of 32 bytes."""


@final
class Approvers:
    """digest: with the pepper of the data directory. Raises `Fault` wherever the database cannot be used."""

    def __init__(self, database: Database, clock: Clock, digest: Digest) -> None:
        self._database = database
        self._clock = clock
        self._digest = digest

    def add(self, name: str, *, actor: str, tenant: str | None = None) -> Secret:
        """Make an approver, and return the secret, which is kept nowhere. tenant: whose calls it may see
        and answer; None: everybody's.

        Raises:
            CommandError: the name will not do or is taken, or there are too many.
        """
        if not _NAME.fullmatch(name):
            raise CommandError(
                f"`{name}` cannot name an approver. Use 1 to 63 letters, digits, `_`, `.`, `@` or `-`, "
                "with a letter or digit in front"
            )
        secret = Secret(PREFIX + secrets.token_urlsafe(32))
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            living = transaction.fetch("select name from approvers where removed_at is null")
            if (name,) in living:
                raise CommandError(
                    f"There is an approver `{name}`. Remove it first, or choose another name"
                )
            if len(living) >= APPROVERS_MAX:
                raise CommandError(f"There are {APPROVERS_MAX} approvers, which is the limit")
            transaction.execute(
                "insert into approvers (id, name, tenant, digest, created_at) values (?, ?, ?, ?, ?)",
                (secrets.token_hex(8), name, tenant, self._hashed(secret.reveal()), now),
            )
            # Whoever makes approvers could make one for itself, so somebody should hear of it.
            _post(transaction, "approver.added", name, actor, now)
        return secret

    def remove(self, name: str, *, actor: str) -> None:
        """End an approver. What it agreed to and was not used yet counts no more.

        Raises:
            CommandError: there is none of this name.
        """
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            found = transaction.fetch(
                "select id from approvers where name = ? and removed_at is null", (name,)
            )
            if not found:
                raise CommandError(
                    f"There is no approver `{name}`. See `yett approval approver list`"
                )
            identifier = found[0][0]
            transaction.execute(
                "update approvers set removed_at = ? where id = ?", (now, identifier)
            )
            unused = (
                "select approval from approval_answers join approvals on approvals.id = approval where"
                " approver = ? and answer != 'no' and state in ('pending', 'approved')"
            )
            transaction.execute(
                f"update approvals set state = 'pending' where state = 'approved' and id in ({unused})",  # noqa: S608 - a constant
                (identifier,),
            )
            transaction.execute(
                f"delete from approval_answers where approver = ? and approval in ({unused})",  # noqa: S608 - a constant
                (identifier, identifier),
            )
            _post(transaction, "approver.removed", name, actor, now)

    def list(self) -> list[dict[str, JSON]]:
        """Return all approvers, oldest first, without their secrets."""
        rows = self._database.fetch(
            "select name, tenant, created_at, removed_at from approvers order by created_at, id"
        )
        return [
            {
                "name": name,
                "tenant": tenant,
                "created_at": iso_time(float(created or 0)),
                "removed_at": iso_time_or_none(None if removed is None else float(removed)),
            }
            for name, tenant, created, removed in rows
        ]

    def recognise(self, secret: bytes) -> Approver | None:
        """Return whose secret this is; None: nobody's. Only its keyed hash is compared, so how long that
        takes says nothing of the secret."""
        if not secret.startswith(PREFIX.encode()) or len(secret) > _SECRET_CHARS_MAX:
            return None
        rows = self._database.fetch(
            "select id, name, tenant from approvers where digest = ? and removed_at is null",
            (self._hashed(secret),),
        )
        if not rows:
            return None
        identifier, name = map(str, rows[0][:2])
        tenant = None if rows[0][2] is None else str(rows[0][2])
        return Approver(identifier, name, f"approver:{name}", tenant)

    def _hashed(self, secret: bytes) -> bytes:
        return self._digest(_PURPOSE + secret)


def _post(transaction: Transaction, event: str, name: str, actor: str, at: float) -> None:
    content: dict[str, JSON] = {"event": event, "actor": actor, "approver": name, "alert": "high"}
    outbox.post(transaction, content, at)
