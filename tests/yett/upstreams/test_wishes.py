"""What a server hears that it may ask, and what it is kept from asking."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.talk import QUESTIONS, Talk
from yett.upstreams.port import NO_WISHES, Wishes
from yett.upstreams.wishes import may_be_asked, offered, wishes_of

EVERYTHING = frozenset({"elicitation", "sampling", "roots"})


@pytest.mark.parametrize(
    ("declared", "may_ask", "expected"),
    [
        ({}, EVERYTHING, {}),
        ({"roots": {}}, (), {}),
        ({"roots": {}}, EVERYTHING, {"roots": {}}),
        ({"roots": {"listChanged": True}}, EVERYTHING, {"roots": {}}),
        ({"roots": {}, "sampling": {}}, {"sampling"}, {"sampling": {}}),
        ({"elicitation": {}}, EVERYTHING, {"elicitation": {}}),
        (
            {"elicitation": {"form": {"x": 1}, "url": {}}},
            EVERYTHING,
            {"elicitation": {"form": {}, "url": {}}},
        ),
        ({"elicitation": {"form": True}}, EVERYTHING, {"elicitation": {}}),
        ({"sampling": {"tools": {}, "other": {}}}, EVERYTHING, {"sampling": {"tools": {}}}),
        ({"roots": True, "sampling": None, "experimental": {"x": {}}}, EVERYTHING, {}),
    ],
)
def test_only_what_is_declared_and_allowed_and_known_is_offered(
    declared: dict[str, Any], may_ask: Any, expected: dict[str, Any]
) -> None:
    wishes = wishes_of(Talk(capabilities=declared), may_ask)

    assert offered(wishes) == expected
    assert (wishes == NO_WISHES) is (expected == {})


def test_a_level_is_a_wish_and_the_same_wishes_are_equal() -> None:
    first = wishes_of(Talk(log_level="info", capabilities={"roots": {}, "sampling": {}}), EVERYTHING)  # fmt: skip
    second = wishes_of(Talk(log_level="info", capabilities={"sampling": {}, "roots": {}}), EVERYTHING)  # fmt: skip

    assert first == second
    assert hash(first) == hash(second)
    assert wishes_of(Talk(log_level="info"), ()) == Wishes(b"{}", "info")


@pytest.mark.parametrize(
    ("capabilities", "method", "params", "expected"),
    [
        ({"roots": {}}, "roots/list", {}, True),
        ({}, "roots/list", {}, False),
        ({"roots": {}}, "tools/list", {}, False),
        ({"roots": {}}, "", {}, False),
        ({"elicitation": {}}, "elicitation/create", {}, True),
        ({"elicitation": {}}, "elicitation/create", {"mode": "form"}, True),
        ({"elicitation": {}}, "elicitation/create", {"mode": "url"}, False),
        ({"elicitation": {"url": {}}}, "elicitation/create", {"mode": "url"}, True),
        ({"elicitation": {"url": {}}}, "elicitation/create", {}, False),
        ({"elicitation": {"form": {}}}, "elicitation/create", {"mode": ["form"]}, False),
        ({"elicitation": {"form": {}}}, "elicitation/create", {"mode": "other"}, False),
        ({"sampling": {}}, "sampling/createMessage", {"messages": []}, True),
        ({"sampling": {}}, "sampling/createMessage", {"tools": []}, False),
        ({"sampling": {}}, "sampling/createMessage", {"toolChoice": {}}, False),
        ({"sampling": {"tools": {}}}, "sampling/createMessage", {"tools": []}, True),
    ],
)
def test_what_may_be_asked(
    capabilities: dict[str, Any], method: str, params: dict[str, Any], *, expected: bool
) -> None:
    assert may_be_asked(Wishes(orjson.dumps(capabilities)), method, params) is expected


@given(
    st.dictionaries(
        st.sampled_from(["elicitation", "sampling", "roots", "tasks", "other"]),
        st.dictionaries(st.sampled_from(["form", "url", "tools", "context"]), st.just({})),
    ),
    st.sets(st.sampled_from(sorted(EVERYTHING))),
    st.sampled_from([*QUESTIONS, "ping", "tools/call"]),
    st.dictionaries(st.sampled_from(["mode", "tools"]), st.sampled_from(["form", "url", [], {}])),
)
def test_nothing_is_ever_asked_without_the_leave_of_both(
    declared: Any, may_ask: set[str], method: str, params: Any
) -> None:
    wishes = wishes_of(Talk(capabilities=declared), may_ask)

    if may_be_asked(wishes, method, params):
        assert QUESTIONS[method] in may_ask
        assert QUESTIONS[method] in declared
