"""Servers that ask back, tell progress and log, while clients of either era call them: two by two."""

from typing import Any, Final

import pytest

from tests.needs import need
from tests.outside.upstream import MODERN
from tests.peers.conftest import Place
from tests.peers.visit import FOUR, PYTHON, TYPESCRIPT, Account, Client, call, clients, step

HEARD_SECONDS: Final = 2.5
"""Streams look once a second at what changed."""
SERVERS: Final = ("old", "new")
"""One that speaks the legacy era only, and one that speaks the modern era only."""
MODEL: Final[dict[str, Any]] = {
    "sampling": {
        "role": "assistant",
        "content": {"type": "text", "text": "Paris"},
        "model": "a-model",
        "stopReason": "endTurn",
    }
}
ROOTS: Final[dict[str, Any]] = {"roots": {"roots": [{"uri": "file:///books", "name": "books"}]}}
both = pytest.mark.parametrize("server", SERVERS)
all_clients = pytest.mark.parametrize("client", clients())
LEGACY_CLIENTS: Final = clients(PYTHON[0], TYPESCRIPT[0], TYPESCRIPT[1])
TOUR: Final = (
    call("test_input_required_result_elicitation"),
    call("test_input_required_result_sampling"),
    call("test_input_required_result_list_roots"),
    call("test_input_required_result_multi_round"),
    call("test_input_required_result_multiple_inputs"),
    call("test_tool_with_progress", progress=True),
    call("test_tool_with_progress"),
)
_toured: dict[tuple[str, str, int], Account] = {}


async def tour(client: Client, server: str, place: Place) -> Account:
    """One visit in which all of it happens, made once for all tests."""
    key = (client.name, server, place.gate.port)
    if key not in _toured:
        content = {"name": "Ada", "color": "blue"}
        ada = {"elicitation": {"action": "accept", "content": content}}
        _toured[key] = await place.visit(
            client, f"/mcp/{server}", *TOUR, answers=ada | MODEL | ROOTS
        )
    return _toured[key]


@both
@all_clients
async def test_a_server_asks_the_person(client: Client, server: str, place: Place) -> None:
    account = await tour(client, server, place)
    asked = account.asked[0]

    assert account.text(0) == "Hello, Ada!"
    assert asked["method"] == "elicitation/create"
    assert asked["params"]["message"] == "What is your name?"
    assert set(asked["params"]["requestedSchema"]["properties"]) == {"name"}


@both
@all_clients
async def test_a_server_asks_the_model_and_for_folders(
    client: Client, server: str, place: Place
) -> None:
    account = await tour(client, server, place)

    assert "Paris" in account.text(1)
    assert account.text(2) == "Roots: file:///books"
    assert [item["method"] for item in account.asked[1:3]] == ["sampling/createMessage", "roots/list"]  # fmt: skip


@both
@all_clients
async def test_a_server_asks_again_and_everything_at_once(
    client: Client, server: str, place: Place
) -> None:
    account = await tour(client, server, place)

    assert account.text(3) == "Ada likes blue"
    assert account.text(4) == "three answers"


@both
@all_clients
async def test_progress_arrives_in_order(client: Client, server: str, place: Place) -> None:
    account = await tour(client, server, place)

    assert [item["progress"] for item in account.progress] == [0, 50, 100]
    assert {item["total"] for item in account.progress} == {100}
    assert account.text(6) == "went from 0 to 100"


@both
@pytest.mark.parametrize("client", clients(PYTHON[1], TYPESCRIPT[2]))
async def test_a_person_who_declines_is_heard(client: Client, server: str, place: Place) -> None:
    account = await place.visit(
        client, f"/mcp/{server}",
        call("test_elicitation", {"message": "Really?"}),
        answers={"elicitation": {"action": "decline"}},
    )  # fmt: skip

    assert account.text(0) == "User response: action=decline, content={}"


@both
@pytest.mark.parametrize("client", LEGACY_CLIENTS)
async def test_a_log_arrives_with_the_call_that_caused_it(
    client: Client, server: str, place: Place
) -> None:
    account = await place.visit(
        client, f"/mcp/{server}",
        step("logging/setLevel", {"level": "debug"}), call("test_tool_with_logging"),
        step("logging/setLevel", {"level": "error"}), call("test_tool_with_logging"),
    )  # fmt: skip
    said = [item["data"] for item in account.notified("notifications/message")]

    assert said == ["Tool execution started", "Tool processing data", "Tool execution completed"]


@both
@pytest.mark.parametrize("client", clients(*FOUR))
async def test_who_declares_nothing_is_asked_nothing(
    client: Client, server: str, place: Place
) -> None:
    account = await place.visit(
        client, f"/mcp/{server}",
        call("test_input_required_result_elicitation"), call("test_simple_text"),
    )  # fmt: skip
    outcome = account.outcomes[0]

    assert account.asked == []
    assert "error" in outcome or outcome["result"].get("isError")
    assert account.text(1) == "This is a simple text response for testing."


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_a_server_from_npm_asks_over_pipes(client: Client, place: Place) -> None:
    """It shows these tools only to a client that can be asked, and so the gate must be one."""
    need("everything" in place.servers, "server everything")
    account = await place.visit(
        client, "/mcp/everything",
        call("trigger-elicitation-request"),
        call("trigger-sampling-request", {"prompt": "What is the capital of France?"}),
        call("get-roots-list"),
        call("trigger-long-running-operation", {"duration": 0.4, "steps": 4}, progress=True),
        answers={"elicitation": {"action": "accept", "content": {"name": "Ada"}}} | MODEL | ROOTS,
    )  # fmt: skip

    assert "Ada" in account.text(0)
    assert "Paris" in account.text(1)
    assert "file:///books" in account.text(2)
    assert [item["progress"] for item in account.progress] == [1, 2, 3, 4]


@both
@pytest.mark.parametrize("client", clients(PYTHON[0], *TYPESCRIPT[:3]))
async def test_a_client_hears_that_the_tools_of_a_server_changed(
    client: Client, server: str, place: Place
) -> None:
    """On the stream that clients of the legacy era open by themselves, and by listening in the modern era."""
    listen = [step("subscriptions/listen", {"toolsListChanged": True})]
    account = await place.visit(
        client, f"/mcp/{server}",
        *(listen if client.version == MODERN else []),
        call("test_trigger_tool_change"), step("tools/list", pause=HEARD_SECONDS),
    )  # fmt: skip

    assert account.notified("notifications/tools/list_changed")
    assert account.result(-1)["tools"]


@pytest.mark.parametrize("client", clients(PYTHON[0], TYPESCRIPT[0], TYPESCRIPT[2]))
async def test_a_client_hears_that_a_resource_changed(client: Client, place: Place) -> None:
    need("everything" in place.servers, "server everything")
    uri = {"uri": "demo://resource/dynamic/text/1"}
    subscribe = step("resources/subscribe", uri)
    if client.version == MODERN:
        subscribe = step("subscriptions/listen", {"resourceSubscriptions": [uri["uri"]]})
    account = await place.visit(
        client, "/mcp/everything",
        subscribe,
        call("toggle-subscriber-updates"),
        call("toggle-subscriber-updates", pause=HEARD_SECONDS),
    )  # fmt: skip

    assert [item["uri"] for item in account.notified("notifications/resources/updated")][:1] == [uri["uri"]]  # fmt: skip
    assert account.text(1).startswith("Started")
    assert account.text(2).startswith("Stopped")
