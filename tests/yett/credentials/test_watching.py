"""A honeytoken that cannot be read for a while is told once, tried again, and takes no other with it."""

from typing import final

import msgspec
import pytest

from tests.clock import HandClock
from tests.yett.credentials.samples import Ledger, admitted
from yett.core.errors import Denied, Fault
from yett.core.proofs import Identified
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.honeytokens import Trap
from yett.credentials.watching import EVERY, Traps, Watch

VALUES = {"one": "the-first-value-1", "two": "another-value-2"}


@final
class House:
    """Two honeytokens in a vault whose rows a test damages."""

    def __init__(self) -> None:
        self.values = dict(VALUES)
        self.damaged: set[str] = set()
        self.is_away = False
        self.reads = 0
        self.clock, self.ledger = HandClock(), Ledger()
        self.watch = Watch(self.read, self.clock.monotonic, self.ledger.record, lambda _: None)

    def read(self) -> Traps:
        self.reads += 1
        if self.is_away:
            raise Fault(Reason.INTERNAL_ERROR, "the database did not answer")
        return Traps(
            tuple(
                Trap(name, Secret(value), cuts=False)
                for name, value in self.values.items()
                if name not in self.damaged
            ),
            dict.fromkeys(sorted(self.damaged & self.values.keys()), "does not open"),
        )

    def watched(self) -> set[str]:
        """Which of the first values would be noticed, with a ledger of its own."""
        told, self.ledger.events = self.ledger.events, []
        noticed = {name for name, value in VALUES.items() if self.notices(value)}
        self.ledger.events = told
        return noticed

    def notices(self, value: str) -> bool:
        permitted = admitted().validated.permitted
        call = msgspec.structs.replace(permitted.call, arguments={"text": value})
        try:
            if self.watch.look_out is not None:
                self.watch.look_out(Identified(call, permitted.principal))
        except Denied:
            return True
        return False

    def seconds(self, number: int) -> None:
        for _ in range(number):
            self.clock.pass_seconds(1.0)
            self.watch.keep(anew=False)

    def told(self) -> list[tuple[str, str]]:
        return [(event["event"], event["name"]) for event in self.ledger.events]


def test_one_that_cannot_be_read_is_tried_again_and_the_others_are_watched() -> None:
    house = House()
    house.damaged = {"one"}
    house.watch.keep(anew=True)
    assert house.watched() == {"two"}
    house.seconds(5)
    assert house.watched() == {"two"}

    house.damaged = set()
    house.seconds(8)

    assert house.watched() == {"one", "two"}
    assert house.told() == [("secret.unwatched", "one"), ("secret.watched", "one")]
    (lost, found) = house.ledger.events
    assert (lost["alert"], lost["why"], "alert" in found) == ("high", "does not open", False)


def test_pauses_grow_and_nothing_is_read_when_all_is_well() -> None:
    house = House()
    house.damaged = {"two"}
    house.watch.keep(anew=True)
    house.seconds(600)
    assert house.reads <= 7 + 600 // 60
    assert len(house.told()) == 1

    for _ in range(2_000):  # for longer than a day
        house.clock.pass_seconds(60.0)
        house.watch.keep(anew=False)

    house.damaged = set()
    house.seconds(60)
    reads = house.reads
    house.seconds(600)
    assert house.reads == reads


def test_what_was_known_of_it_is_looked_for_until_it_can_be_read_or_is_gone() -> None:
    house = House()
    house.watch.keep(anew=True)
    house.damaged = {"one"}
    house.watch.keep(anew=True)
    assert house.watched() == {"one", "two"}

    del house.values["one"]
    house.watch.keep(anew=True)

    assert house.watched() == {"two"}
    assert house.told() == [("secret.unwatched", "one")]


def test_a_vault_that_is_away_takes_nothing_away() -> None:
    house = House()
    house.watch.keep(anew=True)
    house.damaged = {"one"}
    house.watch.keep(anew=True)
    house.is_away = True
    house.watch.keep(anew=True)
    house.seconds(3)
    assert house.watched() == {"one", "two"}

    house.is_away, house.damaged = False, set()
    house.seconds(8)

    assert house.watched() == {"one", "two"}
    assert house.told() == [
        ("secret.unwatched", "one"),
        ("secret.unwatched", EVERY),
        ("secret.watched", EVERY),
        ("secret.watched", "one"),
    ]


def test_what_could_not_be_recorded_is_told_at_the_next_try() -> None:
    house = House()
    house.damaged = {"one"}
    house.ledger.broken = True
    with pytest.raises(OSError, match="no space"):
        house.watch.keep(anew=True)
    house.ledger.broken = False
    assert house.watched() == {"two"}

    house.seconds(1)

    assert house.told() == [("secret.unwatched", "one")]


def test_the_last_one_that_is_removed_is_not_looked_for() -> None:
    house = House()
    house.watch.keep(anew=True)
    house.values = {}
    house.watch.keep(anew=True)
    assert house.watch.look_out is None
