"""CPU of the gate per call for answers of ordinary text, of streams, and of a process on a pipe.

    python -m bench.results              all cases
    python -m bench.results text json    those whose name begins so
    python -m bench.results --json       one object per line

A server of few lines answers over HTTP, as an event stream or on its standard input. What counts is the CPU that
the gate's process takes, by the clock of the kernel, less what it takes in as long without calls; so it does not
matter how long the server needs, and little what else the machine does. The best of some rounds is shown: a
round can only take longer than it needs, never less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONNECTIONS = 4
ROUNDS = 5
TICKS = os.sysconf("SC_CLK_TCK")
EVENTS = 100
HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]

CONFIGURATION = """\
mode: development
listen: 127.0.0.1:{port}
admin: {{listen: 127.0.0.1:{admin}}}
servers:
  http:
    url: http://127.0.0.1:{upstream}/mcp
    tools: {{say: {{access: read, rate: 900000000/minute}}}}
  pipe:
    command: {command}
    tools: {{say: {{access: read, rate: 900000000/minute}}}}
roles:
  bench: ["http.*:read", "pipe.*:read"]
limits:
  every_key: {{rate: [900000000/minute, 900000000/day], concurrency: 1000, budget: 100000 USD/day}}
"""

# name, server, what it says, its size, µs of CPU that a call may take
CASES: tuple[tuple[str, str, str, int, float], ...] = (
    ("small over HTTP", "http", "words", 20, 60),
    ("small over a pipe", "pipe", "words", 20, 120),
    ("words, 10 kB", "http", "words", 10_000, 120),
    ("JSON, 10 kB", "http", "json", 10_000, 120),
    ("code, 10 kB", "http", "code", 10_000, 120),
    ("prose, 10 kB", "http", "prose", 10_000, 120),
    ("words, 100 kB", "http", "words", 100_000, 600),
    ("JSON, 100 kB", "http", "json", 100_000, 600),
    ("code, 100 kB", "http", "code", 100_000, 600),
    ("prose, 100 kB", "http", "prose", 100_000, 600),
    ("100 kB over a pipe", "pipe", "words", 100_000, 600),
    ("stream of 100 events", "http", "events", EVENTS, 10 * EVENTS),
)


# ---------- what it says ----------
def say(kind: str, size: int) -> str:
    """Return ordinary text: `words` name nothing that is looked for; the others are what this project is made of."""
    if kind == "json":
        pick = random.Random(4)
        rows = [
            {"id": i, "name": pick.choice(_WORDS), "price": round(pick.random() * 100, 2), "open": i % 3 == 0}
            for i in range(size // 50)
        ]  # fmt: skip
        return json.dumps(rows)[:size]
    if kind == "words":
        pick = random.Random(4)
        return " ".join(pick.choice(_WORDS) for _ in range(size // 4))[:size]
    pattern = "src/yett/**/*.py" if kind == "code" else "docs/explanation/*.md"
    whole = "".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern)))
    return (whole * (size // len(whole) + 1))[:size]


_WORDS = [
    "river",
    "stone",
    "market",
    "garden",
    "bridge",
    "winter",
    "copper",
    "lantern",
    "meadow",
    "harbour",
    "engine",
    "paper",
    "window",
    "orange",
    "silver",
    "violin",
    "mountain",
    "table",
    "basket",
    "thunder",
    "village",
    "candle",
    "feather",
    "island",
    "kitchen",
    "morning",
]


# ---------- the server ----------
def answer(message: dict[str, object]) -> dict[str, object] | None:
    method, params = message.get("method"), message.get("params", {})
    assert isinstance(params, dict)
    match method:
        case "initialize":
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                    "serverInfo": {"name": "says", "version": "1"}}  # fmt: skip
        case "tools/list":
            schema = {
                "type": "object",
                "properties": {"kind": {"type": "string"}, "size": {"type": "integer"}},
            }
            return {
                "tools": [{"name": "say", "description": "Says a text.", "inputSchema": schema}]
            }
        case "tools/call":
            return {
                "content": [{"type": "text", "text": _said(**params["arguments"])}],
                "isError": False,
            }
        case _:
            return None


_SAID: dict[tuple[str, int], str] = {}


def _said(kind: str, size: int) -> str:
    if (kind, size) not in _SAID:
        _SAID[kind, size] = "done" if kind == "events" else say(kind, size)
    return _SAID[kind, size]


def reply(message: dict[str, object]) -> bytes:
    result = answer(message)
    body: dict[str, object] = {"jsonrpc": "2.0", "id": message.get("id")}
    body |= {"error": {"code": -32601, "message": "no"}} if result is None else {"result": result}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


class Served(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, mark, body = self._data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not mark or len(body) < length:
            return
        self._data = b""
        if not head.startswith(b"POST"):
            self._write(b"405 Method Not Allowed", b"text/plain", b"")
            return
        message = json.loads(body)
        if "id" not in message:
            self._write(b"202 Accepted", b"text/plain", b"")
            return
        params = message.get("params", {})
        arguments = params.get("arguments", {}) if isinstance(params, dict) else {}
        if arguments.get("kind") == "events":
            token = params.get("_meta", {}).get("progressToken")
            parts = [_progress(token, number) for number in range(arguments["size"] - 1)]
            self._write(
                b"200 OK",
                b"text/event-stream",
                b"".join(parts) + b"data: " + reply(message) + b"\n\n",
            )
        else:
            self._write(b"200 OK", b"application/json", reply(message))

    def _write(self, status: bytes, kind: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, kind, len(body)) + body)


def _progress(token: object, number: int) -> bytes:
    params = {"progressToken": token, "progress": number + 1, "message": f"step {number}"}
    message = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
    return b"data: " + json.dumps(message, separators=(",", ":")).encode() + b"\n\n"


async def serve_http(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Served, "127.0.0.1", port)
    await server.serve_forever()


def serve_pipe() -> None:
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" in message:
            sys.stdout.buffer.write(reply(message) + b"\n")
            sys.stdout.buffer.flush()


# ---------- the load ----------
class Agent:
    def __init__(self, port: int, server: str, key: str) -> None:
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._port, self._server, self._key = port, server, key
        self._session = ""
        self._count = 0

    async def open(self) -> Agent:
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.1", self._port, limit=2**24
        )
        head, _ = await self._post("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"},
        })  # fmt: skip
        session = re.findall(rb"(?i)mcp-session-id: (\S+)", head)[0].decode()
        self._session = f"Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-06-18\r\n"
        return self

    async def call(self, kind: str, size: int) -> None:
        params: dict[str, object] = {"name": "say", "arguments": {"kind": kind, "size": size}}
        if kind == "events":
            params["_meta"] = {"progressToken": "t"}
        head, body = await self._post("tools/call", params)
        wanted = size if kind == "events" else size * 9 // 10
        got = body.count(b"data:") if kind == "events" else len(body)
        if b" 200 " not in head[:16] or got < wanted or b'"isError":true' in body:
            raise SystemExit(f"results: a wrong answer: {head!r} {body[:500]!r}")

    async def _post(self, method: str, params: dict[str, object]) -> tuple[bytes, bytes]:
        self._count += 1
        body = json.dumps({"jsonrpc": "2.0", "id": self._count, "method": method, "params": params})
        self._writer.write(
            f"POST /mcp/{self._server} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{self._session}"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if length:
            return head, await self._reader.readexactly(int(length))
        parts = b""
        while size := int((await self._reader.readuntil(b"\r\n"))[:-2], 16):
            parts += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return head, parts


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def measure(pid: int, agents: list[Agent], kind: str, size: int, seconds: float) -> float:
    """Return microseconds of the gate's CPU per call."""
    calls = 0
    end = time.monotonic() + seconds

    async def ask(agent: Agent) -> None:
        nonlocal calls
        while time.monotonic() < end:
            await agent.call(kind, size)
            calls += 1

    before = cpu_seconds(pid)
    await asyncio.gather(*map(ask, agents))
    return (cpu_seconds(pid) - before) / calls * 1e6


async def run(pid: int, port: int, key: str, options: argparse.Namespace) -> int:
    missed = 0
    for name, server, kind, size, most in CASES:
        if options.names and not any(name.startswith(part) for part in options.names):
            continue
        agents = [await Agent(port, server, key).open() for _ in range(CONNECTIONS)]
        await measure(pid, agents, kind, size, options.seconds / 2)
        found = [await measure(pid, agents, kind, size, options.seconds) for _ in range(ROUNDS)]
        missed += min(found) > most
        if options.json:
            print(
                json.dumps({"case": name, "cpu_us": round(min(found), 1), "bar": most}), flush=True
            )
        else:
            verdict = "pass" if min(found) <= most else "miss"
            print(f"| {name} | ≤ {most:,} | {min(found):,.0f} | {verdict} |", flush=True)
    return int(missed > 0)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve == "pipe":
        serve_pipe()
        return 0
    if options.serve is not None:
        asyncio.run(serve_http(int(options.serve)))
        return 0
    with tempfile.TemporaryDirectory(prefix="yett-bench-") as folder:
        return measured_gate(Path(folder), options)


def measured_gate(folder: Path, options: argparse.Namespace) -> int:
    port, admin, upstream = free_port(), free_port(), free_port()
    command = json.dumps([sys.executable, str(HERE), "--serve", "pipe"])
    text = CONFIGURATION.format(port=port, admin=admin, upstream=upstream, command=command)
    configuration = folder / "yett.yaml"
    configuration.write_text(text)
    yett = [sys.executable, "-m", "yett"]
    made = subprocess.run(
        [*yett, "key", "create", "bench", "--role", "bench", "--json", "--config", str(configuration)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    key = str(json.loads(made.stdout)["key"])
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, str(HERE), "--serve", str(upstream)], stdout=log, stderr=log
        )
        gate = subprocess.Popen(
            [*yett, "up", "--config", str(configuration)], stdout=log, stderr=log
        )
        try:
            _wait(port, gate)
            return asyncio.run(run(gate.pid, port, key, options))
        finally:
            for process in (gate, server):
                process.terminate()
                process.wait(20.0)


def _wait(port: int, gate: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60.0
    while time.monotonic() < end and gate.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            time.sleep(2.0)  # until the servers have been asked what they offer
            return
    raise SystemExit("results: the gate did not start")


if __name__ == "__main__":
    sys.exit(main())
