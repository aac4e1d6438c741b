"""Policies about rows: what they say of one caller and one tool, and what is wrong with them."""

import pytest

from tests.clock import HandClock
from tests.yett.authorization.asking import TUESDAY_NOON, ask, call, principal, tool
from yett.authorization.build import build
from yett.authorization.config import ToolMarks
from yett.authorization.review import review_rows
from yett.authorization.rows_words import rows_in_words
from yett.authorization.stage import Authorizer
from yett.core.errors import ConfigurationError
from yett.core.operations import Kind
from yett.core.predicate import All, Any, Compare, Has, OneOf, RowRule

TENANT = """
@id("own")
permit(principal, action == Action::"row", resource in Tool::"crm/list")
when { resource.tenant == principal.tenant };
"""
ALL_BUT_SECRET = """
permit(principal, action == Action::"row", resource);
forbid(principal, action == Action::"row", resource)
when { resource has secret && !(resource.name like "pub*") };
"""
CALL = 'permit(principal in Role::"reader", action == Action::"read", resource in Server::"crm");'
LIST = tool("list", server="crm")


def gate(policies: str, *tools: str) -> Authorizer:
    """tools: those with rows."""
    return build(
        {"reader": (), "writer": ()},
        {"policies/rows.cedar": CALL + policies},
        clock=HandClock(TUESDAY_NOON),
        marks={name: ToolMarks(rows=True) for name in tools or ("crm/list",)},
    )


def rule(policies: str, tenant: str = "acme") -> RowRule:
    found = ask(gate(policies), principal("reader", tenant=tenant), LIST).rows
    assert found is not None
    return found


def problem(policies: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        gate(policies)
    return str(caught.value)


def test_what_is_known_of_the_caller_is_put_in_its_place() -> None:
    assert rule(TENANT, tenant="acme") == RowRule(
        permits=(Compare(("tenant",), "==", "acme"),), forbids=(), policies=("own",)
    )


def test_who_asks_again_is_told_of_the_same_rows() -> None:
    by, who = gate(TENANT), principal("reader")
    first, again = ask(by, who, LIST), ask(by, who, LIST)

    assert first.standing is again.standing
    assert first.rows is not None
    assert (again.rows, again.policies) == (first.rows, first.policies)


def test_a_tool_without_rows_is_not_asked_about_them() -> None:
    assert ask(gate(TENANT), principal("reader"), tool("other", server="crm")).rows is None


def test_without_a_policy_about_rows_there_are_none() -> None:
    assert rule("") == RowRule((), (), ())


def test_neither_a_grant_nor_a_policy_about_every_action_shows_rows() -> None:
    everything = 'permit(principal in Role::"reader", action, resource);'

    assert rule(everything) == RowRule((), (), ())


def test_a_policy_about_calls_and_rows_is_both() -> None:
    both = 'permit(principal in Role::"writer", action in [Action::"read", Action::"row"], resource in Server::"crm");'
    permitted = ask(gate(both), principal("writer"), LIST)

    assert permitted.rows is not None
    assert rows_in_words(permitted.rows) == "all"
    assert permitted.policies == ("rows.cedar:1",)


def test_the_call_names_the_policies_that_decided_about_its_rows() -> None:
    assert ask(gate(TENANT), principal("reader"), LIST).policies == ("rows.cedar:0", "own")


def test_the_answer_is_made_once_for_callers_that_policies_cannot_tell_apart() -> None:
    by = gate(TENANT)
    first = ask(by, principal("reader", key="k1"), LIST).rows
    second = ask(by, principal("reader", key="k2"), LIST).rows
    other = ask(by, principal("reader", key="k3", tenant="globex"), LIST).rows

    assert first is second
    assert other != first


def test_a_policy_that_matches_no_row_of_this_caller_is_left_out() -> None:
    mine = '@id("m") permit(principal, action == Action::"row", resource) when { principal.tenant == "x" && resource.a == 1 };'

    assert rule(mine, tenant="y") == RowRule((), (), ())
    assert rule(mine, tenant="x").policies == ("m",)


def test_what_cannot_err_is_folded_and_what_can_is_kept() -> None:
    """`resource.a == 1 && false` errs for a row without `a`, and then no row is shown."""
    folded = 'permit(principal, action == Action::"row", resource) when { true && resource has a && ["x", "y"].contains(resource.b) };'
    kept = 'forbid(principal, action == Action::"row", resource) when { resource.a == 1 && principal.tenant == "other" };'

    assert rule(folded).permits == (All((Has(("a",)), OneOf(("b",), ("x", "y")))),)
    assert isinstance(rule(kept).forbids[0], All)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("context.arguments.limit > 3", "reads `context.arguments`, which is not known of rows"),
        ("{a: 1}.a == resource.b", "reads a member of what is no field of the row"),
        ("context.hour < 12 && resource.open", "reads `context.hour`"),
        ('resource.address.isInRange(ip("10.0.0.0/8"))', "uses `isInRange`"),
        ('resource.amount.lessThan(decimal("1.5"))', "uses `lessThan`"),
        ('resource.tags.contains("x")', "no set of values, written out"),
        ('resource.tags.containsAny(["x"])', "uses `containsAny`"),
        ('["x"].containsAll(["x"])', "uses `containsAll`"),
        ("[[1], [2]].contains(resource.a)", "no set of values, written out"),
        ('["a", 1].contains(resource.a)', "values of two types"),
        ("resource.a == resource.b", "two fields of the row"),
        ("resource.a + 1 == 2", "uses `+`"),
        ('resource.owner == Key::"k1"', "no field is one"),
        ('resource.owner in Role::"r"', "no field is an entity"),
        ('resource == Row::"r"', "rows have no names"),
        ('resource in Row::"r"', "rows have no names"),
        ("resource.a == [1]", "uses `Set`"),
        ("resource.a == {b: 1}", "uses `Record`"),
        ('resource.a < "b"', "no whole number"),
        ("principal.tenant == 5 || resource.a == 1", "values of two types"),
        ("principal.name == resource.owner", "reads `principal.name`"),
        ("principal in resource.groups", "not written out"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_to_rows_is_refused_with_its_place(condition: str, why: str) -> None:
    text = f'\n@id("odd")\npermit(principal, action == Action::"row", resource)\nwhen {{ {condition} }};'
    found = problem(text)

    assert "policies/rows.cedar:2: `odd` cannot be applied to rows: it " in found
    assert why in found


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ('permit(principal, action == Action::"row", resource == Tool::"crm/list");', 'Write `resource in Tool::"crm/list"`'),
        ('permit(principal, action == Action::"row", resource in Tool::"crm/other");', "servers.crm.tools.other.rows: {at: …}"),
        ('permit(principal, action == Action::"row", resource is Tool);', "no row is a Tool"),
        ("permit(principal, action, resource is Row);", 'Write `action == Action::"row"`'),
        ('permit(principal, action in [Action::"read", Action::"row"], resource) when { resource.tenant == "x" };', 'one policy for `Action::"row"` alone'),
        ('@approval("1") permit(principal, action == Action::"row", resource);', "asks a person about rows"),
        ('permit(principal is Role, action == Action::"row", resource);', "does not fit the schema"),
        ('permit(principal, action == Action::"row", resource in Tenant::"t");', "does not fit the schema"),
    ],
)  # fmt: skip
def test_a_head_that_cannot_be_meant_is_refused(policy: str, why: str) -> None:
    assert why in problem(policy)


def test_a_forbid_that_cannot_be_read_for_some_callers_is_refused_for_all() -> None:
    """Whatever is known of the caller who is there when it is loaded."""
    text = 'forbid(principal, action == Action::"row", resource) when { principal.tenant == "x" && resource.a.isLoopback() };'

    assert "uses `isLoopback`" in problem(text)


def test_a_chain_is_one_condition() -> None:
    many = " || ".join(f"resource.a == {number}" for number in range(20))
    found = rule(f'permit(principal, action == Action::"row", resource) when {{ {many} }};')

    assert isinstance(found.permits[0], Any)
    assert len(found.permits[0].parts) == 20


def test_only_tools_have_rows() -> None:
    by = gate('permit(principal, action == Action::"row", resource);', "crm/page")
    page = tool("page", server="crm", kind=Kind.PROMPT)

    assert ask(by, principal("reader"), page).rows is None


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ("", "none: no policy permits any"),
        (TENANT, 'those where `tenant` is "acme"'),
        (TENANT + 'permit(principal, action == Action::"row", resource) when { resource.a.b > 3 };',
         'those where (`tenant` is "acme") or (`a.b` is more than 3)'),
        (ALL_BUT_SECRET,
         'all, except where `secret` is there and not (`name` is like "pub*")'),
    ],
)  # fmt: skip
def test_an_explanation_says_it_in_words(policies: str, words: str) -> None:
    explanation = gate(policies).explain(call(), principal("reader"), LIST)

    assert explanation.rows is not None
    assert rows_in_words(explanation.rows) == words


def test_a_review_notes_what_does_nothing() -> None:
    idle = '@id("idle") permit(principal, action == Action::"row", resource in Server::"wiki");'
    notes = [str(note) for note in review_rows(gate(idle).policies, ["crm/list"])]

    assert notes == [
        "policies/rows.cedar:1: `idle` is about rows of what no tool has `rows` for, so it does nothing",
        "policies: `crm/list` has rows, and no policy shows one to anybody",
    ]
