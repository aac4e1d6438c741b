import asyncio

import pytest

from yett.edge.mcp.portions import AT_ONCE, in_portions


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE])
async def test_each_has_its_turn_once_and_in_order(count: int) -> None:
    done: list[int] = []
    in_portions(range(count), done.append)
    assert done == list(range(min(count, AT_ONCE)))
    await asyncio.sleep(0.2)

    assert done == list(range(count))


async def test_others_are_served_between_two_portions() -> None:
    told: list[int] = []
    seen: list[int] = []
    in_portions(range(4 * AT_ONCE), told.append)
    while len(told) < 4 * AT_ONCE:
        seen.append(len(told))
        await asyncio.sleep(0)

    assert set(seen) == {AT_ONCE, 2 * AT_ONCE, 3 * AT_ONCE}


async def test_what_is_added_meanwhile_is_not_waited_for() -> None:
    items, done = list(range(2 * AT_ONCE)), list[int]()
    in_portions(items, done.append)
    items.clear()
    await asyncio.sleep(0.1)

    assert len(done) == 2 * AT_ONCE
