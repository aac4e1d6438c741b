"""The index keeps up with the log while the gate runs, in a process of its own."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.yett.audit.scene import append, open_log
from yett.app import indexing
from yett.audit.config import AuditConfig

MEMBERS = f'"at":"2026-11-22T10:00:00.000000Z","kind":"own","pad":"{"x" * 60_000}"'


async def test_what_has_no_index_gets_one_and_the_gate_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "EVERY_SECONDS", 0.05)
    with open_log(tmp_path / "audit", segment_bytes=1 << 20) as log:
        for _ in range(60):
            append(log, MEMBERS)
        estate: Any = SimpleNamespace(data=tmp_path, auditor=SimpleNamespace(source=log.source))
        keeping = asyncio.create_task(
            indexing.keep_indexed(estate, AuditConfig(), tmp_path / "yett.yaml")
        )
        turns = 0
        async with asyncio.timeout(60):
            while len(list(tmp_path.glob("audit/index/segment-*"))) < 3:
                await asyncio.sleep(0.01)
                turns += 1
        assert turns > 10  # nothing of it was done here
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
