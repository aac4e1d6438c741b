"""What the conformance suite finds at a server, it finds through the gate: every version, either era behind."""

from collections.abc import Iterator

import pytest

from tests.conformance import run, suite
from tests.needs import needs

pytestmark = needs(*suite.NEEDED)


@pytest.fixture(scope="module")
def front() -> Iterator[run.Front]:
    with run.front() as ours:
        yield ours


LEGS = [leg for leg in run.FRONT if leg.name not in run.LONG]


@pytest.mark.parametrize("leg", LEGS, ids=[leg.name for leg in LEGS])
def test_nothing_is_lost_on_the_way_but_what_is_listed(front: run.Front, leg: run.FrontLeg) -> None:
    verdict = front.run(leg)

    assert verdict.surprises == [], verdict.table()
    assert verdict.wanted > 0


def test_every_entry_of_the_list_names_legs_that_exist_and_says_why() -> None:
    known = {leg.name for leg in run.FRONT} | {f"{version}/back" for version in run.BACK}

    assert [entry for entry in run.entries() if not set(entry["legs"]) <= known] == []
    assert [entry for entry in run.entries() if not entry["why"].strip()] == []
