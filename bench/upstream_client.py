"""What a call costs the client side of the gate: CPU per pooled `tools/call`, beside a bare socket.

cc -O2 -o upstream bench/upstream.c -lpthread; ./upstream --port 9100 &
python bench/upstream_client.py http://127.0.0.1:9100/mcp [ROUNDS]

`bare` writes the same bytes and looks at nothing: what is above it is ours. The two take turns, so
that a busy machine slows both; the smallest round of each counts.
"""

import asyncio
import ssl
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

from yett.core.proofs import Credential
from yett.upstreams.build import build
from yett.upstreams.config import UpstreamConfig

CALLERS = 16
CALLS = 60
BODY = (
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":'
    b'{"message":"hello world"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{}}}}'
)
DATA = (
    b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


class Bare(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.waiter.set_result(data)

    async def run(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            self.waiter: asyncio.Future[bytes] = loop.create_future()
            self.transport.write(DATA)
            await self.waiter


async def main(url: str, rounds: int) -> None:
    async def nothing() -> tuple[()]:
        return ()

    async def no_secrets() -> dict[str, object]:
        return {}

    transport = build(
        UpstreamConfig(name="bench", url=url),
        command=nothing,
        environment=no_secrets,  # type: ignore[arg-type]  # empty
        base_environment={},
        ssl_context_factory=ssl.create_default_context,
    )
    nobody = Credential()
    params = {"name": "echo", "arguments": {"message": "hello world"}}

    async def ours() -> None:
        for _ in range(CALLS):
            await transport.request("tools/call", params, credential=nobody, deadline_seconds=5.0)

    loop = asyncio.get_running_loop()
    port = urlsplit(url).port or 80
    lines = [(await loop.create_connection(Bare, "127.0.0.1", port))[1] for _ in range(CALLERS)]
    bare_costs, our_costs = [], []
    for _ in range(rounds):
        began = time.process_time()
        await asyncio.gather(*(line.run(CALLS) for line in lines))
        bare_costs.append(time.process_time() - began)
        began = time.process_time()
        await asyncio.gather(*(ours() for _ in range(CALLERS)))
        our_costs.append(time.process_time() - began)
    for name, costs in (("bare", bare_costs), ("ours", our_costs)):
        costs.sort()
        best, median = costs[0], costs[len(costs) // 2]
        each = 1e6 / (CALLS * CALLERS)
        print(
            f"{name}: {best * each:.1f} us CPU per call at best, {median * each:.1f} at the median"
        )
    for line in lines:
        line.transport.close()
    await transport.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100))
