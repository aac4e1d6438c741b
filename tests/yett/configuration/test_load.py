"""All that is wrong with yett.yaml is said at once, each with its line and the fix."""

from pathlib import Path

import msgspec
import pytest

from yett.configuration.load import FILE_BYTES_MAX, fingerprint, load, load_text
from yett.configuration.model import Configuration
from yett.core.errors import ConfigurationError, Problem

GOOD = """\
mode: development
servers:
  time: {command: [uvx, mcp-server-time]}
  github:
    url: https://api.example.com/mcp/
    credential: {bearer: secret:github-token}
    tools: {create_issue: {access: write, rate: 10/minute, cost: 0.002 USD}}
roles:
  reader: ["time.*:read", "github.*:read"]
"""
PRODUCTION = """\
mode: production
listen: 0.0.0.0:8443
tls: {certificate: /etc/yett/chain.pem, key: /etc/yett/key.pem}
servers:
  github: {url: https://api.example.com/mcp, credential: {bearer: secret:github-token}}
limits: {every_key: {rate: 60/minute}}
alerts: {to: {ops: {slack: secret:slack-url}}}
audit: {retention: 90d, checkpoints: {to: [{s3: {bucket: "s3://records/gate"}}]}}
vault: {key_file: /etc/yett/vault.key}
"""


def problems_of(text: str, data: Path | None = None) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "yett.yaml", data=data)
    return caught.value.problems


def one(text: str) -> Problem:
    problems = problems_of(text)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def test_the_example_of_the_design_is_accepted() -> None:
    configuration = load_text(GOOD, "yett.yaml")

    assert list(configuration.servers) == ["time", "github"]
    assert configuration.servers["github"].tools["create_issue"].rate == "10/minute"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "servers:\n", "servers: {}\n"])
def test_a_file_that_says_nothing_is_a_configuration_without_servers(text: str) -> None:
    if text == "servers:\n":
        assert "no value" in one(text).message
    else:
        found = load_text(text, "yett.yaml")
        assert found == msgspec.structs.replace(Configuration(), policies=found.policies)


def test_production_is_accepted_when_everything_it_demands_is_there() -> None:
    assert load_text(PRODUCTION, "yett.yaml").mode == "production"


def linking_to(host: str) -> str:
    return f"servers: {{a: {{url: https://x.example, tools: {{t: {{link_hosts: ['{host}']}}}}}}}}\n"


@pytest.mark.parametrize("host", ["example.com", "localhost", "127.0.0.1", "::1"])
def test_links_may_lead_to_a_host_by_its_name_or_address(host: str) -> None:
    found = load_text(linking_to(host), "yett.yaml")

    assert found.servers["a"].tools["t"].link_hosts == (host,)


@pytest.mark.parametrize(
    "host",
    [
        "https://example.com",
        "example.com/docs",
        "*.example.com",
        ".example.com",
        "example.com:8443",
        "me@example.com",
    ],
)
def test_a_host_that_no_link_can_have_is_told(host: str) -> None:
    assert one(linking_to(host)).path[-2:] == ("link_hosts", 0)


def test_all_problems_come_at_once_with_their_lines() -> None:
    text = (
        "listn: 127.0.0.1:1\n"  # 1: unknown key
        "servers:\n"
        "  a__b: {url: https://x.example}\n"  # 3: name
        "  db: {command: [x], env: {PORT: 8080, MODE: on}}\n"  # 4: two traps
        "  none: {timeout: 30s}\n"  # 5: neither url nor command
        "roles:\n"
        "  reader: [nowhere.tool:read]\n"  # 7: unknown server
        "limits: {every_key: {rate: 5/fortnight}}\n"  # 8: pattern
        "audit: {retention: 90d, retention: 91d}\n"  # 9: duplicate
    )

    assert [problem.line for problem in problems_of(text)] == [1, 3, 4, 4, 5, 7, 8, 9]
    assert all(problem.file == "yett.yaml" and problem.fix for problem in problems_of(text))


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("listne: 127.0.0.1:1\n", "Did you mean `listen`?"),
        ("servers: {a: {comand: [x], command: [x]}}\n", "Did you mean `command`?"),
        ("mode: prod\n", "development, production"),
        ("listen: 8080\n", '"8080" in quotes'),
        ("listen: nothing\n", "127.0.0.1:8080"),
        ("servers: {a: {command: uvx}}\n", "brackets"),
        ("servers: [a]\n", "`key: value` lines"),
        ("servers: {a: {url: https://x.example, timeout: 30}}\n", "30s"),
        ("servers: {a: {url: https://x.example, tools: {t: {cost: 2}}}}\n", "0.002 USD"),
        ("servers: {a: {url: https://x.example, tools: {t: {access: admin}}}}\n", "read, write"),
        ("limits: {every_key: {concurrency: 0}}\n", "at least 1"),
        ("limits: {every_key: {budget: 10 USD}}\n", "10 USD/day"),
        ("roles: {r: [github]}\n", "github.create_issue:write"),
        ("roles: {r: {a: b}}\n", "a list"),
        ("tls: yes please\n", "`key: value` lines"),
        ("audit: {segment_megabytes: 0}\n", "at least 1"),
        ("audit: {segment_megabytes: 5000}\n", "at most 4096"),
        ("- a\n", "`key: value` lines"),
    ],
)
def test_a_wrong_shape_is_answered_with_the_right_one(text: str, fix: str) -> None:
    assert fix in one(text).fix


@pytest.mark.parametrize(
    ("kind", "key", "fix"),
    [
        ("phat", "x", "path, pattern"),
        ("7", "x", "path, pattern"),
        ("{kind: phat}", "kind", "path, pattern"),
        ("{roots: [/srv]}", "x", "Add `kind: …`"),
        ("{kind: path, root: [/srv]}", "root", "Did you mean `roots`?"),
        ("{kind: path, roots: /srv}", "roots", "brackets"),
        ("{kind: sql, dialect: oracel}", "dialect", "oracle"),
        ("{kind: max, most: many}", "most", "a number"),
        ("{kind: url, hosts: [a.example.com], ports: [0]}", "ports", "at least 1"),
    ],
)
def test_of_the_kinds_of_arguments_the_one_that_was_meant_is_reported(
    kind: str, key: str, fix: str
) -> None:
    tool = f"tools: {{t: {{arguments: {{x: {kind}}}}}}}"
    problem = one(f"servers: {{a: {{url: https://x.example, {tool}}}}}\n")

    assert key in problem.path
    assert fix in problem.fix


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("servers: {a: {}}\n", "exactly one"),
        ("servers: {a: {url: https://x.example, command: [x]}}\n", "exactly one"),
        ("servers: {a: {url: http://x.example/mcp}}\n", "plain http"),
        ("servers: {a: {url: ftp://x.example/mcp}}\n", "not the address"),
        ("servers: {a: {url: /mcp}}\n", "not the address"),
        ("servers: {a: {url: 'https://x.example:99999/'}}\n", "not the address"),
        ("servers: {a: {url: 'https://x.example/#top'}}\n", "fragment"),
        ('servers: {a: {url: "https://x.example/\\na"}}\n', "not the address"),
        ("servers: {a: {url: https://me:pw@x.example/mcp}}\n", "secret"),
        ("servers: {a: {url: https://me@x.example/mcp}}\n", "secret"),
        ("servers: {a: {url: https://x.example/mcp?api_key=abc}}\n", "secret"),
        ("servers: {a: {url: https://x.example, env: {A: b}}}\n", "`env`"),
        ("servers: {a: {command: [x], credential: {bearer: secret:x}}}\n", "headers"),
        ("servers: {a: {command: [x], ca: /ca.pem}}\n", "`ca`"),
        ("servers: {a: {command: [' ']}}\n", "no name"),
        ('servers: {a: {command: [x, "\\0"]}}\n', "NUL"),
        ("servers: {a: {command: [x], env: {A=B: c}}}\n", "variable"),
        ("servers: {a: {url: https://x.example, credential: {}}}\n", "exactly one form"),
        (
            "servers: {a: {url: https://x.example, credential: {bearer: secret:a, headers: {X: secret:b}}}}\n",
            "exactly one form",
        ),
        (
            "servers: {a: {url: https://x.example, credential: {headers: {Host: secret:b}}}}\n",
            "cannot carry",
        ),
        ("servers: {a: {command: [x, '{secret:Not A Name}']}}\n", "not a reference"),
        ("servers: {a: {command: [x], env: {A: 'secret:*'}}}\n", "not a reference"),
        ("servers: {a: {url: https://x.example, client_key: /k.pem}}\n", "go together"),
        ("roles: {r: ['gone.*:read']}\n", "not configured"),
        ("listen: 127.0.0.1:70000\n", "no such port"),
        ("listen: 0.0.0.0:8080\n", "no TLS"),
        ("admin: {listen: 'gate.example.com:8081'}\n", "no TLS"),
        ("listen: 127.0.0.1:8081\n", "share one address"),
        ("tls: {certificate: /c.pem}\n", "go together"),
        ("tls: {certificate: /c.pem, key: /k.pem, development_ca: true}\n", "either"),
        ("tls: {}\n", "either"),
        ("allowed_hosts: ['https://x.example']\n", "not a host"),
        ("allowed_origins: ['*']\n", "not an origin"),
        ("allowed_origins: ['https://x.example/path']\n", "not an origin"),
        ("telemetry: {otlp_endpoint: 'https://me:pw@x.example'}\n", "collector"),
        ("approvals: {webhook: 'https://x.example'}\n", "go together"),
        ("approvals: {secret: secret:x}\n", "go together"),
        ("approvals: {webhook: 'http://x.example', secret: secret:x}\n", "plain http"),
        ("approvals: {webhook: ftp://x.example, secret: secret:x}\n", "not the address"),
        ("approvals: {webhook: 'https://me@x.example', secret: secret:x}\n", "hold a secret"),
        ("approvals: {webhook: 'https://x.example/?api_key=abc', secret: secret:x}\n", "hold a"),
        (
            "approvals: {webhook: 'https://x.example', secret: hunter2hunter2}\n",
            "never the secret itself",
        ),
    ],
)
def test_what_makes_no_sense_or_is_not_safe_is_refused(text: str, word: str) -> None:
    assert word in one(text).message


@pytest.mark.parametrize("name", ["a_", "a__b", "_a", "-a", "A", "a.b", "a/b", "ä", "a" * 64])
def test_a_name_that_no_tools_name_could_be_told_from_is_refused(name: str) -> None:
    problem = one(f"servers: {{'{name}': {{url: https://x.example}}}}\n")

    assert problem.path == ("servers", name)
    assert "cannot be a name" in problem.message


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/mcp", "http://localhost/x", "http://[::1]:1/"]
)
def test_plain_http_is_allowed_on_this_machine_in_development(url: str) -> None:
    assert load_text(f"servers: {{a: {{url: '{url}'}}}}\n", "yett.yaml").servers["a"].url == url


@pytest.mark.parametrize(
    ("line", "replacement", "path"),
    [
        ("tls: {certificate: /etc/yett/chain.pem, key: /etc/yett/key.pem}", "", ("tls",)),
        (
            "tls: {certificate: /etc/yett/chain.pem, key: /etc/yett/key.pem}",
            "tls: {development_ca: true}",
            ("tls", "development_ca"),
        ),
        ("limits: {every_key: {rate: 60/minute}}", "", ("limits", "every_key")),
        ("alerts: {to: {ops: {slack: secret:slack-url}}}", "", ("alerts", "to")),
        (
            ', checkpoints: {to: [{s3: {bucket: "s3://records/gate"}}]}',
            "",
            ("audit", "checkpoints"),
        ),
        (
            's3: {bucket: "s3://records/gate"}',
            "directory: /",
            ("audit", "checkpoints", "to", 0, "directory"),
        ),
        ("audit: {retention: 90d,", "audit: {retention: 89d,", ("audit", "retention")),
        ("vault: {key_file: /etc/yett/vault.key}", "", ("vault", "key_file")),
        (
            "vault: {key_file: /etc/yett/vault.key}",
            "vault: {key_file: DATA/k}",
            ("vault", "key_file"),
        ),
        ("bearer: secret:github-token", "bearer: env:TOKEN", ("servers", "github", "credential")),
        ("url: https://api", "url: http://api", ("servers", "github", "url")),
        (
            "credential: {bearer: secret:github-token}}",
            "credential: {bearer: secret:github-token}}\n  t: {command: [x]}",
            ("servers", "t", "command"),
        ),
        (
            "credential: {bearer: secret:github-token}}",
            (
                "credential: {bearer: secret:github-token}}\n"
                "  t: {command: [x], allow_stdio_in_production: true, env: {A: 'env:B'}}"
            ),
            ("servers", "t", "env"),
        ),
    ],
)
def test_production_refuses_what_is_not_safe_and_names_the_place(
    line: str, replacement: str, path: tuple[str, ...], tmp_path: Path
) -> None:
    assert line in PRODUCTION
    text = PRODUCTION.replace(line, replacement.replace("DATA", str(tmp_path)))

    problems = problems_of(text, data=tmp_path)

    assert path in [problem.path for problem in problems]
    assert all(problem.line > 0 for problem in problems)


@pytest.mark.parametrize(
    ("section", "instead"),
    [
        (
            "command: [npx, s, 'postgres://admin:P@ssw0rd@prod-db:5432/main']",
            "admin:{secret:password}@prod-db",
        ),
        ("command: [s, --api-key=abcd1234]", "--api-key={secret:api-key}"),
        ("command: [s, --token, abcd1234]", "{secret:token}"),
        ("command: [s, -e, API_KEY=abcd1234]", "API_KEY={secret:api-key}"),
        ("command: [s], env: {GITHUB_TOKEN: abcd1234}", "secret:github-token"),
        (
            "command: [s], env: {DATABASE_URL: 'mysql://u:abcd1234@h/d'}",
            "mysql://u:{secret:password}@h/d",
        ),
    ],
)
def test_a_secret_written_out_is_refused_with_the_command_that_stores_it(
    section: str, instead: str
) -> None:
    problem = one(f"servers: {{a: {{{section}}}}}\n")

    assert "yett secret set" in problem.fix
    assert "--server a" in problem.fix
    assert instead in problem.fix
    assert "abcd1234" not in str(problem)
    assert "P@ssw0rd" not in str(problem)


def test_what_names_a_file_of_this_machine_is_no_secret_and_what_an_issuer_named_is(
    tmp_path: Path,
) -> None:
    odd, issued = "Zk3vQ9xT1mB7cR5wLp0D", "ghp_" + "a1B2" * 9
    for name in (odd, issued):
        (tmp_path / name).mkdir()
    there = f"{tmp_path}/{odd}"
    load_text(
        f"servers: {{a: {{command: [{there}/run, --root={there}], env: {{ROOT: {there}}}}}}}\n",
        "yett.yaml",
    )

    for argument in (
        f"{tmp_path}/{odd}x",
        f"{there}/{odd}",
        f"--key={odd}={there}",
        f"--password={there}",
        f"{tmp_path}/{issued}",
        f"{tmp_path}/{issued}/run",
    ):
        assert "seems to hold a secret" in str(
            one(f"servers: {{a: {{command: [s, '{argument}']}}}}\n")
        )


@pytest.mark.parametrize(
    "value", ["ghp_" + "a1B2" * 9, "sekrit value", "Bearer abc.def", "x" * 500, "${TOKEN}"]
)
def test_a_secret_in_place_of_a_reference_is_never_repeated(value: str) -> None:
    problem = one(
        f"servers: {{a: {{url: https://x.example, credential: {{bearer: '{value}'}}}}}}\n"
    )

    assert value not in str(problem)
    assert "yett secret set" in problem.fix


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="yett init"):
        load(tmp_path / "yett.yaml")


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"a" * (FILE_BYTES_MAX + 1), "1 MB"), (b"\xff\xfe", "UTF-8")],
)
def test_a_file_that_cannot_be_one_is_refused(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "yett.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=word):
        load(path)


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)


def test_a_file_that_everybody_may_write_is_refused_also_behind_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "yett.yaml", tmp_path / "link.yaml"
    path.write_text(GOOD)
    link.symlink_to(path)
    assert load(link).servers

    path.chmod(0o666)

    with pytest.raises(ConfigurationError, match="chmod"):
        load(link)


def test_the_fingerprint_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "yett.yaml"
    path.write_text(GOOD)
    before = fingerprint(path)
    assert fingerprint(path) == before

    path.write_text(GOOD + "# more\n")

    assert fingerprint(path) != before
