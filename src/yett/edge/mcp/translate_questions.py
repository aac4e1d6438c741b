"""What a server may ask of a caller of each older version, in the words of that version. Pure, but for
ids that are drawn.

Inside the gate a question has the form of 2026-07-28, which is that of 2025-11-25. Sources: schema.ts
of 2024-11-05 to 2025-11-25 (CreateMessageRequest, ElicitRequest, ClientCapabilities).
"""

from secrets import token_urlsafe
from typing import Final

from yett.core.talk import QUESTIONS
from yett.core.target import JSON

_ELICITATION: Final = "2025-06-18"
_NEWEST: Final = "2025-11-25"
_AUDIO: Final = "2025-03-26"

_CAPABILITIES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "sampling": ("2024-11-05", ("tools", "context")),
    "roots": ("2024-11-05", ()),
    "elicitation": (_ELICITATION, ("form", "url")),
}
"""Capability → the version that brought it, and its parts, which 2025-11-25 brought."""

_OLD_SAMPLING: Final = frozenset({"text", "image"})


def declared(version: str, capabilities: JSON) -> dict[str, JSON]:
    """Return of what a caller declares that a server may ask what its version knows; all else, which
    may be of any size, is dropped."""
    if not isinstance(capabilities, dict):
        return {}
    found: dict[str, JSON] = {}
    for name, (since, parts) in _CAPABILITIES.items():
        given = capabilities.get(name)
        if isinstance(given, dict) and version >= since:
            known = parts if version >= _NEWEST else ()
            found[name] = {part: {} for part in known if isinstance(given.get(part), dict)}
    return found


def in_version(
    version: str, capabilities: dict[str, JSON], method: str, params: dict[str, JSON]
) -> dict[str, JSON] | None:
    """Return the parameters of a question as a caller of `version` knows them; None if it cannot be
    asked this. capabilities: as `declared` returned them."""
    capability = QUESTIONS.get(method)
    if capability is None or capability not in capabilities:
        return None
    if method == "elicitation/create":
        return _elicitation(version, capabilities[capability], params)
    if method == "sampling/createMessage":
        return _sampling(version, capabilities[capability], params)
    return params


def _elicitation(
    version: str, capability: dict[str, JSON], params: dict[str, JSON]
) -> dict[str, JSON] | None:
    mode = params.get("mode", "form")
    # Nothing but `{}` means forms (2025-11-25, Elicitation: Capabilities).
    if mode not in (capability or {"form": {}}):
        return None
    if version >= _NEWEST:
        # 2025-11-25 wants an id for a page, and 2026-07-28 has none to give.
        return params if mode == "form" else {"elicitationId": token_urlsafe(12)} | params
    schema = params.get("requestedSchema")
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return None
    properties: dict[str, JSON] = schema["properties"]
    required = schema.get("required", [])
    fields = {name: _field(field) for name, field in properties.items()}
    if not isinstance(required, list) or not all(_is_there(name, fields) for name in required):
        return None
    kept = {name: field for name, field in fields.items() if field is not None}
    if not kept and fields:
        return None
    asked = {name: value for name, value in params.items() if name != "mode"}
    return asked | {"requestedSchema": schema | {"properties": kept}}


def _is_there(name: JSON, fields: dict[str, dict[str, JSON] | None]) -> bool:
    return isinstance(name, str) and fields.get(name) is not None


def _field(field: JSON) -> dict[str, JSON] | None:
    """A field of a form as 2025-06-18 has it; None: it has no such field. Only booleans have a default,
    and a choice is an `enum` with `enumNames`."""
    if not isinstance(field, dict) or field.get("type") not in (
        "string",
        "number",
        "integer",
        "boolean",
    ):
        return None
    known = {
        name: value
        for name, value in field.items()
        if name != "oneOf" and (name != "default" or field["type"] == "boolean")
    }
    choices = field.get("oneOf")
    if isinstance(choices, list):
        titled = [choice for choice in choices if isinstance(choice, dict) and "const" in choice]
        known["enum"] = [choice["const"] for choice in titled]
        known["enumNames"] = [choice.get("title", choice["const"]) for choice in titled]
    return known


def _sampling(
    version: str, capability: dict[str, JSON], params: dict[str, JSON]
) -> dict[str, JSON] | None:
    if "tools" in params and "tools" not in capability:
        return None
    if version >= _NEWEST:
        return params
    messages = [_message(version, message) for message in params["messages"]]
    if any(message is None for message in messages):
        return None
    return params | {"messages": messages}


def _message(version: str, message: dict[str, JSON]) -> dict[str, JSON] | None:
    """Before 2025-11-25 a message has one block, and that is a text, an image or (2025-03-26) a sound."""
    content = message["content"]
    if isinstance(content, list):
        if len(content) != 1:
            return None
        content = content[0]
    known = _OLD_SAMPLING if version < _AUDIO else _OLD_SAMPLING | {"audio"}
    return None if content.get("type") not in known else message | {"content": content}
