"""What every policy engine must do, whatever it is made of."""

from typing import Any

import pytest

from yett.authorization.backends.cedar import CedarEngine, read_text
from yett.authorization.policies import Policy, read_policy
from yett.authorization.port import Caller, Case, Decision, Matter, PolicyEngine, Question
from yett.authorization.statements import split

CALLER = Caller("k1", ("reader",), "acme", "live")
MATTER = Matter("Tool", "github", "search", "read")


@pytest.fixture(params=[CedarEngine])
def engine(request: pytest.FixtureRequest) -> PolicyEngine:
    made: PolicyEngine = request.param()
    return made


def policies(text: str) -> tuple[Policy, ...]:
    return tuple(
        read_policy(form, statement, default_id="")
        for form, statement in zip(read_text(text), split(text, "x"), strict=True)
    )


def case(engine: PolicyEngine, text: str, caller: Caller = CALLER) -> Case:
    return engine.prepare(Question(policies(text), caller, "read", MATTER))


def test_forbid_wins_and_every_decider_is_named_in_order(engine: PolicyEngine) -> None:
    text = (
        '@id("z") permit(principal, action, resource) when { context.hour < 5 };'
        '@id("a") permit(principal, action, resource) when { context.hour < 7 };'
        '@id("m") forbid(principal, action, resource) when { context.hour == 3 };'
    )
    asked = case(engine, text)

    assert asked.decide({"hour": 4}) == Decision(allowed=True, policies=("z", "a"))
    assert asked.decide({"hour": 6}) == Decision(allowed=True, policies=("a",))
    assert asked.decide({"hour": 3}) == Decision(allowed=False, policies=("m",))
    assert asked.decide({"hour": 9}) == Decision(allowed=False)


def test_nothing_asked_is_nothing_allowed(engine: PolicyEngine) -> None:
    assert case(engine, "").decide({}) == Decision(allowed=False)
    assert not case(engine, "").foresee({})


def test_any_error_is_a_no(engine: PolicyEngine) -> None:
    text = (
        '@id("a") permit(principal, action, resource);'
        '@id("b") forbid(principal, action, resource) when { context.hour < 5 };'
    )
    bad: list[dict[str, Any]] = [
        {},
        {"hour": "x"},
        {"hour": 1.5},
        {"hour": object()},
        {"hour": 2**70},
    ]
    for context in bad:
        decision = case(engine, text).decide(context)
        assert not decision.allowed
        assert decision.errors
        assert not case(engine, text).foresee(context)


def test_a_question_that_cannot_be_prepared_allows_nothing(engine: PolicyEngine) -> None:
    broken = case(engine, "permit(principal, action, resource);", Caller("\ud800", (), "t", "live"))

    assert not broken.decide({}).allowed
    assert broken.decide({}).errors
    assert not broken.foresee({})


def test_what_is_foreseen_is_what_some_arguments_may_reach(engine: PolicyEngine) -> None:
    permit = (
        '@id("a") permit(principal, action, resource) '
        "when { context.hour < 5 && context.arguments.x == 1 };"
    )
    forbid = '@id("f") forbid(principal, action, resource) when { context.arguments.x == 2 };'

    asked = case(engine, permit)
    assert asked.foresee({"hour": 4})
    assert not asked.foresee({"hour": 6})
    assert case(engine, permit + forbid).foresee({"hour": 4})
    assert not case(engine, forbid).foresee({})
    always = '@id("p") permit(principal, action, resource);'
    assert case(engine, always + forbid).foresee({})
    never = '@id("n") forbid(principal, action, resource) when { principal.tenant == "acme" };'
    assert not case(engine, always + permit + never).foresee({"hour": 4})


@pytest.mark.parametrize(
    "name", ["'", '"', "\\", "\n", "\u202e", "e\u0301", "\u0301", "é😀", "\x00"]
)
def test_names_of_any_kind_are_told_apart(engine: PolicyEngine, name: str) -> None:
    text = (
        '@id("a") permit(principal in Role::"reader", action, resource) '
        "when { principal.tenant == resource.name && context.arguments.x == 1 };"
    )
    caller = Caller(name, ("reader",), name, "live")
    asked = engine.prepare(
        Question(policies(text), caller, "read", Matter("Tool", "s", name, "read"))
    )

    assert asked.decide({"arguments": {"x": 1}}).allowed
    assert asked.foresee({})
    assert not case(engine, text, caller).decide({"arguments": {"x": 1}}).allowed


def test_the_number_of_kept_sets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.authorization.backends.cedar.POLICY_SETS_MAX", 2)
    engine = CedarEngine()
    for number in range(5):
        text = f'@id("p{number}") permit(principal, action, resource) when {{ true }};'
        assert case(engine, text).decide({}).allowed

    assert len(engine._sets) <= 2
