"""Two tenants ask one PostgreSQL server that people install, with one tool and one password: each sees its own rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.needs import need, needs_postgres
from tests.outside.gate import REST, Agent, Answer, Gate, running
from tests.outside.upstream import MODERN, wait_until
from tests.peers.visit import LEGACY, MODULES, NODE
from tests.postgres import Postgres, serving_postgres

_SERVER: Final = MODULES / "@modelcontextprotocol" / "server-postgres" / "dist" / "index.js"
_PASSWORD: Final = "the-servers-own-password-1"
_SECRET: Final = "078-05-1120"
_POLICY: Final = """
@id("own-rows")
permit(principal in Role::"clerk", action == Action::"row", resource in Tool::"crm/query")
when { resource.tenant == principal.tenant };

@id("not-the-secret-ones")
forbid(principal, action == Action::"row", resource in Server::"crm")
when { resource has level && resource.level > 2 };

@id("own-sales")
permit(principal in Role::"clerk", action == Action::"row", resource in Server::"sales")
when { resource.tenant == principal.tenant };
"""
_DOORS: Final = (REST, LEGACY, MODERN)
pytestmark = needs_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as found:
        found.run(
            "create table customers (id int, tenant text, name text, ssn text, level int)",
            "insert into customers select n, case when n % 2 = 0 then 'acme' else 'globex' end, "
            f"'customer ' || n, '{_SECRET}', n % 4 from generate_series(0, 7) n",
            f"create role crm login password '{_PASSWORD}'",
            "grant select on customers to crm",
        )
        yield found


@pytest.fixture(scope="module")
def gate(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    need(NODE.exists() and _SERVER.exists(), "server postgres")
    address = f"postgresql://crm@127.0.0.1:{postgres.port}/postgres"
    started = {"command": [str(NODE), str(_SERVER), address], "env": {"PGPASSWORD": "secret:database"}}  # fmt: skip
    filtered = {"access": "read", "rows": {"at": "", "hide": ["ssn"], "max": 50}}
    rewritten = {"access": "read", "rows": {"sql": True}, "arguments": {"sql": {"kind": "sql", "dialect": "postgres"}}}  # fmt: skip
    servers = {
        "crm": {**started, "tools": {"query": filtered}},
        "sales": {**started, "tools": {"query": rewritten}},
    }
    granted = ["crm.query:read", "sales.query:read"]
    roles = {"clerk": granted, "guest": granted}
    folder = tmp_path_factory.mktemp("rows")
    (folder / "policies").mkdir()
    (folder / "policies" / "rows.cedar").write_text(_POLICY)
    found = Gate(folder, f"servers: {json.dumps(servers)}\nroles: {json.dumps(roles)}\n")
    names = ("--server", "crm", "--server", "sales")
    found.yett("secret", "set", "database", *names, text=_PASSWORD)
    with running(found):
        yield found


@pytest.fixture(scope="module")
def agents(gate: Gate) -> dict[str, Agent]:
    """By tenant, and `guest`, who may call the tool and of whom no policy about rows speaks."""
    keys = {tenant: gate.key(tenant, "clerk", tenant=tenant) for tenant in ("acme", "globex", "initech")}  # fmt: skip
    keys["guest"] = gate.key("guest", "guest", tenant="acme")
    found = {name: Agent(gate, key, REST) for name, key in keys.items()}
    wait_until(lambda: len(found["acme"].tools()) == 2, 30, each=0.3)
    return found


def rows_of(answer: Answer) -> list[dict[str, Any]]:
    assert not answer.is_refusal, answer.body
    found = json.loads(answer.text)
    assert isinstance(found, list)
    return found


EVERYTHING: Final = "select * from customers order by id"


@pytest.mark.parametrize("door", _DOORS)
def test_each_tenant_sees_its_own_rows(gate: Gate, agents: dict[str, Agent], door: str) -> None:
    seen = {
        name: [row["id"] for row in rows_of(Agent(gate, agent.key, door).call("crm", "query", sql=EVERYTHING))]
        for name, agent in agents.items()
    }  # fmt: skip

    assert seen == {"acme": [0, 2, 4, 6], "globex": [1, 5], "initech": [], "guest": []}


def test_a_hidden_field_is_nowhere(gate: Gate, agents: dict[str, Agent]) -> None:
    answer = agents["acme"].call("crm", "query", sql=EVERYTHING)

    assert set(rows_of(answer)[0]) == {"id", "tenant", "name", "level"}
    assert _SECRET.encode() not in answer.body


def test_rows_that_cannot_be_told_apart_are_refused(gate: Gate, agents: dict[str, Agent]) -> None:
    answer = agents["acme"].call("crm", "query", sql="select id, name from customers")

    assert answer.status == 502
    assert answer.refusal["reason"] == "upstream_invalid"
    assert b"customer" not in answer.body
    record = gate.record_of(answer)
    assert "rows cannot be told apart" in record["private"]


def test_what_a_database_says_of_a_failure_is_withheld(agents: dict[str, Agent]) -> None:
    """Errors quote values: of other people's rows as well."""
    stolen = "select cast(name as int) from customers where tenant = 'globex'"
    answer = agents["acme"].call("crm", "query", sql=stolen)

    assert b"customer 1" not in answer.body
    assert b"withheld" in answer.body


def test_the_record_names_the_policies_and_what_was_hidden(
    gate: Gate, agents: dict[str, Agent]
) -> None:
    record = gate.record_of(agents["globex"].call("crm", "query", sql=EVERYTHING))

    assert record["policies"] == ["role/clerk/crm.query:read", "own-rows", "not-the-secret-ones"]
    assert record["findings"] == ["rows:hidden"]


def test_the_tenant_of_a_row_is_compared_as_it_is(agents: dict[str, Agent]) -> None:
    """Not by another spelling, and not if it is no text."""
    spelt = "select id, upper(tenant) as tenant from customers"
    listed = "select id, array[tenant] as tenant from customers"

    assert rows_of(agents["acme"].call("crm", "query", sql=spelt)) == []
    assert agents["acme"].call("crm", "query", sql=listed).is_refusal


def test_a_statement_that_is_rewritten_reaches_no_other_rows(agents: dict[str, Agent]) -> None:
    """Whatever it calls them: a filter alone would believe a tenant that the statement makes up."""
    forged = "select id, 'acme' as tenant, name from customers order by id"
    counted = "select count(*) as n, min(tenant) as tenant from customers"
    ask = {name: lambda sql, a=agent: rows_of(a.call("sales", "query", sql=sql)) for name, agent in agents.items()}  # fmt: skip

    assert [row["id"] for row in ask["acme"](forged)] == [0, 2, 4, 6]
    assert ask["globex"](counted) == [{"n": "4", "tenant": "globex"}]
    assert ask["initech"](counted) == [{"n": "0", "tenant": None}]
    assert ask["guest"](forged) == []


def test_no_password_is_seen(gate: Gate, agents: dict[str, Agent], tmp_path: Path) -> None:
    assert _PASSWORD.encode() not in b"".join(gate.heard)
    assert _PASSWORD not in gate.printed()
