"""One policy, as far as it must be known to find it fast: its head, and what its conditions look at.

Everything here over-approximates: a head that is not understood matches every request, and Cedar,
which is asked about each policy that has conditions, has the last word.
"""

from collections.abc import Iterable
from typing import Final, Literal, final

import msgspec

from yett.authorization.compile import Statement
from yett.authorization.conditions import Reads, Uid, examine
from yett.authorization.demands import Demand, read_demand
from yett.core.target import JSON

ACTIONS: Final = ("read", "write")
ROW_ACTION: Final = "row"
"""Only a policy that names it is about rows; see rows.py."""
ANY: Final[Uid] = ("", "")
"""In a head: not constrained."""
RESOURCE_TYPES: Final = ("Tool", "Resource", "Prompt")

_OPERATORS: Final = frozenset({"All", "==", "in", "is"})
_PRINCIPAL_TYPE: Final = "Key"
_GROUPS: Final = ("Role", "Tenant")


@final
class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """id: unique in the set. form: Cedar's JSON form. shown: the text of `@shown`, for callers.

    principal, resource: the only entity (or `("is Tool", server)`, server "" for any) for which the
    head can match; None: it never matches. conditional: it has a `when` or an `unless`. demand: it asks
    people. unfit: why what it demands cannot be understood; such a policy is never used.
    """

    id: str
    effect: Literal["permit", "forbid"]
    form: dict[str, JSON]
    statement: Statement
    principal: Uid | None
    actions: tuple[str, ...]
    resource: Uid | None
    conditional: bool
    reads: Reads
    shown: str | None = None
    demand: Demand | None = None
    unfit: str = ""


def read_policy(form: dict[str, JSON], statement: Statement, *, default_id: str) -> Policy:
    """Return the policy that Cedar's JSON form describes."""
    annotations = form.get("annotations") or {}
    demand, unfit = None, ""
    try:
        demand = read_demand(annotations)
    except ValueError as error:
        unfit = str(error)
    return Policy(
        id=annotations.get("id") or default_id,
        effect="permit" if form["effect"] == "permit" else "forbid",
        form=form,
        statement=statement,
        principal=_principal(form["principal"]),
        actions=_actions(form["action"]),
        resource=_resource(_where(form["resource"])),
        conditional=bool(form["conditions"]),
        reads=examine(form["conditions"]),  # a head has names in it, and nothing to be evaluated
        shown=annotations.get("shown") or None,
        demand=demand,
        unfit=unfit,
    )


def is_understood(form: dict[str, JSON]) -> bool:
    """Say whether the head is of the forms that are read here exactly."""
    heads = (form["principal"], form["action"], form["resource"])
    return all(head.get("op") in _OPERATORS for head in heads)


def mentioned(policies: Iterable[Policy], entity_type: str) -> frozenset[str]:
    """Return the ids of all entities of a type that any policy names, in a head or a condition."""
    found: set[str] = set()
    for policy in policies:
        uids = (policy.principal, policy.resource, *policy.reads.entities)
        found.update(uid[1] for uid in uids if uid is not None and uid[0] == entity_type)
    return frozenset(found)


def _principal(head: JSON) -> Uid | None:
    match head:
        case {"op": "==", "entity": entity}:
            uid = _uid(entity)
            return uid if uid[0] == _PRINCIPAL_TYPE else None
        case {"op": "in", "entity": entity}:
            return _within(entity, _PRINCIPAL_TYPE, _GROUPS)
        case {"op": "is", "entity_type": kind} if kind != _PRINCIPAL_TYPE:
            return None
        case {"op": "is", "in": {"entity": entity}}:
            return _within(entity, _PRINCIPAL_TYPE, _GROUPS)
        case _:
            return ANY


def _where(head: JSON) -> JSON:
    """Return the head without `is Row`: a row is in its tool and in its server, and they are what is asked for."""
    if head.get("entity_type") != "Row":
        return head
    return {"op": "in", **head["in"]} if "in" in head else {"op": "All"}


def _resource(head: JSON) -> Uid | None:
    match head:
        case {"op": "==", "entity": entity}:
            uid = _uid(entity)
            return uid if uid[0] in RESOURCE_TYPES else None
        case {"op": "in", "entity": entity}:
            uid = _uid(entity)
            return uid if uid[0] in RESOURCE_TYPES or uid[0] == "Server" else None
        case {"op": "is", "entity_type": kind} if kind not in RESOURCE_TYPES:
            return None
        case {"op": "is", "entity_type": kind, "in": {"entity": entity}}:
            uid = _uid(entity)
            if uid[0] == "Server":
                return (f"is {kind}", uid[1])
            return uid if uid[0] == kind else None
        case {"op": "is", "entity_type": kind, **rest} if not rest:
            return (f"is {kind}", "")
        case _:
            return ANY


def _actions(head: JSON) -> tuple[str, ...]:
    match head:
        case {"op": "==" | "in", "entity": entity}:
            named = {_uid(entity)}
        case {"op": "in", "entities": entities}:
            named = {_uid(entity) for entity in entities}
        case _:
            return ACTIONS
    return tuple(action for action in (*ACTIONS, ROW_ACTION) if ("Action", action) in named)


def _within(entity: JSON, kind: str, groups: tuple[str, ...]) -> Uid | None:
    """`in` holds for the entity itself and for its groups; nothing else is above a key."""
    uid = _uid(entity)
    return uid if uid[0] == kind or uid[0] in groups else None


def _uid(entity: JSON) -> Uid:
    return (entity["type"], entity["id"])
