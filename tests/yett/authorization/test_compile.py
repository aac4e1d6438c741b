"""What is said of a policy without asking Cedar is what Cedar says of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from yett.authorization.backends.cedar import find_faults, read_text, schema_text
from yett.authorization.build import build
from yett.authorization.compile import compile_grant
from yett.authorization.config import GRANT_PATTERN, ROLE_PATTERN
from yett.core.errors import ConfigurationError

_PRINCIPALS = st.one_of(
    st.just("principal"),
    st.builds('principal == {}::"{}"'.format, st.sampled_from(["Key", "Role"]), st.just("k")),
    st.builds(
        "principal in {}::{}".format,
        st.sampled_from(["Role", "Tenant", "Key", "Server", "Nobody"]),
        st.sampled_from(['"reader"', '"writer"']),
    ),
    st.sampled_from(
        ["principal is Key", "principal is Tool", 'principal is Key in Tenant::"acme"']
    ),
)
_ACTIONS = st.one_of(
    st.just("action"),
    st.builds('action == Action::"{}"'.format, st.sampled_from(["read", "write", "erase"])),
    st.sampled_from(['action in [Action::"read", Action::"write"]', 'action in [Action::"erase"]']),
)
_RESOURCES = st.one_of(
    st.just("resource"),
    st.builds(
        "resource {} {}::{}".format,
        st.sampled_from(["==", "in"]),
        st.sampled_from(["Tool", "Server", "Resource", "Key", "Thing"]),
        st.sampled_from(['"github"', '"github/issues"']),
    ),
    st.sampled_from(["resource is Prompt", "resource is Role", 'resource is Tool in Server::"s"']),
)
_CONDITIONS = st.sampled_from(["", "", " when { context.hour > 8 }", " when { context.moon }"])
_POLICIES = st.builds(
    "{}({}, {}, {}){};".format,
    st.sampled_from(["permit", "forbid"]), _PRINCIPALS, _ACTIONS, _RESOURCES, _CONDITIONS,
)  # fmt: skip


@given(
    st.from_regex(ROLE_PATTERN.removesuffix("$"), fullmatch=True),
    st.from_regex(GRANT_PATTERN.removesuffix("$"), fullmatch=True),
)
@settings(max_examples=60, deadline=None)
def test_the_form_of_a_grant_is_what_cedar_reads_in_its_text(role: str, grant: str) -> None:
    statement = compile_grant(role, grant)

    assert [statement.form] == read_text(statement.text)
    assert not find_faults([statement.text], schema_text(with_rows=False))


@given(st.lists(_POLICIES, min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_among_others_of_its_shape_a_policy_has_the_faults_that_it_has_alone(
    policies: list[str],
) -> None:
    named = [f'@id("p{number}") {policy}' for number, policy in enumerate(policies)]

    assert _faults(named) == set().union(*(_faults([policy]) for policy in named))


def _faults(policies: list[str]) -> set[str]:
    try:
        build({"reader": ()}, {"a.cedar": "\n".join(policies)}, clock=HandClock())
    except ConfigurationError as error:
        return {problem.message for problem in error.problems}
    return set()
