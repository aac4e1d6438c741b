"""What a tool's section says about its arguments."""

from typing import Annotated, Final, Literal, final

import msgspec

Names = tuple[str, ...]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Scheme = Literal["https", "http", "wss", "ws", "ftp", "sftp", "ssh", "git"]


class Argument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One of the classes below."""


@final
class SqlArgument(Argument, frozen=True, tag="sql"):
    """One statement. dialect: of the database. functions: allowed beside those known to be harmless.
    parameters: literals are refused. tables: the only ones that may be named; none: all."""

    dialect: Literal[
        "postgres", "sqlite", "mysql", "mariadb", "mssql", "oracle",
        "bigquery", "snowflake", "duckdb", "clickhouse",
    ] = "postgres"  # fmt: skip
    functions: Names = ()
    parameters: bool = False
    tables: Names = ()


NARROWED: Final = ("postgres", "sqlite")
"""Dialects whose statements can be rewritten to reach the rows of one caller only."""


@final
class CommandArgument(Argument, frozen=True, tag="command"):
    """A program and its arguments, as a list of texts. programs: for each program that may be started,
    patterns (RE2); each argument must fit one of them whole, and one that begins with `-` a pattern that
    does, too. plain: an argument with a character that shells read in their own way is refused, whatever
    the patterns say. line: a text is taken as well, if it is made of plain words with single spaces
    between them, which every shell reads alike."""

    programs: dict[str, Names] = {}
    plain: bool = True
    line: bool = False


@final
class PathArgument(Argument, frozen=True, tag="path"):
    """A file or a folder. roots: absolute folders that it must lie in. relative: may it be relative; it
    is then meant from one of the roots. hidden: files that hold secrets or that programs obey, such as
    `.ssh` and `.htaccess`, may be named. ignore_case: upper and lower case are one, as on the server.
    resolve: the roots are on this machine, and links are followed before a path is judged."""

    roots: Names = ()
    relative: bool = True
    hidden: bool = False
    ignore_case: bool = False
    resolve: bool = False


@final
class UrlArgument(Argument, frozen=True, tag="url"):
    """An absolute URL. hosts: names, `*.example.com` for everything below one, or `*` for every public
    name. schemes: the only ones. ports: likewise; none: only the one of the scheme. private: addresses
    of private networks and of this machine may be named, too. resolve: a name is looked up before it is
    sent, and refused if it leads to such an address."""

    hosts: Names = ()
    schemes: tuple[Scheme, ...] = ("https",)
    ports: tuple[Port, ...] = ()
    private: bool = False
    resolve: bool = False


@final
class HostArgument(Argument, frozen=True, tag="host"):
    """A host's name or address. hosts: the only ones, as of a URL. ports: `name:port` is taken as well,
    with one of these. private: addresses of private networks may be named, as of a URL. resolve: a name
    is looked up, as of a URL."""

    hosts: Names = ()
    ports: tuple[Port, ...] = ()
    private: bool = False
    resolve: bool = False


@final
class EmailArgument(Argument, frozen=True, tag="email"):
    """One address without a display name. domains: the only ones, or `*.example.com`; none: all."""

    domains: Names = ()


@final
class RegexArgument(Argument, frozen=True, tag="regex"):
    """A regular expression that takes linear time (RE2). length: the most characters."""

    length: Count = 1_000


@final
class TemplateArgument(Argument, frozen=True, tag="template"):
    """A text that may reach a template engine, so it is refused if it has the syntax of one."""


@final
class EnumArgument(Argument, frozen=True, tag="enum"):
    """values: the only ones."""

    values: tuple[str | int | float | bool, ...] = ()


@final
class PatternArgument(Argument, frozen=True, tag="pattern"):
    """pattern: a regular expression (RE2) that a text must fit whole."""

    pattern: str = ""


@final
class MaxArgument(Argument, frozen=True, tag="max"):
    """most: the largest number, the most characters of a text, or the most items of a list."""

    most: int | float = 0


@final
class TextArgument(Argument, frozen=True, tag="text"):
    """Plain text, of no interest here; in place of a kind that Yett knows by itself."""


@final
class ForcedArgument(Argument, frozen=True, tag="forced"):
    """The gate sets it, and callers neither see nor choose it. value: what it is set to;
    `principal.tenant`, `principal.id`, `principal.name` and `principal.environment` mean the caller's."""

    value: str | int | float | bool = ""


ShortKind = Literal[
    "sql", "command", "path", "url", "host", "email", "regex",
    "template", "enum", "pattern", "max", "text", "forced",
]  # fmt: skip
AnyArgument = (
    ShortKind
    | SqlArgument
    | CommandArgument
    | PathArgument
    | UrlArgument
    | HostArgument
    | EmailArgument
    | RegexArgument
    | TemplateArgument
    | EnumArgument
    | PatternArgument
    | MaxArgument
    | TextArgument
    | ForcedArgument
)


def kind_of(argument: AnyArgument) -> str:
    """Return the word for a kind, however it was written."""
    return argument if isinstance(argument, str) else str(type(argument).__struct_config__.tag)


Arguments = dict[str, AnyArgument]
"""By the name of a property, or by a JSON Pointer (RFC 6901), where `*` stands for each item of a list or member of
an object."""


@final
class ArgumentRules(msgspec.Struct, frozen=True):
    """open: arguments that the schema does not declare are let through (refused by default)."""

    open: bool = False
    arguments: Arguments = {}
