"""A secret written out in the file is refused, with the command that stores it instead (CWE-798)."""

import os
from collections.abc import Iterator
from pathlib import Path

from yett.configuration.addresses import split_url
from yett.configuration.model import ServerSection
from yett.configuration.secret_finder import (
    Finding,
    find_in_argument,
    find_in_environment,
    find_in_text,
    find_in_url,
    find_issued,
    replaced,
)
from yett.core.errors import Problem


def literal_secrets(name: str, server: ServerSection) -> Iterator[Problem]:
    """Find what looks like a secret in a server's command, environment, URL and credential."""
    path = ("servers", name)
    previous = ""
    for index, argument in enumerate(server.command):
        found = find_in_argument(argument, previous=previous)
        if found and find_in_argument(_without_folders(argument), previous=previous):
            yield _refused(name, (*path, "command", index), argument, found)
        previous = argument
    for variable, value in server.env.items():
        found = find_in_environment(variable, value)
        if found and find_in_environment(variable, _without_folders(value)):
            yield _refused(name, (*path, "env", variable), value, found)
    if server.url is not None:
        yield from _in_url(name, server.url)
    if server.database is not None and "@" in server.database:
        # A password before the host is found with the rest of the address; a user that looks like one is not.
        user = server.database.partition("://")[2].partition("@")[0]
        if ":" not in user and find_in_text(user):
            yield Problem(
                "this user name seems to hold a secret",
                fix=f"Run `yett secret set NAME --server {name}` and write credential: {{password: secret:NAME}}.",
                path=(*path, "database"),
            )
    if server.credential is not None and server.credential.basic is not None:
        username = server.credential.basic.username
        if find_in_text(username):
            yield _belongs_in_a_header(
                name,
                (*path, "credential", "basic", "username"),
                "this user name seems to hold a secret",
            )


def _without_folders(text: str) -> str:
    """Take out of a path, or of `--flag=` and a path, what is there on this machine: whatever it looks like, it names a
    file. What an issuer would have named so is left."""
    flag, separator, path = text.rpartition("=")
    if not path.startswith("/"):
        return text
    there = Path(path)
    while not os.path.lexists(there):
        there = there.parent
    left = str(there)
    if find_issued(left):
        return text
    return flag + separator + "/" + path.removeprefix(left)


def _in_url(name: str, url: str) -> Iterator[Problem]:
    parts = split_url(url)
    if find_in_url(url) or (parts is not None and "@" in parts.netloc):
        yield _belongs_in_a_header(
            name, ("servers", name, "url"), "this URL seems to hold a secret, and URLs end in logs"
        )


def _belongs_in_a_header(name: str, path: tuple[str | int, ...], message: str) -> Problem:
    return Problem(
        message,
        fix=f"Run `yett secret set NAME --server {name}`, write credential: {{bearer: secret:NAME}} "
        "(or basic, or headers), and take it out here.",
        path=path,
    )


def _refused(server: str, path: tuple[str | int, ...], text: str, found: list[Finding]) -> Problem:
    hint = _name_for(found[0].hint)
    whole = len(found) == 1 and (found[0].start, found[0].end) == (0, len(text))
    if whole and path[2] == "env":
        instead = f"secret:{hint}"
    else:
        instead = (
            '"'
            + replaced(text, found, lambda finding: f"{{secret:{_name_for(finding.hint)}}}")
            + '"'
        )
    return Problem(
        "this seems to hold a secret",
        fix=f"Run `yett secret set {hint} --server {server}` and write {instead}.",
        path=path,
    )


def _name_for(hint: str) -> str:
    return hint[:63].strip("-") or "secret"
