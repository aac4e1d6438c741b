"""Attacks promise 7 (callers share nothing): two hundred callers who all use the id 0 and the progress token 0,
each with a key and words of its own, before servers that answer late and out of order."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.attacks.crowd import Caller, chunks, keys_for
from tests.outside.gate import LEGACY, REST, Agent, Gate, as_yaml, free_port, running
from tests.outside.upstream import MODERN, wait_until

CALLERS: Final = 200
SECONDS: Final = float(os.environ.get("YETT_CROSSING_SECONDS", "6"))
"""`make test YETT_CROSSING_SECONDS=60` takes a minute."""
CALLS_MIN: Final = 4 * CALLERS
LISTENERS: Final = range(1, 60, 6)
"""Some of the callers of the legacy era: they hold their stream open, too."""
_PROGRAM: Final = str(Path(__file__).with_name("echoing.py"))
_ERAS: Final = ("modern", "legacy")


@dataclass
class Crowd:
    gate: Gate
    keys: list[str]

    def caller(self, number: int) -> Caller:
        """Each pair of versions and each kind of server has its share."""
        versions = (MODERN, *LEGACY)
        server = ("pipe", "web")[number // 3 % 2] + "-" + _ERAS[number // 6 % 2]
        return Caller(self.gate.port, self.keys[number], versions[number % 3], f"/mcp/{server}")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with contextlib.ExitStack() as stack:
        web = {era: stack.enter_context(serving_http(era)) for era in _ERAS}
        servers = "".join(
            f"  pipe-{era}: {{command: {as_yaml([sys.executable, _PROGRAM, era])}}}\n"
            f"  web-{era}: {{url: http://127.0.0.1:{port}/mcp}}\n"
            for era, port in web.items()
        )
        grants = as_yaml([f"{kind}-{era}.*:read" for kind in ("pipe", "web") for era in _ERAS])
        folder = tmp_path_factory.mktemp("crowd")
        gate = Gate(folder, f"servers:\n{servers}roles: {{reader: {grants}}}\n")
        first = gate.key("first")
        keys = keys_for(gate.data, [name_of(number) for number in range(CALLERS)], "reader")
        stack.enter_context(running(gate))
        wait_until(lambda: len(Agent(gate, first, REST).tools()) == 4, 15)
        yield Crowd(gate, keys)


@contextlib.contextmanager
def serving_http(era: str) -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, _PROGRAM, era, str(port)])
    try:
        wait_until(lambda: _is_open(port), 10)
        yield port
    finally:
        process.kill()
        process.wait(5)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def name_of(number: int) -> str:
    return f"caller-{number}"


@contextlib.asynccontextmanager
async def listening(crowd: Crowd, number: int) -> AsyncIterator[bytearray]:
    """Collect everything that comes on the stream of a session."""
    caller, heard = crowd.caller(number), bytearray()

    async def listen(reader: asyncio.StreamReader) -> None:
        async for part in chunks(reader):
            heard.extend(part)

    await caller.open()
    async with caller.stream() as reader:
        task = asyncio.create_task(listen(reader))
        yield heard
        task.cancel()
    caller.close()


async def chatter(caller: Caller, name: str, until: float) -> int:
    """Call until it is time; return how often. The answer and both words of progress must be its own."""
    await caller.open()
    calls = 0
    while time.monotonic() < until or calls < 2:
        word = f"{name} says {calls}"
        params = {"name": "echo", "arguments": {"word": word}, "_meta": {"progressToken": 0}}
        *before, answer = await caller.ask("tools/call", params)
        assert answer["id"] == 0
        assert len(before) == 2
        assert answer["result"]["content"] == [{"type": "text", "text": word}]
        for notice in before:
            assert notice["method"] == "notifications/progress"
            assert (notice["params"]["progressToken"], notice["params"]["message"]) == (0, word)
        calls += 1
    caller.close()
    return calls


async def test_two_hundred_callers_with_the_same_id_and_token_do_not_cross(crowd: Crowd) -> None:
    until = time.monotonic() + SECONDS
    async with contextlib.AsyncExitStack() as stack:
        listened = [
            await stack.enter_async_context(listening(crowd, number)) for number in LISTENERS
        ]
        counts = await asyncio.gather(
            *(chatter(crowd.caller(number), name_of(number), until) for number in range(CALLERS))
        )

    assert sum(counts) >= CALLS_MIN
    assert min(counts) >= 2
    assert [bytes(heard) for heard in listened if b"says" in heard] == []


@pytest.mark.parametrize("number", [0, 1, 3, 7])
def test_each_call_is_in_the_record_of_its_own_caller(number: int, crowd: Crowd) -> None:
    records = crowd.gate.records("--key", name_of(number), "--kind", "call")

    assert len(records) >= 2
    for record in records:
        assert record["caller"]["name"] == name_of(number)
        assert record["input"]["word"].startswith(f"{name_of(number)} says ")
