"""Servers that answer what no server should. Whatever they do, the
call ends in time, memory stays bounded, nothing of it is passed on, and the next call is fine."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.servers.mcp_http import (
    HttpServer,
    Request,
    Writer,
    chunk,
    head,
    result_body,
    whole,
)
from tests.yett.upstreams.scene import NOBODY, call, reach, text_of
from yett.core.bounds import ANSWER_BYTES_MAX
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.port import Beside, Wishes

Answer = Callable[[Request], bytes]
JSON_HEAD = "application/json"
STREAM = "text/event-stream"


def foreign_id(request: Request) -> bytes:
    return result_body(request).replace(b'"id":', b'"id":7')


def with_id(text: str) -> Answer:
    def answer(request: Request) -> bytes:
        identifier = str(request.message["id"]).encode()
        return whole(result_body(request).replace(b'"id":' + identifier, text.encode()))

    return answer


def event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


INVALID: dict[str, Answer] = {
    "another id": lambda r: whole(foreign_id(r)),
    "the id as text": with_id('"id":"1"'),
    "the id as a float": with_id('"id":1.0'),
    "the id true": with_id('"id":true'),
    "the id null": with_id('"id":null'),
    "no id": with_id('"x":1'),
    "two documents": lambda r: whole(result_body(r) + result_body(r)),
    "a batch": lambda r: whole(b"[" + result_body(r) + b"]"),
    "a byte order mark": lambda r: whole(b"\xef\xbb\xbf" + result_body(r)),
    "UTF-16": lambda r: whole(result_body(r).decode().encode("utf-16")),
    "not UTF-8": lambda r: whole(result_body(r, "x").replace(b'"x"', b'"\xff"')),
    "a duplicate key": lambda r: whole(result_body(r).replace(b'{"jsonrpc"', b'{"id":1,"jsonrpc"')),
    "NaN": lambda r: whole(result_body(r).replace(b'"evil"', b"NaN")),
    "a number too big for a double": lambda r: whole(result_body(r).replace(b'"evil"', b"1e999")),
    "a lone surrogate": lambda r: whole(result_body(r).replace(b"evil", rb"\ud800")),
    "too deep": lambda r: whole(result_body(r).replace(b'"evil"', b"[" * 99 + b"]" * 99)),
    "no JSON-RPC": lambda r: whole(result_body(r).replace(b'"2.0"', b'"1.0"')),
    "a result and an error": lambda r: whole(
        result_body(r)[:-1] + b',"error":{"code":1,"message":"x"}}'
    ),
    "a result and a null error": lambda r: whole(result_body(r)[:-1] + b',"error":null}'),
    "neither result nor error": lambda r: whole(result_body(r).replace(b'"result"', b'"Result"')),
    "a result that is a list": lambda r: whole(
        b'{"jsonrpc":"2.0","id":%d,"result":[]}' % r.message["id"]
    ),
    "an error without a code": lambda r: whole(
        b'{"jsonrpc":"2.0","id":%d,"error":{"message":"x"}}' % r.message["id"]
    ),
    "a request instead": lambda r: whole(
        b'{"jsonrpc":"2.0","id":%d,"method":"ping","result":{}}' % r.message["id"]
    ),
    "a result that asks for input": lambda r: whole(
        result_body(r).replace(b'"complete"', b'"input_required"')
    ),
    "201": lambda r: whole(result_body(r), 201),
    "202": lambda r: whole(result_body(r), 202),
    "206": lambda r: whole(result_body(r), 206),
    "500": lambda r: whole(result_body(r), 500),
    "a result under 400": lambda r: whole(result_body(r), 400),
    "204": lambda _: head(204, None),
    "a redirection": lambda _: whole(b"", 302, Location="http://127.0.0.1:1/"),
    "a permanent redirection": lambda r: whole(result_body(r), 308, Location="/mcp"),
    "no content type": lambda r: whole(result_body(r), 200, None),
    "text": lambda r: whole(result_body(r), 200, "text/plain"),
    "another charset": lambda r: whole(result_body(r), 200, "application/json; charset=utf-16"),
    "two content types": lambda r: whole(
        result_body(r), 200, "text/html\r\nContent-Type: " + JSON_HEAD
    ),
    "two lengths": lambda r: (
        head(200, JSON_HEAD + "\r\nContent-Length: 5", Content_Length=str(len(result_body(r))))
        + result_body(r)
    ),
    "length and chunks": lambda r: (
        head(200, JSON_HEAD, Content_Length="3", Transfer_Encoding="chunked")
        + chunk(result_body(r))
        + chunk(b"")
    ),
    "an odd transfer encoding": lambda r: (
        head(200, JSON_HEAD, Transfer_Encoding="xchunked, gzip")
        + chunk(result_body(r))
        + chunk(b"")
    ),
    "an odd chunk size": lambda _: (
        head(200, JSON_HEAD, Transfer_Encoding="chunked") + b"0x5\r\nabcde"
    ),
    "gzip": lambda _: whole(
        b"\x1f\x8b\x08\x00" + bytes(99), 200, JSON_HEAD, Content_Encoding="gzip"
    ),
    "gzip that is not": lambda r: whole(result_body(r), 200, JSON_HEAD, Content_Encoding="gzip"),
    "another protocol": lambda _: b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade": lambda _: head(101, None, Upgrade="websocket", Connection="Upgrade"),
    "a NUL in a header": lambda _: b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
    "many headers": lambda _: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
    "a huge header": lambda _: b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    "a length beyond the bound": lambda _: head(200, JSON_HEAD, Content_Length="9000000"),
    "a length beyond belief": lambda _: head(200, JSON_HEAD, Content_Length="9" * 15),
    "an empty body": lambda _: whole(b""),
    "a stream that ends": lambda _: whole(b": nothing\n\n", 200, STREAM),
    "a stream with another id": lambda r: whole(event(foreign_id(r)), 200, STREAM),
    "a stream with two answers": lambda r: whole(
        event(result_body(r)) + event(result_body(r)), 200, STREAM
    ),
    "a stream with a broken event": lambda _: whole(b"data: {\n\n", 200, STREAM),
    "a stream of another type of event": lambda r: whole(
        b"event: other\n" + event(result_body(r)), 200, STREAM
    ),
    "a stream that never ends its event": lambda r: whole(b"data: " + result_body(r), 200, STREAM),
}


def answering(answer: Answer) -> Callable[[Request, Writer], Awaitable[bool]]:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.message.get("params", {}).get("arguments", {}).get("message") != "evil":
            return False
        writer.write(answer(request))
        return True

    return oddity


WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "plain, the long way": {"shortly": False},
    "progress": {"beside": Beside(progress=True, hear=lambda _: None)},
    "asking": {
        "beside": Beside(owner="ann", wishes=Wishes(b'{"roots":{}}', "debug"), hear=lambda _: None)
    },
}
ASKING = "a result that asks for input"


@pytest.mark.parametrize("name", INVALID)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_what_is_not_one_plain_answer_is_invalid_and_the_next_call_is_fine(
    name: str, way: str, era: str
) -> None:
    if name == ASKING and (era == "legacy" or way == "asking"):
        return  # there it may be said
    server = HttpServer(era, oddity=answering(INVALID[name]))
    async with server, reach(server) as transport:
        await call(transport, message="warm", **WAYS[way])
        with pytest.raises(Fault) as caught:
            await call(transport, message="evil", deadline=2.0, **WAYS[way])
        after = await call(transport, message="next", **WAYS[way])

    assert caught.value.reason is Reason.UPSTREAM_INVALID, caught.value.private
    assert caught.value.sent
    assert "evil" not in caught.value.private
    assert text_of(after) == "next"


@pytest.mark.parametrize(
    "answer",
    [
        lambda r: whole(result_body(r), 200, "Application/JSON ; Charset=UTF-8"),
        lambda r: whole(b" " + result_body(r) + b"\r\n"),
        lambda r: whole(
            b"\xef\xbb\xbf: hello\r" + event(result_body(r)).replace(b"\n", b"\r"), 200, STREAM
        ),
        lambda r: whole(b"id: 1\ndata:\n\n" + event(result_body(r)), 200, STREAM),
        lambda r: whole(
            event(b'{"jsonrpc":"2.0","method":"notifications/progress","params":{}}')
            + event(result_body(r)),
            200,
            STREAM,
        ),
        lambda r: head(100, None) + head(103, None, Link="</x>") + whole(result_body(r)),
        lambda r: (
            head(200, JSON_HEAD, Transfer_Encoding="chunked")
            + b"".join(chunk(bytes([byte])) for byte in result_body(r))
            + chunk(b"")
        ),
    ],
    ids=[
        "odd case",
        "white space",
        "carriage returns only",
        "a priming event",
        "progress first",
        "interim answers",
        "one byte a chunk",
    ],
)
async def test_what_is_odd_and_allowed_is_read(answer: Answer) -> None:
    async with HttpServer(oddity=answering(answer)) as server, reach(server) as transport:
        first = await call(transport, message="evil")
        second = await call(transport, message="next")

    assert text_of(first) == "evil"
    assert text_of(second) == "next"


async def test_an_answer_cut_off_in_the_middle_is_invalid() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        writer.write(whole(result_body(request))[:-5])
        await writer.drain()
        writer.transport.close()  # not abort: what was written arrives
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent


async def test_an_answer_may_end_with_the_connection() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        writer.write(head() + result_body(request, "to the end"))
        await writer.drain()
        writer.transport.close()
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        exchange = await call(transport, message="x")

    assert text_of(exchange) == "to the end"


async def trickle(request: Request, writer: Writer) -> bool:
    if request.message.get("params", {}).get("arguments", {}).get("message") != "evil":
        return False
    for byte in whole(result_body(request)):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)
    return True


async def stream_without_end(request: Request, writer: Writer) -> bool:
    if request.message.get("params", {}).get("arguments", {}).get("message") != "evil":
        return False
    writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
    for _ in range(1000):
        writer.write(chunk(b": still here\n\n"))
        await asyncio.sleep(0.01)
    return True


async def say_nothing(request: Request, writer: Writer) -> bool:
    arguments = request.message.get("params", {}).get("arguments", {})
    return bool(arguments.get("message") == "evil")


async def interim_without_end(request: Request, writer: Writer) -> bool:
    if request.message.get("params", {}).get("arguments", {}).get("message") != "evil":
        return False
    for _ in range(1000):
        writer.write(head(102, None))
        await asyncio.sleep(0.01)
    return True


@pytest.mark.parametrize("oddity", [trickle, stream_without_end, say_nothing, interim_without_end])
@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("shortly", [True, False])
async def test_a_slow_server_costs_no_more_than_the_deadline(
    oddity: Callable[[Request, Writer], Awaitable[bool]], era: str, *, shortly: bool
) -> None:
    async with HttpServer(era, oddity=oddity) as server, reach(server) as transport:
        await call(transport, message="warm")
        began = asyncio.get_running_loop().time()
        with pytest.raises(Fault) as caught:
            await call(transport, message="evil", deadline=0.15, shortly=shortly)
        took = asyncio.get_running_loop().time() - began
        after = await call(transport, message="next")
        await asyncio.sleep(0.02)

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert caught.value.sent
    assert took < 0.4
    assert text_of(after) == "next"
    assert ("notifications/cancelled" in server.methods) == (era == "legacy")


@pytest.mark.parametrize("kind", [JSON_HEAD, STREAM])
async def test_an_endless_answer_is_cut_off_at_the_bound_and_costs_bounded_memory(
    kind: str,
) -> None:
    sent = 0

    async def oddity(request: Request, writer: Writer) -> bool:
        nonlocal sent
        if request.method != "tools/call":
            return False
        writer.write(head(200, kind, Transfer_Encoding="chunked"))
        block = chunk(b"data: x" * 9362)
        for _ in range(1000):
            writer.write(block)
            sent += len(block)
            await writer.drain()
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        await transport.discover(NOBODY)
        tracemalloc.start()
        with pytest.raises(Fault) as caught:
            await call(transport, message="x", deadline=10.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert sent < 3 * ANSWER_BYTES_MAX
    assert peak < 5 * ANSWER_BYTES_MAX


async def test_many_tiny_chunks_cost_linear_time_and_little_memory() -> None:
    """Kept one by one, a million pieces of an answer would take a hundred megabytes."""

    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        writer.write(head(200, JSON_HEAD, Transfer_Encoding="chunked"))
        writer.write(chunk(b"xy") * 100_000 + chunk(b""))
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        tracemalloc.start()
        with pytest.raises(Fault) as caught:
            await call(transport, message="x", deadline=10.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert peak < 8 * 1024 * 1024


async def test_what_comes_unasked_is_never_the_answer_to_the_next_call() -> None:
    """Two answers to one request: the second must not wait in the connection (CWE-444)."""

    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        following = result_body(request, "planted").replace(
            b'"id":%d' % request.message["id"], b'"id":%d' % (request.message["id"] + 1)
        )
        writer.write(whole(result_body(request, "first")) + whole(following))
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        texts = [text_of(await call(transport, message=str(number))) for number in range(4)]

    assert texts == ["first"] * 4


async def test_what_comes_between_two_calls_is_never_the_answer_to_the_next() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        following = result_body(request, "planted").replace(
            b'"id":%d' % request.message["id"], b'"id":%d' % (request.message["id"] + 1)
        )
        writer.write(whole(result_body(request, "first")))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(whole(following))
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        texts = []
        for number in range(3):
            texts.append(text_of(await call(transport, message=str(number))))
            await asyncio.sleep(0.05)

    assert texts == ["first"] * 3
