"""Cases that say what the policies must decide, kept beside them and run by `yett policy test`. Pure."""

from typing import Literal, final

import msgspec

from yett.authorization.config import Label
from yett.authorization.explanation import Explanation
from yett.core.call import Door
from yett.core.target import JSON, Access

Expected = Literal[
    "permitted",
    "denied",
    "not_permitted",
    "argument_denied",
    "approval_required",
    "tool_quarantined",
]
"""`denied`: for whatever reason."""


@final
class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who calls what, and what must come of it.

    key: name or id of a key that exists; or roles and tenant. tool: `SERVER/TOOL`. access: its class;
    default: as configured or approved. input: the arguments. at: when, ISO 8601 in UTC; default: now.
    peer: from where. seen: labels of what the caller has seen. by: ids of the policies that decide, in
    any order; empty: whichever.
    """

    name: str
    tool: str
    expect: Expected
    key: str = ""
    roles: tuple[str, ...] = ()
    tenant: str = "default"
    access: Access | None = None
    input: dict[str, JSON] = {}
    at: str = ""
    peer: str = "127.0.0.1"
    protocol: str = "2025-11-25"
    door: Door = "mcp"
    seen: tuple[Label, ...] = ()
    by: tuple[str, ...] = ()


@final
class CaseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cases: tuple[Case, ...]


@final
class Verdict(msgspec.Struct, frozen=True):
    """got: what the policies decide. problem: empty if that is what the case expects."""

    case: Case
    got: str
    policies: tuple[str, ...]
    problem: str


def judge(case: Case, explanation: Explanation) -> Verdict:
    """Compare what a case expects with what the policies say."""
    got, policies = explanation.outcome, explanation.policies
    problem = ""
    if got != case.expect and not (case.expect == "denied" and got != "permitted"):
        why = "" if explanation.refusal is None else f": {explanation.refusal.private}"
        problem = f"expected {case.expect}, got {got}{why}"
    elif case.by and set(case.by) != set(policies):
        problem = f"expected by {_listed(case.by)}, decided by {_listed(policies)}"
    return Verdict(case, got, policies, problem)


def _listed(policies: tuple[str, ...]) -> str:
    return ", ".join(f"`{policy}`" for policy in sorted(policies)) or "none"
