"""Entries are added to a yett.yaml, and nothing else in it changes."""

from typing import Any

import pytest

from yett.configuration.editing import add_entries
from yett.configuration.source import read_source
from yett.core.errors import CommandError

ENTRIES: dict[str, Any] = {
    "new-1": {"command": ["a", 'b\u2028\x07"c'], "env": {"X": "secret:a", "on": "no"}},
    "on": {"url": "https://x.example"},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mode: development",
        "servers:\n",
        "servers: {}\nroles: {}\n",
        "servers: null # none yet\nroles: {}\n",
        "servers: # hi\n  # c1\n  a:\n    command: [x] # c2\n\n  # trailing\nroles:\n  r: []\n",
        "servers: {a: {url: https://x.example}} # c\nmode: development\n",
        "servers: {\n  a: {url: https://x.example} # c\n}\n",
        "servers:\n    a: {url: https://x.example}",
        "servers:\n  a:\n    cwd: |\n      abc\n\n# end\nmode: development\n",
        "servers:\n  a:\n    cwd: >-\n      abc\n      def\n",
        "servers:\n  a:\n    url:\nmode: development\n",
        "servers:\n  a:\n    command:\n    - x\n    - z # last\nmode: development\n",
    ],
)
def test_the_entries_are_added_and_every_old_line_stays(text: str) -> None:
    result = add_entries(text, "servers", ENTRIES)

    before, after = read_source(text).value or {}, read_source(result)
    assert after.problems == []
    assert after.value == {**before, "servers": {**(before.get("servers") or {}), **ENTRIES}}
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert all(f"#{comment}" in result for comment in comments)


def test_nothing_to_add_changes_nothing() -> None:
    assert add_entries("servers: {} # x", "servers", {}) == "servers: {} # x"


@pytest.mark.parametrize("text", ["{mode: development}", "[a]", "a: [\n"])
def test_a_layout_that_cannot_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(CommandError):
        add_entries(text, "servers", ENTRIES)
