"""Deny by default, forbid before permit, read is not write, and what is listed is what can be called."""

import asyncio
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.yett.authorization.asking import (
    TUESDAY_NOON,
    ask,
    authorizer,
    call,
    listed,
    principal,
    refusal,
    tool,
)
from yett.authorization import stage
from yett.authorization.backends.label_memory import MemoryLabelStore
from yett.authorization.build import build
from yett.authorization.config import Roles, ToolMarks
from yett.authorization.labels import Labels
from yett.authorization.stage import Authorizer
from yett.core.errors import Denied, Fault
from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.proofs import Ask, Inventory, Resolved, Validated
from yett.core.reasons import Reason
from yett.core.talk import Talk
from yett.core.target import Target

READER: Roles = {"reader": ("github.*:read",)}
LOW = """
@id("low") permit(principal in Role::"reader", action == Action::"read", resource == Tool::"github/search")
when { context.arguments has limit && context.arguments.limit < 10 };
"""
HOURS = 'permit(principal in Role::"reader", action, resource) when { context.hour == 12 };'


def test_a_grant_permits_and_names_the_policy_and_the_version() -> None:
    gate = authorizer(roles=READER)
    permitted = ask(gate)

    assert permitted.policies == ("role/reader/github.*:read",)
    assert permitted.version == gate.version
    assert len(bytes.fromhex(gate.version)) == 32


def test_what_nothing_permits_is_denied() -> None:
    no = refusal(authorizer(), what=tool(server="git"))

    assert no.reason is Reason.NOT_PERMITTED
    assert no.shown is None
    assert "no policy permits it" in no.private


def test_a_grant_of_one_server_or_tool_is_no_grant_of_another() -> None:
    gate = authorizer(roles={"reader": ("github.search:read",)})

    ask(gate)
    for other in (tool("list"), tool("search", server="git"), tool("search.x"), tool("Search")):
        assert refusal(gate, what=other).reason is Reason.NOT_PERMITTED


def test_write_does_not_follow_from_read_nor_read_from_write() -> None:
    gate = authorizer(roles={"reader": ("github.*:read",), "writer": ("github.*:write",)})

    ask(gate, principal("reader"), tool(access="read"))
    ask(gate, principal("writer"), tool(access="write"))
    ask(gate, principal("reader", "writer"), tool(access="write"))
    assert refusal(gate, principal("reader"), tool(access="write")).reason is Reason.NOT_PERMITTED
    assert refusal(gate, principal("writer"), tool(access="read")).reason is Reason.NOT_PERMITTED


def test_a_key_without_roles_may_do_nothing_even_where_everybody_may() -> None:
    gate = authorizer("permit(principal, action, resource);")

    ask(gate, principal("reader"))
    assert refusal(gate, principal()).reason is Reason.NOT_PERMITTED
    assert listed(gate, principal()) == []


def test_a_role_that_nobody_knows_grants_nothing_and_is_named_in_the_record() -> None:
    gate = authorizer("permit(principal, action, resource);")
    no = refusal(gate, principal("ghost"))

    assert no.reason is Reason.NOT_PERMITTED
    assert "ghost" in no.private
    ask(gate, principal("ghost", "reader"))


def test_a_role_that_only_a_policy_names_is_known() -> None:
    gate = authorizer('permit(principal, action, resource) when { principal in Role::"auditor" };')

    ask(gate, principal("auditor"))
    assert refusal(gate, principal("reader")).reason is Reason.NOT_PERMITTED


def test_forbid_wins_over_any_number_of_permits() -> None:
    gate = authorizer(
        '@id("no") @shown("ask Ada") forbid(principal, action, resource == Tool::"github/search");',
        roles={"reader": ("github.*:read", "github.search:read")},
    )
    no = refusal(gate)

    assert no.reason is Reason.NOT_PERMITTED
    assert "forbidden by `no`" in no.private
    assert no.shown is None
    ask(gate, what=tool("other"))


def test_resources_and_prompts_are_read() -> None:
    gate = authorizer(roles=READER)

    for kind in (Kind.RESOURCE, Kind.RESOURCE_TEMPLATE, Kind.PROMPT):
        ask(gate, what=tool("file:///x", kind=kind, access="write"))
    refusal(gate, what=tool("x", kind=Kind.PROMPT, server="git"))


def test_a_grant_of_a_tool_is_none_of_a_resource_of_the_same_name() -> None:
    gate = authorizer(roles={"reader": ("github.search:read",)})

    assert refusal(gate, what=tool(kind=Kind.RESOURCE)).reason is Reason.NOT_PERMITTED


def test_arguments_that_a_permit_does_not_cover_are_denied_as_arguments() -> None:
    gate = authorizer(LOW)

    assert ask(gate, arguments={"limit": 5}).policies == ("low",)
    assert refusal(gate, arguments={"limit": 50}).reason is Reason.ARGUMENT_DENIED
    assert refusal(gate, arguments={}).reason is Reason.ARGUMENT_DENIED
    assert refusal(gate, what=tool("other"), arguments={"limit": 5}).reason is Reason.NOT_PERMITTED


def test_the_text_that_the_operator_chose_is_shown() -> None:
    gate = authorizer(
        """
        @id("a") @shown("not on main") forbid(principal, action, resource)
        when { context.arguments has branch && context.arguments.branch == "main" };
        @id("b") forbid(principal, action, resource)
        when { context.arguments has force && context.arguments.force };
        """,
        roles=READER,
    )

    no = refusal(gate, arguments={"branch": "main", "force": True})
    assert (no.reason, no.shown) == (Reason.ARGUMENT_DENIED, "not on main")
    assert "`a`, `b`" in no.private
    no = refusal(gate, arguments={"force": True})
    assert (no.reason, no.shown) == (Reason.ARGUMENT_DENIED, None)


def test_a_denial_that_does_not_depend_on_arguments_does_not_speak_of_them() -> None:
    gate = authorizer(LOW + 'forbid(principal, action, resource) when { context.door == "mcp" };')

    assert refusal(gate, arguments={"limit": 50}).reason is Reason.NOT_PERMITTED
    assert listed(gate) == []


def test_a_quarantined_tool_says_so_to_who_may_call_it_and_to_nobody_else() -> None:
    gate = authorizer(roles=READER)

    assert refusal(gate, what=tool(quarantined=True)).reason is Reason.TOOL_QUARANTINED
    assert refusal(gate, principal("writer"), tool(quarantined=True)).reason is Reason.NOT_PERMITTED
    assert listed(gate, None, tool(quarantined=True)) == []


def test_a_tool_out_of_reach_says_so_to_who_may_call_it_and_to_nobody_else() -> None:
    gate, away = authorizer(roles=READER), msgspec.structs.replace(tool(), unreachable="is down")

    with pytest.raises(Fault) as caught:
        ask(gate, what=away)
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert refusal(gate, principal("writer"), away).reason is Reason.NOT_PERMITTED


def test_a_kept_yes_is_not_given_to_a_tool_that_was_quarantined_since() -> None:
    gate = authorizer(roles=READER)

    ask(gate)
    assert refusal(gate, what=tool(quarantined=True)).reason is Reason.TOOL_QUARANTINED


def test_a_kept_yes_is_not_given_after_the_class_of_the_tool_changed() -> None:
    gate = authorizer(roles=READER)

    ask(gate, what=tool(access="read"))
    assert refusal(gate, what=tool(access="write")).reason is Reason.NOT_PERMITTED


def test_a_kept_yes_is_not_given_to_another_tenant_environment_role_or_key() -> None:
    gate = authorizer(
        """
        permit(principal == Key::"k1", action, resource)
        when { principal.tenant == "acme" && context.environment == "live" }
        unless { principal in Role::"writer" };
        """
    )

    ask(gate, principal("reader"))
    for other in (
        principal("reader", tenant="other"),
        principal("reader", environment="test"),
        principal("writer"),
        principal("reader", key="k2"),
    ):
        assert refusal(gate, other).reason is Reason.NOT_PERMITTED
    ask(gate, principal("reader"))


def test_a_kept_yes_is_given_to_the_same_caller_read_again_and_to_nobody_of_its_id() -> None:
    gate, what = authorizer(roles=READER), tool()
    who = principal("reader")
    for _ in range(3):
        assert ask(gate, who, what).policies
    again = msgspec.structs.replace(who)
    assert ask(gate, again, what).principal is again

    without_roles = msgspec.structs.replace(who, roles=())
    assert refusal(gate, without_roles, what).reason is Reason.NOT_PERMITTED
    assert ask(gate, who, what).policies


def test_keys_that_no_policy_names_share_what_is_known() -> None:
    gate = authorizer(roles=READER)
    for number in range(50):
        ask(gate, principal("reader", key=f"k{number}"))

    assert len(gate._likes) == 1


def test_targets_that_no_condition_tells_apart_share_what_is_known() -> None:
    gate = authorizer(
        """
        permit(principal, action, resource in Server::"github") when { context.arguments.x == 1 };
        forbid(principal, action, resource in Server::"git") when { resource.name == "push" };
        permit(principal, action, resource in Server::"git");
        """
    )
    who = principal("reader")

    assert gate._judge(who, tool("a")) is gate._judge(who, tool("b"))
    assert gate._judge(who, tool("a")) is not gate._judge(who, tool("a", "write"))
    ask(gate, who, tool("pull", server="git"))
    assert refusal(gate, who, tool("push", server="git")).reason is Reason.NOT_PERMITTED


def test_a_policy_about_the_nameless_key_means_that_key_only() -> None:
    gate = authorizer('permit(principal == Key::"", action, resource);')

    assert refusal(gate, principal("reader", key="k9")).reason is Reason.NOT_PERMITTED


def test_what_is_listed_is_what_can_be_called_with_some_arguments() -> None:
    gate = authorizer(LOW, roles={"reader": ("git.*:read",)})
    targets = [
        tool(),
        tool("other"),
        tool("log", server="git"),
        tool("push", "write", server="git"),
    ]

    assert listed(gate, None, *targets) == ["github/search", "git/log"]


def test_what_no_argument_can_make_right_is_not_listed() -> None:
    gate = authorizer(
        LOW.replace("when {", 'when { principal.tenant == "other" &&')
        + "forbid(principal, action, resource) when { context.arguments has x };"
    )

    assert listed(gate) == []
    assert refusal(gate, arguments={"limit": 5}).reason is Reason.NOT_PERMITTED


def test_a_policy_that_always_fails_to_evaluate_hides_the_tool() -> None:
    gate = authorizer(
        LOW
        + "forbid(principal, action, resource) when { 9223372036854775807 + context.weekday > 0 };"
    )

    assert listed(gate) == []
    assert refusal(gate, arguments={"limit": 5}).reason is Reason.NOT_PERMITTED


def test_a_list_is_kept_for_the_same_targets_only() -> None:
    gate = authorizer(roles=READER)
    who = principal("reader")
    request = call(method="tools/list")
    first, second = (tool("a"), tool("b", "write")), (tool("c"),)

    kept = gate.permit_list(Inventory(request, who, first)).targets
    assert gate.permit_list(Inventory(request, who, first)).targets is kept
    assert gate.permit_list(Inventory(request, who, second)).targets == second
    assert gate.permit_list(Inventory(request, who, first)).targets == kept
    assert gate.permit_list(Inventory(request, principal("writer"), first)).targets == ()


def test_time_is_asked_anew_for_calls_and_lists() -> None:
    clock = HandClock(TUESDAY_NOON)
    gate = authorizer(HOURS, clock=clock)
    targets = (tool(),)
    inventory = Inventory(call(method="tools/list"), principal("reader"), targets)

    ask(gate)
    ask(gate)
    assert gate.permit_list(inventory).targets == targets
    clock.now = TUESDAY_NOON + 3_600
    assert refusal(gate).reason is Reason.NOT_PERMITTED
    assert gate.permit_list(inventory).targets == ()
    clock.now = TUESDAY_NOON
    ask(gate)


def test_what_is_foreseen_is_foreseen_for_this_hour_only() -> None:
    clock = HandClock(TUESDAY_NOON)
    gate = authorizer(LOW.replace("when {", "when { context.hour == 12 &&"), clock=clock)

    assert listed(gate) == ["github/search"]
    assert refusal(gate, arguments={"limit": 50}).reason is Reason.ARGUMENT_DENIED
    clock.now = TUESDAY_NOON + 3_600
    assert listed(gate) == []
    assert refusal(gate, arguments={"limit": 5}).reason is Reason.NOT_PERMITTED


def test_the_week_begins_on_monday_and_hours_are_utc() -> None:
    gate = authorizer(
        "permit(principal, action, resource) when { context.weekday == 2 && context.hour == 12 "
        "&& context.time == 1700568000 };"
    )

    ask(gate)


def test_all_of_the_context_can_be_compared() -> None:
    gate = authorizer(
        "permit(principal, action, resource) when { context.arguments == {a: 1} && "
        'context.protocol == "2025-11-25" && context.door == "mcp" };'
    )

    ask(gate, arguments={"a": 1})
    assert refusal(gate, arguments={"a": 1, "b": 2}).reason is Reason.ARGUMENT_DENIED


def test_a_policy_that_compares_the_whole_context_is_asked_each_time() -> None:
    gate = authorizer(
        'permit(principal in Role::"reader", action, resource) unless { context == {arguments: {}} };'
    )
    judgement = gate._judge(principal("reader"), tool())

    ask(gate, arguments={"a": 1})
    assert judgement.granted is None
    assert judgement.reads_arguments


def test_callers_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "CALLERS_MAX", 3)
    gate = authorizer(roles=READER)
    for number in range(10):
        ask(gate, principal("reader", key=f"k{number}"))
        assert len(gate._profiles) <= 3


def test_memory_is_bounded_and_forgetting_changes_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "JUDGEMENTS_MAX", 10)
    monkeypatch.setattr(stage, "CALLERS_MAX", 10)
    monkeypatch.setattr(stage, "LISTS_MAX", 3)
    monkeypatch.setattr(stage, "STANDINGS_MAX", 5)
    gate = authorizer('permit(principal == Key::"k3", action, resource);', roles=READER)

    for number in range(40):
        who = principal("reader", key=f"k{number}", tenant=f"t{number}")
        ask(gate, who, tool(f"t{number}"))
        assert listed(gate, who, tool()) == ["github/search"]
        assert len(gate._profiles) <= 10
        assert sum(len(kept.by_target) for kept in gate._likes.values()) <= 10
        assert len(gate._lists) <= 3
        assert len(gate._standings) <= 5


WHO = (
    principal("reader"),
    principal("reader"),
    principal("writer"),
    principal("reader", tenant="other"),
    principal("reader", key="k2"),
)
"""Two that are one, read again, and others of its id."""
WHAT = (
    tool(),
    tool(),
    tool(access="write"),
    tool(quarantined=True),
    tool("other"),
    tool("other"),
    tool("other", access="write"),
    tool("other", quarantined=True),
    tool("other", kind=Kind.PROMPT),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(WHO), st.sampled_from(WHAT), st.sampled_from([5, 50])),
        min_size=2,
        max_size=8,
    )
)
def test_who_asked_before_is_told_what_who_asks_first_is(
    asked: list[tuple[Principal, Target, int]],
) -> None:
    def said(gate: Authorizer, who: Principal, what: Target, limit: int) -> object:
        try:
            found = ask(gate, who, what, {"limit": limit})
        except Denied as denied:
            return denied.reason, denied.private
        assert (found.standing.principal, found.standing.target) == (who, what)
        assert found.standing.target is what
        return found.policies, found.version, found.principal, found.target

    roles: Roles = {"reader": ("github.other:read",), "writer": ()}
    warm = authorizer(LOW, roles=roles)
    for who, what, limit in asked:
        cold = authorizer(LOW, roles=roles)
        assert said(warm, who, what, limit) == said(cold, who, what, limit)


@given(
    talk=st.sampled_from((None, Talk(), Talk(progress=True))),
    ask_for=st.sampled_from((None, Ask(("careful",)))),
    marks=st.sampled_from(
        ({}, {"github/search": ToolMarks(("private",))}, {"git": ToolMarks(("private",))})
    ),
)
def test_what_is_waived_would_be_confirmed_and_leave_no_trace(
    talk: Talk | None, ask_for: Ask | None, marks: dict[str, ToolMarks]
) -> None:
    who, what, seen = principal("reader"), tool(), Labels(MemoryLabelStore(), HandClock())
    gate = build(READER, {}, clock=HandClock(), marks=marks, labels=seen)
    asked = msgspec.structs.replace(ask(gate, who, what), ask=ask_for)
    asked = msgspec.structs.replace(asked, call=msgspec.structs.replace(asked.call, talk=talk))
    validated = Validated(asked, {})

    waived = gate.waive(validated)

    assert (waived is None) == (ask_for is not None or (talk is not None and bool(marks)))
    if waived is not None:
        assert asyncio.run(gate.confirm(validated)) == waived
        assert seen.touched(who.id, "") == frozenset()


def test_what_is_only_tried_is_asked_each_time() -> None:
    class Watching:
        calls = 0

        def look(self, _gate: Authorizer, _resolved: Resolved) -> None:
            self.calls += 1

    gate, watching = authorizer(roles=READER), Watching()
    gate.shadow = cast("Any", watching)
    who, what = principal("reader"), tool()
    for _ in range(3):
        ask(gate, who, what)

    assert watching.calls == 3


def test_an_explanation_is_the_decision_without_the_exception() -> None:
    gate = authorizer(LOW)
    who = principal("reader", "ghost")

    yes = gate.explain(call({"limit": 5}), who, tool())
    assert (yes.policies, yes.refusal, yes.ignored_roles) == (("low",), None, ("ghost",))
    no = gate.explain(call({"limit": 50}), who, tool())
    assert no.refusal is not None
    assert no.refusal.reason is Reason.ARGUMENT_DENIED
    shut = gate.explain(call({"limit": 5}), who, tool(quarantined=True))
    assert shut.refusal is not None
    assert shut.refusal.reason is Reason.TOOL_QUARANTINED
