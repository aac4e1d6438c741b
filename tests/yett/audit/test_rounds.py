"""What the record says of calls that go on in rounds, and of what a server says meanwhile."""

from typing import Any

import msgspec
import pytest

from tests.yett.audit.scene import (
    AGENT,
    EMBEDDED_SECRET,
    admit,
    auditor_over,
    call,
    cleaned,
    finish,
    stored,
)
from yett.audit.backends.memory import MemoryLog
from yett.audit.encode import INPUT_BYTES_MAX
from yett.core.bounds import NOTICES_PER_CALL_MAX
from yett.core.errors import Fault
from yett.core.notices import PROGRESS, Notice, together
from yett.core.proofs import Identified
from yett.core.reasons import Reason
from yett.core.summary import Summary
from yett.core.talk import Resumption, Talk

ASKED: dict[str, Any] = {"resultType": "input_required", "requestState": "sealed"}
NOTICE = Notice("notifications/progress", {"progress": 1})


async def round_of(
    log: MemoryLog,
    *observers: Any,
    talk: Talk | None = None,
    resumption: Resumption | None = None,
    result: dict[str, Any] | None = None,
    notices: int = 0,
) -> dict[str, Any]:
    """Make one round; return its intent and its outcome as one."""
    request = msgspec.structs.replace(call(), talk=talk)
    record = auditor_over(log, *observers).begin(request)
    before = admit(record, request)
    validated = msgspec.structs.replace(before.validated, resumption=resumption)
    admitted = msgspec.structs.replace(before, validated=validated)
    await record.intend(admitted)
    for _ in range(notices):
        record.hear(NOTICE)
    await finish(record, cleaned(admitted, result=result))
    intent, outcome = stored(log)[-2:]
    assert (intent["kind"], outcome["kind"]) == ("intent", "outcome")
    return intent | outcome


async def test_a_round_that_asks_is_told_from_one_that_answers() -> None:
    seen: list[Summary] = []

    line = await round_of(MemoryLog(), seen.append, talk=Talk(), result=ASKED)

    assert (line["decision"], line["status"]) == ("allowed", "input_required")
    assert seen[0].status == "input_required"
    assert "continues" not in line


async def test_what_is_asked_is_in_the_record_without_secrets() -> None:
    questions = {
        "q1": {"method": "elicitation/create", "params": {"message": f"use {EMBEDDED_SECRET}"}}
    }

    line = await round_of(MemoryLog(), talk=Talk(), result=ASKED | {"inputRequests": questions})

    assert line["questions"]["q1"]["method"] == "elicitation/create"
    assert EMBEDDED_SECRET not in str(line["questions"])
    assert len(line["questions_digest"]) == 32


async def test_a_result_that_looks_so_asks_nobody_who_cannot_be_asked() -> None:
    assert (await round_of(MemoryLog(), result=ASKED))["status"] == "ok"


async def test_the_next_round_names_the_one_before_and_the_answers() -> None:
    answers: dict[str, Any] = {"q1": {"content": {"token": EMBEDDED_SECRET}}}

    line = await round_of(
        MemoryLog(), talk=Talk(), resumption=Resumption(answers, continues="r-0", seal="s")
    )

    assert line["continues"] == "r-0"
    assert line["answers"]["q1"]["content"]["token"].startswith("[redacted][digest:")
    assert len(line["answers_digest"]) == 32
    assert line["input"] == {"path": "/tmp"}


async def test_answers_that_nobody_asked_for_continue_nothing() -> None:
    line = await round_of(MemoryLog(), talk=Talk(), resumption=Resumption({"q": {}}))

    assert line["continues"] is None
    assert line["answers"] == {"q": {}}


async def test_long_answers_are_left_out_and_digested() -> None:
    long: dict[str, Any] = {"q": {"text": "x" * INPUT_BYTES_MAX}}

    line = await round_of(MemoryLog(), talk=Talk(), resumption=Resumption(long))

    assert (line["answers"], line["answers_truncated"]) == (None, True)
    assert len(line["answers_digest"]) == 32


async def test_notices_are_counted_and_bounded() -> None:
    log = MemoryLog()

    assert "notices" not in await round_of(log)
    assert (await round_of(log, notices=3))["notices"] == 3

    record = auditor_over(log).begin(call())
    passed = [record.hear(NOTICE) for _ in range(NOTICES_PER_CALL_MAX + 5)]
    assert sum(passed) == NOTICES_PER_CALL_MAX
    assert record.hear(None) == 0


async def test_of_several_notices_as_many_are_passed_on_as_there_is_room_for() -> None:
    several = together(PROGRESS, [b'"progress":%d' % step for step in range(600)])
    record = auditor_over(MemoryLog()).begin(call())

    assert [record.hear(several) for _ in range(3)] == [600, NOTICES_PER_CALL_MAX - 600, 0]


@pytest.mark.parametrize("sent", [True, False])
async def test_notices_of_a_call_that_ends_badly_are_counted_too(*, sent: bool) -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    record.caller = Identified(request, AGENT)
    if sent:
        await record.intend(admit(record, request))
    record.hear(None)

    await record.close(record.refuse(Fault(Reason.UPSTREAM_TIMEOUT, "no answer", sent=sent)))

    assert stored(log)[-1]["notices"] == 1
