"""Attacks on callers, and on the gate between, by servers that ask: questions of odd forms, for callers of every
version, with hostile text in them (MCP 2026-07-28 and 2025-11-25, Elicitation and Sampling)."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.attacks.crowd import Caller, chunks, keys_for, read_head
from tests.outside.gate import Agent, Gate, running
from tests.outside.upstream import MODERN, Odd, Upstream, serving, tool, wait_until
from yett.core.bounds import QUESTIONS_PER_PRINCIPAL_MAX

LEGACY: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
CAPABILITIES: Final[dict[str, Any]] = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}, "context": {}}, "roots": {}}  # fmt: skip


def form(schema: Any, **more: Any) -> dict[str, Any]:
    params = {"message": "Who are you?", "requestedSchema": schema} | more
    return {"method": "elicitation/create", "params": params}


def sample(*messages: Any, **more: Any) -> dict[str, Any]:
    params = {"messages": list(messages), "maxTokens": 1} | more
    return {"method": "sampling/createMessage", "params": params}


def said(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


TEXT: Final = {"type": "text", "text": "x"}
NAME: Final = {"name": {"type": "string"}}
ODD: Final[dict[str, dict[str, Any]]] = {
    "required is a number": form({"properties": NAME, "required": 5}),
    "required is null": form({"properties": NAME, "required": None}),
    "required holds lists": form({"properties": NAME, "required": [["name"]]}),
    "required holds objects": form({"properties": NAME, "required": [{}]}),
    "required is true": form({"properties": NAME, "required": True}),
    "properties is a list": form({"properties": [1]}),
    "a field is a number": form({"properties": {"name": 5}}),
    "a type is a list": form({"properties": {"name": {"type": ["string"]}}}),
    "a choice is odd": form({"properties": {"name": {"type": "string", "oneOf": [5, {"const": {}}, None]}}}),
    "mode is an object": form({"properties": NAME}, mode={}),
    "mode is null": form({"properties": NAME}, mode=None),
    "a message of no block": sample(said([])),
    "a block without a type": sample(said({})),
    "a use of tools": sample(said({"type": "tool_use"})),
    "a list in a list": sample(said([[TEXT]])),
    "tools is a number": sample(said(TEXT), tools=5),
    "a message is a text": sample("x"),
    "method is a list": {"method": ["roots/list"]},
    "method is null": {"method": None},
    "params is a list": {"method": "roots/list", "params": []},
}  # fmt: skip


@dataclass
class House:
    gate: Gate
    upstream: Upstream
    keys: list[str]

    async def call(self, version: str) -> list[dict[str, Any]]:
        """Call the tool; answer each question with an error; return every message that came. Each time
        with a key that has no failures yet."""
        key = self.keys.pop()
        caller = Caller(self.gate.port, key, version, "/mcp/rec")
        answering = Caller(self.gate.port, key, version, "/mcp/rec")
        opening = {"protocolVersion": version, "capabilities": CAPABILITIES, "clientInfo": {"name": "t", "version": "0"}}  # fmt: skip
        await caller.ask("initialize", opening)
        answering.session = caller.session
        params = {"name": "ask", "arguments": {"word": "x"}}
        message = {"jsonrpc": "2.0", "id": 0, "method": "tools/call", "params": params}
        body = json.dumps(message).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gate.port)
        found: list[dict[str, Any]] = []
        try:
            writer.write(caller._head(len(body), caller._fields("tools/call", params)) + body)
            _, headers = await read_head(reader)
            if headers["content-type"] != "text/event-stream":
                return [json.loads(await reader.readexactly(int(headers["content-length"])))]
            async for chunk in chunks(reader):
                for line in chunk.decode().split("\n"):
                    if not line.startswith("data: {"):
                        continue
                    found.append(json.loads(line.removeprefix("data: ")))
                    if "method" in found[-1]:
                        error = {"code": -1, "message": "no"}
                        answer = {"jsonrpc": "2.0", "id": found[-1]["id"], "error": error}
                        await answering.send(json.dumps(answer).encode(), answering._fields("", {}))
            return found
        finally:
            writer.transport.abort()
            caller.close()
            answering.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("questions")
    with serving(tool("ask")) as upstream:
        gate = Gate(
            folder,
            f"servers:\n  rec: {{url: {upstream.url}, may_ask: [elicitation, sampling, roots]}}\n"
            'roles: {reader: ["rec.*:read"]}\n',
        )
        key = gate.key("one")
        names = [f"agent-{number}" for number in range(200)]
        keys = keys_for(gate.data, names, "reader")
        with running(gate):
            wait_until(lambda: Agent(gate, key, MODERN).tools())
            yield House(gate, upstream, keys)


@pytest.mark.parametrize("version", LEGACY)
@pytest.mark.parametrize("name", ODD)
async def test_whatever_is_asked_the_call_has_one_answer(
    name: str, version: str, house: House
) -> None:
    question = {"resultType": "input_required", "inputRequests": {"q": ODD[name]}, "requestState": "s"}  # fmt: skip
    house.upstream.offer.odd["ask"] = Odd(result=question)
    async with asyncio.timeout(10):
        messages = await house.call(version)

    assert messages[-1]["id"] == 0, messages
    assert "result" in messages[-1] or "error" in messages[-1]
    assert "internal_error" not in json.dumps(messages[-1])


async def test_one_key_waits_with_no_more_questions_than_its_share(house: House) -> None:
    """A call that asks holds a connection, and none of the calls that its key may have under way."""
    question = {"resultType": "input_required", "inputRequests": {"q": form({"properties": NAME})}, "requestState": "s"}  # fmt: skip
    house.upstream.offer.odd["ask"] = Odd(result=question)
    key, sessions, each = house.keys.pop(), 4, 40
    callers = [Caller(house.gate.port, key, "2025-06-18", "/mcp/rec") for _ in range(sessions)]
    opening = {"protocolVersion": "2025-06-18", "capabilities": CAPABILITIES, "clientInfo": {"name": "t", "version": "0"}}  # fmt: skip
    waiting, writers = 0, []
    for caller in callers:
        await caller.ask("initialize", opening)
        params = {"name": "ask", "arguments": {"word": "x"}}
        for number in range(each):
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            body = json.dumps(message).encode()
            reader, writer = await asyncio.open_connection("127.0.0.1", house.gate.port)
            writers.append(writer)
            writer.write(caller._head(len(body), caller._fields("tools/call", params)) + body)
            _, headers = await read_head(reader)
            waiting += headers["content-type"] == "text/event-stream"
        caller.close()
    for writer in writers:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    assert 1 < waiting <= QUESTIONS_PER_PRINCIPAL_MAX
