"""Copies of the audit log to the places that the configuration names, while the gate runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, final

from yett.audit.config import AuditConfig
from yett.audit.port import AuditSource
from yett.audit.shipping.config import AUDIT
from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.credentials.references import vault_name
from yett.credentials.vault import Vault
from yett.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from yett.audit.shipping.shipper import Shipper


@final
class Shipping:
    """One shipper for each destination, each in a thread of its own."""

    def __init__(
        self,
        config: AuditConfig,
        *,
        data: Path,
        source: AuditSource,
        clock: Clock,
        vault: Vault,
        tell: Callable[[dict[str, JSON]], None],
    ) -> None:
        """Prepare them; `start` begins.

        Raises:
            ConfigurationError: a driver is missing.
        """
        self._clock = clock
        self._source = source
        self.shippers: tuple[Shipper, ...] = ()
        if not config.ship:
            return
        from yett.audit.shipping.build import open_shippers  # noqa: PLC0415 - loads who can be sent to

        self.shippers = open_shippers(
            config.ship,
            data=data,
            source=source,
            clock=clock,
            secret=lambda reference: _secret(vault, reference),
            record=tell,
        )

    def start(self) -> None:
        for shipper in self.shippers:
            shipper.start()

    def stop(self) -> None:
        """Return when nothing is under way any more."""
        for shipper in self.shippers:
            shipper.stop()
        for shipper in self.shippers:
            shipper.wait()

    def show(self, metrics: Metrics) -> None:
        """Let whoever scrapes see who is behind, how far, and for how long."""
        if not self.shippers:
            return
        label = "destination"
        metrics.watch_gauges(
            "yett_ship_behind_records", "Lines of the log not taken yet", label, self._behind
        )
        metrics.watch_gauges(
            "yett_ship_waiting_seconds",
            "How long the oldest line that was tried has been refused",
            label,
            self._waiting,
        )
        metrics.watch_gauges(
            "yett_ship_failures",
            "Attempts that failed since the start",
            label,
            lambda: {one.name: float(one.progress.failures) for one in self.shippers},
        )

    def _behind(self) -> dict[str, float]:
        head = self._source.head()
        last = 0 if head is None else head.sequence
        return {one.name: float(max(0, last - one.progress.sequence)) for one in self.shippers}

    def _waiting(self) -> dict[str, float]:
        now = self._clock.wall()
        return {
            one.name: max(0.0, now - one.progress.waiting_since)
            if one.progress.waiting_since
            else 0.0
            for one in self.shippers
        }


def _secret(vault: Vault, reference: str) -> Secret:
    """Return what a destination wants to see.

    Raises:
        Fault: there is none, or it was stored for others.
    """
    name = vault_name(reference) or ""
    value, _, users = vault.get(name)
    if AUDIT not in users:
        raise Fault(
            Reason.INTERNAL_ERROR,
            f"secret `{name}` is not for the record; store it with `yett secret set {name} --server {AUDIT}`",
        )
    return value
