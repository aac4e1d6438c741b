"""The targets of `make fuzz`, on their seeds and on what chance makes of them: short, so that what was found
once stays mended."""

import random

import pytest
from fuzz.seeds import seeds
from fuzz.targets import TARGETS

_CHANGES = 150


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_taken_or_refused(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
def test_what_chance_makes_of_seeds_is_taken_or_refused(name: str) -> None:
    chance = random.Random(name)  # the same each time: a failure can be looked at
    known = list(seeds(name))
    for _ in range(_CHANGES):
        TARGETS[name](_changed(chance.choice(known)[:2_000], chance.choice(known), chance))


def _changed(seed: bytes, other: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(data))
        match chance.randint(0, 4):
            case 0:
                data[place:place] = chance.randbytes(chance.randint(1, 4))
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = data[: chance.randint(0, len(data))]
            case 3:
                start = chance.randint(0, len(other))
                data[place:place] = other[start : start + chance.randint(1, 64)]
            case _:
                data[place : place + 1] = bytes(
                    [chance.choice(b"\x00\"\\{}[]:,;'()-/*\n\r\xff\x1b")]
                )
    return bytes(data[:8_192])
