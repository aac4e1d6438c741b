"""The smallest line under `roles` that would turn a no into a yes, found by trying it."""

import re
from collections.abc import Mapping
from typing import final

import msgspec

from yett.authorization.build import build
from yett.authorization.config import GRANT_PATTERN, Roles, ToolMarks
from yett.core.call import Call
from yett.core.clock import Clock
from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.target import Target


@final
class Proposal(msgspec.Struct, frozen=True):
    role: str
    grant: str


def propose(
    roles: Roles,
    policy_files: Mapping[str, str],
    *,
    call: Call,
    principal: Principal,
    target: Target,
    clock: Clock,
    marks: Mapping[str, ToolMarks],
) -> Proposal | None:
    """Return what would permit this call, for one of the caller's own roles; None: no grant would.

    For a tool it is a grant of that tool alone; resources and prompts are granted by server only.

    Raises:
        ConfigurationError: roles or files are not sound as they are.
    """
    is_tool = target.kind is Kind.TOOL
    grant = (
        f"{target.server}.{target.name}:{target.access}" if is_tool else f"{target.server}.*:read"
    )
    own = [role for role in principal.roles if role in roles]
    if not own or not re.fullmatch(GRANT_PATTERN, grant):
        return None
    changed = roles | {own[0]: (*roles[own[0]], grant)}
    explanation = build(changed, policy_files, clock=clock, marks=marks).explain(
        call, principal, target
    )
    return Proposal(own[0], grant) if explanation.refusal is None else None
