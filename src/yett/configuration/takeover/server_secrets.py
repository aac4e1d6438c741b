"""Gives the secrets of one server their names, and puts references where they stood."""

import re
from typing import Final, final

from yett.configuration.secret_finder import Finding, replaced
from yett.configuration.takeover.variables import Surroundings, expand
from yett.core.secret import Secret

HIDDEN: Final = re.compile(r"\{(secret:[a-z0-9_-]+)\}")
_NAME_CHARS_MAX: Final = 60
_UNKNOWN_NAME: Final = "server"


class CannotTakeOverError(ValueError):
    """The server has no place behind Yett as it is. Says why; quotes no value."""


def normalised(name: str) -> str:
    """Return a name that `servers:` accepts and that is as near as possible to the client's."""
    text = re.sub(r"[^a-z0-9_-]+", "-", name.lower())
    text = re.sub(r"__+", "_", re.sub(r"--+", "-", text)).strip("-_")
    return text[:_NAME_CHARS_MAX].strip("-_") or _UNKNOWN_NAME


@final
class ServerSecrets:
    """own: variables that the server's section sets itself. taken: names that are no longer free."""

    def __init__(
        self,
        server: str,
        surroundings: Surroundings,
        *,
        own: frozenset[str],
        taken: frozenset[str],
    ) -> None:
        self.server = server
        self.surroundings = surroundings
        self.own = own
        self.taken = taken
        self.values: dict[str, Secret] = {}
        self.missing: list[str] = []

    def store(self, hint: str, value: str) -> str:
        """Keep a value and return its name; the same value keeps its name."""
        secret = Secret(value)
        for name, known in self.values.items():
            if known == secret:
                return name
        name = self._free_name(hint)
        self.values[name] = secret
        return name

    def expanded(self, text: str, *, beside: bool = True) -> str:
        """Write out a text's variables; secrets among them are stored, and referred to.

        beside: the text stands beside the server's own variables, which it may use; not in them.
        """
        own = self.own if beside else frozenset[str]()
        return expand(text, self.surroundings, own=own, keep=self._keep)

    def hide(self, text: str, findings: list[Finding]) -> str:
        """Store what was found and return the text with references in its place."""
        return replaced(
            text,
            findings,
            lambda f: f"{{secret:{self._store_part(f.hint, text[f.start : f.end])}}}",
        )

    def _store_part(self, hint: str, value: str) -> str:
        if HIDDEN.search(value):
            raise CannotTakeOverError("a secret in it is put together from several parts")
        return self.store(hint, value)

    def _keep(self, hint: str, value: str | None) -> str:
        if value is not None:
            return f"{{secret:{self.store(hint, value)}}}"
        name = self._name(hint)
        if name not in self.missing:
            self.missing.append(name)
        return f"{{secret:{name}}}"

    def _free_name(self, hint: str) -> str:
        wanted = self._name(hint)
        name, number = wanted, 1
        while name in self.taken or name in self.values or name in self.missing:
            number += 1
            name = f"{wanted[: _NAME_CHARS_MAX - 4]}-{number}"
        return name

    def _name(self, hint: str) -> str:
        text = normalised(re.sub(r"_", "-", hint))
        return text if f"-{self.server}-" in f"-{text}-" else normalised(f"{self.server}-{text}")


def text_of(value: object) -> str:
    """Return what a client hands on for a value that may be a number or a switch."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_texts(what: str, value: object, kind: type) -> None:
    """Refuse anything but a list (or an object) of plain values.

    Raises:
        CannotTakeOverError: it is something else.
    """
    items = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(value, kind) or not isinstance(items, list):
        raise CannotTakeOverError(f"its `{what}` has the wrong form")
    if not all(isinstance(item, (str, int, float)) for item in items):
        raise CannotTakeOverError(f"its `{what}` holds something that is no text")
