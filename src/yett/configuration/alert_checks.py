"""Does `alerts` say where alerts go, and do they go there unread by others?"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from yett.alerts.config import DESTINATIONS_MAX, AlertsConfig, Destination, Email, Hours
from yett.configuration.model import Configuration
from yett.core.address import is_loopback
from yett.core.errors import Problem

_Path = tuple[str | int, ...]
_PORT_MAX: Final = 65_535


def alert_problems(
    configuration: Configuration, url_problems: Callable[[str, tuple[str, ...]], Iterator[Problem]]
) -> Iterator[Problem]:
    """url_problems: what is wrong with an address to which anything private goes."""
    config = configuration.alerts
    if len(config.to) > DESTINATIONS_MAX:
        yield Problem(
            f"there are {len(config.to)} destinations",
            fix=f"Name at most {DESTINATIONS_MAX}, and let one of them pass the alerts on.",
            path=("alerts", "to"),
        )
    for name, destination in config.to.items():
        path = ("alerts", "to", name)
        yield from _one(destination, path)
        if destination.webhook is not None:
            yield from url_problems(destination.webhook, (*path, "webhook"))
        if destination.email is not None:
            yield from _email(destination.email, (*path, "email"))
    yield from _routes(config)
    for tenant, hours in config.hours.items():
        yield from _hours(hours, ("alerts", "hours", tenant))


def _one(destination: Destination, path: _Path) -> Iterator[Problem]:
    named = [
        name
        for name in ("webhook", "slack", "email", "syslog")
        if getattr(destination, name) is not None
    ]
    if len(named) != 1:
        yield Problem(
            "a destination is exactly one of `webhook`, `slack`, `email` and `syslog`",
            fix="Write slack: secret:NAME, or one of the others.",
            path=path,
        )
    if (destination.webhook is None) != (destination.secret is None):
        yield Problem(
            "a webhook and the secret that signs its messages go together",
            fix="Write {webhook: https://…, secret: secret:NAME}.",
            path=path,
        )
    if destination.syslog is not None:
        yield from _host(destination.syslog, (*path, "syslog"))


def _email(email: Email, path: _Path) -> Iterator[Problem]:
    server = email.server or ""
    if not (server and email.sender and email.to):
        yield Problem(
            "letters need a server, a sender and somebody who gets them",
            fix="Write email: {server: mail.example.com, sender: gate@…, to: [ops@…]}.",
            path=path,
        )
    yield from _host(server, (*path, "server"))
    if email.security == "none" and not is_loopback(server.rpartition(":")[0] or server):
        yield Problem(
            "letters do not go in the clear beyond this machine: everybody on the way reads them",
            fix="Write security: starttls, or tls.",
            path=(*path, "security"),
        )
    if (email.username is None) != (email.password is None):
        yield Problem(
            "a user of the mail server and its password go together",
            fix="Write both, or neither.",
            path=path,
        )


def _host(text: str, path: _Path) -> Iterator[Problem]:
    port = text.rpartition(":")[2]
    if ":" in text and port.isdigit() and not 0 < int(port) <= _PORT_MAX:
        yield Problem("there is no such port", fix="Ports end at 65535.", path=path)


def _routes(config: AlertsConfig) -> Iterator[Problem]:
    for number, route in enumerate(config.routes):
        for name in route.to:
            if name not in config.to:
                known = ", ".join(config.to) or "none yet"
                yield Problem(
                    f"this route leads to `{name}`, which is no destination",
                    fix=f"There are: {known}.",
                    path=("alerts", "routes", number, "to"),
                )


def _hours(hours: Hours, path: _Path) -> Iterator[Problem]:
    from zoneinfo import available_timezones  # noqa: PLC0415 - few name hours

    if hours.zone not in available_timezones():
        yield Problem(
            f"`{hours.zone}` is no time zone that this machine knows",
            fix="Write its name in the IANA database, such as Europe/Zurich.",
            path=(*path, "zone"),
        )
    start, _, end = hours.open.partition("-")
    if start == end:
        yield Problem(
            "nobody works then", fix="Write 00:00-24:00 for always.", path=(*path, "open")
        )
    for number, day in enumerate(hours.holidays):
        try:
            date.fromisoformat(day)
        except ValueError:
            yield Problem(
                f"there is no {day}", fix="Write 2026-12-25.", path=(*path, "holidays", number)
            )
