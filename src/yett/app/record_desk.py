"""What the admin side asks about the record."""

from collections.abc import Callable
from typing import Final, final

from yett.app.estate import Estate
from yett.audit.asking import filter_from, moment
from yett.audit.build import open_shelf
from yett.audit.finding import Unindexed, page, whole
from yett.audit.holds import Holds
from yett.audit.index.building import Stretch
from yett.audit.index.shelf import Shelf
from yett.configuration.model import Configuration
from yett.core.errors import CommandError
from yett.core.target import JSON

_BUILDS_MAX: Final = 4
"""Indexing is for a process of its own; so much of it may be done here while somebody waits."""


@final
class RecordDesk:
    """Implements `yett.admin.port.AdminRecords`."""

    def __init__(self, estate: Estate, configuration: Callable[[], Configuration]) -> None:
        self._estate = estate
        self._configuration = configuration

    def search(
        self, filters: dict[str, str], members: list[str], limit: int, before: int | None
    ) -> dict[str, JSON]:
        wanted = filter_from(filters, members, self._estate.clock.wall())
        found = page(self._estate.auditor.source(), wanted, limit, self._shelf(), before=before)
        return {"records": found.entries, "before": found.before, "complete": found.complete}

    def show(self, identifier: str) -> dict[str, JSON]:
        try:
            entry = whole(self._estate.auditor.source(), identifier, self._shelf())
        except Unindexed:
            raise CommandError("the log is being indexed; ask again in a minute") from None
        if entry is None:
            raise CommandError(f"no record has the id `{identifier}`")
        return entry

    def holds(self) -> list[dict[str, JSON]]:
        return [hold.describe() for hold in self._holds("admin").all()]

    def add_hold(self, said: dict[str, str], actor: str) -> dict[str, JSON]:
        now = self._estate.clock.wall()
        return (
            self._holds(actor)
            .add(
                said["reason"],
                tenant=said.get("tenant"),
                since=moment(said.get("since"), now),
                until=moment(said.get("until"), now),
            )
            .describe()
        )

    def release_hold(self, identifier: str, reason: str, actor: str) -> dict[str, JSON]:
        return self._holds(actor).release(identifier, reason).describe()

    def _holds(self, actor: str) -> Holds:
        return Holds(self._estate.database, self._estate.clock, actor=actor)

    def _shelf(self) -> Shelf:
        built = 0

        def count(stretch: Stretch) -> None:
            nonlocal built
            built += 1
            if built > _BUILDS_MAX:
                raise Unindexed(stretch)

        audit = self._configuration().audit
        return open_shelf(audit, self._estate.data, on_build=count)
