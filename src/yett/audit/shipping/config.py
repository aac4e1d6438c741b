"""The `ship` section of `audit`: who gets a copy of the log."""

from typing import Annotated, Final, Literal, final
from urllib.parse import urlsplit

import msgspec

AUDIT: Final = "audit"
"""For whom the secrets of destinations are stored, beside servers."""
DESTINATIONS_MAX: Final = 8

ShipName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
HOST_PORT_PATTERN: Final = r"^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?$"
HostPort = Annotated[str, msgspec.Meta(pattern=HOST_PORT_PATTERN, description="HOST or HOST:PORT")]
SecretReference = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^secret:[a-z0-9][a-z0-9_-]{0,62}$", description="secret:NAME, of the vault"
    ),
]
Format = Literal["lines", "ocsf"]


@final
class ShipConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of `syslog`, `https` and `kafka`.

    syslog: a collector that speaks RFC 5424 over TLS, `HOST` or `HOST:PORT` (6514). https: an address that
    takes a POST of JSON lines. kafka: brokers, each `HOST` or `HOST:PORT`
    (9092); needs the extra `kafka`. topic: of the records there. username: for the brokers (SCRAM-SHA-512).
    secret: what portions by `https` are signed with, or the password of the `username`. tls: speak it with the brokers; false: only with those on this machine. ca: PEM file of
    the only authorities to trust, in place of the system's. format: `lines` as they stand in the log, which
    can be verified; `ocsf` is one event of the Open Cybersecurity Schema Framework for each record.
    """

    syslog: HostPort | None = None
    https: str | None = None
    kafka: tuple[HostPort, ...] = ()
    topic: str = "yett-audit"
    username: str | None = None
    secret: SecretReference | None = None
    tls: bool = True
    ca: str | None = None
    format: Format = "lines"


def split_host(text: str, port: int) -> tuple[str, int]:
    """Split `HOST` or `HOST:PORT`; port: where none is named."""
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or port
