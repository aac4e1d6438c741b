"""Attacks on `Idempotency-Key` by who hangs up: at whatever moment, the name is neither good for a second call, nor lost
for a day to one that was never made."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.outside.gate import REST, Agent, Answer, Gate, Key, running
from tests.outside.upstream import Odd, Upstream, serving, tool, wait_until

CALLS: Final = 60
STEP_SECONDS: Final = 0.0005
"""Each of them hangs up so much later than the one before."""


@dataclass
class Place:
    gate: Gate
    rec: Upstream
    key: Key

    async def leave(self, name: str, word: str, after_seconds: float) -> None:
        body = json.dumps({"tool": "rec", "operation": name, "input": {"word": word}})
        _, writer = await asyncio.open_connection("127.0.0.1", self.gate.port)
        writer.write(
            f"POST /v1/execute HTTP/1.1\r\nHost: 127.0.0.1:{self.gate.port}\r\n"
            f"Authorization: Bearer {self.key.secret}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nIdempotency-Key: {word}\r\n\r\n{body}".encode()
        )
        await asyncio.sleep(after_seconds)
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def repeat(self, name: str, word: str) -> Answer:
        body = {"tool": "rec", "operation": name, "input": {"word": word}}
        headers = {"Idempotency-Key": word}
        return self.gate.request("POST", "/v1/execute", body, key=self.key, headers=headers)

    def made(self, name: str, word: str) -> int:
        calls = self.rec.calls_of(name)
        return [seen.message["params"]["arguments"]["word"] for seen in calls].count(word)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("leaving-once")
    with serving(tool("look"), tool("hold"), tool("change", reads=False)) as rec:
        rec.offer.odd["hold"] = Odd(delay=0.02)
        gate = Gate(
            folder,
            f'servers: {{rec: {{url: "{rec.url}"}}}}\nroles: {{reader: ["rec.*:read"], worker: ["rec.*:read", "rec.*:write"]}}\n'
            "limits: {breaker: {failures: 10000}}\n",
        )
        key = gate.key("leaver", "reader")
        with running(gate):
            wait_until(lambda: len(Agent(gate, key, REST).tools()) == 2, 20)
            yield Place(gate, rec, key)


async def test_who_leaves_before_a_call_is_made_may_make_it(place: Place) -> None:
    """What this key may not call is refused; that is being written down when the caller leaves, or not yet."""
    for number in range(CALLS):
        await place.leave("change", f"refused-{number}", number * STEP_SECONDS)
    await asyncio.sleep(0.2)

    found = [place.repeat("change", f"refused-{number}") for number in range(CALLS)]

    assert {answer.refusal["reason"] for answer in found} == {"unknown_tool"}


@pytest.mark.parametrize("name", ["look", "hold"])
async def test_whenever_a_caller_leaves_a_call_is_made_once(place: Place, name: str) -> None:
    for number in range(CALLS):
        await place.leave(name, f"{name}-{number}", number * STEP_SECONDS)
    await asyncio.sleep(0.2)

    found = [place.repeat(name, f"{name}-{number}") for number in range(CALLS)]

    made = [place.made(name, f"{name}-{number}") for number in range(CALLS)]
    assert max(made) == 1
    for count, answer in zip(made, found, strict=True):
        assert answer.status == 409 or (answer.status, count) == (200, 1)
