"""Times as records tell them."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from yett.audit.stamp import stamp

WALLS = st.floats(min_value=0, max_value=4_000_000_000)


@given(WALLS)
def test_a_time_is_written_as_python_reads_it(wall: float) -> None:
    written = stamp(wall)

    assert written.endswith("Z")
    assert abs(datetime.fromisoformat(written).timestamp() - wall) < 2e-6
    assert len(written) == len("1970-01-01T00:00:00.000000Z")
