"""What the twin says is what Cedar says, operator by operator, whatever the values; and it says it alone."""

from random import Random
from typing import Any, Final, final

import pytest

from yett.authorization.backends.cedar import CedarEngine, read_text
from yett.authorization.compile import Statement
from yett.authorization.encoding import encode_arguments
from yett.authorization.policies import read_policy
from yett.authorization.port import Caller, Case, Matter, Question
from yett.authorization.twin import TwinEngine
from yett.core.target import JSON

CALLER: Final = Caller("k1", ("r1",), "t1", "live")
MATTER: Final = Matter("Tool", "s1", "a", "read", ("private",), egress=True)
CONDITIONS: Final = 3_000

VALUES: Final[list[JSON]] = [
    *(0, 1, -1, 5, 2**63 - 1, -(2**63), True, False, 1.5, 5.0, -0.0),
    *("", "a", "ab", "ba", "a*b", "é", "a\u0301", "\U0001f600", "\x00", "10.0.0.1"),
    *([], [1], ["a"], ["a", "a", 1], [True], [[1]], [{"a": 1}], [1.5]),
    *({}, {"a": 1}, {"a": "a", "b": {"a": True}}, {"a": [1, 2]}, {"__extn": "x"}, {"__entity": 1}),
]
LITERALS: Final = ["0", "1", "-1", "5", "9223372036854775807", "true", "false", '""', '"a"', '"ab"']
PLACES: Final = [
    *("context.arguments.x", "context.arguments.y", "context.arguments.x.a"),
    *("context.arguments.y.b.a", 'context.arguments["_x"]', "context.hour", "context.door"),
    *("context.key_age", "principal.tenant", "resource.name", "resource.egress"),
]
SETS: Final = [
    *("context.arguments.x", "context.arguments.y.a", "resource.labels"),
    "context.session.touched",
]
PATTERNS: Final = ["*", "", "a", "a*", "*a", "a*b", "*a*", "a\\*b", "**a**", "a*a"]


def condition(chance: Random, depth: int) -> str:
    """Return a random condition, most of which can be evaluated."""
    if depth and chance.random() < 0.6:
        one, other = condition(chance, depth - 1), condition(chance, depth - 1)
        return chance.choice(
            [
                f"({one} && {other})",
                f"({one} || {other})",
                f"!({one})",
                f"(if {one} then {other} else {condition(chance, 0)})",
            ]
        )
    place, value = chance.choice(PLACES), term(chance)
    return chance.choice(
        [
            f"{place} == {value}",
            f"{place} != {value}",
            f"{place} {chance.choice(['<', '<=', '>', '>='])} {value}",
            f"{place} {chance.choice(['+', '-', '*'])} {value} > {term(chance)}",
            f'{place} like "{chance.choice(PATTERNS)}"',
            f"context.arguments has {chance.choice(['x', 'y', 'z'])}",
            f"{chance.choice(PLACES[:3])} has {chance.choice(['a', 'b'])}",
            f"[{value}, {chance.choice(LITERALS)}].contains({place})",
            f"{chance.choice(SETS)}.contains({value})",
            f"{chance.choice(SETS)}.containsAny([{chance.choice(LITERALS)}, 1])",
            f"{chance.choice(SETS)}.containsAll([{chance.choice(LITERALS)}])",
            f"{chance.choice(SETS)}.isEmpty()",
            f"context.address.isInRange(ip({chance.choice(NETWORKS)}))",
            'principal in [Role::"r1", Role::"r2"]',
            'resource is Tool in Server::"s2"',
            place,
        ]
    )


NETWORKS: Final = ['"10.0.0.0/8"', '"10.0.0.1"', '"10.0.0.1/8"', '"::/0"', '"0.0.0.0/0"']


def term(chance: Random) -> str:
    return chance.choice(LITERALS if chance.random() < 0.7 else PLACES)


def question(*conditions: str) -> Question:
    policies = []
    for number, text in enumerate(conditions):
        effect = "forbid" if number % 2 else "permit"
        statement = Statement(f"{effect}(principal, action, resource) when {{ {text} }};", "x")
        form = read_text(statement.text)[0]
        policies.append(read_policy(form, statement, default_id=f"p{number}"))
    return Question(tuple(policies), CALLER, "read", MATTER)


def context(arguments: dict[str, JSON], address: str = "10.0.0.1") -> dict[str, Any]:
    return {
        "arguments": encode_arguments(arguments, None),
        "hour": 12,
        "door": "mcp",
        "key_age": 5,
        "address": {"__extn": {"fn": "ip", "arg": address}},
        "session": {"touched": ["a", "private"]},
        "approval": {"granted": True, "people": 2},
    }


@pytest.mark.parametrize("seed", range(4))
def test_the_twin_says_what_cedar_says(seed: int) -> None:
    chance = Random(seed)
    for _ in range(CONDITIONS // 4 // 3):
        asked = question(*(condition(chance, 2) for _ in range(chance.choice([1, 2, 3]))))
        twin, cedar = TwinEngine(CedarEngine()).prepare(asked), CedarEngine().prepare(asked)
        for _ in range(3):
            arguments = {
                name: chance.choice(VALUES) for name in ("x", "y", "_x") if chance.random() < 0.8
            }
            given = context(arguments, chance.choice(["10.0.0.1", "11.0.0.1", "::1"]))
            expected = cedar.decide(given)
            found = twin.decide(given)
            assert found.allowed == expected.allowed, (asked.policies, arguments)
            if not expected.errors:
                assert found == expected, (asked.policies, arguments)


@final
class Unasked:
    """An engine that must not be needed."""

    def prepare(self, question: Question) -> Case:
        raise AssertionError(f"Cedar was asked: {question}")


@pytest.mark.parametrize(
    "text",
    [
        "context.arguments has x && context.arguments.x > 3",
        'context.arguments has s && context.arguments.s like "a*"',
        '["a", "b"].contains(context.arguments.s)',
        'context.arguments.l.containsAny(["a", "z"])',
        'context.arguments has r.a && context.arguments.r.a == "b"',
        "context.arguments.x * 2 + 1 >= context.hour - 3",
        "context.approval.granted && context.approval.people >= 2",
        "context.hour < 9 || context.weekday > 5",
        'context.address.isInRange(ip("10.0.0.0/8"))',
        'context.session.touched.contains("private") && resource.egress',
        'principal in Role::"r1" && !(principal == Key::"k2")',
        'resource.labels.contains("private") && context.key_age > 3',
        'if context.door == "mcp" then action == Action::"read" else principal.tenant == "t1"',
    ],
)
def test_common_conditions_need_no_cedar(text: str) -> None:
    case = TwinEngine(Unasked()).prepare(question("true", text))
    given = context({"x": 4, "s": "ab", "l": ["a"], "r": {"a": "b"}}) | {"weekday": 2}

    assert case.decide(given) == CedarEngine().prepare(question("true", text)).decide(given)


@pytest.mark.parametrize("text", ['ip("10.0.0.1").isIpv4()', 'context.arguments.n.lessThan(decimal("2.0"))'])  # fmt: skip
def test_what_only_cedar_knows_is_put_to_cedar_and_joined(text: str) -> None:
    asked = question("context.arguments.x > 3", text, text, "context.arguments.x > 5")
    for x in (3, 4, 6):
        for n in (1.5, 2.5):
            given = context({"x": x, "n": n})
            expected = CedarEngine().prepare(asked).decide(given)
            assert TwinEngine(CedarEngine()).prepare(asked).decide(given) == expected
