"""What is measured: the server itself, nginx, Envoy and the gate, each with its configuration."""

from __future__ import annotations

import compileall
import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import machine

UPSTREAM_PORT, DIRECT_PORT, NGINX_PORT, ENVOY_PORT = 9100, 9101, 9201, 9311
PORT, ADMIN_PORT = 18180, 18181
TOKEN = "bench-token-0123456789abcdef"

CONFIGURATION = f"""\
mode: development
listen: 127.0.0.1:{PORT}
admin: {{listen: 127.0.0.1:{ADMIN_PORT}}}
servers:
  up:
    url: http://127.0.0.1:{UPSTREAM_PORT}/mcp
    tools:
      echo: {{access: read, rate: [900000000/minute, 900000000/day], cost: 0.000001 USD}}
      blob: {{access: read, rate: 900000000/minute}}
      add: {{access: read}}
roles:
  bench: ["up.*:read"]
limits:
  every_key: {{rate: [900000000/minute, 900000000/day], concurrency: 1000, budget: 100000 USD/day}}
"""

# The same server, once more for what is written, for answers as streams, and over a pipe.
MORE = """\
  ledger:
    url: http://127.0.0.1:{upstream}/mcp
    tools:
      echo: {{access: write, rate: [900000000/minute, 900000000/day], cost: 0.000001 USD}}
  stream:
    url: http://127.0.0.1:{upstream}/mcp?sse=100
    tools:
      echo: {{access: read, rate: [900000000/minute, 900000000/day], cost: 0.000001 USD}}
  pipe:
    command: [{program}, --stdio]
    tools:
      echo: {{access: read, rate: [900000000/minute, 900000000/day], cost: 0.000001 USD}}
"""
MORE_GRANTS = ', "ledger.*:write", "stream.*:read", "pipe.*:read"'

POLICY = """\
@id("no-dummies")
forbid (principal, action, resource == Tool::"up/dummy_1");
"""


@dataclass(frozen=True)
class Target:
    """pids: what its processor time is the sum of. path: where tools/call goes. key: without `Bearer`."""

    name: str
    port: int
    pids: tuple[int, ...]
    path: str = "/mcp"
    key: str = TOKEN

    def at(self, path: str) -> Target:
        return Target(self.name, self.port, self.pids, path, self.key)


def prepare(folder: Path, *, everything: bool = False) -> str:
    """Build the programs, write the gate's configuration, make a key; return the key."""
    # As an installer does; some environments keep Python from doing it, and then each start compiles 550 modules.
    compileall.compile_dir(machine.HERE.parent / "src", quiet=2)
    machine.build(folder, "upstream", "-lpthread")
    machine.build(folder, "load", "-lm")
    (folder / "run").mkdir()
    text = CONFIGURATION
    if everything:
        more = MORE.format(upstream=UPSTREAM_PORT, program=folder / "upstream")
        text = text.replace("roles:\n", more + "roles:\n")
        text = text.replace('"up.*:read"', '"up.*:read"' + MORE_GRANTS)
    (folder / "yett.yaml").write_text(text)
    (folder / "policies").mkdir()
    (folder / "policies" / "bench.cedar").write_text(POLICY)
    return make_key(folder)


def make_key(folder: Path) -> str:
    made = subprocess.run(
        [machine.PYTHON, "-m", "yett", "key", "create", "bench", "--role", "bench", "--json",
         "--config", str(folder / "yett.yaml")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(f"no key: {made.stderr}")
    return str(json.loads(made.stdout)["key"])


@contextlib.contextmanager
def upstream(folder: Path, port: int, core: int, *options: str) -> Iterator[Target]:
    command: list[str | Path] = [folder / "upstream", "--port", str(port), *options]
    with machine.process(command, core, folder / "upstream.log") as pid:
        machine.wait_for_port(port, pid)
        yield Target("direct", port, (pid,))


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Target]:
    text = (machine.HERE / "nginx.conf").read_text()
    (folder / "nginx.conf").write_text(text)
    command = ["nginx", "-p", f"{folder}/", "-c", "nginx.conf"]
    with machine.process(command, machine.UNDER_TEST, folder / "nginx.log") as pid:
        machine.wait_for_port(NGINX_PORT, pid)
        yield Target("nginx", NGINX_PORT, (pid, *machine.children_of(pid)))


@contextlib.contextmanager
def envoy(folder: Path, program: str) -> Iterator[Target]:
    (folder / "envoy.yaml").write_text((machine.HERE / "envoy.yaml").read_text())
    command = [
        program,
        "-c",
        "envoy.yaml",
        "--concurrency",
        "1",
        "-l",
        "warning",
        "--disable-hot-restart",
    ]
    with machine.process(command, machine.UNDER_TEST, folder / "envoy.log", folder) as pid:
        machine.wait_for_port(ENVOY_PORT, pid)
        yield Target("envoy", ENVOY_PORT, (pid,))


@contextlib.contextmanager
def gate(folder: Path, key: str, path: str = "/mcp/up") -> Iterator[Target]:
    command: list[str | Path] = [
        machine.PYTHON,
        "-m",
        "yett",
        "up",
        "--config",
        folder / "yett.yaml",
    ]
    with machine.process(command, machine.UNDER_TEST, folder / "yett.log") as pid:
        yield Target("yett", PORT, (pid,), path, key)
