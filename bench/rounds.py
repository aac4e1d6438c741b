"""One round: every target in turn, in the same minutes."""

from __future__ import annotations

import time
from pathlib import Path

from bench import machine, targets
from bench.asking import MODERN, Load, first_call, load, open_sessions
from bench.table import Figures
from bench.targets import Target

SESSIONS = 1_000
_EVENTS = 100
_GRACE_MS = 3.0
"""What a write may take beside the disk."""


def visit(folder: Path, key: str, seconds: float, figures: Figures) -> None:
    with targets.upstream(folder, targets.UPSTREAM_PORT, machine.BESIDE):
        direct, alone = _direct(folder, seconds, figures)
        with targets.nginx(folder) as nginx:
            load(folder, nginx, seconds=0.5)
            through = load(folder, nginx, seconds=seconds)
        figures.add(rate_nginx=through.rate, cpu_nginx=through.processor_us)
        envoy = _envoy(folder, seconds, figures)
        begun = time.perf_counter()
        with targets.gate(folder, key) as gate:
            figures.add(start=first_call(gate, begun))
            time.sleep(1.5)
            figures.add(memory_idle=machine.memory(gate.pids[0]))
            legacy = _plain(folder, gate, seconds, figures)
            figures.add(
                against_nginx=legacy.rate / through.rate,
                added_16=(legacy.p50_us - direct.p50_us) / max(through.p50_us - direct.p50_us, 1.0),
            )
            if envoy is not None:
                figures.add(against_envoy=legacy.rate / envoy.rate)
            caller = load(folder, gate, seconds=seconds / 2, connections=1)
            figures.add(added_1=caller.p50_us - alone.p50_us)
            reads, writes = _open(folder, gate, seconds, legacy.rate / 2, figures)
            _large(folder, gate, seconds, figures)
            figures.add(memory_load=machine.memory(gate.pids[0]))
            open_sessions(gate, SESSIONS)
            figures.add(memory_sessions=machine.memory(gate.pids[0]))
        _over_direct(folder, seconds, legacy.rate / 2, reads, writes, figures)


def _direct(folder: Path, seconds: float, figures: Figures) -> tuple[Load, Load]:
    """The server itself, on the core of what is measured: with 16 callers, and with one."""
    with targets.upstream(folder, targets.DIRECT_PORT, machine.UNDER_TEST) as direct:
        load(folder, direct, seconds=0.3)
        many = load(folder, direct, seconds=seconds)
        one = load(folder, direct, seconds=seconds / 2, connections=1)
    figures.add(rate_direct=many.rate, cpu_direct=many.processor_us)
    return many, one


def _envoy(folder: Path, seconds: float, figures: Figures) -> Load | None:
    program = machine.find_envoy()
    if program is None:
        figures.note(
            "Envoy was not measured: it is not installed (`make bench` installs it where it can be had)."
        )
        return None
    with targets.envoy(folder, program) as envoy:
        load(folder, envoy, seconds=0.5)
        said = load(folder, envoy, seconds=seconds)
    figures.add(rate_envoy=said.rate, cpu_envoy=said.processor_us)
    return said


def _plain(folder: Path, gate: Target, seconds: float, figures: Figures) -> Load:
    load(folder, gate, seconds=1.0)
    legacy = load(folder, gate, seconds=seconds)
    modern = load(folder, gate, seconds=seconds, version=MODERN)
    figures.add(
        cpu_legacy=legacy.processor_us, cpu_modern=modern.processor_us, rate=legacy.rate,
        wrong=legacy.wrong + modern.wrong,
    )  # fmt: skip
    return legacy


def _open(
    folder: Path, gate: Target, seconds: float, rate: float, figures: Figures
) -> tuple[Load, Load]:
    """Reads and writes at half of what the gate can do, begun at random moments."""
    reads = load(folder, gate, seconds=2 * seconds, connections=64, rate=rate)
    ledger = gate.at("/mcp/ledger")
    load(folder, ledger, seconds=0.3)
    most = load(folder, ledger, seconds=seconds, connections=64)
    figures.add(rate_write=most.rate, sync=machine.sync_milliseconds(folder))
    writes = load(folder, ledger, seconds=2 * seconds, connections=64, rate=most.rate / 2)
    return reads, writes


def _large(folder: Path, gate: Target, seconds: float, figures: Figures) -> None:
    """Long answers, answers that are streams, and a server on a pipe."""
    for name, size in (("cpu_10k", 10_000), ("cpu_100k", 100_000)):
        said = load(
            folder, gate, seconds=seconds, tool="blob", arguments={"bytes": size}, least=size
        )
        figures.add(**{name: said.processor_us})
    stream = gate.at("/mcp/stream")
    said = load(folder, stream, seconds=seconds, progress=True, least=80 * _EVENTS)
    figures.add(cpu_event=said.processor_us / _EVENTS)
    pipe = gate.at("/mcp/pipe")
    load(folder, pipe, seconds=0.3)
    figures.add(cpu_pipe=load(folder, pipe, seconds=seconds).processor_us)


def _over_direct(
    folder: Path, seconds: float, rate: float, reads: Load, writes: Load, figures: Figures
) -> None:
    with targets.upstream(folder, targets.DIRECT_PORT, machine.UNDER_TEST) as direct:
        plain = load(folder, direct, seconds=seconds, connections=64, rate=rate)
    written = (writes.p99_us - plain.p99_us) / 1000
    figures.add(
        p99_read=(reads.p99_us - plain.p99_us) / 1000,
        p99_write=written,
        syncs_write=max(written - _GRACE_MS, 0.0) / figures.values["sync"][-1],
    )
