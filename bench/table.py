"""The figures: what each must be, what was measured, and whether that will do."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Wanted:
    """most: as much at most; least: as much at least; neither: a figure that explains others."""

    text: str
    most: float | None = None
    least: float | None = None

    def judge(self, value: float) -> str:
        if self.most is not None:
            return "pass" if value <= self.most else "MISS"
        if self.least is not None:
            return "pass" if value >= self.least else "MISS"
        return ""

    def bound(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g}"
        return "" if self.least is None else f"≥ {self.least:g}"


FIGURES: Final = {
    "cpu_legacy": Wanted("CPU per tools/call, 2025-06-18, µs", most=60),
    "cpu_modern": Wanted("CPU per tools/call, 2026-07-28, µs", most=60),
    "against_nginx": Wanted("throughput against nginx", least=0.5),
    "against_envoy": Wanted("throughput against Envoy's MCP filters", least=3),
    "added_1": Wanted("added median latency, 1 caller, µs", most=150),
    "added_16": Wanted("added median latency, 16 callers, against nginx's", most=1.5),
    "p99_read": Wanted("p99 over direct at half the rate, reads, ms", most=3),
    "p99_write": Wanted("p99 over direct at half the rate, writes, ms"),
    "syncs_write": Wanted("  the same less 3 ms, in syncs of the disk", most=4),
    "cpu_10k": Wanted("CPU per call, 10 kB result, µs", most=120),
    "cpu_100k": Wanted("CPU per call, 100 kB result, µs", most=600),
    "cpu_event": Wanted("CPU per event of an answer of 100, µs", most=10),
    "cpu_pipe": Wanted("CPU per call, stdio server, µs", most=120),
    "memory_idle": Wanted("memory idle, MiB", most=60),
    "memory_load": Wanted("memory after load, MiB", most=80),
    "memory_sessions": Wanted("memory with 1,000 sessions, MiB", most=120),
    "start": Wanted("start to first good call, s", most=0.7),
    "growth": Wanted("CPU per call, 10,000 keys, tools, policies, roles against 10", most=1.1),
    "growth_log": Wanted("CPU per call, long audit log against short", most=1.1),
    "wrong": Wanted("wrong answers", most=0),
    "rate": Wanted("calls/s"),
    "rate_nginx": Wanted("  of nginx"),
    "rate_envoy": Wanted("  of Envoy"),
    "rate_direct": Wanted("  direct"),
    "rate_write": Wanted("  writes"),
    "cpu_nginx": Wanted("CPU per call, nginx, µs"),
    "cpu_envoy": Wanted("CPU per call, Envoy, µs"),
    "cpu_direct": Wanted("CPU per call, direct, µs"),
    "sync": Wanted("fdatasync of this disk, median, ms"),
    "start_many": Wanted("start with 10,000 of everything, s"),
    "start_log": Wanted("start with the long audit log, s"),
    "memory_many": Wanted("memory with 10,000 of everything, MiB"),
    "records": Wanted("records in the long audit log"),
}


@dataclass
class Figures:
    """By name, what each round measured. notes: what could not be measured, and why."""

    values: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            assert name in FIGURES, name
            self.values.setdefault(name, []).append(value)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def missed(self) -> list[str]:
        return [
            name
            for name, values in self.values.items()
            if FIGURES[name].judge(statistics.median(values)) == "MISS"
        ]

    def as_json(self) -> dict[str, Any]:
        rows = {
            name: {
                "what": FIGURES[name].text.strip(),
                "median": statistics.median(values),
                "values": values,
                "wanted": FIGURES[name].bound(),
                "verdict": FIGURES[name].judge(statistics.median(values)).lower(),
            }
            for name, values in self._in_order()
        }
        return {"figures": rows, "notes": self.notes}

    def as_text(self) -> str:
        lines = [f"{'figure':<62}{'median':>11}{'range':>20}{'wanted':>9}"]
        for name, values in self._in_order():
            wanted, middle = FIGURES[name], statistics.median(values)
            spread = f"{_short(min(values))} to {_short(max(values))}" if len(values) > 1 else ""
            lines.append(
                f"{wanted.text:<62}{_short(middle):>11}{spread:>20}{wanted.bound():>9}  {wanted.judge(middle)}".rstrip()
            )
        return "\n".join([*lines, *self.notes])

    def _in_order(self) -> list[tuple[str, list[float]]]:
        return [(name, self.values[name]) for name in FIGURES if name in self.values]


def _short(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
