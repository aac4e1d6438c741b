"""The fixture, a gate before it, and the shim before that: what the suite of servers is aimed at."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance import shim
from tests.outside.gate import REST, ROOT, Agent, Gate, as_yaml, free_port
from tests.outside.upstream import wait_until

_CONFIGURATION: Final = """
allowed_hosts: ["127.0.0.1:{shim}", "localhost:{shim}"]
servers:
  everything:
    {server}
    may_ask: [elicitation, sampling, roots]
roles: {{reader: ["everything.*:read", "everything.*:write"]}}
limits: {{breaker: {{failures: 100000}}}}
"""
_FIXTURE: Final = [sys.executable, "-m", "tests.conformance.fixture"]
_PROGRAM: Final = f"command: {as_yaml(_FIXTURE)}\n    cwd: {ROOT}"
_START_SECONDS_MAX: Final = 20.0
STDIO: Final = "stdio"


@dataclass(frozen=True)
class Stand:
    """direct: where the fixture is. gated: where the suite finds it through the gate."""

    direct: str
    gated: str
    gate: Gate

    def mistakes(self) -> list[str]:
        """Return what the gate says of its own mistakes since it started."""
        return [line for line in self.gate.printed().splitlines() if "Traceback" in line]


@contextlib.contextmanager
def standing(behind: str, folder: Path) -> Iterator[Stand]:
    """behind: the era of a fixture with an address, or `stdio`: one that the gate starts."""
    with fixture("both" if behind == STDIO else behind) as port:
        listening = free_port()
        server = _PROGRAM if behind == STDIO else f"url: http://127.0.0.1:{port}/mcp"
        gate = Gate(folder, _CONFIGURATION.format(shim=listening, server=server))
        key = gate.key("suite", "reader")
        gate.start()
        try:
            wait_until(lambda: Agent(gate, key, REST).tools(), _START_SECONDS_MAX)
            with shim.leading(listening, gate.port, key.secret) as address:
                yield Stand(f"http://127.0.0.1:{port}/mcp", f"{address}/mcp/everything", gate)
        finally:
            gate.stop()


@contextlib.contextmanager
def fixture(era: str) -> Iterator[int]:
    """Serve it; yield the port."""
    port = free_port()
    command = [*_FIXTURE, "--port", str(port), "--era", era]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: listens(port), _START_SECONDS_MAX)
            yield port
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
