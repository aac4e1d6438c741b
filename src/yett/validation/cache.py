"""Compiled schemas, shared by every snapshot: a reload of the configuration compiles nothing again."""

from typing import Final, Literal, final

from yett.core.bounds import SCHEMAS_COMPILED_MAX
from yett.core.target import Target
from yett.validation.references import SchemaRefused
from yett.validation.schema import CompiledSchema, compile_any, compile_schema

Use = Literal["closed", "open", "output"]


@final
class SchemaCache:
    """By digest of the definition, so that a changed definition never meets an old schema."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, Use], CompiledSchema | SchemaRefused] = {}

    def find(self, target: Target, use: Use) -> CompiledSchema:
        """Return the compiled schema of a tool.

        Raises:
            SchemaRefused: it cannot be judged by; remembered like the others.
        """
        key = (target.digest, use)
        known = self._known.get(key)
        if known is None:
            known = _compile(target, use)
            if target.digest:
                self._keep(key, known)
        if isinstance(known, CompiledSchema):
            return known
        raise SchemaRefused(known.problem)

    def _keep(self, key: tuple[str, Use], known: CompiledSchema | SchemaRefused) -> None:
        if len(self._known) >= SCHEMAS_COMPILED_MAX:
            del self._known[next(iter(self._known))]
        self._known[key] = known


_SCHEMA_OF: Final[dict[Use, str]] = {
    "closed": "inputSchema",
    "open": "inputSchema",
    "output": "outputSchema",
}


def _compile(target: Target, use: Use) -> CompiledSchema | SchemaRefused:
    schema = target.definition.get(_SCHEMA_OF[use])
    try:
        if use == "output":
            return compile_any(schema, open_=True)
        return compile_schema(schema, open_=use == "open")
    except SchemaRefused as refused:
        return refused
