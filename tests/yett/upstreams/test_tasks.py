"""A server is asked about tasks in its own form; one that makes none is asked for its answer."""

from typing import Any

import msgspec
import pytest

from tests.clock import HandClock
from tests.seals import SEALER
from tests.yett.upstreams.test_stage import SECRET, validated
from yett.core.bounds import ROUND_SECONDS_MAX
from yett.core.document import parse
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.proofs import Admitted, Armed
from yett.core.reasons import Reason
from yett.core.talk import Resumption, Talk
from yett.core.tasks import EXTENSION, Form, TaskAsked, TaskHandle
from yett.upstreams import Dispatcher, ParkingLot, Route
from yett.upstreams.breaker import Breakers
from yett.upstreams.port import Beside, Era, Exchange
from yett.upstreams.tasks import extensions_of


class Scripted:
    """Stands for a transport, and keeps what it is asked."""

    def __init__(self, era: Era | None) -> None:
        self.era = era
        self.asked: list[tuple[str, dict[str, Any], float, Beside | None]] = []

    async def call(self, tool: str, arguments: bytes, credential: Any, seconds: float) -> Exchange:
        params = {"name": tool, "arguments": parse(arguments)}
        return await self.request(
            "tools/call", params, credential=credential, deadline_seconds=seconds
        )

    def shortcut(self, tool: str) -> None:
        """There is none."""

    async def request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        credential: Any,
        deadline_seconds: float,
        beside: Beside | None = None,
    ) -> Exchange:
        self.asked.append((method, params, deadline_seconds, beside))
        return Exchange({}, None, 2)


async def send(
    task: TaskAsked,
    *,
    era: Era | None = Era.LEGACY,
    method: str = "tools/call",
    support: object = "optional",
    inputs: dict[str, Any] | None = None,
    talk: Talk | None = None,
) -> tuple[str, dict[str, Any], float, Beside | None]:
    transport, clock = Scripted(era), HandClock()
    found = validated()
    permitted = found.permitted
    call = msgspec.structs.replace(
        permitted.call, operation=OPERATIONS[method], task=task, talk=talk
    )
    target = msgspec.structs.replace(
        permitted.target, definition={"execution": {"taskSupport": support}} if support else {}
    )
    permitted = msgspec.structs.replace(permitted, call=call, target=target)
    resumption = None if inputs is None else Resumption(inputs)
    found = msgspec.structs.replace(found, permitted=permitted, resumption=resumption)
    breakers = Breakers(failures=3, cooldown_seconds=1.0, clock=clock)
    route = Route(transport, breakers, 1.0)  # type: ignore[arg-type]
    stage = Dispatcher({"s": route}, clock, ParkingLot(), SEALER)
    await stage.send(Armed(Admitted(found), SECRET))
    [asked] = transport.asked
    return asked


@pytest.mark.parametrize(("ttl", "wanted"), [(None, {}), (5, {"ttl": 5})])
async def test_a_task_is_asked_for_of_a_server_that_makes_them(
    ttl: int | None, wanted: dict[str, int]
) -> None:
    method, params, _, _ = await send(TaskAsked(ttl=ttl))

    assert (method, params["task"]) == ("tools/call", wanted)


@pytest.mark.parametrize(
    ("era", "support"),
    [(Era.MODERN, "required"), (None, "optional"), (Era.LEGACY, "forbidden"), (Era.LEGACY, None)],
)
async def test_of_others_an_answer(era: Era | None, support: object) -> None:
    method, params, _, _ = await send(TaskAsked(), era=era, support=support)

    assert method == "tools/call"
    assert "task" not in params


@pytest.mark.parametrize(
    ("method", "form", "era"),
    [
        ("tasks/get", "core", Era.LEGACY),
        ("tasks/get", "extension", Era.MODERN),
        ("tasks/result", "core", None),
    ],
)
async def test_it_is_asked_about_by_the_servers_own_id(
    method: str, form: Form, era: Era | None
) -> None:
    handle = TaskHandle("s", "t", form, "own")
    asked, params, seconds, beside = await send(
        TaskAsked("sealed", handle=handle), method=method, era=era
    )

    assert (asked, params) == (method, {"taskId": "own"})
    assert (seconds == ROUND_SECONDS_MAX) is (method == "tasks/result")
    assert beside is not None
    assert beside.extensions == (EXTENSION,)


async def test_an_update_brings_the_answers() -> None:
    handle = TaskHandle("s", "t", "extension", "own")
    _, params, _, _ = await send(
        TaskAsked("sealed", handle=handle),
        method="tasks/update",
        era=Era.MODERN,
        inputs={"q": {"action": "accept"}},
    )

    assert params == {"taskId": "own", "inputResponses": {"q": {"action": "accept"}}}


@pytest.mark.parametrize("handle", [None, TaskHandle("s", "t", "extension", "own")])
async def test_a_server_that_changed_its_era_knows_no_such_task(handle: TaskHandle | None) -> None:
    with pytest.raises(Denied) as caught:
        await send(TaskAsked("sealed", handle=handle), method="tasks/get", era=Era.LEGACY)
    assert caught.value.reason is Reason.INVALID_STATE


@pytest.mark.parametrize(
    ("declared", "carried"),
    [
        ({}, ()),
        ({"extensions": []}, ()),
        ({"extensions": {"x": {}}}, ()),
        ({"extensions": {EXTENSION: {}, "x": {}}}, (EXTENSION,)),
    ],
)
def test_of_extensions_the_gate_carries_those_that_it_knows(
    declared: dict[str, Any], carried: tuple[str, ...]
) -> None:
    assert extensions_of(Talk(capabilities=declared)) == carried
