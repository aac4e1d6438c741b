"""What the HTTP transport says, to whom, and how often."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import issue
from tests.servers.mcp_answers import MODERN
from tests.servers.mcp_http import (
    HttpServer,
    Request,
    Writer,
    chunk,
    head,
    result_body,
    whole,
)
from tests.yett.upstreams.scene import NOBODY, call, lease_nothing, leasing, make, reach, text_of
from yett.core.errors import ConfigurationError, Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.http.dial import Dialer
from yett.upstreams.backends.http.endpoint import Endpoint, parse_endpoint
from yett.upstreams.backends.http.transport import HttpTransport
from yett.upstreams.build import build
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Era, Transport

CANARY = "canary-0123456789"


def bearer(value: str, name: str = "Authorization") -> Credential:
    return Credential(((name, Secret(f"Bearer {value}")),), ("token",))


# what is sent


async def test_a_modern_request_has_exactly_our_headers() -> None:
    async with HttpServer("modern") as server, reach(server) as transport:
        await call(transport, credential=bearer(CANARY), message="x")

    request = server.requests[-1]
    assert [name for name, _ in request.raw_headers] == [
        "Host",
        "User-Agent",
        "Accept",
        "Content-Type",
        "MCP-Protocol-Version",
        "Authorization",
        "Mcp-Method",
        "Mcp-Name",
        "Content-Length",
    ]
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["user-agent"] == "yett"
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert request.headers["mcp-name"] == "echo"
    assert request.message["params"]["_meta"].keys() == {
        "io.modelcontextprotocol/protocolVersion",
        "io.modelcontextprotocol/clientInfo",
        "io.modelcontextprotocol/clientCapabilities",
    }


async def test_a_legacy_request_names_its_session_and_the_agreed_version() -> None:
    async with HttpServer("legacy") as server, reach(server) as transport:
        await call(transport, message="x")

    request = server.requests[-1]
    assert [name for name, _ in request.raw_headers] == [
        "Host",
        "User-Agent",
        "Accept",
        "Content-Type",
        "MCP-Protocol-Version",
        "Mcp-Session-Id",
        "Content-Length",
    ]
    assert request.headers["mcp-protocol-version"] == "2025-11-25"
    assert "_meta" not in request.message["params"]
    assert server.methods == [
        "server/discover",
        "initialize",
        "notifications/initialized",
        "tools/call",
    ]
    assert "mcp-protocol-version" not in server.requests[1].headers


async def test_a_name_that_is_no_plain_text_is_wrapped_in_base64() -> None:
    async with HttpServer("modern") as server, reach(server) as transport:
        await transport.request(
            "resources/read", {"uri": "memo://ü"}, credential=NOBODY, deadline_seconds=5.0
        )

    assert server.requests[-1].headers["mcp-name"] == "=?base64?bWVtbzovL8O8?="


async def test_no_two_requests_carry_the_same_id() -> None:
    async with HttpServer("modern") as server, reach(server) as transport:
        await asyncio.gather(*(call(transport, message="x") for _ in range(20)))

    identifiers = [request.message["id"] for request in server.requests]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "a\r\nX-Evil: 1"),
        ("Authorization", "a\nb"),
        ("Authorization", "a\x00b"),
        ("Authorization", ""),
        ("Authorization", " padded "),
        ("X Y", "a"),
        ("X:Y", "a"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("Host", "evil.example"),
        ("Mcp-Session-Id", "a"),
    ],
)
async def test_a_credential_that_would_change_the_request_is_not_sent(
    name: str, value: str
) -> None:
    credential = Credential(((name, Secret(value)),), ("token",))
    async with HttpServer("modern") as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, credential=credential, message="x")

    assert server.requests == []
    assert not caught.value.sent
    if len(value.strip()) > 1:
        assert value not in caught.value.private


async def test_a_fault_never_quotes_the_secret() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        writer.write(whole(request.headers["authorization"].encode(), 401))
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, credential=bearer(CANARY), message="x")

    assert CANARY not in str(caught.value) + caught.value.private
    assert "401" in caught.value.private


async def test_each_server_gets_its_own_secret_only() -> None:
    async with (
        HttpServer("modern") as one,
        HttpServer("modern") as two,
        reach(one) as first,
        reach(two) as second,
    ):
        await call(first, credential=bearer("one-one-one"), message="x")
        await call(second, credential=bearer("two-two-two"), message="x")

    assert "two-two-two" not in str([request.raw_headers for request in one.requests])
    assert "one-one-one" not in str([request.raw_headers for request in two.requests])


async def test_a_rotated_secret_opens_a_new_session() -> None:
    lease = leasing(bearer("old-secret"), bearer("new-secret"))
    async with HttpServer("legacy") as server, reach(server, lease) as transport:
        await call(transport, credential=bearer("old-secret"), message="x")
        await call(transport, credential=bearer("old-secret"), message="x")
        await call(transport, credential=bearer("new-secret"), message="x")

    calls = [request for request in server.requests if request.method == "tools/call"]
    assert [request.headers["mcp-session-id"] for request in calls] == [
        "session-1",
        "session-1",
        "session-2",
    ]
    assert calls[-1].headers["authorization"] == "Bearer new-secret"


async def test_who_joins_an_opening_that_began_too_early_tries_once_itself() -> None:
    """The server came back meanwhile. Whoever began it hears that it was away."""
    begun = asyncio.Event()

    async def away(_: Request, writer: Writer) -> bool:
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(0.05)
            raise ConnectionResetError
        del writer
        return False

    async with HttpServer("legacy", oddity=away) as server, reach(server) as transport:
        first = asyncio.create_task(call(transport, message="first"))
        await begun.wait()
        joined = [asyncio.create_task(call(transport, message=f"{n}")) for n in range(3)]
        with pytest.raises(Fault) as refused:
            await first
        texts = [text_of(exchange) for exchange in await asyncio.gather(*joined)]

    assert (refused.value.reason, refused.value.sent) == (Reason.UPSTREAM_UNREACHABLE, False)
    assert texts == ["0", "1", "2"]
    assert server.methods.count("initialize") == 1


async def test_the_session_of_a_rotated_secret_is_ended_after_its_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yett.upstreams.backends.http.sessions._LATE_SECONDS", 0.2)
    lease = leasing(bearer("old-secret"), bearer("new-secret"))
    async with HttpServer("legacy") as server, reach(server, lease) as transport:
        await call(transport, credential=bearer("old-secret"), message="x")
        slow = asyncio.create_task(
            call(
                transport,
                credential=bearer("old-secret"),
                message="slow",
                odd="wait",
                seconds=0.1,
            )
        )
        await asyncio.sleep(0.02)
        await call(transport, credential=bearer("new-secret"), message="x")
        exchange = await slow
        before = [request.verb for request in server.asides]
        await asyncio.sleep(0.3)
        ended = [request for request in server.asides if request.verb == "DELETE"]

    assert text_of(exchange) == "slow"
    assert "DELETE" not in before
    assert [request.headers["mcp-session-id"] for request in ended] == ["session-1"]
    assert ended[0].headers["authorization"] == "Bearer new-secret"


async def test_a_redirection_is_not_followed_and_the_secret_stays() -> None:
    async with HttpServer("modern") as target:

        async def oddity(request: Request, writer: Writer) -> bool:
            writer.write(whole(b"", 307, None, Location=target.url))
            return True

        async with HttpServer(oddity=oddity) as server, reach(server) as transport:
            with pytest.raises(Fault) as caught:
                await call(transport, credential=bearer(CANARY), message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert target.requests == []


# eras


@pytest.mark.parametrize(("era", "expected"), [("legacy", Era.LEGACY), ("modern", Era.MODERN)])
async def test_the_era_is_asked_once(era: str, expected: Era) -> None:
    async with HttpServer(era) as server, reach(server) as transport:
        await asyncio.gather(*(call(transport, message="x") for _ in range(5)))
        await call(transport, message="x")

    assert transport.era is expected
    assert server.methods.count("server/discover") == 1
    assert server.methods.count("initialize") == (1 if expected is Era.LEGACY else 0)


@pytest.mark.parametrize(
    ("status", "body", "era"),
    [
        (400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"x"}}', Era.MODERN),
        (400, '{"jsonrpc":"2.0","id":0,"error":{"code":-32021,"message":"x"}}', Era.MODERN),
        (
            400,
            '{"jsonrpc":"2.0","id":0,"error":{"code":-32022,"message":"x","data":{"supported":["2026-07-28"]}}}',
            Era.MODERN,
        ),
        (
            400,
            '{"jsonrpc":"2.0","id":0,"error":{"code":-32022,"message":"x","data":{"supported":["2025-11-25"]}}}',
            Era.LEGACY,
        ),
        (400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"x"}}', Era.LEGACY),
        (400, "not JSON", Era.LEGACY),
        (404, "", Era.LEGACY),
        (405, "", Era.LEGACY),
        (500, "", Era.LEGACY),
        (200, '{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"x"}}', Era.LEGACY),
        (200, '{"jsonrpc":"2.0","id":0,"result":{"supportedVersions":["2025-11-25"]}}', Era.LEGACY),
        (200, '{"jsonrpc":"2.0","id":0,"result":{}}', Era.LEGACY),
    ],
)
async def test_only_evidence_of_the_modern_era_makes_a_server_modern(
    status: int, body: str, era: Era
) -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "server/discover":
            return False
        writer.write(whole(body.encode(), status))
        return True

    speaks = "modern" if era is Era.MODERN else "legacy"
    async with HttpServer(speaks, oddity=oddity) as server, reach(server) as transport:
        exchange = await call(transport, message="x")

    assert text_of(exchange) == "x"
    assert transport.era is era


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_every_legacy_version_is_spoken(version: str) -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "initialize":
            return False
        request.message["params"]["protocolVersion"] = version
        return False

    async with HttpServer("legacy", oddity=oddity) as server, reach(server) as transport:
        await call(transport, message="x")

    assert server.requests[-1].headers["mcp-protocol-version"] == version


@pytest.mark.parametrize("version", ["2023-01-01", "", 7, None, MODERN])
async def test_another_version_is_refused(version: object) -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method == "initialize":
            request.message["params"]["protocolVersion"] = version
        return False

    async with HttpServer("legacy", oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert not caught.value.sent


async def test_a_server_that_comes_back_in_another_era_is_asked_again() -> None:
    changes = []
    async with HttpServer("legacy") as server, reach(server) as transport:
        transport.on_changed = lambda: changes.append(1)
        await call(transport, message="x")
        server.era = "modern"
        with pytest.raises(Fault):
            await call(transport, message="x")
        exchange = await call(transport, message="y")

    assert text_of(exchange) == "y"
    assert transport.era is Era.MODERN
    assert changes == [1]


# sessions


async def test_a_forgotten_session_is_opened_again_and_the_call_is_made_once() -> None:
    changes = []
    async with HttpServer("legacy") as server, reach(server) as transport:
        transport.on_changed = lambda: changes.append(1)
        await call(transport, message="x")
        server.sessions.clear()
        exchange = await call(transport, message="y")

    assert text_of(exchange) == "y"
    assert server.methods.count("tools/call") == 3
    assert changes == [1]


async def test_a_server_that_forgets_every_session_is_given_up() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method == "tools/call":
            server.sessions.clear()
        return False

    server = HttpServer("legacy", oddity=oddity)
    async with server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert server.methods.count("tools/call") == 2


async def test_the_session_id_of_a_server_must_be_visible_text() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "initialize":
            return False
        body = b'{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25"}}'
        writer.write(whole(body, Mcp_Session_Id="a b"))
        return True

    async with HttpServer("legacy", oddity=oddity) as server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x")

    assert caught.value.reason is Reason.UPSTREAM_INVALID


# what a stream says besides the answer


async def test_a_changed_list_is_heard_and_questions_are_declined() -> None:
    changes = []

    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        await server.write_stream(
            writer,
            b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
            b'{"jsonrpc":"2.0","id":"q1","method":"sampling/createMessage","params":{}}',
            b'{"jsonrpc":"2.0","id":"q2","method":"ping"}',
            result_body(request, "done"),
        )
        return True

    server = HttpServer("legacy", oddity=oddity)
    async with server, reach(server) as transport:
        transport.on_changed = lambda: changes.append(1)
        exchange = await call(transport, message="x")
        for _ in range(50):
            if len(server.requests) >= 6:
                break
            await asyncio.sleep(0.01)

    replies = {request.message["id"]: request.message for request in server.requests[-2:]}
    assert text_of(exchange) == "done"
    assert changes == [1]
    assert replies["q1"]["error"]["code"] == -32601
    assert replies["q2"]["result"] == {}


async def test_a_stream_that_ends_a_little_later_keeps_its_connection() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        writer.write(head(200, "text/event-stream", Transfer_Encoding="chunked"))
        writer.write(chunk(b"data: " + result_body(request, "x") + b"\n\n"))
        await writer.drain()
        await asyncio.sleep(0.03)
        writer.write(chunk(b""))
        return True

    async with HttpServer(oddity=oddity) as server, reach(server) as transport:
        for _ in range(3):
            await call(transport, message="x")
            await asyncio.sleep(0.06)

    assert server.connections == 1


# connections


async def test_calls_in_a_row_share_one_connection() -> None:
    async with HttpServer("modern") as server, reach(server) as transport:
        for _ in range(10):
            await call(transport, message="x")

    assert server.connections == 1


async def test_connections_are_bounded_and_the_rest_wait() -> None:
    async with HttpServer("modern") as server:
        endpoint = parse_endpoint(server.url)
        transport = HttpTransport(
            endpoint, plain_dialer(endpoint), lease=lease_nothing, connections_max=3
        )
        answers = await asyncio.gather(
            *(
                call(transport, message=str(number), odd="wait", seconds=0.01)
                for number in range(12)
            )
        )
        await transport.close()

    assert [text_of(answer) for answer in answers] == [str(number) for number in range(12)]
    assert server.connections == 3


async def test_who_waits_for_a_connection_has_sent_nothing_when_time_is_up() -> None:
    async with HttpServer("modern") as server:
        endpoint = parse_endpoint(server.url)
        transport = HttpTransport(
            endpoint, plain_dialer(endpoint), lease=lease_nothing, connections_max=1
        )
        await call(transport, message="warm")
        slow = asyncio.create_task(call(transport, message="slow", odd="wait", seconds=0.2))
        await asyncio.sleep(0.01)
        hung_up = asyncio.create_task(call(transport, message="gone"))
        await asyncio.sleep(0.01)
        with pytest.raises(Fault) as caught:
            await call(transport, message="late", deadline=0.05)
        hung_up.cancel()
        await slow
        exchange = await call(transport, message="next")
        await transport.close()

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent
    assert text_of(exchange) == "next"
    assert "late" not in str([request.message for request in server.requests])


async def test_a_kept_connection_that_was_closed_is_not_used() -> None:
    async with HttpServer("modern") as server, reach(server) as transport:
        await call(transport, message="x")
        server.drop_connections()
        await asyncio.sleep(0.02)
        exchange = await call(transport, message="y")

    assert text_of(exchange) == "y"
    assert server.methods.count("tools/call") == 2


@pytest.mark.parametrize("method", ["resources/read", "tools/call"])
async def test_only_what_may_be_repeated_is_repeated_on_a_new_connection(method: str) -> None:
    """The server closes the kept connection just as the request arrives."""
    slammed = False

    async def oddity(request: Request, writer: Writer) -> bool:
        nonlocal slammed
        if request.method != method or slammed:
            return False
        slammed = True
        writer.transport.abort()
        return True

    params: dict[str, Any] = {"uri": "memo://one"}
    if method == "tools/call":
        params = {"name": "echo", "arguments": {"message": "x"}}
    async with HttpServer("modern", oddity=oddity) as server, reach(server) as transport:
        await transport.discover(NOBODY)
        if method == "tools/call":
            with pytest.raises(Fault) as caught:
                await transport.request(method, params, credential=NOBODY, deadline_seconds=5.0)
            assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
            assert caught.value.sent
        else:
            exchange = await transport.request(
                method, params, credential=NOBODY, deadline_seconds=5.0
            )
            assert exchange.result is not None

    assert server.methods.count(method) == (1 if method == "tools/call" else 2)


async def test_a_server_that_is_not_there_is_unreachable_and_nothing_was_sent() -> None:
    async with HttpServer("modern") as server:
        url = server.url
    transport = make(UpstreamConfig(name="s", url=url))

    with pytest.raises(Fault) as caught:
        await call(transport, message="x")
    await transport.close()

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent
    assert transport.era is None
    assert "cannot connect to 127.0.0.1" in caught.value.private


async def test_plain_http_does_not_leave_this_machine_whatever_the_name_says() -> None:
    """A name of our own that suddenly means another machine."""
    endpoint = Endpoint(
        secure=False, host="192.0.2.1", port=80, authority=b"intern.example", target=b"/"
    )
    transport = HttpTransport(endpoint, plain_dialer(endpoint), lease=lease_nothing)

    with pytest.raises(Fault) as caught:
        await call(transport, credential=bearer(CANARY), message="x", deadline=1.0)
    await transport.close()

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert "plain HTTP does not leave this machine" in caught.value.private


def plain_dialer(endpoint: Endpoint) -> Dialer:
    return Dialer(endpoint, ssl.create_default_context)


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_is_verified(tmp_path: Path, *, trusted: bool) -> None:
    authority = issue(tmp_path, "ca", ca=True)
    certificate = issue(tmp_path, "server", by=authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path, certificate.key_path)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the refused handshake
    async with HttpServer("modern", tls=context) as server:
        transport = secured(server, str(authority.path) if trusted else None)
        if trusted:
            assert text_of(await call(transport, message="x")) == "x"
        else:
            with pytest.raises(Fault) as caught:
                await call(transport, credential=bearer(CANARY), message="x")
            assert "certificate" in caught.value.private
            assert not caught.value.sent
        await transport.close()
    assert len(server.requests) == (2 if trusted else 0)


def secured(server: HttpServer, ca: str | None) -> Transport:
    async def nothing() -> Any:
        return ()

    return build(
        UpstreamConfig(name="s", url=server.url.replace("http://", "https://")),
        command=nothing,
        environment=nothing,
        lease=lease_nothing,
        base_environment={},
        ssl_context_factory=lambda: ssl.create_default_context(cafile=ca),
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/mcp",
        "ftp://host/",
        "http://",
        "https://user:pass@host/mcp",
        "https://host/mcp#part",
        "https://host:99999/",
        "https://ho st/",
        "https://host/a b",
        "https://host/\r\nX: y",
        "https://host/é",
        "https://[::1/mcp",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_endpoint(url)

    assert "pass" not in str(caught.value).replace("password", "")


def test_a_url_is_taken_apart() -> None:
    assert parse_endpoint("https://Example.COM/mcp?a=b") == Endpoint(
        secure=True, host="example.com", port=443, authority=b"example.com", target=b"/mcp?a=b"
    )
    assert parse_endpoint("http://[::1]:8080") == Endpoint(
        secure=False, host="::1", port=8080, authority=b"[::1]:8080", target=b"/"
    )
