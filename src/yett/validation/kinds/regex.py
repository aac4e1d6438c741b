"""`regex`: an expression that whoever applies it is done with in reasonable time. Pure.

RE2 takes linear time by its construction. The server may use an engine that goes back and tries again,
so what makes such an engine take exponential time is refused as well: a repetition without end of what
holds one itself, or of branches that may begin alike (CWE-1333).
"""

import re
from typing import Final, final

import msgspec

from yett.core.target import Access
from yett.validation.config import RegexArgument
from yett.validation.kinds.pattern import compiled
from yett.validation.kinds.port import Unfit, WrongForm

_PART: Final = re.compile(
    r"\\.|\[\^?(?:\]|)(?:\\.|[^\]\\])*\]"  # an escape, a class
    r"|\((?:\?(?:P?<[A-Za-z_]\w*>|[a-zA-Z-]*:|[=!]|<[=!]))?"  # a group begins
    r"|[*+?]|\{[0-9]*,?[0-9]*\}|.",
    re.DOTALL,
)
_ENDLESS: Final = re.compile(r"[*+]|\{[0-9]*,\}")
_GROUPED: Final = "("


@final
class _Group(msgspec.Struct):
    """An open group. heads: what each of its branches begins with; of the open one, None so far."""

    heads: list[str | None]
    endless: bool = False


@final
class RegexGuard:
    __slots__ = ("_length",)

    def __init__(self, options: RegexArgument) -> None:
        self._length = options.length

    def check(self, value: str, access: Access) -> str:
        """Raises:
        WrongForm: it is too long, or no expression that RE2 knows.
        Unfit: an engine that goes back could take exponential time.
        """
        del access
        if len(value) > self._length:
            raise WrongForm(f"is longer than {self._length} characters")
        try:
            compiled(value)
        except ValueError:
            raise WrongForm("is no regular expression of RE2, which takes linear time") from None
        if _may_explode(value):
            raise Unfit(
                "repeats without end what repeats without end, or branches that begin alike"
            )
        return value


def _may_explode(pattern: str) -> bool:
    open_groups = [_Group([None])]
    closed: _Group | None = None  # the group that the last part ended
    for part in _PART.findall(pattern):
        inner = open_groups[-1]
        if _ENDLESS.fullmatch(part):
            if closed is not None and (closed.endless or _overlap(closed.heads)):
                return True
            inner.endless = True
        elif part.startswith(_GROUPED):
            _note(inner, _GROUPED)
            open_groups.append(_Group([None]))
        elif part == "|":
            inner.heads.append(None)
        elif part != ")":
            _note(inner, part)
        closed = None
        if part == ")" and len(open_groups) > 1:
            closed = open_groups.pop()
            open_groups[-1].endless |= closed.endless
    return False


def _note(group: _Group, part: str) -> None:
    if group.heads[-1] is None:
        group.heads[-1] = part


def _overlap(heads: list[str | None]) -> bool:
    """Tell whether two branches may begin alike; what is no plain character may be any."""
    plain = [head for head in heads if head is not None and len(head) == 1 and head not in ".^$"]
    return len(heads) > 1 and len(set(plain)) < len(heads)
