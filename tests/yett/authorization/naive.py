"""A model of the policy language that is too simple to be wrong.

Written from Cedar's description, not from the code under test: walk over every policy, match its
head, evaluate its conditions, forbid before permit, any error denies.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Request(NamedTuple):
    key: str
    roles: tuple[str, ...]
    tenant: str
    environment: str
    action: str
    kind: str
    server: str
    name: str
    context: dict[str, Any]  # as Python values

    def above(self) -> set[tuple[str, str]]:
        return {("Key", self.key), ("Tenant", self.tenant), *(("Role", r) for r in self.roles)}

    def argument(self, name: str, *types: type) -> Any:
        """Return an argument; one that is missing, or of none of these types, cannot be evaluated."""
        value = self.context["arguments"].get(name)
        if value is None or (types and type(value) not in types):
            raise Failure
        return value


class Failure(Exception):
    """A condition that cannot be evaluated."""


Part = tuple[str, Callable[[Request], bool]]
"""Text in Cedar, and what it means."""


def equals(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def has(r: Request, name: str) -> bool:
    return name in r.context["arguments"]


def marked(r: Request) -> bool:
    """One tool is marked, see `chances.py`."""
    if r.kind != "Tool":
        raise Failure
    return (r.server, r.name) == ("s1", "a")


# fmt: off
CONDITIONS: list[Part] = [
    ("true", lambda _: True),
    ("false", lambda _: False),
    ('principal.tenant == "t1"', lambda r: r.tenant == "t1"),
    ('principal.environment != "live"', lambda r: r.environment != "live"),
    ('context.environment == "live"', lambda r: r.environment == "live"),
    ('principal == Key::"k1"', lambda r: r.key == "k1"),
    ('principal in [Key::"k2", Role::"r2"]', lambda r: r.key == "k2" or "r2" in r.roles),
    ('resource is Tool && resource.name == "a"', lambda r: r.kind == "Tool" and r.name == "a"),
    ('action == Action::"write"', lambda r: r.action == "write"),
    ("resource.egress", marked),
    ('resource.labels.contains("private")', marked),
    ("context.hour < 12", lambda r: r.context["hour"] < 12),
    ("context.weekday == 2 || context.hour == 0", lambda r: r.context["hour"] in {0, 12}),
    ('context.door == "rest"', lambda r: r.context["door"] == "rest"),
    ("context.key_age >= 86400", lambda r: r.context["key_age"] >= 86_400),
    ('context.address.isInRange(ip("10.0.0.0/8"))', lambda _: False),
    ('context.session.touched.contains("private")', lambda r: "private" in r.context["touched"]),
    ('context.session.touched.containsAny(["x", "untrusted"])', lambda r: "untrusted" in r.context["touched"]),
    ("context.session.touched.isEmpty()", lambda r: not r.context["touched"]),
    ("context.arguments.amount > 3", lambda r: r.argument("amount", int) > 3),
    ("context.arguments.amount + 1 <= 3", lambda r: r.argument("amount", int) <= 2),
    ("context.arguments has amount && context.arguments.amount > 3", lambda r: has(r, "amount") and r.argument("amount", int) > 3),
    ("!(context.arguments has amount) || context.arguments.amount < 5", lambda r: not has(r, "amount") or r.argument("amount", int) < 5),
    ("if context.arguments has word then context.hour == 0 else true", lambda r: not has(r, "word") or r.context["hour"] == 0),
    ('context.arguments.word like "x*"', lambda r: r.argument("word", str).startswith("x")),
    ('context.arguments.word like "*b*c"', lambda r: "b" in r.argument("word", str)[:-1] and r.argument("word").endswith("c")),
    ('["xyz", 4].contains(context.arguments.amount)', lambda r: equals(r.argument("amount"), 4)),
    ("context.arguments.flag", lambda r: bool(r.argument("flag", bool))),
    ("context.arguments.flag == 1", lambda r: equals(r.argument("flag"), 1)),
    ("context.arguments.flag == context.arguments.amount", lambda r: equals(r.argument("flag"), r.argument("amount"))),
    ('context.arguments.list.contains("a")', lambda r: "a" in r.argument("list", list)),
    ('principal.tenant == "t1" && context.arguments.amount == 5', lambda r: r.tenant == "t1" and equals(r.argument("amount"), 5)),
    ("context.arguments == {amount: 1}", lambda r: bool(r.context["arguments"] == {"amount": 1})),
    ("context has nothing", lambda _: False),
    ("context == {arguments: {}}", lambda _: False),
]

PRINCIPALS: list[Part] = [
    ("principal", lambda _: True),
    ("principal is Key", lambda _: True),
    ("principal is Role", lambda _: False),
    *(
        (f'principal {op} {uid[0]}::"{uid[1]}"', lambda r, op=op, uid=uid: uid in r.above() if op == "in" else uid == ("Key", r.key))
        for op in ("==", "in") for uid in (("Key", "k1"), ("Role", "r1"), ("Role", "r2"), ("Tenant", "t1"))
    ),
    ('principal is Key in Role::"r1"', lambda r: "r1" in r.roles),
    ('principal is Key in Tenant::"t2"', lambda r: r.tenant == "t2"),
    ('principal is Role in Role::"r1"', lambda _: False),
]

ACTIONS: list[Part] = [
    ("action", lambda _: True),
    ('action == Action::"read"', lambda r: r.action == "read"),
    ('action in Action::"write"', lambda r: r.action == "write"),
    ('action in [Action::"read", Action::"write"]', lambda _: True),
    ('action == Action::"list"', lambda _: False),
    ("action in []", lambda _: False),
]

RESOURCES: list[Part] = [
    ("resource", lambda _: True),
    ("resource is Tool", lambda r: r.kind == "Tool"),
    ("resource is Key", lambda _: False),
    ('resource in Server::"s1"', lambda r: r.server == "s1"),
    ('resource == Server::"s1"', lambda _: False),
    *((f'resource {op} {kind}::"s1/a"', lambda r, kind=kind: (r.kind, r.server, r.name) == (kind, "s1", "a"))
      for op in ("==", "in") for kind in ("Tool", "Resource")),
    ('resource is Tool in Server::"s2"', lambda r: r.kind == "Tool" and r.server == "s2"),
    ('resource is Prompt in Tool::"s1/a"', lambda _: False),
]
# fmt: on


class NaivePolicy(NamedTuple):
    id: str
    effect: str
    head: tuple[Part, ...]
    conditions: tuple[tuple[str, Part], ...]

    def holds(self, request: Request) -> bool:
        if not all(part[1](request) for part in self.head):
            return False
        return all(condition[1](request) == (kind == "when") for kind, condition in self.conditions)


def decide(policies: list[NaivePolicy], request: Request) -> tuple[bool, set[str]]:
    """Return the decision and the deciding ids (none if anything could not be evaluated)."""
    try:
        holding = [policy for policy in policies if policy.holds(request)]
    except Failure:
        return False, set()
    forbidding = {policy.id for policy in holding if policy.effect == "forbid"}
    deciding = forbidding or {policy.id for policy in holding}
    return bool(deciding) and not forbidding, deciding
