"""What a server says about a call while it works on it: one thing at a time, or several at once. Pure."""

from collections.abc import Sequence
from operator import lt
from typing import Any, Final, Literal, final

import msgspec

from yett.core.document import parse
from yett.core.target import JSON

PROGRESS: Final = "notifications/progress"
MESSAGE: Final = "notifications/message"

Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LOG_LEVELS: Final[tuple[Level, ...]] = (
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
)  # fmt: skip
"""Least severe first (RFC 5424)."""


@final
class Notice(msgspec.Struct, frozen=True, gc=False):
    """What a server says about a call while it works on it: `notifications/progress` (without its
    token, which each side has of its own) or `notifications/message`."""

    method: str
    params: dict[str, JSON]


@final
class Progress(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Parameters of a plain `notifications/progress`, without its token."""

    progress: int | float
    total: int | float | None = None
    text: str = msgspec.field(default="", name="message")


@final
class LogMessage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Parameters of a plain `notifications/message`."""

    level: Level
    logger: str = ""
    text: str = msgspec.field(name="data")


@final
class Several(msgspec.Struct, frozen=True):
    """Plain notices of one method that came together, at least one; progress grows from each to the next.

    said: what each says, `Progress` or `LogMessage`. members: of each, its parameters as compact JSON
    without the braces. encoded: those of all, as a JSON array.
    """

    method: str
    said: Sequence[Any]
    members: list[bytes]
    encoded: bytes

    def singly(self) -> list[Notice]:
        """Return the same as notices of their own, for where more has to be looked at."""
        params: list[dict[str, JSON]] = parse(self.encoded)
        return [Notice(self.method, each) for each in params]


_DECODERS: Final[dict[str, msgspec.json.Decoder[list[Any]]]] = {
    PROGRESS: msgspec.json.Decoder(list[Progress]),
    MESSAGE: msgspec.json.Decoder(list[LogMessage]),
}


def together(method: str, members: list[bytes]) -> Several | None:
    """Return what was said in one breath as one thing, read at once; None: not all of it is plain.

    members: what stands between the braces of the parameters of each, if it is JSON at all.
    """
    encoded = b"[{%b}]" % b"},{".join(members)
    # With no more braces than these, each object begins and ends where a notice does, or there are fewer.
    if not encoded.count(b"{") == len(members) == encoded.count(b"}"):
        return None
    try:
        said = _DECODERS[method].decode(encoded)
        # What comes out as it went in holds no other members, none twice, and no number that was altered.
        if msgspec.json.encode(said) != encoded or len(said) != len(members):
            return None
    except ValueError:  # not JSON, not UTF-8, or another form
        return None
    return Several(method, said, members, encoded) if method == MESSAGE or _grows(said) else None


def _grows(said: list[Progress]) -> bool:
    steps = [one.progress for one in said]
    return all(map(lt, steps, steps[1:]))
