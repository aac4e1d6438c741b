"""The sections `storage` and `counters` of the configuration: what several gates share."""

from typing import Annotated, Final, final

import msgspec

STORE_REFERENCE_PATTERN: Final = r"^(file:/.+|env:[A-Za-z_][A-Za-z0-9_]*)$"
StoreReference = Annotated[
    str,
    msgspec.Meta(
        pattern=STORE_REFERENCE_PATTERN,
        description="file:/path or env:NAME (development only); never the value, and not secret:NAME, "
        "since the vault lies in the database itself",
    ),
]


@final
class StorageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys, secrets and approvals in a PostgreSQL database that several gates share; default: a file of
    this machine.

    url: `postgresql://USER@HOST/DATABASE`, without a password; TLS is verified, but on loopback.
    password: of that user. ca: PEM file with the only authorities to trust for it, in place of the
    system's.
    """

    url: str
    password: StoreReference | None = None
    ca: str | None = None


@final
class CountersConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rates, calls at the same time and breakers in a Valkey or Redis that several gates share; default:
    in this process. It needs `storage`, where money and the revocations are.

    url: `valkeys://HOST` (with TLS), or `valkey://127.0.0.1`; `rediss://` and `redis://` mean the same.
    password: of the user in the address, or of all. ca: as in `storage`. replicas: so many must have taken
    over what a call was counted for before it goes on, so that no failover forgets it.
    """

    url: str
    password: StoreReference | None = None
    ca: str | None = None
    replicas: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0


def storage_of(section: StorageConfig | str | None) -> StorageConfig | None:
    """Return the long form of `storage: postgresql://…`."""
    return StorageConfig(section) if isinstance(section, str) else section


def counters_of(section: CountersConfig | str | None) -> CountersConfig | None:
    """Return the long form of `counters: valkeys://…`."""
    return CountersConfig(section) if isinstance(section, str) else section
