"""What the admin side needs of the gate. The composition root implements it over the domains."""

from typing import Protocol

from yett.alerts.book import AlertBook
from yett.authorization.approval.request import Approver
from yett.core.target import JSON
from yett.limits.strangers import Failure


class AdminRecords(Protocol):
    """The record. actor: who asks, for the record itself."""

    def search(
        self, filters: dict[str, str], members: list[str], limit: int, before: int | None
    ) -> dict[str, JSON]:
        """Return a page of the records that fit, newest last, and from where on the next one goes.

        Raises:
            CommandError: a filter says nothing that can be looked for.
            OSError: the log cannot be read.
        """
        ...

    def show(self, identifier: str) -> dict[str, JSON]:
        """Return one record with what belongs to it.

        Raises:
            CommandError: there is none of this id.
            OSError: the log cannot be read.
        """
        ...

    def holds(self) -> list[dict[str, JSON]]:
        """Return the legal holds, those too that were released.

        Raises:
            Fault: the store did not answer.
        """
        ...

    def add_hold(self, said: dict[str, str], actor: str) -> dict[str, JSON]:
        """Place a hold.

        Raises:
            CommandError: there is no reason, or a time is none.
            Fault: the store did not answer.
        """
        ...

    def release_hold(self, identifier: str, reason: str, actor: str) -> dict[str, JSON]:
        """Let go of a hold.

        Raises:
            CommandError: there is none of this id that holds, or no reason.
            Fault: the store did not answer.
        """
        ...


class AdminAlerts(Protocol):
    @property
    def book(self) -> AlertBook: ...

    def test(self, only: str | None, actor: str) -> list[dict[str, JSON]]:
        """Send a test through every destination, or `only` this one; return what became of it.

        Raises:
            CommandError: there is no such destination.
            Fault: the store did not answer.
        """
        ...


class AdminGate(Protocol):
    """Answers are JSON values ready to be sent; nothing in them is secret."""

    def status(self) -> dict[str, JSON]:
        """Return version, mode, listen address, per server what is approved and what is not,
        and why a server is away. Raises nothing."""
        ...

    def metrics(self) -> bytes:
        """Return the Prometheus text exposition. Raises nothing."""
        ...

    def keys(self) -> list[dict[str, JSON]]:
        """Return every key without its secret.

        Raises:
            Fault: the store did not answer.
        """
        ...

    def revoke(self, reference: str) -> dict[str, JSON]:
        """Revoke a key by id or name.

        Raises:
            CommandError: there is no such key.
            Fault: the store did not answer.
        """
        ...

    def tools(self) -> list[dict[str, JSON]]:
        """Return what is in the catalogue: server, name, access, state. Raises nothing."""
        ...

    def verify(self) -> dict[str, JSON]:
        """Walk the audit chain and return the verdict.

        Raises:
            OSError: the log cannot be read.
        """
        ...

    def approver(self, secret: bytes) -> Approver | None:
        """Return whose secret this is; None: nobody's.

        Raises:
            Fault: the store did not answer.
        """
        ...

    def approvals(self, tenant: str | None, *, with_closed: bool) -> list[dict[str, JSON]]:
        """Return the calls that wait for a person, and those that were answered and not made yet. tenant:
        of one only.

        Raises:
            Fault: the store did not answer.
        """
        ...

    def approval(self, identifier: str, tenant: str | None) -> dict[str, JSON]:
        """Return one of them. tenant: whose it must be.

        Raises:
            CommandError: there is none of this id.
            Fault: the store did not answer.
        """
        ...

    def approve(
        self, identifier: str, by: Approver, *, break_glass: bool, reason: str
    ) -> dict[str, JSON]:
        """Agree to one.

        Raises:
            CommandError: there is none of this id, it is closed, or `by` is no approver of it.
            Fault: the store did not answer.
        """
        ...

    def deny(self, identifier: str, by: Approver, *, reason: str) -> dict[str, JSON]:
        """Refuse one.

        Raises:
            CommandError: there is none of this id, or it is closed.
            Fault: the store did not answer.
        """
        ...

    @property
    def alerts(self) -> AdminAlerts: ...

    @property
    def book(self) -> AdminRecords: ...

    def fail(self, peer: str) -> Failure:
        """Count a request of this address that had to be refused. Raises nothing."""
        ...

    def record(self, event: dict[str, JSON]) -> None:
        """Put an event into the audit log.

        Raises:
            Fault: it cannot be recorded; then the request is refused.
        """
        ...
