"""Measure the gate beside the server itself, nginx and Envoy, and print the table of figures.

    python -m bench.run                 the whole table, three rounds
    python -m bench.run --quick         processor time per call against nginx's only; fails on a regression
    python -m bench.run --json          one JSON object instead of the table
    python -m bench.run --quick --move  write what was measured into bench/baseline.json

Every control of the gate is on: key, Cedar policies, schema, rates, concurrency, a budget with a priced
tool, breakers, pins, sanitising with all detectors, durable intent and outcome. What is measured has the
first core, load and upstream have the last. Needs cc, nginx and taskset; Envoy if `make bench` could
install it. Judge by processor time and by ratios: absolute rates move with whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from bench import growth, machine, quick, rounds, table, targets


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one figure, under a minute")
    parser.add_argument(
        "--move", action="store_true", help="make what --quick measures the baseline"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--no-growth", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--records", type=int, default=10_000_000, help="of the long audit log")
    options = parser.parse_args()
    missing = [tool for tool in ("cc", "nginx", "taskset") if not shutil.which(tool)]
    if missing:
        names = ", ".join(missing)
        print(f"bench: {names} not found; on Debian: apt-get install gcc nginx-light util-linux")
        return 2
    with tempfile.TemporaryDirectory(prefix="yett-bench-") as name:
        folder = Path(name)
        if options.quick:
            return quick.main(folder, move=options.move, as_json=options.json)
        return _measure(folder, options)


def _measure(folder: Path, options: argparse.Namespace) -> int:
    key = targets.prepare(folder, everything=True)
    figures = table.Figures()
    for number in range(options.rounds):
        print(f"bench: round {number + 1} of {options.rounds}", file=sys.stderr)
        rounds.visit(folder, key, options.seconds, figures)
    if not options.no_growth:
        print("bench: growth", file=sys.stderr)
        growth.visit(folder, options.seconds, options.records, figures)
    if options.json:
        print(json.dumps({"machine": machine.description(), **figures.as_json()}))
    else:
        print(machine.description())
        print(figures.as_text())
    return 1 if figures.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
