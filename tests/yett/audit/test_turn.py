"""Lines of calls that come together, and of those who hang up meanwhile."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.yett.audit.scene import admit, auditor_over, call, cleaned, last, stored
from yett.audit import Auditor
from yett.audit.backends.memory import MemoryLog
from yett.audit.port import Unwritable
from yett.audit.record import Record
from yett.audit.turn import Turn, sequence_of
from yett.audit.verify import verify
from yett.core.call import Reply, Usage
from yett.core.clock import SystemClock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.summary import Summary


def own(number: int) -> Any:
    return lambda _at, _now: f'"kind":"own","id":"r{number}"'


def begun(auditor: Auditor, id_: str = "r-1") -> tuple[Record, Any]:
    request = call(id_=id_)
    record = auditor.begin(request)
    return record, admit(record, request)


def kinds(log: MemoryLog) -> list[tuple[object, object]]:
    return [(line["kind"], line.get("id")) for line in stored(log)[1:]]


async def test_lines_of_one_turn_are_written_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    turn = Turn(log, SystemClock())
    portions: list[int] = []
    extend = log.extend

    def counted(at: float, lines: Sequence[str]) -> int:
        portions.append(len(lines))
        return extend(at, lines)

    monkeypatch.setattr(log, "extend", counted)

    first = await asyncio.gather(*(turn.put(own(number)) for number in range(5)))
    second = await turn.put(own(5))

    assert [*first, second] == [2, 3, 4, 5, 6, 7]
    assert portions == [5, 1]
    assert verify(log.source()).damage is None


async def test_what_one_line_cannot_say_is_no_trouble_of_the_others() -> None:
    log = MemoryLog()
    turn = Turn(log, SystemClock())

    def fail(_at: float, _now: float) -> str:
        raise ValueError("no words")

    done = await asyncio.gather(
        *(turn.put(words) for words in (own(1), fail, own(3))), return_exceptions=True
    )

    assert [type(one) for one in done] == [int, ValueError, int]
    assert kinds(log) == [("own", "r1"), ("own", "r3")]


async def test_a_log_that_refuses_refuses_all_of_them_each_with_an_error_of_its_own() -> None:
    log = MemoryLog()
    turn = Turn(log, SystemClock())
    lines = [turn.put(own(number)) for number in range(3)]
    log.trouble = "no space"

    done = await asyncio.gather(*lines, return_exceptions=True)

    assert [str(one) for one in done] == ["no space"] * 3
    assert all(isinstance(one, Unwritable) for one in done)
    assert len({id(one) for one in done}) == 3
    assert [sequence_of(line) for line in lines] == [0, 0, 0]
    log.trouble = None
    assert await turn.put(own(4)) == 2


def test_what_a_loop_left_behind_that_ended_does_not_hold_the_next() -> None:
    log = MemoryLog()
    turn = Turn(log, SystemClock())

    async def put_and_leave() -> None:
        turn.put(own(1))

    async def put_and_wait() -> int:
        return await turn.put(own(2))

    asyncio.run(put_and_leave())

    assert asyncio.run(put_and_wait()) == len(stored(log))
    assert last(log)["id"] == "r2"


async def test_who_hangs_up_before_the_turn_has_no_intent() -> None:
    log = MemoryLog()
    auditor = auditor_over(log)
    (gone, admitted), (stays, others) = begun(auditor, "gone"), begun(auditor, "stays")
    leaving = asyncio.create_task(gone.intend(admitted))
    staying = asyncio.create_task(stays.intend(others))
    asyncio.get_running_loop().call_soon(leaving.cancel)  # before what is put now is written
    with pytest.raises(asyncio.CancelledError):
        await leaving
    gone.abandon()
    await staying

    assert sorted(kinds(log)) == [("intent", "stays"), ("refusal", "gone")]
    assert [line["reason"] for line in stored(log) if line.get("id") == "gone"] == ["cancelled"]


async def test_who_hangs_up_in_the_turn_in_which_the_intent_was_written_has_an_outcome() -> None:
    log = MemoryLog()
    record, admitted = begun(auditor_over(log))
    leaving = asyncio.create_task(record.intend(admitted))
    await asyncio.sleep(0)
    # After the line was put, and so after it is written, and before the task goes on.
    asyncio.get_running_loop().call_soon(leaving.cancel)
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert kinds(log) == [("intent", "r-1")]

    record.abandon()

    assert kinds(log) == [("intent", "r-1"), ("outcome", "r-1")]
    assert (last(log)["intent"], last(log)["status"]) == (2, "refused")


@pytest.mark.parametrize("turns", [1, 2])
async def test_who_hangs_up_at_the_end_leaves_the_whole_record_and_is_counted(turns: int) -> None:
    log = MemoryLog()
    told: list[Summary] = []
    record, admitted = begun(auditor_over(log, told.append))
    await record.intend(admitted)
    reply = record.answer(cleaned(admitted), Usage())
    leaving = asyncio.create_task(record.close(reply))
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await asyncio.sleep(0)

    assert [kind for kind, _ in kinds(log)] == ["intent", "outcome"]
    assert [one.decision for one in told] == ["allowed"]
    assert all(one.ended_at for one in told)


async def test_an_outcome_that_has_no_words_is_a_bug_and_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = MemoryLog()
    told: list[Summary] = []
    record, admitted = begun(auditor_over(log, told.append))
    await record.intend(admitted)

    def fail(*_: object) -> str:
        raise ValueError("no words")

    monkeypatch.setattr("yett.audit.encode.Encoder.answered", fail)
    reply: Reply = await record.close(record.answer(cleaned(admitted), Usage()))

    assert isinstance(reply.refusal, Fault)
    assert (reply.refusal.reason, reply.refusal.sent) == (Reason.INTERNAL_ERROR, True)
    assert reply.result is None
    assert (last(log)["reason"], last(log)["status"]) == ("internal_error", "unknown")
    assert [one.reason for one in told] == [Reason.INTERNAL_ERROR]
