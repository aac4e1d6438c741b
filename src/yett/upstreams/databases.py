"""Where a database is, as the operator writes it in `database`. Pure.

`postgresql://USER@HOST[:PORT]/DATABASE`, `sqlite:///absolute/path` or `sqlite:relative/path`.
"""

import re
from pathlib import Path
from typing import Final, Literal, final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec

from yett.core.errors import ConfigurationError, Problem

Dialect = Literal["postgres", "sqlite"]

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_POSTGRES: Final = frozenset({"postgresql", "postgres"})
_PORT: Final = 5432
_TLS_MODE: Final = "sslmode"
_VERIFIED: Final = "verify-full"
OWN_FUNCTIONS: Final[dict[Dialect, tuple[str, ...]]] = {
    "postgres": (),
    "sqlite": ("yett_principal", "yett_tenant", "yett_roles", "yett_environment"),
}
"""Functions that the server adds to those of the database: they say who is asking."""
OWN_CLASSES: Final[dict[str, Literal["read"]]] = {
    "query": "read",
    "list_tables": "read",
    "describe_table": "read",
}
"""Of the server's tools."""
TABLE_PATTERN: Final = r"^([^\".\x00-\x1f]{1,63}\.)?[^\".\x00-\x1f]{1,63}$"
"""Of a name in `tables`: `orders` or `public.orders`, spelled as the database keeps it."""


@final
class PostgresAddress(msgspec.Struct, frozen=True):
    """tls: asked for by the operator; beyond this machine there is no other way."""

    host: str
    port: int
    user: str
    database: str
    tls: bool = False


@final
class SqliteAddress(msgspec.Struct, frozen=True):
    """path: as written; one that is not absolute is meant from the folder of `yett.yaml`."""

    path: str


DatabaseAddress = PostgresAddress | SqliteAddress


def parse_database(text: str) -> DatabaseAddress:
    """Raises:
    ConfigurationError: it is no such address, holds a password, or asks for weaker TLS.
    """
    if not _VISIBLE.fullmatch(text):  # before urlsplit, which quietly removes line ends
        raise _problem("is empty or holds characters that must be percent-encoded")
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError:
        raise _problem("cannot be read") from None
    if parts.password is not None:
        raise _problem(
            "holds a password, and addresses end in logs",
            fix="Take it out, run `yett secret set NAME --server SERVER` and write"
            " credential: {password: secret:NAME}.",
        )
    if parts.scheme == "sqlite":
        return _sqlite(parts)
    if parts.scheme not in _POSTGRES:
        raise _problem("is neither of PostgreSQL nor of SQLite")
    database = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not parts.username or not database or "/" in database:
        raise _problem("does not name a user, a host and a database")
    return PostgresAddress(
        parts.hostname, port, unquote(parts.username), database, tls=_asks_for_tls(parts)
    )


def dialect_of(text: str) -> Dialect:
    """Raises:
    ConfigurationError: as `parse_database`.
    """
    return "sqlite" if isinstance(parse_database(text), SqliteAddress) else "postgres"


def absolute_database(text: str, folder: Path) -> str:
    """Write the path of a SQLite file out in full; what cannot be read is returned as it is."""
    try:
        address = parse_database(text)
    except ConfigurationError:
        return text
    if isinstance(address, PostgresAddress) or Path(address.path).is_absolute():
        return text
    return (folder / address.path).as_uri().replace("file:", "sqlite:", 1)


def _sqlite(parts: SplitResult) -> SqliteAddress:
    path = unquote(parts.path)
    if parts.netloc or parts.query or parts.fragment or path.startswith("~"):
        raise _problem("does not name a file by its path")
    if not path.strip("/") or "\0" in path:
        raise _problem("does not name a file")
    return SqliteAddress(f"/{path.lstrip('/')}" if path.startswith("/") else path)


def _asks_for_tls(parts: SplitResult) -> bool:
    asked = parse_qsl(parts.query, keep_blank_values=True)
    if parts.fragment or any(name != _TLS_MODE for name, _ in asked):
        raise _problem(
            f"has parameters that mean nothing here; `{_TLS_MODE}={_VERIFIED}` is the only one"
        )
    if any(mode != _VERIFIED for _, mode in asked):
        raise _problem(
            "asks for TLS that does not verify whom it speaks to",
            fix=f"Remove `{_TLS_MODE}`; beyond this machine it is always {_VERIFIED}. An authority of"
            " your own goes into `ca`.",
        )
    return bool(asked)


def _problem(
    what: str, fix: str = "Write postgresql://USER@HOST/DATABASE or sqlite:///path/to/file.db."
) -> ConfigurationError:
    # The text is not repeated: it may hold a password.
    return ConfigurationError([Problem(f"the address {what}", fix=fix, path=("database",))])
