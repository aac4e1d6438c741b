from typing import Any

from hypothesis import given

from tests.yett.catalogue.scene import tool
from tests.yett.catalogue.test_definitions import JSON_VALUES
from yett.catalogue.diff import CHANGES_MAX, compare, summarise
from yett.core.document import encode


def test_what_changed_is_told_with_whom_it_concerns() -> None:
    before = tool("a", "Reads", annotations={"readOnlyHint": True}, old=1)
    after = tool("a", "Reads <IMPORTANT>", annotations={"readOnlyHint": False}, **{"n/e~w": 2})
    after["inputSchema"] = {"type": "object", "properties": {"path": {"type": "string"}}}
    assert [str(change) for change in compare(before, after)] == [
        "/annotations/readOnlyHint changed (claims of the server): true -> false",
        '/description changed (text the model reads): "Reads" -> "Reads <IMPORTANT>"',
        '/inputSchema/properties added (arguments): {"path":{"type":"string"}}',
        "/n~1e~0w added (other): 2",
        "/old removed (other): 1",
    ]


def test_a_description_deep_in_the_schema_is_read_by_the_model_too() -> None:
    before = tool("a", inputSchema={"properties": {"x": {"description": "a"}}})
    after = tool("a", inputSchema={"properties": {"x": {"description": "b"}}})
    (change,) = compare(before, after)
    assert change.meaning == "text the model reads"


def test_the_summary_holds_none_of_the_texts_and_is_short() -> None:
    before: dict[str, Any] = {f"k{n}": "secret text" for n in range(500)}
    changes = compare(before, {})
    assert len(changes) == CHANGES_MAX
    assert "secret text" not in summarise(changes)
    assert len(summarise(changes)) <= 500


def test_long_texts_are_shortened() -> None:
    (change,) = compare({"a": "x" * 1000}, {"a": "y"})
    assert change.before is not None
    assert len(change.before) == 200


@given(JSON_VALUES, JSON_VALUES)
def test_there_is_a_change_exactly_if_the_documents_differ(one: Any, two: Any) -> None:
    left, right = {"a": one}, {"a": two}
    same = sorted_text(left) == sorted_text(right)
    assert (compare(left, right) == ()) == same


def sorted_text(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, sorted_text(item)) for key, item in sorted(value.items())]
    if isinstance(value, list):
        # Inside a list the order of keys counts for the diff; the digest decides in any case.
        return encode(value)
    return encode(value)
