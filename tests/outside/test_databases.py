"""A database behind the gate, declared in a few lines: whose rows, what is refused, and what is told."""

import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.needs import needs_postgres
from tests.outside.gate import DOORS, REST, Agent, Answer, Gate, Key, running
from tests.outside.upstream import MODERN
from tests.postgres import Postgres, serving_postgres

PASSWORD: Final = "pw-that-nobody-may-see-91"

CONFIGURATION: Final = """
servers:
  sales:
    kind: sql
    database: postgresql://reader@127.0.0.1:{port}/postgres
    credential: {{password: secret:sales-db}}
    tables: [public.orders]
  notes:
    kind: sql
    database: sqlite:notes.db
    tables: [own_notes]
  ruled:
    kind: sql
    database: postgresql://ruled@127.0.0.1:{port}/postgres
    credential: {{password: secret:ruled-db}}
    tools: {{query: {{rows: {{sql: true}}}}}}
  mighty:
    kind: sql
    database: postgresql://postgres@127.0.0.1:{port}/postgres
    credential: {{password: secret:mighty-db}}
roles:
  reader: ["sales.*:read", "notes.*:read", "mighty.*:read", "ruled.*:read"]
"""

POLICY: Final = """
@id("own-rows")
permit (principal, action == Action::"row", resource in Tool::"ruled/query")
when { resource.tenant == principal.tenant };
"""


@dataclass
class Scene:
    gate: Gate
    postgres: Postgres
    acme: Key
    globex: Key


@pytest.fixture(scope="module", name="scene")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("databases")
    _make_notes(folder / "notes.db")
    with serving_postgres() as postgres:
        postgres.run(
            "create table orders (id int primary key, tenant text not null, amount numeric(10, 2))",
            "create table salaries (id int, amount int)",
            "insert into salaries values (1, 31337)",
            "insert into orders select i, case when i % 2 = 0 then 'acme' else 'globex' end, i + 0.5"
            " from generate_series(1, 100) i",
            "alter table orders enable row level security",
            "create policy own on orders using (tenant = current_setting('yett.tenant', true))",
            f"create role reader login password '{PASSWORD}'",
            "grant select on orders to reader",
            "create table bills as select * from orders",
            f"create role ruled login password '{PASSWORD}'",
            "grant select on bills to ruled",
        )
        gate = Gate(folder, CONFIGURATION.format(port=postgres.port))
        (folder / "policies").mkdir()
        (folder / "policies" / "rows.cedar").write_text(POLICY)
        gate.yett("secret", "set", "ruled-db", "--server", "ruled", text=PASSWORD)
        gate.yett("secret", "set", "sales-db", "--server", "sales", text=PASSWORD)
        gate.yett("secret", "set", "mighty-db", "--server", "mighty", text=postgres.password)
        acme = gate.key("acme", tenant="acme")
        globex = gate.key("globex", tenant="globex")
        with running(gate):
            scene = Scene(gate, postgres, acme, globex)
            _wait_for_tools(scene)
            yield scene


def _make_notes(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        "create table notes (id integer primary key, tenant text, text text);"
        "insert into notes values (1, 'acme', 'a'), (2, 'globex', 'g');"
        "create view own_notes as select id, text from notes where tenant = yett_tenant();"
    )
    connection.close()


def _wait_for_tools(scene: Scene) -> None:
    """A gate is ready before it has looked at its servers, which a busy machine may do slowly."""
    answer = scene.gate.request("GET", "/v1/tools", key=scene.acme)
    for _ in range(100):
        if answer.status == 200 and b"sales" in answer.body:
            return
        time.sleep(0.1)
        answer = scene.gate.request("GET", "/v1/tools", key=scene.acme)
    raise AssertionError(answer.body)


def structured(answer: Answer) -> dict[str, Any]:
    """Return what a tool answered, whatever the door."""
    assert not answer.is_refusal, answer.body
    found = answer.json
    result = found["result"] if "jsonrpc" in found else found["output"]
    assert not result.get("isError"), result
    value: dict[str, Any] = result["structuredContent"]
    return value


pytestmark = needs_postgres


@pytest.mark.parametrize("door", DOORS)
def test_a_database_is_asked_at_every_door(scene: Scene, door: str) -> None:
    agent = Agent(scene.gate, scene.acme, door)

    names = {name for name in agent.tools() if "sales" in name}
    answer = agent.call(
        "sales", "query", sql="select id, amount from orders where id = $1", parameters=[4]
    )
    described = agent.call("sales", "describe_table", table="orders")

    assert len(names) == 3
    assert structured(answer)["rows"] == [{"id": 4, "amount": "4.50"}]
    assert structured(described)["columns"][2]["type"] == "numeric(10,2)"
    record = scene.gate.record_of(answer)
    assert (record["decision"], record["tool"]) == ("allowed", "query")


def test_two_tenants_at_once_see_their_own_rows_only(scene: Scene) -> None:
    keys = {"acme": scene.acme, "globex": scene.globex}

    def ask(number: int) -> tuple[str, set[str]]:
        tenant = ("acme", "globex")[number % 2]
        agent = Agent(scene.gate, keys[tenant], REST)
        answer = agent.call(
            "sales",
            "query",
            sql="select tenant, id from orders where id <> $1 order by id limit 60",
            parameters=[number],
        )
        return tenant, {row["tenant"] for row in structured(answer)["rows"]}

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(ask, range(200)))

    assert all(found == {tenant} for tenant, found in seen)


def test_a_file_shows_each_tenant_its_own_rows_through_a_view(scene: Scene) -> None:
    texts = {}
    for key in (scene.acme, scene.globex):
        answer = Agent(scene.gate, key, MODERN).call(
            "notes", "query", sql="select text from own_notes"
        )
        texts[key.name] = [row["text"] for row in structured(answer)["rows"]]
    hidden = Agent(scene.gate, scene.acme, REST).call(
        "notes", "query", sql="select text from notes"
    )

    assert texts == {"acme": ["a"], "globex": ["g"]}
    assert "no such table" in json.dumps(hidden.json)


def test_policies_of_the_gate_about_rows_hold_for_a_database_too(scene: Scene) -> None:
    seen = {}
    for key in (scene.acme, scene.globex):
        answer = Agent(scene.gate, key, REST).call(
            "ruled",
            "query",
            sql="select tenant, count(*) as n from bills where id <> $1 group by tenant",
            parameters=[0],
        )
        seen[key.name] = structured(answer)["rows"]

    assert seen == {
        "acme": [{"tenant": "acme", "n": 50}],
        "globex": [{"tenant": "globex", "n": 50}],
    }


@pytest.mark.parametrize(
    "sql",
    [
        "delete from orders",
        "select 1; drop table orders",
        "select id from orders where tenant = 'globex'",
        "select set_config('yett.tenant', 'globex', true)",
        "select pg_read_file('/etc/passwd')",
        "copy orders to program 'id'",
        "selec id from orders",
    ],
)
def test_a_statement_is_judged_before_it_reaches_the_database(scene: Scene, sql: str) -> None:
    answer = Agent(scene.gate, scene.acme, REST).call("sales", "query", sql=sql)

    assert answer.refusal["reason"] == "argument_denied"
    assert answer.status == 403


def test_a_database_is_asked_with_a_role_that_only_reads_or_not_at_all(scene: Scene) -> None:
    answer = Agent(scene.gate, scene.acme, REST).call(
        "mighty", "query", sql="select id from orders"
    )
    told = scene.gate.run("server", "test", "mighty", "--json")

    assert answer.is_refusal
    assert told.returncode == 1
    assert "is a superuser" in json.loads(told.stdout)["why"]
    assert "offer-a-database" in json.loads(told.stdout)["fix"]


def test_what_was_configured_can_be_tested_and_the_password_is_nowhere(scene: Scene) -> None:
    gate = scene.gate
    tested = json.loads(gate.yett("server", "test", "sales", "--json"))
    cmdline = Path(f"/proc/{gate.pid}/cmdline").read_bytes()
    environment = Path(f"/proc/{gate.pid}/environ").read_bytes()
    written = [path for path in gate.folder.rglob("*") if path.is_file()]

    assert (tested["ok"], tested["tools"]) == (True, 3)
    assert PASSWORD.encode() not in cmdline + environment
    assert [path for path in written if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD.encode() not in b"".join(gate.heard)
    assert "secret.retrieved" in {event["event"] for event in gate.events("secret.retrieved")}


def test_after_the_database_dropped_every_connection_calls_go_on(scene: Scene) -> None:
    agent = Agent(scene.gate, scene.acme, REST)
    structured(agent.call("sales", "query", sql="select count(*) as n from orders"))
    scene.postgres.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'"
    )

    answer = agent.call("sales", "query", sql="select count(*) as n from orders")

    assert structured(answer)["rows"] == [{"n": 50}]


def test_an_agent_that_hangs_up_ends_its_statement_in_the_database(scene: Scene) -> None:
    tables = ", ".join(f"orders {name}" for name in "abcdef")
    body = {
        "tool": "sales",
        "operation": "query",
        "input": {"sql": f"select count(*) as n from {tables}"},
    }
    connection = scene.gate.connection()
    fields = {"Content-Type": "application/json", "Authorization": f"Bearer {scene.acme.secret}"}
    connection.request("POST", "/v1/execute", json.dumps(body).encode(), fields)

    assert _becomes(scene, running=1)
    connection.close()
    assert _becomes(scene, running=0)


def _becomes(scene: Scene, *, running: int) -> bool:
    """Wait until so many statements of the gate run."""
    query = (
        "select count(*) as n from pg_stat_activity where usename = 'reader' and state = 'active'"
    )
    for _ in range(200):
        if scene.postgres.fetch(query)[0]["n"] == running:
            return True
        time.sleep(0.02)
    return False
