"""Real clients and real servers: the official SDK on both sides of the gate, and servers from PyPI."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import TextContent, TextResourceContents, ToolAnnotations
from pydantic import AnyUrl

from tests.needs import needs
from tests.outside.gate import DOORS, REST, ROOT, Agent, Gate, Key, as_yaml, running
from tests.outside.upstream import MODERN, wait_until

SERVERS = ROOT / ".servers" / "bin"
needs_servers = needs(SERVERS / "mcp-server-time")
MODES = ("legacy", MODERN, "auto")


def sdk_server() -> MCPServer[Any]:
    """A server as people write them, with the official SDK."""
    server: MCPServer[Any] = MCPServer("library")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def add(first: int, second: int) -> int:
        """Add two numbers."""
        return first + second

    @server.tool()
    def lend(title: str) -> str:
        """Lend a book."""
        return f"lent {title}"

    @server.resource("book://{title}")
    def book(title: str) -> str:
        return f"the text of {title}"

    @server.resource("shelf://all")
    def shelf() -> str:
        return "all books"

    @server.prompt()
    def recommend(topic: str) -> str:
        """Ask for a book."""
        return f"Recommend a book about {topic}"

    return server


@contextlib.contextmanager
def serving_sdk(*, stateless: bool) -> Iterator[str]:
    """Serve it over streamable HTTP, as its documentation says; return the address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        application = sdk_server().streamable_http_app(stateless_http=stateless)
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="on"))
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([listening])), daemon=True
        )
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.should_exit = True
            thread.join(5)


@dataclass
class Place:
    gate: Gate
    key: Key
    has_servers: bool


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("clients")
    checkout = _checkout(folder / "checkout")
    has_servers = (SERVERS / "mcp-server-time").exists()
    more = ""
    if has_servers:
        time = [str(SERVERS / "mcp-server-time"), "--local-timezone", "UTC"]
        git = [str(SERVERS / "mcp-server-git"), "--repository", str(checkout)]
        more = f"  time: {{command: {as_yaml(time)}}}\n  git: {{command: {as_yaml(git)}}}\n"
    names = ["notes", "library", "stateful"] + ["time", "git"] * has_servers
    grants = [f"{name}.*:read" for name in names]
    with serving_sdk(stateless=True) as library, serving_sdk(stateless=False) as stateful:
        gate = Gate(
            folder,
            f"servers:\n  notes: {{command: {as_yaml([sys.executable, '-m', 'yett.assurance.notes'])}}}\n"
            f"  library: {{url: {library}}}\n  stateful: {{url: {stateful}}}\n{more}"
            f'roles: {{reader: {as_yaml(grants)}, lender: ["library.lend:write"]}}\n',
        )
        key = gate.key("agent", "reader", "lender")
        with running(gate):
            found = Place(gate, key, has_servers)
            wait_until(lambda: len({name.split("__")[0] for name in Agent(gate, key, REST).tools()}) == len(names), 15)  # fmt: skip
            yield found


def _checkout(folder: Path) -> Path:
    """A repository for the server that reads repositories."""
    folder.mkdir()
    (folder / "README").write_text("hello\n")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "README"], [*identity, "commit", "-q", "-m", "begin the book"]):  # fmt: skip
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


@contextlib.asynccontextmanager
async def client(place: Place, mode: Any, path: str = "/mcp") -> AsyncIterator[Client]:
    """The official client, with the key in its headers as users are told to do."""
    headers = {"Authorization": f"Bearer {place.key.secret}"}
    url = f"http://127.0.0.1:{place.gate.port}{path}"
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as opened,
    ):
        yield opened


def text_of(result: Any) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


@pytest.mark.parametrize("mode", MODES)
async def test_the_official_client_does_everything_through_the_gate(
    mode: str, place: Place
) -> None:
    async with client(place, mode) as agent:
        tools = {tool.name for tool in (await agent.list_tools()).tools}
        welcome = await agent.call_tool("notes__read_note", {"title": "welcome"})
        total = await agent.call_tool("library__add", {"first": 40, "second": 2})
        resources = {str(item.uri): item for item in (await agent.list_resources()).resources}
        templates = [item.uri_template for item in (await agent.list_resource_templates()).resource_templates]  # fmt: skip
        [shelf] = [uri for uri in resources if "library" in uri and "shelf" in uri]
        read = await agent.read_resource(shelf)
        [book] = [item for item in templates if item.startswith("yett://library")]
        filled = await agent.read_resource(book.replace("{title}", "heidi"))
        prompts = {item.name for item in (await agent.list_prompts()).prompts}
        asked = await agent.get_prompt("library__recommend", {"topic": "gates"})
        version = agent.protocol_version

    assert version == (MODERN if mode != "legacy" else "2025-11-25")
    assert {"notes__read_note", "library__add", "library__lend", "stateful__add"} <= tools
    assert not {"notes__add_note", "stateful__lend"} & tools
    assert "authenticated" in text_of(welcome)
    assert (text_of(total), total.structured_content) == ("42", {"result": 42})
    assert [item.text for item in read.contents if isinstance(item, TextResourceContents)] == ["all books"]  # fmt: skip
    assert [item.text for item in filled.contents if isinstance(item, TextResourceContents)] == ["the text of heidi"]  # fmt: skip
    assert {"notes__summarise_note", "library__recommend"} <= prompts
    assert "about gates" in asked.messages[0].content.text  # type: ignore[union-attr] # or it fails


@pytest.mark.parametrize("mode", ["legacy", MODERN])
@pytest.mark.parametrize("server", ["library", "stateful"])
async def test_one_server_keeps_its_own_names_in_both_eras(
    mode: str, server: str, place: Place
) -> None:
    async with client(place, mode, f"/mcp/{server}") as agent:
        tools = {tool.name for tool in (await agent.list_tools()).tools}
        total = await agent.call_tool("add", {"first": 1, "second": 2})
        read = await agent.read_resource("shelf://all")
        asked = await agent.get_prompt("recommend", {"topic": "gates"})

    assert tools == ({"add", "lend"} if server == "library" else {"add"})
    assert text_of(total) == "3"
    assert str(read.contents[0].uri) == "shelf://all"
    assert asked.description is None or asked.description


@pytest.mark.parametrize("mode", ["legacy", MODERN])
async def test_a_refusal_is_an_error_the_client_understands(mode: str, place: Place) -> None:
    async with client(place, mode) as agent:
        invalid = await agent.call_tool("notes__read_note", {"title": ""})
        with pytest.raises(MCPError) as refused:
            await agent.call_tool("stateful__lend", {"title": "heidi"})
        with pytest.raises(MCPError) as unknown:
            await agent.read_resource(AnyUrl("yett://library/nothing").unicode_string())
        tool_error = await agent.call_tool("notes__read_note", {"title": "nowhere"})
        again = await agent.call_tool("library__add", {"first": 1, "second": 1})

    assert invalid.is_error
    assert "/title" in text_of(invalid)
    assert refused.value.error.code == unknown.value.error.code == -32602
    assert "unknown_tool" in str(refused.value.error.data)
    assert "unknown_tool" in str(unknown.value.error.data)
    assert (tool_error.is_error, text_of(tool_error)) == (True, "There is no such note")
    assert text_of(again) == "2"


@pytest.mark.parametrize("mode", ["legacy", MODERN])
async def test_a_poisoned_answer_is_clean_when_it_arrives(mode: str, place: Place) -> None:
    async with client(place, mode) as agent:
        text = text_of(await agent.call_tool("notes__read_note", {"title": "invoice"}))
        resource = await agent.read_resource(
            next(
                str(item.uri)
                for item in (await agent.list_resources()).resources
                if "invoice" in str(item.uri)
            )
        )

    for found in (text, resource.contents[0].text):  # type: ignore[union-attr] # or it fails
        assert found.isprintable()
        assert "[redacted:" in found


async def test_a_client_ends_its_session_without_a_complaint(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with client(place, "legacy") as agent:
        await agent.list_tools()

    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []
    assert place.gate.records("--text", "session/end")[-1]["decision"] == "allowed"


async def test_many_clients_at_once_do_not_cross(place: Place) -> None:
    async def one(number: int) -> None:
        async with client(place, "legacy" if number % 2 else MODERN) as agent:
            for other in range(3):
                result = await agent.call_tool(
                    "library__add", {"first": number * 10, "second": other}
                )
                assert text_of(result) == str(number * 10 + other)

    await asyncio.gather(*(one(number) for number in range(8)))


async def test_a_bad_key_is_said_to_the_client(place: Place) -> None:
    stranger = Place(place.gate, Key("x", "x", "yett_live_no"), place.has_servers)
    with pytest.raises((MCPError, ExceptionGroup)):
        async with client(stranger, "auto") as agent:
            await agent.list_tools()

    assert place.gate.records("--reason", "unauthenticated")


# -- servers from PyPI


@needs_servers
@pytest.mark.parametrize("door", DOORS)
def test_the_time_server_tells_the_time(door: str, place: Place) -> None:
    answer = Agent(place.gate, place.key, door).call("time", "get_current_time", timezone="Europe/Berlin")  # fmt: skip
    wrong = Agent(place.gate, place.key, door).call("time", "get_current_time", timezone=7)

    assert answer.status == 200
    assert json.loads(answer.text)["timezone"] == "Europe/Berlin"
    assert wrong.refusal["pointer"] == "/timezone"


@needs_servers
@pytest.mark.parametrize("door", DOORS)
def test_the_git_server_reads_real_data_and_nothing_writes(door: str, place: Place) -> None:
    agent = Agent(place.gate, place.key, door)
    checkout = str(place.gate.folder / "checkout")
    log = agent.call("git", "git_log", repo_path=checkout, max_count=1)
    commit = agent.call("git", "git_commit", repo_path=checkout, message="not mine")
    separator = "." if door == REST else "__"

    assert "begin the book" in log.text
    assert commit.refusal["reason"] == "unknown_tool"
    assert f"git{separator}git_commit".replace(".", "__") not in agent.tools()


def test_the_record_names_every_client_and_is_whole(place: Place) -> None:
    records = place.gate.records()

    assert {record["protocol"] for record in records} >= {"2025-11-25", MODERN}
    assert [record["id"] for record in records if record["status"] == "unknown"] == []
    assert len({record["id"] for record in records}) == len(records)
    assert place.gate.yett("audit", "verify").startswith("ok ")
