"""Policies that ask a person: what they ask, of whom, and that none of them permits by itself."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.yett.authorization.asking import ask, authorizer, listed, principal, refusal, tool
from yett.authorization.policies import Policy
from yett.core.errors import ConfigurationError
from yett.core.proofs import Ask
from yett.core.reasons import Reason

PERMIT = '@id("ok") permit(principal in Role::"reader", action, resource);'
ASKING = '@id("careful") @approval("1") forbid(principal, action, resource)'
LARGE = f"{ASKING} when {{ context.arguments has amount && context.arguments.amount > 100 }};"


def test_a_forbid_that_asks_denies_nothing_that_is_otherwise_permitted() -> None:
    permitted = ask(authorizer(f"{PERMIT} {ASKING};"))

    assert permitted.ask == Ask(("careful",))
    assert permitted.policies == ("ok", "careful")


def test_it_asks_only_while_it_matches() -> None:
    gate = authorizer(f"{PERMIT} {LARGE}")

    assert ask(gate, arguments={"amount": 100}).ask is None
    assert ask(gate, arguments={"amount": 101}).ask == Ask(("careful",))
    assert ask(gate, arguments={"amount": 100}).ask is None


def test_what_nothing_permits_is_denied_and_nobody_is_asked() -> None:
    for policies in (f"{ASKING};", LARGE, f"{PERMIT} {LARGE}"):
        who = principal("writer")
        no = refusal(authorizer(policies), who, arguments={"amount": 101})
        assert no.reason is Reason.NOT_PERMITTED


def test_a_forbid_that_does_not_ask_denies_beside_one_that_does() -> None:
    never = '@id("never") forbid(principal, action, resource)'
    when = "when { context.arguments has amount && context.arguments.amount > 1000 };"

    assert refusal(authorizer(f"{PERMIT} {ASKING}; {never};")).reason is Reason.NOT_PERMITTED
    gate = authorizer(f"{PERMIT} {LARGE} {never} {when}")
    assert ask(gate, arguments={"amount": 1000}).ask is not None
    assert refusal(gate, arguments={"amount": 1001}).reason is Reason.ARGUMENT_DENIED


@pytest.mark.parametrize("asks", ['@approval("1")', ""])
def test_a_policy_that_cannot_be_evaluated_denies_whether_or_not_it_asks(asks: str) -> None:
    broken = f'@id("broken") {asks} forbid(principal, action, resource) when {{ context.arguments.amount > 1 }};'
    gate = authorizer(f"{PERMIT} {LARGE} {broken}")

    assert refusal(gate, arguments={"amount": "many"}).reason is Reason.NOT_PERMITTED
    assert refusal(gate, arguments={}).reason is Reason.NOT_PERMITTED


def test_a_permit_that_asks_permits_what_a_person_agrees_to() -> None:
    asks = '@id("asks") @approval("2") permit(principal in Role::"reader", action, resource)'

    assert ask(authorizer(f"{asks};")).ask == Ask(("asks",), people=2)
    assert ask(authorizer(f"{asks}; {PERMIT}")).ask is None  # another permits it without
    only_small = "when { context.arguments has amount && context.arguments.amount < 10 };"
    gate = authorizer(f'{asks}; @id("small") permit(principal, action, resource) {only_small}')
    assert ask(gate, arguments={"amount": 9}).ask is None
    assert ask(gate, arguments={"amount": 10}).ask == Ask(("asks",), people=2)


def test_of_several_the_most_people_the_shortest_time_and_every_text() -> None:
    gate = authorizer(
        PERMIT
        + '@id("a") @approval("1") @approval_for("2h") @approval_by("caller") @shown("A") forbid(principal, action, resource);'
        '@id("b") @approval("2") @approval_for("7d") @shown("B") forbid(principal, action, resource);'
        '@id("c") @approval("1") @approval_for("1m") @shown("A") forbid(principal, action, resource);'
    )

    assert ask(gate).ask == Ask(("a", "b", "c"), people=2, seconds=60, shown="A; B", own=False)


def test_the_caller_itself_is_asked_only_if_all_who_ask_say_so() -> None:
    by = '@id("{0}") @approval("1") {1} forbid(principal, action, resource);'
    own = by.format("a", '@approval_by("caller")')

    found = [ask(authorizer(PERMIT + rest)).ask for rest in (own, own + by.format("b", ""))]
    assert [asked and asked.own for asked in found] == [True, False]


def test_a_settled_question_is_asked_again_and_not_kept_as_a_yes() -> None:
    gate = authorizer(f"{PERMIT} {ASKING};")

    assert {ask(gate).ask for _ in range(3)} == {Ask(("careful",))}


def test_what_a_person_may_agree_to_is_listed_and_what_is_forbidden_is_not() -> None:
    assert listed(authorizer(f"{PERMIT} {ASKING};")) == ["github/search"]
    assert listed(authorizer(f"{PERMIT} {LARGE}")) == ["github/search"]
    assert listed(authorizer(f"{LARGE}")) == []
    assert listed(authorizer(f"{PERMIT} {LARGE} forbid(principal, action, resource);")) == []


def test_without_the_annotation_a_decision_costs_what_it_cost() -> None:
    """One judgement is kept and looked up; nothing of approvals is in its way."""
    gate = authorizer(PERMIT)
    first = ask(gate, principal("reader"), tool())
    assert first.policies is ask(gate, principal("reader"), tool()).policies


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ('@approval("0")', "from 1 to 9"),
        ('@approval("10")', "from 1 to 9"),
        ('@approval("two")', "from 1 to 9"),
        ('@approval("²")', "from 1 to 9"),
        ("@approval", "from 1 to 9"),
        ('@approval("1") @approval_for("soon")', "1m"),
        ('@approval("1") @approval_for("10s")', "1m"),
        ('@approval("1") @approval_for("8d")', "7d"),
        ('@approval_for("1h")', "without"),
        ('@approval_by("caller")', "without"),
        ('@approval("1") @approval_by("anybody")', "caller"),
        ('@approval("2") @approval_by("caller")', "more are asked for"),
        ('@aproval("1")', "did you mean `@approval`"),
        ('@Approval("1")', "did you mean `@approval`"),
        ('@approvals("1")', "did you mean `@approval`"),
        ('@approval("1") @approval_fro("1m")', "did you mean `@approval_for`"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_line(annotations: str, words: str) -> None:
    """A misspelt annotation on a permit would grant what was to be asked about."""
    with pytest.raises(ConfigurationError) as caught:
        authorizer(f"{PERMIT}\n{annotations} permit(principal, action, resource);")

    (problem,) = caught.value.problems
    assert words in problem.message
    assert problem.line == 2


def test_annotations_of_others_are_left_alone() -> None:
    ask(authorizer(f'@owner("legal") @description("approve later") {PERMIT}'))


def test_the_example_of_the_page_does_what_it_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "ask-a-person.md"
    (example,) = re.findall(r"```text\n(@id.*?)```", page.read_text(), re.DOTALL)
    gate = authorizer(f"{PERMIT}\n{example}")
    pay = tool("pay", server="bank")

    assert ask(gate, what=pay, arguments={"amount": 100}).ask is None
    assert ask(gate, what=pay, arguments={"amount": 101}).ask == Ask(
        ("large-payments",), seconds=1_800, shown="payments over 100 need a yes"
    )


# -- a model that is too simple to be wrong

CONDITIONS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("", lambda _: True),
    ("when { context.arguments has a }", lambda a: "a" in a),
    ("unless { context.arguments has a }", lambda a: "a" not in a),
    ("when { context.arguments has b && context.arguments.b > 5 }", lambda a: a.get("b", 0) > 5),
]
ARGUMENTS: list[dict[str, Any]] = [{}, {"a": 1}, {"b": 9}, {"a": 1, "b": 9}, {"b": 2}]


def naive(policies: list[tuple[str, str, int, int]], arguments: dict[str, Any]) -> Any:
    """Return False, True, or the number of people who are asked."""
    holding = [p for p in policies if CONDITIONS[p[3]][1](arguments)]
    forbids = [p for p in holding if p[1] == "forbid"]
    permits = [p for p in holding if p[1] == "permit"]
    if not permits or any(not people for _, _, people, _ in forbids):
        return False
    asking = [people for _, _, people, _ in forbids]
    if all(people for _, _, people, _ in permits):
        asking += [people for _, _, people, _ in permits]
    return max(asking) if asking else True


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_who_is_asked_is_what_a_naive_model_says(chance: Random) -> None:
    policies = [
        (f"p{number}", chance.choice(["permit", "forbid"]), chance.choice([0, 0, 1, 2, 3]), chance.randrange(4))
        for number in range(chance.randrange(1, 6))
    ]  # fmt: skip
    text = "\n".join(
        f'@id("{name}") {f"@approval({chr(34)}{people}{chr(34)})" if people else ""} '
        f"{effect}(principal, action, resource) {CONDITIONS[condition][0]};"
        for name, effect, people, condition in policies
    )
    gate = authorizer(text)
    for arguments in ARGUMENTS:
        expected = naive(policies, arguments)
        if expected is False:
            refusal(gate, arguments=arguments)
            continue
        asked = ask(gate, arguments=arguments).ask
        assert (True if asked is None else asked.people) == expected, (text, arguments)
        assert listed(gate) == ["github/search"]


def test_a_policy_remembers_what_it_demands() -> None:
    policy: Policy = authorizer(f"{PERMIT} {ASKING};").policies[1]
    assert policy.demand is not None
    assert (policy.demand.people, policy.demand.seconds, policy.demand.own) == (1, 3_600, False)
