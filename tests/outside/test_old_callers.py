"""Callers of the older versions before servers of either era: the official SDK, and messages by hand where
no SDK speaks the version any more."""

import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests.conformance.stand import fixture
from tests.outside.gate import REST, ROOT, Agent, Gate, Key, running
from tests.outside.upstream import wait_until
from tests.peers.python_client import visit

# The SDK warns of what the newest version has no more; these callers are of older ones.
pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
SERVERS: Final = ("old", "new")
"""One that asks in the middle of a call, and one that asks in its answer."""
both = pytest.mark.parametrize("server", SERVERS)
VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
SAMPLED: Final = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
ANSWERS: Final = {
    "elicitation": {"action": "accept", "content": {"name": "Ada", "color": "red"}},
    "sampling": SAMPLED,
    "roots": {"roots": [{"uri": "file:///a", "name": "a"}]},
}
ROUNDS: Final = "test_input_required_result_"


@dataclass
class Place:
    gate: Gate
    key: Key
    other: Key


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("old-callers")
    with fixture("legacy") as old, fixture("modern") as new:
        ports = {"old": old, "new": new}
        servers: dict[str, dict[str, Any]] = {
            name: {
                "url": f"http://127.0.0.1:{port}/mcp",
                "may_ask": ["elicitation", "sampling", "roots"],
            }
            for name, port in ports.items()
        }
        for era in ("legacy", "modern"):
            command = [sys.executable, str(ROOT / "tests" / "servers" / "memo_stdio.py"), era]
            servers[f"memo-{era}"] = {"command": command}
        grants = [f"{name}.*:{access}" for name in servers for access in ("read", "write")]
        gate = Gate(
            folder, f"servers: {json.dumps(servers)}\nroles: {json.dumps({'reader': grants})}\n"
        )
        key, other = gate.key("agent"), gate.key("other")
        with running(gate):
            wait_until(lambda: len({name.split("__")[0] for name in Agent(gate, key, REST).tools()}) == len(servers), 20)  # fmt: skip
            yield Place(gate, key, other)


def call(name: str, *, progress: bool = False, **arguments: Any) -> dict[str, Any]:
    return {"method": "tools/call", "params": {"name": name, "arguments": arguments}, "progress": progress}  # fmt: skip


async def visited(
    place: Place, server: str, *steps: dict[str, Any], answers: dict[str, Any] | None = None
) -> dict[str, Any]:
    account = await visit(
        {
            "url": f"http://127.0.0.1:{place.gate.port}/mcp/{server}",
            "key": place.key.secret,
            "mode": "legacy",
            "answers": ANSWERS if answers is None else answers,
            "steps": steps,
        }
    )
    assert account["complaints"] == []
    return account


def texts(account: dict[str, Any]) -> list[str]:
    return [outcome["result"]["content"][0]["text"] for outcome in account["outcomes"]]


# -- the official SDK


@both
async def test_a_server_may_ask_all_it_is_allowed_to(server: str, place: Place) -> None:
    account = await visited(
        place,
        server,
        call(f"{ROUNDS}elicitation"),
        call(f"{ROUNDS}list_roots"),
        call(f"{ROUNDS}multiple_inputs"),
        call(f"{ROUNDS}multi_round"),
        call(f"{ROUNDS}request_state"),
        call("test_sampling", prompt="?"),
    )

    assert texts(account) == ["Hello, Ada!", "Roots: file:///a", "three answers", "Ada likes red", "state-ok", "LLM response: Paris"]  # fmt: skip
    assert len(account["asked"]) == 9


@both
async def test_every_round_leaves_a_record_of_its_own(server: str, place: Place) -> None:
    await visited(place, server, call(f"{ROUNDS}multi_round"))
    rounds = place.gate.records("--tool", f"{server}/{ROUNDS}multi_round")[-3:]
    answers = [r for r in place.gate.records() if r.get("method") == "session/answer"]

    assert [record["status"] for record in rounds] == ["input_required", "input_required", "ok"]
    assert len({record["id"] for record in rounds}) == 3
    assert {r["caller"]["id"] for r in (*rounds, *answers)} == {place.key.id}
    assert len(answers) >= 2


@both
async def test_a_caller_who_declares_nothing_is_asked_nothing(server: str, place: Place) -> None:
    account = await visited(
        place, server, call(f"{ROUNDS}capabilities"), call(f"{ROUNDS}elicitation"), answers={}
    )
    first, second = account["outcomes"]

    assert first["result"]["content"][0]["text"] == "nothing may be asked"
    assert "error" in second or second["result"]["isError"]
    assert account["asked"] == []


@both
async def test_progress_and_log_messages_come_before_the_answer(server: str, place: Place) -> None:
    account = await visited(
        place,
        server,
        call("test_tool_with_logging"),
        {"method": "logging/setLevel", "params": {"level": "info"}},
        call("test_tool_with_progress", progress=True),
        call("test_tool_with_logging"),
    )
    logged = [note["params"]["data"] for note in account["notifications"] if note["method"] == "notifications/message"]  # fmt: skip

    assert [told["progress"] for told in account["progress"]] == [0, 50, 100]
    assert logged == ["Tool execution started", "Tool processing data", "Tool execution completed"]


@both
async def test_a_watched_resource_completions_and_ping(server: str, place: Place) -> None:
    reference = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
    watched = {"uri": "test://watched-resource"}
    account = await visited(
        place,
        server,
        {"method": "completion/complete", "params": {"ref": reference, "argument": {"name": "arg1", "value": "p"}}},
        {"method": "resources/subscribe", "params": watched},
        {"method": "resources/unsubscribe", "params": watched},
        {"method": "resources/subscribe", "params": {"uri": "test://nothing"}},
        {"method": "ping", "params": {}},
    )  # fmt: skip
    completed, subscribed, unsubscribed, unknown, ping = account["outcomes"]

    assert completed["result"]["completion"]["values"]
    assert subscribed["result"] == unsubscribed["result"] == ping["result"] == {}
    assert unknown["error"]["code"] == -32602


# -- by hand


class Conversation:
    """One session of a version, with all capabilities. server: empty for the address of all."""

    def __init__(self, place: Place, server: str, version: str, key: Key | None = None) -> None:
        path = f"/mcp/{server}" if server else "/mcp"
        self.agent = Agent(place.gate, key or place.key, version, path)
        capabilities: dict[str, Any] = {"sampling": {}, "elicitation": {}, "roots": {}}
        params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "0"}}  # fmt: skip
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        opened = place.gate.request("POST", self.agent.path, message, key=self.agent.key)
        self.opened = opened.json["result"]
        self.agent.session = opened.headers["mcp-session-id"]

    def post(self, message: Any) -> Any:
        body = json.dumps(message).encode()
        headers = self.agent.headers("", {})
        return self.agent.gate.request(
            "POST", self.agent.path, body, key=self.agent.key, headers=headers
        )

    def raw(self, method: str, message: Any = None, **more: str) -> "Reading":
        """Send a request whose answer is a stream."""
        body = b"" if message is None else json.dumps(message).encode()
        assert isinstance(self.agent.key, Key)
        fields = {
            "Host": f"127.0.0.1:{self.agent.gate.port}",
            "Authorization": f"Bearer {self.agent.key.secret}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "Connection": "close",
            "Content-Length": str(len(body)),
            **self.agent.headers("", {}),
            **more,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        connection = socket.create_connection(("127.0.0.1", self.agent.gate.port), 10)
        connection.sendall(f"{method} {self.agent.path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return Reading(connection)


class Reading:
    """An answer that is a stream; leaving it hangs up."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.connection.close()

    def events(self) -> Iterator[dict[str, str]]:
        fields: dict[str, str] = {}
        for line in self._file:
            name, colon, value = line.decode().rstrip("\r\n").partition(": ")
            if colon and name in ("id", "event", "data", "retry"):
                fields[name] = value
            elif fields and not line.strip():
                yield fields
                fields = {}

    def messages(self) -> Iterator[Any]:
        for event in self.events():
            if event.get("data", "").strip():
                yield json.loads(event["data"])


def tool_call(name: str, identifier: Any = 1, **meta: Any) -> dict[str, Any]:
    params = {"name": name, "arguments": {}} | ({"_meta": meta} if meta else {})
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}


@both
@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_is_agreed_on_and_asked_in_its_words(
    version: str, server: str, place: Place
) -> None:
    conversation = Conversation(place, server, version)
    with conversation.raw("POST", tool_call(f"{ROUNDS}list_roots", "c")) as stream:
        messages = stream.messages()
        question = next(messages)
        taken = conversation.post({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": [{"uri": "file:///b"}]}})  # fmt: skip
        answer = next(messages)

    assert conversation.opened["protocolVersion"] == version
    assert ("completions" in conversation.opened["capabilities"]) == (version != "2024-11-05")
    assert question["method"] == "roots/list"
    assert taken.status == 202
    assert answer["id"] == "c"
    assert answer["result"]["content"][0]["text"] == "Roots: file:///b"


@both
@pytest.mark.parametrize("version", ["2025-03-26", "2024-11-05"])
def test_a_version_without_elicitation_is_not_asked_for_it(
    version: str, server: str, place: Place
) -> None:
    conversation = Conversation(place, server, version)
    with conversation.raw("POST", tool_call(f"{ROUNDS}capabilities")) as stream:
        messages = stream.messages()
        question = next(messages)
        conversation.post({"jsonrpc": "2.0", "id": question["id"], "result": SAMPLED})
        (answer,) = messages

    assert question["method"] == "sampling/createMessage"
    assert answer["result"]["content"][0]["text"] == "answered"


@pytest.mark.parametrize(
    ("version", "kinds"), [("2025-03-26", ["audio"]), ("2024-11-05", ["text"])]
)
def test_sound_is_a_text_where_there_is_no_sound(
    version: str, kinds: list[str], place: Place
) -> None:
    answer = Conversation(place, "old", version).post(tool_call("test_audio_content")).json

    assert [block["type"] for block in answer["result"]["content"]] == kinds


@both
def test_a_lost_connection_is_come_back_to_and_nothing_is_lost(server: str, place: Place) -> None:
    conversation = Conversation(place, server, "2025-11-25")
    with conversation.raw(
        "POST", tool_call("test_tool_with_progress", "p", progressToken="t")
    ) as stream:
        first = next(stream.events())
    with conversation.raw("GET", **{"Last-Event-ID": first["id"]}) as stream:
        *told, answer = stream.messages()

    assert first["data"].strip() == ""
    assert [message["params"]["progress"] for message in told] == [0, 50, 100]
    assert {message["params"]["progressToken"] for message in told} == {"t"}
    assert answer["result"]["content"][0]["text"] == "went from 0 to 100"


@both
def test_a_batch_of_the_one_version_that_has_them(server: str, place: Place) -> None:
    conversation = Conversation(place, server, "2025-03-26")
    listing = {"jsonrpc": "2.0", "id": "l", "method": "tools/list"}
    ping = {"jsonrpc": "2.0", "id": "p", "method": "ping"}
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = conversation.post([listing, note, ping, tool_call("test_simple_text", "c")])
    found = {item["id"]: item["result"] for item in answer.json}

    assert found["p"] == {}
    assert found["l"]["tools"]
    assert "simple text" in found["c"]["content"][0]["text"]


@both
def test_a_request_that_is_cancelled_is_cancelled_at_the_server_too(
    server: str, place: Place
) -> None:
    conversation = Conversation(place, server, "2025-11-25")
    with conversation.raw("POST", tool_call(f"{ROUNDS}elicitation", "c")) as stream:
        messages = stream.messages()
        assert next(messages)["method"] == "elicitation/create"
        cancel = {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": "c"},
        }
        assert conversation.post(cancel).status == 202
        assert list(messages) == []


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_watched_resource_is_told_of_on_the_get_stream_until_it_is_let_go(
    everywhere: bool,  # noqa: FBT001 - a parameter of the table
    era: str,
    place: Place,
) -> None:
    """By the address that the agent knows: on `/mcp` it is the gate's own."""
    server = f"memo-{era}"
    conversation = Conversation(place, "" if everywhere else server, "2025-06-18")
    stranger = Conversation(place, "" if everywhere else server, "2025-06-18", place.other)
    uri = f"yett://{server}/memo%3A%2F%2Fone" if everywhere else "memo://one"
    tool = f"{server}__change" if everywhere else "change"
    message = tool_call(tool)
    message["params"]["arguments"] = {"uri": "memo://one"}
    subscribe = {"jsonrpc": "2.0", "id": 2, "method": "resources/subscribe", "params": {"uri": uri}}
    with conversation.raw("GET") as stream, stranger.raw("GET") as silent:
        messages = stream.messages()
        silent.connection.settimeout(0.5)
        assert conversation.post(subscribe).json["result"] == {}
        conversation.post(message)
        told = next(messages)
        conversation.post(subscribe | {"method": "resources/unsubscribe", "id": 3})
        conversation.post(message)
        stream.connection.settimeout(1.5)
        with pytest.raises(TimeoutError):
            next(messages)
        with pytest.raises(TimeoutError):
            next(silent.messages())

    assert told == {
        "jsonrpc": "2.0",
        "method": "notifications/resources/updated",
        "params": {"uri": uri},
    }
