"""From lines of the log to what a destination gets, and how far it has everything once it has that."""

from collections.abc import Sequence
from typing import Protocol, final

import msgspec

from yett.audit.port import LogLine
from yett.audit.shipping.feed import Place, Portion


@final
class Parcel(msgspec.Struct, frozen=True):
    """documents: JSON without line breaks. place: where to read on after a restart, once all were taken."""

    documents: tuple[bytes, ...]
    place: Place
    lines: int
    oldest: LogLine


class Translator(Protocol):
    def translate(self, portion: Portion) -> Parcel:
        """Portions come in their order, each once; none is empty."""
        ...


@final
class Verbatim:
    """Each line as it stands: who has them all can verify the chain."""

    def translate(self, portion: Portion) -> Parcel:
        lines: Sequence[LogLine] = portion.lines
        return Parcel(tuple(line.data for line in lines), portion.places[-1], len(lines), lines[0])
