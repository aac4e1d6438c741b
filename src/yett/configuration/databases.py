"""Does the section of a server before a database (`kind: sql`) make sense? Pure."""

import re
from collections.abc import Iterator
from typing import Final

from yett.configuration.model import ServerSection
from yett.core.errors import ConfigurationError, Problem
from yett.upstreams.databases import TABLE_PATTERN, SqliteAddress, parse_database

_FOR_OTHERS: Final = ("url", "command", "env", "cwd", "may_ask", "allow_stdio_in_production")
_OVER_A_NETWORK: Final = ("credential", "ca", "client_certificate", "client_key", "pins")


def is_before_database(server: ServerSection) -> bool:
    return server.kind is not None or server.database is not None


def database_problems(path: tuple[str, ...], server: ServerSection) -> Iterator[Problem]:
    """Find what is wrong with a server for which `is_before_database`."""
    if server.kind is None or server.database is None:
        yield Problem(
            "a server before a database has both `kind: sql` and `database`",
            fix="Write kind: sql and database: postgresql://USER@HOST/DATABASE or sqlite:///path/to/file.db.",
            path=path,
        )
    for key in _FOR_OTHERS:
        if getattr(server, key):
            yield Problem(
                f"`{key}` means nothing before a database", fix="Remove it.", path=(*path, key)
            )
    for index, table in enumerate(server.tables):
        if re.fullmatch(TABLE_PATTERN, table) is None:
            yield Problem(
                "this is not the name of a table",
                fix="Write orders or public.orders, without quotes.",
                path=(*path, "tables", index),
            )
    if server.database is not None:
        yield from _address(path, server, server.database)


def _address(path: tuple[str, ...], server: ServerSection, database: str) -> Iterator[Problem]:
    try:
        address = parse_database(database)
    except ConfigurationError as error:
        for problem in error.problems:
            problem.path = (*path, *problem.path)
        yield from error.problems
        return
    if isinstance(address, SqliteAddress):
        for key in _OVER_A_NETWORK:
            if getattr(server, key):
                yield Problem(
                    f"`{key}` means nothing before a file", fix="Remove it.", path=(*path, key)
                )
    elif server.credential is not None and server.credential.password is None:
        yield Problem(
            "a database is given a password and no header",
            fix="Write credential: {password: secret:NAME}.",
            path=(*path, "credential"),
        )


def problems_of_others(path: tuple[str, ...], server: ServerSection) -> Iterator[Problem]:
    """Find what only a server before a database has, on another one."""
    if server.tables:
        yield Problem(
            "`tables` is for servers with a `database`", fix="Remove it.", path=(*path, "tables")
        )
    if server.credential is not None and server.credential.password is not None:
        yield Problem(
            "`password` is for servers with a `database`",
            fix="Write bearer, basic or headers.",
            path=(*path, "credential", "password"),
        )
