"""What the domain of alerts needs of the others: secrets, the names of keys, a place to show its figures."""

import logging
from pathlib import Path
from typing import Final, Protocol, final

from yett.alerts.config import ALERTS
from yett.alerts.desk import AlertDesk
from yett.authentication.build import build_registry
from yett.core.clock import Clock
from yett.core.errors import CommandError, Fault, Refusal
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.references import vault_name
from yett.credentials.vault import Vault
from yett.sanitising import Redactor
from yett.storage.port import Database
from yett.telemetry.metrics import Metrics

log: Final = logging.getLogger("yett")

_NAMES_MAX: Final = 4_096


class Opened(Protocol):
    """What of the estate is there before alerts are; the vault comes later."""

    data: Path
    clock: Clock
    redactor: Redactor
    metrics: Metrics
    database: Database
    vault: Vault


def open_alerts(estate: Opened) -> AlertDesk:
    """Make the desk, before the vault is open: a secret is read when something is sent."""
    desk = AlertDesk(
        estate.database,
        estate.clock,
        secret=lambda reference: alert_secret(estate.vault, reference),
        whose=Callers(estate.database, estate.data, estate.clock).find,
        redact_text=estate.redactor.redact_text,
    )
    estate.metrics.watch_gauge(
        "yett_alerts_open", "Alerts that nobody has acknowledged", lambda: _open(desk)
    )
    estate.metrics.watch_gauge(
        "yett_alert_messages_waiting",
        "Alerts that are not delivered yet, of all destinations",
        lambda: float(sum(one.count for one in desk.courier.figures().values())),
    )
    estate.metrics.watch_gauge(
        "yett_alert_lag_seconds",
        "Since when the oldest alert waits that is not delivered yet",
        lambda: max((one.lag_seconds for one in desk.courier.figures().values()), default=0.0),
    )
    estate.metrics.watch_counter(
        "yett_alert_failures",
        "Attempts to deliver an alert that failed",
        lambda: float(sum(desk.courier.failures.values())),
    )
    return desk


def _open(desk: AlertDesk) -> float:
    try:
        return float(sum(desk.book.open_count().values()))
    except Refusal:
        return float("nan")  # what cannot be told is not zero


def close_alerts(desk: AlertDesk) -> None:
    """Write down what was learned; if that cannot be, some of it is learned again."""
    try:
        desk.close()
    except Refusal as refusal:
        log.warning("what is usual was not written down: %s", refusal.private)


def alert_secret(vault: Vault, reference: str) -> Secret:
    """Return what a destination refers to.

    Raises:
        Fault: there is none, or it was stored for others.
    """
    name = vault_name(reference) or ""
    value, _, users = vault.get(name)
    if ALERTS not in users:
        raise Fault(
            Reason.INTERNAL_ERROR,
            f"secret `{name}` is not for alerts; store it with `yett secret set {name} --server {ALERTS}`",
        )
    return value


@final
class Callers:
    """Whose a key is. What was found is kept: it is asked again and again of the same few."""

    def __init__(self, database: Database, data: Path, clock: Clock) -> None:
        self._database = database
        self._data = data
        self._clock = clock
        self._known: dict[str, tuple[str, str]] = {}

    def find(self, identifier: str) -> tuple[str, str]:
        """Return name and tenant; of one that is no key its id, and nobody's.

        Raises:
            Fault: the database did not answer.
        """
        found = self._known.get(identifier)
        if found is None:
            registry = build_registry(
                database=self._database, data=self._data, clock=self._clock, actor="gate"
            )
            try:
                key = registry.show(identifier)
            except CommandError:
                return identifier, ""
            if len(self._known) >= _NAMES_MAX:
                self._known.clear()
            found = self._known[identifier] = (key.name, key.tenant)
        return found
