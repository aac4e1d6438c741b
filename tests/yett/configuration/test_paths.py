"""Paths mean the same wherever a command is started, and production asks for the vault's key once."""

from pathlib import Path

import pytest

from yett.configuration.load import load, load_text, located
from yett.core.errors import ConfigurationError, Problem

PIN = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

PATHS = """
servers:
  web: {url: "https://x.example/mcp", ca: tls/ca.pem, client_certificate: c.pem, client_key: /k.pem}
  program: {command: [./run], cwd: work}
tls: {certificate: cert.pem, key: ../key.pem}
vault: {key_file: keys/vault.key}
audit: {directory: log, checkpoints: {to: [{directory: elsewhere}]}}
policies: rules
"""

PRODUCTION = """
mode: production
tls: {certificate: /c.pem, key: /k.pem}
limits: {every_key: {rate: 60/minute}}
alerts: {to: {ops: {slack: secret:slack-url}}}
audit: {checkpoints: {to: [{s3: {bucket: "s3://records/gate"}}]}}
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_text(text, "yett.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_every_relative_path_is_meant_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yett.yaml").write_text(PATHS)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    found = load(Path("../yett.yaml"))

    web, program = found.servers["web"], found.servers["program"]
    assert (web.ca, web.client_certificate) == (f"{tmp_path}/tls/ca.pem", f"{tmp_path}/c.pem")
    assert web.client_key == "/k.pem"
    assert program.cwd == f"{tmp_path}/work"
    assert program.command == ("./run",)
    assert found.tls is not None
    assert (found.tls.certificate, found.tls.key) == (
        f"{tmp_path}/cert.pem",
        f"{tmp_path}/../key.pem",
    )
    assert found.vault.key_file == f"{tmp_path}/keys/vault.key"
    assert found.audit.directory == f"{tmp_path}/log"
    assert found.policies == f"{tmp_path}/rules"


def test_a_linked_file_means_the_folder_that_it_really_lies_in(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "yett.yaml").write_text("audit: {directory: log}\n")
    (tmp_path / "yett.yaml").symlink_to("real/yett.yaml")

    assert load(tmp_path / "yett.yaml").audit.directory == f"{tmp_path}/real/log"


@pytest.mark.parametrize(
    "text",
    [
        "vault: {key_file: ~/vault.key}",
        "audit: {directory: ~/log}",
        "policies: ~/cedar",
        "tls: {certificate: ~/c.pem, key: /k.pem}",
        "servers: {a: {command: [x], cwd: '~'}}",
        "servers: {a: {url: 'https://x.example', ca: '~root/ca.pem'}}",
    ],
)
def test_a_tilde_is_a_mistake_and_not_a_folder(text: str) -> None:
    assert any("word of the shell" in line for line in problems_of(text + "\n"))


def test_an_empty_path_is_a_mistake() -> None:
    assert any("no path" in line for line in problems_of("audit: {directory: ''}\n"))


def test_pins_have_one_form() -> None:
    good = f"servers: {{a: {{url: 'https://x.example', pins: ['{PIN}']}}}}\n"
    assert load_text(good, "yett.yaml").servers["a"].pins == (PIN,)
    for pin in (
        "",
        "x",
        PIN.removeprefix("sha256/"),
        PIN.replace("FU=", "FV="),
        PIN + "\n",
        "sha1/AAAA",
    ):
        text = f"servers: {{a: {{url: 'https://x.example', pins: [{pin!r}]}}}}\n"
        assert any("pin" in line for line in problems_of(text)), pin


def test_pins_want_https_and_a_url() -> None:
    plain = f"servers: {{a: {{url: 'http://127.0.0.1:1/', pins: ['{PIN}']}}}}\n"
    assert any("plain http shows no key" in line for line in problems_of(plain))
    program = f"servers: {{a: {{command: [x], pins: ['{PIN}']}}}}\n"
    assert any("for servers with a `url`" in line for line in problems_of(program))


def test_production_wants_a_key_file_or_a_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YETT_VAULT_PASSPHRASE", raising=False)
    assert any("YETT_VAULT_PASSPHRASE" in line for line in problems_of(PRODUCTION))

    monkeypatch.setenv("YETT_VAULT_PASSPHRASE", "a long enough passphrase")
    assert load_text(PRODUCTION, "yett.yaml").mode == "production"


def test_a_key_file_and_a_passphrase_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YETT_VAULT_PASSPHRASE", "a long enough passphrase")

    (found,) = problems_of("\nvault: {key_file: /k}\n")

    assert found.startswith("yett.yaml:2: `vault.key_file`: there is a key file, and")


def test_a_relative_key_file_in_the_data_directory_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "yett.yaml").write_text(PRODUCTION + "vault: {key_file: .yett/vault.key}\n")

    with pytest.raises(ConfigurationError, match="whoever copies the data directory"):
        load(tmp_path / "yett.yaml")


def test_production_refuses_the_development_authority_with_the_line() -> None:
    text = PRODUCTION.replace("{certificate: /c.pem, key: /k.pem}", "\n  development_ca: true")

    found = problems_of(text + "vault: {key_file: /k}\n")

    (line,) = found
    assert line.startswith("yett.yaml:4: `tls.development_ca`: production serves TLS with")


def test_what_a_stage_finds_is_told_with_its_line_too(tmp_path: Path) -> None:
    path = tmp_path / "yett.yaml"
    path.write_text("mode: development\nroles:\n  reader: []\n")
    error = ConfigurationError(
        [Problem("no", fix="Yes.", path=("roles", "reader")), Problem("no", fix="Yes.")]
    )

    located(error, path)

    assert [(p.file, p.line) for p in error.problems] == [(str(path), 3), ("", 0)]
    assert located(error, tmp_path / "absent") is error
