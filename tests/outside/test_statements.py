"""Statements of SQL, seen from both sides of a gate: what reaches a server, and what is recorded (T-X X01, Z06)."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.outside.gate import DOORS, REST, Agent, Answer, Gate, Key, running
from tests.outside.upstream import Upstream, serving
from yett.audit.private import open_digest

ROLES: Final = 'roles: {clerk: ["db.*:read", "db.change:write"]}\n'
POLICY: Final = """
@id("own")
permit(principal in Role::"clerk", action == Action::"row", resource in Server::"db")
when { resource.tenant == principal.tenant };
"""


def tool(name: str) -> dict[str, Any]:
    properties = {"sql": {"type": "string"}, "note": {"type": "string"}}
    return {"name": name, "inputSchema": {"type": "object", "properties": properties}}


def configured(dialect: str, **more: Any) -> dict[str, Any]:
    return {"arguments": {"sql": {"kind": "sql", "dialect": dialect}}, **more}


class House:
    def __init__(self, gate: Gate, server: Upstream, key: Key) -> None:
        self.gate = gate
        self.server = server
        self.key = key

    def ask(self, name: str, sql: str, door: str = REST) -> Answer:
        return Agent(self.gate, self.key, door).call("db", name, sql=sql)

    def sent(self, name: str) -> list[str]:
        return [seen.message["params"]["arguments"]["sql"] for seen in self.server.calls_of(name)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    tools = {
        "ask": configured("postgres", access="read"),
        "lite": configured("sqlite", access="read"),
        "own": configured("postgres", access="read", rows={"sql": True}),
        "other": configured("mysql", access="read", rows={"at": "/structuredContent/rows"}),
        "change": configured("postgres", access="write"),
    }
    with serving(*map(tool, tools)) as server:
        folder = tmp_path_factory.mktemp("statements")
        (folder / "policies").mkdir()
        (folder / "policies" / "rows.cedar").write_text(POLICY)
        servers = {"db": {"url": server.url, "tools": tools}}
        gate = Gate(folder, f"servers: {json.dumps(servers)}\n{ROLES}")
        key = gate.key("ada", "clerk", tenant="acme")
        with running(gate):
            yield House(gate, server, key)


@pytest.fixture(autouse=True)
def _forget(house: House) -> None:
    house.server.seen.clear()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE orders",
        "SELECT 1; DROP TABLE orders",
        "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
        "SELECT ('/etc/passwd'::text).pg_read_file",
        "COPY orders TO PROGRAM 'id'",
    ],
)
def test_a_tool_that_reads_is_sent_nothing_that_writes(
    house: House, door: str, statement: str
) -> None:
    answer = house.ask("ask", statement, door)

    assert answer.refusal["reason"] == "argument_denied"
    assert answer.refusal["pointer"] == "/sql"
    assert house.sent("ask") == []


def test_one_that_writes_is_sent_what_changes_data_and_nothing_else(house: House) -> None:
    assert not house.ask("change", "DELETE FROM orders WHERE id = 1").is_refusal
    assert house.ask("change", "COPY orders FROM PROGRAM 'id'").is_refusal
    assert house.ask("change", "ALTER SYSTEM SET archive_command = 'id'").is_refusal
    assert house.sent("change") == ["DELETE FROM orders WHERE id = 1"]


def test_what_reaches_the_server_is_what_is_recorded(house: House) -> None:
    asked = {
        "ask": "select  1 -- a note",
        "lite": "select a from t /* note */ where b=1",
        "own": "SELECT total FROM orders WHERE paid OR true",
    }
    for name, statement in asked.items():
        answer = house.ask(name, statement)
        (sent,) = house.sent(name)
        record = house.gate.record_of(answer)
        assert record["input"] == {"sql": sent} != {"sql": statement}
        encoded = json.dumps({"sql": sent}, separators=(",", ":"), ensure_ascii=False).encode()
        assert record["input_digest"] == open_digest(house.gate.data)(encoded)

    assert house.sent("ask") == ["SELECT 1"]
    assert house.sent("lite") == ["SELECT a FROM t WHERE b = 1"]


@pytest.mark.parametrize("door", DOORS)
def test_a_statement_is_narrowed_to_the_rows_of_its_caller(house: House, door: str) -> None:
    house.ask("own", "SELECT * FROM orders o WHERE o.paid OR true", door)

    (sent,) = house.sent("own")
    assert "SELECT * FROM (SELECT * FROM orders yett_row WHERE" in sent
    assert "= 'acme'" in sent or "IN ('acme')" in sent
    assert sent.endswith("OFFSET 0) o WHERE o.paid OR true")


def test_what_cannot_be_narrowed_is_not_sent(house: House) -> None:
    for statement in ("SELECT ctid FROM orders", "EXPLAIN SELECT * FROM orders", "TABLE pg_class"):
        assert house.ask("own", statement).refusal["reason"] == "argument_denied"
    assert house.ask("other", "SELECT 1 AS a FROM orders").refusal["reason"] == "argument_denied"

    assert house.sent("own") + house.sent("other") == []


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"access": "read", "rows": {"sql": True}}, "no argument is known to be SQL"),
        (configured("mysql", rows={"sql": True}), "no SQL of this dialect is rewritten"),
        (configured("sqlite", rows={"sql": True, "hide": ["ssn"]}), "tell its rows apart"),
    ],
)
def test_a_configuration_that_would_narrow_nothing_is_refused(
    house: House, tmp_path: object, section: dict[str, Any], said: str
) -> None:
    servers = {"db": {"url": house.server.url, "tools": {"ask": section}}}
    gate = Gate(tmp_path, f"servers: {json.dumps(servers)}\n{ROLES}")  # type: ignore[arg-type]  # a path
    done = gate.run("check")

    assert done.returncode != 0
    assert said in done.stdout + done.stderr
