"""Which rows may a caller see? Policies that name `Action::"row"`, for tools that have `rows:`.

Rows are a question of their own: a policy takes part in it only if it names the action, so that
neither a grant of a role nor a policy about every action shows a row by accident. Denied by default:
without a policy that permits, no row is shown. The answer for one caller and one tool is a value
(`core.predicate.RowRule`) that does not depend on the call.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, final

from yett.authorization.conditions import Uid
from yett.authorization.config import ToolMarks
from yett.authorization.index import Index
from yett.authorization.policies import ROW_ACTION, Policy
from yett.authorization.port import Caller, Matter
from yett.authorization.rows_translation import ROW, Facts, InexpressibleError, translate
from yett.core.errors import Problem
from yett.core.predicate import Predicate, RowRule, Truth
from yett.core.target import JSON

_ANYBODY: Final = Caller(id="", roles=("",), tenant="", environment="live")
_ANYTHING: Final = Matter("Tool", "", "", "read")
_NEVER: Final = Truth(holds=False)


@final
class RowPolicies:
    """Of one policy set. tools: `server/tool` of those whose rows can be told apart."""

    __slots__ = ("_index", "_tools")

    def __init__(self, policies: Sequence[Policy], tools: Collection[str]) -> None:
        self._index = Index([policy for policy in policies if ROW_ACTION in policy.actions])
        self._tools = frozenset(tools)

    def concern(self, tool: str) -> bool:
        """Say whether callers may see some rows only of what this tool answers."""
        return tool in self._tools

    def rule(self, caller: Caller, matter: Matter) -> RowRule:
        """Return what this caller may see. Policies that match no row whatever are left out.

        Raises:
            InexpressibleError: never of a set that was checked when it was loaded.
        """
        facts = Facts(caller, matter)
        found: list[tuple[Policy, Predicate]] = []
        for policy in self._index.match(caller, ROW_ACTION, matter):
            predicate = translate(policy.form["conditions"], facts)
            if predicate != _NEVER:
                found.append((policy, predicate))
        return RowRule(
            permits=tuple(part for policy, part in found if policy.effect == "permit"),
            forbids=tuple(part for policy, part in found if policy.effect == "forbid"),
            policies=tuple(policy.id for policy, _ in found),
        )


def tools_with_rows(marks: Mapping[str, ToolMarks]) -> frozenset[str]:
    """Return `server/tool` of those whose rows can be told apart. marks: by `server/tool` or server."""
    return frozenset(key for key, mark in marks.items() if mark.rows)


def row_problems(policy: Policy, tools: Collection[str]) -> Iterator[Problem]:
    """Return what hinders a policy from being applied to rows; nothing if it is not about rows."""
    for message, fix in _faults(policy, tools):
        yield Problem(
            f"`{policy.id}` {message}",
            fix=fix,
            file=policy.statement.file,
            line=policy.statement.line,
        )


def _faults(policy: Policy, tools: Collection[str]) -> Iterator[tuple[str, str]]:
    head = policy.form["resource"]
    is_of_rows = head.get("entity_type") == ROW
    if ROW_ACTION not in policy.actions:
        if is_of_rows:
            yield "is about rows and does not say so", 'Write `action == Action::"row"` in its head'
        return
    if len(policy.actions) > 1 and (is_of_rows or policy.reads.resource):
        fix = 'Write one policy for `Action::"row"` alone'
        yield "is about calls and about rows, and looks at what only one of them has", fix
    yield from _misplaced(head, policy.resource, tools)
    if any(name.startswith("approval") for name in policy.form.get("annotations") or {}):
        yield "asks a person about rows", "Ask about the call: rows are shown or they are not"
    try:
        translate(policy.form["conditions"], Facts(_ANYBODY, _ANYTHING))
    except InexpressibleError as error:
        fix = (
            "Compare a field of the row (`resource.FIELD`) with a value, or with the caller's "
            "`principal.tenant` or `principal.environment`"
        )
        yield f"cannot be applied to rows: it {error}", fix


def _misplaced(head: JSON, place: Uid | None, tools: Collection[str]) -> Iterator[tuple[str, str]]:
    if head["op"] == "==":
        kind, name = head["entity"]["type"], head["entity"]["id"]
        fix = f'Write `resource in {kind}::"{name}"`: the rows of a tool are in it'
        yield "never matches: no row is that entity itself", fix
    elif head["op"] == "is" and head["entity_type"] != ROW:
        yield f"never matches: no row is a {head['entity_type']}", "Leave `is …` out"
    elif place is not None and place[0] == "Tool" and place[1] not in tools:
        server, _, tool = place[1].partition("/")
        fix = f"Say where they are: `servers.{server}.tools.{tool}.rows: {{at: …}}`"
        yield f"is about the rows of `{place[1]}`, which cannot be told apart", fix
