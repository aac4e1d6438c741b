"""One good key and one good call; tests bend one field of them."""

from typing import Any

from yett.core.call import Call
from yett.core.operations import OPERATIONS
from yett.core.secret import Secret

PEPPER = Secret(b"p" * 32)
BOTH = frozenset({"live", "test"})


def call(credential: Secret | bytes | None, **changes: Any) -> Call:
    fields: dict[str, Any] = {
        "id": "r1",
        "operation": OPERATIONS["tools/call"],
        "server": None,
        "name": "time__get_current_time",
        "credential": Secret(credential) if isinstance(credential, bytes) else credential,
        "peer": "127.0.0.1",
        "door": "mcp",
        "protocol": "2025-11-25",
        "received_at": 1_800_000_000.0,
        "started": 100.0,
    }
    return Call(**(fields | changes))
