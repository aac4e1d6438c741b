"""What a running gate takes over from a changed file, and what it leaves for the next start."""

import asyncio
import logging
from pathlib import Path

import pytest

from yett.app.gateway import open_gateway
from yett.catalogue import Catalogue
from yett.configuration.load import load_fingerprinted
from yett.core.clock import SystemClock

BEFORE = "roles: {reader: []}\n"
AFTER = """
listen: 127.0.0.1:9090
roles: {writer: []}
vault: {lease: 1s}
audit: {retention: 365d}
telemetry: {log_level: debug}
"""


async def test_what_needs_a_restart_stays_whole_and_is_said_each_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "yett.yaml").write_text(BEFORE)
    gateway = open_gateway(tmp_path / "yett.yaml", data=tmp_path / ".yett", clock=SystemClock())
    before = gateway.snapshot.configuration
    try:
        (tmp_path / "yett.yaml").write_text(AFTER)
        for _ in range(2):
            with caplog.at_level(logging.WARNING):
                assert gateway.reload()

            found = gateway.snapshot.configuration
            assert list(found.roles) == ["writer"]
            for section in ("listen", "vault", "audit", "telemetry"):
                assert getattr(found, section) == getattr(before, section)
                assert f"`{section}` changed" in caplog.text
            caplog.clear()
    finally:
        await gateway.close()


async def test_what_changes_while_the_gate_starts_is_taken_over(tmp_path: Path) -> None:
    path, data = tmp_path / "yett.yaml", tmp_path / ".yett"
    path.write_text(BEFORE)
    loaded = load_fingerprinted(path, data=data)
    path.write_text(AFTER)
    gateway = open_gateway(path, data=data, clock=SystemClock(), loaded=loaded)
    try:
        assert list(gateway.snapshot.configuration.roles) == ["reader"]
        await gateway.refresh()
        assert list(gateway.snapshot.configuration.roles) == ["writer"]
    finally:
        await gateway.close()


async def test_a_bug_while_the_servers_are_watched_is_said_and_watching_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yett.yaml").write_text(BEFORE)
    gateway = open_gateway(tmp_path / "yett.yaml", data=tmp_path / ".yett", clock=SystemClock())
    begun, again = 0, asyncio.Event()

    async def watch(_: Catalogue) -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise RuntimeError("a bug")
        again.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Catalogue, "watch", watch)
    try:
        gateway.start()
        await asyncio.wait_for(again.wait(), 10)
    finally:
        await gateway.close()
    assert "watching the servers" in caplog.text
