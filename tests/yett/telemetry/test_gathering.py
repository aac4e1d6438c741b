"""What a call leaves behind for those who count, and that many at once come to the same as one by one."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests.yett.telemetry.test_metrics import summary
from yett.alerts.detection.intake import SUSPICIOUS, batch_of
from yett.core.reasons import Reason
from yett.core.summary import Summary
from yett.telemetry import gathering as module
from yett.telemetry.gathering import Gathering
from yett.telemetry.metrics import Metrics


async def test_what_was_gathered_is_handed_to_each_once_and_in_order() -> None:
    heard: list[Summary] = []
    also: list[Summary] = []
    gathering = Gathering(heard.extend, also.extend)
    told = [summary(id=f"r-{number}") for number in range(1_000)]
    handing_on = asyncio.create_task(gathering.keep_handing_on())
    for number, one in enumerate(told):
        gathering.observe(one)
        if number % 100 == 0:
            await asyncio.to_thread(gathering.hand_on)
    gathering.hand_on()
    handing_on.cancel()

    assert heard == also == told


async def test_nobody_has_to_ask() -> None:
    heard: list[Summary] = []
    gathering = Gathering(heard.extend)
    gathering.observe(summary())
    handing_on = asyncio.create_task(gathering.keep_handing_on())
    async with asyncio.timeout(5):
        while not heard:
            await asyncio.sleep(0.02)
    handing_on.cancel()

    assert heard == [summary()]


def test_there_is_an_end_to_what_waits() -> None:
    heard: list[Summary] = []
    gathering = Gathering(heard.extend)
    one = summary()
    for _ in range(module.WAITING_MAX + 10):
        gathering.observe(one)
    gathering.hand_on()

    assert len(heard) == module.WAITING_MAX


SUMMARIES = st.lists(
    st.builds(
        summary,
        server=st.sampled_from(["git", "mail", None]),
        tool=st.sampled_from(["log", "send", None]),
        tenant=st.sampled_from(["acme", None]),
        caller=st.sampled_from(["key-1", "key-2", None]),
        decision=st.sampled_from(["allowed", "denied"]),
        reason=st.sampled_from([None, Reason.RATE_LIMITED, next(iter(sorted(SUSPICIOUS)))]),
        seconds=st.sampled_from([0.0005, 0.001, 0.25, 100.0]),
        upstream_seconds=st.sampled_from([None, 0.002, 0.5]),
        cost_micros=st.integers(0, 3),
        currency=st.sampled_from(["USD", "EUR"]),
        findings=st.lists(st.sampled_from(["secret", "hidden_text"]), max_size=2).map(tuple),
    ),
    max_size=30,
)


@given(SUMMARIES)
def test_many_at_once_count_as_one_by_one(told: list[Summary]) -> None:
    together, singly = Metrics(), Metrics()
    together.count(told)
    for one in told:
        singly.count([one])

    assert sorted(lines_of(together)) == sorted(lines_of(singly))


def lines_of(metrics: Metrics) -> list[bytes]:
    """Of sums of times, the first digits: their last depend on the order."""
    lines = []
    for line in metrics.render().splitlines():
        name, _, value = line.rpartition(b" ")
        lines.append(b"%b %.6f" % (name, float(value)) if not line.startswith(b"#") else line)
    return lines


@given(SUMMARIES)
def test_money_of_many_is_added_up_as_of_each(told: list[Summary]) -> None:
    spent: dict[tuple[str, str, str], int] = {}
    for one in told:
        if one.cost_micros and one.caller:
            key = (one.caller, one.tenant or "", one.currency)
            spent[key] = spent.get(key, 0) + one.cost_micros
    batch = batch_of(told)

    assert batch.spent == spent
    denied = [one for one in told if one.decision == "denied" and one.reason in SUSPICIOUS]
    assert sum(refused for refused, _, _ in batch.runs.values()) == (
        sum(1 for one in denied if one.caller)
    )
