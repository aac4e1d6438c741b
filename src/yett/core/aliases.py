"""Names of tools that model providers accept: letters, digits, `_` and `-`, at most 64 (their function
calling guides). Pure.

MCP allows dots and 128 characters, and `/mcp` puts the server's name before. What does not fit gets
an alias: as much of the name as fits, and eight digits of its SHA-256, so that two never meet.
"""

import re
from hashlib import sha256
from typing import Final

NAME_CHARS_MAX: Final = 64
_FIT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")
_DIGITS: Final = 8


def alias_of(public_name: str) -> str:
    """Return the name itself if it fits, otherwise its alias; always the same one."""
    if _FIT.fullmatch(public_name):
        return public_name
    kept = _OTHER.sub("_", public_name)[: NAME_CHARS_MAX - _DIGITS - 1]
    return f"{kept}_{sha256(public_name.encode()).hexdigest()[:_DIGITS]}"
