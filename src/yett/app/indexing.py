"""Keeps the index of the log up with it: in a process of its own, which gives way to everybody."""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import Final

from yett.app.estate import Estate
from yett.audit.build import open_shelf
from yett.audit.config import AuditConfig
from yett.audit.index.stretches import stretches

EVERY_SECONDS: Final = 300.0
_log: Final = logging.getLogger("yett.audit")


async def keep_indexed(estate: Estate, config: AuditConfig, config_path: Path) -> None:
    """Look every five minutes whether there is something to index, and have it done. Nothing depends on
    it: what has no index yet is read by whoever searches."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            if await asyncio.to_thread(_is_behind, estate, config):
                await _run(estate.data, config_path)
        except OSError as error:
            _log.warning("the audit log is not indexed: %s", error.strerror)


def _is_behind(estate: Estate, config: AuditConfig) -> bool:
    shelf = open_shelf(config, estate.data)
    fixed, _ = stretches(estate.auditor.source())
    return any(not shelf.has(stretch) for stretch in fixed)


async def _run(data: Path, config_path: Path) -> None:
    nothing = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "yett", "audit", "index", "--json",
        "--config", str(config_path), "--data", str(data),
        stdin=nothing, stdout=nothing, stderr=nothing,
    )  # fmt: skip
    try:
        if await process.wait() != 0:
            _log.warning("the audit log is not indexed; `yett audit index` says why")
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
