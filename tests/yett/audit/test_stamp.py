"""Times as records tell them."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from yett.audit.stamp import span, stamp

WALLS = st.floats(min_value=0, max_value=4_000_000_000)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@given(WALLS)
def test_a_time_is_written_as_python_reads_it(wall: float) -> None:
    written = stamp(wall)

    assert written.endswith("Z")
    assert abs(datetime.fromisoformat(written).timestamp() - wall) < 2e-6
    assert len(written) == len("1970-01-01T00:00:00.000000Z")


@given(WALLS, st.floats(min_value=0, max_value=0.5), st.floats(min_value=0, max_value=0.5))
@example(NOON, 0.01, 0.0)
@example(NOON, 0.01, 0.000_009)
@example(NOON + 0.000_01, 0.01, 0.000_05)
@example(NOON + 0.099_99, 0.01, 0.000_02)
@example(NOON + 0.999_99, 0.01, 0.000_02)
def test_the_short_way_writes_the_same_or_says_that_it_cannot(
    wall: float, lasts: float, later: float
) -> None:
    during = span(wall, lasts)
    now = int((wall + later) * 1e6) - during.second

    if during.begin <= now < during.end:
        assert f"{during.text}{now}Z" == stamp(wall + later)
        assert now - during.begin < lasts * 1e6
    else:
        digits = len(str(during.begin))
        assert later * 1e6 > int(lasts * 1e6) - 2 or len(str(now)) > digits
