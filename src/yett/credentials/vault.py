"""The embedded vault: secrets that the servers' configurations name, encrypted in the database.

Only the newest version of a secret is kept: an old one has no use and can only leak. Values go in
and come out to `Armourer`; no listing holds one (write-only for everybody else). Each change posts
its event in the same transaction.
"""

import re
from collections.abc import Callable
from typing import Any, Final, final

import msgspec

from yett.core.bounds import SECRET_BYTES_MAX
from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.config import NAME_PATTERN
from yett.credentials.envelope import Envelope, Label, Sealed
from yett.credentials.honeytokens import (
    CUTS,
    HONEYTOKEN,
    HONEYTOKENS_MAX,
    Trap,
    check_honeytoken,
)
from yett.credentials.watching import Traps
from yett.storage.outbox import post
from yett.storage.port import Database, Row, Transaction

_NAME: Final = re.compile(NAME_PATTERN)
_CHECK: Final = "vault.check"
_SEALED: Final = "version, servers, wrapped_key, nonce, ciphertext"
_PLANTED: Final = f'%"{HONEYTOKEN}"%'
"""`like` it are the servers of a honeytoken."""


@final
class SecretInfo(msgspec.Struct, frozen=True):
    """What may be shown. created_at: of this version, seconds since 1970."""

    name: str
    version: int
    servers: tuple[str, ...]
    created_at: float
    age_seconds: float

    @property
    def is_honeytoken(self) -> bool:
        return HONEYTOKEN in self.servers


class UnknownSecretError(LookupError):
    """There is no secret of this name in the vault."""


@final
class Vault:
    """Knows the key; keeps no value. Every method may raise Fault: the database did not answer."""

    def __init__(self, envelope: Envelope, *, database: Database, clock: Clock) -> None:
        self._envelope = envelope
        self._database = database
        self._clock = clock
        self._seen: tuple[int, tuple[Row, ...]] | None = None

    def confirm(self) -> bool:
        """Say whether the key is the one this vault was begun with; at first use it becomes that."""
        with self._database.transaction() as transaction:
            transaction.execute(
                "insert into facts (name, value) values (?, ?) on conflict (name) do nothing",
                (_CHECK, self._envelope.make_check()),
            )
            rows = transaction.fetch("select value from facts where name = ?", (_CHECK,))
        check = rows[0][0]
        return isinstance(check, bytes) and self._envelope.recognises(check)

    def put(
        self, name: str, value: Secret, *, servers: tuple[str, ...], actor: str = "yett"
    ) -> int:
        """Store a value under a name for these servers and return its version. It is durable then.

        actor: who did it, for the event; e.g. `cli:<user>`.

        Raises:
            ValueError: the name is no literal name, or the value is empty or too large.
        """
        _check_name(name)
        _check_value(value)
        return self._change(name, actor, lambda _: (value, tuple(sorted(set(servers)))))

    def put_honeytoken(self, name: str, value: Secret, *, cuts: bool, actor: str = "yett") -> int:
        """Store what nobody may ever use; return its version. cuts: whoever sends it loses the key.

        Raises:
            ValueError: as for `put`, or it would be met by accident.
        """
        check_honeytoken(value)
        others = self._database.fetch(
            "select count(*) from secrets where servers like ? and name <> ?", (_PLANTED, name)
        )
        if msgspec.convert(others[0][0], int) >= HONEYTOKENS_MAX:
            raise ValueError(
                f"there are {HONEYTOKENS_MAX} honeytokens, and more are not looked for"
            )
        marks = (HONEYTOKEN, CUTS) if cuts else (HONEYTOKEN,)
        return self.put(name, value, servers=marks, actor=actor)

    def honeytokens(self) -> Traps:
        """Return all of them, with their values; what does not open with this key is lost."""
        traps, lost = [], {}
        for row in self._database.fetch(
            f"select name, {_SEALED} from secrets where servers like ? order by name limit ?",  # noqa: S608 - of a constant
            (_PLANTED, HONEYTOKENS_MAX),
        ):
            name = str(row[0])
            try:
                value, _, marks = self._open(name, row[1:])
            except Fault as fault:
                lost[name] = fault.private
            else:
                traps.append(Trap(name, value, CUTS in marks))
        return Traps(tuple(traps), lost)

    def rotate(self, name: str, value: Secret, *, actor: str = "yett") -> int:
        """Store a new value under a name that exists, for the same servers; return its version.

        Raises:
            UnknownSecretError: there is no secret of this name.
            ValueError: as for `put`.
        """
        _check_name(name)
        _check_value(value)

        def keep_servers(label: Label | None) -> tuple[Secret, tuple[str, ...]]:
            if label is None:
                raise UnknownSecretError(name)
            if HONEYTOKEN in label.servers:
                check_honeytoken(value)
            return value, label.servers

        return self._change(name, actor, keep_servers)

    def get(self, name: str) -> tuple[Secret, int, tuple[str, ...]]:
        """Return value, version and servers.

        Raises:
            Fault: there is none of this name, or it does not open with this key.
        """
        if not _NAME.fullmatch(name):
            raise Fault(Reason.INTERNAL_ERROR, "a secret was asked for by what is no secret's name")
        rows = self._database.fetch(
            f"select {_SEALED} from secrets where name = ? order by version desc limit 1",  # noqa: S608 - of a constant
            (name,),
        )
        if not rows:
            raise Fault(
                Reason.INTERNAL_ERROR,
                f"secret `{name}` is not in the vault; store it with `yett secret set {name} --server SERVER`",
            )
        return self._open(name, rows[0])

    def _open(self, name: str, row: Row) -> tuple[Secret, int, tuple[str, ...]]:
        version, servers, *parts = row
        label = _label(name, version, servers)
        sealed = msgspec.convert(parts, tuple[bytes, bytes, bytes])
        return self._envelope.open(Sealed(*sealed), label), label.version, label.servers

    def names(self) -> list[SecretInfo]:
        """List what there is, by name; never a value."""
        now = self._clock.wall()
        rows = self._database.fetch(
            "select name, version, servers, created_at from secrets order by name"
        )
        return [_info(row, now) for row in rows]

    def remove(self, name: str, *, actor: str = "yett") -> None:
        """Forget a secret.

        Raises:
            UnknownSecretError: there is no secret of this name.
        """
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            if not transaction.execute("delete from secrets where name = ?", (name,)):
                raise UnknownSecretError(name)
            post(transaction, _event("secret.removed", name, actor), at=now)

    def mark(self) -> tuple[Row, ...]:
        """Return something that differs after any secret was stored, rotated, widened or removed."""
        version = self._database.version()
        if self._seen is None or self._seen[0] != version:
            rows = self._database.fetch(
                "select name, version, servers, nonce from secrets order by name, version"
            )
            self._seen = (version, tuple(rows))
        return self._seen[1]

    def _change(
        self,
        name: str,
        actor: str,
        decide: Callable[[Label | None], tuple[Secret, tuple[str, ...]]],
    ) -> int:
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            before = _newest(transaction, name)
            value, servers = decide(before)
            label = Label(name, before.version + 1 if before else 1, servers)
            sealed = self._envelope.seal(value, label)
            transaction.execute("delete from secrets where name = ?", (name,))
            transaction.execute(
                "insert into secrets (name, version, servers, wrapped_key, nonce, ciphertext,"
                " created_at) values (?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    label.version,
                    msgspec.json.encode(servers).decode(),
                    sealed.wrapped_key,
                    sealed.nonce,
                    sealed.ciphertext,
                    now,
                ),
            )
            kind = "secret.rotated" if before else "secret.stored"
            event = _event(kind, name, actor)
            post(transaction, event | {"version": label.version, "servers": list(servers)}, at=now)
        return label.version


def _newest(transaction: Transaction, name: str) -> Label | None:
    rows = transaction.fetch(
        "select version, servers from secrets where name = ? order by version desc limit 1",
        (name,),
    )
    return _label(name, *rows[0]) if rows else None


def _label(name: str, version: object, servers: object) -> Label:
    try:
        text = msgspec.convert(servers, str)
        return Label(
            name, msgspec.convert(version, int), msgspec.json.decode(text, type=tuple[str, ...])
        )
    except msgspec.MsgspecError:
        raise Fault(Reason.INTERNAL_ERROR, f"the row of secret `{name}` was changed") from None


def _info(row: Row, now: float) -> SecretInfo:
    name, version, servers, created_at = row
    label = _label(str(name), version, servers)
    created = float(created_at or 0)
    return SecretInfo(label.name, label.version, label.servers, created, max(0.0, now - created))


def _event(kind: str, name: str, actor: str) -> dict[str, Any]:
    return {"event": kind, "actor": actor, "name": name}


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError("a secret's name is made of a-z, 0-9, `-` and `_`, at most 63 of them")


def _check_value(value: Secret) -> None:
    if not value:
        raise ValueError("the value is empty")
    if len(value) > SECRET_BYTES_MAX:
        raise ValueError(f"the value is larger than {SECRET_BYTES_MAX} bytes")
