"""From a validated call to what the server is asked: method and parameters. Pure.

Nothing of the caller's request is passed on beyond this: `_meta` (progress tokens, trace context,
the caller's capabilities) belongs to the conversation between caller and gateway.
"""

from typing import Final

import orjson

from yett.core.operations import Kind
from yett.core.proofs import Validated
from yett.core.target import JSON, Target

_COMPLETE: Final = "completion/complete"


def method_and_params(validated: Validated) -> tuple[str, dict[str, JSON]]:
    """Return what to send, with the server's own name for the target."""
    target = validated.permitted.target
    if target.kind is Kind.TOOL:
        return "tools/call", {"name": target.name, "arguments": _arguments(validated)}
    if validated.permitted.call.operation.method == _COMPLETE:
        return _COMPLETE, {"ref": _reference(target), **validated.arguments}
    if target.kind is Kind.PROMPT:
        return "prompts/get", {"name": target.name, "arguments": _arguments(validated)}
    return "resources/read", {"uri": own_uri(validated)}


def own_uri(validated: Validated) -> str:
    """Return the server's own URI of a resource."""
    target = validated.permitted.target
    # The target may be the template that was approved; the caller filled it in.
    return target.name if target.kind is Kind.RESOURCE else validated.permitted.call.name


def _reference(target: Target) -> dict[str, JSON]:
    """What is to be completed, in the server's own words (MCP 2025-11-25, Completion)."""
    if target.kind is Kind.PROMPT:
        return {"type": "ref/prompt", "name": target.name}
    return {"type": "ref/resource", "uri": target.name}


def _arguments(validated: Validated) -> JSON:
    """The bytes that were judged and recorded, where they are there already."""
    encoded = validated.encoded
    return orjson.Fragment(encoded) if encoded else validated.arguments
