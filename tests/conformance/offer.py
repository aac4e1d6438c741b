"""What the fixture shows: the names, texts and schemas that the scenarios of the conformance suite ask for."""

from typing import Any, Final

PIXEL: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
"""A PNG of one red pixel."""
SILENCE: Final = "UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQQAAAAAAAAA"
"""A WAV of two silent samples."""
WATCHED: Final = "test://watched-resource"
_TEMPLATE_START: Final = "test://template/"
_TEMPLATE_END: Final = "/data"

RICH_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
    }
    | {name: {"type": "string"} for name in ("name", "phone", "email")},
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
}
MIRRORED_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
}
DEFAULTS_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "default": True},
    },
}
CHOICES_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": ["red", "green", "blue"]},
        "titledSingle": {
            "type": "string",
            "oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}],
        },
        "legacyEnum": {
            "type": "string",
            "enum": ["r", "g", "b"],
            "enumNames": ["Red", "Green", "Blue"],
        },
        "untitledMulti": {
            "type": "array",
            "items": {"type": "string", "enum": ["red", "green", "blue"]},
        },
        "titledMulti": {
            "type": "array",
            "items": {"anyOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}]},
        },
    },
}


def _takes(*names: str) -> dict[str, Any]:
    """A schema of texts that are all required."""
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
    }


_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "test_sampling": _takes("prompt"),
    "test_elicitation": _takes("message"),
    "greet": _takes("name"),
    "confirm_delete": _takes("filename"),
    "slow_compute": {
        "type": "object",
        "properties": {"seconds": {"type": "number"}, "label": {"type": "string"}},
    },
    "test_mirrored_argument": MIRRORED_SCHEMA,
    "json_schema_2020_12_tool": RICH_SCHEMA,
}


def tool(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"Does what the scenario of {name} wants to see",
        "inputSchema": _SCHEMAS.get(name, {"type": "object"}),
    }


_CONTENTS: Final[dict[str, dict[str, Any]]] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": PIXEL},
    WATCHED: {"mimeType": "text/plain", "text": "nothing has happened yet"},
}
RESOURCES: Final = [
    {
        "uri": uri,
        "name": uri.removeprefix("test://"),
        "description": f"What lies at {uri}",
        "mimeType": content["mimeType"],
    }
    for uri, content in _CONTENTS.items()
]
TEMPLATES: Final = [
    {
        "uriTemplate": f"{_TEMPLATE_START}{{id}}{_TEMPLATE_END}",
        "name": "template",
        "description": "One document for each id",
        "mimeType": "application/json",
    }
]


def content_of(uri: str) -> dict[str, Any] | None:
    """Return what lies at an address; None if nothing does."""
    if found := _CONTENTS.get(uri):
        return {"uri": uri, **found}
    if uri.startswith(_TEMPLATE_START) and uri.endswith(_TEMPLATE_END):
        found_id = uri.removeprefix(_TEMPLATE_START).removesuffix(_TEMPLATE_END)
        text = f'{{"id": "{found_id}", "templateTest": true, "data": "Data for ID: {found_id}"}}'
        return {"uri": uri, "mimeType": "application/json", "text": text}
    return None


def _prompt(name: str, *arguments: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"Says what the scenario of {name} wants to hear",
        "arguments": [
            {"name": argument, "description": f"The {argument}", "required": True}
            for argument in arguments
        ],
    }


PROMPTS: Final = [
    _prompt("test_simple_prompt"),
    _prompt("test_prompt_with_arguments", "arg1", "arg2"),
    _prompt("test_prompt_with_embedded_resource", "resourceUri"),
    _prompt("test_prompt_with_image"),
    _prompt("test_input_required_result_prompt"),
]


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def image() -> dict[str, Any]:
    return {"type": "image", "data": PIXEL, "mimeType": "image/png"}


def embedded(uri: str, value: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": value}}


def said(*contents: dict[str, Any]) -> dict[str, Any]:
    """The result of a prompt: everything said by the user."""
    return {"messages": [{"role": "user", "content": content} for content in contents]}
