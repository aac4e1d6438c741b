"""A plain twin of Cedar for the conditions that most policies have: what takes Cedar a tenth of a
millisecond takes it some microseconds.

It only ever says what Cedar would have said, and is held equal to Cedar by
tests/yett/authorization/test_twin.py. It knows texts, whole numbers, truth values, and sets of texts
that do not come from arguments. Whatever else a policy has, and whatever does not go smoothly (a member
that is missing, a value of another type), is Cedar's to say.
"""

from typing import Final, final

from yett.authorization.conditions import Uid
from yett.authorization.policies import Policy
from yett.authorization.port import Case, Decision, PolicyEngine, Question
from yett.authorization.truths import (
    Context,
    Term,
    Test,
    Texts,
    UnsureError,
    always,
    as_truth,
    both,
    constant,
    contains,
    either,
    like,
    one_of,
    opposite,
    ordered,
    same,
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
        try:
            policies = tuple(
                (policy.id, policy.effect == "forbid", compiler.policy(policy))
                for policy in question.policies
            )
        except StrangeError:
            return self._engine.prepare(question)
        return TwinCase(policies, question, self._engine)


@final
class TwinCase:
    """policies: id, whether it forbids, whether it applies."""

    __slots__ = ("_case", "_engine", "_policies", "_question")

    def __init__(
        self, policies: tuple[tuple[str, bool, Test], ...], question: Question, engine: PolicyEngine
    ) -> None:
        self._policies = policies
        self._question = question
        self._engine = engine
        self._case: Case | None = None

    def decide(self, context: Context, /) -> Decision:
        forbidding: list[str] = []
        permitting: list[str] = []
        try:
            for policy, forbids, applies in self._policies:
                if applies(context):
                    (forbidding if forbids else permitting).append(policy)
        except (UnsureError, KeyError):
            return self._ask().decide(context)
        if forbidding:
            return Decision(allowed=False, policies=tuple(forbidding))
        return Decision(allowed=bool(permitting), policies=tuple(permitting))

    def foresee(self, context: Context, /) -> bool:
        return self._ask().foresee(context)

    def _ask(self) -> Case:
        if self._case is None:
            self._case = self._engine.prepare(self._question)
        return self._case


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
            case "." | "Value":
                return as_truth(self._term(body))
            case "in" | "is":
                return constant(self._relation(operator, parts))
            case "contains" | "containsAny" | "containsAll" | "isEmpty":
                return self._membership(operator, parts)
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
            case "has":
                return self._has(parts["left"], parts["attr"])
            case "like":
                return like(self._term(parts["left"]), _texts_of(parts["pattern"]))
            case _:
                raise StrangeError

    def _term(self, body: JSON) -> Term:
        match body:
            case {"Value": str() | int() as value}:
                return lambda _context: value
            case {".": {"left": {"Var": "context"}, "attr": name}} if name in _SCALARS:
                return lambda context: context[name]
            case {".": {"left": left, "attr": name}} if left == _ARGUMENTS and name[:2] != "__":
                return lambda context: context["arguments"][name]
            case {".": {"left": left, "attr": name}} if left == _APPROVAL:
                return lambda context: context["approval"][name]
            case {".": {"left": {"Var": "principal" | "resource" as entity}, "attr": name}}:
                if name not in self._attributes[entity]:
                    raise StrangeError
                known = self._attributes[entity][name]
                return lambda _context: known
            case _:
                raise StrangeError

    def _has(self, left: JSON, name: str) -> Test:
        if left != _ARGUMENTS or name[:2] == "__":
            raise StrangeError
        return lambda context: name in context["arguments"]

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

    def _membership(self, operator: str, parts: dict[str, JSON]) -> Test:
        if operator == "isEmpty":
            texts = self._texts(parts["arg"])
            return lambda context: not texts(context)
        left, right = parts["left"], parts["right"]
        if operator == "contains":
            if "Set" in left:
                return one_of(self._term(right), [_scalar(item) for item in left["Set"]])
            return contains(self._texts(left), self._term(right))
        wanted = [_scalar(item) for item in right.get("Set", [{}])]
        texts, judge = self._texts(left), any if operator == "containsAny" else all
        return lambda context: judge(
            type(item) is str and item in texts(context) for item in wanted
        )

    def _texts(self, body: JSON) -> Texts:
        labels = self._labels
        if body == _LABELS and labels is not None:
            return lambda _context: labels
        if body == _TOUCHED:
            return lambda context: context["session"]["touched"]
        if body == _CARRIES:
            return lambda context: context["carries"]
        raise StrangeError


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
