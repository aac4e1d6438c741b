"""What a caller hears of its request, whatever the server says beside the answer."""

import contextlib
import time
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.said import Said
from yett.core.bounds import NOTICE_BYTES_MAX, NOTICE_BYTES_PER_CALL_MAX, NOTICES_PER_CALL_MAX
from yett.core.notices import Notice, Several
from yett.upstreams import notices
from yett.upstreams.backends.http.hearing import Hearing
from yett.upstreams.notices import Notices
from yett.upstreams.port import Beside, Wishes
from yett.upstreams.rpc import InvalidAnswer, read_message


def progress(value: object, token: object = 7, **more: object) -> dict[str, Any]:
    params = {"progressToken": token, "progress": value, **more}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def message(level: object) -> dict[str, Any]:
    params = {"level": level, "data": "x"}
    return {"jsonrpc": "2.0", "method": "notifications/message", "params": params}


def heard(
    *messages: dict[str, Any], token: int | None = 7, log_level: str | None = None, size: int = 50
) -> list[Notice]:
    found = Said()
    notices = Notices(found.hear, token=token, log_level=log_level)
    for one in messages:
        notices.take(one, size)
    return found


def test_progress_is_heard_without_the_token_that_is_ours() -> None:
    found = heard(progress(1, total=2, message="half"))

    assert found == [
        Notice("notifications/progress", {"progress": 1, "total": 2, "message": "half"})
    ]


@pytest.mark.parametrize("token", [8, "7", 7.0, True, None, [7]])
def test_progress_of_another_request_is_not_heard(token: object) -> None:
    assert heard(progress(1, token)) == []


@pytest.mark.parametrize("value", ["1", None, True, [1]])
def test_progress_is_a_number(value: object) -> None:
    assert heard(progress(value)) == []


def test_progress_only_goes_forward() -> None:
    found = heard(*(progress(value) for value in (1, 1, 0.5, 2, 1.5, 2.5)))

    assert [notice.params["progress"] for notice in found] == [1, 2, 2.5]


def test_who_asked_for_no_progress_hears_none() -> None:
    assert heard(progress(1), token=None) == []


@pytest.mark.parametrize(
    ("wanted", "said", "is_heard"),
    [
        ("warning", "error", True),
        ("warning", "warning", True),
        ("warning", "info", False),
        ("debug", "debug", True),
        (None, "emergency", False),
        ("debug", "loud", False),
        ("debug", None, False),
        ("debug", ["error"], False),
    ],
)
def test_messages_are_heard_from_the_wanted_level_on(
    *, wanted: str | None, said: object, is_heard: bool
) -> None:
    assert bool(heard(message(said), log_level=wanted)) is is_heard


@pytest.mark.parametrize(
    "odd",
    [
        {"method": "notifications/progress"},
        {"method": "notifications/progress", "params": [1]},
        {"method": "notifications/other", "params": {}},
        {"method": ["notifications/message"], "params": {"level": "error"}},
    ],
)
def test_anything_else_is_passed_over(odd: dict[str, Any]) -> None:
    assert heard(odd, log_level="debug") == []


def test_what_is_too_large_or_too_much_is_passed_over() -> None:
    many = [progress(value) for value in range(NOTICES_PER_CALL_MAX + 50)]

    assert heard(progress(1), size=NOTICE_BYTES_MAX + 1) == []
    assert len(heard(*many)) == NOTICES_PER_CALL_MAX


def test_what_is_said_in_one_call_has_a_bound_of_bytes() -> None:
    many = [progress(value) for value in range(50)]

    assert len(heard(*many, size=NOTICE_BYTES_MAX)) == NOTICE_BYTES_PER_CALL_MAX // NOTICE_BYTES_MAX


# short and full way

TOKEN = 7
ORDERS = (
    b'{"jsonrpc":"2.0","method":"notifications/%b","params":{%b}}',
    b'{"method":"notifications/%b","params":{%b},"jsonrpc":"2.0"}',
    b'{"jsonrpc": "2.0", "method": "notifications/%b", "params": {%b}}',
)
STEPS = st.builds(
    lambda token, step, text: (b"progress", b'"progressToken":%b,"progress":%b%b' % (token, step, text)),
    st.sampled_from([b"7", b"7", b"7", b"8", b'"7"', b"7.0"]),
    st.sampled_from([b"1", b"2", b"2.5", b"3", b"4", b"5", b"6", b"-1", b"true", b'"9"', b"1e1", b'10,"progress":11']),
    st.sampled_from([b"", b"", b',"message":"a"', b',"total":9', b',"message":"}"', b',"_meta":{"a":1}', b',"progressToken":7']),
)  # fmt: skip
SAYINGS = st.builds(
    lambda level, data: (b"message", b'"level":%b,"data":%b' % (level, data)),
    st.sampled_from([b'"info"', b'"error"', b'"loud"', b"1"]),
    st.sampled_from([b'"a"', b'""', b'{"a":1}', b"1"]),
)
OTHERS = st.sampled_from(
    [(b"tools/list_changed", b""), (b"other", b'"a":1'), (b"resources/updated", b'"uri":"x"')]
)
EVENTS = st.lists(
    st.builds(lambda order, said: order % said, st.sampled_from(ORDERS), STEPS | SAYINGS | OTHERS)
    | STEPS.map(lambda said: ORDERS[0] % said),
    max_size=12,
)


class Desk:
    def __init__(self) -> None:
        self.noted: list[str] = []

    def note_change(self) -> None:
        self.noted.append("change")

    def note_update(self, uri: str) -> None:
        self.noted.append(uri)

    async def bring(self, session: object, reply: bytes) -> None:
        raise AssertionError("nothing is asked")


def hearing_of(log_level: str | None, said: Said, desk: Desk) -> Hearing:
    beside = Beside(hear=said.hear, progress=True, wishes=Wishes(b"{}", log_level))
    return Hearing(TOKEN, cast("Any", SimpleNamespace(modern=True)), beside, cast("Any", desk))


@given(
    EVENTS, st.sampled_from([None, "debug", "error"]), st.sampled_from([2, 5, 1000]), st.sampled_from([150, 9999]),
    st.sampled_from([1, 3, 128])
)  # fmt: skip
def test_events_that_come_together_are_heard_as_if_each_came_alone(
    events: list[bytes], log_level: str | None, count_max: int, bytes_max: int, looked_at: int
) -> None:
    together, alone = Said(), Said()
    desk, other_desk = Desk(), Desk()
    at_once, one_by_one = (
        hearing_of(log_level, together, desk),
        hearing_of(log_level, alone, other_desk),
    )
    with (
        patch.object(notices, "NOTICES_PER_CALL_MAX", count_max),
        patch.object(notices, "NOTICE_BYTES_MAX", bytes_max),
        contextlib.suppress(InvalidAnswer),
    ):
        for event in events:
            one_by_one.take(read_message(event), len(event))
    with (
        patch.object(notices, "NOTICES_PER_CALL_MAX", count_max),
        patch.object(notices, "NOTICE_BYTES_MAX", bytes_max),
        patch.object(notices, "_AT_ONCE", looked_at),
        contextlib.suppress(InvalidAnswer),
    ):
        at_once.hear(events)

    assert together == alone
    assert desk.noted == other_desk.noted


def test_what_is_alike_is_passed_on_at_once() -> None:
    found: list[Notice | Several] = []
    heard = Notices(found.append, token=TOKEN, log_level="info")
    steps = [
        ORDERS[1] % (b"progress", b'"progressToken":7,"progress":%d' % step) for step in range(9)
    ]
    sayings = [ORDERS[0] % (b"message", b'"level":"error","data":"x"')] * 3
    events = [*steps, *sayings, b"{}"]

    assert [heard.take_together(events, start) for start in (0, 9, 12, 13)] == [9, 3, 0, 0]
    assert [len(said.members) for said in found if isinstance(said, Several)] == [9, 3]
    assert heard.take_together(steps, 0) == 0  # it has been told


def test_events_that_take_turns_take_no_longer_than_their_number() -> None:
    step = ORDERS[0] % (b"progress", b'"progressToken":7,"progress":%d')
    saying = ORDERS[0] % (b"message", b'"level":"error","data":"x"')
    said = Said()
    began = time.process_time()
    hearing_of("debug", said, Desk()).hear([each for at in range(300) for each in (step % at, saying)])  # fmt: skip

    assert time.process_time() - began < 1.0
    assert len(said) == 600


def test_events_of_many_forms_take_no_longer_than_their_number() -> None:
    """Each that is not taken at once ends the attempts for all that came with it."""
    step = ORDERS[0] % (b"progress", b'"progressToken":7,"progress":1,"message":"}"')
    hearing = hearing_of(None, Said(), Desk())
    began = time.process_time()
    hearing.hear([step] * 4_000)

    assert time.process_time() - began < 1.0
