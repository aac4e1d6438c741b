"""Results in the caller's version: pure functions, each with what it may not lose and not add."""

import pytest

from yett.core.document import encode, parse
from yett.edge.mcp.outbound import _ready
from yett.edge.mcp.translate import REWRITTEN, splice_modern, to_modern, to_version
from yett.edge.mcp.versions import LEGACY, MODERN

LINK = {"type": "resource_link", "uri": "note:///a", "name": "a"}
RESULT = {
    "content": [{"type": "text", "text": "x"}, LINK],
    "structuredContent": {"a": 1},
    "resultType": "complete",
    "ttlMs": 5,
    "cacheScope": "public",
}


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26"])
def test_a_legacy_caller_is_spared_the_modern_members(version: str) -> None:
    result = to_version(version, "tools/call", RESULT)

    assert result.keys().isdisjoint({"resultType", "ttlMs", "cacheScope"})


def test_2025_03_26_gets_links_as_text_and_no_structure() -> None:
    result = to_version("2025-03-26", "tools/call", RESULT)

    assert result["content"][1] == {"type": "text", "text": "a note:///a"}
    assert "structuredContent" not in result


def test_structure_that_is_no_object_is_dropped_before_2026() -> None:
    result = RESULT | {"structuredContent": [1]}

    assert "structuredContent" not in to_version("2025-11-25", "tools/call", result)
    assert to_version("2026-07-28", "tools/call", result)["structuredContent"] == [1]


def test_tools_lose_only_what_the_version_does_not_know() -> None:
    tool = {"name": "a", "title": "A", "icons": [], "execution": {}, "outputSchema": {"type": "array"}, "inputSchema": {}}  # fmt: skip

    def keys(version: str) -> set[str]:
        return set(to_version(version, "tools/list", {"tools": [tool]})["tools"][0])

    assert keys("2026-07-28") == set(tool) - {"execution"}
    assert keys("2025-11-25") == set(tool) - {"outputSchema"}
    assert keys("2025-06-18") == {"name", "title", "inputSchema"}
    assert keys("2025-03-26") == {"name", "inputSchema"}


@pytest.mark.parametrize(
    ("version", "names"),
    [("2026-07-28", ["b"]), ("2025-11-25", ["a", "b"]), ("2025-06-18", ["b"])],
)
def test_what_can_be_called_as_a_task_only_is_shown_where_there_are_such_tasks(
    version: str, names: list[str]
) -> None:
    tools = [
        {"name": "a", "inputSchema": {}, "execution": {"taskSupport": "required"}},
        {"name": "b", "inputSchema": {}, "execution": {"taskSupport": "optional"}},
    ]
    shown = to_version(version, "tools/list", {"tools": tools})["tools"]

    assert [tool["name"] for tool in shown] == names


def test_the_upstreams_own_cache_scope_never_reaches_a_modern_caller() -> None:
    result = to_modern("resources/read", {"contents": [], "cacheScope": "public", "ttlMs": 10**18})

    assert (result["cacheScope"], result["ttlMs"]) == ("private", 0)


@pytest.mark.parametrize(
    "result", [{"content": []}, {"content": [], "isError": True}, {"content": [{"_meta": {}}]}]
)
def test_splicing_bytes_means_the_same_as_translating(result: dict[str, object]) -> None:
    spliced = splice_modern(result, encode(result))

    assert spliced is not None
    assert parse(spliced) == to_modern("tools/call", result)


@pytest.mark.parametrize("result", [{}, {"resultType": "complete"}, {"_meta": {}}])
def test_splicing_gives_up_where_it_could_repeat_a_member(result: dict[str, object]) -> None:
    assert splice_modern(result, encode(result)) is None


def test_the_input_is_never_changed() -> None:
    before = encode(RESULT)
    for version in ("2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"):
        to_version(version, "tools/call", RESULT)

    assert encode(RESULT) == before


def test_an_older_version_is_not_told_which_server_of_the_new_one_answered() -> None:
    """It means something by no such member of `_meta`."""
    server = {"io.modelcontextprotocol/serverInfo": {"name": "mcp-git"}}
    alone = to_version("2025-11-25", "tools/call", {"content": [], "_meta": server})
    beside = to_version("2025-11-25", "tools/call", {"content": [], "_meta": server | {"a/b": 1}})

    assert alone == {"content": []}
    assert beside == {"content": [], "_meta": {"a/b": 1}}


SOUND = {"type": "audio", "data": "AA==", "mimeType": "audio/wav"}


@pytest.mark.parametrize(("version", "kinds"), [
    ("2025-06-18", ["audio", "resource_link", "text"]), ("2025-03-26", ["audio", "text", "text"]),
    ("2024-11-05", ["text", "text", "text"]),
])  # fmt: skip
def test_blocks_that_a_version_does_not_know_become_text(version: str, kinds: list[str]) -> None:
    blocks = [SOUND, LINK, {"type": "text", "text": "x"}]
    called = to_version(version, "tools/call", {"content": blocks})
    messages = [{"role": "user", "content": block} for block in blocks]
    prompted = to_version(version, "prompts/get", {"messages": messages})

    assert [block["type"] for block in called["content"]] == kinds
    assert [message["content"]["type"] for message in prompted["messages"]] == kinds


def test_2024_11_05_knows_no_annotations_of_tools() -> None:
    tools = {"tools": [{"name": "a", "inputSchema": {}, "annotations": {"readOnlyHint": True}}]}

    assert to_version("2025-03-26", "tools/list", tools) == tools
    assert to_version("2024-11-05", "tools/list", tools) == {"tools": [{"name": "a", "inputSchema": {}}]}  # fmt: skip


@pytest.mark.parametrize("version", [*LEGACY, MODERN])
def test_bytes_in_which_a_server_may_name_itself_are_never_sent_as_they_are(version: str) -> None:
    named = {"content": [], "_meta": {"io.modelcontextprotocol/serverInfo": {}}}
    nothing: dict[str, object] = {"content": []}

    assert _ready(version, named, encode(named)) is None
    assert _ready(version, nothing, encode(nothing)) is not None or version in REWRITTEN


@pytest.mark.parametrize("version", [*LEGACY, MODERN])
@pytest.mark.parametrize("more", [{}, {"ttlMs": 1}, {"cacheScope": "public"}, {"structuredContent": [1]}, {"structuredContent": {}}, {"isError": False}])  # fmt: skip
def test_bytes_that_are_sent_as_they_are_mean_what_the_version_expects(
    version: str, more: dict[str, object]
) -> None:
    result = {"content": [{"type": "text", "text": '"_meta"'}], **more}

    ready = _ready(version, result, encode(result))

    assert ready is None or parse(ready) == to_version(version, "tools/call", result)
