"""From lines of the log to what a destination gets, and how far it has everything once it has that."""

from collections.abc import Callable
from typing import Protocol, final

import msgspec

from yett.audit.reading import Entry, Merger
from yett.audit.shipping.feed import Place, Portion


@final
class Parcel(msgspec.Struct, frozen=True):
    """documents: JSON without line breaks. place: where to read on after a restart, once all were taken.
    lines: how many of the log they stand for."""

    documents: tuple[bytes, ...]
    place: Place
    lines: int


class Translator(Protocol):
    def translate(self, portion: Portion) -> Parcel:
        """Portions come in their order, each once; none is empty."""
        ...


@final
class Verbatim:
    """Each line as it stands: who has them all can verify the chain."""

    def translate(self, portion: Portion) -> Parcel:
        documents = tuple(line.data for line in portion.lines)
        return Parcel(documents, portion.places[-1], len(documents))


@final
class Events:
    """One document for each record, when its last line is met. A restart begins before the oldest record that was
    unfinished, or it would be lost. render: returns a record as the destination wants it."""

    def __init__(self, merger: Merger, render: Callable[[Entry], bytes]) -> None:
        self._merger = merger
        self._render = render
        self._before: dict[int, Place] = {}

    def translate(self, portion: Portion) -> Parcel:
        documents: list[bytes] = []
        last = portion.begin
        for line, behind in zip(portion.lines, portion.places, strict=True):
            documents += map(self._render, self._merger.take(line))
            self._before[behind.sequence] = last
            last = behind
        unfinished = self._merger.unfinished()
        self._before = {number: self._before[number] for number in unfinished}
        oldest = min(unfinished, default=None)
        place = last if oldest is None else self._before[oldest]
        return Parcel(tuple(documents), place, len(portion.lines))
