import contextlib
import http.server
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.conformance.stand import fixture
from tests.outside.gate import REST, ROOT, Agent, Gate, Key, running
from tests.outside.test_clients import serving_sdk
from tests.outside.upstream import wait_until
from tests.peers.visit import MODULES, NODE, Account, Client, Step

ASKS: Final = ("elicitation", "sampling", "roots")
_SERVERS: Final = ROOT / ".servers" / "bin"
_PEERS: Final = ROOT / ".peers" / "bin"
_NPM: Final = MODULES / "@modelcontextprotocol"
_PAGE: Final = b"<html><head><title>Gates</title></head><body><article><h1>On gates</h1><p>A yett is made of iron.</p></article></body></html>"


@dataclass
class Place:
    """One gate with every server behind it. agent: may do everything; reader: may only read."""

    gate: Gate
    folder: Path
    page: str
    servers: tuple[str, ...]
    agent: Key = field(init=False)
    reader: Key = field(init=False)

    async def visit(
        self,
        client: Client,
        path: str,
        *steps: Step,
        key: Key | None = None,
        answers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Account:
        return await client.visit(self.url(path), (key or self.agent).secret, steps, answers)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.gate.port}{path}"


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("peers")
    with (
        serving_page() as page,
        serving_sdk(stateless=True) as library,
        serving_sdk(stateless=False) as stateful,
        fixture("legacy") as old,
        fixture("modern") as new,
    ):
        servers: dict[str, dict[str, Any]] = {
            "library": {"url": library},
            "stateful": {"url": stateful},
            "old": {"url": f"http://127.0.0.1:{old}/mcp", "may_ask": ASKS},
            "new": {"url": f"http://127.0.0.1:{new}/mcp", "may_ask": ASKS},
        }
        servers |= {name: {"command": command} for name, command in _commands(folder).items()}
        servers.get("everything", {})["may_ask"] = ASKS
        for name, environment in _environments(folder).items():
            servers.get(name, {})["env"] = environment
        here = {"kind": "url", "hosts": ["127.0.0.1"], "schemes": ["http"], "ports": [urlsplit(page).port]}  # fmt: skip
        servers.get("fetch", {})["tools"] = {"fetch": {"arguments": {"url": here}}}
        roles = {
            "reader": [f"{name}.*:read" for name in servers],
            "writer": [f"{name}.*:write" for name in servers],
        }
        text = f"servers: {json.dumps(servers)}\nroles: {json.dumps(roles)}\n"
        found = Place(Gate(folder, text), folder, page, tuple(servers))
        found.agent = found.gate.key("agent", "reader", "writer")
        found.reader = found.gate.key("reader", "reader")
        with running(found.gate):
            _wait_for(found, set(servers))
            yield found


def _wait_for(place: Place, servers: set[str]) -> None:
    """Wait until each has shown a tool; some are started, all at once, on as few processors as there are."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: servers <= _shown(place), 30, each=0.3)
    missing = servers - _shown(place)
    assert not missing, f"{missing}: {place.gate.printed()[-3000:]}"


def _shown(place: Place) -> set[str]:
    return {name.split("__")[0] for name in Agent(place.gate, place.agent, REST).tools()}


def _commands(folder: Path) -> dict[str, list[str]]:
    """What is installed, by the name it has behind the gate."""
    files = folder / "files"
    files.mkdir()
    (files / "hello.txt").write_text("hello from a file\n")
    checkout = begun_repository(folder / "checkout")
    python = {
        "time": [str(_SERVERS / "mcp-server-time"), "--local-timezone", "UTC"],
        "git": [str(_SERVERS / "mcp-server-git"), "--repository", str(checkout)],
        "fetch": [str(_PEERS / "mcp-server-fetch"), "--allow-private-ips"],
        "sqlite": [str(_PEERS / "mcp-server-sqlite"), "--db-path", str(folder / "books.db")],
    }
    found = {name: words for name, words in python.items() if Path(words[0]).exists()}
    if NODE.exists() and _NPM.exists():
        for name, words in {"everything": ["stdio"], "filesystem": [str(files)], "memory": []}.items():  # fmt: skip
            found[name] = [str(NODE), str(_NPM / f"server-{name}" / "dist" / "index.js"), *words]
    return found


def _environments(folder: Path) -> dict[str, dict[str, str]]:
    """What a server needs to be told. The one that fetches would install packages for a Node that it finds."""
    return {
        "memory": {"MEMORY_FILE_PATH": str(folder / "memory.jsonl")},
        "fetch": {"PATH": str(_PEERS)},
    }


def begun_repository(folder: Path) -> Path:
    """A repository with one commit."""
    folder.mkdir()
    (folder / "README").write_text("hello\n")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "README"], [*identity, "commit", "-q", "-m", "begin the book"]):  # fmt: skip
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_page = self.path == "/page.html"
        body = _PAGE if is_page else b""
        self.send_response(200 if is_page else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Be silent."""


@contextlib.contextmanager
def serving_page() -> Iterator[str]:
    """Serve one page to read; return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/page.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
