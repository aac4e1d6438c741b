"""Host, Origin, credential, media type: the same for every route."""

import pytest

from tests.yett.edge.scripted import KEY, Server

EXECUTE = {"tool": "notes/read", "input": {}}
ROUTES = [("POST", "/mcp"), ("POST", "/execute"), ("GET", "/v1/tools"), ("GET", "/v1/key"), ("GET", "/nothing")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_page_of_somebody_else_is_turned_away_on_every_route(
    method: str, path: str, headers: dict[str, str], server: Server
) -> None:
    answer = await server.request(method, path, b"{}", **headers)

    assert answer.status == 403
    assert answer.json["reason"] == "forbidden_origin"
    assert "access-control-allow-origin" not in answer.headers


async def test_configured_hosts_and_origins_are_let_in(server: Server) -> None:
    for headers in ({"Host": "gate.example"}, {"Origin": "https://console.example"}, {"Origin": f"http://127.0.0.1:{server.port}"}):  # fmt: skip
        assert (await server.request("POST", "/execute", EXECUTE, **headers)).status == 200


@pytest.mark.parametrize(
    "value",
    ["Basic abc", "Bearer ", "Bearer", "", "Token x", f"Bearer wrong{KEY}", f"{KEY}", "Bearer a b"],
)
async def test_every_kind_of_bad_credential_gets_the_same_answer(
    value: str, server: Server
) -> None:
    answer = await server.request("POST", "/execute", EXECUTE, key=None, Authorization=value)
    missing = await server.request("POST", "/execute", EXECUTE, key=None)

    assert (answer.status, missing.status) == (401, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="yett"'
    assert {**answer.json, "request_id": ""} == {**missing.json, "request_id": ""}


async def test_a_repeated_authorization_header_is_no_credential(server: Server) -> None:
    data = server.encode("POST", "/execute", EXECUTE)
    twice = data.replace(b"Authorization:", b"Authorization: Bearer x\r\nAuthorization:", 1)

    assert (await server.send(twice)).status == 401


async def test_a_token_in_the_query_is_not_read(server: Server) -> None:
    answer = await server.request("POST", f"/execute?access_token={KEY}", EXECUTE, key=None)

    assert answer.status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_case_insensitive(scheme: str, server: Server) -> None:
    answer = await server.request("POST", "/execute", EXECUTE, Authorization=f"{scheme} {KEY}")

    assert answer.status == 200


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "application/json;charset=utf-16", "-", "multipart/form-data"],
)  # fmt: skip
async def test_only_json_in_utf8_is_read(media: str, server: Server) -> None:
    for path in ("/mcp", "/execute"):
        answer = await server.request("POST", path, EXECUTE, Content_Type=media)
        assert answer.status == 415


@pytest.mark.parametrize("media", ["Application/JSON", "application/json; charset=UTF-8"])
async def test_json_by_any_spelling_is_judged_alike(media: str, server: Server) -> None:
    assert (await server.request("POST", "/execute", EXECUTE, Content_Type=media)).status == 200


async def test_an_encoded_body_is_refused(server: Server) -> None:
    answer = await server.request("POST", "/execute", EXECUTE, Content_Encoding="gzip")

    assert answer.status == 415


@pytest.mark.parametrize(
    "path",
    ["//execute", "/%65xecute", "/mcp/../admin", "/mcp/", "/mcp/A", "/mcp/a/b", "/admin", "/metrics",
     "/execute;x", "/execute/", "http://127.0.0.1/execute", "/docs", "/.env"],
)  # fmt: skip
async def test_a_path_is_only_what_it_is(path: str, server: Server) -> None:
    answer = await server.request("POST", path, EXECUTE)

    assert answer.status == 404
    assert answer.json["reason"] == "unknown_path"


async def test_health_needs_no_key_and_says_nothing(server: Server) -> None:
    server.gate.ready = False
    healthy = await server.request("GET", "/healthz", key=None)
    unready = await server.request("GET", "/readyz", key=None)

    assert (healthy.status, healthy.body) == (200, b"ok\n")
    assert (unready.status, unready.body) == (503, b"not ready\n")
    assert server.gate.calls == []


async def test_a_large_body_of_a_stranger_is_not_even_parsed(server: Server) -> None:
    body = b'{"tool":"notes/read","input":{"text":"' + b"a" * 50_000 + b'"}}'
    stranger = await server.request("POST", "/execute", body, key="wrong")
    known = await server.request("POST", "/execute", body)

    assert (stranger.status, known.status) == (401, 200)
    assert server.gate.calls[0].arguments == {}
    assert len(server.gate.calls[1].arguments["text"]) == 50_000
