"""Who is calling, as established by a credential and by nothing else."""

from typing import Final, Literal, final

import msgspec

DEFAULT_TENANT: Final = "default"
Environment = Literal["live", "test"]


@final
class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """One key (later: one OAuth subject or certificate).

    id: public and unique, e.g. the key's id. name: what the operator called it; display only.
    roles: names of `roles:` in the configuration, sorted. expires_at: seconds since 1970.
    """

    id: str
    name: str
    tenant: str = DEFAULT_TENANT
    roles: tuple[str, ...] = ()
    environment: Environment = "live"
    created_at: float = 0.0
    expires_at: float | None = None
