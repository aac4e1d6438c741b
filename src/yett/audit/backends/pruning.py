"""Which segments are old enough to go. Only whole ones, only from the beginning."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import final

import msgspec
import orjson

from yett.audit.backends.directory import segment_names
from yett.audit.chain import unseal
from yett.audit.port import Tip


@final
class Old(msgspec.Struct, frozen=True):
    """tip: of its last line, as its successor states it."""

    name: str
    tip: Tip


@final
class _First(msgspec.Struct, frozen=True):
    at: float
    previous: Tip


def plan(directory: Path, before: float, *, keep: str) -> list[Old]:
    """Return the segments that ended before `before`, oldest first, never `keep` nor what follows.

    A segment ended when the next began; the file's own time must agree, so that a wrong clock at
    either moment deletes nothing.
    """
    names = segment_names(directory)
    old: list[Old] = []
    for name, successor in pairwise(names):
        first = _first_line(directory / successor)
        if (
            name == keep
            or first is None
            or first.at >= before
            or (directory / name).stat().st_mtime >= before
        ):
            break
        old.append(Old(name, first.previous))
    return old


def _first_line(path: Path) -> _First | None:
    with path.open("rb") as file:
        line = file.readline()
    if unseal(line.rstrip(b"\n")) is None:
        return None
    members = orjson.loads(line)
    return _First(
        datetime.fromisoformat(members["at"]).timestamp(),
        Tip(members["previous_sequence"], bytes.fromhex(members["previous_chain"])),
    )
