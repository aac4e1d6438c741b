"""Attacks on what is looked at first and done a moment later: a gate that was stopped finds all of them in one turn of its
loop. What one call takes no other may find free."""

import asyncio
import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.attacks.crowd import read_head
from tests.outside.gate import REST, Agent, Gate, Key, running
from tests.outside.upstream import Odd, Upstream, serving, tool, wait_until

AT_ONCE: Final = 24
ROOM: Final = 5
"""Calls that each limit lets through."""
POLICY: Final = """
@id("deleting") @approval("1")
forbid(principal, action, resource == Tool::"rec/delete");
"""


@dataclass
class Place:
    gate: Gate
    rec: Upstream

    async def at_once(
        self, key: Key, name: str, word: str, *, leaves: bool = False, **headers: str
    ) -> Counter[int]:
        """Let the gate find as many calls when it wakes; return how many had which status. leaves: or left, each of them."""
        os.kill(self.gate.pid, signal.SIGSTOP)
        try:
            asked = [
                asyncio.create_task(self._ask(key, name, word, headers, leaves=leaves))
                for _ in range(AT_ONCE)
            ]
            await asyncio.sleep(0.1)
        finally:
            os.kill(self.gate.pid, signal.SIGCONT)
        return Counter(await asyncio.gather(*asked))

    async def _ask(
        self, key: Key, name: str, word: str, headers: dict[str, str], *, leaves: bool
    ) -> int:
        body = json.dumps({"tool": "rec", "operation": name, "input": {"word": word}})
        more = "".join(f"{field.replace('_', '-')}: {value}\r\n" for field, value in headers.items())  # fmt: skip
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gate.port)
        writer.write(
            f"POST /v1/execute HTTP/1.1\r\nHost: 127.0.0.1:{self.gate.port}\r\n"
            f"Authorization: Bearer {key.secret}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{more}\r\n{body}".encode()
        )
        try:
            if leaves:
                await asyncio.sleep(0.05)
                return 0
            async with asyncio.timeout(10):
                return (await read_head(reader))[0]
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def made(self, name: str, word: str) -> int:
        calls = self.rec.calls_of(name)
        return [seen.message["params"]["arguments"]["word"] for seen in calls].count(word)

    def ended(self, key: Key) -> list[dict[str, Any]]:
        """The calls of a key that are allowed, when all of them have ended."""
        found = self.gate.records("--kind", "call", "--key", key.name)
        return found if all(call.get("status") for call in found) else []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("one-turn")
    tools = [tool(name) for name in ("look", "dear", "hold")]
    with serving(*tools, tool("delete", reads=False), tool("change", reads=False)) as rec:
        rec.offer.odd["hold"] = Odd(delay=0.5)
        gate = Gate(
            folder,
            f"""\
servers:
  rec: {{url: "{rec.url}", tools: {{dear: {{cost: 0.01 USD}}}}}}
roles: {{worker: ["rec.*:read", "rec.*:write"]}}
limits:
  breaker: {{failures: 10000}}
  keys:
    spender: {{budget: {ROOM / 100:g} USD/day}}
    leaver: {{budget: {ROOM / 100:g} USD/day}}
    narrow: {{concurrency: {ROOM}}}
    metered: {{rate: {ROOM + 1}/day}}  # one is to ask for its key
""",
        )
        (folder / "policies").mkdir()
        (folder / "policies" / "ask.cedar").write_text(POLICY)
        first = gate.key("first", "worker")
        with running(gate):
            wait_until(lambda: len(Agent(gate, first, REST).tools()) == 5, 20)
            yield Place(gate, rec)


@pytest.mark.parametrize(
    ("name", "tool_", "status"),
    [("spender", "dear", 402), ("narrow", "hold", 429), ("metered", "look", 429)],
)
async def test_no_limit_lets_one_more_through(
    place: Place, name: str, tool_: str, status: int
) -> None:
    key = place.gate.key(name, "worker")
    await settled(place, key)

    found = await place.at_once(key, tool_, name)

    assert found == {200: ROOM, status: AT_ONCE - ROOM}
    assert place.made(tool_, name) == ROOM


@pytest.mark.parametrize("tool_", ["look", "change"])
async def test_one_idempotency_key_makes_one_call(place: Place, tool_: str) -> None:
    key = place.gate.key(f"careful-{tool_}", "worker")
    await settled(place, key)

    found = await place.at_once(key, tool_, "once", Idempotency_Key="the-same")

    assert found[200] >= 1
    assert found.keys() <= {200, 409}
    assert place.made(tool_, "once") == 1


async def test_one_yes_lets_one_call_pass(place: Place) -> None:
    key = place.gate.key("asker", "worker")
    await settled(place, key)
    asked = place.gate.execute("rec", "delete", key, word="all")
    place.gate.yett("approval", "approve", asked.refusal["approval"])

    found = await place.at_once(key, "delete", "all")

    assert found[200] == 1
    assert place.made("delete", "all") == 1


async def test_who_leaves_at_once_with_many_others_has_spent_what_it_made(place: Place) -> None:
    key = place.gate.key("leaver", "worker")
    await settled(place, key)

    await place.at_once(key, "dear", "left", leaves=True)
    await asyncio.to_thread(wait_until, lambda: place.ended(key) or not place.made("dear", "left"))

    made = place.made("dear", "left")
    calls = place.ended(key)
    spent = float(place.gate.request("GET", "/v1/usage", key=key).json["limits"]["budget"]["spent"].split()[0])  # fmt: skip
    assert made <= len(calls)
    assert made / 100 <= spent <= ROOM / 100
    assert place.gate.yett("audit", "verify").startswith("ok ")


async def settled(place: Place, key: Key) -> None:
    """Wait until the gate knows a key, and its lists."""
    await asyncio.to_thread(
        wait_until, lambda: place.gate.request("GET", "/v1/key", key=key).status == 200
    )
