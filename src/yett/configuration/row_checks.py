"""Do the `rows` of a tool's section lead anywhere? Pure."""

import re
from collections.abc import Iterator
from typing import Final

from yett.authorization.config import RowRules
from yett.configuration.model import ServerSection
from yett.core.errors import ConfigurationError, Problem
from yett.upstreams.databases import dialect_of
from yett.validation.config import NARROWED, Arguments, SqlArgument

_POINTER: Final = re.compile(r"(/([^~/]|~[01])*)*")  # RFC 6901 §3
_STRUCTURED: Final = "/structuredContent"
_FIX: Final = (
    'Write /structuredContent/… or, for JSON in a text, the pointer in it ("" for a list).'
)

Path = tuple[str, ...]


def row_problems(server: str, section: ServerSection) -> Iterator[Problem]:
    for tool, rules in section.tools.items():
        if rules.rows is not None:
            path = ("servers", server, "tools", tool, "rows")
            yield from _check(path, rules.rows)
            if rules.rows.sql:
                yield from _check_sql(path, rules.rows, {**rules.arguments, **_own(section, tool)})


def _own(section: ServerSection, tool: str) -> Arguments:
    """What Yett itself says of the arguments of its own server before a database."""
    if section.database is None or tool != "query":
        return {}
    try:
        return {"sql": SqlArgument(dialect=dialect_of(section.database))}
    except ConfigurationError:  # told where the address is checked
        return {"sql": SqlArgument()}


def _check_sql(path: Path, rules: RowRules, arguments: Arguments) -> Iterator[Problem]:
    kinds = [kind for kind in arguments.values() if kind == "sql" or isinstance(kind, SqlArgument)]
    if not kinds:
        fix = (
            "Say which argument is the statement: arguments: {sql: {kind: sql, dialect: postgres}}."
        )
        yield Problem("no argument is known to be SQL", fix=fix, path=(*path, "sql"))
    if any(isinstance(kind, SqlArgument) and kind.dialect not in NARROWED for kind in kinds):
        fix = "Remove sql: true and say where the rows are: at: …."
        yield Problem("no SQL of this dialect is rewritten", fix=fix, path=(*path, "sql"))
    if not rules.at and (rules.hide or rules.max):
        fix = "Remove hide and max, or add at: …, where the rows are."
        yield Problem("nobody could tell its rows apart", fix=fix, path=path)


def _check(path: Path, rules: RowRules) -> Iterator[Problem]:
    pointers = (rules.at,) if isinstance(rules.at, str) else rules.at
    if not pointers and not rules.sql:
        yield Problem("nobody could tell its rows apart", fix=f"Add at: …. {_FIX}", path=path)
    for pointer in pointers:
        if not _POINTER.fullmatch(pointer):
            yield Problem(f"`{pointer}` is no JSON pointer", fix=_FIX, path=(*path, "at"))
        elif pointer.startswith("/content/"):
            yield Problem("rows are not looked for in blocks", fix=_FIX, path=(*path, "at"))
        elif not rules.text and not f"{pointer}/".startswith(f"{_STRUCTURED}/"):
            fix = "Remove text: false, or this place."
            yield Problem(
                "no text is read, and this is a place in one", fix=fix, path=(*path, "at")
            )
    for field in rules.hide:
        if not field or (field.startswith("/") and not _POINTER.fullmatch(field)):
            fix = "Write the name of a field, or a JSON pointer from the row: /address/street."
            yield Problem(f"`{field}` is no field", fix=fix, path=(*path, "hide"))
