"""What the guard of SQL refuses and reads, for a tool that only reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from bench.detection.tables import Figure, Table, figure, read, readable

from yett.validation.config import SqlArgument
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.build import build_guard
from yett.validation.kinds.sql.guard import SqlGuard

_DIALECTS: Final = get_args(get_type_hints(SqlArgument)["dialect"])


def statements(directory: Path) -> tuple[list[Table], list[Figure]]:
    """A row of no dialect of its own is asked of every guard; it counts as refused only if all refuse it,
    and as read if it is read in one of the dialects that know its words."""
    guards = {dialect: build_guard(SqlArgument(dialect=dialect)) for dialect in _DIALECTS}
    writes = Table("Statements that write, refused to a tool that only reads")
    pieces = Table("Injected SQL as a whole statement, refused to a tool that only reads")
    reads = Table("Statements that read, passed")
    for row in read(directory, "sql"):
        found = dict(_judged(guards, row))
        dialect = row["dialect"]
        if row["label"] == "read":
            reads.add(dialect, row["source"], found=any(found.values()))
        elif row["label"] == "write":
            writes.add(dialect, row["source"], found=not any(found.values()))
        else:
            pieces.add(dialect, row["source"], found=not any(found.values()))
    return [writes, pieces, reads], [figure(writes, 100)]


def _judged(guards: dict[str, SqlGuard], row: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    own = row["dialect"]
    for dialect, guard in guards.items():
        if own in guards and own != dialect:
            continue
        try:
            guard.check(readable(row["sql"]), "read")
        except Unfit:
            yield dialect, False
        else:
            yield dialect, True
