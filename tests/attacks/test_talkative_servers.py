"""Attacks promise 10 from behind: a server on standard input and output that never stops talking.

One loop serves everybody; what nobody waits for has a share of it and no more."""

import asyncio
import json
import time
from typing import Any

import pytest

from tests.yett.upstreams.scene import call, started, text_of
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.stdio import pace

SECONDS = 0.8


def notification(method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params})


LOG = "notifications/message"
# A line, how often in one write, and where to.
FLOODS: dict[str, tuple[object, ...]] = {
    "changes": (notification("notifications/tools/list_changed"), 1000),
    "pings": ('{"jsonrpc":"2.0","id":"p","method":"ping"}', 1000),
    "log lines": (notification(LOG, level="info", data="x" * 100), 500),
    "answers to nobody": ('{"jsonrpc":"2.0","id":99999,"result":{}}', 1000),
    "empty lines": ("", 60_000),
    "large lines": (notification(LOG, data=["x"] * 150_000),),
    "standard error": ("x" * 20, 3_000, "stderr"),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_server_that_never_stops_talking_has_a_share_of_the_loop(
    flood: tuple[object, ...],
) -> None:
    async with started("modern") as transport:
        await call(transport, flood=flood)
        await asyncio.sleep(0.3)
        before, busy_before = time.monotonic(), time.thread_time()
        turns = 0
        while time.monotonic() - before < SECONDS:
            await asyncio.sleep(0.005)
            turns += 1
        busy = (time.thread_time() - busy_before) / (time.monotonic() - before)

        assert busy < 3 * pace.SHARE
        assert turns > SECONDS / 0.005 / 4


@pytest.mark.parametrize("kind", ["changes", "large lines", "standard error"])
async def test_a_server_that_never_stops_talking_is_ended_in_the_end(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_HELD_SECONDS_MAX", 2.0)
    async with started("modern") as transport:
        await call(transport, flood=FLOODS[kind])
        with pytest.raises(Fault) as caught:
            await call(transport, odd="silent", deadline=20)
        again = await call(transport, message="begun anew")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert "does not stop talking" in caught.value.private
    assert text_of(again)


async def test_who_talks_much_and_answers_is_still_served() -> None:
    """Two thousand log lines for each of ten calls is a lot, and honest."""
    lines = notification(LOG, level="debug", data="step") + "\n"
    answer = '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[{"type":"text","text":"ok"}]}}'
    async with started("modern") as transport:
        for _ in range(10):
            exchange = await call(
                transport, odd="raw", bytes=lines * 200 + answer + "\n", deadline=5
            )
            assert text_of(exchange) == "ok"
