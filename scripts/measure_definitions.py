"""Print how many poisoned tool definitions are found before approval, and how many good ones are taken for
such, per kind and source.

Usage: python scripts/measure_definitions.py [DIRECTORY WITH THE CORPORA]
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from yett.catalogue.findings import Neighbourhood, findings_of, is_suspicious
from yett.core.operations import Kind
from yett.sanitising.definitions import text_findings

DEFAULT = Path(__file__).parents[1].parent / "shared/corpora"
FILE = "tool_descriptions.jsonl"


def is_found(row: dict[str, Any]) -> bool:
    """As at approval: the definition by itself, and beside the tools of the servers that are there."""
    server, definition = row.get("server") or "it", row["tool"]
    tools = {server: {definition["name"]: definition}}
    for peer in row.get("peers") or ():
        tools.setdefault(peer["server"], {})[peer["tool"]["name"]] = peer["tool"]
    name = definition["name"]
    return is_suspicious(
        findings_of(server, Kind.TOOL, name, definition, Neighbourhood(tools), text_findings)
    )


def measure(directory: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Return, per heading and kind, how many rows there are and in how many something was found."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in (directory / FILE).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        heading = f"Tool definitions, {row['label']}: flagged at approval"
        kind = f"{row['kind']} ({row['source'].partition('@')[0]})"
        rows[heading][kind] += 1
        found[heading][kind] += is_found(row)
    return {
        heading: {kind: (count, found[heading][kind]) for kind, count in sorted(kinds.items())}
        for heading, kinds in sorted(rows.items())
    }


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    for heading, kinds in measure(directory).items():
        rows, found = (sum(column) for column in zip(*kinds.values(), strict=True))
        print(f"{heading}: {found} of {rows} ({100 * found / rows:.1f} %)")
        for kind, (count, hits) in kinds.items():
            print(f"    {hits:4} of {count:4}  {kind}")


if __name__ == "__main__":
    main()
