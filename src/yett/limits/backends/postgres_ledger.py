"""Money that several gates spend: in PostgreSQL, each reservation committed before its call goes on.

What is asked at the same time goes in one transaction, so it is the accounts' own speed that counts and
not the disk's. A reservation whose end is never told counts as spent (`ledger_reserve`, `ledger_settle`
in the migration 0005).
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, final

import msgspec

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.limits.backends.shared_books import balances_of
from yett.limits.balances import Balances
from yett.limits.demand import Claim, Demand, Ending, Refused
from yett.storage.place import PostgresPlace
from yett.storage.postgres_link import FAILURES, connect

log: Final = logging.getLogger("yett")

BATCH_MAX: Final = 100
UNTOLD_MAX: Final = 20_000
ANSWER_SECONDS_MAX: Final = 3.0
REST_SECONDS_MAX: Final = 2.0
RETRY_SECONDS: Final = 1.0
_CACHED: Final = 20
_RESERVE: Final = "select ledger_reserve($1, $2)"
_SETTLE: Final = "select ledger_settle($1)"
_CONFIRMED: Final = "select coalesce((select confirmed from ledger_gates where gate = $1), 0)"
_SPENT: Final = (
    "select account, total - ledger_before(accounts, $2) from accounts"
    " where account = $1 and ($2 = 'total' or case $2"
    " when 'day' then ledger_day(zone) <= day"
    " when 'week' then ledger_week(ledger_day(zone)) <= ledger_week(day)"
    " else ledger_month(ledger_day(zone)) <= ledger_month(day) end)"
)

_ACCOUNTS: Final = (
    "select account, zone, day, total, before_day, before_week, before_month from accounts"
    " where account = any($1)"
)
_DAYS: Final = (
    "select account_days.account, account_days.day, micros from account_days"
    " join accounts using (account) where account_days.account = any($1)"
)


@final
class Paid(msgspec.Struct, frozen=True):
    """What the ledger says of one claim. remaining_micros, overruns: as in `Answer`."""

    refused: Refused | None = None
    remaining_micros: int | None = None
    overruns: tuple[str, ...] = ()


@final
class PostgresLedger:
    """Belongs to the loop. gate: names this process, and no other one."""

    def __init__(self, place: PostgresPlace, gate: str) -> None:
        self._place = place
        self._gate = gate
        self._connection: Any = None
        self._confirmed = 0
        self._forgotten = False
        self._claims: list[tuple[Claim, asyncio.Future[Paid]]] = []
        self._endings: dict[str, dict[str, JSON]] = {}
        self._working: asyncio.Task[None] | None = None
        self._using = asyncio.Lock()
        self._closed = False

    async def reserve(self, claim: Claim) -> Paid:
        """Put the claim's money aside in all its accounts, or in none.

        Raises:
            Fault: it is not known to be written down.
        """
        future: asyncio.Future[Paid] = asyncio.get_running_loop().create_future()
        self._claims.append((claim, future))
        self._work()
        heard = False
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                paid = await future
            heard = True
            return paid
        except TimeoutError as error:
            raise self._fault("it did not answer in time") from error
        finally:  # who gives up in the turn in which the answer comes does not hear it
            if not heard and _is_paid(future):
                self._give_back(claim)

    def settle(self, identifier: str, micros: int, ending: Ending) -> None:
        """Tell how a claim of so many micros ended. Queued; what cannot be told stays spent."""
        unknown = ending.outcome == "unknown"
        cost = ending.micros if ending.outcome == "spent" else 0
        if len(self._endings) < UNTOLD_MAX:
            self._endings[identifier] = {
                "id": identifier,
                "unknown": unknown,
                "micros": min(cost, micros),
            }
            self._work()

    async def remaining(self, demand: Demand) -> int | None:
        """Return what is left of the tightest budget; None: there is none.

        Raises:
            Fault: the database did not answer.
        """
        rooms = []
        for asked in demand.accounts:
            for budget in asked.budgets:
                if not budget.observed:
                    rows = await self._use("fetch", _SPENT, asked.account, budget.period)
                    rooms.append(max(0, budget.micros - (int(rows[0][1]) if rows else 0)))
        return min(rooms) if rooms else None

    async def books(self, accounts: Sequence[str]) -> Balances:
        """Return what these accounts have spent.

        Raises:
            Fault: the database did not answer.
        """
        found = await self._use("fetch", _ACCOUNTS, list(accounts))
        return balances_of(found, await self._use("fetch", _DAYS, list(accounts)))

    async def rest(self) -> None:
        """Wait, not for long, until all that was told is written down."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS_MAX):
                while self._working is not None:
                    await asyncio.wait([self._working])

    def close(self) -> None:
        self._closed = True
        if self._working is not None:
            self._working.cancel()
        self._drop()

    # -- one thing after another

    def _work(self) -> None:
        if self._working is None and not self._closed:
            self._working = asyncio.get_running_loop().create_task(self._work_on())

    async def _work_on(self) -> None:
        try:
            while self._claims or self._endings:
                if self._claims:
                    claims, self._claims = self._claims[:BATCH_MAX], self._claims[BATCH_MAX:]
                    await self._reserve(claims)
                elif not await self._settle():
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._working = None
            if self._claims and not self._closed:
                self._work()

    async def _reserve(self, claims: Sequence[tuple[Claim, asyncio.Future[Paid]]]) -> None:
        wanted = [_said(claim) for claim, future in claims if not future.done()]
        waiting = [(claim, future) for claim, future in claims if not future.done()]
        if not wanted:
            return
        try:
            said = json.dumps(wanted)
            answer = json.loads(await self._use("fetchval", _RESERVE, self._gate, said))
            self._confirmed = int(answer["confirmed"])
            paid = [_paid(result) for result in answer["results"]]
        except Fault as fault:
            for claim, future in waiting:
                self._give_back(claim)  # it may have been written down all the same
                if not future.done():
                    future.set_exception(fault)
            return
        for (claim, future), result in zip(waiting, paid, strict=True):
            if not future.done():
                future.set_result(result)
            elif result.refused is None:
                self._give_back(claim)  # whoever asked is gone, and nothing was sent

    def _give_back(self, claim: Claim) -> None:
        self.settle(claim.id, claim.micros, Ending("unsent"))

    async def _settle(self) -> bool:
        told = list(self._endings.values())[:BATCH_MAX]
        try:
            await self._use("fetchval", _SETTLE, json.dumps(told))
        except Fault:
            return False  # told again later; until then it is spent
        for ending in told:
            if self._endings.get(str(ending["id"])) is ending:
                del self._endings[str(ending["id"])]
        return True

    async def _use(self, method: str, *arguments: Any) -> Any:
        """Ask the database, which is connected to first if need be.

        Raises:
            Fault: it did not answer, or has forgotten what it had confirmed.
        """
        async with self._using:
            try:
                connection = await self._connected()
                return await getattr(connection, method)(*arguments)
            except FAILURES as error:
                self._drop()
                raise self._fault(f"{type(error).__name__}: {error}") from error

    async def _connected(self) -> Any:
        if self._forgotten:
            raise ConnectionError("it has forgotten money that was spent; see the log")
        if self._connection is None or self._connection.is_closed():
            self._connection = connection = await connect(self._place, cached=_CACHED)
            confirmed = int(await connection.fetchval(_CONFIRMED, self._gate))
            if confirmed < self._confirmed:
                self._forgotten = True
                log.error("ledger %s: it has forgotten money that was spent, such as a database"
                          " restored from a backup; look at it, then start the gate again",
                          self._place.address)  # fmt: skip
                raise ConnectionError("it has forgotten money that was spent")
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    def _fault(self, why: str) -> Fault:
        return Fault(Reason.LIMITS_UNAVAILABLE, f"ledger {self._place.address}: {why}")


def _is_paid(future: asyncio.Future[Paid]) -> bool:
    if not future.done() or future.cancelled() or future.exception() is not None:
        return False
    return future.result().refused is None


def _said(claim: Claim) -> JSON:
    demand = claim.demand
    return {
        "id": claim.id,
        "micros": claim.micros,
        "currency": demand.currency,
        "caller": demand.caller,
        "target": demand.target,
        "accounts": [
            {
                "account": asked.account,
                "zone": asked.zone,
                "budgets": [
                    {
                        "text": budget.text,
                        "micros": budget.micros,
                        "period": budget.period,
                        "observed": budget.observed,
                    }
                    for budget in asked.budgets
                ],
            }
            for asked in demand.accounts
        ],
    }


def _paid(result: dict[str, JSON]) -> Paid:
    refused = result["refused"]
    if refused is not None:
        refused = Refused("budget", str(refused["text"]), None, refused["resets_at"])
    return Paid(refused, result["remaining"], tuple(result["overruns"]))
