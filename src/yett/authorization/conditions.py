"""What the conditions of a policy look at, read from Cedar's JSON form of it (Cedar: JSON policy format).

Whether a decision may be kept depends on this, so every doubt counts as "reads everything".
"""

from typing import Final, final

import msgspec

from yett.core.target import JSON

CONTEXT_NAMES: Final = frozenset(
    {
        "arguments",
        "time",
        "hour",
        "weekday",
        "address",
        "protocol",
        "door",
        "environment",
        "key_age",
        "approval",
        "session",
        "carries",
    }
)

_CONTEXT: Final = {"Var": "context"}
_RESOURCE: Final = {"Var": "resource"}
_ARGUMENTS: Final = {".": {"left": _CONTEXT, "attr": "arguments"}}
_OPAQUE: Final = {
    "==": {"left": {".": {"left": _CONTEXT, "attr": "door"}}, "right": {"Value": "mcp"}}
}
"""Stands for a truth that only a call can tell: Cedar's type checker cannot fold it away."""

Uid = tuple[str, str]
"""Type and id of an entity."""


@final
class Reads(msgspec.Struct, frozen=True):
    """context: its members. arguments: names of arguments as policies write them, None for all.
    unguarded: arguments that are used without asking `has` anywhere. entities: those mentioned.
    resource: the conditions look at it."""

    context: frozenset[str] = frozenset()
    arguments: frozenset[str] | None = frozenset()
    unguarded: tuple[str, ...] = ()
    entities: frozenset[Uid] = frozenset()
    resource: bool = False

    @property
    def reads_arguments(self) -> bool:
        return "arguments" in self.context


_NOTHING: Final = Reads()
"""What most policies read: one for them all."""


def examine(conditions: JSON) -> Reads:
    """Return what these conditions look at."""
    if not conditions:
        return _NOTHING
    sight = _Sight()
    stack: list[JSON] = [conditions]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and not sight.takes(node):
            stack.extend(node.values())
    return sight.conclude()


@final
class _Sight:
    """Collects while `examine` walks."""

    def __init__(self) -> None:
        self.context: set[str] = set()
        self.arguments: set[str] = set()
        self.guarded: set[str] = set()
        self.used: set[str] = set()
        self.entities: set[Uid] = set()
        self.everything = False
        self.all_arguments = False
        self.resource = False

    def takes(self, node: dict[str, JSON]) -> bool:
        """Say whether the node is understood whole, so that the walk need not go into it."""
        if node == _CONTEXT:
            self.everything = True
            return True
        if node == _RESOURCE:
            self.resource = True
            return True
        operator, body = next(iter(node.items()), ("", None))
        if operator in {".", "has"} and isinstance(body, dict) and set(body) == {"left", "attr"}:
            return self._takes_member(operator, body["left"], body["attr"])
        if operator == "__entity" and isinstance(body, dict):
            self.entities.add((str(body.get("type")), str(body.get("id"))))
        return False

    def _takes_member(self, operator: str, left: JSON, name: str) -> bool:
        if left == _CONTEXT:
            self.context.add(name)
            if name == "arguments" and operator == ".":
                self.all_arguments = True
            return True
        if left == _ARGUMENTS:
            self.context.add("arguments")
            self.arguments.add(name)
            (self.guarded if operator == "has" else self.used).add(name)
            return True
        return False

    def conclude(self) -> Reads:
        found = Reads(
            context=CONTEXT_NAMES if self.everything else frozenset(self.context),
            arguments=(
                None if self.everything or self.all_arguments else frozenset(self.arguments)
            ),
            unguarded=tuple(sorted(self.used - self.guarded)),
            entities=frozenset(self.entities),
            resource=self.resource,
        )
        return _NOTHING if found == _NOTHING else found


def without_arguments(
    policy: dict[str, JSON], known: frozenset[str] = frozenset()
) -> dict[str, JSON]:
    """Return the policy with each comparison that looks at an argument replaced by an unknown truth.

    The type checker can then judge the rest of the policy. known: arguments whose type it does know.
    """
    conditions = [
        condition | {"body": _abstract(condition["body"], known)}
        for condition in policy["conditions"]
    ]
    return policy | {"conditions": conditions}


def _abstract(body: JSON, known: frozenset[str]) -> JSON:
    operator, parts = next(iter(body.items()))
    if operator in {"&&", "||", "!", "if-then-else"}:
        return {operator: {name: _abstract(part, known) for name, part in parts.items()}}
    reads = examine(body)
    if not reads.reads_arguments or (reads.arguments is not None and reads.arguments <= known):
        return body
    return _OPAQUE
