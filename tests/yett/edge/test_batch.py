"""Batches: version 2025-03-26 has them; each message is a call of its own."""

from typing import Any

import pytest

from tests.yett.edge.messages import CALL
from tests.yett.edge.scripted import KEY, Server
from tests.yett.edge.sessions import ALL, ELICIT, PROGRESS, Old, all_heard, asks, heard, request
from yett.core import bounds
from yett.core.reasons import Reason

BATCHING = "2025-03-26"


async def test_each_message_goes_through_the_gate_and_requests_are_answered(server: Server) -> None:
    old = await Old.open(server, BATCHING)
    batch = [
        request("tools/call", CALL, "a"),
        request("notifications/roots/list_changed", id_=None),
        request("ping", id_=2),
        request("tools/Call", CALL, 3),
        {"jsonrpc": "2.0", "id": 4, "method": 7},
        "x",
    ]
    before = len(server.gate.calls)
    answer = await old.post(batch)
    found = {item["id"]: item.get("error", {}).get("code") for item in answer.json}

    assert answer.status == 200
    assert found == {"a": None, 2: None, 3: -32601, 4: -32600, None: -32600}
    assert len(server.gate.calls) == before + 6
    assert len({call.id for call in server.gate.calls}) == len(server.gate.calls)
    assert {call.owner for call in server.gate.calls[before:]} == {"k1"}


async def test_a_batch_without_requests_has_no_answer(server: Server) -> None:
    old = await Old.open(server, BATCHING)
    answer = await old.post([request("notifications/initialized", id_=None)] * 3)

    assert (answer.status, answer.body) == (202, b"")


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2024-11-05"])
async def test_no_other_version_has_batches(version: str, server: Server) -> None:
    old = await Old.open(server, version)
    answer = await old.post([request("ping")])

    assert (answer.status, answer.json["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize("batch", [
    [],
    [request("ping", id_=number) for number in range(bounds.BATCH_MESSAGES_MAX + 1)],
    [request("ping"), request("initialize", {"protocolVersion": BATCHING}, 2)],
    [request("tools/call", CALL, 1), request("tools/call", CALL, 1)],
])  # fmt: skip
async def test_a_batch_that_may_not_be_is_refused_as_one(batch: list[Any], server: Server) -> None:
    old = await Old.open(server, BATCHING)
    before = len(server.gate.calls)
    answer = await old.post(batch)

    assert answer.status == 400
    assert len(server.gate.calls) == before + 1
    assert server.gate.refusals[-1].reason is Reason.MALFORMED_REQUEST


async def test_a_strangers_batch_is_one_mistake(server: Server) -> None:
    old = await Old.open(server, BATCHING)
    before = len(server.gate.calls)
    answer = await Old(server, BATCHING, old.session, "wrong", "/mcp").post([request("ping")] * 9)

    assert answer.status == 401
    assert len(server.gate.calls) == before + 1


async def test_a_batch_needs_its_session(server: Server) -> None:
    missing = await server.request("POST", "/mcp", [request("ping")])
    unknown = await server.request("POST", "/mcp", [request("ping")], Mcp_Session_Id="x")
    old = await Old.open(server, BATCHING)
    thief = await server.request("POST", "/mcp", [request("ping")], key=f"{KEY}2", **old.headers)

    assert (missing.status, unknown.status, thief.status) == (400, 404, 404)


async def test_in_a_batch_servers_may_tell_and_ask_as_well(server: Server) -> None:
    old = await Old.open(server, BATCHING, ALL)
    sample = ELICIT | {
        "method": "sampling/createMessage",
        "params": {"messages": [], "maxTokens": 1},
    }
    server.gate.notices, server.gate.script = [PROGRESS], asks({"what": sample})
    told = CALL | {"_meta": {"progressToken": "t"}}
    batch = [request("ping", id_=0), request("tools/call", told, 1)]
    async with old.calling(body=batch) as stream:
        first = [await heard(stream), await heard(stream)]
        question = next(message for message in first if "sampling" in message.get("method", ""))
        results = [{"jsonrpc": "2.0", "id": question["id"], "result": {"role": "user"}}]
        answered = await old.post(results)
        rest = await all_heard(stream)

    assert answered.status == 202
    assert sorted(message["id"] for message in rest) == [0, 1]
    talk = server.gate.calls[-1].talk
    assert talk is not None
    assert talk.inputs == {"what": {"role": "user"}}
