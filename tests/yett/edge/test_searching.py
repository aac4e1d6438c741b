"""Three tools stand for all, and each is the operation that it stands for: same call, same record."""

from typing import Any

import msgspec
import pytest

from tests.yett.edge.scripted import ScriptedGate
from yett.core.call import Call, Reply
from yett.core.document import parse
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.reasons import Reason
from yett.edge.mcp.searching import CALL, DEFINITIONS, DESCRIBE, SEARCH, SearchingGate, rank

TOOLS: list[dict[str, Any]] = [
    {"name": "mail__send", "description": "Send a message to somebody", "inputSchema": {}},
    {"name": "files__read", "description": "Read a file, or the attachment of a message", "inputSchema": {}},
    {"name": "mail__find_message", "description": "Look through the mailbox " + "x" * 400, "inputSchema": {}},
]  # fmt: skip


def call(name: str, arguments: dict[str, Any] | None = None, **more: Any) -> Call:
    return Call(
        id="r",
        operation=OPERATIONS[more.pop("method", "tools/call")],
        server=more.pop("server", None),
        name=name,
        arguments=arguments or {},
        credential=None,
        peer="p",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )


class Listing(ScriptedGate):
    """Knows everybody and lists TOOLS."""

    async def handle(self, call: Call, refused: Denied | None = None) -> Reply:
        self.calls.append(call)
        refused = refused or self.refusal
        if refused is not None:
            return Reply(call=call, refusal=refused)
        listing = call.operation.method == "tools/list"
        return Reply(call=call, result={"tools": TOOLS} if listing else {"content": []})


async def ask(name: str, arguments: dict[str, Any]) -> tuple[Reply, Listing]:
    gate = Listing()
    return await SearchingGate(gate).handle(call(name, arguments)), gate


async def test_the_list_is_the_three_tools_and_is_a_list_in_the_record() -> None:
    gate = Listing()
    reply = await SearchingGate(gate).handle(call("", method="tools/list"))

    assert reply.result == {"tools": DEFINITIONS}
    assert [made.operation.method for made in gate.calls] == ["tools/list"]


async def test_what_is_found_comes_best_first_and_short() -> None:
    reply, gate = await ask(SEARCH, {"query": "message"})
    assert reply.result is not None
    found = reply.result["structuredContent"]

    assert [tool["name"] for tool in found["tools"]] == [
        "mail__find_message",
        "mail__send",
        "files__read",
    ]
    assert all(len(tool["description"]) <= 300 for tool in found["tools"])
    assert "inputSchema" not in found["tools"][0]
    assert parse(reply.result["content"][0]["text"].encode()) == found
    [made] = gate.calls
    assert (made.operation.method, made.params, made.arguments) == (
        "tools/list",
        {"whole": True},
        {},
    )
    assert reply.call.operation.method == "tools/call"


async def test_a_limit_cuts_and_says_how_many_there_are() -> None:
    reply, _ = await ask(SEARCH, {"query": "", "limit": 1})

    assert reply.result is not None
    assert len(reply.result["structuredContent"]["tools"]) == 1
    assert reply.result["structuredContent"]["found"] == 3


async def test_a_definition_comes_whole() -> None:
    reply, _ = await ask(DESCRIBE, {"name": "mail__find_message"})

    assert reply.result is not None
    assert reply.result["structuredContent"] == TOOLS[2]


async def test_what_is_not_listed_cannot_be_described() -> None:
    """The record is the one of the list, which was granted."""
    reply, gate = await ask(DESCRIBE, {"name": "mail__delete"})

    assert reply.result is not None
    assert reply.result["isError"] is True
    assert [made.operation.method for made in gate.calls] == ["tools/list"]


async def test_what_is_mirrored_is_of_the_tool_that_was_called_and_not_of_the_other() -> None:
    """An agent cannot mirror for a tool whose schema it was not listed."""
    gate = Listing()
    made = call(CALL, {"name": "mail__send", "arguments": {"to": "a"}})
    await SearchingGate(gate).handle(msgspec.structs.replace(made, mirrored={}))
    await SearchingGate(gate).handle(msgspec.structs.replace(made, name="mail__send", mirrored={}))

    assert [passed.mirrored for passed in gate.calls] == [None, {}]


async def test_a_call_is_the_call_that_it_stands_for() -> None:
    reply, gate = await ask(CALL, {"name": "mail__send", "arguments": {"to": "a"}})

    assert reply.result == {"content": []}
    [made] = gate.calls
    assert (made.operation.method, made.name, made.arguments) == (
        "tools/call",
        "mail__send",
        {"to": "a"},
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (SEARCH, {}),
        (SEARCH, {"query": 1}),
        (SEARCH, {"query": "a" * 201}),
        (SEARCH, {"query": "a", "limit": 0}),
        (SEARCH, {"query": "a", "limit": 51}),
        (SEARCH, {"query": "a", "limit": True}),
        (SEARCH, {"query": "a", "more": 1}),
        (DESCRIBE, {}),
        (DESCRIBE, {"name": 1}),
        (DESCRIBE, {"name": "a", "more": 1}),
        (CALL, {}),
        (CALL, {"name": "a", "arguments": []}),
        (CALL, {"name": "a", "more": 1}),
        (CALL, {"name": CALL, "arguments": {"name": "a"}}),
    ],
)
async def test_what_does_not_fit_is_refused_and_recorded(
    name: str, arguments: dict[str, Any]
) -> None:
    reply, gate = await ask(name, arguments)

    assert reply.refusal is not None
    assert reply.refusal.reason is Reason.INVALID_INPUT
    assert [made.name for made in gate.calls] == [name]


async def test_everything_else_passes_unchanged() -> None:
    gate = Listing()
    searching = SearchingGate(gate)
    others = [
        call("mail__send"),
        call(SEARCH, server="mail"),
        call("", method="tools/list", server="mail"),
        call("", method="prompts/list"),
    ]
    for one in others:
        await searching.handle(one)
    refused = Denied(Reason.MALFORMED_REQUEST, "x")
    reply = await searching.handle(call(SEARCH, {"query": "a"}), refused)

    assert gate.calls[:-1] == others
    assert reply.refusal is refused


async def test_a_refused_list_is_refused_in_each_of_the_three() -> None:
    gate = Listing()
    gate.refusal = Denied(Reason.RATE_LIMITED, "x")
    for one in (
        call("", method="tools/list"),
        call(SEARCH, {"query": "a"}),
        call(DESCRIBE, {"name": "a"}),
    ):
        reply = await SearchingGate(gate).handle(one)
        assert reply.refusal is gate.refusal


def test_a_word_in_a_name_says_more_than_one_in_a_description() -> None:
    assert [tool["name"] for tool in rank(TOOLS, "READ attachment")] == ["files__read"]
    assert rank(TOOLS, "zebra") == []
