"""What clients let one write instead of a value: `${VAR}`, `${env:VAR}`, `${input:id}`, folders.

Secrets among them become `{secret:NAME}`; the rest is written out.
"""

import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Final, final

import msgspec

from yett.configuration.secret_finder import find_in_environment

_VARIABLE: Final = re.compile(r"\$\{(?:(env|input):)?([A-Za-z_/][A-Za-z0-9_./-]*)(?::-([^{}]*))?\}")


@final
class Surroundings(msgspec.Struct, frozen=True):
    """environment: of the person who imports. root: what the client calls the workspace.
    expands: whether the client writes variables out at all (Claude Desktop hands them on as they are).
    """

    environment: Mapping[str, str]
    root: Path
    home: Path
    expands: bool = True


def expand(
    text: str,
    surroundings: Surroundings,
    *,
    own: Container[str],
    keep: Callable[[str, str | None], str],
) -> str:
    """Write out the variables of a text.

    own: variables that the server's section sets; the program will find them, so they are left.
    keep: given a name and the value (None: unknown here), stores a secret and returns what to write.
    """

    def substitute(match: re.Match[str]) -> str:
        kind, name, default = (str(group or "") for group in match.groups())
        if kind == "input":
            return keep(name, None)
        folder = _folder(name, surroundings)
        if folder is not None:
            return folder
        if name in own:
            return match.group()
        value = surroundings.environment.get(name) or default
        if not value:
            return keep(name, None)
        if find_in_environment(name, value):
            return keep(name, value)
        return value

    return _VARIABLE.sub(substitute, text) if surroundings.expands else text


def _folder(name: str, surroundings: Surroundings) -> str | None:
    return {
        "workspaceFolder": str(surroundings.root),
        "workspaceFolderBasename": surroundings.root.name,
        "userHome": str(surroundings.home),
        "pathSeparator": "/",
        "/": "/",
    }.get(name)
