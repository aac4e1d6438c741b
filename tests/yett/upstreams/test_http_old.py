"""Servers of 2024-11-05: requests to an address that they name, all answers on one stream."""

import asyncio

import pytest

from tests.said import Said
from tests.servers.mcp_http import HttpServer, Request, Writer, chunk, head, whole
from tests.servers.mcp_old_http import VERSION, OldServer
from tests.yett.upstreams.scene import NOBODY, call, reach, text_of
from yett.core.errors import Fault
from yett.core.notices import Notice
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.http import channel
from yett.upstreams.backends.http.channel import same_place
from yett.upstreams.backends.http.endpoint import parse_endpoint
from yett.upstreams.port import Beside, Era, Wishes
from yett.upstreams.rpc import InvalidAnswer

STREAM = "text/event-stream"
SECRET = Credential((("Authorization", Secret("Bearer canary")),), ("token",))


@pytest.mark.parametrize("status", [400, 404, 405])
async def test_a_server_of_the_first_version_is_found_out_and_asked(status: int) -> None:
    old = OldServer(status=status)
    async with old.server as server, reach(server) as transport:
        found = await transport.discover(NOBODY)
        exchange = await call(transport, message="héllo ☃", credential=NOBODY)
        version, era = transport.version, transport.era

    assert text_of(exchange) == "héllo ☃"
    assert len(found.tools) == 3
    assert (version, era) == (VERSION, Era.LEGACY)
    assert old.methods[:2] == ["initialize", "notifications/initialized"]
    assert {request.path for request in old.posted} == {"/messages?session=1"}
    assert len(old.streams) == 1


@pytest.mark.parametrize("status", [401, 403, 500, 302])
async def test_only_the_statuses_of_the_specification_lead_there(status: int) -> None:
    old = OldServer(status=status)
    async with old.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert old.streams == []


async def test_two_hundred_calls_get_their_own_answers() -> None:
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        answers = await asyncio.gather(
            *(call(transport, message=str(number)) for number in range(200))
        )

    assert [text_of(exchange) for exchange in answers] == [str(number) for number in range(200)]


# where it is posted to


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:1/messages",
        "http://evil.example/messages",
        "https://127.0.0.1/messages",
        "//evil.example/messages",
        "http://user:pw@127.0.0.1/messages",
        "ftp://127.0.0.1/",
        "http://localhost/messages",
        "/messages#x",
        "/mes sages",
        "/" + "x" * 5000,
        "/é",
    ],
)
async def test_no_secret_goes_to_an_address_at_another_place(address: str) -> None:
    old = OldServer(address)
    async with old.server as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, credential=SECRET, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert not caught.value.sent
    assert old.posted == []


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/messages?s=1", b"/messages?s=1"),
        ("messages", b"/a/messages"),
        ("?s=1", b"/a/sse?s=1"),
        ("https://host.example/m", b"/m"),
        ("https://HOST.example:443/m", b"/m"),
        ("//host.example/m", b"/m"),
    ],
)
def test_an_address_is_read_from_where_the_stream_is(address: str, target: bytes) -> None:
    endpoint = parse_endpoint("https://host.example/a/sse")

    assert same_place(endpoint, address).target == target
    assert same_place(endpoint, address).authority == b"host.example"


@pytest.mark.parametrize("address", ["https://host.example:444/m", "http://host.example/m", ""])
def test_another_port_or_scheme_is_another_place(address: str) -> None:
    endpoint = parse_endpoint("https://host.example/a/sse")

    if address:
        with pytest.raises(InvalidAnswer):
            same_place(endpoint, address)
    else:
        assert same_place(endpoint, address) == endpoint


async def test_a_second_address_is_not_gone_to() -> None:
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        await call(transport, message="x")
        old.streams[-1].write(chunk(b"event: endpoint\ndata: /other\n\n"))
        await asyncio.sleep(0.05)
        await call(transport, message="x")

    assert {request.path for request in old.posted} == {"/messages?session=1"}


async def test_a_stream_that_names_no_address_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.upstreams.backends.http.old_opening.ENDPOINT_SECONDS_MAX", 0.1)

    async def oddity(request: Request, writer: Writer) -> bool:
        if request.verb == "GET":
            writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        else:
            writer.write(whole(b"", 405, None))
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")
        await asyncio.sleep(0.1)
        left = server.open

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert "405" in caught.value.private
    assert left <= 1, "the stream was closed"


# what may go wrong


async def test_a_stream_that_closes_ends_its_calls_and_is_opened_again() -> None:
    old = OldServer()
    old.silent.add("resources/read")
    changes: list[int] = []
    async with old.server as server, reach(server) as transport:
        transport.on_changed = lambda: changes.append(1)
        await call(transport, message="x")
        waiting = asyncio.create_task(
            transport.request(
                "resources/read", {"uri": "memo://one"}, credential=NOBODY, deadline_seconds=5.0
            )
        )
        await asyncio.sleep(0.05)
        old.streams[-1].transport.abort()
        with pytest.raises(Fault) as caught:
            await waiting
        exchange = await call(transport, message="y")

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert caught.value.sent
    assert text_of(exchange) == "y"
    assert len(old.streams) == 2
    assert len(changes) >= 1


async def test_an_answer_that_comes_too_late_goes_to_nobody_and_the_server_is_told() -> None:
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        await call(transport, message="warm")
        with pytest.raises(Fault) as caught:
            await call(transport, deadline=0.1, message="late", seconds=0.3)
        await asyncio.sleep(0.3)
        after = await call(transport, message="next")

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert caught.value.sent
    assert "notifications/cancelled" in old.methods
    assert text_of(after) == "next"


@pytest.mark.parametrize("status", [400, 404, 500, 302])
async def test_a_message_that_is_not_taken_is_a_refusal(status: int) -> None:
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        await transport.discover(NOBODY)
        old.refusal = status
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent


@pytest.mark.parametrize("broken", [b"data: {\n\n", b"data: []\n\n", b'data: {"jsonrpc":"1"}\n\n'])
async def test_a_broken_message_ends_the_stream(broken: bytes) -> None:
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        await call(transport, message="x")
        old.streams[-1].write(chunk(broken))
        await asyncio.sleep(0.05)
        exchange = await call(transport, message="y")

    assert text_of(exchange) == "y"
    assert len(old.streams) == 2


async def test_a_call_that_meets_a_broken_message_says_so() -> None:
    old = OldServer()
    old.silent.add("resources/read")
    async with old.server as server, reach(server) as transport:
        await call(transport, message="x")
        waiting = asyncio.create_task(
            transport.request(
                "resources/read", {"uri": "memo://one"}, credential=NOBODY, deadline_seconds=5.0
            )
        )
        await asyncio.sleep(0.05)
        old.streams[-1].write(chunk(b"data: {\n\n"))
        with pytest.raises(Fault) as caught:
            await waiting

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent


async def test_answers_that_nobody_asked_for_are_passed_over() -> None:
    old = OldServer()
    old.before = [
        {"id": 99, "result": {}},
        {"id": "2", "result": {}},
        {"id": True, "result": {}},
        {"id": None, "error": {"code": 1, "message": "x"}},
    ]
    async with old.server as server, reach(server) as transport:
        exchange = await call(transport, message="x")

    assert text_of(exchange) == "x"


async def test_too_many_calls_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "PENDING_MAX", 2)
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        await transport.discover(NOBODY)
        results = await asyncio.gather(
            *(call(transport, message="x", seconds=0.1) for _ in range(3)), return_exceptions=True
        )

    faults = [result for result in results if isinstance(result, Fault)]
    assert len(faults) == 1
    assert not faults[0].sent


async def test_a_server_that_does_not_stop_talking_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "UNASKED_BYTES_MAX", 10_000)
    old = OldServer()
    async with old.server as server, reach(server) as transport:
        await call(transport, message="x" * 50_000)
        for _ in range(300):
            old.say({"method": "notifications/message", "params": {"level": "info", "data": "x"}})
        await asyncio.sleep(0.1)
        closed = old.streams[-1].transport.is_closing()
        exchange = await call(transport, message="y")

    assert closed
    assert text_of(exchange) == "y"


# what it says besides


async def test_progress_reaches_the_call_that_it_belongs_to() -> None:
    old = OldServer()
    found = Said()
    async with old.server as server, reach(server) as transport:
        await call(transport, message="x")
        beside = Beside(progress=True, hear=found.hear, wishes=Wishes(b"{}", "debug"))
        waiting = asyncio.create_task(
            transport.request(
                "tools/call",
                {"name": "echo", "arguments": {"message": "y", "seconds": 0.2}},
                credential=NOBODY,
                deadline_seconds=5.0,
                beside=beside,
            )
        )
        await asyncio.sleep(0.05)
        identifier = old.posted[-1].message["id"]
        for token in (identifier, identifier + 1, True, "x"):
            params = {"progressToken": token, "progress": 1}
            old.say({"method": "notifications/progress", "params": params})
        old.say({"method": "notifications/message", "params": {"level": "error", "data": "x"}})
        await waiting

    assert found == [Notice("notifications/progress", {"progress": 1})]


async def test_lists_resources_and_questions_are_dealt_with() -> None:
    old = OldServer()
    changes: list[int] = []
    uris: list[str] = []
    async with old.server as server, reach(server) as transport:
        await call(transport, message="x")
        transport.on_changed, transport.on_updated = lambda: changes.append(1), uris.append
        watched = await transport.watch("memo://one", credential=NOBODY, deadline_seconds=2.0)
        old.say({"method": "notifications/tools/list_changed"})
        old.say({"method": "notifications/resources/updated", "params": {"uri": "memo://one"}})
        old.say({"id": "q", "method": "roots/list"})
        old.say({"id": "p", "method": "ping"})
        await asyncio.sleep(0.1)

    replies = {r.message["id"]: r.message for r in old.posted if not r.method}
    assert watched.error is None
    assert changes == [1]
    assert uris == ["memo://one"]
    assert replies["q"]["error"]["code"] == -32601
    assert replies["p"]["result"] == {}


async def test_a_rotated_secret_opens_a_stream_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.upstreams.backends.http.sessions._LATE_SECONDS", 0.05)
    old = OldServer()
    new = Credential((("Authorization", Secret("Bearer new")),), ("token",))
    async with old.server as server, reach(server) as transport:
        await call(transport, credential=SECRET, message="x")
        await call(transport, credential=new, message="x")
        await asyncio.sleep(0.2)
        closed = [writer.transport.is_closing() for writer in old.streams]
        exchange = await call(transport, credential=new, message="y")

    assert closed == [True, False]
    assert text_of(exchange) == "y"


async def test_what_is_said_beside_the_calls_is_said_with_the_secret_of_this_moment() -> None:
    old = OldServer()
    new = Credential((("Authorization", Secret("Bearer new")),), ("token",))
    current = [SECRET]

    async def lease() -> Credential:
        return current[0]

    async with old.server as server, reach(server, lease) as transport:
        await call(transport, credential=SECRET, message="x")
        current[0] = new
        before = len(old.posted)
        old.say({"id": "p", "method": "ping"})
        await asyncio.sleep(0.1)
        replies = old.posted[before:]

    assert [reply.headers["authorization"] for reply in replies] == ["Bearer new"]


async def test_a_closed_transport_closes_the_stream() -> None:
    old = OldServer()
    async with old.server as server:
        async with reach(server) as transport:
            await call(transport, message="x")
        await asyncio.sleep(0.05)

        assert server.open == 0
