"""What a server may ask, how it is answered, and which results are complete."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from yett.core.call import RpcError
from yett.core.document import encode
from yett.core.tasks import EXTENSION
from yett.upstreams.handshake import MODERN_META, initialize_params, with_beside
from yett.upstreams.port import Beside, Exchange, Wishes
from yett.upstreams.rpc import (
    START,
    InvalidAnswer,
    call_parts,
    encode_reply,
    encode_request,
    named_id,
    question_of,
    read_reply,
    read_result,
    take_result_type,
)

OFFERED = Wishes(b'{"elicitation":{"form":{}},"roots":{}}', "warning")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"id": 1, "method": "elicitation/create", "params": {"a": 1}},
            (1, "elicitation/create", {"a": 1}),
        ),
        ({"id": "x", "method": "roots/list"}, ("x", "roots/list", {})),
        ({"id": 1, "method": "sampling/createMessage", "params": {}}, None),
        ({"id": 1, "method": "ping"}, None),
        ({"id": 1, "method": "tools/call", "params": {}}, None),
        ({"method": "roots/list"}, None),
        ({"id": None, "method": "roots/list"}, None),
        ({"id": True, "method": "roots/list"}, None),
        ({"id": 1.5, "method": "roots/list"}, None),
        ({"id": 1, "method": ["roots/list"]}, None),
        ({"id": 1, "method": "roots/list", "params": [1]}, None),
    ],
)
def test_a_server_may_ask_what_was_offered(message: dict[str, Any], expected: object) -> None:
    assert question_of(message, {"elicitation": {}, "roots": {}}) == expected


@pytest.mark.parametrize(
    ("exchange", "expected"),
    [
        (Exchange({"roots": []}, None, 0), {"result": {"roots": []}}),
        (Exchange(None, RpcError(-1, "no"), 0), {"error": {"code": -1, "message": "no"}}),
        (
            Exchange(None, RpcError(-1, "no", [1]), 0),
            {"error": {"code": -1, "message": "no", "data": [1]}},
        ),
    ],
)
def test_its_answer_carries_its_own_id(exchange: Exchange, expected: dict[str, Any]) -> None:
    assert orjson.loads(encode_reply("q", exchange)) == {"jsonrpc": "2.0", "id": "q", **expected}


ASKED = Beside(wishes=OFFERED)
DEFERRED = Beside(extensions=(EXTENSION,))


@pytest.mark.parametrize(
    ("kind", "takers"), [("input_required", [ASKED]), ("task", [DEFERRED]), ("other", [])]
)
def test_a_result_of_another_type_is_taken_only_where_that_was_offered(
    kind: str, takers: list[Beside]
) -> None:
    for beside in (None, Beside(), Beside(wishes=Wishes(b"{}", "info")), ASKED, DEFERRED):
        result = {"resultType": kind}
        if beside in takers:
            take_result_type(result, beside)
            assert result == {"resultType": kind}
        else:
            with pytest.raises(InvalidAnswer):
                take_result_type(result, beside)


@pytest.mark.parametrize("beside", [None, ASKED, DEFERRED])
def test_a_complete_result_needs_no_word_for_it(beside: Beside | None) -> None:
    result: dict[str, Any] = {"resultType": "complete", "content": []}

    take_result_type(result, beside)

    assert result == {"content": []}
    odd: list[Any] = [None, 7, ["complete"], {}]
    for kind in odd:
        with pytest.raises(InvalidAnswer):
            take_result_type({"resultType": kind}, beside)


def test_a_modern_request_says_what_its_caller_wants_and_gives() -> None:
    beside = Beside(wishes=OFFERED, progress=True, trace={"traceparent": "00-1"})

    params = with_beside({"name": "x", "_meta": {"evil": 1}}, beside, 7, modern=True)

    assert params == {
        "name": "x",
        "_meta": MODERN_META
        | {
            "traceparent": "00-1",
            "progressToken": 7,
            "io.modelcontextprotocol/clientCapabilities": {
                "elicitation": {"form": {}},
                "roots": {},
            },
            "io.modelcontextprotocol/logLevel": "warning",
        },
    }


def test_what_is_traced_cannot_stand_for_what_we_say_ourselves() -> None:
    evil = dict.fromkeys(MODERN_META, "evil") | {"progressToken": 1}

    meta = with_beside({}, Beside(trace=evil, progress=True), 7, modern=True)["_meta"]

    assert "evil" not in meta.values()
    assert meta["progressToken"] == 7


def test_a_legacy_request_says_only_how_it_is_known_again() -> None:
    assert with_beside({"a": 1}, Beside(wishes=OFFERED), 7, modern=False) == {"a": 1}
    assert with_beside({}, Beside(progress=True), 7, modern=False) == {
        "_meta": {"progressToken": 7}
    }
    assert initialize_params(OFFERED)["capabilities"] == {"elicitation": {"form": {}}, "roots": {}}


RESULTS = {
    "text": {"content": [{"type": "text", "text": "héllo \\ \u0000"}], "isError": False},
    "claims another type inside": {"content": [], "x": '"resultType":"complete"}', "y": {"resultType": "complete"}},
    "nothing": {},
    "numbers": {"a": [1, -0.5, 1e300, 2**63 - 1, None, True]},
}  # fmt: skip
ORDERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "as specified": lambda result: {"jsonrpc": "2.0", "id": 7, "result": result},
    "result first": lambda result: {"result": result, "jsonrpc": "2.0", "id": 7},
    "id first": lambda result: {"id": 7, "jsonrpc": "2.0", "result": result},
}
TYPES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "no type": lambda result: result,
    "type first": lambda result: {"resultType": "complete", **result},
    "type last": lambda result: {**result, "resultType": "complete"},
    "type between": lambda result: {"_meta": {}, "resultType": "complete", **result},
}


@pytest.mark.parametrize("typed", TYPES.values(), ids=TYPES)
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("write", [encode, lambda message: json.dumps(message).encode()])
def test_a_result_is_read_alike_in_whatever_order_it_comes(
    result: Any, order: Any, typed: Any, write: Callable[[Any], bytes]
) -> None:
    body = write(order(typed(result)))

    modern, legacy = read_result(body, 7, modern=True), read_result(body, 7, modern=False)

    assert modern.result == {k: v for k, v in typed(result).items() if k != "resultType"}
    assert legacy.result == read_reply(body, 7).result == typed(result)
    for exchange in (modern, legacy):
        assert exchange.encoded in (b"", encode(exchange.result))
        assert exchange.bytes_received == len(body)
    if write is encode and order is not ORDERS["id first"]:
        assert legacy.encoded


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":7,"result":{},"id":7}',
        b'{"jsonrpc":"2.0","id":7,"result":{}},"id":8}',
        b'{"jsonrpc":"2.0","id":7,"result":{"a":1,"a":2}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"a":1}} ,{"b":2}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"a":1.00000000000000000000001}}',
        b'{"jsonrpc":"2.0","id":7,"result":[]}',
        b'{"jsonrpc":"2.0","id":7,"result":null}',
        b'{"jsonrpc":"2.0","id":77,"result":{}}',
        b'{"jsonrpc":"2.0","id":7,"result":{}',
        b'{"jsonrpc":"2.0","id":7,"result":',
        b'{"result":{},"jsonrpc":"2.0","jsonrpc":"2.0","id":7}',
        b'{"result":{},"error":{"code":1,"message":"x"},"jsonrpc":"2.0","id":7}',
        b'{"result":{"jsonrpc":"2.0","id":7},"jsonrpc":"2.0","id":8}',
        b'{"jsonrpc":"2.0","id":7,"result":' + b'{"a":' * 64 + b"1" + b"}" * 64 + b"}",
    ],
)
def test_what_is_not_the_one_result_is_not_read_as_one(body: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        read_result(body, 7, modern=True)


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("kind", ["input_required", "task", "completed", 1, None])
def test_a_result_of_a_type_that_was_not_offered_is_refused(place: str, kind: Any) -> None:
    typed = {"resultType": kind, "a": 1} if place == "first" else {"a": 1, "resultType": kind}

    with pytest.raises(InvalidAnswer):
        read_result(encode({"jsonrpc": "2.0", "id": 7, "result": typed}), 7, modern=True)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'{"jsonrpc":"2.0","id":7,"result":{}}', b"7"),
        (b'{"jsonrpc":"2.0","id":12345,"error":{"code":1,"message":"x"}}', b"12345"),
        (b'{"result":{"a":[1]},"jsonrpc":"2.0","id":7}', b"7"),
        (b'{"jsonrpc":"2.0","id":"7","result":{}}', b'"7"'),
        (b'{"jsonrpc":"2.0","id":7.0,"result":{}}', b"7.0"),
        (b'{"jsonrpc":"2.0","id":-7,"result":{}}', b"-7"),
        (b'{"jsonrpc":"2.0","id":' + b"7" * 100 + b',"result":{}}', b"7" * 18),
        (b'{"result":', b'{"result"'),
        (b'{"result":{}', b"{"),
        (b'{ "jsonrpc":"2.0","id":7,"result":{}}', b""),
        (b"hello", b""),
        (b"", b""),
    ],
)
def test_the_id_of_an_answer_is_guessed_and_never_longer_than_one(line: bytes, name: bytes) -> None:
    assert named_id(line) == name


@pytest.mark.parametrize("arguments", [{}, {"a": 'x"}}'}, {"name": "☃"}])
@pytest.mark.parametrize("meta", [{}, MODERN_META])
@pytest.mark.parametrize("tool", ["echo", 'a"b\\', "☃"])
def test_a_call_from_parts_is_the_request_that_it_stands_for(
    tool: str, meta: dict[str, Any], arguments: dict[str, Any]
) -> None:
    parts = call_parts(tool, encode(meta) if meta else b"")
    params = {"name": tool, "arguments": arguments} | ({"_meta": meta} if meta else {})

    call = b"%b7%b%b%b" % (START, parts[0], encode(arguments), parts[1])
    assert call == encode_request(7, "tools/call", params)
