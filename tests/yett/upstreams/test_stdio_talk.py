"""What passes beside a request to a process: whose process it is, who hears what, and who is asked."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.said import Said
from tests.yett.upstreams.scene import NOBODY, make, text_of
from yett.core.bounds import INPUTS_MAX
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.stdio import lanes
from yett.upstreams.backends.stdio.transport import StdioTransport
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Ask, Beside, Exchange, Wishes

SERVER = Path(__file__).parents[2] / "servers" / "talking_stdio.py"
ROOTS = Wishes(b'{"roots":{}}')
FOLDER: dict[str, Any] = {"roots": [{"uri": "file:///work"}]}


@asynccontextmanager
async def talking(*arguments: str) -> AsyncIterator[StdioTransport]:
    transport = make(UpstreamConfig(name="s", command=(sys.executable, str(SERVER), *arguments)))
    assert isinstance(transport, StdioTransport)
    try:
        yield transport
    finally:
        await transport.close()


async def use(
    transport: StdioTransport,
    name: str,
    beside: Beside | None = None,
    *,
    deadline: float = 20.0,
    **arguments: Any,
) -> Any:
    """Call a tool; return the JSON in its answer."""
    exchange = await transport.request(
        "tools/call",
        {"name": name, "arguments": arguments},
        credential=NOBODY,
        deadline_seconds=deadline,
        beside=beside,
    )
    return json.loads(text_of(exchange))


def asked(owner: str = "ada", ask: Ask | None = None, **other: Any) -> Beside:
    async def answer(_: str, __: dict[str, Any]) -> Exchange:
        return Exchange(FOLDER, None, 0)

    return Beside(owner=owner, wishes=ROOTS, ask=ask or answer, **other)


def progress(value: object, token: object = None) -> dict[str, Any]:
    return {
        "method": "notifications/progress",
        "params": {"progressToken": token or "TOKEN", "progress": value},
    }


def message(level: str, data: str = "said") -> dict[str, Any]:
    return {"method": "notifications/message", "params": {"level": level, "data": data}}


ROOTS_LIST = {"method": "roots/list"}


def running() -> int:
    """Return how many processes of the test server this process has."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii")
    count = 0
    for pid in children.split():
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            count += SERVER.name.encode() in line
    return count


# asking


async def test_a_question_goes_to_the_caller_and_its_answer_back() -> None:
    async with talking("legacy") as transport:
        (answer,) = await use(transport, "ask", asked(), requests=[ROOTS_LIST])
        state = await use(transport, "state", asked())

    assert answer["result"] == FOLDER
    assert state["offered"] == {"roots": {}}


async def test_what_was_not_offered_is_refused_without_asking() -> None:
    requests = [{"method": "elicitation/create"}, {"method": "ping"}, {"method": "tools/list"}]
    questions: list[str] = []

    async def ask(method: str, _: dict[str, Any]) -> Exchange:
        questions.append(method)
        return Exchange({}, None, 0)

    async with talking("legacy") as transport:
        beside = await use(transport, "ask", asked(ask=ask), requests=requests)
        plain = await use(transport, "ask", requests=[ROOTS_LIST, {"method": "ping"}])

    assert [answer.get("error", {}).get("code") for answer in beside] == [-32601, None, -32601]
    assert [answer.get("error", {}).get("code") for answer in plain] == [-32601, None]
    assert questions == []


async def test_what_is_asked_while_it_starts_is_for_the_call_that_started_it() -> None:
    async with talking("legacy", "asks-at-once") as transport:
        await use(transport, "ask", asked(), requests=[ROOTS_LIST])
        state = await use(transport, "state", asked())
        plain = await use(transport, "state")

    assert [answer.get("result") for answer in state["roots"]] == [FOLDER]
    assert plain["roots"][0]["error"]["code"] == -32601


async def test_questions_at_once_are_bounded() -> None:
    release = asyncio.Event()

    async def ask(_: str, __: dict[str, Any]) -> Exchange:
        await release.wait()
        return Exchange({}, None, 0)

    async with talking("legacy") as transport:
        requests = [ROOTS_LIST] * (INPUTS_MAX + 3)
        call = asyncio.create_task(use(transport, "ask", asked(ask=ask), requests=requests))
        await asyncio.sleep(0.5)
        release.set()
        answers = await call

    assert sum("error" in answer for answer in answers) == 3


async def test_a_question_that_is_withdrawn_is_not_asked_any_more() -> None:
    cancelled = asyncio.Event()

    async def ask(_: str, __: dict[str, Any]) -> Exchange:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    async with talking("legacy") as transport:
        requests = [ROOTS_LIST | {"withdraw": True}]
        await use(transport, "ask", asked(ask=ask), requests=requests)
        await asyncio.wait_for(cancelled.wait(), 1.0)


async def test_a_call_that_ends_takes_its_questions_with_it() -> None:
    cancelled = asyncio.Event()

    async def ask(_: str, __: dict[str, Any]) -> Exchange:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()
        raise AssertionError

    async with talking("legacy") as transport:
        call = asyncio.create_task(use(transport, "ask", asked(ask=ask), requests=[ROOTS_LIST]))
        await asyncio.sleep(0.5)
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 1.0)
        while len(transport._lanes):
            await asyncio.sleep(0.01)


# whose process it is


async def test_each_caller_has_a_process_of_its_own_and_keeps_it() -> None:
    async with talking("legacy") as transport:
        first = await use(transport, "state", asked("ada"))
        second = await use(transport, "state", asked("ada"))
        other = await use(transport, "state", asked("bob"))
        shared = await use(transport, "state")

    assert first["pid"] == second["pid"]
    assert len({first["pid"], other["pid"], shared["pid"]}) == 3
    assert shared["offered"] == {}


async def test_two_calls_at_once_never_share_a_process() -> None:
    async with talking("legacy") as transport:
        states = await asyncio.gather(*(use(transport, "state", asked()) for _ in range(3)))

    assert len({state["pid"] for state in states}) == 3


@pytest.mark.parametrize("end", ["silent", "die"])
async def test_a_process_is_not_used_again_after_a_call_that_did_not_end_well(end: str) -> None:
    async with talking("legacy") as transport:
        before = await use(transport, "state", asked())
        with pytest.raises(Fault) as caught:
            await use(transport, end, asked(), deadline=0.5)
        after = await use(transport, "state", asked())

    assert before["pid"] != after["pid"]
    assert caught.value.sent
    assert caught.value.reason is (
        Reason.UPSTREAM_TIMEOUT if end == "silent" else Reason.UPSTREAM_UNREACHABLE
    )


async def test_one_caller_cannot_take_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LANES_PER_OWNER_MAX", 2)
    async with talking("legacy") as transport:
        calls = [
            asyncio.create_task(use(transport, "silent", asked(), deadline=30.0)) for _ in range(3)
        ]
        await asyncio.sleep(1.0)
        other = await use(transport, "state", asked("bob"))
        held = len(transport._lanes)
        for call in calls:
            call.cancel()

    assert other["pid"]
    assert held == 3


async def test_idle_processes_give_way_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LANES_MAX", 2)
    monkeypatch.setattr(lanes, "IDLE_SECONDS_MAX", 0.3)
    async with talking("legacy") as transport:
        for owner in ("ada", "bob", "eve"):
            await use(transport, "state", asked(owner))
            assert len(transport._lanes) <= 2
        async with asyncio.timeout(3.0):
            while len(transport._lanes):
                await asyncio.sleep(0.05)


async def test_who_waits_too_long_for_a_process_hears_that_nothing_was_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "LANES_MAX", 1)
    async with talking("legacy") as transport:
        busy = asyncio.create_task(use(transport, "silent", asked("ada"), deadline=30.0))
        await asyncio.sleep(0.5)
        with pytest.raises(Fault) as caught:
            await use(transport, "state", asked("bob"), deadline=0.3)
        queued = asyncio.create_task(use(transport, "state", asked("bob")))
        await asyncio.sleep(0.1)
        busy.cancel()
        served = await queued

    assert (caught.value.reason, caught.value.sent) == (Reason.UPSTREAM_TIMEOUT, False)
    assert served["pid"]


async def test_a_caller_who_thinks_for_long_gives_way_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "LANES_MAX", 1)
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 0.3)

    async def ponder(_: str, __: dict[str, Any]) -> Exchange:
        await asyncio.sleep(60)
        raise AssertionError

    async with talking("legacy") as transport:
        thinking = asyncio.create_task(
            use(transport, "ask", asked("ada", ponder), deadline=30.0, requests=[ROOTS_LIST])
        )
        await asyncio.sleep(0.6)
        other = await use(transport, "state", asked("bob"))
        with pytest.raises(Fault) as caught:
            await thinking

    assert other["pid"]
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert "others waited" in caught.value.private


async def test_a_server_that_cannot_be_started_for_a_caller_says_so() -> None:
    async with talking("legacy") as transport:
        await use(transport, "state")
        transport._lanes._open = transport._open_lane
        object.__setattr__(transport, "_launch", _nowhere(transport))
        with pytest.raises(Fault) as caught:
            await use(transport, "state", asked())

    assert (caught.value.reason, caught.value.sent) == (Reason.UPSTREAM_UNREACHABLE, False)
    assert len(transport._lanes) == 0


def _nowhere(transport: StdioTransport) -> Any:
    async def command() -> tuple[str, ...]:
        return ("/nowhere/at/all",)

    launch = transport._launch
    return type(launch)(command, launch.environment, launch.base_environment, launch.cwd)


async def test_closing_ends_every_process_and_every_call() -> None:
    async with talking("legacy") as transport:
        calls = [
            asyncio.create_task(use(transport, "silent", asked(owner))) for owner in ("ada", "bob")
        ]
        await asyncio.sleep(0.5)
        opening = asyncio.create_task(use(transport, "state", asked("eve")))
        await asyncio.sleep(0.01)
        await transport.close()
        ends = await asyncio.gather(*calls, opening, return_exceptions=True)
        with pytest.raises(Fault):
            await use(transport, "state", asked())

    assert all(isinstance(end, Fault) for end in ends)
    assert len(transport._lanes) == 0


# hearing


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_progress_is_heard_in_order_by_its_caller_until_the_end(era: str) -> None:
    found = Said()
    before = [progress(1), progress(3), progress(2), progress("x"), progress(4, "other"), progress(5)]  # fmt: skip

    async with talking(era) as transport:
        beside = Beside(progress=True, hear=found.hear)
        state = await use(transport, "say", beside, before=before, after=[progress(6)])
        await use(transport, "say", before=[progress(7, state["meta"]["progressToken"])])

    assert [notice.params for notice in found] == [{"progress": 1}, {"progress": 3}, {"progress": 5}]  # fmt: skip


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_messages_reach_the_caller_whose_process_it_is_and_nobody_else(era: str) -> None:
    found = Said()
    level = Wishes(b"{}", "warning")

    async with talking(era) as transport:
        beside = Beside(owner="ada", wishes=level, hear=found.hear)
        before = [message("info"), message("error", "mine")]
        state = await use(transport, "say", beside, before=before, after=[message("error", "late")])
        await use(transport, "state", Beside(owner="bob", wishes=level, hear=found.hear))
        await use(transport, "say", Beside(progress=True, hear=found.hear), before=before)

    assert [notice.params["data"] for notice in found] == ["mine"]
    if era == "legacy":
        assert state["level"] == "warning"
    else:
        assert state["meta"]["io.modelcontextprotocol/logLevel"] == "warning"


async def test_the_trace_of_a_call_goes_with_it_and_nothing_is_declared_unasked() -> None:
    async with talking("legacy") as transport:
        state = await use(transport, "state", Beside(trace={"traceparent": "00-a-b-01"}))

    assert state["meta"] == {"traceparent": "00-a-b-01"}
    assert state["offered"] == {}


async def test_a_process_that_starts_too_slowly_is_a_timeout_and_nothing_was_sent() -> None:
    async with talking("legacy", "starts-slowly") as transport:
        await use(transport, "state")
        with pytest.raises(Fault) as caught:
            await use(transport, "state", asked(), deadline=0.2)
        held = len(transport._lanes)

    assert (caught.value.reason, caught.value.sent) == (Reason.UPSTREAM_TIMEOUT, False)
    assert held == 0


async def test_a_caller_who_hangs_up_while_it_starts_leaves_nothing_behind() -> None:
    async with talking("legacy") as transport:
        await use(transport, "state")
        for patience in (0.0, 0.05, 0.1, 0.15):
            call = asyncio.create_task(use(transport, "state", asked()))
            await asyncio.sleep(patience)
            call.cancel()
            await asyncio.wait({call})

        async with asyncio.timeout(5.0):  # the shared one, and one if a call was quick
            while running() > 1 + len(transport._lanes):
                await asyncio.sleep(0.05)
        held = [lane for lane in transport._lanes._lanes if lane.hearing is not None]

    assert held == []


async def test_processes_that_take_long_to_end_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "PROCESSES_MAX", 2)
    async with talking("legacy", "stays") as transport:
        for _ in range(3):
            with pytest.raises(Fault):
                await use(transport, "silent", asked(), deadline=0.5)
            assert running() <= 2 + 1
        assert (await use(transport, "state", asked()))["pid"]


async def test_the_lists_of_a_process_of_ones_own_are_nobody_elses_business() -> None:
    changes: list[bool] = []
    announced = [{"method": "notifications/tools/list_changed"}]
    async with talking("legacy") as transport:
        transport.on_changed = lambda: changes.append(True)
        await use(transport, "say", asked(), before=announced)
        of_its_own = len(changes)
        await use(transport, "say", before=announced)

    assert (of_its_own, len(changes)) == (0, 1)
