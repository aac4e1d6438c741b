"""Random policies and questions for the naive model, and the one world they are about."""

from itertools import product
from random import Random
from typing import Any

from tests.yett.authorization.naive import (
    ACTIONS,
    CONDITIONS,
    PRINCIPALS,
    RESOURCES,
    NaivePolicy,
    Part,
    Request,
)

MARKED = "s1/a"
"""The tool that is private and egress."""

CALLERS = [
    ("k1", ("r1",), "t1", "live"),
    ("k2", ("r2",), "t1", "test"),
    ("k3", ("r1", "r2"), "t2", "live"),
    ("k4", ("r3",), "t1", "live"),
    ("k5", ("r2",), "t2", "test"),
]
"""Key, roles, tenant, environment."""

TARGETS = [
    *product(("read", "write"), ("Tool",), ("s1", "s2"), ("a", "b")),
    *product(("read",), ("Resource", "Prompt"), ("s1", "s2"), ("a",)),
]
"""Action, kind, server, name."""

ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"amount": 1},
    {"amount": 5},
    {"amount": "5", "flag": 1},
    {"word": "xyz", "amount": 4, "flag": True},
    {"word": "abc", "flag": False},
    {"word": ["x"], "amount": 5.0},
    {"word": "", "amount": 2.5, "list": ["a", "a", 1]},
    {"amount": {"a": 1}, "flag": {"a": 1}},
]


def some_policies(chance: Random) -> list[NaivePolicy]:
    """One condition in eight errs on many questions, so most sets have few conditions on arguments."""
    likely = [part for part in CONDITIONS if "arguments" not in part[0] or " has " in part[0]]
    return [
        NaivePolicy(
            f"p{number}",
            chance.choice(["permit", "permit", "permit", "forbid"]),
            (chance.choice(PRINCIPALS), chance.choice(ACTIONS), chance.choice(RESOURCES)),
            tuple(
                (chance.choice(["when", "unless"]), _condition(chance, likely))
                for _ in range(chance.choice([0, 0, 1, 1, 2]))
            ),
        )
        for number in range(chance.randrange(0, 14))
    ]


def _condition(chance: Random, likely: list[Part]) -> Part:
    return chance.choice(likely if chance.random() < 0.5 else CONDITIONS)


def text_of(policy: NaivePolicy) -> str:
    head = ", ".join(part[0] for part in policy.head)
    tail = "".join(f"\n{kind} {{ {condition[0]} }}" for kind, condition in policy.conditions)
    return f'@id("{policy.id}") {policy.effect}({head}){tail};'


def some_request(chance: Random) -> Request:
    return Request(
        *chance.choice(CALLERS),
        *chance.choice(TARGETS),
        context={
            "arguments": chance.choice(ARGUMENTS),
            "hour": chance.choice([0, 12]),
            "door": chance.choice(["mcp", "rest"]),
            "key_age": chance.choice([60, 86_400 * 3]),
            "touched": chance.choice([(), ("private",), ("private", "untrusted")]),
        },
    )
