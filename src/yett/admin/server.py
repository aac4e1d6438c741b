"""The admin listener: uvicorn in the gate's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast, final

import uvicorn

from yett.admin.application import make_application, note_unread
from yett.admin.connections import HEADER_BYTES_MAX, BoundedProtocol
from yett.admin.port import AdminGate
from yett.admin.token import open_token


@final
class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `yett up`, which drains the data listener first."""
        yield


@final
class AdminServer:
    """`listen`: host:port, as callers address it; loopback by default."""

    def __init__(self, gate: AdminGate, *, data: Path, listen: str) -> None:
        application = make_application(gate, token=open_token(data), data=data, listen=listen)
        self._server = _Server(
            uvicorn.Config(
                application,
                log_config=None,
                log_level="error",  # its warnings are of callers, who are recorded
                access_log=False,
                server_header=False,
                lifespan="off",
                proxy_headers=False,  # who asks is who connected, whatever a header says
                http=cast(
                    "type[asyncio.Protocol]",
                    partial(BoundedProtocol, note_unread=partial(note_unread, gate)),
                ),
                ws="none",
                h11_max_incomplete_event_size=HEADER_BYTES_MAX,
                timeout_graceful_shutdown=2,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, taken: socket.socket) -> None:
        """Begin to serve on a socket that is bound to the address already."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve([taken]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn sets a flag, not an event
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
