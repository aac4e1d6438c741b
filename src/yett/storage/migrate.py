"""Brings a database to the schema of this version: numbered files, forward only, all or nothing."""

import sqlite3
from importlib.resources import files
from typing import Final, final

import msgspec

from yett.core.errors import CommandError
from yett.storage.port import Database, Transaction

_FOLDER: Final = "migrations"


@final
class Migration(msgspec.Struct, frozen=True):
    number: int
    statements: tuple[str, ...]


def shipped_migrations() -> tuple[Migration, ...]:
    """Read `migrations/NNNN_name.sql`, in order. The numbers have no gap."""
    found = sorted(
        (
            item
            for item in (files("yett.storage") / _FOLDER).iterdir()
            if item.name.endswith(".sql")
        ),
        key=lambda item: item.name,
    )
    return tuple(
        Migration(int(item.name[:4]), _split(item.read_text(encoding="utf-8"))) for item in found
    )


def migrate(database: Database, migrations: tuple[Migration, ...] | None = None) -> None:
    """Apply what is missing, in one transaction.

    Raises:
        CommandError: the database was written by a newer version.
        Fault: the database could not be used.
    """
    migrations = shipped_migrations() if migrations is None else migrations
    newest = migrations[-1].number
    if _schema(database.fetch("pragma user_version")) == newest:
        return
    with database.transaction() as transaction:
        # Asked again inside: two processes may have started at the same time.
        present = _schema(transaction.fetch("pragma user_version"))
        if present > newest:
            raise CommandError(
                f"The data were written by a newer Yett (schema {present}; this one knows {newest}). "
                "Upgrade Yett, or name another directory with --data"
            )
        for migration in migrations:
            if migration.number > present:
                _apply(transaction, migration)


def _apply(transaction: Transaction, migration: Migration) -> None:
    for statement in migration.statements:
        transaction.execute(statement)
    transaction.execute(f"pragma user_version = {migration.number:d}")


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
    if pending.strip():
        raise ValueError("a migration ends in the middle of a statement")
    return tuple(statements)
