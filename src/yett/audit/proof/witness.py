"""A witness (C2SP tlog-witness): signs the checkpoints of the logs that it knows, if each continues the last.

Needs nothing of the logs but their public keys, so it can run where no gate runs. State is one file.
"""

import base64
import binascii
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yett.audit.proof.note import (
    COSIGNATURE,
    Checkpoint,
    NoteError,
    VerifierKey,
    cosign,
    parse_checkpoint,
    signers,
)
from yett.audit.proof.tree import HASH_BYTES, is_consistent
from yett.core.clock import Clock
from yett.storage.files import write_whole

_PROOF_MAX: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,17})")
_PLAIN: Final = "text/plain"


@final
class Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes = b""
    kind: str = _PLAIN


@final
class _Seen(msgspec.Struct, frozen=True):
    size: int
    root: bytes


@final
class WitnessBook:
    """logs: the keys whose checkpoints are signed. state: the file in which is kept what was signed last."""

    def __init__(
        self,
        *,
        name: str,
        private: Ed25519PrivateKey,
        logs: Iterable[VerifierKey],
        state: Path,
        clock: Clock,
    ) -> None:
        """Read the state.

        Raises:
            OSError, msgspec.MsgspecError: it cannot be read. A witness that forgot what it signed is none.
        """
        self._name = name
        self._private = private
        self._logs = tuple(logs)
        self._state = state
        self._clock = clock
        self._mutex = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        if state.exists():
            self._seen = msgspec.json.decode(state.read_bytes(), type=dict[str, _Seen])

    @property
    def key(self) -> VerifierKey:
        return VerifierKey(self._name, COSIGNATURE, self._private.public_key().public_bytes_raw())

    def add(self, request: bytes) -> Answer:
        """Judge the body of one `add-checkpoint`.

        Raises:
            OSError: the state cannot be written; nothing was signed.
        """
        try:
            old, proof, checkpoint = _parse(request)
        except (NoteError, ValueError, binascii.Error):
            return Answer(400)
        keys = [key for key in self._logs if key.name == checkpoint.origin]
        if not keys:
            return Answer(404)
        try:
            if not signers(checkpoint.note, keys):
                return Answer(403)
        except NoteError:
            return Answer(403)
        if old > checkpoint.size:
            return Answer(400)
        with self._mutex:
            return self._continue(old, proof, checkpoint)

    def _continue(self, old: int, proof: list[bytes], checkpoint: Checkpoint) -> Answer:
        last = self._seen.get(checkpoint.origin, _Seen(0, b""))
        if old != last.size or (old == checkpoint.size and checkpoint.root != last.root and old):
            return Answer(409, b"%d\n" % last.size, "text/x.tlog.size")
        if old and not is_consistent(old, last.root, checkpoint.size, checkpoint.root, proof):
            return Answer(422)
        if not old and proof:
            return Answer(422)
        seen = self._seen | {checkpoint.origin: _Seen(checkpoint.size, checkpoint.root)}
        write_whole(self._state, msgspec.json.encode(seen), mode=0o600)
        self._seen = seen
        moment = int(self._clock.wall())
        return Answer(200, cosign(checkpoint.text, self._name, self._private, moment).encode())


def _parse(request: bytes) -> tuple[int, list[bytes], Checkpoint]:
    head, blank, note = request.decode().partition("\n\n")
    first, *lines = head.split("\n")
    found = _OLD.fullmatch(first)
    if found is None or not blank or len(lines) > _PROOF_MAX:
        raise NoteError("this is no request of a log")
    proof = [base64.b64decode(line, validate=True) for line in lines]
    if any(len(node) != HASH_BYTES for node in proof):
        raise NoteError("a proof is made of hashes")
    return int(found[1]), proof, parse_checkpoint(note)
