"""Everything wrong with roles and policy files is said at once, with file, line and the fix."""

from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.yett.authorization.asking import ask, authorizer, principal, refusal, tool
from yett.authorization import build as building
from yett.authorization.build import build, read_policies
from yett.authorization.config import Roles
from yett.core.errors import ConfigurationError, Problem
from yett.core.reasons import Reason

ROLES: Roles = {"reader": ("github.*:read", "git.log:read"), "writer": ("git.push:write",)}


def problems(files: dict[str, str], roles: Roles | None = None) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        build(ROLES if roles is None else roles, files, clock=HandClock())
    return caught.value.problems


def test_nothing_configured_denies_everything() -> None:
    gate = build({}, {}, clock=HandClock())

    assert refusal(gate).reason is Reason.NOT_PERMITTED


def test_files_are_added_to_roles_in_the_order_of_their_names() -> None:
    gate = authorizer(
        {
            "policies/b.cedar": "permit(principal, action, resource);",
            "policies/a.cedar": '@id("first") permit(principal, action, resource);',
            "policies/empty.cedar": "",
            "policies/comment.cedar": "// nothing; really",
        },
        roles=ROLES,
    )

    assert ask(gate).policies == ("role/reader/github.*:read", "first", "b.cedar:0")


def test_an_unreadable_policy_is_found_by_file_and_line_and_so_are_its_neighbours() -> None:
    text = """
// a comment; with a semicolon
permit(principal, action, resource); forbid(principal, action, resource);

permit(principal, action)  // "no resource;
;
@shown("a; \\" b")
permit(principal, action, resource) when { 1 + };
"""
    found = problems({"policies/x.cedar": text, "policies/y.cedar": "\n\nnonsense"})

    assert [(p.file, p.line) for p in found] == [
        ("policies/x.cedar", 5),
        ("policies/x.cedar", 7),
        ("policies/y.cedar", 3),
    ]
    assert all("not a Cedar policy" in p.message for p in found)


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        ('permit(principal, action == Action::"list", resource);', "unrecognized action"),
        ("permit(principal is User, action, resource);", "unrecognized entity type"),
        ('permit(principal == Role::"reader", action, resource);', "applicable action"),
        ("permit(principal, action, resource) when { principal.name == 1 };", "`name`"),
        ('permit(principal, action, resource) when { context.hour == "a" };', "not compatible"),
        (
            'permit(principal, action, resource) when { context.arguments.x == "a" && context.our > 1 };',
            "`our`",
        ),
        (
            (
                "permit(principal, action, resource) when { !(context.arguments has x) } "
                'unless { if context.arguments.x > 1 then resource.tenant == "x" else true };'
            ),
            "`tenant`",
        ),
    ],
)
def test_a_policy_that_speaks_of_what_is_not_there_is_refused(policy: str, what: str) -> None:
    found = problems({"policies/x.cedar": f'// why\n@id("mine") {policy}'})

    assert what in found[0].message
    assert "`mine`" in found[0].message
    assert (found[0].file, found[0].line) == ("policies/x.cedar", 2)
    assert "policy0" not in str(found[0])


def test_arguments_may_be_spoken_of_freely() -> None:
    authorizer(
        """
        permit(principal, action, resource)
        when { context.arguments.a.b.c == [1, "x"] || context.arguments == {} }
        when { context has arguments.x && decimal("1.5").lessThan(context.arguments.x) };
        """
    )


def test_a_template_is_refused() -> None:
    found = problems({"policies/x.cedar": "permit(principal == ?principal, action, resource);"})

    assert "template" in found[0].message


def test_ids_are_unique_and_those_of_roles_cannot_be_taken() -> None:
    found = problems(
        {
            "policies/x.cedar": '@id("a") permit(principal, action, resource);\n'
            '@id("a") permit(principal, action, resource);',
            "policies/y.cedar": '@id("role/reader/github.*:read") forbid(principal, action, resource);',
        }
    )

    assert len(found) == 2
    assert "which is for what is compiled" in found[0].message
    assert "also that of policies/x.cedar:1" in found[1].message


@pytest.mark.parametrize(
    "annotations",
    ['@id("a\\nb")', f'@id("{"x" * 201}")', '@shown("\\u{1b}[2J")', f'@shown("{"x" * 501}")'],
)
def test_ids_and_shown_texts_are_short_and_printable(annotations: str) -> None:
    found = problems({"policies/x.cedar": f"{annotations} permit(principal, action, resource);"})

    assert len(found) == 1


def test_every_problem_of_roles_and_files_is_reported_together() -> None:
    found = problems(
        {"policies/x.cedar": "nonsense;"},
        {"reader": ("github:read", "x.y:admin"), "R": ("a.b:read",)},
    )

    assert [p.path for p in found[:3]] == [
        ("roles", "reader", 0),
        ("roles", "reader", 1),
        ("roles", "R", 0),
    ]
    assert found[3].file == "policies/x.cedar"


def test_a_file_whose_policies_cannot_be_told_apart_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "split", lambda _text, _file: [])

    found = problems({"policies/x.cedar": "permit(principal, action, resource);"})
    assert "told apart" in found[0].message
    assert problems({"policies/x.cedar": "nonsense"})[0].line == 1


def test_the_version_changes_with_whatever_can_change_a_decision_and_with_nothing_else() -> None:
    policy = {"policies/a.cedar": "permit(principal, action, resource);"}
    sets: list[tuple[Roles, dict[str, str]]] = [
        ({}, {}),
        ({"reader": ()}, {}),
        (ROLES, {}),
        (ROLES, policy),
        (ROLES, {"policies/b.cedar": policy["policies/a.cedar"]}),
        (ROLES, {"policies/a.cedar": policy["policies/a.cedar"].replace("permit", "forbid")}),
    ]
    versions = [build(roles, files, clock=HandClock()).version for roles, files in sets]

    assert len(set(versions)) == len(sets)
    assert (
        versions[3]
        == build(
            ROLES, {"elsewhere/a.cedar": policy["policies/a.cedar"]}, clock=HandClock()
        ).version
    )


def test_only_cedar_files_of_the_directory_itself_are_read(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    (policies / "sub.cedar").mkdir(parents=True)
    (policies / "b.cedar").write_text("b")
    (policies / "a.cedar").write_text("")
    (policies / "notes.md").write_text("x")
    (policies / "sub.cedar" / "c.cedar").write_text("c")

    assert read_policies(policies) == {"policies/a.cedar": "", "policies/b.cedar": "b"}
    assert read_policies(tmp_path / "absent") == {}


def test_a_directory_that_was_named_and_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """Its forbids would be missed in silence."""
    with pytest.raises(ConfigurationError, match="no folder") as caught:
        read_policies(tmp_path / "absent", must_exist=True)
    assert caught.value.problems[0].path == ("policies",)


def test_files_that_cannot_be_read_are_all_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.cedar").write_bytes(b"\xff\xfe")
    (tmp_path / "b.cedar").write_bytes(b"x" * (building.POLICY_FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigurationError) as caught:
        read_policies(tmp_path)
    assert [p.file.rsplit("/", 1)[1] for p in caught.value.problems] == ["a.cedar", "b.cedar"]

    monkeypatch.setattr(building, "POLICY_FILES_MAX", 1)
    with pytest.raises(ConfigurationError, match="at most 1 are read"):
        read_policies(tmp_path)


def test_a_grant_written_twice_counts_once_and_two_roles_may_share_one() -> None:
    gate = authorizer(roles={"reader": ("git.*:read", "git.*:read"), "writer": ("git.*:read",)})

    assert ask(gate, principal("reader", "writer"), tool(server="git")).policies == (
        "role/reader/git.*:read",
        "role/writer/git.*:read",
    )
