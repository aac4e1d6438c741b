"""A segment as Parquet: a row for each line, its members in columns and the line itself beside them."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from yett.core.errors import CommandError

_MEMBERS: Final = (
    ("sequence", "$.sequence", "bigint"),
    ("time", "$.at", "timestamp"),
    ("kind", "$.kind", "varchar"),
    ("id", "$.id", "varchar"),
    ("intent", "$.intent", "bigint"),
    ("caller_id", "$.caller.id", "varchar"),
    ("caller", "$.caller.name", "varchar"),
    ("tenant", "$.tenant", "varchar"),
    ("method", "$.method", "varchar"),
    ("server", "$.server", "varchar"),
    ("tool", "$.tool", "varchar"),
    ("access", "$.access", "varchar"),
    ("decision", "$.decision", "varchar"),
    ("reason", "$.reason", "varchar"),
    ("status", "$.status", "varchar"),
    ("latency_ms", "$.latency_ms", "double"),
    ("bytes", "$.bytes", "bigint"),
    ("cost_micros", "$.cost_micros", "bigint"),
    ("event", "$.event", "varchar"),
    ("actor", "$.actor", "varchar"),
)
_THREADS: Final = 1


def write_parquet(blocks: Iterable[bytes], path: Path, digest: str) -> None:
    """Write the lines of a segment. digest: SHA-256 of them all, which must come out of the file again.

    Raises:
        CommandError: the extra is missing; or what the file holds is not what the segment does.
        OSError: the file cannot be written.
    """
    lines = path.with_suffix(".lines")
    with lines.open("wb") as file:
        for block in blocks:
            file.write(block)
    database = _database()
    try:
        columns = ", ".join(
            f"try_cast(json_extract_string(line, '{where}') as {kind}) as {name}"
            for name, where, kind in _MEMBERS
        )
        # One column, nothing quoted, nothing escaped: a line is read as it stands.
        database.execute(
            f"copy (select {columns}, line from read_csv(?, columns={{'line': 'varchar'}}, delim='\\0', quote='',"  # noqa: S608 - of constants
            " escape='', header=false, auto_detect=false, new_line='\\n', max_line_size=16777216))"
            f" to '{str(path).replace(chr(39), chr(39) * 2)}' (format parquet, compression zstd)",
            [str(lines)],
        )
        if _digest_of(database, path) != digest:
            raise CommandError("Parquet does not hold this segment as it is; archive it without")
    finally:
        database.close()
        lines.unlink()


def _digest_of(database: Any, path: Path) -> str:
    digest = sha256()
    rows = database.execute("select line from read_parquet(?) order by sequence", [str(path)])
    while some := rows.fetchmany(10_000):
        for (line,) in some:
            digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _database() -> Any:
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise CommandError(
            "Parquet needs the extra `archive`: pip install 'yett[archive]'"
        ) from None
    # Nothing is fetched from the network, whatever a file asks for.
    return duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": str(_THREADS),
        }
    )
