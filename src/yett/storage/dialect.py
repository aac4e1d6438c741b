"""Statements as the code has them, in the words of PostgreSQL.

The code writes what SQLite and PostgreSQL both read, with `?` or `?1` for values; the rest is here.
Tables are written once, for SQLite; triggers stand beside them, in `NNNN_name.postgresql.sql`.
"""

import json
import re
from functools import lru_cache
from typing import Final

from yett.storage.port import Value

_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\?(\d*)|\browid\b")
_TYPES: Final = (
    (re.compile(r"\binteger primary key( autoincrement)?\b", re.IGNORECASE), "bigint generated always as identity primary key"),
    (re.compile(r"\binteger\b", re.IGNORECASE), "bigint"),
    (re.compile(r"\bblob\b", re.IGNORECASE), "bytea"),
    (re.compile(r"\breal\b", re.IGNORECASE), "double precision"),
    (re.compile(r"\bany\b", re.IGNORECASE), "jsonb"),
    (re.compile(r"\)\s*strict\b", re.IGNORECASE), ")"),
    (re.compile(r",?\s*\bwithout rowid\b", re.IGNORECASE), ""),
)  # fmt: skip
_COMMENT: Final = re.compile(r"--[^\n]*")


@lru_cache(maxsize=1_024)
def numbered(statement: str) -> str:
    """Put `$1`, `$2` … in the places of `?`, and of `?1`, `?2` …"""
    count = 0

    def place(found: re.Match[str]) -> str:
        nonlocal count
        if found[1] is None:  # a text, a comment, or the place of a row
            return "ctid" if found[0] == "rowid" else found[0]
        count += 1
        return f"${found[1] or count}"

    return _TOKEN.sub(place, statement)


def table_for_postgres(statement: str) -> str | None:
    """Return a statement of a migration as PostgreSQL has it; None: a trigger, which stands elsewhere."""
    plain = _COMMENT.sub("", statement).strip()
    if plain.lower().startswith("create trigger"):
        return None
    for found, put in _TYPES:
        plain = found.sub(put, plain)
    return plain


def encode_any(value: Value) -> str:
    """Write what a column of any type holds as JSON; bytes as an object."""
    return json.dumps({"hex": value.hex()} if isinstance(value, bytes) else value)


def decode_any(text: str) -> Value:
    value = json.loads(text)
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    if isinstance(value, (str, int, float)) or value is None:
        return value
    raise ValueError("not a value")
