"""A gate that is killed again and again under load: whatever a server saw was written down before.

Some lives here; `make audit-nightly` takes five hundred (python -m tests.outside.test_kills 500).
"""

import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from tests.outside.gate import Gate, Key
from tests.outside.upstream import Upstream, serving, tool, wait_until

LIVES: Final = 3
_ROLES: Final = 'roles: {worker: ["rec.*:read", "rec.*:write"]}\n'
_THREADS: Final = 3
_LOOK_EVERY: Final = 25
_START_SECONDS_MAX: Final = 120
"""It runs for an hour on machines that others use too."""


class Load:
    """Threads that call as fast as they can, each call with a word of its own, until the gate is gone."""

    def __init__(self, gate: Gate, key: Key, life: int) -> None:
        self.answered: list[str] = []
        self._gate, self._key, self._life = gate, key, life
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int) -> None:
        connection = self._gate.connection(timeout=60)
        count = 0
        try:
            while not self._ending.is_set():
                count += 1
                word = f"{self._life}-{number}-{count}"
                name = "change" if count % 3 == 0 else "look"
                body = {"tool": f"rec/{name}", "input": {"word": word}}
                answer = self._gate.request("POST", "/execute", body, key=self._key, on=connection)
                if answer.status == 200:
                    self.answered.append(word)
        except Exception:  # noqa: BLE001 - the gate was killed in the middle of whatever it was
            return
        finally:
            connection.close()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(70)


def kill_again_and_again(folder: Path, rec: Upstream, lives: int, *, tell: bool = False) -> int:
    """Return how many calls the server saw; every one of them is recorded, or this fails."""
    gate = Gate(folder, f"servers: {{rec: {{url: {rec.url}}}}}\n{_ROLES}")
    key = gate.key("worker", "worker")
    moments = random.Random(lives)
    answered: set[str] = set()
    reached: set[str] = set()
    try:
        for life in range(1, lives + 1):
            gate.start_only()
            wait_until(gate.is_ready, _START_SECONDS_MAX)
            load = Load(gate, key, life)
            wait_until(lambda load=load: load.answered, _START_SECONDS_MAX)  # type: ignore[misc]
            time.sleep(moments.uniform(0.0, 0.25))
            gate.kill()
            load.end()
            answered |= set(load.answered)
            reached |= {seen.message["params"]["arguments"]["word"] for seen in rec.works}
            if life % _LOOK_EVERY == 0 or life == lives:
                _look(gate, reached, answered)
                if tell:
                    sys.stdout.write(f"{life} lives, {len(reached)} calls\n")
                    sys.stdout.flush()
    finally:
        gate.kill()
    return len(reached)


def _look(gate: Gate, reached: set[str], answered: set[str]) -> None:
    verdict = gate.yett("audit", "verify")
    assert verdict.startswith("ok "), verdict
    calls = gate.records("--kind", "call")
    recorded = {record["input"]["word"] for record in calls}
    ended = {record["input"]["word"] for record in calls if record["status"] == "ok"}
    assert reached <= recorded, sorted(reached - recorded)[:5]
    assert answered <= ended, sorted(answered - ended)[:5]


def test_a_gate_that_is_killed_again_and_again_has_recorded_all(tmp_path: Path) -> None:
    with serving(tool("look"), tool("change", reads=False)) as rec:
        assert kill_again_and_again(tmp_path, rec, LIVES) > LIVES


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory(prefix="yett-kills-") as name,
        serving(tool("look"), tool("change", reads=False)) as rec,
    ):
        lives = int(sys.argv[1]) if len(sys.argv) > 1 else 500
        calls = kill_again_and_again(Path(name), rec, lives, tell=True)
    sys.stdout.write(
        f"ok killed {lives} times; each of {calls} calls that the server saw is recorded\n"
    )
