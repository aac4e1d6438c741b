"""The book of alerts: raised, counted, acknowledged, silenced, over; each step with its record.

Used by the gate and by commands at the same time: every change is one transaction, and what it does is
posted in it, for the audit log.
"""

import json
import secrets
from collections.abc import Iterable
from typing import Any, Final, final

import msgspec

from yett.alerts.alert import Alert, Sighting
from yett.alerts.config import AlertsConfig, Severity
from yett.alerts.kinds import kind_of
from yett.alerts.queue import enqueue
from yett.alerts.routing import destinations_for
from yett.core.clock import Clock, iso_time
from yett.core.errors import CommandError
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.port import Database, Transaction

NEW_PER_HOUR_MAX: Final[dict[Severity, int]] = {"high": 100, "low": 20}
"""Alerts of one kind and tenant that are raised one by one; the rest is one alert of the kind `flood`."""
TOLD_AGAIN_MAX: Final = 10
"""Of so many first times one alert tells: nobody fills the queue of others with them."""
_FIRSTS: Final = {"first-tool": "tool", "first-address": "network"}
SILENCES_MAX: Final = 1_000
SILENCE_SECONDS_MAX: Final = 90 * 86_400.0
_KEEP_SECONDS: Final = 90 * 86_400.0
_KEEP_MAX: Final = 10_000
_HOUR: Final = 3600.0
_NOTE_CHARS_MAX: Final = 500
_COLUMNS: Final = ", ".join(Alert.__struct_fields__)


@final
class AlertBook:
    """Every method may raise Fault: the database could not be used."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # -- the gate

    def note(self, seen: Iterable[Sighting], config: AlertsConfig) -> None:
        """Raise what is new, count what is known, and put what is to be told into the queue."""
        seen = list(seen)
        if not seen:
            return
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            silenced = _silenced(transaction, now)
            for sighting in seen:
                self._note(transaction, sighting, config, silenced, now)

    def _note(
        self,
        transaction: Transaction,
        seen: Sighting,
        config: AlertsConfig,
        silenced: set[str],
        now: float,
    ) -> None:
        known = _find(
            transaction,
            "kind = ? and subject = ? and tenant = ? and state <> 'resolved'",
            (seen.kind, seen.subject, seen.tenant),
        )
        is_silenced = not silenced.isdisjoint((seen.kind, seen.subject))
        if known:
            self._count(transaction, known[0], seen, config, now, is_silenced=is_silenced)
        elif seen.kind != "flood" and _is_flood(transaction, seen, now):
            self._note(transaction, _flood(seen), config, silenced, now)
        else:
            self._raise(transaction, seen, config, now, is_silenced=is_silenced)

    def _raise(
        self,
        transaction: Transaction,
        seen: Sighting,
        config: AlertsConfig,
        now: float,
        *,
        is_silenced: bool,
    ) -> None:
        identifier = f"al_{secrets.token_hex(6)}"
        transaction.execute(
            "insert into alerts (id, kind, subject, tenant, severity, says, numbers, state, silenced,"
            " first_at, last_at, count) values (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?, 1)",
            (
                identifier, seen.kind, seen.subject, seen.tenant, seen.severity, seen.says,
                json.dumps(seen.numbers), int(is_silenced), now, now,
            ),
        )  # fmt: skip
        told = () if is_silenced else destinations_for(config, seen)
        for name in told:
            enqueue(transaction, name, identifier, "raised", now)
        event: dict[str, JSON] = {
            "event": "alert.raised",
            "actor": "gate",
            "alert_id": identifier,
            "kind_of_alert": seen.kind,
            "severity": seen.severity,
            "subject": seen.subject,
            "tenant": seen.tenant or None,
            "says": seen.says,
            "numbers": seen.numbers,
            "silenced": is_silenced,
            "told": list(told),
        }
        outbox.post(transaction, event, now)

    def _count(
        self,
        transaction: Transaction,
        known: Alert,
        seen: Sighting,
        config: AlertsConfig,
        now: float,
        *,
        is_silenced: bool,
    ) -> None:
        """Once more. It is told again if it has become urgent, if its next threshold is reached, if another
        thing is done for the first time, or if the silence over it has ended."""
        worse = known.severity == "low" and seen.severity == "high"
        step = _FIRSTS.get(seen.kind, "threshold")
        is_next = known.numbers.get(step) != seen.numbers.get(step)
        if seen.kind in _FIRSTS and known.count >= TOLD_AGAIN_MAX:
            is_next = False
        severity: Severity = "high" if worse else known.severity
        transaction.execute(
            "update alerts set last_at = ?, count = count + 1, says = ?, numbers = ?, severity = ?,"
            " silenced = ?, state = ? where id = ?",
            (
                now, seen.says, json.dumps(seen.numbers), severity,
                int(is_silenced), "open" if worse or is_next else known.state, known.id,
            ),
        )  # fmt: skip
        if not is_silenced and (worse or is_next or known.silenced):
            for name in destinations_for(config, seen):
                enqueue(transaction, name, known.id, "raised", now)

    def sweep(self, config: AlertsConfig) -> None:
        """End what has not been seen for long enough, and let go of what was over long ago."""
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            for alert in _find(transaction, "state <> 'resolved'"):
                if now - alert.last_at >= kind_of(alert.kind).quiet_seconds:
                    _resolve(transaction, alert, config, now)
            transaction.execute("delete from alert_silences where until <= ?", (now,))
            transaction.execute(
                "delete from alerts where state = 'resolved' and (last_at < ? or id in (select id from"
                " alerts where state = 'resolved' order by last_at desc limit 100000 offset ?))",
                (now - _KEEP_SECONDS, _KEEP_MAX),
            )

    def end(self, kinds: tuple[str, ...], subject: str, config: AlertsConfig) -> None:
        """End these at once: what they are about is not so any more."""
        now = self._clock.wall()
        with self._database.transaction() as transaction:
            for alert in _find(transaction, "subject = ? and state <> 'resolved'", (subject,)):
                if alert.kind in kinds:
                    _resolve(transaction, alert, config, now)

    # -- people

    def find(self, *, with_resolved: bool = False, tenant: str | None = None) -> list[Alert]:
        """Return alerts, newest last. tenant: only of this one."""
        condition = "1 = 1" if with_resolved else "state <> 'resolved'"
        if tenant is None:
            return _find(self._database, f"{condition} order by last_at, id")
        return _find(self._database, f"{condition} and tenant = ? order by last_at, id", (tenant,))

    def show(self, identifier: str) -> Alert:
        """Raises:
        CommandError: there is none of this id.
        """
        return _one(self._database, identifier)

    def open_count(self) -> dict[str, int]:
        """Return how many are open and not acknowledged, by severity."""
        rows = self._database.fetch(
            "select severity, count(*) from alerts where state = 'open' group by severity"
        )
        return {"high": 0, "low": 0} | {str(name): int(count or 0) for name, count in rows}

    def acknowledge(self, identifier: str, *, actor: str, note: str = "") -> Alert:
        """Say that somebody looks after it: it goes on counting, and nobody is told again unless it
        becomes urgent. Doing it twice changes nothing.

        Raises:
            CommandError: there is none of this id, or it is over.
        """
        note = _text(note)
        with self._database.transaction() as transaction:
            alert = _one(transaction, identifier)
            if alert.state == "resolved":
                raise CommandError(f"Alert {alert.id} is over already. See `yett alert list --all`")
            if alert.state == "open":
                now = self._clock.wall()
                alert = msgspec.structs.replace(
                    alert,
                    state="acknowledged",
                    acknowledged_by=actor,
                    acknowledged_at=now,
                    note=note or None,
                )
                transaction.execute(
                    "update alerts set state = ?, acknowledged_by = ?, acknowledged_at = ?, note = ? where id = ?",
                    (alert.state, actor, now, alert.note, alert.id),
                )
                _post(transaction, "alert.acknowledged", alert, actor, now, note=alert.note)
        return alert

    def silence(self, what: str, *, seconds: float, reason: str, actor: str) -> dict[str, JSON]:
        """Tell nobody of a kind, or of a subject, for some time; it is recorded all the same.

        Raises:
            CommandError: no time, too long a time, no reason, or too many silences.
        """
        reason = _text(reason)
        if not 0 < seconds <= SILENCE_SECONDS_MAX:
            raise CommandError("A silence lasts at most 90 days. Write --for 8h or --for 7d")
        if not reason:
            raise CommandError("Say why, for those who wonder later: --reason")
        now = self._clock.wall()
        silence: dict[str, JSON] = {
            "id": f"si_{secrets.token_hex(6)}",
            "what": what,
            "reason": reason,
            "made_by": actor,
            "made_at": now,
            "until": now + seconds,
        }
        with self._database.transaction() as transaction:
            (row,) = transaction.fetch("select count(*) from alert_silences")
            if int(row[0] or 0) >= SILENCES_MAX:
                raise CommandError(f"There are {SILENCES_MAX} silences. End some of them first")
            transaction.execute(
                "insert into alert_silences (id, what, reason, made_by, made_at, until) values (?, ?, ?, ?, ?, ?)",
                tuple(silence.values()),
            )
            told = {"event": "alert.silenced", "actor": actor, "what": what, "reason": reason}
            outbox.post(
                transaction,
                told | {"silence": silence["id"], "until": iso_time(now + seconds)},
                now,
            )
        return _shown_silence(silence)

    def silences(self) -> list[dict[str, JSON]]:
        """Return those that hold, the first to end first."""
        rows = self._database.fetch(
            "select id, what, reason, made_by, made_at, until from alert_silences where until > ? order by until",
            (self._clock.wall(),),
        )
        names = ("id", "what", "reason", "made_by", "made_at", "until")
        return [_shown_silence(dict(zip(names, row, strict=True))) for row in rows]

    def end_silence(self, identifier: str, *, actor: str) -> None:
        """Raises:
        CommandError: there is none of this id.
        """
        with self._database.transaction() as transaction:
            if not transaction.execute("delete from alert_silences where id = ?", (identifier,)):
                raise CommandError(f"There is no silence {identifier}. See `yett alert silences`")
            event: dict[str, JSON] = {
                "event": "alert.unsilenced",
                "actor": actor,
                "silence": identifier,
            }
            outbox.post(transaction, event, self._clock.wall())


def _silenced(transaction: Transaction, now: float) -> set[str]:
    rows = transaction.fetch("select what from alert_silences where until > ?", (now,))
    return {str(row[0]) for row in rows}


def _is_flood(transaction: Transaction, seen: Sighting, now: float) -> bool:
    (row,) = transaction.fetch(
        "select count(*) from alerts where kind = ? and tenant = ? and first_at > ?",
        (seen.kind, seen.tenant, now - _HOUR),
    )
    return int(row[0] or 0) >= NEW_PER_HOUR_MAX[seen.severity]


def _flood(seen: Sighting) -> Sighting:
    return Sighting(
        "flood",
        f"kind:{seen.kind}",
        f"more than {NEW_PER_HOUR_MAX[seen.severity]} alerts of the kind {seen.kind} in an hour; the rest is"
        " only counted here",
        "high",
        seen.tenant,
        {"kind": seen.kind, "newest_subject": seen.subject},
    )


def _resolve(transaction: Transaction, alert: Alert, config: AlertsConfig, now: float) -> None:
    transaction.execute(
        "update alerts set state = 'resolved', resolved_at = ? where id = ?", (now, alert.id)
    )
    _post(transaction, "alert.resolved", alert, "gate", now, count=alert.count)
    if kind_of(alert.kind).tells_end and not alert.silenced:
        seen = Sighting(alert.kind, alert.subject, alert.says, alert.severity, alert.tenant)
        for name in destinations_for(config, seen):
            enqueue(transaction, name, alert.id, "resolved", now)


def _post(
    transaction: Transaction, name: str, alert: Alert, actor: str, now: float, **more: JSON
) -> None:
    event: dict[str, JSON] = {
        "event": name,
        "actor": actor,
        "alert_id": alert.id,
        "kind_of_alert": alert.kind,
        "subject": alert.subject,
        "tenant": alert.tenant or None,
    }
    outbox.post(transaction, event | more, now)


def _one(where: Database | Transaction, identifier: str) -> Alert:
    found = _find(where, "id = ?", (identifier,))
    if not found:
        raise CommandError(f"There is no alert {identifier}. See `yett alert list --all`")
    return found[0]


def _find(
    where: Database | Transaction, condition: str, values: tuple[str, ...] = ()
) -> list[Alert]:
    rows = where.fetch(f"select {_COLUMNS} from alerts where {condition}", values)  # noqa: S608 - our own words
    return [_alert(row) for row in rows]


def _alert(row: tuple[Any, ...]) -> Alert:
    fields = dict(zip(Alert.__struct_fields__, row, strict=True))
    fields["numbers"] = json.loads(fields["numbers"])
    fields["silenced"] = bool(fields["silenced"])
    return msgspec.convert(fields, Alert, strict=False)


def _shown_silence(silence: dict[str, Any]) -> dict[str, JSON]:
    return silence | {
        "made_at": iso_time(silence["made_at"]),
        "until": iso_time(silence["until"]),
    }


def _text(text: str) -> str:
    return " ".join(text.split())[:_NOTE_CHARS_MAX]
