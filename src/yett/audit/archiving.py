"""Sealed segments into an archive, and back. What is in it is the lines themselves, so it can be searched and
verified like the log; beside them, if asked for, Parquet for those who count.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, Protocol, final

import msgspec

from yett.audit.objects import SCHEME, Bucket
from yett.audit.parquet import write_parquet
from yett.audit.port import AuditSource
from yett.core.errors import CommandError
from yett.storage.files import sync_directory

LOG_FOLDER: Final = "audit"
PARQUET_FOLDER: Final = "parquet"
_PACKED: Final = ".jsonl.gz"
_BLOCK_BYTES: Final = 1024 * 1024
Compress = Callable[[Iterable[bytes], BinaryIO], tuple[str, int]]
Unpack = Callable[[Path], AuditSource]


class Store(Protocol):
    """Where an archive lies: a directory or a bucket."""

    url: str

    def put(
        self, name: str, data: bytes | Path, *, lock_until: float | None = None, hold: bool = False
    ) -> None: ...

    def download(self, name: str, path: Path) -> None: ...

    def names(self) -> list[str]: ...

    def hold(self, name: str, *, on: bool) -> None: ...


@final
class DirectoryStore:
    """A directory, perhaps on another disk. Files are for their owner only, and whole or not there."""

    def __init__(self, path: Path) -> None:
        self.url = str(path.resolve())
        self._path = path

    def put(
        self, name: str, data: bytes | Path, *, lock_until: float | None = None, hold: bool = False
    ) -> None:
        if lock_until is not None or hold:
            raise CommandError("a directory locks nothing; --lock is for buckets with object lock")
        target = self._path / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.part")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                with data.open("rb") as source:
                    shutil.copyfileobj(source, file, _BLOCK_BYTES)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        sync_directory(target.parent)

    def download(self, name: str, path: Path) -> None:
        shutil.copyfile(self._path / name, path)

    def names(self) -> list[str]:
        if not self._path.is_dir():
            return []
        return [str(path.relative_to(self._path)) for path in self._path.rglob("segment-*")]

    def hold(self, name: str, *, on: bool) -> None:
        """Nothing: whoever owns a directory owns what lies in it."""


@final
class Archived(msgspec.Struct, frozen=True):
    """sha256, bytes: of the segment itself. packed: bytes of the copy."""

    segment: str
    sha256: str
    bytes: int
    packed: int


def open_store(url: str, *, endpoint: str | None, region: str | None) -> Store:
    """Return the place that `--to` or `FROM` names.

    Raises:
        CommandError: it is none, or the extra for buckets is missing.
    """
    if url.startswith(f"{SCHEME}://"):
        return Bucket(url, endpoint=endpoint, region=region)
    if "://" in url:
        raise CommandError(f"`{url}` is neither a directory nor s3://BUCKET")
    return DirectoryStore(Path(url))


@final
class Archiver:
    """compress: packs a segment. unpack: reads packed ones. Both belong to the log's backend."""

    def __init__(
        self, source: AuditSource, store: Store, *, compress: Compress, unpack: Unpack
    ) -> None:
        self._source = source
        self._store = store
        self._compress = compress
        self._unpack = unpack

    def archive(
        self, segment: str, *, parquet: bool, lock_until: float | None, hold: bool
    ) -> Archived:
        """Put one sealed segment into the archive, after reading the copy back.

        Raises:
            CommandError: the store refuses; or what was read back is not what was written.
            OSError: the segment cannot be read.
        """
        stem = segment.partition(".")[0]
        with TemporaryDirectory(prefix="yett-archive-") as folder:
            packed = Path(folder, stem + _PACKED)
            with packed.open("wb") as file:
                digest, size = self._compress(self._source.blocks(segment), file)
            if self._digest_of_copy(Path(folder), segment) != digest:
                raise CommandError(f"the copy of `{segment}` is not what the segment is; try again")
            if parquet:
                table = Path(folder, f"{stem}.parquet")
                write_parquet(self._source.blocks(segment), table, digest)
                self._store.put(f"{PARQUET_FOLDER}/{stem}.parquet", table, lock_until=lock_until, hold=hold)  # fmt: skip
            # Last: whoever sees it knows that all of it is there.
            self._store.put(f"{LOG_FOLDER}/{stem}{_PACKED}", packed, lock_until=lock_until, hold=hold)  # fmt: skip
            return Archived(segment, digest, size, packed.stat().st_size)

    def hold(self, segment: str, *, on: bool) -> None:
        """Tell the store to keep the copy of a segment whatever its age, or no longer to.

        Raises:
            CommandError: the store refuses.
        """
        stem = segment.partition(".")[0]
        names = set(self._store.names())
        for name in (f"{LOG_FOLDER}/{stem}{_PACKED}", f"{PARQUET_FOLDER}/{stem}.parquet"):
            if name in names:
                self._store.hold(name, on=on)

    def _digest_of_copy(self, folder: Path, segment: str) -> str:
        digest = sha256()
        for block in self._unpack(folder).blocks(segment):
            digest.update(block)
        return digest.hexdigest()


def segments_in(store: Store) -> list[str]:
    """Return the segments that a store holds, oldest first."""
    names = [name.removeprefix(f"{LOG_FOLDER}/") for name in store.names()]
    found = [
        name.removesuffix(".gz") for name in names if name.endswith(_PACKED) and "/" not in name
    ]
    return sorted(found, key=lambda name: (len(name), name))


def restore(store: Store, segments: list[str], to: Path, *, unpack: Unpack) -> int:
    """Write segments as they were into `to/audit`; return how many bytes. They are a log of their own.

    Raises:
        CommandError: there is something already; or the store refuses.
        OSError: a copy is damaged, or the files cannot be written.
    """
    log = to / LOG_FOLDER
    if log.exists() and any(log.iterdir()):
        raise CommandError(f"`{log}` is not empty. Name a new directory with --to")
    log.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    with TemporaryDirectory(prefix="yett-restore-") as folder:
        for segment in segments:
            packed = Path(folder, f"{segment}.gz")
            store.download(f"{LOG_FOLDER}/{segment}.gz", packed)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
            with os.fdopen(os.open(log / segment, flags, 0o600), "wb") as file:
                for block in unpack(Path(folder)).blocks(segment):
                    written += file.write(block)
            packed.unlink()
    return written
