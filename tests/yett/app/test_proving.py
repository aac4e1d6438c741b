"""What `yett check` and `yett up` find out before anything is opened: with the line to change."""

import os
from pathlib import Path

import pytest

from tests.certificates import DAY, NOW, issue
from yett.app.proving import load_proved, prove_whole
from yett.core.clock import SystemClock
from yett.core.errors import ConfigurationError
from yett.edge.authority import ensure_development_certificate

CLOCK = SystemClock()


def refused(folder: Path, text: str, *, whole: bool = False) -> list[str]:
    (folder / "yett.yaml").write_text(text)
    prove = prove_whole if whole else load_proved
    with pytest.raises(ConfigurationError) as caught:
        prove(folder / "yett.yaml", data=folder / ".yett", clock=CLOCK)
    assert not (folder / ".yett").exists()
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_certificate_that_is_missing_expired_or_of_another_key_is_named(tmp_path: Path) -> None:
    issue(tmp_path, "old", end=NOW - DAY / 2)
    issue(tmp_path, "own")

    (missing, *_) = refused(tmp_path, "tls:\n  certificate: no.pem\n  key: own-key.pem\n")
    (old,) = refused(tmp_path, "tls:\n  certificate: old.pem\n  key: old-key.pem\n")
    (other,) = refused(tmp_path, "tls:\n  certificate: own.pem\n  key: old-key.pem\n")

    assert missing.startswith("yett.yaml:2: `tls.certificate`")
    assert "no.pem cannot be read" in missing
    assert "expired" in old
    assert other.startswith("yett.yaml:3: `tls.key`")


def test_self_signed_is_for_development_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YETT_VAULT_PASSPHRASE", "a long enough passphrase")
    issue(tmp_path, "own")
    text = (
        "limits: {every_key: {rate: 60/minute}}\ntls:\n  certificate: own.pem\n  key: own-key.pem\n"
        "alerts: {to: {ops: {slack: secret:slack-url}}}\n"
        "audit: {checkpoints: {to: [{directory: elsewhere}]}}\n"
    )
    (tmp_path / "yett.yaml").write_text(text)
    load_proved(tmp_path / "yett.yaml", data=tmp_path / ".yett", clock=CLOCK)

    (found,) = refused(tmp_path, "mode: production\n" + text)

    assert found.startswith("yett.yaml:4: `tls.certificate`: production does not serve")
    assert "self-signed" in found


def test_a_certificate_of_the_development_authority_cannot_be_smuggled_into_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YETT_VAULT_PASSPHRASE", "a long enough passphrase")
    ensure_development_certificate(tmp_path / "made", (), clock=CLOCK)

    (found,) = refused(
        tmp_path,
        "mode: production\nlimits: {every_key: {rate: 60/minute}}\n"
        "tls: {certificate: made/tls/server.pem, key: made/tls/server-key.pem}\n"
        "alerts: {to: {ops: {slack: secret:slack-url}}}\n"
        "audit: {checkpoints: {to: [{directory: elsewhere}]}}\n",
    )

    assert "self-signed" in found


def test_files_of_a_server_are_looked_into(tmp_path: Path) -> None:
    issue(tmp_path, "own")
    os.chmod(tmp_path / "own-key.pem", 0o604)  # noqa: PTH101 - shortest
    text = "servers:\n  a: {{url: 'https://x.example'{}}}\n"

    (missing,) = refused(tmp_path, text.format(", ca: no.pem"))
    (readable,) = refused(
        tmp_path, text.format(", client_certificate: own.pem, client_key: own-key.pem")
    )

    assert missing.startswith("yett.yaml:2: `servers.a.ca`: the CA ")
    assert readable.startswith("yett.yaml:2: `servers.a.client_key`: ")
    assert "chmod o-rwx" in readable


def test_check_asks_policies_limits_and_the_lock_as_well(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.cedar").write_text("permit(principal\n")
    (tmp_path / "yett.lock").write_text("{")
    text = (
        "servers: {a: {command: [x], tools: {t: {cost: 1 EUR}}}}\n"
        "limits: {every_key: {budget: 10 USD/day}}\n"
    )

    found = "\n".join(refused(tmp_path, text, whole=True))

    assert "mine.cedar" in found
    assert "EUR" in found
    assert "the lock is damaged" in found


def test_what_is_good_is_loaded_and_nothing_is_opened(tmp_path: Path) -> None:
    (tmp_path / "yett.yaml").write_text("servers: {a: {command: [x]}}\n")

    found = prove_whole(tmp_path / "yett.yaml", data=tmp_path / ".yett", clock=CLOCK)

    assert list(found.servers) == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["yett.yaml"]
