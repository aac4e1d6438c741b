"""Do the inputs of prompts, resources and completions fit? They have no JSON Schema, but a form."""

from typing import Final, assert_never

from yett.core.bounds import URI_CHARS_MAX
from yett.core.errors import Fault
from yett.core.operations import Kind
from yett.core.proofs import Permitted
from yett.core.reasons import Reason
from yett.core.target import JSON, Target
from yett.validation.arguments import is_small, pointer_to
from yett.validation.refusal import deny, measured

_COMPLETE: Final = "completion/complete"
_COMPLETION_MEMBERS: Final = frozenset({"argument", "context"})


def check_other(permitted: Permitted, arguments: dict[str, JSON]) -> None:
    """Let only what has the form of its operation go on.

    Raises:
        Denied: invalid_input.
        Fault: internal_error, the definition cannot be judged by.
    """
    if permitted.call.operation.method == _COMPLETE:
        _check_completion(permitted.target, arguments)
        return
    match permitted.target.kind:
        case Kind.PROMPT:
            _check_prompt(permitted.target, arguments)
        case Kind.TOOL | Kind.RESOURCE | Kind.RESOURCE_TEMPLATE:
            _check_resource(permitted.call.name, arguments)
        case _ as never:
            assert_never(never)


def _check_prompt(target: Target, arguments: dict[str, JSON]) -> None:
    """Prompts declare names only; each value is a string (MCP, prompts/get)."""
    if not is_small(arguments):
        measured(arguments)
    declared = _declared_by_prompt(target)
    for name, value in arguments.items():
        if name not in declared:
            deny(pointer_to((name,)), "is not declared by the prompt")
        if not isinstance(value, str):
            deny(pointer_to((name,)), "is not a string")
    for name, required in declared.items():
        if required and name not in arguments:
            deny(pointer_to((name,)), "is required")


def _declared_by_prompt(target: Target) -> dict[str, bool]:
    """Name → required."""
    items = target.definition.get("arguments") or []
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in items
    ):
        raise Fault(Reason.INTERNAL_ERROR, f"{target.key}: the prompt's arguments are malformed")
    return {item["name"]: item.get("required") is True for item in items}


def _check_resource(uri: str, arguments: dict[str, JSON]) -> None:
    if arguments:
        deny("", "a resource takes no arguments")
    if len(uri) > URI_CHARS_MAX:
        deny("", f"the URI is longer than {URI_CHARS_MAX} characters")
    if not uri.isprintable() or " " in uri:
        deny("", "the URI holds a space or a control character")


def _check_completion(target: Target, arguments: dict[str, JSON]) -> None:
    """One argument by name, and the others that are known already (MCP 2025-11-25, Completion)."""
    measured(arguments)
    argument, context = arguments.get("argument"), arguments.get("context", {})
    if not arguments.keys() <= _COMPLETION_MEMBERS or not _is_text_map(argument, {"name", "value"}):
        deny(pointer_to(("argument",)), "is not a name and a value")
    if (
        not isinstance(context, dict)
        or not context.keys() <= {"arguments"}
        or not _is_text_map(context.get("arguments", {}), None)
    ):
        deny(pointer_to(("context",)), "is not an object of texts under `arguments`")
    name = argument["name"] if isinstance(argument, dict) else ""
    if target.kind is Kind.PROMPT and name not in _declared_by_prompt(target):
        deny(pointer_to(("argument", "name")), "is not declared by the prompt")


def _is_text_map(value: JSON, names: set[str] | None) -> bool:
    return (
        isinstance(value, dict)
        and (names is None or value.keys() == names)
        and all(isinstance(item, str) for item in value.values())
    )
