"""What is proposed for an argument, from its name and its schema, and what for it becomes a guard."""

from typing import Any

import msgspec
import pytest

from yett.validation.config import Arguments
from yett.validation.kinds.build import guarding_of
from yett.validation.kinds.suggesting import propose

TEXT = {"type": "string"}


def proposed(name: str, schema: Any = TEXT, talk: str = "", command: tuple[str, ...] = ()) -> Any:
    properties = {name: schema}
    tool = {"name": "t", "description": talk, "inputSchema": {"properties": properties}}
    found = propose(tool, command)
    assert len(found) < 2
    kind = next(iter(found.values()), None)
    return kind["kind"] if isinstance(kind, dict) else kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sql", "sql"), ("raw_sql", "sql"), ("path", "path"), ("filePath", "path"), ("repo-path", "path"), ("directory", "path"),
        ("URL", "url"), ("targetUrl", "url"), ("webhook_url", "url"), ("command", "command"), ("cmd", "command"),
        ("email", "email"), ("userEmail", "email"), ("hostname", "host"), ("regex", "regex"), ("template", "template"),
        ("branch", "pattern"), ("tenant_id", "forced"), ("tenantId", "forced"), ("message", None), ("query", None), ("to", None),
        ("pattern", None), ("profile", None), ("curl", None), ("xpath", None), ("tenant_name", None),
    ],
)  # fmt: skip
def test_names_tell(name: str, kind: str | None) -> None:
    assert proposed(name) == kind


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "format": "uri"}, "url"),
        ({"type": ["string", "null"], "format": "email"}, "email"),
        ({"anyOf": [TEXT, {"type": "null"}], "format": "hostname"}, "host"),
        ({"type": "string", "enum": ["a"], "format": "uri"}, None),
        ({"type": "integer", "format": "uri"}, None),
        ({"type": "array", "items": {"type": "string"}, "format": "uri"}, "url"),
    ],
)
def test_formats_tell(schema: Any, kind: str | None) -> None:
    assert proposed("x", schema) == kind


def test_some_names_tell_only_where_the_tool_talks_of_it() -> None:
    assert proposed("query", talk="Run a SELECT against the database") == "sql"
    assert proposed("query", talk="Search the web") is None
    assert proposed("to", talk="Send an e-mail") == "email"
    assert proposed("pattern", {"type": "string", "description": "a regular expression"}) == "regex"


def test_what_is_known_of_the_server_is_used() -> None:
    files = {"inputSchema": {"properties": {"path": TEXT}}}
    query = {"description": "SQLite", "inputSchema": {"properties": {"sql": TEXT}}}
    started = ("npx", "-y", "server", "/srv/data", "--log", "/var/log/x.log")

    assert propose(files, started)["path"] == {"kind": "path", "roots": ["/srv/data"]}
    assert propose(query)["sql"] == {"kind": "sql", "dialect": "sqlite"}


def test_what_is_deeper_is_named_by_a_pointer() -> None:
    inner = {"type": "object", "properties": {"a/b_path": TEXT}}
    schema = {"properties": {"deep": inner, "many": {"type": "array", "items": inner}}}

    assert list(propose({"inputSchema": schema})) == ["/deep/a~1b_path", "/many/*/a~1b_path"]


@pytest.mark.parametrize(
    "definition", [None, [], {}, {"inputSchema": []}, {"inputSchema": {"properties": {"path": 7, "": TEXT}}}]
)  # fmt: skip
def test_an_odd_definition_proposes_nothing(definition: Any) -> None:
    assert propose(definition) == {}


def test_a_huge_definition_proposes_little() -> None:
    properties = {f"path{number}_path": TEXT for number in range(5_000)}

    assert len(propose({"inputSchema": {"properties": properties}})) == 40


def test_every_proposal_is_a_configuration() -> None:
    names = [
        "sql",
        "path",
        "url",
        "command",
        "email",
        "host",
        "regex",
        "template",
        "branch",
        "tenant",
    ]
    found = propose({"inputSchema": {"properties": dict.fromkeys(names, TEXT)}})

    assert list(found) == names
    guarding, problems = guarding_of(msgspec.convert(found, Arguments))
    assert not problems
    assert len(guarding.guards) == len(names) - 1
