"""A legacy server that closes the stream before the answer has come, and is asked for the rest."""

import asyncio
from typing import Any

import pytest

from tests.said import Said
from tests.servers.mcp_http import HttpServer, Request, Writer, chunk, head, result_body, whole
from tests.yett.upstreams.scene import NOBODY, call, reach, text_of
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http import resuming
from yett.upstreams.port import Beside, Exchange, Transport

STREAM = "text/event-stream"
PRIME = b"id: one\nretry: 20\ndata:\n\n"


class Cutting:
    """Answers a call with `first` and closes the stream; then each GET with the next piece.

    A piece is the text of a stream, with ANSWER where the answer goes, or the status of a refusal.
    """

    ANSWER = b"ANSWER"

    def __init__(self, first: bytes, *pieces: bytes | int, abort: bool = False) -> None:
        self.first = first
        self.pieces = list(pieces)
        self.abort = abort
        self.times: list[float] = []
        self.asked: Request | None = None
        self.server = HttpServer("legacy", oddity=self.oddity)

    @property
    def last_ids(self) -> list[str]:
        found = [request.headers.get("last-event-id") for request in self.server.asides]
        return [last_id for last_id in found if last_id is not None]

    async def oddity(self, request: Request, writer: Writer) -> bool:
        if request.method == "tools/call":
            self.asked = request
            await self.say(writer, self.first)
        elif "last-event-id" in request.headers:
            self.times.append(asyncio.get_running_loop().time())
            piece = self.pieces.pop(0) if self.pieces else 405
            if isinstance(piece, int):
                writer.write(whole(b"", piece, None))
            else:
                await self.say(writer, piece)
        else:
            return False
        return True

    async def say(self, writer: Writer, text: bytes) -> None:
        if self.ANSWER in text:
            assert self.asked is not None
            text = text.replace(self.ANSWER, b"data: " + result_body(self.asked, "done") + b"\n\n")
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        writer.write(chunk(text) if text else b"")
        await writer.drain()
        if self.abort:
            await asyncio.sleep(0.01)
            writer.close()
        else:
            writer.write(chunk(b""))


async def ask(transport: Transport, *, beside: bool, deadline: float = 5.0) -> Exchange:
    return await transport.request(
        "tools/call",
        {"name": "echo", "arguments": {}},
        credential=NOBODY,
        deadline_seconds=deadline,
        beside=Beside(progress=True) if beside else None,
    )


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("abort", [True, False])
async def test_the_answer_is_fetched_from_where_the_stream_was_cut(
    *, beside: bool, abort: bool
) -> None:
    cutting = Cutting(PRIME, b"id: two\ndata:\n\n", b"", b"id: three\nANSWER", abort=abort)
    async with cutting.server as server, reach(server) as transport:
        exchange = await ask(transport, beside=beside)

    assert text_of(exchange) == "done"
    assert cutting.last_ids == ["one", "two", "two"]
    assert server.methods.count("tools/call") == 1
    assert "notifications/cancelled" not in server.methods
    gets = [request for request in server.asides if "last-event-id" in request.headers]
    assert {request.headers["mcp-session-id"] for request in gets} == {"session-1"}
    assert all("content-type" not in request.headers for request in gets)


async def test_the_server_says_how_long_to_wait() -> None:
    cutting = Cutting(PRIME.replace(b"20", b"200"), b"ANSWER")
    async with cutting.server as server, reach(server) as transport:
        began = asyncio.get_running_loop().time()
        await ask(transport, beside=False)

    assert cutting.times[0] - began >= 0.2


async def test_who_is_to_wait_longer_than_the_call_may_take_does_not() -> None:
    cutting = Cutting(PRIME.replace(b"20", b"999999"), b"ANSWER")
    async with cutting.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await ask(transport, beside=False, deadline=1.0)
        await asyncio.sleep(0.05)

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert caught.value.sent
    assert cutting.last_ids == []
    assert "notifications/cancelled" in server.methods


@pytest.mark.parametrize("status", [400, 404, 405, 202])
async def test_a_server_that_does_not_go_on_is_invalid(status: int) -> None:
    cutting = Cutting(PRIME, status)
    async with cutting.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await ask(transport, beside=False)

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent
    assert server.methods.count("tools/call") == 1


@pytest.mark.parametrize("first", [b": hello\n\n", b"id: a\0b\n\n", b"id: x\ndata: y"])
async def test_a_stream_that_names_no_event_cannot_be_continued(first: bytes) -> None:
    cutting = Cutting(first, b"ANSWER")
    async with cutting.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await ask(transport, beside=False)

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert cutting.last_ids == []


@pytest.mark.parametrize("name", [b"x\tInjected: 1", b"x\x01y", b"x" * 1025])
async def test_an_id_that_cannot_stand_in_a_header_is_never_sent(name: bytes) -> None:
    cutting = Cutting(b"id: " + name + b"\nretry: 20\n\n", b"ANSWER")
    async with cutting.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await ask(transport, beside=False)

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert cutting.last_ids == []


async def test_a_server_that_cuts_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "FRUITLESS_MAX", 3)
    cutting = Cutting(PRIME, *[b": nothing\n\n"] * 50)
    async with cutting.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await ask(transport, beside=False)

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert cutting.last_ids == ["one"] * 4


async def test_what_is_said_on_the_way_is_heard_once() -> None:
    found = Said()

    def progress(value: int) -> bytes:
        return (
            b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":'
            b'{"progressToken":1,"progress":%d}}\n\n' % value
        )

    cutting = Cutting(PRIME + progress(1), b"id: two\n" + progress(1) + progress(2) + b"ANSWER")
    async with cutting.server as server, reach(server) as transport:
        await transport.request(
            "tools/call",
            {"name": "echo", "arguments": {}},
            credential=NOBODY,
            deadline_seconds=5.0,
            beside=Beside(progress=True, hear=found.hear),
        )

    assert [notice.params for notice in found] == [{"progress": 1}, {"progress": 2}]


async def test_the_rest_of_a_stream_may_not_answer_another_request() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method == "tools/call":
            writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
            writer.write(chunk(PRIME) + chunk(b""))
            return True
        if request.verb == "GET":
            body = b'data: {"jsonrpc":"2.0","id":99,"result":{"content":[]}}\n\n'
            writer.write(whole(body, 200, STREAM))
            return True
        return False

    async with HttpServer("legacy", oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID


async def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    """It restarts, and remembers."""
    cutting = Cutting(PRIME, b"ANSWER")
    answered: dict[str, Any] = {}

    async def oddity(request: Request, writer: Writer) -> bool:
        if "last-event-id" in request.headers and not answered:
            answered["slammed"] = True
            writer.transport.abort()
            return True
        return await cutting.oddity(request, writer)

    async with HttpServer("legacy", oddity=oddity) as server, reach(server) as transport:
        exchange = await ask(transport, beside=False)

    assert text_of(exchange) == "done"


async def test_a_modern_server_is_not_asked_for_the_rest() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        writer.write(whole(PRIME, 200, STREAM))
        return True

    async with HttpServer("modern", oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert server.asides == []
