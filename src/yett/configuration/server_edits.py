"""Adds servers to `yett.yaml`, or takes one out, and proves that nothing else changed its meaning."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from yett.configuration.editing import add_entries
from yett.configuration.literals import literal_secrets
from yett.configuration.load import load_text
from yett.configuration.model import Configuration, ServerSection
from yett.configuration.removing import remove_entry, remove_items
from yett.core.errors import CommandError, ConfigurationError

_KEY: Final = "servers"


def with_servers(text: str, file: str, entries: Mapping[str, dict[str, Any]], *, data: Path) -> str:
    """Return the text of `yett.yaml` with more servers. text: empty begins one. data: the data directory.

    Raises:
        CommandError: a name is taken, or an entry is not allowed: why, and what to do.
        ConfigurationError: the file cannot be used as it is.
    """
    text = text or "mode: development\n"
    before = load_text(text, file, data=data)
    for name in entries:
        if name in before.servers:
            raise CommandError(
                f"There is a server `{name}` already. Choose another name, or run `yett server remove {name}` first"
            )
    after_text = add_entries(text, _KEY, dict(entries))
    after = _loaded_again(after_text, file, entries, data)
    added = {name: after.servers.get(name) for name in entries}
    _check_only_this(before, after, {**before.servers, **added}, file)
    return after_text


def without_server(text: str, file: str, name: str, *, grants: bool, data: Path) -> str:
    """Return the text of `yett.yaml` without one server. grants: take those that name it out, too.

    Raises:
        CommandError: there is no such server, or roles still grant its tools.
        ConfigurationError: the file cannot be used as it is.
    """
    before = load_text(text, file, data=data)
    if name not in before.servers:
        exist = ", ".join(before.servers) or "none"
        raise CommandError(f"The configuration has no server `{name}`. There are: {exist}")
    holders = [role for role, held in before.roles.items() if any(_is_of(name, g) for g in held)]
    if holders and not grants:
        roles = ", ".join(f"`{role}`" for role in holders)
        raise CommandError(
            f"Grants of {roles} name `{name}`. Add --with-grants to take those out as well"
        )
    after_text = remove_entry(text, _KEY, name)
    if holders:
        after_text = remove_items(after_text, "roles", lambda grant: _is_of(name, grant))
    after = _loaded_again(after_text, file, (name,), data)
    servers = {other: section for other, section in before.servers.items() if other != name}
    roles_left = {r: tuple(g for g in held if not _is_of(name, g)) for r, held in before.roles.items()}  # fmt: skip
    _check_only_this(msgspec.structs.replace(before, roles=roles_left), after, servers, file)
    return after_text


def refuse_literal_secrets(name: str, section: ServerSection) -> None:
    """Raises:
    CommandError: something in the section looks like a secret: with the command that stores it.
    """
    found = [f"{problem.message}. {problem.fix}" for problem in literal_secrets(name, section)]
    if found:
        raise CommandError(
            f"{_sentence(found)}\nNothing was changed. But the shell's history and other users may have"
            " seen the value: get a new one"
        )


def _loaded_again(text: str, file: str, names: Collection[str], data: Path) -> Configuration:
    try:
        return load_text(text, file, data=data)
    except ConfigurationError as error:
        # Lines of a file that does not exist yet would only confuse.
        paths = [(_KEY, name) for name in names]
        own = [problem for problem in error.problems if problem.path[:2] in paths]
        if len(own) < len(error.problems):
            raise _layout(file) from error
        raise CommandError(
            _sentence(f"{_key_of(problem.path)}{problem.message}. {problem.fix}" for problem in own)
            + "\nNothing was changed"
        ) from error


def _key_of(path: tuple[str | int, ...]) -> str:
    inner = ".".join(map(str, path[2:]))
    return f"`{inner}`: " if inner else ""


def _check_only_this(
    before: Configuration, after: Configuration, servers: dict[str, Any], file: str
) -> None:
    if after != msgspec.structs.replace(before, servers=servers):
        raise _layout(file)


def _is_of(server: str, grant: str) -> bool:
    return grant.split(".", maxsplit=1)[0] == server


def _sentence(parts: Iterable[str]) -> str:
    text = "\n".join(parts)
    return text[:1].upper() + text[1:]


def _layout(file: str) -> CommandError:
    return CommandError(
        f"`{file}` is laid out in a way that cannot be edited safely. Make the change by hand."
        " Nothing was changed"
    )
