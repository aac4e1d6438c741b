"""How an agent writes its calls: one after another, and in all of them only the id and the arguments differ. What was
read and judged of the rest once holds wherever the same bytes stand again. Pure.

A body that is read so is made of parts that are, each in its place, what `encode` writes. Then the whole is what
`encode` writes, and can hold no second key and no altered number (`core/document.py`).
"""

import re
import secrets
from typing import Final, final

import msgspec

from yett.core.bounds import STRANGER_BODY_BYTES_MAX
from yett.core.document import DocumentError, encode, parse, parse_compact
from yett.core.target import JSON

_KEPT_BYTES_MAX: Final = 1024
"""A stranger, too, may have something kept behind each header."""
_is_plain_id: Final = re.compile(rb"[1-9][0-9]{0,14}").fullmatch
_ABOVE_ARGUMENTS: Final = 2
"""The message, and its `params`."""

# They stand for id and arguments while the rest is encoded. Nobody can know them, so nobody else writes them.
_ID: Final = secrets.token_hex(16)
_ARGUMENTS: Final = secrets.token_hex(16)


@final
class Wording(msgspec.Struct, frozen=True, eq=False):
    """All of a message but its id and its arguments. name: of the tool. before, between, behind: what stands in front of
    the first of the two, between them, and behind the second. start, end: of what `before` and `behind` enclose."""

    name: str
    before: bytes
    between: bytes
    behind: bytes
    start: int
    end: int
    id_comes_first: bool

    def read(self, body: bytes) -> tuple[int, dict[str, JSON], bytes] | None:
        """Return id and arguments of a message that is written so, and the latter as they are written. None: it is
        not, or nobody can say without a closer look."""
        if (
            len(body) > STRANGER_BODY_BYTES_MAX
            or not body.startswith(self.before)
            or not body.endswith(self.behind)
        ):
            return None
        inside = body[self.start : self.end]
        if self.id_comes_first:
            digits, _, written = inside.partition(self.between)
        else:
            written, _, digits = inside.rpartition(self.between)
        if _is_plain_id(digits) is None:
            return None
        try:
            arguments = parse_compact(written, _ABOVE_ARGUMENTS)
        except DocumentError:
            return None
        return (int(digits), arguments, written) if type(arguments) is dict else None


def wording_of(body: bytes) -> Wording | None:
    """Return how a call of a tool is written that was read before. None: not as `encode` writes it, or at length."""
    message = parse(body)
    params = message["params"]
    marked = encode(message | {"id": _ID, "params": params | {"arguments": _ARGUMENTS}})
    if len(marked) > _KEPT_BYTES_MAX:
        return None
    first, second = encode(_ID), encode(_ARGUMENTS)
    id_comes_first = marked.index(first) < marked.index(second)
    if not id_comes_first:
        first, second = second, first
    before, _, rest = marked.partition(first)
    between, _, behind = rest.partition(second)
    enclosed = len(before), -len(behind)
    wording = Wording(params["name"], before, between, behind, *enclosed, id_comes_first)
    return None if wording.read(body) is None else wording
