"""`yett alert`: what people should hear of, who looks after it, and whether they would hear of it."""

from typing import TYPE_CHECKING, Final

import click

from yett.cli.command import Place, command
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds

if TYPE_CHECKING:
    from yett.alerts.book import AlertBook

group: Final = click.Group("alert", help="List and acknowledge alerts.")

_COLUMNS: Final = ["id", "severity", "state", "kind", "says", "count", "last_at"]
_SILENCE_COLUMNS: Final = ["id", "what", "until", "reason", "made_by"]
_KEY: Final = "key:"


@group.command("list")
@command()
@click.option("--all", "with_resolved", is_flag=True, help="Those that are over, too.")
@click.option("--tenant", help="Of this tenant only.")
def list_alerts(place: Place, *, with_resolved: bool, tenant: str | None) -> None:
    """List alerts, newest last."""
    found = _book(place).find(with_resolved=with_resolved, tenant=tenant)
    place.print_rows(
        [alert.described() for alert in found],
        _COLUMNS,
        empty="nothing that anybody should hear of",
    )


@group.command("show")
@command()
@click.argument("alert")
def show(place: Place, alert: str) -> None:
    """Show one alert with its numbers, what it means and what to do."""
    from yett.alerts.kinds import kind_of

    found = _book(place).show(alert)
    kind = kind_of(found.kind)
    described = found.described()
    if not place.as_json:
        numbers = described.pop("numbers")
        described |= {"numbers": [f"{name} {value}" for name, value in numbers.items()]}
    place.print_record(described | {"means": kind.means, "do": kind.do})


@group.command("ack")
@command()
@click.argument("alert")
@click.option("--note", default="", help="For the others who look at it.")
def ack(place: Place, alert: str, note: str) -> None:
    """Say that you look after it. Nobody is told again, unless it becomes urgent."""
    found = _book(place).acknowledge(alert, actor=place.actor, note=note)
    place.print_record(found.described())


@group.command("silence")
@command()
@click.argument("what", metavar="KIND|SUBJECT")
@click.option("--for", "duration", required=True, help="How long: 8h, 7d. At most 90d.")
@click.option("--reason", required=True, help="For those who wonder later.")
def silence(place: Place, what: str, duration: str, reason: str) -> None:
    """Tell nobody of a kind of alert, or of a subject, for some time. It is recorded all the same.

    A subject is written as `yett alert list --json` shows it; of a key its name will do: key:laptop.
    """
    try:
        seconds = duration_seconds(duration)
    except ValueError as error:
        raise CommandError(f"--for: {error}") from None
    made = _book(place).silence(
        _known(place, what), seconds=seconds, reason=reason, actor=place.actor
    )
    place.print_record(made)


@group.command("silences")
@command()
def silences(place: Place) -> None:
    """List the silences that hold."""
    place.print_rows(_book(place).silences(), _SILENCE_COLUMNS, empty="nothing is silenced")


@group.command("unsilence")
@command()
@click.argument("silence")
def unsilence(place: Place, silence: str) -> None:
    """End a silence."""
    _book(place).end_silence(silence, actor=place.actor)
    place.print_record({"id": silence, "ended": True})


@group.command("test")
@command()
@click.option("--to", "only", help="This destination only.")
def test(place: Place, only: str | None) -> None:
    """Send a test through every destination and say what became of it."""
    from yett.alerts.trying import try_destinations
    from yett.app.alerting import alert_secret

    config = place.configuration().alerts
    if not config.to:
        raise CommandError(
            "Alerts go nowhere yet. Write alerts: {to: {ops: {slack: secret:slack-url}}}, or one of"
            " webhook, email and syslog"
        )
    if only is not None and only not in config.to:
        raise CommandError(f"There is no destination `{only}`. There are: {', '.join(config.to)}")
    vault = place.vault()
    tried = try_destinations(
        config,
        place.database(),
        place.clock,
        secret=lambda reference: alert_secret(vault, reference),
        actor=place.actor,
        only=only,
    )
    place.print_rows(tried, ["destination", "ok", "problem"])
    if not all(row["ok"] for row in tried):
        raise CommandError("not every destination took it; see `problem`")


def _book(place: Place) -> "AlertBook":
    from yett.alerts.book import AlertBook

    return AlertBook(place.database(), place.clock)


def _known(place: Place, what: str) -> str:
    """Return a kind, or a subject; the name of a key becomes its id.

    Raises:
        CommandError: it is neither, and would silence nothing.
    """
    from yett.alerts.kinds import EVENTS, KINDS
    from yett.authentication.build import build_registry

    if what.startswith(_KEY):
        registry = build_registry(
            database=place.database(), data=place.data, clock=place.clock, actor=place.actor
        )
        return _KEY + registry.show(what.removeprefix(_KEY)).id
    if what in KINDS or what in EVENTS or ":" in what or _is_open(place, what):
        return what
    raise CommandError(
        f"`{what}` is no kind of alert and no subject. Kinds: {', '.join((*KINDS, *EVENTS))}"
    )


def _is_open(place: Place, what: str) -> bool:
    return any(what in (alert.kind, alert.subject) for alert in _book(place).find())
