"""What a statement may do in SQLite, asked by SQLite itself while it prepares one (sqlite3_set_authorizer).

Everything is denied but reading of tables that are allowed and functions that are known to compute. A table
behind a view may be read through it, though not by its own name.
"""

import sqlite3
from typing import Final, final

import msgspec

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
    json_set json_type json_valid -> ->>
    bm25 highlight snippet match
    """.split()  # noqa: SIM905 - seventy lines would say no more
)
_OWN: Final = frozenset(OWN_FUNCTIONS["sqlite"])


@final
class Reads(msgspec.Struct, frozen=True):
    """What may be read of one file. names: of all its tables and views. tables: those that may be read, or None:
    all. behind: pairs of a table and the view, or the query in a view, through which it may be read as well.
    All in lower case."""

    names: frozenset[str]
    tables: frozenset[str] | None
    behind: frozenset[tuple[str, str]]


def learn_reads(
    connection: sqlite3.Connection, kinds: dict[str, str], tables: frozenset[str] | None
) -> Reads:
    """Let SQLite itself say what stands behind each view that may be read. kinds: `table` or `view`, by name."""
    found: set[tuple[str, str]] = set()

    def note(
        action: int, first: str | None, _: str | None, __: str | None, source: str | None
    ) -> int:
        if action == sqlite3.SQLITE_READ and first is not None and source is not None:
            found.add((first.lower(), source.lower()))
        return sqlite3.SQLITE_OK

    views = [] if tables is None else [name for name, kind in kinds.items() if kind == "view"]
    for view in views:
        if tables is not None and view.lower() in tables:
            quoted = view.replace('"', '""')
            connection.set_authorizer(note)
            try:
                connection.execute(f'explain select * from "{quoted}"').close()  # noqa: S608 - quoted
            finally:
                connection.set_authorizer(None)
    names = frozenset(name.lower() for name in kinds)
    # A view behind a view has to be named as well: its rows could be counted without it being asked about.
    known = {pair for pair in found if pair[1] not in names or pair[1] in (tables or ())}
    return Reads(names, tables, frozenset(known))


@final
class Authority:
    """with_queries: the statement has queries of its own (WITH). SQLite tells them from views by their name only, and
    that the statement chooses; so nothing is read through views then that may not be read by its own name."""

    __slots__ = ("_behind", "_reads")

    def __init__(self, reads: Reads, *, with_queries: bool) -> None:
        self._reads = reads
        self._behind = frozenset() if with_queries else reads.behind

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        schema: str | None,
        source: str | None,
    ) -> int:
        """first, second: by the action (SQLite: Authorizer Action Codes). source: the innermost view, or query of
        WITH."""
        match action:
            case sqlite3.SQLITE_SELECT:
                return sqlite3.SQLITE_OK
            case sqlite3.SQLITE_FUNCTION:
                name = (second or "").lower()
                return _verdict(name in _FUNCTIONS or name in _OWN)
            case sqlite3.SQLITE_READ:
                return _verdict(self._may_read((first or "").lower(), second, schema, source))
            case _:
                return sqlite3.SQLITE_DENY

    def _may_read(
        self, table: str, column: str | None, schema: str | None, source: str | None
    ) -> bool:
        reads = self._reads
        if table.startswith(("sqlite_", "pragma_")) or schema not in ("main", None):
            return False
        if reads.tables is None or table in reads.tables:
            return True
        if not column and table not in reads.names:
            return (
                True  # a query of WITH of which no column is read: its own tables are asked about
            )
        return source is not None and (table, source.lower()) in self._behind


def _verdict(allowed: bool) -> int:  # noqa: FBT001 - the answer itself
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
