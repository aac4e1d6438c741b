"""One definition that is nested too deep spoils no other; an answer that is, is refused whole."""

import json

import pytest

from tests.yett.catalogue.scene import accept
from yett.catalogue.definitions import examine
from yett.catalogue.port import Definitions
from yett.core.operations import Kind
from yett.upstreams.rpc import InvalidAnswer, read_reply

GOOD = '{"name":"good","inputSchema":{"type":"object"}}'


def nested(depth: int, inside: str = '"]}{"') -> str:
    return '{"a":[' * depth + inside + "]}" * depth


def listing(*tools: str, more: str = "") -> bytes:
    result = '{"tools":[' + ",".join(tools) + "]" + more + "}"
    return b'{"jsonrpc":"2.0","id":7,"result":' + result.encode() + b"}"


@pytest.mark.parametrize("depth", [40, 500, 3_000])
def test_the_others_are_read_and_that_one_is_refused(depth: int) -> None:
    deep = '{"name":"deep","inputSchema":' + nested(depth) + "}"
    result = read_reply(listing(GOOD, deep, GOOD.replace("good", "fine")), 7).result
    assert result is not None
    sight = examine("s", Definitions(tools=tuple(result["tools"])), accept)[Kind.TOOL]

    assert {name: bool(item.problem) for name, item in sight.items()} == {
        "good": False,
        "deep": True,
        "fine": False,
    }
    assert sight["good"].definition == json.loads(GOOD)


@pytest.mark.parametrize(
    "body",
    [
        listing(GOOD, more=',"content":[' + nested(40) + "]"),
        listing(GOOD, more=',"structuredContent":' + nested(40)),
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[' + nested(40).encode() + b'],"a":"\\"tools\\""}}',
        listing('{"name":"deep","a":' + nested(40)[:-1]),
        listing('{"name":"deep","a":' + nested(40) + ',"a":1}'),
        listing(GOOD) + b"]",
    ],
)  # fmt: skip
def test_nothing_else_is_read_that_way(body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match="unambiguous"):
        read_reply(body, 7)
