"""What was read once is not read again, and is never taken for something else."""

import pytest

from tests.clock import HandClock
from tests.yett.authorization.asking import ask, principal, refusal
from yett.authorization.build import build, open_reader, read_ahead
from yett.authorization.reading import Reader
from yett.authorization.stage import Authorizer
from yett.core.errors import ConfigurationError, Problem

GRANT = 'permit(principal in Role::"reader", action, resource);'


def gate(reader: Reader, **files: str) -> Authorizer:
    texts = {f"policies/{name}.cedar": text for name, text in files.items()}
    return build({"reader": ()}, texts, clock=HandClock(), reader=reader)


def problems(reader: Reader, **files: str) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        gate(reader, **files)
    return caught.value.problems


def where(by: Authorizer) -> list[tuple[str, str, int]]:
    return [(policy.id, policy.statement.file, policy.statement.line) for policy in by.policies]


def test_a_policy_that_moves_is_told_of_where_it_stands_now() -> None:
    reader = open_reader()
    named = '@id("named") ' + GRANT
    gate(reader, a=GRANT + "\n" + named)
    moved = gate(reader, a="\n\n" + named + "\n" + GRANT, b=GRANT)

    assert where(moved) == [
        ("named", "policies/a.cedar", 3),
        ("a.cedar:1", "policies/a.cedar", 4),
        ("b.cedar:0", "policies/b.cedar", 1),
    ]


def test_what_is_taken_away_is_gone() -> None:
    reader = open_reader()
    both = gate(reader, a=GRANT, b="forbid(principal, action, resource);")
    one = gate(reader, a=GRANT)

    refusal(both)
    ask(one)
    assert both.version != one.version


def test_a_fault_is_told_again_and_again_with_its_line() -> None:
    reader = open_reader()
    for text, line in (("\nforbid(principal, action, resource) when { context.moon };", 2),
                       ("forbid(principal, action) ;", 1),
                       ('\n\npermit(principal, action, resource) when { principal.tenant like "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*" };', 3)):  # fmt: skip
        for _ in range(2):
            read_ahead({"policies/a.cedar": text}, reader)
            assert {problem.line for problem in problems(reader, a=text)} == {line}


def test_an_id_that_stands_twice_is_refused_though_each_was_read_before() -> None:
    reader = open_reader()
    one = '@id("one") ' + GRANT
    gate(reader, a=one)
    gate(reader, b=one)

    assert "is also that of" in str(problems(reader, a=one, b=one)[0])


def test_what_was_read_ahead_decides_as_if_it_was_not() -> None:
    reader = open_reader()
    text = GRANT + 'forbid(principal, action, resource) when { principal.tenant == "other" };'
    read_ahead({"policies/a.cedar": text}, reader)

    refusal(gate(reader, a=text), principal("reader", tenant="other"))
    assert gate(reader, a=text).version == gate(open_reader(), a=text).version


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_comment_ends_where_cedar_ends_it(end: str) -> None:
    """A policy behind it must not be overlooked."""
    by = gate(open_reader(), a=GRANT + f"// no more{end}forbid(principal, action, resource);")

    assert len(by.policies) == 2


@pytest.mark.parametrize("strange", ["\u2028", "\u0085", "\x0b", "\x0c"])
def test_other_ends_of_lines_end_no_comment_or_the_file_is_refused(strange: str) -> None:
    text = GRANT + f"// no more{strange}forbid(principal, action, resource);"
    try:
        by = gate(open_reader(), a=text)
    except ConfigurationError:
        return
    assert len(by.policies) == 1
