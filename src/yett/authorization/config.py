"""The `roles`, `policies` and `labels` sections of the configuration, and what a tool's section says to policies."""

from typing import Annotated, Literal, final

import msgspec

from yett.core.quantities import Duration

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

Label = Literal["private", "untrusted"]


@final
class LabelsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """window: how long a caller is taken to remember what it has seen, from the last time it saw it."""

    window: Duration = "12h"


@final
class ToolMarks(msgspec.Struct, frozen=True):
    """labels: what the results of the tool are; whoever has seen one has touched it. egress: the tool
    sends what it is given to somewhere outside."""

    labels: tuple[Label, ...] = ()
    egress: bool = False
