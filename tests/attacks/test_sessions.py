"""Attacks on sessions of the older versions: answers to the questions of others, streams of others, agents who
leave and let their calls go on, servers that say more than anybody reads."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.attacks.crowd import Caller, chunks, keys_for, read_head
from tests.conformance.stand import fixture
from tests.outside.gate import REST, Agent, Gate, as_yaml, running
from tests.outside.upstream import wait_until

NEWEST: Final = "2025-11-25"
ASKING: Final = "test_input_required_result_elicitation"
AGENTS: Final = 24
MEBIBYTE: Final = 2**20
_FLOODING: Final = str(Path(__file__).with_name("flooding.py"))


class Talker(Caller):
    """A caller of 2025-11-25 that may be asked. All use the id 0."""

    async def begin(self) -> None:
        params = {"protocolVersion": NEWEST, "capabilities": {"elicitation": {}}, "clientInfo": {"name": "t", "version": "0"}}  # fmt: skip
        await self.ask("initialize", params)

    @asynccontextmanager
    async def calling(self, name: str, **meta: Any) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
        """Make a call on a connection of its own; yield the events of its answer; hang up."""
        params = {"name": name, "arguments": {}, "_meta": meta}
        message = {"jsonrpc": "2.0", "id": 0, "method": "tools/call", "params": params}
        body = json.dumps(message).encode()
        head = self._head(len(body), self._fields("tools/call", params))
        async with self._events(head + body) as events:
            yield events

    @asynccontextmanager
    async def resuming(self, last: str) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
        head = self._get().removesuffix(b"\r\n") + f"Last-Event-ID: {last}\r\n\r\n".encode()
        async with self._events(head) as events:
            yield events

    async def answer(self, identifier: str, name: str) -> int:
        result = {"action": "accept", "content": {"name": name}}
        body = json.dumps({"jsonrpc": "2.0", "id": identifier, "result": result}).encode()
        status, _, _ = await self.send(body, self._fields("", {}))
        return status

    async def status_of_resuming(self, last: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = self._get().removesuffix(b"\r\n") + f"Last-Event-ID: {last}\r\n\r\n".encode()
        writer.write(head)
        status, _ = await read_head(reader)
        writer.close()
        return status

    @asynccontextmanager
    async def _events(self, request: bytes) -> AsyncIterator[AsyncIterator[dict[str, str]]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        try:
            writer.write(request)
            status, headers = await read_head(reader)
            assert (status, headers["content-type"]) == (200, "text/event-stream")
            yield _parsed(reader)
        finally:
            writer.close()


async def _parsed(reader: asyncio.StreamReader) -> AsyncIterator[dict[str, str]]:
    text = b""
    async for chunk in chunks(reader):
        text += chunk
        while b"\n\n" in text:
            block, _, text = text.partition(b"\n\n")
            pairs = (line.partition(": ") for line in block.decode().split("\n"))
            fields = {name: value for name, _, value in pairs if name}
            if "data" in fields:
                yield fields


async def next_message(events: AsyncIterator[dict[str, str]]) -> Any:
    async for event in events:
        if event["data"].strip():
            return json.loads(event["data"])
    return None


@dataclass
class Place:
    gate: Gate
    keys: list[str]

    @asynccontextmanager
    async def talkers(self, *wanted: tuple[int, str]) -> AsyncIterator[list[Talker]]:
        """Open a session for each of these keys, before these servers."""
        found = [Talker(self.gate.port, self.keys[number], NEWEST, f"/mcp/{server}") for number, server in wanted]  # fmt: skip
        try:
            for talker in found:
                await talker.begin()
            yield found
        finally:
            for talker in found:
                talker.close()

    @property
    def memory(self) -> int:
        status = Path(f"/proc/{self.gate.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("sessions")
    with fixture("legacy") as old, fixture("modern") as new:
        servers = "".join(
            f"  {name}: {{url: 'http://127.0.0.1:{port}/mcp', may_ask: [elicitation]}}\n"
            for name, port in (("old", old), ("new", new))
        )
        gate = Gate(
            folder,
            f"servers:\n{servers}  flooding: {{command: {as_yaml([sys.executable, _FLOODING])}}}\n"
            'roles: {reader: ["old.*:write", "new.*:write", "flooding.*:read", "old.*:read", "new.*:read"]}\n',
        )
        first = gate.key("first")
        keys = keys_for(gate.data, [f"agent-{number}" for number in range(AGENTS)], "reader")
        with running(gate):
            wait_until(lambda: len({name.split("__")[0] for name in Agent(gate, first, REST).tools()}) == 3, 20)  # fmt: skip
            yield Place(gate, keys)


async def test_answers_reach_the_one_who_was_asked_and_nobody_elses_do(place: Place) -> None:
    """Everybody answers the question of the neighbour first, then its own."""
    asked: dict[int, str] = {}
    all_asked = asyncio.Event()
    refused: list[int] = []

    async def one(talkers: list[Talker], number: int) -> str:
        talker, neighbour = talkers[number], (number + 2) % AGENTS
        async with talker.calling(ASKING) as events:
            asked[number] = (await next_message(events))["id"]
            if len(asked) == AGENTS:
                all_asked.set()
            await all_asked.wait()
            refused.append(await talker.answer(asked[neighbour], f"thief-{number}"))
            assert await talker.answer(asked[number], f"agent-{number}") == 202
            message = await next_message(events)
        assert message["id"] == 0
        return str(message["result"]["content"][0]["text"])

    wanted = [(number, ("old", "new")[number % 2]) for number in range(AGENTS)]
    async with place.talkers(*wanted) as talkers:
        said = await asyncio.gather(*(one(talkers, number) for number in range(AGENTS)))

    assert said == [f"Hello, agent-{number}!" for number in range(AGENTS)]
    assert set(refused) == {400}
    assert len(set(asked.values())) == AGENTS


async def test_a_lost_stream_is_given_to_its_own_session_only(place: Place) -> None:
    async with place.talkers((0, "old"), (1, "old"), (0, "old")) as (victim, thief, own_other):
        await _steal(place, victim, thief, own_other)


async def _steal(place: Place, victim: Talker, thief: Talker, own_other: Talker) -> None:
    async with victim.calling(ASKING) as events:
        first = (await anext(events))["id"]
    posing = Talker(place.gate.port, thief.key, NEWEST, "/mcp/old", victim.session)
    elsewhere = Talker(place.gate.port, victim.key, NEWEST, "/mcp/new", victim.session)
    statuses = [await each.status_of_resuming(first) for each in (thief, own_other, posing, elsewhere)]  # fmt: skip
    async with victim.resuming(first) as events:
        question = await next_message(events)
        assert await victim.answer(question["id"], "Ada") == 202
        answer = await next_message(events)

    assert statuses == [400, 400, 404, 404]
    assert answer["result"]["content"][0]["text"] == "Hello, Ada!"


async def test_who_leaves_again_and_again_holds_little(place: Place) -> None:
    """Three hundred calls that ask, each left at once: what waits is bounded, and others notice nothing."""
    async with place.talkers((2, "old"), (3, "old")) as (talker, other):
        before = place.memory
        for _ in range(300):
            async with talker.calling(ASKING) as events:
                await anext(events)
        async with asyncio.timeout(10), other.calling(ASKING) as events:
            question = await next_message(events)
            assert await other.answer(question["id"], "Ada") == 202
            answer = await next_message(events)

    assert answer["result"]["content"][0]["text"] == "Hello, Ada!"
    assert place.memory - before < 40 * MEBIBYTE


async def test_a_server_that_floods_whom_nobody_reads_takes_bounded_memory(place: Place) -> None:
    """Fifteen megabytes for each of four calls whose agents left after the first event."""
    async with place.talkers(*((number, "flooding") for number in range(4, 8))) as talkers:
        before = place.memory
        lost, found = [], []
        for talker in talkers:
            async with talker.calling("flood", progressToken=0) as events:
                lost.append((await anext(events))["id"])
        for talker, last in zip(talkers, lost, strict=True):
            async with asyncio.timeout(30), talker.resuming(last) as events:
                found.append([json.loads(event["data"]) async for event in events if event["data"].strip()])  # fmt: skip

    assert place.memory - before < 50 * MEBIBYTE
    for messages in found:
        told = [message["params"]["progress"] for message in messages[:-1]]
        assert messages[-1]["result"]["content"][0]["text"] == "done"
        assert told == sorted(told)
        assert {message["params"]["progressToken"] for message in messages[:-1]} == {0}


@pytest.mark.parametrize("params", [{}, {"id": []}, {"id": "x", "result": {}}])
async def test_what_poses_as_an_answer_is_refused_and_recorded(
    params: dict[str, Any], place: Place
) -> None:
    """The gate's own name for an answer, sent as the name of a method."""
    message = {"jsonrpc": "2.0", "method": "session/answer", "params": params}
    async with place.talkers((9, "old")) as (talker,):
        status, headers, _ = await talker.send(json.dumps(message).encode(), talker._fields("", {}))

    assert status == 400
    (record,) = place.gate.records("--id", headers["yett-request-id"])
    assert record["reason"] == "malformed_request"
