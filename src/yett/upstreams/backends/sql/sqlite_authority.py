"""What a statement may do in SQLite, asked by SQLite itself while it prepares one (sqlite3_set_authorizer).

Everything is denied but reading of tables that are allowed and functions that are known to compute. A table
behind a view may be read through it, though not by its own name.
"""

import sqlite3
from collections.abc import Collection
from typing import Final, final

from yett.upstreams.databases import OWN_FUNCTIONS

_FUNCTIONS: Final = frozenset(
    """
    abs avg acos acosh asin asinh atan atan2 atanh ceil ceiling char coalesce concat concat_ws cos cosh
    count cume_dist date datetime degrees dense_rank exp first_value floor format glob group_concat hex
    ifnull iif instr julianday lag last_value lead length like ln log log10 log2 lower ltrim max min mod
    nth_value ntile nullif octet_length percent_rank pi pow power printf quote radians random rank replace
    round row_number rtrim sign sin sinh sqrt string_agg strftime substr substring sum tan tanh time
    timediff total trim trunc typeof unhex unicode unixepoch unlikely likely likelihood upper
    json json_array json_array_length json_error_position json_extract json_group_array
    json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace
    json_set json_type json_valid json_each json_tree -> ->>
    bm25 highlight snippet match
    """.split()  # noqa: SIM905 - seventy lines would say no more
)
_OWN: Final = frozenset(OWN_FUNCTIONS["sqlite"])
_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})


@final
class Authority:
    """tables: all that may be read, views too; None: all but SQLite's own."""

    __slots__ = ("_tables", "_views")

    def __init__(self, tables: Collection[str] | None, views: Collection[str]) -> None:
        named = None if tables is None else {table.lower() for table in tables}
        self._tables = named
        self._views = {view.lower() for view in views if named is None or view.lower() in named}

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        schema: str | None,
        source: str | None,
    ) -> int:
        """first, second: by the action (SQLite: Authorizer Action Codes). source: the innermost view."""
        match action:
            case sqlite3.SQLITE_SELECT:
                return sqlite3.SQLITE_OK
            case sqlite3.SQLITE_FUNCTION:
                name = (second or "").lower()
                return _verdict(name in _FUNCTIONS or name in _OWN)
            case sqlite3.SQLITE_READ:
                return _verdict(self._may_read((first or "").lower(), schema, source))
            case _:
                return sqlite3.SQLITE_DENY

    def _may_read(self, table: str, schema: str | None, source: str | None) -> bool:
        if table.startswith(("sqlite_", "pragma_")) or schema not in ("main", None):
            return False
        if table in _TABLE_FUNCTIONS or self._tables is None or table in self._tables:
            return True
        return source is not None and source.lower() in self._views


def _verdict(allowed: bool) -> int:  # noqa: FBT001 - the answer itself
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
