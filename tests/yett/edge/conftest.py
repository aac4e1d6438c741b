import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.yett.edge.scripted import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running


def pytest_asyncio_loop_factories(
    config: object, item: object
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that serves in production: its transports differ from asyncio's."""
    return {"uvloop": uvloop.new_event_loop}
