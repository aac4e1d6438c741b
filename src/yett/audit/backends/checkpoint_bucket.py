"""Checkpoints in a bucket with object lock: one object each, which nobody can replace or delete in time."""

from collections.abc import Iterator
from typing import Final, final

from yett.audit.config import BucketSection
from yett.audit.objects import Bucket
from yett.audit.proof.note import Checkpoint, checkpoints_in
from yett.audit.proof.port import Unkept
from yett.audit.proof.sample import newest_and_some
from yett.core.clock import Clock
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds

_PREFIX: Final = "checkpoint-"
_NEWEST: Final = 32
"""So many are read back, and as many of the others."""


@final
class BucketPlace:
    """The client is made at first use: its libraries are large, and a gate starts without them."""

    def __init__(self, section: BucketSection, clock: Clock) -> None:
        self._section = section
        self._clock = clock
        self._bucket: Bucket | None = None

    @property
    def name(self) -> str:
        return f"the bucket {self._section.bucket}"

    def put(self, checkpoint: Checkpoint) -> None:
        lock = self._section.lock
        until = None if lock is None else self._clock.wall() + duration_seconds(lock)
        name = f"{_PREFIX}{checkpoint.size:018d}-{checkpoint.root.hex()[:16]}.txt"
        try:
            self._open().put(name, checkpoint.note.encode(), lock_until=until)
        except CommandError as error:
            raise Unkept(str(error)) from error

    def all(self) -> Iterator[Checkpoint]:
        try:
            bucket = self._open()
            for name, version in newest_and_some(self._kept(bucket), _NEWEST):
                note = bucket.get(name, version).decode("utf-8", "replace")
                found = list(checkpoints_in(note))
                if not found:  # or whoever may write there could hide all others behind such
                    raise Unkept(f"`{name}` is no checkpoint")
                yield from found
        except CommandError as error:
            raise Unkept(str(error)) from error

    def _kept(self, bucket: Bucket) -> list[tuple[str, str | None]]:
        """Return names and versions, in the order of their sizes. What is locked counts however it was covered."""
        kept: list[tuple[str, str | None]]
        if self._section.lock is None:
            kept = [(name, None) for name in bucket.names()]
        else:
            kept = [*bucket.versions()]
        return sorted(one for one in kept if one[0].startswith(_PREFIX))

    def _open(self) -> Bucket:
        if self._bucket is None:
            section = self._section
            self._bucket = Bucket(section.bucket, endpoint=section.endpoint, region=section.region)
        return self._bucket
