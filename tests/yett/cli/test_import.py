"""`yett import`: every client's file, every place a secret may stand, and nothing of it left behind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from yett.cli.importing import group
from yett.cli.init import group as init
from yett.cli.place import Place
from yett.configuration.load import load

# Every planted secret contains this, so that one search finds whatever was left.
CANARY = "cAn4ryZq"
URL = "http://127.0.0.1:8080/mcp"


def canary(number: int) -> str:
    return f"{CANARY}{number}x9W"


STDIO: dict[str, Any] = {
    "Postgres DB": {
        "command": "npx",
        "args": ["-y", "server-postgres", f"postgres://admin:P@{canary(1)}@prod-db:5432/main"],
    },
    "flags": {
        "command": "serve",
        "args": [f"--api-key={canary(2)}", "--token", canary(3), "-e", f"DB_PASSWORD={canary(4)}"],
    },
    "shell": {
        "command": "sh",
        "args": ["-c", f"API_TOKEN={canary(5)} exec serve --secret '{canary(6)}' --port 1"],
    },
    "bridge": {
        "command": "npx",
        "args": [
            "mcp-remote",
            "https://h.example/mcp",
            "--header",
            f"Authorization: Bearer {canary(7)}",
        ],
    },
    "github": {
        "command": "docker",
        "args": ["run", "-e", "GITHUB_TOKEN", "ghcr.io/github/github-mcp-server"],
        "env": {"GITHUB_TOKEN": canary(8), "DSN": f"mysql://u:{canary(9)}@h/d", "DEBUG": True},
    },
    "json": {"command": "serve", "args": ["--config", json.dumps({"apiKey": canary(10), "a": 1})]},
}
HTTP: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "url": "https://a.example/mcp",
        "headers": {"Authorization": f"Bearer {canary(11)}"},
    },
    "headers": {
        "url": "https://b.example/mcp",
        "headers": {"X-API-Key": canary(12), "X-Region": "eu"},
    },
    "basic": {
        "url": "https://c.example/mcp",
        "headers": {"Authorization": "Basic " + "dXNlcjpjQW40cnlacTEzeDlX"},
    },
    "userinfo": {"url": f"https://me:{canary(14)}@d.example/mcp"},
    "query": {"url": f"https://e.example/mcp?region=eu&api_key={canary(15)}"},
}
PLACED: dict[str, tuple[str, dict[str, Any]]] = {
    "claude-desktop": ("claude_desktop_config.json", {"mcpServers": STDIO, "globalShortcut": "x"}),
    "claude-code": (".mcp.json", {"mcpServers": {**STDIO, **HTTP}}),
    "claude-code-user": (
        ".claude.json",
        {
            "numStartups": 7,
            "mcpServers": STDIO,
            "projects": {"/a/b": {"mcpServers": HTTP, "history": []}, "/c": {"mcpServers": {}}},
        },
    ),
    "cursor": (".cursor/mcp.json", {"mcpServers": {**STDIO, **HTTP}}),
    "vscode": (".vscode/mcp.json", {"servers": {**STDIO, **HTTP}, "inputs": []}),
    "vscode-settings": (
        "settings.json",
        {"editor.tabSize": 2, "mcp": {"servers": {**STDIO, **HTTP}}},
    ),
    "plain": ("mcp.json", {"mcpServers": {**STDIO, **HTTP}}),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(init, [])
    assert result.exit_code == 0, result.output
    return tmp_path


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def stored(here: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    place = Place(config_path=here / "yett.yaml", data=here / ".yett")
    try:
        vault = place.vault()
        for info in vault.names():
            yield info.name, vault.get(info.name)[0].reveal_text(), info.servers
    finally:
        place.close()


def snapshot(here: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(here)): path.read_bytes()
        for path in here.rglob("*")
        if path.is_file() and ".yett/" not in str(path)
    }


@pytest.mark.parametrize("kind", PLACED)
def test_no_secret_stays_in_what_was_written_or_printed(kind: str, here: Path) -> None:
    name, content = PLACED[kind]
    file = write(here / name, content)

    result = run(file, "--rewrite")

    assert result.exit_code == 0, result.output
    assert CANARY not in result.output
    assert CANARY not in (here / "yett.yaml").read_text()
    assert CANARY not in file.read_text()
    (backup,) = file.parent.glob(f"{file.name}.backup-*")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert CANARY in backup.read_text()
    assert backup.name in result.output
    assert load(here / "yett.yaml").servers.keys() >= {"notes", "postgres-db", "github", "flags"}
    for path in (here / ".yett").rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()


def test_each_secret_lies_in_the_vault_for_its_own_server_only(here: Path) -> None:
    run(write(here / "mcp.json", {"mcpServers": {**STDIO, **HTTP}}))

    values = {name: (value, servers) for name, value, servers in stored(here)}

    assert values["postgres-db-password"] == (f"P@{canary(1)}", ("postgres-db",))
    assert values["github-token"] == (canary(8), ("github",))
    assert values["bearer-token"] == (canary(11), ("bearer",))
    assert values["basic-password"] == (canary(13), ("basic",))
    assert all(len(servers) == 1 for _, servers in values.values())
    text = " ".join(value for value, _ in values.values())
    assert all(canary(number) in text for number in range(1, 16))


def test_the_entries_say_what_the_client_said(here: Path) -> None:
    run(write(here / "mcp.json", {"mcpServers": {**STDIO, **HTTP}}))

    servers = load(here / "yett.yaml").servers

    assert servers["postgres-db"].command == (
        "npx",
        "-y",
        "server-postgres",
        "postgres://admin:{secret:postgres-db-password}@prod-db:5432/main",
    )
    assert servers["flags"].command[1] == "--api-key={secret:flags-api-key}"
    assert servers["github"].env["GITHUB_TOKEN"] == "secret:github-token"
    assert servers["github"].env["DSN"] == "mysql://u:{secret:github-password}@h/d"
    assert servers["github"].env["DEBUG"] == "true"
    bearer, basic = servers["bearer"].credential, servers["basic"].credential
    assert bearer is not None
    assert bearer.bearer == "secret:bearer-token"
    assert basic is not None
    assert basic.basic is not None
    assert basic.basic.username == "user"
    assert servers["userinfo"].url == "https://d.example/mcp"
    assert servers["query"].url == "https://e.example/mcp?region=eu"


@pytest.mark.parametrize(
    ("kind", "where", "entry"),
    [
        (
            "claude-code",
            ("mcpServers",),
            {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${YETT_KEY}"}},
        ),
        (
            "cursor",
            ("mcpServers",),
            {"url": URL, "headers": {"Authorization": "Bearer ${env:YETT_KEY}"}},
        ),
        (
            "vscode",
            ("servers",),
            {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${input:yett-key}"}},
        ),
        (
            "vscode-settings",
            ("mcp", "servers"),
            {"type": "http", "url": URL, "headers": {"Authorization": "Bearer ${input:yett-key}"}},
        ),
        (
            "claude-desktop",
            ("mcpServers",),
            {
                "command": "npx",
                "args": ["-y", "mcp-remote", URL, "--header", "Authorization: Bearer ${YETT_KEY}"],
            },
        ),
    ],
)
def test_the_client_is_pointed_at_yett_and_the_rest_of_its_file_stays(
    kind: str, where: tuple[str, ...], entry: dict[str, Any], here: Path
) -> None:
    name, content = PLACED[kind]
    file = write(here / name, content)

    run(file, "--rewrite")

    value = json.loads(file.read_text())
    servers = value
    for key in where:
        servers = servers[key]
    assert servers == {"yett": entry}
    kept = {k: v for k, v in content.items() if k not in {"mcpServers", "servers", "mcp", "inputs"}}
    assert kept.items() <= value.items()
    if kind.startswith("vscode"):
        inputs = (value if kind == "vscode" else value["mcp"])["inputs"]
        assert [(item["id"], item["password"]) for item in inputs] == [("yett-key", True)]


def test_comments_of_both_files_survive(here: Path) -> None:
    config = here / "yett.yaml"
    before = config.read_text()
    file = write(
        here / "mcp.json",
        '{ // mine\n  "mcpServers": {"a": {"url": "https://a.example/mcp"},},\n  /* two */ "b": 1,\n}\n',
    )

    assert run(file, "--rewrite").exit_code == 0

    assert all(line in config.read_text().splitlines() for line in before.splitlines())
    assert "// mine" in file.read_text()
    assert "/* two */" in file.read_text()


def test_a_second_import_adds_nothing(here: Path) -> None:
    file = write(here / "mcp.json", {"mcpServers": {**STDIO, **HTTP}})
    run(file)
    before, secrets = (here / "yett.yaml").read_text(), list(stored(here))

    result = run(file, "--json")

    assert (here / "yett.yaml").read_text() == before
    assert list(stored(here)) == secrets
    assert {server["status"] for server in json.loads(result.output)["servers"]} == {"known"}


def test_a_rewritten_file_can_be_imported_again_without_harm(here: Path) -> None:
    file = write(here / "mcp.json", {"mcpServers": HTTP})
    run(file, "--rewrite")
    before = (here / "yett.yaml").read_text()

    assert run(file).exit_code == 0
    assert (here / "yett.yaml").read_text() == before


def test_a_dry_run_changes_nothing(here: Path) -> None:
    file = write(here / "mcp.json", {"mcpServers": STDIO})
    before = snapshot(here)

    result = run(file, "--rewrite", "--dry-run")

    assert result.exit_code == 0, result.output
    assert snapshot(here) == before
    assert list(stored(here)) == []
    assert CANARY not in result.output


def test_names_are_made_to_fit_and_never_collide(here: Path) -> None:
    file = write(
        here / "mcp.json",
        {
            "mcpServers": {
                "notes": {"url": "https://a.example/mcp"},
                "My  Server__X!": {"url": "https://b.example/mcp"},
                "my-server_x": {"url": "https://c.example/mcp"},
                "服务器": {"url": "https://d.example/mcp"},
            }
        },
    )

    assert run(file).exit_code == 0

    assert list(load(here / "yett.yaml").servers) == [
        "notes",
        "notes-2",
        "my-server_x",
        "my-server_x-2",
        "server",
    ]


def test_two_accounts_at_one_address_stay_two(here: Path) -> None:
    servers = {
        name: {"url": "https://a.example/mcp", "headers": {"Authorization": f"Bearer {canary(n)}"}}
        for n, name in enumerate(["work", "home"])
    }

    run(write(here / "mcp.json", {"mcpServers": servers}), "--rewrite")

    assert load(here / "yett.yaml").servers.keys() >= {"work", "home"}
    assert {value for _, value, _ in stored(here)} == {canary(0), canary(1)}


def test_the_variables_of_clients_are_understood(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", canary(1))
    monkeypatch.setenv("MY_REGION", "eu-west-1")
    file = write(
        here / ".vscode" / "mcp.json",
        {
            "servers": {
                "a": {
                    "command": "serve",
                    "args": ["--root", "${workspaceFolder}/x", "--region", "${env:MY_REGION}"],
                    "env": {"API_TOKEN": "${env:MY_TOKEN}", "OTHER_KEY": "${input:other-key}"},
                },
                "b": {
                    "url": "https://b.example/mcp",
                    "headers": {"Authorization": "Bearer ${input:b-token}"},
                },
            },
            "inputs": [{"id": "other-key", "type": "promptString", "default": canary(2)}],
        },
    )

    result = run(file, "--rewrite", "--json")

    servers = load(here / "yett.yaml").servers
    assert servers["a"].command == ("serve", "--root", f"{here}/x", "--region", "eu-west-1")
    assert servers["a"].env == {"API_TOKEN": "secret:a-my-token", "OTHER_KEY": "secret:a-other-key"}
    assert servers["b"].credential is not None
    assert servers["b"].credential.bearer == "secret:b-token"
    assert json.loads(result.output)["missing"] == ["a-other-key", "b-token"]
    assert CANARY not in file.read_text()


def test_a_variable_that_the_server_itself_sets_is_left_to_it(here: Path) -> None:
    file = write(
        here / "claude_desktop_config.json",
        {
            "mcpServers": {
                "a": {
                    "command": "npx",
                    "args": [
                        "mcp-remote",
                        "https://a.example",
                        "--header",
                        "Authorization:${AUTH}",
                    ],
                    "env": {"AUTH": f"Bearer {canary(1)}"},
                }
            }
        },
    )

    run(file)

    server = load(here / "yett.yaml").servers["a"]
    assert server.command[-1] == "Authorization:${AUTH}"
    assert server.env == {"AUTH": "Bearer {secret:a-auth}"}


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({}, "neither"),
        ({"command": 5}, "neither"),
        ({"command": "x", "args": "y"}, "args"),
        ({"command": "x", "args": [["y"]]}, "no text"),
        ({"command": "x", "env": ["y"]}, "env"),
        ({"command": "x", "cwd": f"/a?token={canary(1)}"}, "cwd"),
        ({"url": "ftp://x.example"}, "http"),
        ({"url": "https://[::1"}, "cannot be read"),
        ({"url": "http://far.example/mcp"}, "plain http"),
        ({"url": "https://h.example/s/YzE4ZDQ1OTctN2Y3Ni00OTk2LWFmZTctMTQ0/mcp"}, "path"),
    ],
)
def test_what_cannot_be_taken_over_is_said_and_keeps_the_client_as_it_is(
    section: dict[str, Any], word: str, here: Path
) -> None:
    file = write(here / "mcp.json", {"mcpServers": {"odd": section, "good": HTTP["bearer"]}})
    before = snapshot(here)

    refused = run(file, "--rewrite")

    assert refused.exit_code == 1
    assert word in refused.output
    assert CANARY not in refused.output
    assert snapshot(here) == before
    assert list(stored(here)) == []

    taken = run(file)

    assert taken.exit_code == 0
    assert "good" in load(here / "yett.yaml").servers


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no object"),
        ("{}", "names no MCP servers"),
        ('{"mcpServers": []}', "no object of servers"),
        ('{"mcpServers": {"a": "b"}}', "is no object"),
        ('{"mcpServers": {"a": {}, "a": {}}}', "twice"),
        ('{"mcpServers": {"a": {"command": "x", "env": {"TOKEN": cAn4ryZq}}}}', "line 1"),
    ],
)
def test_an_odd_file_gets_a_clear_sentence(content: str, word: str, here: Path) -> None:
    result = run(write(here / "mcp.json", content))

    assert result.exit_code == 1
    assert result.output.startswith("yett: ")
    assert word in result.output
    assert CANARY not in result.output


def test_a_file_that_is_not_there_or_not_text_gets_a_clear_sentence(here: Path) -> None:
    (here / "binary.json").write_bytes(b"\xff\xfe\x00")

    assert "There is no file" in run(here / "gone.json").output
    assert "not UTF-8" in run(here / "binary.json").output
    assert "cannot be read" in run(here).output


def test_a_secret_in_a_comment_outside_the_servers_stops_the_rewriting(here: Path) -> None:
    file = write(
        here / "mcp.json",
        json.dumps({"mcpServers": HTTP}) + f"\n// old: {canary(11)}\n",
    )
    before = snapshot(here)

    result = run(file, "--rewrite")

    assert result.exit_code == 1
    assert "also stands elsewhere" in result.output
    assert "line" in result.output
    assert CANARY not in result.output
    assert snapshot(here) == before
    assert list(stored(here)) == []


def test_a_secret_that_cannot_be_stored_leaves_everything_as_it_was(here: Path) -> None:
    servers = {
        "a": {"command": "x", "env": {"A_TOKEN": canary(1)}},
        "b": {"command": "x", "env": {"B_TOKEN": canary(2) + "y" * 2_000_000}},
    }
    file = write(here / "mcp.json", {"mcpServers": servers})
    before = snapshot(here)

    result = run(file, "--rewrite")

    assert result.exit_code in {1, 2}
    assert snapshot(here) == before
    assert list(stored(here)) == []


def test_a_configuration_that_cannot_be_written_leaves_everything_as_it_was(here: Path) -> None:
    # Longer than a file's name may be, once the draft's suffix is added.
    config = here / ("y" * 250)
    config.write_text("mode: development\n")
    file = write(here / "mcp.json", {"mcpServers": STDIO})
    before = snapshot(here)

    result = run(file, "--rewrite", "--config", config, "--data", here / ".yett")

    assert result.exit_code == 1
    assert "too long" in result.output
    assert snapshot(here) == before
    assert list(stored(here)) == []


def test_a_configuration_in_braces_is_not_touched(here: Path) -> None:
    (here / "yett.yaml").write_text("{mode: development}\n")
    before = snapshot(here)

    result = run(write(here / "other" / "mcp.json", {"mcpServers": STDIO}))

    assert result.exit_code == 1
    assert "Nothing was changed" in result.output or "nothing can be" in result.output.lower()
    assert (here / "yett.yaml").read_bytes() == before["yett.yaml"]


def test_without_a_configuration_one_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = run(write(tmp_path / "mcp.json", {"mcpServers": HTTP}))

    assert result.exit_code == 0, result.output
    assert load(tmp_path / "yett.yaml").servers.keys() == HTTP.keys()


def test_a_disabled_server_is_not_taken_over(here: Path) -> None:
    file = write(here / "mcp.json", {"mcpServers": {"a": {**HTTP["bearer"], "disabled": True}}})

    result = run(file, "--json")

    assert json.loads(result.output)["servers"][0]["status"] == "disabled"
    assert "a" not in load(here / "yett.yaml").servers
