"""How a log is cut into the pieces that are indexed or read one at a time. Pure over an `AuditSource`."""

from typing import Final

from yett.audit.index.building import Stretch
from yett.audit.port import AuditSource

STRETCH_BYTES: Final = 16 * 1024 * 1024
_LINE_BYTES_MAX: Final = 1024 * 1024
"""A line that begins in a stretch is whole when so much lies behind the stretch."""
_NEWEST_BYTES: Final = 256 * 1024
"""Who asks for the newest few reads no more than this."""
_STEP_BYTES: Final = 2 * 1024 * 1024
"""Who asks for some more reads so much at a time."""


def stretches(source: AuditSource) -> tuple[list[Stretch], list[Stretch]]:
    """Return the stretches that will never change, oldest first; and what follows them, which will.

    Raises:
        OSError: the log cannot be read.
    """
    names = source.segments()
    done = [
        piece for name in names[:-1] for piece in _pieces(name, 0, source.size(name), STRETCH_BYTES)
    ]
    if not names:
        return [], []
    newest, size = names[-1], source.size(names[-1])
    fixed = max(0, size - _LINE_BYTES_MAX) // STRETCH_BYTES * STRETCH_BYTES
    done += _pieces(newest, 0, fixed, STRETCH_BYTES)
    last = max(fixed, size - _NEWEST_BYTES)
    rest = [*_pieces(newest, fixed, last, _STEP_BYTES), Stretch(newest, last, size)]
    return done, rest


def _pieces(segment: str, begin: int, end: int, step: int) -> list[Stretch]:
    return [Stretch(segment, at, min(at + step, end)) for at in range(begin, end, step)]
