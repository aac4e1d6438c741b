"""The `roles` and `policies` sections of the configuration."""

from typing import Annotated

import msgspec

ROLE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
GRANT_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}\.(\*|[A-Za-z0-9_.-]{1,128}):(read|write)$"
Grant = Annotated[
    str,
    msgspec.Meta(
        pattern=GRANT_PATTERN,
        description="SERVER.TOOL:read or :write; TOOL may be *. `write` does not include `read`.",
    ),
]
RoleName = Annotated[str, msgspec.Meta(pattern=ROLE_PATTERN)]
Roles = dict[RoleName, tuple[Grant, ...]]
