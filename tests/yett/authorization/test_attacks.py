"""What an agent may try to turn a no into a yes, and what a name may try to become."""

import json
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.needs import CORPORA, needs_corpus
from tests.yett.authorization.asking import ask, authorizer, listed, principal, refusal, tool
from yett.authorization.compile import compile_grant, quote
from yett.core.errors import ConfigurationError, Denied
from yett.core.reasons import Reason
from yett.core.target import JSON

GRANT = 'permit(principal in Role::"reader", action, resource);'
ADMIN_ONLY = """
@id("admin") permit(principal, action, resource)
when { context.arguments has role && context.arguments.role in Role::"admin" };
"""
CORPUS = CORPORA / "argument_payloads.jsonl"

DISGUISES: list[dict[str, Any]] = [
    {"role": {"__entity": {"type": "Role", "id": "admin"}}},
    {"role": {"type": "Role", "id": "admin"}},
    {"role": {"__expr": 'Role::"admin"'}},
    {"role": [{"__entity": {"type": "Role", "id": "admin"}}]},
    {"role": {"___entity": {"type": "Role", "id": "admin"}}},
    {"__entity": {"type": "Role", "id": "admin"}},
    {"role": 'Role::"admin"'},
]


@pytest.mark.parametrize("arguments", DISGUISES)
def test_an_argument_never_becomes_an_entity(arguments: dict[str, Any]) -> None:
    assert refusal(authorizer(ADMIN_ONLY), arguments=arguments).reason in {
        Reason.NOT_PERMITTED,
        Reason.ARGUMENT_DENIED,
    }


@pytest.mark.parametrize(
    "nest", [lambda x: {"a": x}, lambda x: {"a": {"b": x}}, lambda x: {"a": [x]}]
)
def test_an_escape_inside_a_record_stays_data(nest: Any) -> None:
    policy = GRANT + 'forbid(principal, action, resource) when { context.arguments == {a: "x"} };'
    payload = nest(
        {"__extn": {"fn": "unknown", "arg": "x"}, "__entity": {"type": "Key", "id": "x"}}
    )

    assert ask(authorizer(policy), arguments=payload).policies


def test_a_policy_can_still_read_a_key_that_begins_with_underscores() -> None:
    policy = GRANT + (
        'forbid(principal, action, resource) when { context.arguments has "___entity" '
        '&& context.arguments["___entity"] == "bad" };'
    )

    ask(authorizer(policy), arguments={"__entity": "good"})
    assert (
        refusal(authorizer(policy), arguments={"__entity": "bad"}).reason is Reason.ARGUMENT_DENIED
    )


CAP = (
    GRANT
    + """
@id("cap") @shown("at most 100")
forbid(principal, action, resource)
when { context.arguments has amount && context.arguments.amount > 100 };
"""
)


@pytest.mark.parametrize(
    "amount",
    [
        "500",
        500.5,
        1e300,
        2**63,
        -(2**63) - 1,
        10**400,
        0.123456,
        5e-324,
        [500],
        {"a": 1},
        True,
        101.0,
    ],
)
def test_an_amount_of_another_shape_does_not_slip_past_a_forbid(amount: JSON) -> None:
    refusal(authorizer(CAP), arguments={"amount": amount})


@pytest.mark.parametrize("amount", [100, 100.0, -0.0, 0, -5])
def test_a_number_is_the_same_however_it_is_written(amount: JSON) -> None:
    ask(authorizer(CAP), arguments={"amount": amount})


def test_a_forbid_on_one_value_meets_its_other_spelling() -> None:
    policy = GRANT + (
        "forbid(principal, action, resource) "
        "when { context.arguments has level && context.arguments.level == 5 };"
    )

    assert refusal(authorizer(policy), arguments={"level": 5.0}).reason is Reason.ARGUMENT_DENIED


@given(
    st.dictionaries(
        st.sampled_from(["amount", "other"]),
        st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.booleans(), st.text()),
    )
)
@settings(max_examples=150, deadline=None)
def test_no_argument_turns_a_deny_into_an_allow(arguments: dict[str, JSON]) -> None:
    """Permitted only if the amount is left out (or null, the same) or a number of at most 100."""
    gate = authorizer(CAP)
    amount = arguments.get("amount")
    try:
        ask(gate, arguments=arguments)
    except Denied:
        return
    assert amount is None or (
        isinstance(amount, (int, float)) and not isinstance(amount, bool) and amount <= 100
    )


def test_null_means_the_same_as_leaving_the_argument_out() -> None:
    unless = GRANT + (
        "forbid(principal, action, resource) "
        "unless { context.arguments has amount && context.arguments.amount <= 100 };"
    )

    assert refusal(authorizer(unless), arguments={}).reason is Reason.ARGUMENT_DENIED
    assert refusal(authorizer(unless), arguments={"amount": None}).reason is Reason.ARGUMENT_DENIED
    refusal(authorizer(unless), arguments={"amount": [None]})


def test_a_forbid_that_fails_to_evaluate_forbids() -> None:
    """Cedar itself skips it."""
    policy = GRANT + (
        "forbid(principal, action, resource) when { context.arguments.amount > 100 };"
    )
    no = refusal(authorizer(policy), arguments={"amount": "500"})

    assert no.reason is Reason.NOT_PERMITTED
    assert "cannot be judged" in no.private
    assert refusal(authorizer(policy), arguments={}).reason is Reason.NOT_PERMITTED
    ask(authorizer(policy), arguments={"amount": 5})


@pytest.mark.parametrize(
    ("condition", "argument"),
    [
        ('decimal(context.arguments.x).lessThan(decimal("1.0"))', "hunter2"),
        ("ip(context.arguments.x).isIpv4()", "hunter2"),
        ("context.arguments.x + 9223372036854775807 > 2", 4711),
        ("context.arguments.x > 2", "hunter2"),
        ("context.arguments.y > 2", "hunter2"),
        ("context.arguments.x.y > 2", {"z": "hunter2"}),
        ('context.arguments.x == "a"', "\ud800hunter2"),
        ("context.arguments.x == 1", [4711.00001]),
    ],
)
def test_an_argument_is_not_quoted_in_the_record_of_what_went_wrong(
    condition: str, argument: JSON
) -> None:
    gate = authorizer(f"permit(principal, action, resource) when {{ {condition} }};")
    no = refusal(gate, arguments={"x": argument})

    assert "cannot be judged" in no.private
    assert "hunter2" not in no.private
    assert "4711" not in no.private


def test_an_overflow_in_a_policy_is_a_no() -> None:
    policy = GRANT + (
        "forbid(principal, action, resource) when { context.arguments.amount + 1 > 100 };"
    )

    assert (
        refusal(authorizer(policy), arguments={"amount": 2**63 - 1}).reason is Reason.NOT_PERMITTED
    )


def test_an_argument_of_a_megabyte_is_judged_and_in_time() -> None:
    policy = GRANT + (
        'forbid(principal, action, resource) when { context.arguments.text like "*needle*" };'
    )
    gate = authorizer(policy)

    ask(gate, arguments={"text": "x" * 1_000_000})
    refusal(gate, arguments={"text": "x" * 1_000_000 + "needle"})


def test_an_argument_nested_beyond_measure_is_a_no_and_not_a_crash() -> None:
    deep: JSON = "x"
    for _ in range(5_000):
        deep = [deep]
    policy = GRANT + "forbid(principal, action, resource) when { context.arguments.a == 1 };"

    assert refusal(authorizer(policy), arguments={"a": deep}).reason is Reason.NOT_PERMITTED


def test_a_lone_surrogate_is_a_no_and_not_a_crash() -> None:
    policy = GRANT + 'forbid(principal, action, resource) when { context.arguments.a == "x" };'

    assert refusal(authorizer(policy), arguments={"a": "\ud800"}).reason is Reason.NOT_PERMITTED


HOSTILE = [
    'x"); permit(principal, action, resource); //',
    "back\\slash",
    "new\nline",
    'Role::"admin"',
    "\u202eevil",
    "'; drop",
    "${x}",
    "",
    "a\x00b",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_cannot_end_its_literal(name: str) -> None:
    text = f"permit(principal == Key::{quote(name)}, action, resource);"
    policies = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]

    assert [p["principal"]["entity"]["id"] for p in policies.values()] == [name]


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_survives_quoting(name: str) -> None:
    text = f"@id({quote(name)}) permit(principal, action, resource);"
    policies = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]

    assert policies["policy0"]["annotations"]["id"] == name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_role_or_grant_is_not_compiled(name: str) -> None:
    with pytest.raises(ValueError, match="a role's name"):
        compile_grant(name, "github.*:read")
    with pytest.raises(ValueError, match="a grant is"):
        compile_grant("reader", f"github.{name}:read")
    with pytest.raises(ConfigurationError):
        authorizer(roles={name: ("github.*:read",)})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tool_tenant_or_key_is_judged_as_the_name_it_is(name: str) -> None:
    policy = """
    permit(principal in Role::"reader", action, resource in Server::"github")
    when { context.arguments.x == 1 && principal.tenant != "evil" };
    """
    gate = authorizer(policy)
    who = principal("reader", key=name or "k", tenant=name)

    ask(gate, who, tool(name), {"x": 1})
    assert refusal(gate, who, tool(name), {"x": 2}).reason is Reason.ARGUMENT_DENIED
    assert refusal(gate, who, tool(name, server="git"), {"x": 1}).reason is Reason.NOT_PERMITTED
    assert listed(gate, who, tool(name)) == [f"github/{name}"]


@pytest.mark.parametrize("peer", ["::ffff:10.1.2.3", "::ffff:0a01:0203", "10.1.2.3"])
def test_an_address_has_one_spelling(peer: str) -> None:
    policy = GRANT + (
        'forbid(principal, action, resource) when { context.address.isInRange(ip("10.0.0.0/8")) };'
    )
    gate = authorizer(policy)

    assert refusal(gate, peer=peer).reason is Reason.NOT_PERMITTED
    ask(gate, peer="192.168.0.1")
    assert refusal(gate, peer="unix").reason is Reason.NOT_PERMITTED


@needs_corpus(CORPUS.name)
def test_no_payload_of_the_corpus_is_permitted_by_a_policy_that_wants_one_harmless_word() -> None:
    policy = (
        'permit(principal in Role::"reader", action, resource) '
        'when { context.arguments.value == "harmless" };'
    )
    gate = authorizer(policy)
    texts = [json.loads(line)["text"] for line in CORPUS.read_text("utf-8").splitlines()]

    ask(gate, arguments={"value": "harmless"})
    for text in texts:
        assert refusal(gate, arguments={"value": text}).reason is Reason.ARGUMENT_DENIED
