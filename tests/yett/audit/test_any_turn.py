"""Requests that come together and hang up at any turn of the loop, on a disk that fails at any turn, some of them with what
has no words: each leaves one whole record, and none waits for ever."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.yett.audit.scene import admit, auditor_over, call, cleaned, stored
from yett.audit import Auditor
from yett.audit.backends.memory import MemoryLog
from yett.audit.turn import FEW
from yett.audit.verify import verify
from yett.core.call import Reply, Usage
from yett.core.errors import Denied, Fault, Refusal
from yett.core.reasons import Reason
from yett.core.summary import Summary
from yett.core.target import Access

TURNS: Final = 12
_NO_WORDS: Final[Any] = object()


class Case(msgspec.Struct, frozen=True):
    """One request. begins, leaves: in which turn; leaves None: it stays. ends: what becomes of it. unspeakable: what there
    are no words for. upstream_turns: how long its server takes."""

    begins: int
    leaves: int | None
    ends: str
    access: Access
    unspeakable: str
    upstream_turns: int


CASES: Final = st.builds(
    Case,
    begins=st.integers(0, 3),
    leaves=st.none() | st.integers(0, TURNS),
    ends=st.sampled_from(("answered", "answered", "tool_error", "denied", "timeout", "own")),
    access=st.sampled_from(("read", "read", "write")),
    unspeakable=st.sampled_from(("", "", "", "input", "findings")),
    upstream_turns=st.integers(0, 2),
)
FAULTS: Final = st.lists(st.tuples(st.integers(0, TURNS), st.booleans()), max_size=4)
"""In which turn the disk begins to fail (True), or works again."""


class Day:
    def __init__(self) -> None:
        self.log = MemoryLog()
        self.told: list[Summary] = []
        self.auditor: Auditor = auditor_over(self.log, self.told.append)
        self.sent: set[str] = set()
        self.answered: set[str] = set()
        self.replies: dict[str, Reply] = {}

    async def ask(self, id_: str, case: Case) -> None:
        """Go the road as `Pipeline.handle` does."""
        arguments = {"x": _NO_WORDS} if case.unspeakable == "input" else {"x": id_}
        request = call(id_=id_, arguments=arguments)
        record = self.auditor.begin(request)
        try:
            if case.ends == "own":
                reply = record.answer_own({})
            else:
                reply = await self._call(id_, case, record, admit(record, request, case.access))
        except Refusal as refusal:
            reply = record.refuse(refusal)
        except Exception as bug:  # noqa: BLE001 - as there
            reply = record.fail(bug)
        except BaseException:
            record.abandon()
            raise
        self.replies[id_] = await record.close(reply)

    async def _call(self, id_: str, case: Case, record: Any, admitted: Any) -> Reply:
        if case.ends == "denied":
            raise Denied(Reason.NOT_PERMITTED, "no grant")
        await record.intend(admitted)
        self.sent.add(id_)
        for _ in range(case.upstream_turns):
            await asyncio.sleep(0)
        if case.ends == "timeout":
            raise Fault(Reason.UPSTREAM_TIMEOUT, "30 s", sent=True)
        findings = (_NO_WORDS,) if case.unspeakable == "findings" else ()
        result = {"content": [], "isError": case.ends == "tool_error"}
        reply: Reply = record.answer(cleaned(admitted, result=result, findings=findings), Usage())
        return reply

    async def pass_by(self, cases: Sequence[Case], faults: Sequence[tuple[int, bool]]) -> None:
        loop, tasks = asyncio.get_running_loop(), {}
        for turn in range(TURNS + 1):
            for at, fails in faults:
                if at == turn:
                    self.log.trouble = "no space" if fails else None
            for number, case in enumerate(cases):
                if case.begins == turn:
                    tasks[number] = loop.create_task(self.ask(f"r{number}", case))
                if case.leaves == turn and number in tasks:
                    tasks[number].cancel()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await asyncio.wait(tasks.values())
        for task in tasks.values():
            assert task.cancelled() or task.exception() is None


@settings(max_examples=400, deadline=None)
@given(st.lists(CASES, min_size=1, max_size=6), FAULTS, st.sampled_from((0, FEW)))
def test_each_request_leaves_one_whole_record_whoever_leaves_and_whatever_fails(
    cases: list[Case], faults: list[tuple[int, bool]], beside: int
) -> None:
    """beside: so many others are under way all the time."""
    day = Day()
    day.auditor._desk.turn.requests = beside
    asyncio.run(day.pass_by(cases, faults))

    assert verify(day.log.source()).damage is None
    day.log.trouble = None
    lines = stored(day.log)[1:]
    kinds: dict[str, Counter[str]] = {}
    for line in lines:
        kinds.setdefault(line["id"], Counter())[line["kind"]] += 1
    intents = {line["id"]: line["sequence"] for line in lines if line["kind"] == "intent"}
    for line in lines:
        if line["kind"] == "outcome":
            assert line["intent"] == intents[line["id"]]
            assert line["intent"] < line["sequence"]
    for written in kinds.values():
        assert max(written.values()) == 1
        assert len(written) == 1 or set(written) == {"intent", "outcome"}
    assert day.sent <= intents.keys()
    assert {id_ for id_, reply in day.replies.items() if reply.refusal is None} <= whole(kinds)
    if not any(fails for _, fails in faults):
        assert whole(kinds) == begun_of(day, cases)
    assert Counter(one.id for one in day.told) == Counter(begun_of(day, cases))
    assert day.auditor._desk.turn.requests == beside


def whole(kinds: dict[str, Counter[str]]) -> set[str]:
    return {id_ for id_, written in kinds.items() if set(written) != {"intent"}}


def begun_of(day: Day, cases: Sequence[Case]) -> set[str]:
    """All but those that left in the turn in which they came: they were never begun."""
    return {f"r{number}" for number, case in enumerate(cases) if case.leaves != case.begins}


@pytest.mark.parametrize("leaves", range(TURNS))
@pytest.mark.parametrize("access", ["read", "write"])
def test_a_call_among_others_that_hangs_up_at_each_turn(access: Access, leaves: int) -> None:
    """What is drawn above, one turn after the other."""
    stays = Case(0, None, "answered", access, "", 1)
    day = Day()
    asyncio.run(day.pass_by([stays, Case(0, leaves, "answered", access, "", 1), stays], []))

    lines = [line for line in stored(day.log)[1:] if line["id"] != "r1"]
    assert Counter(line["kind"] for line in lines) == {"intent": 2, "outcome": 2}
    assert {line["status"] for line in lines if line["kind"] == "outcome"} == {"ok"}
