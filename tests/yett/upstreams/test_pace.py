"""A process that talks unasked has a share of the loop."""

from yett.upstreams.backends.stdio.pace import CREDIT_SECONDS_MAX, SHARE, Pace


def waited(pace: Pace, now: float) -> float:
    wait = pace.spend(0.002, now)
    pace.hold(wait, now)
    return wait


def test_within_its_credit_nobody_waits() -> None:
    pace = Pace()

    assert pace.spend(CREDIT_SECONDS_MAX / 2, 0.0) == 0
    assert pace.spend(CREDIT_SECONDS_MAX / 2, 0.0) == 0


def test_over_any_time_it_gets_its_share() -> None:
    pace, now, spent = Pace(), 0.0, 0.0
    while now < 20:
        wait = waited(pace, now)
        spent += 0.002
        now += 0.002 + wait

    assert spent <= 2 * CREDIT_SECONDS_MAX + now * SHARE + 0.002
    assert spent >= now * SHARE * 0.9
    assert not pace.is_flooding()


def test_one_that_waits_most_of_a_minute_is_flooding() -> None:
    pace, now = Pace(), 0.0
    while now < 50:
        now += 0.002 + waited(pace, now)

    assert pace.is_flooding()


def test_one_that_answers_meanwhile_is_slow_and_not_flooding() -> None:
    pace, now = Pace(), 0.0
    while now < 300:
        now += 0.002 + waited(pace, now)
        if int(now) % 20 == 0:
            pace.forgive()

    assert pace.spend(0.002, now) > 0
    assert not pace.is_flooding()


def test_who_is_within_the_share_is_never_flooding_and_saves_no_more_than_the_credit() -> None:
    pace, now = Pace(), 0.0
    for _ in range(10_000):
        assert pace.spend(SHARE * 0.1, now) == 0
        now += 0.11
    now += 3600
    waits = [pace.spend(0.01, now) for _ in range(30)]

    assert sum(wait > 0 for wait in waits) >= 30 - (CREDIT_SECONDS_MAX * 2) / 0.01 - 1
    assert not pace.is_flooding()
