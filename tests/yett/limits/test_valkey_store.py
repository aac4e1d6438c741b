"""Gates that count together, before a real Redis or Valkey and a real PostgreSQL."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.needs import needs_postgres, needs_valkey
from tests.postgres import Postgres, serving_postgres
from tests.valkey import Valkey, serving_valkey
from yett.core.address import parse_counters, parse_storage
from yett.core.errors import Fault
from yett.core.quantities import Rate
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.limits.backends.postgres_ledger import PostgresLedger
from yett.limits.backends.valkey_store import ValkeyStore
from yett.limits.demand import (
    AccountDemand,
    Answer,
    BreakerDemand,
    Budget,
    Claim,
    Demand,
    Ending,
    PlaceDemand,
    RateDemand,
)
from yett.storage.build import open_database
from yett.storage.place import CountersPlace, PostgresPlace

pytestmark = [needs_postgres, needs_valkey]

DAY: Final = 86_400.0
Open = Callable[[str], ValkeyStore]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as serving:
        yield serving


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with serving_valkey() as serving:
        yield serving


@asynccontextmanager
async def gates(
    postgres: Postgres,
    valkey: Valkey,
    tmp_path: Path,
    *,
    replicas: int = 0,
    lease_seconds: int = 20,
) -> AsyncIterator[Open]:
    """Open stores that share everything."""
    name = f"yett_{secrets.token_hex(4)}"
    await asyncio.to_thread(postgres.run, f"create database {name}")
    address = parse_storage(f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}")
    storage = PostgresPlace(address, Secret(postgres.password), None)
    password = Secret(valkey.password) if valkey.password else None
    counters = CountersPlace(parse_counters(valkey.url), password, replicas=replicas)
    database = await asyncio.to_thread(open_database, tmp_path, storage)
    opened: list[ValkeyStore] = []

    def open_one(gate: str) -> ValkeyStore:
        ledger = PostgresLedger(storage, gate)
        store = ValkeyStore(counters, ledger, database, gate, lease_seconds=lease_seconds)
        opened.append(store)
        return store

    try:
        yield open_one
    finally:
        for store in opened:
            store.close()
        await asyncio.sleep(0)
        database.close()


def demand(
    *rates: Rate,
    caller: str = "k1",
    places: tuple[PlaceDemand, ...] = (),
    accounts: tuple[AccountDemand, ...] = (),
    breaker: BreakerDemand | None = None,
    observed: bool = False,
) -> Demand:
    return Demand(
        tenant="default",
        caller=caller,
        target="files/read",
        rates=tuple(
            RateDemand(f"key {rate.count} {caller}", rate, f"{rate.count} in {rate.period_seconds:g} s", observed=observed)
            for rate in rates
        ),
        places=places,
        accounts=accounts,
        currency="USD",
        breaker=breaker or BreakerDemand(),
    )  # fmt: skip


def claim(of: Demand, micros: int = 0, **more: int | bool) -> Claim:
    return Claim(f"call-{next(_numbers)}", of, micros, **more)  # type: ignore[arg-type]


def refused_by(answer: Answer) -> str | None:
    return answer.refused.by if answer.refused else None


def at_most(most: int, *, observed: bool = False) -> tuple[PlaceDemand, ...]:
    return (PlaceDemand("key k1", most, f"{most} at once", observed),)


def account(*budgets: Budget, name: str = "USD key k1", zone: str = "UTC") -> AccountDemand:
    return AccountDemand(name, zone, budgets)


async def test_two_gates_admit_exactly_what_one_would(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        stores = [open_one("one"), open_one("two")]
        of = demand(Rate(25, DAY), Rate(40, DAY))

        answers = await asyncio.gather(
            *(stores[number % 2].ask(claim(of)) for number in range(200))
        )

        admitted = [answer for answer in answers if answer.refused is None]
        assert len(admitted) == 25
        assert sorted(answer.left[0][0] for answer in admitted) == list(range(25))
        # Refused by the narrower one, a call used up nothing of the wider one.
        assert min(answer.left[1][0] for answer in admitted) == 15
        waits = {round(answer.refused.wait_seconds or 0) for answer in answers if answer.refused}
        assert waits == {round(DAY / 25)}


async def test_places_are_shared_and_given_back(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one, two = open_one("one"), open_one("two")
        of = demand(places=at_most(3))
        held = [claim(of) for _ in range(3)]
        for number, each in enumerate(held):
            assert (await (one, two)[number % 2].ask(each)).refused is None
        assert [refused_by(await store.ask(claim(of))) for store in (one, two)] == ["place"] * 2

        one.end(held[0], Ending("spent"))

        assert (await one.ask(claim(of))).refused is None
        assert refused_by(await one.ask(claim(of))) == "place"


async def test_what_a_dead_gate_held_is_free_when_its_lease_is_over(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path, lease_seconds=1) as open_one:
        dies, lives, asks = open_one("dies"), open_one("lives"), open_one("asks")
        of, other = (
            demand(places=at_most(1)),
            demand(caller="k2", places=(PlaceDemand("key k2", 1, "1"),)),
        )
        assert (await dies.ask(claim(of))).refused is None
        assert (await lives.ask(claim(other))).refused is None
        dies.close()

        await asyncio.sleep(2.2)

        assert refused_by(await asks.ask(claim(other))) == "place"  # its gate is alive
        assert refused_by(await asks.ask(claim(of))) is None


async def test_a_breaker_that_failures_at_two_gates_open_is_open_at_both(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one, two = open_one("one"), open_one("two")
        of = demand(breaker=BreakerDemand(4, 0.4, 10.0))
        for number in range(4):
            store, each = (one, two)[number % 2], claim(of)
            answer = await store.ask(each)
            assert answer.failures == number
            store.observe(of, each.id, succeeded=False)
            store.end(each, Ending("spent"))
            await store.look(of)
        assert [refused_by(await store.ask(claim(of))) for store in (one, two)] == ["breaker"] * 2

        await asyncio.sleep(0.45)
        probe = claim(of)
        assert (await one.ask(probe)).is_probe
        assert refused_by(await two.ask(claim(of))) == "breaker"  # one probe, wherever
        one.observe(of, probe.id, succeeded=False)
        one.end(probe, Ending("spent"))
        await asyncio.sleep(0.5)  # twice as long now
        assert refused_by(await two.ask(claim(of))) == "breaker"
        await asyncio.sleep(0.4)
        probe = claim(of)
        assert (await two.ask(probe)).is_probe
        two.end(probe, Ending("spent"))
        two.observe(of, probe.id, succeeded=True)
        await two.look(of)
        assert (await one.ask(claim(of))).failures == 0


async def test_unblocking_shuts_the_breaker(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(breaker=BreakerDemand(1, 60.0))
        await one.ask(claim(of))
        one.observe(of, "x", succeeded=False)
        assert refused_by(await one.ask(claim(of))) == "breaker"

        one.unblock("k1")

        assert (await one.ask(claim(of))).refused is None


async def test_bytes_are_counted_those_of_answers_at_their_end(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        rate = Rate(1_000, DAY)
        of = msgspec_replace_rates(
            demand(),
            RateDemand("in", rate, "1 kB in", "input"),
            RateDemand("out", rate, "1 kB out", "output"),
        )
        assert refused_by(await one.ask(claim(of, input_bytes=600))) is None
        assert refused_by(await one.ask(claim(of, input_bytes=600))) == "rate"
        never = await one.ask(claim(of, input_bytes=1_001))
        assert never.refused is not None
        assert never.refused.wait_seconds is None
        last = claim(of, input_bytes=300)
        assert (await one.ask(last)).refused is None
        one.end(last, Ending("spent", output_bytes=5_000))
        answer = await one.ask(claim(of, input_bytes=1))
        assert answer.refused is not None
        assert answer.refused.text == "1 kB out"
        assert (answer.refused.wait_seconds or 0) > 3.9 * DAY


async def test_what_is_only_observed_refuses_nobody_and_is_told(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(Rate(1, DAY), places=at_most(1, observed=True), observed=True)

        answers = [await one.ask(claim(of)) for _ in range(3)]

        assert [answer.refused for answer in answers] == [None] * 3
        assert answers[0].overruns == ()
        assert answers[2].overruns == ("1 in 86400 s", "1 at once")


async def test_a_budget_is_spent_once_by_all_gates_together(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        stores = [open_one(f"gate {number}") for number in range(4)]
        budget = Budget("1 USD/month", 1_000_000, "USD", "month", "Europe/Berlin")
        of = demand(
            Rate(500, DAY),
            places=at_most(500),
            accounts=(account(budget, zone="Europe/Berlin"), account(name="USD tenant default")),
        )

        answers = await asyncio.gather(
            *(stores[number % 4].ask(claim(of, 300_000)) for number in range(100))
        )

        paid = [answer for answer in answers if answer.refused is None]
        assert sorted(answer.remaining_micros or 0 for answer in paid) == [
            100_000,
            400_000,
            700_000,
        ]
        assert {refused_by(answer) for answer in answers} == {None, "budget"}
        # Whoever the budget refuses has used up no rate and holds no place.
        left = [await store.look(of) for store in stores][-1].left  # what they told before is heard
        assert left[0][0] == 497
        one_place = demand(places=(PlaceDemand("key k1", 4, "4 at once"),))
        assert (await stores[0].ask(claim(one_place))).refused is None


async def test_what_was_not_spent_comes_back_and_what_is_unknown_does_not(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(accounts=(account(Budget("1 USD/day", 1_000_000, "USD", "day")),))
        claims = [claim(of, 200_000) for _ in range(5)]
        for each in claims:
            assert (await one.ask(each)).refused is None

        one.end(claims[0], Ending("spent", 50_000))
        one.end(claims[1], Ending("unsent"))
        one.end(claims[2], Ending("unknown"))
        await one.rest()

        assert (await one.look(of)).remaining_micros == 350_000


async def test_who_hangs_up_while_the_ledger_is_asked_pays_nothing(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(
            places=at_most(1), accounts=(account(Budget("1 USD/day", 1_000_000, "USD", "day")),)
        )
        await one.look(of)
        for _ in range(20):
            asking = asyncio.create_task(one.ask(claim(of, 100_000)))
            await asyncio.sleep(0.0005)
            asking.cancel()
            answer = (await asyncio.gather(asking, return_exceptions=True))[0]
            if isinstance(answer, Answer):  # it was quicker
                break
        else:
            await one.rest()
            assert (await one.look(of)).remaining_micros == 1_000_000
            assert (await one.ask(claim(of))).refused is None


async def test_one_call_is_one_command(postgres: Postgres, valkey: Valkey, tmp_path: Path) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(Rate(500, DAY), Rate(900, DAY), places=at_most(500))
        await one.ask(claim(of))
        valkey.say("CONFIG", "RESETSTAT")
        for _ in range(50):
            await one.ask(claim(of))
        stats = valkey.say("INFO", "commandstats").decode()
        (line,) = [line for line in stats.splitlines() if line.startswith("cmdstat_evalsha")]
        assert line.startswith("cmdstat_evalsha:calls=50,")


async def test_a_store_that_lost_everything_begins_with_every_rate_used_up(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one, two = open_one("one"), open_one("two")
        of, fast = demand(Rate(10, DAY)), demand(Rate(10, 2.0), caller="k2")
        assert (await one.ask(claim(of))).refused is None
        assert (await two.ask(claim(of))).refused is None
        valkey.kill()
        valkey.start()
        for store in (one, two):
            await until_it_answers(store, of)

        assert [refused_by(await store.ask(claim(of))) for store in (one, two)] == ["rate", "rate"]
        await asyncio.sleep(1.5)
        assert refused_by(await one.ask(claim(fast))) is None  # each refills at its own pace
        late = open_one("late")
        assert refused_by(await late.ask(claim(of))) == "rate"


async def test_a_store_that_went_back_in_time_does_too(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    """As a replica does that takes over and was behind."""
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(Rate(10, DAY))
        await one.ask(claim(of))
        valkey.say("SAVE")
        for _ in range(4):
            assert (await one.ask(claim(of))).refused is None
        valkey.kill()
        valkey.arguments = ("--dbfilename", "dump.rdb")
        valkey.start()
        await until_it_answers(one, of)

        assert refused_by(await one.ask(claim(of))) == "rate"


async def test_one_that_forgot_nothing_goes_on(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(Rate(10, DAY))
        await one.ask(claim(of))
        valkey.say("SAVE")
        valkey.kill()
        valkey.start()
        await until_it_answers(one, of)

        assert (await one.ask(claim(of))).left[0][0] == 8


async def until_it_answers(store: ValkeyStore, of: Demand) -> None:
    for _ in range(100):
        try:
            await store.look(of)
        except Fault:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError("it does not come back")


@pytest.mark.parametrize(
    ("trouble", "cure", "why"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "OOM"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "READONLY"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0"), "NOREPLICAS"),
        (("CONFIG", "SET", "requirepass", "changed"), None, ""),
        (("SET", "{yett}:epoch", "another:0"), ("PING",), "EPOCH"),
        (("SCRIPT", "FLUSH"), ("PING",), "NOSCRIPT"),
    ],
)  # fmt: skip
async def test_a_store_in_trouble_ends_calls_and_comes_back(
    postgres: Postgres,
    valkey: Valkey,
    tmp_path: Path,
    trouble: tuple[str, ...],
    cure: tuple[str, ...] | None,
    why: str,
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(Rate(5, DAY))
        await one.ask(claim(of))
        valkey.say(*trouble)
        if cure is None:
            valkey.password = "changed"
            valkey.say("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(0.1)

        with pytest.raises(Fault) as caught:
            await one.ask(claim(of))

        assert caught.value.reason is Reason.LIMITS_UNAVAILABLE
        assert why in caught.value.private
        if cure is not None:
            valkey.say(*cure)
            await until_it_answers(one, of)
            left = await one.look(of)
            assert left.left[0][0] <= 4


async def test_a_slow_store_ends_calls_within_its_deadline(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(Rate(5, DAY))
        await one.ask(claim(of))
        valkey.pause()
        loop = asyncio.get_running_loop()
        began = loop.time()
        faults = await asyncio.gather(
            *(one.ask(claim(of)) for _ in range(10)), return_exceptions=True
        )
        assert loop.time() - began < 2.0
        assert all(isinstance(fault, Fault) for fault in faults)
        began = loop.time()
        with pytest.raises(Fault):  # and the next one does not even wait
            await one.ask(claim(of))
        assert loop.time() - began < 0.2
        valkey.resume()
        await until_it_answers(one, of)
        assert (await one.look(of)).left[0][0] <= 4


async def test_one_that_may_forget_or_wants_a_password_is_not_used(
    postgres: Postgres, tmp_path: Path
) -> None:
    with serving_valkey("--maxmemory-policy", "allkeys-lru") as valkey:
        async with gates(postgres, valkey, tmp_path) as open_one:
            with pytest.raises(Fault, match="noeviction"):
                await open_one("one").ask(claim(demand()))
    with serving_valkey(password="right") as valkey:
        async with gates(postgres, valkey, tmp_path) as open_one:
            assert (await open_one("one").ask(claim(demand()))).refused is None
        valkey.password = "wrong"
        async with gates(postgres, valkey, tmp_path) as open_one:
            with pytest.raises(Fault) as caught:
                await open_one("one").ask(claim(demand()))
            assert "WRONGPASS" in caught.value.private
            assert "wrong" not in caught.value.private.replace("WRONGPASS", "")


async def test_with_replicas_asked_for_a_call_waits_for_them(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path, replicas=1) as open_one:
        with pytest.raises(Fault, match="replicas"):
            await open_one("one").ask(claim(demand(Rate(5, DAY))))


async def test_garbage_in_place_of_an_answer_ends_calls(postgres: Postgres, tmp_path: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    valkey = Valkey(server.sockets[0].getsockname()[1], tmp_path)
    async with server, gates(postgres, valkey, tmp_path) as open_one:
        with pytest.raises(Fault, match="no answer"):
            await open_one("one").ask(claim(demand()))


async def test_money_is_refused_while_the_ledger_is_away_and_free_calls_go_on(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(places=at_most(1), accounts=(account(),))
        first = claim(of, 100)
        assert (await one.ask(first)).refused is None
        one.end(first, Ending("spent", 100))
        await one.rest()
        name = one._ledger._place.address.name
        await asyncio.to_thread(
            postgres.run,
            f"alter database {name} connection limit 0",
            f"alter database {name} allow_connections false",
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'",
        )

        with pytest.raises(Fault) as caught:
            await one.ask(claim(of, 100))
        assert caught.value.reason is Reason.LIMITS_UNAVAILABLE
        assert (await one.ask(claim(of))).refused is None  # and holds no place of the one before

        await asyncio.to_thread(
            postgres.run,
            f"alter database {name} allow_connections true",
            f"alter database {name} connection limit -1",
        )
        assert (await one.ask(claim(demand(accounts=(account(),)), 100))).refused is None


async def test_a_database_that_forgot_money_takes_none(
    postgres: Postgres, valkey: Valkey, tmp_path: Path
) -> None:
    async with gates(postgres, valkey, tmp_path) as open_one:
        one = open_one("one")
        of = demand(accounts=(account(),))
        await one.ask(claim(of, 100))
        name = one._ledger._place.address.name
        await asyncio.to_thread(
            postgres.run,
            "update ledger_gates set confirmed = 0",
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()",
            database=name,
        )

        with pytest.raises(Fault):
            await one.ask(claim(of, 100))
        with pytest.raises(Fault, match="forgotten money"):
            await one.ask(claim(of, 100))


def msgspec_replace_rates(of: Demand, *rates: RateDemand) -> Demand:
    return Demand(
        of.tenant, of.caller, of.target, rates, of.places, of.accounts, of.currency, of.breaker
    )
