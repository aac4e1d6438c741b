"""What a policy's annotations say of people: `@approval("2")`, `@approval_for("1h")`, `@approval_by("caller")`. Pure."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, final

import msgspec

from yett.core.proofs import Ask
from yett.core.quantities import duration_seconds

APPROVAL: Final = "approval"
_FOR: Final = "approval_for"
_BY: Final = "approval_by"
_CALLER: Final = "caller"
_NAMES: Final = (APPROVAL, _FOR, _BY)
_KNOWN: Final = frozenset({*_NAMES, "id", "shown"})
PEOPLE_MAX: Final = 9
SECONDS_MIN: Final = 60
SECONDS_MAX: Final = 7 * 86_400
_DEFAULT_SECONDS: Final = 3_600
_SIMILAR: Final = 0.75
_SHOWN_CHARS_MAX: Final = 500


@final
class Demand(msgspec.Struct, frozen=True):
    """people: how many different ones have to agree. seconds: how long the question waits, and then
    the yes. own: the person at the caller may be the one."""

    people: int = 1
    seconds: int = _DEFAULT_SECONDS
    own: bool = False


def read_demand(annotations: Mapping[str, str | None]) -> Demand | None:
    """Return what a policy demands; None if it asks nobody.

    Raises:
        ValueError: it means to demand something and cannot be understood. A misspelt annotation would
            grant what was to be asked about, so one that looks like ours and is not is refused.
    """
    for name in annotations:
        if name not in _KNOWN and get_close_matches(name.lower(), _NAMES, 1, _SIMILAR):
            raise ValueError(f"`@{name}` means nothing; did you mean `@{_closest(name)}`?")
    if APPROVAL not in annotations:
        if stray := [name for name in _NAMES if name in annotations]:
            raise ValueError(f'`@{stray[0]}` means nothing without `@approval("1")`')
        return None
    people = _people(annotations[APPROVAL])
    own = _own(annotations, people)
    return Demand(people, _seconds(annotations.get(_FOR, "1h")), own)


def ask_of(demands: Iterable[tuple[str, Demand, str | None]]) -> Ask:
    """Put what several policies demand together: the most people, the shortest time, and nobody whom
    one of them does not trust. demands: policy id, demand, text to show."""
    asked = list(demands)
    people = max(demand.people for _, demand, _ in asked)
    return Ask(
        policies=tuple(policy for policy, _, _ in asked),
        people=people,
        seconds=min(demand.seconds for _, demand, _ in asked),
        shown="; ".join(dict.fromkeys(shown for _, _, shown in asked if shown))[:_SHOWN_CHARS_MAX],
        own=people == 1 and all(demand.own for _, demand, _ in asked),
    )


def _closest(name: str) -> str:
    return get_close_matches(name.lower(), _NAMES, 1, _SIMILAR)[0]


def _people(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= PEOPLE_MAX:
        raise ValueError(f'`@approval` takes a number of people from 1 to {PEOPLE_MAX}, as "1"')
    return int(text)


def _seconds(text: str | None) -> int:
    try:
        seconds = int(duration_seconds(text or ""))
    except ValueError:
        seconds = 0
    if not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise ValueError('`@approval_for` takes a time from "1m" to "7d"')
    return seconds


def _own(annotations: Mapping[str, str | None], people: int) -> bool:
    if _BY not in annotations:
        return False
    if annotations[_BY] != _CALLER:
        raise ValueError('`@approval_by` takes "caller" and nothing else')
    if people != 1:
        raise ValueError("the person at the caller is one, and more are asked for")
    return True
