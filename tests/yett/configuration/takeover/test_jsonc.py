"""JSON with comments is read with the place of every value; ambiguity is refused without quoting."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yett.configuration.takeover.jsonc import JsoncError, read_jsonc

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_comments_and_trailing_commas_are_read_over() -> None:
    text = '\ufeff// a\n{ /* b */ "x": [1, 2,], // "x": 3\n "y": "// no comment", }\n'

    document = read_jsonc(text)

    assert document.value == {"x": [1, 2], "y": "// no comment"}
    start, end = document.spans[("y",)]
    assert text[start:end] == '"// no comment"'


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_all_json_is_read_as_python_reads_it(value: object) -> None:
    document = read_jsonc(json.dumps(value, indent=1))

    assert document.value == value
    for path, (start, end) in document.spans.items():
        inner = value
        for key in path:
            inner = inner[key]  # type: ignore[index] # the path was made from this very value
        assert json.loads(document.text[start:end]) == inner


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("{", 1),
        ('{"a": hunter2}', 1),
        ('{"a": 1\n "b": 2}', 2),
        ('{"a": 1,\n\n "a": 2}', 3),
        ("[1 2]", 1),
        ('{"a": "x\n"}', 1),
        ('{"a" 1}', 1),
        ("{a: 1}", 1),
        ("{} {}", 1),
        ("/* never ends", 1),
        ("[" * 100 + "]" * 100, 1),
        ("[NaN]", 1),
        ("[01]", 1),
    ],
)
def test_what_is_no_json_is_refused_with_its_line_and_without_its_text(
    text: str, line: int
) -> None:
    with pytest.raises(JsoncError, match=f"^line {line}: ") as caught:
        read_jsonc(text)

    assert "hunter2" not in str(caught.value)
