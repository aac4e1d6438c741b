"""What the admin side asks, answered by the domains of the moment."""

from typing import Final, final

import msgspec

import yett
from yett.app.gateway import Gateway
from yett.app.record_desk import RecordDesk
from yett.app.watching import AdminAlerts
from yett.audit.build import near_anchors
from yett.audit.verify import verify
from yett.authentication.build import build_registry, keyed_hash
from yett.authentication.registry import KeyRegistry
from yett.authorization.approval.approvers import Approvers
from yett.authorization.approval.registry import ApprovalRegistry
from yett.authorization.approval.request import Approver
from yett.core.target import JSON
from yett.limits.strangers import Failure

_ACTOR: Final = "admin"


@final
class AdminDesk:
    """Implements `yett.admin.port.AdminGate`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._estate = estate = gateway.estate
        digest = keyed_hash(database=estate.database, data=estate.data).digest
        self._approvals = ApprovalRegistry(estate.database, estate.clock)
        self._approvers = Approvers(estate.database, estate.clock, digest)
        self.book = RecordDesk(estate, lambda: gateway.snapshot.configuration)
        self.alerts = AdminAlerts(estate, lambda: gateway.snapshot.configuration)

    def status(self) -> dict[str, JSON]:
        configuration = self._gateway.snapshot.configuration
        states: dict[str, dict[str, int]] = {name: {} for name in configuration.servers}
        for row in self.tools():
            counted = states[row["server"]]
            counted[row["state"]] = counted.get(row["state"], 0) + 1
        problems = self._gateway.snapshot.catalogue.problems()
        redact = self._estate.redactor.redact_text
        return {
            "version": yett.__version__,
            "mode": configuration.mode,
            "listen": configuration.listen,
            "ready": self._gateway.is_ready(),
            "servers": states,
            "away": {server: redact(why) for server, why in problems.items()},
        }

    def metrics(self) -> bytes:
        self._estate.gathering.hand_on()
        return self._estate.metrics.render()

    def keys(self) -> list[dict[str, JSON]]:
        registry = self._registry()
        return [registry.describe(key) for key in registry.list()]

    def revoke(self, reference: str) -> dict[str, JSON]:
        registry = self._registry()
        return registry.describe(registry.revoke(reference))

    def tools(self) -> list[dict[str, JSON]]:
        return self._gateway.snapshot.catalogue.report()

    def verify(self) -> dict[str, JSON]:
        """Compare with what is kept beside the log and in directories: no other place is asked over the network
        because somebody looks at a page."""
        config = self._gateway.snapshot.configuration.audit
        anchors, damage = near_anchors(config, self._estate.data, self._estate.clock)
        verdict = verify(self._estate.auditor.source(), anchors=anchors)
        if verdict.damage is None and damage is not None:
            verdict = msgspec.structs.replace(verdict, damage=damage)
        return {"ok": verdict.damage is None, **msgspec.to_builtins(verdict)}

    def approver(self, secret: bytes) -> Approver | None:
        return self._approvers.recognise(secret)

    def approvals(self, tenant: str | None, *, with_closed: bool) -> list[dict[str, JSON]]:
        return self._approvals.list(tenant=tenant, with_closed=with_closed)

    def approval(self, identifier: str, tenant: str | None) -> dict[str, JSON]:
        return self._approvals.show(identifier, tenant=tenant)

    def approve(
        self, identifier: str, by: Approver, *, break_glass: bool, reason: str
    ) -> dict[str, JSON]:
        return self._approvals.approve(identifier, by, break_glass=break_glass, reason=reason)

    def deny(self, identifier: str, by: Approver, *, reason: str) -> dict[str, JSON]:
        return self._approvals.deny(identifier, by, reason=reason)

    def fail(self, peer: str) -> Failure:
        return self._estate.admin_strangers.fail(peer)

    def record(self, event: dict[str, JSON]) -> None:
        self._estate.auditor.event(event)

    def _registry(self) -> KeyRegistry:
        return build_registry(
            database=self._estate.database,
            data=self._estate.data,
            clock=self._estate.clock,
            actor=_ACTOR,
        )
