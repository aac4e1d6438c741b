r"""What a rule of a detector is.

RE2 syntax: linear time, whatever the text (CWE-1333). `hint` is found in compact JSON whenever
`pattern` is found in a string of it, where a line break is `\n` and a quote `\"`: one pass over an
answer asks for all hints, and only what they name is looked for again.
"""

from collections.abc import Callable
from typing import Any, Literal, cast, final

import msgspec

Kind = Literal["secret", "personal", "injection", "link"]
"""What is looked for; the first part of the name of a finding."""

Check = Callable[[Any], bool]
"""Takes a re2 match over bytes."""


def anything(_match: Any) -> bool:
    """The pattern says it all."""
    return True


@final
class Rule(msgspec.Struct, frozen=True):
    """name: shown in place of what was found. group: which part of a match that is; 0: all of it.
    check: has the last word. also: a hint of a shape that must be there as well, where words alone are
    too common. shape: the hint is made of any digits, signs or letters of ASCII, so it belongs to
    the automaton of shapes. A word among them, or a word of which anything is counted behind it (`{0,12}`), makes a state
    for every pair: more than fit the memory, so that texts which were not seen before take ten times as long. A shape
    that only some digits begin has a state for every set of them."""

    name: str
    pattern: bytes
    hint: bytes
    check: Check = anything
    group: int = 0
    kind: Kind = "secret"
    shape: bool = False
    also: bytes = b""

    @property
    def finding(self) -> str:
        return f"{self.kind}:{self.name}"


def kind_of(finding: str) -> Kind:
    """Return the kind of a finding of a rule."""
    return cast("Kind", finding.partition(":")[0])
