"""What a runaway loop costs the others: ten thousand calls as fast as they go, and one caller who asks at leisure.

    python -m bench.runaway

The patient caller's slowest hundredth is compared with that of the seconds before the loop began.
"""

import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.outside.gate import Gate, Key
from tests.outside.upstream import serving, tool

LOOP: int = 10_000
EVERY_SECONDS = 0.005
SECONDS = 8.0
MOST = 1.2


def ask(connection: http.client.HTTPConnection, key: str, word: str) -> tuple[int, float]:
    """Return the status and how many seconds it took."""
    body = json.dumps({"tool": "files", "operation": "read", "input": {"word": word}})
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    began = time.perf_counter()
    connection.request("POST", "/v1/execute", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.perf_counter() - began


def patient(port: int, key: Key) -> float:
    """Ask now and then; return the slowest hundredth in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took, number, end = [], 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        number += 1
        status, seconds = ask(connection, key.secret, f"w{number}")
        assert status == 200, status
        took.append(seconds)
        time.sleep(EVERY_SECONDS)
    took.sort()
    return took[int(len(took) * 0.99)] * 1000


def loop(port: int, key: str) -> None:
    """Make the same call again and again, and print how many were let through."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    statuses = [ask(connection, key, "same")[0] for _ in range(LOOP)]
    print(statuses.count(200), statuses.count(429))


def main() -> None:
    with serving(tool("read")) as upstream, tempfile.TemporaryDirectory() as folder:
        gate = Gate(
            Path(folder),
            f"servers: {{files: {{url: {upstream.url}}}}}\n"
            'roles: {reader: ["files.*:read"]}\n'
            "limits: {breaker: {identical: 20/minute}}\n",
        )
        good, bad = gate.key("patient", "reader"), gate.key("runaway", "reader")
        gate.start()
        try:
            patient(gate.port, good)  # the first calls of all wait for the server
            before = patient(gate.port, good)
            words = [sys.executable, "-m", "bench.runaway", str(gate.port), bad.secret]
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as wild:
                during = patient(gate.port, good)
                passed, refused = (wild.communicate()[0] or "0 0").split()
        finally:
            gate.stop()
    verdict = "pass" if during <= MOST * before and int(passed) <= 20 else "MISS"
    print(f"let through {passed} of {LOOP}, refused {refused}")
    print(
        f"p99 of the other {before:.2f} ms before, {during:.2f} ms meanwhile (<= {MOST} times): {verdict}"
    )


if __name__ == "__main__":
    loop(int(sys.argv[1]), sys.argv[2]) if len(sys.argv) > 1 else main()
