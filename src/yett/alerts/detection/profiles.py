"""Where profiles are kept: those of late in memory, all of them in the database."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

from yett.alerts.detection.profile import Profile
from yett.storage.port import Database

PROFILES_MAX: Final = 10_000
"""In memory; whoever calls least recently is read again when it calls."""
_SAVED_AT_ONCE: Final = 200
_FORGOTTEN_SECONDS: Final = 120 * 86_400.0


@final
class Profiles:
    """database: None for a watch that ends with the process."""

    def __init__(self, database: Database | None, *, most: int = PROFILES_MAX) -> None:
        self._database = database
        self._most = most
        self._known: OrderedDict[str, Profile] = OrderedDict()

    def get(self, identifier: str, make: Callable[[], Profile]) -> Profile:
        """Return the profile of a caller; make one if it was never seen.

        Raises:
            Fault: the database did not answer.
        """
        found = self._known.get(identifier)
        if found is not None:
            self._known.move_to_end(identifier)
            return found
        found = self._load(identifier) or make()
        self._known[identifier] = found
        return found

    def present(self) -> list[Profile]:
        return list(self._known.values())

    def save(self, now: float, *, everything: bool = False) -> None:
        """Write what changed, some at a time; put away what is more than memory is for.

        Raises:
            Fault: the database did not answer; what was not written is tried again.
        """
        while True:
            surplus = len(self._known) - self._most
            for profile in list(self._known.values())[: max(0, surplus)]:
                for counted in profile.counted():
                    counted.close_hour()
            changed = [(name, one) for name, one in self._known.items() if one.changed]
            self._write(changed[: max(_SAVED_AT_ONCE, surplus)], now)
            if len(changed) <= _SAVED_AT_ONCE or not everything:
                break
        for _ in range(max(0, len(self._known) - self._most)):
            name, profile = next(iter(self._known.items()))
            if profile.changed and self._database is not None:
                break
            del self._known[name]

    def _write(self, profiles: list[tuple[str, Profile]], now: float) -> None:
        if self._database is None or not profiles:
            return
        with self._database.transaction() as transaction:
            for name, profile in profiles:
                transaction.execute(
                    "insert into alert_profiles (id, saved_at, profile) values (?, ?, ?)"
                    " on conflict (id) do update set saved_at = excluded.saved_at, profile = excluded.profile",
                    (name, now, profile.packed()),
                )
            transaction.execute(
                "delete from alert_profiles where saved_at < ?", (now - _FORGOTTEN_SECONDS,)
            )
        for _, profile in profiles:
            profile.changed = False

    def _load(self, identifier: str) -> Profile | None:
        if self._database is None:
            return None
        rows = self._database.fetch(
            "select profile from alert_profiles where id = ?", (identifier,)
        )
        return Profile.unpacked(rows[0][0]) if rows and isinstance(rows[0][0], bytes) else None
