from collections.abc import AsyncIterator

import pytest

from tests.yett.edge.scripted import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running
