"""Measure the gate beside a direct call and nginx, in the same visit, and print the ratios.

    python bench/run.py            three rounds
    python bench/run.py --quick    one short round (CI)

Every control of the gate is on: key, Cedar policies, schema, rates, concurrency, a budget with a priced
tool, breakers, pins, sanitising with detectors, durable intent and outcome. The gate has core 0, load and
upstream have core 1. Needs cc, wrk and nginx. Judge by CPU per call and by the ratios: absolute rates move
with whatever else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORT, ADMIN_PORT = 18180, 18181

CONFIGURATION = f"""\
mode: development
listen: 127.0.0.1:{PORT}
admin: {{listen: 127.0.0.1:{ADMIN_PORT}}}
servers:
  up:
    url: http://127.0.0.1:9100/mcp
    tools:
      echo: {{access: read, rate: [900000000/minute, 900000000/day], cost: 0.000001 USD}}
      blob: {{access: read, rate: 900000000/minute}}
      add: {{access: read}}
roles:
  bench: ["up.*:read"]
limits:
  every_key: {{rate: [900000000/minute, 900000000/day], concurrency: 1000, budget: 100000 USD/day}}
"""

POLICY = """\
@id("no-dummies")
forbid (principal, action, resource == Tool::"up/dummy_1");
"""

# figure, what it must be, how it compares
TARGETS = (
    ("CPU per call, µs", 150.0, "<="),
    ("throughput against nginx", 0.2, ">="),
    ("added median latency, 1 caller, ms", 1.0, "<="),
    ("memory after load, MiB", 120.0, "<="),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--out", type=Path, help="also write the raw figures here, one JSON per line"
    )
    options = parser.parse_args()
    missing = [tool for tool in ("cc", "wrk", "nginx", "taskset") if not shutil.which(tool)]
    if missing:
        print(
            f"bench: {', '.join(missing)} not found; on Debian: apt-get install gcc wrk nginx-light util-linux"
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="yett-bench-") as folder:
        return measure(Path(folder), options)


def measure(folder: Path, options: argparse.Namespace) -> int:
    key = prepare(folder)
    raw = folder / "runs.jsonl"
    rounds, seconds = (1, 3) if options.quick else (options.rounds, 5)
    command = [
        sys.executable,
        "compare.py",
        str(folder / "gateways.toml"),
        "-t",
        "yett",
        "-n",
        str(rounds),
    ]
    command += ["--secs", str(seconds), "--lat-secs", "1.5", "--out", str(raw)]
    environment = {**os.environ, "YETT_BENCH_KEY": key}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    runs = [json.loads(line) for line in raw.read_text().splitlines()]
    if options.out:
        options.out.write_text(raw.read_text())
    failed = [run for run in runs if "error" in run]
    if failed:
        print(f"bench: {failed[0]['error']}\n{(folder / 'yett.log').read_text()[-2000:]}")
        return 1
    return report(runs)


def prepare(folder: Path) -> str:
    """Build the upstream, write both configurations, make a key; return the key."""
    for name in ("compare.py", "mcplat.py", "mcp.lua", "nginx.conf"):
        shutil.copy(HERE / name, folder / name)
    build = [
        "cc",
        "-O2",
        "-Wall",
        "-Wextra",
        "-o",
        str(folder / "upstream"),
        str(HERE / "upstream.c"),
        "-lpthread",
    ]
    subprocess.run(build, check=True)
    (folder / "run").mkdir()
    (folder / "yett.yaml").write_text(CONFIGURATION)
    (folder / "policies").mkdir()
    (folder / "policies" / "bench.cedar").write_text(POLICY)
    yett = [sys.executable, "-m", "yett"]
    made = subprocess.run(
        [*yett, "key", "create", "bench", "--role", "bench", "--json", "--config", str(folder / "yett.yaml")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    key = str(json.loads(made.stdout)["key"])
    (folder / "gateways.toml").write_text(f"""\
logs = "{folder}"
[[target]]
name = "nginx"
start = "nginx -p {folder}/ -c nginx.conf"
url = "http://127.0.0.1:9201/mcp"
auth = "Bearer bench-token-0123456789abcdef"
[[target]]
name = "yett"
start = "{sys.executable} -m yett up --config {folder}/yett.yaml"
url = "http://127.0.0.1:{PORT}/mcp/up"
auth = "Bearer {key}"
modern = true
""")
    return key


def report(runs: list[dict[str, dict[str, float]]]) -> int:
    def middle(values: list[float]) -> float:
        return statistics.median(values) if values else float("nan")

    cpu = middle([run["wrk:yett"]["cpu_us"] for run in runs])
    ratio = middle([run["wrk:yett"]["ok_rps"] / run["wrk:nginx"]["ok_rps"] for run in runs])
    added = middle(
        [(run["lat1:yett"]["p50_us"] - run["lat1:direct"]["p50_us"]) / 1000 for run in runs]
    )
    memory = middle([float(run["mem_after"]) for run in runs])  # type: ignore[arg-type]
    bad = sum(int(run["wrk:yett"]["bad"]) for run in runs)
    print(f"{'figure':<40}{'measured':>12}{'wanted':>12}")
    missed = bad > 0
    for (name, wanted, sign), value in zip(TARGETS, (cpu, ratio, added, memory), strict=True):
        passed = value <= wanted if sign == "<=" else value >= wanted
        missed |= not passed
        print(f"{name:<40}{value:>12.2f}{sign:>6}{wanted:>6.2f}  {'pass' if passed else 'MISS'}")
    for name in ("direct", "nginx", "yett"):
        wrk = [run[f"wrk:{name}"] for run in runs]
        rate, cost = (
            middle([item["ok_rps"] for item in wrk]),
            middle([item["cpu_us"] for item in wrk]),
        )
        print(f"  {name:<10}{rate:>10.0f} calls/s  {cost:>8.1f} µs CPU per call")
    modern = middle([run["wrk_modern"]["ok_rps"] for run in runs if "wrk_modern" in run])
    cost = middle([run["wrk_modern"]["cpu_us"] for run in runs if "wrk_modern" in run])
    print(f"  {'yett 2026-07-28':<17}{modern:>3.0f} calls/s  {cost:>8.1f} µs CPU per call")
    print(
        f"  cold start to first good call {middle([float(run['cold_s']) for run in runs]):.2f} s, wrong answers {bad}"
    )  # type: ignore[arg-type]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
