"""Every call of the demonstration server that a page shows is one that its tools take."""

import json
import re
import subprocess
import sys
from typing import Final

from tests.docs.pages import PAGES

CALL: Final = re.compile(
    r'\{"tool": "notes(?:", "operation": "|__)(\w+)"(?:, "input": (\{[^{}]*\}))?\}'
)


def declared() -> dict[str, set[str]]:
    """Ask the server itself: tool → its arguments."""
    question = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    done = subprocess.run(
        [sys.executable, "-m", "yett.assurance.notes"],
        input=json.dumps(question) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    tools = json.loads(done.stdout)["result"]["tools"]
    return {tool["name"]: set(tool["inputSchema"]["properties"]) for tool in tools}


def test_each_call_names_a_tool_and_arguments_that_there_are() -> None:
    tools = declared()
    found = [(page, *call) for page, text in PAGES.items() for call in CALL.findall(text)]

    assert len(found) > 5
    for page, tool, arguments in found:
        assert set(json.loads(arguments or "{}")) <= tools[tool], (page, tool)
