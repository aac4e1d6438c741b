"""Attacks promises 10 and 11 with definitions: a server offers what takes minutes to judge, and does so
again and again. That must neither take the threads in which revocations are read, nor the processor,
nor keep the callers of other servers waiting."""

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.attacks.hostile_schemas import maze
from tests.yett.catalogue.scene import Scene
from yett.catalogue.judging import Judge
from yett.catalogue.port import Definitions
from yett.core.errors import Fault
from yett.core.operations import Kind
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.validation.problems import schema_problem

TOOLS = 12


def bombs(*seeds: int) -> Definitions:
    return Definitions(tools=tuple({"name": f"t{n}", "inputSchema": maze(n)} for n in seeds))


@pytest.fixture
def hurried() -> Iterator[Judge]:
    """To it, each look at the clock is two seconds."""
    ticks = itertools.count(0.0, 2.0)
    judge = Judge(schema_problem, lambda: next(ticks))
    yield judge
    judge.stop()


async def test_judging_ends_when_its_time_is_over_and_goes_on_the_next_time(hurried: Judge) -> None:
    with pytest.raises(Fault) as caught:
        await hurried.examine("evil", bombs(*range(TOOLS)))
    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT

    for _ in range(TOOLS):
        with suppress(Fault):
            break_through = await hurried.examine("evil", bombs(*range(TOOLS)))
            assert not any(item.problem for item in break_through[Kind.TOOL].values())
            return
    pytest.fail("it never comes to an end")


async def test_what_was_judged_once_is_not_judged_each_minute() -> None:
    judged: list[str] = []

    def check(definition: dict[str, JSON]) -> str | None:
        judged.append(definition["name"])
        return schema_problem(definition)

    judge = Judge(check, time.monotonic)
    first = await judge.examine("evil", bombs(1, 2))
    assert await judge.examine("evil", bombs(1, 2)) == first
    assert await judge.examine("evil", bombs(1, 3)) != first
    judge.stop()

    assert judged == ["t1", "t2", "t3"]


async def test_revocations_are_read_while_definitions_are_judged() -> None:
    """However many servers offer bombs, they share one thread, and it is not one of those."""
    release, names = threading.Event(), set[str]()

    def check(_: dict[str, JSON]) -> str | None:
        names.add(threading.current_thread().name)
        release.wait(5)
        return None

    judge = Judge(check, time.monotonic)
    waiting = [asyncio.create_task(judge.examine(f"evil{n}", bombs(1))) for n in range(40)]
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await asyncio.to_thread(int)
    took = time.monotonic() - started
    release.set()
    await asyncio.gather(*waiting)
    judge.stop()

    assert took < 0.5
    assert len(names) == 1


async def test_a_dead_server_that_is_called_keeps_no_other_callers_list_waiting() -> None:
    """Each call to it tries it once more; lists are for those who can be asked."""
    scene = Scene({"good": bombs(1), "dead": bombs(2)}, pin_at_first_sight=True)
    del scene.discoverer.offers["dead"]
    await scene.verify()
    scene.verifier._watches["dead"].settled.clear()  # as it is while a call has it tried once more

    started = time.monotonic()
    assert await scene.take("tools/list") == ["good__t1"]
    assert time.monotonic() - started < 1
