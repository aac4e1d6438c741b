"""Every client, before servers that do all there is to do, one at a time and all together."""

import base64
import re
import traceback
from typing import Any

import pytest

from tests.needs import need
from tests.peers.conftest import Place
from tests.peers.visit import FOUR, Client, Step, call, clients, step

EVERYTHING = "/mcp/everything"
COUNTED = {
    "tools": 40,
    "resources": 10,
    "prompts": 7,
}
"""At least so many are shown on `/mcp` when every server is there."""


@pytest.fixture
def everything(place: Place) -> Place:
    need("everything" in place.servers, "server everything")
    return place


def texts(result: dict[str, Any]) -> list[str]:
    return [item["text"] for item in result["contents"]]


@pytest.mark.parametrize("client", clients())
async def test_a_client_speaks_the_version_it_means_to(client: Client, place: Place) -> None:
    account = await place.visit(client, "/mcp/library", call("add", {"first": 40, "second": 2}))

    assert account.version == client.version
    assert account.text(0) == "42"
    assert account.result(0)["structuredContent"] == {"result": 42}
    assert account.complaints == []


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_tools_answer_in_every_form_of_content(client: Client, everything: Place) -> None:
    account = await everything.visit(
        client, EVERYTHING,
        step("tools/list"),
        call("echo", {"message": "gruezi 🏔"}),
        call("get-structured-content", {"location": "Chicago"}),
        call("get-tiny-image"),
        call("get-resource-links", {"count": 2}),
        call("get-resource-reference", {"resourceType": "Text", "resourceId": 3}),
        call("get-annotated-message", {"messageType": "error"}),
    )  # fmt: skip
    tools = {item["name"]: item for item in account.result(0)["tools"]}
    image = next(block for block in account.result(3)["content"] if block["type"] == "image")
    links = [block for block in account.result(4)["content"] if block["type"] == "resource_link"]
    [embedded] = [block["resource"] for block in account.result(5)["content"] if block["type"] == "resource"]  # fmt: skip

    assert tools["echo"]["inputSchema"]["required"] == ["message"]
    assert tools["get-structured-content"]["outputSchema"]["type"] == "object"
    assert account.text(1) == "Echo: gruezi 🏔"
    assert set(account.result(2)["structuredContent"]) == {"temperature", "conditions", "humidity"}
    assert base64.b64decode(image["data"]).startswith(b"\x89PNG")
    assert [link["uri"] for link in links] == ["demo://resource/dynamic/blob/1", "demo://resource/dynamic/text/2"]  # fmt: skip
    assert embedded["uri"] == "demo://resource/dynamic/text/3"
    assert account.result(6)["content"][0]["annotations"]["priority"] == 1.0


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_resources_and_prompts_arrive_whole(client: Client, everything: Place) -> None:
    account = await everything.visit(
        client, EVERYTHING,
        step("resources/list"),
        step("resources/templates/list"),
        step("resources/read", {"uri": "demo://resource/static/document/features.md"}),
        step("resources/read", {"uri": "demo://resource/dynamic/blob/7"}),
        step("prompts/list"),
        step("prompts/get", {"name": "args-prompt", "arguments": {"city": "Bern"}}),
        step("prompts/get", {"name": "resource-prompt", "arguments": {"resourceType": "Text", "resourceId": "2"}}),
    )  # fmt: skip
    embedded = [message["content"] for message in account.result(6)["messages"]]

    assert "demo://resource/static/document/features.md" in {item["uri"] for item in account.result(0)["resources"]}  # fmt: skip
    assert "demo://resource/dynamic/text/{resourceId}" in {item["uriTemplate"] for item in account.result(1)["resourceTemplates"]}  # fmt: skip
    assert "# Everything Server" in texts(account.result(2))[0]
    assert b"Resource 7" in base64.b64decode(account.result(3)["contents"][0]["blob"])
    assert {"simple-prompt", "args-prompt", "completable-prompt", "resource-prompt"} == {item["name"] for item in account.result(4)["prompts"]}  # fmt: skip
    assert "Bern" in account.result(5)["messages"][0]["content"]["text"]
    assert [block["resource"]["uri"] for block in embedded if block["type"] == "resource"] == ["demo://resource/dynamic/text/2"]  # fmt: skip


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_what_is_being_typed_is_completed(client: Client, everything: Place) -> None:
    def typed(kind: str, where: str, name: str, value: str, **context: str) -> Step:
        member = {"ref/prompt": "name", "ref/resource": "uri"}[kind]
        params = {"ref": {"type": kind, member: where}, "argument": {"name": name, "value": value}}
        return step("completion/complete", params | {"context": {"arguments": context}})

    alone = await everything.visit(
        client, EVERYTHING,
        typed("ref/prompt", "completable-prompt", "department", "E"),
        typed("ref/prompt", "completable-prompt", "name", "", department="Sales"),
        step("resources/templates/list"),
        typed("ref/resource", "demo://resource/dynamic/text/{resourceId}", "resourceId", "7"),
    )  # fmt: skip
    together = await everything.visit(
        client, "/mcp",
        typed("ref/prompt", "everything__completable-prompt", "department", "E"),
        typed("ref/prompt", "nowhere__completable-prompt", "department", "E"),
    )  # fmt: skip

    assert alone.result(0)["completion"]["values"] == ["Engineering"]
    assert "David" in alone.result(1)["completion"]["values"]
    assert alone.result(3)["completion"]["values"] == ["7"]
    assert together.result(0)["completion"]["values"] == ["Engineering"]
    assert together.error(1)["code"] == -32602


@pytest.mark.parametrize("client", clients())
async def test_all_servers_at_one_address(client: Client, everything: Place) -> None:
    everywhere = await everything.visit(
        client, "/mcp",
        step("tools/list"), step("resources/list"), step("resources/templates/list"), step("prompts/list"),
        call("everything__get-sum", {"a": 40, "b": 2}),
        call("library__add", {"first": 1, "second": 2}),
        step("prompts/get", {"name": "everything__args-prompt", "arguments": {"city": "Bern"}}),
    )  # fmt: skip
    named = {kind: everywhere.result(number)[kind] for number, kind in enumerate(["tools", "resources", "resourceTemplates", "prompts"])}  # fmt: skip
    [features] = [item["uri"] for item in named["resources"] if item["uri"].endswith("features.md")]
    read = await everything.visit(client, "/mcp", step("resources/read", {"uri": features}))

    for kind, least in COUNTED.items():
        assert len(named[kind]) >= least, kind
    assert {name.split("__")[0] for name in (item["name"] for item in named["tools"])} == set(everything.servers)  # fmt: skip
    assert "42" in everywhere.text(4)
    assert everywhere.text(5) == "3"
    assert "Bern" in everywhere.result(6)["messages"][0]["content"]["text"]
    assert "# Everything Server" in texts(read.result(0))[0]


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_what_an_answer_links_to_can_be_read_where_it_was_seen(
    client: Client, everything: Place
) -> None:
    seen = await everything.visit(
        client, "/mcp",
        call("everything__get-resource-links", {"count": 2}),
        call("everything__get-resource-reference", {"resourceType": "Text", "resourceId": 3}),
        step("prompts/get", {"name": "everything__resource-prompt", "arguments": {"resourceType": "Text", "resourceId": "2"}}),
    )  # fmt: skip
    uris = [block["uri"] for block in seen.result(0)["content"] if block["type"] == "resource_link"]
    blocks = seen.result(1)["content"] + [item["content"] for item in seen.result(2)["messages"]]
    uris += [block["resource"]["uri"] for block in blocks if block["type"] == "resource"]
    read = await everything.visit(
        client, "/mcp", *(step("resources/read", {"uri": uri}) for uri in uris)
    )

    assert len(uris) == 4
    for number, uri in enumerate(uris):
        assert read.result(number)["contents"][0]["uri"] == uri


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_a_refusal_is_an_error_that_the_client_understands(
    client: Client, place: Place
) -> None:
    account = await place.visit(
        client, "/mcp/library",
        call("add", {"first": "forty", "second": 2}),
        call("burn", {}),
        step("resources/read", {"uri": "book://heidi/../secret"}),
        step("prompts/get", {"name": "nothing"}),
        call("add", {"first": 1, "second": 1}),
    )  # fmt: skip

    assert account.result(0)["isError"]
    assert "/first" in account.text(0)
    for number in (1, 3):
        assert account.error(number)["code"] == -32602
        assert account.error(number)["data"]["reason"] == "unknown_tool"
    assert account.text(4) == "2"
    assert account.complaints == []


@pytest.mark.parametrize("client", clients(*FOUR))
async def test_a_bad_key_is_refused_and_recorded(client: Client, place: Place) -> None:
    before = len(place.gate.records("--reason", "unauthenticated"))
    try:
        account = await client.visit(place.url("/mcp"), "yett_live_nobody", [step("tools/list")])
        said = str(account.error(0))
    except Exception as refused:  # noqa: BLE001 - each has another kind
        said = "".join(traceback.format_exception(refused))

    assert re.search(
        "401|unauthorized|unauthenticated|returned an error response", said, re.IGNORECASE
    )
    assert len(place.gate.records("--reason", "unauthenticated")) > before
