"""A plain call of a session is read in one look. The long way, which all else takes, says the same of it."""

from typing import Any

import pytest

from yett.core.secret import Secret
from yett.edge.arrival import Arrival
from yett.edge.http.message import Head, Request
from yett.edge.mcp import inbound
from yett.edge.mcp.envelope import interpret_body
from yett.edge.mcp.sessions import Session, Sessions

PLAIN: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"a": 1}},
}


def arrived(session: Session) -> Arrival:
    headers = {
        b"mcp-session-id": session.id.encode(),
        b"mcp-protocol-version": session.version.encode(),
    }
    head = Head(b"POST", b"/mcp", b"", headers, set(), credential=Secret(b"k"))
    return Arrival("r1", Request(head, b"", "::1"), 1.0, 2.0, None)


def opened(**capabilities: Any) -> tuple[Sessions, Session]:
    sessions = Sessions()
    session = sessions.open(
        owner="p", version="2025-06-18", server=None, capabilities=capabilities or None
    )
    return sessions, session


def test_both_ways_read_the_same() -> None:
    sessions, session = opened()
    arrival = arrived(session)

    quick = inbound._read_plain_call(arrival, None, PLAIN, sessions)

    assert quick == inbound._inbound(arrival, None, interpret_body(PLAIN), session.version, session)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "7"},
        {"id": True},
        {"jsonrpc": "1.0"},
        {"method": "tools/list"},
        {"params": []},
        {"params": {"name": "echo", "arguments": {}, "_meta": {}}},
        {"params": {"name": "echo", "argument": {}}},
        {"params": {"name": "", "arguments": {}}},
        {"params": {"name": 1, "arguments": {}}},
        {"params": {"name": "echo", "arguments": None}},
        {"extra": 1},
    ],
)
def test_what_is_not_plain_takes_the_long_way(change: dict[str, Any]) -> None:
    sessions, session = opened()

    assert inbound._read_plain_call(arrived(session), None, PLAIN | change, sessions) is None


def test_another_scope_and_a_caller_that_may_be_asked_take_it_too() -> None:
    sessions, session = opened()
    assert inbound._read_plain_call(arrived(session), "git", PLAIN, sessions) is None

    sessions, session = opened(sampling={})
    assert inbound._read_plain_call(arrived(session), None, PLAIN, sessions) is None
