"""Bytes in, requests out: bounds, framing, pipelining, draining."""

import asyncio
import sys

import pytest

from tests.yett.edge.scripted import KEY, Server, read_answer

EXECUTE = {"tool": "notes", "operation": "read", "input": {"title": "a"}}


async def test_a_good_request_is_served_and_the_connection_kept(server: Server) -> None:
    reader, writer = await server.connect()
    for _ in range(3):
        writer.write(server.encode("POST", "/v1/execute", EXECUTE))
        answer = await read_answer(reader)
        assert answer.status == 200
        assert "connection" not in answer.headers
    writer.close()

    assert len(server.gate.calls) == 3


async def test_pipelined_requests_are_answered_one_by_one_in_order(server: Server) -> None:
    reader, writer = await server.connect()
    one = server.encode("POST", "/v1/execute", EXECUTE | {"operation": "first"})
    two = server.encode("POST", "/v1/execute", EXECUTE | {"operation": "second"})
    writer.write(one + two)

    assert (await read_answer(reader)).json["operation"] == "first"
    assert (await read_answer(reader)).json["operation"] == "second"
    writer.close()


async def test_a_request_cut_into_single_bytes_is_the_same_request(server: Server) -> None:
    reader, writer = await server.connect()
    for byte in server.encode("POST", "/v1/execute", EXECUTE):
        writer.write(bytes([byte]))
        await writer.drain()

    assert (await read_answer(reader)).status == 200
    writer.close()


async def test_a_request_with_the_header_of_the_last_is_one_only_when_all_of_it_has_come(
    server: Server,
) -> None:
    reader, writer = await server.connect()
    empty = server.encode("POST", "/v1/execute")
    whole = server.encode("POST", "/v1/execute", EXECUTE)
    for pieces in (
        [empty], [empty], [empty[:-4], b"\r\n\r\n"], [whole, whole + empty], [whole[:-1], b"}"],
        [whole + whole[:20], whole[20:]], [empty], [empty[:-4], b"\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ):  # fmt: skip
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.05)
    answers = [(await read_answer(reader)).status for _ in range(11)]
    rest = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answers == [400, 400, 400, 200, 200, 400, 200, 200, 200, 400, 401]
    assert rest == b""


async def test_a_connection_that_rests_holds_nothing_of_its_last_request(server: Server) -> None:
    reader, writer = await server.connect()
    for _ in range(3):  # parsed, known on this listener, known on this connection
        writer.write(server.encode("POST", "/v1/execute", EXECUTE))
        await read_answer(reader)
        credential = server.gate.calls.pop().credential
        server.gate.calls.clear()
        server.listener._forget()
        await asyncio.sleep(0.01)

        assert credential is not None
        assert sys.getrefcount(credential) == 2  # the name here, and the argument
    writer.close()


async def test_a_body_that_comes_apart_and_is_a_known_request_is_a_body(server: Server) -> None:
    reader, writer = await server.connect()
    inner = server.encode("POST", "/v1/execute", EXECUTE)
    outer = server.encode("POST", "/v1/execute", inner)
    header = outer.removesuffix(inner)
    for piece in (inner, inner, header, inner, inner):
        writer.write(piece)
        await asyncio.sleep(0.05)
    answers = [(await read_answer(reader)).status for _ in range(4)]
    writer.close()

    assert answers == [200, 200, 400, 200]


HOST = b"Host: 127.0.0.1\r\n"
BODY = b'{"tool":"notes","operation":"read"}'
SMUGGLED = {
    "content-length and chunked": b"POST /execute HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two content-lengths": b"POST /execute HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "unknown transfer coding": b"POST /execute HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunk size with underscore": b"POST /execute HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0_2e\r\n\r\n",
    "space before colon": b"POST /execute HTTP/1.1\r\n" + HOST + b"Content-Length : 5\r\n\r\nhello",
    "folded header": b"POST /execute HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "NUL in header": b"POST /execute HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "no version": b"POST /execute\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "huge content-length": b"POST /execute HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "upgrade": b"GET /mcp HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLED)
async def test_ambiguous_framing_is_refused_and_ends_the_connection(
    name: str, server: Server
) -> None:
    reader, writer = await server.connect()
    writer.write(SMUGGLED[name] + server.encode("POST", "/v1/execute", EXECUTE))
    answer = await read_answer(reader)
    rest = await asyncio.wait_for(reader.read(), 3)
    writer.close()

    assert answer.status in {400, 401, 403, 413}
    assert rest == b""
    assert [call for call in server.gate.calls if call.arguments] == []


async def test_too_many_and_too_large_headers_are_refused(server: Server) -> None:
    many = {f"X-{n}": "1" for n in range(80)}
    large = {"X-Large": "a" * 20_000}

    assert (await server.request("GET", "/v1/key", **many)).status in {400, 401}
    assert (await server.request("GET", "/v1/key", **large)).status in {400, 401}
    assert all(call.credential is None for call in server.gate.calls)


async def test_a_body_over_the_bound_is_refused_before_it_is_read(server: Server) -> None:
    head = server.encode("POST", "/v1/execute", b"", Content_Length=str(50 * 1024 * 1024))

    assert (await server.send(head)).status in {401, 413}
    assert server.gate.calls[0].arguments == {}


async def test_a_chunked_body_over_the_bound_is_refused_while_it_is_read(server: Server) -> None:
    head = server.encode(
        "POST", "/v1/execute", b"", Content_Length="-", Transfer_Encoding="chunked"
    )
    reader, writer = await server.connect()
    writer.write(head)
    piece = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    for _ in range(70):
        writer.write(piece)
    answer = await read_answer(reader)
    writer.close()

    assert answer.status in {401, 413}
    assert answer.headers["connection"] == "close"


async def test_a_half_sent_header_is_cut_by_the_sweep(server: Server) -> None:
    reader, writer = await server.connect()
    writer.write(b"POST /mcp HTTP/1.1\r\nHost: ")
    await asyncio.sleep(0.05)
    (connection,) = server.listener._connections
    connection.deadline = 0.0
    server.listener._sweep()

    try:
        rest = await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        rest = b""
    assert rest == b""
    writer.close()


async def test_expect_continue_is_answered(server: Server) -> None:
    data = server.encode("POST", "/v1/execute", EXECUTE, Expect="100-continue")
    head, _, body = data.partition(b"\r\n\r\n")
    reader, writer = await server.connect()
    writer.write(head + b"\r\n\r\n")

    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 100")
    await reader.readline()
    writer.write(body)
    assert (await read_answer(reader)).status == 200
    writer.close()


async def test_an_agent_that_hangs_up_cancels_its_call(server: Server) -> None:
    server.gate.pause = asyncio.Event()
    _, writer = await server.connect()
    writer.write(server.encode("POST", "/v1/execute", EXECUTE))
    while not server.gate.calls:
        await asyncio.sleep(0.01)
    writer.close()
    async with asyncio.timeout(10):
        while not server.gate.cancelled:
            await asyncio.sleep(0.01)

    assert server.gate.cancelled == 1


async def test_draining_lets_a_running_call_end_and_then_closes(server: Server) -> None:
    server.gate.pause = asyncio.Event()
    reader, writer = await server.connect()
    writer.write(server.encode("POST", "/v1/execute", EXECUTE))
    while not server.gate.calls:
        await asyncio.sleep(0.01)
    stopping = asyncio.create_task(server.listener.stop(grace_seconds=2))
    await asyncio.sleep(0.05)
    server.gate.pause.set()
    answer = await read_answer(reader)
    await stopping
    writer.close()

    assert answer.status == 200
    assert answer.headers["connection"] == "close"


async def test_a_key_in_a_malformed_request_is_not_even_kept(server: Server) -> None:
    await server.send(
        b"POST /mcp HTTP/1.1\r\nAuthorization: Bearer " + KEY.encode() + b"\r\nX : y\r\n\r\n"
    )

    assert server.gate.calls[0].credential is None


@pytest.mark.parametrize("path", ["/v1/tools", "/mcp", "/healthz", "/nowhere"])
async def test_the_answer_to_head_has_no_body_that_the_next_answer_could_be(
    path: str, server: Server
) -> None:
    reader, writer = await server.connect()
    writer.write(server.encode("HEAD", path) + server.encode("GET", "/v1/key"))
    received = await reader.read()
    writer.close()

    assert received.count(b"HTTP/1.1 ") == 1
    assert received.endswith(b"\r\n\r\n")
    assert b"Connection: close" in received
