"""Writes Cedar for the `roles` of the configuration, as `yett policy show` prints it. Pure.

A grant has one shape, so the form in which Cedar would read it is written beside the text: Cedar need not
parse thousands of policies that nobody but this file wrote. Tests hold the two equal.
"""

import re
from typing import Final, final

import msgspec

from yett.authorization.config import GRANT_PATTERN, ROLE_PATTERN, Roles
from yett.core.errors import Problem
from yett.core.target import JSON

ROLE_PREFIX: Final = "role/"
"""Begins the id of every compiled policy; no policy file may use it."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/*@ -]*")


@final
class Statement(msgspec.Struct, frozen=True):
    """One Cedar policy as text, with where it stands. line: counts from 1; 0 when not known. form: Cedar's
    JSON form of it, where that is known without asking Cedar."""

    text: str
    file: str
    line: int = 0
    form: dict[str, JSON] | None = None


def quote(text: str) -> str:
    r"""Return a Cedar string literal that means exactly `text`.

    Whatever is not a plain character becomes `\u{…}`, so no name can end the literal (CWE-94).
    """
    if not _PLAIN.fullmatch(text):
        text = "".join(c if _PLAIN.fullmatch(c) else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{text}"'


def compile_grant(role: str, grant: str) -> Statement:
    """Return the Cedar policy that one grant of one role stands for.

    Raises:
        ValueError: the role or the grant is not of the form that the configuration demands.
    """
    if not re.fullmatch(ROLE_PATTERN, role):
        raise ValueError("a role's name has lower-case letters, digits, `_` and `-` only")
    if not re.fullmatch(GRANT_PATTERN, grant):
        raise ValueError("a grant is SERVER.TOOL:read or SERVER.TOOL:write; TOOL may be *")
    name, _, access = grant.rpartition(":")
    server, _, tool = name.partition(".")
    operator, kind, where = "==", "Tool", f"{server}/{tool}"
    if tool == "*":
        operator, kind, where = "in", "Server", server
    policy_id = f"{ROLE_PREFIX}{role}/{grant}"
    text = (
        f"@id({quote(policy_id)})\n"
        f"permit(principal in Role::{quote(role)}, action == Action::{quote(access)}, "
        f"resource {operator} {kind}::{quote(where)});"
    )
    form: dict[str, JSON] = {
        "effect": "permit",
        "principal": {"op": "in", "entity": {"type": "Role", "id": role}},
        "action": {"op": "==", "entity": {"type": "Action", "id": access}},
        "resource": {"op": operator, "entity": {"type": kind, "id": where}},
        "conditions": [],
        "annotations": {"id": policy_id},
    }
    return Statement(text, "roles", form=form)


def compile_roles(roles: Roles) -> tuple[list[Statement], list[Problem]]:
    """Return one policy per role and grant, in the order written, and what could not be compiled.

    An id says what is granted and to whom, not where it stands, so it is the same after a reorder;
    a grant that is written twice in one role is compiled once.
    """
    statements: list[Statement] = []
    problems: list[Problem] = []
    for role, grants in roles.items():
        for position, grant in enumerate(dict.fromkeys(grants)):
            try:
                statements.append(compile_grant(role, grant))
            except ValueError as error:
                problems.append(
                    Problem(
                        f"`{grant}` cannot be granted",
                        fix=f"Mend it: {error}",
                        path=("roles", role, position),
                    )
                )
    return statements, problems
