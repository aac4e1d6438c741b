"""What is known about one caller and one target: settled for good, or to be asked for each call."""

from collections.abc import Sequence
from typing import Final, final

from yett.authorization.asking import decide_unconditionally, prepare
from yett.authorization.encoding import Occasion, UnjudgeableError, encode_arguments, observe
from yett.authorization.policies import Policy
from yett.authorization.port import Case, Decision, PolicyEngine, Question
from yett.authorization.size import weigh
from yett.core.target import JSON

TOGETHER_MAX: Final = 30_000
"""How much the conditions may weigh that a single call is judged by: about 20 ms of Cedar's time."""
_CONSTANT: Final = frozenset({"environment"})
"""Members of the context that are the same for every call of one caller."""
_FROM_ARGUMENTS: Final = frozenset({"arguments", "carries"})
"""Members that nobody knows before the arguments are known."""
_HOURLY: Final = frozenset({"hour", "weekday", "door", "address", "protocol"})
"""Members that stay as they are for an hour, for calls that come in the same way."""
_HOUR: Final = 3_600
_SUPPOSED: Final = frozenset({"approval"})
"""Members that are tried out, see asking.py."""


@final
class Settled:
    """The same decision whatever the call. granted: ids of the policies that permit it; None: a no, or not
    without a person."""

    __slots__ = ("decision", "granted")

    reads_arguments: Final = False
    timeless: Final = True
    shown: Final[dict[str, str]] = {}

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.granted = decision.policies if decision.allowed and decision.ask is None else None

    def decide(self, _occasion: Occasion, /) -> Decision:
        return self.decision

    def foresee(self, _occasion: Occasion, /) -> bool:
        return self.decision.allowed


@final
class Open:
    """A matching policy looks at something that differs from call to call.

    shown: what the operator lets a caller know of a policy, by policy id. reads_arguments: they are
    looked at. timeless: nothing but they are.
    """

    __slots__ = (
        "_argument_names",
        "_case",
        "_environment",
        "_foreseen",
        "_hourly",
        "_last",
        "_names",
        "_readers",
        "_reads_carries",
        "granted",
        "reads_arguments",
        "shown",
        "timeless",
    )

    def __init__(self, question: Question, case: Case, context: frozenset[str]) -> None:
        policies = question.policies
        self.granted: None = None
        self.shown = {policy.id: policy.shown for policy in policies if policy.shown}
        self.reads_arguments = bool(context & _FROM_ARGUMENTS)
        self._reads_carries = "carries" in context
        self._argument_names = _argument_names(policies)
        self._readers = tuple(policy.id for policy in policies if policy.reads.reads_arguments)
        self._names = tuple(sorted(context - _FROM_ARGUMENTS - _CONSTANT - _SUPPOSED))
        self.timeless = not self._names
        self._environment = question.caller.environment
        self._case = case
        self._hourly = not self.reads_arguments and _HOURLY.issuperset(self._names)
        self._last: tuple[tuple[float, str, str, str], Decision] | None = None
        self._foreseen: tuple[dict[str, JSON], bool] | None = None

    def decide(self, occasion: Occasion, /) -> Decision:
        """Answer for this call."""
        if self._hourly:
            call = occasion.call
            scene = (occasion.now // _HOUR, call.door, call.peer, call.protocol)
            if self._last is None or self._last[0] != scene:
                self._last = (scene, self._case.decide(self._circumstances(occasion)))
            return self._last[1]
        context = self._circumstances(occasion)
        if not self.reads_arguments:
            return self._case.decide(context)
        try:
            context["arguments"] = encode_arguments(occasion.call.arguments, self._argument_names)
        except UnjudgeableError as error:
            return Decision(allowed=False, errors=(str(error),), failing=self._readers)
        if self._reads_carries:
            context["carries"] = observe("carries", occasion)
        return self._case.decide(context)

    def foresee(self, occasion: Occasion, /) -> bool:
        """Say whether this call would be allowed with some arguments, as far as Cedar can tell."""
        if not self.reads_arguments:
            return self.decide(occasion).allowed
        context = self._circumstances(occasion)
        if self._foreseen is None or self._foreseen[0] != context:
            self._foreseen = (context, self._case.foresee(context))
        return self._foreseen[1]

    def _circumstances(self, occasion: Occasion) -> dict[str, JSON]:
        context: dict[str, JSON] = {"environment": self._environment}
        for name in self._names:
            value = observe(name, occasion)
            if value is not None:
                context[name] = value
        return context


Judgement = Settled | Open


def judge(question: Question, engine: PolicyEngine) -> Judgement:
    """Settle the question if nothing in it differs from call to call."""
    if not any(policy.conditional for policy in question.policies):
        return Settled(decide_unconditionally(question.policies))
    if sum(weigh(policy.form["conditions"]) for policy in question.policies) > TOGETHER_MAX:
        culprits = tuple(policy.id for policy in question.policies if policy.conditional)[:1]
        errors = ("the policies that apply are too much to be judged together",)
        return Settled(Decision(allowed=False, errors=errors, failing=culprits))
    case = prepare(question, engine)
    context = frozenset[str]().union(*(policy.reads.context for policy in question.policies))
    if context <= _CONSTANT:
        return Settled(case.decide({"environment": question.caller.environment}))
    return Open(question, case, context)


def _argument_names(policies: Sequence[Policy]) -> frozenset[str] | None:
    """Return the arguments that any of them looks at; None for all."""
    names: set[str] = set()
    for policy in policies:
        if policy.reads.arguments is None:
            return None
        names |= policy.reads.arguments
    return frozenset(names)
