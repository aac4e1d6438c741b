"""What the gate knows of its keys and certificates becomes alerts, and what it learned is kept."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import DAY, NOW, issue
from tests.clock import HandClock
from yett.app.estate import Estate
from yett.app.watching import _expiring, keep_watching
from yett.authentication.build import build_registry
from yett.configuration.load import load_text
from yett.configuration.model import Configuration, ServerSection, TlsSection
from yett.core.reasons import Reason
from yett.core.summary import Summary


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW)


@pytest.fixture
def estate(tmp_path: Path, clock: HandClock) -> Iterator[Estate]:
    found = Estate(Configuration(), data=tmp_path / ".yett", clock=clock)
    yield found
    found.close()


def test_keys_and_certificates_that_end_are_said_with_the_day(
    estate: Estate, clock: HandClock, tmp_path: Path
) -> None:
    registry = build_registry(database=estate.database, data=estate.data, clock=clock, actor="test")
    registry.create("soon", ["reader"], lifetime_seconds=90 * DAY, tenant="acme")
    registry.create("short", ["reader"], lifetime_seconds=DAY)
    registry.create("gone", ["reader"], lifetime_seconds=90 * DAY)
    registry.revoke("gone")
    own = issue(tmp_path, "own", end=NOW + 90 * DAY)
    client = issue(tmp_path, "client", end=NOW + 200 * DAY, client=True)
    configuration = Configuration(
        tls=TlsSection(certificate=str(own.path), key=str(own.key_path)),
        servers={"crm": ServerSection(url="https://h/", client_certificate=str(client.path), ca=str(tmp_path / "none.pem"))},
    )  # fmt: skip
    assert _expiring(estate, configuration) == []
    clock.pass_seconds(77 * DAY)
    found = _expiring(estate, configuration)

    assert [(one.kind, one.subject.split(":")[0], one.tenant) for one in found] == [
        ("key-expiry", "key", "acme"),
        ("certificate-expiry", "certificate", ""),
    ]
    assert "key soon ends in 13.0 days" in found[0].says
    clock.pass_seconds(12.5 * DAY)
    assert {one.severity for one in _expiring(estate, configuration)} == {"high"}


async def test_what_is_refused_while_the_gate_runs_becomes_an_alert_with_the_name_of_the_key(
    estate: Estate, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = build_registry(database=estate.database, data=estate.data, clock=clock, actor="test")
    key = registry.create("laptop", ["reader"], lifetime_seconds=90 * DAY, tenant="acme").stored
    for _ in range(25):
        estate.alerts.observe([
            Summary(
                "r", "tools/call", "mcp", None, None, "acme", "denied", Reason.NOT_PERMITTED, "refused",
                0.0, 0.0, caller=key.id, peer="10.0.0.1",
            )
        ])  # fmt: skip
    monkeypatch.setattr("yett.app.watching._EVERY_SECONDS", 0.01)
    configuration = load_text("", "yett.yaml")
    watching = asyncio.create_task(keep_watching(estate, lambda: configuration))
    while not (found := estate.alerts.book.find()):
        await asyncio.sleep(0.01)
    watching.cancel()

    assert [(one.kind, one.tenant, one.numbers["key"]) for one in found] == [
        ("denials", "acme", "laptop")
    ]
