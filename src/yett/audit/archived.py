"""What was archived, where, and as what: the memory of `yett audit archive`."""

from typing import final

import msgspec

from yett.core.clock import Clock
from yett.core.target import JSON
from yett.storage.outbox import post
from yett.storage.port import Database


@final
class Copy(msgspec.Struct, frozen=True):
    """sha256, bytes: of the segment itself. held: the store was told to keep it."""

    segment: str
    sha256: str
    bytes: int
    held: bool


@final
class ArchivedSegments:
    """actor: who does it, for the record."""

    def __init__(self, database: Database, clock: Clock, *, actor: str) -> None:
        self._database = database
        self._clock = clock
        self._actor = actor

    def at(self, place: str) -> dict[str, Copy]:
        """Return what a place has, by segment.

        Raises:
            Fault: the database could not be used.
        """
        rows = self._database.fetch(
            "select segment, sha256, bytes, held from audit_archived where place = ?", (place,)
        )
        return {
            str(segment): Copy(str(segment), str(digest), int(size or 0), bool(held))
            for segment, digest, size, held in rows
        }

    def anywhere(self) -> frozenset[str]:
        """Return the segments that are archived in some place.

        Raises:
            Fault: the database could not be used.
        """
        rows = self._database.fetch("select distinct segment from audit_archived")
        return frozenset(str(segment) for (segment,) in rows)

    def add(self, place: str, copy: Copy) -> None:
        """Note a copy, and say so in the record.

        Raises:
            Fault: the database could not be used.
        """
        self._write(place, copy, "archive.written")

    def mark(self, place: str, copy: Copy) -> None:
        """Note that a copy is held, or no longer.

        Raises:
            Fault: the database could not be used.
        """
        self._write(place, copy, "archive.held" if copy.held else "archive.let_go")

    def _write(self, place: str, copy: Copy, event: str) -> None:
        now = self._clock.wall()
        told: dict[str, JSON] = {
            "event": event,
            "actor": self._actor,
            "segment": copy.segment,
            "place": place,
            "sha256": copy.sha256,
        }
        with self._database.transaction() as transaction:
            transaction.execute(
                "insert into audit_archived (segment, place, sha256, bytes, held, at)"
                " values (?, ?, ?, ?, ?, ?) on conflict (segment, place) do update set"
                " sha256 = excluded.sha256, bytes = excluded.bytes, held = excluded.held, at = excluded.at",
                (copy.segment, place, copy.sha256, copy.bytes, int(copy.held), now),
            )
            post(transaction, told, now)
