"""What ready-made entries say of arguments holds without a word of the operator's, whose word goes first."""

from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.validation.calls import permitted, tool
from yett.app.servers import argument_rules
from yett.catalogue.entries import find_entry, shipped_entries
from yett.configuration.model import Configuration, ServerSection, ToolSection
from yett.core.errors import Denied
from yett.validation import SchemaCache
from yett.validation.build import build
from yett.validation.config import TextArgument, UrlArgument

TEXT = {"type": "string"}


def configuration(command: str, tools: dict[str, ToolSection] | None = None) -> Configuration:
    return Configuration(
        servers={"demo": ServerSection(command=("uvx", command), tools=tools or {})}
    )


def takes(found: Configuration, name: str, **arguments: Any) -> bool:
    schema = {"type": "object", "properties": {key: {} for key in ("base_branch", *arguments)}}
    stage = build(argument_rules(found), SchemaCache(), SEALER)
    asked = permitted(arguments, tool(schema), name=name)
    entry = find_entry(found.servers["demo"].command, shipped_entries())
    assert entry is not None
    target = msgspec.structs.replace(asked.target, access=entry.classes()[name])
    try:
        stage.check(msgspec.structs.replace(asked, target=target))
    except Denied:
        return False
    return True


def test_every_entry_says_what_makes_sense() -> None:
    for entry in shipped_entries():
        build(argument_rules(configuration(entry.programs[0])), SchemaCache(), SEALER)


@pytest.mark.parametrize(
    ("program", "name", "argument", "good", "bad"),
    [
        ("mcp-server-fetch", "fetch", "url", "https://example.com/a", "http://169.254.169.254/latest"),
        ("mcp-server-fetch", "fetch", "url", "http://example.com/a", "http://127.1/"),
        ("mcp-server-sqlite", "read_query", "query", "SELECT 1", "DROP TABLE t"),
        ("mcp-server-sqlite", "read_query", "query", "SELECT 1", "SELECT 1; SELECT 2"),
        ("mcp-server-sqlite", "describe_table", "table_name", "orders", "orders); DROP TABLE orders"),
        ("mcp-server-git", "git_diff", "target", "main..HEAD~3^", "--output=/tmp/x"),
        ("mcp-server-git", "git_show", "revision", "v1.2.3", "HEAD\n--exec=x"),
        ("mcp-server-git", "git_create_branch", "branch_name", "größe/2", "-x"),
        ("mcp-server-git", "git_add", "files", ["src/a.py", ".env"], ["../x"]),
    ],
)  # fmt: skip
def test_a_well_known_server_is_guarded(
    program: str, name: str, argument: str, good: Any, bad: Any
) -> None:
    found = configuration(program)

    assert takes(found, name, **{argument: good})
    assert not takes(found, name, **{argument: bad})


def test_the_operator_goes_first_for_each_argument() -> None:
    here = UrlArgument(hosts=("127.0.0.1",), schemes=("http",))
    ours = configuration("mcp-server-fetch", {"fetch": ToolSection(arguments={"url": here})})
    none = configuration("mcp-server-fetch", {"fetch": ToolSection(arguments={"url": TextArgument()})})  # fmt: skip
    other = configuration("mcp-server-fetch", {"fetch": ToolSection(access="read")})

    assert takes(ours, "fetch", url="http://127.0.0.1/")
    assert not takes(ours, "fetch", url="http://example.com/")
    assert takes(none, "fetch", url="file:///etc/passwd")
    assert not takes(other, "fetch", url="file:///etc/passwd")
