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

Under valgrind a call takes fifty times as long, so what the gate does every so many milliseconds would
count too often; where that would distort the figure it is made as rare (`_SLOW`).
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
from typing import Any

from bench import growth, machine, targets

CONNECTIONS = 16
PORT, ADMIN_PORT, UPSTREAM_PORT = 18182, 18183, 9102
_SLOW = 50.0
_STREAM, _EVENTS = "stream", 100
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_STAGE = re.compile(r"/yett/(?:(edge|upstreams)/(?:backends/)?(\w+)/|(\w+)[/.])")


# ---------- the gate, watched from inside (runs in a process of its own) ----------
def serve(folder: Path, out: Path) -> None:
    """Be `yett up`. SIGUSR1: count the next way; SIGUSR2: stop and write down what was counted."""
    # The other side of this file needs none of these.
    from yett.audit.backends import committer, file  # noqa: PLC0415
    from yett.cli.root import main  # noqa: PLC0415

    committer._GROUP_SECONDS *= _SLOW  # type: ignore[misc]  # noqa: SLF001 - for this measurement only
    file._LOOK_SECONDS *= _SLOW  # type: ignore[misc]  # noqa: SLF001 - for this measurement only
    ways = iter((_Calls(), _Bytecodes()))
    current: list[Any] = []

    def begin(*_: object) -> None:
        current[:] = [next(ways)]
        current[0].begin()

    def end(*_: object) -> None:
        sys.setprofile(None)
        sys.settrace(None)
        found = [[*key, number] for key, number in current[0].seen.items()]
        whole = out.with_suffix(".part")
        whole.write_text(json.dumps(found))
        whole.replace(out)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    sys.argv = ["yett", "up", "--config", str(folder / "yett.yaml")]
    main()


class _Calls:
    """Entries into Python functions (a coroutine that goes on counts again) and calls into C."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str, str]] = Counter()

    def begin(self) -> None:
        sys.setprofile(self._note)

    def _note(self, frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call":
            self.seen["functions", code.co_filename, code.co_qualname] += 1
        elif event == "c_call":
            name = f"{code.co_qualname} > {argument.__qualname__}"
            self.seen["calls into C", code.co_filename, name] += 1


class _Bytecodes:
    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str, str]] = Counter()

    def begin(self) -> None:
        sys.settrace(self._enter)

    def _enter(self, frame: Any, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._note

    def _note(self, frame: Any, event: str, _argument: Any) -> Any:
        if event == "opcode":
            code = frame.f_code
            self.seen["bytecodes", code.co_filename, code.co_qualname] += 1
        return self._note


# ---------- the load ----------
class Load:
    """Sixteen agents that ask at once and wait for one another."""

    def __init__(self, key: str, server: str, tool: str, *, modern: bool) -> None:
        path = f"/mcp/{server}".rstrip("/")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nAuthorization: Bearer {key}\r\n"
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
        if server == _STREAM:
            meta = meta.replace("{", '{"progressToken":1,', 1) or '"_meta":{"progressToken":1},'
        self._before = (
            f'{{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{{{meta}"name":"{tool}",'
        )
        self._good = b"m-000" if tool == "echo" else b'"text":"ok"'
        self._count = 0
        self._lines = []
        for _ in range(CONNECTIONS):
            line = socket.create_connection(("127.0.0.1", PORT))
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


# ---------- the measurement ----------
class Gate:
    """The upstream and the gate, `before` in front of the gate's command."""

    def __init__(
        self, folder: Path, key: str, before: list[str], seconds: float, *more: str
    ) -> None:
        """more: options of the upstream."""
        self.counts = folder / "counts.json"
        upstream = [str(folder / "upstream"), "--port", str(UPSTREAM_PORT), *more]
        command = [*before, sys.executable, "-m", "bench.count", "--serve", str(folder)]
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
        return Load(self._key, server, tool, modern=modern)

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
    rounds, each = (5, _EVENTS) if server == _STREAM else (60, 1)
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
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.serve / "counts.json")
        return 0
    server = _STREAM if options.stream else "pipe" if options.stdio else "up"
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
