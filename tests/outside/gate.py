"""A real gate: its own folder, its own process, its own ports; and agents that speak raw HTTP to it."""

import base64
import contextlib
import http.client
import io
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.outside.upstream import MODERN
from yett.cli.root import root

YETT: Final = (sys.executable, "-m", "yett")
ROOT: Final = Path(__file__).parents[2]
UPSTREAM: Final = Path(__file__).with_name("upstream.py")
"""The program that is a server on standard input and output."""
REST: Final = "rest"
LEGACY: Final = ("2025-06-18", "2025-11-25")
DOORS: Final = (REST, *LEGACY, MODERN)
JSON_TYPE: Final = "application/json"
_SHOWS_A_KEY: Final = ("key", "rotate")
_LIMITED: Final = ("sh", "-c", 'ulimit -n "$0" && exec "$@"')
_START_SECONDS_MAX: Final = 30.0
_PRINTING: Final = threading.Lock()
_FIRST_PORT: Final = 12_000
_PORTS: Final = 20_000


def free_port() -> int:
    """Return a port below those that the kernel gives to connections, or one of them could take it
    before the gate does."""
    while True:
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Key:
    id: str
    name: str
    secret: str


@dataclass(frozen=True)
class Answer:
    """headers: names in lower case; of a repeated one the last."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        return self.headers["yett-request-id"]

    @property
    def is_refusal(self) -> bool:
        return bool(self.refusal)

    @property
    def refusal(self) -> dict[str, Any]:
        """The members that every door shares: reason, detail, request_id …; empty if none."""
        found = self.json if self.body else {}
        if "jsonrpc" in found:
            result = found.get("result", {})
            found = found.get("error", {}).get("data") or result.get("_meta", {}).get("yett/refusal", {})  # fmt: skip
        return found if isinstance(found, dict) and "reason" in found else {}

    @property
    def code(self) -> int | None:
        """Of a JSON-RPC error."""
        found = self.json if self.body else {}
        code = found.get("error", {}).get("code") if "jsonrpc" in found else None
        return None if code is None else int(code)

    @property
    def text(self) -> str:
        """What a tool said, whatever the door."""
        found = self.json
        result = found["result"] if "jsonrpc" in found else found["output"]
        return str(result["content"][0]["text"])


def meta(version: str = MODERN) -> dict[str, Any]:
    return {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "outside", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }


class Gate:
    """folder: holds `yett.yaml`, `.yett`, `policies` and what the process printed. files_max: how many
    files the process may open, which it cannot raise. source: the address that agents come from."""

    def __init__(
        self,
        folder: Path,
        configuration: str,
        *,
        tls: ssl.SSLContext | None = None,
        files_max: int | None = None,
    ) -> None:
        self.folder = folder
        self.config = folder / "yett.yaml"
        self.data = folder / ".yett"
        self.port = free_port()
        self.admin_port = free_port()
        self.tls = tls
        self.files_max = files_max
        self.source = "127.0.0.1"
        self.process: subprocess.Popen[bytes] | None = None
        self.heard: list[bytes] = []
        """Every byte of an answer that an agent got, and every line that a command printed."""
        self.configure(configuration)

    # -- files and commands

    def configure(self, text: str) -> None:
        """Write the configuration; where the gate listens is put in front."""
        head = f'listen: 127.0.0.1:{self.port}\nadmin: {{listen: "127.0.0.1:{self.admin_port}"}}\n'
        fresh = self.config.with_suffix(".new")
        fresh.write_text(head + text)
        fresh.replace(self.config)

    def run(
        self, *words: str, environment: Mapping[str, str] | None = None, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever its exit code."""
        return subprocess.run(
            [*YETT, *words, "--config", str(self.config)],
            capture_output=True,
            text=True,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            timeout=60,
            check=False,
            env={**os.environ, **(environment or {})},
            cwd=self.folder,
        )

    def yett(self, *words: str, text: str | None = None) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.run(*words, text=text)
        assert done.returncode == 0, f"yett {' '.join(words)}: {done.stderr}{done.stdout}"
        if words[:2] != _SHOWS_A_KEY:
            self.heard.append((done.stdout + done.stderr).encode())
        return done.stdout

    def key(self, name: str, *roles: str, tenant: str = "default", expires: str = "1d") -> Key:
        """Make a key, by the command, but in this process: tests make hundreds, and half a second of each
        would go by before the command begins."""
        words = ["key", "create", name, "--tenant", tenant, "--expires", expires, "--json"]
        for role in roles or ("reader",):
            words += ["--role", role]
        words += ["--config", str(self.config), "--data", str(self.data)]
        printed = io.StringIO()
        with _PRINTING, contextlib.redirect_stdout(printed):
            root.main(words, prog_name="yett", standalone_mode=False)
        made = json.loads(printed.getvalue())
        return Key(made["id"], made["name"], made["key"])

    def records(self, *filters: str) -> list[dict[str, Any]]:
        lines = self.yett("audit", "search", "--json", *filters).splitlines()
        return [json.loads(line) for line in lines]

    def record_of(self, answer: Answer) -> dict[str, Any]:
        """Return the one record of an answer."""
        found = self.records("--id", answer.request_id)
        assert len(found) == 1, found
        return found[0]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what was recorded beside the calls; asked of the gate itself while it runs, which
        costs less than a command."""
        if self.process is None or self.process.poll() is not None:
            found = self.records("--kind", "event")
        else:
            path = f"/api/v1/audit/records?kind=event&text={name}&limit=10000"
            found = self.admin(path).json["records"]
        return [event for event in found if event["event"] == name]

    # -- the process

    def start(self, *, environment: Mapping[str, str] | None = None) -> float:
        """Start it; return after how many seconds it was ready."""
        started = time.monotonic()
        process = self.start_only(environment=environment)
        while not self.is_ready():
            assert process.poll() is None, f"the gate did not start: {self.printed()[-1000:]}"
            assert time.monotonic() - started < _START_SECONDS_MAX, self.printed()[-1000:]
            time.sleep(0.02)
        return time.monotonic() - started

    def start_only(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start it, and do not wait until it is ready."""
        out, err = self.folder / "out.log", self.folder / "err.log"
        limited = () if self.files_max is None else (*_LIMITED, str(self.files_max))
        with out.open("ab") as output, err.open("ab") as errors:
            self.process = subprocess.Popen(
                [*limited, *YETT, "up", *words, "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
            )
        return self.process

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/readyz").status == 200
        return False

    def stop(self) -> int:
        """End it as an operator does; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def printed(self) -> str:
        """Everything that it wrote to standard output and standard error."""
        return "".join(
            path.read_text(errors="replace")
            for path in (self.folder / "out.log", self.folder / "err.log")
            if path.exists()
        )

    # -- as an agent

    def connection(self, timeout: float = 20.0) -> http.client.HTTPConnection:
        source = (self.source, 0)
        if self.tls is None:
            return http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=timeout, source_address=source
            )
        return http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=timeout, context=self.tls, source_address=source
        )

    def request(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] | None = None,
        *,
        key: Key | str | None = None,
        on: http.client.HTTPConnection | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; on: a connection that stays open."""
        fields = {"Accept": "application/json, text/event-stream"}
        if body is not None:
            fields["Content-Type"] = JSON_TYPE
        if key is not None:
            fields["Authorization"] = f"Bearer {key.secret if isinstance(key, Key) else key}"
        fields |= headers or {}
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        connection = on or self.connection()
        try:
            connection.request(method, path, data, fields)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            whole = Answer(answer.status, found, answer.read())
            self.heard.append(repr(found).encode() + whole.body)
            return whole
        finally:
            if on is None:
                connection.close()

    def execute(self, server: str, operation: str, key: Key | str, **arguments: Any) -> Answer:
        body = {"tool": server, "operation": operation, "input": arguments}
        return self.request("POST", "/v1/execute", body, key=key)

    def raw(self, data: bytes, *, seconds: float = 0.5) -> bytes:
        """Send bytes as they are; return what comes until the gate closes, or is silent for so long."""
        address, source = ("127.0.0.1", self.port), (self.source, 0)
        with socket.create_connection(address, 5, source) as connection:
            received = b""
            with contextlib.suppress(TimeoutError, ConnectionError):
                connection.sendall(data)
                connection.settimeout(seconds)
                while part := connection.recv(65536):
                    received += part
            return received

    def admin(
        self,
        path: str,
        token: str | None = None,
        *,
        method: str = "GET",
        body: dict[str, Any] | None = None,
    ) -> Answer:
        token = token or (self.data / "admin-token").read_text().strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        try:
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, path, sent, {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


class Agent:
    """One key at one door: `rest`, or a version of MCP. Legacy versions open a session first."""

    def __init__(self, gate: Gate, key: Key | str, door: str, path: str = "/mcp") -> None:
        self.gate = gate
        self.key = key
        self.door = door
        self.path = path
        self.session: str | None = None
        self._last_id = 0

    def open(self) -> Answer:
        params = {"protocolVersion": self.door, "capabilities": {}, "clientInfo": {"name": "outside", "version": "0"}}  # fmt: skip
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        answer = self.gate.request("POST", self.path, message, key=self.key)
        self.session = answer.headers.get("mcp-session-id")
        return answer

    def headers(self, method: str, params: Mapping[str, Any]) -> dict[str, str]:
        """What goes with a message in this door's version."""
        if self.door == MODERN:
            found = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            named = params.get("name") or params.get("uri")
            return found | ({"Mcp-Name": as_header(named)} if named else {})
        if self.session is None and method != "initialize":
            assert self.open().status == 200
        return {"MCP-Protocol-Version": self.door, "Mcp-Session-Id": self.session or ""}

    def message(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self._last_id += 1
        found = dict(params or {})
        if self.door == MODERN:
            found["_meta"] = meta()
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": found}

    def ask(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one MCP request."""
        message = self.message(method, params)
        fields = self.headers(method, message["params"]) | dict(headers or {})
        return self.gate.request("POST", self.path, message, key=self.key, headers=fields)

    def call(self, server: str, name: str, **arguments: Any) -> Answer:
        """Call one tool, in this door's words."""
        if self.door == REST:
            return self.gate.execute(server, name, self.key, **arguments)
        public = f"{server}__{name}" if self.path == "/mcp" else name
        return self.ask("tools/call", {"name": public, "arguments": arguments})

    def tools(self) -> list[str]:
        """The names of the tools that are shown."""
        if self.door == REST:
            found = self.gate.request("GET", "/v1/tools", key=self.key).json["tools"]
        else:
            found = self.ask("tools/list").json["result"]["tools"]
        return [item["name"] for item in found]


def as_header(value: str) -> str:
    """As MCP 2026-07-28 wants names that no header can hold."""
    if value.isascii() and value.isprintable() and value == value.strip():
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


@contextlib.contextmanager
def stream_of(agent: Agent) -> Iterator[socket.socket]:
    """Open the GET stream of a legacy session; the head has been read."""
    agent.open()
    head = (
        f"GET {agent.path} HTTP/1.1\r\nHost: 127.0.0.1:{agent.gate.port}\r\n"
        f"Authorization: Bearer {agent.key.secret if isinstance(agent.key, Key) else agent.key}\r\n"
        f"Accept: text/event-stream\r\nMcp-Session-Id: {agent.session}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", agent.gate.port), 5) as connection:
        connection.sendall(head.encode())
        connection.settimeout(10)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        assert received.startswith(b"HTTP/1.1 200"), received
        yield connection


def seconds_until_closed(connection: socket.socket) -> float:
    """Read until the other side ends it; at most the time-out of the socket."""
    started = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return time.monotonic() - started


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def as_yaml(command: Sequence[str]) -> str:
    """A command as YAML, which JSON is."""
    return json.dumps(list(command))


@contextlib.contextmanager
def running(gate: Gate) -> Iterator[Gate]:
    """Start the gate; stop it as an operator does, and see that it ends well."""
    gate.start()
    try:
        yield gate
    except BaseException:
        gate.kill()
        raise
    code = gate.stop()
    assert code == 0, gate.printed()[-2000:]
    assert "Traceback" not in gate.printed()
