"""What an HTTP server says that belongs to no call: changed lists and watched resources."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.mcp_http import LISTENING, HttpServer, Request, Writer, chunk, head, whole
from tests.yett.upstreams.scene import NOBODY, call, leasing, reach, text_of
from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.http import watches
from yett.upstreams.port import Era, Exchange, Transport

STREAM = "text/event-stream"
ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])
CHANGED = "notifications/tools/list_changed"
UPDATED = "notifications/resources/updated"


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "PAUSE_SECONDS_MIN", 0.02)
    monkeypatch.setattr(watches, "HEALTHY_SECONDS", 0.2)


async def until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def watch(transport: Transport, uri: str, deadline: float = 3.0) -> Exchange:
    return await transport.watch(uri, credential=NOBODY, deadline_seconds=deadline)


class Heard:
    def __init__(self, transport: Transport) -> None:
        self.changes = 0
        self.uris: list[str] = []
        transport.on_changed = self._change
        transport.on_updated = self.uris.append

    def _change(self) -> None:
        self.changes += 1


def filters(server: HttpServer) -> list[dict[str, Any]]:
    return [r.message["params"]["notifications"] for r in server.asides if r.method == LISTENING]


# changed lists


@ERAS
async def test_a_list_that_changes_between_calls_is_heard_of(era: str) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        await asyncio.sleep(0.05)
        assert heard.changes == 0
        server.tell(CHANGED)
        await until(lambda: heard.changes == 1)

    assert len(server.ears) == 1


@ERAS
async def test_a_server_that_announces_nothing_is_not_waited_for(era: str) -> None:
    async with HttpServer(era) as server, reach(server) as transport:
        await call(transport)
        await asyncio.sleep(0.2)
        assert [request.verb for request in server.asides] == (["GET"] if era == "legacy" else [])


@pytest.mark.parametrize("status", [200, 202, 400, 401, 404, 405])
@ERAS
async def test_a_server_without_such_a_stream_is_asked_once(era: str, status: int) -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.verb == "POST" and request.method != LISTENING:
            return False
        body = b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32601,"message":"no"}}'
        writer.write(whole(body % request.message.get("id", 0), status))
        return True

    server = HttpServer(era, announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await asyncio.sleep(0.2)
        exchange = await call(transport, message="x")
        asked = len(server.asides)

    assert text_of(exchange) == "x"
    assert asked == 1 or (era == "modern" and status == 202)
    assert heard.changes == 0
    assert server.methods.count("initialize") == (1 if era == "legacy" else 0)


@ERAS
async def test_after_a_gap_everything_may_have_changed(era: str) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await watch(transport, "memo://one")
        await until(lambda: server.ears)
        server.ears[-1].transport.abort()
        await until(lambda: heard.changes and heard.uris)
        server.tell(UPDATED, uri="memo://one")
        await until(lambda: len(heard.uris) == 2)

    assert set(heard.uris) == {"memo://one"}


async def test_a_stream_that_is_continued_has_no_gap() -> None:
    async with HttpServer("legacy", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        server.ears[-1].write(chunk(b"id: 7\ndata:\n\n"))
        await asyncio.sleep(0.05)
        server.ears[-1].write(chunk(b""))
        await until(lambda: len(server.ears) == 2)
        await asyncio.sleep(0.1)
        last_ids = [r.headers.get("last-event-id") for r in server.asides]
        assert heard.changes == 0

    assert last_ids == [None, "7"]


async def test_a_place_that_the_server_has_forgotten_is_a_gap() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if "last-event-id" not in request.headers:
            return False
        writer.write(whole(b"", 400, None))
        return True

    server = HttpServer("legacy", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        server.ears[-1].write(chunk(b"id: 7\ndata:\n\n") + chunk(b""))
        await until(lambda: heard.changes)

    assert len(server.ears) == 2


@ERAS
async def test_a_server_that_restarts_is_listened_to_again(era: str) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await watch(transport, "memo://one")
        await until(lambda: server.ears)
        server.sessions.clear()
        server.drop_connections()
        await until(lambda: len(server.ears) >= 2 and heard.uris)
        before = heard.changes
        server.tell(CHANGED)
        await until(lambda: heard.changes > before)

    assert before >= 1
    if era == "legacy":
        assert server.methods.count("resources/subscribe") == 2


async def test_a_server_that_comes_back_in_the_other_era_is_listened_to() -> None:
    async with HttpServer("legacy", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await watch(transport, "memo://one")
        await until(lambda: server.ears)
        server.era = "modern"
        server.sessions.clear()
        server.drop_connections()
        with pytest.raises(Fault):
            await call(transport)
        await until(lambda: filters(server))
        await until(lambda: heard.uris)
        heard.uris.clear()
        server.tell(UPDATED, uri="memo://one")
        await until(lambda: heard.uris)

    assert transport.era is Era.MODERN
    assert filters(server)[-1]["resourceSubscriptions"] == ["memo://one"]


@pytest.mark.parametrize("name", [b"x\ty", b"x\x01y", b"x" * 1025])
async def test_a_place_that_cannot_stand_in_a_header_is_a_gap(name: bytes) -> None:
    async with HttpServer("legacy", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        server.ears[-1].write(chunk(b"id: " + name + b"\ndata:\n\n"))
        await asyncio.sleep(0.05)
        server.ears[-1].write(chunk(b""))
        await until(lambda: len(server.ears) == 2 and heard.changes)

    assert [r.headers.get("last-event-id") for r in server.asides if r.verb == "GET"] == [None] * 2


@ERAS
async def test_a_server_in_trouble_is_asked_again(era: str) -> None:
    troubled = True

    async def oddity(request: Request, writer: Writer) -> bool:
        nonlocal troubled
        if not troubled or (request.verb == "POST" and request.method != LISTENING):
            return False
        troubled = False
        writer.write(whole(b"", 503, None))
        return True

    server = HttpServer(era, announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        await asyncio.sleep(0.05)
        before = heard.changes
        server.tell(CHANGED)
        await until(lambda: heard.changes > before)


async def test_a_server_that_ends_a_subscription_in_order_is_asked_again() -> None:
    async with HttpServer("modern", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        result = {"resultType": "complete"}
        message = {"jsonrpc": "2.0", "id": server.asides[-1].message["id"], "result": result}
        server.ears[-1].write(chunk(b"data: " + json.dumps(message).encode() + b"\n\n"))
        server.ears[-1].write(chunk(b""))
        await until(lambda: len(server.ears) == 2 and heard.changes)

    assert len({r.message["id"] for r in server.asides if r.method == LISTENING}) == 2


@pytest.mark.parametrize("agreed", [None, 7, {}, {"resourceSubscriptions": "memo://one"}])
async def test_an_agreement_that_says_nothing_agrees_to_nothing(agreed: Any) -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != LISTENING:
            return False
        method = "notifications/subscriptions/acknowledged"
        message = {"jsonrpc": "2.0", "method": method, "params": {"notifications": agreed}}
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        writer.write(chunk(b"data: " + json.dumps(message).encode() + b"\n\n"))
        return True

    server = HttpServer("modern", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        exchange = await watch(transport, "memo://one")

    assert exchange.error is not None


# watched resources


@ERAS
async def test_a_watched_resource_is_told_of_and_no_other(era: str) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        exchange = await watch(transport, "memo://one")
        await until(lambda: server.ears)
        await asyncio.sleep(0.05)
        for uri in ("memo://other", "memo://one", 7, None):
            server.tell(UPDATED, uri=uri)
        await until(lambda: heard.uris)
        await asyncio.sleep(0.1)

    assert exchange.result == {}
    assert heard.uris == ["memo://one"]
    assert heard.changes == 0


@pytest.mark.parametrize(
    ("watched", "said", "told"),
    [
        ("file:///a", "file:///a/b/c", ["file:///a"]),
        ("file:///a/", "file:///a/b", ["file:///a/"]),
        ("file:///a", "file:///ab", []),
        ("file:///a/b", "file:///a", []),
        ("file:///a", "file:///a/" + "x/" * 5000, []),
        ("file:///a", "", []),
    ],
)
async def test_a_part_of_what_is_watched_stands_for_the_whole(
    watched: str, said: str, told: list[str]
) -> None:
    async with HttpServer("legacy", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await watch(transport, watched)
        await until(lambda: server.ears)
        await asyncio.sleep(0.05)
        server.tell(UPDATED, uri=said)
        await asyncio.sleep(0.15)

    assert heard.uris == told


async def test_one_stream_is_enough_for_all_credentials() -> None:
    credentials = [
        Credential((("Authorization", Secret(f"Bearer {name}")),), (name,)) for name in "abc"
    ]
    lease = leasing(credentials[0])
    async with HttpServer("legacy", announces=True) as server, reach(server, lease) as transport:
        for credential in credentials:
            await call(transport, credential=credential)
        await asyncio.sleep(0.1)
        listening = [r.headers["authorization"] for r in server.asides if r.verb == "GET"]

    assert listening == ["Bearer a"]


@ERAS
async def test_the_server_is_asked_once_however_many_watch(era: str) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await asyncio.gather(*(watch(transport, "memo://one") for _ in range(3)))
        await until(lambda: server.ears)
        transport.unwatch("memo://one")
        transport.unwatch("memo://one")
        await asyncio.sleep(0.1)
        server.tell(UPDATED, uri="memo://one")
        await until(lambda: heard.uris)
        transport.unwatch("memo://one")
        transport.unwatch("memo://one")
        await asyncio.sleep(0.1)
        heard.uris.clear()
        server.tell(UPDATED, uri="memo://one")
        await asyncio.sleep(0.1)
        methods = server.methods

    assert heard.uris == []
    if era == "legacy":
        assert methods.count("resources/subscribe") == 1
        assert methods.count("resources/unsubscribe") == 1
    else:
        assert filters(server)[-1] == {"toolsListChanged": True}


async def test_a_new_filter_is_heard_before_the_old_stream_is_closed() -> None:
    async with HttpServer("modern", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await watch(transport, "memo://one")
        await watch(transport, "memo://two")
        await asyncio.sleep(0.1)
        alive = [writer for writer in server.ears if not writer.transport.is_closing()]
        server.tell(UPDATED, uri="memo://one")
        server.tell(UPDATED, uri="memo://two")
        await until(lambda: len(heard.uris) == 2)

    assert len(alive) == 1
    assert heard.changes == 0, "nothing was missed"
    identifiers = [r.message["id"] for r in server.asides if r.method == LISTENING]
    assert len(set(identifiers)) == len(identifiers)


async def test_what_a_modern_server_does_not_agree_to_is_refused() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method == LISTENING:
            uris = request.message["params"]["notifications"].get("resourceSubscriptions", [])
            if "memo://secret" in uris:
                uris.remove("memo://secret")
        return False

    server = HttpServer("modern", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        good = await watch(transport, "memo://one")
        bad = await watch(transport, "memo://secret")

    assert good.error is None
    assert bad.error is not None


async def test_what_a_legacy_server_refuses_is_refused() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "resources/subscribe":
            return False
        body = b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32002,"message":"absent"}}'
        writer.write(whole(body % request.message["id"]))
        return True

    server = HttpServer("legacy", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        first = await watch(transport, "memo://absent")
        second = await watch(transport, "memo://absent")

    assert first.error is not None
    assert first.error.code == -32002
    assert second.error is not None
    assert server.methods.count("resources/unsubscribe") == 0


@ERAS
async def test_a_server_that_does_not_answer_costs_no_more_than_the_deadline(era: str) -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        return request.method in ("resources/subscribe", LISTENING)

    server = HttpServer(era, announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Fault) as caught:
            await watch(transport, "memo://one", deadline=0.2)
        took = asyncio.get_running_loop().time() - began

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert took < 0.6


async def test_who_hangs_up_while_it_waits_watches_nothing() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method == "resources/subscribe":
            await asyncio.sleep(0.1)
        return False

    server = HttpServer("legacy", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        waiting = asyncio.create_task(watch(transport, "memo://one"))
        await until(lambda: "resources/subscribe" in server.methods)
        waiting.cancel()
        await asyncio.wait({waiting})
        await until(lambda: "resources/unsubscribe" in server.methods)


async def test_a_server_that_is_not_there_cannot_be_watched() -> None:
    async with HttpServer("legacy") as server:
        pass
    async with reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await watch(transport, "memo://one")

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent


async def test_resources_that_are_watched_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "WATCHED_MAX", 2)
    async with HttpServer("legacy", announces=True) as server, reach(server) as transport:
        answers = [await watch(transport, f"memo://{number}") for number in range(3)]

    assert [answer.error is None for answer in answers] == [True, True, False]


# what a server may do with such a stream


@ERAS
async def test_a_flood_of_updates_is_told_together(era: str) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await watch(transport, "memo://one")
        await until(lambda: server.ears)
        await asyncio.sleep(0.05)
        for _ in range(2000):
            server.tell(UPDATED, uri="memo://one")
        await until(lambda: heard.uris)
        await asyncio.sleep(0.3)

    assert len(heard.uris) <= 10


@ERAS
async def test_a_stream_that_says_too_much_is_cut(
    era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("legacy_events", "modern_events"):
        name = f"yett.upstreams.backends.http.{module}.RATION_BYTES"
        monkeypatch.setattr(name, 100_000)
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        await call(transport)
        await until(lambda: server.ears)
        writer, sent = server.ears[-1], 0
        while not writer.transport.is_closing() and sent < 20_000_000:
            writer.write(chunk(b": " + b"x" * 9_000 + b"\n"))
            sent += 9_000
            await asyncio.sleep(0)
        exchange = await call(transport, message="fine")

    assert text_of(exchange) == "fine"
    assert sent < 5_000_000


@ERAS
@pytest.mark.parametrize(
    "odd",
    [b"data: {\n\n", b"data: []\n\n", b'data: {"jsonrpc":"2.0","id":9,"result":{},"error":1}\n\n'],
)
async def test_what_is_broken_ends_the_stream_and_nothing_else(era: str, odd: bytes) -> None:
    async with HttpServer(era, announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        server.ears[-1].write(chunk(odd))
        await asyncio.sleep(0.1)
        server.tell(CHANGED)
        await until(lambda: heard.changes)
        exchange = await call(transport, message="fine")

    assert text_of(exchange) == "fine"


async def test_a_server_that_closes_at_once_is_asked_less_and_less() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.verb != "GET":
            return False
        writer.write(head(200, STREAM, Transfer_Encoding="chunked") + chunk(b""))
        return True

    server = HttpServer("legacy", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        await call(transport)
        await asyncio.sleep(0.7)
        asked = len(server.asides)

    assert 3 <= asked <= 6


async def test_events_of_another_subscription_are_not_heard() -> None:
    async with HttpServer("modern", announces=True) as server, reach(server) as transport:
        heard = Heard(transport)
        await call(transport)
        await until(lambda: server.ears)
        await asyncio.sleep(0.05)
        for other in (999, "x", True, [1]):
            server.tell(CHANGED, _meta={"io.modelcontextprotocol/subscriptionId": other})
        await asyncio.sleep(0.1)
        assert heard.changes == 0
        identifier = server.asides[-1].message["id"]
        server.tell(CHANGED, _meta={"io.modelcontextprotocol/subscriptionId": identifier})
        await until(lambda: heard.changes)


async def test_questions_on_the_stream_of_a_session_are_declined() -> None:
    async with HttpServer("legacy", announces=True) as server, reach(server) as transport:
        await call(transport)
        await until(lambda: server.ears)
        server.ears[-1].write(chunk(b'data: {"jsonrpc":"2.0","id":"q","method":"roots/list"}\n\n'))
        await until(lambda: any("error" in r.message for r in server.requests))

    assert server.requests[-1].message["error"]["code"] == -32601


@ERAS
async def test_a_closed_transport_listens_no_more(era: str) -> None:
    async with HttpServer(era, announces=True) as server:
        async with reach(server) as transport:
            await watch(transport, "memo://one")
            await until(lambda: server.ears)
        await asyncio.sleep(0.1)
        open_at_the_end = server.open
        before = len(server.asides)
        await asyncio.sleep(0.2)

    assert open_at_the_end == 0
    assert len(server.asides) == before
