"""What the conformance suite wants to see of a client, it sees of the gate's back face."""

import pytest

from tests.conformance import run, suite

pytestmark = pytest.mark.skipif(
    not suite.is_installed(), reason="no node_modules folder: `make test` sets up the suite"
)


@pytest.mark.parametrize("version", run.BACK)
def test_nothing_is_lost_on_the_way_but_what_is_listed(version: str) -> None:
    verdict = run.back(version)

    assert verdict.surprises == [], verdict.table()
    assert verdict.wanted > 0
