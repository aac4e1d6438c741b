"""Each server that people install, behind the gate, asked by clients of both eras and both languages."""

import json

import pytest

from tests.needs import need
from tests.peers.conftest import Place
from tests.peers.visit import FOUR, PYTHON, TYPESCRIPT, Client, Step, call, clients, step

WRITES = {
    "filesystem": {"create_directory", "edit_file", "move_file", "write_file"},
    "memory": {"create_entities", "delete_entities", "add_observations"},
    "git": {"git_add", "git_commit", "git_reset", "git_checkout"},
    "sqlite": {"write_query", "create_table", "append_insight"},
}


def needed(place: Place, server: str) -> None:
    need(server in place.servers, f"server {server}")


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_the_time_server(client: Client, place: Place) -> None:
    needed(place, "time")
    zone = {"timezone": "Europe/Berlin"}
    account = await place.visit(
        client, "/mcp/time",
        step("tools/list"), call("get_current_time", zone), call("get_current_time", {"timezone": "Nowhere"}),
    )  # fmt: skip

    assert {item["name"] for item in account.result(0)["tools"]} == {"get_current_time", "convert_time"}  # fmt: skip
    assert json.loads(account.text(1))["timezone"] == "Europe/Berlin"
    assert "mcp-time" not in str(account.result(1).get("_meta"))
    assert account.result(2)["isError"]


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_the_git_server(client: Client, place: Place) -> None:
    needed(place, "git")
    where = {"repo_path": str(place.folder / "checkout")}
    elsewhere = {"repo_path": str(place.folder)}
    account = await place.visit(
        client, "/mcp/git",
        call("git_log", where), call("git_status", where), call("git_log", elsewhere),
    )  # fmt: skip

    assert "begin the book" in account.text(0)
    assert "On branch main" in account.text(1)
    assert account.result(2)["isError"]


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_the_fetch_server(client: Client, place: Place) -> None:
    needed(place, "fetch")
    page = {"url": place.page}
    account = await place.visit(
        client, "/mcp/fetch",
        call("fetch", page), step("prompts/list"), step("prompts/get", {"name": "fetch", "arguments": page}),
    )  # fmt: skip

    assert "A yett is made of iron." in account.text(0)
    assert [item["name"] for item in account.result(1)["prompts"]] == ["fetch"]
    assert "A yett is made of iron." in account.result(2)["messages"][0]["content"]["text"]


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_the_sqlite_server(client: Client, place: Place) -> None:
    needed(place, "sqlite")
    table = client.name.replace("-", "_")
    account = await place.visit(
        client, "/mcp/sqlite",
        call("create_table", {"query": f"create table {table} (title text)"}),
        call("write_query", {"query": f"insert into {table} values ('heidi')"}),
        call("read_query", {"query": f"select title from {table}"}),
        call("append_insight", {"insight": f"{table} reads heidi"}),
        step("resources/list"),
        step("resources/read", {"uri": "memo://insights"}),
        step("prompts/get", {"name": "mcp-demo", "arguments": {"topic": "gates"}}),
    )  # fmt: skip

    assert "heidi" in account.text(2)
    assert [item["uri"] for item in account.result(4)["resources"]] == ["memo://insights"]
    assert f"{table} reads heidi" in account.result(5)["contents"][0]["text"]
    assert "gates" in account.result(6)["messages"][0]["content"]["text"]


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_the_filesystem_server(client: Client, place: Place) -> None:
    needed(place, "filesystem")
    files = place.folder / "files"
    mine = files / f"{client.name}.txt"
    account = await place.visit(
        client, "/mcp/filesystem",
        call("read_text_file", {"path": str(files / "hello.txt")}),
        call("write_file", {"path": str(mine), "content": "written through the gate"}),
        call("list_directory", {"path": str(files)}),
        call("read_text_file", {"path": str(place.gate.config)}),
    )  # fmt: skip

    assert account.text(0) == "hello from a file\n"
    assert account.result(0)["structuredContent"] == {"content": "hello from a file\n"}
    assert mine.read_text() == "written through the gate"
    assert mine.name in account.text(2)
    assert account.result(3)["isError"]


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_the_memory_server(client: Client, place: Place) -> None:
    needed(place, "memory")
    entity = {"name": client.name, "entityType": "client", "observations": ["was here"]}
    account = await place.visit(
        client, "/mcp/memory",
        call("create_entities", {"entities": [entity]}),
        call("open_nodes", {"names": [client.name]}),
        step("resources/list"),
        step("resources/read", {"uri": "memory://knowledge-graph"}),
    )  # fmt: skip

    assert account.result(1)["structuredContent"]["entities"] == [entity]
    assert "memory://knowledge-graph" in {item["uri"] for item in account.result(2)["resources"]}
    assert client.name in account.result(3)["contents"][0]["text"]


@pytest.mark.parametrize("server", WRITES)
@pytest.mark.parametrize("client", clients(PYTHON[1], TYPESCRIPT[0]))
async def test_who_may_only_read_sees_and_calls_nothing_that_writes(
    client: Client, server: str, place: Place
) -> None:
    needed(place, server)
    writes = sorted(WRITES[server])
    steps: list[Step] = [step("tools/list"), *(call(name) for name in writes)]
    granted = await place.visit(client, f"/mcp/{server}", steps[0])
    account = await place.visit(client, f"/mcp/{server}", *steps, key=place.reader)

    assert WRITES[server] <= {item["name"] for item in granted.result(0)["tools"]}
    assert account.result(0)["tools"]
    assert not WRITES[server] & {item["name"] for item in account.result(0)["tools"]}
    for number in range(1, len(steps)):
        assert account.error(number)["code"] == -32602
        assert account.error(number)["data"]["reason"] == "unknown_tool"
