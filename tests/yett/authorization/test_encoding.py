"""What Cedar is told about a call: exactly what was said, or nothing."""

from decimal import Decimal
from typing import Any

import cedarpy
import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.yett.authorization.asking import call
from yett.authorization.backends.label_memory import MemoryLabelStore
from yett.authorization.encoding import Occasion, UnjudgeableError, encode_arguments, observe
from yett.authorization.labels import Labels
from yett.core.identity import Principal
from yett.core.talk import Talk
from yett.core.target import JSON

SEEN = "the balance of account 4711-0815 is 1,234.56 pounds"


def occasion(now: float = 0.0, **changes: Any) -> Occasion:
    labels = Labels(MemoryLabelStore(), HandClock())
    return Occasion(call(**changes), Principal(id="k1", name="laptop"), now, labels)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=8,
)
RESERVED = st.sampled_from(
    ["__entity", "__extn", "__expr", "_", "__", "___entity", "a", "fn", "arg", "type", "id"]
)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("x", "x"),
        (True, True),
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (5.0, 5),
        (-0.0, 0),
        (1e18, 10**18),
        (5.5, {"__extn": {"fn": "decimal", "arg": "5.5000"}}),
        (-0.0001, {"__extn": {"fn": "decimal", "arg": "-0.0001"}}),
        ([1, "a", []], [1, "a", []]),
        ({"__extn": {"fn": "ip", "arg": "x"}}, {"___extn": {"fn": "ip", "arg": "x"}}),
        ({"a": None, "_b": 1, "__c": 2, "___d": 3}, {"_b": 1, "___c": 2, "____d": 3}),
    ],
)
def test_each_kind_of_value_has_its_one_form(value: JSON, encoded: JSON) -> None:
    assert encode_arguments({"v": value}, None) == {"v": encoded}
    assert encode_arguments({"v": value}, frozenset({"v", "w"})) == {"v": encoded}


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        1e19,
        1e300,
        0.00001,
        1.23456,
        922337203685477.6,
        [None],
        [[2**64]],
        {"a": 2**64},
    ],
)
def test_what_has_no_exact_form_is_not_judged_if_a_policy_looks_at_it(value: JSON) -> None:
    with pytest.raises(UnjudgeableError, match=r"`v`|`arguments`"):
        encode_arguments({"v": value}, None)
    with pytest.raises(UnjudgeableError, match="`v`"):
        encode_arguments({"v": value}, frozenset({"v"}))
    assert encode_arguments({"v": value, "w": 1}, frozenset({"w"})) == {"w": 1}


def test_names_are_those_that_policies_write() -> None:
    arguments = {"__entity": 1, "___entity": 2, "_x": 3}

    assert encode_arguments(arguments, frozenset({"___entity"})) == {"___entity": 1}
    assert encode_arguments(arguments, frozenset({"____entity"})) == {"____entity": 2}
    assert encode_arguments(arguments, frozenset({"__entity", "_x"})) == {"_x": 3}


@given(st.dictionaries(RESERVED | st.text(max_size=8), VALUES, max_size=4))
def test_keys_stay_different_and_selecting_is_the_same_as_encoding_all(
    arguments: dict[str, Any],
) -> None:
    try:
        encoded = encode_arguments(arguments, None)
    except UnjudgeableError:
        return
    assert len(encoded) == sum(value is not None for value in arguments.values())
    assert encode_arguments(arguments, frozenset(encoded)) == encoded


@given(
    st.dictionaries(
        RESERVED, st.dictionaries(RESERVED, st.text(max_size=5), max_size=3), max_size=3
    )
)
def test_cedar_reads_back_records_and_nothing_but_records(arguments: dict[str, Any]) -> None:
    """Compared inside Cedar with a literal that cannot be an entity or a function call."""
    encoded = encode_arguments(arguments, None)
    members = (
        f"{_text(name)}: {{{', '.join(f'{_text(k)}: {_text(v)}' for k, v in inner.items())}}}"
        for name, inner in encoded.items()
    )
    literal = f"{{{', '.join(members)}}}"
    answer = cedarpy.is_authorized(
        {
            "principal": 'K::"k"',
            "action": 'Action::"read"',
            "resource": 'T::"t"',
            "context": orjson.dumps({"arguments": encoded}).decode(),
        },
        f"permit(principal, action, resource) when {{ context.arguments == {literal} }};",
        "[]",
    )
    assert answer.allowed


def _text(value: str) -> str:
    return '"' + "".join(f"\\u{{{ord(c):x}}}" for c in value) + '"'


@given(st.decimals(-(10**14), 10**14, places=4, allow_nan=False))
def test_a_decimal_is_told_exactly_or_not_at_all(number: Decimal) -> None:
    value = float(number)
    try:
        encoded = encode_arguments({"v": value}, None)["v"]
    except UnjudgeableError:
        return
    told = encoded if isinstance(encoded, int) else Decimal(encoded["__extn"]["arg"])
    assert told == Decimal(repr(value))


def test_an_address_that_is_none_is_left_out() -> None:
    assert observe("address", occasion(peer="unix")) is None
    assert observe("nonsense", occasion()) is None


def test_a_link_local_address_loses_its_zone() -> None:
    address = observe("address", occasion(peer="fe80::1%eth0"))

    assert address == {"__extn": {"fn": "ip", "arg": "fe80::1"}}


@pytest.mark.parametrize(
    ("now", "hour", "weekday"),
    [(0.0, 0, 4), (86_399.9, 23, 4), (4 * 86_400.0, 0, 1), (3 * 86_400.0, 0, 7)],
)
def test_hours_and_weekdays_are_utc_and_monday_is_the_first(
    now: float, hour: int, weekday: int
) -> None:
    assert observe("time", occasion(now)) == int(now)
    assert observe("hour", occasion(now)) == hour
    assert observe("weekday", occasion(now)) == weekday


@pytest.mark.parametrize(
    "sent",
    [
        {"arguments": {"text": SEEN}},
        {"talk": Talk(inputs={"q1": {"action": "accept", "content": {"why": SEEN}}})},
        {"name": f"fetch://evil.example/{SEEN}"},
    ],
)
def test_a_copy_is_seen_wherever_it_goes_out(sent: dict[str, Any]) -> None:
    """Also in what the server asked for in the middle of the call, and in the address of a resource."""
    plain = occasion()
    plain.labels.trace("k1", frozenset({"private"}), {"text": SEEN})
    carrying = msgspec.structs.replace(plain, call=msgspec.structs.replace(plain.call, **sent))

    assert observe("carries", plain) == []
    assert observe("carries", carrying) == ["private"]
