"""A link that a caller is handed on `/mcp` leads back through the gate, to the same server."""

from typing import Any

import pytest

from yett.core.document import encode
from yett.sanitising.renaming import may_name, with_public_uris


def publish(server: str, uri: str) -> str:
    return f"public:{server}:{uri}"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (
            {"content": [{"type": "resource_link", "uri": "a:b", "name": "n"}], "isError": False},
            {
                "content": [{"type": "resource_link", "uri": "public:s:a:b", "name": "n"}],
                "isError": False,
            },
        ),
        (
            {"content": [{"type": "resource", "resource": {"uri": "a:b", "text": "uri"}}]},
            {"content": [{"type": "resource", "resource": {"uri": "public:s:a:b", "text": "uri"}}]},
        ),
        (
            {"contents": [{"uri": "a:b", "text": '{"uri":"x:y"}'}]},
            {"contents": [{"uri": "public:s:a:b", "text": '{"uri":"x:y"}'}]},
        ),
        (
            {"messages": [{"role": "user", "content": {"type": "resource", "resource": {"uri": "a:b"}}}]},
            {
                "messages": [
                    {
                        "role": "user",
                        "content": {"type": "resource", "resource": {"uri": "public:s:a:b"}},
                    }
                ]
            },
        ),
        (
            {"content": [{"type": "text", "text": "t"}], "structuredContent": {"uri": "a:b"}},
            {"content": [{"type": "text", "text": "t"}], "structuredContent": {"uri": "a:b"}},
        ),
    ],
)  # fmt: skip
def test_only_what_mcp_calls_a_uri_is_renamed(
    result: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = encode(result)

    assert with_public_uris(result, "s", publish) == expected
    assert encode(result) == before


def test_nearly_no_answer_needs_a_look() -> None:
    assert not may_name(encode({"content": [{"type": "text", "text": "uri"}]}))
    assert may_name(encode({"contents": [{"uri": "a:b"}]}))
