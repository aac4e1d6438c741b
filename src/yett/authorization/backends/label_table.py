"""Labels in the database."""

from collections.abc import Mapping
from typing import final

from yett.storage.port import Database


@final
class DatabaseLabelStore:
    __slots__ = ("_database", "_version")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = 0

    def load(self) -> dict[tuple[str, str], float]:
        rows = self._database.fetch("select principal, label, seen_at from labels")
        return {(str(row[0]), str(row[1])): float(row[2] or 0.0) for row in rows}

    def news(self) -> dict[tuple[str, str], float]:
        if self._database.dialect == "sqlite":
            return {}  # one gate alone uses it
        version = self._database.version()
        if version == self._version:
            return {}
        self._version = version
        return self.load()

    def keep(self, seen: Mapping[tuple[str, str], float], forget_before: float) -> None:
        with self._database.transaction() as transaction:
            for (principal, label), at in seen.items():
                transaction.execute(
                    "insert into labels (principal, label, seen_at) values (?, ?, ?) "
                    "on conflict (principal, label) do update set seen_at = excluded.seen_at "
                    "where excluded.seen_at > labels.seen_at",
                    (principal, label, at),
                )
            transaction.execute("delete from labels where seen_at < ?1", (forget_before,))
