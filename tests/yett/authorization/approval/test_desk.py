"""A yes is for one call, byte for byte, of one caller, once, and not for ever."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.yett.authorization.approval.asking import ANNA, ONE, TWO, Office, validated
from tests.yett.authorization.asking import principal, tool
from yett.authorization.approval.desk import (
    CLOSED_MAX,
    LOOKING_PER_CALLER_MAX,
    OPEN_PER_CALLER_MAX,
    ROUNDS_MAX,
)
from yett.authorization.approval.request import PREVIEW_CHARS_MAX
from yett.core.errors import CommandError, Denied
from yett.core.operations import Kind
from yett.core.proofs import Agreement, Ask, Validated
from yett.core.reasons import Reason
from yett.core.talk import Resumption
from yett.sanitising import Redactor


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path / "data")
    yield found
    found.close()


async def test_a_call_is_refused_until_somebody_agrees_and_passes_once_then(office: Office) -> None:
    identifier = await office.asked()
    assert await office.asked() == identifier  # the same question, not a second one

    office.registry.approve(identifier, ANNA)
    agreement = await office.make()
    assert agreement == Agreement(identifier, ("cli:anna",))

    assert await office.asked() != identifier  # a replay is asked about anew
    names = [event["event"] for event in office.events()]
    assert names == [
        "approval.requested", "approval.approved", "approval.used", "approval.requested",
    ]  # fmt: skip


async def test_the_refusal_says_what_to_do_and_names_the_question(office: Office) -> None:
    denied = await office.make()
    assert isinstance(denied, Denied)
    assert denied.shown is not None
    assert denied.shown.startswith("Deleting needs a yes; approval apr_")
    assert "make exactly the same call again" in denied.shown


OTHER_CALLS = {
    "one byte of an argument": validated({"title": "b"}),
    "one more space": validated({"title": "a "}),
    "one more argument": validated({"title": "a", "force": True}),
    "a number for a text": validated({"title": 1}),
    "another key": validated(who=principal("writer", key="k2")),
    "another tenant": validated(who=principal("writer", tenant="rival")),
    "another tool": validated(what=tool("other")),
    "another server": validated(what=tool(server="git")),
    "a changed definition": validated(what=msgspec.structs.replace(tool(), digest="d2")),
    "another class": validated(what=tool(access="write")),
    "a prompt of the same name": validated(what=tool(kind=Kind.PROMPT), name="search"),
    "changed policies": validated(version="v2"),
    "another operation": validated(method="prompts/get"),
}


@pytest.mark.parametrize("what", OTHER_CALLS.values(), ids=OTHER_CALLS.keys())
async def test_a_yes_fits_no_other_call_and_stays_good_for_its_own(
    what: Validated, office: Office
) -> None:
    identifier = await office.asked()
    office.registry.approve(identifier, ANNA)

    assert await office.asked(what) != identifier
    assert isinstance(await office.make(), Agreement)


async def test_of_a_template_the_uri_is_what_is_agreed_to(office: Office) -> None:
    def read(uri: str, template: str = "file:///{path}") -> Validated:
        what = tool(template, kind=Kind.RESOURCE_TEMPLATE)
        return validated({}, what=what, method="resources/read", name=uri)

    identifier = await office.asked(read("file:///notes"))
    assert office.registry.show(identifier)["tool"] == "file:///notes"
    office.registry.approve(identifier, ANNA)
    assert await office.asked(read("file:///etc/shadow")) != identifier
    assert await office.asked(read("file:///notes", "file:///{+path}")) != identifier
    assert isinstance(await office.make(read("file:///notes")), Agreement)


@pytest.mark.parametrize(
    "ask", [Ask(("careful",), people=2), Ask(("careful", "more")), Ask(("other",))]
)
async def test_a_yes_fits_no_other_demand(ask: Ask, office: Office) -> None:
    identifier = await office.asked()
    office.registry.approve(identifier, ANNA)

    assert await office.asked(ask=ask) != identifier


async def test_of_fifty_calls_at_once_one_passes(office: Office) -> None:
    identifier = await office.asked()
    office.registry.approve(identifier, ANNA)

    calls = [office.make(validated(record=f"r{number}")) for number in range(50)]
    answers = await asyncio.gather(*calls)

    assert sum(isinstance(answer, Agreement) for answer in answers) == 1
    refused = {answer.approval for answer in answers if isinstance(answer, Denied)}
    assert len(refused - {identifier}) <= 1  # the others share the next question


async def test_a_yes_is_not_used_by_a_call_that_is_refused_for_something_else(
    office: Office,
) -> None:
    """Room, money, a secret: all that is looked at between the two."""
    identifier = await office.asked()
    office.registry.approve(identifier, ANNA)
    for _ in range(3):
        assert (await office.desk.settle(validated(), ONE)).id == identifier

    assert isinstance(await office.make(), Agreement)


@pytest.mark.parametrize("what", ["taken back", "expired", "an approver removed"])
async def test_a_yes_that_ends_while_the_call_is_on_its_way_is_none(
    what: str, office: Office
) -> None:
    identifier = await office.asked()
    bo = office.named("bo")
    office.registry.approve(identifier, bo)
    agreement = await office.desk.settle(validated(), ONE)
    match what:
        case "taken back":
            office.registry.deny(identifier, bo)
        case "expired":
            office.clock.pass_seconds(ONE.seconds)
        case _:
            office.approvers.remove("bo", actor="cli:anna")

    with pytest.raises(Denied) as caught:
        await office.desk.use(agreement, "r1")
    assert caught.value.reason is Reason.APPROVAL_REQUIRED


async def test_of_two_gates_on_one_database_one_passes(office: Office) -> None:
    second = Office(office.folder)
    for _ in range(10):
        office.registry.approve(await office.asked(), ANNA)
        answers = await asyncio.gather(office.make(), second.make(), office.make(), second.make())
        assert sum(isinstance(answer, Agreement) for answer in answers) == 1
    second.close()


async def test_a_no_is_said_until_the_time_is_over_and_then_it_is_asked_again(
    office: Office,
) -> None:
    identifier = await office.asked()
    office.registry.deny(identifier, ANNA, reason="not today")

    for _ in range(2):
        denied = await office.make()
        assert isinstance(denied, Denied)
        assert (denied.reason, denied.approval) == (Reason.APPROVAL_DENIED, identifier)
    office.clock.pass_seconds(ONE.seconds)
    assert await office.asked() != identifier


async def test_a_yes_can_be_taken_back_until_it_is_used(office: Office) -> None:
    identifier = await office.asked()
    office.registry.approve(identifier, ANNA)
    office.registry.deny(identifier, ANNA)

    denied = await office.make()
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.APPROVAL_DENIED


@pytest.mark.parametrize("is_swept", [True, False])
async def test_question_and_yes_expire_and_a_clock_set_back_revives_neither(
    office: Office, *, is_swept: bool
) -> None:
    def sweep() -> None:
        office.clock.running += 10.0
        if is_swept:
            office.desk.sweep()
        else:  # the gate notes the time with the keys
            with office.behind_the_back() as connection:
                connection.execute(
                    "insert or replace into facts values ('newest_time', ?)", (office.clock.now,)
                )

    first = await office.asked()
    office.clock.pass_seconds(ONE.seconds - 1)
    assert await office.asked() == first
    office.clock.pass_seconds(1)
    sweep()
    with pytest.raises(CommandError, match="expired"):
        office.registry.approve(first, ANNA)
    office.clock.now -= 1_000
    with pytest.raises(CommandError, match="expired"):
        office.registry.approve(first, ANNA)

    second = await office.asked()
    assert second != first
    office.registry.approve(second, ANNA)
    office.clock.pass_seconds(ONE.seconds + 1_000)
    sweep()
    office.clock.now -= 2_000
    assert await office.asked() != second


async def test_what_was_agreed_to_while_the_clock_ran_ahead_does_not_outlive_the_mistake(
    office: Office,
) -> None:
    """An operator has taken the clock back, and said so (`yett key clock --accept`)."""
    right = office.clock.now
    office.clock.now += 365 * 86_400
    granted, pending = await office.asked(), await office.asked(validated({"title": "b"}))
    office.registry.approve(granted, ANNA)
    agreement = await office.desk.settle(validated(), ONE)
    office.clock.now = right

    with pytest.raises(Denied):
        await office.desk.use(agreement, "r1")
    with pytest.raises(CommandError, match="expired"):
        office.registry.approve(pending, ANNA)
    assert await office.asked() != granted
    assert {row["state"] for row in office.registry.list()} == {"pending"}


async def test_what_was_used_stays_used_whatever_the_clock_says(office: Office) -> None:
    identifier = await office.asked()
    office.registry.approve(identifier, ANNA)
    assert isinstance(await office.make(), Agreement)

    for seconds in (-10_000.0, 20_000.0, -5_000.0):
        office.clock.now += seconds
        assert await office.asked() != identifier


async def test_a_restart_keeps_questions_answers_and_what_was_used(office: Office) -> None:
    identifier = await office.asked()
    office.restart()
    assert await office.asked() == identifier
    office.registry.approve(identifier, ANNA)
    office.restart()
    assert isinstance(await office.make(), Agreement)
    office.restart()
    assert await office.asked() != identifier


@pytest.mark.parametrize("statement", ["update keys set revoked_at = 5", "delete from keys"])
async def test_what_was_asked_for_a_key_does_not_outlive_it(statement: str, office: Office) -> None:
    with office.behind_the_back() as connection:
        connection.execute(
            "insert into keys (id, name, tenant, environment, roles, digest, created_at)"
            " values ('k1', 'n', 't', 'live', '[]', x'00', 1.0)"
        )
    granted, pending = await office.asked(), await office.asked(validated({"title": "b"}))
    other = await office.asked(validated(who=principal("writer", key="k2")))
    office.registry.approve(granted, ANNA)
    with office.behind_the_back() as connection:
        connection.execute(statement)

    assert office.registry.show(granted)["state"] == "withdrawn"
    assert office.registry.show(pending)["state"] == "withdrawn"
    assert office.registry.show(other)["state"] == "pending"
    assert await office.asked() != granted


async def test_a_later_round_of_the_same_call_needs_no_second_yes(office: Office) -> None:
    identifier = await office.asked(validated(record="first"))
    office.registry.approve(identifier, ANNA)
    await office.make(validated(record="first"))

    def round_after(before: str, *, seal: str = "s", title: str = "a") -> Validated:
        resumption = Resumption({}, seal=seal, continues=before)
        return validated({"title": title}, record=f"after {before}", resumption=resumption)

    assert isinstance(await office.make(round_after("first")), Agreement)
    assert isinstance(await office.make(round_after("after first")), Agreement)
    for stranger in (
        round_after("never seen"),
        round_after("first", title="b"),
        round_after("first", seal=""),
    ):
        assert isinstance(await office.make(stranger), Denied)


async def test_a_round_that_is_brought_again_and_again_ends_what_the_yes_is_good_for(
    office: Office,
) -> None:
    office.registry.approve(await office.asked(validated(record="first")), ANNA)
    await office.make(validated(record="first"))
    resumption = Resumption({}, seal="s", continues="first")
    rounds = [
        await office.make(validated(record=f"again {number}", resumption=resumption))
        for number in range(ROUNDS_MAX + 5)
    ]

    assert [isinstance(each, Agreement) for each in rounds] == [True] * ROUNDS_MAX + [False] * 5
    ((kept,),) = office.database.fetch("select count(*) from approval_uses")
    assert kept == ROUNDS_MAX + 1


async def test_a_round_that_began_without_a_yes_does_not_go_on_without_one(office: Office) -> None:
    resumption = Resumption({}, seal="s", continues="began-before-the-policy")
    assert await office.asked(validated(resumption=resumption))


@pytest.mark.parametrize("method", ["resources/subscribe", "completion/complete"])
async def test_what_nobody_can_be_shown_whole_is_refused_and_asks_nobody(
    method: str, office: Office
) -> None:
    denied = await office.make(validated(method=method))
    assert isinstance(denied, Denied)
    assert (denied.reason, denied.approval) == (Reason.APPROVAL_REQUIRED, None)
    assert office.registry.list() == []


async def test_one_caller_buries_nobody_elses_questions(office: Office) -> None:
    for number in range(OPEN_PER_CALLER_MAX):
        await office.asked(validated({"title": str(number)}))

    denied = await office.make(validated({"title": "one more"}))
    assert isinstance(denied, Denied)
    assert (denied.reason, denied.approval) == (Reason.APPROVAL_REQUIRED, None)
    assert denied.shown is not None
    assert "too many" in denied.shown
    assert len(office.registry.list()) == OPEN_PER_CALLER_MAX
    await office.asked(validated({"title": "0"}))  # what was asked already is not forgotten
    await office.asked(validated(who=principal("writer", key="k2")))


async def test_who_asks_in_a_flood_is_told_to_come_back_and_others_are_served(
    office: Office,
) -> None:
    flood = [office.make(validated({"title": str(number)})) for number in range(200)]
    other = validated(who=principal("writer", key="k2"))
    *flooding, served = await asyncio.gather(*flood, office.make(other))

    reasons = Counter(answer.reason for answer in flooding if isinstance(answer, Denied))
    assert reasons[Reason.RATE_LIMITED] == 200 - LOOKING_PER_CALLER_MAX
    assert reasons[Reason.APPROVAL_REQUIRED] == LOOKING_PER_CALLER_MAX
    assert isinstance(served, Denied)
    assert served.approval is not None
    assert isinstance(await office.make(validated({"title": "0"})), Denied)  # room is given back
    assert (await office.make(validated({"title": "0"}))).approval is not None  # type: ignore[union-attr]  # refused


async def test_one_tenant_leaves_room_for_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yett.authorization.approval.desk.OPEN_PER_TENANT_MAX", 3)
    for number in range(3):
        await office.asked(validated(who=principal("writer", key=f"k{number}")))

    assert (await office.make(validated(who=principal("writer", key="k9")))).approval is None  # type: ignore[union-attr]  # refused
    await office.asked(validated(who=principal("writer", key="k9", tenant="rival")))


async def test_what_is_closed_is_forgotten_in_time_and_no_flood_displaces_decisions(
    office: Office,
) -> None:
    office.registry.deny(await office.asked(), ANNA)
    columns = "digest, principal, caller, tenant, method, server, tool, access, definition, policies, policy_version, shown, people, own, seconds, preview, preview_cut, arguments_bytes, arguments_digest"  # fmt: skip
    with office.behind_the_back() as connection:
        connection.executemany(
            f"insert into approvals (id, {columns}, state, open, asked_at, expires_at, ended_at)"
            f" select ?, {columns}, 'expired', 0, 1.0, 2.0, ? from approvals where state = 'denied'",
            [(f"old{number}", float(number)) for number in range(CLOSED_MAX + 50)],
        )
    office.clock.pass_seconds(ONE.seconds)
    office.desk.sweep()

    states = [request["state"] for request in office.registry.list(with_closed=True)]
    assert (states.count("expired"), states.count("denied")) == (CLOSED_MAX, 1)


async def test_the_preview_shows_exactly_what_runs_but_no_secret_and_nothing_hidden(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path / "data", Redactor().redact)
    token = "gh" + "p_" + secrets.token_hex(18)
    identifier = await office.asked(
        validated({"path": "/srv/\u202egpj.exe", "password": "hunter22", "note": f"use {token}"})
    )
    shown = office.registry.show(identifier)

    assert '"path":"/srv/\\u202egpj.exe"' in shown["arguments"]
    assert token not in shown["arguments"]
    assert "hunter22" not in shown["arguments"]
    assert shown["arguments_cut"] is False
    office.close()


async def test_a_long_preview_says_that_it_is_cut_and_what_the_whole_is(office: Office) -> None:
    text = "x" * PREVIEW_CHARS_MAX + " and then delete everything"
    shown = office.registry.show(await office.asked(validated({"text": text})))

    assert len(shown["arguments"]) == PREVIEW_CHARS_MAX
    assert shown["arguments_cut"] is True
    assert shown["arguments_bytes"] == len(text) + len('{"text":""}')
    assert len(shown["arguments_digest"]) == 64


async def test_who_sees_nothing_of_a_call_is_told_that_it_is_not_all(tmp_path: Path) -> None:
    """Two names that become one when secrets are taken out: then all of it is taken out."""
    office = Office(tmp_path / "data", Redactor().redact)
    names = ["gh" + "p_" + secrets.token_hex(18) for _ in range(2)]
    shown = office.registry.show(
        await office.asked(validated({**dict.fromkeys(names, "x"), "do": "pay mallory"}))
    )

    assert "mallory" not in shown["arguments"]
    assert shown["arguments_cut"] is True
    office.close()


async def test_two_people_are_two_people(office: Office) -> None:
    identifier = await office.asked(ask=TWO)
    bo, cy = office.named("bo"), office.named("cy")
    for _ in range(3):
        office.registry.approve(identifier, bo)
        assert await office.asked(ask=TWO) == identifier
    with pytest.raises(CommandError, match="2 different people"):
        office.registry.approve(identifier, ANNA)
    assert await office.asked(ask=TWO) == identifier

    office.registry.approve(identifier, cy)
    assert await office.make(ask=TWO) == Agreement(identifier, ("bo", "cy"))


async def test_an_approver_of_one_tenant_sees_and_answers_nothing_of_another(
    office: Office,
) -> None:
    acme = await office.asked()
    rival = await office.asked(validated(who=principal("writer", key="k2", tenant="rival")))
    bo = office.named("bo", "acme")

    assert [row["id"] for row in office.registry.list(tenant=bo.tenant)] == [acme]
    assert {row["id"] for row in office.registry.list()} == {acme, rival}
    acts: list[Callable[[], object]] = [
        lambda: office.registry.show(rival, tenant=bo.tenant),
        lambda: office.registry.approve(rival, bo),
        lambda: office.registry.approve(rival, bo, break_glass=True, reason="mine now"),
        lambda: office.registry.deny(rival, bo),
    ]
    for act in acts:
        with pytest.raises(CommandError, match="no such approval"):
            act()
    assert office.registry.show(rival)["state"] == "pending"
    assert office.registry.approve(acme, bo)["state"] == "approved"


async def test_an_approver_that_is_removed_counts_no_more(office: Office) -> None:
    identifier = await office.asked(ask=TWO)
    bo, cy = office.named("bo"), office.named("cy")
    office.registry.approve(identifier, bo)
    office.registry.approve(identifier, cy)
    office.approvers.remove("bo", actor="cli:anna")

    assert await office.asked(ask=TWO) == identifier
    # A new one of the same name is another person.
    office.registry.approve(identifier, office.named("bo"))
    assert await office.make(ask=TWO) == Agreement(identifier, ("cy", "bo"))


async def test_breaking_the_glass_takes_one_person_a_reason_and_raises_an_alert(
    office: Office,
) -> None:
    identifier = await office.asked(ask=TWO)
    for reason in ("", "  "):
        with pytest.raises(CommandError, match="--reason"):
            office.registry.approve(identifier, ANNA, break_glass=True, reason=reason)
    office.registry.approve(identifier, ANNA, break_glass=True, reason="the house burns")

    assert await office.make(ask=TWO) == Agreement(identifier, ("cli:anna",), break_glass=True)
    broken = next(event for event in office.events() if event["event"] == "approval.break_glass")
    assert (broken["alert"], broken["reason"]) == ("high", "the house burns")
    assert await office.asked(ask=TWO) != identifier  # it is broken once


async def test_breaking_the_glass_makes_no_yes_of_a_no(office: Office) -> None:
    identifier = await office.asked()
    office.registry.deny(identifier, ANNA)
    with pytest.raises(CommandError, match="denied"):
        office.registry.approve(identifier, ANNA, break_glass=True, reason="please")


async def test_nobody_is_found_by_what_is_no_secret(office: Office) -> None:
    secret = office.approvers.add("bo", actor="cli:anna").reveal()
    for wrong in (b"", b"bo", secret[:-1], secret + b"x", secret.upper(), b"yett_approver_", b"yett_approver_" + b"x" * 10_000):  # fmt: skip
        assert office.approvers.recognise(wrong) is None
    office.close()
    files = b"".join(path.read_bytes() for path in office.folder.iterdir())
    assert secret[20:] not in files
    office.open()
    removed = office.approvers.add("cy", actor="cli:anna").reveal()
    office.approvers.remove("cy", actor="cli:anna")
    assert office.approvers.recognise(removed) is None
    with pytest.raises(CommandError, match="There is an approver"):
        office.approvers.add("bo", actor="cli:anna")
    for name in ("", "a b", "-x", "x" * 64, "ö"):
        with pytest.raises(CommandError, match="cannot name"):
            office.approvers.add(name, actor="cli:anna")
