"""A policy that could end the process, or take long, is refused when it is read, with its line and what to do."""

import time
from collections.abc import Callable

import pytest

from tests.yett.authorization.asking import ask, authorizer, refusal
from yett.authorization.backends.cedar import BrokenCase, CedarEngine
from yett.authorization.build import POLICY_FILE_BYTES_MAX
from yett.authorization.port import Caller, Matter, Question
from yett.authorization.size import POLICY_CHARS_MAX
from yett.core.errors import ConfigurationError, Problem

HEAD = "permit(principal, action, resource) when { "
GRANT = 'permit(principal in Role::"reader", action, resource);'

BOMBS: dict[str, Callable[[], str]] = {
    "a million brackets": lambda: "(" * 1_000_000,
    "closed brackets": lambda: HEAD + "(" * 100 + "true" + ")" * 100 + " };",
    "sets in sets": lambda: HEAD + "[" * 100 + "]" * 100 + " == [] };",
    "records in records": lambda: HEAD + "{a: " * 100 + "1" + "}" * 100 + " == 1 };",
    "calls in calls": lambda: HEAD + "ip(" * 3_000 + '"x"' + ")" * 3_000 + " == 1 };",
    "a long chain": lambda: HEAD + " && ".join(["context.hour > 3"] * 20_000) + " };",
    "a chain of some hundred": lambda: HEAD + " || ".join(["context.hour > 3"] * 300) + " };",
    "ifs in ifs": lambda: HEAD + "if true then " * 9_000 + "true" + " else false" * 9_000 + " };",
    "a sum": lambda: HEAD + "1" + "+1" * 19_000 + " == 3 };",
    "many members": lambda: HEAD + "context" + ".a" * 19_000 + " == 3 };",
    "many signs": lambda: HEAD + "!" * 90_000 + "true };",
    "a set of a hundred thousand": lambda: HEAD + f"[{'1,' * 100_000}1].contains(3) }};",
    "a set of ten thousand": lambda: HEAD + f"[{'1,' * 10_000}1].contains(3) }};",
    "a text of a megabyte": lambda: HEAD + f'principal.tenant == "{"a" * 1_000_000}" }};',
    "a text without end": lambda: HEAD + 'principal.tenant == "' + '\\"' * 500_000,
    "a comment of a megabyte": lambda: HEAD + "//" + "x" * 1_000_000 + "\n true };",
    "many stars": lambda: HEAD + f'principal.tenant like "{"a*" * 100}b" }};',
    "a long pattern": lambda: HEAD + f'principal.tenant like "*{"a" * 300}b" }};',
}


def problems(text: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        authorizer(text)
    return caught.value.problems


@pytest.mark.parametrize("name", BOMBS)
def test_what_could_end_the_process_or_take_long_is_refused(name: str) -> None:
    began = time.thread_time()

    found = problems("// first\n\n" + BOMBS[name]())

    assert time.thread_time() - began < 1
    assert [(problem.file, problem.line) for problem in found] == [("policies/test.cedar", 3)]
    assert found[0].fix
    assert len(str(found[0])) < 500


def test_each_is_named_and_the_good_ones_are_not() -> None:
    text = GRANT + "\n" + BOMBS["sets in sets"]() + "\n" + GRANT + "\n" + BOMBS["many stars"]()

    assert [problem.line for problem in problems(text)] == [2]
    assert [problem.line for problem in problems(GRANT + "\n" + BOMBS["many stars"]())] == [2]


@pytest.mark.parametrize(
    "condition",
    [
        " && ".join(["context.hour > 3"] * 40),
        " && ".join(["context.arguments.a == 1"] * 40),
        "(" * 39 + "true" + ")" * 39,
        f"[{','.join(map(str, range(2_000)))}].contains(context.arguments.a)",
        'context.arguments.a like "*' + "a" * 150 + '*"',
    ],
)
def test_what_a_person_would_write_is_taken(condition: str) -> None:
    gate = authorizer(
        GRANT + f"forbid(principal, action, resource) when {{ {condition} && false }};"
    )

    ask(gate, arguments={"a": "x"} if "like" in condition else {"a": 1})


def test_policies_that_are_too_much_together_are_a_no_and_not_a_long_wait() -> None:
    one = f"[{','.join(map(str, range(4_000)))}].contains(context.arguments.a)"
    forbids = f"forbid(principal, action, resource) when {{ {one} }};"
    ask(authorizer(GRANT + forbids * 2), arguments={"a": -1})

    assert "too much" in refusal(authorizer(GRANT + forbids * 10), arguments={"a": -1}).private


CHAINS: dict[str, Callable[[int], str]] = {
    "and": lambda n: " && ".join(["context.arguments.x > 3"] * n),
    "not": lambda n: "!(" * n + "true" + ")" * n,
    "records": lambda n: "{a: " * n + "1" + "}" * n + " == context.arguments",
    "members": lambda n: "context.arguments" + ".a" * n + " == 1",
    "sum": lambda n: "1" + "+1" * n + " > context.arguments.x",
    "sets": lambda n: "[" * n + "]" * n + " == context.arguments.x",
    "if": lambda n: "if context.arguments.x == 1 then " * n + "true" + " else false" * n,
}


@pytest.mark.parametrize("name", CHAINS)
def test_whatever_is_taken_can_be_decided_by(name: str) -> None:
    """Cedar must be able to read again what it has read once."""
    caller, matter = Caller("", ("r",), "t", "live"), Matter("Tool", "s", "a", "read")
    taken = 0
    for length in range(30, 60):
        try:
            gate = authorizer(
                f"forbid(principal, action, resource) when {{ {CHAINS[name](length)} }};"
            )
        except ConfigurationError:
            break
        taken = length
        case = CedarEngine().prepare(Question(gate.policies, caller, "read", matter))
        assert not isinstance(case, BrokenCase), length

    assert 30 < taken < 59


def test_division_is_no_part_of_cedar() -> None:
    (found,) = problems(HEAD + "context.hour / 0 == 1 };")

    assert "division is not supported" in str(found)
    assert found.line == 1


def test_a_sum_that_overflows_is_a_no() -> None:
    gate = authorizer(
        GRANT
        + "forbid(principal, action, resource) when { context.arguments.n + 9223372036854775807 > 3 };"
    )

    assert "cannot be judged" in refusal(gate, arguments={"n": 1}).private
    refusal(gate, arguments={"n": 0})
    ask(gate, arguments={"n": -9223372036854775807})


@pytest.mark.parametrize(
    "arguments",
    [
        {"a": list(range(100_000))},
        {"a": {str(n): n for n in range(100_000)}},
        {"a": [[n] for n in range(1_000)]},
        {"a": "x" * 2_000_000},
        {"a": {"x" * 2_000_000: 1}},
    ],
)
def test_arguments_that_are_too_many_to_judge_are_a_no_in_time(
    arguments: dict[str, object],
) -> None:
    gate = authorizer(
        GRANT
        + "forbid(principal, action, resource) when { context.arguments has a && context.arguments.a == [1] };"
    )
    ask(gate, arguments={"a": 1})
    began = time.thread_time()

    assert "cannot be judged" in refusal(gate, arguments=arguments).private
    assert time.thread_time() - began < 0.1


def test_what_no_policy_reads_may_be_as_large_as_it_likes() -> None:
    gate = authorizer(
        GRANT + "forbid(principal, action, resource) when { context.arguments has b };"
    )

    ask(gate, arguments={"a": list(range(100_000))})


def test_the_bounds_stand_below_what_a_file_may_have() -> None:
    assert POLICY_CHARS_MAX < POLICY_FILE_BYTES_MAX
