"""The `alerts` section of the configuration."""

from typing import Annotated, Final, Literal, final

import msgspec

ALERTS: Final = "alerts"
"""For whom the secrets of destinations are stored, beside servers."""
EVERY_TENANT: Final = "*"
DESTINATIONS_MAX: Final = 16

Severity = Literal["high", "low"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SecretReference = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^secret:[a-z0-9][a-z0-9_-]{0,62}$", description="secret:NAME, of the vault"
    ),
]
DestinationName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
TenantName = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")]
HOST_PORT_PATTERN: Final = r"^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?$"
HostPort = Annotated[str, msgspec.Meta(pattern=HOST_PORT_PATTERN, description="HOST or HOST:PORT")]
OPEN_PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
Opening = Annotated[
    str, msgspec.Meta(pattern=OPEN_PATTERN, description="from when to when, such as 08:00-18:00")
]
Date = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^[^@\s<>,]{1,64}@[^@\s<>,]{1,255}$")]


@final
class Email(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """server: the mail server, `HOST` or `HOST:PORT`. sender: from whom the letters are. to: who gets them.
    username, password: for the server, if it asks. security: `starttls` (port 587), `tls` from the first
    byte (465), or `none` (25) for a server on this machine."""

    server: HostPort | None = None
    sender: Address | None = None
    to: tuple[Address, ...] = ()
    username: str | None = None
    password: SecretReference | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"


@final
class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of `webhook`, `slack`, `email` and `syslog`.

    webhook: the address of a program of yours; its messages are signed with `secret`. slack: the
    address that Slack gave you for incoming webhooks, which is a secret. email: see below. syslog: a
    collector that speaks RFC 5424 over TLS, `HOST` or `HOST:PORT` (6514). ca: PEM file of the only
    authorities to trust for it, in place of the system's.
    """

    webhook: str | None = None
    secret: SecretReference | None = None
    slack: SecretReference | None = None
    email: Email | None = None
    syslog: HostPort | None = None
    ca: str | None = None


@final
class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts go where. to: names of destinations; none: these alerts are kept and nobody is told.
    kinds, tenants: only these; a kind may end with `*`. severity: only this one. An alert takes every
    route that it fits; one that fits none goes to each destination that no route with tenants names."""

    to: tuple[DestinationName, ...]
    kinds: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    severity: Severity | None = None


@final
class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When people work. zone: a name of the IANA database. days: of the week. open: from when to when;
    an end before the beginning is one of the next day. holidays: days on which nobody works."""

    zone: str = "UTC"
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    open: Opening = "08:00-18:00"
    holidays: tuple[Date, ...] = ()


@final
class AlertsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """to: where alerts go, by a name of yours. routes: which go where; without any, all go everywhere.
    hours: when the people of a tenant work, `*` for those of all others; a use of a tool at another time
    is an alert, unless it is usual for the key."""

    to: dict[DestinationName, Destination] = {}
    routes: tuple[Route, ...] = ()
    hours: dict[TenantName, Hours] = {}


def references_of_alerts(config: AlertsConfig) -> tuple[str, ...]:
    """Name every secret that a destination refers to, sorted."""
    found = {
        reference
        for one in config.to.values()
        for reference in (one.secret, one.slack, one.email.password if one.email else None)
    }
    return tuple(sorted(reference for reference in found if reference is not None))
