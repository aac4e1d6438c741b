"""One good upstream, asked one good thing; tests bend one part of it."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.servers.mcp_http import HttpServer
from yett.core.document import encode
from yett.core.proofs import Credential
from yett.core.secret import Secret
from yett.upstreams.build import build
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Beside, Exchange, Lease, Transport

SERVER = Path(__file__).parents[2] / "servers" / "mcp_stdio.py"
NOBODY = Credential()


async def lease_nothing() -> Credential:
    return NOBODY


def leasing(*credentials: Credential) -> Lease:
    """The first to begin with; the last from the second time on."""
    left = list(credentials)

    async def lease() -> Credential:
        return left.pop(0) if len(left) > 1 else left[0]

    return lease


def make(
    config: UpstreamConfig, secrets: Mapping[str, str] | None = None, lease: Lease = lease_nothing
) -> Transport:
    async def command() -> tuple[str, ...]:
        return config.command

    async def environment() -> dict[str, Secret]:
        return {name: Secret(value) for name, value in (secrets or {}).items()}

    def no_tls() -> Any:
        raise AssertionError("no TLS here")

    return build(
        config,
        command=command,
        environment=environment,
        lease=lease,
        base_environment={"PATH": os.environ["PATH"]},
        ssl_context_factory=no_tls,
    )


@asynccontextmanager
async def reach(server: HttpServer, lease: Lease = lease_nothing) -> AsyncIterator[Transport]:
    """lease: to the credential of what is asked beside the calls."""
    transport = make(UpstreamConfig(name="s", url=server.url), lease=lease)
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def started(*arguments: str, **secrets: str) -> AsyncIterator[Any]:
    """A stdio transport to the test server; its own type, for what is beyond the port."""
    command = (sys.executable, str(SERVER), *arguments)
    transport = make(UpstreamConfig(name="s", command=command), secrets)
    try:
        yield transport
    finally:
        await transport.close()


async def call(
    transport: Transport,
    *,
    deadline: float = 5.0,
    credential: Credential = NOBODY,
    beside: Beside | None = None,
    shortly: bool = True,
    **arguments: object,
) -> Exchange:
    """shortly: in the short way, if nothing passes besides and the transport has one now."""
    if beside is None:
        encoded = encode(dict(arguments))
        begin = transport.shortcut("echo") if shortly else None
        begun = None if begin is None else begin(encoded, credential, deadline)
        if begun is None:
            return await transport.call("echo", encoded, credential, deadline)
        try:
            return begun.read(await begun.answer) or await begun.finish()
        except BaseException as trouble:  # noqa: BLE001 - as the stage does
            raise begun.explain(trouble) from None
    return await transport.request(
        "tools/call",
        {"name": "echo", "arguments": dict(arguments)},
        credential=credential,
        deadline_seconds=deadline,
        beside=beside,
    )


def text_of(exchange: Exchange) -> str:
    assert exchange.result is not None
    return str(exchange.result["content"][0]["text"])
