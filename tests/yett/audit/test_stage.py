"""The auditor and the record of one call, over the log that ships for tests."""

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.yett.audit.scene import (
    AGENT,
    EMBEDDED_SECRET,
    admit,
    auditor_over,
    call,
    cleaned,
    finish,
    last,
    one_call,
    stored,
    target,
)
from yett.audit.backends.memory import MemoryLog
from yett.audit.verify import verify
from yett.core.call import Reply, RpcError, Usage
from yett.core.errors import Denied, Fault
from yett.core.operations import Kind
from yett.core.proofs import Admitted, Identified, Permitted, PermittedList, Resolved, Validated
from yett.core.reasons import Reason
from yett.core.standing import Standing
from yett.core.summary import Summary
from yett.core.target import Target


def break_down() -> None:
    raise KeyError(EMBEDDED_SECRET)


async def test_an_allowed_call_is_an_intent_and_an_outcome_that_names_it() -> None:
    log = MemoryLog()

    reply = await one_call(auditor_over(log))

    _, intent, outcome = stored(log)
    assert reply.refusal is None
    assert reply.target == "git/log"
    assert intent["kind"] == "intent"
    assert intent["caller"] == {"id": "k1", "name": "laptop"}
    assert (intent["tenant"], intent["server"], intent["tool"]) == ("acme", "git", "log")
    assert (intent["access"], intent["definition"]) == ("read", "d" * 64)
    assert intent["input"] == {"path": "/tmp"}
    assert (intent["policies"], intent["policy_version"]) == (["reader:git.*:read"], "v7")
    assert intent["decision"] == outcome["decision"] == "allowed"
    assert outcome["intent"] == intent["sequence"]
    assert outcome["id"] == intent["id"] == "r-1"
    assert outcome["status"] == "ok"
    assert outcome["bytes"] == 14
    assert verify(log.source()).damage is None


@pytest.mark.parametrize(("access", "syncs"), [("read", 0), ("write", 2)])
async def test_a_write_is_on_the_disk_before_it_is_sent_and_before_its_answer_leaves(
    access: Any, syncs: int
) -> None:
    log = MemoryLog()

    await one_call(auditor_over(log), access=access)

    assert log.figures().syncs == syncs


async def test_an_outcome_tells_cost_findings_and_the_names_of_secrets() -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    admitted = admit(record, request, cost=900)
    await record.intend(admitted)

    answer = record.answer(cleaned(admitted, findings=("secret",), secrets=("github",)), Usage(700))
    await record.close(answer)

    assert stored(log)[-2]["cost_micros"] == 900
    outcome = last(log)
    assert outcome["cost_micros"] == 700
    assert outcome["findings"] == ["secret"]
    assert outcome["secrets"] == ["github"]


@pytest.mark.parametrize(
    "answer", [{"result": {"isError": True}}, {"error": RpcError(-32000, "no")}]
)
async def test_an_error_of_the_tool_is_a_status_and_no_refusal(answer: Any) -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    admitted = admit(record, request)
    await record.intend(admitted)

    await finish(record, cleaned(admitted, **answer))

    assert (last(log)["decision"], last(log)["status"]) == ("allowed", "tool_error")


async def test_nothing_may_be_sent_when_the_intent_cannot_be_written() -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    admitted = admit(record, request)
    log.trouble = "no space"

    with pytest.raises(Fault) as refused:
        await record.intend(admitted)

    assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
    reply = await record.close(record.refuse(refused.value))
    assert reply.refusal is not None
    assert reply.refusal.reason is Reason.AUDIT_UNAVAILABLE
    assert not reply.refusal.sent
    assert len(stored(log)) == 1


@pytest.mark.parametrize("access", ["read", "write"])
async def test_no_answer_leaves_when_its_outcome_cannot_be_written(access: Any) -> None:
    log = MemoryLog()
    seen: list[Summary] = []
    request = call()
    record = auditor_over(log, seen.append).begin(request)
    admitted = admit(record, request, access)
    await record.intend(admitted)
    reply = record.answer(cleaned(admitted), Usage())
    log.trouble = "no space"

    reply = await record.close(reply)

    assert reply.result is None
    assert reply.refusal is not None
    assert reply.refusal.reason is Reason.AUDIT_UNAVAILABLE
    assert reply.refusal.sent  # the caller must not believe that nothing happened
    assert [summary.reason for summary in seen] == [Reason.AUDIT_UNAVAILABLE]


async def test_a_refusal_that_cannot_be_written_says_truly_that_nothing_was_sent() -> None:
    log = MemoryLog()
    record = auditor_over(log).begin(call())
    reply = record.refuse(Denied(Reason.UNAUTHENTICATED, "no key"))
    log.trouble = "no space"

    reply = await record.close(reply)

    assert reply.refusal is not None
    assert (reply.refusal.reason, reply.refusal.sent) == (Reason.AUDIT_UNAVAILABLE, False)


async def test_a_refusal_of_a_stranger_is_one_line_that_names_nobody() -> None:
    log = MemoryLog()
    record = auditor_over(log).begin(call(name="git__log", server="git"))

    reply = await record.close(record.refuse(Denied(Reason.UNAUTHENTICATED, "unknown key id")))

    line = last(log)
    assert len(stored(log)) == 2
    assert line["kind"] == "refusal"
    assert "caller" not in line
    assert (line["server"], line["tool"]) == ("git", "git__log")
    assert (line["decision"], line["reason"], line["status"]) == (
        "denied",
        "unauthenticated",
        "refused",
    )
    assert line["private"] == "unknown key id"
    assert (reply.principal, reply.target) == (None, "")


async def test_a_refusal_that_is_counted_with_others_has_no_line_and_is_observed() -> None:
    seen: list[Summary] = []
    log = MemoryLog()
    record = auditor_over(log, seen.append).begin(call())
    reply = await record.close(record.refuse(Denied(Reason.RATE_LIMITED, "again", counted=True)))

    assert [line["kind"] for line in stored(log)] == ["segment"]
    assert reply.refusal is not None
    assert [summary.reason for summary in seen] == [Reason.RATE_LIMITED]


async def test_a_refusal_knows_as_much_as_was_established_and_shows_no_name_before_permission() -> (
    None
):
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    record.caller = Identified(request, AGENT)
    record.resolved = Resolved(request, AGENT, target())

    reply = await record.close(record.refuse(Denied(Reason.NOT_PERMITTED, "no grant")))

    assert (last(log)["server"], last(log)["tool"]) == ("git", "log")
    assert "policies" not in last(log)
    assert (reply.principal, reply.target) == (AGENT, "")


async def test_a_refusal_after_permission_names_the_policies() -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    admit(record, request)

    reply = await record.close(record.refuse(Denied(Reason.RATE_LIMITED, "")))

    assert last(log)["kind"] == "refusal"
    assert last(log)["policies"] == ["reader:git.*:read"]
    assert last(log)["private"] is None
    assert reply.target == "git/log"


@pytest.mark.parametrize(
    ("refusal", "status", "cost"),
    [
        (Fault(Reason.UPSTREAM_UNREACHABLE, "refused"), "refused", 0),
        (Fault(Reason.UPSTREAM_UNREACHABLE, "reset", sent=True), "unknown", 30),
        (Fault(Reason.UPSTREAM_TIMEOUT, "30 s"), "unknown", 30),
        (Denied(Reason.ANSWER_BLOCKED, "secret"), "unknown", 30),
    ],
)
async def test_a_refusal_after_the_intent_is_an_outcome(
    refusal: Fault | Denied, status: str, cost: int
) -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    admitted = admit(record, request, cost=30)
    await record.intend(admitted)

    await record.close(record.refuse(refusal))

    assert last(log)["kind"] == "outcome"
    assert last(log)["status"] == status
    assert last(log)["cost_micros"] == cost


async def test_what_an_exception_says_stays_out_of_the_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = MemoryLog()
    record = auditor_over(log).begin(call())
    try:
        break_down()
    except KeyError as error:
        with caplog.at_level(logging.ERROR):
            reply = record.fail(error)
    reply = await record.close(reply)

    assert reply.refusal is not None
    assert reply.refusal.reason is Reason.INTERNAL_ERROR
    assert last(log)["private"].startswith("KeyError at test_stage.py:")
    assert last(log)["decision"] == "error"
    assert "input" not in last(log)
    assert EMBEDDED_SECRET not in json.dumps(last(log))
    assert caplog.records[0].exc_info is not None


async def test_a_bug_that_never_was_raised_has_no_place() -> None:
    log = MemoryLog()
    record = auditor_over(log).begin(call())

    await record.close(record.fail(ValueError("x")))

    assert last(log)["private"] == "ValueError"


async def test_a_caller_who_hangs_up_is_recorded() -> None:
    log = MemoryLog()
    seen: list[Summary] = []
    auditor_over(log, seen.append).begin(call()).abandon()

    assert (last(log)["reason"], last(log)["status"]) == ("cancelled", "refused")
    assert seen[0].reason is Reason.CANCELLED


async def test_a_caller_who_hangs_up_after_the_intent_leaves_an_unknown_outcome() -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    await record.intend(admit(record, request))

    record.abandon()

    assert (last(log)["kind"], last(log)["status"]) == ("outcome", "unknown")


async def test_a_caller_who_hangs_up_while_the_intent_is_synced_has_had_nothing_done() -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    task = asyncio.create_task(record.intend(admit(record, request, "write")))
    while last(log)["kind"] != "intent":
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    record.abandon()

    assert (last(log)["kind"], last(log)["status"]) == ("outcome", "refused")


async def test_hanging_up_while_the_log_is_unwritable_raises_nothing() -> None:
    log = MemoryLog()
    record = auditor_over(log).begin(call())
    log.trouble = "no space"

    record.abandon()

    assert len(stored(log)) == 1


async def test_a_listing_is_one_line_with_the_number_of_items() -> None:
    log = MemoryLog()
    request = call("tools/list", name="", arguments={})
    record = auditor_over(log).begin(request)
    record.caller = Identified(request, AGENT)

    permitted = PermittedList(request, AGENT, (target(), target()), "v7")
    reply = await record.close(record.answer_list(permitted, {"tools": []}))

    assert reply == Reply(call=request, principal=AGENT, result={"tools": []})
    assert (last(log)["kind"], last(log)["count"]) == ("listing", 2)
    assert last(log)["policy_version"] == "v7"
    assert last(log)["tool"] is None


async def test_what_concerns_the_caller_alone_is_one_line() -> None:
    log = MemoryLog()
    request = call("ping", name="", arguments={})
    record = auditor_over(log).begin(request)
    record.caller = Identified(request, AGENT)

    await record.close(record.answer_own({}))

    assert (last(log)["kind"], last(log)["method"], last(log)["status"]) == ("own", "ping", "ok")


async def test_observers_are_told_once_the_outcome_is_written() -> None:
    log = MemoryLog()
    seen: list[tuple[Summary, int]] = []

    await one_call(auditor_over(log, lambda summary: seen.append((summary, len(stored(log))))))

    [(summary, lines)] = seen
    assert lines == 3
    assert (summary.server, summary.tool, summary.tenant) == ("git", "log", "acme")
    assert (summary.decision, summary.status, summary.bytes) == ("allowed", "ok", 14)
    assert summary.upstream_seconds == 0.002
    assert summary.seconds >= 0


async def test_a_target_that_nobody_knows_is_not_told_to_observers() -> None:
    seen: list[Summary] = []
    record = auditor_over(MemoryLog(), seen.append).begin(call(name="made__up"))

    await record.close(record.refuse(Denied(Reason.UNKNOWN_TOOL, "")))

    assert (seen[0].server, seen[0].tool, seen[0].tenant) == (None, None, None)


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_a_uri_that_a_caller_put_into_a_template_is_not_told_to_observers(
    is_allowed: bool,  # noqa: FBT001 - of a test
) -> None:
    """They make labels of it: one caller could make ten thousand, and read those of another."""
    seen: list[Summary] = []
    auditor = auditor_over(MemoryLog(), seen.append)
    aim = Target(
        kind=Kind.RESOURCE,
        server="git",
        name="git://acme/secret-plans",
        public_name="git://git/acme%2Fsecret-plans",
        definition={"uriTemplate": "git://acme/{path}"},
    )
    request = call("resources/read", name=aim.name, server="git", arguments={})
    record = auditor.begin(request)
    record.caller = Identified(request, AGENT)
    record.resolved = Resolved(request, AGENT, aim)
    if is_allowed:
        permitted = Permitted(request, AGENT, aim, ("p",), "v7", Standing(AGENT, aim))
        record.permitted = permitted
        admitted = Admitted(Validated(permitted, {}), 0)
        await record.intend(admitted)
        await finish(record, cleaned(admitted))
    else:
        await record.close(record.refuse(Denied(Reason.NOT_PERMITTED, "no policy")))

    assert [(summary.server, summary.tool) for summary in seen] == [("git", "git://acme/{path}")]


async def test_control_characters_in_what_a_caller_says_reach_no_terminal() -> None:
    log = MemoryLog()
    name = '\r\n{"kind":"outcome"}\x1b[2J\u2028\x9b31m\u202e"}{"'
    record = auditor_over(log).begin(call(name=name))

    await record.close(record.refuse(Denied(Reason.UNKNOWN_TOOL, name)))

    [line] = list(log.source().lines("memory"))[1:]
    assert line.data.isascii()
    assert not any(byte < 0x20 or byte == 0x7F for byte in line.data)
    assert json.loads(line.data)["tool"] == name


def test_an_event_is_a_line() -> None:
    log = MemoryLog()

    auditor_over(log).event({"event": "key.created", "actor": "cli:root", "id": "k2"})

    assert last(log)["event"] == "key.created"
    assert last(log)["actor"] == "cli:root"
    assert last(log)["details"] == {"id": "k2"}


def test_nobody_but_the_log_can_write_the_events_that_the_verifier_believes() -> None:
    log = MemoryLog()

    auditor_over(log).event({"event": "audit.pruned", "segments": []})

    assert last(log)["event"] == "posted.audit.pruned"


def test_an_auditor_without_log_takes_no_event_is_not_ready_and_prunes_nothing() -> None:
    log = MemoryLog()
    auditor = auditor_over(log)
    auditor.check()
    assert auditor.prune(0.0) == ()
    assert auditor.figures().writable
    auditor.close()

    for attempt in (lambda: auditor.event({"event": "x"}), auditor.check, lambda: auditor.prune(0)):
        with pytest.raises(Fault) as refused:
            attempt()
        assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
    assert not auditor.figures().writable
    assert auditor.source().segments() == ["memory"]
