"""Notes on what is probably not meant, and the smallest grant that would help."""

from tests.clock import HandClock
from tests.yett.authorization.asking import authorizer, call, principal, tool
from yett.authorization.config import Roles
from yett.authorization.proposal import Proposal, propose
from yett.authorization.review import House, review
from yett.core.operations import Kind

ROLES: Roles = {"reader": ("git.*:read",), "writer": ("git.push:write",)}
SERVERS = {"git", "github"}


def notes(policies: str = "", roles: Roles = ROLES) -> list[str]:
    return [
        str(note)
        for note in review(
            roles, authorizer(policies, roles=roles).policies, House(servers=SERVERS)
        )
    ]


def test_a_sound_set_has_no_notes() -> None:
    assert (
        notes(
            """
        forbid(principal in Role::"reader", action, resource is Tool in Server::"git")
        when { context.arguments has n && context.arguments.n > 3 };
        permit(principal, action, resource == Resource::"github/file:///x");
        """
        )
        == []
    )


def test_a_grant_that_changes_nothing_is_noted() -> None:
    found = notes(roles={"reader": ("git.log:read", "git.*:read", "git.*:read", "git.log:write")})

    assert found == [
        "roles: `reader` has `git.log:read`, which `git.*:read` already covers",
        "roles: `reader` has `git.*:read` twice",
    ]


def test_names_that_nothing_has_are_noted_with_their_line() -> None:
    found = notes(
        """
        permit(principal in Role::"raeder", action, resource in Server::"gti");
        forbid(principal, action, resource is Tool) when { resource in Server::"gti" };
        """
    )

    assert found == [
        "policies/test.cedar:2: `test.cedar:0` speaks of the role `raeder`, which the configuration does not define; did you mean `reader`?",
        "policies/test.cedar:2: `test.cedar:0` speaks of the server `gti`, which is not configured; did you mean `git`?",
        "policies/test.cedar:3: `test.cedar:1` speaks of the server `gti`, which is not configured; did you mean `git`?",
    ]


def test_an_argument_that_is_used_unasked_is_noted() -> None:
    found = notes("forbid(principal, action, resource) when { context.arguments.n > 3 };")

    assert len(found) == 1
    assert "a call without it is denied" in found[0]


def proposal(
    policies: str = "", *roles: str, kind: Kind = Kind.TOOL, name: str = "log"
) -> Proposal | None:
    return propose(
        ROLES,
        {"policies/x.cedar": policies},
        call=call(),
        principal=principal(*(roles or ("reader",))),
        target=tool(name, "write", server="github", kind=kind),
        clock=HandClock(),
        marks={},
    )


def test_the_smallest_grant_is_that_of_the_tool_alone() -> None:
    assert proposal() == Proposal("reader", "github.log:write")
    assert proposal("", "ghost", "writer") == Proposal("writer", "github.log:write")


def test_resources_and_prompts_are_granted_by_server() -> None:
    assert proposal(kind=Kind.PROMPT) == Proposal("reader", "github.*:read")


def test_where_no_grant_helps_none_is_proposed() -> None:
    assert proposal("forbid(principal, action, resource);") is None
    assert proposal("", "ghost") is None
    assert proposal(name="not a name") is None
