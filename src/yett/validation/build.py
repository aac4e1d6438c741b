"""Configuration in, stage out."""

from collections.abc import Mapping

from yett.core.errors import ConfigurationError, Problem
from yett.core.seal import Sealer
from yett.core.target import JSON
from yett.validation.backends.system import SystemResolver
from yett.validation.cache import SchemaCache
from yett.validation.config import ArgumentRules
from yett.validation.kinds.guarding import Guarding
from yett.validation.port import Resolver
from yett.validation.references import SchemaRefused
from yett.validation.stage import Validator


def build(
    rules: Mapping[str, ArgumentRules],
    cache: SchemaCache,
    sealer: Sealer,
    resolver: Resolver | None = None,
) -> Validator:
    """Make the stage. rules: by `server/tool`. cache, sealer: one for the life of the process. resolver:
    None: the system's.

    Raises:
        ConfigurationError: what is said about arguments makes no sense.
    """
    open_targets = (key for key, rule in rules.items() if rule.open)
    return Validator(
        cache, sealer, open_targets, build_guardings(rules), resolver or SystemResolver()
    )


def build_guardings(rules: Mapping[str, ArgumentRules]) -> dict[str, Guarding]:
    """Make what guards the arguments of each tool that has something to guard, by `server/tool`.

    Raises:
        ConfigurationError: all that makes no sense.
    """
    found: dict[str, Guarding] = {}
    problems: list[Problem] = []
    for key, rule in rules.items():
        if not rule.arguments:
            continue
        from yett.validation.kinds.build import guarding_of  # noqa: PLC0415 - loads all kinds

        guarding, wrong = guarding_of(rule.arguments)
        if guarding.guards or guarding.forced:
            found[key] = guarding
        for problem in wrong:
            problem.path = (*_section_of(key), *problem.path)
        problems += wrong
    if problems:
        raise ConfigurationError(problems)
    return found


def declaration_problem(
    key: str, guarding: Guarding, definition: dict[str, JSON]
) -> Problem | None:
    """Return what is wrong if an approved definition lacks an argument that is guarded; else None."""
    try:
        missing = guarding.undeclared(definition.get("inputSchema"))
    except SchemaRefused:
        return None  # the tool cannot be called at all
    if missing is None:
        return None
    return Problem(
        f"the tool has no argument `{missing}`, so nothing would guard it",
        fix=f"See what it has with `yett tool show {key.replace('/', ' ', 1)}`.",
        path=_section_of(key),
    )


def _section_of(key: str) -> tuple[str, ...]:
    server, _, tool = key.partition("/")
    return ("servers", server, "tools", tool, "arguments")
