"""Watches, and tells people, while the gate runs."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, final

from yett.alerts.alert import Sighting
from yett.alerts.book import AlertBook
from yett.alerts.expiry import ending
from yett.alerts.trying import try_destinations
from yett.app.alerting import alert_secret
from yett.app.estate import Estate
from yett.authentication.build import build_registry
from yett.configuration.model import Configuration
from yett.core.errors import ConfigurationError, Refusal
from yett.core.target import JSON

log: Final = logging.getLogger("yett")

_EVERY_SECONDS: Final = 2.0
_EXPIRIES_SECONDS: Final = 3600.0


async def keep_watching(estate: Estate, configuration: Callable[[], Configuration]) -> None:
    """Look every other second. configuration: that of the moment. What cannot be noted now is noted later."""
    looked_at = float("-inf")
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        now, current = estate.clock.monotonic(), configuration()
        try:
            more: list[Sighting] = []
            if now - looked_at >= _EXPIRIES_SECONDS:
                more = await asyncio.to_thread(_expiring, estate, current)
                looked_at = now
            await asyncio.to_thread(estate.alerts.turn, current.alerts, more)
        except Refusal as refusal:
            log.warning("alerts: %s", refusal.private)
        except Exception:  # the next look may go well
            log.exception("alerts")


def _expiring(estate: Estate, configuration: Configuration) -> list[Sighting]:
    now = estate.clock.wall()
    registry = build_registry(
        database=estate.database, data=estate.data, clock=estate.clock, actor="gate"
    )
    found = [
        ending(
            "key-expiry",
            f"key:{key.id}",
            f"key {key.name}",
            begins_at=key.created_at,
            ends_at=key.expires_at,
            now=now,
            tenant=key.tenant,
        )
        for key in registry.list()
        if key.expires_at is not None and key.revoked_at is None
    ]
    for subject, path in _certificates(configuration):
        found.append(_expiring_certificate(subject, path, now))
    return [seen for seen in found if seen is not None]


def _certificates(configuration: Configuration) -> Iterator[tuple[str, str]]:
    tls = configuration.tls
    if tls is not None and tls.certificate is not None:
        yield "certificate:tls", tls.certificate
    for name, server in configuration.servers.items():
        if server.client_certificate is not None:
            yield f"certificate:{name}", server.client_certificate
        if server.ca is not None:
            yield f"certificate:{name}/ca", server.ca


def _expiring_certificate(subject: str, path: str, now: float) -> Sighting | None:
    from yett.edge.certificate import read_certificate  # noqa: PLC0415 - cryptography, only with TLS

    try:
        certificate = read_certificate(Path(path))
    except ConfigurationError:
        return None  # it is gone, or half written: who serves with it says so
    return ending(
        "certificate-expiry",
        subject,
        f"certificate {path}",
        begins_at=certificate.not_valid_before_utc.timestamp(),
        ends_at=certificate.not_valid_after_utc.timestamp(),
        now=now,
    )


@final
class AdminAlerts:
    """Implements `yett.admin.port.AdminAlerts`."""

    def __init__(self, estate: Estate, configuration: Callable[[], Configuration]) -> None:
        self.book = AlertBook(estate.database, estate.clock)
        self._estate = estate
        self._configuration = configuration

    def test(self, only: str | None, actor: str) -> list[dict[str, JSON]]:
        return try_destinations(
            self._configuration().alerts,
            self._estate.database,
            self._estate.clock,
            secret=lambda reference: alert_secret(self._estate.vault, reference),
            actor=actor,
            only=only,
        )
