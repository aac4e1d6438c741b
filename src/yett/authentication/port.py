"""Where keys lie, as the stage sees it."""

from typing import Protocol, final

import msgspec

from yett.core.identity import Environment, Principal


@final
class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key; the secret itself is not. All times: seconds since 1970.

    digest: of the whole key as it was shown. previous_digest: of the one before the last rotation,
    good until `previous_until`. roles: sorted.
    """

    id: str
    name: str
    tenant: str
    environment: Environment
    roles: tuple[str, ...]
    digest: bytes
    previous_digest: bytes | None = None
    previous_until: float | None = None
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    @property
    def principal(self) -> Principal:
        """Whom the key stands for."""
        return Principal(
            id=self.id,
            name=self.name,
            tenant=self.tenant,
            roles=self.roles,
            environment=self.environment,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )


@final
class StoreState(msgspec.Struct, frozen=True):
    """version: differs whenever a key changed. newest_time: the newest wall-clock time kept."""

    version: int
    newest_time: float = 0.0


class KeyStore(Protocol):
    def state(self) -> StoreState:
        """Cheap enough to be asked each second.

        Raises:
            Fault: the store could not be read.
        """
        ...

    def load(self) -> dict[str, StoredKey]:
        """Return every key by id, revoked ones too: the record says why a caller was refused.

        Raises:
            Fault: the store could not be read.
        """
        ...

    def keep_time(self, at: float) -> None:
        """Keep `at` as the newest time seen, unless a newer one is kept.

        Raises:
            Fault: the store could not be written.
        """
        ...
