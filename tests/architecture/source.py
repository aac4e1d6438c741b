"""The source as the architecture tests read it: parsed once."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src" / "yett"
TREES: Final[dict[str, ast.Module]] = {
    str(path.relative_to(SOURCE)): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(SOURCE.rglob("*.py"))
}
TEXTS: Final[dict[str, str]] = {name: (SOURCE / name).read_text(encoding="utf-8") for name in TREES}
DOMAINS: Final = (
    "authentication", "authorization", "validation", "limits", "credentials", "upstreams", "sanitising",
    "audit", "catalogue",
)  # fmt: skip
