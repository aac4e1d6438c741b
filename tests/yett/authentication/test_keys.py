import re

from hypothesis import given
from hypothesis import strategies as st

from yett.authentication.keys import CREDENTIAL_BYTES_MAX, make_id, make_key, parse_key


def test_a_key_has_the_documented_form() -> None:
    key = make_key("live", "abcDEF123456").reveal_text()
    assert re.fullmatch(r"yett_live_abcDEF123456_[0-9A-Za-z]{49}", key)
    assert len(key) < CREDENTIAL_BYTES_MAX


def test_a_key_reads_back_as_its_public_parts() -> None:
    key_id = make_id()
    parsed = parse_key(make_key("test", key_id).reveal())
    assert parsed is not None
    assert (parsed.environment, parsed.id) == ("test", key_id)


def test_no_two_keys_or_ids_are_alike() -> None:
    assert len({make_key("live", "abcDEF123456").reveal() for _ in range(100)}) == 100
    assert len({make_id() for _ in range(100)}) == 100


@given(st.integers(0, 71), st.sampled_from(b"0123456789ABCXYZabcxyz_-"))
def test_one_mistyped_character_is_noticed(position: int, replacement: int) -> None:
    key = make_key("live", "abcDEF123456").reveal()
    mistyped = key[:position] + bytes([replacement]) + key[position + 1 :]
    assert (parse_key(mistyped) is not None) == (mistyped == key)


@given(st.binary(max_size=100))
def test_anything_else_is_no_key(noise: bytes) -> None:
    assert parse_key(noise) is None
    assert parse_key(b"yett_live_" + noise) is None


def test_a_trailing_newline_makes_it_no_key() -> None:
    assert parse_key(make_key("live", "abcDEF123456").reveal() + b"\n") is None
