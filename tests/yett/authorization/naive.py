"""A model of the policy language that is too simple to be wrong, and random policies for it.

Written from Cedar's description, not from the code under test: walk over every policy, match its
head, evaluate its conditions, forbid before permit, any error denies.
"""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

Uid = tuple[str, str]


class Request(NamedTuple):
    """context: as Python values."""

    key: str
    roles: tuple[str, ...]
    tenant: str
    environment: str
    action: str
    kind: str
    server: str
    name: str
    context: dict[str, Any]

    def above_principal(self) -> set[Uid]:
        return {("Key", self.key), ("Tenant", self.tenant), *(("Role", r) for r in self.roles)}

    def above_resource(self) -> set[Uid]:
        return {(self.kind, f"{self.server}/{self.name}"), ("Server", self.server)}


class Failure(Exception):
    """A condition that cannot be evaluated."""


Condition = tuple[str, Callable[[Request], bool]]


def _amount(request: Request) -> int:
    value = request.context["arguments"].get("amount")
    if type(value) is not int:
        raise Failure
    return value


def _is_five(request: Request) -> bool:
    """`==` compares anything with anything; only a missing member cannot be compared."""
    arguments = request.context["arguments"]
    if "amount" not in arguments:
        raise Failure
    return type(arguments["amount"]) is int and arguments["amount"] == 5


def _has(name: str) -> Callable[[Request], bool]:
    return lambda request: name in request.context["arguments"]


CONDITIONS: list[Condition] = [
    ("true", lambda _: True),
    ("false", lambda _: False),
    ('principal.tenant == "t1"', lambda r: r.tenant == "t1"),
    ('principal.environment == "live"', lambda r: r.environment == "live"),
    ('context.environment == "live"', lambda r: r.environment == "live"),
    ('principal == Key::"k1"', lambda r: r.key == "k1"),
    ('principal in [Key::"k2", Role::"r2"]', lambda r: r.key == "k2" or "r2" in r.roles),
    ('resource in Server::"s1"', lambda r: r.server == "s1"),
    ('resource is Tool && resource.name == "a"', lambda r: r.kind == "Tool" and r.name == "a"),
    ('action == Action::"write"', lambda r: r.action == "write"),
    ("context.hour < 12", lambda r: r.context["hour"] < 12),
    ("context.weekday == 2 || context.hour == 0", lambda r: r.context["hour"] in {0, 12}),
    ('context.door == "rest"', lambda r: r.context["door"] == "rest"),
    ("context.arguments.amount > 3", lambda r: _amount(r) > 3),
    ("context.arguments has amount", _has("amount")),
    (
        "context.arguments has amount && context.arguments.amount > 3",
        lambda r: _has("amount")(r) and _amount(r) > 3,
    ),
    (
        'context.arguments has word && context.arguments.word like "x*"',
        lambda r: _has("word")(r) and r.context["arguments"]["word"].startswith("x"),
    ),
    ('principal.tenant == "t1" && context.arguments.amount == 5', lambda r: r.tenant == "t1" and _is_five(r)),
    ("context.arguments == {amount: 1}", lambda r: r.context["arguments"] == {"amount": 1}),
    ("context has nothing", lambda _: False),
    ("context == {arguments: {}}", lambda _: False),
]  # fmt: skip

PRINCIPALS: list[tuple[str, Callable[[Request], bool]]] = [
    ("principal", lambda _: True),
    ("principal is Key", lambda _: True),
    ("principal is Role", lambda _: False),
    *(
        (f'principal {op} {kind}::"{name}"', lambda r, op=op, uid=(kind, name): (
            uid in r.above_principal() if op == "in" else uid == ("Key", r.key)))
        for op in ("==", "in")
        for kind, name in (("Key", "k1"), ("Role", "r1"), ("Role", "r2"), ("Tenant", "t1"))
    ),
    ('principal is Key in Role::"r1"', lambda r: "r1" in r.roles),
    ('principal is Key in Tenant::"t2"', lambda r: r.tenant == "t2"),
    ('principal is Role in Role::"r1"', lambda _: False),
]  # fmt: skip

ACTIONS: list[tuple[str, Callable[[Request], bool]]] = [
    ("action", lambda _: True),
    ('action == Action::"read"', lambda r: r.action == "read"),
    ('action in Action::"write"', lambda r: r.action == "write"),
    ('action in [Action::"read", Action::"write"]', lambda _: True),
    ('action == Action::"list"', lambda _: False),
    ("action in []", lambda _: False),
]

RESOURCES: list[tuple[str, Callable[[Request], bool]]] = [
    ("resource", lambda _: True),
    ("resource is Tool", lambda r: r.kind == "Tool"),
    ("resource is Key", lambda _: False),
    ('resource in Server::"s1"', lambda r: r.server == "s1"),
    ('resource == Server::"s1"', lambda _: False),
    ('resource == Tool::"s1/a"', lambda r: (r.kind, r.server, r.name) == ("Tool", "s1", "a")),
    ('resource in Tool::"s1/a"', lambda r: (r.kind, r.server, r.name) == ("Tool", "s1", "a")),
    ('resource == Resource::"s1/a"', lambda r: (r.kind, r.server, r.name) == ("Resource", "s1", "a")),
    ('resource is Tool in Server::"s2"', lambda r: r.kind == "Tool" and r.server == "s2"),
    ('resource is Prompt in Prompt::"s1/a"', lambda r: (r.kind, r.server, r.name) == ("Prompt", "s1", "a")),
    ('resource is Prompt in Tool::"s1/a"', lambda _: False),
    ('resource in Tenant::"t1"', lambda _: False),
]  # fmt: skip


class NaivePolicy(NamedTuple):
    id: str
    effect: str
    head: tuple[tuple[str, Callable[[Request], bool]], ...]
    conditions: tuple[tuple[str, Condition], ...]

    @property
    def text(self) -> str:
        head = ", ".join(part[0] for part in self.head)
        tail = "".join(f"\n{kind} {{ {condition[0]} }}" for kind, condition in self.conditions)
        return f'@id("{self.id}") {self.effect}({head}){tail};'

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
    if forbidding:
        return False, forbidding
    permitting = {policy.id for policy in holding}
    return bool(permitting), permitting


def some_policies(chance: Random) -> list[NaivePolicy]:
    return [
        NaivePolicy(
            f"p{number}",
            chance.choice(["permit", "permit", "permit", "forbid"]),
            (chance.choice(PRINCIPALS), chance.choice(ACTIONS), chance.choice(RESOURCES)),
            tuple(
                (chance.choice(["when", "unless"]), chance.choice(CONDITIONS))
                for _ in range(chance.choice([0, 0, 1, 1, 2]))
            ),
        )
        for number in range(chance.randrange(0, 14))
    ]


ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"amount": 1},
    {"amount": 5},
    {"amount": "5"},
    {"word": "xyz", "amount": 4},
    {"word": "abc"},
]


def some_request(chance: Random) -> Request:
    kind = chance.choice(["Tool", "Tool", "Tool", "Resource", "Prompt"])
    return Request(
        key=chance.choice(["k1", "k2", "k3"]),
        roles=chance.choice([("r1",), ("r2",), ("r1", "r2"), ("r3",)]),
        tenant=chance.choice(["t1", "t2"]),
        environment=chance.choice(["live", "test"]),
        action=chance.choice(["read", "write"]) if kind == "Tool" else "read",
        kind=kind,
        server=chance.choice(["s1", "s2"]),
        name=chance.choice(["a", "b"]),
        context={
            "arguments": chance.choice(ARGUMENTS),
            "hour": chance.choice([0, 12]),
            "door": chance.choice(["mcp", "rest"]),
        },
    )
