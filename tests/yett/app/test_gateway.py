"""What a running gate takes over from a changed file, and what it leaves for the next start."""

import logging
from pathlib import Path

import pytest

from yett.app.gateway import open_gateway
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
