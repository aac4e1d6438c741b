"""What a legacy server shows only to a client that can be asked is seen where the operator lets it ask."""

import sys
from pathlib import Path

import pytest

from tests.servers.showing import serving_http
from tests.yett.upstreams.scene import NOBODY, make
from yett.core.errors import Fault
from yett.upstreams.backends.stdio.transport import StdioTransport
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Beside
from yett.upstreams.wishes import every_wish

PROGRAM = (sys.executable, str(Path(__file__).parents[2] / "servers" / "showing.py"))
ASKS = frozenset({"elicitation"})


async def names_of(config: UpstreamConfig) -> list[str]:
    transport = make(config)
    try:
        found = await transport.discover(NOBODY)
    finally:
        await transport.close()
    return [tool["name"] for tool in found.tools]


@pytest.mark.parametrize(
    ("may_ask", "shown"),
    [(ASKS, ["plain", "ask"]), (frozenset({"roots"}), ["plain"]), (frozenset(), ["plain"])],
    ids=["elicitation", "something else", "nothing"],
)
async def test_a_program_shows_what_it_asks_with(may_ask: frozenset[str], shown: list[str]) -> None:
    config = UpstreamConfig(name="s", command=PROGRAM, may_ask=may_ask)

    assert await names_of(config) == shown


@pytest.mark.parametrize(("may_ask", "shown"), [(ASKS, ["plain", "ask"]), (frozenset(), ["plain"])])
async def test_a_server_over_http_shows_it_likewise_and_plain_sessions_offer_nothing(
    may_ask: frozenset[str], shown: list[str]
) -> None:
    with serving_http() as (url, declared):
        found = await names_of(UpstreamConfig(name="s", url=url, may_ask=may_ask))

    assert found == shown
    assert declared[0] == {}
    assert declared[1:] == ([{"elicitation": {"form": {}, "url": {}}}] if may_ask else [])


async def test_a_second_look_starts_no_process_and_one_that_ended_is_started_again() -> None:
    transport = make(UpstreamConfig(name="s", command=PROGRAM, may_ask=ASKS))
    assert isinstance(transport, StdioTransport)
    assert transport._showcase is not None
    try:
        await transport.discover(NOBODY)
        first = transport._showcase._opened
        await transport.discover(NOBODY)
        assert first is not None
        assert transport._showcase._opened is first
        await first[0].close()
        again = await transport.discover(NOBODY)
    finally:
        await transport.close()

    assert [tool["name"] for tool in again.tools] == ["plain", "ask"]
    assert transport._showcase._opened is None


async def test_one_that_is_too_slow_to_show_itself_is_a_fault() -> None:
    transport = make(UpstreamConfig(name="s", command=PROGRAM, may_ask=ASKS))
    assert isinstance(transport, StdioTransport)
    try:
        await transport.start()
        with pytest.raises(Fault, match="too slow"):
            await transport.discover(NOBODY, deadline_seconds=0.0)
    finally:
        await transport.close()


async def test_a_process_of_one_caller_does_not_put_in_doubt_what_all_are_shown() -> None:
    transport = make(UpstreamConfig(name="s", command=(*PROGRAM, "greets"), may_ask=ASKS))
    changes: list[None] = []
    transport.on_changed = lambda: changes.append(None)
    wishes = every_wish(ASKS)
    try:
        await transport.discover(NOBODY)
        shown = len(changes)
        for owner in ("anna", "ben"):
            beside = Beside(owner=owner, wishes=wishes)
            exchange = await transport.request(
                "tools/list", {}, credential=NOBODY, deadline_seconds=10, beside=beside
            )
            assert exchange.result is not None
    finally:
        await transport.close()

    assert shown > 0
    assert len(changes) == shown
