"""A witness over HTTPS (C2SP tlog-witness): POST <url>/add-checkpoint."""

import base64
import re
from typing import Final, final
from urllib.parse import SplitResult, urlsplit

from yett.audit.proof.note import Checkpoint, NoteError, VerifierKey, signatures
from yett.audit.proof.port import RolledBack, Unkept
from yett.delivery import Undelivered
from yett.delivery.http import exchange

_OK: Final = 200
_CONFLICT: Final = 409
_SIZE_TYPE: Final = "text/x.tlog.size"
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,17})\n?")
_MEANINGS: Final = {
    400: "it did not understand the request",
    403: "it does not know the key that signed",
    404: "it does not know this log",
    422: "it does not accept the proof",
}


@final
class HttpWitness:
    """url: what `/add-checkpoint` is put behind. ca: PEM file of the only authorities to trust."""

    def __init__(self, url: str, key: VerifierKey, *, ca: str | None) -> None:
        self._url: SplitResult = urlsplit(f"{url.rstrip('/')}/add-checkpoint")
        self._name = f"the witness {key.name}"
        self._key = key
        self._ca = ca

    @property
    def name(self) -> str:
        return self._name

    @property
    def key(self) -> VerifierKey:
        return self._key

    def ask(self, checkpoint: Checkpoint, old: int, proof: list[bytes]) -> str | int:
        lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof), ""]
        body = "\n".join(lines) + "\n" + checkpoint.note
        try:
            answer = exchange(self._url, body.encode(), {"Content-Type": "text/plain"}, ca=self._ca)
        except Undelivered as error:
            raise Unkept(str(error)) from error
        if answer.status == _OK:
            return self._own_line(answer.body)
        if answer.status == _CONFLICT:
            size = _SIZE.fullmatch(answer.body)
            if answer.kind == _SIZE_TYPE and size is not None and int(size[1]) != old:
                return int(size[1])
            raise RolledBack(f"{self._name} knows another log of {checkpoint.size} records")
        raise Unkept(_MEANINGS.get(answer.status, f"it answered {answer.status}"))

    def _own_line(self, body: bytes) -> str:
        """Return the one line of the answer that is this witness's; those of others are not asked for."""
        try:
            for line in body.decode().splitlines(keepends=True):
                for name, raw in signatures(line):
                    if (name, raw[:4]) == (self._key.name, self._key.id):
                        return line if line.endswith("\n") else f"{line}\n"
        except (NoteError, UnicodeDecodeError) as error:
            raise Unkept("its answer is no signature") from error
        raise Unkept("its answer is not signed with the key that it should have")
