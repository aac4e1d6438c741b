"""Print how much the secret detectors find and how often they are wrong, per kind.

Usage: python scripts/measure_detection.py [DIRECTORY WITH THE CORPORA]
"""

import base64
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yett.core.document import encode
from yett.sanitising.scanner import shared_scanner

DEFAULT = Path(__file__).parents[1].parent / "shared/corpora"


def read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def found_in(text: str) -> bool:
    """As an answer is read: one pass over the JSON, then the rules that it named."""
    hits = shared_scanner().scan(encode(text))
    return bool(hits and shared_scanner().spans(text.encode(), hits.rules))


def measure(directory: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Return, per heading and kind, how many rows there are and in how many something was found."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in read(directory / "secrets.jsonl"):
        heading = "Secrets found" if row["label"] == "secret" else "Not secrets, flagged"
        rows[heading][row["type"]] += 1
        found[heading][row["type"]] += found_in(base64.b64decode(row["text_b64"]).decode())
    for row in read(directory / "benign_outputs.jsonl"):
        heading = "Benign outputs, flagged"
        text = row["text"].encode("utf-8", "replace").decode()
        rows[heading][row["kind"]] += 1
        found[heading][row["kind"]] += found_in(text)
    return {
        heading: {
            kind: (rows[heading][kind], found[heading][kind]) for kind in sorted(rows[heading])
        }
        for heading in rows
    }


def print_tables(measured: dict[str, dict[str, tuple[int, int]]]) -> None:
    for heading, kinds in sorted(measured.items(), reverse=True):
        total = sum(rows for rows, _ in kinds.values())
        found = sum(number for _, number in kinds.values())
        print(f"### {heading}: {found} of {total}\n")
        print("| kind | rows | found |\n|---|---:|---:|")
        for kind, (rows, number) in kinds.items():
            print(f"| {kind} | {rows} | {number} |")
        print()


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    if not (directory / "secrets.jsonl").exists():
        sys.exit(f"no corpora in {directory}; name their directory")
    print_tables(measure(directory))
