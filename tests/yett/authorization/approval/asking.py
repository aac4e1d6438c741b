"""Real calls that a policy asks about, a real database, and people who answer."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tests.clock import HandClock
from tests.yett.authorization.asking import call, principal, tool
from yett.audit.encode import Redact
from yett.authorization.approval.approvers import Approvers
from yett.authorization.approval.desk import ApprovalDesk
from yett.authorization.approval.registry import ApprovalRegistry
from yett.authorization.approval.request import OPERATOR, Approver
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.proofs import Agreement, Ask, Permitted, Validated
from yett.core.reasons import Reason
from yett.core.seal import KEY_BYTES, Sealer
from yett.core.standing import Standing
from yett.core.talk import Resumption
from yett.core.target import Target
from yett.storage.build import open_database

ANNA = Approver(OPERATOR, "cli:anna", "cli:anna")
ONE = Ask(("careful",), shown="Deleting needs a yes")
TWO = Ask(("careful",), people=2)


def validated(
    arguments: dict[str, Any] | None = None,
    *,
    who: Principal | None = None,
    what: Target | None = None,
    method: str = "tools/call",
    version: str = "v1",
    record: str = "r1",
    name: str = "",
    resumption: Resumption | None = None,
) -> Validated:
    arguments = {"title": "a"} if arguments is None else arguments
    asked = msgspec.structs.replace(call(arguments, method=method), id=record, name=name)
    caller, target = who or principal("writer"), what or tool()
    permitted = Permitted(asked, caller, target, ("p",), version, Standing(caller, target))
    return Validated(permitted, arguments, encode(arguments), resumption)


class Office:
    """One database with all who use it."""

    def __init__(self, folder: Path, redact: Redact = bytes) -> None:
        self.clock = HandClock()
        self.folder = folder
        self.redact = redact
        self.sealer = Sealer(bytes(KEY_BYTES), self.clock)
        self.open()

    def open(self) -> None:
        self.database = open_database(self.folder)
        self.desk = ApprovalDesk(self.database, self.clock, self.redact, self.sealer)
        self.registry = ApprovalRegistry(self.database, self.clock)
        self.approvers = Approvers(
            self.database, self.clock, lambda secret: sha256(b"pepper" + secret).digest()
        )

    def close(self) -> None:
        self.desk.close()
        self.database.close()

    def restart(self) -> None:
        self.close()
        self.open()

    async def make(self, what: Validated | None = None, ask: Ask = ONE) -> Agreement | Denied:
        """Make a call: return who agreed to it, or why it was refused."""
        try:
            what = what or validated()
            agreement = await self.desk.settle(what, ask)
            await self.desk.use(agreement, what.permitted.call.id)
        except Denied as denied:
            return denied
        return agreement

    async def asked(self, what: Validated | None = None, ask: Ask = ONE) -> str:
        """Make a call that must be asked about; return the question's id."""
        denied = await self.make(what, ask)
        assert isinstance(denied, Denied)
        assert denied.reason is Reason.APPROVAL_REQUIRED
        assert denied.approval is not None
        return denied.approval

    def named(self, name: str, tenant: str | None = None) -> Approver:
        secret = self.approvers.add(name, actor="cli:anna", tenant=tenant)
        found = self.approvers.recognise(secret.reveal())
        assert found is not None
        return found

    def events(self) -> list[dict[str, Any]]:
        """Take what was posted."""
        with self.database.transaction() as transaction:
            rows = transaction.fetch("select event from outbox order by id")
            transaction.execute("delete from outbox")
        return [msgspec.json.decode(str(row[0])) for row in rows]

    @contextmanager
    def behind_the_back(self) -> Iterator[sqlite3.Connection]:
        """The database as somebody with a shell has it."""
        connection = sqlite3.connect(self.folder / "yett.db")
        try:
            with connection:
                yield connection
        finally:
            connection.close()
