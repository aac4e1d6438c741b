"""Servers on the official SDK, in a thread of the tests."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from tests.outside.upstream import wait_until


@contextlib.contextmanager
def serving(application: ASGIApp) -> Iterator[str]:
    """Serve it on a free port of 127.0.0.1; yield the address of its endpoint."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="on"))
        thread = threading.Thread(
            target=lambda: asyncio.run(server.serve([listening])), daemon=True
        )
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.force_exit = server.should_exit = True
            thread.join(5)
