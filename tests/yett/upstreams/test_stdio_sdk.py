"""Processes on the official SDK, in either era: what passes beside a request, and what belongs to none."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.said import Said
from tests.yett.upstreams.asked import answer, use
from tests.yett.upstreams.scene import NOBODY, make, text_of
from yett.upstreams.backends.stdio.transport import StdioTransport
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import NO_WISHES, Beside, Era, Wishes

SERVER = Path(__file__).parents[2] / "servers" / "sdk_stdio.py"
EVERYTHING = Wishes(b'{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}')
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(name="era", scope="module", params=["legacy", "modern"])
def _era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(name="transport", scope="module", loop_scope="module")
async def _transport(era: str) -> AsyncIterator[StdioTransport]:
    transport = make(UpstreamConfig(name="s", command=(sys.executable, str(SERVER), era)))
    assert isinstance(transport, StdioTransport)
    yield transport
    await transport.close()


async def test_what_it_offers_is_listed_and_progress_and_changes_are_heard(
    transport: StdioTransport, era: str
) -> None:
    mine = Said()
    other = Said()
    changed = asyncio.Event()

    found = await transport.discover(NOBODY)
    exchanges = await asyncio.gather(
        use(transport, "test_tool_with_progress", Beside(progress=True, hear=mine.hear)),
        use(transport, "test_tool_with_progress", Beside(hear=other.hear)),
    )
    transport.on_changed = changed.set
    await use(transport, "test_trigger_tool_change", Beside(wishes=NO_WISHES))
    await asyncio.wait_for(changed.wait(), 3.0)

    assert transport.era is Era(era)
    assert len(found.tools) > 20
    assert [text_of(one) for one in exchanges] == ["went from 0 to 100"] * 2
    assert [notice.params["progress"] for notice in mine] == [0, 50, 100]
    assert all("progressToken" not in notice.params for notice in mine)
    assert other == []
    assert len(transport._lanes) == 0  # none is needed for this


async def test_messages_are_heard_from_the_level_on_that_was_wished(
    transport: StdioTransport,
) -> None:
    for level, expected in (("info", 3), ("error", 0)):
        found = Said()
        beside = Beside(owner="ada", wishes=Wishes(b"{}", level), hear=found.hear)
        await use(transport, "test_tool_with_logging", beside)

        assert len(found) == expected


async def test_it_may_ask_what_was_offered_and_nothing_else(
    transport: StdioTransport, era: str
) -> None:
    beside = Beside(owner="ada", wishes=EVERYTHING, ask=answer)
    capabilities = "test_input_required_result_capabilities"

    elicited = await use(transport, "test_elicitation", beside, message="Sure?")
    sampled = await use(transport, "test_sampling", beside, prompt="Capital of France?")
    rooted = await use(transport, "test_input_required_result_list_roots", beside)
    together = await use(transport, "test_input_required_result_multiple_inputs", beside)

    assert "action=accept" in text_of(elicited)
    assert "LLM response: Paris" in text_of(sampled)
    assert "Roots: file:///work" in text_of(rooted)
    assert "three answers" in text_of(together)
    assert text_of(await use(transport, capabilities, beside)) == "answered"
    assert text_of(await use(transport, capabilities, Beside(progress=True))) == "nothing may be asked"  # fmt: skip
    of_her_own = [lane for lane in transport._lanes._lanes if lane.wishes == EVERYTHING]
    assert len(of_her_own) == (1 if era == "legacy" else 0)
