"""What every `Counter` must do. A new backend is added to BACKENDS and to nothing else."""

from collections.abc import Callable, Iterator
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yett.core.quantities import Rate
from yett.limits import Counter
from yett.limits.backends.memory_counter import MemoryCounter
from yett.limits.demand import RateDemand, Unit

BACKENDS: dict[str, Callable[[], Counter]] = {"memory": MemoryCounter}
MINUTE = Rate(2, 60.0)


@pytest.fixture(params=BACKENDS, name="counter")
def _counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    counter = BACKENDS[request.param]()
    yield counter
    counter.close()


def test_as_many_uses_as_the_rate_says_fit_at_once(counter: Counter) -> None:
    waits = [counter.take([("a", MINUTE)], 100.0) for _ in range(3)]

    assert waits == [0.0, 0.0, 30.0]


def test_the_wait_is_exact_to_the_microsecond(counter: Counter) -> None:
    for _ in range(3):
        counter.take([("a", Rate(3, 1.0))], 100.0)

    wait = counter.take([("a", Rate(3, 1.0))], 100.0)

    assert wait == pytest.approx(1 / 3, abs=1e-6)
    assert counter.take([("a", Rate(3, 1.0))], 100.0 + wait - 2e-6) > 0
    assert counter.take([("a", Rate(3, 1.0))], 100.0 + wait) == 0


def test_keys_do_not_share_a_count(counter: Counter) -> None:
    counter.take([("a", Rate(1, 60.0))], 100.0)

    assert counter.take([("b", Rate(1, 60.0))], 100.0) == 0


def test_a_burst_across_the_edge_of_a_minute_gets_no_second_helping(counter: Counter) -> None:
    """Threat D08: fixed windows let four through where two are allowed."""
    waits = [counter.take([("a", MINUTE)], at) for at in (119.0, 119.5, 120.5, 121.0)]

    assert [wait == 0 for wait in waits] == [True, True, False, False]


def test_all_keys_must_hold_and_a_refusal_by_one_uses_up_none(counter: Counter) -> None:
    narrow, wide = ("narrow", Rate(1, 60.0)), ("wide", Rate(3, 60.0))
    counter.take([narrow], 100.0)

    assert counter.take([wide, narrow], 100.0) == 60.0
    assert counter.take([narrow, wide], 100.0) == 60.0
    assert counter.room("wide", Rate(3, 60.0), 100.0).remaining == 3


def test_the_wait_is_that_of_the_slowest_key(counter: Counter) -> None:
    keys = [("a", Rate(1, 1.0)), ("b", Rate(1, 60.0)), ("c", Rate(1, 3600.0))]
    counter.take(keys, 100.0)

    wait = counter.take(keys, 100.0)

    assert wait == 3600.0
    assert counter.take(keys, 100.0 + wait) == 0


def test_room_says_what_is_left_and_counts_nothing(counter: Counter) -> None:
    rate = Rate(4, 60.0)
    assert counter.room("a", rate, 100.0).remaining == 4
    assert counter.room("a", rate, 100.0).resets_in_seconds == 0
    counter.take([("a", rate)], 100.0)

    for _ in range(2):
        room = counter.room("a", rate, 105.0)
        assert room.remaining == 3
        assert room.resets_in_seconds == 10.0


def test_a_rate_that_is_written_again_goes_on_where_it_was(counter: Counter) -> None:
    counter.take([("a", Rate(1, 60.0))], 100.0)

    assert counter.take([("a", Rate(1, 60.0))], 130.0) == 30.0
    # Another rate under one name keeps the moment at which the key is empty again.
    assert counter.take([("a", Rate(2, 120.0))], 100.0) == 0
    assert counter.take([("a", Rate(2, 120.0))], 100.0) == 60.0


def test_a_clock_that_goes_back_gives_nothing_back(counter: Counter) -> None:
    counter.take([("a", Rate(1, 60.0))], 100.0)

    assert counter.take([("a", Rate(1, 60.0))], 50.0) == 110.0


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(1, 7),
    period=st.sampled_from([1.0, 60.0, 3600.0, 86400.0]),
    steps=st.lists(st.integers(0, 2_000_000), min_size=1, max_size=60),
)
def test_it_decides_as_the_textbook_in_exact_fractions(
    backend: str, count: int, period: float, steps: list[int]
) -> None:
    counter, rate, interval = BACKENDS[backend](), Rate(count, period), Fraction(int(period), count)
    at, empty_at = 10**9, Fraction(0)  # microseconds; seconds
    for step in steps:
        at += step * int(period) // 8
        now = Fraction(at, 10**6)
        excess = max(empty_at, now) - now - interval * (count - 1)
        wait = counter.take([("a", rate)], at / 10**6)
        assert (wait == 0) == (excess <= 0)
        if excess <= 0:
            empty_at = max(empty_at, now) + interval
        else:
            assert excess <= Fraction(round(wait * 10**6), 10**6) < excess + Fraction(1, 10**6)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(1, 9),
    steps=st.lists(st.integers(0, 30_000_000), min_size=1, max_size=80),
)
def test_no_span_of_time_admits_more_than_promised(
    backend: str, count: int, steps: list[int]
) -> None:
    counter, at, admitted = BACKENDS[backend](), 10**9, []
    for step in steps:
        at += step
        if counter.take([("a", Rate(count, 60.0))], at / 10**6) == 0:
            admitted.append(at)
    for first, begin in enumerate(admitted):
        for last in range(first, len(admitted)):
            span = admitted[last] - begin
            assert last - first + 1 <= count + Fraction(count * span, 60_000_000)


def test_memory_forgets_keys_that_are_idle_and_no_others() -> None:
    counter, busy, short = MemoryCounter(keys_kept=100), Rate(1, 86400.0), Rate(1, 1.0)
    for number in range(80):
        counter.take([(f"busy {number}", busy)], 0.0)
    for number in range(5_000):
        counter.take([(f"key {number}", short)], float(number))
        assert len(counter) <= 200

    for number in range(80):
        assert counter.take([(f"busy {number}", busy)], 5_000.0) > 0


def test_a_key_that_is_let_go_of_for_another_of_the_same_call_is_counted_on() -> None:
    counter, busy = MemoryCounter(keys_kept=1), [RateDemand("z", Rate(1, 3600.0), "")]
    demands = [RateDemand(name, Rate(2, 1.0), "") for name in "abc"]
    meter, others = counter.meter(demands), [counter.meter([one]) for one in demands]
    assert counter.meter(busy).take(0.0) == 0.0
    for second in range(0, 40, 2):
        assert meter.take(float(second)) == 0.0
        assert [one.take(float(second)) for one in others] == [0.0, 0.0, 0.0]
        assert meter.take(float(second)) == 0.5
    assert counter.meter(busy).take(40.0) == 3560.0


KEYS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(KEYS, min_size=1, max_size=4),
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from([0, 0.01, 0.4, 1.0, 7.5, 90.0]), st.booleans()
        ),
        min_size=20,
        max_size=60,
    ),
    st.integers(1, 3),
)
def test_meters_that_share_and_forget_cells_decide_as_one_cell_for_each_key(
    sets: list[list[str]], uses: list[tuple[int, float, bool]], kept: int
) -> None:
    """keys_kept so small that cells are forgotten all the time, and rates that are read anew."""
    rates = {"a": Rate(2, 1.0), "b": Rate(3, 60.0), "c": Rate(1, 5.0), "d": Rate(5, 7.0, burst=2)}
    counter, at = MemoryCounter(keys_kept=kept), 1_000.0
    empty_at: dict[str, Fraction] = {}
    meters = [counter.meter([RateDemand(key, rates[key], "") for key in keys]) for keys in sets]
    for which, pause, is_anew in uses:
        at += pause
        keys = sets[which % len(sets)]
        if is_anew:
            again = [
                RateDemand(key, Rate(*msgspec.structs.astuple(rates[key])), "") for key in keys
            ]
            meters[which % len(sets)] = counter.meter(again)
        now = Fraction(round(at * 10**6), 10**6)
        steps = {key: Fraction(rates[key].period_seconds) / rates[key].count for key in keys}
        begin = {key: max(empty_at.get(key, now), now) for key in keys}
        fits = all(begin[key] - now <= steps[key] * (rates[key].at_once - 1) for key in keys)
        assert (meters[which % len(sets)].take(at) == 0.0) == fits
        if fits:
            empty_at |= {key: begin[key] + steps[key] for key in keys}


def test_memory_grows_with_the_keys_in_use() -> None:
    counter = MemoryCounter(keys_kept=10)
    for number in range(200):
        counter.take([(f"busy {number}", Rate(1, 86400.0))], 0.0)

    assert len(counter) == 200
    assert all(counter.take([(f"busy {n}", Rate(1, 86400.0))], 1.0) > 0 for n in range(200))


def test_a_meter_counts_with_everybody_else(counter: Counter) -> None:
    key = ("a", MINUTE)
    meter = counter.meter([RateDemand("a", MINUTE, "2/minute"), RateDemand("b", Rate(3, 60.0), "")])

    assert [meter.take(100.0), counter.take([key], 100.0)] == [0.0, 0.0]
    assert meter.take(100.0) == 30.0
    assert counter.room("b", Rate(3, 60.0), 100.0).remaining == 2


def test_a_burst_is_as_large_as_is_written(counter: Counter) -> None:
    rate = Rate(60, 60.0, burst=3)
    waits = [counter.take([("a", rate)], 100.0) for _ in range(4)]

    assert waits == [0.0, 0.0, 0.0, 1.0]
    assert counter.room("a", rate, 100.0).remaining == 0
    assert counter.room("a", rate, 200.0).remaining == 3


def byte_demand(unit: Unit, count: int = 1_000, *, observed: bool = False) -> RateDemand:
    return RateDemand(f"bytes {unit}", Rate(count, 100.0), "", unit, observed)


def test_bytes_of_arguments_are_counted_before(counter: Counter) -> None:
    meter = counter.meter([byte_demand("input")])

    assert [meter.take(100.0, size) for size in (600, 500, 400, 0)] == [0.0, 10.0, 0.0, 0.0]
    assert meter.take(100.0, 1) == pytest.approx(0.1)
    assert meter.take(100.0, 1_001) == float("inf")


def test_bytes_of_answers_are_counted_after_and_the_next_call_waits(counter: Counter) -> None:
    meter = counter.meter([byte_demand("output")])
    assert meter.take(100.0) == 0.0
    meter.add_output(100.0, 2_500)

    assert meter.take(100.0) == pytest.approx(150.1)
    assert meter.take(250.1) == 0.0


def test_a_use_that_is_taken_back_was_none(counter: Counter) -> None:
    meter = counter.meter([RateDemand("a", MINUTE, ""), byte_demand("input")])
    before = [meter.take(100.0, 400)]
    for _ in range(10):
        before.append(meter.take(100.0, 400))
        meter.take_back(400)

    assert before == [0.0] * 11
    assert meter.take(100.0, 600) == 0.0
    assert meter.take(100.0, 0) == 30.0


def test_what_is_only_observed_refuses_nothing_and_counts_what_it_would_have_let_through(
    counter: Counter,
) -> None:
    watched = RateDemand("a", MINUTE, "2/minute", observed=True)
    meter = counter.meter([watched])
    over = []
    for _ in range(4):
        assert meter.take(100.0) == 0.0
        over.append(len(meter.overruns()))

    assert over == [0, 0, 1, 1]
    assert counter.room("a", MINUTE, 130.0).remaining == 1


RATES = st.lists(
    st.builds(Rate, st.integers(1, 20), st.sampled_from([0.5, 1.0, 60.0, 90.0, 86_400.0])),
    min_size=1,
    max_size=3,
)


@given(
    RATES,
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 300)), max_size=40),
    st.integers(1, 300),
)
def test_after_the_time_that_is_told_a_call_is_admitted_and_not_a_moment_before(
    rates: list[Rate], uses: list[tuple[float, int]], size: int
) -> None:
    """`Retry-After` is true."""
    for backend in BACKENDS.values():
        counter = backend()
        demands = [RateDemand(f"r{number}", rate, "") for number, rate in enumerate(rates)]
        meter = counter.meter([*demands, byte_demand("input", 300), byte_demand("output", 100)])
        at = 1_000.0
        for pause, brought in uses:
            at += pause
            if meter.take(at, brought) == 0.0:
                meter.add_output(at, brought)
        wait = meter.take(at, size)
        if wait:
            assert meter.take(at + wait - 3e-6, size) > 0
            assert meter.take(at + wait, size) == 0.0
        counter.close()
