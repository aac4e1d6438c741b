"""The one figure that CI watches: processor time per call against nginx's of the same minute.

A ratio of processor times survives a slow machine, though not every neighbour: so it is the median of
several short visits, and what looks bad is looked at twice more before anybody is blamed. `bench/baseline.json` holds
what it was; after a change that is meant to cost more (or less), `--move` writes it anew.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Final

from bench import machine, targets
from bench.asking import MODERN, first_call, load

BASELINE: Final = machine.HERE / "baseline.json"
MORE_MOST: Final = 1.25
_VISITS: Final = 5
_LOOKS: Final = 3
_SECONDS: Final = 0.6


def main(folder: Path, *, move: bool, as_json: bool) -> int:
    """Return 1 if a call costs a quarter more than the baseline says."""
    key = targets.prepare(folder)
    baseline: dict[str, float] = json.loads(BASELINE.read_text())["against_nginx"]
    found = _measure(folder, key)
    for _ in range(_LOOKS - 1):
        if move or not _worse(found, baseline):
            break
        again = _measure(folder, key)
        found = {name: min(value, again[name]) for name, value in found.items()}
    if move:
        text = {"against_nginx": {name: round(value, 2) for name, value in found.items()}}
        BASELINE.write_text(json.dumps(text, indent=2) + "\n")
    if as_json:
        print(json.dumps({"against_nginx": found, "baseline": baseline}))
    else:
        for name, value in found.items():
            was = baseline[name]
            print(
                f"CPU per call against nginx's, {name}: {value:.2f}, was {was:.2f} ({value / was - 1:+.0%})"
            )
    worse = [] if move else _worse(found, baseline)
    if worse:
        print(
            "bench: a call costs over a quarter more than before. If that is meant:"
            " python -m bench.run --quick --move",
            file=sys.stderr,
        )
    return 1 if worse else 0


def _worse(found: dict[str, float], baseline: dict[str, float]) -> list[str]:
    return [name for name, value in found.items() if value > MORE_MOST * baseline[name]]


def _measure(folder: Path, key: str) -> dict[str, float]:
    ratios: dict[str, list[float]] = {"2025-06-18": [], "2026-07-28": []}
    with (
        targets.upstream(folder, targets.UPSTREAM_PORT, machine.BESIDE),
        targets.nginx(folder) as nginx,
        targets.gate(folder, key) as gate,
    ):
        first_call(gate, 0.0, float("inf"))
        load(folder, nginx, seconds=0.3)
        load(folder, gate, seconds=1.0)
        for _ in range(_VISITS):
            beside = load(folder, nginx, seconds=_SECONDS).processor_us
            legacy = load(folder, gate, seconds=_SECONDS).processor_us
            modern = load(folder, gate, seconds=_SECONDS, version=MODERN).processor_us
            ratios["2025-06-18"].append(legacy / beside)
            ratios["2026-07-28"].append(modern / beside)
    return {name: statistics.median(values) for name, values in ratios.items()}
