"""What is written is what the reference says, member by member, and nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from tests.yett.audit.scene import (
    AGENT,
    admit,
    auditor_over,
    call,
    cleaned,
    one_call,
    open_log,
    stored,
    target,
)
from yett.audit.schema import KINDS, MEMBERS, json_schema
from yett.core.call import Usage
from yett.core.errors import Denied, Fault
from yett.core.proofs import Agreement, Identified, PermittedList
from yett.core.reasons import Reason
from yett.core.talk import Talk

VALIDATOR = jsonschema_rs.Draft202012Validator(json_schema())


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture(name="lines", scope="module")
def _lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """One line of each kind and form."""
    return asyncio.run(everything(tmp_path_factory.mktemp("schema")))


async def everything(folder: Path) -> list[dict[str, Any]]:
    with open_log(folder) as log:
        auditor = auditor_over(log)
        await one_call(auditor, "plain")
        for refusal in (Denied(Reason.UNKNOWN_TOOL, "none such"), Fault(Reason.INTERNAL_ERROR, "")):
            record = auditor.begin(call(arguments={"x": "y" * 2_000}))
            await record.close(record.refuse(refusal))
        request = call(id_="known")
        record = auditor.begin(request)
        admitted = admit(record, request)
        await record.close(record.refuse(Denied(Reason.RATE_LIMITED, "again")))
        record = auditor.begin(request)
        admitted = admit(record, request)
        agreed = msgspec.structs.replace(
            admitted, agreement=Agreement("a1", ("ada", "bob"), break_glass=True)
        )
        await record.intend(agreed)
        record.hear(None)
        await record.close(record.refuse(Fault(Reason.UPSTREAM_TIMEOUT, "late", sent=True)))
        record = auditor.begin(request)
        record.caller = Identified(request, AGENT)
        shown = PermittedList(request, AGENT, (target(),), "v7")
        await record.close(record.answer_list(shown, {"tools": []}))
        record = auditor.begin(request)
        await record.close(record.answer_own({}))
        auditor.event({"event": "key.created", "actor": "cli:root", "name": "k"})
        record = auditor.begin(request)
        admitted = admit(record, request)
        await record.intend(admitted)
        await record.close(
            record.answer(cleaned(admitted, findings=("a",), secrets=("s",)), Usage())
        )
        traced = msgspec.structs.replace(request, talk=Talk(trace={"traceparent": PARENT}))
        record = auditor.begin(traced)
        await record.intend(admit(record, traced))
        record = auditor.begin(traced)
        await record.close(record.refuse(Denied(Reason.UNKNOWN_TOOL, "none such")))
        return stored(log)


def test_every_line_is_as_the_schema_says(lines: list[dict[str, Any]]) -> None:
    assert {line["kind"] for line in lines} == set(KINDS)
    for line in lines:
        VALIDATOR.validate(line)


def test_a_call_and_a_refusal_name_the_trace_that_they_belong_to(
    lines: list[dict[str, Any]],
) -> None:
    traced = [line for line in lines if "trace" in line]

    assert [line["kind"] for line in traced] == ["intent", "refusal"]
    assert {line["trace"] for line in traced} == {TRACE}


def test_a_line_with_one_member_more_or_one_that_it_must_have_less_is_found(
    lines: list[dict[str, Any]],
) -> None:
    for line in lines:
        assert not VALIDATOR.is_valid(line | {"another": 1})
        for name, member in MEMBERS.items():
            if line["kind"] in member.always:
                assert not VALIDATOR.is_valid({k: v for k, v in line.items() if k != name}), name


def named() -> Iterator[str]:
    for name, member in MEMBERS.items():
        yield from (f"{name}: {kind}" for kind in member.always if kind not in member.of)


def test_what_a_kind_must_have_it_can_have() -> None:
    assert list(named()) == []
