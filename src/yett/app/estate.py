"""What outlives a configuration: stores, counters, connections, the audit log. Opened once, closed last."""

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import yett.audit.build
import yett.authorization.build
import yett.limits.build
import yett.telemetry.traces
from yett.alerts.desk import AlertDesk
from yett.app.alerting import close_alerts, open_alerts
from yett.app.shipping import Shipping
from yett.app.signing import Signing
from yett.app.stores import open_limits, open_storage
from yett.app.vault import open_vault
from yett.audit import Auditor
from yett.authentication.build import build_registry
from yett.authorization.approval import ApprovalDesk
from yett.authorization.labels import Labels
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.errors import Refusal
from yett.core.seal import KEY_BYTES, Sealer
from yett.core.target import JSON
from yett.credentials.vault import Vault
from yett.limits import LimitsState
from yett.limits.strangers import Strangers
from yett.sanitising import Redactor
from yett.storage.port import Database
from yett.telemetry.gathering import Gathering
from yett.telemetry.metrics import Metrics
from yett.validation import SchemaCache
from yett.validation.examiner import Examiner

log: Final = logging.getLogger("yett")


@final
class Estate:
    """`data`: the data directory. Closing gives up the lock of the audit log."""

    def __init__(self, configuration: Configuration, *, data: Path, clock: Clock) -> None:
        """Open everything.

        Raises:
            CommandError: another gate uses the data directory, or it cannot be used.
            ConfigurationError: the vault's key is missing or another one.
            Fault: a store did not answer.
        """
        self.on_catalogue_change: Callable[[], None] = lambda: None
        self.on_resource_update: Callable[[str, str], None] = lambda _server, _uri: None
        self.data = data
        self.clock = clock
        self.sealer = Sealer(secrets.token_bytes(KEY_BYTES), clock)
        self.redactor = Redactor()
        self.metrics = Metrics()
        node = configuration.node or socket.gethostname()
        self.traces = yett.telemetry.traces.build(configuration.telemetry, node=node)
        tracing = () if self.traces is None else (self.traces.observe,)
        self.schemas = SchemaCache()
        self.examiner = Examiner()
        self.database: Database = open_storage(configuration, data)
        self.alerts: AlertDesk = open_alerts(self)
        self.gathering = Gathering(self.metrics.count, self.alerts.observe)
        self.auditor: Auditor = yett.audit.build.build(
            configuration.audit,
            data=data,
            clock=clock,
            redact=self.redactor.redact,
            redact_text=self.redactor.redact_text,
            observers=(self.gathering.observe, *tracing),
            node=node,
        )
        try:
            self._open_rest(configuration, data, clock, node)
        except BaseException:
            self.auditor.close()
            self.database.close()
            raise
        self.labels.on_first = self._labelled
        self._cutting: set[str] = set()
        self._watch_the_log()
        self._watch_the_limits()
        self.shipping.show(self.metrics)

    def _open_rest(self, configuration: Configuration, data: Path, clock: Clock, node: str) -> None:
        """Open what stands on the database and the log."""
        self.vault: Vault = open_vault(
            configuration, data=data, database=self.database, clock=clock
        )
        self.approvals: ApprovalDesk = yett.authorization.build.open_approvals(
            self.database, clock, self.redactor.redact, self.sealer
        )
        self.labels: Labels = yett.authorization.build.open_labels(self.database, clock)
        self.policy_reader = yett.authorization.build.open_reader()
        self.limits: LimitsState = open_limits(configuration, data, self.database, clock, node)
        self.admin_strangers: Strangers = yett.limits.build.open_strangers(clock, "admin")
        self.shipping = Shipping(
            configuration.audit,
            data=data,
            source=self.auditor.source(),
            clock=clock,
            vault=self.vault,
            tell=self.record,
        )
        self.signing = Signing(configuration.audit, data=data, clock=clock, tell=self.record)

    def _watch_the_log(self) -> None:
        """Show in `/metrics` whether records can be written."""
        figures = self.auditor.figures
        self.metrics.watch_gauge(
            "yett_audit_writable",
            "1 while records can be written",
            lambda: float(figures().writable),
        )
        self.metrics.watch_counter(
            "yett_audit_lines", "Lines written to the audit log", lambda: float(figures().lines)
        )
        self.metrics.watch_counter(
            "yett_audit_failures",
            "Failed attempts to write lines",
            lambda: float(figures().failures),
        )

        self.metrics.watch_gauge(
            "yett_audit_signed",
            "Sequence of the newest line that a checkpoint vouches for; 0 before the first since the start",
            lambda: float(self.signing.size),
        )

    def _watch_the_limits(self) -> None:
        """Show in `/metrics` what limits that are only observed would have refused."""
        self.metrics.watch_counter(
            "yett_limits_observed",
            "Calls that limits under observation would have refused",
            lambda: float(self.limits.notices.overruns),
        )

    def event(self, event: dict[str, JSON]) -> None:
        """Put an event into the audit log, and say so to whoever lists tools. One with a member `alert`
        ("high" or "low", how urgent) is one that a person should hear of: it is in the log of the process too.

        Raises:
            Fault: it cannot be recorded.
        """
        self.record(event)
        if str(event.get("event", "")).startswith("tool."):
            self.on_catalogue_change()

    def _labelled(self, principal: str, labels: frozenset[str]) -> None:
        """The record of the call says what it called; this says what follows from it. A call that was made
        must not read as one that was not because this cannot be told: its own record ends it."""
        event: dict[str, JSON] = {
            "event": "caller.labelled",
            "actor": "gate",
            "caller": principal,
            "labels": sorted(labels),
        }
        try:
            self.auditor.event(event)
        except Refusal as refusal:
            log.warning("not recorded: caller.labelled: %s", refusal.private)

    def record(self, event: dict[str, JSON]) -> None:
        """As `event`, for what commands did: nobody waits for it, and a thread may call this.

        Raises:
            Fault: it cannot be recorded.
        """
        self.auditor.event(event)
        self.alerts.hear(event)
        if "alert" in event:
            log.warning("alert: %s", event.get("event"), extra={"details": event})
        elif event.get("event") == "server.unreachable":
            log.warning("server %s cannot be used: %s", event.get("server"), event.get("problem"))
        elif event.get("event") == "server.reachable":
            log.info("server %s can be used again", event.get("server"))

    def cut(self, principal: str) -> None:
        """Revoke a key beside the loop; its calls are refused once the keys are read again, within a
        second. However often it is asked meanwhile, one thread is at it."""
        if principal not in self._cutting:
            self._cutting.add(principal)
            threading.Thread(target=self._revoke, args=(principal,), daemon=True).start()

    def _revoke(self, principal: str) -> None:
        try:
            build_registry(
                database=self.database, data=self.data, clock=self.clock, actor="gate"
            ).revoke(principal)
        except Exception:  # somebody has to hear of it: the key is still good
            log.exception("key %s could not be revoked", principal)
            self.record(
                {"event": "key.not_revoked", "alert": "high", "actor": "gate", "caller": principal}
            )
        finally:
            self._cutting.discard(principal)

    def close(self) -> None:
        self.examiner.close()
        self.approvals.close()
        self.limits.close()
        self.shipping.stop()
        self.signing.stop()
        self.auditor.close()
        self.signing.finish()
        close_alerts(self.alerts)
        self.database.close()
        if self.traces is not None:
            self.traces.close()
