"""Attacks on calls that go on in rounds and on streams that listen: states that are replayed, stolen, altered
or made up, rounds raced, floods of questions and of streams (MCP 2026-07-28, Multi Round-Trip Requests)."""

import base64
import contextlib
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.stand import fixture
from tests.outside.gate import Agent, Answer, Gate, Key, meta, running, seconds_until_closed
from tests.outside.upstream import MODERN, wait_until
from yett.core.bounds import PARKED_PER_PRINCIPAL_MAX, STREAMS_PER_PRINCIPAL_MAX

ASKING: Final = "test_input_required_result_elicitation"
CONFIRMING: Final = "test_input_required_result_request_state"
ELICITATION: Final[dict[str, Any]] = {"elicitation": {"form": {}}}
ADA: Final = {"action": "accept", "content": {"name": "Ada"}}
WATCHED: Final = "test://watched-resource"
SERVERS: Final = ("old", "new")
"""One that asks in the middle of a call, and one that asks in its answer."""
both = pytest.mark.parametrize("server", SERVERS)


@dataclass
class Place:
    gate: Gate
    alice: Key
    bob: Key
    stranger: Key
    """Is granted nothing."""


class Asked(Agent):
    """A modern caller that may be asked."""

    def __init__(self, place: Place, key: Key, server: str) -> None:
        super().__init__(place.gate, key, MODERN, f"/mcp/{server}")

    def round(
        self,
        state: str | None = None,
        name: str = ASKING,
        *,
        inputs: dict[str, Any] | None = None,
        capabilities: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> Answer:
        declared = ELICITATION if capabilities is None else capabilities
        params: dict[str, Any] = {"name": name, "arguments": arguments}
        params["_meta"] = meta() | {"io.modelcontextprotocol/clientCapabilities": declared}
        if state is not None:
            params["requestState"] = state
        if inputs is not None:
            params["inputResponses"] = inputs
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = self.headers("tools/call", params)
        return self.gate.request("POST", self.path, message, key=self.key, headers=headers)

    def begin(self, name: str = ASKING) -> tuple[str, dict[str, Any]]:
        """Return the state and an answer to each question."""
        result = self.round(name=name).json["result"]
        assert result["resultType"] == "input_required", result
        return result["requestState"], dict.fromkeys(result["inputRequests"], ADA)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("rounds")
    with fixture("legacy") as old, fixture("modern") as new:
        ports = {"old": old, "new": new}
        servers = {
            name: {"url": f"http://127.0.0.1:{port}/mcp", "may_ask": ["elicitation"]}
            for name, port in ports.items()
        } | {"quiet": {"url": f"http://127.0.0.1:{new}/mcp"}}
        grants = [f"{name}.*:{access}" for name in servers for access in ("read", "write")]
        roles = {"reader": grants, "nobody": ["quiet.nothing:read"]}
        gate = Gate(folder, f"servers: {json.dumps(servers)}\nroles: {json.dumps(roles)}\n")
        found = Place(gate, gate.key("alice"), gate.key("bob"), gate.key("stranger", "nobody"))
        with running(gate):
            wait_until(lambda: len({name[:3] for name in Agent(gate, found.alice, MODERN).tools()}) == 3, 20)  # fmt: skip
            yield found


def is_refused(answer: Answer, place: Place) -> bool:
    """Whether it was refused for its state, in the one form, with a record."""
    assert answer.refusal["reason"] == "invalid_state", answer.body
    assert (answer.status, answer.code) == (400, -32602)
    return str(place.gate.record_of(answer)["reason"]) == "invalid_state"


# -- the state


@both
def test_a_round_is_had_once(server: str, place: Place) -> None:
    alice = Asked(place, place.alice, server)
    state, inputs = alice.begin()

    assert alice.round(state, inputs=inputs).text == "Hello, Ada!"
    assert is_refused(alice.round(state, inputs=inputs), place)


@both
def test_of_ten_that_race_for_a_round_one_has_it(server: str, place: Place) -> None:
    alice = Asked(place, place.alice, server)
    state, inputs = alice.begin()
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: alice.round(state, inputs=inputs), range(10)))

    assert sorted(bool(answer.refusal) for answer in answers) == [False] + [True] * 9


@both
def test_a_stolen_state_opens_for_nobody_and_stays_good_for_its_owner(
    server: str, place: Place
) -> None:
    alice = Asked(place, place.alice, server)
    state, inputs = alice.begin()

    assert is_refused(Asked(place, place.bob, server).round(state, inputs=inputs), place)
    assert alice.round(state, inputs=inputs).text == "Hello, Ada!"


def test_a_state_is_good_for_its_own_call_only(place: Place) -> None:
    alice = Asked(place, place.alice, "new")
    state, inputs = alice.begin()

    assert is_refused(alice.round(state, CONFIRMING, inputs=inputs), place)
    assert is_refused(Asked(place, place.alice, "old").round(state, inputs=inputs), place)
    assert is_refused(alice.round(state, "test_elicitation", inputs=inputs, message="x"), place)
    assert alice.round(state, inputs=inputs).text == "Hello, Ada!"


@pytest.mark.parametrize("position", [0, 11, 12, 40, -17, -1])
def test_an_altered_state_does_not_open(position: int, place: Place) -> None:
    alice = Asked(place, place.alice, "new")
    state, inputs = alice.begin()
    sealed = bytearray(base64.urlsafe_b64decode(state + "=" * (-len(state) % 4)))
    sealed[position] ^= 1
    altered = base64.urlsafe_b64encode(bytes(sealed)).decode().rstrip("=")

    assert is_refused(alice.round(altered, inputs=inputs), place)


@pytest.mark.parametrize(
    "state",
    ["x", "u:", "p:", "p:AAAAAAAAAAAAAAAAAAAAAAAA", "a state to bring back", "=" * 40, "A" * 70_000, "Größe", "\x00", "null"],
    ids=lambda state: state[:12],
)  # fmt: skip
def test_a_state_that_is_made_up_does_not_open(state: str, place: Place) -> None:
    assert is_refused(Asked(place, place.alice, "new").round(state, inputs={"user_name": ADA}), place)  # fmt: skip


def test_a_state_says_nothing_of_what_is_in_it(place: Place) -> None:
    alice = Asked(place, place.alice, "new")
    state, _ = alice.begin(CONFIRMING)
    sealed = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))

    assert b"bring" not in sealed
    assert b"u:" not in sealed[:20]
    assert alice.begin(CONFIRMING)[0] != state


def test_a_server_that_keeps_its_own_state_gets_it_back(place: Place) -> None:
    alice = Asked(place, place.alice, "new")
    state, _ = alice.begin(CONFIRMING)
    answer = alice.round(state, CONFIRMING, inputs={"confirm": {"action": "accept", "content": {"ok": True}}})  # fmt: skip

    assert answer.text == "state-ok"


@both
@pytest.mark.parametrize(
    "inputs", [{"user_name": "Ada"}, {"user_name": None}, {f"q{n}": ADA for n in range(100)}]
)
def test_inputs_that_are_no_answers_are_refused_and_cost_nothing(
    inputs: dict[str, Any], server: str, place: Place
) -> None:
    alice = Asked(place, place.alice, server)
    state, good = alice.begin()
    answer = alice.round(state, inputs=inputs)

    assert answer.refusal["reason"] == "invalid_input"
    assert alice.round(state, inputs=good).text == "Hello, Ada!"


# -- what may be asked


@both
def test_who_declares_nothing_is_asked_nothing(server: str, place: Place) -> None:
    answer = Asked(place, place.alice, server).round(capabilities={})

    assert "input_required" not in answer.body.decode()


def test_a_server_that_may_not_ask_is_told_of_no_capability(place: Place) -> None:
    answer = Asked(place, place.alice, "quiet").round()

    assert "input_required" not in answer.body.decode()


def test_a_caller_parks_no_more_than_its_share_and_others_have_theirs(place: Place) -> None:
    alice, bob = Asked(place, place.alice, "old"), Asked(place, place.bob, "old")
    state, inputs = bob.begin()
    parked = [alice.begin() for _ in range(PARKED_PER_PRINCIPAL_MAX + 4)]

    assert bob.round(state, inputs=inputs).text == "Hello, Ada!"
    for state, inputs in parked[:4]:  # the oldest of the same caller have given way
        assert is_refused(alice.round(state, inputs=inputs), place)
    for state, inputs in parked[4:]:
        assert alice.round(state, inputs=inputs).text == "Hello, Ada!"


# -- listening


@contextlib.contextmanager
def listening(place: Place, key: Key, wanted: dict[str, Any], path: str = "/mcp/new") -> Iterator[tuple[socket.socket, bytes]]:  # fmt: skip
    """Open a stream; yield it and what came first."""
    agent = Agent(place.gate, key, MODERN, path)
    message = agent.message("subscriptions/listen", {"notifications": wanted})
    body = json.dumps(message).encode()
    fields = agent.headers("subscriptions/listen", message["params"]) | {
        "Host": f"127.0.0.1:{place.gate.port}", "Authorization": f"Bearer {key.secret}",
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Content-Length": str(len(body)),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection(("127.0.0.1", place.gate.port), 10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        received = connection.recv(65536)
        while received.startswith(b"HTTP/1.1 200") and b"acknowledged" not in received:
            received += connection.recv(65536)
        yield connection, received


def test_nobody_watches_what_is_not_granted(place: Place) -> None:
    wanted = {"resourceSubscriptions": [WATCHED, "test://nothing", "yett://new/x"]}
    with listening(place, place.stranger, wanted) as (_, first):
        assert b"acknowledged" in first
        assert b"resourceSubscriptions" not in first
    with listening(place, place.alice, wanted) as (_, first):
        assert b'"resourceSubscriptions":["test://watched-resource"]' in first
    refused = place.gate.records("--text", "resources/subscribe", "--decision", "denied")

    assert {record["reason"] for record in refused} == {"not_permitted", "unknown_tool"}
    assert {record["caller"]["name"] for record in refused if record["reason"] == "not_permitted"} == {"stranger"}  # fmt: skip


def test_one_key_opens_no_more_streams_than_its_share(place: Place) -> None:
    wanted = {"toolsListChanged": True}
    with contextlib.ExitStack() as stack:
        heads = [
            stack.enter_context(listening(place, place.alice, wanted))[1]
            for _ in range(STREAMS_PER_PRINCIPAL_MAX + 3)
        ]
        assert b"acknowledged" in stack.enter_context(listening(place, place.bob, wanted))[1]
    statuses = [head.split(b" ", 2)[1] for head in heads]

    assert statuses == [b"200"] * STREAMS_PER_PRINCIPAL_MAX + [b"429"] * 3
    wait_until(lambda: _may_listen(place, wanted))


def _may_listen(place: Place, wanted: dict[str, Any]) -> bool:
    with listening(place, place.alice, wanted) as (_, first):
        return b"acknowledged" in first


def test_a_revoked_key_hears_nothing_more(place: Place) -> None:
    leaver = place.gate.key("leaver")
    wait_until(lambda: place.gate.request("GET", "/v1/key", key=leaver).status == 200)
    with listening(place, leaver, {"toolsListChanged": True, "resourceSubscriptions": [WATCHED]}) as (connection, _):  # fmt: skip
        place.gate.yett("key", "revoke", leaver.id)

        assert seconds_until_closed(connection) < 5
