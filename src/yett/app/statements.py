"""Tools with rows that take a statement of SQL: who writes the statement also says what columns are called."""

from collections.abc import Iterable, Iterator
from typing import Final

from yett.app.servers import argument_rules, tool_marks
from yett.authorization.offers import Offer
from yett.authorization.review import Note
from yett.authorization.rows import tools_with_rows
from yett.configuration.model import Configuration
from yett.validation.config import SqlArgument

_NAMES: Final = ("sql", "query", "statement", "sql_query")


def statement_warnings(configuration: Configuration, offers: Iterable[Offer]) -> list[Note]:
    """Return what a caller could get round. An argument is a statement if it is of the kind `sql`, or may be
    one by its name."""
    with_rows = tools_with_rows(tool_marks(configuration))
    return [
        Note(f"`{offer.key}` {message}", "yett.yaml", serious=True)
        for offer in offers
        if offer.kind == "Tool" and offer.key in with_rows
        for message in _warnings(configuration, offer)
    ]


def _warnings(configuration: Configuration, offer: Offer) -> Iterator[str]:
    rules = argument_rules(configuration).get(offer.key)
    kinds = rules.arguments.values() if rules is not None else ()
    server = configuration.servers[offer.server]
    is_rewritten = server.kind == "sql" or any(
        kind == "sql" or isinstance(kind, SqlArgument) for kind in kinds
    )
    names = [name for name in offer.shape.members if name.lower() in _NAMES]
    if names and not is_rewritten:
        yield (
            f"shows rows that say themselves whose they are, and if `{names[0]}` is SQL, they can be made up "
            f"(`select 'acme' as tenant …`): say arguments: {{{names[0]}: {{kind: sql}}}}, and a statement "
            "reaches the caller's rows only"
        )
    section = server.tools.get(offer.name)
    hidden = section.rows.hide if section and section.rows else ()
    if hidden and (names or is_rewritten):
        yield (
            f"hides `{hidden[0]}` by its name, and a statement can call it otherwise "
            f"(`select {hidden[0].strip('/')} as x …`): offer a view without it"
        )
