"""Ready-made entries for well-known servers: which of their tools only read."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Annotated, Final, final

import msgspec

from yett.core import document
from yett.core.target import JSON, Access

_FOLDER: Final = Path(__file__).parent / "shipped"
_VERSION: Final = re.compile(r"(@|==)[A-Za-z0-9.+!_-]+$")
_PYTHON: Final = re.compile(r"python(3(\.[0-9]+)?)?$")
_PYTHON_FLAGS: Final = frozenset({"-I", "-u", "-B", "-E", "-s", "-S", "-P", "-IB"})
_RUNNERS: Final = (("uvx",), ("pipx", "run"), ("uv", "tool", "run"), ("uv", "run"))


@final
class EntryTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """why: for whoever wonders about the class. arguments: what they are, as in `yett.yaml`."""

    access: Access
    why: str = ""
    arguments: dict[str, JSON] = {}


@final
class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """programs: the names of its command and of its Python module."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    summary: str
    programs: tuple[str, ...]
    tools: dict[str, EntryTool]

    def classes(self) -> dict[str, Access]:
        return {name: tool.access for name, tool in self.tools.items()}


def shipped_entries() -> tuple[Entry, ...]:
    """Read `shipped/*.json`, by name."""
    found = sorted(_FOLDER.glob("*.json"))
    return tuple(msgspec.convert(document.parse(item.read_bytes()), Entry) for item in found)


def find_entry(command: Sequence[str], entries: Sequence[Entry]) -> Entry | None:
    """Return the entry of the program that a configured command starts, if it is certain which."""
    program = program_of(command)
    return next((entry for entry in entries if program in entry.programs), None)


def program_of(command: Sequence[str]) -> str:
    """Return the program, package or `-m` module that a command starts; empty if it is not certain.

    Runners are seen through only without options of their own: `uvx --from other mcp-server-git`
    starts something else than its last word says.
    """
    if not command:
        return ""
    words = [PurePath(command[0]).name, *command[1:]]
    for runner in _RUNNERS:
        if tuple(words[: len(runner)]) == runner:
            return _package(words[len(runner) :])
    if _PYTHON.fullmatch(words[0]):
        return _module(words[1:])
    return words[0]


def _package(words: Sequence[str]) -> str:
    if not words or words[0].startswith("-") or "/" in words[0]:
        return ""
    if _PYTHON.fullmatch(words[0]):
        return _module(words[1:])
    return _VERSION.sub("", words[0])


def _module(words: Sequence[str]) -> str:
    for index, word in enumerate(words[:-1]):
        if word == "-m":
            return words[index + 1]
        if word not in _PYTHON_FLAGS:
            return ""
    return ""
