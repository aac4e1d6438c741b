"""White space and order are no alarm; anything that is read, sent or obeyed is."""

from typing import Any

import pytest

from tests.yett.catalogue.scene import Scene, lock_of, tool
from yett.catalogue.meaning import same_meaning
from yett.catalogue.port import Definitions

PINNED = tool(
    "read_note",
    "Reads one note.\n\nGive its number.",
    title="Read",
    inputSchema={
        "type": "object",
        "properties": {
            "number": {"type": ["integer", "null"], "description": "Which one"},
            "form": {"enum": ["short", "long ", 3], "default": " short"},
            "description": {"type": "string", "pattern": "^a b$"},
        },
        "required": ["number", "form"],
        "dependentRequired": {"form": ["number", "description"]},
    },
    annotations={"readOnlyHint": True},
    _meta={"required": [1, 2]},
)


def changed(**more: Any) -> dict[str, Any]:
    return {**PINNED, **more}


def with_schema(**more: Any) -> dict[str, Any]:
    return changed(inputSchema={**PINNED["inputSchema"], **more})


def with_parameter(name: str, **more: Any) -> dict[str, Any]:
    properties = PINNED["inputSchema"]["properties"]
    return with_schema(properties={**properties, name: {**properties[name], **more}})


HARMLESS = {
    "order of keys": dict(reversed(PINNED.items())),
    "order of parameters": with_schema(
        properties=dict(reversed(PINNED["inputSchema"]["properties"].items()))
    ),
    "white space in a text": changed(description=" Reads one  note.\r\n\r\n\tGive its number. \n"),
    "order of required": with_schema(required=["form", "number"]),
    "order of values": with_parameter("form", enum=[3, "long ", "short"]),
    "order of types": with_parameter("number", type=["null", "integer"]),
    "order of what depends": with_schema(dependentRequired={"form": ["description", "number"]}),
}
HARMFUL = {
    "a letter": changed(description="Reads one note.\n\nGive its Number."),
    "no space": changed(description="Readsone note.\n\nGive its number."),
    "what cannot be seen": changed(description="Reads one note.\u200b\n\nGive its number."),
    "a space that is none": changed(description="Reads one\u00a0note.\n\nGive its number."),
    "a space in a value": with_parameter("form", enum=["short", "long", 3]),
    "a space in a default": with_parameter("form", default="short"),
    "a space in a pattern": with_parameter("description", pattern="^a  b$"),
    "another number": with_parameter("form", enum=["short", "long ", 3.0]),
    "a value more": with_parameter("form", enum=["short", "long ", 3, 4]),
    "less required": with_schema(required=["number"]),
    "order in what has one": changed(_meta={"required": [2, 1]}),
    "a claim": changed(annotations={"readOnlyHint": False}),
    "a claim as a number": changed(annotations={"readOnlyHint": 1}),
    "a new member": changed(new=1),
    "the case of the name": changed(title="read"),
}


@pytest.mark.parametrize("name", HARMLESS)
async def test_a_harmless_edit_keeps_the_tool_and_what_is_shown(name: str) -> None:
    scene = Scene(
        {"notes": Definitions(tools=(HARMLESS[name],))},
        lock_of("notes", Definitions(tools=(PINNED,))),
    )
    await scene.verify()

    assert same_meaning(PINNED, HARMLESS[name])
    assert not (await scene.resolve("notes__read_note")).quarantined
    (shown,) = (await scene.show("tools/list", "notes"))["tools"]
    assert shown == PINNED
    assert list(shown) == list(PINNED)
    assert scene.told() == []


@pytest.mark.parametrize("name", HARMFUL)
async def test_any_other_edit_takes_the_tool_out_of_use(name: str) -> None:
    scene = Scene(
        {"notes": Definitions(tools=(HARMFUL[name],))},
        lock_of("notes", Definitions(tools=(PINNED,))),
    )
    await scene.verify()

    assert not same_meaning(PINNED, HARMFUL[name])
    assert (await scene.resolve("notes__read_note")).quarantined
    assert scene.told() == [("tool.quarantined", "read_note")]
