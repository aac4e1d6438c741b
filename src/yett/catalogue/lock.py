"""`yett.lock`: every definition that was approved, whole, to be reviewed in Git. Pure.

Deterministic: sorted keys but for the definitions, two spaces, one newline at the end, so that a
change of one tool is a change of its lines only.
"""

import json
from typing import Final, Literal, final

import msgspec
import orjson

from yett.core import document
from yett.core.errors import ConfigurationError, Problem
from yett.core.operations import Kind
from yett.core.target import JSON, Access

_DEFINITION_DEPTH: Final = 5
"""`servers`, server, section, name, `definition`: what lies inside is the server's."""

AccessFrom = Literal["operator", "shipped", "annotation", "default"]


@final
class Pin(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One approved definition. access_from: who said which class it has. approved_at: ISO 8601.
    quarantined: the operator took it out of use. despite: the findings that its approver has seen."""

    digest: str
    access: Access
    access_from: AccessFrom
    approved_by: str
    approved_at: str
    definition: dict[str, JSON]
    quarantined: bool = False
    despite: tuple[str, ...] = ()


@final
class ServerPins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tools: dict[str, Pin] = {}
    prompts: dict[str, Pin] = {}
    resources: dict[str, Pin] = {}
    resource_templates: dict[str, Pin] = {}

    def of(self, kind: Kind) -> dict[str, Pin]:
        pins: dict[str, Pin] = getattr(self, SECTIONS[kind])
        return pins


@final
class Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    servers: dict[str, ServerPins] = {}
    version: Literal[1] = 1


SECTIONS: Final = {
    Kind.TOOL: "tools",
    Kind.PROMPT: "prompts",
    Kind.RESOURCE: "resources",
    Kind.RESOURCE_TEMPLATE: "resource_templates",
}


def with_pins(lock: Lock, server: str, kind: Kind, pins: dict[str, Pin]) -> Lock:
    """Return the lock with these pins of one server and kind added or replaced."""
    entry = lock.servers.get(server, ServerPins())
    section = SECTIONS[kind]
    entry = msgspec.structs.replace(entry, **{section: {**entry.of(kind), **pins}})
    return msgspec.structs.replace(lock, servers={**lock.servers, server: entry})


def encode_lock(lock: Lock) -> bytes:
    content = _by_name(msgspec.to_builtins(lock), _DEFINITION_DEPTH)
    try:
        return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer beyond 64 bits
        return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _by_name(content: dict[str, JSON], depth: int) -> dict[str, JSON]:
    """Sort what is ours. A definition stays as its server gave it, for so it is shown to models."""
    if depth == 0:
        return content
    return {
        key: _by_name(inner, depth - 1) if isinstance(inner, dict) else inner
        for key, inner in sorted(content.items())
    }


def decode_lock(content: bytes, file: str) -> Lock:
    """Read a lock; whether its digests are right is `check_lock`'s question.

    Raises:
        ConfigurationError: it is not JSON, or has another shape.
    """
    try:
        return msgspec.convert(document.parse(content, trusted=True), Lock)
    except ValueError as error:
        raise damaged(file, str(error)) from error


@final
class LockNotSigned(ConfigurationError):
    """lock: what it says. Nothing of it is taken but what takes something out of use."""

    def __init__(self, file: str, lock: Lock) -> None:
        fix = f"Read it, then sign it: `yett lock sign --key FILE`, or `ssh-keygen -Y sign -n yett.lock -f FILE {file}`"
        message = "the lock is not signed by anybody whom `lock.signed_by` names"
        super().__init__([Problem(message, fix=fix, file=file)])
        self.lock = lock


def restricted(trusted: Lock, other: Lock) -> Lock:
    """Return the trusted lock with those pins out of use that are the same in the other, and out of use."""
    for server, pins in other.servers.items():
        known = trusted.servers.get(server, ServerPins())
        for kind in SECTIONS:
            out = {
                name: msgspec.structs.replace(known.of(kind)[name], quarantined=True)
                for name, pin in pins.of(kind).items()
                if pin.quarantined
                and name in known.of(kind)
                and known.of(kind)[name].digest == pin.digest
            }
            if out:
                trusted = with_pins(trusted, server, kind, out)
    return trusted


def damaged(file: str, message: str) -> ConfigurationError:
    fix = "Restore it from Git; to begin anew, delete it and run `yett tool approve SERVER`"
    return ConfigurationError([Problem(f"the lock is damaged: {message}", fix=fix, file=file)])
