"""Signs, now and then, how long the log is and what is in it, and has that kept in other places.

Works beside the log, from its files alone: nothing here waits for a call or makes one wait, and a command
can do the same while no gate runs. What is signed is on the disk already (`head`), so a loss of power does
not make a log shorter than its newest checkpoint.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, final

import msgspec

from yett.audit.port import AuditSource, Tip
from yett.audit.proof.keys import open_keys
from yett.audit.proof.note import Checkpoint, NoteError, signers
from yett.audit.proof.port import CheckpointPlace, RolledBack, Unkept, Witness
from yett.audit.proof.tree import HASH_BYTES, Frontier, Leaves, Tree
from yett.core.clock import Clock
from yett.core.errors import CommandError
from yett.core.target import JSON
from yett.storage.files import write_whole

Tell = Callable[[dict[str, JSON]], None]

STATE_NAME: Final = "tree"
_STRIDE_LEAVES: Final = 16_384
"""Taken at a time, so that a log that is read from its beginning does not have to fit into memory."""


class ProofFailed(Exception):
    """The log on disk is not the one that was written or signed. The text says where it differs."""


@final
class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the tree was built. nodes, last: in hexadecimal; last: the leaf hash before `size`. witnessed:
    by the text of a witness's key, the size that it signed last."""

    size: int
    nodes: tuple[str, ...]
    last: str
    witnessed: dict[str, int] = {}


@final
class Checkpointer:
    """directory: of the log, writable. data: where the keys lie. leaves: of the log as it is on disk; refresh:
    has it look again. places: where checkpoints are kept, that beside the log among them. Not for two threads."""

    def __init__(
        self,
        *,
        directory: Path,
        data: Path,
        source: AuditSource,
        leaves: Leaves,
        refresh: Callable[[], None],
        places: Sequence[CheckpointPlace],
        witnesses: Sequence[Witness],
        clock: Clock,
    ) -> None:
        self._state_path = directory / STATE_NAME
        self._data = data
        self._source = source
        self._leaves = leaves
        self._refresh = refresh
        self._places = places
        self._witnesses = witnesses
        self._clock = clock
        self._frontier = Frontier()
        self._last = b""
        self._witnessed: dict[str, int] = {}
        self._is_loaded = False
        self._waiting: dict[str, Checkpoint] = {}  # by place: the newest that it has not taken
        self.size = 0
        """Of the newest checkpoint that was signed since the start."""

    def make(self) -> tuple[Checkpoint | None, dict[str, str]]:
        """Sign the log as it is, if it grew; return the checkpoint, and by place why it was not kept there.

        Raises:
            ProofFailed: the log is not what it was.
            OSError: it cannot be read, or what was done not be written down.
            CommandError: the keys cannot be used.
        """
        head = self._source.head()
        if head is None or head.sequence == 0:
            return None, {}
        self._refresh()
        if not self._is_loaded:
            self._load()
        grew = self._grow(head)
        checkpoint = None
        if grew or self.size == 0:
            keys = open_keys(self._data, self._clock.wall())
            checkpoint = keys.sign(self._frontier.size, self._frontier.root())
        failures: dict[str, str] = {}
        if checkpoint is not None:
            checkpoint = self._witness(checkpoint, failures)
            self.size = checkpoint.size
            for place in self._places:
                self._waiting[place.name] = checkpoint
            self._save()
        self._put(failures)
        return checkpoint, failures

    def _grow(self, head: Tip) -> bool:
        """Bring the tree up to the head; return whether there was anything to bring."""
        before = self._frontier.size
        if head.sequence < before:
            raise ProofFailed(
                f"the log ends at record {head.sequence} and was signed up to {before}"
            )
        frontier, last = self._frontier.copy(), self._last
        while frontier.size < head.sequence:
            end = min(frontier.size + _STRIDE_LEAVES, head.sequence)
            leaves = self._leaves(frontier.size, end)
            frontier.extend(leaves)
            last = leaves[-HASH_BYTES:]
        if last != head.chain:
            raise ProofFailed(f"record {head.sequence} on the disk is not the one that was written")
        self._frontier, self._last = frontier, last
        return frontier.size > before

    def _witness(self, checkpoint: Checkpoint, failures: dict[str, str]) -> Checkpoint:
        """Add the signatures of the witnesses that can be had."""
        for witness in self._witnesses:
            try:
                line = self._ask(witness, checkpoint)
                note = checkpoint.note + line
                if witness.key not in signers(note, [witness.key]):
                    raise Unkept("the answer was not signed by its key")
                checkpoint = msgspec.structs.replace(checkpoint, note=note)
                self._witnessed[str(witness.key)] = checkpoint.size
            except (Unkept, NoteError) as error:
                failures[witness.name] = str(error)
            except RolledBack as error:
                raise ProofFailed(str(error)) from error
        return checkpoint

    def _ask(self, witness: Witness, checkpoint: Checkpoint) -> str:
        tree = Tree(self._leaves)
        old = self._witnessed.get(str(witness.key), 0)
        for _ in range(2):
            proof = tree.consistency(old, checkpoint.size)
            answer = witness.ask(checkpoint, old, proof)
            if isinstance(answer, str):
                return answer
            if answer > checkpoint.size:
                raise ProofFailed(
                    f"{witness.name} has seen {answer} records; the log has {checkpoint.size}"
                )
            old = answer
        raise Unkept("it does not stand by the size that it said")

    def _put(self, failures: dict[str, str]) -> None:
        for place in self._places:
            waiting = self._waiting.get(place.name)
            if waiting is None:
                continue
            try:
                place.put(waiting)
                del self._waiting[place.name]
            except Unkept as error:
                failures[place.name] = str(error)

    def _load(self) -> None:
        """Go on with the tree of the last time, if the log still begins with it; else begin anew."""
        self._is_loaded = True
        with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
            state = msgspec.json.decode(self._state_path.read_bytes(), type=_State)
            last = bytes.fromhex(state.last)
            if state.size and self._leaves(state.size - 1, state.size) == last:
                self._frontier = Frontier(state.size, tuple(map(bytes.fromhex, state.nodes)))
                self._last = last
                self._witnessed = dict(state.witnessed)

    def _save(self) -> None:
        nodes = tuple(node.hex() for node in self._frontier.nodes)
        state = _State(self._frontier.size, nodes, self._last.hex(), self._witnessed)
        write_whole(self._state_path, msgspec.json.encode(state), mode=0o600)


@final
class Reporter:
    """Makes checkpoints and tells, once each, when something begins to go wrong and when it is well again."""

    def __init__(self, checkpointer: Checkpointer, tell: Tell) -> None:
        self._checkpointer = checkpointer
        self._tell = tell
        self._failing: set[str] = set()
        self._has_failed = False

    def make(self) -> None:
        """Make one. What goes wrong is told, never raised: calls go on without checkpoints, and the verifier
        and the alerts say that they are missing."""
        try:
            _, failures = self._checkpointer.make()
        except ProofFailed as error:
            if not self._has_failed:
                self._has_failed = True
                self._tell({"event": "proof.failed", "alert": "high", "actor": "gate", "why": str(error)})  # fmt: skip
            return
        except (OSError, CommandError, ValueError) as error:
            failures = {"the log": str(error)}
        for place in sorted(failures.keys() - self._failing):
            self._tell(
                {
                    "event": "checkpoint.failed",
                    "alert": "high",
                    "actor": "gate",
                    "place": place,
                    "why": failures[place],
                }
            )
        for place in sorted(self._failing - failures.keys()):
            self._tell({"event": "checkpoint.resumed", "actor": "gate", "place": place})
        self._failing = set(failures)
