"""What a call costs with 10,000 keys, tools, policies and roles, and after a long audit log."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import longlog, machine, targets
from bench.asking import first_call, load
from bench.table import Figures
from bench.targets import Target

from yett.authentication.build import build_registry
from yett.core.clock import SystemClock
from yett.storage.build import open_database

MANY: Final = 10_000
FEW: Final = 10
_CALLERS: Final = 64
_SERVERS: Final = 20
_ROUNDS: Final = 3
_YEAR: Final = 31_536_000.0
_QUIET_SECONDS_MAX: Final = 300.0


def visit(folder: Path, seconds: float, records: int, figures: Figures) -> None:
    small, large = folder / "few", folder / "many"
    callers = {place: furnish(place, count) for place, count in ((small, FEW), (large, MANY))}
    costs: dict[Path, list[float]] = {small: [], large: []}
    for number in range(_ROUNDS):
        for place, count in ((small, FEW), (large, MANY)):
            with targets.upstream(
                folder, targets.UPSTREAM_PORT, machine.BESIDE, "--tools", str(tools_of_each(count))
            ):
                begun = time.perf_counter()
                with targets.gate(place, callers[place][0][0], "/mcp") as gate:
                    took = first_call(gate, begun, tool=callers[place][0][1], seconds=300.0)
                    costs[place].append(_cost(folder, gate, seconds, callers[place]))
                    if place is large:
                        figures.add(start_many=took, memory_many=machine.memory(gate.pids[0]))
        figures.add(growth=costs[large][number] / costs[small][number])
    _long_log(folder, small, seconds, records, callers[small], figures)


def _long_log(
    folder: Path, short: Path, seconds: float, records: int, callers: Sequence[tuple[str, str]], figures: Figures
) -> None:  # fmt: skip
    """The few of everything, with a short log and with a long one, in turn."""
    long = folder / "long"
    shutil.copytree(short, long)
    longlog.extend(long / ".yett" / "audit", records)
    figures.add(records=records)
    with targets.upstream(folder, targets.UPSTREAM_PORT, machine.BESIDE, "--tools", "1"):
        for _ in range(_ROUNDS):
            costs, took = [], 0.0
            for place in (short, long):
                begun = time.perf_counter()
                with targets.gate(place, callers[0][0], "/mcp") as gate:
                    took = first_call(gate, begun, tool=callers[0][1])
                    costs.append(_cost(folder, gate, seconds, callers))
            figures.add(growth_log=costs[1] / costs[0], start_log=took)


def _cost(folder: Path, gate: Target, seconds: float, callers: Sequence[tuple[str, str]]) -> float:
    """Of a gate that has pinned, signed and indexed what it found at its start."""
    wait_until_quiet(gate.pids[0])
    load(folder, gate, seconds=1.0, connections=_CALLERS, among=callers)
    return load(folder, gate, seconds=seconds, connections=_CALLERS, among=callers).processor_us


def wait_until_quiet(pid: int) -> None:
    """Return when a gate does nothing that takes time: it may be signing what it found."""
    end = time.monotonic() + _QUIET_SECONDS_MAX
    while time.monotonic() < end:
        before = machine.processor_seconds(pid)
        time.sleep(2.0)
        if machine.processor_seconds(pid) - before < 0.1:
            return


def tools_of_each(count: int) -> int:
    """Return how many each server has, so that they have so many together."""
    return -(-count // _SERVERS)


def furnish(place: Path, count: int) -> list[tuple[str, str]]:
    """Write a configuration with so many tools, roles and policies, and make so many keys; return keys and
    the tools that they may call, no more than there are callers."""
    place.mkdir()
    numbers = range(count)
    each = tools_of_each(count)
    tools = "".join(f"      more_{n}: {{access: read}}\n" for n in range(each))
    server = f"    url: http://127.0.0.1:{targets.UPSTREAM_PORT}/mcp\n    tools:\n{tools}"
    servers = "".join(f"  up{n}:\n{server}" for n in range(_SERVERS))
    roles = "".join(f'  r{n}: ["up{n // each}.more_{n % each}:read"]\n' for n in numbers)
    head, _, rest = targets.CONFIGURATION.partition("servers:\n")
    limits = rest[rest.index("limits:") :]
    (place / "yett.yaml").write_text(f"{head}servers:\n{servers}roles:\n{roles}{limits}")
    (place / "policies").mkdir()
    (place / "policies" / "many.cedar").write_text(
        "".join(
            f'@id("p{n}") forbid (principal in Role::"r{n}", action, resource == Tool::"up0/none_{n}");\n'
            for n in numbers
        )
    )
    data = place / ".yett"
    data.mkdir(mode=0o700)
    database = open_database(data)
    registry = build_registry(database=database, data=data, clock=SystemClock(), actor="bench")
    keys = [
        registry.create(f"agent-{n}", [f"r{n}"], lifetime_seconds=_YEAR).key.reveal()
        for n in numbers
    ]
    database.close()
    every = max(1, count // _CALLERS)
    return [
        (keys[n].decode(), f"up{n // each}__more_{n % each}") for n in numbers[::every][:_CALLERS]
    ]
