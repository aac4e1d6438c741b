"""Turns a client's server into an entry of `yett.yaml`, with its secrets taken out.

What a program or a header needs stays the same; only the place of each secret changes, from the file
into the vault, under a name that the entry refers to.
"""

import json
import re
from typing import Any, Final, final

import msgspec

from yett.configuration.secret_finder import find_in_argument, find_in_environment, find_in_text
from yett.configuration.takeover.address import take_address
from yett.configuration.takeover.server_secrets import (
    HIDDEN,
    CannotTakeOverError,
    ServerSecrets,
    check_texts,
    text_of,
)
from yett.configuration.takeover.variables import Surroundings
from yett.core.secret import Secret

# Whoever wrote the client's file would otherwise be given a secret that was stored for another server.
_YETTS_OWN: Final = re.compile(r"(?<![A-Za-z0-9_-])secret:[a-z0-9]")
_REFERRED: Final = re.compile(r"secret:([a-z0-9_-]+)")
_KNOWN_KEYS: Final = frozenset(
    {"type", "transport", "command", "args", "env", "cwd", "url", "serverUrl", "headers", "name"}
    | {
        "description",
        "disabled",
        "enabled",
        "timeout",
        "alwaysAllow",
        "autoApprove",
        "disabledTools",
    }
)


@final
class Taken(msgspec.Struct, frozen=True):
    """entry: for `servers:`. secrets: what goes into the vault. missing: names that the entry refers
    to and nobody here knows the value of. notes: what its user should know."""

    name: str
    entry: dict[str, Any]
    secrets: dict[str, Secret]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def take_over(
    original: str,
    section: dict[str, Any],
    *,
    name: str,
    surroundings: Surroundings,
    taken_names: frozenset[str],
) -> Taken:
    """Make the entry. original: the client's name of it. taken_names: of secrets that exist.

    Raises:
        CannotTakeOverError: it is neither a program nor an address, or its secret cannot be moved.
    """
    if _YETTS_OWN.search(json.dumps(section)):
        raise CannotTakeOverError(
            "it refers to a secret in Yett's vault, and only yett.yaml says who gets those"
        )
    own = section.get("env")
    secrets = ServerSecrets(
        name,
        surroundings,
        own=frozenset(own if isinstance(own, dict) else ()),
        taken=taken_names,
    )
    notes: list[str] = []
    address = section.get("url") or section.get("serverUrl")
    if isinstance(address, str):
        entry = take_address(section, address, secrets, notes)
    elif isinstance(section.get("command"), str) and section["command"]:
        entry = _program(section, secrets, notes)
    else:
        raise CannotTakeOverError("it has neither a `command` nor a `url`")
    unknown = sorted(section.keys() - _KNOWN_KEYS)
    if unknown:
        notes.append(f"not taken over: {', '.join(unknown)}")
    if original != name:
        notes.append(f"was called `{original}`" if not find_in_text(original) else "was renamed")
    used = set(_REFERRED.findall(json.dumps(entry)))
    needed = {key: value for key, value in secrets.values.items() if key in used}
    return Taken(name, entry, needed, tuple(secrets.missing), tuple(notes))


def skeleton(entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return what two entries of the same server share, whatever their secrets are called."""
    command = tuple(HIDDEN.sub("{}", text) for text in entry.get("command") or ())
    environment = tuple(
        (name, "" if value.startswith("secret:") else HIDDEN.sub("{}", value))
        for name, value in (entry.get("env") or {}).items()
    )
    return (entry.get("url"), command, environment)


def _program(section: dict[str, Any], secrets: ServerSecrets, notes: list[str]) -> dict[str, Any]:
    arguments = section.get("args", [])
    environment = section.get("env") or {}
    check_texts("args", arguments, list)
    check_texts("env", environment, dict)
    command, previous = [], ""
    for argument in [section["command"], *map(text_of, arguments)]:
        written = secrets.expanded(argument)
        command.append(secrets.hide(written, find_in_argument(written, previous=previous)))
        previous = argument
    if any(HIDDEN.search(text) for text in command):
        notes.append(
            "its secret still stands in the arguments of the running program, where other users of"
            " this machine see it; use an environment variable if the server knows one"
        )
    entry: dict[str, Any] = {"command": command}
    variables = {
        name: _variable(name, secrets.expanded(text_of(value), beside=False), secrets)
        for name, value in environment.items()
    }
    if variables:
        entry["env"] = variables
    if isinstance(section.get("cwd"), str):
        entry["cwd"] = secrets.expanded(section["cwd"])
        if find_in_text(entry["cwd"]) or HIDDEN.search(entry["cwd"]):
            raise CannotTakeOverError("its `cwd` holds a secret")
    return entry


def _variable(name: str, value: str, secrets: ServerSecrets) -> str:
    hidden = secrets.hide(value, find_in_environment(name, value))
    whole = HIDDEN.fullmatch(hidden)
    return whole[1] if whole else hidden
