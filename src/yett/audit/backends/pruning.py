"""Which segments are old enough to go. Only whole ones, only from the beginning."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import final

import msgspec
import orjson

from yett.audit.backends.directory import segment_names
from yett.audit.chain import unseal
from yett.audit.port import Aged, PruneRule, Tip


@final
class Old(msgspec.Struct, frozen=True):
    """tip: of its last line, as its successor states it."""

    name: str
    tip: Tip


@final
class _First(msgspec.Struct, frozen=True):
    at: str
    previous: Tip

    @property
    def seconds(self) -> float:
        return datetime.fromisoformat(self.at).timestamp()


def plan(directory: Path, before: float, *, keep: str, rule: PruneRule | None = None) -> list[Old]:
    """Return the segments that ended before `before`, oldest first, never `keep` nor what follows, and none
    from the first on that must stay.

    A segment ended when the next began; the file's own time must agree, so that a wrong clock at
    either moment deletes nothing.
    """
    old: list[Old] = []
    for name, successor in pairwise(segment_names(directory)):
        begun, ended = _first_line(directory / name), _first_line(directory / successor)
        if (
            name == keep
            or begun is None
            or ended is None
            or ended.seconds >= before
            or (directory / name).stat().st_mtime >= before
            or (rule is not None and rule.must_stay(Aged(name, begun.at, ended.seconds)))
        ):
            break
        old.append(Old(name, ended.previous))
    return old


def _first_line(path: Path) -> _First | None:
    with path.open("rb") as file:
        line = file.readline()
    if unseal(line.rstrip(b"\n")) is None:
        return None
    members = orjson.loads(line)
    return _First(
        members["at"], Tip(members["previous_sequence"], bytes.fromhex(members["previous_chain"]))
    )
