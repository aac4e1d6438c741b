"""Sends a test through each destination, at once and beside the queue, and says what became of it."""

from concurrent.futures import ThreadPoolExecutor

from yett.alerts.alert import Alert
from yett.alerts.config import AlertsConfig
from yett.alerts.sending import ReadSecret, Sender
from yett.core.clock import Clock
from yett.core.errors import CommandError
from yett.core.target import JSON
from yett.delivery import Undelivered
from yett.storage import outbox
from yett.storage.port import Database


def try_destinations(
    config: AlertsConfig,
    database: Database,
    clock: Clock,
    *,
    secret: ReadSecret,
    actor: str,
    only: str | None = None,
) -> list[dict[str, JSON]]:
    """Return `{"destination", "ok", "problem"}` for each. only: this one alone.

    Raises:
        CommandError: there is no such destination.
        Fault: it could not be recorded.
    """
    if only is not None and only not in config.to:
        raise CommandError(f"there is no destination `{only}`")
    names = [only] if only is not None else list(config.to)
    now = clock.wall()
    alert = Alert(
        "al_test", "test", "gate", "", "low", f"{actor} tries whether alerts arrive", {}, "open",
        silenced=False, first_at=now, last_at=now, count=1,
    )  # fmt: skip
    sender = Sender(secret, clock)

    def tried(name: str) -> dict[str, JSON]:
        try:
            sender.send(config.to[name], "test", alert)
        except Undelivered as trouble:
            return {"destination": name, "ok": False, "problem": str(trouble)}
        return {"destination": name, "ok": True, "problem": None}

    with ThreadPoolExecutor(max(1, len(names))) as pool:
        results = list(pool.map(tried, names))
    event: dict[str, JSON] = {"event": "alert.tested", "actor": actor, "results": results}
    with database.transaction() as transaction:
        outbox.post(transaction, event, now)
    return results
