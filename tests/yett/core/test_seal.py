"""Seals open for their owner and their purpose, in time, and for nobody and nothing else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from yett.core import seal
from yett.core.rounds import Round
from yett.core.seal import KEY_BYTES, SEALED_CHARS_MAX, Sealer, SealError

TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def make(clock: HandClock | None = None, key: bytes = bytes(KEY_BYTES)) -> Sealer:
    return Sealer(key, clock or HandClock())


@given(JSON, TEXT, TEXT)
def test_what_was_sealed_comes_back(content: object, owner: str, purpose: str) -> None:
    sealer = make()

    text = sealer.seal(content, owner=owner, purpose=purpose, seconds=10.0)

    assert sealer.open(text, owner=owner, purpose=purpose) == content
    assert text.isascii()
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(TEXT, TEXT, TEXT, TEXT)
def test_another_owner_or_purpose_does_not_open_it(
    owner: str, purpose: str, other_owner: str, other_purpose: str
) -> None:
    """However the two are cut: `ab` and `c` are not `a` and `bc`."""
    sealer = make()
    text = sealer.seal("x", owner=owner, purpose=purpose, seconds=10.0)

    if (owner, purpose) != (other_owner, other_purpose):
        with pytest.raises(SealError):
            sealer.open(text, owner=other_owner, purpose=other_purpose)


@given(st.data())
def test_a_seal_that_was_altered_does_not_open(data: st.DataObject) -> None:
    sealer = make()
    text = sealer.seal({"state": "x"}, owner="ada", purpose="call", seconds=10.0)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    altered = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()

    with pytest.raises(SealError):
        sealer.open(altered, owner="ada", purpose="call")


@given(st.text(max_size=200))
def test_any_other_text_does_not_open(text: str) -> None:
    with pytest.raises(SealError):
        make().open(text, owner="ada", purpose="call")


@pytest.mark.parametrize("text", ["", "A", "ä", "=" * 40, "A" * (SEALED_CHARS_MAX + 1), "A" * 15])
def test_text_that_can_be_no_seal_does_not_open(text: str) -> None:
    with pytest.raises(SealError):
        make().open(text, owner="ada", purpose="call")


def test_it_opens_in_time_only() -> None:
    clock = HandClock()
    sealer = make(clock)
    text = sealer.seal("x", owner="ada", purpose="call", seconds=10.0)

    clock.pass_seconds(9.0)
    assert sealer.open(text, owner="ada", purpose="call") == "x"
    clock.pass_seconds(1.1)
    with pytest.raises(SealError):
        sealer.open(text, owner="ada", purpose="call")


def test_the_key_of_another_gate_does_not_open_it() -> None:
    text = make().seal("x", owner="ada", purpose="call", seconds=10.0)

    with pytest.raises(SealError):
        make(key=b"1" * KEY_BYTES).open(text, owner="ada", purpose="call")


def test_what_is_inside_cannot_be_read_and_no_two_are_alike() -> None:
    sealer = make()
    seals = [sealer.seal("a secret", owner="ada", purpose="call", seconds=10.0) for _ in range(100)]

    assert len(set(seals)) == 100
    assert all(b"secret" not in base64.urlsafe_b64decode(text + "==") for text in seals)


def test_a_seal_is_spent_once_and_opens_until_then() -> None:
    sealer = make()
    text = sealer.seal("x", owner="ada", purpose="call", seconds=10.0)
    other = sealer.seal("x", owner="ada", purpose="call", seconds=10.0)

    for _ in range(3):
        sealer.open(text, owner="ada", purpose="call")
    sealer.spend(text, owner="ada", seconds=10.0)
    sealer.spend(other, owner="ada", seconds=10.0)
    with pytest.raises(SealError):
        sealer.spend(text, owner="ada", seconds=10.0)


def test_spent_seals_are_forgotten_when_they_are_too_old_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seal, "SPENT_MAX", 3)
    clock = HandClock()
    sealer = make(clock)
    seals = [sealer.seal(n, owner="ada", purpose="call", seconds=10.0) for n in range(5)]
    for text, owner in zip(seals[:3], ("ada", "bob", "bob"), strict=True):
        sealer.spend(text, owner=owner, seconds=10.0)

    with pytest.raises(SealError):  # full of what could be shown again
        sealer.spend(seals[3], owner="eve", seconds=10.0)
    clock.pass_seconds(10.1)
    sealer.spend(seals[4], owner="eve", seconds=10.0)

    assert {owner: len(spent) for owner, spent in sealer._spent.items()} == {"eve": 1}
    assert sealer._count == 1


def test_one_owner_cannot_fill_the_room_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "SPENT_PER_OWNER_MAX", 2)
    clock = HandClock()
    sealer = make(clock)
    seals = [sealer.seal(n, owner="ada", purpose="call", seconds=10.0) for n in range(5)]
    for text in seals[:2]:
        sealer.spend(text, owner="ada", seconds=10.0)
        clock.pass_seconds(6.0)

    sealer.spend(seals[2], owner="ada", seconds=10.0)  # the first is too old by now
    with pytest.raises(SealError):
        sealer.spend(seals[3], owner="ada", seconds=10.0)
    sealer.spend(seals[3], owner="bob", seconds=10.0)

    assert sealer._count == 3


def test_the_largest_round_fits_a_seal() -> None:
    """Sixteen questions under the longest keys, and the longest state (sanitising/questions.py)."""
    asked = {f"{n:02}" + "\U0001f511" * 126: "sampling/createMessage" for n in range(16)}
    largest = Round("x" * (32 * 1024 - 2), "r" * 40, asked)
    content = json.loads(json.dumps({"state": largest.state, "id": largest.id, "asked": asked}))
    sealer = make()

    text = sealer.seal(content, owner="ada", purpose="call", seconds=10.0)

    assert sealer.open(text, owner="ada", purpose="call") == content
