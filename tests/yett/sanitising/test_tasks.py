"""A task leaves under an id of its caller's own, with an outcome that is clean like any answer."""

from typing import Any

import msgspec
import pytest

from tests.seals import SEALER
from tests.yett.sanitising.answers import GITHUB, answered
from yett.catalogue import public_uri
from yett.core.errors import Denied, Fault
from yett.core.proofs import Answered, Cleaned
from yett.core.reasons import Reason
from yett.core.talk import Talk
from yett.core.tasks import EXTENSION, RELATED, TaskAsked, TaskHandle, open_task, seal_task
from yett.sanitising.build import build
from yett.sanitising.config import AnswerRules, Handling

HANDLE = TaskHandle("demo", "echo", "extension", "t-1")
MINE = seal_task(HANDLE, SEALER, "p")
TAKES = Talk(capabilities={"extensions": {EXTENSION: {}}})
TASK: dict[str, Any] = {
    "taskId": "t-1",
    "status": "working",
    "createdAt": "2026-01-01T00:00:00Z",
    "lastUpdatedAt": "2026-01-01T00:00:00Z",
    "ttlMs": None,
}
HELLO: dict[str, Any] = {"content": [{"type": "text", "text": "hello"}]}


def about(
    untrusted: dict[str, Any],
    *,
    method: str = "tools/call",
    task: TaskAsked | None = None,
    talk: Talk | None = None,
    public: bool = False,
    **more: Any,
) -> Answered:
    found = answered(untrusted, method=method, **more)
    permitted = found.armed.admitted.validated.permitted
    call = msgspec.structs.replace(permitted.call, task=task, talk=talk)
    if public:
        call = msgspec.structs.replace(call, server=None)
    validated = msgspec.structs.replace(
        found.armed.admitted.validated, permitted=msgspec.structs.replace(permitted, call=call)
    )
    admitted = msgspec.structs.replace(found.armed.admitted, validated=validated)
    return msgspec.structs.replace(
        found, armed=msgspec.structs.replace(found.armed, admitted=admitted)
    )


def clean(one: Answered, *, secrets: Handling = "redact", problem: str | None = None) -> Cleaned:
    rules = {"demo/echo": AnswerRules(secrets)}
    return build(rules, lambda _target, _value: problem, SEALER, public_uri).clean(one)


def get(untrusted: dict[str, Any], method: str = "tasks/get", **more: Any) -> Answered:
    return about(untrusted, method=method, task=TaskAsked(MINE, handle=HANDLE), **more)


def refused(one: Answered, **more: Any) -> None:
    with pytest.raises(Fault) as caught:
        clean(one, **more)
    assert caught.value.reason is Reason.UPSTREAM_INVALID


def test_a_task_of_the_extension_leaves_sealed_for_its_caller() -> None:
    cleaned = clean(about({"resultType": "task", **TASK}, talk=TAKES))

    assert cleaned.result is not None
    assert open_task(cleaned.result["taskId"], SEALER, "p") == HANDLE
    assert b"t-1" not in cleaned.encoded


def test_a_core_task_leaves_sealed_for_its_caller() -> None:
    cleaned = clean(about({"task": TASK}, task=TaskAsked(ttl=5)))

    assert cleaned.result is not None
    handle = open_task(cleaned.result["task"]["taskId"], SEALER, "p")
    assert handle == msgspec.structs.replace(HANDLE, form="core")


def test_who_wanted_a_task_may_be_answered_at_once() -> None:
    assert clean(about(HELLO, task=TaskAsked())).result == HELLO


@pytest.mark.parametrize("talk", [None, Talk(), Talk(capabilities={"extensions": []})])
def test_who_takes_no_tasks_is_given_none(talk: Talk | None) -> None:
    refused(about({"resultType": "task", **TASK}, talk=talk))


def test_what_is_said_of_a_task_is_said_under_the_callers_id() -> None:
    said = clean(get({**TASK, "status": "completed", "result": HELLO}))

    assert said.result is not None
    assert (said.result["taskId"], said.result["result"]) == (MINE, HELLO)


@pytest.mark.parametrize("method", ["tasks/cancel", "tasks/update"])
def test_an_acknowledgement_may_be_empty(method: str) -> None:
    assert clean(get({}, method)).result == {}


def test_an_outcome_is_a_result_and_names_its_task() -> None:
    said = clean(get({**HELLO, "_meta": {RELATED: {"taskId": "t-1"}, "x": 1}}, "tasks/result"))

    assert said.result is not None
    assert said.result["_meta"] == {RELATED: {"taskId": MINE}, "x": 1}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {**TASK, "taskId": "t-2"},
        {**TASK, "taskId": ""},
        {**TASK, "taskId": 1},
        {**TASK, "status": "done"},
        {**TASK, "statusMessage": 1},
        {**TASK, "ttlMs": "long"},
        {**TASK, "result": [1]},
        {**TASK, "result": {"content": "hello"}},
        {**TASK, "inputRequests": {"q": {"method": "files/read"}}},
    ],
)
def test_what_is_no_task_is_refused(odd: dict[str, Any]) -> None:
    refused(get(odd))


@pytest.mark.parametrize("method", ["tasks/cancel", "tasks/update"])
def test_an_acknowledgement_with_more_to_it_is_refused(method: str) -> None:
    refused(get({"secretly": 1}, method))


def test_a_core_task_with_more_beside_it_is_refused() -> None:
    refused(about({"task": TASK, "content": []}, task=TaskAsked()))


def test_what_a_task_says_is_cleaned() -> None:
    message = {**TASK, "statusMessage": f"with {GITHUB}"}

    assert GITHUB.encode() not in clean(get(message)).encoded
    with pytest.raises(Denied):
        clean(get(message), secrets="block")
    lent = clean(
        get({**TASK, "statusMessage": "0123456789abcdef" * 2}, lent="0123456789abcdef" * 2)
    )
    assert b"0123456789abcdef" not in lent.encoded


def test_an_outcome_that_contradicts_its_schema_is_refused() -> None:
    done = {**TASK, "status": "completed", "result": {**HELLO, "structuredContent": {"n": 1}}}

    assert clean(get(done)).result is not None
    refused(get(done), problem="n is no text")


def test_an_outcome_leads_back_through_the_gate() -> None:
    link = {"type": "resource_link", "uri": "note:///a", "name": "a"}
    done = {**TASK, "status": "completed", "result": {"content": [link]}}
    said = clean(get(done, public=True))

    assert said.result is not None
    assert said.result["result"]["content"][0]["uri"] == public_uri("demo", "note:///a")


def test_what_is_too_large_is_refused() -> None:
    text = {"type": "text", "text": "a" * 2_000_000}
    refused(get({**TASK, "status": "completed", "result": {"content": [text, text, text]}}))
