"""Do the arguments fit what the tool declares? No schema that can be judged by, no call."""

from collections.abc import Iterable
from typing import Final, NoReturn, assert_never, final

from yett.core.bounds import URI_CHARS_MAX
from yett.core.document import encode
from yett.core.errors import Denied, Fault
from yett.core.operations import Kind
from yett.core.proofs import Permitted, Validated
from yett.core.reasons import Reason
from yett.core.target import JSON, Target
from yett.validation.arguments import (
    FLAT_NODES,
    ArgumentsTooLarge,
    estimate,
    is_small,
    measure,
    pointer_to,
)
from yett.validation.cache import SchemaCache
from yett.validation.references import SchemaRefused
from yett.validation.schema import CompiledSchema

_TOOL: Final = Kind.TOOL  # an attribute of an enumeration costs ten times a global


@final
class Validator:
    """open_targets: `server/tool` of each tool whose undeclared arguments the operator lets through."""

    __slots__ = ("_cache", "_open_targets")

    def __init__(self, cache: SchemaCache, open_targets: Iterable[str] = ()) -> None:
        self._cache: Final = cache
        self._open_targets: Final = frozenset(open_targets)

    def check(self, permitted: Permitted) -> Validated:
        """Let only arguments within the caps and the approved definition go on.

        Raises:
            Denied: invalid_input, with where and what.
            Fault: internal_error, the tool's schema cannot be judged by.
        """
        arguments, target = permitted.call.arguments, permitted.target
        if target.kind is _TOOL:
            self._check_tool(target, arguments)
        else:
            _check_other(permitted, arguments)
        return Validated(permitted, arguments, encode(arguments))

    def output_problem(self, target: Target, value: JSON) -> str | None:
        """Return why `structuredContent` contradicts the approved `outputSchema`; None if it does not."""
        if "outputSchema" not in target.definition:
            return None
        try:
            schema = self._cache.find(target, "output")
        except SchemaRefused as refused:
            return f"outputSchema: {refused.problem}"
        problem = schema.first_problem_of_answer(value)
        return f"structuredContent{problem[0]} {problem[1]}" if problem else None

    def _check_tool(self, target: Target, arguments: dict[str, JSON]) -> None:
        schema = self._find(target)
        nodes, depth = FLAT_NODES, 1
        if not is_small(arguments):
            nodes, depth = estimate(arguments) or _measure(arguments)
            if schema.is_steep(nodes, depth):
                nodes, depth = _measure(arguments)
        problem = schema.first_problem(arguments, nodes, depth)
        if problem is not None:
            _deny(*problem)

    def _find(self, target: Target) -> CompiledSchema:
        try:
            return self._cache.find(
                target, "open" if target.key in self._open_targets else "closed"
            )
        except SchemaRefused as refused:
            raise Fault(Reason.INTERNAL_ERROR, f"{target.key}: {refused.problem}") from refused


def _measure(arguments: dict[str, JSON]) -> tuple[int, int]:
    try:
        return measure(arguments)
    except ArgumentsTooLarge as error:
        _deny(error.pointer, error.message)


def _check_other(permitted: Permitted, arguments: dict[str, JSON]) -> None:
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
        _measure(arguments)
    declared = _declared_by_prompt(target)
    for name, value in arguments.items():
        if name not in declared:
            _deny(pointer_to((name,)), "is not declared by the prompt")
        if not isinstance(value, str):
            _deny(pointer_to((name,)), "is not a string")
    for name, required in declared.items():
        if required and name not in arguments:
            _deny(pointer_to((name,)), "is required")


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
        _deny("", "a resource takes no arguments")
    if len(uri) > URI_CHARS_MAX:
        _deny("", f"the URI is longer than {URI_CHARS_MAX} characters")
    if not uri.isprintable() or " " in uri:
        _deny("", "the URI holds a space or a control character")


def _deny(pointer: str, sentence: str) -> NoReturn:
    raise Denied(
        Reason.INVALID_INPUT, f"{pointer or 'input'} {sentence}", pointer=pointer, shown=sentence
    )
