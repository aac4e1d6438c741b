"""Looking for records, newest or oldest first: an index says where to look, the log what stands there."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, final

from yett.audit.index.building import Found, Lines, Stretch
from yett.audit.index.part import ELSEWHERE, Part, Unusable, numbers_of
from yett.audit.index.shelf import Shelf
from yett.audit.index.stretches import stretches
from yett.audit.port import AuditSource
from yett.audit.reading import Entry, Filter, ended, merge, position, unpack
from yett.audit.seeking import line_at, line_of

_MANY_RECORDS: Final = 2_000
"""If so many of a stretch may fit, it is read from one end to the other."""


def search(source: AuditSource, wanted: Filter, shelf: Shelf | None = None) -> Iterator[Entry]:
    """Yield all records that fit, oldest first. shelf: of the index; without one, everything is read.

    Raises:
        OSError: the log cannot be read.
    """
    return _Finder(source, wanted, shelf).oldest_first()


def newest(
    source: AuditSource,
    wanted: Filter,
    count: int,
    shelf: Shelf | None = None,
    *,
    before: int | None = None,
) -> list[Entry]:
    """Return the last `count` records that fit, newest last. before: only those that stand before this
    position.

    Raises:
        OSError: the log cannot be read.
    """
    found = _Finder(source, wanted, shelf).newest_first()
    if before is not None:
        found = (entry for entry in found if position(entry) < before)
    return list(islice(found, count))[::-1]


@final
class _Finder:
    def __init__(self, source: AuditSource, wanted: Filter, shelf: Shelf | None) -> None:
        self._source = source
        self._wanted = wanted
        self._shelf = shelf
        self._terms = wanted.terms()
        self._prefix = wanted.prefix()
        self._fixed, self._growing = stretches(source)

    def newest_first(self) -> Iterator[Entry]:
        closed: set[int] = set()  # intents whose outcome has been passed
        for stretch in reversed(self._growing):
            lines = self._lines(stretch)
            yield from self._of_lines(reversed(lines.found), closed)
            closed.update(lines.closed)
        for stretch in reversed(self._fixed):
            yield from self._look_into(stretch, closed, newest_first=True)
            closed.update(self._closed_in(stretch))

    def oldest_first(self) -> Iterator[Entry]:
        newest = [self._lines(stretch) for stretch in self._growing]
        closed = {sequence for lines in newest for sequence in lines.closed}
        for stretch in self._fixed:
            closed.update(self._closed_in(stretch))
        for stretch in self._fixed:
            yield from self._look_into(stretch, closed, newest_first=False)
        for lines in newest:
            yield from self._of_lines(lines.found, closed)

    def _closed_in(self, stretch: Stretch) -> list[int]:
        if self._shelf is None:
            return self._lines(stretch).closed
        try:
            with self._shelf.part(stretch) as part:
                return part.summary.closed
        except OSError:
            if self._is_pruned(stretch):
                return []
            raise

    def _look_into(
        self, stretch: Stretch, closed: set[int], *, newest_first: bool
    ) -> Iterator[Entry]:
        """Yield what fits of a stretch that has an index, or may have one."""
        places = self._all_places(stretch, closed)
        if places is None or (not newest_first and len(places) > _MANY_RECORDS):
            found = self._lines(stretch).found
            yield from self._of_lines(reversed(found) if newest_first else found, closed)
            return
        for line, intent in places if newest_first else reversed(places):
            entry = self._entry(stretch, line, intent)
            if entry is not None and self._wanted.fits(entry):
                yield entry

    def _all_places(self, stretch: Stretch, closed: set[int]) -> list[tuple[int, int]] | None:
        """Return where the lines of records stand that may fit, newest first; None if nobody knows."""
        if self._shelf is None:
            return None
        try:
            with self._shelf.part(stretch) as part:
                try:
                    return self._places(part, closed)
                except Unusable:
                    return self._places(self._shelf.make(stretch), closed)
        except OSError:
            if self._is_pruned(stretch):
                return []
            raise

    def _places(self, part: Part, closed: set[int]) -> list[tuple[int, int]]:
        summary, wanted = part.summary, self._wanted
        if (wanted.since is not None and summary.latest < wanted.since) or (
            wanted.until is not None and summary.earliest >= wanted.until
        ):
            return []
        bits = part.all_records()
        for number, sequence in summary.dangling:
            if sequence in closed:  # its record stands with its outcome, in a later stretch
                bits &= ~(1 << number)
        if bits and self._prefix is not None:
            bits &= part.find_prefix(self._prefix)
        for term in self._terms:
            if not bits:
                return []
            bits &= part.find(term)
        return [part.place(number) for number in numbers_of(bits)]

    def _entry(self, stretch: Stretch, line: int, intent: int) -> Entry | None:
        try:
            members = unpack(line_at(self._source, stretch.segment, line))
            if members is None:
                return None
            if members["kind"] == "intent":
                return merge(members, {})
            if members["kind"] != "outcome":
                return ended(members)
            begun = (
                line_of(self._source, members["intent"])
                if intent == ELSEWHERE
                else line_at(self._source, stretch.segment, intent)
            )
        except OSError:
            if self._is_pruned(stretch):
                return None
            raise
        return merge(unpack(begun) or {}, members)

    def _of_lines(self, found: Iterable[Found], closed: set[int]) -> Iterator[Entry]:
        for item in found:
            is_elsewhere = item.is_dangling and item.entry["sequence"] in closed
            if not is_elsewhere and self._wanted.fits(item.entry):
                yield item.entry

    def _lines(self, stretch: Stretch) -> Lines:
        try:
            return Lines(self._source, stretch)
        except OSError:
            if self._is_pruned(stretch):
                return Lines(self._source, None)
            raise

    def _is_pruned(self, stretch: Stretch) -> bool:
        """Tell whether a segment went while it was looked for; then it is as if it had gone before. If all of
        them have gone, something else is wrong."""
        names = self._source.segments()
        return bool(names) and stretch.segment not in names
