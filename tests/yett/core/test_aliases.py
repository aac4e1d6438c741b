"""Every name gets one that providers accept, and no two get the same."""

import re

from hypothesis import given
from hypothesis import strategies as st

from yett.core.aliases import NAME_CHARS_MAX, alias_of

names = st.from_regex(r"[a-z0-9]{1,20}__[A-Za-z0-9_.-]{1,128}", fullmatch=True)


@given(names)
def test_an_alias_is_a_name_that_providers_accept(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", alias_of(name))


@given(names)
def test_a_name_that_fits_stays(name: str) -> None:
    fits = len(name) <= NAME_CHARS_MAX and "." not in name

    assert (alias_of(name) == name) is fits


@given(st.sets(names, min_size=2, max_size=50))
def test_two_names_never_share_one(several: set[str]) -> None:
    assert len({alias_of(name) for name in several}) == len(several)
