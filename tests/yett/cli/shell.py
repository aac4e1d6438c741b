"""A folder with a configuration, and one command that is run on it."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.yett.cli.recorded import recorded
from yett.cli.root import root


class Shell:
    """command: `key`, `tool`. about: the member of its events that names what they are about."""

    def __init__(self, folder: Path, configuration: str, *, command: str, about: str) -> None:
        self.folder = folder
        self.seen = 0
        self._command = command
        self._about = about
        (folder / "yett.yaml").write_text(configuration)

    def run(self, *words: str, code: int = 0) -> Result:
        line = [self._command, *words, "--config", str(self.folder / "yett.yaml")]
        result = CliRunner().invoke(root, line)
        assert result.exit_code == code, result.output
        return result

    def rows(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        return [
            json.loads(row) for row in self.run(*words, "--json", code=code).stdout.splitlines()
        ]

    def events(self) -> list[str]:
        """Return what was recorded since this was asked last."""
        found = [
            f"{event['event']} {event[self._about]}" for event in recorded(self.folder / ".yett")
        ]
        seen, self.seen = self.seen, len(found)
        return found[seen:]
