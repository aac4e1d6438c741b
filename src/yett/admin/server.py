"""The admin listener: uvicorn in the gate's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import final

import uvicorn

from yett.admin.application import make_application
from yett.admin.port import AdminGate
from yett.admin.token import open_token
from yett.core.errors import CommandError


@final
class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `yett up`, which drains the data listener first."""
        yield


@final
class AdminServer:
    """`listen`: host:port; loopback by default."""

    def __init__(self, gate: AdminGate, *, data: Path, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        self._listen = listen
        application = make_application(gate, token=open_token(data), data=data, listen=listen)
        self._server = _Server(
            uvicorn.Config(
                application,
                host=host.strip("[]"),
                port=int(port),
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, taken: socket.socket | None = None) -> None:
        """Begin to serve, on a socket that is bound to the address already, if there is one.

        Raises:
            CommandError: the address cannot be bound.
        """
        self._task = asyncio.get_running_loop().create_task(
            self._server.serve(None if taken is None else [taken])
        )
        while not self._server.started:
            if self._task.done():
                with contextlib.suppress(BaseException):
                    self._task.result()
                raise CommandError(
                    f"{self._listen} cannot be listened on. Stop what uses it, or set another `admin.listen`"
                )
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task
