"""`python -m fuzz.run [--seconds N] [TARGET…]`: fuzz with atheris, one process per target.

What breaks a target is left as `fuzz/found/crash-…`, to be put into a test.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from fuzz.seeds import seeds
from fuzz.targets import TARGETS

FOUND: Final = Path(__file__).with_name("found")
_INPUT_BYTES_MAX: Final = 8_192


def main() -> int:
    """Run the targets; return 1 if one was broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options.add_argument("--seconds", type=int, default=60, help="For each target.")
    chosen = options.parse_args()
    if unknown := set(chosen.targets) - TARGETS.keys():
        options.error(f"no target {', '.join(unknown)}")
    failed = [name for name in chosen.targets or TARGETS if not _run(name, chosen.seconds)]
    print("found something in: " + ", ".join(failed) if failed else "found nothing")
    return 1 if failed else 0


def _run(name: str, seconds: int) -> bool:
    FOUND.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(name)):
            (Path(folder) / f"{number}").write_bytes(seed)
        print(f"{name}: {seconds} s", flush=True)
        line = [
            *(sys.executable, "-m", "fuzz.one", name),
            *(f"-max_total_time={seconds}", f"-max_len={_INPUT_BYTES_MAX}", "-rss_limit_mb=2048"),
            *(f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=1", "-verbosity=0"),
            folder,
        ]
        done = subprocess.run(line, check=False, capture_output=True, text=True)
    told = [text for text in done.stderr.splitlines() if "number_of_executed" in text]
    print("  " + (told[0] if told else "no figures"))
    if done.returncode:
        print(done.stderr[-4_000:])
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
