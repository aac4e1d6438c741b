"""`yett server`, with the real command, real programs and real HTTP servers."""

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.certificates import issue
from tests.clock import HandClock
from tests.servers.mcp_http import HttpServer
from yett.cli.root import root
from yett.core.secret import Secret
from yett.credentials.build import open_vault
from yett.credentials.config import VaultConfig
from yett.storage.build import open_database
from yett.upstreams.tls import public_key_pin

PROGRAM = Path(__file__).parents[2] / "servers" / "mcp_stdio.py"
TOKEN = "ghp_" + "0123456789abcdefghij" + "ABCDEFGHIJ012345"

CONFIGURATION = f"""\
# mine
servers:
  good:               # legacy
    command: ["{sys.executable}", "{PROGRAM}", legacy]
    tools: {{echo: {{access: read}}}}
roles:
  reader: ["good.*:read"]   # may read
"""


class Done:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "yett.yaml"
        self.file.write_text(CONFIGURATION)

    async def run(self, *words: str, code: int = 0, cwd: Path | None = None) -> Done:
        """In a thread, so that a server of the test can answer meanwhile."""
        return await asyncio.to_thread(self._run, words, code, cwd or self.folder)

    def _run(self, words: tuple[str, ...], code: int, cwd: Path) -> Done:
        with contextlib.chdir(cwd):
            result = CliRunner().invoke(root, ["server", *words], env={"OURS": "not theirs"})
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Done(code, result.stdout, result.stderr)

    async def run_apart(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "yett", "server", *words),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0, out + err

    def store(self, name: str, value: str, *servers: str) -> None:
        database = open_database(self.folder / ".yett")
        vault = open_vault(
            VaultConfig(), data=self.folder / ".yett", database=database, clock=HandClock()
        )
        vault.put(name, Secret(value), servers=servers, actor="test")
        database.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


# -- test


async def test_a_program_is_started_asked_and_ended(shell: Shell) -> None:
    (row,) = (await shell.run("test", "good", "--json")).rows

    seconds = row.pop("seconds")
    assert 0 < seconds < 10
    assert row == {
        "server": "good", "ok": True, "era": "legacy", "protocol": "2025-11-25",
        "tools": 3, "prompts": 1, "resources": 1, "resource_templates": 1, "credentials": [],
        "reason": None, "why": None, "fix": None, "last_words": [], "proposed_arguments": {},
    }  # fmt: skip
    assert f"{PROGRAM}" not in _processes()


async def test_a_program_that_fails_is_told_with_its_last_words_and_no_secret(shell: Shell) -> None:
    shell.store("dsn", "correct horse battery", "bad")
    script = shell.folder / "bad.py"
    script.write_text(
        "import os, sys\n"
        f"print('\\x1b[31mdsn', os.environ['DSN'], 'token {TOKEN}', file=sys.stderr)\n"
        "print(sorted(os.environ), file=sys.stderr); sys.exit(3)\n"
    )
    await shell.run(
        *("add", "bad", "--command", sys.executable, "--env", "DSN=pg://{secret:dsn}@h"),
        *("--", "bad.py"),
    )

    done = await shell.run("test", "bad", "--json", code=1)
    plain = await shell.run("test", "bad", code=1)

    (row,) = done.rows
    assert (row["ok"], row["reason"]) == (False, "upstream_unreachable")
    assert "status 3" in row["why"]
    assert "by hand" in row["fix"]
    assert row["credentials"] == ["secret:dsn"]
    words = "\n".join(row["last_words"])
    assert "dsn pg://***@h" in words
    assert "'DSN'" in words
    assert "OURS" not in words
    for text in (done.out, plain.out):
        assert "correct horse" not in text
        assert TOKEN not in text
        assert "\x1b" not in text


async def test_all_are_tested_and_one_failure_is_a_failure(shell: Shell) -> None:
    await shell.run("add", "gone", "--command", "no-such-program-anywhere")

    rows = (await shell.run("test", "--json", code=1)).rows

    assert [(row["server"], row["ok"]) for row in rows] == [("good", True), ("gone", False)]
    assert "no such program" in rows[1]["why"]
    assert "Install it" in rows[1]["fix"]


async def test_a_missing_secret_is_told_with_the_command_that_stores_it(shell: Shell) -> None:
    await shell.run("add", "web", "--url", "http://127.0.0.1:9/", "--credential", "bearer=secret:t")

    (row,) = (await shell.run("test", "web", "--json", code=1)).rows

    assert "yett secret set t --server web" in row["fix"]
    assert row["credentials"] == ["secret:t"]


async def test_a_url_that_nobody_answers_at_is_told(shell: Shell) -> None:
    await shell.run("add", "web", "--url", "http://127.0.0.1:9/mcp")

    done = await shell.run("test", "web", code=1)

    assert "upstream_unreachable" in done.out
    assert "Check `url`" in done.out


async def test_a_server_behind_a_url_gets_its_credential(shell: Shell) -> None:
    shell.store("t", TOKEN, "web")
    async with HttpServer("modern") as server:
        await shell.run("add", "web", "--url", server.url, "--credential", "bearer=secret:t")

        (row,) = (await shell.run("test", "web", "--json")).rows

        assert (row["era"], row["protocol"], row["tools"]) == ("modern", "2026-07-28", 3)
        assert {request.headers["authorization"] for request in server.requests} == {
            f"Bearer {TOKEN}"
        }


async def test_pins_of_the_configuration_decide_whom_the_gate_speaks_to(shell: Shell) -> None:
    """The authority vouches for both keys; only the pinned one is spoken to."""
    authority = issue(shell.folder, "ca", ca=True)
    served = issue(shell.folder, "served", by=authority)
    other = issue(shell.folder, "other", by=authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(served.path, served.key_path)

    def pin(path: Path) -> str:
        return public_key_pin(ssl.PEM_cert_to_DER_cert(path.read_text()))

    async with HttpServer("modern", tls=context) as server:
        answers = []
        for pinned in (served, other):
            shell.file.write_text(
                f"servers: {{web: {{url: 'https://127.0.0.1:{server.port}/mcp', ca: ca.pem,"
                f" pins: ['{pin(pinned.path)}']}}}}\n"
            )
            done = await shell.run("test", "web", "--json", code=0 if pinned is served else 1)
            answers.append((done.rows[0], len(server.requests)))

    (good, asked), (bad, asked_in_all) = answers
    assert good["ok"] is True
    assert pin(served.path) in bad["why"]
    assert "`pins`" in bad["fix"]
    assert 0 < asked == asked_in_all


async def test_a_missing_authority_is_a_failure_of_that_server_alone(shell: Shell) -> None:
    shell.file.write_text(
        CONFIGURATION.replace("roles:", "  web: {url: 'https://127.0.0.1:9/', ca: no.pem}\nroles:")
    )

    good, web = (await shell.run("test", "--json", code=1)).rows

    assert good["ok"] is True
    assert web["reason"] == "upstream_unreachable"
    assert "no.pem cannot be used" in web["why"]


async def test_a_server_that_is_not_there_is_told_with_those_that_are(shell: Shell) -> None:
    assert "There are: good" in (await shell.run("test", "x", code=1)).err
    shell.file.write_text("")
    assert "yett server add" in (await shell.run("test", code=1)).err


async def test_what_a_test_fetched_from_the_vault_is_recorded(shell: Shell) -> None:
    shell.store("t", TOKEN, "web")
    await shell.run("add", "web", "--url", "http://127.0.0.1:9/", "--credential", "bearer=secret:t")

    await shell.run("test", "web", code=1)

    assert _events(shell).count("secret.retrieved") == 1


# -- list


async def test_servers_are_listed_with_what_the_lock_says_of_them(shell: Shell) -> None:
    await shell.run("add", "web", "--url", "https://x.example/mcp", "--credential", "X-Api-Key=secret:k", "--credential", "basic=robot:secret:p", code=1)  # fmt: skip
    await shell.run(
        "add", "web", "--url", "https://x.example/mcp", "--credential", "X-Api-Key=secret:k"
    )
    before = (await shell.run("list", "--json")).rows
    approve = ["tool", "approve", "good", "echo", "--config", str(shell.file)]
    await asyncio.to_thread(lambda: CliRunner().invoke(root, approve))
    after = (await shell.run("list", "--json")).rows
    table = (await shell.run("list")).out

    good, web = before
    assert (good["kind"], good["approved"], good["missing"]) == ("stdio", 0, ["echo"])
    assert good["address"].endswith(f"{PROGRAM} legacy")
    assert web == {
        "name": "web", "kind": "http", "address": "https://x.example/mcp", "approved": 0,
        "quarantined": 0, "missing": [], "credentials": ["secret:k"], "may_ask": [],
    }  # fmt: skip
    assert (after[0]["approved"], after[0]["missing"]) == (1, [])
    assert "secret:k" in table


async def test_no_servers_is_no_error(shell: Shell) -> None:
    shell.file.write_text("")

    assert (await shell.run("list", "--json")).out == ""
    assert "yett server add" in (await shell.run("list")).out


# -- add and remove


GUESSED = """\
import json, sys
TOOLS = [{"name": "read", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}]
for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked and asked["method"] in ("initialize", "tools/list"):
        version = asked["params"].get("protocolVersion")
        hello = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
        result = hello if asked["method"] == "initialize" else {"tools": TOOLS}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
    elif "id" in asked:
        error = {"code": -32601, "message": "no"}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": error}), flush=True)
"""


async def test_adding_proposes_what_arguments_are_and_what_is_proposed_can_be_pasted(
    shell: Shell,
) -> None:
    (shell.folder / "files.py").write_text(GUESSED)
    words = ("--command", sys.executable, "--", str(shell.folder / "files.py"), "/srv/data")
    proposal = {"path": {"kind": "path", "roots": ["/srv/data"]}}

    (added,) = (await shell.run("add", "files", "--ask", "--json", *words)).rows
    (row,) = (await shell.run("test", "files", "--json")).rows
    told = (await shell.run("test", "files")).out

    assert added["proposed_arguments"] == row["proposed_arguments"] == {"read": proposal}
    pasted = yaml.safe_load(told.partition("examples:")[2].partition("What each kind")[0])
    assert pasted == {"servers": {"files": {"tools": {"read": {"arguments": proposal}}}}}

    whole = yaml.safe_load(shell.file.read_text())
    whole["servers"]["files"]["tools"] = pasted["servers"]["files"]["tools"]
    shell.file.write_text(yaml.safe_dump(whole))
    (row,) = (await shell.run("test", "files", "--json")).rows
    assert row["proposed_arguments"] == {}


async def test_adding_asks_nothing_unless_told_to_where_nobody_looks(shell: Shell) -> None:
    (shell.folder / "files.py").write_text(GUESSED)
    words = ("--command", sys.executable, "--", str(shell.folder / "files.py"))

    assert "proposed" not in (await shell.run("add", "files", *words)).out


async def test_adding_and_removing_leaves_the_file_as_it_was(shell: Shell) -> None:
    shell.file.chmod(0o640)
    added = await shell.run(
        *("add", "github", "--url", "https://api.example/mcp/"),
        *("--credential", "bearer=secret:github-token", "--json"),
    )

    assert added.rows[0]["added"] is True
    assert any("yett secret set github-token --server github" in n for n in added.rows[0]["notes"])
    assert shell.file.read_text() == CONFIGURATION.replace(
        "roles:",
        '  github:\n    url: "https://api.example/mcp/"\n    credential: {bearer: "secret:github-token"}\nroles:',
    )
    removed = await shell.run("remove", "github")

    assert "yett secret remove github-token" in removed.out
    assert shell.file.read_text() == CONFIGURATION
    assert shell.file.stat().st_mode & 0o777 == 0o640
    assert [e for e in _events(shell) if e.startswith("server.")] == [
        "server.added",
        "server.removed",
    ]


async def test_all_ways_to_write_a_command_mean_the_same(shell: Shell) -> None:
    await shell.run("add", "a", "--command", "uvx 'a server' --flag")
    await shell.run("add", "b", "--command", "uvx", "--", "a server", "--flag")
    await shell.run("add", "c", "--", "uvx", "a server", "--flag")

    rows = (await shell.run("list", "--json")).rows

    assert {row["address"] for row in rows[1:]} == {"uvx a server --flag"}


async def test_relative_paths_of_the_command_line_are_meant_from_there(shell: Shell) -> None:
    (shell.folder / "sub").mkdir()
    where = shell.folder / "sub"

    await shell.run("add", "a", "--config", "../yett.yaml", "--command", "./run", "--cwd", "w", cwd=where)  # fmt: skip

    assert f'command: ["{where}/run"]\n    cwd: "{where}/w"' in shell.file.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--command", "run", "--env", f"API_TOKEN={TOKEN}"), "yett secret set api-token --server x"),
        (("--command", f"run --token {TOKEN}"), "yett secret set secret --server x"),
        (("--url", f"https://h.example/mcp?api_key={TOKEN}"), "yett secret set"),
        (("--url", "https://h.example/", "--credential", f"bearer={TOKEN}"), "yett secret set NAME --server x"),
        (("--url", "https://h.example/", "--credential", TOKEN), "yett secret set NAME --server x"),
        (("--url", "https://h.example/", "--credential", f"basic=me:{TOKEN}"), "yett secret set NAME --server x"),
        (("--command", "run", "--env", TOKEN), "NAME=VALUE"),
    ],
)  # fmt: skip
async def test_a_literal_secret_is_refused_and_never_repeated(
    shell: Shell, words: tuple[str, ...], told: str
) -> None:
    for form in ((), ("--json",)):
        done = await shell.run("add", "x", *words, *form, code=1)

        assert told in done.err
        assert TOKEN not in done.out + done.err
        assert shell.file.read_text() == CONFIGURATION


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("x",), "either --url URL or --command"),
        (("x", "--url", "https://h.example", "--command", "run"), "either --url URL or --command"),
        (("x", "--url", "http://h.example"), "plain http is not used beyond this machine"),
        (("x", "--url", "nonsense"), "not the address of a server"),
        (("x", "--url", "https://h.example", "--env", "A=b"), "--env and --cwd are for a program"),
        (("x", "--command", "run", "--credential", "bearer=secret:a"), "--env NAME=secret:SECRET"),
        (("x", "--command", "run 'a"), "a quote that is not closed"),
        (("x", "--command", "run", "--env", "A=1", "--env", "A=2"), "`A` twice"),
        (("x", "--command", "run", "--env", "A=secret:Not A Name"), "not a reference to a secret"),
        (("x", "--sql", "sqlite:a.db", "--url", "https://h.example"), "go with --sql"),
        (("x", "--command", "run", "--table", "a"), "--table goes with --sql"),
        (("x", "--sql", "postgresql://a:hunter2@db.example/d"), "holds a password"),
        (("x", "--sql", "postgresql://a@db.example/d?sslmode=require"), "does not verify"),
        (("x", "--sql", "mysql://a@db.example/d"), "neither of PostgreSQL nor of SQLite"),
        (
            ("x", "--sql", "sqlite:a.db", "--credential", "bearer=secret:a"),
            "means nothing before a file",
        ),
        (
            ("x", "--url", "https://h.example", "--credential", "password=secret:a"),
            "with a `database`",
        ),
        (("A__B", "--command", "run"), "cannot be a name here"),
        (("good", "--command", "run"), "already"),
    ],
)
async def test_what_cannot_be_added_is_told_and_nothing_is_changed(
    shell: Shell, words: tuple[str, ...], told: str
) -> None:
    done = await shell.run("add", *words, code=1)

    assert told in done.err
    assert shell.file.read_text() == CONFIGURATION


async def test_a_database_is_added_in_a_few_words_and_its_path_is_meant_from_the_file(
    shell: Shell,
) -> None:
    await shell.run("add", "sales", "--sql", "sqlite:sales.db", "--table", "orders")
    address = "postgresql://reader@127.0.0.1:1/sales"
    await shell.run("add", "crm", "--sql", address, "--credential", "password=secret:crm-db")

    rows = {row["name"]: row for row in (await shell.run("list", "--json")).rows}

    assert rows["sales"]["kind"] == rows["crm"]["kind"] == "sql"
    assert rows["sales"]["address"].startswith("sqlite:///")
    assert rows["sales"]["address"].endswith("/sales.db")
    assert rows["crm"]["credentials"] == ["secret:crm-db"]


async def test_a_file_of_a_database_that_is_not_there_is_told_with_how_paths_are_meant(
    shell: Shell,
) -> None:
    await shell.run("add", "gone", "--sql", "sqlite:///gone.db")

    [row] = (await shell.run("test", "gone", "--json", code=1)).rows
    assert "/gone.db" in row["why"]
    assert "is meant from yett.yaml" in row["fix"]


async def test_grants_that_name_a_server_go_only_when_asked(shell: Shell) -> None:
    assert "--with-grants" in (await shell.run("remove", "good", code=1)).err
    assert shell.file.read_text() == CONFIGURATION

    await shell.run("remove", "good", "--with-grants")

    assert shell.file.read_text() == "# mine\nservers: {}\nroles:\n  reader: []   # may read\n"


async def test_without_a_configuration_it_says_how_to_begin(shell: Shell) -> None:
    shell.file.unlink()
    for words in (("list",), ("test",), ("add", "x", "--command", "run"), ("remove", "x")):
        assert "yett init" in (await shell.run(*words, code=2)).err


async def test_processes_that_add_at_once_take_turns(shell: Shell) -> None:
    await asyncio.gather(*(shell.run_apart("add", f"s{n}", "--command", "run") for n in range(4)))

    names = [row["name"] for row in (await shell.run("list", "--json")).rows]

    assert sorted(names) == sorted(["good", *(f"s{n}" for n in range(4))])


def _processes() -> str:
    """What this process started; other tests may run the same program at this moment."""
    words = ["ps", "--ppid", str(os.getpid()), "-o", "args"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def _events(shell: Shell) -> list[str]:
    words = ["audit", "search", "--kind", "event", "--json", "--config", str(shell.file)]
    lines = CliRunner().invoke(root, words).stdout.splitlines()
    return [json.loads(line)["event"] for line in lines]
