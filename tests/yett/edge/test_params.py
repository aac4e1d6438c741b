"""Of the parameters of a method, what is understood becomes the call, and what is not is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.bounds import SUBSCRIPTIONS_PER_PRINCIPAL_MAX
from yett.core.notices import LOG_LEVELS
from yett.core.operations import COMPLETE_TEMPLATE, OPERATIONS
from yett.core.reasons import Reason
from yett.core.seal import SEALED_CHARS_MAX
from yett.edge.mcp.params import NOTHING, Asked, read_params

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
ARGUMENT = {"name": "topic", "value": "ga"}
both = pytest.mark.parametrize("modern", [False, True])


def refused(asked: Asked) -> bool:
    return asked.refused is not None and asked.refused.reason is Reason.MALFORMED_REQUEST


@both
@pytest.mark.parametrize("method", LISTS)
def test_a_list_takes_a_cursor(method: str, modern: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert read_params(method, {}, modern=modern) is NOTHING
    assert read_params(method, {"cursor": None}, modern=modern) is NOTHING
    assert read_params(method, {"cursor": ""}, modern=modern).params == {"cursor": ""}
    assert read_params(method, {"cursor": "abc"}, modern=modern).params == {"cursor": "abc"}
    others: list[Any] = [7, [], {}, True, "x" * (SEALED_CHARS_MAX + 1)]
    for cursor in others:
        assert refused(read_params(method, {"cursor": cursor}, modern=modern))


def test_a_completion_names_a_prompt_or_a_template() -> None:
    of_prompt = read_params("completion/complete", {"ref": {"type": "ref/prompt", "name": "p", "title": "P"}, "argument": ARGUMENT}, modern=True)  # fmt: skip
    context = {"arguments": {"a": "b"}}
    of_template = read_params("completion/complete", {"ref": {"type": "ref/resource", "uri": "a:{b}"}, "argument": ARGUMENT, "context": context, "_meta": {}}, modern=True)  # fmt: skip

    assert of_prompt == Asked("p", {"argument": ARGUMENT})
    assert of_template == Asked("a:{b}", {"argument": ARGUMENT, "context": context}, operation=COMPLETE_TEMPLATE)  # fmt: skip


@pytest.mark.parametrize(
    "params",
    [
        {}, {"ref": "p"}, {"ref": {}}, {"ref": {"type": "ref/tool", "name": "t"}}, {"ref": {"type": "ref/prompt", "uri": "p"}},
        {"ref": {"type": "ref/prompt", "name": ""}}, {"ref": {"type": "ref/prompt", "name": 7}}, {"ref": {"type": "ref/resource", "name": "p"}},
        {"ref": {"type": "ref/prompt", "name": "p"}, "more": 1}, {"ref": {"type": [], "name": "p"}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_completion_of_something_else_is_refused(params: dict[str, Any]) -> None:
    assert refused(read_params("completion/complete", params, modern=False))


@pytest.mark.parametrize("method", ["resources/subscribe", "resources/unsubscribe"])
def test_a_subscription_is_a_uri_and_nothing_else(method: str) -> None:
    assert read_params(method, {"uri": "a:b", "_meta": {}}, modern=False) == Asked("a:b")
    for params in ({}, {"uri": ""}, {"uri": 7}, {"uri": "a:b", "all": True}):
        assert refused(read_params(method, params, modern=False))


def test_a_level_is_one_that_exists() -> None:
    for level in LOG_LEVELS:
        assert read_params("logging/setLevel", {"level": level}, modern=False) is NOTHING
    others: list[Any] = [None, "", "INFO", 3, ["info"], {"info": 1}]
    for other in others:
        assert refused(read_params("logging/setLevel", {"level": other}, modern=False))


def test_as_many_resources_may_be_wanted_as_may_be_watched() -> None:
    many = {"resourceSubscriptions": [f"a:{n}" for n in range(SUBSCRIPTIONS_PER_PRINCIPAL_MAX)]}

    assert read_params("subscriptions/listen", {"notifications": many}, modern=True).params == many


def test_rounds_are_of_the_modern_version_and_tasks_of_the_one_before() -> None:
    call: dict[str, Any] = {"name": "t", "arguments": {}}
    rounds: list[dict[str, Any]] = [{"requestState": "s"}, {"inputResponses": {}}]
    for more in rounds:
        assert read_params("tools/call", call | more, modern=True).refused is None
        assert refused(read_params("tools/call", call | more, modern=False))
    assert read_params("tools/call", call | {"task": {}}, modern=True).task is None
    assert read_params("tools/call", call | {"task": {}}, modern=False).task is not None


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
members = st.sampled_from(
    ["name", "arguments", "uri", "cursor", "ref", "argument", "context", "level", "notifications", "task", "taskId", "inputResponses", "requestState", "_meta", "x"]
)  # fmt: skip


@given(st.sampled_from(sorted(OPERATIONS)), st.dictionaries(members, json, max_size=5), st.booleans())  # fmt: skip
def test_whatever_is_sent_is_read_or_refused(
    method: str,
    params: dict[str, Any],
    modern: bool,  # noqa: FBT001 - drawn
) -> None:
    asked = read_params(method, params, modern=modern)

    assert isinstance(asked.name, str)
    assert isinstance(asked.arguments, dict)
    assert asked.refused is None or refused(asked)
