"""What was decided since the last look. Putting it here is all that a call pays for."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import repeat
from operator import attrgetter
from typing import Final, final

import msgspec

from yett.core.reasons import Reason
from yett.core.summary import Summary

WAITING_MAX: Final = 65_536
"""Ten seconds of more than one core can do; beyond, the oldest is lost, and that is said."""

_PORTION: Final = 128
"""Counted by one call of C, which lets nobody else have the interpreter."""

SUSPICIOUS: Final = frozenset(
    {
        Reason.NOT_PERMITTED, Reason.UNKNOWN_TOOL, Reason.ARGUMENT_DENIED, Reason.APPROVAL_DENIED,
        Reason.TOOL_QUARANTINED, Reason.INSUFFICIENT_SCOPE, Reason.INVALID_STATE, Reason.UNKNOWN_METHOD,
    }
)  # fmt: skip
"""What somebody is told who tries what there is; not who is too quick, or mistaken about a form."""

Row = tuple[str | None, str | None, str | None, str | None, str, str, str | None, str]
_row: Final[Callable[[Summary], Row]] = attrgetter(
    "caller", "tenant", "server", "tool", "peer", "decision", "reason", "status"
)

Cost = tuple[str | None, str | None, str, int]
_cost: Final[Callable[[Summary], Cost]] = attrgetter("caller", "tenant", "currency", "cost_micros")


@final
class Batch(msgspec.Struct, frozen=True):
    """rows: how many requests were alike. runs: of each caller that was refused a call, how often, how
    often in a row at the end, and whether nothing was allowed before that. spent: micros by caller, tenant and currency.
    lost: it is not all of them."""

    rows: Counter[Row]
    runs: dict[str, tuple[int, int, bool]] = {}
    spent: dict[tuple[str, str, str], int] = {}
    lost: bool = False


@final
class Intake:
    """observe: takes finished requests; one call of C, by any thread."""

    __slots__ = ("_waiting", "observe")

    def __init__(self) -> None:
        self._waiting: deque[Summary] = deque(maxlen=WAITING_MAX)
        self.observe: Callable[[Iterable[Summary]], None] = self._waiting.extend

    def take(self) -> Batch:
        waiting = self._waiting
        count = len(waiting)
        taken = list(map(deque.popleft, repeat(waiting, count)))
        return batch_of(taken, lost=count >= WAITING_MAX)


def batch_of(taken: list[Summary], *, lost: bool = False) -> Batch:
    costs: Counter[Cost] = Counter()
    rows: Counter[Row] = Counter()
    for begin in range(0, len(taken), _PORTION):
        portion = taken[begin : begin + _PORTION]
        costs.update(map(_cost, portion))
        rows.update(map(_row, portion))
    spent: dict[tuple[str, str, str], int] = {}
    for (caller, tenant, currency, micros), number in costs.items():
        if micros and caller:
            key = (caller, tenant or "", currency)
            spent[key] = spent.get(key, 0) + micros * number
    suspicious = any(
        reason in SUSPICIOUS for *_, decision, reason, _ in rows if decision == "denied"
    )
    return Batch(rows, _runs(taken) if suspicious else {}, spent, lost)


def _runs(taken: list[Summary]) -> dict[str, tuple[int, int, bool]]:
    runs: dict[str, tuple[int, int, bool]] = {}
    for one in taken:
        if one.caller is None:
            continue
        refused, count, whole = runs.get(one.caller, (0, 0, True))
        if one.decision == "denied" and one.reason in SUSPICIOUS:
            runs[one.caller] = (refused + 1, count + 1, whole)
        elif one.decision == "allowed" and one.tool is not None:
            runs[one.caller] = (refused, 0, False)
    return runs
