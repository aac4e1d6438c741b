"""The short way and the full way write the same: records, lines, and what is told of them."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.yett.audit.scene import (
    AGENT,
    EMBEDDED_SECRET,
    call,
    cleaned,
    redact,
    redact_text,
    target,
)
from yett.audit import Auditor
from yett.audit.backends.file import FileLog
from yett.audit.backends.memory import MemoryLog
from yett.audit.chain import seal
from yett.audit.private import Digest
from yett.audit.stamp import stamp
from yett.core.call import Reply, Usage
from yett.core.document import encode
from yett.core.errors import Fault
from yett.core.proofs import (
    Admitted,
    Agreement,
    Cleaned,
    Identified,
    Permitted,
    Resolved,
    Validated,
)
from yett.core.reasons import Reason
from yett.core.standing import Standing
from yett.core.summary import Summary
from yett.core.talk import Resumption, Talk
from yett.core.target import JSON, Target

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ARGUMENTS = st.dictionaries(TEXTS, TEXTS | st.just(EMBEDDED_SECRET) | st.integers(), max_size=3)
POLICIES = ("reader:git.*:read",)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One call; as it stands here, a plain one."""

    arguments: dict[str, Any] = msgspec.field(default_factory=lambda: {"path": "/tmp"})
    id_: str = "0192f0a7c1d2"
    peer: str = "127.0.0.1"
    policies: tuple[str, ...] = POLICIES
    cost: int = 0
    currency: str = "USD"
    names: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    result: dict[str, Any] = msgspec.field(default_factory=lambda: {"content": []})
    upstream_seconds: float = 0.002
    agreement: Agreement | None = None
    resumption: Resumption | None = None
    talk: Talk | None = None


CASES = st.builds(
    Case,
    arguments=ARGUMENTS,
    id_=st.sampled_from(("0192f0a7c1d2", 'r"1', "é", "r-1")),
    peer=st.sampled_from(("127.0.0.1", "::1")),
    policies=st.sampled_from((POLICIES, ("other",))),
    cost=st.sampled_from((0, 0, 700)),
    currency=st.sampled_from(("USD", "USD", "EUR")),
    names=st.sampled_from(((), ("github",), ("vault:é\u202e",))),
    findings=st.sampled_from(((), (), ("secret",))),
    result=st.sampled_from(({"content": []}, {"isError": False}, {"isError": True})),
    upstream_seconds=st.floats(min_value=0, max_value=1e4),
    agreement=st.sampled_from((None, None, Agreement("a1", ("ada",)))),
    resumption=st.sampled_from((None, None, Resumption({}, continues="r0"))),
    talk=st.sampled_from((None, None, Talk(trace={"traceparent": "00-abc-def-01"}))),
)


class Gate:
    """An auditor, what it wrote and what it told. is_short: arguments come encoded, as they do; else none of its
    records can be put together the short way."""

    def __init__(self, aim: Target, *, is_short: bool, strict: bool = False) -> None:
        self.clock = HandClock()
        self.log = MemoryLog()
        self.told: list[Summary] = []
        self.aim = aim
        self.is_short = is_short
        self.plain = 0
        self.standing = Standing(AGENT, aim)
        self.auditor = Auditor(
            self.log,
            clock=self.clock,
            redact=redact,
            redact_text=redact_text,
            observers=(self.told.append,),
            node="node-1",
            digest=Digest(b"k" * 32),
            strict=strict,
        )

    def proofs(self, case: Case) -> tuple[Identified, Resolved, Permitted, Admitted, Cleaned]:
        request = msgspec.structs.replace(
            call(id_=case.id_, peer=case.peer, arguments=case.arguments),
            received_at=self.clock.wall(),
            started=self.clock.monotonic(),
            talk=case.talk,
        )
        permitted = Permitted(request, AGENT, self.aim, case.policies, "v7", self.standing)
        encoded = encode(case.arguments) if self.is_short else b""
        validated = Validated(permitted, case.arguments, encoded, case.resumption)
        admitted = Admitted(validated, case.cost, case.currency, case.agreement)
        done = cleaned(admitted, result=case.result, findings=case.findings, secrets=case.names)
        answered = msgspec.structs.replace(done.answered, seconds=case.upstream_seconds)
        return (
            Identified(request, AGENT),
            Resolved(request, AGENT, self.aim),
            permitted,
            admitted,
            msgspec.structs.replace(done, answered=answered),
        )

    async def take(self, case: Case, *, is_refused: bool = False) -> Reply:
        caller, resolved, permitted, admitted, done = self.proofs(case)
        record = self.auditor.begin(caller.call)
        record.caller, record.resolved, record.permitted = caller, resolved, permitted
        await record.intend(admitted)
        self.clock.pass_seconds(0.012_345)
        if is_refused:
            return await record.close(record.refuse(Fault(Reason.UPSTREAM_TIMEOUT, "30 s")))
        reply = await record.close(record.answer(done, Usage(case.cost)))
        self.plain += record.is_plain
        return reply

    def lines(self) -> list[bytes]:
        return [line.data for line in self.log.source().lines("memory")]


@given(st.lists(CASES, min_size=1, max_size=4), st.sampled_from(("read", "write", "strict")))
@example([Case(), Case(names=("github",)), Case(names=("github",))], "read")
@example([Case(), Case(arguments={"a": "\x7f\u202eé"})], "read")
@settings(deadline=None)
def test_two_records_of_a_call_are_the_same_either_way(cases: list[Case], demand: str) -> None:
    aim = target("write" if demand == "write" else "read")
    short, full = (Gate(aim, is_short=which, strict=demand == "strict") for which in (True, False))
    for case in cases:
        replies = [asyncio.run(gate.take(case)) for gate in (short, full)]
        assert replies[0] == replies[1]

    assert short.lines() == full.lines()
    assert short.told == full.told
    assert short.log.figures().syncs == full.log.figures().syncs
    assert full.plain == 0


async def test_nearly_every_call_goes_the_short_way_from_the_second_on() -> None:
    gate = Gate(target(), is_short=True)
    for number in range(5):
        await gate.take(Case(arguments={"number": number}, names=("github",)))

    assert gate.plain == 4


SECRET_INPUT: dict[str, JSON] = {
    "inputSchema": {"properties": {"path": {"type": "string", "writeOnly": True}}}
}


@pytest.mark.parametrize(
    "odd",
    [
        {"arguments": {"path": EMBEDDED_SECRET}},
        {"id_": 'r"1'},
        {"cost": 5},
        {"currency": "EUR"},
        {"agreement": Agreement("a1", ("ada",))},
        {"resumption": Resumption({}, continues="r0")},
        {"talk": Talk()},
        {"findings": ("secret",)},
        {"result": {"isError": True}},
        {"arguments": {"path": "x" * 16_400}},
        {"peer": "::2"},
    ],
)
async def test_what_is_not_plain_goes_the_full_way(odd: dict[str, Any]) -> None:
    gate = Gate(target(), is_short=True)
    for _ in range(2):
        await gate.take(Case())
    before = gate.plain

    await gate.take(Case(**odd))

    assert gate.plain == before


async def test_what_takes_secrets_is_not_plain() -> None:
    gate = Gate(msgspec.structs.replace(target(), definition=SECRET_INPUT), is_short=True)
    for _ in range(3):
        await gate.take(Case())

    assert gate.plain == 0


async def test_other_policies_of_the_same_two_are_named() -> None:
    gate = Gate(target(), is_short=True)
    for policies in (POLICIES, POLICIES, ("other",), POLICIES):
        await gate.take(Case(policies=policies))

    intents = [line for line in gate.lines() if b'"kind":"intent"' in line]
    assert [b'"policies":["other"]' in line for line in intents] == [False, False, True, False]


async def test_a_plain_intent_may_have_any_other_ending() -> None:
    short, full = (Gate(target(), is_short=which) for which in (True, False))
    for gate in (short, full):
        for is_refused in (False, False, True, False):
            await gate.take(Case(), is_refused=is_refused)

    assert short.lines() == full.lines()
    assert short.told == full.told
    assert short.plain == 2


async def test_a_plain_outcome_that_cannot_be_written_is_no_answer() -> None:
    gate = Gate(target(), is_short=True)
    await gate.take(Case())
    caller, resolved, permitted, admitted, done = gate.proofs(Case())
    record = gate.auditor.begin(caller.call)
    record.caller, record.resolved, record.permitted = caller, resolved, permitted
    await record.intend(admitted)
    gate.log.trouble = "no space"

    reply = await record.close(record.answer(done, Usage()))

    assert isinstance(reply.refusal, Fault)
    assert (reply.refusal.reason, reply.refusal.sent) == (Reason.AUDIT_UNAVAILABLE, True)
    assert reply.result is None
    assert [summary.reason for summary in gate.told] == [None, Reason.AUDIT_UNAVAILABLE]


MEMBERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
STEPS = st.sampled_from((0.0, 0.000_001, 0.000_4, 0.009, 0.011, 0.95, 3_600.0, -0.002, -7_200.0))


@given(
    st.lists(st.tuples(STEPS, MEMBERS), min_size=1, max_size=12), st.sampled_from((900, 1 << 20))
)
@example([(0.0, "x"), (0.0, "\x7f"), (0.0, "\n"), (0.0, "é"), (0.0, "\u202e")], 1 << 20)
@settings(deadline=None, max_examples=40)
def test_each_line_is_sealed_as_the_chain_wants_it(
    steps: list[tuple[float, str]], segment_bytes: int
) -> None:
    """Whatever the clock does, whatever a line holds, and wherever a segment ends."""
    clock = HandClock()
    with tempfile.TemporaryDirectory() as folder:
        log = FileLog(Path(folder), clock=clock, node="n", segment_bytes=segment_bytes)
        written: dict[int, tuple[float, str]] = {}
        for step, text in steps:
            clock.pass_seconds(step)
            members = f'"kind":"own","id":"{text}"'
            written[log.append(clock.wall(), members)] = (clock.wall(), members)
        log.close()
        source = log.source()
        lines = [line.data for name in source.segments() for line in source.lines(name)]
        assert all(source.size(name) <= segment_bytes for name in source.segments())

    chain = b""
    for sequence, line in enumerate(lines, 1):
        if sequence in written:
            at, members = written[sequence]
            assert line + b"\n" == seal(sequence, chain, f'"at":"{stamp(at)}",{members}')[0]
        chain = bytes.fromhex(line[-66:-2].decode())
    assert len(written) == len(steps)
