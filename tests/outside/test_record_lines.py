"""Whatever stands in a name, one request is one line of the log, and no terminal obeys what is shown of it."""

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from tests.outside.gate import LEGACY, Agent, Gate, Key, running
from tests.outside.upstream import MODERN, Upstream, serving, tool
from yett.audit.schema import json_schema

NASTY: Final = (
    "a\nb", "a\r\nb", "\x1b[2J\x1b]0;x\x07", "a\u2028b\u2029c", "a\x85b\x0bc\x0c", "\u202eevil\u202c", '"}\n{"kind":"own"',
    '","chain":"' + "0" * 64 + '"}', "\\n\\u000a\\", "\U000e0041\ufeff\u200b", "x" * 5_000 + "\n", "\x00\x7f\x9b31m",
)  # fmt: skip
CHARACTERS: Final = ("\x1b", "\x07", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202e", "\ufeff", "\x0b", "\x0c")  # fmt: skip


@pytest.fixture(name="rec")
def _rec() -> Iterator[Upstream]:
    with serving(tool("look")) as found:
        yield found


def requests(gate: Gate, key: Key) -> Iterator[str]:
    """Send five different refusals for each name; yield the id of each."""
    agents = [Agent(gate, key, LEGACY[-1]), Agent(gate, key, MODERN)]
    agents[0].open()
    for name in NASTY:
        executed: dict[str, Any]
        for executed in (
            {"tool": "rec", "operation": name, "input": {}},
            {"tool": name, "operation": "look", "input": {name[:50]: name}},
            {"tool": "rec", "operation": "look", "input": {"word": "x", name[:50]: name}},
        ):
            yield gate.request("POST", "/v1/execute", executed, key=key).request_id
        message = agents[0].message("tools/call", {"name": name, "arguments": {"x": name}})
        fields = agents[0].headers("tools/call", {})
        yield gate.request("POST", "/mcp", message, key=key, headers=fields).request_id
        message = agents[1].message(name, {"name": name})
        fields = {"MCP-Protocol-Version": MODERN, "Mcp-Method": urllib.parse.quote(name)[:100]}
        yield gate.request("POST", "/mcp", message, key=key, headers=fields).request_id


def test_sixty_refusals_with_line_breaks_in_every_name_are_sixty_lines(
    tmp_path: Path, rec: Upstream
) -> None:
    gate = Gate(
        tmp_path,
        f'servers: {{rec: {{url: {rec.url}}}}}\nroles: {{worker: ["rec.*:read"]}}\n',
    )
    key = gate.key("worker", "worker")
    with running(gate):
        ids = list(requests(gate, key))
        shown = gate.yett("audit", "tail", "-n", "100")
        as_json = gate.yett("audit", "search", "--json")
    assert len(set(ids)) == len(ids) == 60

    content = b"".join(
        path.read_bytes() for path in sorted((gate.data / "audit").glob("segment-*"))
    )
    lines = content.decode().splitlines()  # at everything that Unicode calls the end of a line
    assert len(lines) == content.count(b"\n")
    parsed = [json.loads(line) for line in lines]
    schema = jsonschema_rs.Draft202012Validator(json_schema())
    assert [line for line in parsed if not schema.is_valid(line)] == []
    decisions = [line["id"] for line in parsed if line["kind"] == "refusal"]
    assert sorted(decisions) == sorted(ids)
    assert not rec.works
    for text in (content.decode(), shown, as_json):
        assert not any(character in text for character in CHARACTERS)
    found = [json.loads(line) for line in as_json.splitlines()]
    assert {entry["id"] for entry in found} >= set(ids)
    assert gate.yett("audit", "verify").startswith("ok ")
