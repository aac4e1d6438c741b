"""A log, what signs it, and where that is kept."""

from collections.abc import Sequence
from pathlib import Path

from tests.yett.audit.scene import CLOCK, append, open_log
from yett.audit.backends.checkpoint_directory import DirectoryPlace
from yett.audit.backends.directory import DirectorySource
from yett.audit.backends.leaves import LeafReader
from yett.audit.proof.anchors import Trust, anchors_of
from yett.audit.proof.checkpointer import Checkpointer
from yett.audit.proof.keys import SigningKeys
from yett.audit.proof.port import Witness
from yett.audit.verify import Verdict, verify

MEMBERS = '"at":"2026-11-22T13:00:00.000000Z","kind":"own","id":"r"'


class Scene:
    """folder: `audit` is the log, `elsewhere` the other disk."""

    def __init__(self, folder: Path, witnesses: Sequence[Witness] = ()) -> None:
        self.folder = folder
        self.directory = folder / "audit"
        self.elsewhere = folder / "elsewhere"
        self.elsewhere.mkdir(exist_ok=True)
        self.witnesses = witnesses
        self.places = [
            DirectoryPlace(self.directory, "the copy beside the log", CLOCK),
            DirectoryPlace(self.elsewhere, "the other disk", CLOCK),
        ]

    def write(self, lines: int, segment_bytes: int = 4_000) -> None:
        with open_log(self.directory, segment_bytes=segment_bytes) as log:
            for _ in range(lines):
                append(log, MEMBERS)

    def checkpointer(self) -> Checkpointer:
        leaves = LeafReader(self.directory)
        return Checkpointer(
            directory=self.directory,
            data=self.folder,
            source=DirectorySource(self.directory),
            leaves=leaves,
            refresh=leaves.refresh,
            places=self.places,
            witnesses=self.witnesses,
            clock=CLOCK,
        )

    def sign(self) -> int:
        """Make one checkpoint, as a command does; return its size."""
        made, failures = self.checkpointer().make()
        assert made is not None
        assert failures == {}
        return made.size

    def trust(self) -> Trust:
        return Trust(SigningKeys(self.folder / "checkpoint-keys.json").verifiers())

    def verify(self) -> Verdict:
        anchors, damage = anchors_of(self.places, [], self.trust())
        assert damage is None
        return verify(DirectorySource(self.directory), anchors=anchors)

    @property
    def key(self) -> str:
        return str(SigningKeys(self.folder / "checkpoint-keys.json").verifiers()[0])

    def segments(self) -> list[Path]:
        return sorted(self.directory.glob("segment-*.jsonl"))
