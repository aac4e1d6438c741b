"""Brings a database to the schema of this version: numbered files, forward only, all or nothing."""

import sqlite3
from pathlib import Path
from typing import Final, final

import msgspec

from yett.core.errors import CommandError
from yett.storage.dialect import table_for_postgres
from yett.storage.port import Database, Dialect, Transaction

_FOLDER: Final = Path(__file__).parent / "migrations"
_POSTGRES_SUFFIX: Final = ".postgresql.sql"
_ASK: Final[dict[Dialect, str]] = {
    "sqlite": "pragma user_version",
    "postgresql": "select coalesce(max(number), 0) from schema_version",
}


@final
class Migration(msgspec.Struct, frozen=True):
    """postgres: what PostgreSQL has in place of the triggers, in one piece."""

    number: int
    statements: tuple[str, ...]
    postgres: str = ""


def shipped_migrations() -> tuple[Migration, ...]:
    """Read `migrations/NNNN_name.sql`, in order. The numbers have no gap."""
    texts = {item.name: item.read_text(encoding="utf-8") for item in _FOLDER.glob("*.sql")}
    return tuple(
        Migration(
            int(name[:4]),
            _split(texts[name]),
            texts.get(name.removesuffix(".sql") + _POSTGRES_SUFFIX, ""),
        )
        for name in sorted(texts)
        if not name.endswith(_POSTGRES_SUFFIX)
    )


def migrate(database: Database, migrations: tuple[Migration, ...] | None = None) -> None:
    """Apply what is missing, in one transaction.

    Raises:
        CommandError: the database was written by a newer version.
        Fault: the database could not be used.
    """
    migrations = shipped_migrations() if migrations is None else migrations
    newest = migrations[-1].number
    ask = _ASK[database.dialect]
    if _schema(database.fetch(ask)) == newest:
        return
    with database.transaction() as transaction:
        # Asked again inside: two processes may have started at the same time.
        present = _schema(transaction.fetch(ask))
        if present > newest:
            raise CommandError(
                f"The data were written by a newer Yett (schema {present}; this one knows {newest}). "
                "Upgrade Yett, or name other data"
            )
        for migration in migrations:
            if migration.number > present:
                _apply(transaction, migration, database.dialect)


def _apply(transaction: Transaction, migration: Migration, dialect: Dialect) -> None:
    if dialect == "sqlite":
        for statement in migration.statements:
            transaction.execute(statement)
        transaction.execute(f"pragma user_version = {migration.number:d}")
        return
    for statement in migration.statements:
        table = table_for_postgres(statement)
        if table is not None:
            transaction.execute(table)
    if migration.postgres:
        transaction.execute(migration.postgres)
    transaction.execute("delete from schema_version")
    transaction.execute("insert into schema_version (number) values (?)", (migration.number,))


def _schema(rows: list[tuple[str | int | float | bytes | None, ...]]) -> int:
    return int(rows[0][0] or 0)


def _split(script: str) -> tuple[str, ...]:
    """Cut at the semicolons that end a statement; those inside triggers and strings do not."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if any(line.strip() and not line.startswith("--") for line in pending.splitlines()):
        raise ValueError("a migration ends in the middle of a statement")
    return tuple(statements)
