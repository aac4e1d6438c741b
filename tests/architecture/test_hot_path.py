"""Which modules a plain call runs, seen in a real gate: the compiled form has to know each of them."""

import asyncio
import http.client
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from scripts.compile import AS_IT_IS, HOT

from tests.outside.gate import ROOT, Agent, Gate
from tests.outside.upstream import MODERN, wait_until
from tests.servers.mcp_http import HttpServer, Request, Writer, whole
from yett.core.document import encode

CALLS = 40
CONFIGURATION = """\
servers:
  rec: {{url: "{url}", tools: {{echo: {{access: read, cost: 0.0001 USD}}}}}}
roles: {{reader: ["rec.*:read"]}}
limits:
  every_key: {{rate: 100000/minute, budget: 100 USD/day}}
"""
SCHEMA = {"type": "object", "properties": {"message": {"type": "string"}}}


async def test_every_module_that_a_plain_call_runs_is_known_to_the_compiler(tmp_path: Path) -> None:
    async with HttpServer(oddity=list_schema) as server:
        gate = Gate(tmp_path, CONFIGURATION.format(url=server.url))
        of_a_call = await asyncio.to_thread(modules_of_calls, gate)

    assert {"pipeline.py", "edge/mcp/plain.py", "edge/mcp/repeated.py"} <= of_a_call
    assert "sanitising/shape.py" not in of_a_call  # they were plain
    assert of_a_call - set(HOT) == set(AS_IT_IS)


async def list_schema(request: Request, writer: Writer) -> bool:
    if request.method != "tools/list":
        return False
    listed = {"name": "echo", "inputSchema": SCHEMA, "annotations": {"readOnlyHint": True}}
    result = {"resultType": "complete", "tools": [listed]}
    writer.write(whole(encode({"jsonrpc": "2.0", "id": request.message["id"], "result": result})))
    return True


def modules_of_calls(gate: Gate) -> set[str]:
    """Return the modules of which a function ran as often as one of the two doors was called."""
    key = gate.key("laptop")
    counts = gate.folder / "counts.json"
    command = [sys.executable, "-m", "bench.watched", str(gate.folder), str(counts)]
    with (gate.folder / "out.log").open("wb") as log:
        gate.process = process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    agents = [(Agent(gate, key, door), gate.connection()) for door in ("2025-06-18", MODERN)]
    try:
        wait_until(gate.is_ready, 30)
        call_each(agents, 5)
        process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        call_each(agents, CALLS)
        process.send_signal(signal.SIGUSR2)
        wait_until(counts.exists)
    finally:
        for _, connection in agents:
            connection.close()
        gate.kill()
    return {
        path.rpartition("/src/yett/")[2]
        for kind, path, _, times in json.loads(counts.read_text())
        if kind == "functions" and "/src/yett/" in path and times >= CALLS
    }  # what ran less often ran beside calls: once a second, or when many were served


def call_each(agents: list[tuple[Agent, http.client.HTTPConnection]], times: int) -> None:
    """As agents do: over one connection, compact, with the same header each time."""
    for _ in range(times):
        for agent, connection in agents:
            params = {"name": "rec__echo", "arguments": {"message": "hello"}}
            message = agent.message("tools/call", params)
            answer = agent.gate.request(
                "POST",
                agent.path,
                json.dumps(message, separators=(",", ":")).encode(),
                key=agent.key,
                on=connection,
                headers=agent.headers("tools/call", message["params"]),
            )
            assert not answer.is_refusal, answer.body
