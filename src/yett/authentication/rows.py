"""Keys as rows of the table `keys`, for the registry that writes them and the backend that reads."""

from typing import Final

import msgspec

from yett.authentication.port import StoredKey
from yett.core import document
from yett.storage.port import Row

COLUMNS: Final = (
    "id, name, tenant, environment, roles, digest, previous_digest, previous_until, "
    "created_at, expires_at, revoked_at"
)
NEWEST_TIME: Final = "newest_time"
KEYS_VERSION: Final = "keys_version"


def to_row(key: StoredKey) -> Row:
    return (
        key.id,
        key.name,
        key.tenant,
        key.environment,
        document.encode(list(key.roles)).decode(),
        key.digest,
        key.previous_digest,
        key.previous_until,
        key.created_at,
        key.expires_at,
        key.revoked_at,
    )


def from_row(row: Row) -> StoredKey:
    """Read one row.

    Raises:
        ValueError: the row is damaged.
    """
    fields = dict(zip(COLUMNS.split(", "), row, strict=True))
    fields["roles"] = document.parse(str(fields["roles"]).encode())
    return msgspec.convert(fields, StoredKey)
