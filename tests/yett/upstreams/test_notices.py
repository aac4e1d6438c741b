"""What a caller hears of its request, whatever the server says beside the answer."""

from typing import Any

import pytest

from yett.core.bounds import NOTICE_BYTES_MAX, NOTICE_BYTES_PER_CALL_MAX, NOTICES_PER_CALL_MAX
from yett.core.talk import Notice
from yett.upstreams.notices import Notices


def progress(value: object, token: object = 7, **more: object) -> dict[str, Any]:
    params = {"progressToken": token, "progress": value, **more}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def message(level: object) -> dict[str, Any]:
    params = {"level": level, "data": "x"}
    return {"jsonrpc": "2.0", "method": "notifications/message", "params": params}


def heard(
    *messages: dict[str, Any], token: int | None = 7, log_level: str | None = None, size: int = 50
) -> list[Notice]:
    found: list[Notice] = []
    notices = Notices(found.append, token=token, log_level=log_level)
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
