"""Arguments that are repeated in headers: only those that a schema asks for, encoded so that they
cannot end a line."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.mcp_http import HttpServer, Request, Writer, whole
from tests.yett.upstreams.scene import NOBODY, reach
from yett.upstreams.backends.http.mirroring import mirrored_lines, mirrors_of
from yett.upstreams.port import Beside, Exchange

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
        "query": {"type": "string"},
        "where": {
            "type": "object",
            "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}},
        },
    },
}
MIRRORS = mirrors_of([{"name": "t", "inputSchema": SCHEMA}])["t"]


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({"region": "us-west1"}, b"Mcp-Param-Region: us-west1\r\n"),
        ({"region": "Hello, 世界"}, b"Mcp-Param-Region: =?base64?SGVsbG8sIOS4lueVjA==?=\r\n"),
        ({"region": " padded "}, b"Mcp-Param-Region: =?base64?IHBhZGRlZCA=?=\r\n"),
        ({"region": "line1\nline2"}, b"Mcp-Param-Region: =?base64?bGluZTEKbGluZTI=?=\r\n"),
        (
            {"region": "=?base64?literal?="},
            b"Mcp-Param-Region: =?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=\r\n",
        ),
        ({"region": ""}, b"Mcp-Param-Region: =?base64??=\r\n"),
        ({"count": 42}, b"Mcp-Param-Count: 42\r\n"),
        ({"count": -7}, b"Mcp-Param-Count: -7\r\n"),
        ({"count": 42.0}, b"Mcp-Param-Count: 42\r\n"),
        ({"dry": True}, b"Mcp-Param-Dry-Run: true\r\n"),
        ({"dry": False}, b"Mcp-Param-Dry-Run: false\r\n"),
        ({"where": {"zone": "a"}}, b"Mcp-Param-Zone: a\r\n"),
        ({"where": "zone"}, b""),
        ({"region": None, "query": "x", "other": "y"}, b""),
        ({"region": ["x"], "count": 1.5, "dry": {}}, b""),
        ({}, b""),
    ],
)
def test_each_value_has_the_form_of_the_specification(
    arguments: dict[str, Any], lines: bytes
) -> None:
    assert mirrored_lines(MIRRORS, arguments) == lines
    assert mirrored_lines(MIRRORS, orjson.Fragment(orjson.dumps(arguments))) == lines


@given(st.text())
def test_no_value_can_end_its_line(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    lines = mirrored_lines(MIRRORS, {"region": text})

    assert lines.count(b"\r") == lines.count(b"\n") == 1
    assert lines.isascii()


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": []},
        {"properties": {"a": True}},
        {"properties": {"a": {"type": "string"}}},
        {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"properties": {"a": {"type": ["string"], "x-mcp-header": "A"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": ""}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A\r\nEvil"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A B"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": 7}}},
        {"properties": {"a": {"items": {"type": "string", "x-mcp-header": "A"}}}},
        {"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
        {"x-mcp-header": "A", "type": "string"},
        None,
        [],
    ],
)
def test_what_may_not_be_annotated_is_not_repeated(schema: Any) -> None:
    assert mirrors_of([{"name": "t", "inputSchema": schema}, {}, {"name": 7}]) == {}


def test_a_schema_that_is_very_deep_is_read_to_the_bound() -> None:
    schema: dict[str, Any] = {"type": "string", "x-mcp-header": "Deep"}
    for _ in range(5000):
        schema = {"properties": {"a": schema}}

    assert mirrors_of([{"name": "t", "inputSchema": schema}]) == {}


async def answer_with_schema(request: Request, writer: Writer) -> bool:
    if request.method != "tools/list":
        return False
    result = {"resultType": "complete", "tools": [{"name": "echo", "inputSchema": SCHEMA}]}
    message = {"jsonrpc": "2.0", "id": request.message["id"], "result": result}
    writer.write(whole(orjson.dumps(message)))
    return True


@pytest.mark.parametrize("beside", [None, Beside(progress=True)])
@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_modern_server_gets_the_headers_that_it_listed(
    era: str, beside: Beside | None
) -> None:
    async with (
        HttpServer(era, oddity=answer_with_schema) as server,
        reach(server) as transport,
    ):
        await transport.discover(NOBODY)
        await transport.request(
            "tools/call",
            {"name": "echo", "arguments": {"region": "us", "message": "x"}},
            credential=NOBODY,
            deadline_seconds=5.0,
            beside=beside,
        )
        await transport.request(
            "prompts/get", {"name": "echo"}, credential=NOBODY, deadline_seconds=5.0, beside=beside
        )

    called, got = server.requests[-2:]
    assert called.headers.get("mcp-param-region") == ("us" if era == "modern" else None)
    assert "mcp-param-region" not in got.headers


@pytest.mark.parametrize("beside", [None, Beside(progress=True)])
@pytest.mark.parametrize("code", [-32020, -32022])
async def test_a_server_that_expected_another_request_is_looked_at_again_once(
    code: int, beside: Beside | None
) -> None:
    changes = []

    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        body = b'{"jsonrpc":"2.0","id":%d,"error":{"code":%d,"message":"x"}}'
        writer.write(whole(body % (request.message["id"], code), 400))
        return True

    async with HttpServer("modern", oddity=oddity) as server, reach(server) as transport:
        transport.on_changed = lambda: changes.append(1)
        exchange: Exchange = await transport.request(
            "tools/call",
            {"name": "echo", "arguments": {}},
            credential=NOBODY,
            deadline_seconds=5.0,
            beside=beside,
        )

    assert exchange.error is not None
    assert exchange.error.code == code
    assert server.methods.count("tools/call") == 2
    assert server.methods.count("server/discover") == 2
    assert changes == [1]
