"""A first look at a statement: does it read, and does it leave the server's own functions alone? Pure.

The judge of statements is validation, with a parser and a list of what is allowed; then the database, with
the rights of the role. This stands between them and is deliberately blunt: it is what is left if the first
is wrong, above all about functions with which a statement could change who it is running for (`set_config`),
read what others are running, or run a text as another statement.
"""

import re
from typing import Final

from yett.upstreams.backends.sql.engine import Rejected

_BEFORE: Final = re.compile(r"(?:\s|\(|--[^\n\r]*(?:[\n\r]|$)|/\*(?:(?!/\*|\*/)[\s\S])*\*/)*")
"""Comments inside comments are not taken for anything."""
_FIRST_WORD: Final = re.compile(r"[a-z]+", re.IGNORECASE)
_READING: Final = frozenset({"select", "with", "values", "table"})
_NOT_FOR_CALLERS: Final = re.compile(
    r"\b(?:"
    r"set_config|pg_(?!typeof\b|catalog\b|size_pretty\b)\w*"
    r"|lo_\w+|loread|lowrite|dblink\w*|nextval|setval"
    r"|\w+_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby"
    r"|load_extension|readfile|writefile|fts3_tokenizer"
    r")\b",
    re.IGNORECASE,
)
_ESCAPED_NAME: Final = re.compile(r"\bu&\s*[\"']", re.IGNORECASE)
"""`U&"set\\005fconfig"` is `set_config`."""


def check_looks(sql: str) -> None:
    """Raises:
    Rejected: it does not begin as what reads, or names what is not for callers, be it inside a text.
    """
    before = _BEFORE.match(sql)
    first = _FIRST_WORD.match(sql, before.end() if before else 0)
    if first is None or first.group().lower() not in _READING:
        raise Rejected("only statements that read are run: SELECT, WITH, VALUES or TABLE")
    if _ESCAPED_NAME.search(sql):
        raise Rejected('names and texts with Unicode escapes (U&"…") are not taken')
    found = _NOT_FOR_CALLERS.search(sql)
    if found is not None:
        raise Rejected(
            f"`{found.group()}` belongs to the administration of the database; if it is meant as a value,"
            " give it in `parameters`, and for the list of tables call list_tables"
        )
