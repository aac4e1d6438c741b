"""Policies held against what was approved: what they read that is not there, what never applies, what makes no difference."""

from typing import Any

import cedarpy
import pytest

from tests.yett.authorization.asking import authorizer
from yett.authorization.build import hold_against, schema
from yett.authorization.config import Roles
from yett.authorization.offers import Offer, write_shapes
from yett.authorization.review import House, review
from yett.authorization.shapes import Member, shape_of
from yett.core.target import Access

ROLES: Roles = {"reader": ("git.*:read",), "writer": ("git.commit:write",)}


def offer(name: str, properties: dict[str, Any], *required: str, access: Access = "read", **more: Any) -> Offer:  # fmt: skip
    definition = {
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": list(required),
            **more,
        }
    }
    shape = shape_of(definition, undeclared=False)
    return Offer(kind="Tool", server="git", name=name, access=access, shape=shape)


TEXT = {"type": "string"}
OFFERS = [
    offer("log", {"path": TEXT, "limit": {"type": "integer"}, "since": {"type": ["string", "null"]}}, "path"),
    offer("commit", {"message": TEXT, "files": {"type": "array", "items": TEXT}}, "message", access="write"),
    offer("search", {
        "filter": {"type": "object", "additionalProperties": False, "required": ["owner"],
                   "properties": {"owner": TEXT}},
        "score": {"type": "number"},
    }),
]  # fmt: skip


def found(policies: str, *, offers: list[Offer] = OFFERS, serious: bool = True) -> list[str]:
    """Return what is said of these policies, without where they stand."""
    gate = authorizer(policies, roles=ROLES)
    house = House(
        servers={"git"},
        offers=offers,
        fitting=hold_against(gate.policies, offers),
        keys={"k1"},
    )
    notes = review(ROLES, gate.policies, house)
    return [
        note.message.partition("` ")[2] for note in notes if note.serious == serious and note.line
    ]


def forbid(where: str, condition: str, action: str = "action") -> str:
    return f"forbid(principal, {action}, {where}) when {{ {condition} }};"


LOG = 'resource == Tool::"git/log"'
ALL = "resource"


def test_an_argument_that_the_tool_does_not_have_is_found_with_the_ones_it_has() -> None:
    assert found(forbid(LOG, "context.arguments has limmit && context.arguments.limmit > 5")) == [
        (
            "reads `context.arguments.limmit`, which `git/log` does not have; did you mean `limit`? "
            "(its arguments: `limit`, `path`, `since`)"
        )
    ]


def test_where_it_stands_is_said() -> None:
    gate = authorizer("\n\n" + forbid(LOG, "context.arguments has limmit"), roles=ROLES)
    house = House(servers={"git"}, offers=OFFERS, fitting=hold_against(gate.policies, OFFERS))

    (note,) = review(ROLES, gate.policies, house)
    assert str(note).startswith("policies/test.cedar:3: `test.cedar:0` reads")
    assert note.serious


def test_an_argument_that_one_of_the_tools_has_is_no_mistake() -> None:
    condition = 'context.arguments has message && context.arguments.message like "*wip*"'

    assert found(forbid(ALL, condition)) == []
    assert found(forbid('resource in Server::"git"', condition)) == []
    assert found(forbid(LOG, condition)) != []
    assert found(forbid(ALL, condition, 'action == Action::"read"')) != []


@pytest.mark.parametrize(
    "condition",
    [
        "context.arguments.path > 5",
        'context.arguments has limit && context.arguments.limit == "5"',
        'context.arguments has since && context.arguments.since.contains("x")',
    ],
)
def test_an_argument_that_is_read_as_another_type_is_found(condition: str) -> None:
    (said,) = found(forbid(LOG, condition))

    assert said.startswith("does not fit what `git/log` takes: ")


def test_what_is_inside_an_argument_is_known_as_well() -> None:
    where = 'resource == Tool::"git/search"'

    assert (
        found(
            forbid(where, 'context.arguments has filter && context.arguments.filter.owner == "x"')
        )
        == []
    )
    assert "arguments.filter.ownr" in found(forbid(where, 'context.arguments has filter && context.arguments.filter.ownr == "x"'))[0]  # fmt: skip


@pytest.mark.parametrize(
    "condition",
    [
        "context.arguments.score > 5",
        'context.arguments has score && context.arguments.score.lessThan(decimal("0.5"))',
        "context.arguments == {score: 1}",
    ],
)
def test_what_the_schema_leaves_open_may_be_read(condition: str) -> None:
    assert found(forbid('resource == Tool::"git/search"', condition)) == []


def test_of_a_tool_that_takes_anything_nothing_is_said() -> None:
    shape = shape_of({"inputSchema": {"type": "object"}}, undeclared=True)
    anything = Offer(kind="Tool", server="git", name="log", access="read", shape=shape)

    assert found(forbid(LOG, "context.arguments has what"), offers=[anything]) == []


@pytest.mark.parametrize(
    "policy",
    [
        forbid(LOG, "false"),
        forbid(LOG, "context.hour > 30"),
        forbid(LOG, "context.hour > 5 && context.hour < 5"),
        forbid(LOG, 'principal.tenant == "a" && principal.tenant == "b"'),
        forbid(LOG, 'context.door == "grpc"'),
        forbid(LOG, '["a", "b"].contains(principal.tenant) && principal.tenant == "c"'),
        forbid(LOG, 'resource.server == "other"'),
        forbid(LOG, "context.arguments has limit && !(context.arguments has limit)"),
        forbid(LOG, '(context.weekday == 8 || context.hour < 0) && principal.tenant == "a"'),
        forbid(LOG, "principal has age"),
        forbid(LOG, "resource is Prompt"),
        'forbid(principal in Tenant::"a", action, resource) when { principal.tenant != "a" };',
        "forbid(principal, action, resource) unless { context.hour >= 0 };",
        'permit(principal, action == Action::"write", resource == Tool::"git/log");',
    ],
)
def test_a_policy_that_never_applies_is_found(policy: str) -> None:
    said = found(policy)

    assert len(said) == 1
    assert said[0].startswith("never applies to a call")


@pytest.mark.parametrize(
    ("policy", "suggestion"),
    [
        ('permit(principal in Role::"raeder", action, resource in Server::"git");', "`reader`"),
        ('permit(principal, action, resource in Server::"gitt");', "`git`"),
        ('permit(principal, action, resource == Tool::"git/lgo");', "`git/log`"),
        ('permit(principal == Key::"k11", action, resource);', "`k1`"),
        (forbid(ALL, 'resource == Tool::"git/comit"'), "`git/commit`"),
    ],
)
def test_a_name_that_nothing_has_is_found(policy: str, suggestion: str) -> None:
    (said,) = found(policy)

    assert f"did you mean {suggestion}?" in said


@pytest.mark.parametrize(
    "policy",
    [
        'permit(principal in Role::"reader", action, resource == Tool::"git/log") when { context.hour > 5 };',
        'permit(principal == Key::"k1", action == Action::"write", resource);',
        forbid(LOG, "context.hour > 5 && context.hour < 7"),
        forbid(LOG, "context.hour == 5 || context.hour == 6"),
        forbid(LOG, 'principal.tenant != "a" && principal.tenant != "b"'),
        forbid(LOG, "!(context.hour < 23)"),
        forbid(LOG, 'context.arguments.limit == 5 || context.arguments.path == "x"'),
        forbid("resource is Prompt", "true"),
        'forbid(principal, action, resource) unless { context.hour > 5 && context.door == "mcp" };',
    ],
)
def test_a_policy_that_may_apply_is_left_alone(policy: str) -> None:
    assert found(policy) == []


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (
            (
                '@id("wide") forbid(principal, action, resource in Server::"git");'
                f'@id("it") permit(principal in Role::"reader", action, {LOG}) when {{ context.hour > 5 }};'
            ),
            "never permits anything: `wide` forbids all of it",
        ),
        (
            (
                '@id("wide") permit(principal, action, resource is Tool);'
                f'@id("it") permit(principal in Role::"writer", action == Action::"read", {LOG});'
            ),
            "makes no difference: `wide` already permits all of it",
        ),
        (
            (
                '@id("wide") forbid(principal in Tenant::"a", action, resource);'
                f'@id("it") forbid(principal in Tenant::"a", action == Action::"read", {LOG});'
            ),
            "makes no difference: `wide` already forbids all of it",
        ),
        (
            (
                '@id("read") forbid(principal, action == Action::"read", resource);'
                '@id("write") forbid(principal, action == Action::"write", resource is Tool);'
                '@id("it") permit(principal, action, resource in Server::"git");'
            ),
            "never permits anything: `write` forbids all of it",
        ),
        (
            (
                '@id("wide") permit(principal in Role::"reader", action, resource in Server::"git");'
                '@id("it") permit(principal in Role::"reader", action, resource in Server::"git");'
            ),
            "makes no difference: `wide` already permits all of it",
        ),
    ],
)
def test_a_policy_that_another_one_covers_is_found(policies: str, said: str) -> None:
    assert [each for each in found(policies) if not each.startswith("makes no difference: `role/")][-1:] == [said]  # fmt: skip


@pytest.mark.parametrize(
    "policies",
    [
        (
            'forbid(principal, action, resource in Server::"git") when { context.hour > 5 };'
            f"permit(principal, action, {LOG});"
        ),
        (
            '@approval("1") forbid(principal, action, resource in Server::"git");'
            f'permit(principal in Role::"writer", action, {LOG}) when {{ context.hour > 5 }};'
        ),
        (
            'forbid(principal in Role::"writer", action, resource);'
            f'permit(principal in Tenant::"a", action == Action::"read", {LOG}) when {{ context.hour > 5 }};'
        ),
        (
            'forbid(principal, action == Action::"write", resource);'
            'permit(principal, action, resource in Server::"git") when { context.hour > 5 };'
        ),
        (
            'permit(principal in Role::"writer", action, resource is Tool);'
            'permit(principal in Role::"writer", action, resource in Server::"git");'
        ),
    ],
)
def test_a_policy_that_is_covered_in_part_only_is_left_alone(policies: str) -> None:
    assert found(policies) == []


def test_an_argument_that_every_call_has_may_be_used_unasked() -> None:
    assert found(forbid(LOG, 'context.arguments.path == "x"'), serious=False) == []
    assert len(found(forbid(LOG, "context.arguments.limit == 5"), serious=False)) == 1
    assert len(found(forbid(ALL, 'context.arguments.path == "x"'), serious=False)) == 1


def test_a_grant_of_a_class_that_the_tool_does_not_have_is_found() -> None:
    roles: Roles = {"writer": ("git.log:write",)}
    notes = review(roles, authorizer(roles=roles).policies, House(servers={"git"}, offers=OFFERS))

    assert [str(note) for note in notes] == [
        (
            "roles: `role/writer/git.log:write` never applies to a call: it is about `write`, "
            "and `git/log` is approved as `read`"
        )
    ]


def test_the_schema_of_a_tool_is_one_that_cedar_takes() -> None:
    policy = 'permit(principal, action, resource is Tool) when { context.arguments.path == "x" };'

    for each in OFFERS:
        text = schema(each)
        passed = cedarpy.validate_policies(policy, text).validation_passed
        assert passed == (each.name == "log"), text


def test_the_shapes_of_all_tools_are_a_schema_that_cedar_takes() -> None:
    strange = offer('x"; entity Evil; //\n', {"in": TEXT, "a b": TEXT, 'q"': TEXT, "__entity": TEXT, "\n": TEXT})  # fmt: skip
    text = schema() + write_shapes([*OFFERS, strange, offer("l.og", {}), offer("l-og", {})])

    assert cedarpy.validate_policies("permit(principal, action, resource);", text)
    assert "Evil;" not in [line.strip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("part", "member"),
    [
        ({"type": "string"}, Member("String", required=True)),
        ({"enum": ["a", "b"]}, Member("String", required=True)),
        ({"type": "integer"}, Member("Long", required=True)),
        ({"type": "boolean"}, Member("Bool", required=True)),
        ({"type": "number"}, Member("", required=True)),
        ({}, Member("", required=False)),
        (True, Member("", required=False)),
        ({"type": ["integer", "null"]}, Member("Long", required=False)),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, Member("String", required=False)),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, Member("", required=True)),
        ({"type": "array", "items": {"type": "integer"}}, Member("Set<Long>", required=True)),
        ({"type": "array"}, Member("", required=True)),
        ({"type": "object"}, Member("", required=True)),
        ({"$ref": "#/$defs/text"}, Member("String", required=False)),
        ({"$ref": "#/$defs/loop"}, Member("", required=False)),
        ({"$ref": "https://example.com/x"}, Member("", required=False)),
        ({"allOf": [{"type": "string"}]}, Member("", required=False)),
    ],
)
def test_a_type_is_given_only_where_every_call_has_it(part: Any, member: Member) -> None:
    more: Any = {"$defs": {"text": TEXT, "loop": LOOP}}
    each = offer("x", {"a": part}, "a", **more)

    assert each.shape.members == {"a": member}


LOOP: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {f"p{number}": {"$ref": "#/$defs/loop"} for number in range(50)},
}
"""It would take 50 to the eighth steps to follow it everywhere."""


@pytest.mark.parametrize(
    "definition", [{}, {"inputSchema": None}, {"inputSchema": {"properties": 5}}, None, []]
)
def test_a_definition_of_another_form_leaves_everything_open(definition: Any) -> None:
    assert not shape_of(definition, undeclared=True).members
