"""What in a sound policy set is probably not meant: told by `yett policy check`, never enforced. Pure."""

from collections.abc import Collection, Iterable, Iterator
from typing import final

import msgspec

from yett.authorization.config import Roles
from yett.authorization.policies import ANY, RESOURCE_TYPES, ROW_ACTION, Policy


@final
class Note(msgspec.Struct, frozen=True):
    """file, line: of the policy; "roles" and 0 for what is compiled."""

    message: str
    file: str
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


def review(roles: Roles, policies: Iterable[Policy], servers: Collection[str]) -> list[Note]:
    """Return what a reader should look at again, roles first. servers: those that are configured."""
    notes = [note for role, grants in roles.items() for note in _idle_grants(role, grants)]
    for policy in policies:
        notes += [
            Note(f"`{policy.id}` {message}", policy.statement.file, policy.statement.line)
            for message in _doubts(policy, roles, servers)
        ]
    return notes


def review_rows(policies: Iterable[Policy], tools: Collection[str]) -> list[Note]:
    """Return what about rows does nothing. tools: `server/tool` of those whose rows can be told apart."""
    about_rows = [policy for policy in policies if ROW_ACTION in policy.actions]
    notes = [
        Note(
            f"`{policy.id}` is about rows of what no tool has `rows` for, so it does nothing",
            policy.statement.file,
            policy.statement.line,
        )
        for policy in about_rows
        if not any(_reaches(policy, tool) for tool in tools)
    ]
    permits = [policy for policy in about_rows if policy.effect == "permit"]
    notes += [
        Note(f"`{tool}` has rows, and no policy shows one to anybody", "policies")
        for tool in sorted(tools)
        if not any(_reaches(policy, tool) for policy in permits)
    ]
    return notes


def _reaches(policy: Policy, tool: str) -> bool:
    server = tool.partition("/")[0]
    return policy.resource in (ANY, ("Tool", tool), ("Server", server))


def _idle_grants(role: str, grants: tuple[str, ...]) -> Iterator[Note]:
    for position, grant in enumerate(grants):
        name, _, access = grant.rpartition(":")
        wide = f"{name.partition('.')[0]}.*:{access}"
        if grant in grants[:position]:
            yield Note(f"`{role}` has `{grant}` twice", "roles")
        elif grant != wide and wide in grants:
            yield Note(f"`{role}` has `{grant}`, which `{wide}` already covers", "roles")


def _doubts(policy: Policy, roles: Roles, servers: Collection[str]) -> Iterator[str]:
    uids = {uid for uid in (policy.principal, policy.resource, *policy.reads.entities) if uid}
    for kind, name in sorted(uids):
        if kind == "Role" and name not in roles:
            yield f"speaks of the role `{name}`, which the configuration does not define"
        server = _server_of(kind, name)
        if server and server not in servers:
            yield f"speaks of the server `{server}`, which is not configured"
    for argument in policy.reads.unguarded:
        yield (
            f"uses `context.arguments.{argument}` without asking `context.arguments has {argument}`: "
            "a call without it is denied"
        )


def _server_of(kind: str, name: str) -> str:
    if kind in RESOURCE_TYPES:
        return name.partition("/")[0]
    return name if kind == "Server" or kind.startswith("is ") else ""
