"""The calls that are counted: the same ones each time, and every answer is looked at."""

from __future__ import annotations

import re
import socket
import time

CONNECTIONS = 16
STREAM = "stream"
"""The server whose answers are streams of events."""
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Load:
    """Sixteen agents that ask at once and wait for one another."""

    def __init__(self, port: int, key: str, server: str, tool: str, *, modern: bool) -> None:
        path = f"/mcp/{server}".rstrip("/")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        )
        meta = ""
        if modern:
            head += (
                "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
                f"Mcp-Name: {tool}\r\n"
            )
            meta = (
                '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
                '"io.modelcontextprotocol/clientInfo":{"name":"count","version":"1"},'
                '"io.modelcontextprotocol/clientCapabilities":{}},'
            )
        if server == STREAM:
            meta = meta.replace("{", '{"progressToken":1,', 1) or '"_meta":{"progressToken":1},'
        self._before = (
            f'{{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{{{meta}"name":"{tool}",'
        )
        self._good = b"m-000" if tool == "echo" else b'"text":"ok"'
        self._count = 0
        self._lines = []
        for _ in range(CONNECTIONS):
            line = socket.create_connection(("127.0.0.1", port))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines.append((line, head if modern else head + self._open(line, head)))

    def _open(self, line: socket.socket, head: str) -> str:
        body = (
            '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
            '"capabilities":{},"clientInfo":{"name":"count","version":"1"}}}'
        )
        answer = b""
        for _ in range(20):  # a gate that is just starting, and slowly, may not have read its keys
            line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            answer = _answer(line)
            found = re.search(rb"(?i)mcp-session-id: ([^\r]+)", answer)
            if found is not None:
                break
            time.sleep(1.0)
        else:
            raise SystemExit(f"count: the gate opened no session: {answer!r}")
        return f"Mcp-Session-Id: {found[1].decode()}\r\nMCP-Protocol-Version: 2025-06-18\r\n"

    def call(self, rounds: int) -> None:
        for _ in range(rounds):
            for line, head in self._lines:
                self._count += 1
                text = f'"arguments":{{"message":"m-{self._count:09}"}}}}}}'
                body = self._before % (self._count + 100_000_000) + text
                line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            for line, _ in self._lines:
                answer = _answer(line)
                if b"200 OK" not in answer[:20] or self._good not in answer:
                    raise SystemExit(f"count: a wrong answer: {answer!r}")

    def close(self) -> None:
        for line, _ in self._lines:
            line.close()


def _answer(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(line)
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    while len(body) < int(found[1]) if found else not body.endswith(_LAST_CHUNK):
        body += _more(line)
    return head + body


def _more(line: socket.socket) -> bytes:
    found = line.recv(65536)
    if not found:
        raise SystemExit("count: the gate closed the connection; does something else use its port?")
    return found
