"""Tools whose callers may be able to write rows themselves: they take what looks like a statement of SQL."""

from collections.abc import Iterable
from typing import Final

from yett.app.servers import argument_rules, tool_marks
from yett.authorization.offers import Offer
from yett.authorization.rows import tools_with_rows
from yett.configuration.model import Configuration
from yett.validation.config import SqlArgument

_NAMES: Final = ("sql", "query", "statement", "sql_query")


def unguarded_statements(configuration: Configuration, offers: Iterable[Offer]) -> dict[str, str]:
    """Return, by `server/tool`, an argument that by its name is a statement, of tools that have rows and no
    argument of kind `sql`, which would be rewritten."""
    rows, rules = tools_with_rows(tool_marks(configuration)), argument_rules(configuration)
    found: dict[str, str] = {}
    for offer in offers:
        if offer.kind != "Tool" or offer.key not in rows:
            continue
        kinds = rules[offer.key].arguments.values() if offer.key in rules else ()
        if any(kind == "sql" or isinstance(kind, SqlArgument) for kind in kinds):
            continue
        names = [name for name in offer.shape.members if name.lower() in _NAMES]
        if names:
            found[offer.key] = names[0]
    return found
