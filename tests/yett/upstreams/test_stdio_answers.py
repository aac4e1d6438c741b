"""Answers of a process that are read as soon as they come: the same as one line after the other."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.said import Said
from yett.core.document import encode
from yett.core.errors import Fault
from yett.core.notices import Notice, Several
from yett.core.proofs import Credential
from yett.upstreams.backends.stdio import child
from yett.upstreams.backends.stdio.child import Child
from yett.upstreams.backends.stdio.conversation import PENDING_MAX, Conversation, Ended
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.backends.stdio.plain_calls import PlainCall, PlainCalls
from yett.upstreams.port import Beside, Wishes
from yett.upstreams.rpc import InvalidAnswer

IDS = 6
PLAIN = '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}]}}'
FORMS = (
    PLAIN,
    PLAIN,
    '{"result":{"content":[{"type":"text","text":%s}]},"jsonrpc":"2.0","id":%s}',
    '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}],"isError":false}}',
    '{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete","content":[{"type":"text","text":%s}]}}',
    '{"jsonrpc":"2.0","id":%s,"result":{"resultType":"task","content":[{"type":"text","text":%s}]}}',
    '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}],"content":[]}}',
    '{"jsonrpc":"2.0","id":%s,"error":{"code":-1,"message":%s}}',
    '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}]}}\r',
    '{"jsonrpc": "2.0", "id": %s, "result": {"content": [{"type": "text", "text": %s}]}}',
    '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}',
)
TEXTS = ('"a"', '""', '"\\n"', '"\\u0041"', '"\\"}]}"', '"x","text":"y"', '"\\ud800"', "1", '"a"}],"isError":true,"more":[{"a":"b"')  # fmt: skip
OTHER = (
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
    '{"jsonrpc":"2.0","id":9,"method":"ping"}',
    "",
    "garbage",
)


def answer(form: str, name: object, text: str) -> str:
    return form % ((text, name) if form.startswith('{"result"') else (name, text))


SAYING = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%s%s}}'
LOGGED = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"%s","data":%s}}'
LINES = st.lists(
    st.builds(answer, st.sampled_from(FORMS), st.integers(0, IDS), st.sampled_from(TEXTS))
    | st.builds(answer, st.just(PLAIN), st.integers(1, IDS), st.sampled_from(TEXTS[:3]))
    | st.sampled_from(OTHER),
    max_size=9,
)


class Input:
    """Of a process: it takes what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...

    def get_pid(self) -> int:
        return 2**22 + 1  # there is none of this number

    def get_pipe_transport(self, _: int) -> "Input":
        return self


class Scene:
    """A conversation with a process that is not there, of which some things were asked. events: what became of it."""

    def __init__(self, *, modern: bool = False) -> None:
        self.events: list[Any] = []
        self.input = Input()
        words = LastWords()
        self.child = Child(words, asyncio.get_running_loop())
        self.child.connection_made(cast("asyncio.BaseTransport", self.input))
        self.talk = Conversation(
            self.child, words, change=lambda: self.events.append("changed"), ended=self._end
        )
        self.talk.modern = modern
        self.calls = PlainCalls("echo", lambda: self.talk)

    def _end(self, _: Conversation, why: str) -> None:
        self.events.append(why)

    def call(self) -> PlainCall:
        call = self.calls.begin(b"{}", Credential(()), 60.0)
        assert call is not None
        return call

    def receive(self, *lines: str) -> None:
        self.child.pipe_data_received(1, "".join(f"{line}\n" for line in lines).encode())

    async def receive_all(self, lines: list[str], *, at_once: bool) -> None:
        """Return when all of them were taken."""
        for said in [lines] if at_once else [[line] for line in lines]:
            self.receive(*said)
        while self.child._turn is not None:  # the machine is busy, and it is the turn of others
            await asyncio.sleep(0)
        await asyncio.sleep(0)


def outcome(call: PlainCall) -> Any:
    """Return what the caller gets, as far as it is known."""
    if not call.answer.done():
        return "waits"
    error = call.answer.exception()
    if error is not None:
        return type(error), str(error)
    try:
        found = call.read(call.answer.result())
    except InvalidAnswer as invalid:
        return str(invalid)
    return found.result, found.error, found.bytes_received, found.encoded


def told(scene: Scene) -> Any:
    return list(scene.events), b"".join(scene.input.written)


@given(LINES, st.booleans(), st.sampled_from([FORMS[0], FORMS[2], FORMS[3], FORMS[4]]))
def test_lines_that_come_together_are_answers_as_if_each_came_alone(
    lines: list[str], modern: bool, first: str,  # noqa: FBT001 - drawn
) -> None:  # fmt: skip
    async def both() -> None:
        results = []
        for at_once in (True, False):
            scene = Scene(modern=modern)
            if not at_once:  # the full way only
                scene.talk.answers = lambda lines: 0  # type: ignore[method-assign]  # noqa: ARG005
            calls = [scene.call()]
            scene.receive(answer(first, 1, '"x"'))
            calls += [scene.call() for _ in range(IDS - 1)]
            await scene.receive_all(lines, at_once=at_once)
            results.append(([outcome(call) for call in calls], told(scene)))
        assert results[0] == results[1]

    asyncio.run(both())


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("form", FORMS[:4])
async def test_the_second_plain_answer_is_only_compared(
    monkeypatch: pytest.MonkeyPatch, form: str, *, modern: bool
) -> None:
    scene = Scene(modern=modern)
    calls = [scene.call() for _ in range(4)]
    scene.receive(answer(form, 1, '"x"'))
    monkeypatch.setattr(scene.talk, "line", _never)
    scene.receive(answer(form, 2, '"y"'), answer(form, 4, '"z"'))

    texts = [outcome(call)[0]["content"][0]["text"] for call in (calls[0], calls[1], calls[3])]
    assert texts == ["x", "y", "z"]
    assert outcome(calls[2]) == "waits"


def _never(_: bytes) -> bool:
    raise AssertionError("it was read in the long way")


async def test_what_stands_before_an_answer_is_taken_before_it() -> None:
    scene, heard = Scene(), Said()
    scene.call()
    scene.receive(answer(PLAIN, 1, '"x"'))
    asked = asyncio.ensure_future(
        scene.talk.ask("tools/call", {}, 9e9, hearing=Hearing(Beside(progress=True, hear=heard.hear), _ignore))
    )  # fmt: skip
    await asyncio.sleep(0)
    call = scene.call()
    progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":%d}}'
    scene.receive(answer(PLAIN, 3, '"y"'), progress % 1, answer(PLAIN, 2, '"z"'), progress % 2)

    assert [notice.params for notice in heard] == [{"progress": 1}]
    assert (await asked).result == {"content": [{"type": "text", "text": "z"}]}
    assert outcome(call)[0] == {"content": [{"type": "text", "text": "y"}]}


SAYINGS = st.lists(
    st.builds(
        lambda token, step, text: SAYING % (token, step, text),
        st.sampled_from(["1", "1", "1", "2", '"1"', "9"]),
        st.sampled_from(["1", "2", "3", "4", "4.5", "5", "true"]),
        st.sampled_from(["", ',"message":"x"', ',"message":"}"', ',"more":1']),
    )
    | st.sampled_from(
        [
            LOGGED % ("info", '"x"'), LOGGED % ("error", '"y"'), LOGGED % ("loud", '"x"'), LOGGED % ("error", "{}"),
            answer(PLAIN, 1, '"a"'), answer(PLAIN, 2, '"b"'), answer(PLAIN, 3, '"c"'), *OTHER[:4],
        ]
    ),
    max_size=10,
)  # fmt: skip


@given(SAYINGS, st.booleans())
def test_notices_that_come_together_are_heard_as_if_each_came_alone(
    lines: list[str], alone: bool  # noqa: FBT001 - drawn
) -> None:  # fmt: skip
    async def both() -> None:
        results = []
        for at_once in (True, False):
            scene = Scene()
            if not at_once:  # the full way only
                scene.talk.answers = lambda lines: 0  # type: ignore[method-assign]  # noqa: ARG005
                scene.talk.notices = lambda lines, start: 0  # type: ignore[method-assign]  # noqa: ARG005
            said = Said(), Said()
            hearings = [
                Hearing(
                    Beside(progress=True, hear=each.hear, wishes=Wishes(b"{}", "info")), _ignore
                )
                for each in said
            ]
            scene.talk.sole = hearings[0] if alone else None
            asking = [
                asyncio.ensure_future(scene.talk.ask("x", {}, 9e9, hearing=each))
                for each in hearings
            ]
            await asyncio.sleep(0)
            call = scene.call()
            await asyncio.sleep(0)
            await scene.receive_all(lines, at_once=at_once)
            results.append((said, outcome(call), [each.done() for each in asking], told(scene)))
            for each in asking:
                each.cancel()
        assert results[0] == results[1]

    asyncio.run(both())


async def test_what_is_said_alike_about_one_call_is_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene()
    heard: list[Notice | Several] = []
    hearing = Hearing(Beside(progress=True, hear=heard.append), _ignore)
    asked = asyncio.ensure_future(scene.talk.ask("tools/call", {}, 9e9, hearing=hearing))
    await asyncio.sleep(0)
    with monkeypatch.context() as patch:
        patch.setattr(scene.talk, "line", _never)
        scene.receive(*[SAYING % ("1", step, "") for step in range(1, 100)])
    scene.receive(answer(PLAIN, 1, '"x"'))
    await asked

    assert [len(said.members) for said in heard if isinstance(said, Several)] == [99]


def _ignore(_: bytes) -> None: ...


async def test_a_call_that_cannot_be_written_goes_the_long_way_which_says_why() -> None:
    scene = Scene()
    for _ in range(PENDING_MAX):
        scene.call()
    assert scene.calls.begin(b"{}", Credential(()), 60.0) is None
    scene.child.end("it ended", broken=False)
    assert scene.calls.begin(b"{}", Credential(()), 60.0) is None
    assert PlainCalls("echo", lambda: None).begin(b"{}", Credential(()), 60.0) is None


@pytest.mark.parametrize(
    ("trouble", "reason", "is_told"),
    [
        (TimeoutError(), "upstream_timeout", True),
        (Ended("it ended", broken=False), "upstream_unreachable", True),
        (Ended("odd", broken=True), "upstream_invalid", True),
        (InvalidAnswer("odd"), "upstream_invalid", True),
        (asyncio.CancelledError(), None, True),
    ],
)
async def test_who_stops_waiting_says_so_and_learns_why(
    trouble: BaseException, reason: str | None, *, is_told: bool
) -> None:
    scene = Scene()
    call = scene.call()
    error = call.explain(trouble)

    if reason is None:
        assert error is trouble
    else:
        assert isinstance(error, Fault)
        assert (error.reason.value, error.sent) == (reason, True)
    await asyncio.sleep(0)
    assert (b"notifications/cancelled" in scene.input.written[-1]) is is_told
    scene.receive(answer(PLAIN, 1, '"late"'))
    assert not call.answer.done()


async def test_a_call_that_was_answered_is_not_withdrawn() -> None:
    scene = Scene()
    call = scene.call()
    scene.receive(answer(PLAIN, 1, '"x"'))
    call.explain(asyncio.CancelledError())
    await asyncio.sleep(0)

    assert b"".join(scene.input.written).count(b"\n") == 1


async def test_what_is_asked_in_one_turn_of_the_loop_is_written_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene()
    for _ in range(3):
        scene.call()
    assert scene.input.written == []
    await asyncio.sleep(0)
    assert [data.count(b"\n") for data in scene.input.written] == [3]

    monkeypatch.setattr(child, "UNREAD_BYTES_MAX", 200)
    began = [scene.calls.begin(b"{}", Credential(()), 60.0) for _ in range(9)]
    assert began[:2] != [None, None]
    assert began[-1] is None  # it is as much as may wait
    await scene.child.stop()
    assert len(scene.input.written) == 2  # what was said before the end is written


async def test_waiting_has_an_end() -> None:
    scene = Scene()
    call = scene.calls.begin(b"{}", Credential(()), 0.01)
    assert call is not None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(call.answer), 5.0)


async def test_what_is_finished_is_read() -> None:
    scene = Scene(modern=True)
    call = scene.call()
    scene.receive(answer(FORMS[4], 1, '"x"'))
    exchange = await call.finish()

    assert exchange.result == {"content": [{"type": "text", "text": "x"}]}
    assert encode(exchange.result) == exchange.encoded
