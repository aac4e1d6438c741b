"""What it costs a gate to count together with others: CPU per call, with limits in its own memory and in Redis.

    python -m bench.shared [CALLS]

Both gates run at the same time and are asked in turn, so what else the machine does falls on both.
"""

import http.client
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.outside.gate import Gate, Key
from tests.outside.upstream import Upstream, serving, tool
from tests.postgres import serving_postgres
from tests.valkey import serving_valkey

ROUNDS = 5
_TICKS = os.sysconf("SC_CLK_TCK")
LIMITS = "limits: {every_key: {rate: [1000000/minute, 100000000/day], concurrency: 100}}\n"


def configuration(upstream: Upstream, shared: str) -> str:
    servers = (
        f'servers: {{files: {{url: "{upstream.url}"}}}}\nroles: {{reader: ["files.*:read"]}}\n'
    )
    return servers + LIMITS + shared


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def ask(connection: http.client.HTTPConnection, key: Key, calls: int) -> None:
    body = json.dumps({"tool": "files", "operation": "read", "input": {"word": "x"}})
    headers = {"Authorization": f"Bearer {key.secret}", "Content-Type": "application/json"}
    for _ in range(calls):
        connection.request("POST", "/v1/execute", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status


def main(calls: int) -> None:
    with (
        serving_postgres() as postgres,
        serving_valkey() as valkey,
        serving(tool("read")) as upstream,
    ):
        postgres.run("create database yett")
        password = valkey.folder / "password"
        password.write_text(postgres.password)
        password.chmod(0o600)
        address = f"postgresql://postgres@127.0.0.1:{postgres.port}/yett"
        shared = (
            f'storage: {{url: "{address}", password: "file:{password}"}}\ncounters: {valkey.url}\n'
        )
        found: dict[str, list[float]] = {}
        gates = {
            name: Gate(Path(tempfile.mkdtemp(prefix="yett-shared-")), configuration(upstream, text))
            for name, text in (("alone", ""), ("shared", shared))
        }
        asking = {}
        for name, gate in gates.items():
            gate.start()
            key = gate.key("bench")
            while gate.execute("files", "read", key, word="x").status != 200:
                time.sleep(0.1)
            asking[name] = (gate.connection(), key)
        for _ in range(ROUNDS):
            for name, gate in gates.items():
                before = cpu_seconds(gate.pid)
                ask(*asking[name], calls)
                spent = (cpu_seconds(gate.pid) - before) / calls * 1e6
                found.setdefault(name, []).append(spent)
        for gate in gates.values():
            gate.stop()
        alone, together = min(found["alone"]), min(found["shared"])
        print(
            f"CPU per call, one caller: alone {alone:.0f} µs, shared {together:.0f} µs, added {together - alone:.0f} µs"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
