"""Count what one `tools/call` makes the gate do: instructions, Python functions, bytecodes, calls into C.

    python -m bench.count             instructions (needs valgrind and cc) and the steps of each stage
    python -m bench.count --steps     only the steps, which takes seconds
    python -m bench.count --modern    the steps of a call of 2026-07-28, which has no session
    python -m bench.count --stream    the steps of each event of an answer that is a stream of a hundred
    python -m bench.count --stdio     the steps of a call to a server that is a process
    python -m bench.count --many N    the steps with N keys, tools, policies and roles
    python -m bench.count --profile   also the C functions that take most instructions
    python -m bench.count --detail FILE   also the steps of each function

Time is no measure on a machine that others use; these numbers are the same in every run. The gate is
the real one (`yett up`), with the configuration of `bench/targets.py`. Instructions are those of the whole
process in user space, threads included, in some seconds with many calls, less those of as many seconds
with a quarter of them: what the gate does beside calls falls out. Steps are told by the interpreter
(`sys.setprofile`, `sys.settrace`) and put to the stage whose file they stand in.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench import growth, machine, targets
from bench.count_load import CONNECTIONS, STREAM, Load

PORT, ADMIN_PORT, UPSTREAM_PORT = 18182, 18183, 9102
_EVENTS = 100
_STAGE = re.compile(r"/yett/(?:(edge|upstreams)/(?:backends/)?(\w+)/|(\w+)[/.])")


class Gate:
    """The upstream and the gate, `before` in front of the gate's command."""

    def __init__(
        self, folder: Path, key: str, before: list[str], seconds: float, *more: str
    ) -> None:
        """more: options of the upstream."""
        self.counts = folder / "counts.json"
        upstream = [str(folder / "upstream"), "--port", str(UPSTREAM_PORT), *more]
        command = [*before, sys.executable, "-m", "bench.watched", str(folder), str(self.counts)]
        with (folder / "gate.log").open("wb") as log:
            self._upstream = subprocess.Popen(upstream, stdout=log, stderr=log)
            self._gate = subprocess.Popen(command, stdout=log, stderr=log)
        self.pid = self._gate.pid
        self._key = key
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", PORT)).close()
                return
            if time.monotonic() > end or self._gate.poll() is not None:
                self.stop()
                raise SystemExit(
                    f"count: the gate did not start\n{(folder / 'gate.log').read_text()}"
                )
            time.sleep(0.1)

    def load(self, server: str, tool: str = "echo", *, modern: bool) -> Load:
        return Load(PORT, self._key, server, tool, modern=modern)

    def count(self, load: Load, rounds: int, events: int) -> dict[tuple[str, str, str], float]:
        """Return per event of a call what the next way of counting sees."""
        self.counts.unlink(missing_ok=True)
        self._gate.send_signal(signal.SIGUSR1)
        time.sleep(0.2)
        load.call(rounds)
        self._gate.send_signal(signal.SIGUSR2)
        while not self.counts.exists():
            time.sleep(0.05)
        each = rounds * CONNECTIONS * events
        return {(a, b, c): n / each for a, b, c, n in json.loads(self.counts.read_text())}

    def stop(self) -> None:
        for process in (self._gate, self._upstream):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20.0)
            process.kill()


def count_steps(gate: Gate, detail: Path | None, server: str, tool: str, *, modern: bool) -> None:
    """server: which one is called. Of one with streams, the steps of each event are told."""
    rounds, each = (5, _EVENTS) if server == STREAM else (60, 1)
    try:
        load = gate.load(server, tool, modern=modern)
        load.call(rounds // 2)
        calls = gate.count(load, rounds, each)
        bytecodes = gate.count(load, rounds, each)
        load.close()
    finally:
        gate.stop()
    table: dict[str, Counter[str]] = {}
    for (kind, file, _), number in [*calls.items(), *bytecodes.items()]:
        table.setdefault(_stage(file), Counter())[kind] += number  # type: ignore[assignment]
    kinds = ("functions", "calls into C", "bytecodes")
    print(f"\n{'stage':<24}" + "".join(f"{kind:>14}" for kind in kinds))
    for stage, row in sorted(table.items(), key=lambda item: -item[1]["bytecodes"]):
        if row["bytecodes"] >= 0.5:
            print(f"{stage:<24}" + "".join(f"{row[kind]:>14.1f}" for kind in kinds))
    print(
        f"{'whole':<24}" + "".join(f"{sum(row[k] for row in table.values()):>14.1f}" for k in kinds)
    )
    if detail is not None:
        seen = [*calls.items(), *bytecodes.items()]
        lines = sorted(
            ((n, kind, _stage(file), name) for (kind, file, name), n in seen), reverse=True
        )
        rows = (
            f"{n:9.2f} {k:<13} {stage:<22} {name}\n" for n, k, stage, name in lines if n > 0.005
        )
        detail.write_text("".join(rows))


def _stage(file: str) -> str:
    found = _STAGE.search(file)
    if found is None:
        return "elsewhere"
    return found[3] or f"{found[1]}/{found[2]}"


def count_instructions(folder: Path, key: str, rounds: int, *, profile: bool) -> None:
    out = folder / "callgrind.out"
    before = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    gate = Gate(folder, key, before, 240.0)

    def spent(load: Load, rounds: int, seconds: float) -> tuple[float, float]:
        """Return the instructions of so many rounds and the rest of `seconds`, and how long it took."""
        began = time.monotonic()
        _control(gate.pid, "-z")
        load.call(rounds)
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        took = time.monotonic() - began
        _control(gate.pid, "-d")
        found = re.search(
            r"^totals: (\d+)", _newest(folder).read_text(errors="replace"), re.MULTILINE
        )
        return (float(found[1]) if found else float("nan")), took

    try:
        for name, modern in (("2025-06-18", False), ("2026-07-28", True)):
            load = gate.load("up", modern=modern)
            load.call(3)
            _control(gate.pid, "-i", "on")
            load.call(3)
            began = time.monotonic()
            load.call(rounds)
            # What the gate does beside calls it does once a second, or more often: both take as long.
            seconds = float(int(3.0 * (time.monotonic() - began)) + 3)
            more, took = spent(load, 2 * rounds, seconds)
            while took > seconds + 1.0:  # somebody else needed the machine
                seconds = 1.5 * took
                more, took = spent(load, 2 * rounds, seconds)
            some, _ = spent(load, rounds // 2, took)
            load.close()
            each = (more - some) / ((2 * rounds - rounds // 2) * CONNECTIONS)
            print(f"instructions per tools/call, {name}: {each:,.0f}", flush=True)
            if profile:
                subprocess.run(
                    ["callgrind_annotate", "--threshold=90", _newest(folder)], check=False
                )
            _control(gate.pid, "-i", "off")
    finally:
        gate.stop()


def _newest(folder: Path) -> Path:
    return max(folder.glob("callgrind.out.*"), key=lambda item: item.stat().st_mtime)


def _control(pid: int, *options: str) -> None:
    quiet = subprocess.DEVNULL
    subprocess.run(
        ["callgrind_control", *options, str(pid)], check=True, stdout=quiet, stderr=quiet
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", action="store_true", help="no instructions, only steps")
    parser.add_argument("--profile", action="store_true", help="show the C functions")
    parser.add_argument("--modern", action="store_true", help="steps of a call without a session")
    parser.add_argument("--stream", action="store_true", help="steps of an event of a stream")
    parser.add_argument("--stdio", action="store_true", help="steps of a call to a process")
    parser.add_argument("--many", type=int, help="of keys, tools, policies and roles, for steps")
    parser.add_argument("--detail", type=Path, help="write down here what each function does")
    parser.add_argument("--rounds", type=int, default=20, help="of 16 calls each")
    options = parser.parse_args()
    server = STREAM if options.stream else "pipe" if options.stdio else "up"
    with tempfile.TemporaryDirectory(prefix="yett-count-") as name:
        folder = Path(name)
        if options.many:
            _count_among_many(folder / "many", options.many, options.detail, modern=options.modern)
            return 0
        key = targets.prepare(folder, everything=server != "up")
        _move_ports(folder)
        if not options.steps and server == "up":
            count_instructions(folder, key, options.rounds, profile=options.profile)
        gate = Gate(folder, key, [], 30.0)
        count_steps(gate, options.detail, server, "echo", modern=options.modern)
    return 0


def _count_among_many(folder: Path, many: int, detail: Path | None, *, modern: bool) -> None:
    key, tool = growth.furnish(folder, many)[0]
    machine.build(folder, "upstream", "-lpthread")
    _move_ports(folder)
    gate = Gate(folder, key, [], 120.0, "--tools", str(growth.tools_of_each(many)))
    growth.wait_until_quiet(gate.pid)
    count_steps(gate, detail, "", tool, modern=modern)


def _move_ports(folder: Path) -> None:
    text = (folder / "yett.yaml").read_text()
    for old, new in (
        (targets.PORT, PORT),
        (targets.ADMIN_PORT, ADMIN_PORT),
        (targets.UPSTREAM_PORT, UPSTREAM_PORT),
    ):
        text = text.replace(f":{old}", f":{new}")
    (folder / "yett.yaml").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
