"""The command line of the MCP Inspector, with which people try a server out."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.peers.conftest import Place
from tests.peers.visit import MODULES, needs_node, run_node

pytestmark = needs_node
ERAS: Final = ("legacy", "modern")
_INSPECTOR: Final = MODULES.joinpath(
    "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js"
)


async def inspect(place: Place, path: str, era: str, *words: str) -> Any:
    """One method per run, as the tool has it; its settings are kept in a folder of the test."""
    place.folder.joinpath("inspector").mkdir(exist_ok=True)
    printed = await run_node(
        _INSPECTOR, "--cli", "--server-url", place.url(path), "--transport", "http",
        "--header", f"Authorization: Bearer {place.agent.secret}", "--protocol-era", era,
        "--format", "json", "--stored-auth-only", "--method", *words,
        home=place.folder / "inspector",
    )  # fmt: skip
    return json.loads(printed)["result"]


@pytest.mark.parametrize("era", ERAS)
async def test_it_lists_what_the_key_is_granted_and_finds_no_fault(era: str, place: Place) -> None:
    found = await inspect(place, "/mcp", era, "tools/list", "--strict")

    assert {name.split("__")[0] for name in (item["name"] for item in found["tools"])} == set(place.servers)  # fmt: skip


@pytest.mark.parametrize("era", ERAS)
async def test_it_calls_reads_and_asks(era: str, place: Place) -> None:
    called = await inspect(
        place, "/mcp", era,
        "tools/call", "--tool-name", "everything__get-sum", "--tool-arg", "a=40", "b=2",
    )  # fmt: skip
    read = await inspect(place, "/mcp/library", era, "resources/read", "--uri", "shelf://all")
    asked = await inspect(
        place, "/mcp/everything", era,
        "prompts/get", "--prompt-name", "args-prompt", "--prompt-args", "city=Bern",
    )  # fmt: skip

    assert "42" in called["content"][0]["text"]
    assert read["contents"][0]["text"] == "all books"
    assert "Bern" in asked["messages"][0]["content"]["text"]


def test_it_is_the_inspector_that_was_pinned() -> None:
    pinned = json.loads(Path(__file__).with_name("package.json").read_text())["dependencies"]
    installed = json.loads((_INSPECTOR.parents[3] / "package.json").read_text())

    assert installed["version"] == pinned["@modelcontextprotocol/inspector"]
