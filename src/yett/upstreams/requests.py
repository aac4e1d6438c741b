"""From a validated call to what the server is asked: method and parameters. Pure.

Nothing of the caller's request is passed on beyond this: `_meta` (progress tokens, trace context,
the caller's capabilities) belongs to the conversation between caller and gateway (THREATS.md P12).
"""

from typing import Final

import orjson

from yett.core.operations import Kind
from yett.core.proofs import Validated
from yett.core.target import JSON

_TOOL: Final = Kind.TOOL  # an attribute of an enumeration costs ten times a global


def method_and_params(validated: Validated) -> tuple[str, dict[str, JSON]]:
    """Return what to send, with the server's own name for the target."""
    target = validated.permitted.target
    if target.kind is _TOOL:
        return "tools/call", {"name": target.name, "arguments": _arguments(validated)}
    if target.kind is Kind.PROMPT:
        return "prompts/get", {"name": target.name, "arguments": _arguments(validated)}
    if target.kind is Kind.RESOURCE:
        return "resources/read", {"uri": target.name}
    # The target is the template that was approved; the caller filled it in.
    return "resources/read", {"uri": validated.permitted.call.name}


def _arguments(validated: Validated) -> JSON:
    """The bytes that were judged and recorded, where they are there already."""
    encoded = validated.encoded
    return orjson.Fragment(encoded) if encoded else validated.arguments
