"""What a caller mirrors into headers, decoded (MCP 2026-07-28, Streamable HTTP: Value Encoding). Pure."""

import base64
import binascii
from typing import Final

PREFIX: Final = b"mcp-param-"
_START: Final = b"=?base64?"
_END: Final = b"?="


def decode(header: bytes) -> str | None:
    """Undo the Base64 sentinel once. Not text, or not in its one encoding: None, which equals nothing."""
    try:
        if not (
            header.startswith(_START)
            and header.endswith(_END)
            and len(header) >= len(_START) + len(_END)
        ):
            return header.decode("ascii")
        encoded = header[len(_START) : -len(_END)]
        decoded = base64.b64decode(encoded, validate=True)
        return decoded.decode() if base64.b64encode(decoded) == encoded else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def read_mirrored(headers: dict[bytes, bytes], repeated: set[bytes]) -> dict[str, str | None]:
    """Return the `Mcp-Param-*` headers by what follows the prefix, in lower case. None: repeated, or not
    to be decoded."""
    return {
        name[len(PREFIX) :].decode("latin-1"): None if name in repeated else decode(value)
        for name, value in headers.items()
        if name.startswith(PREFIX)
    }
