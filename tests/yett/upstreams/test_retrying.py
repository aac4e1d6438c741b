"""A second try where it is allowed, never where it is not, and never so many that a server drowns in them."""

import pytest

from tests.clock import HandClock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.port import Exchange
from yett.upstreams.retrying import PAUSE_SECONDS, SAVED_MAX, Retries

BROKEN = Fault(Reason.UPSTREAM_UNREACHABLE, "it closed the connection unanswered", sent=True)
GOOD = Exchange(result={}, error=None, bytes_received=2)


class Server:
    """Fails so often, then answers; keeps how long each attempt might have lasted."""

    def __init__(self, clock: HandClock, *failures: Exception, takes: float = 0.0) -> None:
        self.failures = list(failures)
        self.asked: list[float] = []
        self._clock = clock
        self._takes = takes

    async def answer(self, seconds: float) -> Exchange:
        self.asked.append(seconds)
        self._clock.pass_seconds(self._takes)
        if self.failures:
            raise self.failures.pop(0)
        return GOOD


async def test_what_was_broken_off_is_asked_once_more_in_the_time_that_is_left() -> None:
    clock = HandClock()
    server = Server(clock, BROKEN, takes=1.0)

    assert await Retries(clock.monotonic).ask(server.answer, 10.0) is GOOD
    assert server.asked == [10.0, pytest.approx(9.0 - PAUSE_SECONDS)]


async def test_there_is_no_third_attempt() -> None:
    clock = HandClock()
    server = Server(clock, BROKEN, BROKEN, BROKEN)

    with pytest.raises(Fault):
        await Retries(clock.monotonic).ask(server.answer, 10.0)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "reason", [Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID, Reason.INTERNAL_ERROR]
)
async def test_what_would_come_out_the_same_is_not_asked_again(reason: Reason) -> None:
    clock = HandClock()
    server = Server(clock, Fault(reason, "no"))

    with pytest.raises(Fault):
        await Retries(clock.monotonic).ask(server.answer, 10.0)
    assert len(server.asked) == 1


async def test_nothing_is_begun_when_the_time_is_over() -> None:
    clock = HandClock()
    server = Server(clock, BROKEN, takes=10.0)

    with pytest.raises(Fault):
        await Retries(clock.monotonic).ask(server.answer, 10.0)
    assert len(server.asked) == 1


async def test_a_server_in_trouble_is_asked_little_more_than_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yett.upstreams.retrying.PAUSE_SECONDS", 0.0)
    clock = HandClock()
    retries = Retries(clock.monotonic)
    server = Server(clock, *[BROKEN] * 1_000)
    for _ in range(200):
        with pytest.raises(Fault):
            await retries.ask(server.answer, 10.0)

    assert 200 + SAVED_MAX <= len(server.asked) <= 200 + SAVED_MAX + 200 * 0.1
