"""Writes docs/reference from the code: `make docs`. tests/docs/test_reference.py says when it is due.

Nothing is copied by hand but the sentence and the example per key in configuration_keys.yaml.
"""

import json
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started as a file, it finds the package beside it

from scripts.reference.alerts import alerts_page  # noqa: E402 - needs the line above
from scripts.reference.audit import audit_page  # noqa: E402
from scripts.reference.commands import commands_page  # noqa: E402 - needs the line above
from scripts.reference.configuration import configuration_page  # noqa: E402
from scripts.reference.http import http_page  # noqa: E402
from scripts.reference.metrics import metrics_page  # noqa: E402
from scripts.reference.reasons import reasons_page  # noqa: E402

from yett.audit.schema import json_schema as record_schema  # noqa: E402
from yett.configuration.schema import json_schema  # noqa: E402

REFERENCE: Final = ROOT / "docs" / "reference"


def pages() -> dict[str, str]:
    """Return every written file of docs/reference by name."""
    return {
        "configuration.md": configuration_page(),
        "configuration.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        "commands.md": commands_page(),
        "reasons.md": reasons_page(),
        "metrics.md": metrics_page(),
        "alerts.md": alerts_page(),
        "audit.md": audit_page(),
        "record.schema.json": json.dumps(record_schema(), indent=2, ensure_ascii=False) + "\n",
        "http.md": http_page(),
    }


def main() -> None:
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
