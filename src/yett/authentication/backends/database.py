"""Keys in the database."""

from typing import Final, final

from yett.authentication.port import StoredKey, StoreState
from yett.authentication.rows import COLUMNS, KEYS_VERSION, NEWEST_TIME, from_row
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.storage.port import Database

_NEVER: Final = -1


@final
class DatabaseKeyStore:
    __slots__ = ("_database", "_seen", "_state")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen = _NEVER
        self._state = StoreState(_NEVER)

    def state(self) -> StoreState:
        seen = self._database.version()
        if seen != self._seen:
            rows = self._database.fetch(
                "select name, value from facts where name in (?, ?)", (KEYS_VERSION, NEWEST_TIME)
            )
            facts = {row[0]: row[1] for row in rows}
            self._state = StoreState(
                int(facts.get(KEYS_VERSION) or 0), float(facts.get(NEWEST_TIME) or 0.0)
            )
            self._seen = seen
        return self._state

    def load(self) -> dict[str, StoredKey]:
        try:
            keys = [from_row(row) for row in self._database.fetch(f"select {COLUMNS} from keys")]  # noqa: S608 - a constant
        except ValueError as error:
            # One damaged row makes the whole store unreadable: it might be a revocation.
            raise Fault(Reason.INTERNAL_ERROR, f"the table of keys is damaged: {error}") from error
        return {key.id: key for key in keys}

    def keep_time(self, at: float) -> None:
        with self._database.transaction() as transaction:
            transaction.execute(
                "insert into facts (name, value) values (?, ?) on conflict (name) "
                "do update set value = excluded.value where excluded.value > facts.value",
                (NEWEST_TIME, at),
            )
