"""The `storage` section of the configuration."""

from typing import Annotated, final

import msgspec

StoreReference = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(file:/.+|env:[A-Za-z_][A-Za-z0-9_]*)$",
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
