"""A log of many short segments in which everything happens: calls that overlap, calls that never end, crashes,
refusals, events; and what a reader finds who joins all lines in memory and knows no index."""

import json
import random
from pathlib import Path
from typing import Any

from tests.yett.audit.scene import append, open_log
from yett.audit.port import AuditLog

Members = dict[str, Any]

SERVERS = ("git", "mail", "sql")
TOOLS = ("read", "send_all", "query")
TENANTS = ("acme", "globex")
WORDS = ("invoice", "Überweisung", "reset", "password", "日本語", "a_b-c", 'quo"te', "line\nbreak")


def write(directory: Path, *, seed: int, crashes: int = 3, calls: int = 60) -> None:
    chance = random.Random(seed)
    for life in range(crashes + 1):
        with open_log(directory, segment_bytes=9_000) as log:
            _live(log, chance, calls, f"{life:x}")


def _live(log: AuditLog, chance: random.Random, calls: int, life: str) -> None:
    running: list[tuple[int, str]] = []
    for number in range(calls):
        id_ = f"id{life}{number:04x}"
        kind = chance.random()
        if kind < 0.15:
            append(log, _members("refusal", id_, chance, decision="denied", reason="not_permitted"))
        elif kind < 0.25:
            append(
                log,
                f'"at":"{_at(chance)}","kind":"event","event":"key.created","actor":"cli:root",'
                f'"details":{{"name":"{id_}"}}',
            )
        else:
            running.append((append(log, _members("intent", id_, chance, decision="allowed")), id_))
        while running and chance.random() < 0.45:
            intent, id_ = running.pop(chance.randrange(len(running)))
            append(
                log,
                f'"at":"{_at(chance)}","kind":"outcome","id":"{id_}","intent":{intent},'
                f'"status":"{chance.choice(("ok", "tool_error"))}","findings":["secret:{chance.choice("ab")}"]',
            )


def _members(kind: str, id_: str, chance: random.Random, **more: str) -> str:
    members = {
        "at": _at(chance),
        "kind": kind,
        "id": id_,
        "caller": {"id": f"k{chance.randrange(4)}", "name": f"agent-{chance.randrange(4)}"},
        "tenant": chance.choice(TENANTS),
        "server": chance.choice(SERVERS),
        "tool": chance.choice(TOOLS),
        # A caller may write what looks like the beginning of a line.
        "input": {"sequence": chance.randrange(500), "note": " ".join(chance.choices(WORDS, k=3))},
        **more,
    }
    return json.dumps(members, ensure_ascii=False)[1:-1]


def _at(chance: random.Random) -> str:
    return f"2026-0{chance.randrange(1, 9)}-01T00:00:00.000000Z"


def read(directory: Path) -> list[Members]:
    """Return every record with its last line's sequence as `position`, oldest first."""
    intents: dict[int, Members] = {}
    found: list[Members] = []
    for path in sorted(directory.glob("segment-*"), key=lambda item: (len(item.name), item.name)):
        for line in path.read_text().splitlines():
            members = json.loads(line)
            if members["kind"] == "intent":
                intents[members["sequence"]] = members
            elif members["kind"] == "outcome":
                intent = intents.pop(members["intent"], {})
                found.append(
                    intent | members | {"kind": "call", "at": intent.get("at", members["at"])}
                )
            else:
                found.append(members)
            found[-1:] = (
                [found[-1] | {"position": found[-1].get("position", members["sequence"])}]
                if found
                else []
            )
    found += [
        item | {"kind": "call", "status": "unknown", "position": item["sequence"]}
        for item in intents.values()
    ]
    return sorted(found, key=lambda item: item["position"])
