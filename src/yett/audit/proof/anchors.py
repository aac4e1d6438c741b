"""What a log was signed to be, read from the places where that is kept."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, final

from yett.audit.proof.note import Checkpoint, NoteError, VerifierKey, checkpoints_in, signers
from yett.audit.proof.port import CheckpointPlace, RolledBack, Unkept, Witness
from yett.audit.proof.sample import newest_and_some
from yett.audit.walking import Anchor, Damage
from yett.core.errors import CommandError

_NEWEST: Final = 512


@final
class Trust:
    """Whose signatures count."""

    def __init__(self, keys: Iterable[VerifierKey]) -> None:
        self._keys = tuple(keys)
        self._origins = {key.name for key in self._keys}

    def problem_of(self, checkpoint: Checkpoint) -> str | None:
        """Say what is wrong with a checkpoint; None: nothing."""
        if checkpoint.origin not in self._origins:
            return f"a checkpoint of another log, `{checkpoint.origin}`"
        try:
            if signers(checkpoint.note, self._keys):
                return None
        except NoteError as error:
            return f"a checkpoint of {checkpoint.size} records: {error}"
        return f"a checkpoint of {checkpoint.size} records that no key of this log signed"


def anchors_of(
    places: Sequence[CheckpointPlace], copies: Sequence[Path], trust: Trust
) -> tuple[list[Anchor], Damage | None]:
    """Return what the log is to be compared with, and what is wrong with that already. copies: files of
    checkpoints, or directories of such files.

    Raises:
        CommandError: a place cannot be read.
    """
    found: list[Anchor] = []
    damage: Damage | None = None
    for name, checkpoints in _shown(places, copies):
        for checkpoint in _chosen(checkpoints):
            problem = trust.problem_of(checkpoint)
            if problem is None:
                found.append(Anchor(name, checkpoint.size, checkpoint.root))
            elif damage is None:
                damage = Damage("checkpoint", "", 0, checkpoint.size, f"{name} holds {problem}")
    return found, damage


def demand_no_key(places: Sequence[CheckpointPlace]) -> None:
    """Accept that there is no key, where nothing was ever signed: or whoever takes the key away would take
    every checkpoint away with it.

    Raises:
        CommandError: checkpoints are kept, or a place cannot be read.
    """
    for name, checkpoints in _shown(places, []):
        if checkpoints:
            raise CommandError(
                f"{name} holds checkpoints, and the public key to check them with is not there. Name the key with --key"
            )


def checkpoints_at(place: CheckpointPlace, trust: Trust) -> list[Checkpoint]:
    """Return what a place keeps and a known key signed, smallest first.

    Raises:
        CommandError: it cannot be read.
    """
    (_, checkpoints), *_ = _shown([place], [])
    good = [found for found in _chosen(checkpoints) if trust.problem_of(found) is None]
    return sorted(good, key=lambda checkpoint: checkpoint.size)


def ask_witness(witness: Witness, newest: Checkpoint) -> Damage | None:
    """Ask whether the newest checkpoint is the newest that the witness knows.

    Raises:
        CommandError: it does not answer.
    """
    try:
        known = witness.ask(newest, newest.size, [])
    except Unkept as error:
        raise CommandError(f"{witness.name} was not asked: {error}") from error
    except RolledBack as error:
        return Damage("checkpoint", "", 0, newest.size, str(error))
    if isinstance(known, int) and known > newest.size:
        text = (
            f"{witness.name} has seen {known} records; the newest checkpoint here has {newest.size}"
        )
        return Damage("checkpoint", "", 0, newest.size + 1, text)
    return None


def _shown(
    places: Sequence[CheckpointPlace], copies: Sequence[Path]
) -> list[tuple[str, list[Checkpoint]]]:
    found = []
    for place in places:
        try:
            found.append((place.name, list(place.all())))
        except Unkept as error:
            raise CommandError(f"{place.name} cannot be read: {error}") from error
    for path in copies:
        files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        texts = [file.read_text("utf-8", "replace") for file in files]
        checkpoints = [found for text in texts for found in checkpoints_in(text)]
        if not checkpoints:
            raise CommandError(f"there is no checkpoint in `{path}`")
        found.append((str(path), checkpoints))
    return found


def _chosen(checkpoints: list[Checkpoint]) -> list[Checkpoint]:
    """Return the newest, and some of the rest."""
    different = list({(item.size, item.root): item for item in checkpoints}.values())
    different.sort(key=lambda item: item.size)
    return newest_and_some(different, _NEWEST)
