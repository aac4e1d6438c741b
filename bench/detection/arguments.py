"""What the guards of arguments refuse and let through, asked as a call asks them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.detection.tables import Figure, Table, figure, read

from yett.core.target import JSON
from yett.validation.config import (
    AnyArgument,
    CommandArgument,
    PathArgument,
    PatternArgument,
    SqlArgument,
    UrlArgument,
)
from yett.validation.kinds.build import guarding_of
from yett.validation.kinds.port import Unfit

_DIALECTS: Final = ("postgres", "sqlite", "mysql", "mssql", "oracle", "bigquery", "snowflake", "duckdb", "clickhouse")  # fmt: skip
_LOOPBACK: Final = (
    "127.0.0.1", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.",
    "127.127.127.127", "0.0.0.0", "0", "localhost", "LOCALHOST", "localhost.", "foo.localhost", "localhost.localdomain",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00::1]", "[fc00::1]", "[2002:7f00:1::]", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "127.0.0.1:80", "user@127.0.0.1", "evil.example@127.0.0.1", "127.0.0.1#@api.example.com", "127.0.0.1\\@api.example.com", "169.254.169.254", "[fd00:ec2::254]",
    "metadata.google.internal", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "255.255.255.255",
)  # fmt: skip
"""Ways to write an address of this machine, or of a net that nobody outside may reach."""
_SCHEMES: Final = ("file:///etc/passwd", "gopher://127.0.0.1/_x", "dict://127.0.0.1:11211/", "ftp://api.example.com/", "data:text/html,x", "javascript:alert(1)", "jar:http://api.example.com!/x", "//127.0.0.1/", "http:/127.0.0.1", "http:127.0.0.1", "http://", "ldap://127.0.0.1", "unix:///var/run/docker.sock")  # fmt: skip


def _refused(options: AnyArgument, values: Iterator[JSON]) -> Iterator[bool]:
    guarding, problems = guarding_of({"it": options})
    if problems:
        raise ValueError(problems)
    ((_, guard),) = guarding.guards
    for value in values:
        try:
            guard.check(value, "read")
        except Unfit:
            yield True
        else:
            yield False


def payloads(directory: Path) -> tuple[list[Table], list[Figure]]:
    """Path, command and address payloads against the kind that they are meant for."""
    refused = Table("Payloads against the matching kind, refused")
    rows = list(read(directory, "argument_payloads"))
    for kind, name, options in (
        ("path_traversal", "path", PathArgument(roots=("/srv/data",))),
        ("command_injection", "command", CommandArgument(programs={"git": ("status", "log", "[a-z0-9.-]+")})),
    ):  # fmt: skip
        found = [row for row in rows if row["kind"] == kind]
        values = ([row["text"]] if name == "command" else row["text"] for row in found)
        for row, hit in zip(found, _refused(options, values), strict=True):
            refused.add(f"{kind} as `{name}`", row["source"], found=hit)
    branch = [
        row for row in rows if row["kind"] == "command_injection" and not row["text"].isalpha()
    ]
    a_name = PatternArgument(pattern="[a-z][a-z0-9-]*")
    for row, hit in zip(branch, _refused(a_name, (row["text"] for row in branch)), strict=True):
        refused.add("command_injection as `pattern`", row["source"], found=hit)
    urls = [f"http://{host}/" for host in _LOOPBACK] + list(_SCHEMES)
    for hit in _refused(UrlArgument(hosts=("*",), schemes=("https", "http")), iter(urls)):
        refused.add("address as `url`", "generated", found=hit)
    return [refused], [figure(refused, 100)]


def statements(directory: Path) -> tuple[list[Table], list[Figure]]:
    """SQL for a tool that may only read, in every dialect. What reads was told by a parser, in a dialect
    that nobody noted: it passes if it does so in one."""
    refused, passed = (
        Table("SQL that writes, refused for a read-only tool"),
        Table("SQL that reads, passed in one dialect (what a parser took for reading)"),
    )
    other = Table("Fragments of injections as a whole statement, refused (the others are reads)")
    rows = list(read(directory, "sql"))
    taken: set[str] = set()
    for dialect in _DIALECTS:
        options = SqlArgument(dialect=dialect)
        for row, hit in zip(rows, _refused(options, (row["sql"] for row in rows)), strict=True):
            if row["label"] == "write":
                refused.add(dialect, row["source"], found=hit)
            elif row["label"] == "injection" and dialect == _DIALECTS[0]:
                other.add(row["label"], row["source"], found=hit)
            elif not hit:
                taken.add(row["id"])
    for row in rows:
        if row["label"] == "read":
            passed.add("read", row["source"], found=row["id"] in taken)
    return [refused, passed, other], [
        figure(refused, 100),
        Figure(passed.heading, passed.percent, None),
    ]
