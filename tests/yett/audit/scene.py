"""One good call, every proof of it, and an auditor over either log. Tests bend one thing."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from yett.audit import Auditor, Record
from yett.audit.backends.file import FileLog
from yett.audit.port import AuditLog
from yett.audit.record import Observer
from yett.core.call import Call, Reply, RpcError, Usage
from yett.core.clock import SystemClock
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import (
    Admitted,
    Answered,
    Armed,
    Cleaned,
    Credential,
    Identified,
    Permitted,
    Resolved,
    Validated,
)
from yett.core.standing import Standing
from yett.core.target import JSON, Access, Target

CLOCK = SystemClock()
AGENT = Principal(id="k1", name="laptop", tenant="acme")
EMBEDDED_SECRET = "ghp_0123456789abcdefghijABCDEFGHIJ012345"


def redact_text(text: str) -> str:
    return text.replace(EMBEDDED_SECRET, "[redacted]")


def redact(document: bytes) -> bytes:
    return document.replace(EMBEDDED_SECRET.encode(), b"[redacted]")


def auditor_over(log: AuditLog, *observers: Observer, node: str = "node-1") -> Auditor:
    return Auditor(
        log, clock=CLOCK, redact=redact, redact_text=redact_text, observers=observers, node=node
    )


@contextmanager
def open_log(directory: Path, *, segment_bytes: int = 1 << 26) -> Iterator[FileLog]:
    log = FileLog(directory, clock=CLOCK, node="node-1", segment_bytes=segment_bytes)
    try:
        yield log
    finally:
        log.close()


def append(log: AuditLog, members: str) -> int:
    """Append a line. members: as it stands there, `"at":"…",…`; without a time it is now."""
    said = re.match(r'"at":"([^"]+)",', members)
    if said is None:
        return log.append(CLOCK.wall(), members)
    return log.append(datetime.fromisoformat(said[1]).timestamp(), members[said.end() :])


def call(
    method: str = "tools/call",
    *,
    id_: str = "r-1",
    name: str = "git__log",
    server: str | None = None,
    arguments: dict[str, JSON] | None = None,
    peer: str = "127.0.0.1",
) -> Call:
    return Call(
        id=id_,
        operation=OPERATIONS[method],
        server=server,
        name=name,
        arguments={"path": "/tmp"} if arguments is None else arguments,
        credential=None,
        peer=peer,
        door="mcp",
        protocol="2025-11-25",
        received_at=CLOCK.wall(),
        started=CLOCK.monotonic(),
    )


def target(access: Access = "read") -> Target:
    return Target(
        kind=Kind.TOOL,
        server="git",
        name="log",
        public_name="git__log",
        access=access,
        digest="d" * 64,
    )


def admit(record: Record, request: Call, access: Access = "read", cost: int = 0) -> Admitted:
    """Walk the road as far as the intent."""
    aim = target(access)
    record.caller = Identified(request, AGENT)
    record.resolved = Resolved(request, AGENT, aim)
    permitted = Permitted(request, AGENT, aim, ("reader:git.*:read",), "v7", Standing(AGENT, aim))
    record.permitted = permitted
    return Admitted(Validated(permitted, request.arguments), cost)


def cleaned(
    admitted: Admitted,
    *,
    result: dict[str, JSON] | None = None,
    error: RpcError | None = None,
    findings: tuple[str, ...] = (),
    secrets: tuple[str, ...] = (),
) -> Cleaned:
    if result is None and error is None:
        result = {"content": [], "isError": False}
    armed = Armed(admitted, Credential((), secrets))
    return Cleaned(
        Answered(armed, result, error, 40, 0.002), result, error, b'{"content":[]}', findings
    )


async def finish(record: Record, done: Cleaned, usage: Usage = Usage()) -> Reply:  # noqa: B008 - frozen
    """Take the last two steps as the pipeline does."""
    return await record.close(record.answer(done, usage))


async def one_call(auditor: Auditor, id_: str = "r-1", access: Access = "read") -> Reply:
    """Make one whole call that goes well, as far as audit lets it."""
    request = call(id_=id_)
    record = auditor.begin(request)
    admitted = admit(record, request, access)
    await record.intend(admitted)
    return await finish(record, cleaned(admitted))


def last(log: AuditLog) -> dict[str, Any]:
    return stored(log)[-1]


def stored(log: AuditLog) -> list[dict[str, Any]]:
    """Every line of a log, parsed."""
    source = log.source()
    return [json.loads(line.data) for name in source.segments() for line in source.lines(name)]
