"""What the conformance suite wants to see of a client, it sees of the gate's back face."""

import pytest

from tests.conformance import run, suite
from tests.needs import needs

pytestmark = needs(*suite.NEEDED)


@pytest.mark.parametrize("version", run.BACK)
def test_nothing_is_lost_on_the_way_but_what_is_listed(version: str) -> None:
    verdict = run.back(version)

    assert verdict.surprises == [], verdict.table()
    assert verdict.wanted > 0
