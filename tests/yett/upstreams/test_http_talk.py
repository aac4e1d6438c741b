"""What passes between a caller and an HTTP server besides one request and its answer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.said import Said
from tests.servers.mcp_http import HttpServer, Request, Writer, chunk, head, result_body, whole
from tests.yett.upstreams.scene import NOBODY, call, reach, text_of
from yett.core.bounds import INPUTS_MAX, NOTICES_PER_CALL_MAX
from yett.core.call import RpcError
from yett.core.errors import Fault
from yett.core.notices import Notice
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.http import lanes, watches
from yett.upstreams.inquiries import QUESTIONS_MAX
from yett.upstreams.port import Beside, Era, Exchange, Transport, Wishes
from yett.upstreams.updates import GATHER_SECONDS

STREAM = "text/event-stream"
ASKING = Wishes(b'{"elicitation":{"form":{}}}')
ELICIT = {"method": "elicitation/create", "params": {"message": "Sure?", "requestedSchema": {}}}
ACCEPTED = {"action": "accept", "content": {"sure": True}}


async def talk(
    transport: Transport, beside: Beside, *, deadline: float = 5.0, **arguments: object
) -> Exchange:
    return await transport.request(
        "tools/call",
        {"name": "echo", "arguments": dict(arguments)},
        credential=NOBODY,
        deadline_seconds=deadline,
        beside=beside,
    )


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()


def progress(token: object, value: float) -> bytes:
    params = {"progressToken": token, "progress": value}
    return encoded({"method": "notifications/progress", "params": params})


def message(level: str) -> bytes:
    return encoded({"method": "notifications/message", "params": {"level": level, "data": level}})


def question(identifier: object = "q1", **more: Any) -> bytes:
    return encoded({"id": identifier, **ELICIT, **more})


async def accept(method: str, params: dict[str, Any]) -> Exchange:
    return Exchange(ACCEPTED, None, 0)


async def never(method: str, params: dict[str, Any]) -> Exchange:
    await asyncio.Event().wait()
    raise AssertionError


def only_calls(
    answer: Callable[[Request, Writer], Awaitable[None]],
) -> Callable[[Request, Writer], Awaitable[bool]]:
    async def oddity(request: Request, writer: Writer) -> bool:
        if request.method != "tools/call":
            return False
        await answer(request, writer)
        return True

    return oddity


def methods_of(server: HttpServer) -> list[str]:
    return [request.method for request in server.requests if "method" in request.message]


class Asking:
    """A legacy server that asks in the middle of a call, and answers with what it was told."""

    def __init__(self, *questions: bytes) -> None:
        self.questions = questions
        self.answers: list[dict[str, Any]] = []
        self.told = asyncio.Event()
        self.server = HttpServer("legacy", oddity=self.oddity)

    async def oddity(self, request: Request, writer: Writer) -> bool:
        if "method" not in request.message and request.verb == "POST":
            self.answers.append(request.message)
            self.told.set()
            return False
        if request.method != "tools/call":
            return False
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        for one in self.questions:
            writer.write(chunk(b"data: " + one + b"\n\n"))
        while len(self.answers) < len(self.questions):
            self.told.clear()
            await self.told.wait()
        text = json.dumps(sorted(self.answers, key=lambda answer: str(answer["id"])))
        writer.write(chunk(b"data: " + result_body(request, text) + b"\n\n") + chunk(b""))
        return True


# notices


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_progress_reaches_who_asked_for_it_under_a_token_of_ours(era: str) -> None:
    async def answer(request: Request, writer: Writer) -> None:
        token = request.message["params"]["_meta"]["progressToken"]
        await server.write_stream(
            writer,
            progress(token, 1),
            progress("somebody else's", 2),
            progress(token, 3),
            progress(token, 2),
            result_body(request, "done"),
        )

    found = Said()
    server = HttpServer(era, oddity=only_calls(answer))
    async with server, reach(server) as transport:
        exchange = await talk(transport, Beside(hear=found.hear, progress=True))

    assert text_of(exchange) == "done"
    assert [notice.params for notice in found] == [{"progress": 1}, {"progress": 3}]
    sent = server.requests[-1].message
    assert sent["params"]["_meta"]["progressToken"] == sent["id"]


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_who_asked_for_nothing_hears_nothing(era: str) -> None:
    async def answer(request: Request, writer: Writer) -> None:
        assert "progressToken" not in request.message["params"].get("_meta", {})
        notices = (progress(request.message["id"], 1), message("emergency"))
        await server.write_stream(writer, *notices, result_body(request, "done"))

    found = Said()
    server = HttpServer(era, oddity=only_calls(answer))
    async with server, reach(server) as transport:
        await talk(transport, Beside(hear=found.hear))
        await call(transport)

    assert found == []


async def test_a_modern_server_hears_of_the_wanted_level_with_the_request() -> None:
    async def answer(request: Request, writer: Writer) -> None:
        notices = (message("info"), message("error"))
        await server.write_stream(writer, *notices, result_body(request, "done"))

    found = Said()
    server = HttpServer("modern", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        await talk(transport, Beside(wishes=Wishes(b"{}", "warning"), hear=found.hear))

    meta = server.requests[-1].message["params"]["_meta"]
    assert meta["io.modelcontextprotocol/logLevel"] == "warning"
    assert [notice.params["level"] for notice in found] == ["error"]


async def test_a_legacy_server_hears_of_it_once_in_a_session_of_its_own() -> None:
    wishes = Wishes(b"{}", "warning")
    async with HttpServer("legacy") as server, reach(server) as transport:
        await call(transport)
        for _ in range(3):
            await talk(transport, Beside(wishes=wishes))
        await call(transport)

    assert methods_of(server).count("logging/setLevel") == 1
    sessions = [
        request.headers["mcp-session-id"]
        for request in server.requests
        if request.method in ("tools/call", "logging/setLevel")
    ]
    assert sessions == ["session-1", *["session-2"] * 4, "session-1"]


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_no_caller_hears_what_is_said_to_another(era: str) -> None:
    """A server that says everything to everybody, under all tokens that it knows."""
    tokens: list[int] = []

    async def answer(request: Request, writer: Writer) -> None:
        params = request.message["params"]
        own, text = params["_meta"]["progressToken"], params["arguments"]["message"]
        tokens.append(own)
        await asyncio.sleep(0.02)
        said = [
            encoded(
                {
                    "method": "notifications/progress",
                    "params": {"progressToken": token, "progress": 1, "message": text},
                }
            )
            for token in tokens
        ]
        await server.write_stream(writer, *said, result_body(request, text))

    async def one(number: int) -> tuple[str, list[Notice]]:
        found = Said()
        beside = Beside(
            owner=f"owner{number % 3}",
            wishes=ASKING if number % 2 else Wishes(),
            progress=True,
            hear=found.hear,
        )
        exchange = await talk(transport, beside, message=f"canary-{number}")
        return text_of(exchange), found

    server = HttpServer(era, oddity=only_calls(answer))
    async with server, reach(server) as transport:
        heard = await asyncio.gather(*(one(number) for number in range(60)))

    for number, (text, notices) in enumerate(heard):
        assert text == f"canary-{number}"
        assert [notice.params["message"] for notice in notices] == [f"canary-{number}"]


async def test_a_flood_of_notices_ends_at_the_bound() -> None:
    async def answer(request: Request, writer: Writer) -> None:
        flood = [progress(request.message["id"], value) for value in range(3000)]
        await server.write_stream(writer, *flood, result_body(request, "done"))

    found = Said()
    server = HttpServer("modern", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        exchange = await talk(transport, Beside(hear=found.hear, progress=True))

    assert text_of(exchange) == "done"
    assert len(found) == NOTICES_PER_CALL_MAX


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_where_a_call_comes_from_is_passed_on(era: str) -> None:
    async with HttpServer(era) as server, reach(server) as transport:
        await talk(transport, Beside(trace={"traceparent": "00-12-34-01"}))

    assert server.requests[-1].message["params"]["_meta"]["traceparent"] == "00-12-34-01"


async def test_what_belongs_to_no_call_is_heard_on_its_stream_as_well() -> None:
    """Of resources only those that are watched: a server cannot make others be looked at again."""

    async def answer(request: Request, writer: Writer) -> None:
        changed = encoded({"method": "notifications/tools/list_changed"})
        method = "notifications/resources/updated"
        updated = [
            encoded({"method": method, "params": {"uri": uri}})
            for uri in ("memo://one/part", "memo://two", "")
        ]
        await server.write_stream(writer, changed, *updated, result_body(request, "done"))

    changes: list[int] = []
    uris: list[str] = []
    server = HttpServer("legacy", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        transport.on_changed, transport.on_updated = lambda: changes.append(1), uris.append
        await transport.watch("memo://one", credential=NOBODY, deadline_seconds=2.0)
        for beside in (Beside(progress=True), None):
            await (talk(transport, beside) if beside else call(transport))
            await asyncio.sleep(2 * GATHER_SECONDS)

    assert changes == [1, 1]
    assert uris == ["memo://one", "memo://one"]


@pytest.mark.parametrize("beside", [None, Beside(progress=True)])
async def test_two_answers_are_none(beside: Beside | None) -> None:
    async def answer(request: Request, writer: Writer) -> None:
        body = b"data: " + result_body(request, "x") + b"\n\n"
        writer.write(whole(body + body, 200, STREAM))

    server = HttpServer("modern", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        with pytest.raises(Fault) as caught:
            await (talk(transport, beside) if beside else call(transport))

    assert caught.value.reason is Reason.UPSTREAM_INVALID


# questions of legacy servers


async def test_what_was_offered_may_be_asked_and_the_answer_reaches_the_server() -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        asked.append((method, params))
        return await accept(method, params)

    asking = Asking(question("q1"), question(7))
    async with asking.server as server, reach(server) as transport:
        exchange = await talk(transport, Beside(wishes=ASKING, ask=ask))

    assert asked == [(ELICIT["method"], ELICIT["params"])] * 2
    assert json.loads(text_of(exchange)) == [
        {"jsonrpc": "2.0", "id": 7, "result": ACCEPTED},
        {"jsonrpc": "2.0", "id": "q1", "result": ACCEPTED},
    ]
    opened = [r.message["params"] for r in server.requests if r.method == "initialize"]
    assert [params["capabilities"] for params in opened] == [{}, {"elicitation": {"form": {}}}]
    answers = [r for r in server.requests if "result" in r.message]
    assert {answer.headers["mcp-session-id"] for answer in answers} == {"session-2"}


async def test_an_error_of_the_caller_is_an_error_for_the_server() -> None:
    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        return Exchange(None, RpcError(-1, "The caller did not answer"), 0)

    asking = Asking(question())
    async with asking.server as server, reach(server) as transport:
        exchange = await talk(transport, Beside(wishes=ASKING, ask=ask))

    assert json.loads(text_of(exchange))[0]["error"] == {
        "code": -1,
        "message": "The caller did not answer",
    }


async def test_a_question_that_comes_again_is_asked_once() -> None:
    asked = 0

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.1)
        return Exchange(ACCEPTED, None, 0)

    asking = Asking(question("same"), question("same"), question("other"))
    async with asking.server as server, reach(server) as transport:
        waiting = asyncio.create_task(talk(transport, Beside(wishes=ASKING, ask=ask)))
        while len(asking.answers) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.wait({waiting})

    assert asked == 2
    assert sorted(answer["id"] for answer in asking.answers) == ["other", "same"]


@pytest.mark.parametrize(
    "beside",
    [
        None,
        Beside(progress=True),
        Beside(wishes=Wishes(b'{"sampling":{}}'), ask=accept),
        Beside(wishes=ASKING),
    ],
    ids=["plain", "no wishes", "other wishes", "nobody to ask"],
)
async def test_what_was_not_offered_is_declined(beside: Beside | None) -> None:
    asking = Asking(question())
    async with asking.server as server, reach(server) as transport:
        exchange = await (talk(transport, beside) if beside else call(transport))

    assert json.loads(text_of(exchange))[0]["error"]["code"] == -32601


async def test_a_server_never_asks_more_at_once_than_the_bound() -> None:
    gate = asyncio.Event()
    asked = 0

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        nonlocal asked
        asked += 1
        await gate.wait()
        return Exchange(ACCEPTED, None, 0)

    asking = Asking(*(question(number) for number in range(INPUTS_MAX + 4)))
    async with asking.server as server, reach(server) as transport:
        waiting = asyncio.create_task(talk(transport, Beside(wishes=ASKING, ask=ask)))
        while len(asking.answers) < 4:
            await asyncio.sleep(0.01)
        assert asked == INPUTS_MAX
        gate.set()
        await waiting

    declined = [answer for answer in asking.answers if "error" in answer]
    assert len(declined) == 4


async def test_a_server_never_asks_more_in_all_than_the_bound() -> None:
    asked = 0

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        nonlocal asked
        asked += 1
        return Exchange(ACCEPTED, None, 0)

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        for number in range(3 * QUESTIONS_MAX):
            writer.write(chunk(b"data: " + question(number) + b"\n\n"))
            await asyncio.sleep(0.002)
        writer.write(chunk(b"data: " + result_body(request, "done") + b"\n\n") + chunk(b""))

    server = HttpServer("legacy", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        exchange = await talk(transport, Beside(wishes=ASKING, ask=ask))

    assert text_of(exchange) == "done"
    assert asked == QUESTIONS_MAX


async def test_what_a_server_no_longer_wants_to_know_is_not_asked_any_more() -> None:
    ended = asyncio.Event()

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        try:
            return await never(method, params)
        finally:
            ended.set()

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        withdrawal = {"method": "notifications/cancelled", "params": {"requestId": "q1"}}
        writer.write(chunk(b"data: " + question() + b"\n\n"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(chunk(b"data: " + encoded(withdrawal) + b"\n\n"))
        await asyncio.wait_for(ended.wait(), 2.0)
        writer.write(chunk(b"data: " + result_body(request, "done") + b"\n\n") + chunk(b""))

    server = HttpServer("legacy", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        exchange = await talk(transport, Beside(wishes=ASKING, ask=ask))

    assert text_of(exchange) == "done"


@pytest.mark.parametrize("how", ["time is up", "the caller hangs up", "the server answers"])
async def test_who_is_asked_is_left_alone_when_the_request_is_over(how: str) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        asked.set()
        try:
            return await never(method, params)
        finally:
            ended.set()

    async def answer(request: Request, writer: Writer) -> None:
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
        writer.write(chunk(b"data: " + question() + b"\n\n"))
        await asked.wait()
        if how == "the server answers":
            writer.write(chunk(b"data: " + result_body(request, "done") + b"\n\n") + chunk(b""))

    server = HttpServer("legacy", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        deadline = 0.3 if how == "time is up" else 5.0
        waiting = asyncio.create_task(
            talk(transport, Beside(wishes=ASKING, ask=ask), deadline=deadline)
        )
        await asyncio.wait_for(asked.wait(), 2.0)
        if how == "the caller hangs up":
            waiting.cancel()
        await asyncio.wait({waiting}, timeout=2.0)
        await asyncio.wait_for(ended.wait(), 1.0)
        await asyncio.sleep(0.05)

    cancelled = [r for r in server.requests if r.method == "notifications/cancelled"]
    if how == "the server answers":
        assert text_of(waiting.result()) == "done"
        assert cancelled == []
    else:
        assert {r.headers["mcp-session-id"] for r in cancelled} == {"session-2"}


# questions of modern servers


def input_required(request: Request) -> bytes:
    result = {"resultType": "input_required", "inputRequests": {"a": ELICIT}, "requestState": "s"}
    return encoded({"id": request.message["id"], "result": result})


@pytest.mark.parametrize("stream", [True, False])
async def test_a_modern_server_may_ask_for_more_if_that_was_offered(*, stream: bool) -> None:
    async def answer(request: Request, writer: Writer) -> None:
        if stream:
            await server.write_stream(writer, input_required(request))
        else:
            writer.write(whole(input_required(request)))

    server = HttpServer("modern", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        exchange = await talk(transport, Beside(wishes=ASKING))
        for beside in (Beside(), Beside(wishes=Wishes(b"{}", "info"))):
            with pytest.raises(Fault) as caught:
                await talk(transport, beside)
            assert caught.value.reason is Reason.UPSTREAM_INVALID

    assert exchange.result == {
        "resultType": "input_required",
        "inputRequests": {"a": ELICIT},
        "requestState": "s",
    }
    declared = [
        request.message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"]
        for request in server.requests
        if request.method == "tools/call"
    ]
    assert declared == [{"elicitation": {"form": {}}}, {}, {}]
    assert methods_of(server).count("server/discover") == 1


async def test_a_modern_server_is_never_answered_on_the_stream() -> None:
    async def answer(request: Request, writer: Writer) -> None:
        await server.write_stream(writer, question(), result_body(request, "done"))

    server = HttpServer("modern", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        await talk(transport, Beside(wishes=ASKING, ask=accept))
        await asyncio.sleep(0.05)

    assert all("method" in request.message for request in server.requests)


async def test_who_hangs_up_on_a_modern_server_closes_the_stream() -> None:
    async def answer(request: Request, writer: Writer) -> None:
        writer.write(head(200, STREAM, Transfer_Encoding="chunked"))

    server = HttpServer("modern", oddity=only_calls(answer))
    async with server, reach(server) as transport:
        waiting = asyncio.create_task(talk(transport, Beside(wishes=ASKING)))
        while "tools/call" not in server.methods:
            await asyncio.sleep(0.01)
        before = server.open
        waiting.cancel()
        await asyncio.wait({waiting})
        await asyncio.sleep(0.05)
        after = server.open

    assert (before, after) == (1, 0)
    assert "notifications/cancelled" not in server.methods


# sessions with wishes


async def test_a_caller_has_a_session_for_each_of_its_wishes() -> None:
    wishes = [ASKING, ASKING, Wishes(b'{"roots":{}}'), ASKING]
    async with HttpServer("legacy") as server, reach(server) as transport:
        await asyncio.gather(*(talk(transport, Beside(wishes=one)) for one in wishes))

    offered = [
        json.dumps(request.message["params"]["capabilities"])
        for request in server.requests
        if request.method == "initialize"
    ]
    assert sorted(offered) == sorted(["{}", '{"elicitation": {"form": {}}}', '{"roots": {}}'])


async def test_no_two_callers_share_a_session_that_hears_of_them() -> None:
    async with HttpServer("legacy") as server, reach(server) as transport:
        for owner in ("ann", "bob", "ann"):
            await talk(transport, Beside(owner=owner, wishes=ASKING))

    calls = [request for request in server.requests if request.method == "tools/call"]
    assert [request.headers["mcp-session-id"] for request in calls] == [
        "session-2",
        "session-3",
        "session-2",
    ]


def ended(server: HttpServer) -> list[str]:
    return [r.headers["mcp-session-id"] for r in server.asides if r.verb == "DELETE"]


@pytest.mark.parametrize(
    ("bound", "owners"), [("LANES_MAX", "abcd"), ("LANES_PER_OWNER_MAX", "aaaa")]
)
async def test_sessions_with_wishes_are_few_and_the_oldest_are_ended(
    bound: str, owners: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, bound, 2)
    levels = ["debug", "info", "notice", "warning"]
    async with HttpServer("legacy") as server, reach(server) as transport:
        for owner, level in zip(owners, levels, strict=True):
            await talk(transport, Beside(owner=owner, wishes=Wishes(b"{}", level)))
        await asyncio.sleep(0.05)
        before = ended(server)

    assert before == ["session-2", "session-3"]
    assert len(ended(server)) == 5, "all others end with the transport"


async def test_one_caller_cannot_end_the_sessions_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "LANES_PER_OWNER_MAX", 2)
    async with HttpServer("legacy") as server, reach(server) as transport:
        await talk(transport, Beside(owner="ann", wishes=ASKING))
        for level in ("debug", "info", "notice", "warning"):
            await talk(transport, Beside(owner="bob", wishes=Wishes(b"{}", level)))
        await asyncio.sleep(0.05)

        assert "session-2" not in ended(server)


async def test_a_session_that_is_in_use_is_ended_after_its_last_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "LANES_PER_OWNER_MAX", 1)
    async with HttpServer("legacy") as server, reach(server) as transport:
        slow = asyncio.create_task(
            talk(transport, Beside(wishes=ASKING), odd="wait", seconds=0.2, message="slow")
        )
        await asyncio.sleep(0.05)
        await talk(transport, Beside(wishes=Wishes(b"{}", "info")))
        before = ended(server)
        exchange = await slow
        await asyncio.sleep(0.05)

    assert text_of(exchange) == "slow"
    assert before == []
    assert ended(server)[0] == "session-2"


async def test_idle_sessions_with_wishes_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "IDLE_SECONDS_MAX", 0.05)
    monkeypatch.setattr(lanes, "_SWEEP_SECONDS", 0.02)
    async with HttpServer("legacy") as server, reach(server) as transport:
        await talk(transport, Beside(wishes=ASKING))
        await asyncio.sleep(0.3)
        before = ended(server)
        await talk(transport, Beside(wishes=ASKING))

    assert before == ["session-2"]
    assert server.requests[-1].headers["mcp-session-id"] == "session-3"


async def test_a_forgotten_session_with_wishes_is_opened_again() -> None:
    async with HttpServer("legacy") as server, reach(server) as transport:
        await talk(transport, Beside(wishes=ASKING), message="x")
        server.sessions.discard("session-2")
        exchange = await talk(transport, Beside(wishes=ASKING), message="y")
        server.sessions.clear()
        again = await talk(transport, Beside(wishes=ASKING), message="z")

    assert text_of(exchange) == "y"
    assert text_of(again) == "z"


async def test_a_server_that_has_changed_its_era_is_opened_in_the_other() -> None:
    async with HttpServer("legacy") as server, reach(server) as transport:
        await call(transport, message="x")
        server.era = "modern"
        exchange = await talk(transport, Beside(wishes=ASKING), message="y")

    assert text_of(exchange) == "y"
    assert transport.era is Era.MODERN


async def test_calls_that_wait_for_their_callers_never_stand_in_the_way_of_plain_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = Asking(*(question(number) for number in range(2)))
    async with asking.server as server, reach(server) as transport:
        waiting = [
            asyncio.create_task(talk(transport, Beside(wishes=ASKING, ask=never)))
            for _ in range(140)
        ]
        await asyncio.sleep(0.5)
        read = await transport.request(
            "resources/read", {"uri": "memo://one"}, credential=NOBODY, deadline_seconds=2.0
        )
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    assert read.result is not None


# what comes on the stream of a session with wishes


class Standing:
    """A legacy server that asks and logs on the stream of the session, while a call waits."""

    def __init__(self, *said: bytes) -> None:
        self.said = said
        self.answers: list[dict[str, Any]] = []
        self.answered = asyncio.Event()
        self.ears: dict[str, Writer] = {}
        self.server = HttpServer("legacy", oddity=self.oddity)

    async def oddity(self, request: Request, writer: Writer) -> bool:
        session = request.headers.get("mcp-session-id", "")
        if request.verb == "GET" and session != "session-1":
            await asyncio.sleep(0.05)
            writer.write(head(200, STREAM, Transfer_Encoding="chunked"))
            self.ears[session] = writer
            return True
        if request.verb == "POST" and "method" not in request.message:
            self.answers.append(request.message)
            self.answered.set()
            return False
        if request.method != "tools/call" or session not in self.ears:
            return False
        for one in self.said:
            self.ears[session].write(chunk(b"data: " + one + b"\n\n"))
        await self.answered.wait()
        writer.write(whole(result_body(request, json.dumps(self.answers[-1]))))
        return True


async def test_what_is_asked_on_the_stream_of_the_session_is_asked_of_the_one_call() -> None:
    found = Said()
    standing = Standing(message("error"), question())
    beside = Beside(wishes=Wishes(ASKING.capabilities, "info"), hear=found.hear, ask=accept)
    async with standing.server as server, reach(server) as transport:
        exchange = await talk(transport, beside)

    assert json.loads(text_of(exchange))["result"] == ACCEPTED
    assert [notice.params["level"] for notice in found] == ["error"]
    assert list(standing.ears) == ["session-2"]


async def test_the_stream_of_such_a_session_is_not_opened_again_with_what_was_rotated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches, "PAUSE_SECONDS_MIN", 0.02)
    current = [Credential((("Authorization", Secret("Bearer old")),), ("token",))]

    async def lease() -> Credential:
        return current[0]

    async def ask(transport: Transport) -> Exchange:
        beside = Beside(wishes=Wishes(ASKING.capabilities, "info"), ask=accept)
        return await transport.request(
            "tools/call",
            {"name": "echo", "arguments": {}},
            credential=current[0],
            deadline_seconds=5.0,
            beside=beside,
        )

    standing = Standing(question())
    async with standing.server as server, reach(server, lease) as transport:
        await ask(transport)
        current[0] = Credential((("Authorization", Secret("Bearer new")),), ("token",))
        server.asides.clear()
        server.requests.clear()
        ears = standing.ears["session-2"]
        ears.write(chunk(b'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n'))
        await asyncio.sleep(0.1)
        assert server.requests, "it is answered"
        ears.write(chunk(b""))
        await asyncio.sleep(0.2)
        assert server.asides == [], "nobody needs it before the next call"
        await ask(transport)
        said = {r.headers["authorization"] for r in server.requests + server.asides}

    assert said == {"Bearer new"}


async def test_with_two_calls_under_way_nobody_is_asked() -> None:
    standing = Standing(question())
    asked: list[str] = []

    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        asked.append(method)
        return await accept(method, params)

    beside = Beside(wishes=ASKING, ask=ask)
    async with standing.server as server, reach(server) as transport:
        await talk(transport, Beside(wishes=ASKING, ask=accept))
        standing.answered.clear()
        standing.said = ()
        first = asyncio.create_task(talk(transport, beside))
        await asyncio.sleep(0.05)
        standing.said = (question("q2"),)
        await talk(transport, beside)
        await first

    assert asked == []
    assert standing.answers[-1]["error"]["code"] == -32601


async def test_what_is_asked_between_two_calls_is_declined() -> None:
    standing = Standing(question())
    async with standing.server as server, reach(server) as transport:
        await talk(transport, Beside(wishes=ASKING, ask=accept))
        standing.ears["session-2"].write(chunk(b"data: " + question("late") + b"\n\n"))
        await asyncio.sleep(0.1)

    assert standing.answers[-1]["id"] == "late"
    assert "error" in standing.answers[-1]


async def test_the_stream_of_a_session_is_opened_again_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches, "PAUSE_SECONDS_MIN", 0.02)
    monkeypatch.setattr(lanes, "LANES_PER_OWNER_MAX", 1)
    standing = Standing(question())
    async with standing.server as server, reach(server) as transport:
        await talk(transport, Beside(wishes=ASKING, ask=accept))
        standing.ears.pop("session-2").transport.abort()
        await asyncio.sleep(0.3)
        exchange = await talk(transport, Beside(wishes=ASKING, ask=accept))
        writer = standing.ears["session-2"]
        standing.said = ()
        await talk(transport, Beside(wishes=Wishes(b"{}", "info")), deadline=1.0)
        await asyncio.sleep(0.1)

        assert json.loads(text_of(exchange))["result"] == ACCEPTED
        assert writer.transport.is_closing()
