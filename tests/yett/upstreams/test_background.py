"""What goes on beside the calls ends in silence only where somebody else notices."""

import asyncio
import logging

import pytest

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.background import BACKGROUND_MAX, Background
from yett.upstreams.rpc import InvalidAnswer


async def _fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (Fault(Reason.UPSTREAM_UNREACHABLE, "away"), 0),
        (InvalidAnswer("broken"), 0),
        (KeyError("bug"), 1),
    ],
)
async def test_a_bug_is_logged_and_a_server_that_is_away_is_not(
    error: Exception, logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    background = Background(asyncio.get_running_loop())
    with caplog.at_level(logging.ERROR):
        background.start_if_room(_fail(error))
        await background.close()
        await asyncio.sleep(0)
    assert len(caplog.records) == logged


async def test_what_may_be_left_out_is_when_there_is_no_room() -> None:
    background = Background(asyncio.get_running_loop())
    begun: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(60)

    for number in range(BACKGROUND_MAX + 3):
        background.start_if_room(work(number))
    await asyncio.sleep(0)
    assert begun == list(range(BACKGROUND_MAX))
    closing = asyncio.create_task(background.close())
    await asyncio.sleep(0)
    background.start_if_room(work(-1))
    await closing
    assert -1 not in begun
