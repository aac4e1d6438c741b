"""Configuration in, log out. The only importer of `backends/`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yett.audit.backends.checkpoint_directory import DirectoryPlace
from yett.audit.backends.compressed import CompressedSource
from yett.audit.backends.directory import DirectorySource
from yett.audit.backends.file import FileLog
from yett.audit.backends.leaves import LeafReader
from yett.audit.backends.memory import MemoryLog
from yett.audit.config import AuditConfig
from yett.audit.encode import Redact, RedactText
from yett.audit.index.building import Stretch
from yett.audit.index.shelf import Shelf
from yett.audit.port import AuditSource, LogBusy
from yett.audit.private import open_digest
from yett.audit.proof.anchors import Trust, anchors_of, demand_no_key
from yett.audit.proof.checkpointer import Checkpointer
from yett.audit.proof.keys import KEYS_NAME, SigningKeys
from yett.audit.proof.note import NoteError, parse_key
from yett.audit.proof.port import CheckpointPlace, Witness
from yett.audit.proof.tree import Tree
from yett.audit.record import Observer
from yett.audit.stage import Auditor
from yett.audit.walking import Anchor, Damage
from yett.core.clock import Clock
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.audit.archiving import Archiver, Store

_MEGABYTE: Final = 1024 * 1024


def directory_of(config: AuditConfig, data: Path) -> Path:
    return data / "audit" if config.directory is None else data / config.directory


def open_log(config: AuditConfig, directory: Path, *, clock: Clock, node: str) -> FileLog:
    """Open the log for writing.

    Raises:
        LogBusy: another process writes it.
        CommandError: the directory cannot be used.
    """
    try:
        return FileLog(
            directory, clock=clock, node=node, segment_bytes=config.segment_megabytes * _MEGABYTE
        )
    except OSError as error:
        raise CommandError(
            f"the audit log in `{directory}` cannot be written: {error.strerror or error}. "
            "Make room, or give it another place (`audit.directory`)"
        ) from error


def build(
    config: AuditConfig,
    *,
    data: Path,
    clock: Clock,
    redact: Redact,
    redact_text: RedactText,
    observers: tuple[Observer, ...] = (),
    node: str = "",
) -> Auditor:
    """Open the log for writing; nobody else can until `Auditor.close`.

    Raises:
        CommandError: another process writes it, or the directory cannot be used.
    """
    digest = open_digest(data)
    try:
        log = open_log(config, directory_of(config, data), clock=clock, node=node)
    except LogBusy as error:
        raise CommandError(
            f"{error}. Stop that gate first, or give this one another data directory (--data)"
        ) from error
    return Auditor(
        log,
        clock=clock,
        redact=redact,
        redact_text=redact_text,
        observers=observers,
        node=node,
        digest=digest,
        strict=config.durability == "strict",
    )


def build_in_memory(
    *,
    clock: Clock,
    redact: Redact | None = None,
    redact_text: RedactText | None = None,
    observers: tuple[Observer, ...] = (),
    log: MemoryLog | None = None,
) -> Auditor:
    """Make an auditor whose log ends with the process: for tests and for attacks on oneself."""
    return Auditor(
        log or MemoryLog(),
        clock=clock,
        redact=redact or (lambda document: document),
        redact_text=redact_text or (lambda text: text),
        observers=observers,
        node="memory",
    )


def open_checkpointer(config: AuditConfig, data: Path, clock: Clock) -> Checkpointer:
    """Prepare what signs the log and has that kept where the configuration says.

    Raises:
        CommandError: the key of a witness is none, or an extra is missing.
        OSError: the log cannot be read.
    """
    directory = directory_of(config, data)
    leaves = LeafReader(directory)
    return Checkpointer(
        directory=directory,
        data=data,
        source=DirectorySource(directory),
        leaves=leaves,
        refresh=leaves.refresh,
        places=open_places(config, data, clock),
        witnesses=open_witnesses(config),
        clock=clock,
    )


def open_places(config: AuditConfig, data: Path, clock: Clock) -> list[CheckpointPlace]:
    """Return where checkpoints are kept: first beside the log, then where the configuration says.

    Raises:
        CommandError: an extra is missing.
    """
    found: list[CheckpointPlace] = [
        DirectoryPlace(directory_of(config, data), "the copy beside the log", clock)
    ]
    for place in config.checkpoints.to:
        if place.directory is not None:
            name = f"the directory {place.directory}"
            found.append(DirectoryPlace(Path(place.directory), name, clock))
        if place.s3 is not None:
            from yett.audit.backends.checkpoint_bucket import BucketPlace  # noqa: PLC0415 - few have one

            found.append(BucketPlace(place.s3, clock))
    return found


def near_anchors(
    config: AuditConfig, data: Path, clock: Clock
) -> tuple[list[Anchor], Damage | None]:
    """Return what the log was signed to be, as far as this machine knows; and whether it can be that.

    Raises:
        CommandError: a directory, or the keys, cannot be read.
    """
    places = [
        place for place in open_places(config, data, clock) if isinstance(place, DirectoryPlace)
    ]
    if not (data / KEYS_NAME).exists():
        demand_no_key(places)
        return [], None
    return anchors_of(places, [], Trust(SigningKeys(data / KEYS_NAME).verifiers()))


def open_witnesses(config: AuditConfig) -> list[Witness]:
    """Return the witnesses that the configuration names.

    Raises:
        CommandError: the key of one is none.
    """
    named = [place.witness for place in config.checkpoints.to if place.witness is not None]
    if not named:
        return []
    from yett.audit.backends.checkpoint_witness import HttpWitness  # noqa: PLC0415 - few have one

    try:
        return [HttpWitness(one.url, parse_key(one.key), ca=one.ca) for one in named]
    except NoteError as error:
        raise CommandError(f"`audit.checkpoints`: {error}") from error


def open_tree(config: AuditConfig, data: Path) -> Tree:
    """Return what makes proofs of the log as it is on disk now.

    Raises:
        OSError: it cannot be read.
    """
    return Tree(LeafReader(directory_of(config, data)))


def open_for_reading(config: AuditConfig, data: Path) -> AuditSource:
    """Return the reading side, whether a gate writes or not, or nobody does because it is an archive."""
    directory = directory_of(config, data)
    plain = DirectorySource(directory)
    if plain.segments():
        return plain
    packed = CompressedSource(directory)
    return packed if packed.segments() else plain


def open_shelf(
    config: AuditConfig, data: Path, *, on_build: Callable[[Stretch], None] | None = None
) -> Shelf:
    """Return the index of the log. on_build: is told of each stretch that is about to be indexed."""
    return Shelf(open_for_reading(config, data), directory_of(config, data), on_build=on_build)


def open_archiver(config: AuditConfig, data: Path, store: "Store") -> "Archiver":
    """Return what puts the segments of the log into a store."""
    from yett.audit.archiving import Archiver  # noqa: PLC0415 - for one command
    from yett.audit.backends.compressed import compress  # noqa: PLC0415 - likewise

    source = open_for_reading(config, data)
    return Archiver(source, store, compress=compress, unpack=open_compressed)


def open_compressed(directory: Path) -> AuditSource:
    """Return the reading side of packed segments."""
    return CompressedSource(directory)
