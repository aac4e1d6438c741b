"""Lines of calls that come together, and of those who hang up meanwhile."""

import asyncio
import gc
import json
import resource
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.yett.audit.scene import admit, auditor_over, call, cleaned, last, open_log, stored
from yett.audit import Auditor
from yett.audit.backends.file import FileLog
from yett.audit.backends.memory import MemoryLog
from yett.audit.port import AuditLog, Unwritable
from yett.audit.record import Record
from yett.audit.turn import FEW, Turn, Words, sequence_of
from yett.audit.verify import verify
from yett.core.call import Reply, Usage
from yett.core.clock import SystemClock
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.summary import Summary


def crowded(log: AuditLog) -> Turn:
    turn = Turn(log, SystemClock())
    turn.requests = FEW + 1
    return turn


def own(number: int) -> Any:
    return lambda _at, _now: f'"kind":"own","id":"r{number}"'


def begun(auditor: Auditor, id_: str = "r-1") -> tuple[Record, Any]:
    """Begin a request beside others."""
    for _ in range(FEW):
        auditor.begin(call(id_="other"))
    request = call(id_=id_)
    record = auditor.begin(request)
    return record, admit(record, request)


async def intended() -> tuple[MemoryLog, list[Summary], Record, Any]:
    """Take a request to where its intent is written; the list is what is told of it."""
    log, told = MemoryLog(), list[Summary]()
    record, admitted = begun(auditor_over(log, told.append))
    await record.intend(admitted)
    return log, told, record, admitted


def kinds(log: MemoryLog) -> list[tuple[object, object]]:
    return [(line["kind"], line.get("id")) for line in stored(log)[1:]]


async def test_lines_of_one_turn_are_written_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryLog()
    turn = crowded(log)
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


async def test_few_requests_wait_for_no_turn() -> None:
    log = MemoryLog()
    auditor = auditor_over(log)
    for _ in range(FEW - 1):
        auditor.begin(call(id_="other"))
    for number in range(2):
        request = call(id_=f"r-{number}")
        record = auditor.begin(request)
        admitted = admit(record, request)
        with pytest.raises(StopIteration):
            record.intend(admitted).send(None)
        with pytest.raises(StopIteration):
            record.close(record.answer(cleaned(admitted), Usage())).send(None)

    assert [kind for kind, _ in kinds(log)] == ["intent", "outcome"] * 2


@pytest.mark.parametrize("trouble", [None, "no space"])
async def test_each_way_to_end_is_counted_once(trouble: str | None) -> None:
    """Or the only request would be taken for one of many, or many for the only one."""
    log = MemoryLog()
    auditor = auditor_over(log)
    turn = auditor._desk.turn
    for id_ in ("hangs-up", "refused", "answered"):
        request = call(id_=id_)
        record = auditor.begin(request)
        admitted = admit(record, request)
        assert turn.requests == 1
        if id_ == "hangs-up":
            record.abandon()
        elif id_ == "refused":
            await record.close(record.refuse(Fault(Reason.UPSTREAM_TIMEOUT, "30 s")))
        else:
            await record.intend(admitted)
            log.trouble = trouble
            await record.close(record.answer(cleaned(admitted), Usage()))
        assert turn.requests == 0


async def test_what_one_line_cannot_say_is_no_trouble_of_the_others() -> None:
    log = MemoryLog()
    turn = crowded(log)

    def fail(_at: float, _now: float) -> str:
        raise ValueError("no words")

    done = await asyncio.gather(
        *(turn.put(words) for words in (own(1), fail, own(3))), return_exceptions=True
    )

    assert [type(one) for one in done] == [int, ValueError, int]
    assert kinds(log) == [("own", "r1"), ("own", "r3")]


async def test_words_that_end_like_an_iterator_hold_nobody_up() -> None:
    """A future takes no `StopIteration`, and who waits behind it would wait for ever."""
    log = MemoryLog()
    turn = crowded(log)

    def fail(_at: float, _now: float) -> str:
        return next(iter(()))

    async with asyncio.timeout(1):
        done = await asyncio.gather(
            *(turn.put(words) for words in (fail, own(2))), return_exceptions=True
        )

    assert [type(one) for one in done] == [RuntimeError, int]
    assert kinds(log) == [("own", "r2")]


async def test_who_has_much_to_say_when_there_is_little_room_is_refused_and_nobody_else(
    tmp_path: Path,
) -> None:
    with open_log(tmp_path) as log:
        turn = crowded(log)

        def much(_at: float, _now: float) -> str:
            return f'"kind":"own","id":"much","input":"{"x" * 100_000}"'

        with files_no_larger_than(log.source().size(log.source().segments()[-1]) + 50_000):
            done = await asyncio.gather(
                *(turn.put(words) for words in (own(1), much, own(3))), return_exceptions=True
            )

        assert [type(one) for one in done] == [int, Unwritable, int]
        assert [line.get("id") for line in stored(log)[-2:]] == ["r1", "r3"]
        assert verify(log.source()).damage is None


NASTY: Final = st.text(
    st.sampled_from('a"\\\n\r\x00\x7f\x85\u2028\u202e\u200b\ufeff\ud800\U0001f600')
    | st.characters(),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(NASTY, min_size=1, max_size=12), min_size=1, max_size=6))
@example([["a" * 3_000] * 5, ["\ud800", "a" * 9_000, "b"], ["c"] * 40])
def test_whatever_is_said_in_one_turn_is_a_line_each_wherever_a_segment_ends(
    turns: list[list[str]],
) -> None:
    """A half of a pair is no text: it has no line, and the others of its turn have theirs."""

    def words(text: str) -> Words:
        # As JSON that is written with white space, as callers may.
        return lambda _at, _now: '"kind":"own",\n"id":' + json.dumps(text, ensure_ascii=False)

    async def say(log: FileLog) -> list[Any]:
        turn = crowded(log)
        return [
            await asyncio.gather(*(turn.put(words(text)) for text in texts), return_exceptions=True)
            for texts in turns
        ]

    with tempfile.TemporaryDirectory() as name, open_log(Path(name), segment_bytes=2_000) as log:
        said = asyncio.run(say(log))
        lines = {line["sequence"]: line for line in stored(log)}
        assert verify(log.source()).damage is None
    for texts, done in zip(turns, said, strict=True):
        for text, sequence in zip(texts, done, strict=True):
            if any("\ud800" <= one <= "\udfff" for one in text):
                assert isinstance(sequence, UnicodeEncodeError)
            else:
                assert lines[sequence]["id"] == text


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """What a disk is that has only so much room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_log_that_refuses_refuses_all_of_them_each_with_an_error_of_its_own() -> None:
    log = MemoryLog()
    turn = crowded(log)
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
    turn = crowded(log)

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
    log, told, record, admitted = await intended()
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


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_who_hangs_up_when_there_are_no_words_for_the_outcome_leaves_a_record_all_the_same(
    turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, told, record, admitted = await intended()
    monkeypatch.setattr("yett.audit.encode.Encoder.answered", no_words)
    leaving = asyncio.create_task(record.close(record.answer(cleaned(admitted), Usage())))
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])

    assert leaving.cancelled() or leaving.exception() is None
    assert [kind for kind, _ in kinds(log)] == ["intent", "outcome"]
    assert (last(log)["reason"], last(log)["status"]) == ("internal_error", "unknown")
    assert [one.reason for one in told] == [Reason.INTERNAL_ERROR]


async def test_an_outcome_that_is_written_is_not_written_again_when_the_disk_makes_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = MemoryLog()
    request = call()
    record = auditor_over(log).begin(request)
    admitted = admit(record, request, "write")
    await record.intend(admitted)

    async def fail() -> None:
        raise RuntimeError("no thread")

    monkeypatch.setattr(log, "sync", fail)
    reply = await record.close(record.answer(cleaned(admitted), Usage()))

    assert reply.result is None
    assert reply.refusal is not None
    assert (reply.refusal.reason, reply.refusal.sent) == (Reason.INTERNAL_ERROR, True)
    assert [kind for kind, _ in kinds(log)] == ["intent", "outcome"]


async def test_who_is_refused_by_the_log_is_not_held_in_memory() -> None:
    """A full disk, and large inputs: what waits for the collector would be gigabytes."""
    log = MemoryLog()
    auditor = auditor_over(log)

    async def refused() -> None:
        record, admitted = begun(auditor)
        try:
            await record.intend(admitted)
        except Fault as refusal:
            await record.close(record.refuse(refusal))

    log.trouble = "no space"
    await refused()
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*(refused() for _ in range(8)))
        await asyncio.sleep(0)
        assert [one for one in gc.get_objects() if isinstance(one, Unwritable)] == []
    finally:
        gc.enable()


def no_words(*_: object) -> str:
    raise ValueError("no words")


async def test_an_outcome_that_has_no_words_is_a_bug_and_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, told, record, admitted = await intended()
    monkeypatch.setattr("yett.audit.encode.Encoder.answered", no_words)
    reply: Reply = await record.close(record.answer(cleaned(admitted), Usage()))

    assert isinstance(reply.refusal, Fault)
    assert (reply.refusal.reason, reply.refusal.sent) == (Reason.INTERNAL_ERROR, True)
    assert reply.result is None
    assert (last(log)["reason"], last(log)["status"]) == ("internal_error", "unknown")
    assert [one.reason for one in told] == [Reason.INTERNAL_ERROR]
