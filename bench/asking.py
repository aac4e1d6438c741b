"""Requests as they go over the wire, and the load that is made of them."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import machine
from bench.targets import Target

LEGACY, MODERN = "2025-06-18", "2026-07-28"
NUMBER = "@" * 9
"""Stands for the number of a call (see load.c)."""


@dataclass(frozen=True)
class Load:
    """What `load` says, and `processor_us`: processor time of the target per good call, in µs."""

    ok: int
    wrong: int
    rate: float
    p50_us: float
    p99_us: float
    processor_us: float


def load(  # noqa: PLR0913 - what a load can differ in
    folder: Path,
    target: Target,
    *,
    seconds: float,
    connections: int = 16,
    rate: float = 0.0,
    version: str = LEGACY,
    arguments: dict[str, Any] | None = None,
    tool: str = "echo",
    least: int = 20,
    progress: bool = False,
    among: Sequence[tuple[str, str]] = (),
) -> Load:
    """Ask for so long and return what came of it. rate: calls a second, open loop; 0: closed loop.
    among: keys and tools that the connections use in turn, in place of the target's.

    Raises:
        RuntimeError: an answer was wrong, or none came.
    """
    given = arguments or {"message": f"m-{NUMBER}"}
    calls = [
        _Call(replace(target, key=key), version, name, given, progress=progress)
        for key, name in among or [(target.key, tool)]
    ]
    plan = folder / "requests"
    with plan.open("wb") as out:
        for number in range(connections):
            request = calls[number % len(calls)].request()
            out.write(b"%d\n%b" % (len(request), request))
    before = machine.processor_seconds(*target.pids)
    command = ["taskset", "-c", str(machine.BESIDE), folder / "load", str(target.port), plan]
    done = subprocess.run(
        [*map(str, command), str(seconds), str(rate), str(least)],
        capture_output=True, text=True, timeout=seconds + 60.0, check=False,
    )  # fmt: skip
    used = machine.processor_seconds(*target.pids) - before
    if done.returncode or not done.stdout:
        raise RuntimeError(f"{target.name}{target.path}: {done.stderr[-600:]}")
    said = json.loads(done.stdout)
    if not said["ok"] or said["bad"]:
        raise RuntimeError(f"{target.name}{target.path}: {said} {done.stderr[-600:]}")
    return Load(
        said["ok"], said["late"], said["rate"], said["p50_us"], said["p99_us"],
        1e6 * used / said["ok"],
    )  # fmt: skip


def first_call(target: Target, begun: float, seconds: float = 60.0, tool: str = "echo") -> float:
    """Return how long after `begun` a whole handshake and call succeeded.

    Raises:
        RuntimeError: none did.
    """
    while time.perf_counter() - begun < seconds:
        with contextlib.suppress(OSError, RuntimeError, ConnectionError):
            if asked(target, tool):
                return time.perf_counter() - begun
        time.sleep(0.01)
    raise RuntimeError("no call succeeded")


def asked(target: Target, tool: str = "echo") -> bool:
    """One call on a connection of its own, with its handshake."""
    call = _Call(target, LEGACY, tool, {"message": f"m-{NUMBER}"}, progress=False)
    answer = _exchange(target, call.request().replace(NUMBER.encode(), b"123456789"))
    return b" 200 " in answer[:20] and b"123456789" in answer


def open_sessions(target: Target, count: int) -> None:
    """Leave so many sessions behind that are used no more."""
    call = _Call(target, LEGACY, "echo", {}, progress=False)
    for _ in range(count):
        call.request()


class _Call:
    def __init__(
        self, target: Target, version: str, tool: str, arguments: dict[str, Any], *, progress: bool
    ) -> None:
        self._target, self._version = target, version
        self._head = (
            f"POST {target.path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
            f"Authorization: Bearer {target.key}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
        )
        params: dict[str, Any] = {"name": tool, "arguments": arguments}
        meta: dict[str, Any] = {"progressToken": NUMBER} if progress else {}
        if version == MODERN:
            meta |= {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        if meta:
            params["_meta"] = meta
        body = {"jsonrpc": "2.0", "id": NUMBER, "method": "tools/call", "params": params}
        self._body = json.dumps(body, separators=(",", ":")).replace(
            f'"id":"{NUMBER}"', f'"id":{NUMBER}'
        )
        self._tool = tool

    def request(self) -> bytes:
        """The whole request; in a session of its own if the version has sessions."""
        extra = f"MCP-Protocol-Version: {self._version}\r\n"
        if self._version == MODERN:
            extra += f"Mcp-Method: tools/call\r\nMcp-Name: {self._tool}\r\n"
        else:
            extra += f"Mcp-Session-Id: {self._session()}\r\n"
        return self._whole(extra, self._body)

    def _session(self) -> str:
        body = (
            '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
            '"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
        )
        answer = _exchange(self._target, self._whole("", body))
        found = re.search(rb"(?i)mcp-session-id: ([^\r]+)", answer)
        if found is None:
            raise RuntimeError(f"{self._target.name} opened no session: {answer[:300]!r}")
        session = found[1].decode()
        done = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
        extra = f"MCP-Protocol-Version: {LEGACY}\r\nMcp-Session-Id: {session}\r\n"
        _exchange(self._target, self._whole(extra, done))
        return session

    def _whole(self, extra: str, body: str) -> bytes:
        return f"{self._head}{extra}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _exchange(target: Target, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", target.port), 20.0) as line:
        line.sendall(request)
        data = b""
        while not _is_whole(data):
            part = line.recv(65536)
            if not part:
                break
            data += part
    return data


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    if length:
        return len(body) >= int(length[1])
    return b" 202 " in head[:20] or body.endswith(b"0\r\n\r\n")
