"""How a gate comes to a Valkey or Redis that it may count on, and agrees with the others on the epoch.

The store must not forget. So it is refused if it may throw counters away when its memory is full, if it
is a replica, and if it has lost what it had counted: after that an epoch begins in which every rate is
used up at first, and refills at its own pace. Which epoch it is stands in the database, too.
"""

import asyncio
import secrets
from typing import Final, final

import msgspec

from yett.limits.backends.resp import Connection, ProtocolError, Reply, command
from yett.limits.backends.valkey_words import EPOCH_KEY, SCRIPTS, Epoch, asked_key, source_of
from yett.storage.place import CountersPlace
from yett.storage.port import Database

CONNECT_SECONDS_MAX: Final = 3.0
DEADLINE_SECONDS: Final = 1.0
_FACT: Final = "counters_epoch"


class Unfit(Exception):
    """The store answers, and cannot be counted on."""


@final
class Known(msgspec.Struct, frozen=True):
    """What this gate has seen of the store. asked: how often it was answered in that epoch."""

    epoch: Epoch | None = None
    asked: int = 0


async def open_link(place: CountersPlace) -> Connection:
    """Connect, and look at what answers.

    Raises:
        OSError: nothing does.
        ReplyError: a wrong password, or a right is missing.
        Unfit, ProtocolError: it will not do.
    """
    address, loop = place.address, asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_SECONDS_MAX):
        _, link = await loop.create_connection(
            lambda: Connection(DEADLINE_SECONDS), address.host, address.port, ssl=place.context
        )
    try:
        if place.password is not None:
            user = [address.user] if address.user else []
            await link.ask(command("AUTH", *user, place.password.reveal()))
        if address.name != "0":
            await link.ask(command("SELECT", address.name))
        _check(await link.ask(command("INFO")))
        for script in SCRIPTS:
            await link.ask(command("SCRIPT", "LOAD", source_of(script)))
    except BaseException as error:
        link.end(error if isinstance(error, Exception) else ConnectionError("given up"))
        raise
    return link


def _check(reply: Reply) -> None:
    if not isinstance(reply, bytes):
        raise ProtocolError("INFO is no text")
    facts = dict(line.partition(":")[::2] for line in reply.decode(errors="replace").split("\r\n"))
    if facts.get("role") != "master":
        raise Unfit("it is a replica")
    if facts.get("cluster_enabled", "0") != "0":
        raise Unfit("it is a cluster; use one primary with its replicas")
    if facts.get("maxmemory_policy", "noeviction") != "noeviction":
        raise Unfit(
            "its maxmemory-policy lets it forget counters; set it to noeviction, or use another one"
        )


async def agree(link: Connection, gate: str, known: Known, database: Database) -> Known:
    """Return the epoch that all gates count in, or begin one if the store has forgotten anything.

    Raises:
        OSError, ReplyError, ProtocolError: the store did not answer.
        Fault: the database did not.
    """
    there = Epoch.parse(_text(await link.ask(command("GET", EPOCH_KEY))))
    written = await asyncio.to_thread(_written, database)
    asked = 0
    if there is not None:
        asked = int(_text(await link.ask(command("HGET", asked_key(there), gate))) or 0)
    is_same = known.epoch is None or known.epoch == there
    if there is not None and there == written and (asked >= known.asked or not is_same):
        return Known(there, asked)
    loop = asyncio.get_running_loop()
    lost = there if is_same else known.epoch
    return Known(await asyncio.to_thread(_begin, link, loop, lost, database))


def _begin(
    link: Connection, loop: asyncio.AbstractEventLoop, lost: Epoch | None, database: Database
) -> Epoch:
    """In the transaction that all gates wait for: so one begins it, and the others find it."""

    async def say(request: bytes) -> Reply:
        return await link.ask(request)

    def ask(request: bytes) -> Reply:
        return asyncio.run_coroutine_threadsafe(say(request), loop).result(2 * DEADLINE_SECONDS)

    with database.transaction() as transaction:
        rows = transaction.fetch("select value from facts where name = ?", (_FACT,))
        written = Epoch.parse(str(rows[0][0])) if rows else None
        there = Epoch.parse(_text(ask(command("GET", EPOCH_KEY))))
        if there is not None and there == written and there != lost:
            return there
        time = ask(command("TIME"))
        if not isinstance(time, list) or not isinstance(time[0], bytes):
            raise ProtocolError("TIME is none")
        born = (int(time[0]) + 1) * 1_000_000 if rows else 0
        fresh = Epoch(secrets.token_hex(6), born)
        ask(command("SET", EPOCH_KEY, fresh.text()))
        transaction.execute(
            "insert into facts (name, value) values (?, ?)"
            " on conflict (name) do update set value = excluded.value",
            (_FACT, fresh.text()),
        )
    return fresh


def _written(database: Database) -> Epoch | None:
    rows = database.fetch("select value from facts where name = ?", (_FACT,))
    return Epoch.parse(str(rows[0][0])) if rows else None


def _text(reply: Reply) -> str:
    return reply.decode() if isinstance(reply, bytes) else ""
