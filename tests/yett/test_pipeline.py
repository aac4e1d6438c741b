"""The road, whole, over a real server: in which order things take effect, and what is always written."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import msgspec
import pytest

from yett.app.gateway import Gateway, open_gateway
from yett.audit.backends.memory import MemoryLog
from yett.audit.build import build_in_memory
from yett.authentication.build import build_registry
from yett.core.call import Call, Reply
from yett.core.clock import SystemClock
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.proofs import Answered, Armed
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.talk import Hear
from yett.pipeline import Pipeline

YAML = f"""
servers:
  notes:
    command: [{json.dumps(sys.executable)}, -m, yett.assurance.notes]
    tools:
      read_note: {{cost: 1 USD}}
      search_notes: {{rate: 1/day}}
roles:
  reader: ["notes.*:read"]
limits:
  every_key: {{budget: 3 USD/day}}
"""


class Place(NamedTuple):
    gateway: Gateway
    log: MemoryLog
    key: Secret
    pipeline: Pipeline

    def call(self, method: str = "tools/call", name: str = "read_note", **arguments: Any) -> Call:
        return Call(
            id=f"r{monotonic()}",
            operation=OPERATIONS[method],
            server="notes",
            name=name,
            arguments=arguments,
            credential=self.key,
            peer="127.0.0.1",
            door="rest",
            protocol="rest",
            received_at=0.0,
            started=monotonic(),
        )

    async def ask(self, method: str = "tools/call", name: str = "read_note", **arguments: Any) -> Reply:  # fmt: skip
        return await self.pipeline.handle(self.call(method, name, **arguments))

    def lines(self) -> list[dict[str, Any]]:
        """The lines about calls, without what opens the segment."""
        source = self.log.source()
        lines = [json.loads(line.data) for name in source.segments() for line in source.lines(name)]
        return [line for line in lines if line["kind"] not in {"segment", "event"}]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    config = tmp_path / "yett.yaml"
    config.write_text(YAML)
    gateway = open_gateway(config, data=tmp_path / ".yett", clock=SystemClock())
    registry = build_registry(
        database=gateway.estate.database,
        data=tmp_path / ".yett",
        clock=SystemClock(),
        actor="cli:test",
    )
    key = registry.create("laptop", ("reader",), lifetime_seconds=3600.0).key
    await gateway.refresh()
    gateway.start()
    log = MemoryLog()
    pipeline = msgspec.structs.replace(
        gateway.snapshot.pipeline, audit=build_in_memory(clock=SystemClock(), log=log)
    )
    try:
        yield Place(gateway, log, key, pipeline)
    finally:
        await gateway.close()


def reason(reply: Reply) -> Reason | None:
    return None if reply.refusal is None else reply.refusal.reason


async def test_an_allowed_call_is_answered_paid_and_has_intent_and_outcome(place: Place) -> None:
    reply = await place.ask(title="welcome")
    intent, outcome = place.lines()

    assert reply.result is not None
    assert reply.result["content"][0]["text"].startswith("Every call")
    assert (reply.usage.cost_micros, reply.usage.remaining_micros) == (1_000_000, 2_000_000)
    assert (intent["kind"], outcome["kind"], outcome["status"]) == ("intent", "outcome", "ok")
    assert intent["caller"]["name"] == "laptop"
    assert outcome["intent"] == intent["sequence"]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("no_such_tool", {}, Reason.UNKNOWN_TOOL),
        ("delete_note", {"title": "welcome"}, Reason.NOT_PERMITTED),
        ("read_note", {"title": ""}, Reason.INVALID_INPUT),
        ("read_note", {"title": "a", "extra": 1}, Reason.INVALID_INPUT),
    ],
)
async def test_a_refusal_has_one_line_with_a_name_on_it_and_costs_nothing(
    name: str, arguments: dict[str, Any], expected: Reason, place: Place
) -> None:
    reply = await place.ask(name=name, **arguments)
    (line,) = place.lines()

    assert reason(reply) is expected
    assert (line["kind"], line["reason"], line["caller"]["name"]) == ("refusal", expected, "laptop")
    assert (await place.ask("yett/usage", "")).result is not None
    assert reply.principal is not None
    account = f"USD key {reply.principal.id}"
    assert place.gateway.estate.limits.ledger.balances.spent(account, "day", 0.0) == 0


async def test_nobody_is_told_anything_without_a_credential(place: Place) -> None:
    reply = await place.pipeline.handle(msgspec.structs.replace(place.call(), credential=None))
    (line,) = place.lines()

    assert reason(reply) is Reason.UNAUTHENTICATED
    assert line.get("caller") is None


async def test_no_server_is_reached_when_the_intent_cannot_be_written(place: Place) -> None:
    place.log.trouble = "the disk is full"
    reply = await place.ask(title="welcome")
    place.log.trouble = None
    usage = await place.ask("yett/usage", "")

    assert reason(reply) is Reason.AUDIT_UNAVAILABLE
    assert reply.refusal is not None
    assert reply.refusal.sent is False
    assert usage.result is not None
    assert usage.result["limits"]["budget"]["spent"] == "0 USD"


async def test_no_answer_leaves_without_its_outcome_and_the_money_is_spent(place: Place) -> None:
    class Break:
        """The real dispatcher, after which the disk is full."""

        async def send(self, armed: Armed, hear: Hear | None) -> Answered:
            answered = await place.pipeline.upstreams.send(armed, hear)
            place.log.trouble = "the disk is full"
            return answered

    pipeline = msgspec.structs.replace(place.pipeline, upstreams=Break())
    reply = await pipeline.handle(place.call(title="welcome"))
    place.log.trouble = None
    usage = await place.ask("yett/usage", "")

    assert reply.result is None
    assert reply.refusal is not None
    assert (reply.refusal.reason, reply.refusal.sent) == (Reason.AUDIT_UNAVAILABLE, True)
    assert usage.result is not None
    assert usage.result["limits"]["budget"]["spent"] == "1 USD"


async def test_a_bug_is_an_internal_error_and_shows_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    class Bug:
        def check(self, permitted: object) -> object:
            raise ZeroDivisionError("the canary that nobody may see")

    pipeline = msgspec.structs.replace(place.pipeline, validation=Bug())
    reply = await pipeline.handle(place.call(title="welcome"))
    (line,) = place.lines()

    assert reason(reply) is Reason.INTERNAL_ERROR
    assert "canary" not in json.dumps(line)
    assert line["reason"] == "internal_error"


async def test_a_bug_in_what_becomes_of_a_refusal_is_recorded_as_well(place: Place) -> None:
    class Bug:
        def bear(self, call: object, refusal: object) -> object:
            raise ZeroDivisionError("the canary that nobody may see")

        def observe(self, reply: object) -> None:
            """As of every reply."""

    pipeline = msgspec.structs.replace(place.pipeline, limits=Bug())
    reply = await pipeline.handle(place.call(name="nothing"))
    (line,) = place.lines()

    assert reason(reply) is Reason.INTERNAL_ERROR
    assert line["reason"] == "internal_error"
    assert "canary" not in json.dumps(line)


async def test_a_caller_who_hangs_up_is_recorded_and_has_paid(place: Place) -> None:
    started = asyncio.Event()

    class Slow:
        async def send(self, armed: Armed, hear: Hear | None) -> Answered:
            started.set()
            await asyncio.sleep(30)
            raise AssertionError("it was cancelled")

    pipeline = msgspec.structs.replace(place.pipeline, upstreams=Slow())
    task = asyncio.create_task(pipeline.handle(place.call(title="welcome")))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    usage = await place.ask("yett/usage", "")
    _, outcome, _ = place.lines()

    assert (outcome["reason"], outcome["status"]) == ("cancelled", "unknown")
    assert usage.result is not None
    assert usage.result["limits"]["budget"]["spent"] == "1 USD"


async def test_who_hangs_up_before_hearing_a_no_has_failed_all_the_same(place: Place) -> None:
    """Or the caller's breaker would never hear of one who always does."""
    await place.ask(title="welcome")
    beside = [
        place.pipeline.audit.begin(place.call()) for _ in range(9)
    ]  # so endings wait for a turn
    for _ in range(50):
        task = asyncio.create_task(place.pipeline.handle(place.call(name="delete_note")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    for record in beside:
        record.abandon()

    assert reason(await place.ask(title="welcome")) is Reason.CIRCUIT_OPEN
    assert {line["reason"] for line in place.lines()[2:52]} == {"not_permitted"}


async def test_the_budget_ends_where_it_ends(place: Place) -> None:
    replies = [await place.ask(title="welcome") for _ in range(4)]

    assert [reason(reply) for reply in replies] == [None, None, None, Reason.BUDGET_EXHAUSTED]


async def test_what_is_listed_is_what_may_be_called(place: Place) -> None:
    reply = await place.ask("tools/list", "")
    (line,) = place.lines()

    assert reply.result is not None
    assert [tool["name"] for tool in reply.result["tools"]] == ["list_notes", "read_note", "search_notes"]  # fmt: skip
    assert (line["kind"], line["count"]) == ("listing", 3)


async def test_resources_and_prompts_take_the_same_road(place: Place) -> None:
    resource = await place.ask("resources/read", "note:///shopping")
    prompt = await place.ask("prompts/get", "summarise_note", title="shopping")
    unknown = await place.ask("resources/read", "file:///etc/passwd")

    assert resource.result is not None
    assert "Oats" in resource.result["contents"][0]["text"]
    assert prompt.result is not None
    assert "Oats" in prompt.result["messages"][0]["content"]["text"]
    assert reason(unknown) is Reason.UNKNOWN_TOOL


async def test_a_key_sees_its_own_grants_and_limits(place: Place) -> None:
    reply = await place.ask("yett/key", "")

    assert reply.result is not None
    assert reply.result["name"] == "laptop"
    assert [tool["name"] for tool in reply.result["tools"]] == ["list_notes", "read_note", "search_notes"]  # fmt: skip
    assert reply.result["limits"]["budget"]["limit"] == "3 USD/day"
    assert (await place.ask("ping", "")).result == {}


@pytest.mark.parametrize(
    ("refused", "named"),
    [(Reason.MALFORMED_REQUEST, True), (Reason.FORBIDDEN_ORIGIN, False), (Reason.PAYLOAD_TOO_LARGE, False)],
)  # fmt: skip
async def test_what_the_edge_refused_is_recorded_like_any_other(
    refused: Reason,
    named: bool,  # noqa: FBT001 - a parameter of the table
    place: Place,
) -> None:
    reply = await place.pipeline.handle(place.call(), Denied(refused, "by the edge"))
    (line,) = place.lines()

    assert reason(reply) is refused
    assert (line.get("caller") is not None) is named
    assert line["reason"] == refused


async def test_a_bad_request_with_a_bad_key_is_first_of_all_unauthenticated(place: Place) -> None:
    call = msgspec.structs.replace(place.call(), credential=Secret("yett_live_x"))
    reply = await place.pipeline.handle(call, Denied(Reason.MALFORMED_REQUEST, "by the edge"))

    assert reason(reply) is Reason.UNAUTHENTICATED


async def test_a_rate_that_is_used_up_says_when_to_come_back(place: Place) -> None:
    await place.ask(name="search_notes", text="gate")
    reply = await place.ask(name="search_notes", text="gate")

    assert reason(reply) is Reason.RATE_LIMITED
    assert reply.refusal is not None
    assert (reply.refusal.retry_after_seconds or 0) > 80_000
