"""What is kept for an `Idempotency-Key`: whatever the clock says, and never more than is good for the disk."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from yett.app.outcomes import (
    BODY_BYTES_MAX,
    KEPT_BYTES_PER_CALLER_MAX,
    KEPT_PER_CALLER_MAX,
    KEPT_SECONDS,
    Outcomes,
)
from yett.core.secret import Secret
from yett.edge.gate import Kept
from yett.storage.build import open_database
from yett.storage.port import Database

CREDENTIAL = Secret("yett_k1_secret")


class Scene:
    def __init__(self, data: Path) -> None:
        self.clock = HandClock()
        self.database: Database = open_database(data)
        self.outcomes = Outcomes(self.database, self.clock)

    def call(self, name: bytes, body: bytes | None = b"{}", principal: str = "k1") -> str:
        """Return what is to be done with a call; if that is to make it, it is answered with the body."""

        async def run() -> str:
            begun = await self.outcomes.begin(principal, CREDENTIAL, name, b"asked")
            if begun.state == "new" and body is not None:
                kept = Kept(200, b"application/json", body)
                await self.outcomes.end(begun, CREDENTIAL, name, kept)
            return begun.state

        return asyncio.run(run())

    def kept_bytes(self) -> int:
        [(total,)] = self.database.fetch("select coalesce(sum(length(body)), 0) from outcomes")
        return int(total or 0)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path / "data")
    yield found
    found.outcomes.close()
    found.database.close()


@pytest.mark.parametrize("body", [b"{}", None])
def test_a_clock_that_jumps_a_day_ahead_lets_no_call_be_made_twice(
    scene: Scene, body: bytes | None
) -> None:
    """Attack: what was answered, or is under way, is forgotten, and the repetition is paid once more."""
    assert scene.call(b"order", body) == "new"
    scene.clock.now += 2 * KEPT_SECONDS

    assert scene.call(b"order", body) == ("busy" if body is None else "kept")
    scene.clock.now -= 2 * KEPT_SECONDS
    scene.clock.pass_seconds(KEPT_SECONDS + 1)
    assert scene.call(b"order", body) == "new"


def test_one_caller_keeps_no_more_than_its_share_of_the_disk(scene: Scene) -> None:
    """Attack: a thousand answers of the largest size, each day, for each key."""
    body = bytes(BODY_BYTES_MAX - 28)
    count = KEPT_BYTES_PER_CALLER_MAX // BODY_BYTES_MAX + 5
    assert count < KEPT_PER_CALLER_MAX
    assert {scene.call(b"%d" % number, body) for number in range(count)} == {"new"}

    assert scene.kept_bytes() <= KEPT_BYTES_PER_CALLER_MAX
    assert scene.call(b"0") == "kept"
    assert scene.call(b"%d" % (count - 1)) == "lost"  # and it is not made again
    assert scene.call(b"another", principal="k2") == "new"
    assert scene.call(b"another", principal="k2") == "kept"


@pytest.mark.parametrize("turns", [0, 1, 2, 20])
async def test_whoever_leaves_while_it_is_looked_up_leaves_it_to_whoever_comes_next(
    scene: Scene, turns: int
) -> None:
    for number in range(20):
        name = b"%d" % number
        leaving = asyncio.create_task(scene.outcomes.begin("k1", CREDENTIAL, name, b"asked"))
        for _ in range(turns):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait({leaving})
        if leaving.cancelled():
            assert (await scene.outcomes.begin("k1", CREDENTIAL, name, b"asked")).state == "new"
        assert (await scene.outcomes.begin("k1", CREDENTIAL, name, b"asked")).state == "busy"


@pytest.mark.parametrize("turns", [1, 2, 20])
async def test_whoever_leaves_while_it_is_let_go_lets_nothing_else_go(
    scene: Scene, turns: int
) -> None:
    """Attack: it is let go once more when the name is another call's by then, which is made twice."""
    for number in range(20):
        name = b"%d" % number
        begun = await scene.outcomes.begin("k1", CREDENTIAL, name, b"asked")
        leaving = asyncio.create_task(scene.outcomes.end(begun, CREDENTIAL, name, None))
        for _ in range(turns):
            await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait({leaving})
        assert (await scene.outcomes.begin("k1", CREDENTIAL, name, b"asked")).state == "new"
        await asyncio.sleep(0.001)
        assert (await scene.outcomes.begin("k1", CREDENTIAL, name, b"asked")).state == "busy"
