"""Where a configured value comes from: a literal, a reference, or a text with references inside."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, final

import msgspec

from yett.core.errors import ConfigurationError, Problem
from yett.credentials.config import NAME_PATTERN, REFERENCE_PATTERN, CredentialConfig

_PLACEHOLDER: Final = re.compile(r"\{secret:([^{}]*)\}")
_VAULT: Final = "secret:"


@final
class Template(msgspec.Struct, frozen=True):
    """Literals and references in turn; `references` stand between the `literals`, which are one more."""

    literals: tuple[str, ...]
    references: tuple[str, ...] = ()


def parse_value(text: str, *, path: tuple[str | int, ...]) -> Template:
    """Read a value of a server's `env`: a whole reference, or a text that may hold `{secret:NAME}`.

    Raises:
        ConfigurationError: it means to be a reference to a secret, and is none.
    """
    if re.fullmatch(REFERENCE_PATTERN, text):
        return Template(("", ""), (text,))
    if text.startswith(_VAULT):
        raise ConfigurationError([_not_a_name(path)])
    return parse_text(text, path=path)


def parse_text(text: str, *, path: tuple[str | int, ...]) -> Template:
    """Read a text that may hold `{secret:NAME}`, such as an element of a server's `command`.

    Raises:
        ConfigurationError: a name is not the literal name of a secret.
    """
    literals = _PLACEHOLDER.split(text)
    names = tuple(literals[1::2])
    if not all(re.fullmatch(NAME_PATTERN, name) for name in names):
        raise ConfigurationError([_not_a_name(path)])
    return Template(tuple(literals[::2]), tuple(_VAULT + name for name in names))


def references_of(
    credential: CredentialConfig | None,
    environment: Mapping[str, str],
    command: Iterable[str],
) -> tuple[str, ...]:
    """Name all references of one server, sorted, each once.

    Raises:
        ConfigurationError: one of them cannot be read.
    """
    found: set[str] = set()
    if credential is not None:
        found.update(credential.headers.values())
        found.update([credential.bearer] if credential.bearer else [])
        found.update([credential.basic.password] if credential.basic else [])
        found.update([credential.password] if credential.password else [])
    for name, text in environment.items():
        found.update(parse_value(text, path=("env", name)).references)
    for index, text in enumerate(command):
        found.update(parse_text(text, path=("command", index)).references)
    return tuple(sorted(found))


def vault_name(reference: str) -> str | None:
    """Return the name of the secret in the vault that `reference` means, if it means one."""
    return reference.removeprefix(_VAULT) if reference.startswith(_VAULT) else None


def _not_a_name(path: tuple[str | int, ...]) -> Problem:
    # The text is not quoted: it may be a secret that was pasted in the wrong place.
    return Problem(
        "this is not a reference to a secret",
        fix="Write secret:NAME; a name is made of a-z, 0-9, `-` and `_`, without patterns or paths.",
        path=path,
    )
