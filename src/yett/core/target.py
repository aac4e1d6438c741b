"""What a call is about: one tool, resource or prompt of one server, as the operator approved it."""

from typing import Any, Final, Literal, final

import msgspec

from yett.core.operations import Kind

JSON = Any
"""A parsed JSON value: None, bool, int, float, str, list or dict[str, JSON]. Never NaN, never bytes."""

Access = Literal["read", "write"]

SEPARATOR: Final = "__"
"""Between server and tool on `/mcp`."""

SERVER_NAME_PATTERN: Final = r"^[a-z0-9]([a-z0-9-]|_(?!_|$)){0,62}$"
"""No server's name holds the separator or runs into it, so the first one in a public name ends it."""


@final
class Target(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the server's own name (a URI for resources); `public_name` the one on `/mcp`.

    key: `server/name`, the one canonical id that every table uses; made here, never handed in.
    definition: the approved definition, as the server gave it. digest: SHA-256 (hex) of its
    canonical form. quarantined: the server shows another definition now; visible to nobody.
    unreachable: why the server could not be asked whether it still shows this one; empty: it was.
    """

    kind: Kind
    server: str
    name: str
    public_name: str
    access: Access = "write"
    digest: str = ""
    definition: dict[str, JSON] = {}
    quarantined: bool = False
    unreachable: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "key", f"{self.server}/{self.name}")
