"""What a place that keeps checkpoints must do, and what a witness must."""

from collections.abc import Iterator
from typing import Protocol

from yett.audit.proof.note import Checkpoint, VerifierKey


class Unkept(Exception):
    """The checkpoint was not taken. The text is for the operator."""


class RolledBack(Exception):
    """A witness has seen a longer log, or another one of the same length. The text says so."""


class CheckpointPlace(Protocol):
    """Keeps checkpoints where whoever can write the log cannot change them, it is to be hoped."""

    @property
    def name(self) -> str:
        """In words: `the directory /mnt/other`."""
        ...

    def put(self, checkpoint: Checkpoint) -> None:
        """Keep one for good.

        Raises:
            Unkept: it is not there.
        """
        ...

    def all(self) -> Iterator[Checkpoint]:
        """Yield what is kept, signed by whomever.

        Raises:
            Unkept: it cannot be read.
        """
        ...


class Witness(Protocol):
    """Remembers the newest checkpoint of a log and signs those only that continue it."""

    @property
    def name(self) -> str:
        """In words: `the witness https://…`."""
        ...

    @property
    def key(self) -> VerifierKey:
        """What it signs with."""
        ...

    def ask(self, checkpoint: Checkpoint, old: int, proof: list[bytes]) -> str | int:
        """Show a checkpoint, and the consistency proof from size `old`. Return its signature line, or the
        size that it knows instead.

        Raises:
            Unkept: it did not answer, or not as a witness does.
            RolledBack: it knows another log of this size.
        """
        ...
