"""Turns a call's circumstances and arguments into what Cedar can read, so that data stays data.

| JSON                          | Cedar                                                             |
|-------------------------------|-------------------------------------------------------------------|
| string, boolean               | the same                                                          |
| whole number, also `5.0`      | Long; beyond 64 bits: cannot be judged                            |
| other number                  | decimal, if 4 fractional digits hold it; else: cannot be judged   |
| null as a member              | no such member                                                    |
| null in a list                | cannot be judged                                                  |
| list                          | set (order and repetition are lost)                               |
| object                        | record; each key that begins with `__` gets one more `_` in front |

"Cannot be judged" denies the call if a matching policy looks at that argument: a missing value
could slip past a `forbid`. So does what is larger than the bounds here. `5.0` is a Long because a server may take it for 5. The extra `_` keeps
`{"__entity": …}` and `{"__extn": …}`, which Cedar would read as an entity and as a function call,
from being anything but data (CWE-915); it maps no two keys to one.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, final

import msgspec

from yett.authorization.labels import Labels
from yett.core.bounds import DOCUMENT_DEPTH_MAX, JUDGED_TEXT_MAX, JUDGED_VALUES_MAX
from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.target import JSON

LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1
_DECIMAL_MAX: Final = Decimal("922337203685477.5807")
_DECIMAL_DIGITS: Final = 4

_DAY: Final = 86_400
_HOUR: Final = 3_600
_FIRST_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday, three days after a Monday."""


@final
class Occasion(msgspec.Struct, frozen=True, gc=False):
    """What differs from call to call. now: seconds since 1970. labels: what callers have seen."""

    call: Call
    principal: Principal
    now: float
    labels: Labels


@final
class UnjudgeableError(ValueError):
    """An argument has no exact form in Cedar. The message says where and why, never the value."""


def encode_arguments(arguments: dict[str, JSON], names: frozenset[str] | None) -> dict[str, JSON]:
    """Return the record of the arguments with these names (as policies write them); None: all.

    Raises:
        UnjudgeableError: one of them has no exact form.
    """
    encoder = _Encoder()
    if names is None:
        return encoder.record(arguments, "arguments", DOCUMENT_DEPTH_MAX)
    record: dict[str, JSON] = {}
    for name in names:
        plain = _unescape(name)
        if plain is not None and (value := arguments.get(plain)) is not None:
            record[name] = encoder.value(value, plain, DOCUMENT_DEPTH_MAX)
    return record


def observe(name: str, occasion: Occasion) -> JSON:
    """Return one member of the context other than the arguments; None if it cannot be said.

    A member that is left out makes every policy that reads it err, which denies.
    """
    look = _MEMBERS.get(name)
    return None if look is None else look(occasion)


def _age(occasion: Occasion) -> JSON:
    made = occasion.principal.created_at
    return max(0, int(occasion.now - made)) if made else None


def _sent(call: Call) -> JSON:
    """Return everything of a caller's that reaches the server: an address that is read, and what the
    server asked for in the middle, can hold a copy as well as an argument."""
    inputs = None if call.talk is None else call.talk.inputs
    return [call.name, call.arguments, inputs]


@lru_cache(maxsize=1_024)
def _address(peer: str) -> JSON:
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    # One machine, one spelling: a rule about 10.0.0.0/8 must also meet ::ffff:10.0.0.1.
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return {"__extn": {"fn": "ip", "arg": str(address)}}


_MEMBERS: Final[dict[str, Callable[[Occasion], JSON]]] = {
    "time": lambda occasion: int(occasion.now),
    "hour": lambda occasion: int(occasion.now) % _DAY // _HOUR,
    "weekday": lambda occasion: (int(occasion.now) // _DAY + _FIRST_WEEKDAY) % 7 + 1,
    "address": lambda occasion: _address(occasion.call.peer),
    "protocol": lambda occasion: occasion.call.protocol,
    "door": lambda occasion: occasion.call.door,
    "key_age": _age,
    "session": lambda occasion: {
        "touched": sorted(occasion.labels.touched(occasion.principal.id, occasion.call.session))
    },
    "carries": lambda occasion: sorted(
        occasion.labels.carried(occasion.principal.id, _sent(occasion.call))
    ),
}


def _escape(key: str) -> str:
    return f"_{key}" if key.startswith("__") else key


def _unescape(name: str) -> str | None:
    """Return the key that `_escape` turns into `name`; None when there is none."""
    if not name.startswith("__"):
        return name
    return name[1:] if name.startswith("___") else None


@final
class _Encoder:
    """Counts what it has encoded for one call: Cedar takes long over many values (CWE-400)."""

    __slots__ = ("_text", "_values")

    def __init__(self) -> None:
        self._text = 0
        self._values = 0

    def record(self, members: dict[str, JSON], where: str, depth: int) -> dict[str, JSON]:
        if len(members) > JUDGED_VALUES_MAX:
            raise UnjudgeableError(f"`{where}` has more than {JUDGED_VALUES_MAX} members")
        return {
            _escape(self._whole(key, where)): self.value(value, where, depth - 1)
            for key, value in members.items()
            if value is not None
        }

    def value(self, value: JSON, where: str, depth: int) -> JSON:
        self._values += 1
        if self._values > JUDGED_VALUES_MAX:
            raise UnjudgeableError(f"`{where}` has too many values: {JUDGED_VALUES_MAX} are judged")
        if depth < 0:
            raise UnjudgeableError(f"`{where}` is nested too deep")
        match value:
            case str():
                return self._whole(value, where)
            case bool():
                return value
            case int():
                if not LONG_MIN <= value <= LONG_MAX:
                    raise UnjudgeableError(f"`{where}` has a number beyond 64 bits")
                return value
            case float():
                return _number(value, where)
            case dict():
                return self.record(value, where, depth)
            case list():
                return [self.value(item, where, depth - 1) for item in value]
            case _:
                raise UnjudgeableError(f"`{where}` has a null in a list")

    def _whole(self, text: str, where: str) -> str:
        self._text += len(text)
        if self._text > JUDGED_TEXT_MAX:
            raise UnjudgeableError(
                f"`{where}` is too long: {JUDGED_TEXT_MAX} characters are judged"
            )
        if not text.isascii() and _torn(text):
            raise UnjudgeableError(f"`{where}` has half a character")
        return text


def _torn(text: str) -> bool:
    """Say whether there is half of a surrogate pair in it, which Cedar does not take for text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _number(value: float, where: str) -> JSON:
    if value.is_integer() and LONG_MIN <= value <= LONG_MAX:
        return int(value)
    exact = Decimal(repr(value))
    if not exact.is_finite() or abs(exact) > _DECIMAL_MAX:
        raise UnjudgeableError(f"`{where}` has a number that is too large for a decimal")
    rounded = round(exact, _DECIMAL_DIGITS)
    if rounded != exact:
        raise UnjudgeableError(f"`{where}` has a number with more than 4 fractional digits")
    return {"__extn": {"fn": "decimal", "arg": f"{rounded:f}"}}
