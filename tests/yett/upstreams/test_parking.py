"""Calls that wait for their callers: parked, gone on with, given up, and never mixed up or leaked."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from yett.core import bounds
from yett.core.errors import Denied, Fault
from yett.core.notices import Notice
from yett.core.reasons import Reason
from yett.core.talk import Hear, Resumption
from yett.upstreams import parking
from yett.upstreams.parking import ParkingLot
from yett.upstreams.port import Ask, Exchange

DONE = Exchange({"content": []}, None, 2)
NOTICE = Notice("notifications/progress", {"progress": 1})
_T = TypeVar("_T")


class Server:
    """One request to a legacy server, in steps that a test gives."""

    def __init__(self) -> None:
        self.steps: asyncio.Queue[Any] = asyncio.Queue()
        self.answers: list[Exchange] = []
        self.asking: list[asyncio.Task[None]] = []
        self.hear: Hear | None = None
        self.ended = asyncio.Event()
        self.was_cancelled = False

    def asks(self, count: int = 1, method: str = "roots/list", **params: Any) -> "Server":
        self.steps.put_nowait((method, count, params))
        return self

    def ends(self, how: Exchange | Fault = DONE) -> "Server":
        self.steps.put_nowait(how)
        return self

    def ends_when_answered(self) -> "Server":
        self.steps.put_nowait(None)
        return self

    async def start(self, ask: Ask, hear: Hear) -> Exchange:
        self.hear = hear
        try:
            while True:
                step = await self.steps.get()
                if step is None:
                    await asyncio.wait(self.asking)
                    return DONE
                if isinstance(step, Exchange):
                    return step
                if isinstance(step, Fault):
                    raise step
                method, count, params = step
                for _ in range(count):
                    task = asyncio.get_running_loop().create_task(self._ask(ask, method, params))
                    self.asking.append(task)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        finally:
            for task in self.asking:
                task.cancel()
            self.ended.set()

    async def _ask(self, ask: Ask, method: str, params: Any) -> None:
        self.answers.append(await ask(method, dict(params)))


async def begin(
    lot: ParkingLot, server: Server, owner: str = "ada", seconds: float = 2.0, hear: Any = None
) -> tuple[Exchange, str]:
    return await lot.begin(server.start, owner=owner, record="r1", hear=hear, seconds=seconds)


async def resume(
    lot: ParkingLot,
    ticket: str,
    *failed: str,
    seconds: float = 2.0,
    hear: Any = None,
    **inputs: Any,
) -> tuple[Exchange, str]:
    return await lot.resume(
        ticket, Resumption(inputs, failed), record="r2", hear=hear, seconds=seconds
    )


def asked(exchange: Exchange) -> dict[str, Any]:
    assert exchange.result is not None
    assert exchange.result["resultType"] == "input_required"
    return dict(exchange.result["inputRequests"])


async def test_a_call_that_asks_nothing_just_ends() -> None:
    lot = ParkingLot()

    assert await begin(lot, Server().ends()) == (DONE, "")
    assert len(lot) == 0


async def test_what_is_asked_comes_out_and_what_is_answered_goes_in() -> None:
    lot, server = ParkingLot(), Server()

    question, ticket = await begin(
        lot, server.asks(method="elicitation/create", message="Sure?", _meta={"progressToken": 3}, task={})
    )  # fmt: skip
    assert asked(question) == {
        "q1": {"method": "elicitation/create", "params": {"message": "Sure?"}}
    }
    assert len(lot) == 1
    server.ends_when_answered()
    end = await resume(lot, ticket, q1={"action": "accept"})

    assert end == (DONE, "")
    assert [answer.result for answer in server.answers] == [{"action": "accept"}]
    assert len(lot) == 0


async def test_a_caller_who_would_not_answer_is_an_error_to_the_server() -> None:
    lot, server = ParkingLot(), Server().asks(2)
    _, ticket = await begin(lot, server)
    server.ends_when_answered()

    await resume(lot, ticket, "q1", q2={"roots": []}, q1={"roots": []})
    errors = [answer.error for answer in server.answers]

    assert errors[0] is not None
    assert errors[1] is None


async def test_what_is_missing_is_asked_again_and_what_was_answered_is_not() -> None:
    lot, server = ParkingLot(), Server().asks(2)
    _, ticket = await begin(lot, server)

    again, second = await resume(lot, ticket, q1={"roots": []}, q9={"roots": []}, q2="no object")
    assert list(asked(again)) == ["q2"]
    await asyncio.sleep(0)
    assert len(server.answers) == 1
    server.ends_when_answered()
    await resume(lot, second, q2={"roots": []})

    assert len(server.answers) == 2
    assert ticket != second


async def test_a_server_may_ask_again_in_a_later_round() -> None:
    lot, server = ParkingLot(), Server().asks()
    _, ticket = await begin(lot, server)
    for number in range(2, 6):
        server.asks()
        given: dict[str, Any] = {f"q{number - 1}": {}}
        question, ticket = await resume(lot, ticket, **given)
        assert list(asked(question)) == [f"q{number}"]

    server.ends()
    assert await resume(lot, ticket, q5={}) == (DONE, "")


async def test_a_ticket_is_good_once_and_a_made_up_one_never() -> None:
    lot, server = ParkingLot(), Server().asks()
    _, ticket = await begin(lot, server)
    server.ends()
    await resume(lot, ticket, q1={})

    for text in (ticket, "", "x"):
        with pytest.raises(Denied) as caught:
            await resume(lot, text, q1={})
        assert caught.value.reason is Reason.INVALID_STATE


async def test_a_round_that_takes_too_long_ends_the_call() -> None:
    lot, first, second = ParkingLot(), Server(), Server().asks()

    with pytest.raises(Fault) as caught:
        await begin(lot, first, seconds=0.05)
    _, ticket = await begin(lot, second)
    with pytest.raises(Fault) as also:
        await resume(lot, ticket, seconds=0.05, q1={})
    await asyncio.gather(first.ended.wait(), second.ended.wait())

    assert (caught.value.reason, caught.value.sent) == (Reason.UPSTREAM_TIMEOUT, True)
    assert also.value.reason is Reason.UPSTREAM_TIMEOUT
    assert first.was_cancelled
    assert second.was_cancelled
    assert len(lot) == 0


async def test_a_failure_while_it_is_parked_is_told_in_the_next_round() -> None:
    lot, server = ParkingLot(), Server().asks()
    _, ticket = await begin(lot, server)
    server.ends(Fault(Reason.UPSTREAM_UNREACHABLE, "gone", sent=True))
    await server.ended.wait()

    with pytest.raises(Fault) as caught:
        await resume(lot, ticket, q1={})

    assert caught.value.private == "gone"
    assert len(lot) == 0


async def test_an_answer_while_it_is_parked_is_kept_for_the_next_round() -> None:
    """A server may stop waiting for what it asked."""
    lot, server = ParkingLot(), Server().asks()
    _, ticket = await begin(lot, server)
    server.ends()
    await server.ended.wait()

    assert await resume(lot, ticket) == (DONE, "")


async def test_a_question_that_is_withdrawn_is_not_asked_again() -> None:
    lot, server = ParkingLot(), Server().asks(2)
    _, ticket = await begin(lot, server)
    server.asking[0].cancel()
    await asyncio.sleep(0)

    question, ticket = await resume(lot, ticket)
    assert list(asked(question)) == ["q2"]
    server.asking[1].cancel()
    await asyncio.sleep(0)
    waiting = asyncio.create_task(resume(lot, ticket))
    await asyncio.sleep(0.05)
    server.ends()

    assert await waiting == (DONE, "")


async def test_a_question_that_is_withdrawn_at_once_ends_no_round() -> None:
    lot, server = ParkingLot(), Server()
    running = asyncio.create_task(begin(lot, server))
    server.asks()
    await asyncio.sleep(0)
    while not server.asking:
        await asyncio.sleep(0)
    server.asking[0].cancel()
    server.ends()

    assert await running == (DONE, "")


async def test_a_caller_who_hangs_up_takes_the_call_with_it() -> None:
    lot, server = ParkingLot(), Server()
    running = asyncio.create_task(begin(lot, server))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await server.ended.wait()

    assert server.was_cancelled
    assert len(lot) == 0


async def test_nobody_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ROUND_SECONDS_MAX", 0.05)
    lot, server = ParkingLot(), Server().asks()
    _, ticket = await begin(lot, server)
    await asyncio.wait_for(server.ended.wait(), 2.0)

    assert server.was_cancelled
    assert len(lot) == 0
    with pytest.raises(Denied):
        await resume(lot, ticket, q1={})


async def test_questions_at_once_are_bounded_in_number_and_in_size() -> None:
    lot, many, large = ParkingLot(), Server(), Server()

    await begin(lot, many.asks(bounds.INPUTS_MAX + 2))
    question, _ = await begin(lot, large.asks(3, text="x" * (parking.QUESTIONS_BYTES_MAX // 2 - 100)))  # fmt: skip

    assert [answer.error is not None for answer in many.answers] == [True, True]
    assert len(asked(question)) == 2
    assert len(large.answers) == 1


async def test_notices_reach_the_caller_of_the_round_and_nobody_between_rounds() -> None:
    lot, server = ParkingLot(), Server().asks()
    first: list[Notice] = []
    second: list[Notice] = []
    running = asyncio.create_task(begin(lot, server, hear=first.append))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert server.hear is not None
    server.hear(NOTICE)
    _, ticket = await running
    server.hear(NOTICE)
    going_on = asyncio.create_task(resume(lot, ticket, hear=second.append, q1={}))
    await asyncio.sleep(0.01)
    server.hear(NOTICE)
    server.ends()
    await going_on
    server.hear(NOTICE)

    assert (len(first), len(second)) == (1, 1)


async def test_a_full_lot_gives_up_the_oldest_of_who_has_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "PARKED_MAX", 4)
    monkeypatch.setattr(bounds, "PARKED_PER_PRINCIPAL_MAX", 3)
    lot = ParkingLot()
    tickets = {}
    for name, owner in (("a", "ada"), ("m", "mallory"), ("n", "mallory"), ("o", "mallory")):
        tickets[name] = (await begin(lot, Server().asks(), owner))[1]

    _, own = await begin(lot, Server().asks(), "mallory")  # as many as anybody may: its own
    assert set(lot._parked) == {tickets["a"], tickets["n"], tickets["o"], own}
    _, other = await begin(lot, Server().asks(), "bob")  # full: not Ada's, who has one

    assert set(lot._parked) == {tickets["a"], tickets["o"], own, other}
    assert lot._of == {"ada": 1, "mallory": 2, "bob": 1}


async def test_closing_gives_up_everything_and_takes_nothing_more() -> None:
    lot, parked, running = ParkingLot(), Server().asks(), Server()
    await begin(lot, parked)
    call = asyncio.create_task(begin(lot, running))
    await asyncio.sleep(0.01)

    await lot.close()
    running.asks()
    with pytest.raises(Fault) as caught:
        await call
    await lot.close()

    assert parked.was_cancelled
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert len(lot) == 0
    await running.ended.wait()


async def test_a_request_that_is_stopped_below_is_a_failure_of_the_server() -> None:
    """Not of the caller, who has not hung up."""

    async def start(_: Ask, __: Hear) -> Exchange:
        raise asyncio.CancelledError

    with pytest.raises(Fault) as caught:
        await ParkingLot().begin(start, owner="ada", record="r1", hear=None, seconds=1.0)

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE


async def test_who_keeps_the_record_hears_of_a_call_that_nobody_came_back_for() -> None:
    heard: list[tuple[str, str]] = []
    lot = ParkingLot()
    lot.on_given_up = lambda owner, record: heard.append((owner, record))
    await begin(lot, Server().asks())
    exchange, ticket = await begin(lot, Server().asks().ends_when_answered(), owner="bob")
    (key,) = asked(exchange)
    answers: dict[str, Any] = {key: {"roots": []}}
    await resume(lot, ticket, **answers)
    assert heard == []

    for _ in range(bounds.PARKED_PER_PRINCIPAL_MAX):
        await begin(lot, Server().asks())

    assert heard == [("ada", "r1")]
    await lot.close()


class Lot(RuleBasedStateMachine):
    """Any order of rounds, endings and losses, beside a model that only counts."""

    tickets = Bundle("tickets")
    owners = st.sampled_from(["ada", "bob", "eve"])

    def __init__(self) -> None:
        super().__init__()
        self._saved = bounds.PARKED_MAX, bounds.PARKED_PER_PRINCIPAL_MAX
        bounds.PARKED_MAX, bounds.PARKED_PER_PRINCIPAL_MAX = 4, 2  # type: ignore[misc]  # small enough to be met
        self.loop = asyncio.new_event_loop()
        self.lot = ParkingLot()
        self.parked: dict[str, tuple[str, Server]] = {}  # oldest first
        self.over: list[Server] = []

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        bounds.PARKED_MAX, bounds.PARKED_PER_PRINCIPAL_MAX = self._saved  # type: ignore[misc]  # as above
        self.run(self.lot.close())
        self.over += [server for _, server in self.parked.values()]
        self.run(asyncio.sleep(0))
        self.loop.close()
        assert all(server.ended.is_set() for server in self.over)

    def _note(self, owner: str, server: Server, outcome: tuple[Exchange, str]) -> Any:
        exchange, ticket = outcome
        if not ticket:
            assert exchange is DONE
            self.over.append(server)
            return multiple()
        counts = [one for one, _ in self.parked.values()]
        gone = [one for one in self.parked if one not in self.lot._parked]
        assert len(gone) == (counts.count(owner) >= 2 or len(counts) >= 4)
        for lost in gone:
            loser, victim = self.parked[lost]
            oldest = next(one for one, (its, _) in self.parked.items() if its == loser)
            most = max(map(counts.count, counts))
            assert lost == oldest
            assert counts.count(loser) == most if counts.count(owner) < 2 else loser == owner
            del self.parked[lost]
            self.over.append(victim)
        self.parked[ticket] = owner, server
        return ticket

    @rule(target=tickets, owner=owners, count=st.integers(1, 3))
    def begin_and_ask(self, owner: str, count: int) -> Any:
        server = Server().asks(count)
        return self._note(owner, server, self.run(begin(self.lot, server, owner)))

    @rule(owner=owners)
    def begin_and_end(self, owner: str) -> None:
        server = Server().ends()
        self._note(owner, server, self.run(begin(self.lot, server, owner)))

    @rule(target=tickets, ticket=consumes(tickets), ends=st.booleans(), key=st.integers(0, 4))
    def go_on(self, ticket: str, key: int, *, ends: bool) -> Any:
        owner, server = self.parked.pop(ticket, ("", Server()))
        if not owner:
            with pytest.raises(Denied):
                self.run(resume(self.lot, ticket))
            return multiple()
        if ends:
            server.ends()
        else:
            server.asks()
        given: dict[str, Any] = {f"q{key}": {}}
        return self._note(owner, server, self.run(resume(self.lot, ticket, **given)))

    @rule(ticket=tickets)
    def end_while_parked(self, ticket: str) -> None:
        if ticket in self.parked:
            server = self.parked[ticket][1].ends()
            self.run(server.ended.wait())

    @rule(ticket=tickets)
    def expire(self, ticket: str) -> None:
        self.lot._give_up(ticket)
        if ticket in self.parked:
            server = self.parked.pop(ticket)[1]
            self.run(server.ended.wait())
            self.over.append(server)

    @invariant()
    def nothing_leaks(self) -> None:
        assert list(self.lot._parked) == list(self.parked)
        assert sum(self.lot._of.values()) == len(self.parked)
        assert all(0 < count <= 2 for count in self.lot._of.values())
        assert len(self.parked) <= 4
        with contextlib.suppress(RuntimeError):
            self.run(asyncio.sleep(0))


TestLot = Lot.TestCase
TestLot.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
