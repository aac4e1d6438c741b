"""Attacks on what lives longer than a request: streams of one key that all begin at once, work that goes on
for a key that is revoked, and what strangers leave in a session."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.attacks.crowd import Caller, read_head
from tests.conformance.stand import fixture
from tests.outside.gate import REST, Agent, Gate, Key, running
from tests.outside.upstream import Odd, serving, tool, wait_until
from yett.core.bounds import STREAMS_PER_PRINCIPAL_MAX

NEWEST: Final = "2025-11-25"
ROUNDS: Final = 6
WATCHED: Final = "test://watched-resource"


class Opener(Caller):
    """A caller of 2025-11-25 before one server."""

    async def get(self) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._get())
        status, _ = await read_head(reader)
        return status, reader, writer

    async def end(self) -> None:
        """End the session, on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._get().replace(b"GET", b"DELETE", 1))
        await read_head(reader)
        await closed(writer)


async def closed(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.transport.abort()
    for writer in writers:
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@dataclass
class Place:
    gate: Gate

    def opener(self, key: Key) -> Opener:
        return Opener(self.gate.port, key.secret, NEWEST, "/mcp/old")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("lifetimes")
    with fixture("legacy") as old:
        gate = Gate(
            folder,
            f"servers: {{old: {{url: 'http://127.0.0.1:{old}/mcp'}}}}\n"
            'roles: {reader: ["old.*:read", "old.*:write"]}\n',
        )
        first = gate.key("first")
        with running(gate):
            wait_until(lambda: Agent(gate, first, REST).tools(), 20)
            yield Place(gate)


async def test_a_key_has_no_more_streams_for_opening_them_at_once(place: Place) -> None:
    opener = place.opener(place.gate.key("greedy"))
    await opener.open()
    found = await asyncio.gather(*(opener.get() for _ in range(3 * STREAMS_PER_PRINCIPAL_MAX)))
    await closed(*(writer for _, _, writer in found))
    opener.close()

    assert [status for status, _, _ in found].count(200) <= STREAMS_PER_PRINCIPAL_MAX


async def test_a_stream_that_begins_while_its_session_ends_does_not_outlive_it(
    place: Place,
) -> None:
    """Nobody could end it: it would go on for a key that is revoked."""
    key, pid = place.gate.key("hasty"), place.gate.pid
    for round_ in range(ROUNDS):
        opener = place.opener(key)
        await opener.open()
        os.kill(pid, signal.SIGSTOP)  # so that it finds all of them at once when it wakes
        asked = [asyncio.create_task(opener.end() if n == round_ else opener.get()) for n in range(ROUNDS)]  # fmt: skip
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGCONT)
        for found in await asyncio.gather(*asked):
            if found is None:
                continue
            status, reader, writer = found
            assert status in {200, 404}
            if status == 200:
                async with asyncio.timeout(3):
                    await reader.read()  # to its end, or there is none
            await closed(writer)
        opener.close()


def test_a_stranger_in_a_session_does_not_end_what_it_watches(place: Place) -> None:
    """A session's id is no credential: who has seen it may try, and nothing more."""
    gate = place.gate
    owner = Agent(gate, gate.key("owner"), NEWEST, "/mcp/old")
    assert owner.ask("resources/subscribe", {"uri": WATCHED}).status == 200
    thief = Agent(gate, gate.key("thief"), NEWEST, "/mcp/old")
    thief.session = owner.session

    assert thief.ask("resources/subscribe", {"uri": WATCHED}).refusal["reason"] == "unknown_session"
    gone = gate.key("gone")
    gate.yett("key", "revoke", gone.id)  # whatever changes what a key may do: all is judged again

    def judged() -> list[dict[str, Any]]:
        found = gate.records("--text", "resources/subscribe")
        return found if len(found) > 2 else []

    wait_until(judged, 10)
    assert [record.get("reason") for record in judged()].count("unknown_session") == 1


@pytest.mark.parametrize("meta", [{}, {"progressToken": 0}])
def test_a_call_of_a_session_does_not_outlive_its_key(meta: dict[str, Any], tmp_path: Path) -> None:
    """Its answer would tell the revoked key what it may no longer know."""
    with serving(tool("slow"), modern=False) as upstream:
        upstream.offer.odd["slow"] = Odd(delay=12.0)
        text = f'servers: {{rec: {{url: {upstream.url}, timeout: 60s}}}}\nroles: {{reader: ["rec.*:read"]}}\n'
        gate = Gate(tmp_path, text)
        key = gate.key("leaving")
        with running(gate):
            agent = Agent(gate, key, NEWEST, "/mcp/rec")
            wait_until(agent.tools)
            params = {"name": "slow", "arguments": {"word": "x"}, "_meta": meta}
            with ThreadPoolExecutor(1) as thread:
                asked = thread.submit(agent.ask, "tools/call", params)
                wait_until(lambda: upstream.calls_of("slow"))
                started = time.monotonic()
                gate.yett("key", "revoke", key.id)
                answer = asked.result(20)
            assert time.monotonic() - started < 5.0
            assert b"content" not in answer.body, answer.body
            assert len(gate.records("--tool", "rec/slow")) == 1
