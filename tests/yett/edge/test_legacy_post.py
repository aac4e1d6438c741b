"""Calls of older versions that say something before they answer, or ask something."""

import asyncio
from typing import Any, cast

import pytest

from tests.yett.edge.messages import CALL
from tests.yett.edge.scripted import KEY, Server
from tests.yett.edge.sessions import (
    ALL,
    ELICIT,
    FORM,
    PROGRESS,
    Old,
    all_heard,
    asks,
    heard,
    request,
    settled,
)
from yett.core import bounds
from yett.core.call import Call, Reply, RpcError
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.notices import Notice
from yett.core.operations import OPERATIONS
from yett.core.reasons import Reason
from yett.edge.arrival import Arrival
from yett.edge.http.message import Head, Request
from yett.edge.mcp import asking, legacy_post
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.legacy_post import LegacyPost
from yett.edge.mcp.sessions import Sessions

SAMPLE = {
    "method": "sampling/createMessage",
    "params": {
        "messages": [{"role": "user", "content": {"type": "text", "text": "?"}}],
        "maxTokens": 5,
    },
}
ROOTS = {"method": "roots/list"}
HELLO = {"content": [{"type": "text", "text": "hello"}]}


# -- what is told


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
async def test_progress_comes_on_the_calls_own_stream_with_the_agents_token(
    version: str, server: Server
) -> None:
    old = await Old.open(server, version)
    server.gate.notices = [PROGRESS]
    async with old.calling(id_="c", token="t-1") as stream:
        told, answer, *rest = await all_heard(stream)

    message = {} if version == "2024-11-05" else {"message": "half"}
    assert told["params"] == {"progress": 1, "progressToken": "t-1", **message}
    assert answer == {"jsonrpc": "2.0", "id": "c", "result": HELLO}
    assert rest == []
    assert "X-Accel-Buffering: no" in stream.head


async def test_a_call_of_which_nothing_is_told_is_answered_plainly(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    answer = await old.ask("tools/call", CALL | {"_meta": {"progressToken": 7}})

    assert answer.json["result"] == HELLO
    talk = server.gate.calls[-1].talk
    assert talk is not None
    assert talk.progress


async def test_who_takes_no_stream_is_told_and_asked_nothing(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    server.gate.notices = [PROGRESS]
    message = request("tools/call", CALL | {"_meta": {"progressToken": 7}})
    answer = await old.post(message, Accept="application/json")

    assert answer.json["result"] == HELLO
    assert server.gate.calls[-1].talk is None


async def test_a_plain_call_carries_no_talk(server: Server) -> None:
    old = await Old.open(server, capabilities={"experimental": {"x": {}}})
    await old.ask("tools/call", CALL)

    assert server.gate.calls[-1].talk is None


@pytest.mark.parametrize("token", [True, 1.5, {}, "t" * 300])
async def test_a_token_that_is_none_is_refused(token: Any, server: Server) -> None:
    old = await Old.open(server)
    answer = await old.ask("tools/call", CALL | {"_meta": {"progressToken": token}})

    assert answer.json["error"]["code"] == -32602


async def test_log_messages_come_from_the_level_that_the_session_set(server: Server) -> None:
    old, other = await Old.open(server), await Old.open(server)
    server.gate.notices = [
        Notice("notifications/message", {"level": level, "data": level})
        for level in ("info", "error")
    ]
    before = await old.ask("tools/call", CALL)
    unfit = await old.ask("logging/setLevel", {"level": "loud"})
    assert (await old.ask("logging/setLevel", {"level": "warning"})).json["result"] == {}
    async with old.calling() as stream:
        told, answer = await all_heard(stream)
    unchanged = await other.ask("tools/call", CALL)

    assert before.json["result"] == unchanged.json["result"] == answer["result"] == HELLO
    assert unfit.json["error"]["code"] == -32602
    assert told["params"] == {"level": "error", "data": "error"}


# -- what is asked


@pytest.mark.parametrize("known", [False, True])
async def test_each_question_is_a_request_of_ours_and_its_answer_goes_into_the_next_round(
    known: bool,  # noqa: FBT001 - a parameter of the table
    server: Server,
) -> None:
    old = await Old.open(server, capabilities=ALL)
    if known:  # then the header leads straight to the road
        await old.ask("tools/call", CALL)
        server.gate.calls.clear()
    server.gate.script = asks({"who": ELICIT, "what": SAMPLE}, {"where": ROOTS})
    async with old.calling(id_=9) as stream:
        first, second = await heard(stream), await heard(stream)
        taken = await old.answer(second, {"role": "assistant", "content": {}, "model": "m"})
        await old.answer(first, {"action": "accept", "content": {"name": "Ada"}})
        third = await heard(stream)
        await old.answer(third, {"roots": []})
        answer, *rest = await all_heard(stream)

    calls = [call for call in server.gate.calls if call.operation.method == "tools/call"]
    inputs = [call.talk.inputs for call in calls if call.talk is not None]
    assert (taken.status, taken.body) == (202, b"")
    assert first == {"jsonrpc": "2.0", "id": first["id"], "method": "elicitation/create", "params": FORM}  # fmt: skip
    assert third == {"jsonrpc": "2.0", "id": third["id"], "method": "roots/list"}
    assert answer == {"jsonrpc": "2.0", "id": 9, "result": HELLO}
    assert rest == []
    assert inputs == [
        None,
        {"who": {"action": "accept", "content": {"name": "Ada"}}, "what": {"role": "assistant", "content": {}, "model": "m"}},
        {"where": {"roots": []}},
    ]  # fmt: skip
    assert len({call.id for call in calls}) == 3
    assert [call.talk.state for call in calls if call.talk] == ["", "1", "2"]
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert min(len(question["id"]) for question in (first, second, third)) >= 20


async def test_an_error_is_an_answer_too_and_the_round_goes_on_without(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    server.gate.script = asks({"who": ELICIT})
    async with old.calling() as stream:
        question = await heard(stream)
        taken = await old.answer(question, error={"code": -1, "message": "no"})
        await all_heard(stream)

    talk = server.gate.calls[-1].talk
    assert taken.status == 202
    assert talk is not None
    assert (talk.inputs, talk.failed) == ({}, ("who",))


async def test_what_was_not_declared_or_is_not_of_the_version_is_not_asked(server: Server) -> None:
    url = {"method": "elicitation/create", "params": {"mode": "url", "message": "go", "url": "https://a.example", "elicitationId": "1"}}  # fmt: skip
    server.gate.script = asks({"roots": ROOTS, "url": url, "form": ELICIT})
    without_roots = {name: value for name, value in ALL.items() if name != "roots"}
    old = await Old.open(server, "2025-06-18", without_roots)
    async with old.calling() as stream:
        question = await heard(stream)
        await old.answer(question, {"action": "decline"})
        await all_heard(stream)

    talk = server.gate.calls[-1].talk
    assert question["method"] == "elicitation/create"
    assert talk is not None
    assert (talk.inputs, talk.failed) == ({"form": {"action": "decline"}}, ("roots", "url"))
    assert talk.capabilities == {"sampling": {}, "elicitation": {}}


async def test_a_question_that_nobody_answers_is_taken_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS_MAX", 0.1)
    old = await Old.open(server, capabilities=ALL)
    server.gate.script = asks({"who": ELICIT})
    async with old.calling() as stream:
        question, taken_back, answer = await all_heard(stream)
    late = await old.answer(question, {"action": "accept"})

    assert taken_back["method"] == "notifications/cancelled"
    assert taken_back["params"]["requestId"] == question["id"]
    assert answer["result"] == HELLO
    assert late.status == 400
    assert server.gate.refusals[-1].reason is Reason.INVALID_STATE


async def test_a_server_that_asks_for_ever_is_stopped(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    server.gate.script = asks(*[{"who": ELICIT}] * 50)
    async with old.calling() as stream:
        questions = 0
        while "method" in (message := await heard(stream)):
            questions += 1
            await old.answer(message, {"action": "decline"})

    assert questions == legacy_post.ROUNDS_MAX - 1
    assert message["error"]["data"]["reason"] == "upstream_invalid"
    assert server.gate.refusals[-1].reason is Reason.UPSTREAM_INVALID


async def test_more_questions_than_a_key_may_have_fail(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "QUESTIONS_PER_PRINCIPAL_MAX", 2)
    old = await Old.open(server, capabilities=ALL)
    server.gate.script = asks({str(number): ELICIT for number in range(4)})
    async with old.calling() as stream:
        for _ in range(2):
            await old.answer(await heard(stream), {"action": "decline"})
        await all_heard(stream)

    talk = server.gate.calls[-1].talk
    assert talk is not None
    assert talk.failed == ("2", "3")


async def test_an_answer_from_another_session_or_key_finds_no_question(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    own_other = await Old.open(server, capabilities=ALL)
    stranger = await Old.open(server, capabilities=ALL, key=f"{KEY}2")
    thief = Old(server, old.version, old.session, f"{KEY}2", "/mcp")
    server.gate.script = asks({"who": ELICIT})
    async with old.calling() as stream:
        question = await heard(stream)
        wrong = [
            (await agent.answer(question, {"action": "accept", "content": {"name": "Eve"}})).status
            for agent in (own_other, stranger, thief)
        ]
        await old.answer(question, {"action": "decline"})
        await all_heard(stream)

    talk = server.gate.calls[-1].talk
    assert wrong == [400, 400, 404]
    assert talk is not None
    assert talk.inputs == {"who": {"action": "decline"}}


@pytest.mark.parametrize("body", [
    {"jsonrpc": "2.0", "id": "x", "result": {}},
    {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": ""}},
    {"jsonrpc": "2.0", "id": None, "result": {}},
    {"jsonrpc": "2.0", "id": "x", "result": {}, "error": {}},
    {"jsonrpc": "2.0", "id": "x", "result": {}, "method": "ping"},
])  # fmt: skip
async def test_an_answer_to_nothing_is_refused(body: dict[str, Any], server: Server) -> None:
    old = await Old.open(server)
    answer = await old.post(body)

    assert answer.status == 400
    assert server.gate.refusals


async def test_a_key_that_is_revoked_between_two_rounds_is_told_on_the_stream(
    server: Server,
) -> None:
    old = await Old.open(server, capabilities=ALL)
    rounds = asks({"who": ELICIT})

    def revoked(call: Call, principal: Principal) -> Reply | None:
        if call.talk is not None and call.talk.state:
            return Reply(call=call, refusal=Denied(Reason.UNAUTHENTICATED, "scripted"))
        return rounds(call, principal)

    server.gate.script = revoked
    async with old.calling(id_="c") as stream:
        await old.answer(await heard(stream), {"action": "decline"})
        (last,) = await all_heard(stream)

    assert (last["id"], last["error"]["code"]) == ("c", 401)
    assert last["error"]["data"]["reason"] == "unauthenticated"


# -- cancelling


@pytest.mark.parametrize("talks", [False, True])
async def test_an_agent_cancels_its_own_request_by_its_own_id(
    talks: bool,  # noqa: FBT001 - a parameter of the table
    server: Server,
) -> None:
    old = await Old.open(server, capabilities=ALL if talks else None)
    other = await Old.open(server)
    server.gate.hold = asyncio.Event()
    asking = asyncio.ensure_future(old.ask("tools/call", CALL, "c"))
    await settled(lambda: any(c.operation.method == "tools/call" for c in server.gate.calls))
    await other.notify("notifications/cancelled", {"requestId": "c"})
    for wrong in ({"requestId": 1}, {"requestId": "d"}, {"requestId": True}, {}):
        assert (await old.notify("notifications/cancelled", wrong)).status == 202
    assert server.gate.cancelled == 0
    await old.notify("notifications/cancelled", {"requestId": "c", "reason": "enough"})
    answer = await asking

    assert server.gate.cancelled == 1
    assert answer.json["error"]["data"]["reason"] == "cancelled"
    assert (await old.ask("ping")).json["result"] == {}


async def test_a_cancelled_call_that_is_a_stream_ends_without_an_answer(server: Server) -> None:
    old = await Old.open(server)
    server.gate.hold, server.gate.notices = asyncio.Event(), [PROGRESS]
    async with old.calling(id_=3, token=1) as stream:
        told = await heard(stream)
        await old.notify("notifications/cancelled", {"requestId": 3})
        rest = await all_heard(stream)

    assert told["method"] == "notifications/progress"
    assert rest == []
    assert server.gate.cancelled == 1


async def test_hanging_up_before_anything_was_told_cancels(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    server.gate.hold = asyncio.Event()
    _, writer = await server.connect()
    writer.write(server.encode("POST", "/mcp", request("tools/call", CALL), **old.headers))
    await settled(lambda: any(c.operation.method == "tools/call" for c in server.gate.calls))
    writer.close()

    await settled(lambda: server.gate.cancelled == 1)


async def test_the_end_of_a_session_ends_what_goes_on_in_it(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    server.gate.script = asks({"who": ELICIT})
    async with old.calling() as stream:
        await heard(stream)
        ended = await server.request("DELETE", "/mcp", **old.headers)
        rest = await all_heard(stream)

    assert ended.status == 200
    assert rest == []
    assert (await old.ask("ping")).status == 404


async def test_a_long_silence_becomes_a_stream(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_post, "KEEP_ALIVE_SECONDS", 0.05)
    old = await Old.open(server, capabilities=ALL)
    server.gate.hold = asyncio.Event()
    async with old.calling(id_=5, token="t") as stream:
        first = await stream.event()
        server.gate.hold.set()
        (answer,) = await all_heard(stream)

    assert first is not None
    assert (first["data"], first["retry"]) == ("", "1000")
    assert answer == {"jsonrpc": "2.0", "id": 5, "result": HELLO}


@pytest.mark.parametrize("calls", [1, 3])
async def test_no_answer_is_lost_in_the_moment_in_which_the_silence_has_been_long(
    calls: int, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await Old.open(server, "2025-03-26")
    told = CALL | {"_meta": {"progressToken": 1}}
    batch = [request("tools/call", told, number) for number in range(calls)]
    for patience in (0.0, 0.0, 0.0005, 0.001, 0.002, 0.004):
        monkeypatch.setattr(legacy_post, "KEEP_ALIVE_SECONDS", patience)
        body = batch if calls > 1 else batch[0]
        reader, writer = await server.connect()
        writer.write(server.encode("POST", "/mcp", body, Connection="close", **old.headers))
        answer = await asyncio.wait_for(reader.read(), 5.0)
        writer.close()

        assert answer.count(b"hello") == calls, patience


async def test_a_session_that_ends_before_its_call_has_begun_keeps_nobody_waiting() -> None:
    sessions = Sessions()
    session = sessions.open(owner="a", version="2025-11-25", server=None)
    head = Head(b"POST", b"/mcp", b"", {}, set())
    arrival = Arrival("1", Request(head, b"", "127.0.0.1"), 0.0, 0.0, None)
    call = arrival.call(OPERATIONS["tools/call"], protocol="2025-11-25")
    post = LegacyPost([Inbound(call, 1)], session, arrival, cast("Any", None))
    answering = asyncio.ensure_future(post.run(cast("Any", None)))
    await asyncio.sleep(0)
    sessions.end(session.id)
    answer = await asyncio.wait_for(answering, 1.0)

    assert answer is not None
    assert b"cancelled" in answer.body
    assert not session.is_busy


# -- errors


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2024-11-05"])
async def test_a_page_to_visit_is_shown_to_nobody_who_was_not_asked_to(
    version: str, server: Server
) -> None:
    error = RpcError(-32042, "Visit this page first", {"elicitations": []})
    old = await Old.open(server, version)
    server.gate.script = lambda call, principal: Reply(call=call, principal=principal, error=error)
    answer = await old.ask("tools/call", CALL)

    assert answer.json["error"] == {"code": -32603, "message": "Visit this page first"}
