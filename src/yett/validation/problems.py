"""Whether the schemas of a tool can be used at all: the question that is asked before it is approved."""

from yett.core.target import JSON
from yett.validation.references import SchemaRefused
from yett.validation.schema import compile_any, compile_schema


def schema_problem(definition: dict[str, JSON]) -> str | None:
    """Return why a tool's schemas cannot be judged by, or None."""
    try:
        compile_schema(definition.get("inputSchema"), open_=False)
        if "outputSchema" in definition:
            compile_any(definition["outputSchema"], open_=True)
    except SchemaRefused as refused:
        return refused.problem
    return None
