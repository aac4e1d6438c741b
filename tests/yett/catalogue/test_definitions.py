import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.catalogue.scene import accept, tool
from yett.catalogue.definitions import DEFINITION_DEPTH_MAX, digest_of, examine
from yett.catalogue.lock import Lock, decode_lock, encode_lock
from yett.catalogue.pinning import Classes, pin_first_sight
from yett.catalogue.port import Definitions
from yett.core.bounds import DEFINITION_BYTES_MAX, TOOLS_PER_SERVER_MAX, URI_CHARS_MAX
from yett.core.errors import Fault
from yett.core.operations import Kind
from yett.core.reasons import Reason

WHOLE = tool(
    "search",
    "Finds things",
    title="Search",
    annotations={"readOnlyHint": True},
    outputSchema={"type": "object", "properties": {"a": {"enum": [1, 2]}}},
    icons=[{"src": "data:,x"}],
    _meta={"x": {"y": None}},
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def bent(value: Any) -> list[Any]:
    """Every way to change one place of a document."""
    if isinstance(value, dict):
        found = [{**value, "new": 1}]
        found += [{k: v for k, v in value.items() if k != key} for key in value]
        found += [{**value, key: other} for key, item in value.items() for other in bent(item)]
        found += [{(k.upper() if k == key else k): v for k, v in value.items()} for key in value]
        return [item for item in found if item != value]
    if isinstance(value, list):
        return [
            [*value, 1],
            *([*value[:i], o, *value[i + 1 :]] for i, item in enumerate(value) for o in bent(item)),
            *([list(reversed(value))] if len(value) > 1 else []),
        ]
    return [str(value) + "x", [value]]


def test_any_change_of_one_place_changes_the_digest() -> None:
    """C02: mutate each field in turn."""
    before = digest_of("s", WHOLE)
    changed = bent(WHOLE)
    assert len(changed) > 50
    assert before not in {digest_of("s", item) for item in changed}


def test_the_order_of_keys_does_not_change_the_digest() -> None:
    assert digest_of("s", dict(reversed(WHOLE.items()))) == digest_of("s", WHOLE)


def test_the_digest_is_of_the_server_too() -> None:
    assert digest_of("s", WHOLE) != digest_of("t", WHOLE)


@pytest.mark.parametrize(("one", "two"), [(1, 1.0), (1, True), (0, False), (0.0, -0.0), (None, "")])
def test_values_that_python_calls_equal_differ(one: Any, two: Any) -> None:
    assert digest_of("s", {"a": one}) != digest_of("s", {"a": two})


def test_large_integers_are_kept() -> None:
    assert digest_of("s", {"a": 2**70}) != digest_of("s", {"a": 2**70 + 1})


def test_the_digest_stays_what_it_was() -> None:
    """Another digest for the same definition would quarantine everything at an upgrade."""
    assert digest_of("time", {"name": "now", "é": [1.5, None, "\u2028"]}) == (
        "78029f6fcc0dcfda30a517dfea1c25c0078898cb2852c83d5c772432734beab2"
    )


@pytest.mark.parametrize("bad", [{"a": "\ud800"}, {"a": {1, 2}}, {"a": 2**70, "b": "\ud800"}])
def test_what_is_no_json_has_no_digest(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        digest_of("s", bad)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (tool("a b"), "not allowed"),
        (tool(""), "not allowed"),
        (tool("a" * 129), "not allowed"),
        (tool("ａ"), "not allowed"),
        (tool("a\n"), "not allowed"),
        ({"inputSchema": {}}, "not allowed"),
        ({"name": 7, "inputSchema": {}}, "not allowed"),
        ({"name": "a"}, "no inputSchema"),
        ({"name": "a", "inputSchema": True}, "no inputSchema"),
        (tool("a", "x" * DEFINITION_BYTES_MAX), "bytes"),
        (tool("a", x=nested(DEFINITION_DEPTH_MAX)), "nested deeper"),
        (tool("a", x=nested(100_000)), "nested deeper"),
        (tool("a", "\ud800"), "not readable"),
        ("a string", "no JSON object"),
        (tool("refuse_me"), "for a reason"),
    ],
)
def test_a_definition_that_cannot_be_taken_says_why_and_spoils_no_other(
    definition: Any, told: str
) -> None:
    def check(whole: dict[str, Any]) -> str | None:
        return "for a reason" if whole["name"] == "refuse_me" else None

    sight = examine("s", Definitions(tools=(definition, tool("good"))), check)[Kind.TOOL]
    assert sight.pop("good").problem == ""
    ((_, offered),) = sight.items()
    assert told in offered.problem


def test_a_name_that_is_offered_twice_is_neither() -> None:
    sight = examine("s", Definitions(tools=(tool("a"), tool("a", "other"))), accept)[Kind.TOOL]
    assert "twice" in sight["a"].problem


def test_a_tool_may_hold_the_separator() -> None:
    sight = examine("s", Definitions(tools=(tool("a__b"),)), accept)[Kind.TOOL]
    assert sight["a__b"].problem == ""


@pytest.mark.parametrize(
    "uri", ["note", "note:///a b", "note:///\x07", "1:a", "a:" + "x" * URI_CHARS_MAX]
)
def test_a_resource_needs_a_uri(uri: str) -> None:
    definitions = Definitions(
        resources=({"uri": uri, "name": "x"},), resource_templates=({"uriTemplate": uri},)
    )
    sight = examine("s", definitions, accept)
    for kind in (Kind.RESOURCE, Kind.RESOURCE_TEMPLATE):
        assert all(item.problem for item in sight[kind].values())


def test_a_server_with_too_many_tools_is_not_taken_at_all() -> None:
    many = tuple(tool(f"t{number}") for number in range(TOOLS_PER_SERVER_MAX + 1))
    with pytest.raises(Fault) as caught:
        examine("s", Definitions(tools=many), accept)
    assert caught.value.reason is Reason.UPSTREAM_INVALID


@given(st.lists(JSON_VALUES | st.builds(lambda x: tool("t", x=x), JSON_VALUES), max_size=4))
def test_whatever_a_server_says_is_judged_and_what_is_pinned_can_be_read_again(
    items: list[Any],
) -> None:
    before = copy.deepcopy(items)
    definitions = Definitions(
        tools=tuple(items),
        prompts=tuple(items),
        resources=tuple(items),
        resource_templates=tuple(items),
    )
    sight = examine("s", definitions, accept)
    assert items == before
    lock = pin_first_sight(Lock(), "s", sight, Classes(), "2027-01-15T08:00:00Z")
    assert encode_lock(decode_lock(encode_lock(lock), "x")) == encode_lock(lock)
