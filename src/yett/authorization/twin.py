"""A plain twin of Cedar for the conditions that most policies have: what takes Cedar a tenth of a
millisecond takes it some microseconds.

It only ever says what Cedar would have said, and is held equal to Cedar by
tests/yett/authorization/test_twin.py. It knows texts, whole numbers, truth values, records and sets of them,
and the caller's address. Whatever else a policy has, and whatever does not go smoothly (a member that is missing, a
value of another type), is Cedar's to say.
"""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final, final

import msgspec

from yett.authorization.conditions import Uid
from yett.authorization.policies import Policy
from yett.authorization.port import Case, Decision, PolicyEngine, Question
from yett.authorization.truths import (
    Context,
    Term,
    Test,
    UnsureError,
    always,
    as_truth,
    both,
    choice,
    constant,
    contains,
    contains_many,
    either,
    has,
    in_network,
    is_empty,
    like,
    member,
    one_of,
    opposite,
    ordered,
    same,
    sum_of,
)
from yett.core.target import JSON

_SCALARS: Final = frozenset(
    {"time", "hour", "weekday", "protocol", "door", "environment", "key_age"}
)
_CONTEXT: Final = {"Var": "context"}
_ARGUMENTS: Final = {".": {"left": _CONTEXT, "attr": "arguments"}}
_APPROVAL: Final = {".": {"left": _CONTEXT, "attr": "approval"}}
_TOUCHED: Final = {
    ".": {"left": {".": {"left": _CONTEXT, "attr": "session"}}, "attr": "touched"},
}
_CARRIES: Final = {".": {"left": _CONTEXT, "attr": "carries"}}
_ADDRESS: Final = {".": {"left": _CONTEXT, "attr": "address"}}
_LABELS: Final = {".": {"left": {"Var": "resource"}, "attr": "labels"}}


class StrangeError(Exception):
    """The policy has something that the twin does not know."""


@final
class TwinEngine:
    """Asks the engine only what the twin cannot answer."""

    __slots__ = ("_engine",)

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    def prepare(self, question: Question) -> Case:
        compiler = _Compiler(question)
        known: list[tuple[str, bool, Test]] = []
        strange: list[Policy] = []
        for policy in question.policies:
            try:
                known.append((policy.id, policy.effect == "forbid", compiler.policy(policy)))
            except StrangeError:
                strange.append(policy)
        if not known:
            return self._engine.prepare(question)
        rest = msgspec.structs.replace(question, policies=tuple(strange)) if strange else None
        return TwinCase(tuple(known), question, rest, self._engine)


@final
class TwinCase:
    """policies: those that the twin knows: id, whether it forbids, whether it applies. rest: the question
    about the others. The engine is asked the whole question when the twin is not sure."""

    __slots__ = (
        "_arguments",
        "_engine",
        "_members",
        "_order",
        "_policies",
        "_question",
        "_rest",
        "_whole",
    )

    def __init__(
        self,
        policies: tuple[tuple[str, bool, Test], ...],
        question: Question,
        rest: Question | None,
        engine: PolicyEngine,
    ) -> None:
        self._policies = policies
        self._question = question
        self._engine = engine
        self._rest = None if rest is None else engine.prepare(rest)
        self._members, self._arguments = _read_by(() if rest is None else rest.policies)
        self._order = {policy.id: place for place, policy in enumerate(question.policies)}
        self._whole: Case | None = None

    def decide(self, context: Context, /) -> Decision:
        forbidding: list[str] = []
        permitting: list[str] = []
        try:
            for policy, forbids, applies in self._policies:
                if applies(context):
                    (forbidding if forbids else permitting).append(policy)
        except (UnsureError, KeyError):
            return self._ask().decide(context)
        if self._rest is not None:
            rest = self._rest.decide(self._glimpse(context))
            if rest.errors:
                return rest
            (permitting if rest.allowed else forbidding).extend(rest.policies)
            (forbidding or permitting).sort(key=self._order.__getitem__)
        if forbidding:
            return Decision(allowed=False, policies=tuple(forbidding))
        return Decision(allowed=bool(permitting), policies=tuple(permitting))

    def _glimpse(self, context: Context) -> Context:
        """Return what the others look at; Cedar takes long to read the rest as well."""
        if self._arguments is None:
            return context
        seen = {name: context[name] for name in self._members if name in context}
        if "arguments" in seen:
            arguments = seen["arguments"]
            seen["arguments"] = {
                name: arguments[name] for name in self._arguments if name in arguments
            }
        return seen

    def foresee(self, context: Context, /) -> bool:
        return self._ask().foresee(context)

    def _ask(self) -> Case:
        if self._whole is None:
            self._whole = self._engine.prepare(self._question)
        return self._whole


def _read_by(policies: Sequence[Policy]) -> tuple[frozenset[str], frozenset[str] | None]:
    """Return the members of the context that any of them looks at, and the arguments; None for all."""
    members = frozenset[str]().union(*(policy.reads.context for policy in policies))
    arguments = [policy.reads.arguments for policy in policies]
    known = [names for names in arguments if names is not None]
    return members, frozenset[str]().union(*known) if len(known) == len(arguments) else None


@final
class _Compiler:
    """Makes functions of conditions. What is known of the question already is looked up here, once."""

    def __init__(self, question: Question) -> None:
        caller, matter = question.caller, question.matter
        self._entities: dict[str, Uid] = {
            "principal": ("Key", caller.id),
            "action": ("Action", question.action),
            "resource": (matter.type, matter.id),
        }
        self._above: dict[str, frozenset[Uid]] = {
            "action": frozenset((("Action", question.action),)),
            "principal": frozenset(
                (
                    ("Key", caller.id),
                    ("Tenant", caller.tenant),
                    *(("Role", role) for role in caller.roles),
                )
            ),
            "resource": frozenset(((matter.type, matter.id), ("Server", matter.server))),
        }
        self._attributes: dict[str, dict[str, JSON]] = {
            "principal": {"tenant": caller.tenant, "environment": caller.environment},
            "resource": {"server": matter.server, "name": matter.name, "access": matter.access},
        }
        if matter.type == "Tool":
            self._attributes["resource"]["egress"] = matter.egress
        self._labels = matter.labels if matter.type == "Tool" else None

    def policy(self, policy: Policy) -> Test:
        """Raises StrangeError, like everything here."""
        test: Test = always
        for condition in reversed(policy.form["conditions"]):
            truth = self._truth(condition["body"])
            if condition["kind"] != "when":
                truth = opposite(truth)
            test = truth if test is always else both(truth, test)
        return test

    def _truth(self, body: JSON) -> Test:
        operator, parts = next(iter(body.items()))
        match operator:
            case "&&" | "||":
                join = both if operator == "&&" else either
                return join(self._truth(parts["left"]), self._truth(parts["right"]))
            case "!":
                return opposite(self._truth(parts["arg"]))
            case "if-then-else":
                return choice(*(self._truth(parts[name]) for name in ("if", "then", "else")))
            case "." | "Value":
                return as_truth(self._term(body))
            case "in" | "is":
                return constant(self._relation(operator, parts))
            case _:
                return self._comparison(operator, parts)

    def _comparison(self, operator: str, parts: JSON) -> Test:
        match operator:
            case "==":
                return self._equal(parts["left"], parts["right"])
            case "!=":
                return opposite(self._equal(parts["left"], parts["right"]))
            case "<" | "<=" | ">" | ">=":
                return ordered(operator, self._term(parts["left"]), self._term(parts["right"]))
            case "like":
                return like(self._term(parts["left"]), _texts_of(parts["pattern"]))
            case "isInRange":
                return self._address_in(parts)
            case _:
                return self._membership(operator, parts)

    def _term(self, body: JSON) -> Term:
        match body:
            case {"Value": str() | int() as value}:
                return lambda _context: value
            case {".": {"left": {"Var": "context"}, "attr": name}} if name in _SCALARS:
                return lambda context: context[name]
            case {".": {"left": left, "attr": name}} if left == _ARGUMENTS:
                return lambda context: context["arguments"][name]
            case {".": {"left": left, "attr": name}} if left == _APPROVAL:
                return lambda context: context["approval"][name]
            case {".": {"left": {"Var": "principal" | "resource" as entity}, "attr": name}}:
                known = self._attribute(entity, name)
                return lambda _context: known
            case {".": {"left": {".": _} as left, "attr": name}}:
                return member(self._record(left), name)
            case _:
                return self._sum(body)

    def _sum(self, body: JSON) -> Term:
        operator, parts = next(iter(body.items()))
        if operator not in {"+", "-", "*"}:
            raise StrangeError
        return sum_of(operator, self._term(parts["left"]), self._term(parts["right"]))

    def _record(self, body: JSON) -> Term:
        """Return a record of the arguments, or in them."""
        if body == _ARGUMENTS:
            return lambda context: context["arguments"]
        if not _in_arguments(body):
            raise StrangeError
        return self._term(body)

    def _attribute(self, entity: str, name: str) -> JSON:
        if name not in self._attributes[entity]:
            raise StrangeError
        return self._attributes[entity][name]

    def _equal(self, left: JSON, right: JSON) -> Test:
        entity, other = self._entity(left), self._entity(right)
        if entity is not None and other is not None:
            return constant(entity == other)
        return same(self._term(left), self._term(right))

    def _entity(self, body: JSON) -> Uid | None:
        match body:
            case {"Var": name} if name in self._entities:
                return self._entities[name]
            case {"Value": {"__entity": {"type": kind, "id": name}}}:
                return (kind, name)
            case _:
                return None

    def _relation(self, operator: str, parts: dict[str, JSON]) -> bool:
        """`principal in …`, `resource is …`: known as soon as the question is."""
        variable = parts["left"].get("Var")
        if variable not in self._above:
            raise StrangeError
        above = self._above[variable]
        if operator == "in":
            return not above.isdisjoint(self._uids(parts["right"]))
        inside = "in" not in parts or not above.isdisjoint(self._uids(parts["in"]))
        return bool(self._entities[variable][0] == parts["entity_type"]) and inside

    def _uids(self, body: JSON) -> list[Uid]:
        uids = [self._entity(item) for item in body.get("Set", [body])]
        found = [uid for uid in uids if uid is not None]
        if len(found) < len(uids):
            raise StrangeError
        return found

    def _membership(self, operator: str, parts: JSON) -> Test:
        match operator:
            case "has":
                return has(self._record(parts["left"]), parts["attr"])
            case "isEmpty":
                return is_empty(self._set(parts["arg"]))
            case "contains" if "Set" in parts["left"]:
                return one_of(self._term(parts["right"]), _scalars(parts["left"]))
            case "contains":
                return contains(self._set(parts["left"]), self._term(parts["right"]))
            case "containsAny" | "containsAll":
                every = operator == "containsAll"
                return contains_many(
                    self._set(parts["left"]), _scalars(parts["right"]), every=every
                )
            case _:
                raise StrangeError

    def _set(self, body: JSON) -> Term:
        labels = self._labels
        if body == _LABELS and labels is not None:
            return lambda _context: labels
        if body == _TOUCHED:
            return lambda context: context["session"]["touched"]
        if body == _CARRIES:
            return lambda context: context["carries"]
        if _in_arguments(body):
            return self._term(body)
        raise StrangeError

    def _address_in(self, parts: JSON) -> Test:
        match parts:
            case [left, {"ip": [{"Value": str() as text}]}] if left == _ADDRESS:
                try:
                    return in_network(ip_network(text))
                except ValueError:  # bits beyond the mask, for example: Cedar knows what it means
                    raise StrangeError from None
            case _:
                raise StrangeError


def _in_arguments(body: JSON) -> bool:
    """Say whether it is `context.arguments.x`, or a member of that."""
    while body != _ARGUMENTS:
        match body:
            case {".": {"left": left}}:
                body = left
            case _:
                return False
    return True


def _scalars(body: JSON) -> list[JSON]:
    """Return the members of a set that is written down."""
    if "Set" not in body:
        raise StrangeError
    return [_scalar(item) for item in body["Set"]]


def _scalar(body: JSON) -> JSON:
    match body:
        case {"Value": str() | int() as value}:
            return value
        case _:
            raise StrangeError


def _texts_of(pattern: list[JSON]) -> list[str]:
    """Return the literal texts of a pattern; between two of them stands anything."""
    texts = [""]
    for part in pattern:
        if part == "Wildcard":
            texts.append("")
        else:
            texts[-1] += part["Literal"]
    return texts
