"""Names: lists of them, and how those out of a statement are said in a refusal."""

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$.]{0,62}")


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def said(name: str, otherwise: str) -> str:
    """Return the name if it is a plain one; otherwise only what it is, as nothing else is quoted."""
    return f"`{name}`" if _PLAIN.fullmatch(name) else otherwise
