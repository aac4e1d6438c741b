"""Questions in the words of each older version; what cannot be said in them is not asked."""

from typing import Any

import pytest

from yett.edge.mcp.translate_questions import declared, in_version

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
WHOLE: dict[str, Any] = {
    "sampling": {"tools": {}, "context": {}, "own": {}},
    "elicitation": {"form": {}, "url": {}},
    "roots": {"listChanged": True},
    "experimental": {"a": {}},
    "extensions": {"x/y": {}},
}
TEXT = {"type": "text", "text": "?"}


def sample(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], "maxTokens": 5, **more}


def form(**fields: Any) -> dict[str, Any]:
    return {
        "mode": "form",
        "message": "?",
        "requestedSchema": {"type": "object", "properties": fields},
    }


def asked(version: str, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    return in_version(version, declared(version, WHOLE), method, params)


@pytest.mark.parametrize(("version", "known"), [
    ("2024-11-05", {"sampling": {}, "roots": {}}),
    ("2025-03-26", {"sampling": {}, "roots": {}}),
    ("2025-06-18", {"sampling": {}, "roots": {}, "elicitation": {}}),
    ("2025-11-25", {"sampling": {"tools": {}, "context": {}}, "roots": {}, "elicitation": {"form": {}, "url": {}}}),
])  # fmt: skip
def test_of_what_is_declared_only_what_the_version_knows_is_kept(
    version: str, known: dict[str, Any]
) -> None:
    assert declared(version, WHOLE) == known


@pytest.mark.parametrize("capabilities", [None, [], "x", {"sampling": True}, {"sampling": None}])
def test_what_is_no_capability_declares_nothing(capabilities: Any) -> None:
    assert declared("2025-11-25", capabilities) == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_not_declared_is_not_asked(version: str) -> None:
    for method in ("roots/list", "sampling/createMessage", "elicitation/create", "tools/call"):
        assert in_version(version, {}, method, {}) is None


def test_a_page_is_for_who_said_so_and_a_form_for_who_said_nothing_else() -> None:
    page = {"mode": "url", "message": "?", "url": "https://a.example", "elicitationId": "1"}
    newest = "2025-11-25"

    def may(capability: dict[str, Any], params: dict[str, Any]) -> bool:
        return in_version(newest, declared(newest, {"elicitation": capability}), "elicitation/create", params) is not None  # fmt: skip

    assert (may({}, page), may({}, form())) == (False, True)
    assert (may({"url": {}}, page), may({"url": {}}, form())) == (True, False)
    assert asked("2025-06-18", "elicitation/create", page) is None
    assert asked("2025-03-26", "elicitation/create", form()) is None


def test_a_form_of_2025_06_18_has_names_of_choices_and_few_defaults() -> None:
    fields = {
        "name": {"type": "string", "default": "Ada", "minLength": 1},
        "ready": {"type": "boolean", "default": True},
        "colour": {"type": "string", "oneOf": [{"const": "r", "title": "Red"}, {"const": "g"}], "default": "r"},
        "many": {"type": "array", "items": {"enum": ["a"]}},
    }  # fmt: skip
    found = asked("2025-06-18", "elicitation/create", form(**fields))

    assert found is not None
    assert "mode" not in found
    assert found["requestedSchema"]["properties"] == {
        "name": {"type": "string", "minLength": 1},
        "ready": {"type": "boolean", "default": True},
        "colour": {"type": "string", "enum": ["r", "g"], "enumNames": ["Red", "g"]},
    }
    newest = form(**fields)
    assert asked("2025-11-25", "elicitation/create", newest) == newest


def test_a_form_that_cannot_be_said_is_not_asked() -> None:
    many = {"many": {"type": "array", "items": {"enum": ["a"]}}}
    required = form(**many, name={"type": "string"})
    required["requestedSchema"]["required"] = ["many"]

    for params in (form(**many), required, {"message": "?"}, {"message": "?", "requestedSchema": {"properties": []}}):  # fmt: skip
        assert asked("2025-06-18", "elicitation/create", params) is None


@pytest.mark.parametrize(("content", "since"), [
    (TEXT, "2024-11-05"), ([TEXT], "2024-11-05"), ({"type": "image"}, "2024-11-05"),
    ({"type": "audio"}, "2025-03-26"), ([TEXT, TEXT], "2025-11-25"), ({"type": "tool_use"}, "2025-11-25"),
])  # fmt: skip
def test_messages_to_sample_from_have_what_the_version_has(content: Any, since: str) -> None:
    method = "sampling/createMessage"
    said = {version: asked(version, method, sample(content)) for version in VERSIONS}

    assert [said[version] is not None for version in VERSIONS] == [version >= since for version in VERSIONS]  # fmt: skip
    old = said["2024-11-05"]
    assert old is None or not isinstance(old["messages"][0]["content"], list)


def test_tools_to_sample_with_need_the_newest_version_and_the_word_of_the_caller() -> None:
    method, params = "sampling/createMessage", sample(TEXT, tools=[{"name": "a"}])

    assert [asked(version, method, params) is not None for version in VERSIONS] == [False, False, False, True]  # fmt: skip
    assert in_version("2025-11-25", {"sampling": {}}, method, params) is None
