"""How an agent writes its calls: one after another, and in all of them only the id and the arguments differ. What was
read and judged of the rest once holds wherever the same bytes stand again. Pure.

What is looked for quickly, and not strictly, is put into the wording again: only if that gives the body byte for byte was it
found. Then everything in the body stands as `encode` writes it, so the whole can hold no second key and no altered
number (`core/document.py`).
"""

import secrets
from typing import Annotated, Final, final

import msgspec

from yett.core.bounds import STRANGER_BODY_BYTES_MAX
from yett.core.document import DocumentError, encode, parse, parse_compact
from yett.core.target import JSON

_KEPT_BYTES_MAX: Final = 1024
"""A stranger, too, may have something kept behind each header."""
_ABOVE_ARGUMENTS: Final = 2
"""The message, and its `params`."""

# They stand for id and arguments while the rest is encoded. Nobody can know them, so nobody else writes them.
_ID: Final = secrets.token_hex(16)
_ARGUMENTS: Final = secrets.token_hex(16)


@final
class _Params(msgspec.Struct, gc=False):
    arguments: msgspec.Raw


@final
class _Message(msgspec.Struct, gc=False):
    id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    params: _Params


_find: Final = msgspec.json.Decoder(_Message).decode


@final
class Wording(msgspec.Struct, frozen=True, eq=False):
    """name: of the tool. text: all of a message, with `%d` for its id and `%b` for its arguments."""

    name: str
    text: bytes
    id_comes_first: bool

    def read(self, body: bytes) -> tuple[int, dict[str, JSON], bytes] | None:
        """Return id and arguments of a message that is written so, and the latter as they are written. None: it is
        not, or nobody can say without a closer look."""
        if len(body) > STRANGER_BODY_BYTES_MAX:
            return None
        try:
            found = _find(body)
            identifier, written = found.id, bytes(found.params.arguments)
            both = (identifier, written) if self.id_comes_first else (written, identifier)
            if self.text % both != body:
                return None
            arguments = parse_compact(written, _ABOVE_ARGUMENTS)
        except (msgspec.MsgspecError, ValueError, RecursionError, DocumentError):
            return None
        return (identifier, arguments, written) if type(arguments) is dict else None


def wording_of(body: bytes) -> Wording | None:
    """Return how a call of a tool is written that was read before. None: not as `encode` writes it, or at length."""
    message = parse(body)
    params = message["params"]
    marked = encode(message | {"id": _ID, "params": params | {"arguments": _ARGUMENTS}})
    if len(marked) > _KEPT_BYTES_MAX:
        return None
    identifier, arguments = encode(_ID), encode(_ARGUMENTS)
    id_comes_first = marked.index(identifier) < marked.index(arguments)
    text = marked.replace(b"%", b"%%").replace(identifier, b"%d").replace(arguments, b"%b")
    wording = Wording(params["name"], text, id_comes_first)
    return None if wording.read(body) is None else wording
