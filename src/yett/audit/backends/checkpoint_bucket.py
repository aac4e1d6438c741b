"""Checkpoints in a bucket with object lock: one object each, which nobody can replace or delete in time."""

from collections.abc import Iterator
from typing import Final, final

from yett.audit.config import BucketSection
from yett.audit.objects import Bucket
from yett.audit.proof.note import Checkpoint, checkpoints_in
from yett.audit.proof.port import Unkept
from yett.core.clock import Clock
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds

_PREFIX: Final = "checkpoint-"
_NEWEST: Final = 32
"""So many are read back: every change of a record shows in each that came after it."""


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
            names = sorted(name for name in bucket.names() if name.startswith(_PREFIX))
            for name in names[-_NEWEST:]:
                yield from checkpoints_in(bucket.get(name).decode("utf-8", "replace"))
        except CommandError as error:
            raise Unkept(str(error)) from error

    def _open(self) -> Bucket:
        if self._bucket is None:
            section = self._section
            self._bucket = Bucket(section.bucket, endpoint=section.endpoint, region=section.region)
        return self._bucket
