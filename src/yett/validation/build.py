"""Configuration in, stage out. Validation has no backends: it decides by the definition alone."""

from collections.abc import Mapping

from yett.core.seal import Sealer
from yett.core.target import JSON
from yett.validation.cache import SchemaCache
from yett.validation.config import ArgumentRules
from yett.validation.references import SchemaRefused
from yett.validation.schema import compile_any, compile_schema
from yett.validation.stage import Validator


def build(rules: Mapping[str, ArgumentRules], cache: SchemaCache, sealer: Sealer) -> Validator:
    """Make the stage. rules: by `server/tool`. cache, sealer: one for the life of the process."""
    return Validator(cache, sealer, (key for key, rule in rules.items() if rule.open))


def schema_problem(definition: dict[str, JSON]) -> str | None:
    """Return why a tool's schemas cannot be judged by, or None. For the catalogue, before approval."""
    try:
        compile_schema(definition.get("inputSchema"), open_=False)
        if "outputSchema" in definition:
            compile_any(definition["outputSchema"], open_=True)
    except SchemaRefused as refused:
        return refused.problem
    return None
