"""Several gates that count together: rates, places and breakers in Valkey or Redis, money in PostgreSQL.

One call asks once, whatever it is counted by (`scripts/ask.lua`); a call with a price asks the ledger
after that. Who cannot be asked within a second ends the call: what is not known to have room has none.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, final

import msgspec

from yett.core.errors import Fault, Refusal
from yett.core.reasons import Reason
from yett.limits.backends.postgres_ledger import PostgresLedger
from yett.limits.backends.resp import Connection, ProtocolError, Reply, ReplyError, command
from yett.limits.backends.valkey_link import Known, Unfit, agree, open_link
from yett.limits.backends.valkey_words import (
    Epoch,
    Form,
    Told,
    asking,
    breaker_key,
    ending,
    form_of,
    looking,
    observing,
    rate_keys,
    renewing,
    rooms_of,
    told,
    used_by,
)
from yett.limits.balances import Balances
from yett.limits.demand import Answer, Claim, Demand, Ending, RateDemand
from yett.limits.port import Room
from yett.storage.place import CountersPlace
from yett.storage.port import Database

log: Final = logging.getLogger("yett")

LEASE_SECONDS: Final = 20
"""A place that a gate has not renewed for so long is free: the gate is gone."""
FORMS_MAX: Final = 20_000
RETRY_SECONDS: Final = 0.5
FIRST_SECONDS_MAX: Final = 3.0
_RENEWED_AT_ONCE: Final = 100
_LOST: Final = (OSError, ReplyError, ProtocolError, Unfit)
# After these, another server may have to be asked, or the scripts sent again.
_STALE: Final = frozenset({"READONLY", "EPOCH", "NOSCRIPT", "LOADING", "MASTERDOWN", "NOAUTH"})


@final
class ValkeyStore:
    """Make it inside the event loop. gate: names this process, and no other one."""

    def __init__(
        self,
        place: CountersPlace,
        ledger: PostgresLedger,
        database: Database,
        gate: str,
        *,
        lease_seconds: int = LEASE_SECONDS,
    ) -> None:
        self._place = place
        self._ledger = ledger
        self._database = database
        self._gate = gate
        self._lease_seconds = lease_seconds
        self.on_opened: Callable[[Demand], None] = lambda _demand: None
        """Told when a failure at this gate has opened a breaker."""
        self._known = Known()
        self._asked = 0
        self._link: Connection | None = None
        self._why = ""
        self._tried = asyncio.Event()
        self._forms: dict[int, Form] = {}
        self._held: dict[str, Form] = {}
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_linked()), loop.create_task(self._renew())]

    async def ask(self, claim: Claim) -> Answer:
        link, form = await self._linked(claim.demand)
        done = False
        try:
            found = self._told(form, await self._reply(link, asking(form, claim)))
            self._asked = max(self._asked, found.asked)
            if found.answer.refused is not None:
                done = True
                return found.answer
            answer = found.answer
            if claim.reaches_upstream and (form.place_keys or answer.is_probe):
                self._held[claim.id] = form
            if claim.micros:
                paid = await self._ledger.reserve(claim)
                if paid.refused is not None:
                    self._give_back(link, form, claim, found)
                    done = True
                    return msgspec.structs.replace(answer, refused=paid.refused, is_probe=False)
                overruns = answer.overruns + paid.overruns
                answer = msgspec.structs.replace(
                    answer, remaining_micros=paid.remaining_micros, overruns=overruns
                )
            done = True
            return answer
        finally:
            if not done:  # whatever was counted of a call that is not made: its places are free
                self._give_back(link, form, claim, None)

    def end(self, claim: Claim, ending_: Ending) -> None:
        held = self._held.pop(claim.id, None)
        form = held or self._forms.get(id(claim.demand))
        if claim.micros:
            self._ledger.settle(claim.id, claim.micros, ending_)
        link = self._link
        if link is None or form is None or form.epoch != self._known.epoch:
            return
        changes = []
        if ending_.output_bytes:
            changes = [
                (index, round(ending_.output_bytes * form.units[index] + 0.5))
                for index, rate in enumerate(form.demand.rates)
                if rate.unit == "output"
            ]
        if changes or held is not None:
            link.tell(ending(form, claim.id, "f", changes))

    def observe(self, demand: Demand, claim_id: str, *, succeeded: bool | None) -> None:
        link, epoch = self._link, self._known.epoch
        if link is None or epoch is None:
            return
        request = observing(self._form(demand, epoch), claim_id, succeeded=succeeded)
        if succeeded is False:
            link.ask(request).add_done_callback(partial(self._observed, demand))
        else:
            link.tell(request)

    async def look(self, demand: Demand) -> Answer:
        link, form = await self._linked(demand)
        answer = self._told(form, await self._reply(link, looking(form))).answer
        remaining = await self._ledger.remaining(demand)
        return msgspec.structs.replace(answer, remaining_micros=remaining)

    async def rooms(self, rates: Sequence[RateDemand]) -> list[Room]:
        link, epoch = await self._connected()
        if not rates:
            return []
        keys = rate_keys(epoch, rates)
        found = await self._reply(link, command("MGET", *keys))
        time = await self._reply(link, command("TIME"))
        try:
            return rooms_of(rates, epoch, found, time)
        except ProtocolError as error:
            raise self._fault(str(error)) from error

    async def books(self, accounts: Sequence[str]) -> Balances:
        return await self._ledger.books(accounts)

    def unblock(self, caller: str) -> None:
        if self._link is not None and self._known.epoch is not None:
            self._link.tell(command("DEL", breaker_key(self._known.epoch, caller)))

    @property
    def is_ready(self) -> bool:
        """Whether calls can be counted at this moment."""
        return self._link is not None

    async def rest(self) -> None:
        """Wait, not for long, until what was queued is written down."""
        await self._ledger.rest()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._link is not None:
            self._link.end(ConnectionError("the gate is ending"))
        self._ledger.close()

    # -- asking

    async def _linked(self, demand: Demand) -> tuple[Connection, Form]:
        link, epoch = await self._connected()
        return link, self._form(demand, epoch)

    async def _connected(self) -> tuple[Connection, Epoch]:
        if self._link is None and not self._tried.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS_MAX):
                    await self._tried.wait()
        link, epoch = self._link, self._known.epoch
        if link is None or epoch is None:
            raise self._fault(self._why or "there is no connection yet")
        return link, epoch

    async def _reply(self, link: Connection, request: bytes) -> Reply:
        answered = link.ask(request)
        replicas = self._place.replicas
        kept = link.ask(command("WAIT", replicas, 500)) if replicas else None
        try:
            reply = await answered
            if kept is not None:
                count = await kept
                if not isinstance(count, int) or count < replicas:
                    raise ReplyError("NOREPLICAS too few replicas have taken it over")
        except ReplyError as error:
            if error.code in _STALE:
                link.end(error)
            raise self._fault(str(error)) from error
        except (OSError, ProtocolError) as error:
            raise self._fault(str(error)) from error
        finally:
            if kept is not None and not kept.done():
                kept.cancel()
        return reply

    def _told(self, form: Form, reply: Reply) -> Told:
        try:
            return told(form, reply)
        except ProtocolError as error:
            raise self._fault(str(error)) from error

    def _form(self, demand: Demand, epoch: Epoch) -> Form:
        form = self._forms.get(id(demand))
        if form is None or form.demand is not demand or form.epoch is not epoch:
            if len(self._forms) >= FORMS_MAX:
                self._forms.clear()
            form = self._forms[id(demand)] = form_of(demand, epoch, self._gate, self._lease_seconds)
        return form

    def _give_back(self, link: Connection, form: Form, claim: Claim, found: Told | None) -> None:
        """found: what was counted; None: nobody knows, and what the rates counted stays counted."""
        self._held.pop(claim.id, None)
        changes = []
        if found is not None and claim.counted:
            changes = [
                (index, -used)
                for index in range(len(form.rate_keys))
                if index not in found.overrun and (used := used_by(form, index, claim))
            ]
        link.tell(ending(form, claim.id, "u", changes))

    def _fault(self, why: str) -> Fault:
        return Fault(Reason.LIMITS_UNAVAILABLE, f"counters {self._place.address}: {why}")

    def _observed(self, demand: Demand, answered: asyncio.Future[Reply]) -> None:
        if not answered.cancelled() and not answered.exception() and answered.result() == b"opened":
            self.on_opened(demand)

    # -- staying connected

    async def _keep_linked(self) -> None:
        while True:
            try:
                await self._connect()
            except (*_LOST, Refusal) as error:
                self._say(error.private if isinstance(error, Refusal) else str(error))
            except Exception:  # the next attempt may go well; without any, every call ends
                log.exception("counters")
                self._say("see the log of the gate")
            self._tried.set()
            link = self._link
            if link is not None:
                why = await link.lost
                self._link = None
                self._known = msgspec.structs.replace(self._known, asked=self._asked)
                self._say(str(why) or type(why).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _connect(self) -> None:
        link = await open_link(self._place)
        try:
            known = await agree(link, self._gate, self._known, self._database)
        except BaseException as error:
            link.end(error if isinstance(error, Exception) else ConnectionError("given up"))
            raise
        if self._known.epoch is not None and known.epoch != self._known.epoch:
            log.warning(
                "counters %s: it had forgotten something; rates refill", self._place.address
            )
        if known.epoch != self._known.epoch:
            self._held.clear()
        self._known, self._asked = known, known.asked
        self._link = link
        if self._why:
            log.warning("counters %s: there again", self._place.address)
        self._why = ""

    def _say(self, why: str) -> None:
        if why != self._why:
            log.warning("counters %s: %s; calls end meanwhile", self._place.address, why)
        self._why = why

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            link, epoch = self._link, self._known.epoch
            if link is None or epoch is None:
                continue
            held = [(key, call) for call, form in self._held.items() for key in form.place_keys]
            for begin in range(0, len(held), _RENEWED_AT_ONCE):
                link.tell(
                    renewing(epoch, held[begin : begin + _RENEWED_AT_ONCE], self._lease_seconds)
                )
