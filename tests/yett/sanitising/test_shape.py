"""What is plain is in order as well: the short way lets nothing pass that the long one refuses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.bounds import ANSWER_BLOCKS_MAX, ANSWER_TEXT_CHARS_MAX
from yett.sanitising.shape import check_tool_result, is_plain

TEXT = {"type": "text", "text": "hello"}


def test_text_is_plain() -> None:
    assert is_plain({"content": [TEXT, TEXT]})
    assert is_plain({"content": [], "isError": True})
    assert is_plain({"content": [TEXT], "structuredContent": {"a": 1}})
    assert is_plain({"content": [TEXT], "isError": False, "structuredContent": {}})


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"content": {}},
        {"content": [{"type": "image", "data": "", "mimeType": "image/png"}]},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "text", "text": 1}]},
        {"content": ["text"]},
        {"content": [{"type": "text", "text": "x" * (ANSWER_TEXT_CHARS_MAX + 1)}]},
        {"content": [TEXT] * (ANSWER_BLOCKS_MAX + 1)},
        {"content": [TEXT], "isError": 1},
        {"content": [TEXT], "isError": 1, "structuredContent": {}},
        {"content": [TEXT], "_meta": {}, "structuredContent": {}},
        {"structuredContent": {}},
        {"content": [TEXT], "resultType": "input_required"},
    ],
)
def test_anything_else_is_looked_at_closely(result: dict[str, Any]) -> None:
    assert not is_plain(result)


_values = st.sampled_from([None, True, 0, "text", "image", [], {}, TEXT, [TEXT], [TEXT, {}], "x"])
_names = st.sampled_from(["content", "isError", "resultType", "_meta", "structuredContent"])


@given(st.dictionaries(_names, _values))
def test_plain_results_pass_the_long_way_too(result: dict[str, Any]) -> None:
    if is_plain(result):
        assert check_tool_result(result) == ()
        assert result.keys() <= {"content", "isError", "structuredContent"}
