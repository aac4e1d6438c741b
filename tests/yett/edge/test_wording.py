"""A call that is written like the one before it is read by comparing. The whole parser says the same of it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.yett.edge.messages import CALL, modern
from yett.core.bounds import DOCUMENT_DEPTH_MAX
from yett.core.document import DocumentError, encode, parse
from yett.edge.mcp.wording import Wordings

MESSAGE = modern("tools/call", CALL)[0]
ORDERS: list[list[str]] = [
    ["jsonrpc", "id", "method", "params"],  # as most write it
    ["method", "params", "jsonrpc", "id"],  # as the official libraries do
    ["params", "id", "jsonrpc", "method"],
    ["id", "params", "method", "jsonrpc"],
]
PARAMS: list[list[str]] = [["_meta", "name", "arguments"], ["arguments", "name", "_meta"]]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def written(
    identifier: Any, arguments: Any, order: list[str] = ORDERS[0], inside: list[str] = PARAMS[0]
) -> dict[str, Any]:
    params = MESSAGE["params"] | {"arguments": arguments}
    message = MESSAGE | {"id": identifier, "params": {name: params[name] for name in inside}}
    return {name: message[name] for name in order}


def worded(order: list[str] = ORDERS[0], inside: list[str] = PARAMS[0]) -> Wordings:
    message, wordings = written(1, {"title": "a"}, order, inside), Wordings()
    assert wordings.learn(message, encode(message))
    return wordings


@given(
    st.integers(0, 2**63 - 1),
    st.dictionaries(st.text(max_size=4), VALUES, max_size=4),
    st.sampled_from(ORDERS),
    st.sampled_from(PARAMS),
)
def test_id_and_arguments_are_read_wherever_they_stand(
    identifier: int, arguments: dict[str, Any], order: list[str], inside: list[str]
) -> None:
    body = encode(written(identifier, arguments, order, inside))

    read = worded(order, inside).read(body)
    assert read == (CALL["name"], identifier, arguments, encode(arguments))


PIECES = st.sampled_from(
    [b'{"id":2}', b'","id":7', b"}", b"{", b'"', b",", b" ", b"\\", b"0", b"1e1", b'"a":1', b'"a":2', b"[", b"]", b"\xff", b"\0"]
)  # fmt: skip


@settings(max_examples=400)
@given(
    st.sampled_from(ORDERS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5), PIECES), min_size=1, max_size=4),
)
def test_what_is_read_by_comparing_is_what_the_whole_says(
    order: list[str], changes: list[tuple[int, int, bytes]]
) -> None:
    body = encode(written(12, {"title": "a", "text": '","id":3}'}, order))
    for place, cut, piece in changes:
        body = body[:place] + piece + body[place + cut :]

    read = worded(order).read(body)

    if read is not None:
        name, identifier, arguments, encoded = read
        assert name == CALL["name"]
        assert parse(body) == written(identifier, arguments, order)
        assert encode(parse(body)) == body
        assert encode(arguments) == encoded


@pytest.mark.parametrize("order", ORDERS, ids=range(len(ORDERS)))
@pytest.mark.parametrize(
    ("identifier", "arguments"),
    [
        (b"00", b"{}"),
        (b"-0", b"{}"),
        (b"01", b"{}"),
        (b"-1", b"{}"),
        (b"1.0", b"{}"),
        (b'"1"', b"{}"),
        (b"true", b"{}"),
        (b"1e3", b"{}"),
        (b" 1", b"{}"),
        (b"1_0", b"{}"),
        (b"", b"{}"),
        (b"9223372036854775808", b"{}"),
        (b"9" * 400, b"{}"),
        (b'1,"id":1', b"{}"),
        ("١".encode(), b"{}"),
        (b"1", b""),
        (b"1", b"[]"),
        (b"1", b"null"),
        (b"1", b'{"a": 1}'),
        (b"1", b'{"a":1,"a":2}'),
        (b"1", b'{"a":1.00}'),
        (b"1", b'{"a":18446744073709551616}'),
        (b"1", b'{"a":NaN}'),
        (b"1", b'{"a":"\\ud800"}'),
        (b"1", b'{"a":1},"arguments":{}'),
    ],
)
def test_anything_else_is_left_to_a_closer_look(
    identifier: bytes, arguments: bytes, order: list[str]
) -> None:
    body = encode(written("ID", "ARGUMENTS", order))
    body = body.replace(b'"ID"', identifier).replace(b'"ARGUMENTS"', arguments)

    assert worded(order).read(body) is None


def test_no_more_is_nested_than_in_the_whole() -> None:
    def nested(depth: int) -> bytes:
        arguments = b'{"a":' * depth + b"1" + b"}" * depth
        return encode(written(1, "ARGUMENTS")).replace(b'"ARGUMENTS"', arguments)

    deepest = nested(DOCUMENT_DEPTH_MAX - 2)
    assert worded().read(deepest) is not None
    assert parse(deepest)
    assert worded().read(nested(DOCUMENT_DEPTH_MAX - 1)) is None
    with pytest.raises(DocumentError):
        parse(nested(DOCUMENT_DEPTH_MAX - 1))


def test_what_opens_without_end_is_not_looked_into() -> None:
    whole = encode(written(1, "ARGUMENTS"))
    for mark in (b"[", b'{"a":'):
        assert worded().read(whole.replace(b'"ARGUMENTS"', mark * 3_000)) is None
        assert worded().read(b'{"x":' + mark * 3_000) is None
        assert worded().read(mark * 3_000) is None


def test_another_member_is_another_wording() -> None:
    message = written(1, {})
    for other in (
        message | {"method": "tools/list"},
        message | {"params": message["params"] | {"name": "notes__write"}},
        message | {"params": message["params"] | {"_meta": {}}},
        message | {"more": 1},
    ):
        assert worded().read(encode(other)) is None


def learns(message: dict[str, Any], body: bytes | None = None) -> bool:
    return Wordings().learn(message, encode(message) if body is None else body)


def test_what_is_laid_out_or_long_is_never_read_so() -> None:
    message = written(1, {})
    assert learns(message)
    assert not learns(message, json.dumps(message).encode())
    assert not learns(message | {"params": message["params"] | {"name": "x" * 2_000}})
    assert learns(message | {"params": message["params"] | {"name": "100%d %b %"}})


def test_each_tool_has_a_wording_of_its_own_and_a_few_have_one() -> None:
    wordings, messages = Wordings(), []
    for number in range(20):
        message = written(number, {"n": number})
        message["params"] |= {"name": f"tool-{number}"}
        messages.append(message)
    learnt = [wordings.learn(message, encode(message)) for message in messages]
    read = [wordings.read(encode(message)) is not None for message in messages]

    assert learnt == read == [True] * 16 + [False] * 4


def test_a_name_that_is_too_long_to_be_known_takes_no_place() -> None:
    wordings = Wordings()
    for number in range(20):  # each would be held for a minute, behind each of a thousand headers
        message = written(number, {})
        message["params"] |= {"name": f"{number}" + "x" * 2_000}
        assert not wordings.learn(message, encode(message))
    message = written(1, {})

    assert wordings.learn(message, encode(message))


def test_how_a_tool_was_called_first_is_kept() -> None:
    wordings, message = worded(), written(1, {}, ORDERS[1])

    assert wordings.learn(message, encode(message))
    assert wordings.read(encode(message)) is None
    assert wordings.read(encode(written(2, {}))) is not None
