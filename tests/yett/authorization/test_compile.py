"""What is said of a policy without asking Cedar is what Cedar says of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from yett.authorization.backends.cedar import find_faults, read_text, schema_text
from yett.authorization.build import build
from yett.authorization.compile import compile_grant
from yett.authorization.config import GRANT_PATTERN, ROLE_PATTERN
from yett.core.errors import ConfigurationError

# Each part of a policy: what fits the schema, and what does not.
_PARTS = (
    (
        ["principal", 'principal == Key::"k"', 'principal in Role::"a"', 'principal in Role::"b"',
         'principal in Tenant::"a"', 'principal is Key in Tenant::"a"'],
        ["principal is Tool", 'principal in Server::"a"', 'principal in Nobody::"a"'],
    ),
    (
        ["action", 'action == Action::"read"', 'action in [Action::"read", Action::"write"]'],
        ['action == Action::"erase"', 'action in [Action::"read", Action::"erase"]'],
    ),
    (
        ["resource", 'resource == Tool::"a/b"', 'resource == Tool::"b/a"', "resource is Tool",
         'resource in Server::"a"', 'resource is Tool in Server::"a"'],
        ['resource == Key::"a"', 'resource in Thing::"a"', "resource is Role"],
    ),
    (["", " when { context.hour > 8 }"], [" when { context.moon }"]),
)  # fmt: skip


@st.composite
def policies_alike(draw: st.DrawFn) -> list[str]:
    """One policy that fits the schema, in the middle of others of which each differs from it in one part."""
    first = [draw(st.sampled_from(good)) for good, _ in _PARTS]
    changes = draw(st.lists(st.sampled_from(range(len(_PARTS))), min_size=1, max_size=3))
    written = [first, first]
    for place in changes:
        good, bad = _PARTS[place]
        other = draw(st.sampled_from(good + bad))
        written.insert(1, [*first[:place], other, *first[place + 1 :]])
    return [
        f'@id("p{number}") permit({principal}, {action}, {resource}){condition};'
        for number, (principal, action, resource, condition) in enumerate(written)
    ]


@given(
    st.from_regex(ROLE_PATTERN.removesuffix("$"), fullmatch=True),
    st.from_regex(GRANT_PATTERN.removesuffix("$"), fullmatch=True),
)
@settings(max_examples=60, deadline=None)
def test_the_form_of_a_grant_is_what_cedar_reads_in_its_text(role: str, grant: str) -> None:
    statement = compile_grant(role, grant)

    assert [statement.form] == read_text(statement.text)
    assert not find_faults([statement.text], schema_text(with_rows=False))


@given(policies_alike())
@settings(max_examples=150, deadline=None)
def test_among_others_of_its_shape_a_policy_has_the_faults_that_it_has_alone(
    policies: list[str],
) -> None:
    assert _faults(policies) == set().union(*(_faults([policy]) for policy in policies))


def _faults(policies: list[str]) -> set[str]:
    try:
        build({"reader": ()}, {"a.cedar": "\n".join(policies)}, clock=HandClock())
    except ConfigurationError as error:
        return {problem.message for problem in error.problems}
    return set()
