"""A moment is written in one way, wherever a person or a program reads it."""

from yett.core.clock import iso_time, iso_time_or_none


def test_a_moment_is_iso_8601_in_utc_cut_to_the_second() -> None:
    assert iso_time(1_800_000_000.9) == "2027-01-15T08:00:00Z"
    assert iso_time_or_none(0.0) == "1970-01-01T00:00:00Z"


def test_no_moment_is_written_as_none() -> None:
    assert iso_time_or_none(None) is None
