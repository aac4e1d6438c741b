"""How an agent writes its calls: one after another, and in all of them only the id and the arguments differ. What was
read and judged of the rest once holds wherever the same bytes stand again. Pure.

What is looked for quickly, and not strictly, is put into the wording again: only if that gives the body byte for byte was it
found. Then everything in the body stands as `encode` writes it, so the whole can hold no second key and no altered
number (`core/document.py`).
"""

import secrets
from typing import Annotated, Final, final

import msgspec

from yett.core.document import encode, parse_compact
from yett.core.target import JSON

_KEPT_MAX: Final = 16
_KEPT_BYTES_MAX: Final = 1024
"""Of each, behind each header."""
_ABOVE_ARGUMENTS: Final = 2
"""The message, and its `params`."""

# They stand for id and arguments while the rest is encoded. Nobody can know them, so nobody else writes them.
_ID: Final = secrets.token_hex(16)
_ARGUMENTS: Final = secrets.token_hex(16)


@final
class _Params(msgspec.Struct, gc=False):
    name: str
    arguments: msgspec.Raw


@final
class _Message(msgspec.Struct, gc=False):
    id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    params: _Params


_find: Final = msgspec.json.Decoder(_Message).decode


@final
class _Wording(msgspec.Struct, frozen=True):
    """text: all of a message, with `%d` for its id and `%b` for its arguments."""

    text: bytes
    id_comes_first: bool


@final
class Wordings:
    """Of what came behind one header: how the calls of each tool are written."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # By name. None: in no way that can be known again.
        self._known: dict[str, _Wording | None] = {}

    def read(self, body: bytes) -> tuple[str, int, dict[str, JSON], bytes] | None:
        """Return tool, id and arguments of a call that is written like one before it, and the arguments as they are
        written. None: it is not, or nobody can say without a closer look. body: no larger than that of a stranger
        may be, or somebody would have to count what is in it."""
        try:
            found = _find(body)
            params, identifier = found.params, found.id
            name, written = params.name, bytes(params.arguments)
            wording = self._known.get(name)
            if wording is None:
                return None
            both = (identifier, written) if wording.id_comes_first else (written, identifier)
            if wording.text % both != body:
                return None
            arguments = parse_compact(written, _ABOVE_ARGUMENTS)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return (name, identifier, arguments, written) if type(arguments) is dict else None

    def learn(self, message: dict[str, JSON], body: bytes) -> bool:
        """Remember how a call is written that was found to be in order, and that `read` does not know. message: what
        `body` says. Return whether the next one like it is known."""
        name = message["params"]["name"]
        if len(name) > _KEPT_BYTES_MAX:  # nor is a long name kept to say so
            return False
        if name not in self._known and len(self._known) < _KEPT_MAX:
            self._known[name] = _wording_of(message)
            if self.read(body) is None:
                self._known[name] = None
        return self._known.get(name) is not None


def _wording_of(message: dict[str, JSON]) -> _Wording | None:
    marked = encode(message | {"id": _ID, "params": message["params"] | {"arguments": _ARGUMENTS}})
    if len(marked) > _KEPT_BYTES_MAX:
        return None
    identifier, arguments = encode(_ID), encode(_ARGUMENTS)
    id_comes_first = marked.index(identifier) < marked.index(arguments)
    text = marked.replace(b"%", b"%%").replace(identifier, b"%d").replace(arguments, b"%b")
    return _Wording(text, id_comes_first)
